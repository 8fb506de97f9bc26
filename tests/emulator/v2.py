# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoints of v2: trailing slashes, single objects unwrapped, lists without pages."""

from __future__ import annotations

from . import logs
from .account import (
    Account,
    Alias,
    Domain,
    add_alias,
    add_domain,
    change_alias,
    check_domain,
    delete_alias,
    delete_domain,
    domains_found,
    find_alias,
    find_domain,
)
from .dns import EXPECTED_MX, mx_complaint
from .routing import Call, Json, Route, RouteTable


def account_view(account: Account) -> Json:
    return {
        "email": account.email,
        "company_name": "Example Inc",
        "company_details": "Street 1",
        "company_vat": "X1",
        "card_brand": None,
        "country": "US",
        "created": account.created,
        "last4": None,
        "plan_amount": None,
        "premium": account.premium,
        "renew_date": None,
    }


def alias_view(alias: Alias) -> Json:
    return {"forward": alias.forward, "alias": alias.alias, "id": alias.id}


def domain_view(domain: Domain) -> Json:
    return {
        "active": domain.active,
        "domain": domain.domain,
        "added": domain.added,
        "daily_quota": 500,
        "aliases": [alias_view(alias) for alias in domain.aliases.values()],
    }


def get_account(account: Account, call: Call) -> Json:
    return account_view(account)


def get_api_key(account: Account, call: Call) -> Json:
    return {"token": call.api_key, "created": account.created, "name": None, "removed": None}


def list_domains(account: Account, call: Call) -> Json:
    found = domains_found(account, call.query.get("q", ""), parts=False)
    return {
        "domains": [domain_view(domain) for domain in found],
        "total": len(found),
        "success": True,
    }


def post_domain(account: Account, call: Call) -> Json:
    return {"domain": domain_view(add_domain(account, call.body)), "success": True}


def get_domain(account: Account, call: Call) -> Json:
    return domain_view(find_domain(account, call.parameters["domain"]))


def remove_domain(account: Account, call: Call) -> Json:
    delete_domain(account, find_domain(account, call.parameters["domain"]))
    return {"success": True}


def post_check(account: Account, call: Call) -> Json:
    """Here ``success`` reports whether MX is valid, not whether the request succeeded."""
    domain = find_domain(account, call.parameters["domain"])
    return {"reason": mx_complaint(domain.dns), "success": check_domain(account, domain)}


def post_alias(account: Account, call: Call) -> Json:
    domain = find_domain(account, call.parameters["domain"])
    return {"alias": alias_view(add_alias(account, domain, call.body)), "success": True}


def put_alias(account: Account, call: Call) -> Json:
    domain, alias = _named(account, call)
    change_alias(account, domain, alias, call.body)
    return {"alias": alias_view(alias), "success": True}


def remove_alias(account: Account, call: Call) -> Json:
    domain, alias = _named(account, call)
    delete_alias(account, domain, alias)
    return {"success": True}


def list_logs(account: Account, call: Call) -> Json:
    domain = find_domain(account, call.parameters["domain"])
    return {"logs": logs.logs_of(domain), "success": True, "mxes": list(EXPECTED_MX)}


def list_alias_logs(account: Account, call: Call) -> Json:
    domain, alias = _named(account, call)
    return {"logs": logs.logs_of(domain, alias), "success": True, "mxes": list(EXPECTED_MX)}


def _named(account: Account, call: Call) -> tuple[Domain, Alias]:
    domain = find_domain(account, call.parameters["domain"])
    return domain, find_alias(domain, call.parameters["alias"])


ROUTES = RouteTable(
    (
        Route("GET", "/account/", get_account),
        Route("GET", "/account/api/", get_api_key),
        Route("GET", "/domains/", list_domains),
        Route("POST", "/domains/", post_domain),
        Route("GET", "/domains/{domain}", get_domain),
        Route("DELETE", "/domains/{domain}", remove_domain),
        Route("POST", "/domains/{domain}/check", post_check),
        Route("POST", "/domains/{domain}/aliases/", post_alias),
        Route("PUT", "/domains/{domain}/aliases/{alias}", put_alias),
        Route("DELETE", "/domains/{domain}/aliases/{alias}", remove_alias),
        Route("GET", "/domains/{domain}/logs", list_logs),
        Route("GET", "/domains/{domain}/logs/{alias}", list_alias_logs),
    )
)
