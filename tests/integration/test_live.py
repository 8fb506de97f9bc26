# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live check with emulators as the service: an ordinary one, and others that differ or fail."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from emulator import Account, Emulator, Fault, RateLimit
from emulator.refusal import Refusal
from emulator.reply import Reply, json_reply
from emulator.routing import Call, Json
from emulator.server import Incoming
from harness import account_of, assert_no_secret, wrap_endpoint
from live import __main__ as program

TESTS = Path(__file__).resolve().parents[1]
SPARE = "spare.example"
ENTRY = json.loads((TESTS / "unit/emulator/samples/v3-log-entry-2023plus-types.json").read_text())
OTHERS = {
    "email": "owner.of.it@mail.example",
    "domains": [
        {
            "domain": "kept.example",
            "aliases": {"*": "a@mail.example"},
            "logs": [{**ENTRY, "id": f"log{number}", "created": 1000 - number} for number in range(7)],
        },
        {"domain": "ruled.example", "routing_engine": "rules"},
    ],
}

Usual = Callable[[Account, Call], Json]
Check = Callable[..., tuple[int, str]]


def environment(emulator: Emulator, version: str = "v3", key: str | None = None) -> dict[str, str]:
    return {
        "IMPROVMX_API_KEY": emulator.api_key if key is None else key,
        "IMPROVMX_API_URL": emulator.url,
        "IMPROVMX_API_VERSION": version,
    }


def start(emulator: Emulator, *arguments: str) -> subprocess.Popen[str]:
    """Start a live check in a separate process, with its own emulator to compare with."""
    return subprocess.Popen(
        [sys.executable, "-m", "live", "--yes", *arguments],
        cwd=TESTS,  # python -m puts it first in the path
        env={**os.environ, **environment(emulator), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], emulator: Emulator) -> tuple[int, str]:
    output, reported = process.communicate(timeout=120)
    assert_discreet(output + reported, emulator)
    return process.returncode, output + reported


def assert_discreet(output: str, emulator: Emulator) -> None:
    assert "Traceback" not in output
    assert_no_secret(output, emulator.api_key)
    assert emulator.account.email not in output


@pytest.fixture
def check(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Check:
    """Run a live check in this process; return its exit code and output. It must not change the account."""

    def run(*arguments: str, **settings: str) -> tuple[int, str]:
        before = emulator.dump()
        for name, value in environment(emulator, **settings).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["live", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        monkeypatch.setattr(signal, "signal", lambda number, handler: None)
        monkeypatch.setattr(program, "REPORT", tmp_path / "live.md")
        with pytest.raises(SystemExit) as ended:
            program.main()
        output = "".join(capsys.readouterr())
        assert_discreet(output, emulator)
        assert emulator.dump() == before
        return int(str(ended.value.code)), output

    return run


def headings(report: str) -> list[str]:
    return [line.removeprefix("### ") for line in report.splitlines() if line.startswith("### ")]


@pytest.fixture(autouse=True)
def _others(emulator: Emulator) -> None:
    """An account with private content."""
    emulator.seed(OTHERS)


ALL = ("--many", "--limit", "--logs-of", "kept.example", "--rules-of", "ruled.example")


@pytest.mark.parametrize("arguments", [("v2",), ("v3", *ALL)])
def test_nothing_differs_in_the_emulator(
    arguments: tuple[str, ...], emulator: Emulator, check: Check
) -> None:
    version, *options = arguments
    if options:
        emulator.keep_time_by(lambda: 1e9)  # a window never ends, even on slow machines
        emulator.rate_limit = RateLimit(300)
    code, report = check("--yes", *options, SPARE, version=version)
    assert code == 0, report
    assert "Modules: all is well" in report
    assert "differs from the emulator: none" in report
    assert "differs from the emulator's: none" in report
    assert "could not be tried" not in report
    rows = [line.split(" | ") for line in report.splitlines() if line.startswith("| ") and ": " in line]
    assert len(rows) > 60
    assert [row for row in rows if row[1] != row[2].removesuffix(" |")] == []


def test_version_4_is_probed_on_request_and_recognized_by_its_form(
    emulator: Emulator, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator has no version 4; it returns replies that could contain private data."""
    secret = "sk-5e0b81c7-token-of-somebody"
    usual = emulator._respond

    def respond(incoming: Incoming) -> Reply:
        if not incoming.path.startswith("/v4/"):
            return usual(incoming)
        asked.append(f"{incoming.method} {incoming.path}")
        thing = {"id": 4711, "name": secret, "created_at": "2026-08-12T00:00:00Z", "ok": True, "none": None}
        return json_reply(200, {"domains": [thing] * 3, "next_cursor": secret, "domain": SPARE})

    asked: list[str] = []
    monkeypatch.setattr(emulator._server, "_respond", respond)
    code, report = check("--yes", "--v4", SPARE)
    assert code == 0, report
    assert len(asked) == 22
    assert asked[0] == "GET /v4/account"
    assert asked[-1] == f"DELETE /v4/domains/{SPARE}"
    assert asked.index(f"POST /v4/domains/{SPARE}/verify") > 10
    assert secret not in report
    assert "4711" not in report
    reported = '{"id": "(number)", "name": "(text)", "created_at": "(time)", "ok": true, "none": null}'
    assert f'{{"domains": [{reported}, {reported}], "next_cursor": "(text)", "domain": "{SPARE}"}}' in report


def test_a_missing_version_4_is_reported(emulator: Emulator, check: Check) -> None:
    code, report = check("--yes", "--v4", SPARE)
    assert code == 0, report
    assert "1. `GET /v4/account`: 404" in report


def sorts_destinations(usual: Usual, account: Account, call: Call) -> Json:
    forward = ",".join(sorted(call.body["forward"].split(",")))
    return usual(account, replace(call, body={**call.body, "forward": forward}))


def lowers_names(usual: Usual, account: Account, call: Call) -> Json:
    return usual(account, replace(call, body={**call.body, "alias": call.body["alias"].lower()}))


def keeps_what_is_null(usual: Usual, account: Account, call: Call) -> Json:
    body = {name: value for name, value in call.body.items() if value is not None}
    return usual(account, replace(call, body=body))


def names_what_failed(usual: Usual, account: Account, call: Call) -> Json:
    reply = usual(account, call)
    return {**reply, "failed": [item["alias"] for item in reply["failed"]]}


def knows_it_already(usual: Usual, account: Account, call: Call) -> Json:
    try:
        return usual(account, call)
    except Refusal as refusal:
        raise Refusal(409, refusal.body) from None


def hides_the_display(usual: Usual, account: Account, call: Call) -> Json:
    domain = {**usual(account, call)["domain"], "color": "red", "added": "2026-11-22T00:00:00Z"}
    del domain["display"]
    return {"domain": domain, "success": True}


def test_each_difference_is_reported(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for template, wrap in {
        "PUT /domains/{domain}/aliases/{alias}": sorts_destinations,
        "POST /domains/{domain}/aliases": lowers_names,
        "PUT /domains/{domain}": keeps_what_is_null,
        "POST /domains/{domain}/aliases/batch": names_what_failed,
        "POST /domains": knows_it_already,
        "GET /domains/{domain}": hides_the_display,
    }.items():
        wrap_endpoint(monkeypatch, template, wrap)
    code, report = finish(start(emulator, SPARE), emulator)
    assert code == 0, report
    assert "Modules: all is well" in report  # they compare the meaning of values
    assert headings(report) == [
        "A new domain",
        "The stored form of destinations",
        "Names of aliases",
        "Names that are patterns",
        "Batches of aliases",
        "The notification address of a domain",
        "The webhook of a domain",
    ]
    for line in (
        "- adding it a second time\n  - emulator: `400`\n  - service: `409`",
        'service: `[200, "a@example.net,b@example.net"]`',
        '- name as it is read\n  - emulator: `["Mixed.Case"]`\n  - service: `["mixed.case"]`',
        '- clearing by null\n  - emulator: `[200, "cleared"]`\n  - service: `[200, "kept"]`',
        "tests/emulator/validation.py, checked_forward",
        "- GET /v3/domains/{}: domain.display: missing",
        "- GET /v3/domains/{}: domain.color: new, text",
        "- GET /v3/domains/{}: domain.added: text instead of number",
    ):
        assert line in report, line


def test_a_smaller_plan_is_not_reported_as_a_failure(emulator: Emulator, check: Check) -> None:
    refusal = {"times": None, "status": 403, "body": {"error": "Upgrade.", "code": 403, "success": False}}
    emulator.faults.add(
        Fault("body", method="PUT", path="/domains/[^/]+$", **refusal),
        Fault("body", method="POST", path="/credentials$", **refusal),
    )
    code, report = check("--yes", SPARE)
    assert code == 0, report
    assert "- SMTP users: an SMTP user was refused with 403: Upgrade." in report
    assert "set the webhook, requests: 2: refused, which is no fault of the module" in report
    assert "clear the webhook" not in report


@pytest.mark.parametrize("name", [SPARE, f"mail.{SPARE}"])
@pytest.mark.parametrize("aliases", [{}, {"*": "a@mail.example"}])
def test_an_existing_domain_is_left_unchanged(
    name: str, aliases: dict[str, str], emulator: Emulator, check: Check
) -> None:
    emulator.seed(account_of({name: aliases}))
    code, output = check("--yes", "Spare.Example.")
    assert code == 2
    assert "is in the account already" in output
    assert emulator.writes == []


def test_a_domain_of_another_account_is_not_reported_as_a_failure(emulator: Emulator, check: Check) -> None:
    emulator.seed({"other_domains": [SPARE]})
    code, report = check("--yes", SPARE)
    assert code == 2, report
    assert "add a domain, requests: 3: refused, which is no fault of the module" in report
    assert (
        "A new domain: the domain was refused with 400: domain: This domain is already registered." in report
    )


@pytest.mark.parametrize(
    ("arguments", "settings", "reported"),
    [
        ((SPARE,), {}, "set YES=1"),
        (("--yes", SPARE), {"key": ""}, "IMPROVMX_API_KEY"),
        (("--yes", SPARE), {"key": "a-key-of-nobody"}, "Check the API key."),
        (("--yes", SPARE), {"version": "v4"}, "IMPROVMX_API_VERSION is v4"),
        (("--yes", "spare"), {}, "is not a domain"),
        (("--yes", ""), {}, "is not a domain"),
    ],
)
def test_nothing_is_written_before_all_preconditions_hold(
    arguments: tuple[str, ...], settings: dict[str, str], reported: str, emulator: Emulator, check: Check
) -> None:
    code, output = check(*arguments, **settings)
    assert code == 2
    assert reported in output
    assert emulator.writes == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", method="PUT", path="aliases", times=None),
        Fault("status_after", method="POST", path="/domains$", times=None),
        Fault("reset_after", method="DELETE", path="aliases", times=2),
        Fault("body", method="GET", path="aliases", times=None, body=["odd"]),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_failure_leaves_nothing_behind(fault: Fault, emulator: Emulator, check: Check) -> None:
    emulator.faults.add(fault)
    code, report = check("--yes", SPARE)
    assert ("rounds went wrong" in report) == (code == 1)
    assert code in (0, 1), report


def test_leftovers_are_reported(emulator: Emulator) -> None:
    emulator.faults.add(Fault("status", method="DELETE", path="/domains/[^/]+$", times=None, status=403))
    code, report = finish(start(emulator, SPARE), emulator)
    assert code == 1
    assert f"{SPARE}: delete it by hand" in report


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(number: int, emulator: Emulator) -> None:
    before = emulator.dump()
    emulator.latency = 0.1
    process = start(emulator, SPARE)
    while len(emulator.writes) < 3 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    code, output = finish(process, emulator)
    assert code == 130, output
    assert emulator.ledger
    assert emulator.dump() == before
