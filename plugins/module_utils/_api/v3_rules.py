# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a domain that is routed by rules, in version 3 of the API."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from .._errors import Refused
from .._model.rules import MATCHERS, Rule, rank_order
from .._model.time import read_iso_utc
from .base import Api, Reply, read_created, read_id

_ALL = "/domains/{}/rules"
_ONE = "/domains/{}/rules/{}"
_MOST_PAGES = 1000


class RulesOfV3(Api):
    """The methods for rules."""

    def rules(self, domain: str) -> List[Rule]:
        """Return every rule: a wish can match any of them, and must not match several.

        The size of a page is not documented. So the list ends with a page that contains nothing new or
        is shorter than an earlier one, or if there is no further page.
        """
        rules: Dict[str, Rule] = {}
        longest = 0
        for page in range(1, _MOST_PAGES + 1):
            try:
                reply = self.call("GET", _ALL, domain, query={"page": page})
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
        return sorted(rules.values(), key=rank_order)

    def rule(self, domain: str, rule_id: str) -> Optional[Rule]:
        reply = self.find(_ONE, domain, rule_id)
        if reply is None:
            return None
        rule = _read(reply, reply.one("rule"))
        if str(rule.id).lower() != rule_id.lower():
            raise reply.bad("the reply is about the rule %s" % rule.id)
        return rule

    def create_rule(self, domain: str, rule: Rule) -> Rule:
        body = {"type": rule.type, "config": _config(rule), "active": rule.active}
        if rule.rank is not None:
            body["rank"] = rule.rank
        reply = self.call("POST", _ALL, domain, body=body)
        return _read(reply, reply.one("rule"))

    def update_rule(self, domain: str, before: Rule, after: Rule) -> None:
        existing, desired = _config(before), _config(after)
        differing = {name: desired[name] for name in desired if desired[name] != existing[name]}
        # The config has to be complete. Whether the other fields can be omitted is not documented.
        body: Dict[str, Any] = {"config": {**before.config, **differing}, "active": after.active}
        if after.rank is not None:
            body["rank"] = after.rank
        self.call("PUT", _ONE, domain, str(before.id), body=body)

    def delete_rule(self, domain: str, rule_id: str) -> None:
        self.call("DELETE", _ONE, domain, rule_id)


def _config(rule: Rule) -> Dict[str, Any]:
    """Return the config of a rule in the form of requests."""
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
        # The time is in seconds, unlike all other times of the service.
        created=read_iso_utc(created * 1000 if isinstance(created, (int, float)) else created),
        config=config,
    )
