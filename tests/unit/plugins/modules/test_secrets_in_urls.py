# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token in a URL is not displayed, but complete in results that are valid input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._model.urls import shorten_url
from emulator import Fault
from harness import Modules

TOKEN = "tok-9fQ2kQ7zw41xVb+8/é"
PASSWORD = "pw-Zr4mWq90Lk2"
OLD = f"https://hooks.example/in?token={TOKEN}"
NEW = f"https://ann:{PASSWORD}@hooks.example/in?token={TOKEN}-2&plain=1"
SECRETS = (TOKEN, PASSWORD)
INPUT = ("domain", "domains", "alias", "rule", "checks")  # results that are valid input
DOMAIN = "example.com"
RULE = {"type": "alias", "alias": "info"}
SEED = {
    "domains": [
        {"domain": DOMAIN, "webhook": OLD, "aliases": {"info": OLD}},
        {
            "domain": "routed.example",
            "routing_engine": "rules",
            "rules": [{"type": "alias", "config": {"alias": "info", "forward": OLD}}],
        },
    ]
}
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "alias": ("improvmx_alias", {"domain": DOMAIN, "alias": "info", "forward": NEW}),
    "alias that goes": ("improvmx_alias", {"domain": DOMAIN, "alias": "info", "state": "absent"}),
    "domain": ("improvmx_domain", {"domain": DOMAIN, "webhook": NEW}),
    "domain that goes": ("improvmx_domain", {"domain": DOMAIN, "state": "absent"}),
    "domains": (
        "improvmx_domains",
        {"domains": [{"domain": DOMAIN, "aliases": [{"alias": "info", "forward": [NEW, "a@x.example"]}]}]},
    ),
    "rule": ("improvmx_rule", {"domain": "routed.example", **RULE, "forward": NEW}),
}


def read_by_people(result: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in result.items() if key not in INPUT}, ensure_ascii=False)


def assert_no_secret_is_read(result: dict[str, Any]) -> None:
    for secret in SECRETS:
        assert secret not in read_by_people(result)


@pytest.mark.parametrize(("name", "options"), TASKS.values(), ids=TASKS)
def test_changes_and_diff_show_that_a_url_changes_and_no_secret(
    modules: Modules, name: str, options: dict[str, Any]
) -> None:
    modules.emulator.seed(SEED)
    rounds = modules.rounds(name, **options)
    for result in (rounds.check, rounds.real, rounds.again):
        assert_no_secret_is_read(result)
    (entry,) = rounds.real["diff"]
    assert shorten_url(OLD) in entry["before"]
    assert shorten_url(OLD) in str(rounds.real["changes"][0]["before"])
    if options.get("state") != "absent":
        assert shorten_url(NEW) in entry["after"]
        assert shorten_url(NEW) in str(rounds.real["changes"][0]["after"])
        assert NEW in str([rounds.real[key] for key in INPUT if key in rounds.real])


@pytest.mark.parametrize(("name", "options"), TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("form", ["%s", "bad: '%s'!", '["%s"]', "see %s."])
def test_messages_of_the_service_about_a_url_have_no_secret(
    modules: Modules, name: str, options: dict[str, Any], form: str
) -> None:
    modules.emulator.seed(SEED)
    for method in ("PUT", "POST", "DELETE"):
        reply_body = {"success": False, "errors": {"forward": [form % NEW, form % OLD]}}
        modules.emulator.faults.add(Fault("body", method=method, body=reply_body, times=None))
    result = modules.run(name, **options)
    assert result["failed"] is True
    assert "https://ann:…" in result["msg"]
    assert_no_secret_is_read(result)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("improvmx_alias", {"domain": DOMAIN, "alias": "info", "forward": f"https:///x?t={TOKEN}"}),
        ("improvmx_alias", {"domain": DOMAIN, "alias": "info", "forward": f"ftp://ann:{PASSWORD}@h.example"}),
        ("improvmx_alias", {"domain": DOMAIN, "alias": "info", "forward": f"https://h. example/?t={TOKEN}"}),
        ("improvmx_domain", {"domain": DOMAIN, "webhook": f"https://ann:{PASSWORD}/@h.example"}),
        ("improvmx_domain", {"domain": DOMAIN, "webhook": f"https://h.example/{'x' * 60}\n?t={TOKEN}"}),
    ],
)
def test_a_rejected_url_is_reported_without_its_secret(
    modules: Modules, name: str, options: dict[str, Any]
) -> None:
    result = modules.run(name, **options)
    assert "No request was sent" in result["msg"]
    assert_no_secret_is_read(result)


def test_an_export_contains_complete_urls_and_its_diff_does_not(modules: Modules) -> None:
    modules.emulator.seed(SEED)
    first = modules.run("improvmx_export", path="mail.yml")
    assert Path("mail.yml").read_text(encoding="utf-8").count(TOKEN) == 3  # a setting, an alias and a rule
    modules.run("improvmx_domain", domain=DOMAIN, webhook=NEW)
    second = modules.run("improvmx_export", path="mail.yml")
    assert NEW in Path("mail.yml").read_text(encoding="utf-8")
    for result in (first, second):
        assert_no_secret_is_read(result)
    assert shorten_url(NEW) in second["diff"][0]["after"]
    assert shorten_url(OLD) in second["diff"][0]["before"]


def test_results_of_reads_are_valid_input_with_complete_urls(modules: Modules) -> None:
    modules.emulator.seed(SEED)
    found = modules.run("improvmx_domain_info", domain=DOMAIN)["domains"]
    assert (found[0]["webhook"], found[0]["aliases"][0]["forward"]) == (OLD, [OLD])
    assert modules.run("improvmx_domains", domains=found)["changed"] is False
