# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The usage of the limits of an account, and the limits that a plan would exceed. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model.idna import display_domain
from .plan import DomainPlan, outcome


class Excess(NamedTuple):
    """A limit that would be exceeded. ``things``: what would exceed it, each with its count."""

    limit: str
    allowed: int
    things: Sequence[Tuple[str, int]]


def usage(limits: Mapping[str, int], aliases: Mapping[str, int]) -> Dict[str, Dict[str, Any]]:
    """Return the usage of each limit. ``aliases``: the number of aliases of each domain."""
    fullest = min(aliases, key=lambda name: (-aliases[name], name)) if aliases else None
    return {
        "domains": _used(limits.get("domains"), len(aliases)),
        "aliases": {"domain": fullest, **_used(limits.get("aliases"), aliases[fullest] if fullest else 0)},
    }


def _used(limit: Optional[int], used: int) -> Dict[str, Any]:
    return {"limit": limit, "used": used, "left": None if limit is None else max(limit - used, 0)}


def creates_domains(plans: Sequence[DomainPlan]) -> bool:
    return _creates(plans, ("domain",))


def creates_anything(plans: Sequence[DomainPlan]) -> bool:
    """Return whether these plans create domains or aliases, which the limits of an account restrict."""
    return _creates(plans, ("domain", "alias"))


def _creates(plans: Sequence[DomainPlan], kinds: Sequence[str]) -> bool:
    return any(c.action == "create" and c.kind in kinds for plan in plans for c in plan.changes)


def exceeded_limits(
    limits: Mapping[str, int], domains: Optional[int], plans: Sequence[DomainPlan]
) -> List[Excess]:
    """Return the limits that the plans would exceed with what they create or change.

    ``domains``: the current number of domains of the account; None if unknown.
    """
    found = {
        "domains": _too_many_domains(limits, domains, plans),
        "aliases": _too_many_aliases(limits, plans),
        "destinations": _too_many_destinations(limits, plans),
    }
    return [Excess(name, limits[name], things) for name, things in found.items() if things]


def _too_many_domains(
    limits: Mapping[str, int], count: Optional[int], plans: Sequence[DomainPlan]
) -> List[Tuple[str, int]]:
    if count is None or "domains" not in limits or not creates_domains(plans):
        return []
    actions = [c.action for plan in plans for c in plan.changes if c.kind == "domain"]
    total = count + actions.count("create") - actions.count("delete")
    return [("the account", total)] if total > limits["domains"] else []


def _too_many_aliases(limits: Mapping[str, int], plans: Sequence[DomainPlan]) -> List[Tuple[str, int]]:
    exceeding = []
    for plan in plans if "aliases" in limits else ():
        domain = outcome(plan.found, plan.changes) if creates_anything([plan]) else None
        if domain and len(domain.aliases) > limits["aliases"]:
            exceeding.append((display_domain(domain.name), len(domain.aliases)))
    return exceeding


def _too_many_destinations(limits: Mapping[str, int], plans: Sequence[DomainPlan]) -> List[Tuple[str, int]]:
    changes = [c for plan in plans for c in plan.changes if c.kind == "alias"]
    counts = [(c, len(c.after["forward"])) for c in changes if c.after]
    return [
        ("%s of %s" % (c.name, display_domain(c.domain)), count)
        for c, count in counts
        if count > limits.get("destinations", count)
    ]
