# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log entries: their form in results, and the choice among them. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import Any, Collection, Dict, Iterable, List, Mapping, Optional

from ansible_collections.improvmx.email.plugins.module_utils._time import iso_utc, read_time

STATUSES = ("QUEUED", "REFUSED", "DELIVERED", "SOFT-BOUNCE", "HARD-BOUNCE")

_LONG_AGO = datetime(1, 1, 1, tzinfo=timezone.utc)


def select_logs(
    entries: Iterable[Mapping[str, Any]],
    statuses: Collection[str],
    since: Optional[datetime],
    until: Optional[datetime],
    limit: int,
) -> List[Dict[str, Any]]:
    """The newest ``limit`` entries (0: all) of a status and a time, newest first.

    ``entries`` come newest first, as the service gives them, and are read no further than needed.
    """
    chosen = []
    for entry in entries:
        created = read_time(entry.get("created"))
        if since and created and created < since:
            break
        if until and created and created > until:
            continue
        described = _describe(entry)
        if not statuses or described["status"] in statuses:
            chosen.append((created or _LONG_AGO, described))
        if limit and len(chosen) == limit:
            break
    chosen.sort(key=lambda pair: pair[0], reverse=True)
    return [described for created, described in chosen]


def summarise(logs: Iterable[Mapping[str, Any]]) -> Dict[str, int]:
    """How many entries there are of each status."""
    statuses = (str(entry["status"]) for entry in logs if entry["status"])
    # A key that begins like this would make Ansible take the whole result for something else.
    return dict(sorted(Counter(status for status in statuses if not status.startswith("__ansible")).items()))


def _describe(entry: Mapping[str, Any]) -> Dict[str, Any]:
    """An entry with its own fields, times in ISO 8601, and the status of its latest event."""
    told = entry.get("events")
    events = [event for event in told if isinstance(event, dict)] if isinstance(told, list) else []
    # Of events of the same moment, the later one in the list.
    latest = max(reversed(events), key=_moment, default={})
    return {
        **entry,
        "created": _iso(entry.get("created")),
        "events": [{**event, "created": _iso(event.get("created"))} for event in events],
        "status": latest.get("status"),
    }


def _moment(event: Mapping[str, Any]) -> datetime:
    return read_time(event.get("created")) or _LONG_AGO


def _iso(value: Any) -> Any:
    """A time in the form of results; what can't be read stays as the service wrote it."""
    moment = read_time(value)
    return iso_utc(moment) if moment else value
