# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS records that a domain requires to receive mail through the service. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .text import quoted

TTL = 3600  # seconds

_SPF = "v=spf1 include:spf.improvmx.com ~all"
_INCLUDE = "include:spf.improvmx.com"
_SERVICE = re.compile(r"([-+?~]?)include:spf\.improvmx\.com\.?\Z", re.IGNORECASE)
# The terms of RFC 7208. Their values are not checked.
_ALL = re.compile(r"[-+?~]?all\Z", re.IGNORECASE)
_MECHANISM = re.compile(
    r"[-+?~]?(?:all|(?:include|exists|ip4|ip6):.+|(?:a|mx)(?:[:/].+)?|ptr(?::.+)?)\Z", re.IGNORECASE
)
# The terms that cause DNS lookups, and the maximum number of lookups (RFC 7208, 4.6.4).
_LOOKUP = re.compile(r"(?:[-+?~]?(?:include|exists|ptr|a|mx)(?:[:/].*)?|redirect=.*)\Z", re.IGNORECASE)
_MOST_LOOKUPS = 10
_LONGEST_STRING = 255  # bytes in one string of a TXT record (RFC 1035, 3.3)
_MODIFIER = re.compile(r"[a-z][a-z0-9_.-]*=.*\Z", re.IGNORECASE)


def dns_records(domain: str, spf: str = _SPF, smtp: bool = False, ttl: int = TTL) -> List[Dict[str, Any]]:
    """Return the records, one dictionary each. ``name`` is relative; ``@`` is the domain itself.

    ``spf``: the desired SPF record. ``smtp``: include the records for sending over SMTP.
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
    """Group the values by name and type, each with its priority in front, as in zone files."""
    sets: Dict[Tuple[str, str], Dict[str, Any]] = {}
    for record in records:
        fields = {key: record[key] for key in ("name", "fqdn", "type", "ttl")}
        record_set = sets.setdefault((record["name"], record["type"]), {**fields, "values": []})
        value, priority = record["value"], record["priority"]
        record_set["values"].append(value if priority is None else "%d %s" % (priority, value))
    return list(sets.values())


# --- SPF ------------------------------------------------------------------------------------------


def merge_spf(existing: str) -> str:
    """Add the service to the SPF record of a domain, which can have only one (RFC 7208).

    ``existing``: the existing record, empty if there is none. Mechanisms are evaluated from left to right
    and the first match decides. The service is added after all of them except ``all``, so their results
    do not change. A record that includes the service is unchanged. Raises ValueError with the reason.
    """
    text = _unquoted(existing)
    if not text:
        return _SPF
    version, *terms = text.split()
    _check(version, terms)
    position = _position(terms)
    before, after = terms[:position], terms[position:]
    included = _includes_service(before)
    _check_lookups(before if included else [*before, _INCLUDE], after)
    if included:
        return text
    after = [term for term in after if not _SERVICE.match(term)]  # it had no effect after "all"
    return " ".join([version, *before, _INCLUDE, *after])


def _check_lookups(before: Sequence[str], after: Sequence[str]) -> None:
    """Reject a record with too many DNS lookups. With "all", nothing after it is evaluated, nor redirect."""
    evaluated = list(before) if any(map(_ALL.match, after)) else [*before, *after]
    lookups = sum(1 for term in evaluated if _LOOKUP.match(term))
    if lookups > _MOST_LOOKUPS:
        raise ValueError(
            "with %s its own terms make %d DNS lookups, and more than %d make SPF fail (RFC 7208, 4.6.4): "
            "remove terms first" % (_INCLUDE, lookups, _MOST_LOOKUPS)
        )


def txt_value(text: str) -> str:
    """Format text as the quoted strings of a TXT record, each of the maximum length or shorter."""
    starts = range(0, len(text), _LONGEST_STRING)
    parts = [text[start : start + _LONGEST_STRING] for start in starts] or [""]
    return " ".join('"%s"' % part.replace("\\", "\\\\").replace('"', '\\"') for part in parts)


def _unquoted(text: str) -> str:
    """Join the quoted strings of a TXT value."""
    text = re.sub(r"[^\S ]+", " ", text).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    text = re.sub(r'" *"', "", text)  # several strings are one value
    if '"' in text:
        raise ValueError("the quotes in %s are unbalanced" % quoted(text))
    return text.strip()


def _check(version: str, terms: Sequence[str]) -> None:
    if version.lower() != "v=spf1":
        raise ValueError("it is not an SPF record: it begins with %s instead of v=spf1" % quoted(version))
    if any("v=spf1" in term.lower() for term in terms):
        raise ValueError("it contains several SPF records, but a domain can have only one: merge them first")
    for term in terms:
        known = _MECHANISM.match(term) or _MODIFIER.match(term)
        if not (known and term.isascii() and term.isprintable()):
            raise ValueError("it has an error: %s is neither a mechanism nor a modifier" % quoted(term))


def _position(terms: Sequence[str]) -> int:
    """Return where to insert a mechanism: before ``all``, or else after the last mechanism."""
    position = 0
    for index, term in enumerate(terms):
        if _ALL.match(term):
            return index
        if _MECHANISM.match(term):
            position = index + 1
    return position


def _includes_service(terms: Iterable[str]) -> bool:
    for term in terms:
        found = _SERVICE.match(term)
        if found and found[1] in ("-", "~"):
            raise ValueError("its term %s rejects mail of the service: remove it first" % quoted(term))
        if found:
            return True
    return False
