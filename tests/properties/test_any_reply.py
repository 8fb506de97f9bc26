# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Invalid replies lead to a message that describes the problem, or to a correct result.

No reply causes a deletion that was not requested, and the next run with valid replies reaches the desired
state.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._api import v3 as _api_v3
from catalogue import NAMES, first_example, versions, writes
from emulator import Emulator, Fault, logs, v3
from emulator.account import Domain
from emulator.dns import EXPECTED_MX
from emulator.server import Incoming
from harness import (
    Clock,
    Modules,
    assert_no_secret,
    effects_of,
    run_main,
    wrap_endpoint,
    wrap_endpoints,
)

pytestmark = pytest.mark.usefixtures("deep_folder")

OWNER = "owner@mail.example"
MAIL = {
    "id": "mail-1",
    "created": 1_795_366_457_404,
    "subject": "Hello",
    "sender": {"email": "s@x.example", "name": None},
    "recipient": {"email": "info@example.com", "name": None},
    "forward": {"email": "a@x.example", "name": None},
    "events": [{"id": "e1", "created": 1_795_366_457_404, "status": "DELIVERED", "code": 250}],
}
RULE = {"type": "alias", "config": {"alias": "old", "forward": "a@x.example"}}
ACCOUNT = {
    "whitelabels": ["white.example"],
    "domains": [
        {
            "domain": "example.com",
            "active": True,
            "webhook": "https://h.example/",
            "aliases": {"*": OWNER, "info": "a@x.example", "7": "b@x.example"},
            "logs": [{**MAIL, "id": f"mail-{number}"} for number in range(3)],
        },
        {"domain": "example.net", "aliases": {"*": OWNER}},
        {"domain": "example.org", "aliases": {"*": OWNER, "info": "a@x.example", "old": "o@x.example"}},
        {
            "domain": "routed.example",
            "routing_engine": "rules",
            "rules": [RULE, {**RULE, "config": {"alias": "sales", "forward": "b@x.example"}}],
            "credentials": [{"username": name, "password": "a long word"} for name in ("old", "shop")],
            "dns": {"mx": EXPECTED_MX},
        },
    ],
}
NEW = {
    "domain": "new.example",
    "aliases": [{"alias": name, "forward": "a@x.example"} for name in ("*", "one", "two")],
}
DOMAINS = {
    "domains": [
        NEW,
        {"domain": "example.net", "state": "absent"},
        {
            "domain": "example.org",
            "purge_aliases": True,
            "aliases": [{"alias": "new", "forward": "n@x.example"}],
        },
    ],
    "concurrency": 1,
}
ROUTED = {"domain": "routed.example"}
OLD = {"alias": "old", "state": "absent"}
INFO = {"type": "alias", "alias": "info", "forward": "a@x.example"}
ONCE = {"password": "another long word", "update_password": "on_create"}
SETTINGS = {"domain": "example.com", "webhook": "", "whitelabel": "white.example"}


@dataclass(frozen=True)
class Case:
    """A task, and the endpoints whose replies are made invalid; without any, all that it requests."""

    module: str
    args: dict[str, Any]
    endpoints: tuple[str, ...] = ()
    versions: tuple[str, ...] = ("v2", "v3")


CASES = {
    "all domains": Case("improvmx_domain_info", {}),
    "one domain": Case("improvmx_domain_info", {"domain": "example.com"}),
    "logs": Case("improvmx_logs_info", {"domain": "example.com", "limit": 0}),
    "logs of an alias": Case("improvmx_logs_info", {"domain": "example.com", "alias": "info", "limit": 0}),
    "alias created": Case(
        "improvmx_alias",
        {"domain": "example.com", "alias": "new", "forward": "a@x.example"},
        ("GET /domains/{domain}", "POST /domains/{domain}/aliases", "POST /domains/{domain}/aliases/"),
    ),
    "domain created": Case(
        "improvmx_domain",
        NEW,
        ("POST /domains", "POST /domains/", v3.BATCH, "PUT /domains/{domain}/aliases/{alias}"),
    ),
    "domains": Case("improvmx_domains", DOMAINS, ("GET /domains", "GET /domains/")),
    "deletions": Case(
        "improvmx_domains", DOMAINS, ("DELETE /domains/{domain}", "DELETE /domains/{domain}/aliases/{alias}")
    ),
    "settings": Case("improvmx_domain", SETTINGS, ("PUT /domains/{domain}",), versions=("v3",)),
    "check": Case("improvmx_domain_check", ROUTED),
    "rule created": Case("improvmx_rule", {**ROUTED, **INFO}, versions=("v3",)),
    "rule changed": Case("improvmx_rule", {**ROUTED, **INFO, "alias": "sales"}, versions=("v3",)),
    "rule deleted": Case("improvmx_rule", {**ROUTED, **INFO, **OLD}, versions=("v3",)),
    "credential created": Case(
        "improvmx_smtp_credential", {**ROUTED, **ONCE, "username": "new"}, versions=("v3",)
    ),
    "credential deleted": Case(
        "improvmx_smtp_credential", {**ROUTED, "username": "old", "state": "absent"}, versions=("v3",)
    ),
}
_USED = {case.module for case in CASES.values()}
CASES |= {
    name: Case(name, first_example(name), versions=tuple(versions(name)))
    for name in NAMES
    if name not in _USED
}
# Few domains, for fewer requests; the first one has mail.
CASES["improvmx_report"] = replace(
    CASES["improvmx_report"],
    args={**CASES["improvmx_report"].args, "domains": ["example.com", "routed.example"]},
)
# These read many endpoints, all with the code that reads them in the other cases.
REREAD = ("improvmx_export", "improvmx_report")
each_case = pytest.mark.parametrize(
    ("version", "name"), [(version, name) for name, case in CASES.items() for version in case.versions]
)


def deep(levels: int) -> Any:
    nest: Any = "deep"
    for level in range(levels):
        nest = [nest] if level % 2 else {"in": nest}
    return nest


GONE = "a removed place"
ODD = (GONE, None, True, 10**300, "\ud800\0", [], {"a": [None]}, deep(900))


def nodes(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places in a reply; of a list, those in its first element."""
    yield path
    if len(path) > 9:
        return
    if isinstance(content, dict):
        for key in content:
            yield from nodes(content[key], (*path, key))
    elif isinstance(content, list) and content:
        yield from nodes(content[0], (*path, 0))


def spoilt(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The content with another value in one place, or without that place."""
    if not path:
        return {} if value == GONE else value
    content = deepcopy(content)
    inner = content
    for step in path[:-1]:
        inner = inner[step]
    if value == GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return content


Spoil = Callable[[str, Any], Any]


def unchanged(template: str, content: Any) -> Any:
    return content


@dataclass(frozen=True)
class Outcome:
    """The effects of a run with valid replies, and the state after it."""

    effects: list[tuple[str, ...]]
    state: Any


def state_of(emulator: Emulator) -> Any:
    return [{**domain, "added": None} for domain in emulator.dump()["domains"]]


class Service:
    """The emulator with replies that a test can make invalid."""

    def __init__(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.emulator = emulator
        self.replies: list[tuple[str, Any]] = []
        self.spoil: Spoil = unchanged
        # Small pages: small replies then show everything that large ones do.
        for module, name in ((_api_v3, "_PAGE"), (_api_v3, "_EMBEDDED"), (v3, "LONGEST_PAGE")):
            monkeypatch.setattr(module, name, 2)
        monkeypatch.setattr(v3, "MOST_EMBEDDED_ALIASES", 2)
        monkeypatch.setattr(logs, "LOGS_PER_PAGE", 2)
        wrap_endpoints(monkeypatch, self._answer)

    def _answer(self, template: str, usual: Any, account: Any, call: Any) -> Any:
        content = usual(account, call)
        self.replies.append((template, deepcopy(content)))
        return self.spoil(template, content)

    def run(self, version: str, case: Case) -> dict[str, Any]:
        options = Modules(self.emulator, api_version=version).options
        before = len(self.emulator.requests)
        result = run_main(case.module, {**options, **case.args})
        assert len(self.emulator.requests) - before == result["api_requests"] < 100
        reported = json.dumps(result, allow_nan=False, ensure_ascii=False)
        reported.encode()  # Ansible rejects lone surrogates
        assert "Traceback" not in reported
        assert "exception" not in result
        assert_no_secret(reported, self.emulator.api_key)
        if result.get("failed"):
            assert result["msg"]
            assert result["msg"].isprintable()
        return result

    def run_soundly(self, version: str, case: Case) -> Outcome:
        self.emulator.seed(ACCOUNT)
        self.replies.clear()
        result = self.run(version, case)
        assert not result.get("failed"), result["msg"]
        return Outcome(effects_of(self.emulator.ledger), state_of(self.emulator))

    def check_spoilt(self, version: str, case: Case, sound: Outcome, spoil: Spoil) -> None:
        """Run with invalid replies, then with valid ones."""
        self.emulator.seed(ACCOUNT)
        self.spoil = spoil
        self.run(version, case)
        self.spoil = unchanged
        done = effects_of(self.emulator.ledger)
        assert {effect for effect in done if effect[0] == "delete"} <= set(sound.effects)
        assert {effect[2:] for effect in done} <= {effect[2:] for effect in sound.effects}
        if writes(case.module):
            result = self.run(version, case)
            assert not result.get("failed"), result["msg"]
            assert state_of(self.emulator) == sound.state


@pytest.fixture
def service(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Service:
    return Service(emulator, monkeypatch)


@each_case
def test_invalid_reply_is_reported_or_harmless(service: Service, version: str, name: str) -> None:
    case = CASES[name]
    sound = service.run_soundly(version, case)
    replies = dict(reversed(service.replies))  # the first one of each endpoint
    places = [
        (template, path)
        for template, content in replies.items()
        if template in (case.endpoints or replies)
        for path in nodes(content)
    ]
    assert places
    step = 6 if case.module in REREAD else 3
    for index, (template, path) in enumerate(places):
        for value in ODD[index % step :: step]:
            service.check_spoilt(version, case, sound, partial(spoil_at, template, path, value))


def spoil_at(template: str, path: tuple[Any, ...], value: Any, reported: str, content: Any) -> Any:
    """Change a place in every reply of an endpoint that has it."""
    return spoilt(content, path, value) if reported == template and path in nodes(content) else content


ANYTHING = (
    *ODD[:-1], deep(50), "", "x", "*", "\0\n\x1b[31m", "example.com", "9" * 5000, 0, 1, -1, 1e308, [[]],
)  # fmt: skip


@pytest.mark.parametrize("seed", range(75))
def test_random_invalid_replies_are_reported_or_harmless(service: Service, seed: int) -> None:
    dice = random.Random(seed)
    case = CASES[dice.choice(sorted(CASES))]
    version = dice.choice(case.versions)
    sound = service.run_soundly(version, case)
    rate = dice.choice((0.3, 1.0))

    def spoil(template: str, content: Any) -> Any:
        if dice.random() < rate:
            for _time in range(dice.randint(1, 3)):
                content = spoilt(content, dice.choice(list(nodes(content))), dice.choice(ANYTHING))
        return content

    service.check_spoilt(version, case, sound, spoil)


@pytest.mark.parametrize("module", NAMES)
@pytest.mark.parametrize("key", ["__ansible_type", "__ansible_vault", "__ansible_anything"])
def test_key_reserved_by_ansible_is_left_out(service: Service, module: str, key: str) -> None:
    case = next(case for case in CASES.values() if case.module == module)
    for version in case.versions:
        service.emulator.seed(ACCOUNT)
        service.spoil = lambda template, content: with_key(content, key)
        result = service.run(version, case)
        assert not result.get("failed"), result["msg"]
        assert "__ansible" not in json.dumps(result)


def with_key(content: Any, key: str) -> Any:
    """The content with one more key in every object."""
    if isinstance(content, dict):
        return {key: "odd", **{name: with_key(inner, key) for name, inner in content.items()}}
    return [with_key(inner, key) for inner in content] if isinstance(content, list) else content


# --- Missing objects ------------------------------------------------------------------------------

GONE_DOMAIN = {"domain": "gone.example", "state": "absent"}
# Each of them gets 404, which is a valid answer of the service.
LOOKS = {
    "absent domain": ("improvmx_domain", GONE_DOMAIN),
    "info of a domain": ("improvmx_domain_info", {"domain": "gone.example"}),
    "absent alias": ("improvmx_alias", {"domain": "gone.example", **OLD}),
    "new domain": ("improvmx_domain", {"domain": "gone.example"}),
    "one of many domains": ("improvmx_domains", {"domains": [GONE_DOMAIN]}),
    "check": ("improvmx_domain_check", {"domain": "gone.example"}),
    "logs": ("improvmx_logs_info", {"domain": "gone.example"}),
    "absent rule": ("improvmx_rule", {"domain": "gone.example", **INFO, **OLD}),
    "absent rule by its id": ("improvmx_rule", {"domain": "gone.example", "id": "r1", "state": "absent"}),
    "absent credential": (
        "improvmx_smtp_credential",
        {"domain": "gone.example", "username": "old", "state": "absent"},
    ),
}
each_look = pytest.mark.parametrize("look", LOOKS)
each_stranger = pytest.mark.parametrize("html", [True, False], ids=["page", "JSON"])


@each_stranger
@each_look
def test_404_of_another_web_server_is_a_failure_that_names_api_url(
    modules: Modules, look: str, html: bool
) -> None:
    name, args = LOOKS[look]
    modules.emulator.faults.add(Fault("stranger", html=html, times=None))
    result = modules.run(name, **args)
    assert result["failed"] is True
    assert "not in the form of ImprovMX" in result["msg"]
    assert "check api_url" in result["msg"]
    assert modules.emulator.ledger == []
    assert result["api_requests"] <= 2  # a second look if rules are not shown


@each_look
def test_api_url_with_a_path_too_deep_is_a_failure_that_names_it(modules: Modules, look: str) -> None:
    name, args = LOOKS[look]
    modules.options["api_url"] += "/too/deep"
    result = modules.run(name, **args)
    assert result["failed"] is True
    assert ("api_url" in result["msg"]) is (name != "improvmx_logs_info")
    assert result["api_requests"] <= 3


@pytest.mark.parametrize("look", ["absent domain", "info of a domain", "absent credential"])
def test_api_url_with_a_valid_path_costs_one_more_request_for_a_missing_thing(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    respond = modules.emulator._respond

    def below(incoming: Incoming) -> Any:
        assert incoming.path.startswith("/proxy/v3/")
        return respond(replace(incoming, path=incoming.path.removeprefix("/proxy")))

    monkeypatch.setattr(modules.emulator._server, "_respond", below)
    modules.options["api_url"] += "/proxy"
    name, args = LOOKS[look]
    result = modules.run(name, **args)
    assert not result.get("failed"), result["msg"]
    assert [request.path for request in modules.emulator.requests][1:] == ["/v3/account"]


DELETIONS = {
    "domain": ("improvmx_domain", {"domain": "example.org", "state": "absent"}),
    "alias": ("improvmx_alias", {"domain": "example.org", **OLD}),
    "one of many": ("improvmx_domains", {"domains": [{"domain": "example.org", "state": "absent"}]}),
    "rule": ("improvmx_rule", {**ROUTED, **INFO, **OLD}),
    "credential": ("improvmx_smtp_credential", {**ROUTED, "username": "old", "state": "absent"}),
}


@each_stranger
@pytest.mark.parametrize("what", DELETIONS)
def test_deletion_answered_with_404_by_another_web_server_is_not_reported(
    modules: Modules, clock: Clock, what: str, html: bool
) -> None:
    name, args = DELETIONS[what]
    modules.emulator.seed(ACCOUNT)
    modules.emulator.faults.add(Fault("stranger", html=html, method="DELETE", times=None))
    result = modules.run(name, **args)
    assert result["failed"] is True
    assert "not in the form of ImprovMX" in result["msg"]
    assert result["changes"] == []
    assert len(result["pending"]) == 1
    assert modules.emulator.ledger == []


# --- Headers --------------------------------------------------------------------------------------

LONG = "9" * 5000
ODD_NUMBERS = (LONG, f"-{LONG}", f"0.{LONG}", f"1e{LONG}", "nan", "inf", "1.5", "٣", "²", "", "0x10", "1_000")
ODD_DATES = (
    "Sun, 17 Mar 2030 17:46:47 GMT",
    "Fri, 99 Foo 2026",
    f"Sun, 17 Mar {LONG} 17:46:47 GMT",
    "Sun, " * 2000,
)


@pytest.mark.parametrize("value", [*ODD_NUMBERS, *ODD_DATES], ids=lambda value: value[:12])
@pytest.mark.parametrize(
    "name", ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "Date"]
)
def test_excessive_headers_neither_fail_nor_delay_a_run_of_many_domains(
    modules: Modules, clock: Clock, name: str, value: str
) -> None:
    names = [f"new{number}.example" for number in range(12)]
    modules.emulator.faults.add(
        Fault("odd_headers", headers={name: value.encode().decode("latin-1")}, times=None)
    )
    result = modules.run("improvmx_domains", domains=[{"domain": name} for name in names], concurrency=8)
    assert not result.get("failed"), result["msg"]
    assert set(modules.emulator.account.domains) == set(names)
    assert result["api_requests"] == 2 + len(names)  # the list, the limits of the account, the domains


# --- Lists ----------------------------------------------------------------------------------------


def pages_of(monkeypatch: pytest.MonkeyPatch, template: str, page: Callable[[int, Any], Any]) -> None:
    """Let ``page(number, usual)`` make each reply of a list."""
    count = itertools.count(1)
    wrap_endpoint(monkeypatch, template, lambda usual, account, call: page(next(count), usual(account, call)))


@pytest.mark.parametrize("total", [0, 1, -1, 99, 449, None, "450", True, [], GONE], ids=repr)
def test_wrong_total_makes_a_list_neither_shorter_nor_endless(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, total: Any
) -> None:
    names = [f"d{number:03}.example" for number in range(450)]
    modules.seed({name: {} for name in names})
    pages_of(monkeypatch, "GET /domains", lambda number, usual: spoilt(usual, ("total",), total))
    result = modules.run("improvmx_domain_info")
    assert [domain["domain"] for domain in result["domains"]] == names
    assert result["api_requests"] <= 6


@pytest.mark.parametrize("totals", [(0, 10**9), (450, 0), (450, 150, 150, 450), (40, 39)], ids=repr)
def test_wrong_totals_make_a_list_neither_shorter_nor_endless(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, totals: tuple[int, ...]
) -> None:
    """The last total is repeated."""
    names = [f"d{number:03}.example" for number in range(450)]
    modules.seed({name: {} for name in names})
    pages_of(
        monkeypatch,
        "GET /domains",
        lambda number, usual: {**usual, "total": totals[min(number, len(totals)) - 1]},
    )
    result = modules.run("improvmx_domain_info")
    assert [domain["domain"] for domain in result["domains"]] == names
    assert result["api_requests"] <= 7


@pytest.mark.parametrize("total", [0, GONE], ids=repr)
def test_repeated_page_is_read_at_most_twice(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, total: Any
) -> None:
    modules.seed({"a.example": {}, "b.example": {}})
    first: list[Any] = []

    def same(number: int, usual: Any) -> Any:
        first.append(spoilt(usual, ("total",), total))
        return first[0]

    pages_of(monkeypatch, "GET /domains", same)
    result = modules.run("improvmx_domain_info")
    assert len(result["domains"]) == result["api_requests"] == 2


MANY = [f"d{number:03}.example" for number in range(250)]
BOUND = {"purge": True, "max_deletions": 10**6}
WHOLE = {
    "info": ("improvmx_domain_info", {}),
    "export": ("improvmx_export", {"path": "EXPORT"}),
    "purge": ("improvmx_domains", {**BOUND, "domains": [{"domain": MANY[0]}]}),
    "a domain that is not seen": (
        "improvmx_domains",
        {"domains": [{"domain": "z.example"}, {"domain": MANY[0]}]},
    ),
}


def run_whole(modules: Modules, task: str, tmp_path: Path) -> dict[str, Any]:
    """Run a task that needs the whole list; an export overwrites an older one."""
    name, args = WHOLE[task]
    if "path" in args:
        args = {**args, "path": str(tmp_path / "list.yml")}
    return modules.run(name, **args)


@pytest.mark.parametrize("task", WHOLE)
@pytest.mark.parametrize(
    ("lie", "requests"),
    [
        # Each reading of the list ends with a page without new items, or with its third page.
        (Fault("wrong_total", total=251, times=None), 3 * 4),
        (Fault("wrong_total", total=10**9, times=None), 3 * 4),
        (Fault("hidden", times=None), 3 * 1),
        (Fault("hidden", count=60, times=None), 3 * 3),
    ],
    ids=["one more", "many more", "all hidden", "some hidden"],
)
def test_incomplete_list_is_read_again_and_fails_before_any_write(
    modules: Modules, tmp_path: Path, task: str, lie: Fault, requests: int
) -> None:
    modules.seed({name: {} for name in MANY})
    before = ""
    if task == "export":
        assert run_whole(modules, task, tmp_path)["changed"] is True
        before = (tmp_path / "list.yml").read_text(encoding="utf-8")
    modules.emulator.faults.add(lie)
    result = run_whole(modules, task, tmp_path)
    assert result["failed"] is True
    assert re.search(r"the list shows \d+ of the \d+ entries that its total reports", result["msg"])
    assert modules.emulator.writes == []
    assert result["api_requests"] == requests
    if before:
        assert (tmp_path / "list.yml").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("task", WHOLE)
@pytest.mark.parametrize("times", [1, 2])
def test_temporarily_incomplete_list_is_read_until_it_is_complete(
    modules: Modules, tmp_path: Path, task: str, times: int
) -> None:
    modules.seed({name: {} for name in MANY})
    modules.emulator.faults.add(Fault("hidden", times=times))
    result = run_whole(modules, task, tmp_path)
    assert not result.get("failed"), result["msg"]
    reads = [request for request in modules.emulator.requests if not request.writes]
    # A domain that was not found has to be created, so the limits of the account are read.
    assert len(reads) == times + 3 + (task == "a domain that is not seen")
    if task == "info":
        assert [domain["domain"] for domain in result["domains"]] == MANY
    if task == "purge":
        assert sorted(modules.emulator.account.domains) == MANY[:1]


def test_incomplete_list_of_version_2_is_read_again_and_fails(emulator: Emulator) -> None:
    modules = Modules(emulator, api_version="v2")
    modules.seed({name: {} for name in MANY})
    emulator.faults.add(Fault("hidden", count=1))
    assert len(modules.run("improvmx_domain_info")["domains"]) == len(MANY)
    assert len(emulator.requests) == 2
    emulator.faults.add(Fault("hidden", count=1, times=None))
    result = modules.run("improvmx_domains", **BOUND, domains=[])
    assert result["failed"] is True
    assert "the list shows 249 of the 250 entries that its total reports" in result["msg"]
    assert result["api_requests"] == 3
    assert emulator.writes == []


@pytest.mark.parametrize(
    "lie", [Fault("hidden", count=1, times=None), Fault("wrong_total", total=999, times=None)]
)
def test_aliases_are_purged_only_with_a_complete_list(modules: Modules, lie: Fault) -> None:
    modules.seed({"example.com": {f"a{number}": "a@x.example" for number in range(201)}})
    modules.emulator.faults.add(replace(lie, path="/aliases$"))
    result = modules.run("improvmx_domain", domain="example.com", purge_aliases=True, aliases=[])
    assert result["failed"] is True
    assert "entries that its total reports" in result["msg"]
    assert modules.emulator.writes == []


@pytest.mark.parametrize("gone", [MANY[0], MANY[99]])
def test_list_that_shifts_while_it_is_read_hides_nothing(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """An item of the first page is deleted before the second is read, which then begins one item later."""
    modules.seed({name: {} for name in MANY})
    count = itertools.count(1)

    def shift(usual: Any, account: Any, call: Any) -> Any:
        if next(count) == 2:
            del account.domains[gone]
        return usual(account, call)

    wrap_endpoint(monkeypatch, "GET /domains", shift)
    result = modules.run("improvmx_domain_info")
    assert {domain["domain"] for domain in result["domains"]} == set(MANY)  # each existed when it was read
    assert result["api_requests"] == 3 + 1


def test_list_is_read_while_others_delete_from_it(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each reply, an item of the first page is deleted."""
    modules.seed({name: {} for name in MANY})

    def delete(usual: Any, account: Any, call: Any) -> Any:
        del account.domains[next(iter(account.domains))]
        return usual(account, call)

    wrap_endpoint(monkeypatch, "GET /domains", delete)
    result = modules.run("improvmx_domain_info")
    assert {domain["domain"] for domain in result["domains"]} == set(MANY[1:])
    # The pages 1, 2, 1, 2, 3 and 2: each deletion moves one item to the page before.
    assert result["api_requests"] == 6


def test_list_that_grows_while_it_is_read_hides_nothing(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others add a page behind the first one, and one in front: page 3 contains what page 2 did."""
    modules.seed({name: {} for name in MANY[:150]})
    behind = [f"d099{number:02}.example" for number in range(100)]
    in_front = [f"c{number:02}.example" for number in range(100)]
    added = iter(([], behind, in_front))

    def add(usual: Any, account: Any, call: Any) -> Any:
        account.domains.update({name: Domain(name, added=0) for name in next(added, [])})
        return usual(account, call)

    wrap_endpoint(monkeypatch, "GET /domains", add)
    result = modules.run("improvmx_domain_info")
    assert {domain["domain"] for domain in result["domains"]} == {*MANY[:150], *behind}
    assert result["api_requests"] == 4


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    count=st.integers(1, 40),
    changes=st.lists(st.integers(-9, 9) | st.just(-1), max_size=40),
    places=st.integers(0, 2**32),
)
@example(40, [0, *[-1] * 39], 1)
@example(40, [0, *[1] * 39], 1)
@example(40, [0, *[-1, 1] * 20], 1)
@example(40, [0, *[-9, 9] * 20], 1)
def test_every_item_that_lasts_is_read(modules: Modules, count: int, changes: list[int], places: int) -> None:
    """Before each reply, others add or delete items anywhere in the list. A page has up to 6 items.

    Neither additions alone nor single deletions alone prevent the reading.
    """
    names = [f"d{number:03}.example" for number in range(0, 10 * count, 10)]
    modules.seed({name: {} for name in names})
    todo, rng = iter(changes), random.Random(places)

    def change(usual: Any, account: Any, call: Any) -> Any:
        domains = account.domains
        step = next(todo, 0)
        for name in rng.sample(sorted(domains), min(len(domains), max(0, -step))):
            del domains[name]
        for number in rng.sample(range(100), max(0, step)):
            name = f"d{number // 9:02}{number % 9 + 1}.example"
            domains.setdefault(name, Domain(name, added=0))
        return usual(account, call)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(v3, "LONGEST_PAGE", 6)
        wrap_endpoint(patch, "GET /domains", change)
        result = modules.run("improvmx_domain_info")
    lasting = set(names) & set(modules.emulator.account.domains)
    if result.get("failed"):
        assert "the list kept changing while it was read" in result["msg"]
        assert min(changes) < 0
        assert set(changes) - {0, -1}
    else:
        assert lasting <= {domain["domain"] for domain in result["domains"]}
    pages = (count + sum(step for step in changes if step > 0)) // 6 + 2
    assert result["api_requests"] <= 3 * pages


def test_list_that_keeps_changing_fails(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    modules.seed({name: {} for name in MANY})
    pages_of(monkeypatch, "GET /domains", lambda number, usual: {**usual, "total": 250 - number % 2 * 110})
    result = modules.run("improvmx_domain_info")
    assert result["failed"] is True
    assert "the list kept changing while it was read" in result["msg"]
    # Three readings of up to 250 domains and of one more page.
    assert result["api_requests"] == 3 * 3 + 2


def test_total_of_a_filtered_list_may_count_all_domains(
    modules_of_version: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = modules_of_version
    modules.seed({name: {} for name in MANY[:50]})

    def count_all(template: str, usual: Any, account: Any, call: Any) -> Any:
        reported = usual(account, call)
        return {**reported, "total": 50} if template.startswith("GET /domains") else reported

    wrap_endpoints(monkeypatch, count_all)
    result = modules.run("improvmx_domain_info", query="d01")
    assert [domain["domain"] for domain in result["domains"]] == MANY[10:20]
    assert result["api_requests"] == (2 if modules.options["api_version"] == "v2" else 3)


def test_filtered_list_is_read_while_others_delete(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its total counts all domains, and before each reply one of them is deleted."""
    modules.seed({name: {} for name in MANY})

    def delete(usual: Any, account: Any, call: Any) -> Any:
        del account.domains[next(iter(account.domains))]
        return {**usual(account, call), "total": len(account.domains)}

    wrap_endpoint(monkeypatch, "GET /domains", delete)
    result = modules.run("improvmx_domain_info", query="d249")
    assert [domain["domain"] for domain in result["domains"]] == ["d249.example"]
    # Two pages with the filter, and six without it.
    assert result["api_requests"] == 2 + 6


def new_domain(number: int, usual: Any) -> Any:
    return {"domains": [{"domain": f"d{number}.example", "aliases": []}], "total": 10**9, "success": True}


def new_alias(number: int, usual: Any) -> Any:
    return {"aliases": [{"alias": f"a{number}", "forward": "a@x.example"}], "total": 10**9, "success": True}


def new_mail(number: int, usual: Any) -> Any:
    return {"logs": [{**MAIL, "id": f"mail-{number}"}], "success": True}


@pytest.mark.parametrize(
    ("template", "page", "name", "args", "message"),
    [
        ("GET /domains", new_domain, "improvmx_domain_info", {}, "the list has no end"),
        (
            "GET /domains",
            new_domain,
            "improvmx_domains",
            {"domains": [], "purge": True, "max_deletions": 10**6},
            "the list has no end",
        ),
        (
            "GET /domains/{domain}/aliases",
            new_alias,
            "improvmx_domain",
            {"domain": "example.com", "purge_aliases": True, "aliases": []},
            "the list has no end",
        ),
        (
            "GET /domains/{domain}/logs",
            new_mail,
            "improvmx_logs_info",
            {"domain": "example.com", "limit": 0},
            "the log has no end",
        ),
    ],
    ids=["domains", "purge", "aliases", "logs"],
)
def test_endless_list_fails_and_nothing_is_written(
    modules: Modules,
    monkeypatch: pytest.MonkeyPatch,
    template: str,
    page: Callable[[int, Any], Any],
    name: str,
    args: dict[str, Any],
    message: str,
) -> None:
    modules.seed({"example.com": {f"a{number}": "a@x.example" for number in range(201)}})
    pages_of(monkeypatch, template, page)
    monkeypatch.setattr(_api_v3, "_MOST_PAGES", 20)
    result = modules.run(name, **args)
    assert result["failed"] is True
    assert message in result["msg"]
    assert 20 <= result["api_requests"] <= 21
    assert modules.emulator.writes == []


def test_endless_log_is_read_only_up_to_the_limit(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    modules.seed({"example.com": {}})
    pages_of(monkeypatch, "GET /domains/{domain}/logs", new_mail)
    result = modules.run("improvmx_logs_info", domain="example.com", limit=5)
    assert len(result["logs"]) == result["api_requests"] == 5
