# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a domain after changes, the number of deletions, and the managed fields in a diff."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._model.credentials import (
    Credential,
    CredentialWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import (
    Alias,
    AliasWish,
    Domain,
    DomainWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._model.rules import Rule, RuleWish
from ansible_collections.improvmx.email.plugins.module_utils._plan.changes import Change
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import (
    count_deletions,
    differences,
    outcome,
    plan_domain,
)

NAME = "example.com"
A, B = "a@x.example", "b@x.example"
PASSWORD = "kR7!vq2-Zw95xTn0"

INFO, STAR = Alias("info", (A,), "1"), Alias("*", (B,), "2")
FIRST = Rule("alias", "first", forward=(A,), rank=1.0, id="r1")
SECOND = Rule("regex", "second", ("body",), forward=(A,), rank=2.0, active=False, id="r2")
LAST = Rule("cel", "true", forward=(A,), id="r3")  # of unknown rank
ANN, BOB = Credential("ann", usage=3), Credential("Bob")
FOUND = Domain(
    NAME,
    settings={"webhook": "https://x.example/", "whitelabel": None},
    aliases=(INFO, STAR),
    rules=(FIRST, SECOND, LAST),
    credentials=(BOB, ANN),
    details={"routing_engine": "rules"},
)
BARE = Domain(NAME)


def alias(action: str, name: str, forward: str | None, alias_id: str | None = None) -> Change:
    return Change(action, "alias", NAME, name, after={"forward": [forward]} if forward else None, id=alias_id)


def rule(action: str, thing: Rule) -> Change:
    after = None if action == "delete" else {"rank": thing.rank}
    return Change(action, "rule", NAME, thing.name, after=after, id=thing.id, thing=after and thing)


def credential(action: str, thing: Credential) -> Change:
    after = None if action == "delete" else {"new_password": True}
    return Change(action, "credential", NAME, thing.username, after=after, thing=thing)


def domain(action: str, **after: str | None) -> Change:
    return Change(action, "domain", NAME, NAME, after=None if action == "delete" else after)


NEW_RULE = Rule("alias", "new", forward=(B,), rank=1.5)


@pytest.mark.parametrize(
    ("found", "changes", "expected"),
    [
        pytest.param(FOUND, [], FOUND, id="no changes"),
        pytest.param(None, [], None, id="no changes, no domain"),
        pytest.param(FOUND, [domain("delete")], None, id="deleted domain"),
        pytest.param(
            None,
            [domain("create", whitelabel="w.example")],
            Domain(NAME, settings={"whitelabel": "w.example"}, aliases=(Alias("*"),)),
            id="new domain",
        ),
        pytest.param(
            None,
            [domain("create"), alias("update", "*", A), alias("create", "new", B)],
            Domain(NAME, aliases=(Alias("*", (A,)), Alias("new", (B,)))),
            id="new domain with aliases",
        ),
        pytest.param(
            FOUND,
            [domain("delete"), domain("create")],
            Domain(NAME, aliases=(Alias("*"),)),
            id="deleted and created again",
        ),
        pytest.param(
            FOUND,
            [domain("update", whitelabel="w.example")],
            replace(FOUND, settings={"webhook": "https://x.example/", "whitelabel": "w.example"}),
            id="setting",
        ),
        pytest.param(
            FOUND,
            [alias("update", "info", B, "1"), alias("delete", "*", None, "2"), alias("create", "new", A)],
            replace(FOUND, aliases=(Alias("info", (B,), "1"), Alias("new", (A,)))),
            id="aliases",
        ),
        pytest.param(BARE, [alias("delete", "info", None)], BARE, id="alias that is unknown"),
        pytest.param(FOUND, [rule("delete", FIRST)], replace(FOUND, rules=(SECOND, LAST)), id="deleted rule"),
        pytest.param(
            FOUND,
            [rule("create", NEW_RULE)],
            replace(FOUND, rules=(FIRST, NEW_RULE, SECOND, LAST)),
            id="new rule, by rank",
        ),
        pytest.param(
            FOUND,
            [rule("update", replace(FIRST, rank=3.0))],
            replace(FOUND, rules=(SECOND, replace(FIRST, rank=3.0), LAST)),
            id="rule that moves",
        ),
        pytest.param(
            BARE,
            [rule("create", NEW_RULE), rule("create", replace(NEW_RULE, matcher="newer"))],
            replace(BARE, rules=(NEW_RULE, replace(NEW_RULE, matcher="newer"))),
            id="new rules, whose ids are unknown",
        ),
        pytest.param(
            FOUND, [credential("delete", BOB)], replace(FOUND, credentials=(ANN,)), id="deleted credential"
        ),
        pytest.param(
            FOUND,
            [credential("update", BOB), credential("create", Credential("new"))],
            replace(FOUND, credentials=(ANN, BOB, Credential("new"))),
            id="credentials",
        ),
        pytest.param(
            BARE, [credential("create", ANN)], replace(BARE, credentials=(ANN,)), id="first credential"
        ),
        pytest.param(
            None,
            [rule("create", NEW_RULE), credential("create", ANN), alias("create", "info", A)],
            None,
            id="things of a missing domain",
        ),
    ],
)
def test_outcome_is_the_domain_after_the_changes(
    found: Domain | None, changes: list[Change], expected: Domain | None
) -> None:
    assert outcome(found, changes) == expected


@pytest.mark.parametrize(
    ("found", "changes", "count"),
    [
        pytest.param(FOUND, [], 0, id="none"),
        pytest.param(
            FOUND, [alias("create", "new", A), domain("update"), rule("update", FIRST)], 0, id="other changes"
        ),
        pytest.param(FOUND, [alias("delete", "info", None)], 1, id="alias"),
        pytest.param(FOUND, [rule("delete", FIRST), credential("delete", ANN)], 2, id="rule and credential"),
        pytest.param(FOUND, [domain("delete")], 1 + 2 + 3 + 2, id="domain with all that it contains"),
        pytest.param(BARE, [domain("delete")], 1, id="domain of which nothing else is known"),
        pytest.param(None, [domain("delete")], 1, id="unknown domain"),
    ],
)
def test_count_of_deletions_includes_the_contents_of_a_domain(
    found: Domain | None, changes: list[Change], count: int
) -> None:
    assert count_deletions(found, changes) == count


# --- The diff -------------------------------------------------------------------------------------


def diff(found: Domain, count: int | None = None, **fields: Any) -> tuple[Any, Any]:
    """The managed fields before and after the first ``count`` changes; None: after all."""
    plan = plan_domain(DomainWish(NAME, **fields), found)
    assert plan.problem is None
    [difference] = differences([(plan, plan.changes[:count])])
    assert difference.domain == NAME
    return difference.before, difference.after


FIRST_SHOWN = {"type": "alias", "alias": "first", "forward": [A]}
SECOND_SHOWN = {"type": "regex", "regex": "second", "scopes": ["body"], "forward": [A]}
OFF = {"active": False}
LAST_SHOWN = {"type": "cel", "expression": "true", "forward": [A]}
NEW_WISH = RuleWish(type="alias", matcher="new", forward=(B,))
NEW_SHOWN = {"type": "alias", "alias": "new", "forward": [B]}


@pytest.mark.parametrize(
    ("wishes", "purge", "before", "after"),
    [
        pytest.param((NEW_WISH,), False, None, [NEW_SHOWN], id="one rule without a rank"),
        pytest.param(
            (replace(NEW_WISH, rank=9.0),),
            False,
            None,
            [{**NEW_SHOWN, "rank": 9.0}],
            id="one rule with a rank",
        ),
        pytest.param(
            (NEW_WISH, RuleWish(present=False, type="alias", matcher="first")),
            False,
            [FIRST_SHOWN],
            [NEW_SHOWN],
            id="one rule for another",
        ),
        pytest.param(
            (RuleWish(id="R2", forward=(B,)), RuleWish(id="r1")),
            False,
            [{**FIRST_SHOWN, "rank": 1.0}, {**SECOND_SHOWN, "rank": 2.0, **OFF}],
            [{**SECOND_SHOWN, "rank": 0.5, "forward": [B]}, {**FIRST_SHOWN, "rank": 1.0}],
            id="two rules, whose order counts",
        ),
        pytest.param(
            (RuleWish(id="r1", matcher="other"),),
            False,
            [FIRST_SHOWN],
            [{**FIRST_SHOWN, "alias": "other"}],
            id="matcher of a rule",
        ),
        pytest.param(
            (RuleWish(type="alias", matcher="first", forward=(A,)),),
            True,
            [FIRST_SHOWN, {**SECOND_SHOWN, **OFF}, LAST_SHOWN],
            [FIRST_SHOWN],
            id="purge, which shows all",
        ),
        pytest.param((), True, [FIRST_SHOWN, {**SECOND_SHOWN, **OFF}, LAST_SHOWN], [], id="purge of all"),
    ],
)
def test_diff_shows_the_managed_rules(
    wishes: tuple[RuleWish, ...], purge: bool, before: list[Any] | None, after: list[Any] | None
) -> None:
    shown = diff(FOUND, rules=wishes, purge_rules=purge)
    assert shown == tuple({} if rules is None else {"rules": rules} for rules in (before, after))


def test_diff_of_a_part_of_the_changes_shows_the_rules_that_still_exist() -> None:
    wishes = (NEW_WISH, RuleWish(present=False, type="alias", matcher="first"))
    shown = diff(FOUND, count=1, rules=wishes)
    assert shown == ({"rules": [FIRST_SHOWN]}, {"rules": [FIRST_SHOWN, NEW_SHOWN]})


def test_diff_shows_a_new_rule_that_the_service_stored_in_another_form() -> None:
    found = replace(FOUND, rules=(FIRST,))
    plan = plan_domain(DomainWish(NAME, rules=(NEW_WISH,)), found)
    stored = Rule("alias", "stored", forward=(B,), rank=9.0, id="r9")
    changes = [alias("create", "other", A), plan.changes[0]._replace(id="r9", thing=stored)]
    [difference] = differences([(plan, changes)])
    assert (difference.before, difference.after) == ({}, {"rules": [{**NEW_SHOWN, "alias": "stored"}]})


RENEWED = CredentialWish("ANN", password=PASSWORD, update_password=True)
ADDED, REMOVED = CredentialWish("eve", password=PASSWORD), CredentialWish("bob", present=False)


def user(name: str, new: bool = False) -> dict[str, Any]:
    return {"username": name, "new_password": new}


@pytest.mark.parametrize(
    ("wishes", "purge", "before", "after"),
    [
        pytest.param((RENEWED,), False, [user("ann")], [user("ann", new=True)], id="new password"),
        pytest.param((ADDED,), False, None, [user("eve", new=True)], id="new credential"),
        pytest.param((REMOVED,), False, [user("Bob")], None, id="deleted credential"),
        pytest.param(
            (ADDED, REMOVED, CredentialWish("ann")),
            False,
            [user("Bob"), user("ann")],
            [user("ann"), user("eve", new=True)],
            id="all of them, by name",
        ),
        pytest.param((RENEWED,), True, [user("Bob"), user("ann")], [user("ann", new=True)], id="purge"),
        pytest.param((), True, [user("Bob"), user("ann")], [], id="purge of all"),
    ],
)
def test_diff_shows_the_managed_credentials(
    wishes: tuple[CredentialWish, ...], purge: bool, before: list[Any] | None, after: list[Any] | None
) -> None:
    shown = diff(FOUND, credentials=wishes, purge_credentials=purge)
    assert shown == tuple({} if users is None else {"credentials": users} for users in (before, after))


def test_new_destinations_of_an_alias_are_no_new_password_of_its_namesake() -> None:
    aliases = (AliasWish("ann", (A,)),)
    shown = diff(replace(FOUND, details={}), aliases=aliases, credentials=(CredentialWish("ann"),))
    before = {"credentials": [user("ann")]}
    assert shown == (before, {**before, "aliases": {"ann": [A]}})


def test_diff_shows_only_what_the_wish_manages() -> None:
    before, after = diff(FOUND, settings={"whitelabel": "w.example"})
    assert (before, after) == ({"whitelabel": None}, {"whitelabel": "w.example"})


def test_diff_of_a_deleted_domain_shows_its_settings_with_a_value_and_its_aliases() -> None:
    shown = {"webhook": "https://x.example/", "aliases": {"info": [A], "*": [B]}}
    assert diff(FOUND, present=False) == (shown, None)


def test_aliases_of_unknown_destinations_are_not_shown() -> None:
    plan = plan_domain(DomainWish(NAME, purge_aliases=True), None)
    [difference] = differences([(plan, plan.changes[:1])])
    assert (difference.before, difference.after) == (None, {"aliases": {}})
