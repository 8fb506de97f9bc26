# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose log entries by status, time and text, and count them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Tuple

from .time import iso_utc, read_time

_LONG_AGO = datetime(1, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class LogQuery:
    """Which entries of a domain to choose. What is None or empty chooses nothing out.

    ``statuses``: states of the latest event, in upper case. ``limit``: the most entries of a domain, 0 for
    all. ``texts``: by field (sender, recipient, subject) what it has to contain, without regard to case.
    """

    statuses: FrozenSet[str] = frozenset()
    since: Optional[datetime] = None
    until: Optional[datetime] = None
    limit: int = 0
    texts: Tuple[Tuple[str, str], ...] = ()

    def select(self, domain: str, entries: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
        """The newest entries of a domain that fit.

        ``entries`` come newest first, as the service gives them, and are read no further than needed.
        """
        chosen: List[Dict[str, Any]] = []
        for entry in entries:
            created = received_at(entry)
            if self.since and created and created < self.since:
                break
            if self.until and created and created > self.until:
                continue
            described = _describe(domain, entry)
            if self._fits(described):
                chosen.append(described)
            if self.limit and len(chosen) == self.limit:
                break
        return newest_first(chosen)

    def _fits(self, entry: Mapping[str, Any]) -> bool:
        if self.statuses and str(entry["status"]).upper() not in self.statuses:
            return False
        return all(text.lower() in _text(entry.get(name)).lower() for name, text in self.texts)


def newest_first(entries: Iterable[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Described entries, those without a time last."""
    return sorted(entries, key=lambda entry: read_time(entry["created"]) or _LONG_AGO, reverse=True)


def summarize(logs: Iterable[Mapping[str, Any]]) -> Dict[str, int]:
    """How many entries there are of each status."""
    statuses = (str(entry["status"]) for entry in logs if entry["status"])
    # A key that begins like this would make Ansible take the whole result for something else.
    return dict(sorted(Counter(status for status in statuses if not status.startswith("__ansible")).items()))


def _describe(domain: str, entry: Mapping[str, Any]) -> Dict[str, Any]:
    """An entry with its own fields, its domain, times in ISO 8601, and the status of its latest event."""
    events = events_of(entry)
    return {
        **entry,
        "domain": domain,
        "created": _iso(_created(entry)),
        "events": [{**event, "created": _iso(_created(event))} for event in events],
        "status": latest_event(events).get("status"),
    }


def events_of(entry: Mapping[str, Any]) -> List[Dict[str, Any]]:
    told = entry.get("events")
    return [event for event in told if isinstance(event, dict)] if isinstance(told, list) else []


def latest_event(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The event that decides what became of a mail; of those of the same moment, the later one listed."""
    if len(events) == 1:
        return events[0]
    return max(reversed(events), key=_moment, default={})


def received_at(entry: Mapping[str, Any]) -> Optional[datetime]:
    """When a mail came; None where that can't be read."""
    return read_time(_created(entry))


def _created(thing: Mapping[str, Any]) -> Any:
    """When an entry or event came into being: newer replies of the service call it ``created_at``."""
    return thing.get("created", thing.get("created_at"))


def _moment(event: Mapping[str, Any]) -> datetime:
    return read_time(_created(event)) or _LONG_AGO


def _text(value: Any) -> str:
    """What of a field is searched: a text, or the address and the name of a person."""
    if isinstance(value, dict):
        return " ".join(str(value[part]) for part in ("name", "email") if value.get(part))
    return value if isinstance(value, str) else ""


def _iso(value: Any) -> Any:
    """A time in the form of results; what can't be read stays as the service wrote it."""
    moment = read_time(value)
    return iso_utc(moment) if moment else value
