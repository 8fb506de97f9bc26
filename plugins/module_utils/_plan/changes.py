# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of one domain, alias, rule or credential. Pure."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from .._model.urls import shorten_values


class Change(NamedTuple):
    """A change. ``before`` and ``after``: the managed fields; None: does not exist.

    ``id``: the id of the alias or rule in the service, if known. ``thing``: the rule or credential after
    the change. It is a tuple because there can be 100,000 of them, and creating a frozen dataclass takes
    three times as long.
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
        """The identity of a change, regardless of its values. Two rules can have the same name."""
        if self.kind != "rule":
            return self.action, self.kind, self.domain, self.name
        if self.action != "create":
            return self.action, self.kind, self.domain, self.id
        return self.action, self.kind, self.domain, self.thing.key, frozenset(self.thing.scopes)

    def result(self) -> Dict[str, Any]:
        """Return the change in the form of results, without the secrets of URLs."""
        return {
            "action": self.action,
            "kind": self.kind,
            "domain": self.domain,
            "name": shorten_values(self.name),
            "before": shorten_values(self.before),
            "after": shorten_values(self.after),
        }

    def __str__(self) -> str:
        """Return the action and what it applies to."""
        if self.kind == "domain":
            return "%s domain %s" % (self.action, self.domain)
        return "%s %s %s of %s" % (self.action, self.kind, self.name, self.domain)


def remainder(change: Change, left: Change) -> Optional[Change]:
    """Return the part of a change that is done if ``left`` is still pending; None if nothing is done."""
    desired, missing = change.after or {}, left.after or {}
    done = [name for name in desired if name not in missing]
    if not done:
        return None
    before = {name: (change.before or {}).get(name) for name in done}
    return change._replace(before=before, after={name: desired[name] for name in done})
