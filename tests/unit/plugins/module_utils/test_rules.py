# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of the plan for rules, for any rules and wishes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, count, pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._errors import PlanError
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import Domain, DomainWish
from ansible_collections.improvmx.email.plugins.module_utils._model.problems import Problems
from ansible_collections.improvmx.email.plugins.module_utils._model.rules import (
    MATCHERS,
    SCOPES,
    Rule,
    RuleWish,
    rank_order,
    read_rules,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan.changes import Change
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import outcome
from ansible_collections.improvmx.email.plugins.module_utils._plan.rules import rule_changes

# Independent of the speed of the machine.
settings.register_profile("rules", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
PROFILE = settings.get_profile("rules")

NAME = "example.com"
DESTINATIONS = ("a@x.example", "b@y.example", "https://h.example/Mail")
LETTERS = "abcdefgh"

matchers = st.sampled_from(["info", "INFO", "sales", "*", "a|b", " a|b "])
scopes = st.lists(st.sampled_from(SCOPES), min_size=1, unique=True).map(tuple)
forwards = st.lists(st.sampled_from(DESTINATIONS), min_size=1, unique=True).map(tuple)
ranks = st.sampled_from([0.0, 1.0, 2.5])


def _rules(drawn: list[tuple[Any, ...]]) -> list[Rule]:
    """With ids."""
    return [
        Rule(kind, matcher, scoped if kind == "regex" else (), forward, rank, active, f"r{number}")
        for number, (kind, matcher, scoped, forward, rank, active) in enumerate(drawn, 1)
    ]


kinds = st.sampled_from(list(MATCHERS))
rule_lists = st.lists(st.tuples(kinds, matchers, scopes, forwards, ranks, st.booleans()), max_size=6).map(
    _rules
)


def _wish(drawn: tuple[Any, ...]) -> RuleWish:
    present, kind, matcher, scoped, forward, rank, active = drawn
    return RuleWish(
        present=present,
        type=kind,
        matcher=matcher,
        scopes=scoped if kind == "regex" else None,
        forward=forward,
        rank=rank,
        active=active,
    )


wish_fields = (kinds, matchers, scopes, forwards, st.none() | ranks, st.booleans())
wishes = st.tuples(st.booleans(), *wish_fields).map(_wish)
present_wishes = st.tuples(st.just(True), *wish_fields).map(_wish)


def wished(*rules: RuleWish, purge: bool = False) -> DomainWish:
    return DomainWish(NAME, rules=rules, purge_rules=purge)


def planned(wish: DomainWish, rules: list[Rule]) -> list[Change]:
    """The plan, if there is one."""
    try:
        return rule_changes(wish, rules)
    except PlanError as error:
        assume("select one with id" not in str(error))
        raise


def after(changes: list[Change], rules: list[Rule]) -> list[Rule]:
    """The rules after changes; new ones have ids."""
    numbers = count(1)
    made = [
        c._replace(id=c.thing.id, thing=c.thing)
        if c.action != "create"
        else c._replace(thing=replace(c.thing, id=f"new{next(numbers)}"))
        for c in changes
        if c.after
    ] + [c for c in changes if not c.after]
    domain = outcome(Domain(NAME, rules=tuple(rules)), made)
    assert domain is not None
    assert domain.rules is not None
    return list(domain.rules)


@PROFILE
@given(wishes, rule_lists)
def test_what_was_planned_needs_no_second_plan(wish: RuleWish, rules: list[Rule]) -> None:
    changes = planned(wished(wish), rules)
    assert len(changes) <= 1
    assert rule_changes(wished(wish), after(changes, rules)) == []


@PROFILE
@given(wishes, rule_lists)
def test_a_change_shows_what_differs_and_nothing_else(wish: RuleWish, rules: list[Rule]) -> None:
    for change in planned(wished(wish), rules):
        before: dict[str, Any] = next((rule.fields() for rule in rules if rule.id == change.id), {})
        wanted: dict[str, Any] = change.thing.fields() if change.thing else {}
        if change.action == "update":
            assert {**before, **change.after} == wanted
            assert {name: before[name] for name in change.before} == change.before
            assert all(before[name] != wanted[name] for name in change.after)
            assert (change.thing.id, change.thing.type) == (change.id, before["type"])
        else:
            assert change.before == (before or None)
            assert change.after == ({k: v for k, v in wanted.items() if v is not None} or None)


@PROFILE
@given(present_wishes, rule_lists, st.randoms())
def test_order_of_destinations_and_scopes_makes_no_difference(
    wish: RuleWish, rules: list[Rule], dice: Random
) -> None:
    others = after(planned(wished(wish), rules), rules)
    shuffled = replace(
        wish,
        forward=tuple(dice.sample(wish.forward or (), len(wish.forward or ()))),
        scopes=wish.scopes and tuple(dice.sample(wish.scopes, len(wish.scopes))),
    )
    dice.shuffle(others)
    assert rule_changes(wished(shuffled), others) == []


@PROFILE
@given(wishes, rule_lists, rule_lists)
def test_other_rules_make_no_difference(wish: RuleWish, rules: list[Rule], others: list[Rule]) -> None:
    strangers = [replace(rule, id=f"s{rule.id}") for rule in others if not wish.matches(rule)]
    assert planned(wished(wish), [*strangers, *rules]) == planned(wished(wish), rules)


# --- Lists ----------------------------------------------------------------------------------------

some_ranks = st.one_of(
    st.none(),
    st.integers(-3, 12).map(float),
    st.floats(-1e300, 1e300, allow_nan=False, allow_infinity=False),
    st.sampled_from([1.0, 1.0000000000000002, 5e-324, 1e308]),
)
# Most of these leave room between each other.
roomy_ranks = st.one_of(
    st.none(),
    st.integers(-3, 12).map(float),
    st.integers(-8 * 10**9, 8 * 10**9).map(lambda number: number / 8),
)


def alias_rule(letter: str, rank: float | None, forward: str = DESTINATIONS[0]) -> Rule:
    return Rule("alias", letter, forward=(forward,), rank=rank, id=f"id-{letter}")


def alias_wish(letter: str, forward: str = DESTINATIONS[0]) -> RuleWish:
    return RuleWish(type="alias", matcher=letter, forward=(forward,), place=letter)


@PROFILE
@given(
    st.lists(st.tuples(st.sampled_from(LETTERS), some_ranks), unique_by=lambda pair: pair[0]),
    st.lists(st.sampled_from(LETTERS), unique=True),
    st.booleans(),
)
def test_rules_come_into_the_order_of_the_list_with_the_fewest_writes(
    existing: list[tuple[str, float | None]], order: list[str], purge: bool
) -> None:
    rules = [alias_rule(letter, rank) for letter, rank in existing]
    wish = wished(*map(alias_wish, order), purge=purge)
    changes = rule_changes(wish, rules)
    result = after(changes, rules)
    assert rule_changes(wish, result) == []
    tried = [rule.matcher for rule in sorted(result, key=rank_order) if rule.matcher in order]
    if len(order) > 1:
        assert tried == order
        assert all(rule.rank is not None for rule in result if rule.matcher in order)
    others = {rule.id: rule for rule in result if rule.matcher not in order}
    assert others == ({} if purge else {rule.id: rule for rule in rules if rule.matcher not in order})
    assert len({change.key for change in changes}) == len(changes)
    moved = [change.name for change in changes if change.action == "update"]
    known = dict(existing)
    stay = [(letter, known[letter]) for letter in order if known.get(letter) is not None]
    if len(order) > 1 and not is_crowded(known):
        assert len(moved) == len([letter for letter in order if letter in known]) - longest_rise(stay)


def is_crowded(ranks_of: dict[str, float | None]) -> bool:
    """Whether there may be no room between two ranks, so that all are renumbered."""
    values = sorted(rank for rank in ranks_of.values() if rank is not None)
    gaps = [high - low for low, high in zip([0.0, *values], values, strict=False)]
    return any(abs(value) > 1e9 or 0 < abs(value) < 1e-6 for value in values) or any(
        0 < gap < 1e-3 for gap in gaps
    )


def longest_rise(ranked: list[tuple[str, float | None]]) -> int:
    """The longest rise, by brute force."""
    for size in range(len(ranked), 0, -1):
        for chosen in combinations([rank for _letter, rank in ranked if rank is not None], size):
            if all(low < high for low, high in pairwise(chosen)):
                return size
    return 0


@PROFILE
@given(
    st.lists(st.tuples(st.sampled_from(LETTERS), roomy_ranks), unique_by=lambda pair: pair[0]),
    st.permutations(LETTERS),
)
def test_plan_made_anew_after_some_creations_comes_to_the_same_ranks(
    existing: list[tuple[str, float | None]], order: list[str]
) -> None:
    ranks_of = {letter: rank for letter, rank in existing if rank is not None}
    assume(not is_crowded(dict(ranks_of)) and len(set(ranks_of.values())) == len(ranks_of))
    rising = iter(sorted(ranks_of, key=lambda letter: ranks_of[letter]))
    order = [next(rising) if letter in ranks_of else letter for letter in order]
    rules = [alias_rule(letter, rank) for letter, rank in ranks_of.items()]
    wish = wished(*map(alias_wish, order))
    changes = rule_changes(wish, rules)
    assert [change.name for change in changes] == [letter for letter in order if letter not in ranks_of]
    for done in range(len(changes)):
        left = rule_changes(wish, after(changes[:done], rules))
        assert [(change.name, change.after) for change in left] == [
            (change.name, change.after) for change in changes[done:]
        ]


INFO = {"type": "alias", "alias": "info", "forward": ["a@x.example"]}
SEEN = {"type": "regex", "regex": "x", "scopes": ["body"], "forward": ["a@x.example"]}


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([INFO, {**INFO, "alias": "INFO"}], "rules[0] and rules[1] are the same rule"),
        ([SEEN, {**SEEN, "scopes": None}], "rules[0] and rules[1] are the same rule"),
        ([{**INFO, "id": "a"}, {**SEEN, "id": "A"}], "rules[0] and rules[1] are the same rule"),
        ([{**INFO, "rank": 1.0}, SEEN], "rules: some have a rank and others have none"),
        ([{**INFO, "rank": float("inf")}], "rules[0], rank: it must be a finite number"),
        ([{"type": "cel", "regex": "x", "forward": ["a@x.example"]}], "rules[0], regex: a rule of type cel"),
        ([{"forward": ["a@x.example"]}], "rules[0], type: it is required unless id selects the rule"),
        ([{"type": "alias", "alias": "info"}], "rules[0], forward: at least one destination is required"),
    ],
)
def test_bad_list_is_refused(items: list[dict[str, Any]], problem: str) -> None:
    problems = Problems()
    read_rules(items, NAME, "", problems)
    assert any(text.startswith(problem) for text in problems), problems


@pytest.mark.parametrize(
    "items",
    [
        [SEEN, {**SEEN, "scopes": ["subject"]}],  # the same regex for other parts of a mail
        [{**INFO, "rank": 1.0}, {**SEEN, "state": "absent"}],  # a deleted rule needs no rank
        [{**INFO, "id": "a", "rank": 1.0}, {**INFO, "id": "b", "rank": 2.0}],
    ],
)
def test_unusual_but_valid_list_is_accepted(items: list[dict[str, Any]]) -> None:
    problems = Problems()
    assert len(read_rules(items, NAME, "", problems)) == 2
    assert problems == []
