# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of one account, and the changes that the service allows. No HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from .beliefs import Beliefs
from .dns import NO_RECORDS, Dns, mx_is_right
from .refusal import Refusal, not_found, refuse, refuse_field, refuse_field_with_code
from .validation import (
    NUMBER,
    checked_alias,
    checked_domain_name,
    checked_forward,
    checked_option,
    is_email,
    is_url,
    to_a_label,
    to_display,
)

Action = Literal["create", "update", "delete", "activate"]
Kind = Literal["domain", "alias", "credential", "rule"]
RoutingEngine = Literal["alias", "rules"]

LARGEST_BATCH = 500
DEFAULT_LIMITS = {"domains": 100_000, "aliases": 100_000, "destinations": 50, "credentials": 100_000}


def now() -> int:
    """The current time as in the service: milliseconds."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Effect:
    """One change of the state."""

    action: Action
    kind: Kind
    domain: str
    name: str
    forward: str | None = None


@dataclass(slots=True)
class Alias:
    id: int
    alias: str
    forward: str
    created: int


@dataclass(slots=True)
class Credential:
    username: str
    password: str
    created: int
    # It may send from this address only.
    is_limited: bool = False


@dataclass(slots=True)
class Rule:
    id: str
    type: str
    config: dict[str, Any]
    rank: float
    active: bool
    created: int


@dataclass
class Domain:
    """A domain with everything that is deleted with it."""

    domain: str
    added: int
    active: bool = False
    notification_email: str | None = None
    webhook: str | None = None
    whitelabel: str | None = None
    routing_engine: RoutingEngine = "alias"
    dns: Dns = NO_RECORDS
    # Both keyed in lower case: the service compares names without regard to case.
    aliases: dict[str, Alias] = field(default_factory=dict)
    credentials: dict[str, Credential] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    logs: list[dict[str, Any]] = field(default_factory=list)
    alias_ids: dict[int, str] = field(default_factory=dict)

    @property
    def display(self) -> str:
        return to_display(self.domain)

    def keep(self, alias: Alias) -> None:
        """Store an alias; an existing one keeps its position."""
        self.aliases[alias.alias.lower()] = alias
        self.alias_ids[alias.id] = alias.alias.lower()


@dataclass
class Account:
    """One account: its settings, its domains, and the ledger of their changes."""

    email: str = "owner@mail.example"
    premium: bool = True
    limits: dict[str, int] = field(default_factory=lambda: dict(DEFAULT_LIMITS))
    whitelabels: list[str] = field(default_factory=list)
    other_domains: list[str] = field(default_factory=list)
    dns: Dns = NO_RECORDS
    domains: dict[str, Domain] = field(default_factory=dict)
    ledger: list[Effect] = field(default_factory=list)
    created: int = field(default_factory=now)
    last_id: int = 0
    beliefs: Beliefs = field(default_factory=Beliefs)

    def next_id(self) -> int:
        """Ids count up over the whole account, for all kinds."""
        self.last_id += 1
        return self.last_id

    def note(self, action: Action, kind: Kind, domain: Domain, name: str, forward: str | None = None) -> None:
        """Record an effect in the ledger."""
        self.ledger.append(Effect(action, kind, domain.domain, name, forward))


def find_domain(account: Account, name: str) -> Domain:
    domain = account.domains.get(to_a_label(name))
    if domain is None:
        raise not_found("Domain")
    return domain


def domains_found(account: Account, text: str, parts: bool) -> list[Domain]:
    """The domains whose name starts with the text, or with ``parts`` contains it, sorted by name."""
    text = to_a_label(text)
    names = [name for name in sorted(account.domains) if name.startswith(text) or (parts and text in name)]
    return [account.domains[name] for name in names]


def refuse_beyond_limit(account: Account, kind: str, field: str) -> Refusal:
    """The refusal of the service when a limit of the plan is reached."""
    message = f"Your account is limited to {account.limits[kind]} {kind}."
    return refuse_field(field, message) if account.beliefs.limit_status == 400 else refuse(403, message)


def add_domain(account: Account, body: dict[str, Any]) -> Domain:
    name = checked_domain_name(body)
    if name in account.domains or name in account.other_domains:
        # The same message for a domain of this account and of another account.
        raise refuse_field("domain", "This domain is already registered.")
    options = _checked_options(account, body, ("notification_email", "whitelabel"))
    if len(account.domains) >= account.limits["domains"]:
        raise refuse_beyond_limit(account, "domains", "domain")
    domain = Domain(name, added=now(), dns=account.dns, **options)
    domain.keep(Alias(account.next_id(), "*", account.email, now()))
    account.domains[name] = domain
    account.note("create", "domain", domain, name)
    return domain


def change_domain(account: Account, domain: Domain, body: dict[str, Any]) -> None:
    options = _checked_options(account, body, ("notification_email", "webhook", "whitelabel"))
    for option, value in options.items():
        setattr(domain, option, value)
    account.note("update", "domain", domain, domain.domain)


def _checked_options(account: Account, body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The options of the request among these names, validated."""
    options = {name: checked_option(body, name) for name in names if name in body}
    email, url, whitelabel = (options.get(name) for name in ("notification_email", "webhook", "whitelabel"))
    if email is not None and not is_email(email):
        raise refuse_field("notification_email", "This email is not valid.")
    if url is not None and not is_url(url):
        raise refuse_field("webhook", "This URL is not valid.")
    if whitelabel is not None and whitelabel not in account.whitelabels:
        raise refuse_field("whitelabel", "This whitelabel does not exist.")
    return options


def delete_domain(account: Account, domain: Domain) -> None:
    del account.domains[domain.domain]
    account.note("delete", "domain", domain, domain.domain)


def check_domain(account: Account, domain: Domain) -> bool:
    """Whether MX is valid. If so, the check activates the domain, so it writes."""
    right = mx_is_right(domain.dns)
    if right and not domain.active:
        domain.active = True
        account.note("activate", "domain", domain, domain.domain)
    return right


def find_alias(domain: Domain, name: str) -> Alias:
    alias = domain.aliases.get(name.lower())
    if alias is None:
        raise not_found("Alias")
    return alias


def find_alias_or_id(domain: Domain, segment: str) -> Alias:
    """By id if the segment consists of digits and such an id exists, otherwise by name."""
    if NUMBER.fullmatch(segment):
        name = domain.alias_ids.get(int(segment))
        if name is not None:
            return domain.aliases[name]
    return find_alias(domain, segment)


def add_alias(account: Account, domain: Domain, body: dict[str, Any]) -> Alias:
    name = checked_alias(body)
    forward = checked_forward(body, domain.domain, account.limits["destinations"])
    if name.lower() in domain.aliases:
        raise refuse_field_with_code(
            "alias",
            "This alias is taken. If you want to add multiple emails for an alias, update the existing one.",
        )
    if len(domain.aliases) >= account.limits["aliases"]:
        raise refuse_beyond_limit(account, "aliases", "alias")
    alias = Alias(account.next_id(), name, forward, now())
    domain.keep(alias)
    account.note("create", "alias", domain, name, forward)
    return alias


def change_alias(account: Account, domain: Domain, alias: Alias, body: dict[str, Any]) -> None:
    alias.forward = checked_forward(body, domain.domain, account.limits["destinations"])
    account.note("update", "alias", domain, alias.alias, alias.forward)


def delete_alias(account: Account, domain: Domain, alias: Alias) -> None:
    del domain.aliases[alias.alias.lower()]
    del domain.alias_ids[alias.id]
    account.note("delete", "alias", domain, alias.alias, alias.forward)


def add_aliases(
    account: Account, domain: Domain, body: dict[str, Any], every_second_fails: bool
) -> tuple[list[Alias], list[dict[str, Any]]]:
    """The created aliases of a batch, and the failed ones: an invalid item does not stop the others."""
    items = body.get("aliases")
    if not isinstance(items, list):
        raise refuse_field("aliases", "This field must be a list.")
    if len(items) > LARGEST_BATCH:
        raise refuse_field("aliases", f"At most {LARGEST_BATCH} aliases at once.")
    added: list[Alias] = []
    failed: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        wanted = item if isinstance(item, dict) else {}
        try:
            if every_second_fails and index % 2:
                raise refuse_field("alias", "Could not be created, try again.")
            added.append(add_alias(account, domain, wanted))
        except Refusal as refusal:
            errors = refusal.body.get("errors") or {"alias": [refusal.body["error"]]}
            failed.append({"alias": wanted.get("alias"), "forward": wanted.get("forward"), "errors": errors})
    return added, failed
