# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits that the service reports, their usage, and the limits that a plan would exceed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._model.account import read_limits
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import (
    Alias,
    AliasWish,
    Domain,
    DomainWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._model.rules import Rule, RuleWish
from ansible_collections.improvmx.email.plugins.module_utils._plan.limits import (
    creates_anything,
    creates_domains,
    exceeded_limits,
    usage,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import DomainPlan, plan_domain

A, B, C = "a@x.example", "b@x.example", "c@x.example"


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"limits": None, "plan": None}, {}, id="the free plan"),
        pytest.param({"limits": [], "plan": "free"}, {}, id="other forms"),
        pytest.param(
            {"limits": {"domains": 2, "aliases": 25, "destinations": 5, "ratelimit": 10, "daily_send": 200}},
            {"domains": 2, "aliases": 25, "destinations": 5},
            id="limits",
        ),
        pytest.param(
            {"plan": {"domains_limit": 7, "aliases_limit": 9, "daily_quota": 5}},
            {"domains": 7, "aliases": 9},
            id="the plan's",
        ),
        pytest.param(
            {"limits": {"domains": 2}, "plan": {"domains_limit": 7, "aliases_limit": 9}},
            {"domains": 2, "aliases": 9},
            id="those of the account are nearer",
        ),
        pytest.param(
            {
                "limits": {"domains": None, "aliases": "25", "destinations": True},
                "plan": {"domains_limit": 7},
            },
            {"domains": 7},
            id="what is no number",
        ),
        pytest.param({"limits": {"domains": 0, "aliases": -1}}, {}, id="what is no limit"),
    ],
)
def test_limits_are_read_from_the_account(account: dict[str, Any], expected: dict[str, int]) -> None:
    assert read_limits(account) == expected


@pytest.mark.parametrize(
    ("limits", "aliases", "expected"),
    [
        pytest.param(
            {"domains": 3, "aliases": 25},
            {"a.example": 3, "c.example": 7, "b.example": 7},
            {
                "domains": {"limit": 3, "used": 3, "left": 0},
                "aliases": {"domain": "b.example", "limit": 25, "used": 7, "left": 18},
            },
            id="the fullest, and the first by name of equally full ones",
        ),
        pytest.param(
            {"domains": 1, "aliases": 5},
            {"a.example": 7, "b.example": 1},
            {
                "domains": {"limit": 1, "used": 2, "left": 0},
                "aliases": {"domain": "a.example", "limit": 5, "used": 7, "left": 0},
            },
            id="more than is allowed",
        ),
        pytest.param(
            {},
            {},
            {
                "domains": {"limit": None, "used": 0, "left": None},
                "aliases": {"domain": None, "limit": None, "used": 0, "left": None},
            },
            id="no limits, no domains",
        ),
    ],
)
def test_usage_compares_limits_with_the_account(
    limits: dict[str, int], aliases: dict[str, int], expected: dict[str, Any]
) -> None:
    assert usage(limits, aliases) == expected


# --- Exceeded limits ------------------------------------------------------------------------------


def domain(name: str, *aliases: str) -> Domain:
    return Domain(name, aliases=tuple(Alias(alias, (A,)) for alias in aliases))


def new(name: str, *aliases: str, **fields: Any) -> DomainPlan:
    return over(None, *aliases, name=name, **fields)


def over(
    found: Domain | None, *aliases: str, name: str = "a.example", to: int = 1, **fields: Any
) -> DomainPlan:
    forward = (A, B, C)[:to]
    wishes = tuple(AliasWish(a.lstrip("-"), forward, not a.startswith("-")) for a in aliases)
    return plan_domain(DomainWish(found.name if found else name, aliases=wishes, **fields), found)


def ruled(to: int) -> DomainPlan:
    """A new rule, and a new webhook."""
    wish = RuleWish(type="alias", matcher="x", forward=(A, B, C)[:to])
    found = Domain("a.example", details={"routing_engine": "rules"}, rules=(Rule("cel", "true", id="1"),))
    return plan_domain(DomainWish("a.example", settings={"webhook": C}, rules=(wish,)), found)


def gone(name: str) -> DomainPlan:
    return plan_domain(DomainWish(name, present=False), domain(name))


@pytest.mark.parametrize(
    ("limits", "count", "plans", "expected"),
    [
        pytest.param({"domains": 2}, 1, [new("b.example")], [], id="the last domain"),
        pytest.param(
            {"domains": 2},
            1,
            [new("b.example"), new("c.example")],
            [("domains", 3)],
            id="one domain too many",
        ),
        pytest.param({"domains": 2}, 2, [new("b.example"), gone("a.example")], [], id="one goes for it"),
        pytest.param({"domains": 2}, 1, [new("b.example", "x", "y")], [], id="aliases are not domains"),
        pytest.param({"domains": 2}, 7, [over(domain("a.example"), "x")], [], id="too many, but none is new"),
        pytest.param(
            {"domains": 2}, None, [new("b.example")], [], id="a number of domains that is not known"
        ),
        pytest.param({"aliases": 3}, 0, [new("a.example", "x", "y")], [], id="the last alias"),
        pytest.param(
            {"aliases": 3}, 0, [new("a.example", "x", "y", "z")], [("aliases", 4)], id="the catch-all counts"
        ),
        pytest.param(
            {"aliases": 3}, 0, [new("a.example", "x", "y", "z", "-*")], [], id="unless it goes in the end"
        ),
        pytest.param(
            {"aliases": 2}, 1, [over(domain("a.example", "x", "y"), "z", "-y")], [], id="one for another"
        ),
        pytest.param(
            {"aliases": 2}, 1, [over(domain("a.example", "x", "y"), "z")], [("aliases", 3)], id="one too many"
        ),
        pytest.param(
            {"aliases": 2},
            1,
            [over(domain("a.example", "x", "y", "z"), "x", to=2)],
            [],
            id="an alias that changes",
        ),
        pytest.param({"destinations": 2}, 1, [new("a.example", "x", to=2)], [], id="the last destination"),
        pytest.param(
            {"destinations": 2},
            1,
            [new("a.example", "x", to=3)],
            [("destinations", 3)],
            id="one too many, new",
        ),
        pytest.param(
            {"destinations": 2},
            1,
            [over(domain("a.example", "x"), "x", to=3)],
            [("destinations", 3)],
            id="one too many, changed",
        ),
        pytest.param(
            {"destinations": 2},
            1,
            [over(domain("a.example", "x", "y"), "-x", "y", to=3)],
            [("destinations", 3)],
            id="one too many, beside a deletion",
        ),
        pytest.param(
            {"destinations": 2, "aliases": 1, "domains": 1}, 1, [ruled(to=3)], [], id="a rule, which has none"
        ),
        pytest.param({}, 9, [new("a.example", "x", "y", to=3)], [], id="no limits"),
        pytest.param(
            {"domains": 1, "aliases": 1, "destinations": 1},
            1,
            [new("b.example", "x", to=2)],
            [("domains", 2), ("aliases", 2), ("destinations", 2)],
            id="all of them",
        ),
        pytest.param(
            {"aliases": 1}, 1, [plan_domain(DomainWish("a.example"), None)], [], id="its catch-all only"
        ),
    ],
)
def test_limits_are_compared_with_the_final_state(
    limits: dict[str, int], count: int | None, plans: list[DomainPlan], expected: list[tuple[str, int]]
) -> None:
    assert not any(plan.problem for plan in plans)
    found = exceeded_limits(limits, count, plans)
    assert [(excess.limit, things[1]) for excess in found for things in excess.things] == expected
    assert all(excess.allowed == limits[excess.limit] for excess in found)


@pytest.mark.parametrize(
    ("plans", "of_domains", "of_anything"),
    [
        pytest.param([], False, False, id="nothing"),
        pytest.param([new("a.example")], True, True, id="a domain"),
        pytest.param([over(domain("a.example"), "x")], False, True, id="an alias"),
        pytest.param([over(domain("a.example", "x"), "x", to=2)], False, False, id="an alias that changes"),
        pytest.param([over(domain("a.example", "x"), "-x"), gone("b.example")], False, False, id="deletions"),
        pytest.param([ruled(to=1)], False, False, id="a rule and a setting"),
        pytest.param([ruled(to=1), new("b.example")], True, True, id="the last one of several"),
    ],
)
def test_only_what_the_account_limits_counts_as_creation(
    plans: list[DomainPlan], of_domains: bool, of_anything: bool
) -> None:
    assert not any(plan.problem for plan in plans)
    assert (creates_domains(plans), creates_anything(plans)) == (of_domains, of_anything)


def test_exceeded_number_of_domains_is_one_of_the_account() -> None:
    [domains] = exceeded_limits({"domains": 1}, 1, [new("b.example")])
    assert (domains.limit, domains.allowed, domains.things) == ("domains", 1, [("the account", 2)])


def test_exceeded_limits_are_reported_with_display_names() -> None:
    plans = [new("xn--bcher-kva.example", "x", "y", to=2), new("b.example", "z")]
    (aliases, destinations) = exceeded_limits({"aliases": 1, "destinations": 1}, None, plans)
    assert aliases.things == [("bücher.example", 3), ("b.example", 2)]
    assert destinations.things == [("x of bücher.example", 2), ("y of bücher.example", 2)]
