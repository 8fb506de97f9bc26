# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account in results: only fields that are known to contain no secret. Pure."""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Mapping

from .time import read_iso_utc

_TIMES = ("created", "removed", "renew_date", "cancels_on")
# By the name of the object in the API. A new field of the service is omitted until it is listed here.
_KNOWN: Mapping[str, FrozenSet[str]] = {
    "account": frozenset(
        (
            "billing_email",
            "cancels_on",
            "card_brand",
            "company_details",
            "company_name",
            "company_vat",
            "country",
            "created",
            "email",
            "is_otp_enabled",
            "last4",
            "lock_reason",
            "locked",
            "password",
            "plan_amount",
            "premium",
            "privacy_level",
            "renew_date",
        )
    ),
    "api_key": frozenset(("created", "name", "removed")),
    "plan": frozenset(
        (
            "aliases_limit",
            "daily_quota",
            "display",
            "domains_limit",
            "kind",
            "name",
            "price",
            "yearly",
        )
    ),
    "whitelabels": frozenset(("name",)),
}
# The known limits, and the fields of the plan that contain them when the limits of the account do not.
_LIMITS = {"domains": "domains_limit", "aliases": "aliases_limit", "destinations": None}


def visible_fields(kind: str, reply: Any, scrub: Callable[[str], str]) -> Any:
    """Return the known fields of an object of this ``kind``, with times in ISO 8601 and no secrets."""
    if isinstance(reply, list):
        return [_fields(kind, item, scrub) for item in reply]
    fields = _fields(kind, reply, scrub)
    if kind == "account":
        if "plan" in reply:
            fields["plan"] = _fields("plan", reply["plan"], scrub)
        if "limits" in reply:
            fields["limits"] = _numbers(reply["limits"])
    return fields


def _fields(kind: str, reply: Any, scrub: Callable[[str], str]) -> Any:
    """Return the known fields of an object whose values are strings, numbers, booleans or null."""
    if not isinstance(reply, dict):
        return scrub(reply) if isinstance(reply, str) else None
    fields: Dict[str, Any] = {}
    for name in reply:
        if name not in _KNOWN[kind] or isinstance(reply[name], (dict, list)):
            continue
        value = reply[name]
        if name == "password" and not isinstance(value, bool):
            continue  # true if a password is set; any other value is omitted
        time = read_iso_utc(value) if name in _TIMES else None
        fields[name] = time or (scrub(value) if isinstance(value, str) else value)
    return fields


def _numbers(limits: Any) -> Any:
    """Return all numeric limits, known or not: a number is no secret."""
    if not isinstance(limits, dict):
        return None
    return {name: limit for name, limit in limits.items() if limit is None or isinstance(limit, (int, float))}


def read_limits(account: Mapping[str, Any]) -> Dict[str, int]:
    """Read the limits of an account. Anything but a number above zero is ignored."""
    found: Dict[str, int] = {}
    for name, plan_field in _LIMITS.items():
        for section, field in (("limits", name), ("plan", plan_field)):
            fields = account.get(section)
            limit = fields.get(field) if isinstance(fields, dict) and field else None
            if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
                found.setdefault(name, limit)
    return found
