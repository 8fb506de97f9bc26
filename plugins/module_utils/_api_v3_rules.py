# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a domain that is routed by rules, in version 3 of the API."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.improvmx.email.plugins.module_utils._api import (
    Api,
    Reply,
    read_created,
    read_id,
)
from ansible_collections.improvmx.email.plugins.module_utils._names import (
    ImprovmxError,
)
from ansible_collections.improvmx.email.plugins.module_utils._rules import MATCHERS, Rule, RuleWish
from ansible_collections.improvmx.email.plugins.module_utils._time import read_iso_utc
from ansible_collections.improvmx.email.plugins.module_utils._transport import Refused

_ALL = "/domains/{}/rules"
_ONE = "/domains/{}/rules/{}"
_MOST_PAGES = 1000


class NotRoutedByRules(ImprovmxError):
    """Rules are asked for of a domain that is routed by aliases."""

    def __init__(self, domain: str) -> None:
        super().__init__(
            "%s is routed by aliases, so it has no rules: manage its aliases, with "
            "improvmx.email.improvmx_alias, or switch it to rules in the dashboard of ImprovMX" % domain
        )


class Rules:
    """The rules of a domain, for a wish."""

    def __init__(self, api: Api, wish: RuleWish) -> None:
        self._api, self._wish = api, wish
        self._domain = wish.domain
        self.warnings: List[str] = []

    def read(self) -> Optional[Sequence[Rule]]:
        try:
            return self._all() if self._wish.id is None else self._one(self._wish.id)
        except Refused as error:
            self._explain(error)
            return None

    def _one(self, rule_id: str) -> List[Rule]:
        reply = self._api.find(_ONE, self._domain, rule_id)
        if reply is None:
            return []
        rule = _read(reply, reply.one("rule"))
        if str(rule.id).lower() != rule_id.lower():
            raise reply.bad("the reply is about the rule %s" % rule.id)
        return [rule]

    def _all(self) -> List[Rule]:
        """Every rule: a wish may mean any of them, and must not mean several.

        How many a page holds is not documented. So the list ends with a page that brings nothing new
        or is shorter than one before it, or where there is no further page.
        """
        rules: Dict[str, Rule] = {}
        longest = 0
        for page in range(1, _MOST_PAGES + 1):
            try:
                reply = self._api.call("GET", _ALL, self._domain, query={"page": page})
            except Refused as error:
                if error.status == 404 and page > 1:
                    break
                raise
            things = reply.many("rules")
            known = len(rules)
            for thing in things:
                rule = _read(reply, thing)
                rules[str(rule.id)] = rule
            if len(rules) == known or len(things) < longest:
                break
            longest = max(longest, len(things))
        else:
            raise reply.bad("the list has no end")
        return list(rules.values())

    def _explain(self, error: Refused) -> None:
        """Find out why the service does not show rules; return where there is no such domain.

        Its status for a domain that is routed by aliases is not documented.
        """
        if not self._wish.present and self._api.says_missing(error):
            return
        if error.status != 401:
            domain = self._api.domain(self._domain)
            if domain is None:
                return
            if domain.details.get("routing_engine", "rules") != "rules":
                raise NotRoutedByRules(self._domain) from None
        raise error

    def create(self, rule: Rule) -> Rule:
        body = {"type": rule.type, "config": _config(rule), "active": rule.active}
        if rule.rank is not None:
            body["rank"] = rule.rank
        reply = self._api.call("POST", _ALL, self._domain, body=body)
        return _read(reply, reply.one("rule"))

    def update(self, before: Rule, after: Rule) -> None:
        known, wanted = _config(before), _config(after)
        differing = {name: wanted[name] for name in wanted if wanted[name] != known[name]}
        # The config has to be whole. Whether the rest may be left out is not documented.
        body: Dict[str, Any] = {"config": {**before.config, **differing}, "active": after.active}
        if after.rank is not None:
            body["rank"] = after.rank
        self._api.call("PUT", _ONE, self._domain, str(before.id), body=body)

    def delete(self, rule: Rule) -> None:
        self._api.remove(_ONE, self._domain, str(rule.id))


def _config(rule: Rule) -> Dict[str, Any]:
    """What a rule does, in the form of requests."""
    config: Dict[str, Any] = {"forward": ",".join(rule.forward)}
    if rule.type in MATCHERS:
        config[MATCHERS[rule.type]] = rule.matcher
    if rule.type == "regex":
        config["scopes"] = list(rule.scopes)
    return config


def _read(reply: Reply, thing: Mapping[str, Any]) -> Rule:
    kind, config = reply.text(thing, "type"), thing.get("config")
    if not isinstance(config, dict):
        raise reply.bad("the reply has a rule without a config")
    matcher, scopes = config.get(MATCHERS.get(kind, "")), config.get("scopes")
    rank, active, created = thing.get("rank"), thing.get("active"), read_created(thing)
    return Rule(
        kind,
        matcher=matcher if isinstance(matcher, str) else "",
        scopes=tuple(str(scope) for scope in scopes) if isinstance(scopes, list) else (),
        forward=reply.forward(config),
        rank=float(rank) if isinstance(rank, (int, float)) else None,
        active=active is not False,
        id=read_id(thing) or reply.text(thing, "id"),
        # In seconds, unlike all other times of the service.
        created=read_iso_utc(created * 1000 if isinstance(created, (int, float)) else created),
        config=config,
    )
