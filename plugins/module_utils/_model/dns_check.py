# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a check of a domain's DNS records comes to: whether mail arrives, and what is wrong, in words. Pure.

MX decides whether a domain is valid: without it no mail arrives. The others are advice. SPF is for every
domain. DKIM and DMARC are for those that send mail through the service, which shows in a DKIM record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from .dns import dns_records

_LONGEST_VALUE = 250  # characters of one DNS value that a sentence shows


@dataclass(frozen=True)
class Check:
    """``valid``: MX is right. ``reason``: what is wrong, None when all is well.

    ``records``: what the service tells of each record, None where its API does not.
    """

    valid: bool
    reason: Optional[str]
    records: Optional[Mapping[str, Any]] = None


def mx_is_valid(records: Mapping[str, Any]) -> Optional[bool]:
    """What the service says of MX; None when it says nothing."""
    valid = _verdict(records, "mx").get("valid")
    return valid if isinstance(valid, bool) else None


def problems(domain: str, records: Mapping[str, Any]) -> List[str]:
    """What is wrong, a sentence for each record: which one, what is expected and what is there."""
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
            values = (title % domain, _in_words(verdict.get("expected")), _in_words(verdict.get("values")))
            found.append("%s: expected %s, found %s" % values)
    return found


def mx_problem(domain: str, words: str) -> str:
    """The sentence about MX where the service says no more than ``words``, or nothing."""
    wanted = [record for record in dns_records(domain) if record["type"] == "MX"]
    expected = " and ".join("%d %s" % (mx["priority"], mx["value"].rstrip(".")) for mx in wanted)
    told = "the service says: " + words if words else "API v2 does not tell what is there"
    return "MX of %s: expected %s; %s" % (domain, expected, told)


def _verdict(records: Mapping[str, Any], name: str) -> Dict[str, Any]:
    verdict = records.get(name)
    return verdict if isinstance(verdict, dict) else {}


def _is_dmarc(values: Any) -> bool:
    """Whether there is a policy. Its owner may well want a stricter one than the service asks for."""
    texts = values if isinstance(values, list) else [values]
    return any(isinstance(text, str) and text.lower().startswith("v=dmarc1") for text in texts)


def _in_words(values: Any) -> str:
    """The values of a record, of which there may be one, several or none."""
    texts = [_shown(str(value)) for value in (values if isinstance(values, list) else [values]) if value]
    if len(texts) < 2:
        return texts[0] if texts else "nothing"
    return "%s and %s" % (", ".join(texts[:-1]), texts[-1])


def _shown(value: str) -> str:
    brief = value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 3] + "..."
    return '"%s"' % brief if " " in brief else brief
