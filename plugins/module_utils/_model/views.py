# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains and aliases in the form of results, which is valid input as well. Pure."""

from __future__ import annotations

from typing import Any, Dict, Optional

from .dns import dns_records
from .domains import SETTINGS, Alias, Domain
from .idna import display_domain
from .names import alias_key


def describe_domain(domain: Domain, with_dns: bool = True) -> Dict[str, Any]:
    described = {
        "domain": domain.name,
        "display": domain.display or display_domain(domain.name),
        "active": domain.active,
        "added": domain.added,
        **{setting: domain.settings.get(setting) for setting in SETTINGS},
        "aliases": [describe_alias(alias) for alias in domain.aliases],
        **domain.details,
    }
    if domain.rules is not None:
        described["rules"] = [rule.result() for rule in domain.rules]
    if domain.credentials is not None:
        described["credentials"] = [credential.result() for credential in domain.credentials]
    if with_dns:
        described["dns_records"] = dns_records(domain.name)
    return described


def describe_alias(alias: Alias) -> Dict[str, Any]:
    return {"alias": alias.name, "forward": list(alias.forward), "id": alias.id}


def describe_alias_of(domain: Optional[Domain], name: str) -> Optional[Dict[str, Any]]:
    """Return the alias with this name; None if it does not exist."""
    key = alias_key(name.strip())
    aliases = domain.aliases if domain else ()
    return next((describe_alias(alias) for alias in aliases if alias.key == key), None)
