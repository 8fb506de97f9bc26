# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of a plan: its text, its form in results, its identity, and the part of it that is done."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._model.rules import Rule
from ansible_collections.improvmx.email.plugins.module_utils._plan.changes import Change, remainder

NAME = "example.com"
A, B = "a@x.example", "b@x.example"
HOOK = "https://hooks.example/in?token=kQ7zw-41xVb"
SHORTENED = "https://hooks.example/in?token=…0d0d"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change("create", "domain", NAME, NAME), "create domain example.com"),
        (Change("delete", "alias", NAME, "*"), "delete alias * of example.com"),
        (Change("update", "rule", NAME, "a|b"), "update rule a|b of example.com"),
        (Change("create", "credential", NAME, "info"), "create credential info of example.com"),
    ],
)
def test_text_of_a_change_names_the_thing_and_its_domain(change: Change, text: str) -> None:
    assert str(change) == text


def test_result_of_a_change_has_no_id_and_no_secrets_of_urls() -> None:
    name = f'body.contains("{HOOK}") == true'
    change = Change("update", "rule", NAME, name, {"forward": [HOOK]}, {"forward": [A, HOOK]}, "7")
    assert change.result() == {
        "action": "update",
        "kind": "rule",
        "domain": NAME,
        "name": name.replace(HOOK, SHORTENED),
        "before": {"forward": [SHORTENED]},
        "after": {"forward": [A, SHORTENED]},
    }


def rule(action: str, rule_id: str | None = None, *scopes: str, regex: str = "x") -> Change:
    return Change(action, "rule", NAME, regex, id=rule_id, thing=Rule("regex", regex, scopes))


ALIAS = Change("update", "alias", NAME, "info", {"forward": [A]}, {"forward": [B]}, "1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(ALIAS, ALIAS._replace(before=None, after=None, id=None), True, id="values"),
        pytest.param(ALIAS, ALIAS._replace(action="create"), False, id="action"),
        pytest.param(ALIAS, ALIAS._replace(kind="credential"), False, id="kind"),
        pytest.param(ALIAS, ALIAS._replace(domain="other.example"), False, id="domain"),
        pytest.param(ALIAS, ALIAS._replace(name="sales"), False, id="name"),
        pytest.param(rule("update", "1"), rule("update", "1", regex="y"), True, id="rule by id"),
        pytest.param(rule("update", "1"), rule("update", "2"), False, id="rules of one name"),
        pytest.param(rule("update", "1"), rule("delete", "1"), False, id="action on a rule"),
        pytest.param(
            rule("create", None, "body", "subject"),
            rule("create", "7", "subject", "body"),
            True,
            id="new rule, before and after its creation",
        ),
        pytest.param(rule("create", None, "body"), rule("create", None, "subject"), False, id="scopes"),
        pytest.param(rule("create"), rule("create", regex="y"), False, id="new rules"),
    ],
)
def test_identity_of_a_change_does_not_depend_on_its_values(one: Change, other: Change, same: bool) -> None:
    assert (one.key == other.key) is same


WEBHOOK, EMAIL = {"webhook": HOOK}, {"notification_email": A}


@pytest.mark.parametrize(
    ("pending", "before", "after"),
    [
        pytest.param({**WEBHOOK, **EMAIL}, None, None, id="all is pending"),
        pytest.param(WEBHOOK, {"notification_email": B}, EMAIL, id="one is done"),
        pytest.param(EMAIL, {"webhook": None}, WEBHOOK, id="the other is done"),
        pytest.param(
            {"whitelabel": "mail.example"},
            {"webhook": None, "notification_email": B},
            {**WEBHOOK, **EMAIL},
            id="both are done",
        ),
    ],
)
def test_remainder_is_the_part_of_a_change_that_is_not_pending(
    pending: dict[str, Any], before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    was = {"webhook": None, "notification_email": B}
    change = Change("update", "domain", NAME, NAME, was, {**WEBHOOK, **EMAIL})
    done = remainder(change, change._replace(after=pending))
    assert done == (None if after is None else change._replace(before=before, after=after))
