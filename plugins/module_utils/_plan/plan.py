# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the ordered changes that lead from the current state to the wishes. Pure.

Check mode returns the plan and a real run executes it, so the two can't differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .._errors import DomainMissing, NotOverwritten, NotRoutedByRules, PlanError, RoutedByRules
from .._model.differences import Difference
from .._model.domains import SETTINGS, SETTINGS_AT_CREATION, Alias, AliasWish, Domain, DomainWish
from .._model.names import CATCH_ALL, alias_key, is_pattern, same_destinations, same_setting
from .._model.rules import rank_order
from .changes import Change
from .credentials import credential_changes
from .rules import rule_changes


@dataclass(frozen=True)
class DomainPlan:
    """The changes of one domain in the order of execution, or the problem that prevents them."""

    wish: DomainWish
    found: Optional[Domain]
    changes: Tuple[Change, ...] = ()
    problem: Optional[PlanError] = None

    @property
    def deletions(self) -> int:
        """The number of existing things that are deleted, including the contents of a deleted domain."""
        return count_deletions(self.found, self.changes) if self.found else 0

    @property
    def all_changes(self) -> Sequence[Change]:
        """The changes, including those that a problem prevents."""
        return self.problem.changes if self.problem else self.changes

    @property
    def leaves_catch_all(self) -> bool:
        """Whether it creates a domain and does not mention the catch-all that the service creates with it."""
        return any(c.action == "create" and c.kind == "domain" for c in self.changes) and not (
            self.wish.purge_aliases or any(a.name == CATCH_ALL for a in self.wish.aliases)
        )


def count_deletions(found: Optional[Domain], changes: Iterable[Change]) -> int:
    """Count what changes delete, including the known contents of a deleted domain."""
    deletions = [change for change in changes if change.action == "delete"]
    deletes_domain = any(change.kind == "domain" for change in deletions)
    return len(deletions) + (_count(found) if found and deletes_domain else 0)


def _count(domain: Domain) -> int:
    return len(domain.aliases) + len(domain.rules or ()) + len(domain.credentials or ())


def plan(wishes: Sequence[DomainWish], found: Mapping[str, Domain], purge: bool = False) -> List[DomainPlan]:
    """Plan every wish. ``found``: the existing domains, by name.

    ``purge``: delete existing domains without a wish. Deletions of domains come first, to stay within the
    limits of the account. Otherwise the order is that of the wishes.
    """
    plans = [plan_domain(wish, found.get(wish.name)) for wish in wishes]
    if purge:
        wished = {wish.name for wish in wishes}
        unlisted = [DomainWish(name, present=False) for name in found if name not in wished]
        plans += [plan_domain(wish, found[wish.name]) for wish in unlisted]
    return sorted(plans, key=lambda p: not (p.changes and not p.wish.present))


def plan_domain(wish: DomainWish, found: Optional[Domain]) -> DomainPlan:
    """Plan one domain. A PlanError becomes its ``problem``, so that other domains are still processed."""
    try:
        return DomainPlan(wish, found, tuple(_changes(wish, found)))
    except PlanError as error:
        return DomainPlan(wish, found, problem=error)


def _changes(wish: DomainWish, found: Optional[Domain]) -> List[Change]:
    if not wish.present:
        return [_delete_domain(found)] if found else []
    if found is None and not wish.create:
        _refuse_missing(wish)
        return []
    changes: List[Change] = []
    is_new = found is None
    if found is None:
        at_creation = {name: wish.settings[name] for name in SETTINGS_AT_CREATION if wish.settings.get(name)}
        changes.append(Change("create", "domain", wish.name, wish.name, after=at_creation))
        found = new_domain(wish.name, at_creation)
    alias_changes = _alias_changes(wish, found.aliases)
    further = _setting_changes(wish, found) + alias_changes
    if is_new:
        # The service creates the catch-all with the domain, often as desired, so it comes first.
        further.sort(key=lambda change: change.name != CATCH_ALL)
    changes += further
    if wish.rules and (is_new or found.routed_by_aliases):
        raise NotRoutedByRules(wish.name, [*changes, *_as_far_as_possible(wish)], exists=not is_new)
    if wish.manages_rules:
        changes = _joined(changes, lambda: rule_changes(wish, found.rules or ()))
    if wish.manages_credentials:
        changes = _joined(changes, lambda: credential_changes(wish, found.credentials or ()))
    if alias_changes and found.routed_by_rules:
        raise RoutedByRules(wish.name, changes)
    kept = {alias.key for alias in wish.aliases if not alias.overwrite}
    for change in alias_changes:
        if change.action == "update" and alias_key(change.name) in kept:
            raise NotOverwritten(wish.name, change.name, changes)
    return changes


def _as_far_as_possible(wish: DomainWish) -> Sequence[Change]:
    """Return the changes of rules for a domain without rules, even if they can't all be executed."""
    try:
        return rule_changes(wish, ())
    except PlanError as error:
        return error.changes


def _joined(changes: List[Change], more: Callable[[], List[Change]]) -> List[Change]:
    """Return the changes with more of them. A PlanError gets all of these changes."""
    try:
        return changes + more()
    except PlanError as error:
        error.changes = (*changes, *error.changes)
        raise


def _refuse_missing(wish: DomainWish) -> None:
    """Raise DomainMissing if something is desired for a domain that does not exist."""
    missing = _alias_changes(wish, ())
    if missing:
        raise DomainMissing(wish.name, missing)
    missing = rule_changes(wish, ())
    if missing:
        raise DomainMissing(wish.name, missing, "rules")
    missing = credential_changes(wish, ())
    if missing:
        raise DomainMissing(wish.name, missing, "SMTP credentials")


def new_domain(name: str, settings: Optional[Mapping[str, Optional[str]]] = None) -> Domain:
    """Return a domain right after its creation: the service creates a catch-all with it."""
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


def _alias_changes(wish: DomainWish, found: Sequence[Alias]) -> List[Change]:
    """Return the changes of aliases: deletions before creations, to stay within the limit of aliases.

    Aliases that match several addresses (the catch-all, expressions) are deleted last: the aliases that
    replace them exist by then, even if the run is interrupted in between. The catch-all of a new domain
    is deleted first, because there is no mail to lose.
    """
    existing = {alias.key: alias for alias in found}
    listed = {alias.key for alias in wish.aliases}
    removed = [existing[w.key] for w in wish.aliases if not w.present and w.key in existing]
    if wish.purge_aliases:
        removed += [alias for alias in found if alias.key not in listed]
    updates, creations = [], []
    for alias in wish.aliases:
        if not alias.present:
            continue
        current = existing.get(alias.key)
        if current is None:
            creations.append(_alias_change("create", wish.name, Alias(alias.name), alias))
        elif current.forward != alias.forward and not same_destinations(current.forward, alias.forward):
            updates.append(_alias_change("update", wish.name, current, alias))
    deletions = [_alias_change("delete", wish.name, alias, None) for alias in removed]
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
    """Return the domain after these changes; None if it does not exist."""
    aliases = {alias.name: alias for alias in found.aliases} if found else {}
    for change in changes:
        if change.kind == "alias":
            if change.after is None:
                aliases.pop(change.name, None)
            else:
                aliases[change.name] = Alias(change.name, tuple(change.after["forward"]), change.id)
        elif change.kind == "rule":
            found = _with_rule(found, change) if found else None
        elif change.kind == "credential":
            found = _with_credential(found, change) if found else None
        elif change.after is None:
            found = None
        elif found is None:
            found = new_domain(change.domain, change.after)
            aliases = {alias.name: alias for alias in found.aliases}
        else:
            found = replace(found, settings={**found.settings, **change.after})
    return replace(found, aliases=tuple(aliases.values())) if found else None


def _with_rule(domain: Domain, change: Change) -> Domain:
    """Return the domain after a change of a rule, with its rules in the order of evaluation."""
    is_new = change.action == "create"
    rules = [rule for rule in domain.rules or () if is_new or rule.id != change.id]
    rules += [change.thing] if change.after else []
    return replace(domain, rules=tuple(sorted(rules, key=rank_order)))


def _with_credential(domain: Domain, change: Change) -> Domain:
    others = [c for c in domain.credentials or () if c.username != change.name]
    return replace(domain, credentials=(*others, *([change.thing] if change.after else [])))


# --- The diff -------------------------------------------------------------------------------------


def differences(steps: Iterable[Tuple[DomainPlan, Sequence[Change]]]) -> List[Difference]:
    """Return the managed fields of every domain that changes, before and after.

    ``steps``: plans, each with the changes to show: all of them in check mode, or those that were done.
    """
    found = []
    for step, changes in steps:
        if changes:
            changed = outcome(step.found, changes)
            before, after = _managed(step.wish, step.found), _managed(step.wish, changed, changes)
            found.append(Difference(step.wish.name, before, after))
    return found


def _managed(
    wish: DomainWish, domain: Optional[Domain], changes: Sequence[Change] = ()
) -> Optional[Dict[str, Any]]:
    """Return the fields of a domain that its wish manages; all with a value if it is deleted.

    ``changes``: the changes that led to this state.
    """
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
    # An empty list is only shown if aliases that are not listed are managed as well.
    if aliases or wish.purge_aliases:
        fields["aliases"] = aliases
    rules = _managed_rules(wish, domain, changes)
    if rules or wish.purge_rules:
        fields["rules"] = rules
    credentials = _managed_credentials(wish, domain, changes)
    if credentials or wish.purge_credentials:
        fields["credentials"] = credentials
    return fields


def _managed_rules(wish: DomainWish, domain: Domain, changes: Sequence[Change]) -> List[Dict[str, Any]]:
    """Return the rules that a wish manages, in the form of module options."""
    changed = {change.thing.id for change in changes if change.kind == "rule" and change.after}
    with_rank = len([each for each in wish.rules if each.present]) > 1 or any(
        each.rank is not None for each in wish.rules
    )
    managed = []
    for rule in domain.rules or ():
        if wish.purge_rules or rule.id in changed or any(each.matches(rule) for each in wish.rules):
            fields = {**rule.identity(), "forward": list(rule.forward)}
            if with_rank:
                fields["rank"] = rule.rank
            managed.append(fields if rule.active else {**fields, "active": False})
    return managed


def _managed_credentials(wish: DomainWish, domain: Domain, changes: Sequence[Change]) -> List[Dict[str, Any]]:
    """Return the credentials that a wish manages. A password is not shown, only that it is new."""
    renewed = {change.name for change in changes if change.kind == "credential" and change.after}
    listed = {each.username.lower() for each in wish.credentials}
    return [
        {"username": credential.username, "new_password": credential.username in renewed}
        for credential in sorted(domain.credentials or (), key=lambda each: each.username)
        if wish.purge_credentials or credential.username.lower() in listed
    ]
