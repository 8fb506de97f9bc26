# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of one thing is, and why the changes of a domain can't be executed. Pure."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.improvmx.email.plugins.module_utils._names import ImprovmxError
from ansible_collections.improvmx.email.plugins.module_utils._urls import shorten_values


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


class NotRoutedByRules(PlanError):
    """Rules are wanted on a domain whose mail is routed by aliases."""

    def __init__(self, domain: str, changes: Sequence[Change], exists: bool = True) -> None:
        if exists:
            story = (
                "%s is routed by aliases, so it has no rules: manage its aliases, with "
                "improvmx.email.improvmx_alias, or switch it to rules in the dashboard of ImprovMX"
            )
        else:
            story = (
                "%s does not exist yet, and a new domain is routed by aliases: create it without rules, "
                "switch it to rules in the dashboard of ImprovMX, and run this again"
            )
        super().__init__(story % domain, changes)


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

    ``id`` is the service's own for the alias or rule, where it is known. ``thing``: the rule or
    credential itself after it. A tuple, for there can be 100,000 of them, and a frozen dataclass takes
    three times as long to make.
    """

    action: str
    kind: str
    domain: str
    name: str
    before: Optional[Mapping[str, Any]] = None
    after: Optional[Mapping[str, Any]] = None
    id: Optional[str] = None
    thing: Any = None

    @property
    def key(self) -> Tuple[Any, ...]:
        """The identity of a change, whatever its values. Two rules can have one name."""
        if self.kind != "rule":
            return self.action, self.kind, self.domain, self.name
        if self.action != "create":
            return self.action, self.kind, self.domain, self.id
        return self.action, self.kind, self.domain, self.thing.key, frozenset(self.thing.scopes)

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
        """What is done to what."""
        if self.kind == "domain":
            return "%s domain %s" % (self.action, self.domain)
        return "%s %s %s of %s" % (self.action, self.kind, self.name, self.domain)


def remainder(change: Change, left: Change) -> Optional[Change]:
    """What of a change to several fields is done when ``left`` is what is left of it; None: nothing."""
    wanted, missing = change.after or {}, left.after or {}
    done = [name for name in wanted if name not in missing]
    if not done:
        return None
    before = {name: (change.before or {}).get(name) for name in done}
    return change._replace(before=before, after={name: wanted[name] for name in done})
