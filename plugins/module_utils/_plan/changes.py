# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of one thing is, and why the changes of a domain can't be executed. Pure."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from .._model.urls import shorten_values


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
