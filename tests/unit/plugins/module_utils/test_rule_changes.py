# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which changes lead from the existing rules of a domain to the desired ones, their order and their ranks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._errors import PlanError
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import DomainWish
from ansible_collections.improvmx.email.plugins.module_utils._model.rules import Rule, RuleWish
from ansible_collections.improvmx.email.plugins.module_utils._plan.changes import Change
from ansible_collections.improvmx.email.plugins.module_utils._plan.rules import rule_changes

NAME = "example.com"
A, B = "a@x.example", "b@y.example"


def alias_rule(letter: str, rank: float | None, forward: str = A) -> Rule:
    return Rule("alias", letter, forward=(forward,), rank=rank, id=f"id-{letter}")


def alias_wish(letter: str, forward: str = A) -> RuleWish:
    return RuleWish(type="alias", matcher=letter, forward=(forward,), place=letter)


def wished(*rules: RuleWish, purge: bool = False) -> DomainWish:
    return DomainWish(NAME, rules=rules, purge_rules=purge)


# --- Which changes --------------------------------------------------------------------------------

INFO = Rule("alias", "info", forward=(A,), rank=1.0, id="r1")
BILL = Rule("regex", "bill", ("subject", "body"), (A, B), 2.0, active=False, id="r2")
TEAM = Rule("cel", "true", forward=(A,), rank=3.0, id="r3")
INFO_WISH = RuleWish(type="alias", matcher="INFO", forward=(A,))
BILL_WISH = RuleWish(
    type="regex", matcher="bill", scopes=("body", "subject"), forward=(B, A), active=False, rank=2.0
)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        pytest.param(wished(INFO_WISH), [], id="unchanged"),
        pytest.param(wished(replace(INFO_WISH, rank=1.0)), [], id="unchanged rank"),
        pytest.param(wished(BILL_WISH), [], id="unchanged regex"),
        pytest.param(wished(RuleWish(id="R3")), [], id="unchanged by id"),
        pytest.param(wished(), [], id="unlisted"),
        pytest.param(wished(RuleWish(id="r9", present=False)), [], id="absent already"),
        pytest.param(wished(replace(INFO_WISH, type="cel", present=False)), [], id="absent already by type"),
        pytest.param(
            wished(replace(INFO_WISH, rank=2.5)),
            [
                Change(
                    "update",
                    "rule",
                    NAME,
                    "info",
                    {"rank": 1.0},
                    {"rank": 2.5},
                    "r1",
                    replace(INFO, rank=2.5),
                )
            ],
            id="rank",
        ),
        pytest.param(
            wished(RuleWish(id="r2", matcher="invoice", scopes=("body",), forward=(B,))),
            [
                Change(
                    "update",
                    "rule",
                    NAME,
                    "bill",
                    {"regex": "bill", "scopes": ["subject", "body"], "forward": [A, B], "active": False},
                    {"regex": "invoice", "scopes": ["body"], "forward": [B], "active": True},
                    "r2",
                    replace(BILL, matcher="invoice", scopes=("body",), forward=(B,), active=True),
                )
            ],
            id="all but the rank, by id",
        ),
        pytest.param(
            wished(replace(BILL_WISH, scopes=("sender",), active=True, rank=None)),
            [
                Change(
                    "create",
                    "rule",
                    NAME,
                    "bill",
                    None,
                    {
                        "type": "regex",
                        "regex": "bill",
                        "scopes": ["sender"],
                        "forward": [B, A],
                        "active": True,
                    },
                    None,
                    Rule("regex", "bill", ("sender",), (B, A)),
                )
            ],
            id="new, without a rank",
        ),
        pytest.param(
            wished(RuleWish(type="alias", matcher="*", forward=(A,), rank=0.0, active=False)),
            [
                Change(
                    "create",
                    "rule",
                    NAME,
                    "*",
                    None,
                    {"type": "alias", "alias": "*", "forward": [A], "rank": 0.0, "active": False},
                    None,
                    Rule("alias", "*", forward=(A,), rank=0.0, active=False),
                )
            ],
            id="new, with a rank",
        ),
        pytest.param(
            wished(RuleWish(id="r2", present=False)),
            [Change("delete", "rule", NAME, "bill", BILL.fields(), None, "r2")],
            id="absent",
        ),
        pytest.param(
            wished(RuleWish(id="r3", present=False), RuleWish(id="r1", present=False)),
            [
                Change("delete", "rule", NAME, "true", TEAM.fields(), None, "r3"),
                Change("delete", "rule", NAME, "info", INFO.fields(), None, "r1"),
            ],
            id="several are absent",
        ),
        pytest.param(
            wished(RuleWish(id="r3"), RuleWish(type="alias", matcher="Info", present=False), purge=True),
            [
                Change("delete", "rule", NAME, "info", INFO.fields(), None, "r1"),
                Change("delete", "rule", NAME, "bill", BILL.fields(), None, "r2"),
            ],
            id="purge",
        ),
    ],
)
def test_rules_are_created_updated_and_deleted_as_far_as_they_differ(
    wish: DomainWish, expected: list[Change]
) -> None:
    assert rule_changes(wish, [INFO, BILL, TEAM]) == expected


def test_changes_are_in_the_order_of_the_list_and_deletions_are_last() -> None:
    listed = (
        alias_wish("new"),
        RuleWish(id="r2", present=False),
        RuleWish(id="r3", forward=(B,)),
        replace(INFO_WISH, forward=(B,)),
        alias_wish("newer"),
    )
    changes = rule_changes(wished(*listed, purge=True), [INFO, BILL, TEAM, alias_rule("other", 9.0)])
    assert [(change.action, change.name) for change in changes] == [
        ("create", "new"),
        ("update", "true"),
        ("update", "info"),
        ("create", "newer"),
        ("delete", "bill"),
        ("delete", "other"),
    ]


# --- Problems -------------------------------------------------------------------------------------

NO_ID = "example.com has no rule with the id r9; to create a rule, omit id"
NO_SCOPES = (
    "example.com has no rule with the regex x yet, and creating it requires scopes, the parts of a mail to "
    "search"
)
TYPE = (
    "example.com has the rule r3 with type cel, and the type of a rule can't change: to replace it with one "
    "of type alias, delete it and create another without id"
)
SEVERAL = (
    "example.com has 2 rules of type alias with the matcher info: select one with id: r1 (rank 1.0), r4 "
    "(rank None)"
)
SAME = "rules[0] and rules[1] of example.com are the same rule, r1"
UNSCOPED = RuleWish(type="regex", matcher="x", forward=(A,))


@pytest.mark.parametrize(
    ("found", "rules", "problems", "changes"),
    [
        pytest.param([INFO], (RuleWish(id="r9"),), [NO_ID], [], id="no such id"),
        pytest.param([INFO], (UNSCOPED,), [NO_SCOPES], ["create x"], id="no scopes"),
        pytest.param([TEAM], (RuleWish(id="r3", type="alias"),), [TYPE], [], id="type"),
        pytest.param([TEAM], (RuleWish(id="r3", type="alias", present=False),), [TYPE], [], id="absent"),
        pytest.param(
            [INFO, TEAM, replace(INFO, matcher="INFO", rank=None, id="r4")],
            (INFO_WISH,),
            [SEVERAL],
            [],
            id="several",
        ),
        pytest.param(
            [INFO],
            (replace(INFO_WISH, place="rules[0]"), RuleWish(id="r1", rank=7.0, place="rules[1]")),
            [SAME],
            ["update info"],
            id="same rule",
        ),
        pytest.param(
            [INFO, TEAM],
            (
                replace(INFO_WISH, forward=(B,)),
                UNSCOPED,
                RuleWish(id="r9"),
                RuleWish(id="r3", type="alias"),
                RuleWish(type="alias", matcher="new", forward=(A,)),
            ),
            [NO_SCOPES, NO_ID, TYPE],
            ["update info", "create x", "create new", "delete true"],
            id="all of them, beside changes",
        ),
    ],
)
def test_problems_of_rules_are_in_one_message_with_the_changes(
    found: list[Rule], rules: tuple[RuleWish, ...], problems: list[str], changes: list[str]
) -> None:
    with pytest.raises(PlanError) as caught:
        rule_changes(wished(*rules, purge=len(rules) > 2), found)
    assert str(caught.value) == "; ".join(problems)
    assert [f"{change.action} {change.name}" for change in caught.value.changes] == changes


def test_rule_with_an_id_can_be_one_of_several_with_the_same_matcher() -> None:
    twins = [INFO, replace(INFO, id="r4"), replace(INFO, id="r5")]
    [change] = rule_changes(wished(RuleWish(id="r4", type="alias", matcher="info", forward=(B,))), twins)
    assert (change.action, change.id) == ("update", "r4")


# --- Ranks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("existing", "order", "expected"),
    [
        ({}, "abc", {"a": 1.0, "b": 2.0, "c": 3.0}),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, "cab", {"c": 0.5}),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, "acb", {"b": 4.0}),
        ({"a": 10.0, "b": 20.0}, "axyb", {"x": 11.0, "y": 12.0}),
        ({"a": 1.0, "b": 2.0}, "axyb", {"x": 1 + 1 / 3, "y": pytest.approx(1 + 2 / 3)}),
        ({"a": -1.0, "b": 2.0}, "xab", {"x": -2.0}),
        ({"a": 1.0, "b": 1.0}, "ab", {"b": 2.0}),
        ({"a": 5.0, "b": 5.0}, "ab", {"b": 6.0}),
        ({"a": 1.0, "b": 1.0000000000000002}, "axb", {"x": 2.0, "b": 3.0}),
        ({"a": None, "b": 2.0}, "ab", {"a": 1.0}),
        ({"a": 2.0, "b": 1.0, "c": 3.0}, "abc", {"b": 2.5}),
        ({"a": 1.0, "b": 3.0, "c": 2.0, "d": 5.0, "e": 4.0}, "abcde", {"c": 4.0, "e": 6.0}),
        (
            {"a": 5.0, "b": 6.0, "c": 1.0, "d": 2.0, "e": 3.0},
            "abcde",
            {"a": 1 / 3, "b": pytest.approx(2 / 3)},
        ),
        ({"a": 1.0, "b": 2.0}, "axb", {"x": 1.5}),
        ({"a": 1.0, "b": 3.0}, "axb", {"x": 2.0}),
        ({"a": 1.0, "b": 3.5}, "axb", {"x": 2.0}),
        ({"a": 1.5, "b": 2.0}, "axb", {"x": 1.75}),
        ({"a": 1.5, "b": 2.5}, "axb", {"x": 2.0}),
        ({"a": 1.5}, "axy", {"x": 2.0, "y": 3.0}),
        ({"a": -1.5}, "ax", {"x": -1.0}),
        ({"a": -1.0}, "xya", {"x": -3.0, "y": -2.0}),
        ({"a": 0.0, "b": 1.0}, "xab", {"x": -1.0}),
        ({"a": 0.5}, "xa", {"x": 0.25}),
        ({"a": 1.0}, "xa", {"x": 0.5}),
        ({"a": 2.0}, "xa", {"x": 1.0}),
        ({"a": 3.0}, "xya", {"x": 1.0, "y": 2.0}),
        ({"a": 1e308, "b": 2e307}, "ab", {"a": 1.0, "b": 2.0}),
        ({"a": float("inf")}, "ax", {"a": 1.0, "x": 2.0}),
        ({"a": float("inf")}, "xa", {"x": 1.0, "a": 2.0}),
        ({"a": float("-inf")}, "xa", {"x": 1.0, "a": 2.0}),
        ({"a": float("nan")}, "ax", {"a": 1.0, "x": 2.0}),
        ({"a": 7.0}, "a", {}),
        ({"a": None}, "a", {}),
    ],
)
def test_ranks_are_written_only_where_the_order_needs_them(
    existing: dict[str, float | None], order: str, expected: dict[str, float]
) -> None:
    rules = [alias_rule(letter, rank) for letter, rank in existing.items()]
    changes = rule_changes(wished(*map(alias_wish, order)), rules)
    assert {c.name: c.after["rank"] for c in changes if c.after} == expected
    assert all(change.action == ("update" if change.name in existing else "create") for change in changes)


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ([5.0, 2.0], [5.0, 2.0]),
        ([None, None], [1.0, 2.0]),
        ([5.0], [5.0]),
        ([None], [None]),
    ],
)
def test_ranks_of_the_list_are_used_as_they_are(
    ranks: list[float | None], expected: list[float | None]
) -> None:
    wishes = [replace(alias_wish(letter), rank=rank) for letter, rank in zip("ab", ranks, strict=False)]
    changes = rule_changes(wished(*wishes), [])
    assert [change.thing.rank for change in changes] == expected


def test_rank_of_a_deleted_rule_does_not_affect_the_others() -> None:
    gone = RuleWish(present=False, type="alias", matcher="c", rank=3.0)
    rules = [alias_rule("a", 1.0), alias_rule("b", 2.0), alias_rule("c", 3.0)]
    changes = rule_changes(wished(alias_wish("b"), alias_wish("a"), gone), rules)
    assert [(change.action, change.name) for change in changes] == [("update", "a"), ("delete", "c")]


def test_a_rule_that_changes_anyway_is_the_one_that_moves() -> None:
    rules = [alias_rule("a", 1.0), alias_rule("b", 2.0)]
    changes = rule_changes(wished(alias_wish("b", B), alias_wish("a")), rules)
    assert [(c.name, c.after) for c in changes] == [("b", {"forward": [B], "rank": 0.5})]
