# Copyright: (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS records that a domain needs."""

from __future__ import annotations

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._dns import dns_records


@pytest.mark.parametrize("domain", ["example.com", "xn--bcher-kva.example"])
def test_domain_needs_two_mx_and_one_spf(domain: str) -> None:
    records = dns_records(domain)
    assert [(record["type"], record["priority"], record["value"].rstrip(".")) for record in records] == [
        ("MX", 10, "mx1.improvmx.com"),
        ("MX", 20, "mx2.improvmx.com"),
        ("TXT", None, "v=spf1 include:spf.improvmx.com ~all"),
    ]
    for record in records:
        assert set(record) == {"name", "fqdn", "type", "ttl", "value", "priority"}
        assert (record["name"], record["fqdn"].rstrip("."), record["ttl"]) == ("@", domain, 3600)
