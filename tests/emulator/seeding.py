# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Converts a description into an account and back."""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from uuid import UUID

from .account import DEFAULT_LIMITS, Account, Alias, Credential, Domain, Rule, now
from .beliefs import Beliefs
from .dns import EXPECTED_MX, Dns
from .validation import is_domain_name, to_a_label

ACCOUNT_KEYS = {"email", "premium", "limits", "whitelabels", "other_domains", "dns", "domains", "beliefs"}
OPTION_KEYS = {"active", "added", "notification_email", "webhook", "whitelabel", "routing_engine"}
DOMAIN_KEYS = OPTION_KEYS | {"domain", "aliases", "credentials", "rules", "logs", "dns"}


def account_from(seed: dict[str, Any]) -> Account:
    """The account that a seed describes."""
    _known(seed, ACCOUNT_KEYS)
    account = Account(
        limits={**DEFAULT_LIMITS, **seed.get("limits", {})},
        whitelabels=list(seed.get("whitelabels", [])),
        other_domains=[to_a_label(name) for name in seed.get("other_domains", [])],
        dns=_dns_from(seed.get("dns", {})),
        last_id=_highest_id(seed),
        beliefs=Beliefs(**seed.get("beliefs", {})),
    )
    account.email = seed.get("email", account.email)
    account.premium = seed.get("premium", account.premium)
    for described in seed.get("domains", []):
        domain = _domain_from(account, described)
        if domain.domain in account.domains:
            raise ValueError(f"domain {domain.domain} is seeded twice")
        account.domains[domain.domain] = domain
    return account


def description_of(account: Account, ids: bool = False) -> dict[str, Any]:
    """The seed of this account; with ``ids`` also the ids and times that the service assigned."""
    return {
        "email": account.email,
        "premium": account.premium,
        "limits": dict(account.limits),
        "whitelabels": list(account.whitelabels),
        "other_domains": list(account.other_domains),
        "dns": _dns_description(account.dns),
        "domains": [_domain_description(account.domains[name], ids) for name in sorted(account.domains)],
    }


def _known(described: dict[str, Any], keys: set[str]) -> None:
    unknown = sorted(set(described) - keys)
    if unknown:
        raise ValueError(f"unknown in a seed: {', '.join(unknown)}")


def _highest_id(seed: dict[str, Any]) -> int:
    """The highest id of the seed, as new ids have to be higher."""
    ids = [
        alias.get("id", 0)
        for domain in seed.get("domains", [])
        for alias in domain.get("aliases", {})
        if isinstance(alias, dict)
    ]
    ids += [
        UUID(rule["id"]).int
        for domain in seed.get("domains", [])
        for rule in domain.get("rules", [])
        # A numbered id, not a random one.
        if "id" in rule and UUID(rule["id"]).int < 2**48
    ]
    return max(ids, default=0)


def _domain_from(account: Account, described: dict[str, Any]) -> Domain:
    _known(described, DOMAIN_KEYS)
    name = to_a_label(described["domain"])
    if not is_domain_name(name):
        raise ValueError(f"{described['domain']!r} is not a domain name")
    options = {key: described[key] for key in OPTION_KEYS if key in described}
    domain = Domain(name, **{"added": now(), **options})
    domain.logs = deepcopy(described.get("logs", []))
    domain.dns = _dns_from(described["dns"]) if "dns" in described else _likely_dns(account, domain)
    _fill_aliases(account, domain, described.get("aliases", {}))
    for item in described.get("credentials", []):
        credential = Credential(**{"created": now(), **item})
        domain.credentials[credential.username.lower()] = credential
    for item in described.get("rules", []):
        rule = _rule_from(account, item)
        domain.rules[rule.id] = rule
    return domain


def _fill_aliases(account: Account, domain: Domain, described: dict[str, str] | list[dict[str, Any]]) -> None:
    if isinstance(described, dict):
        described = [{"alias": name, "forward": forward} for name, forward in described.items()]
    created = now()
    for item in described:
        if item["alias"].lower() in domain.aliases:
            raise ValueError(f"alias {item['alias']!r} of {domain.domain} is seeded twice")
        alias_id = item["id"] if "id" in item else account.next_id()
        domain.keep(Alias(alias_id, item["alias"], item["forward"], item.get("created", created)))


def _rule_from(account: Account, described: dict[str, Any]) -> Rule:
    rule_id = described["id"] if "id" in described else str(UUID(int=account.next_id()))
    return Rule(
        id=rule_id.lower(),
        type=described["type"],
        config=deepcopy(described["config"]),
        rank=float(described.get("rank", 1.0)),
        active=described.get("active", True),
        created=described.get("created", now() // 1000),
    )


def _dns_from(described: dict[str, Any]) -> Dns:
    return Dns(**{**described, "mx": tuple(described.get("mx") or ())})


def _likely_dns(account: Account, domain: Domain) -> Dns:
    """The DNS of a seeded domain: an active one has passed a check, so its MX is correct."""
    return Dns(mx=EXPECTED_MX) if domain.active else account.dns


def _dns_description(dns: Dns) -> dict[str, Any]:
    return {**vars(dns), "mx": list(dns.mx)}


def _domain_description(domain: Domain, ids: bool) -> dict[str, Any]:
    return {
        "domain": domain.domain,
        "active": domain.active,
        "added": domain.added,
        "notification_email": domain.notification_email,
        "webhook": domain.webhook,
        "whitelabel": domain.whitelabel,
        "routing_engine": domain.routing_engine,
        "aliases": _aliases_description(domain, ids),
        "credentials": [
            {"username": credential.username, "password": credential.password}
            | ({"is_limited": True} if credential.is_limited else {})
            | ({"created": credential.created} if ids else {})
            for credential in domain.credentials.values()
        ],
        "rules": [_rule_description(rule, ids) for rule in domain.rules.values()],
        "logs": deepcopy(domain.logs),
        "dns": _dns_description(domain.dns),
    }


def _aliases_description(domain: Domain, ids: bool) -> dict[str, str] | list[dict[str, Any]]:
    aliases = domain.aliases.values()
    if not ids:
        return {alias.alias: alias.forward for alias in aliases}
    return [
        {
            "alias": alias.alias,
            "forward": alias.forward,
            "id": alias.id,
            "created": alias.created,
        }
        for alias in aliases
    ]


def _rule_description(rule: Rule, ids: bool) -> dict[str, Any]:
    described = {
        "id": rule.id,
        "type": rule.type,
        "config": deepcopy(rule.config),
        "rank": rule.rank,
        "active": rule.active,
    }
    return described | ({"created": rule.created} if ids else {})
