# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true of the plan for a rule, whatever the rules and the wish."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._plan import PlanError, Step
from ansible_collections.improvmx.email.plugins.module_utils._rules import (
    MATCHERS,
    SCOPES,
    Rule,
    RuleWish,
    plan_rule,
)

# How fast the machine is makes no difference.
settings.register_profile("rules", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
PROFILE = settings.get_profile("rules")

NAME = "example.com"
DESTINATIONS = ("a@x.example", "b@y.example", "https://h.example/Mail")

matchers = st.sampled_from(["info", "INFO", "sales", "*", "a|b", " a|b "])
scopes = st.lists(st.sampled_from(SCOPES), min_size=1, unique=True).map(tuple)
forwards = st.lists(st.sampled_from(DESTINATIONS), min_size=1, unique=True).map(tuple)
ranks = st.sampled_from([0.0, 1.0, 2.5])


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Rule]:
    numbers = count(1)
    one = st.builds(
        lambda kind, scoped, **fields: Rule(
            kind, scopes=scoped if kind == "regex" else (), id=f"r{next(numbers)}", **fields
        ),
        st.sampled_from(list(MATCHERS)),
        scopes,
        matcher=matchers,
        forward=forwards,
        rank=ranks,
        active=st.booleans(),
    )
    return draw(st.lists(one, max_size=6))


@st.composite
def wishes(draw: st.DrawFn, present: bool | None = None) -> RuleWish:
    kind = draw(st.sampled_from(list(MATCHERS)))
    return RuleWish(
        NAME,
        present=draw(st.booleans()) if present is None else present,
        type=kind,
        matcher=draw(matchers),
        scopes=draw(scopes) if kind == "regex" else None,
        forward=draw(forwards),
        rank=draw(st.none() | ranks),
        active=draw(st.booleans()),
    )


def planned(wish: RuleWish, rules: list[Rule]) -> Step[Rule]:
    """The plan, where there is one."""
    try:
        return plan_rule(wish, rules)
    except PlanError as error:
        assume("name the one that is meant" not in str(error))
        raise


def after(step: Step[Rule], rules: list[Rule]) -> list[Rule]:
    """The rules after a step."""
    kept = [rule for rule in rules if rule is not step.before]
    return [*kept, *([step.after] if step.after else [])]


@PROFILE
@given(wishes(), rule_lists())
def test_what_was_planned_needs_no_second_plan(wish: RuleWish, rules: list[Rule]) -> None:
    step = planned(wish, rules)
    again = plan_rule(wish, after(step, rules))
    assert again.change is None
    assert again.before is again.after is step.after


@PROFILE
@given(wishes(), rule_lists())
def test_a_change_shows_what_differs_and_nothing_else(wish: RuleWish, rules: list[Rule]) -> None:
    step = planned(wish, rules)
    if step.change is None:
        assert step.before is step.after
        return
    before: dict[str, Any] = step.before.fields() if step.before else {}
    wanted: dict[str, Any] = step.after.fields() if step.after else {}
    if step.change.action == "update":
        assert {**before, **step.change.after} == wanted
        assert {name: before[name] for name in step.change.before} == step.change.before
        assert all(before[name] != wanted[name] for name in step.change.after)
        assert step.before is not None
        assert step.after is not None
        assert (step.after.id, step.after.type) == (step.before.id, step.before.type)
    else:
        assert step.change.before == (before or None)
        assert step.change.after == ({k: v for k, v in wanted.items() if v is not None} or None)


@PROFILE
@given(wishes(present=True), rule_lists(), st.randoms())
def test_order_makes_no_difference(wish: RuleWish, rules: list[Rule], dice: Random) -> None:
    step = planned(wish, rules)
    assume(step.after)
    assert step.after is not None
    shuffled = replace(
        wish,
        forward=tuple(dice.sample(wish.forward or (), len(wish.forward or ()))),
        scopes=wish.scopes and tuple(dice.sample(wish.scopes, len(wish.scopes))),
    )
    others = after(step, rules)
    dice.shuffle(others)
    assert plan_rule(shuffled, others).change is None


@PROFILE
@given(wishes(), rule_lists(), rule_lists())
def test_other_rules_make_no_difference(wish: RuleWish, rules: list[Rule], others: list[Rule]) -> None:
    strangers = [rule for rule in others if not wish.means(rule)]
    assert planned(wish, [*strangers, *rules]) == planned(wish, rules)
