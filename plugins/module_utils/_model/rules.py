# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule of a domain is, and what a user wants of one. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .names import alias_key, parse_alias, parse_segment, same_destinations
from .problems import Problems, forward_wish, join_place

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

    @property
    def key(self) -> Tuple[str, str]:
        return _key(self.type, self.matcher)

    def fields(self) -> Dict[str, Any]:
        """What there is to manage, in the form of the modules' options."""
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
    """What a user wants of one rule. What is None is not managed. ``place``: what messages call it."""

    present: bool = True
    id: Optional[str] = None
    type: Optional[str] = None
    matcher: Optional[str] = None
    scopes: Optional[Tuple[str, ...]] = None
    forward: Optional[Tuple[str, ...]] = None
    rank: Optional[float] = None
    active: bool = True
    place: str = ""

    @property
    def key(self) -> Tuple[str, str]:
        return _key(self.type or "", self.matcher or "")

    def matches(self, rule: Rule) -> bool:
        """Whether this is the rule, or one of those, that the wish is about."""
        if self.id is not None:
            return self.id.lower() == (rule.id or "").lower()
        return self.key == rule.key and self._has_scopes_of(rule)

    def may_match_the_same(self, other: RuleWish) -> bool:
        """Whether one rule can be what both wishes are about, as far as the wishes tell."""
        if self.id is not None and other.id is not None:
            return self.id.lower() == other.id.lower()
        if self.matcher is None or self.key != other.key:
            return False
        return self.scopes is None or other.scopes is None or set(self.scopes) == set(other.scopes)

    def applied_to(self, rule: Rule) -> Rule:
        """The rule as it is wanted. What means the same stays as it is written."""
        wanted: Dict[str, Any] = {"active": self.active}
        if self.matcher is not None and _key(rule.type, self.matcher) != rule.key:
            wanted["matcher"] = self.matcher
        if not self._has_scopes_of(rule):
            wanted["scopes"] = self.scopes
        if self.forward is not None and not same_destinations(self.forward, rule.forward):
            wanted["forward"] = self.forward
        if self.rank is not None:
            wanted["rank"] = self.rank
        return replace(rule, **wanted)

    def _has_scopes_of(self, rule: Rule) -> bool:
        return self.scopes is None or set(self.scopes) == set(rule.scopes)


def _key(kind: str, matcher: str) -> Tuple[str, str]:
    """What makes two matchers the same. The service may keep the spaces around one, or not."""
    return kind, alias_key(matcher.strip()) if kind == "alias" else matcher.strip()


def rank_order(rule: Rule) -> Tuple[bool, float]:
    """The place of a rule in the order in which they are tried; without a rank it comes last."""
    return rule.rank is None, rule.rank or 0.0


# --- Wishes ---------------------------------------------------------------------------------------


def read_rules(
    items: Sequence[Mapping[str, Any]], domain: Optional[str], place: str, problems: Problems
) -> Tuple[RuleWish, ...]:
    """Read what a user wrote in a list of rules; note what is wrong with it.

    Either each of those that are to exist has a rank, or none has: then their order counts.
    """
    wishes: List[RuleWish] = []
    for index, item in enumerate(items):
        name = "rules[%d]" % index
        wish = read_rule(item, domain, join_place(place, name), problems)
        if wish is None:
            continue
        same = next((other for other in wishes if wish.may_match_the_same(other)), None)
        if same:
            problems.append("%s and %s are the same rule" % (join_place(place, same.place), name))
        wishes.append(replace(wish, place=name))
    ranked = [wish.rank is not None for wish in wishes if wish.present]
    if any(ranked) and not all(ranked):
        problems.append(
            "%s: some have a rank and others have none; give each one a rank, or none, and their order "
            "counts" % join_place(place, "rules")
        )
    return tuple(wishes)


def read_rule(
    item: Mapping[str, Any], domain: Optional[str], place: str, problems: Problems
) -> Optional[RuleWish]:
    """Read what a user wrote of one rule; note what is wrong with it."""
    noted = len(problems)
    known = item.get("id") is not None
    rule_id = problems.read(join_place(place, "id"), item["id"], parse_segment) if known else None
    kind = _type(item, place, problems)
    matcher = _matcher(item, kind, place, problems)
    present = item.get("state") != "absent"
    forward = None
    if present and not (known and item.get("forward") is None):
        forward = forward_wish(item.get("forward") or (), domain, join_place(place, "forward"), problems)
    scopes, rank, active = item.get("scopes"), item.get("rank"), item.get("active")
    if scopes == []:
        problems.append("%s: at least one is needed" % join_place(place, "scopes"))
    if rank is not None and not math.isfinite(rank):
        problems.append("%s: it must be a finite number" % join_place(place, "rank"))
    if len(problems) > noted:
        return None
    where = None if scopes is None else tuple(dict.fromkeys(scopes))
    return RuleWish(present, rule_id, kind, matcher, where, forward, rank, active is not False)


def _type(item: Mapping[str, Any], place: str, problems: Problems) -> Optional[str]:
    """The type that is said, or with an id, the one that the options tell."""
    given = [option for option in _TYPES if item.get(option) is not None]
    kind: Optional[str] = item.get("type")
    if kind is None and item.get("id") is None:
        problems.append("%s: it is needed, unless id names the rule" % join_place(place, "type"))
    elif kind is None and given:
        kind = _TYPES[given[0]]
    if kind:
        for option in given:
            if _TYPES[option] != kind:
                problems.append("%s: a rule of type %s has none" % (join_place(place, option), kind))
    return kind


def _matcher(item: Mapping[str, Any], kind: Optional[str], place: str, problems: Problems) -> Optional[str]:
    if kind is None:
        return None
    option = MATCHERS[kind]
    if item.get(option) is not None:
        parse = parse_alias if kind == "alias" else _parse_text
        return problems.read(join_place(place, option), item[option], parse)
    if item.get("id") is None:
        problems.append(
            "%s: a rule of type %s needs it, unless id names the rule" % (join_place(place, option), kind)
        )
    return None


def _parse_text(text: str) -> str:
    """A regex or an expression, without the line breaks that YAML's block texts end in."""
    if not text.strip():
        raise ValueError("it is empty")
    return text.strip("\r\n")
