# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that reports on an account, run like a user would."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from emulator import Emulator, Fault, RateLimit
from emulator.dns import EXPECTED_MX
from playbooks import Play, Project

REPORT = "improvmx.email.report"
ROOT = Path(__file__).resolve().parents[2]
OWNER = "owner@mail.example"
EVIL = "{{ lookup('ansible.builtin.pipe', 'touch hacked') }}"


def mail(
    number: int, *statuses: str, forward: str | None = "ann@mail.example", **fields: Any
) -> dict[str, Any]:
    came = int(time.time() * 1000) - 3_600_000 * (number + 1)
    return {
        "id": f"id{number}",
        "created": came,
        "sender": {"email": f"{EVIL}@else.example", "name": EVIL},
        "recipient": {"email": "info@shop.example", "name": None},
        "forward": {"email": forward, "name": None} if forward else None,
        "subject": EVIL,
        "events": [
            {"created": came + index, "status": status, "code": 550, "message": f"no {EVIL}"}
            for index, status in enumerate(statuses)
        ],
        **fields,
    }


SHOP = {
    "domain": "shop.example",
    "active": True,
    "aliases": {"info": "ann@mail.example", "{{old}}": "x@mail.example"},
    "logs": [mail(0, "DELIVERED"), mail(1, "HARD-BOUNCE", forward=f"{EVIL}@mail.example")],
}
QUIET = {"domain": "quiet.example", "active": False, "dns": {"mx": EXPECTED_MX}}
# The list, the limits, a page and the end of the log of one domain, and the empty log of the other.
REQUESTS = 1 + 1 + 2 + 1


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> Project:
    emulator.seed({"email": OWNER, "domains": [SHOP, QUIET]})
    return Project(tmp_path, emulator)


def assert_not_hacked(project: Project) -> None:
    assert list(project.folder.rglob("hacked")) == []


def play(project: Project, *arguments: str, playbook: str = REPORT, **options: Any) -> Play:
    done = project.play(playbook, *arguments, **options)
    assert_not_hacked(project)
    return done


def test_one_command_writes_a_page_and_reports_the_findings(project: Project) -> None:
    check = play(project, check=True)
    assert check.code == 0, check.output
    file = project.folder / "improvmx_report.html"
    assert not file.exists()
    assert "Would write improvmx_report.html" in check.output
    real = play(project)
    assert real.code == 0, real.output
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert EVIL.replace("'", "&#x27;") in file.read_text(encoding="utf-8")
    assert "The report is in improvmx_report.html" in real.output
    assert "2 mails since" in real.output
    again = play(project)
    assert [run.result["changed"] for run in (check, real, again)] == [True, True, False]
    assert check.result["changes"] == real.result["changes"]
    assert [run.requests for run in (check, real, again)] == [REQUESTS] * 3
    assert project.emulator.ledger == []


@pytest.mark.parametrize("form", ["json", "csv"])
def test_the_report_is_written_as_data(project: Project, form: str) -> None:
    done = play(project, "-e", f"improvmx_report_path=new/r.{form}", verbose=False)
    assert done.code == 0, done.output
    text = (project.folder / f"new/r.{form}").read_text(encoding="utf-8")
    if form == "json":
        assert json.loads(text) == done.result["report"]
    else:
        assert len(text.splitlines()) == 1 + 2


@pytest.mark.parametrize(
    ("kinds", "fails"),
    [
        (["undelivered"], True),
        (["inactive", "limits"], True),
        (["limits"], False),
        (["dns"], False),
        ([], False),
    ],
)
def test_the_playbook_fails_after_the_report_is_written(
    project: Project, kinds: list[str], fails: bool
) -> None:
    done = play(project, "-e", json.dumps({"improvmx_report_fail_on": kinds}), verbose=False)
    assert bool(done.code) is fails, done.output
    assert (project.folder / "improvmx_report.html").exists()
    if fails:
        assert {"undelivered": "was not delivered", "inactive": "quiet.example is inactive"}[kinds[0]] in (
            done.output
        )


def test_dns_is_checked_only_on_request_and_activates_domains(project: Project) -> None:
    arguments = ("-e", '{"improvmx_report_check_dns": true, "improvmx_report_domains": ["quiet.example"]}')
    assert play(project, *arguments, check=True).code == 0
    assert project.emulator.account.domains["quiet.example"].active is False
    done = play(project, *arguments)
    assert done.code == 0, done.output
    assert project.emulator.account.domains["quiet.example"].active is True
    assert [change["kind"] for change in done.result["changes"]] == ["domain", "file"]


def test_failure_of_one_domain_is_in_the_report(project: Project) -> None:
    project.emulator.faults.add(Fault("body", path="/shop.example/logs", body=7))
    done = play(project, "-e", '{"improvmx_report_fail_on": ["undelivered"]}', verbose=False)
    assert done.code != 0
    assert "Not all of shop.example could be read" in done.output
    assert "Not all of shop.example" in (project.folder / "improvmx_report.html").read_text(encoding="utf-8")


def test_role_keeps_the_report_for_a_rescue_on_every_host(project: Project) -> None:
    """It runs once, on this machine, regardless of the connections of the hosts."""
    hosts = {"web1.corp.example": None, "web2.corp.example": None}
    project.write("hosts.yml", {"all": {"hosts": hosts, "vars": {"ansible_become": True}}})
    report = {"name": "Report", "ansible.builtin.import_role": {"name": REPORT}}
    show = {
        "name": "Show",
        "ansible.builtin.debug": {"msg": "{{ inventory_hostname }}: {{ improvmx_report.findings[0].kind }}"},
    }
    variables = {"improvmx_report_fail_on": ["undelivered"], "improvmx_report_path": "{{ 'r' }}.json"}
    tasks = [{"name": "Try", "block": [report], "rescue": [show]}]
    play_ = {"name": "P", "hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}
    project.write("play.yml", [play_])
    done = play(project, "-i", "hosts.yml", playbook="play.yml")
    assert done.code == 0, done.output
    for host in hosts:
        assert f"{host}: inactive" in done.output
    assert done.requests == REQUESTS
    assert (project.folder / "r.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('{"improvmx_report_fail_on": ["mail"]}', "improvmx_report_fail_on"),
        ('{"improvmx_report_since": "7x"}', "nor an age such as 24h"),
        ('{"improvmx_report_path": "."}', "is a folder; name a file in it"),
        ('{"improvmx_report_since": "{{ nothing }}"}', "'nothing' is undefined"),
        ('{"improvmx_api_key": "{{ nothing }}"}', "'nothing' is undefined"),
        ('{"improvmx_report_domains": ["bad domain"]}', "can't be used"),
    ],
)
def test_wrong_variables_are_refused_before_any_request(project: Project, arguments: str, said: str) -> None:
    done = play(project, "-e", arguments)
    assert done.code != 0
    assert said in done.output
    assert done.requests == 0
    assert list(project.folder.glob("*.html")) == []


def test_long_run_shows_its_progress(project: Project) -> None:
    project.emulator.seed({"domains": [{"domain": f"d{number}.example"} for number in range(6)]})
    project.emulator.rate_limit = RateLimit(4, window=3.0)
    done = play(project, verbose=False)
    assert done.code == 0, done.output
    assert "  improvmx report: " in done.errors
    assert "of 6 domains done, waiting" in done.errors


# --- The examples ---------------------------------------------------------------------------------


@pytest.fixture
def copied(project: Project) -> Project:
    shutil.copytree(ROOT / "examples", project.folder, dirs_exist_ok=True)
    return project


class Chat(BaseHTTPRequestHandler):
    posts: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posts.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture
def chat() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Chat) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook-secret"
        server.shutdown()
        thread.join()


def test_example_posts_the_summary_to_a_chat_even_if_it_fails(copied: Project, chat: str) -> None:
    done = play(copied, "-e", f"chat_webhook={chat}", playbook="report_chat.yml")
    assert done.code != 0
    assert "was not delivered" in done.output
    (post,) = Chat.posts
    assert post["text"].startswith("2 mails since")
    assert EVIL in post["text"]
    assert "hook-secret" not in done.output.replace(f"chat_webhook={chat}", "")


MAIL = """
import json
from ansible.module_utils.basic import AnsibleModule

options = {name: {"type": "raw"} for name in ("host", "port", "from", "to", "subject", "body", "attach")}
module = AnsibleModule(argument_spec=options)
with open(module.params["attach"][0]) as page, open("%s", "w") as sent:
    json.dump({**module.params, "page": page.read()}, sent)
module.exit_json(changed=True)
"""


@pytest.mark.parametrize("fine", [False, True])
def test_example_mails_the_page_if_there_are_findings(
    copied: Project, monkeypatch: pytest.MonkeyPatch, fine: bool
) -> None:
    folder = copied.folder / "others/ansible_collections/community/general/plugins/modules"
    folder.mkdir(parents=True)
    (folder / "mail.py").write_text(MAIL % (copied.folder / "sent.json"), encoding="utf-8")
    paths = [str(copied.folder / "others"), str(Path(ROOT, "build/tree"))]
    copied.environment["ANSIBLE_COLLECTIONS_PATH"] = ":".join(paths)
    if fine:
        copied.emulator.seed({"domains": [{**SHOP, "logs": [mail(0, "DELIVERED")]}]})
    done = play(copied, playbook="report_mail.yml", verbose=False)
    assert done.code == 0, done.output
    sent = copied.folder / "sent.json"
    assert sent.exists() is not fine
    if not fine:
        mailed = json.loads(sent.read_text(encoding="utf-8"))
        assert mailed["subject"] == "ImprovMX: quiet.example is inactive, so its mail is not forwarded"
        assert mailed["page"].startswith("<!DOCTYPE html>")
        assert not Path(mailed["attach"][0]).exists()


def test_argument_specs_and_module_agree() -> None:
    specs = yaml.safe_load((ROOT / "roles/report/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    module = yaml.safe_load((ROOT / "roles/report/tasks/main.yml").read_text(encoding="utf-8"))[0][
        "improvmx.email.improvmx_report"
    ]
    named = {"alert_on": "fail_on"}
    own = {
        f"improvmx_report_{named.get(name, name)}" for name in ("since", "domains", "check_dns", "alert_on")
    }
    connection = {
        "api_key",
        "api_url",
        "api_version",
        "validate_certs",
        "ca_path",
        "timeout",
        "retry_timeout",
    }
    assert set(options) == own | {"improvmx_report_path"} | {f"improvmx_{name}" for name in connection}
    assert set(module) == {"path", "since", "domains", "check_dns", "alert_on"} | connection
