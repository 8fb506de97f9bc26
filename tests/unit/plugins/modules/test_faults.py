# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of the network and the service: a run succeeds or reports the truth, and the next one converges."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from emulator import Emulator, Fault
from harness import Clock, Modules, changes_of, effects_of

OWNER = "owner@mail.example"  # the account's own address
UNKNOWN = "could not be determined"  # in the message about a doubtful write

Account = dict[str, dict[str, frozenset[str]]]  # domain -> alias -> destinations


# --- Expected results -----------------------------------------------------------------------------


def state_of(emulator: Emulator) -> Account:
    return {
        name: {alias.alias: frozenset(alias.forward.split(",")) for alias in domain.aliases.values()}
        for name, domain in emulator.account.domains.items()
    }


def wished_state(existing: Account, wishes: list[dict[str, Any]], purge: bool = False) -> Account:
    """The desired state of the account, computed without the code under test."""
    after = {name: dict(aliases) for name, aliases in existing.items()}
    for wish in wishes:
        name = wish["domain"]
        if wish.get("state") == "absent":
            after.pop(name, None)
            continue
        aliases = after.setdefault(name, {"*": frozenset([OWNER])})
        if wish.get("purge_aliases"):
            wished = {alias["alias"] for alias in wish["aliases"]}
            for alias in set(aliases) - wished:
                del aliases[alias]
        for alias in wish.get("aliases", []):
            if alias.get("state") == "absent":
                aliases.pop(alias["alias"], None)
            else:
                aliases[alias["alias"]] = frozenset(alias["forward"])
    listed = {wish["domain"] for wish in wishes}
    return {name: aliases for name, aliases in after.items() if name in listed or not purge}


@dataclass
class Case:
    """One run with faults: the plan, the effects, and the report."""

    plan: list[tuple[str, ...]]
    wished: Account
    result: dict[str, Any]
    effects: list[tuple[str, ...]]
    only_reads: bool

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))


def run_under(modules: Modules, name: str, wished: Account, faults: Any, **args: Any) -> Case:
    """Plan in check mode without faults, then run with them."""
    emulator = modules.emulator
    check = modules.run(name, check=True, **args)
    assert not check.get("failed"), check["msg"]
    writes = len(emulator.writes)
    faults(emulator)
    result = modules.run(name, **args)
    emulator.faults.clear()
    # A change that is sent twice because of a lost answer takes effect twice, and is reported once.
    effects = list(dict.fromkeys(effects_of(emulator.ledger)))
    case = Case(changes_of(check["changes"]), wished, result, effects, len(emulator.writes) == writes)
    assert_truthful(emulator, case)
    return case


def assert_truthful(emulator: Emulator, case: Case) -> None:
    result = case.result
    reported = changes_of(result["changes"])
    assert "Traceback" not in str(result)
    assert result["changed"] is bool(reported)
    assert max(Counter(reported).values(), default=1) == 1
    if not case.failed:
        assert reported == case.effects
        assert sorted(reported) == sorted(case.plan)
        assert state_of(emulator) == case.wished
        return
    pending = changes_of(result["pending"])
    if UNKNOWN in result["msg"]:
        # Every reported change was made; other changes that may have been made are pending.
        assert not Counter(reported) - Counter(case.effects)
        assert not Counter(case.effects) - Counter(reported) - Counter(pending)
    else:
        assert reported == case.effects
    if case.only_reads and not pending:
        return  # it failed before planning
    assert sorted(reported + pending) == sorted(case.plan)


def assert_converges(modules: Modules, name: str, wished: Account, **args: Any) -> None:
    second = modules.run(name, **args)
    assert not second.get("failed"), second["msg"]
    assert state_of(modules.emulator) == wished
    third = modules.run(name, **args)
    assert third["changed"] is False
    assert third["changes"] == []


def creations_happen_once(emulator: Emulator) -> bool:
    made = Counter(effect for effect in effects_of(emulator.ledger) if effect[0] == "create")
    return max(made.values(), default=1) == 1


# --- One fault at a time --------------------------------------------------------------------------

THERE = {
    "old.example": {"*": OWNER, "info": "a@x.example", "gone": "g@x.example"},
    "kept.example": {"*": OWNER, "7": "s@x.example"},
}
WISHES: list[dict[str, Any]] = [
    {
        "domain": "old.example",
        "aliases": [
            {"alias": "info", "forward": ["b@x.example"]},
            {"alias": "one", "forward": ["1@x.example"]},
            {"alias": "two", "forward": ["2@x.example"]},
            {"alias": "gone", "state": "absent"},
        ],
    },
    {
        "domain": "new.example",
        "aliases": [
            {"alias": "*", "forward": ["c@x.example"]},
            {"alias": "one", "forward": ["1@x.example", "2@x.example"]},
            {"alias": "two", "forward": ["https://hooks.example/2"]},
            {"alias": "three", "forward": ["null"]},
        ],
    },
]
TASKS = {
    "one domain changed": ("improvmx_domain", WISHES[:1]),
    "one domain created": ("improvmx_domain", WISHES[1:]),
    "one domain deleted": ("improvmx_domain", [{"domain": "old.example", "state": "absent"}]),
    "many domains": ("improvmx_domains", WISHES),
}
FAULTS: dict[str, dict[str, Any]] = {
    "HTML 502": {"kind": "status", "status": 502, "html": True},
    "500": {"kind": "status", "status": 500},
    "503 after the effect": {"kind": "status_after", "status": 503},
    "500 after the effect": {"kind": "status_after", "status": 500, "html": True},
    "truncated JSON": {"kind": "truncated_json"},
    "cut": {"kind": "cut"},
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "empty body": {"kind": "empty"},
    "HTML 200": {"kind": "wrong_type"},
    "success false": {"kind": "success_false"},
    "list for an object": {"kind": "body", "body": ["a", "list"]},
    "number for an object": {"kind": "body", "body": 7},
    "null": {"kind": "body", "body": "null"},
    "redirect": {"kind": "redirect"},
    "huge": {"kind": "huge", "size": 1 << 20},
    "429 at once": {"kind": "rate_limit", "retry_after": 0},
    "429 in 20 s": {"kind": "rate_limit", "retry_after": 20},
    "429 until a date": {"kind": "rate_limit", "retry_after": "date", "seconds": 20},
    "429 until the reset": {"kind": "rate_limit", "reset": True, "seconds": 20},
    "429 without a word": {"kind": "rate_limit"},
    "429 for long": {"kind": "rate_limit", "retry_after": 1000},
    "batch in part": {"kind": "batch_partial"},
    "404 of a stranger": {"kind": "stranger", "html": True},
    "404 of a stranger in JSON": {"kind": "stranger"},
    "list that hides": {"kind": "hidden"},
    "list that hides one": {"kind": "hidden", "count": 1},
    "total that lies": {"kind": "wrong_total", "total": 1000},
    "headers without measure": {
        "kind": "odd_headers",
        "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 5000},
    },
}


def plan_faults(fault: Fault, emulator: Emulator) -> None:
    emulator.faults.add(fault)


def arguments(name: str, wishes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"domains": wishes} if name == "improvmx_domains" else wishes[0]


STRIKES: tuple[dict[str, Any], ...] = ({"times": 1}, {"times": 1, "skip": 1}, {"times": None})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_retried_or_reported_truthfully_and_the_next_run_converges(
    emulator: Emulator, clock: Clock, fault: str, method: str
) -> None:
    # All cases together cover each task with each version, and faults once, on the second try and always.
    turn = list(FAULTS).index(fault) + len(method)
    single = ("one domain changed", "one domain created", "one domain deleted")[turn % 3]
    for index, task in enumerate((single, "many domains")):
        name, wishes = TASKS[task]
        version = "v3" if fault == "batch in part" else ("v2", "v3")[(turn + index) % 2]
        modules = Modules(emulator, api_version=version, retry_timeout=100)
        modules.seed(THERE)
        wished = wished_state(state_of(emulator), wishes)
        args = arguments(name, wishes)
        planned = Fault(**FAULTS[fault], method=method, **STRIKES[(turn // 3 + index) % 3])
        run_under(modules, name, wished, partial(plan_faults, planned), **args)
        assert creations_happen_once(emulator)
        assert_converges(modules, name, wished, **args)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "fault",
    [
        "HTML 502",
        "503 after the effect",
        "reset before",
        "reset after",
        "cut",
        "429 at once",
        "429 in 20 s",
        "429 until a date",
        "429 until the reset",
        "429 without a word",
    ],
)
def test_a_temporary_fault_is_retried(
    modules_of_version: Modules, clock: Clock, fault: str, method: str
) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 100
    modules.seed(THERE)
    planned = Fault(**FAULTS[fault], method=method)
    wished = wished_state(state_of(modules.emulator), WISHES[:1])
    case = run_under(modules, "improvmx_domain", wished, partial(plan_faults, planned), **WISHES[0])
    assert not case.failed, case.result["msg"]


@pytest.mark.parametrize(
    "fault",
    [
        "HTML 502",
        "500",
        "503 after the effect",
        "500 after the effect",
        "truncated JSON",
        "cut",
        "reset before",
        "reset after",
        "empty body",
        "HTML 200",
        "429 in 20 s",
    ],
)
@pytest.mark.parametrize("name", ["improvmx_domain", "improvmx_domains"])
def test_a_creation_with_a_lost_answer_happens_once(
    modules_of_version: Modules, clock: Clock, fault: str, name: str
) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 100
    planned = Fault(**FAULTS[fault], method="POST", path=r"/domains/?$")
    wished = wished_state({}, WISHES[1:])
    args = arguments(name, WISHES[1:])
    case = run_under(modules, name, wished, partial(plan_faults, planned), **args)
    assert creations_happen_once(modules.emulator)
    if fault != "500":  # for which a retry may not help
        assert not case.failed, case.result["msg"]


def test_a_partly_accepted_batch_is_completed(modules: Modules) -> None:
    modules.seed(THERE)
    wished = wished_state(state_of(modules.emulator), WISHES)
    fault = Fault("batch_partial", times=None)
    case = run_under(modules, "improvmx_domains", wished, partial(plan_faults, fault), domains=WISHES)
    assert not case.failed, case.result["msg"]
    assert creations_happen_once(modules.emulator)


# --- Messages -------------------------------------------------------------------------------------

PERSISTENT: dict[str, list[str]] = {
    "HTML 502": ["502", "text/html", "502 upstream trouble"],
    "500": ["500", "Something went wrong."],
    "500 after the effect": ["500"],
    "truncated JSON": ["200", "not with JSON"],
    "empty body": ["200", "not with JSON", "empty body"],
    "HTML 200": ["200", "not with JSON", "text/html"],
    "success false": ["200", "Please try again."],
    "list for an object": ["not a JSON object"],
    "redirect": ["redirect", "elsewhere.example"],
    "reset before": ["connection"],
    "cut": ["connection"],
    "429 for long": ["429", "Rate limit exceeded.", "retry_timeout"],
    "404 of a stranger": ["404", "not in the form of ImprovMX", "text/html", "check api_url"],
    "404 of a stranger in JSON": ["404", "not in the form of ImprovMX", "application/json", "check api_url"],
}


@pytest.mark.parametrize("fault", PERSISTENT)
@pytest.mark.parametrize("name", ["improvmx_domain", "improvmx_domains", "improvmx_domain_info"])
def test_a_failed_read_names_the_request_its_status_and_the_services_message(
    modules_of_version: Modules, clock: Clock, name: str, fault: str
) -> None:
    modules = modules_of_version
    modules.seed(THERE)
    modules.emulator.faults.add(Fault(**FAULTS[fault], times=None))
    args = {} if name.endswith("_info") else arguments(name, WISHES)
    result = modules.run(name, **args)
    assert result["failed"] is True
    version = modules.options["api_version"]
    for text in [f"GET /{version}/domains", *PERSISTENT[fault]]:
        assert text in result["msg"]
    assert "\n" not in result["msg"]
    assert "exception" not in result
    if not name.endswith("_info"):
        assert result["changes"] == result["pending"] == []
        assert result["msg"].endswith(" Nothing was changed.")
    assert modules.emulator.writes == []


@pytest.mark.parametrize("fault", [fault for fault in PERSISTENT if fault not in ("cut", "HTML 200")])
@pytest.mark.parametrize("name", ["improvmx_domain", "improvmx_domains"])
def test_a_failed_write_names_the_request_its_status_and_what_was_not_done(
    modules_of_version: Modules, clock: Clock, name: str, fault: str
) -> None:
    modules = modules_of_version
    # The write has no effect, whatever the answer looks like.
    unlike = {"500 after the effect": "status", "truncated JSON": "body", "empty body": "body"}
    bodies = {"truncated JSON": '{"success": tr', "empty body": b""}
    described = {**FAULTS[fault], "kind": unlike.get(fault, FAULTS[fault]["kind"])}
    if fault in bodies:
        described["body"] = bodies[fault]
    planned = Fault(**described, method="PUT", times=None)
    modules.seed(THERE)
    wished = wished_state(state_of(modules.emulator), WISHES[:1])
    args = arguments(name, WISHES[:1])
    case = run_under(modules, name, wished, partial(plan_faults, planned), **args)
    assert case.failed
    version = modules.options["api_version"]
    for text in [f"PUT /{version}/domains/old.example/aliases/info", *PERSISTENT[fault]]:
        assert text in case.result["msg"]
    assert "Done: delete alias gone of old.example" in case.result["msg"]
    assert changes_of(case.result["pending"]) == [
        ("update", "alias", "old.example", "info"),
        ("create", "alias", "old.example", "one"),
        ("create", "alias", "old.example", "two"),
    ]


def test_an_outage_in_the_middle_of_a_run_leaves_the_rest_untried(
    modules_of_version: Modules, clock: Clock
) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 30
    names = [f"d{number:02}.example" for number in range(30)]
    wishes = [{"domain": name, "aliases": [{"alias": "*", "state": "absent"}]} for name in names]
    wished = wished_state({}, wishes)
    fault = Fault("status", status=503, html=True, skip=12, times=None)
    case = run_under(modules, "improvmx_domains", wished, partial(plan_faults, fault), domains=wishes)
    assert case.failed
    assert sum(clock.slept) <= 3 * 30
    assert len(case.result["failed_domains"]) >= 20
    assert_converges(modules, "improvmx_domains", wished, domains=wishes)


def test_waits_stay_within_the_retry_timeout(modules_of_version: Modules, clock: Clock) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 50
    modules.seed(THERE)
    modules.emulator.faults.add(Fault("rate_limit", retry_after=20, times=None))
    result = modules.run("improvmx_domain_info")
    assert result["failed"] is True
    assert clock.slept == pytest.approx([20, 20], abs=1)
    assert result["api_requests"] == 3


@pytest.mark.parametrize("fault", ["HTML 502", "reset before", "429 at once", "429 in 20 s"])
def test_without_a_retry_timeout_a_request_is_tried_once(
    modules_of_version: Modules, clock: Clock, fault: str
) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 0
    modules.emulator.faults.add(Fault(**FAULTS[fault]))
    result = modules.run("improvmx_domain_info")
    assert result["failed"] is True
    assert result["api_requests"] == 1
    assert clock.slept == []


def test_a_long_wait_for_the_rate_limit_is_reported(modules_of_version: Modules, clock: Clock) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 100
    modules.emulator.faults.add(Fault("rate_limit", retry_after=30, reset=True))
    result = modules.run("improvmx_domain_info")
    assert not result.get("failed"), result["msg"]
    (warning,) = result["warnings"]
    assert "rate limit" in warning
    assert "30 s" in warning


def test_check_mode_under_faults_still_sends_reads_only(modules_of_version: Modules, clock: Clock) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 100
    modules.seed(THERE)
    modules.emulator.faults.add(*(Fault(**FAULTS[fault]) for fault in ("HTML 502", "reset after", "cut")))
    check = modules.run("improvmx_domains", check=True, domains=WISHES)
    assert not check.get("failed"), check["msg"]
    assert check["changed"] is True


# --- Cases found by random tests ------------------------------------------------------------------


@pytest.mark.parametrize(
    "catch_all", [{"forward": ["c@x.example"]}, {"state": "absent"}], ids=["update", "delete"]
)
@pytest.mark.parametrize("fault", ["500 after the effect", "truncated JSON", "empty body", "HTML 200"])
def test_an_update_of_the_new_catch_all_with_a_lost_answer_is_reported_once(
    modules_of_version: Modules, clock: Clock, fault: str, catch_all: dict[str, Any]
) -> None:
    modules = modules_of_version
    method = "PUT" if "forward" in catch_all else "DELETE"
    planned = Fault(**FAULTS[fault], method=method)
    wish = {"domain": "new.example", "aliases": [{"alias": "*", **catch_all}]}
    wished = wished_state({}, [wish])
    case = run_under(modules, "improvmx_domain", wished, partial(plan_faults, planned), **wish)
    assert not case.failed, case.result["msg"]


@pytest.mark.parametrize("blind", [1, 2, None], ids=["once", "twice", "for ever"])
@pytest.mark.parametrize("kind", ["domain", "alias"])
def test_a_doubtful_creation_is_not_sent_again_while_reads_fail(
    modules_of_version: Modules, clock: Clock, kind: str, blind: int | None
) -> None:
    modules = modules_of_version
    if kind == "alias":
        modules.seed({"new.example": {"*": OWNER}})
    wish = {"domain": "new.example", "aliases": [{"alias": "one", "forward": ["1@x.example"]}]}
    wished = wished_state(state_of(modules.emulator), [wish])

    def strike(emulator: Emulator) -> None:
        emulator.faults.add(
            Fault("status_after", status=502, method="POST"),
            Fault("status", status=500, method="GET", skip=1, times=blind),
        )

    run_under(modules, "improvmx_domain", wished, strike, **wish)
    lost = next(index for index, request in enumerate(modules.emulator.requests) if request.status == 502)
    first = modules.emulator.requests[lost]
    after = [request for request in modules.emulator.requests[lost + 1 :] if request.body == first.body]
    assert after == []
    assert_converges(modules, "improvmx_domain", wished, **wish)


@pytest.mark.parametrize("then", ["429 without a word", "429 for long", "400", "403", "503"])
@pytest.mark.parametrize("first", ["reset after", "503 after the effect", "cut"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_with_a_lost_answer_is_reported_as_done_whatever_its_retry_returns(
    modules_of_version: Modules, clock: Clock, method: str, first: str, then: str
) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 100
    modules.seed({"old.example": {"info": "a@x.example"}})
    refused = {"kind": "body", "status": int(then[:3]), "body": {"error": "No."}}
    repeat = FAULTS.get(then, refused)
    forward = {"forward": ["b@x.example"]} if method == "PUT" else {"state": "absent"}
    wish = {"domain": "old.example", "aliases": [{"alias": "info", **forward}]}
    wished = wished_state(state_of(modules.emulator), [wish])

    def strike(emulator: Emulator) -> None:
        times = None if then in ("503", "429 without a word") else 1
        emulator.faults.add(
            Fault(**FAULTS[first], method=method), Fault(**repeat, method=method, times=times)
        )

    case = run_under(modules, "improvmx_domain", wished, strike, **wish)
    assert len(case.effects) == len(modules.emulator.ledger) == 1
    if then == "429 for long":  # which also prevents the look
        assert UNKNOWN in case.result["msg"]
    else:
        assert not case.failed, case.result["msg"]


# --- Random faults --------------------------------------------------------------------------------

DOMAINS = ("a.example", "b.example", "c.example", "xn--bcher-kva.example", "z.example")
ALIASES = ("*", "info", "sales", "7", "12", r"^(x|y)[0-9]+/\d$", "null")
DESTINATIONS = ("1@m.test", "2@m.test", "Three@m.test", "https://h.test/Mail")


def random_forward(dice: random.Random) -> list[str]:
    if dice.random() < 0.1:
        return ["null"]
    return dice.sample(DESTINATIONS, dice.randint(1, 3))


def random_account(dice: random.Random) -> dict[str, dict[str, str]]:
    return {
        name: {alias: ",".join(random_forward(dice)) for alias in dice.sample(ALIASES, dice.randint(0, 5))}
        for name in dice.sample(DOMAINS, dice.randint(0, 4))
    }


def random_alias_wish(dice: random.Random, alias: str) -> dict[str, Any]:
    if dice.random() < 0.25:
        return {"alias": alias, "state": "absent"}
    return {"alias": alias, "forward": random_forward(dice)}


def random_wish(dice: random.Random, name: str) -> dict[str, Any]:
    if dice.random() < 0.15:
        return {"domain": name, "state": "absent"}
    names = dice.sample(ALIASES, dice.randint(0, 6))
    aliases = [random_alias_wish(dice, alias) for alias in names]
    return {"domain": name, "aliases": aliases, "purge_aliases": dice.random() < 0.3}


# tests/properties tries thousands of such cases.
@pytest.mark.parametrize("seed", range(25))
def test_random_faults_end_in_the_desired_state_or_a_truthful_report(
    modules_of_version: Modules, clock: Clock, seed: int
) -> None:
    modules = modules_of_version
    emulator = modules.emulator
    modules.options["retry_timeout"] = 30
    dice = random.Random(seed)
    modules.seed(random_account(dice))
    before = state_of(emulator)
    unlisted = emulator.dump(ids=True)["domains"]
    name = dice.choice(("improvmx_domain", "improvmx_domains", "improvmx_domains"))
    count = 1 if name == "improvmx_domain" else dice.randint(1, 4)
    wishes = [random_wish(dice, domain) for domain in dice.sample(DOMAINS, count)]
    purge = name == "improvmx_domains" and dice.random() < 0.25
    wished = wished_state(before, wishes, purge)
    args = {**arguments(name, wishes), **({"purge": True, "max_deletions": 99} if purge else {})}

    def strike(struck: Emulator) -> None:
        struck.faults.random(seed=seed, rate=dice.choice((0.1, 0.25, 0.5)))

    run_under(modules, name, wished, strike, **args)
    assert creations_happen_once(emulator)
    assert_untouched_beyond(emulator, before, wishes, wished)
    assert_converges(modules, name, wished, **args)
    if not purge:
        listed = {wish["domain"] for wish in wishes}
        after = emulator.dump(ids=True)["domains"]
        assert [one for one in after if one["domain"] not in listed] == [
            one for one in unlisted if one["domain"] not in listed
        ]


def assert_untouched_beyond(
    emulator: Emulator, before: Account, wishes: list[dict[str, Any]], wished: Account
) -> None:
    """Each domain and alias is in its previous state, in its desired state, or just created."""
    now = state_of(emulator)
    listed = {wish["domain"] for wish in wishes}
    for domain in {*before, *now} - listed:
        assert now.get(domain) in (before.get(domain), wished.get(domain))
    for domain in set(now) & listed:
        was = before.get(domain, {"*": frozenset([OWNER])})
        goal = wished.get(domain, was)
        for alias in {*was, *now[domain]}:
            assert now[domain].get(alias) in (was.get(alias), goal.get(alias))
