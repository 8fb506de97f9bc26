# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a domain that is routed by rules."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

from .account import LARGEST_BATCH, Account, Domain, Rule
from .refusal import not_found, refuse, refuse_field

RULES_PER_PAGE = 20
# The first field of each is the matcher.
CONFIG_FIELDS = {
    "alias": ("alias", "forward"),
    "regex": ("regex", "scopes", "forward"),
    "cel": ("expression", "forward"),
}


def ruled(account: Account, domain: Domain) -> Domain:
    """The domain, if it is routed by rules."""
    if not account.premium:
        raise refuse(403, "Rules need a premium plan.")
    if domain.routing_engine != "rules":
        raise refuse(403, "This domain is not routed by rules.")
    return domain


def rules_by_rank(domain: Domain, search: str) -> list[Rule]:
    """The rules in the order of evaluation."""
    wanted = search.lower()
    found = [rule for rule in domain.rules.values() if wanted in json.dumps(rule.config).lower()]
    return sorted(found, key=lambda rule: rule.rank)


def find_rule(domain: Domain, rule_id: str) -> Rule:
    rule = domain.rules.get(rule_id.lower())
    if rule is None:
        raise not_found("Rule")
    return rule


def matcher(rule: Rule) -> str:
    """The name of a rule in the ledger: its matcher, on one line."""
    return " ".join(rule.config[CONFIG_FIELDS[rule.type][0]].split())


def add_rule(account: Account, domain: Domain, body: dict[str, Any]) -> Rule:
    last = max((rule.rank for rule in domain.rules.values()), default=0.0)
    wanted = _checked_rule({"rank": last + 1, "active": True, **body})
    # A UUID like that of the service, but numbered, to make runs reproducible.
    rule = Rule(str(UUID(int=account.next_id())), created=int(time.time()), **wanted)
    domain.rules[rule.id] = rule
    account.note("create", "rule", domain, matcher(rule), rule.config.get("forward"))
    return rule


def change_rule(account: Account, domain: Domain, rule: Rule, body: dict[str, Any]) -> None:
    called = matcher(rule)
    present = {"type": rule.type, "config": rule.config, "rank": rule.rank, "active": rule.active}
    config = body.get("config")
    if (
        account.beliefs.rule_config_is_merged
        and isinstance(config, dict)
        and body.get("type") in (None, rule.type)
    ):
        body = {**body, "config": {**rule.config, **config}}
    for name, value in _checked_rule({**present, **body}).items():
        setattr(rule, name, value)
    account.note("update", "rule", domain, called, rule.config.get("forward"))


def delete_rule(account: Account, domain: Domain, rule: Rule) -> None:
    del domain.rules[rule.id]
    account.note("delete", "rule", domain, matcher(rule), rule.config.get("forward"))


def change_many_rules(account: Account, domain: Domain, body: dict[str, Any]) -> list[Rule]:
    """Add, change or delete the rules of a list; the replies to the last two are not documented."""
    items, behavior = body.get("rules"), body.get("behavior")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise refuse_field("rules", "This field must be a list.")
    if len(items) > LARGEST_BATCH:
        raise refuse_field("rules", f"At most {LARGEST_BATCH} rules at once.")
    if behavior == "add":
        return [add_rule(account, domain, item) for item in items]
    if behavior not in ("update", "delete"):
        raise refuse_field("behavior", "Must be one of add, update, delete.")
    found = [find_rule(domain, str(item.get("id"))) for item in items]
    for rule, item in zip(found, items, strict=True):
        if behavior == "delete":
            delete_rule(account, domain, rule)
        else:
            change_rule(account, domain, rule, {name: value for name, value in item.items() if name != "id"})
    return found


def delete_all_rules(account: Account, domain: Domain) -> None:
    for rule in list(domain.rules.values()):
        delete_rule(account, domain, rule)


def _checked_rule(body: dict[str, Any]) -> dict[str, Any]:
    kind, config, rank, active = (body.get(name) for name in ("type", "config", "rank", "active"))
    if not isinstance(kind, str) or kind not in CONFIG_FIELDS:
        raise refuse_field("type", f"Must be one of {', '.join(CONFIG_FIELDS)}.")
    if not isinstance(config, dict):
        raise refuse_field("config", "This field is required.")
    for name in CONFIG_FIELDS[kind]:
        if not config.get(name):
            raise refuse_field("config", f"{name} is required.")
    if isinstance(rank, bool) or not isinstance(rank, (int, float)):
        raise refuse_field("rank", "Not a valid number.")
    if not isinstance(active, bool):
        raise refuse_field("active", "Not a valid boolean.")
    return {"type": kind, "config": config, "rank": float(rank), "active": active}
