# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoints of v3: optional trailing slashes, everything wrapped, lists in pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import md5
from itertools import islice
from typing import TypeVar

from . import credentials, logs, rules
from .account import (
    Account,
    Alias,
    Credential,
    Domain,
    Rule,
    add_alias,
    add_aliases,
    add_domain,
    change_alias,
    change_domain,
    check_domain,
    delete_alias,
    delete_domain,
    domains_found,
    find_alias_or_id,
    find_domain,
)
from .dns import records
from .refusal import refuse, refuse_field
from .routing import Call, Json, Route, RouteTable
from .validation import checked_number

Thing = TypeVar("Thing")

LONGEST_PAGE = 100
DOMAINS_PER_PAGE = 50
ALIASES_PER_PAGE = 20
# A domain includes at most this many aliases, and the reply does not show that there are more.
MOST_EMBEDDED_ALIASES = 200

BATCH = "POST /domains/{domain}/aliases/batch"
SETTINGS = "PUT /domains/{domain}"
CHECK = "GET /domains/{domain}/check"


# Views


def account_view(account: Account) -> Json:
    return {
        "billing_email": None,
        "cancels_on": None,
        "card_brand": "Visa",
        "company_details": "Street 1\nCity",
        "company_name": "Example Inc",
        "company_vat": None,
        "country": "US",
        "created": account.created,
        "email": account.email,
        "email_hash": md5(account.email.encode(), usedforsecurity=False).hexdigest(),
        "is_otp_enabled": False,
        "last4": "1234",
        "limits": {
            "daily_quota": 100_000,
            "daily_send": 200,
            "ratelimit": 10,
            "redirections": 50,
            "subdomains": 2,
            "api": 3,
            **account.limits,
        },
        "lock_reason": None,
        "locked": None,
        "password": True,
        "plan": _plan_view(account) if account.premium else None,
        "premium": account.premium,
        "privacy_level": 1,
        "renew_date": 15_881_622_590_000,
    }


def _plan_view(account: Account) -> Json:
    return {
        "aliases_limit": account.limits["aliases"],
        "daily_quota": 100_000,
        "display": "Business - $249",
        "domains_limit": account.limits["domains"],
        "kind": "enterprise",
        "name": "enterprise249",
        "price": 249,
        "yearly": False,
    }


def new_alias_view(alias: Alias) -> Json:
    """Replies to writes have no time stamp."""
    return {"forward": alias.forward, "alias": alias.alias, "id": alias.id}


def alias_view(alias: Alias) -> Json:
    return {
        "created": alias.created,
        "forward": alias.forward,
        "alias": alias.alias,
        "id": alias.id,
    }


def batch_alias_view(alias: Alias) -> Json:
    """The batch has another form: ids are strings, times are ISO 8601."""
    moment = datetime.fromtimestamp(alias.created // 1000, tz=UTC)
    created_at = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "alias": alias.alias,
        "forward": alias.forward,
        "id": str(alias.id),
        "created_at": created_at,
        "updated_at": created_at,
    }


def new_domain_view(domain: Domain) -> Json:
    return {
        "active": domain.active,
        "domain": domain.domain,
        "display": domain.display,
        "dkim_selector": "dkimprovmx",
        "notification_email": domain.notification_email,
        "whitelabel": domain.whitelabel,
        "added": domain.added,
        "aliases": _embedded(domain, new_alias_view),
    }


def listed_domain_view(domain: Domain, with_details: bool) -> Json:
    aliases = _embedded(domain, alias_view)
    details = _details(domain) if with_details else {}
    return {**new_domain_view(domain), "webhook": domain.webhook, "aliases": aliases, **details}


def domain_view(domain: Domain) -> Json:
    return listed_domain_view(domain, with_details=True)


def _details(domain: Domain) -> Json:
    return {
        "banned": False,
        "daily_quota": 500,
        "strict_mxes": False,
        "routing_engine": domain.routing_engine,
    }


def _embedded(domain: Domain, view: Callable[[Alias], Json]) -> list[Json]:
    return [view(alias) for alias in islice(domain.aliases.values(), MOST_EMBEDDED_ALIASES)]


def credential_view(credential: Credential) -> Json:
    return {"created": credential.created, "usage": 0, "username": credential.username}


def rule_view(rule: Rule) -> Json:
    return {
        "id": rule.id,
        "type": rule.type,
        "config": rule.config,
        "rank": rule.rank,
        "active": rule.active,
        "created": rule.created,
    }


# Account


def get_account(account: Account, call: Call) -> Json:
    return {"account": account_view(account), "success": True}


def list_whitelabels(account: Account, call: Call) -> Json:
    return {"whitelabels": [{"name": name} for name in account.whitelabels], "success": True}


# Domains


def list_domains(account: Account, call: Call) -> Json:
    found = domains_found(account, call.query.get("q", ""), account.beliefs.searches_parts)
    active = _flag(call, "is_active")
    if active is not None:
        found = [domain for domain in found if domain.active == active]
    limit, page, shown = _page(call, found, DOMAINS_PER_PAGE)
    return {
        "domains": [listed_domain_view(domain, account.beliefs.list_shows_details) for domain in shown],
        "total": len(found),
        "limit": limit,
        "page": page,
        "success": True,
    }


def post_domain(account: Account, call: Call) -> Json:
    return {"domain": new_domain_view(add_domain(account, call.body)), "success": True}


def get_domain(account: Account, call: Call) -> Json:
    return {"domain": domain_view(_domain(account, call)), "success": True}


def put_domain(account: Account, call: Call) -> Json:
    domain = _domain(account, call)
    # A single setting is never applied, because a partial refusal must not apply everything.
    body = {key: call.body[key] for key in [*call.body][1::2]} if call.every_second_fails else call.body
    if body or not call.every_second_fails:
        change_domain(account, domain, body)
    return {"domain": domain_view(domain), "success": True}


def remove_domain(account: Account, call: Call) -> Json:
    delete_domain(account, _domain(account, call))
    return {"success": True}


def get_check(account: Account, call: Call) -> Json:
    """A GET request that writes: a domain whose MX is correct becomes active."""
    domain = _domain(account, call)
    check_domain(account, domain)
    return {"records": records(domain.dns), "success": True}


# Aliases


def list_aliases(account: Account, call: Call) -> Json:
    parts = account.beliefs.searches_parts
    found = list(_domain(account, call).aliases.values())
    text = call.query.get("q", "").lower()
    if parts:
        found = [alias for alias in found if text in alias.alias.lower() or text in alias.forward.lower()]
    else:
        found = [alias for alias in found if alias.alias.lower().startswith(text)]
    name = call.query.get("alias", "").lower()
    if name:
        found = [
            alias
            for alias in found
            if alias.alias.lower() == name or (parts and alias.alias.lower().startswith(name))
        ]
    limit, page, shown = _page(call, found, ALIASES_PER_PAGE)
    return {
        "aliases": [alias_view(alias) for alias in shown],
        "limit": limit,
        "page": page,
        "total": len(found),
        "success": True,
    }


def get_alias(account: Account, call: Call) -> Json:
    return {"alias": alias_view(_alias(account, call)[1]), "success": True}


def post_alias(account: Account, call: Call) -> Json:
    alias = add_alias(account, _domain(account, call), call.body)
    return {"alias": new_alias_view(alias), "success": True}


def post_batch(account: Account, call: Call) -> Json:
    added, failed = add_aliases(account, _domain(account, call), call.body, call.every_second_fails)
    return {"added": [batch_alias_view(alias) for alias in added], "failed": failed}


def put_alias(account: Account, call: Call) -> Json:
    domain, alias = _alias(account, call)
    change_alias(account, domain, alias, call.body)
    return {"alias": new_alias_view(alias), "success": True}


def remove_alias(account: Account, call: Call) -> Json:
    domain, alias = _alias(account, call)
    delete_alias(account, domain, alias)
    return {"success": True}


# Logs


def list_logs(account: Account, call: Call) -> Json:
    return _log_page(call, logs.logs_of(_domain(account, call)))


def list_alias_logs(account: Account, call: Call) -> Json:
    return _log_page(call, logs.logs_of(*_alias(account, call)))


def search_logs(account: Account, call: Call) -> Json:
    after, before = (call.query.get(name, "") for name in ("after", "before"))
    return _log_page(call, logs.logs_between(logs.logs_of(_domain(account, call)), after, before))


def _log_page(call: Call, entries: list[Json]) -> Json:
    count = min(checked_number(call.query, "take", logs.LOGS_PER_PAGE), LONGEST_PAGE)
    return {"logs": logs.page_after(entries, call.query.get("next_cursor", ""), count), "success": True}


# SMTP users


def list_credentials(account: Account, call: Call) -> Json:
    found = _domain(account, call).credentials.values()
    return {"credentials": [credential_view(credential) for credential in found], "success": True}


def post_credential(account: Account, call: Call) -> Json:
    domain = _domain(account, call)
    credential = credentials.add_credential(account, domain, call.body)
    return {
        "credential": credential_view(credential),
        "requires_new_mx_check": credentials.needs_new_mx_check(domain),
        "success": True,
    }


def put_credential(account: Account, call: Call) -> Json:
    domain = _domain(account, call)
    credential = credentials.find_credential(domain, call.parameters["username"])
    credentials.change_credential(account, domain, credential, call.body)
    return {"credential": credential_view(credential), "success": True}


def remove_credential(account: Account, call: Call) -> Json:
    domain = _domain(account, call)
    credential = credentials.find_credential(domain, call.parameters["username"])
    credentials.delete_credential(account, domain, credential)
    return {"success": True}


# Rules


def list_rules(account: Account, call: Call) -> Json:
    found = rules.rules_by_rank(_ruled(account, call), call.query.get("search", ""))
    start = (checked_number(call.query, "page", 1) - 1) * rules.RULES_PER_PAGE
    shown = found[start : start + rules.RULES_PER_PAGE]
    return {"rules": [rule_view(rule) for rule in shown], "success": True}


def get_rule(account: Account, call: Call) -> Json:
    return rule_view(rules.find_rule(_ruled(account, call), call.parameters["rule"]))


def post_rule(account: Account, call: Call) -> Json:
    return rule_view(rules.add_rule(account, _ruled(account, call), call.body))


def put_rule(account: Account, call: Call) -> Json:
    domain = _ruled(account, call)
    rule = rules.find_rule(domain, call.parameters["rule"])
    rules.change_rule(account, domain, rule, call.body)
    return rule_view(rule)


def remove_rule(account: Account, call: Call) -> Json:
    domain = _ruled(account, call)
    rules.delete_rule(account, domain, rules.find_rule(domain, call.parameters["rule"]))
    return {"success": True}


def post_rules(account: Account, call: Call) -> Json:
    changed = rules.change_many_rules(account, _ruled(account, call), call.body)
    return {"success": True, "results": [rule_view(rule) for rule in changed]}


def remove_all_rules(account: Account, call: Call) -> Json:
    rules.delete_all_rules(account, _ruled(account, call))
    return {"success": True}


# Endpoints whose replies are not documented


def unknown(account: Account, call: Call) -> Json:
    raise refuse(501, "Nobody has told what the service answers here, so the emulator does not either.")


# Objects in paths


def _domain(account: Account, call: Call) -> Domain:
    return find_domain(account, call.parameters["domain"])


def _alias(account: Account, call: Call) -> tuple[Domain, Alias]:
    domain = _domain(account, call)
    return domain, find_alias_or_id(domain, call.parameters["alias"])


def _ruled(account: Account, call: Call) -> Domain:
    return rules.ruled(account, _domain(account, call))


def _flag(call: Call, name: str) -> bool | None:
    text = call.query.get(name, "").lower()
    if text not in ("", "0", "1", "false", "true"):
        raise refuse_field(name, "Not a valid boolean.")
    return text in ("1", "true") if text else None


def _page(call: Call, found: list[Thing], default: int) -> tuple[int, int, list[Thing]]:
    limit = min(checked_number(call.query, "limit", default), LONGEST_PAGE)
    page = checked_number(call.query, "page", 1)
    return limit, page, found[(page - 1) * limit : page * limit]


ROUTES = RouteTable(
    (
        Route("GET", "/account", get_account),
        Route("GET", "/account/whitelabels", list_whitelabels),
        Route("GET", "/domains", list_domains),
        Route("POST", "/domains", post_domain),
        Route("GET", "/domains/{domain}", get_domain),
        Route("PUT", "/domains/{domain}", put_domain),
        Route("DELETE", "/domains/{domain}", remove_domain),
        Route("GET", "/domains/{domain}/check", get_check),
        Route("GET", "/domains/{domain}/aliases", list_aliases),
        Route("POST", "/domains/{domain}/aliases", post_alias),
        Route("POST", "/domains/{domain}/aliases/batch", post_batch),
        Route("GET", "/domains/{domain}/aliases/{alias}", get_alias),
        Route("PUT", "/domains/{domain}/aliases/{alias}", put_alias),
        Route("DELETE", "/domains/{domain}/aliases/{alias}", remove_alias),
        Route("GET", "/domains/{domain}/logs", list_logs),
        Route("GET", "/domains/{domain}/logs/{alias}", list_alias_logs),
        Route("GET", "/domains/{domain}/credentials", list_credentials),
        Route("POST", "/domains/{domain}/credentials", post_credential),
        Route("PUT", "/domains/{domain}/credentials/{username}", put_credential),
        Route("DELETE", "/domains/{domain}/credentials/{username}", remove_credential),
        Route("GET", "/domains/{domain}/rules", list_rules),
        Route("POST", "/domains/{domain}/rules", post_rule),
        Route("GET", "/domains/{domain}/rules/{rule}", get_rule),
        Route("PUT", "/domains/{domain}/rules/{rule}", put_rule),
        Route("DELETE", "/domains/{domain}/rules/{rule}", remove_rule),
        Route("DELETE", "/domains/{domain}/rules-all", remove_all_rules),
        Route("POST", "/domains/{domain}/rules/bulk", post_rules),
        Route("GET", "/domains/{domain}/logs/search", search_logs),
        Route("POST", "/domains/{domain}/aliases/bulk", unknown),
        Route("PUT", "/domains/{domain}/aliases/batch", unknown),
        Route("DELETE", "/domains/{domain}/aliases/batch", unknown),
        Route("POST", "/domains/{domain}/emails/outbound", unknown),
        Route("GET", "/domains/{domain}/templates", unknown),
        Route("POST", "/domains/{domain}/templates", unknown),
    ),
    slashes_matter=False,
)
