# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter of DNS records in playbooks, and the playbooks of its guide."""

from __future__ import annotations

import json
import os
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbooks import Play, Project

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "docsite" / "rst" / "dns.rst"
DEBUG = "ansible.builtin.debug"

# Replacements for the modules in the guide that receive records: with the used options, as documented by
# their collections. Each returns its arguments.
RECORD_TYPES = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"]
STAND_INS: dict[str, dict[str, Any]] = {
    "community.dns.hetzner_dns_record_set_info": {
        "argument_spec": {
            "zone_name": {"type": "str", "aliases": ["zone"], "required": True},
            "record": {"type": "str"},
            "prefix": {"type": "str"},
            "type": {"type": "str", "choices": RECORD_TYPES},
        },
        "required_one_of": [["record", "prefix"]],
        "mutually_exclusive": [["record", "prefix"]],
    },
    "hetzner.hcloud.zone_rrset": {
        "argument_spec": {
            "zone": {"type": "str", "required": True},
            "name": {"type": "str"},
            "type": {"type": "str", "choices": RECORD_TYPES},
            "ttl": {"type": "int"},
            "records": {
                "type": "list",
                "elements": "dict",
                "options": {"value": {"type": "str"}, "comment": {"type": "str"}},
            },
        },
    },
    "community.dns.hetzner_dns_record_sets": {
        "argument_spec": {
            "zone_name": {"type": "str", "aliases": ["zone"], "required": True},
            "prune": {"type": "bool", "default": False},
            "record_sets": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "aliases": ["records"],
                "options": {
                    "record": {"type": "str"},
                    "prefix": {"type": "str"},
                    "ttl": {"type": "int", "default": 86400},
                    "type": {"type": "str", "choices": RECORD_TYPES, "required": True},
                    "value": {"type": "list", "elements": "str"},
                    "ignore": {"type": "bool", "default": False},
                },
                "required_if": [["ignore", False, ["value"]]],
                "required_one_of": [["record", "prefix"]],
                "mutually_exclusive": [["record", "prefix"]],
            },
        },
    },
    "community.general.cloudflare_dns": {
        "argument_spec": {
            "zone": {"type": "str", "aliases": ["domain"], "required": True},
            "record": {"type": "str", "aliases": ["name"], "default": "@"},
            "type": {"type": "str", "choices": RECORD_TYPES},
            "value": {"type": "str", "aliases": ["content"]},
            "priority": {"type": "int", "default": 1},
            "ttl": {"type": "int", "default": 1},
            "solo": {"type": "bool"},
            "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
        },
        "required_if": [["state", "present", ["record", "type", "value"]], ["state", "absent", ["record"]]],
    },
}
STAND_IN = """
import json
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(supports_check_mode=True, **json.loads({spec!r}))
present = json.loads({present!r})
given = {{name: value for name, value in module.params.items() if value is not None}}
module.exit_json(given=given, set=present.get(module.params.get("record"), {{}}))
"""

MX = ["10 mx1.improvmx.com.", "20 mx2.improvmx.com."]
OURS = "include:spf.improvmx.com"


def local_play(*tasks: dict[str, Any], **keywords: Any) -> list[dict[str, Any]]:
    named = [{"name": f"Task {number}", **task} for number, task in enumerate(tasks)]
    return [{"name": "Local", "hosts": "localhost", "gather_facts": False, "tasks": named, **keywords}]


def results_of(project: Project, action: str) -> list[dict[str, Any]]:
    """The results of one module, with one per item of a loop."""
    lines = map(json.loads, (project.folder / "record.jsonl").read_text(encoding="utf-8").splitlines())
    results = [line["result"] for line in lines if line["action"] == action]
    return [one for result in results for one in result.get("results", [result])]


def shown(project: Project, *expressions: str, **variables: Any) -> list[Any]:
    """The results of expressions in a playbook."""
    project.write("show.yml", local_play(*({DEBUG: {"msg": text}} for text in expressions), vars=variables))
    play = project.play("show.yml")
    assert play.code == 0, play.output
    return [result["msg"] for result in results_of(project, DEBUG)]


def test_the_filter_works_in_playbooks(project: Project) -> None:
    project.emulator.seed({"domains": [{"domain": "bücher.example"}, {"domain": "shop.example"}]})
    call = "improvmx.email.dns_records"
    one, positional, many, again, same = shown(
        project,
        f"{{{{ domain | {call}(smtp='yes', ttl=300) }}}}",
        f"{{{{ {{'domain': domain}} | {call}(spf, true, 300, true) }}}}",
        f"{{{{ names | map('{call}', spf=spf) | flatten(levels=1) | map(attribute='fqdn') | unique }}}}",
        f"{{{{ domain | {call}(spf, record_sets=true) | to_nice_yaml | from_yaml }}}}",
        f"{{{{ domain | {call}(spf, record_sets=true) }}}}",
        domain="Bücher.example",
        names=["bücher.example", "shop.example"],
        spf='"v=spf1 " "mx -all"',
    )
    assert [record["type"] for record in one] == ["MX", "MX", "TXT", "CNAME", "CNAME", "TXT"]
    assert {record["ttl"] for record in one} == {300}
    assert {record["priority"] for record in one} == {10, 20, None}
    assert [found["values"] for found in positional[:2]] == [MX, [f"v=spf1 mx {OURS} -all"]]
    assert len(positional) == 5
    assert many == ["xn--bcher-kva.example", "shop.example"]
    assert again == same
    assert project.emulator.requests == []


def test_unusable_input_of_the_filter_is_an_error_without_a_traceback(project: Project) -> None:
    text = "{{ 'localhost' | improvmx.email.dns_records(spf='mx -all', ttl='1h') }}"
    project.write("show.yml", local_play({DEBUG: {"msg": text}}))
    play = project.play("show.yml")
    assert play.code != 0
    for problem in ('domain: "localhost" can\'t be used', "spf: it is not an SPF record", "ttl: it must be"):
        assert problem in play.output


# --- The guide ------------------------------------------------------------------------------------


def guide() -> list[Any]:
    """The YAML blocks of the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. code-block:: yaml\+jinja\n\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    return [yaml.safe_load(textwrap.dedent(block)) for block in blocks]


def play_of(module: str) -> list[dict[str, Any]]:
    """The playbook in the guide that uses a module."""
    (found,) = [plays for plays in guide() if "hosts" in plays[0] and module in str(plays)]
    return list(found)


def place_stand_ins(project: Project, present: dict[str, Any]) -> None:
    for name, constraints in STAND_INS.items():
        namespace, collection, module = name.split(".")
        file = (
            project.folder / "ansible_collections" / namespace / collection / f"plugins/modules/{module}.py"
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(STAND_IN.format(spec=json.dumps(constraints), present=json.dumps(present)))
    paths = [str(project.folder), os.environ["ANSIBLE_COLLECTIONS_PATH"]]
    project.environment["ANSIBLE_COLLECTIONS_PATH"] = os.pathsep.join(paths)


def run_guide(project: Project, module: str, present: dict[str, Any], **variables: Any) -> Play:
    place_stand_ins(project, present)
    project.write("guide.yml", play_of(module))
    return project.play("guide.yml", "-e", json.dumps(variables))


def test_the_guide_shows_the_output_of_the_filter(project: Project) -> None:
    # A task that shows a variable registered in its block can't be tested alone.
    tasks = [
        task
        for block in guide()
        for task in block
        if DEBUG in task and not any("register" in t for t in block)
    ]
    records, spf, without_dmarc = shown(project, *(task[DEBUG]["msg"] for task in tasks))
    table = GUIDE.read_text(encoding="utf-8")
    for record in records:
        cells = (record["type"], f"``{record['name']}``", f"``{record['value']}``", record["priority"] or "")
        row = "   * - {}\n     - {}\n     - {}\n     - {}".format(*cells).rstrip()
        assert row in table
    assert f"       # {spf}\n" in table
    assert without_dmarc == records[:-1]


def test_the_guides_playbook_of_record_sets_matches_the_options_of_community_dns(
    project: Project,
) -> None:
    domains = {"bücher.example": False, "shop.example": False, "done.example": True}
    project.emulator.seed({"domains": [{"domain": d, "active": active} for d, active in domains.items()]})
    verification = "google-site-verification=v=spf1 is not meant"
    present = {"shop.example": {"value": [verification, "v=spf1 mx -all"]}}
    play = run_guide(project, "community.dns.hetzner_dns_record_sets", present)
    assert play.code == 0, play.output
    first, second = (r["given"] for r in results_of(project, "community.dns.hetzner_dns_record_sets"))
    assert second == {
        "zone_name": "xn--bcher-kva.example",
        "prune": False,
        "record_sets": [
            record_set("xn--bcher-kva.example", "MX", MX),
            record_set("xn--bcher-kva.example", "TXT", [f"v=spf1 {OURS} ~all"]),
        ],
    }
    assert first["record_sets"] == [
        record_set("shop.example", "MX", MX),
        record_set("shop.example", "TXT", [f"v=spf1 mx {OURS} -all", verification]),
    ]
    assert play.requests == 1


def test_the_guides_playbook_of_quoted_strings_matches_the_options_of_hcloud(
    project: Project,
) -> None:
    module = "hetzner.hcloud.zone_rrset"
    play = run_guide(project, module, {}, spf="v=spf1 mx -all", others=['"kept"'])
    assert play.code == 0, play.output
    mx, txt = (result["given"] for result in results_of(project, module))
    assert [record["value"] for record in mx["records"]] == MX
    assert [record["value"] for record in txt["records"]] == [f'"v=spf1 mx {OURS} -all"', '"kept"']
    assert (txt["zone"], txt["name"], txt["type"], txt["ttl"]) == ("example.com", "@", "TXT", 3600)


def record_set(record: str, kind: str, value: list[str]) -> dict[str, Any]:
    return {
        "record": record,
        "prefix": None,
        "type": kind,
        "ttl": 3600,
        "value": value,
        "ignore": False,
    }


def test_the_guides_playbook_of_record_sets_refuses_two_spf_records(project: Project) -> None:
    project.emulator.seed({"domains": [{"domain": "shop.example"}]})
    present = {"shop.example": {"value": ["v=spf1 mx -all", "V=spf1 a -all"]}}
    play = run_guide(project, "community.dns.hetzner_dns_record_sets", present)
    assert play.code != 0
    assert "several SPF records" in play.output


@pytest.mark.parametrize(
    ("spf", "replaced", "new"),
    [
        (None, True, f"v=spf1 include:_spf.mail.example {OURS} -all"),
        ("", False, f"v=spf1 {OURS} ~all"),
        (f"v=spf1 {OURS} -all", False, f"v=spf1 {OURS} -all"),
    ],
)
def test_the_guides_playbook_of_single_records_matches_the_options_of_cloudflare_dns(
    project: Project, spf: str | None, replaced: bool, new: str
) -> None:
    variables = {} if spf is None else {"spf": spf}
    play = run_guide(project, "community.general.cloudflare_dns", {}, **variables)
    assert play.code == 0, play.output
    results = results_of(project, "community.general.cloudflare_dns")
    given = [result["given"] for result in results if "given" in result]
    gone = [one for one in given if one["state"] == "absent"]
    old = play_of("community.general.cloudflare_dns")[0]["vars"]["spf"]
    assert [(one["record"], one["type"], one["value"]) for one in gone] == [
        ("example.com", "TXT", old)
    ] * replaced
    existing = [one for one in given if one["state"] == "present"]
    assert [(one["record"], one["type"], one["priority"], one["value"]) for one in existing] == [
        ("example.com", "MX", 10, "mx1.improvmx.com."),
        ("example.com", "MX", 20, "mx2.improvmx.com."),
        ("example.com", "TXT", 1, new),
        ("dkimprovmx1._domainkey.example.com", "CNAME", 1, "dkimprovmx1.improvmx.com."),
        ("dkimprovmx2._domainkey.example.com", "CNAME", 1, "dkimprovmx2.improvmx.com."),
        ("_dmarc.example.com", "TXT", 1, "v=DMARC1; p=none;"),
    ]
    assert {(one["zone"], one["ttl"]) for one in existing} == {("example.com", 3600)}
    assert given.index(existing[0]) == len(gone)
