# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What exists in an account and is neither listed nor deleted. Pure."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Sequence

from .._model.domains import Domain, DomainWish
from .._model.urls import shorten_values
from .plan import DomainPlan


def find_unmanaged(found: Mapping[str, Domain], plans: Sequence[DomainPlan]) -> List[Dict[str, str]]:
    """Return the domains without a wish, and what their wishes do not list: ``kind, domain, name``.

    What a plan deletes is not included.
    """
    wishes = {plan.wish.name: plan.wish for plan in plans}
    deleted = {
        (change.kind, change.domain, change.id if change.kind == "rule" else change.name)
        for plan in plans
        for change in plan.all_changes
        if change.action == "delete"
    }
    things = []
    for name in sorted(found):
        if name not in wishes:
            things.append({"kind": "domain", "domain": name, "name": name})
            continue
        for kind, identity, label in _others(found[name], wishes[name]):
            if wishes[name].present and (kind, name, identity) not in deleted:
                things.append({"kind": kind, "domain": name, "name": str(shorten_values(label))})
    return things


def _others(domain: Domain, wish: DomainWish) -> Iterator[Sequence[str]]:
    """Yield what the wish of a domain does not list: the kind, the identity and the name."""
    keys = {alias.key for alias in wish.aliases}
    for alias in domain.aliases:
        if alias.key not in keys:
            yield "alias", alias.name, alias.name
    for rule in domain.rules or ():
        if not any(rule_wish.matches(rule) for rule_wish in wish.rules):
            yield "rule", str(rule.id), rule.name
    managed = {each.username for each in (w.find(domain.credentials or ()) for w in wish.credentials) if each}
    for credential in domain.credentials or ():
        if credential.username not in managed:
            yield "credential", credential.username, credential.username
