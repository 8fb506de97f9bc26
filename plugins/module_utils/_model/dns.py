# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS records that a domain needs so that the service gets its mail. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .text import quoted

TTL = 3600  # seconds

_SPF = "v=spf1 include:spf.improvmx.com ~all"
_INCLUDE = "include:spf.improvmx.com"
_SERVICE = re.compile(r"([-+?~]?)include:spf\.improvmx\.com\.?\Z", re.IGNORECASE)
# The terms of RFC 7208, without a look into their values.
_ALL = re.compile(r"[-+?~]?all\Z", re.IGNORECASE)
_MECHANISM = re.compile(
    r"[-+?~]?(?:all|(?:include|exists|ip4|ip6):.+|(?:a|mx)(?:[:/].+)?|ptr(?::.+)?)\Z", re.IGNORECASE
)
# The terms that ask the DNS when a record is evaluated, and how many may (RFC 7208, 4.6.4).
_LOOKUP = re.compile(r"(?:[-+?~]?(?:include|exists|ptr|a|mx)(?:[:/].*)?|redirect=.*)\Z", re.IGNORECASE)
_MOST_LOOKUPS = 10
_LONGEST_STRING = 255  # bytes in one string of a TXT record (RFC 1035, 3.3)
_MODIFIER = re.compile(r"[a-z][a-z0-9_.-]*=.*\Z", re.IGNORECASE)


def dns_records(domain: str, spf: str = _SPF, smtp: bool = False, ttl: int = TTL) -> List[Dict[str, Any]]:
    """One dictionary a record. ``name`` is relative, ``@`` is the domain itself.

    ``spf``: the domain's SPF record as it is to be. ``smtp``: with what sending over SMTP needs.
    """
    records = [
        _record(domain, "@", "MX", ttl, "mx1.improvmx.com.", priority=10),
        _record(domain, "@", "MX", ttl, "mx2.improvmx.com.", priority=20),
        _record(domain, "@", "TXT", ttl, spf),
    ]
    if smtp:
        records += [
            _record(domain, key + "._domainkey", "CNAME", ttl, key + ".improvmx.com.")
            for key in ("dkimprovmx1", "dkimprovmx2")
        ]
        records.append(_record(domain, "_dmarc", "TXT", ttl, "v=DMARC1; p=none;"))
    return records


def _record(
    domain: str, name: str, kind: str, ttl: int, value: str, priority: Optional[int] = None
) -> Dict[str, Any]:
    return {
        "name": name,
        "fqdn": domain if name == "@" else "%s.%s" % (name, domain),
        "type": kind,
        "ttl": ttl,
        "value": value,
        "priority": priority,
    }


def record_sets(records: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """The values of one name and type together, each with its priority, as zone files write them."""
    sets: Dict[Tuple[str, str], Dict[str, Any]] = {}
    for record in records:
        shared = {key: record[key] for key in ("name", "fqdn", "type", "ttl")}
        together = sets.setdefault((record["name"], record["type"]), {**shared, "values": []})
        value, priority = record["value"], record["priority"]
        together["values"].append(value if priority is None else "%d %s" % (priority, value))
    return list(sets.values())


# --- SPF ------------------------------------------------------------------------------------------


def merge_spf(present: str) -> str:
    """A domain's SPF record with the service in it; a domain can have only one (RFC 7208).

    ``present``: the record that it has, empty if none. Mechanisms are tried from left to right and the
    first match decides, so the service comes after all of them but ``all``: what they decide, stays.
    A record that has the service stays as it is. Raises ValueError with the reason.
    """
    text = _unquoted(present)
    if not text:
        return _SPF
    version, *terms = text.split()
    _check(version, terms)
    place = _place(terms)
    heard, rest = terms[:place], terms[place:]
    included = _includes_service(heard)
    _bound_lookups(heard if included else [*heard, _INCLUDE], rest)
    if included:
        return text
    rest = [term for term in rest if not _SERVICE.match(term)]  # after "all" it had no effect
    return " ".join([version, *heard, _INCLUDE, *rest])


def _bound_lookups(heard: Sequence[str], rest: Sequence[str]) -> None:
    """Refuse what asks the DNS too often. Nothing is evaluated after "all", nor is redirect."""
    evaluated = list(heard) if any(map(_ALL.match, rest)) else [*heard, *rest]
    lookups = sum(1 for term in evaluated if _LOOKUP.match(term))
    if lookups > _MOST_LOOKUPS:
        raise ValueError(
            "with %s its own terms make %d DNS lookups, and more than %d make SPF fail (RFC 7208, 4.6.4): "
            "take terms out of it first" % (_INCLUDE, lookups, _MOST_LOOKUPS)
        )


def txt_value(text: str) -> str:
    """A text as the strings of a TXT record: each in quotes, and no longer than one may be."""
    parts = [text[at : at + _LONGEST_STRING] for at in range(0, len(text), _LONGEST_STRING)] or [""]
    return " ".join('"%s"' % part.replace("\\", "\\\\").replace('"', '\\"') for part in parts)


def _unquoted(text: str) -> str:
    """The record as one text, without the quotes and seams of TXT values."""
    text = re.sub(r"[^\S ]+", " ", text).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    text = re.sub(r'" *"', "", text)  # a TXT value of several strings is that of all in a row
    if '"' in text:
        raise ValueError("the quotes of %s do not pair up" % quoted(text))
    return text.strip()


def _check(version: str, terms: Sequence[str]) -> None:
    if version.lower() != "v=spf1":
        raise ValueError("it is not an SPF record: it begins with %s instead of v=spf1" % quoted(version))
    if any("v=spf1" in term.lower() for term in terms):
        raise ValueError("it holds several SPF records, but a domain can have only one: merge them first")
    for term in terms:
        known = _MECHANISM.match(term) or _MODIFIER.match(term)
        if not (known and term.isascii() and term.isprintable()):
            raise ValueError("it has an error: %s is neither a mechanism nor a modifier" % quoted(term))


def _place(terms: Sequence[str]) -> int:
    """Where a further mechanism goes: before ``all``; without it, after the last mechanism."""
    place = 0
    for index, term in enumerate(terms):
        if _ALL.match(term):
            return index
        if _MECHANISM.match(term):
            place = index + 1
    return place


def _includes_service(terms: Iterable[str]) -> bool:
    for term in terms:
        found = _SERVICE.match(term)
        if found and found[1] in ("-", "~"):
            raise ValueError("%s in it refuses mail of the service: take it out first" % quoted(term))
        if found:
            return True
    return False
