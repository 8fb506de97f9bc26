# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules and SMTP credentials with faults: reports are true, nothing is lost or created twice."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

from hypothesis import strategies as st

from emulator import Emulator

from .cases import FAULT_SETS, SECRETS, Case, one_of, seldom, some
from .conftest import ForEvery
from .guarantees import UNKNOWN
from .world import Run, run

NAME, OTHER = "a.example", "b.example"
LETTERS, USERS = "uvwxyz", ("ann", "bob", "cleo")
TO = ("ann@mail.test", "bob@mail.test")
RANKS = (1.0, 2.0, 2.5, 3.0, 7.0)
FOUND_RULES = some(
    [
        {"type": "alias", "config": {"alias": letter, "forward": to}, "rank": rank, "active": active}
        for to, rank, active in product(TO, RANKS, (True, True, False))
    ]
    for letter in LETTERS
)
WISHED_RULES = some(
    (
        [{"type": "alias", "alias": letter, "forward": [to]} for to in TO] * 2
        + [{"type": "alias", "alias": letter, "state": "absent"}]
        for letter in LETTERS
    ),
    of=2,
)
FOUND_USERS = some(([{"username": name, "password": "the-old-one"}] for name in USERS), of=2)
WISHED_USERS = some(
    (
        [
            {"username": name, "password": SECRETS[0]},
            {"username": name.title(), "password": SECRETS[0]},
            {"username": name, "state": "absent"},
        ]
        for name in USERS
    ),
    of=2,
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    domain = {
        "domain": NAME,
        "routing_engine": draw(seldom("rules", "alias", of=15)),
        "aliases": {"*": TO[0]},
        "rules": draw(FOUND_RULES),
        "credentials": draw(FOUND_USERS),
    }
    rules, explicit = draw(WISHED_RULES), draw(seldom(False, True, of=4))
    if explicit:
        rules = [{**rule, "rank": draw(one_of(RANKS))} for rule in rules]
    wish = {
        "domain": NAME,
        "rules": rules,
        "purge_rules": draw(st.booleans()),
        "credentials": draw(WISHED_USERS),
        "purge_credentials": draw(st.booleans()),
    }
    beliefs = {"list_shows_details": draw(st.booleans())}
    account = {"domains": [domain, {"domain": OTHER}], "limits": {}, "beliefs": beliefs}
    many = draw(st.booleans())
    args = {"domains": [wish, {"domain": OTHER}]} if many else wish
    return Case(account, "v3", "improvmx_domains" if many else "improvmx_domain", args, draw(FAULT_SETS))


def test_rules_and_credentials_with_faults_are_reported_truthfully(
    running_emulator: Emulator, for_every: ForEvery
) -> None:
    emulator = running_emulator

    def holds(case: Case) -> None:
        emulator.seed(case.seed)
        before = things_of(emulator)
        check = run(emulator, case, check=True)
        first = run(emulator, case, faults=case.faults)
        second = run(emulator, case)
        third = run(emulator, case)
        assert_reported(first)
        assert_reported(second)
        assert_nothing_lost(emulator, before, case)
        if case.account["domains"][0]["routing_engine"] == "alias" and case.wishes[0]["rules"]:
            assert check.failed
            assert second.failed
            assert emulator.ledger == []
            return
        assert not second.failed, second.result["msg"]
        assert third.reported == third.writes == []
        assert_as_wished(things_of(emulator), before, case)
        if not first.failed:
            assert check.reported == first.reported
            assert check.result["diff"] == first.result["diff"]

    for_every("rules and credentials", cases(), holds)


def things_of(emulator: Emulator) -> dict[str, Any]:
    domain = emulator.account.domains[NAME]
    rules = sorted(domain.rules.values(), key=lambda rule: rule.rank)
    return {
        "rules": {
            rule.config["alias"]: (rule.id, rule.config["forward"], rule.rank, rule.active) for rule in rules
        },
        "users": {each.username: each.password for each in domain.credentials.values()},
    }


def assert_reported(ended: Run) -> None:
    """Reported changes were made in that order, except for one doubtful request."""
    assert max(Counter(ended.reported).values(), default=1) == 1
    assert not set(ended.reported) & set(ended.pending)
    if UNKNOWN not in ended.result.get("msg", ""):
        assert ended.reported == ended.happened
        return
    assert ended.happened[: len(ended.reported)] == ended.reported
    assert set(ended.happened[len(ended.reported) :]) <= set(ended.pending[:1])


def assert_nothing_lost(emulator: Emulator, before: dict[str, Any], case: Case) -> None:
    """Nothing that is desired was ever deleted, and nothing was created twice."""
    wish = case.wishes[0]
    wanted = {("rule", rule["alias"]) for rule in wish["rules"] if rule.get("state") != "absent"}
    wanted |= {
        ("credential", user["username"].lower())
        for user in wish["credentials"]
        if user.get("state") != "absent"
    }
    existing = {("rule", name) for name in before["rules"]} | {
        ("credential", name) for name in before["users"]
    }
    for effect in emulator.ledger:
        thing = (effect.kind, effect.name.lower())
        if effect.action == "delete":
            assert thing not in wanted
            existing.remove(thing)
        elif effect.action == "create":
            assert thing not in existing
            existing.add(thing)


def assert_as_wished(now: dict[str, Any], before: dict[str, Any], case: Case) -> None:
    wish = case.wishes[0]
    if case.account["domains"][0]["routing_engine"] == "alias":
        assert now["rules"] == before["rules"]  # the API does not show them
        wish = {**wish, "rules": [], "purge_rules": False}
    present = {rule["alias"]: rule for rule in wish["rules"] if rule.get("state") != "absent"}
    listed = {rule["alias"] for rule in wish["rules"]}
    for name, rule in now["rules"].items():
        if name in present:
            assert rule[1] == present[name]["forward"][0]
            assert rule[3] is True
            assert name not in before["rules"] or rule[0] == before["rules"][name][0]
            assert rule[2] == present[name].get("rank", rule[2])
        else:
            assert name not in listed
            assert not wish["purge_rules"]
            assert rule == before["rules"][name]
    kept = set() if wish["purge_rules"] else set(before["rules"]) - listed
    assert set(now["rules"]) == set(present) | kept
    if not any("rank" in rule for rule in wish["rules"]):
        assert [name for name in now["rules"] if name in present] == list(present)
    users = {user["username"].lower(): user for user in wish["credentials"]}
    wanted = {name: user for name, user in users.items() if user.get("state") != "absent"}
    others = {} if wish["purge_credentials"] else {n: p for n, p in before["users"].items() if n not in users}
    passwords = {name: before["users"].get(name, SECRETS[0]) for name in wanted}
    assert {name.lower(): password for name, password in now["users"].items()} == {**others, **passwords}
