# Copyright: (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS records that a domain needs so that the service gets its mail. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

_TTL = 3600  # seconds


def dns_records(domain: str) -> List[Dict[str, Any]]:
    """One dictionary a record. ``name`` is relative, ``@`` is the domain itself."""
    return [
        _record(domain, "MX", "mx1.improvmx.com.", priority=10),
        _record(domain, "MX", "mx2.improvmx.com.", priority=20),
        _record(domain, "TXT", "v=spf1 include:spf.improvmx.com ~all"),
    ]


def _record(domain: str, kind: str, value: str, priority: Optional[int] = None) -> Dict[str, Any]:
    return {
        "name": "@",
        "fqdn": domain,
        "type": kind,
        "ttl": _TTL,
        "value": value,
        "priority": priority,
    }
