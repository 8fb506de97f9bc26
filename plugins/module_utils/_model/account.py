# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account in results: the fields that are known to hold no secret, and no other. Pure."""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Mapping

from .time import read_iso_utc

_TIMES = ("created", "removed", "renew_date", "cancels_on")
# By the name under which the service tells them. A field that it adds is shown once it is known here.
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
# The limits that are known, with the fields of the plan that tell them where the account's limits do not.
_LIMITS = {"domains": "domains_limit", "aliases": "aliases_limit", "destinations": None}


def visible_fields(kind: str, told: Any, scrub: Callable[[str], str]) -> Any:
    """What the service told of a ``kind``, for users to see: known fields, times in ISO 8601, no secret."""
    if isinstance(told, list):
        return [_fields(kind, item, scrub) for item in told]
    fields = _fields(kind, told, scrub)
    if kind == "account":
        if "plan" in told:
            fields["plan"] = _fields("plan", told["plan"], scrub)
        if "limits" in told:
            fields["limits"] = _numbers(told["limits"])
    return fields


def _fields(kind: str, told: Any, scrub: Callable[[str], str]) -> Any:
    """The known fields of a thing. One of them holds a text, a number, a truth value or null."""
    if not isinstance(told, dict):
        return scrub(told) if isinstance(told, str) else None
    fields: Dict[str, Any] = {}
    for name in told:
        if name not in _KNOWN[kind] or isinstance(told[name], (dict, list)):
            continue
        value = told[name]
        if name == "password" and not isinstance(value, bool):
            continue  # it tells whether there is one; whatever else comes is not to be seen
        time = read_iso_utc(value) if name in _TIMES else None
        fields[name] = time or (scrub(value) if isinstance(value, str) else value)
    return fields


def _numbers(limits: Any) -> Any:
    """Limits of whatever name: a number is no secret."""
    if not isinstance(limits, dict):
        return None
    return {name: limit for name, limit in limits.items() if limit is None or isinstance(limit, (int, float))}


def read_limits(account: Mapping[str, Any]) -> Dict[str, int]:
    """The limits that the service tells of an account. What is no number above zero is none."""
    told: Dict[str, int] = {}
    for name, of_plan in _LIMITS.items():
        for place, field in (("limits", name), ("plan", of_plan)):
            fields = account.get(place)
            limit = fields.get(field) if isinstance(fields, dict) and field else None
            if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
                told.setdefault(name, limit)
    return told
