# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What exists in an account and is neither listed nor deleted."""

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
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import plan
from ansible_collections.improvmx.email.plugins.module_utils._plan.unmanaged import find_unmanaged

A = "a@x.example"


def unmanaged(found: list[Domain], *wishes: DomainWish, purge: bool = False) -> list[str]:
    """What is found, as lines: the kind and the name, with the domain where it is another text."""
    existing = {domain.name: domain for domain in found}
    return [
        " ".join(dict.fromkeys((each["kind"], each["domain"], each["name"])))
        for each in find_unmanaged(existing, plan(wishes, existing, purge))
    ]


def test_domains_without_a_wish_are_found_in_the_order_of_their_names() -> None:
    names = ("c.example", "a.example", "d.example", "b.example")
    found = [Domain(name, aliases=(Alias("*", (A,)),)) for name in names]
    wishes = (DomainWish("d.example", present=False), DomainWish("new.example"))
    lines = ["domain a.example", "domain b.example", "domain c.example"]
    assert unmanaged(found, *wishes) == lines
    # With purge they are deleted.
    assert unmanaged(found, *wishes, purge=True) == []


FULL = Domain(
    "a.example",
    aliases=(Alias("*", (A,), "1"), Alias("Info", (A,), "2"), Alias("sales", (A,), "3")),
    credentials=(Credential("Info"), Credential("sales")),
    details={"routing_engine": "aliases"},
)
RULED = Domain(
    "a.example",
    rules=(
        Rule("alias", "info", forward=(A,), id="r1"),
        Rule("cel", "true", forward=(A,), id="r2"),
        Rule("cel", "true", forward=(A,), id="r3"),
    ),
    details={"routing_engine": "rules"},
)
ALIASES = ["alias a.example *", "alias a.example Info", "alias a.example sales"]
CREDENTIALS = ["credential a.example Info", "credential a.example sales"]


@pytest.mark.parametrize(
    ("found", "fields", "lines"),
    [
        pytest.param(FULL, {}, ALIASES + CREDENTIALS, id="nothing is listed"),
        pytest.param(
            FULL,
            {"aliases": (AliasWish("INFO", (A,)), AliasWish("sales", present=False))},
            ["alias a.example *", *CREDENTIALS],
            id="listed aliases, in any case",
        ),
        pytest.param(FULL, {"purge_aliases": True}, CREDENTIALS, id="deleted aliases"),
        pytest.param(
            FULL,
            {"credentials": (CredentialWish("INFO", password="kR7!vq2-Zw95xTn0"),)},
            [*ALIASES, "credential a.example sales"],
            id="a listed credential, in any case",
        ),
        pytest.param(FULL, {"purge_credentials": True}, ALIASES, id="deleted credentials"),
        pytest.param(
            FULL,
            {"credentials": (CredentialWish("new"),), "purge_credentials": True},
            ALIASES,
            id="credentials whose deletion a problem prevents",
        ),
        pytest.param(
            FULL,
            {"credentials": (CredentialWish("new", password="kR7!vq2-Zw95xTn0"),)},
            ALIASES + CREDENTIALS,
            id="a new credential",
        ),
        pytest.param(FULL, {"present": False}, [], id="a deleted domain"),
        pytest.param(
            RULED,
            {},
            ["rule a.example info", "rule a.example true", "rule a.example true"],
            id="rules, none is listed",
        ),
        pytest.param(
            RULED,
            {"rules": (RuleWish(type="alias", matcher="INFO", forward=(A,)), RuleWish(id="r3"))},
            ["rule a.example true"],
            id="listed rules",
        ),
        pytest.param(
            RULED,
            {"rules": (RuleWish(id="r2", present=False),)},
            ["rule a.example info", "rule a.example true"],
            id="one of two rules of the same name is deleted",
        ),
        pytest.param(
            RULED, {"rules": (RuleWish(id="r2"),), "purge_rules": True}, [], id="the other rules are deleted"
        ),
    ],
)
def test_things_that_a_wish_neither_lists_nor_deletes_are_found(
    found: Domain, fields: dict[str, Any], lines: list[str]
) -> None:
    # The same things in another domain, of which nothing is deleted.
    other = DomainWish("b.example")
    twin = Domain("b.example", aliases=found.aliases, rules=found.rules, credentials=found.credentials)
    others = [line.replace("a.example", "b.example") for line in _all_of(found)]
    assert unmanaged([twin, found], DomainWish("a.example", **fields), other) == lines + others


def _all_of(found: Domain) -> list[str]:
    return unmanaged([found], DomainWish(found.name))


def test_secrets_of_urls_in_expressions_are_shortened() -> None:
    hook = "https://hooks.example/in?token=kQ7zw-41xVb"
    found = Domain("a.example", rules=(Rule("cel", f'body.contains("{hook}") == true', id="r1"),))
    [thing] = find_unmanaged({found.name: found}, plan([DomainWish(found.name)], {found.name: found}))
    assert thing == {
        "kind": "rule",
        "domain": "a.example",
        "name": 'body.contains("https://hooks.example/in?token=…0d0d") == true',
    }
