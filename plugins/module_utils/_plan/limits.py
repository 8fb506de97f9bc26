# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of its limits an account uses, and which of them a plan would exceed. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model.idna import display_domain
from .plan import DomainPlan, outcome


class Excess(NamedTuple):
    """A limit that would be exceeded, with what would exceed it, and how much of it there would be."""

    limit: str
    allowed: int
    things: Sequence[Tuple[str, int]]


def usage(limits: Mapping[str, int], aliases: Mapping[str, int]) -> Dict[str, Dict[str, Any]]:
    """How much of each limit is used. ``aliases``: how many each domain of the account has."""
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
    """Whether the limits of an account matter to these plans."""
    return _creates(plans, ("domain", "alias"))


def _creates(plans: Sequence[DomainPlan], kinds: Sequence[str]) -> bool:
    return any(c.action == "create" and c.kind in kinds for plan in plans for c in plan.changes)


def exceeded_limits(
    limits: Mapping[str, int], domains: Optional[int], plans: Sequence[DomainPlan]
) -> List[Excess]:
    """The limits that are exceeded once the plans are executed, by what they create or change.

    ``domains``: how many the account has before; None where that is not known.
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
    left = count + actions.count("create") - actions.count("delete")
    return [("the account", left)] if left > limits["domains"] else []


def _too_many_aliases(limits: Mapping[str, int], plans: Sequence[DomainPlan]) -> List[Tuple[str, int]]:
    crowded = []
    for plan in plans if "aliases" in limits else ():
        domain = outcome(plan.found, plan.changes) if creates_anything([plan]) else None
        if domain and len(domain.aliases) > limits["aliases"]:
            crowded.append((display_domain(domain.name), len(domain.aliases)))
    return crowded


def _too_many_destinations(limits: Mapping[str, int], plans: Sequence[DomainPlan]) -> List[Tuple[str, int]]:
    changes = [c for plan in plans for c in plan.changes if c.kind == "alias" and c.after]
    counts = [(c, len(c.after["forward"])) for c in changes if c.after]
    return [
        ("%s of %s" % (c.name, display_domain(c.domain)), count)
        for c, count in counts
        if count > limits.get("destinations", count)
    ]
