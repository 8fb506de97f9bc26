# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a check of DNS records: whether mail arrives, and which records are wrong. Pure.

MX decides whether a domain is valid: without it no mail arrives. The other records are recommended: SPF
for every domain, DKIM and DMARC for domains that send mail through the service. Such a domain has a DKIM
record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from .dns import dns_records

_LONGEST_VALUE = 250  # characters of one DNS value in a message


@dataclass(frozen=True)
class Check:
    """``valid``: MX is correct. ``reason``: what is wrong, None if nothing is.

    ``records``: the reply of the service about each record, None if its API has none.
    """

    valid: bool
    reason: Optional[str]
    records: Optional[Mapping[str, Any]] = None


def mx_is_valid(records: Mapping[str, Any]) -> Optional[bool]:
    """Return whether MX is valid according to the service; None if that is missing."""
    valid = _verdict(records, "mx").get("valid")
    return valid if isinstance(valid, bool) else None


def problems(domain: str, records: Mapping[str, Any]) -> List[str]:
    """Return a message for each wrong record: which one, its expected and its current value."""
    error = records.get("error")
    found = ["DNS of %s: %s" % (domain, error)] if error else []
    names = {"mx": "MX of %s", "spf": "SPF, a TXT record of %s"}
    if any(_verdict(records, name).get("values") for name in ("dkim1", "dkim2")):
        names["dkim1"] = "DKIM, the CNAME record of dkimprovmx1._domainkey.%s"
        names["dkim2"] = "DKIM, the CNAME record of dkimprovmx2._domainkey.%s"
        if not _is_dmarc(_verdict(records, "dmarc").get("values")):
            names["dmarc"] = "DMARC, the TXT record of _dmarc.%s"
    for name, title in names.items():
        verdict = _verdict(records, name)
        if verdict.get("valid") is False:
            values = (
                title % domain,
                _join_values(verdict.get("expected")),
                _join_values(verdict.get("values")),
            )
            found.append("%s: expected %s, found %s" % values)
    return found


def mx_problem(domain: str, service_message: str) -> str:
    """Return the message about MX for API v2, which returns nothing but a message, or not even that."""
    records = [record for record in dns_records(domain) if record["type"] == "MX"]
    expected = " and ".join("%d %s" % (mx["priority"], mx["value"].rstrip(".")) for mx in records)
    if service_message:
        found = "the service says: " + service_message
    else:
        found = "API v2 does not report the existing records"
    return "MX of %s: expected %s; %s" % (domain, expected, found)


def _verdict(records: Mapping[str, Any], name: str) -> Dict[str, Any]:
    verdict = records.get(name)
    return verdict if isinstance(verdict, dict) else {}


def _is_dmarc(values: Any) -> bool:
    """Return whether there is a DMARC policy. It may be stricter than the one that the service expects."""
    texts = values if isinstance(values, list) else [values]
    return any(isinstance(text, str) and text.lower().startswith("v=dmarc1") for text in texts)


def _join_values(values: Any) -> str:
    """Join the values of a record for a message. There can be one, several or none."""
    texts = [_shortened(str(value)) for value in (values if isinstance(values, list) else [values]) if value]
    if len(texts) < 2:
        return texts[0] if texts else "nothing"
    return "%s and %s" % (", ".join(texts[:-1]), texts[-1])


def _shortened(value: str) -> str:
    brief = value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 3] + "..."
    return '"%s"' % brief if " " in brief else brief
