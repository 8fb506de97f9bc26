# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator reproduces the quirks of the service."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from emulator import Effect, Emulator, Fault, RateLimit
from emulator import __main__ as emulator_program
from harness import Clock

TESTS = Path(__file__).resolve().parents[2]
RIGHT_DNS = {
    "mx": ["mx2.improvmx.com", "mx1.improvmx.com"],
    "spf": "v=spf1 include:spf.improvmx.com ~all",
    "dkim1": None,
    "dkim2": None,
    "dmarc": None,
}
DOMAIN = "/v3/domains/example.com"
ALIASES = f"{DOMAIN}/aliases"
NEW = {"alias": "new", "forward": "a@x.example"}
MADE = Effect("create", "alias", "example.com", "new", "a@x.example")

Ask = Callable[..., requests.Response]


def seed_aliases(emulator: Emulator, aliases: Any, **options: Any) -> None:
    emulator.seed({**options, "domains": [{"domain": "example.com", "aliases": aliases}]})


def stored(emulator: Emulator) -> dict[str, str]:
    aliases = emulator.dump()["domains"][0]["aliases"]
    assert isinstance(aliases, dict)
    return aliases


# Routes and envelope


def test_all_documented_endpoints_exist(emulator: Emulator) -> None:
    assert len([1 for version, template in emulator.routes() if version == "v2"]) == 12
    assert len([1 for version, template in emulator.routes() if version == "v3"]) == 34
    assert ("v3", "GET /domains/{domain}/check") in emulator.routes()
    assert ("v2", "POST /domains/{domain}/aliases/") in emulator.routes()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/domains/", 200),
        ("GET", "/v2/domains", 404),
        ("GET", "/v3/domains", 200),
        ("GET", "/v3/domains/", 200),
        ("GET", "/v3/account/whitelabels/", 200),
        ("GET", "/v3/account//", 404),
        ("GET", "/v3/domains//", 404),
        ("GET", "/v2/account/api/", 200),
        ("GET", "/v3/account/api/", 404),
        ("PUT", "/v2/domains/example.com", 405),
        ("GET", "/v4/domains", 404),
        ("GET", "/", 404),
    ],
)
def test_trailing_slashes_matter_in_version_2_and_versions_in_both(
    method: str, path: str, status: int, emulator: Emulator, ask: Ask
) -> None:
    reply = ask(method, path)
    assert reply.status_code == status
    assert isinstance(reply.json(), dict)


@pytest.mark.parametrize(("version", "status"), [("v2", 403), ("v3", 401)])
@pytest.mark.parametrize("auth", [None, ("api", "wrong"), ("other", "")])
def test_key_is_checked(version: str, status: int, auth: Any, emulator: Emulator) -> None:
    path = f"{emulator.url}/{version}/domains/example.com"
    reply = requests.get(path, auth=auth, timeout=5)
    assert reply.status_code == status
    assert reply.json()["success"] is False
    assert "Authorization" not in emulator.requests[-1].headers


@pytest.mark.parametrize("body", [b"{", b"[]", b"domain=new.example"])
def test_body_must_be_a_json_object(body: bytes, emulator: Emulator, ask: Ask) -> None:
    assert ask("POST", "/v3/domains", data=body).status_code == 400
    assert emulator.ledger == []


def test_request_is_recorded_as_it_was_sent(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    ask("GET", f"{ALIASES}/a%2Fb?x=1%202", headers={"X-Odd": "yes"})
    ask("POST", ALIASES, NEW)
    first, second = emulator.requests
    assert (first.method, first.path) == ("GET", "/v3/domains/example.com/aliases/a%2Fb")
    assert (first.query, first.body, first.status) == ({"x": "1 2"}, None, 404)
    assert (first.version, first.route) == ("v3", "GET /domains/{domain}/aliases/{alias}")
    assert first.headers["X-Odd"] == "yes"
    assert first.at < second.at
    assert (second.body, second.status) == (NEW, 200)
    assert emulator.writes == [second]


def test_connection_is_kept_and_numbered(emulator: Emulator, ask: Ask) -> None:
    for _turn in range(3):
        ask("GET", "/v3/account")
    requests.get(emulator.url, timeout=5)
    numbers = [request.connection for request in emulator.requests]
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]


# Domains


def test_new_domain_forwards_everything_to_the_owner(emulator: Emulator, ask: Ask) -> None:
    domain = ask("POST", "/v3/domains", {"domain": "New.Example"}).json()["domain"]
    assert domain["domain"] == "new.example"
    [alias] = domain["aliases"]
    assert (alias["alias"], alias["forward"]) == ("*", "owner@mail.example")
    found = ask("GET", f"/v3/domains/new.example/aliases/{alias['id']}").json()
    assert found["alias"]["alias"] == "*"
    assert emulator.ledger == [Effect("create", "domain", "new.example", "new.example", None)]


def test_unicode_domain_is_stored_as_a_label(emulator: Emulator, ask: Ask) -> None:
    domain = ask("POST", "/v3/domains", {"domain": "Bücher.example"}).json()["domain"]
    assert domain["domain"] == "xn--bcher-kva.example"
    assert domain["display"] == "bücher.example"
    assert ask("GET", "/v3/domains/xn--bcher-kva.example").status_code == 200


def test_a_taken_domain_is_refused_alike_for_every_owner(emulator: Emulator, ask: Ask) -> None:
    emulator.seed({"domains": [{"domain": "mine.example"}], "other_domains": ["their.example"]})
    replies = [ask("POST", "/v3/domains", {"domain": name}) for name in ("mine.example", "their.example")]
    assert [reply.status_code for reply in replies] == [400, 400]
    assert replies[0].json() == replies[1].json()
    assert ask("GET", "/v3/domains/their.example").status_code == 404
    assert emulator.ledger == []


@pytest.mark.parametrize("name", ["", "example", "-a.example", "a b.example", "a..example", 7])
def test_malformed_domain_is_refused(name: Any, emulator: Emulator, ask: Ask) -> None:
    assert ask("POST", "/v3/domains", {"domain": name}).status_code == 400


def test_domains_are_listed_in_pages_by_name(emulator: Emulator, ask: Ask) -> None:
    emulator.seed({"domains": [{"domain": f"d{number:03}.example"} for number in range(130)]})
    first = ask("GET", "/v3/domains").json()
    assert (first["total"], first["limit"], first["page"]) == (130, 50, 1)
    assert first["domains"][0]["domain"] == "d000.example"
    second = ask("GET", "/v3/domains?limit=1000&page=2").json()
    assert (second["limit"], len(second["domains"])) == (100, 30)
    assert ask("GET", "/v3/domains?q=D00").json()["total"] == 10
    assert ask("GET", "/v3/domains?page=9").json()["domains"] == []
    assert len(ask("GET", "/v2/domains/").json()["domains"]) == 130
    assert ask("GET", "/v2/domains/?q=d12").json()["total"] == 10


@pytest.mark.parametrize(("query", "total"), [("1", 1), ("0", 2), ("", 3)])
def test_domains_are_filtered_by_activity(query: str, total: int, emulator: Emulator, ask: Ask) -> None:
    names = ("a.example", "b.example", "c.example")
    emulator.seed({"domains": [{"domain": name, "active": name[0] == "a"} for name in names]})
    assert ask("GET", f"/v3/domains?is_active={query}").json()["total"] == total


def test_v3_shows_at_most_200_aliases_in_a_domain(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {f"a{number}": "a@x.example" for number in range(250)})
    assert len(ask("GET", DOMAIN).json()["domain"]["aliases"]) == 200
    assert len(ask("GET", "/v3/domains").json()["domains"][0]["aliases"]) == 200
    assert len(ask("GET", "/v2/domains/example.com").json()["aliases"]) == 250


def test_domain_options_are_set_and_cleared(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {}, whitelabels=["brand.example"])
    options = {
        "notification_email": "n@x.example",
        "webhook": "https://hook.example/x",
        "whitelabel": "brand.example",
    }
    domain = ask("PUT", DOMAIN, options).json()["domain"]
    assert {name: domain[name] for name in options} == options
    domain = ask("PUT", DOMAIN, {"notification_email": None, "webhook": ""}).json()["domain"]
    assert [domain[name] for name in options] == [None, None, "brand.example"]


@pytest.mark.parametrize(
    "options",
    [{"notification_email": "nobody"}, {"webhook": "ftp://x.example"}, {"whitelabel": "x.example"}],
)
def test_bad_domain_options_are_refused(options: Any, emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    reply = ask("PUT", DOMAIN, options)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == list(options)
    assert emulator.ledger == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", f"{DOMAIN}/check"), ("POST", "/v2/domains/example.com/check")]
)
def test_check_activates_a_domain_once(method: str, path: str, emulator: Emulator, ask: Ask) -> None:
    emulator.seed({"domains": [{"domain": "example.com", "dns": RIGHT_DNS}]})
    assert [ask(method, path).json()["success"] for round in (1, 2)] == [True, True]
    assert emulator.dump()["domains"][0]["active"] is True
    assert emulator.ledger == [Effect("activate", "domain", "example.com", "example.com", None)]
    assert len(emulator.writes) == 2


def test_check_of_a_domain_without_mx_changes_nothing(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    reply = ask("GET", f"{DOMAIN}/check").json()
    assert (reply["success"], reply["records"]["mx"]["valid"]) == (True, False)
    reply = ask("POST", "/v2/domains/example.com/check").json()
    assert reply["success"] is False
    assert reply["reason"]
    assert emulator.ledger == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, "v=spf1 include:spf.improvmx.com ~all"),
        (
            "v=spf1 include:other.example -all",
            "v=spf1 include:other.example include:spf.improvmx.com -all",
        ),
    ],
)
def test_check_merges_spf(found: str | None, expected: str, emulator: Emulator, ask: Ask) -> None:
    emulator.seed({"domains": [{"domain": "example.com", "dns": {"spf": found}}]})
    spf = ask("GET", f"{DOMAIN}/check").json()["records"]["spf"]
    assert spf == {"expected": expected, "valid": False, "values": found}


def test_new_domain_finds_the_records_of_the_seed(emulator: Emulator, ask: Ask) -> None:
    emulator.seed({"dns": RIGHT_DNS})
    ask("POST", "/v3/domains", {"domain": "example.com"})
    assert ask("GET", f"{DOMAIN}/check").json()["records"]["mx"]["valid"] is True


def test_deleting_a_domain_deletes_everything_in_it(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {"info": "a@x.example"})
    assert ask("DELETE", DOMAIN).json() == {"success": True}
    assert ask("DELETE", DOMAIN).status_code == 404
    assert emulator.ledger == [Effect("delete", "domain", "example.com", "example.com", None)]


# Aliases


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"alias": "new"}, "forward"),
        ({"forward": "a@x.example"}, "alias"),
        ({"alias": "INFO", "forward": "a@x.example"}, "alias"),
        ({"alias": "n" * 151, "forward": "a@x.example"}, "alias"),
        ({"alias": "new", "forward": "a@example.com"}, "email"),
        ({"alias": "new", "forward": "b@x.example,a@EXAMPLE.com"}, "email"),
        ({"alias": "new", "forward": "nobody"}, "forward"),
        ({"alias": "new", "forward": "a@x.example,"}, "forward"),
        ({"alias": "new", "forward": "null,a@x.example"}, "forward"),
        ({"alias": "new", "forward": ["a@x.example"]}, "forward"),
        ({"alias": "new", "forward": "a@x.example,b@x.example,c@x.example"}, "forward"),
    ],
)
@pytest.mark.parametrize("path", [ALIASES, "/v2/domains/example.com/aliases/"])
def test_bad_alias_is_refused_field_by_field(
    body: Any, field: str, path: str, emulator: Emulator, ask: Ask
) -> None:
    seed_aliases(emulator, {"info": "a@x.example"}, limits={"destinations": 2})
    reply = ask("POST", path, body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]
    assert emulator.ledger == []


@pytest.mark.parametrize(
    ("forward", "kept"),
    [
        (" B@X.example ,a@x.example", "B@X.example,a@x.example"),
        ("null", "null"),
        ("https://Hook.example/Path?x=1", "https://Hook.example/Path?x=1"),
        ("a@x.example,a@x.example", "a@x.example,a@x.example"),
    ],
)
def test_forward_is_stored_trimmed(forward: str, kept: str, emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    ask("POST", ALIASES, {"alias": "New", "forward": forward})
    assert stored(emulator) == {"New": kept}


@pytest.mark.parametrize("status", [400, 403])
def test_limits_of_the_plan_are_refused_in_either_form(status: Any, emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {"info": "a@x.example"}, limits={"domains": 1})
    emulator.account.limits["aliases"] = 1
    emulator.believe(limit_status=status)
    for path, body, field in ((ALIASES, NEW, "alias"), ("/v3/domains", {"domain": "new.example"}, "domain")):
        reply = ask("POST", path, body)
        reported = reply.json()
        assert (reply.status_code, reported["code"]) == (status, status)
        assert (reported["errors"][field][0] if status == 400 else reported["error"]).startswith(
            "Your account is limited to 1 "
        )
    assert emulator.ledger == []


def test_aliases_are_listed_in_pages_and_filtered(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {f"a{number}": "a@x.example" for number in range(150)})
    first = ask("GET", ALIASES).json()
    assert (first["total"], first["limit"], len(first["aliases"])) == (150, 20, 20)
    second = ask("GET", f"{ALIASES}?limit=500&page=2").json()
    assert (second["limit"], len(second["aliases"])) == (100, 50)
    assert ask("GET", f"{ALIASES}?q=a14").json()["total"] == 11
    assert ask("GET", f"{ALIASES}?alias=A14").json()["total"] == 11
    assert ask("GET", f"{ALIASES}?q=X.ex").json()["total"] == 150
    emulator.believe(searches_parts=False)
    assert ask("GET", f"{ALIASES}?q=14").json()["total"] == 0
    [found] = ask("GET", f"{ALIASES}?alias=A14").json()["aliases"]
    assert found["alias"] == "a14"


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("path", ["example.com/aliases/none", "missing.example/aliases/info"])
def test_missing_alias_is_404(version: str, method: str, path: str, emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {"info": "a@x.example"})
    reply = ask(method, f"/{version}/domains/{path}", {"forward": "b@x.example"})
    assert reply.status_code == 404
    assert emulator.ledger == []


def test_digits_are_an_id_first_and_a_name_second(emulator: Emulator, ask: Ask) -> None:
    aliases = [
        {"alias": "info", "forward": "a@x.example", "id": 42},
        {"alias": "42", "forward": "b@x.example", "id": 43},
        {"alias": "99", "forward": "c@x.example", "id": 44},
    ]
    seed_aliases(emulator, aliases)
    names = [ask("GET", f"{ALIASES}/{segment}").json()["alias"] for segment in ("42", "99", "43")]
    assert [alias["alias"] for alias in names] == ["info", "99", "42"]
    ask("PUT", "/v2/domains/example.com/aliases/42", {"forward": "new@x.example"})
    assert stored(emulator)["42"] == "new@x.example"


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize(
    "name",
    ["a/b", "a?b", "a#b", "a%b", "a%2Fb", "a\\b", "a+b", "(a|b)", "a b", "*", "ü", ".+"],
)
def test_any_alias_fits_into_a_path(version: str, name: str, emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {name: "a@x.example", "other": "o@x.example"})
    path = f"/{version}/domains/example.com/aliases/{quote(name, safe='')}"
    assert ask("PUT", path, {"forward": "b@x.example"}).json()["alias"]["alias"] == name
    assert stored(emulator)[name] == "b@x.example"
    assert ask("DELETE", path).status_code == 200
    assert stored(emulator) == {"other": "o@x.example"}


@pytest.mark.parametrize("segment", ["9" * 5000, "%FF", "%ED%A0%80", "%00", "%2E%2E"])
def test_odd_path_segment_is_not_found(segment: str, emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    assert ask("GET", f"{ALIASES}/{segment}").status_code == 404
    assert ask("GET", f"/v3/domains/{segment}").status_code == 404


@pytest.mark.parametrize("text", ["\ud800", "\x00", "ü" * 200, {"a": 1}, 1.5, True])
def test_odd_text_is_refused(text: Any, emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    assert ask("POST", "/v3/domains", {"domain": text}).status_code == 400
    assert ask("POST", ALIASES, {"alias": "new", "forward": text}).status_code == 400
    assert ask("PUT", DOMAIN, {"notification_email": text}).status_code == 400
    assert ask("PUT", DOMAIN, {"webhook": text}).status_code == 400


def test_a_batch_creates_all_valid_aliases(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {"info": "a@x.example"})
    wanted = [NEW, {"alias": "info", "forward": "b@x.example"}, {"alias": "bad"}, 7]
    reply = ask("POST", f"{ALIASES}/batch", {"aliases": wanted}).json()
    assert "success" not in reply
    assert [alias["alias"] for alias in reply["added"]] == ["new"]
    assert isinstance(reply["added"][0]["id"], str)
    assert [item["alias"] for item in reply["failed"]] == ["info", "bad", None]
    assert all(item["errors"] for item in reply["failed"])
    assert emulator.ledger == [MADE]


def test_a_batch_accepts_at_most_500_aliases(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    many = [{"alias": f"a{number}", "forward": "a@x.example"} for number in range(501)]
    assert ask("POST", f"{ALIASES}/batch", {"aliases": many}).status_code == 400
    assert emulator.ledger == []
    assert len(ask("POST", f"{ALIASES}/batch", {"aliases": many[1:]}).json()["added"]) == 500


def test_batch_can_be_missing(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    emulator.batch_enabled = False
    assert ask("POST", f"{ALIASES}/batch", {"aliases": [NEW]}).status_code == 404


# Logs, SMTP users, rules


def test_logs_are_listed_in_pages_newest_first(emulator: Emulator, ask: Ask) -> None:
    logs = [
        {"id": f"l{n}", "created": n, "recipient": {"email": f"{name}@example.com"}}
        for n, name in enumerate(["info", "who"] * 60)
    ]
    aliases = {"info": "a@x.example", "*": "b@x.example"}
    emulator.seed({"domains": [{"domain": "example.com", "aliases": aliases, "logs": logs}]})
    seen: list[str] = []
    while True:
        cursor = f"?next_cursor={seen[-1]}" if seen else ""
        page = ask("GET", f"{DOMAIN}/logs{cursor}").json()["logs"]
        assert len(page) <= 50
        if not page:
            break
        seen += [entry["id"] for entry in page]
    assert seen == [f"l{n}" for n in reversed(range(120))]
    info = ask("GET", f"{DOMAIN}/logs/info").json()["logs"]
    assert {entry["recipient"]["email"] for entry in info} == {"info@example.com"}
    caught = ask("GET", "/v2/domains/example.com/logs/*").json()
    assert {entry["recipient"]["email"] for entry in caught["logs"]} == {"who@example.com"}
    assert len(caught["logs"]) == 60
    assert len(caught["mxes"]) == 2


def test_credentials_are_managed_without_showing_the_password(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    path = f"{DOMAIN}/credentials"
    body = {"username": "info", "password": "hunter2?"}
    replies = [
        ask("POST", path, body),
        ask("POST", path, body),
        ask("PUT", f"{path}/info", {"password": "hunter2!"}),
        ask("GET", path),
        ask("DELETE", f"{path}/info"),
        ask("DELETE", f"{path}/info"),
    ]
    assert [reply.status_code for reply in replies] == [200, 400, 200, 200, 200, 404]
    assert not any("hunter2" in reply.text for reply in replies)
    assert [effect.action for effect in emulator.ledger] == ["create", "update", "delete"]
    assert {effect.kind for effect in emulator.ledger} == {"credential"}


def rule(number: int) -> dict[str, Any]:
    return {"type": "alias", "config": {"alias": f"n{number}", "forward": "a@x.example"}}


def test_rules_are_created_read_updated_and_deleted(emulator: Emulator, ask: Ask) -> None:
    emulator.seed({"domains": [{"domain": "example.com", "routing_engine": "rules"}]})
    path = f"{DOMAIN}/rules"
    made = [ask("POST", path, rule(number)).json() for number in range(25)]
    assert [len(ask("GET", f"{path}?page={page}").json()["rules"]) for page in (1, 2, 3)] == [
        20,
        5,
        0,
    ]
    assert len(ask("GET", f"{path}?search=N24").json()["rules"]) == 1
    changed = ask("PUT", f"{path}/{made[0]['id']}", {"rank": 99, "active": False}).json()
    assert changed == {**made[0], "rank": 99.0, "active": False}
    assert ask("GET", f"{path}/{made[0]['id']}").json() == changed
    assert ask("GET", f"{path}?page=2").json()["rules"][-1] == changed
    assert ask("DELETE", f"{path}/{made[1]['id']}").status_code == 200
    assert ask("GET", f"{path}/{made[1]['id']}").status_code == 404
    assert ask("DELETE", f"{DOMAIN}/rules-all").json() == {"success": True}
    assert emulator.dump()["domains"][0]["rules"] == []


@pytest.mark.parametrize(
    "body",
    [{}, {"type": "odd", "config": {}}, {"type": "cel", "config": {"forward": "a@x.example"}}],
)
def test_bad_rule_is_refused(body: Any, emulator: Emulator, ask: Ask) -> None:
    emulator.seed({"domains": [{"domain": "example.com", "routing_engine": "rules"}]})
    assert ask("POST", f"{DOMAIN}/rules", body).status_code == 400


def test_rules_need_a_domain_routed_by_rules(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    assert ask("POST", f"{DOMAIN}/rules", rule(1)).status_code == 403
    assert ask("GET", f"{DOMAIN}/rules").status_code == 403


# Faults


def made_after(emulator: Emulator) -> bool:
    return emulator.ledger == [MADE]


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("reset_before", False), ("delay_before", False), ("reset_after", True), ("cut", True)],
)
def test_fault_breaks_the_connection(kind: str, effect: bool, emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    emulator.faults.add(Fault(kind, method="POST", seconds=0.05))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask("POST", ALIASES, NEW)
    assert made_after(emulator) is effect
    assert [request.status for request in emulator.writes] == [0]
    assert emulator.faults.injected == {kind: 1}
    assert ask("GET", DOMAIN).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "effect"),
    [
        (Fault("status"), 500, "application/json", False),
        (Fault("status", status=503, html=True), 503, "text/html; charset=utf-8", False),
        (Fault("status_after", status=502), 502, "application/json", True),
        (Fault("status_after", html=True), 500, "text/html; charset=utf-8", True),
        (Fault("rate_limit"), 429, "application/json", False),
        (Fault("success_false"), 200, "application/json", False),
        (Fault("redirect"), 302, "application/json", False),
        (Fault("body", body=["odd"]), 200, "application/json", False),
        (Fault("body", body="not json", status=418), 418, "application/json", False),
        (Fault("huge", size=200_000), 200, "application/json", False),
        (Fault("empty"), 200, "application/json", True),
        (Fault("wrong_type"), 200, "text/html; charset=utf-8", True),
        (Fault("truncated_json"), 200, "application/json", True),
        (Fault("delay", seconds=0.01), 200, "application/json", True),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_fault_spoils_the_reply(
    fault: Fault, status: int, content_type: str, effect: bool, emulator: Emulator, ask: Ask
) -> None:
    seed_aliases(emulator, {})
    emulator.faults.add(fault)
    reply = ask("POST", ALIASES, NEW)
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, content_type)
    assert made_after(emulator) is effect
    assert emulator.requests[-1].status == status
    assert emulator.faults.injected == {fault.kind: 1}


def test_fault_bodies_match_their_content_type(emulator: Emulator, ask: Ask) -> None:
    emulator.faults.add(
        Fault("empty"),
        Fault("truncated_json"),
        Fault("success_false"),
        Fault("status", status=502),
        Fault("body", body={"odd": [None]}),
        Fault("body", body=b"\xff\xfe"),
        Fault("huge", size=200_000),
        Fault("redirect", location="https://trap.example/"),
    )
    replies = [ask("GET", "/v3/account") for turn in range(8)]
    assert replies[0].content == b""
    with pytest.raises(requests.JSONDecodeError):
        replies[1].json()
    assert replies[2].json()["success"] is False
    assert replies[3].json()["code"] == 502
    assert replies[4].json() == {"odd": [None]}
    assert replies[5].content == b"\xff\xfe"
    assert len(replies[6].content) == 200_000
    assert replies[7].headers["Location"] == "https://trap.example/"


def test_cut_reply_is_shorter_than_its_content_length(emulator: Emulator) -> None:
    emulator.faults.add(Fault("cut"))
    address = ("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"GET /v3/account HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, blank, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    assert blank
    assert len(body) == length // 2


def test_late_reply_is_sent_after_the_client_has_closed(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    emulator.faults.add(Fault("delay", seconds=0.5), Fault("delay_before", seconds=0.5))
    for body in (NEW, {"alias": "never", "forward": "a@x.example"}):
        with pytest.raises(requests.ReadTimeout):
            ask("POST", ALIASES, body, timeout=(5, 0.1))
    assert made_after(emulator)


def test_partial_batch_affects_only_a_batch(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    emulator.faults.add(Fault("batch_partial"))
    ask("GET", DOMAIN)
    wanted = [{"alias": f"a{number}", "forward": "a@x.example"} for number in range(5)]
    reply = ask("POST", f"{ALIASES}/batch", {"aliases": wanted}).json()
    assert [item["alias"] for item in reply["added"]] == ["a0", "a2", "a4"]
    assert [item["alias"] for item in reply["failed"]] == ["a1", "a3"]
    assert list(stored(emulator)) == ["a0", "a2", "a4"]


@pytest.mark.parametrize(("status", "answered"), [(None, 200), (400, 400)])
def test_partial_settings_affect_only_a_change_of_settings(
    status: int | None, answered: int, emulator: Emulator, ask: Ask
) -> None:
    seed_aliases(emulator, {})
    emulator.faults.add(Fault("settings_partial", status=status))
    ask("GET", DOMAIN)
    wanted = {"notification_email": "a@x.example", "webhook": "https://x.example/"}
    assert ask("PUT", DOMAIN, wanted).status_code == answered
    domain = ask("GET", DOMAIN).json()["domain"]
    assert (domain["notification_email"], domain["webhook"]) == (None, "https://x.example/")


@pytest.mark.parametrize(
    ("fault", "headers"),
    [
        (Fault("rate_limit"), set()),
        (Fault("rate_limit", retry_after=7), {"Retry-After"}),
        (Fault("rate_limit", retry_after="date"), {"Retry-After"}),
        (
            Fault("rate_limit", reset=True),
            {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"},
        ),
    ],
)
def test_rate_limit_fault_sends_only_the_chosen_headers(
    fault: Fault, headers: set[str], emulator: Emulator, ask: Ask
) -> None:
    emulator.faults.add(fault)
    reply = ask("GET", "/v3/account")
    assert reply.status_code == 429
    assert {name for name in reply.headers if name.startswith(("X-Rate", "Retry"))} == headers
    if fault.retry_after:
        expected = "7" if fault.retry_after == 7 else " GMT"
        assert reply.headers["Retry-After"].endswith(expected)
    assert emulator.rate_limited == 0


def test_a_fault_matches_method_path_and_count(emulator: Emulator, ask: Ask) -> None:
    emulator.faults.add(Fault("status", method="get", path=r"/account$", times=2, skip=1))
    codes = [ask("GET", "/v3/account").status_code for turn in range(4)]
    assert codes == [200, 500, 500, 200]
    emulator.faults.add(Fault("status", path="whitelabels", times=None))
    assert {ask("GET", "/v3/account/whitelabels").status_code for turn in range(5)} == {500}
    assert ask("GET", "/v3/account").status_code == 200


def test_unknown_fault_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="odd"):
        Fault("odd")
    with pytest.raises(ValueError, match="odd"):
        emulator.faults.random(seed=1, rate=0.5, kinds=["odd"])


def test_wrong_replies_look_valid(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {"a": "a@x.example", "b": "b@x.example"})
    emulator.faults.add(
        Fault("hidden", count=2),
        Fault("hidden"),
        Fault("wrong_total", total=9),
        Fault("odd_headers", headers={"X-RateLimit-Reset": "9" * 5000}),
    )
    replies = [ask("GET", ALIASES) for _turn in range(5)]
    reported = [(len(reply.json()["aliases"]), reply.json()["total"]) for reply in replies]
    whole = reported[-1][1]
    assert reported == [(whole - 2, whole), (0, whole), (whole, 9), (whole, whole), (whole, whole)]
    assert replies[3].headers["X-RateLimit-Reset"] == "9" * 5000
    emulator.faults.add(Fault("hidden"), Fault("stranger"), Fault("stranger", html=True))
    assert ask("GET", "/v3/account").json()["account"]
    strangers = [ask("DELETE", DOMAIN) for _turn in range(2)]
    assert [reply.status_code for reply in strangers] == [404, 404]
    assert [reply.headers["Content-Type"].split(";")[0] for reply in strangers] == [
        "application/json",
        "text/html",
    ]
    assert emulator.ledger == []


def test_random_faults_repeat_with_their_seed(emulator: Emulator, ask: Ask) -> None:
    def statuses() -> list[int]:
        emulator.reset()
        emulator.faults.random(seed=42, rate=0.5, kinds=["status", "success_false"], limit=5)
        return [ask("GET", "/v3/account").status_code for turn in range(30)]

    first = statuses()
    assert first == statuses()
    assert emulator.faults.injected.total() == 5


def test_random_rate_limits_use_every_form_of_retry_after(emulator: Emulator, ask: Ask) -> None:
    waited: list[float] = []
    emulator.keep_time_by(lambda: 1_000_000.0, waited.append)
    emulator.faults.random(seed=3, rate=1.0, kinds=["rate_limit", "delay"], limit=None, seconds=7)
    replies = [ask("GET", "/v3/account") for turn in range(60)]
    asked = {reply.headers.get("Retry-After") for reply in replies if reply.status_code == 429}
    assert asked == {None, "0", "7", formatdate(1_000_007, usegmt=True)}
    assert {reply.headers.get("X-RateLimit-Reset") for reply in replies} >= {None, "1000000", "1000007"}
    assert set(waited) == {7.0}


def test_the_emulator_works_after_random_faults_of_all_kinds(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    emulator.faults.random(seed=7, rate=1.0, limit=120)
    for number in range(120):
        try:
            body = {"aliases": [{"alias": f"a{number}", "forward": "a@x.example"}]}
            ask("POST", f"{ALIASES}/batch", body)
        except requests.RequestException:
            pass
    assert len(emulator.faults.injected) == 16
    assert ask("GET", DOMAIN).status_code == 200


# Rate limits


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("endpoint", [200, 200, 429, 200, 200]),
        ("method", [200, 200, 429, 429, 200]),
        ("account", [200, 200, 429, 429, 429]),
    ],
)
def test_rate_limit_counts_in_its_scope(
    scope: Any, statuses: list[int], emulator: Emulator, ask: Ask
) -> None:
    seed_aliases(emulator, {})
    emulator.rate_limit = RateLimit(limit=2, window=60.0, scope=scope)
    gets = [ask("GET", path) for path in ("/v3/account",) * 3 + (DOMAIN,)]
    replies = [*gets, ask("POST", ALIASES, NEW)]
    assert [reply.status_code for reply in replies] == statuses
    assert [reply.headers["X-RateLimit-Remaining"] for reply in gets[:3]] == ["1", "0", "0"]
    assert emulator.rate_limited == statuses.count(429)
    assert 0 < int(replies[2].headers["Retry-After"]) <= 60
    assert replies[2].json()["code"] == 429
    assert emulator.ledger == ([MADE] if statuses[-1] == 200 else [])


def test_rate_limit_ends_with_its_window(emulator: Emulator, ask: Ask) -> None:
    clock = Clock()
    emulator.rate_limit = RateLimit(limit=1, window=10)
    emulator.keep_time_by(clock.time)
    codes = []
    for pause in (9.9, 0.1, 0):
        codes.append(ask("GET", "/v3/account").status_code)
        clock.sleep(pause)
    assert codes == [200, 429, 200]


def test_rate_limit_headers_are_sent_without_a_limit(emulator: Emulator, ask: Ask) -> None:
    for path in ("/v3/account", "/v3/none"):
        headers = ask("GET", path).headers
        assert headers["X-RateLimit-Limit"] == "1000"
        assert int(headers["X-RateLimit-Reset"]) > time.time()


# State, threads, processes


def test_seed_of_a_dump_is_the_same_account(emulator: Emulator, ask: Ask) -> None:
    emulator.seed(
        {
            "email": "me@mail.example",
            "premium": False,
            "limits": {"aliases": 7},
            "whitelabels": ["brand.example"],
            "other_domains": ["taken.example"],
            "domains": [
                {"domain": "z.example", "aliases": {"B": "b@x.example", "a": " a@x.example"}},
                {
                    "domain": "a.example",
                    "active": True,
                    "routing_engine": "rules",
                    "credentials": [{"username": "u", "password": "p"}],
                    "rules": [rule(1)],
                    "logs": [{"id": "l1"}],
                    "dns": RIGHT_DNS,
                },
            ],
        }
    )
    ask("POST", "/v3/domains/z.example/aliases", NEW)
    for ids in (False, True):
        dump = emulator.dump(ids=ids)
        assert [domain["domain"] for domain in dump["domains"]] == ["a.example", "z.example"]
        emulator.seed(json.loads(json.dumps(dump)))
        assert emulator.dump(ids=ids) == dump
    assert list(emulator.dump()["domains"][1]["aliases"]) == ["B", "a", "new"]


@pytest.mark.parametrize(
    "content",
    [
        {"domain": []},
        {"domains": [{"domain": "a.example", "alias": {}}]},
        {"domains": [{"domain": "a.example"}, {"domain": "A.example"}]},
        {"domains": [{"domain": "a.example", "aliases": {"a": "x", "A": "y"}}]},
        {"domains": [{"domain": "nonsense"}]},
    ],
)
def test_invalid_seed_is_an_error(content: Any, emulator: Emulator) -> None:
    with pytest.raises(ValueError, match=r"seed|domain name"):
        emulator.seed(content)


def test_reset_forgets_everything(emulator: Emulator, ask: Ask) -> None:
    seed_aliases(emulator, {})
    ask("POST", ALIASES, NEW)
    emulator.faults.add(Fault("status", times=None))
    emulator.rate_limit = RateLimit(1)
    emulator.latency = 9
    emulator.reset()
    assert (emulator.requests, emulator.ledger, emulator.latency) == ([], [], 0)
    assert emulator.rate_limit is None
    assert ask("GET", "/v3/domains").json()["total"] == 0


def test_slow_replies_overlap(emulator: Emulator) -> None:
    emulator.latency = 0.5
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        replies = pool.map(lambda turn: requests.get(emulator.url, timeout=5), range(8))
        assert [reply.status_code for reply in replies] == [404] * 8
    assert 0.5 <= time.monotonic() - started < 8 * 0.5


def test_many_threads_create_each_alias_once(emulator: Emulator) -> None:
    seed_aliases(emulator, {})

    def make(number: int) -> int:
        body = {"alias": f"a{number % 20}", "forward": "a@x.example"}
        auth = ("api", emulator.api_key)
        emulator.dump()
        return requests.post(emulator.url + ALIASES, json=body, auth=auth, timeout=5).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(make, range(60)))
    assert statuses.count(200) == 20
    assert len(stored(emulator)) == len(emulator.ledger) == 20
    assert len(emulator.requests) == 60


def test_stop_closes_connections_and_ends_the_thread() -> None:
    emulator = Emulator(api_key="other").start()
    port = int(emulator.url.rpartition(":")[2])
    with requests.Session() as session:
        reply = session.get(f"{emulator.url}/v3/account", auth=("api", "other"), timeout=5)
        assert reply.status_code == 200
        emulator.latency = 30
        waiting = threading.Thread(target=_get_in_vain, args=(emulator.url,))
        waiting.start()
        while len(emulator.requests) < 2:
            time.sleep(0.01)
        started = time.monotonic()
        emulator.stop()
        waiting.join()
        assert time.monotonic() - started < emulator.latency
    with pytest.raises(RuntimeError):
        emulator.url  # noqa: B018
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def _get_in_vain(url: str) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)


def test_taken_port_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(OSError, match="address already in use"):
        Emulator(port=int(emulator.url.rpartition(":")[2])).start()


def test_program_serves_until_a_signal(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"domains": [{"domain": "example.com"}]}), encoding="utf-8")
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "emulator", "--seed", str(seed), "--port-file", str(port_file)]
    environment = {**os.environ, "EMULATOR_API_KEY": "from-outside"}
    with subprocess.Popen(command, cwd=TESTS, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert url == f"http://127.0.0.1:{port_file.read_text(encoding='utf-8').strip()}"
        _use_from_outside(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_program_prints_what_to_export() -> None:
    command = [sys.executable, "-m", "emulator", "--exports", "--api-key", "a key's own"]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _line in range(4)]
        shell = "".join(lines[2:]) + 'printf "%s|%s" "$IMPROVMX_API_URL" "$IMPROVMX_API_KEY"'
        done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
        url, key = done.stdout.split("|")
        assert requests.get(f"{url}/v3/account", auth=("api", key), timeout=5).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "missing.json"], "--seed missing.json: [Errno 2]"),
        (["--seed", "empty.json"], "--seed empty.json: Expecting value"),
        (["--seed", "odd.json"], "--seed odd.json: unknown in a seed: odd"),
        (["--seed", "list.json"], "--seed list.json: "),
        (["--port", "{taken}"], "--port {taken}: "),
    ],
)
def test_program_reports_invalid_options_in_one_line(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    for name, text in (("empty", ""), ("odd", '{"odd": 1}'), ("list", '[{"domain": "example.com"}]')):
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    taken = emulator.url.rpartition(":")[2]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["emulator", *(word.format(taken=taken) for word in arguments)])
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    with pytest.raises(SystemExit) as ended:
        emulator_program.main()
    line = ended.value.code  # Python prints a text, and exits with 1
    assert isinstance(line, str)
    assert line.startswith(said.format(taken=taken))
    assert "\n" not in line


def test_program_with_an_invalid_option_exits_with_1_and_prints_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emulator", "--seed", "missing.json"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("--seed missing.json: [Errno 2]")
    assert done.stderr.count("\n") == 1


def _use_from_outside(url: str) -> None:
    auth = ("api", "from-outside")
    assert requests.delete(f"{url}{DOMAIN}", auth=auth, timeout=5).status_code == 200
    assert requests.get(f"{url}/_emulator/dump", timeout=5).json()["domains"] == []
    recorded = requests.get(f"{url}/_emulator/requests", timeout=5).json()
    sent = {"method": "DELETE", "path": DOMAIN, "status": 200}
    assert recorded == {"requests": [sent], "count": 1}
    seed = {"email": "new@mail.example"}
    assert requests.post(f"{url}/_emulator/seed", json=seed, timeout=5).status_code == 200
    dump = requests.get(f"{url}/_emulator/dump", timeout=5).json()
    assert dump["email"] == "new@mail.example"
    assert requests.post(f"{url}/_emulator/seed", json={"odd": 1}, timeout=5).status_code == 400
    assert requests.post(f"{url}/_emulator/reset", timeout=5).status_code == 200
