# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points in time: the formats of the service and of users, and the format of results. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Python 3.8 parses neither Z, nor an offset without a colon, nor a space before the offset.
_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<clock>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d+)?\s*"
    r"(?P<zone>Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?\Z",
    re.IGNORECASE | re.ASCII,
)
_AGE = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[mhdw])\Z", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str) -> datetime:
    """Parse an ISO 8601 time, or an age such as 24h or 7d. Raises ValueError."""
    match = _AGE.match(text.strip().lower())
    if not match:
        return parse_time(text)
    try:
        return datetime.now(timezone.utc) - timedelta(**{_UNITS[match["unit"]]: int(match["count"])})
    except OverflowError:
        raise ValueError("it is out of range") from None


def is_age(text: str) -> bool:
    """Return whether the text is an age and not a time."""
    return bool(_AGE.match(text.strip().lower()))


def parse_time(text: str) -> datetime:
    """Parse an ISO 8601 date, or date and time; the default time zone is UTC. Raises ValueError."""
    match = _ISO.match(text.strip())
    if not match:
        raise ValueError("it is not an ISO 8601 time such as 2026-01-31T08:00:00Z, nor an age such as 24h")
    clock = match["clock"] or "00:00"
    moment = datetime.fromisoformat("%sT%s" % (match["day"], clock)).replace(tzinfo=timezone.utc)
    zone = match["zone"] or "Z"
    offset = timedelta()
    if zone not in "Zz":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    if zone[0] == "-":
        offset = -offset
    try:
        return moment + timedelta(seconds=float(match["fraction"] or 0)) - offset
    except OverflowError:
        raise ValueError("it is out of range") from None


def read_time(value: Any) -> Optional[datetime]:
    """Parse a time of the service: milliseconds since 1970, or text. Return None for anything else.

    Domains have integers in milliseconds. Log entries have integers as well; in the documentation of
    2020 they had text such as ``2020-01-25 12:19:09+0000``.
    """
    try:
        if isinstance(value, str):
            return parse_time(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass
    return None


def iso_utc(moment: datetime) -> str:
    """Format a time as ISO 8601 in UTC, with milliseconds if they are not zero."""
    moment = moment.astimezone(timezone.utc)
    fraction = ".%03d" % (moment.microsecond // 1000) if moment.microsecond >= 1000 else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + fraction + "Z"


def read_iso_utc(value: Any) -> Optional[str]:
    """Convert a time of the service to the format of results; None if it can't be parsed."""
    moment = read_time(value)
    return iso_utc(moment) if moment else None
