# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule of a domain is: read the wish, find the rule that it means, plan, show. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.improvmx.email.plugins.module_utils._names import (
    InputError,
    alias_key,
    forward_wish,
    note,
    parse_alias,
    parse_domain,
    parse_segment,
    same_destinations,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan import (
    Change,
    DomainMissing,
    PlanError,
    Step,
)

# For each type of rule, what says which mails it takes. A regex has its scopes besides.
MATCHERS = {"alias": "alias", "regex": "regex", "cel": "expression"}
SCOPES = ("sender", "recipient", "subject", "body")

_TYPES = {"alias": "alias", "regex": "regex", "scopes": "regex", "expression": "cel"}  # by option
_LONGEST_NAME = 80  # characters of a long expression that messages show


@dataclass(frozen=True)
class Rule:
    """A rule as it is found, or as a plan leaves it. What is None is not known.

    ``matcher``: the text of its alias, regex or expression. ``config``: the service's own form of
    what it does, in which there may be more than is known here.
    """

    type: str
    matcher: str
    scopes: Tuple[str, ...] = ()
    forward: Tuple[str, ...] = ()
    rank: Optional[float] = None
    active: bool = True
    id: Optional[str] = None
    created: Optional[str] = None
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What changes and messages call it: its matcher, on one line; its id where that is not known."""
        name = " ".join(self.matcher.split()) or self.id or ""
        return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."

    def fields(self) -> Dict[str, Any]:
        """What there is to manage, in the form of the module's options."""
        return {**self.identity(), "forward": list(self.forward), "rank": self.rank, "active": self.active}

    def identity(self) -> Dict[str, Any]:
        """Its type and its matcher."""
        fields: Dict[str, Any] = {"type": self.type}
        if self.type in MATCHERS:
            fields[MATCHERS[self.type]] = self.matcher
        if self.type == "regex":
            fields["scopes"] = list(self.scopes)
        return fields

    def result(self) -> Dict[str, Any]:
        """The form that users see."""
        return {"id": self.id, **self.fields(), "created": self.created}


@dataclass(frozen=True)
class RuleWish:
    """What a user wants of one rule. What is None is not managed."""

    domain: str
    present: bool = True
    id: Optional[str] = None
    type: Optional[str] = None
    matcher: Optional[str] = None
    scopes: Optional[Tuple[str, ...]] = None
    forward: Optional[Tuple[str, ...]] = None
    rank: Optional[float] = None
    active: bool = True

    def means(self, rule: Rule) -> bool:
        """Whether this is the rule, or one of those, that the wish is about."""
        if self.id is not None:
            return True  # no other was read
        return self.type == rule.type and self._has_matcher_of(rule) and self._has_scopes_of(rule)

    def applied_to(self, rule: Rule) -> Rule:
        """The rule as it is wanted. What means the same stays as it is written."""
        wanted: Dict[str, Any] = {"active": self.active}
        if not self._has_matcher_of(rule):
            wanted["matcher"] = self.matcher
        if not self._has_scopes_of(rule):
            wanted["scopes"] = self.scopes
        if self.forward is not None and not same_destinations(self.forward, rule.forward):
            wanted["forward"] = self.forward
        if self.rank is not None:
            wanted["rank"] = self.rank
        return replace(rule, **wanted)

    def _has_matcher_of(self, rule: Rule) -> bool:
        return self.matcher is None or _key(rule.type, self.matcher) == _key(rule.type, rule.matcher)

    def _has_scopes_of(self, rule: Rule) -> bool:
        return self.scopes is None or set(self.scopes) == set(rule.scopes)


def _key(kind: str, matcher: str) -> str:
    """What makes two matchers the same. The service may keep the spaces around one, or not."""
    return alias_key(matcher.strip()) if kind == "alias" else matcher.strip()


# --- Plan -----------------------------------------------------------------------------------------


def plan_rule(wish: RuleWish, found: Optional[Sequence[Rule]]) -> Step[Rule]:
    """Plan against the rules of the domain; None means that there is no such domain."""
    meant = [rule for rule in found or () if wish.means(rule)]
    if len(meant) > 1:
        raise _ambiguous(wish.domain, meant)
    there = meant[0] if meant else None
    if there and wish.type not in (None, there.type):
        raise _other_type(wish, there)
    if not wish.present:
        gone = Change("delete", "rule", wish.domain, there.name, before=there.fields()) if there else None
        return Step(there, None, gone)
    if there is None:
        return _creation(wish, found)
    after = wish.applied_to(there)
    fields, wanted = there.fields(), after.fields()
    differing = [name for name in wanted if wanted[name] != fields[name]]
    if not differing:
        return Step(there, there)
    before = {name: fields[name] for name in differing}
    change = Change(
        "update", "rule", wish.domain, there.name, before, {name: wanted[name] for name in differing}
    )
    return Step(there, after, change)


def _creation(wish: RuleWish, found: Optional[Sequence[Rule]]) -> Step[Rule]:
    if wish.id is not None or wish.type is None:
        raise PlanError(
            "%s has no rule with the id %s; to create a rule, leave id out" % (wish.domain, wish.id), []
        )
    rule = wish.applied_to(Rule(wish.type, wish.matcher or "", wish.scopes or ()))
    fields = {name: value for name, value in rule.fields().items() if value is not None}
    change = Change("create", "rule", wish.domain, rule.name, after=fields)
    if wish.type == "regex" and wish.scopes is None:
        raise PlanError(
            "%s has no rule with the regex %s yet, and to create it takes scopes, the parts of a mail to "
            "look at" % (wish.domain, rule.name),
            [change],
        )
    if found is None:
        raise DomainMissing(wish.domain, [change], "rules")
    return Step(None, rule, change)


def _other_type(wish: RuleWish, rule: Rule) -> PlanError:
    return PlanError(
        "%s has the rule %s with type %s, and a rule keeps its type: to have one of type %s, delete it "
        "and create another without id" % (wish.domain, rule.id, rule.type, wish.type),
        [],
    )


def _ambiguous(domain: str, rules: Sequence[Rule]) -> PlanError:
    ids = ", ".join("%s (rank %s)" % (rule.id, rule.rank) for rule in rules)
    return PlanError(
        "%s has %d rules of type %s with the matcher %s: name the one that is meant in id: %s"
        % (domain, len(rules), rules[0].type, rules[0].name, ids),
        [],
    )


# --- Wishes ---------------------------------------------------------------------------------------


def rule_wish(params: Mapping[str, Any]) -> RuleWish:
    """Read the module's arguments. Raises InputError."""
    problems: List[str] = []
    domain = note(problems, "domain", params["domain"], parse_domain)
    known = params["id"] is not None
    rule_id = note(problems, "id", params["id"], parse_segment) if known else None
    kind = _type(params, problems)
    matcher = _matcher(params, kind, problems)
    present = params["state"] == "present"
    forward = None
    if present and not (known and params["forward"] is None):
        forward = forward_wish(params["forward"] or (), domain, "forward", problems)
    if params["scopes"] == []:
        problems.append("scopes: at least one is needed")
    if params["rank"] is not None and not math.isfinite(params["rank"]):
        problems.append("rank: it must be a finite number")
    if problems or domain is None:
        raise InputError(problems)
    scopes = None if params["scopes"] is None else tuple(dict.fromkeys(params["scopes"]))
    return RuleWish(
        domain, present, rule_id, kind, matcher, scopes, forward, params["rank"], params["active"]
    )


def _type(params: Mapping[str, Any], problems: List[str]) -> Optional[str]:
    """The type that is said, or with an id, the one that the options tell."""
    given = [option for option in _TYPES if params[option] is not None]
    kind: Optional[str] = params["type"]
    if kind is None and params["id"] is None:
        problems.append("type: it is needed, unless id names the rule")
    elif kind is None and given:
        kind = _TYPES[given[0]]
    if kind:
        for option in given:
            if _TYPES[option] != kind:
                problems.append("%s: a rule of type %s has none" % (option, kind))
    return kind


def _matcher(params: Mapping[str, Any], kind: Optional[str], problems: List[str]) -> Optional[str]:
    if kind is None:
        return None
    option = MATCHERS[kind]
    if params[option] is not None:
        return note(problems, option, params[option], parse_alias if kind == "alias" else _parse_text)
    if params["id"] is None:
        problems.append("%s: a rule of type %s needs it, unless id names the rule" % (option, kind))
    return None


def _parse_text(text: str) -> str:
    """A regex or an expression, without the line breaks that YAML's block texts end in."""
    if not text.strip():
        raise ValueError("it is empty")
    return text.strip("\r\n")
