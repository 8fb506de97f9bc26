# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes that lead from the current state to the desired state, and their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._errors import DomainMissing, RoutedByRules
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import (
    SETTINGS,
    Alias,
    AliasWish,
    Domain,
    DomainWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._model.names import is_pattern
from ansible_collections.improvmx.email.plugins.module_utils._plan import plan as _plan
from ansible_collections.improvmx.email.plugins.module_utils._plan.changes import Change
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import outcome, plan, plan_domain

settings.register_profile("plan", deadline=None, database=None, max_examples=50)
PROFILE = settings.get_profile("plan")

NAME = "example.com"
A, B, C = "a@x.example", "b@x.example", "https://x.example/hook"
RULED = {"routing_engine": "rules"}


def existing(aliases: dict[str, Sequence[str]], **fields: object) -> Domain:
    """An existing domain; the ids of its aliases start at 1."""
    found = tuple(Alias(name, tuple(aliases[name]), str(i)) for i, name in enumerate(aliases, 1))
    return Domain(NAME, aliases=found, **fields)  # type: ignore[arg-type]


def wanted(aliases: dict[str, Sequence[str] | None], **fields: object) -> DomainWish:
    """A wish; None as destinations: the alias is absent."""
    wishes = tuple(AliasWish(name, tuple(to or ()), to is not None) for name, to in aliases.items())
    return DomainWish(NAME, aliases=wishes, **fields)  # type: ignore[arg-type]


def steps(wish: DomainWish, found: Domain | None) -> list[str]:
    planned = plan_domain(wish, found)
    assert planned.problem is None
    return [str(change) for change in planned.changes]


# One domain


@pytest.mark.parametrize(
    ("wished", "present", "before", "after"),
    [
        ({}, {"webhook": C}, None, None),
        ({"webhook": C}, {"webhook": C}, None, None),
        ({"webhook": None}, {"webhook": None}, None, None),
        ({"webhook": None}, {}, None, None),
        ({"webhook": C}, {}, {"webhook": None}, {"webhook": C}),
        ({"webhook": None}, {"webhook": C}, {"webhook": C}, {"webhook": None}),
        (
            {"webhook": C, "notification_email": A, "whitelabel": None},
            {"webhook": C, "notification_email": B, "whitelabel": "mail.example"},
            {"notification_email": B, "whitelabel": "mail.example"},
            {"notification_email": A, "whitelabel": None},
        ),
    ],
)
def test_settings_that_differ_are_changed_together(
    wished: dict[str, str | None],
    present: dict[str, str | None],
    before: dict[str, str | None] | None,
    after: dict[str, str | None] | None,
) -> None:
    changes = plan_domain(wanted({}, settings=wished), existing({}, settings=present)).changes
    expected = () if after is None else (Change("update", "domain", NAME, NAME, before, after),)
    assert changes == expected


@pytest.mark.parametrize(
    ("wished", "present", "purge", "expected"),
    [
        ({}, {"info": [A]}, False, []),
        ({"info": [A]}, {"info": [A]}, False, []),
        ({"info": [A, B]}, {"info": [B, A]}, False, []),
        ({"INFO": [A]}, {"info": [A]}, False, []),
        ({r"\S": [A]}, {r"\s": [A]}, False, [r"create alias \S of example.com"]),
        ({"info": [A]}, {}, False, ["create alias info of example.com"]),
        ({"info": [A]}, {"info": [A, B]}, False, ["update alias info of example.com"]),
        ({"INFO": [B]}, {"info": [A]}, False, ["update alias info of example.com"]),
        ({"info": [A]}, {"info": []}, False, ["update alias info of example.com"]),
        ({"info": None}, {"Info": [A]}, False, ["delete alias Info of example.com"]),
        ({"info": None}, {"other": [A]}, False, []),
        ({}, {"info": [A]}, True, ["delete alias info of example.com"]),
        ({"info": [A]}, {"INFO": [A], "b": [A]}, True, ["delete alias b of example.com"]),
        ({"info": None}, {"info": [A]}, True, ["delete alias info of example.com"]),
    ],
)
def test_aliases_are_created_updated_and_deleted_as_far_as_they_differ(
    wished: dict[str, Sequence[str] | None],
    present: dict[str, Sequence[str]],
    purge: bool,
    expected: list[str],
) -> None:
    assert steps(wanted(wished, purge_aliases=purge), existing(present)) == expected


def test_change_of_an_alias_contains_before_after_and_id() -> None:
    wish = wanted({"new": [A, B], "old": [B], "gone": None})
    delete, update, create = plan_domain(wish, existing({"old": [A], "gone": [A, B]})).changes
    assert delete == Change("delete", "alias", NAME, "gone", {"forward": [A, B]}, None, "2")
    assert update == Change("update", "alias", NAME, "old", {"forward": [A]}, {"forward": [B]}, "1")
    assert create == Change("create", "alias", NAME, "new", None, {"forward": [A, B]})
    assert update.result() == {
        "action": "update",
        "kind": "alias",
        "domain": NAME,
        "name": "old",
        "before": {"forward": [A]},
        "after": {"forward": [B]},
    }


def test_names_are_deleted_before_names_are_created_and_patterns_are_deleted_last() -> None:
    present = {"*": [A], "x-*": [A], "z": [A], "b": [A], "(p|q)": [A], "keep": [A]}
    wished = {"new2": [A], "b": None, "*": None, "keep": [B], "new*": [A], "z": None}
    assert steps(wanted(wished, purge_aliases=True), existing(present)) == [
        "delete alias b of example.com",
        "delete alias z of example.com",
        "update alias keep of example.com",
        "create alias new2 of example.com",
        "create alias new* of example.com",
        "delete alias * of example.com",
        "delete alias x-* of example.com",
        "delete alias (p|q) of example.com",
    ]


def test_absent_domain_is_deleted_with_its_aliases_in_one_change() -> None:
    found = existing({"info": [A], "*": [B]}, settings={"webhook": C}, details=RULED)
    planned = plan_domain(wanted({"info": [A]}, present=False), found)
    [change] = planned.changes
    assert (change.action, change.kind, change.name, change.after) == ("delete", "domain", NAME, None)
    assert change.before == {
        "webhook": C,
        "aliases": [{"alias": "info", "forward": [A]}, {"alias": "*", "forward": [B]}],
    }
    assert planned.deletions == 3


def test_absent_domain_that_does_not_exist_needs_no_change() -> None:
    planned = plan_domain(wanted({}, present=False), None)
    assert (planned.changes, planned.deletions, planned.problem) == ((), 0, None)


@pytest.mark.parametrize(
    ("aliases", "purge", "expected", "left_alone"),
    [
        ({}, False, [], True),
        ({"info": [A]}, False, ["create alias info"], True),
        ({"*": [A]}, False, ["update alias *"], False),
        ({"*": None}, False, ["delete alias *"], False),
        ({"*": None, "info": [A]}, False, ["delete alias *", "create alias info"], False),
        ({}, True, ["delete alias *"], False),
        ({"*": [A], "info": [A]}, True, ["update alias *", "create alias info"], False),
    ],
)
def test_new_domain_is_created_with_a_catch_all(
    aliases: dict[str, Sequence[str] | None], purge: bool, expected: list[str], left_alone: bool
) -> None:
    planned = plan_domain(wanted(aliases, purge_aliases=purge), None)
    texts = [str(change) for change in planned.changes]
    assert texts == ["create domain example.com", *(f"{text} of example.com" for text in expected)]
    assert planned.leaves_catch_all is left_alone
    assert planned.deletions == 0


def test_catch_all_of_an_existing_domain_causes_no_warning() -> None:
    assert plan_domain(wanted({"info": [A]}), existing({"*": [A]})).leaves_catch_all is False
    assert plan_domain(wanted({}, present=False), None).leaves_catch_all is False


def test_creation_of_a_domain_includes_the_settings_that_the_service_accepts_there() -> None:
    wish = wanted({}, settings={"notification_email": A, "webhook": C, "whitelabel": None})
    create, update = plan_domain(wish, None).changes
    assert create == Change("create", "domain", NAME, NAME, after={"notification_email": A})
    assert (update.action, update.before, update.after) == ("update", {"webhook": None}, {"webhook": C})


@pytest.mark.parametrize("aliases", [{"info": [A]}, {"info": [A], "gone": None}])
def test_alias_of_a_missing_domain_that_must_not_be_created_is_a_problem(
    aliases: dict[str, Sequence[str] | None],
) -> None:
    planned = plan_domain(wanted(aliases, create=False), None)
    assert isinstance(planned.problem, DomainMissing)
    assert NAME in str(planned.problem)
    assert "improvmx_domain" in str(planned.problem)
    assert planned.changes == ()


def test_absent_alias_of_a_missing_domain_needs_no_change() -> None:
    assert steps(wanted({"info": None}, create=False), None) == []


@pytest.mark.parametrize("wish", [wanted({"a": [B]}), wanted({"a": None}), wanted({}, purge_aliases=True)])
def test_aliases_of_a_domain_routed_by_rules_are_a_problem_that_says_what_to_do(wish: DomainWish) -> None:
    planned = plan_domain(wish, existing({"a": [A]}, details=RULED))
    assert isinstance(planned.problem, RoutedByRules)
    assert "manage its rules with improvmx.email.improvmx_rule, or switch" in str(planned.problem)
    assert planned.changes == ()


def test_unchanged_aliases_of_a_domain_routed_by_rules_are_not_a_problem() -> None:
    assert steps(wanted({"a": [A], "b": None}, purge_aliases=True), existing({"a": [A]}, details=RULED)) == []


def test_settings_of_a_domain_routed_by_rules_are_managed() -> None:
    assert steps(wanted({}, settings={"webhook": C}), existing({}, details=RULED)) == [
        "update domain example.com"
    ]


# Many domains


def domains(*names: str, aliases: tuple[Alias, ...] = ()) -> dict[str, Domain]:
    return {name: Domain(name, aliases=aliases) for name in names}


def test_deletions_of_domains_come_first_and_the_rest_is_in_the_order_of_the_wishes() -> None:
    wishes = [
        DomainWish("new.example"),
        DomainWish("gone.example", present=False),
        DomainWish("same.example"),
        DomainWish("never.example", present=False),
        DomainWish("last.example", present=False),
    ]
    found = domains("surplus.example", "last.example", "same.example", "gone.example")
    plans = plan(wishes, found, purge=True)
    assert [step.wish.name for step in plans] == [
        "gone.example",
        "last.example",
        "surplus.example",
        "new.example",
        "same.example",
        "never.example",
    ]
    assert sum(step.deletions for step in plans) == 3


def test_without_purge_unlisted_domains_are_unchanged() -> None:
    assert plan([], domains("a.example")) == []
    [step] = plan([DomainWish("b.example")], domains("a.example"))
    assert [str(change) for change in step.changes] == ["create domain b.example"]


def test_problem_of_one_domain_does_not_affect_the_others() -> None:
    found = {NAME: existing({}, details=RULED), **domains("b.example")}
    one, other = plan([wanted({"a": [A]}), DomainWish("b.example", settings={"webhook": C})], found)
    assert isinstance(one.problem, RoutedByRules)
    assert (other.problem, len(other.changes)) == (None, 1)


@pytest.mark.parametrize(
    ("wish", "count"),
    [
        (wanted({"a": [B]}), 0),
        (wanted({"a": None}), 1),
        (wanted({"new": [A]}, purge_aliases=True), 3),
        (wanted({"a": [A]}, purge_aliases=True), 2),
        (wanted({}, present=False), 4),
    ],
)
def test_deletions_count_every_domain_and_alias_to_delete(wish: DomainWish, count: int) -> None:
    assert plan_domain(wish, existing({"a": [A], "b": [A], "*": [A]})).deletions == count


# Diff


def diff(wish: DomainWish, found: Domain | None, count: int | None = None) -> dict[str, dict[str, object]]:
    step = plan_domain(wish, found)
    return sides([(step, step.changes[:count])])


def sides(steps: Iterable[tuple[_plan.DomainPlan, Sequence[Change]]]) -> dict[str, dict[str, object]]:
    """The domains that change, before and after."""
    shown = _plan.differences(steps)
    return {
        "before": {one.domain: one.before for one in shown if one.before is not None},
        "after": {one.domain: one.after for one in shown if one.after is not None},
    }


def test_diff_shows_the_managed_fields_of_what_changes() -> None:
    found = existing({"a": [A], "b": [A], "c": [A]}, settings={"webhook": C, "notification_email": A})
    wish = wanted({"A": [B], "new": [C], "b": None}, settings={"webhook": None})
    assert diff(wish, found) == {
        "before": {NAME: {"webhook": C, "aliases": {"a": [A], "b": [A]}}},
        "after": {NAME: {"webhook": None, "aliases": {"a": [B], "new": [C]}}},
    }


def test_diff_of_a_purge_shows_every_alias() -> None:
    assert diff(wanted({"a": [A]}, purge_aliases=True), existing({"a": [A], "B": [B], "c": [C]})) == {
        "before": {NAME: {"aliases": {"a": [A], "B": [B], "c": [C]}}},
        "after": {NAME: {"aliases": {"a": [A]}}},
    }


def test_diff_of_a_creation_has_no_before_and_of_a_deletion_no_after() -> None:
    wish = wanted({"*": None, "a": [A]}, settings={"notification_email": B})
    fields = {"notification_email": B, "aliases": {"a": [A]}}
    assert diff(wish, None) == {"before": {}, "after": {NAME: fields}}
    found = existing({"a": [A], "*": [B]}, settings={"webhook": C})
    fields = {"webhook": C, "aliases": {"a": [A], "*": [B]}}
    assert diff(wanted({}, present=False), found) == {"before": {NAME: fields}, "after": {}}


def test_diff_of_a_part_shows_that_part() -> None:
    wish = wanted({"a": None, "b": [B], "c": [A]})
    assert diff(wish, existing({"a": [A], "b": [A]}), count=1) == {
        "before": {NAME: {"aliases": {"a": [A], "b": [A]}}},
        "after": {NAME: {"aliases": {"b": [A]}}},
    }


def test_diff_without_changes_is_empty() -> None:
    assert diff(wanted({"a": [A]}), existing({"a": [A]})) == {"before": {}, "after": {}}


# Properties over random accounts and wishes

FORWARDS = [(A,), (B,), (A, B), (B, A), (C, A, B), ("null",)]
SETTING_MAPS = [
    {},
    {},
    {"webhook": C},
    {"webhook": None},
    {"notification_email": A, "whitelabel": "m.example"},
]
SETTING_MAPS += [{"notification_email": B, "webhook": C, "whitelabel": None}, dict.fromkeys(SETTINGS)]
ALIAS_NAMES = (
    "*",
    "info",
    "INFO",
    "sales",
    "Sales",
    "x-*",
    r"\d",
    r"\D",
    "123",
    "(a|b)",
    "(A|b)",
    "Zoë",
    "ZOË",
)

chances = st.sampled_from((True, True, True, False))
domain_names = st.sampled_from(("a.example", "b.example", "c.example"))
alias_names = st.sampled_from(ALIAS_NAMES)
forwards = st.sampled_from(FORWARDS)
setting_maps = st.sampled_from(SETTING_MAPS)
details = st.sampled_from(({}, {}, {}, RULED))
alias_wishes = st.builds(AliasWish, alias_names, forwards, present=chances)


def some(aliases: st.SearchStrategy[Alias | AliasWish]) -> st.SearchStrategy[tuple[Alias | AliasWish, ...]]:
    return st.lists(aliases, max_size=4, unique_by=lambda alias: alias.key).map(tuple)


accounts = st.lists(
    st.builds(
        Domain,
        domain_names,
        settings=setting_maps,
        aliases=some(st.builds(Alias, alias_names, forwards, id=st.sampled_from((None, "7")))),
        details=details,
    ),
    max_size=3,
    unique_by=lambda domain: domain.name,
).map(lambda account: {domain.name: domain for domain in account})
wish_lists = st.lists(
    st.builds(
        DomainWish,
        domain_names,
        present=chances,
        settings=setting_maps,
        aliases=some(alias_wishes),
        purge_aliases=st.booleans(),
        create=chances,
    ),
    max_size=3,
    unique_by=lambda wish: wish.name,
)


def after(plans: Sequence[_plan.DomainPlan], found: dict[str, Domain]) -> dict[str, Domain]:
    """The account after all changes of the plans."""
    left = dict(found)
    for step in plans:
        domain = outcome(step.found, step.changes)
        left.pop(step.wish.name, None)
        if domain:
            left[step.wish.name] = domain
    return left


def routes(domain: Domain) -> dict[str, frozenset[str]]:
    return {alias.key: frozenset(alias.forward) for alias in domain.aliases}


@PROFILE
@given(accounts, wish_lists, st.booleans())
def test_outcome_of_the_plan_is_the_desired_state(
    found: dict[str, Domain], wishes: list[DomainWish], purge: bool
) -> None:
    plans = plan(wishes, found, purge)
    left = after(plans, found)
    for step in plans:
        wish, before, domain = step.wish, step.found, left.get(step.wish.name)
        if step.problem or (before is None and not wish.create):
            assert domain == before
            continue
        assert (domain is not None) is wish.present
        if domain is None:
            continue
        for setting in SETTINGS:
            there_before = before.settings.get(setting) if before else None
            assert domain.settings.get(setting) == wish.settings.get(setting, there_before)
        now, wished = routes(domain), {alias.key: alias for alias in wish.aliases}
        for key, alias in wished.items():
            assert now.get(key) == (frozenset(alias.forward) if alias.present else None)
        unmentioned = {key: to for key, to in now.items() if key not in wished}
        untouched = routes(before or _plan.new_domain(wish.name))
        assert unmentioned == (
            {} if wish.purge_aliases else {key: to for key, to in untouched.items() if key not in wished}
        )
    mentioned = {wish.name for wish in wishes}
    for name, domain in found.items():
        if name not in mentioned:
            assert left.get(name) == (None if purge else domain)


@PROFILE
@given(accounts, wish_lists, st.booleans())
def test_second_plan_is_empty(found: dict[str, Domain], wishes: list[DomainWish], purge: bool) -> None:
    left = after(plan(wishes, found, purge), found)
    again = plan(wishes, left, purge)
    assert [change for step in again for change in step.changes] == []
    assert sum(step.deletions for step in again) == 0
    assert not any(step.leaves_catch_all for step in again)


@PROFILE
@given(accounts, wish_lists, st.booleans(), st.randoms())
def test_planning_is_deterministic_and_does_not_modify_its_input(
    found: dict[str, Domain], wishes: list[DomainWish], purge: bool, random: Random
) -> None:
    found_before, wishes_before = repr(found), repr(wishes)
    first = plan(wishes, found, purge)
    assert _texts(plan(wishes, found, purge)) == _texts(first)
    assert (repr(found), repr(wishes)) == (found_before, wishes_before)
    shuffled = random.sample(wishes, len(wishes))
    assert sorted(_texts(plan(shuffled, found, purge))) == sorted(_texts(first))


def _texts(plans: Sequence[_plan.DomainPlan]) -> list[str]:
    return [repr(step) for step in plans]


@PROFILE
@given(accounts, wish_lists, st.booleans())
def test_nothing_is_deleted_without_being_requested(
    found: dict[str, Domain], wishes: list[DomainWish], purge: bool
) -> None:
    by_name = {wish.name: wish for wish in wishes}
    plans = plan(wishes, found, purge)
    for change in (change for step in plans for change in step.changes if change.action == "delete"):
        wish = by_name.get(change.domain)
        if change.kind == "domain":
            assert not wish.present if wish else purge
            continue
        assert wish is not None
        states = {alias.key: alias.present for alias in wish.aliases}
        key = Alias(change.name).key
        assert states[key] is False if key in states else wish.purge_aliases
    gone = sum(len(d.aliases) + 1 for d in found.values()) - sum(
        len([a for a in d.aliases if a.key in routes(found[name])]) + 1
        for name, d in after(plans, found).items()
        if name in found
    )
    assert sum(step.deletions for step in plans) == gone


@PROFILE
@given(accounts, wish_lists, st.booleans())
def test_deletions_that_make_room_come_first_and_catch_alls_last(
    found: dict[str, Domain], wishes: list[DomainWish], purge: bool
) -> None:
    plans = plan(wishes, found, purge)
    goes = [any(c.kind == "domain" and c.action == "delete" for c in step.changes) for step in plans]
    assert goes == sorted(goes, reverse=True)
    for step in plans:
        ranks = [_rank(change) for change in step.changes]
        assert ranks == sorted(ranks)


def _rank(change: Change) -> int:
    if change.kind == "domain":
        return 0 if change.action == "create" else 2
    if change.action != "create" and change.before is None:
        # The catch-all of a new domain is unknown, and no mail depends on it.
        return 1
    if change.action == "delete":
        return 6 if is_pattern(change.name) else 3
    return 4 if change.action == "update" else 5


@PROFILE
@given(accounts, wish_lists, st.booleans())
def test_diff_names_exactly_the_domains_that_change(
    found: dict[str, Domain], wishes: list[DomainWish], purge: bool
) -> None:
    plans = plan(wishes, found, purge)
    shown = sides((step, step.changes) for step in plans)
    left = after(plans, found)
    changing = {step.wish.name for step in plans if step.changes}
    assert set(shown["before"]) == changing & set(found)
    assert set(shown["after"]) == changing & set(left)
    for name in changing & set(found) & set(left):
        assert shown["before"][name] != shown["after"][name]
