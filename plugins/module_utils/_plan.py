# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted and what is there -> the ordered changes between the two. Pure.

A check run returns the plan and a real run executes it, so the two can't differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Generic, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar

from ansible_collections.improvmx.email.plugins.module_utils._diff import Difference
from ansible_collections.improvmx.email.plugins.module_utils._model import (
    SETTINGS,
    SETTINGS_AT_CREATION,
    Alias,
    AliasWish,
    Domain,
    DomainWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._names import (
    CATCH_ALL,
    ImprovmxError,
    is_pattern,
    same_destinations,
    same_setting,
)
from ansible_collections.improvmx.email.plugins.module_utils._urls import shorten_values

_Thing = TypeVar("_Thing")


class PlanError(ImprovmxError):
    """The wish for one domain can't be executed as things stand. ``changes``: what it comes to."""

    def __init__(self, message: str, changes: Sequence[Change]) -> None:
        super().__init__(message)
        self.changes = tuple(changes)


class DomainMissing(PlanError):
    """An alias, or another of a domain's ``things``, is wanted where the account has no such domain."""

    def __init__(self, domain: str, changes: Sequence[Change], things: str = "aliases") -> None:
        super().__init__(
            "%s is not a domain of this account, so it can't have %s: create it first, with "
            "improvmx.email.improvmx_domain" % (domain, things),
            changes,
        )


class RoutedByRules(PlanError):
    """Aliases are wanted on a domain whose mail is routed by rules."""

    def __init__(self, domain: str, changes: Sequence[Change]) -> None:
        super().__init__(
            "%s is routed by rules (routing_engine: rules), so aliases have no say there: manage its rules, "
            "with improvmx.email.improvmx_rule, or switch the domain back to aliases in the dashboard of "
            "ImprovMX" % domain,
            changes,
        )


class UnplannedDeletions(PlanError):
    """A domain turns out to hold what would have to be deleted, and nobody agreed to that."""

    def __init__(self, domain: str, changes: Sequence[Change], most: Optional[int]) -> None:
        names = [change.name for change in changes if change.action == "delete"]
        bound = "not bounded" if most is None else str(most)
        super().__init__(
            "%s turned out to hold more than it showed when the account was read: to delete %s was not in "
            "the plan (max_deletions is %s). See what the domain holds before you run it again"
            % (domain, ", ".join(names[:3]) + (", ..." if names[3:] else ""), bound),
            changes,
        )


class Change(NamedTuple):
    """One change of one thing. ``before`` and ``after`` are its managed fields; None: nothing there.

    ``id`` is the service's own for the alias, where it is known. A tuple, for there can be 100,000 of
    them, and a frozen dataclass takes three times as long to make.
    """

    action: str
    kind: str
    domain: str
    name: str
    before: Optional[Mapping[str, Any]] = None
    after: Optional[Mapping[str, Any]] = None
    id: Optional[str] = None

    def result(self) -> Dict[str, Any]:
        """The form that users see: without the secrets of URLs."""
        return {
            "action": self.action,
            "kind": self.kind,
            "domain": self.domain,
            "name": shorten_values(self.name),
            "before": shorten_values(self.before),
            "after": shorten_values(self.after),
        }

    def __str__(self) -> str:
        """What is done to what: the identity of a change, whatever its values."""
        if self.kind == "domain":
            return "%s domain %s" % (self.action, self.domain)
        return "%s %s %s of %s" % (self.action, self.kind, self.name, self.domain)


@dataclass(frozen=True)
class Step(Generic[_Thing]):
    """What brings one thing of a domain to its wish: one change, or None where there is nothing to do.

    ``before``, ``after``: the thing itself, None where there is none. ``shows``: whether a look at
    the thing tells if the change took effect.
    """

    before: Optional[_Thing]
    after: Optional[_Thing]
    change: Optional[Change] = None
    shows: bool = True


@dataclass(frozen=True)
class DomainPlan:
    """The changes of one domain, in the order of execution, or the problem that there is with it."""

    wish: DomainWish
    found: Optional[Domain]
    changes: Tuple[Change, ...] = ()
    problem: Optional[PlanError] = None

    @property
    def deletions(self) -> int:
        """How many things that are there now would be gone, a domain's aliases among them."""
        return count_deletions(self.found, self.changes) if self.found else 0

    @property
    def leaves_catch_all(self) -> bool:
        """Whether it makes a domain and does not mention the catch-all that comes with it."""
        return any(c.action == "create" and c.kind == "domain" for c in self.changes) and not (
            self.wish.purge_aliases or any(a.name == CATCH_ALL for a in self.wish.aliases)
        )


def count_deletions(found: Optional[Domain], changes: Iterable[Change]) -> int:
    """How many things changes delete, the aliases of a deleted domain among them."""
    gone = [change for change in changes if change.action == "delete"]
    whole = any(change.kind == "domain" for change in gone)
    return len(gone) + (len(found.aliases) if found and whole else 0)


def remainder(change: Change, left: Change) -> Optional[Change]:
    """What of a change to several fields is done when ``left`` is what is left of it; None: nothing."""
    wanted, missing = change.after or {}, left.after or {}
    done = [name for name in wanted if name not in missing]
    if not done:
        return None
    before = {name: (change.before or {}).get(name) for name in done}
    return change._replace(before=before, after={name: wanted[name] for name in done})


def plan(wishes: Sequence[DomainWish], found: Mapping[str, Domain], purge: bool = False) -> List[DomainPlan]:
    """Plan every wish against the domains that were found, by name.

    ``purge``: domains that are there and not wished for are deleted. Deletions of domains come first,
    to make room in the account's limits; else the order is that of the wishes.
    """
    plans = [plan_domain(wish, found.get(wish.name)) for wish in wishes]
    if purge:
        wished = {wish.name for wish in wishes}
        surplus = [DomainWish(name, present=False) for name in found if name not in wished]
        plans += [plan_domain(wish, found[wish.name]) for wish in surplus]
    return sorted(plans, key=lambda p: not (p.changes and not p.wish.present))


def plan_domain(wish: DomainWish, found: Optional[Domain]) -> DomainPlan:
    """Plan one domain. What can't be executed is told in ``problem``, so that others go on."""
    try:
        return DomainPlan(wish, found, tuple(_changes(wish, found)))
    except PlanError as error:
        return DomainPlan(wish, found, problem=error)


def _changes(wish: DomainWish, found: Optional[Domain]) -> List[Change]:
    if not wish.present:
        return [_delete_domain(found)] if found else []
    changes = []
    is_new = found is None
    if found is None:
        if not wish.create:
            missing = _alias_changes(wish, Domain(wish.name))
            if missing:
                raise DomainMissing(wish.name, missing)
            return []
        at_creation = {name: wish.settings[name] for name in SETTINGS_AT_CREATION if wish.settings.get(name)}
        changes.append(Change("create", "domain", wish.name, wish.name, after=at_creation))
        found = newborn(wish.name, at_creation)
    setting_changes, alias_changes = _setting_changes(wish, found), _alias_changes(wish, found)
    further = setting_changes + alias_changes
    if is_new:
        # The catch-all comes with the domain, often as it is wanted, so it is the first to see to.
        further.sort(key=lambda change: change.name != CATCH_ALL)
    changes += further
    if alias_changes and found.routed_by_rules:
        raise RoutedByRules(wish.name, changes)
    return changes


def newborn(name: str, settings: Optional[Mapping[str, Optional[str]]] = None) -> Domain:
    """A domain right after its creation, as far as can be known: the service gives it a catch-all."""
    return Domain(name, settings=settings or {}, aliases=(Alias(CATCH_ALL),))


def _delete_domain(found: Domain) -> Change:
    before: Dict[str, Any] = {name: found.settings[name] for name in found.settings}
    before["aliases"] = [{"alias": a.name, "forward": list(a.forward)} for a in found.aliases]
    return Change("delete", "domain", found.name, found.name, before=before)


def _setting_changes(wish: DomainWish, found: Domain) -> List[Change]:
    differing = [s for s, value in wish.settings.items() if not same_setting(value, found.settings.get(s))]
    if not differing:
        return []
    before = {name: found.settings.get(name) for name in differing}
    after = {name: wish.settings[name] for name in differing}
    return [Change("update", "domain", wish.name, wish.name, before, after)]


def _alias_changes(wish: DomainWish, found: Domain) -> List[Change]:
    """Names go before names come, so that a limit of aliases is met only if the end state meets it.

    What catches mail for others (a catch-all, an expression) goes last: the names that are to take
    over its mail are there by then, also when the run breaks off in between. But the catch-all of a
    new domain, of which nothing is known yet, goes first: there is no mail to lose.
    """
    there = {alias.key: alias for alias in found.aliases}
    wished = {alias.key for alias in wish.aliases}
    gone = [there[w.key] for w in wish.aliases if not w.present and w.key in there]
    if wish.purge_aliases:
        gone += [alias for alias in found.aliases if alias.key not in wished]
    updates, creations = [], []
    for alias in wish.aliases:
        if not alias.present:
            continue
        present = there.get(alias.key)
        if present is None:
            creations.append(_alias_change("create", wish.name, Alias(alias.name), alias))
        elif present.forward != alias.forward and not same_destinations(present.forward, alias.forward):
            updates.append(_alias_change("update", wish.name, present, alias))
    deletions = [_alias_change("delete", wish.name, alias, None) for alias in gone]
    first: List[Change] = []
    last: List[Change] = []
    for change in deletions:
        (last if is_pattern(change.name) and change.before else first).append(change)
    return first + updates + creations + last


def _alias_change(action: str, domain: str, alias: Alias, wish: Optional[AliasWish]) -> Change:
    return Change(
        action,
        "alias",
        domain,
        alias.name,
        before={"forward": list(alias.forward)} if alias.forward else None,
        after={"forward": list(wish.forward)} if wish else None,
        id=alias.id,
    )


def outcome(found: Optional[Domain], changes: Iterable[Change]) -> Optional[Domain]:
    """The domain after these changes; None when there is none."""
    aliases = {alias.name: alias for alias in found.aliases} if found else {}
    for change in changes:
        if change.kind == "alias":
            if change.after is None:
                aliases.pop(change.name, None)
            else:
                aliases[change.name] = Alias(change.name, tuple(change.after["forward"]), change.id)
        elif change.after is None:
            found = None
        elif found is None:
            found = newborn(change.domain, change.after)
            aliases = {alias.name: alias for alias in found.aliases}
        else:
            found = replace(found, settings={**found.settings, **change.after})
    return replace(found, aliases=tuple(aliases.values())) if found else None


# --- What users see of it -------------------------------------------------------------------------


def differences(steps: Iterable[Tuple[DomainPlan, Sequence[Change]]]) -> List[Difference]:
    """Of every domain that changes the fields that its wish manages, before and after.

    Each plan comes with the changes to show: all of them in a check run, those done in a failed one.
    """
    found = []
    for step, changes in steps:
        if changes:
            left = outcome(step.found, changes)
            before, after = (_managed(step.wish, domain) for domain in (step.found, left))
            found.append(Difference(step.wish.name, before, after))
    return found


def _managed(wish: DomainWish, domain: Optional[Domain]) -> Optional[Dict[str, Any]]:
    """The fields of a domain that a wish manages; of one that is to go, all that have a value."""
    if domain is None:
        return None
    if not wish.present:
        settings = {name: value for name, value in domain.settings.items() if value}
        return {**settings, "aliases": {a.name: list(a.forward) for a in domain.aliases}}
    fields: Dict[str, Any] = {s: domain.settings.get(s) for s in SETTINGS if s in wish.settings}
    keys = {alias.key for alias in wish.aliases}
    aliases = {
        alias.name: list(alias.forward)
        for alias in domain.aliases
        if alias.forward and (wish.purge_aliases or alias.key in keys)
    }
    # That there are none is only said where those that are not listed are managed as well.
    return {**fields, "aliases": aliases} if aliases or wish.purge_aliases else fields
