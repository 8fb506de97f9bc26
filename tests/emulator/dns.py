# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS records of a domain and the result of the service's check. Pure: nothing is looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

EXPECTED_MX = ("mx1.improvmx.com", "mx2.improvmx.com")
EXPECTED_DKIM1 = "dkimprovmx1.improvmx.com."
EXPECTED_DKIM2 = "dkimprovmx2.improvmx.com."
EXPECTED_DMARC = "v=DMARC1; p=none;"
SPF_INCLUDE = "include:spf.improvmx.com"


@dataclass(frozen=True)
class Dns:
    """The records that a look-up would find."""

    mx: tuple[str, ...] = ()
    spf: str | None = None
    dkim1: str | None = None
    dkim2: str | None = None
    dmarc: str | None = None


NO_RECORDS = Dns()


def mx_is_right(dns: Dns) -> bool:
    """Whether the MX records name the service and nothing else."""
    return sorted(host.lower().rstrip(".") for host in dns.mx) == sorted(EXPECTED_MX)


def mx_complaint(dns: Dns) -> str | None:
    """The ``reason`` of a v2 check; wrong values have none."""
    return None if dns.mx else "No MX records were found."


def records(dns: Dns) -> dict[str, Any]:
    """The ``records`` of a v3 check."""
    spf = _expected_spf(dns.spf)
    mx_valid = mx_is_right(dns)
    return {
        "provider": "unknown",
        "advanced": True,
        "dkim1": _verdict(EXPECTED_DKIM1, dns.dkim1),
        "dkim2": _verdict(EXPECTED_DKIM2, dns.dkim2),
        "dmarc": _verdict(EXPECTED_DMARC, dns.dmarc),
        "error": None,
        "mx": {"expected": list(EXPECTED_MX), "valid": mx_valid, "values": list(dns.mx)},
        "spf": _verdict(spf, dns.spf),
        "valid": mx_valid and dns.spf == spf,
    }


def _verdict(expected: str, found: str | None) -> dict[str, Any]:
    valid = found is not None and found.rstrip(".") == expected.rstrip(".")
    return {"expected": expected, "valid": valid, "values": found}


def _expected_spf(found: str | None) -> str:
    """The service merges its include into the existing record: a domain has one SPF record."""
    if found is None or not found.startswith("v=spf1"):
        return f"v=spf1 {SPF_INCLUDE} ~all"
    if SPF_INCLUDE in found.split():
        return found
    *terms, last = found.split()
    if last.endswith("all"):
        return " ".join([*terms, SPF_INCLUDE, last])
    return " ".join([*terms, last, SPF_INCLUDE])
