# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select log entries by status, time and text, and count them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Tuple

from .time import iso_utc, read_time

_LONG_AGO = datetime(1, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class LogQuery:
    """A filter for the log entries of a domain. None or an empty value does not filter.

    ``statuses``: statuses of the latest event, in upper case. ``limit``: the maximum number of entries of
    a domain, 0 for all. ``texts``: fields (sender, recipient, subject) and the text that each has to
    contain, regardless of case.
    """

    statuses: FrozenSet[str] = frozenset()
    since: Optional[datetime] = None
    until: Optional[datetime] = None
    limit: int = 0
    texts: Tuple[Tuple[str, str], ...] = ()

    def select(self, domain: str, entries: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
        """Return the newest matching entries of a domain.

        ``entries`` have to be sorted newest first, as in the API. No more of them are read than needed.
        """
        selected: List[Dict[str, Any]] = []
        for entry in entries:
            received = received_at(entry)
            if self.since and received and received < self.since:
                break
            if self.until and received and received > self.until:
                continue
            described = _describe(domain, entry)
            if self._matches(described):
                selected.append(described)
            if self.limit and len(selected) == self.limit:
                break
        return newest_first(selected)

    def _matches(self, entry: Mapping[str, Any]) -> bool:
        if self.statuses and str(entry["status"]).upper() not in self.statuses:
            return False
        return all(text.lower() in _text(entry.get(name)).lower() for name, text in self.texts)


def newest_first(entries: Iterable[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Sort entries of results by time; those without a time are last."""
    return sorted(entries, key=lambda entry: read_time(entry["created"]) or _LONG_AGO, reverse=True)


def summarize(logs: Iterable[Mapping[str, Any]]) -> Dict[str, int]:
    """Count the entries by status."""
    statuses = (str(entry["status"]) for entry in logs if entry["status"])
    # Ansible would not treat a result with such a key as plain data.
    return dict(sorted(Counter(status for status in statuses if not status.startswith("__ansible")).items()))


def _describe(domain: str, entry: Mapping[str, Any]) -> Dict[str, Any]:
    """Return an entry with its domain, times in ISO 8601, and the status of its latest event."""
    events = events_of(entry)
    return {
        **entry,
        "domain": domain,
        "created": _iso(_created(entry)),
        "events": [{**event, "created": _iso(_created(event))} for event in events],
        "status": latest_event(events).get("status"),
    }


def events_of(entry: Mapping[str, Any]) -> List[Dict[str, Any]]:
    events = entry.get("events")
    return [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []


def latest_event(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the latest event; among events of the same time, the last one in the list."""
    if len(events) == 1:
        return events[0]
    return max(reversed(events), key=_moment, default={})


def received_at(entry: Mapping[str, Any]) -> Optional[datetime]:
    """Return when the service received a mail; None if that can't be parsed."""
    return read_time(_created(entry))


def _created(thing: Mapping[str, Any]) -> Any:
    """Return the time of an entry or event. Newer replies of the service name it ``created_at``."""
    return thing.get("created", thing.get("created_at"))


def _moment(event: Mapping[str, Any]) -> datetime:
    return read_time(_created(event)) or _LONG_AGO


def _text(value: Any) -> str:
    """Return the text to search in a field: a string, or the name and address of a person."""
    if isinstance(value, dict):
        return " ".join(str(value[part]) for part in ("name", "email") if value.get(part))
    return value if isinstance(value, str) else ""


def _iso(value: Any) -> Any:
    """Convert a time to the format of results; a value that can't be parsed stays unchanged."""
    moment = read_time(value)
    return iso_utc(moment) if moment else value
