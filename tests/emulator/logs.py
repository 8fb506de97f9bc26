# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The logs of a domain: seeded, and returned unchanged."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .account import Alias, Domain
from .refusal import refuse_field

LOGS_PER_PAGE = 50


def logs_of(domain: Domain, alias: Alias | None = None) -> list[dict[str, Any]]:
    """The entries of a domain, or of one alias of it, the newest first."""
    entries = domain.logs
    if alias is not None:
        name = alias.alias.lower()
        entries = [entry for entry in entries if _alias_name(domain, entry) == name]
    return sorted(entries, key=_moment, reverse=True)


def logs_between(entries: list[dict[str, Any]], after: str, before: str) -> list[dict[str, Any]]:
    """The entries after and before these moments, ISO 8601 or milliseconds; empty: no bound."""
    since, until = (_bound(text) if text else None for text in (after, before))
    return [
        entry
        for entry in entries
        if (since is None or _moment(entry) > since) and (until is None or _moment(entry) < until)
    ]


def _bound(text: str) -> float:
    try:
        return int(text) / 1000 if text.isdecimal() else datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise refuse_field("date", f"{text!r} is not a date.") from None


def page_after(
    entries: list[dict[str, Any]], cursor: str, count: int = LOGS_PER_PAGE
) -> list[dict[str, Any]]:
    """One page of entries: those after the entry with this id; an unknown id ends the list."""
    if not cursor:
        return entries[:count]
    for index, entry in enumerate(entries):
        if str(entry.get("id")) == cursor:
            return entries[index + 1 : index + 1 + count]
    return []


def _alias_name(domain: Domain, entry: dict[str, Any]) -> str:
    """The alias that an entry belongs to: that of its recipient, else the catch-all."""
    recipient = entry.get("recipient") or {}
    local = str(recipient.get("email") or "").rpartition("@")[0].lower()
    return local if local in domain.aliases else "*"


def _moment(entry: dict[str, Any]) -> float:
    """The time of an entry: milliseconds in newer entries, text in those of 2020."""
    created = entry.get("created")
    if isinstance(created, (int, float)):
        return created / 1000
    try:
        return datetime.strptime(str(created), "%Y-%m-%d %H:%M:%S%z").timestamp()
    except ValueError:
        return 0.0
