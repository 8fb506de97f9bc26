# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replies that are not what the API promises: a sentence that says what is wrong, or a right result.

Whatever a reply says, nothing is deleted that was not asked for, and a run over sound replies sets all
right again.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils import _api_v3
from catalogue import NAMES, first_example, versions, writes
from emulator import Emulator, logs, v3
from emulator.dns import EXPECTED_MX
from harness import (
    Clock,
    Modules,
    assert_no_secret,
    effects_of,
    run_main,
    wrap_endpoint,
    wrap_endpoints,
)

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
    """A task, and the endpoints of which its replies are spoilt; without any, all that it asks."""

    module: str
    args: dict[str, Any]
    endpoints: tuple[str, ...] = ()
    versions: tuple[str, ...] = ("v2", "v3")


CASES = {
    "all domains": Case("improvmx_domain_info", {}),
    "one domain": Case("improvmx_domain_info", {"domain": "example.com"}),
    "logs": Case("improvmx_logs_info", {"domain": "example.com", "limit": 0}),
    "logs of an alias": Case("improvmx_logs_info", {"domain": "example.com", "alias": "info", "limit": 0}),
    "alias made": Case(
        "improvmx_alias",
        {"domain": "example.com", "alias": "new", "forward": "a@x.example"},
        ("GET /domains/{domain}", "POST /domains/{domain}/aliases", "POST /domains/{domain}/aliases/"),
    ),
    "domain made": Case(
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
    "rule made": Case("improvmx_rule", {**ROUTED, **INFO}, versions=("v3",)),
    "rule changed": Case("improvmx_rule", {**ROUTED, **INFO, "alias": "sales"}, versions=("v3",)),
    "rule gone": Case("improvmx_rule", {**ROUTED, **INFO, **OLD}, versions=("v3",)),
    "credential made": Case(
        "improvmx_smtp_credential", {**ROUTED, **ONCE, "username": "new"}, versions=("v3",)
    ),
    "credential gone": Case(
        "improvmx_smtp_credential", {**ROUTED, "username": "old", "state": "absent"}, versions=("v3",)
    ),
}
_USED = {case.module for case in CASES.values()}
CASES |= {
    name: Case(name, first_example(name), versions=tuple(versions(name)))
    for name in NAMES
    if name not in _USED
}
each_case = pytest.mark.parametrize(
    ("version", "name"), [(version, name) for name, case in CASES.items() for version in case.versions]
)


def deep(levels: int) -> Any:
    nest: Any = "deep"
    for level in range(levels):
        nest = [nest] if level % 2 else {"in": nest}
    return nest


GONE = "a place that is not there"
ODD = (GONE, None, True, 10**300, "\ud800\0", [], {"a": [None]}, deep(900))


def nodes(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places in a reply; of a list, in its first element."""
    yield path
    if len(path) > 9:
        return
    if isinstance(content, dict):
        for key in content:
            yield from nodes(content[key], (*path, key))
    elif isinstance(content, list) and content:
        yield from nodes(content[0], (*path, 0))


def spoilt(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The content with another value in a place, or without that place."""
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


def as_it_is(template: str, content: Any) -> Any:
    return content


@dataclass(frozen=True)
class Outcome:
    """What a run over sound replies does, and what is there then."""

    effects: list[tuple[str, ...]]
    state: Any


def state_of(emulator: Emulator) -> Any:
    return [{**domain, "added": None} for domain in emulator.dump()["domains"]]


class Service:
    """The emulator with replies that a test may spoil."""

    def __init__(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.emulator = emulator
        self.replies: list[tuple[str, Any]] = []
        self.spoil: Spoil = as_it_is
        # Few things fill a page, so that small replies show everything that large ones do.
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
        told = json.dumps(result, allow_nan=False, ensure_ascii=False)
        told.encode()  # Ansible refuses halves of characters
        assert "Traceback" not in told
        assert "exception" not in result
        assert_no_secret(told, self.emulator.api_key)
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
        """Run over spoilt replies, then over sound ones."""
        self.emulator.seed(ACCOUNT)
        self.spoil = spoil
        self.run(version, case)
        self.spoil = as_it_is
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
def test_spoilt_reply_is_told_or_does_no_harm(service: Service, version: str, name: str) -> None:
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
    for index, (template, path) in enumerate(places):
        for value in ODD[index % 3 :: 3]:
            service.check_spoilt(version, case, sound, partial(spoil_at, template, path, value))


def spoil_at(template: str, path: tuple[Any, ...], value: Any, told: str, content: Any) -> Any:
    """Spoil a place in every reply of an endpoint that has it."""
    return spoilt(content, path, value) if told == template and path in nodes(content) else content


ANYTHING = (
    *ODD[:-1], deep(50), "", "x", "*", "\0\n\x1b[31m", "example.com", "9" * 5000, 0, 1, -1, 1e308, [[]],
)  # fmt: skip


@pytest.mark.parametrize("seed", range(75))
def test_replies_that_are_spoilt_at_random_are_told_or_do_no_harm(service: Service, seed: int) -> None:
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


# --- Lists ----------------------------------------------------------------------------------------


def pages_of(monkeypatch: pytest.MonkeyPatch, template: str, page: Callable[[int, Any], Any]) -> None:
    """Let ``page(number, usual)`` make each reply of a list."""
    count = itertools.count(1)
    wrap_endpoint(monkeypatch, template, lambda usual, account, call: page(next(count), usual(account, call)))


@pytest.mark.parametrize("total", [0, 1, -1, 99, 249, 251, 10**9, None, "250", True, [], GONE], ids=repr)
def test_total_that_is_wrong_makes_a_list_neither_shorter_nor_endless(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, total: Any
) -> None:
    names = [f"d{number:03}.example" for number in range(250)]
    modules.seed({name: {} for name in names})
    pages_of(monkeypatch, "GET /domains", lambda number, usual: spoilt(usual, ("total",), total))
    result = modules.run("improvmx_domain_info")
    assert [domain["domain"] for domain in result["domains"]] == names
    assert result["api_requests"] <= 4


@pytest.mark.parametrize("total", [0, 10**9, GONE], ids=repr)
def test_page_that_comes_again_and_again_is_read_twice(
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


def new_domain(number: int, usual: Any) -> Any:
    return {"domains": [{"domain": f"d{number}.example", "aliases": []}], "total": 10**9, "success": True}


def new_alias(number: int, usual: Any) -> Any:
    return {"aliases": [{"alias": f"a{number}", "forward": "a@x.example"}], "total": 10**9, "success": True}


def new_mail(number: int, usual: Any) -> Any:
    return {"logs": [{**MAIL, "id": f"mail-{number}"}], "success": True}


@pytest.mark.parametrize(
    ("template", "page", "name", "args", "words"),
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
def test_list_without_end_is_given_up_and_nothing_is_written(
    modules: Modules,
    monkeypatch: pytest.MonkeyPatch,
    template: str,
    page: Callable[[int, Any], Any],
    name: str,
    args: dict[str, Any],
    words: str,
) -> None:
    modules.seed({"example.com": {f"a{number}": "a@x.example" for number in range(201)}})
    pages_of(monkeypatch, template, page)
    monkeypatch.setattr(_api_v3, "_MOST_PAGES", 20)
    result = modules.run(name, **args)
    assert result["failed"] is True
    assert words in result["msg"]
    assert 20 <= result["api_requests"] <= 21
    assert modules.emulator.writes == []


def test_log_is_read_no_further_than_the_limit_where_it_has_no_end(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.seed({"example.com": {}})
    pages_of(monkeypatch, "GET /domains/{domain}/logs", new_mail)
    result = modules.run("improvmx_logs_info", domain="example.com", limit=5)
    assert len(result["logs"]) == result["api_requests"] == 5
