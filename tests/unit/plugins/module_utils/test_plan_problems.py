# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What prevents the plan of a domain: the message, and the changes that are pending because of it."""

from __future__ import annotations

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
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import plan_domain

NAME = "example.com"
A, B = "a@x.example", "b@x.example"
PASSWORD = "kR7!vq2-Zw95xTn0"

MISSING = (
    "example.com is not a domain of this account, so it can't have %s: create the domain first, with "
    "improvmx.email.improvmx_domain"
)
BY_RULES = (
    "example.com is routed by rules (routing_engine: rules), so its aliases have no effect: manage its rules "
    "with improvmx.email.improvmx_rule, or switch the domain to aliases in the dashboard of ImprovMX"
)
BY_ALIASES = (
    "example.com is routed by aliases, so it has no rules: manage its aliases with "
    "improvmx.email.improvmx_alias, or switch it to rules in the dashboard of ImprovMX"
)
NEW_BY_ALIASES = (
    "example.com does not exist yet, and a new domain is routed by aliases: create it without rules, switch "
    "it to rules in the dashboard of ImprovMX, and run this again"
)
NO_PASSWORD = (
    "example.com has no SMTP credential info yet, and creating it requires a password: set one in password"
)
NO_SCOPES = (
    "example.com has no rule with the regex x yet, and creating it requires scopes, the parts of a mail to "
    "search"
)
KEPT = (
    "alias %s of example.com exists with other destinations, and overwrite is false: to replace them, set "
    "overwrite to true; to keep them, omit the alias"
)

ALIAS, NO_ALIAS = AliasWish("info", (A,)), AliasWish("info", present=False)
RULE, NO_RULE = RuleWish(type="alias", matcher="r", forward=(A,)), RuleWish(id="r1", present=False)
UNSCOPED = RuleWish(type="regex", matcher="x", forward=(A,))
CREDENTIAL = CredentialWish("info", password=PASSWORD)
UNSET, NO_CREDENTIAL = CredentialWish("info"), CredentialWish("info", present=False)


def existing(engine: str | None = None) -> Domain:
    """A domain with two aliases, a rule and a credential. ``engine``: None if it is unknown."""
    return Domain(
        NAME,
        aliases=(Alias("*", (A,), "1"), Alias("Old", (A,), "2")),
        details={"routing_engine": engine} if engine else {},
        rules=(Rule("cel", "true", forward=(A,), id="r1"),),
        credentials=(Credential("old"),),
    )


def planned(found: Domain | None, **fields: Any) -> tuple[str | None, list[str]]:
    """The problem of a wish for the domain, and all of its changes."""
    wish = DomainWish(NAME, **fields)
    plan = plan_domain(wish, found)
    assert (plan.wish, plan.found) == (wish, found)
    assert not (plan.problem and plan.changes)
    problem = str(plan.problem) if plan.problem else None
    return problem, [str(change).replace(" of example.com", "") for change in plan.all_changes]


@pytest.mark.parametrize(
    ("fields", "problem", "changes"),
    [
        pytest.param({"aliases": (ALIAS,)}, MISSING % "aliases", ["create alias info"], id="alias"),
        pytest.param({"rules": (RULE,)}, MISSING % "rules", ["create rule r"], id="rule"),
        pytest.param({"rules": (UNSCOPED,)}, NO_SCOPES, ["create rule x"], id="rule that can't be created"),
        pytest.param(
            {"credentials": (CREDENTIAL,)},
            MISSING % "SMTP credentials",
            ["create credential info"],
            id="credential",
        ),
        pytest.param(
            {"credentials": (UNSET,)}, NO_PASSWORD, ["create credential info"], id="credential, no password"
        ),
        pytest.param({"aliases": (NO_ALIAS,)}, None, [], id="absent alias"),
        pytest.param({"rules": (NO_RULE,)}, None, [], id="absent rule"),
        pytest.param({"credentials": (NO_CREDENTIAL,)}, None, [], id="absent credential"),
    ],
)
def test_missing_domain_that_must_not_be_created_can_have_nothing(
    fields: dict[str, Any], problem: str | None, changes: list[str]
) -> None:
    assert planned(None, create=False, **fields) == (problem, changes)


@pytest.mark.parametrize(
    ("engine", "fields", "problem", "changes"),
    [
        pytest.param("aliases", {"rules": (RULE,)}, BY_ALIASES, ["create rule r"], id="rule"),
        pytest.param(None, {"rules": (RULE,)}, None, ["create rule r"], id="rule, unknown engine"),
        pytest.param("rules", {"rules": (RULE,)}, None, ["create rule r"], id="rule, by rules"),
        pytest.param("aliases", {"rules": (NO_RULE,)}, BY_ALIASES, [], id="absent rule"),
        pytest.param(
            "aliases",
            {"rules": (UNSCOPED,), "aliases": (ALIAS,), "settings": {"webhook": "https://x.example/"}},
            BY_ALIASES,
            ["update domain example.com", "create alias info", "create rule x"],
            id="rule that can't be created, alias and setting",
        ),
        pytest.param("aliases", {"purge_rules": True}, None, ["delete rule true"], id="no rules"),
        pytest.param("rules", {"aliases": (ALIAS,)}, BY_RULES, ["create alias info"], id="alias"),
        pytest.param(None, {"aliases": (ALIAS,)}, None, ["create alias info"], id="alias, unknown engine"),
        pytest.param(
            "rules",
            {
                "aliases": (ALIAS,),
                "rules": (RULE,),
                "credentials": (CREDENTIAL,),
                "settings": {"webhook": "https://x.example/"},
            },
            BY_RULES,
            ["update domain example.com", "create alias info", "create rule r", "create credential info"],
            id="all of them, by rules",
        ),
        pytest.param(
            "rules",
            {"settings": {"webhook": "https://x.example/"}, "rules": (UNSCOPED,)},
            NO_SCOPES,
            ["update domain example.com", "create rule x"],
            id="setting, and a rule that can't be created",
        ),
        pytest.param(
            "rules",
            {"rules": (RULE,), "credentials": (UNSET,)},
            NO_PASSWORD,
            ["create rule r", "create credential info"],
            id="rule, and a credential without a password",
        ),
    ],
)
def test_existing_domain_can_have_what_its_routing_allows(
    engine: str | None, fields: dict[str, Any], problem: str | None, changes: list[str]
) -> None:
    assert planned(existing(engine), **fields) == (problem, changes)


def test_new_domain_can_have_no_rules() -> None:
    changes = ["create domain example.com", "create alias info", "create rule r"]
    assert planned(None, aliases=(ALIAS,), rules=(RULE,)) == (NEW_BY_ALIASES, changes)
    assert planned(None, purge_rules=True) == (None, ["create domain example.com"])


def test_new_domain_gets_its_credentials_last() -> None:
    changes = ["create domain example.com", "delete alias *", "create alias info", "create credential info"]
    wish = {"aliases": (ALIAS, AliasWish("*", present=False)), "credentials": (CREDENTIAL,)}
    assert planned(None, **wish, purge_credentials=True) == (None, changes)


@pytest.mark.parametrize(
    ("aliases", "problem", "changes"),
    [
        pytest.param(
            (AliasWish("old", (B,), overwrite=False),), KEPT % "Old", ["update alias Old"], id="other forward"
        ),
        pytest.param((AliasWish("old", (A,), overwrite=False),), None, [], id="same forward"),
        pytest.param((AliasWish("new", (B,), overwrite=False),), None, ["create alias new"], id="new"),
        pytest.param(
            (AliasWish("*", (B,)), AliasWish("old", (B,), overwrite=False), AliasWish("new", (B,))),
            KEPT % "Old",
            ["update alias *", "update alias Old", "create alias new"],
            id="one of several",
        ),
        pytest.param(
            (AliasWish("*", (B,), overwrite=False), AliasWish("old", (B,), overwrite=False)),
            KEPT % "*",
            ["update alias *", "update alias Old"],
            id="the first of several",
        ),
        pytest.param(
            (AliasWish("old", present=False, overwrite=False),), None, ["delete alias Old"], id="absent"
        ),
    ],
)
def test_alias_with_other_destinations_is_not_overwritten_unless_allowed(
    aliases: tuple[AliasWish, ...], problem: str | None, changes: list[str]
) -> None:
    assert planned(existing(), aliases=aliases) == (problem, changes)
