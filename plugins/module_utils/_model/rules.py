# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a domain: current and desired state. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .names import alias_key, parse_alias, parse_segment, same_destinations
from .problems import Problems, forward_wish, join_place

# The option that contains the matcher of each type of rule. A regex has scopes as well.
MATCHERS = {"alias": "alias", "regex": "regex", "cel": "expression"}
SCOPES = ("sender", "recipient", "subject", "body")

_TYPES = {"alias": "alias", "regex": "regex", "scopes": "regex", "expression": "cel"}  # by option
_LONGEST_NAME = 80  # characters of a long expression that messages show


@dataclass(frozen=True)
class Rule:
    """An existing rule, or one after a plan. None: unknown.

    ``matcher``: its alias, regex or expression. ``config``: the configuration as the service returned it,
    which can contain fields that are unknown here.
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
        """Its name in changes and messages: the matcher on one line, or the id if that is unknown."""
        name = " ".join(self.matcher.split()) or self.id or ""
        return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."

    @property
    def key(self) -> Tuple[str, str]:
        return _key(self.type, self.matcher)

    def fields(self) -> Dict[str, Any]:
        """Return what can be managed, in the form of module options."""
        return {**self.identity(), "forward": list(self.forward), "rank": self.rank, "active": self.active}

    def identity(self) -> Dict[str, Any]:
        """Return the type and the matcher, in the form of module options."""
        fields: Dict[str, Any] = {"type": self.type}
        if self.type in MATCHERS:
            fields[MATCHERS[self.type]] = self.matcher
        if self.type == "regex":
            fields["scopes"] = list(self.scopes)
        return fields

    def result(self) -> Dict[str, Any]:
        """Return the rule in the form of results."""
        return {"id": self.id, **self.fields(), "created": self.created}


@dataclass(frozen=True)
class RuleWish:
    """The desired state of a rule. None: not managed. ``place``: its name in messages."""

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
        """Return whether the wish is for this rule."""
        if self.id is not None:
            return self.id.lower() == (rule.id or "").lower()
        return self.key == rule.key and self._has_scopes_of(rule)

    def may_match_the_same(self, other: RuleWish) -> bool:
        """Return whether one rule could match both wishes."""
        if self.id is not None and other.id is not None:
            return self.id.lower() == other.id.lower()
        if self.matcher is None or self.key != other.key:
            return False
        return self.scopes is None or other.scopes is None or set(self.scopes) == set(other.scopes)

    def applied_to(self, rule: Rule) -> Rule:
        """Return the rule in its desired state. Equal values are not changed."""
        desired: Dict[str, Any] = {"active": self.active}
        if self.matcher is not None and _key(rule.type, self.matcher) != rule.key:
            desired["matcher"] = self.matcher
        if not self._has_scopes_of(rule):
            desired["scopes"] = self.scopes
        if self.forward is not None and not same_destinations(self.forward, rule.forward):
            desired["forward"] = self.forward
        if self.rank is not None:
            desired["rank"] = self.rank
        return replace(rule, **desired)

    def _has_scopes_of(self, rule: Rule) -> bool:
        return self.scopes is None or set(self.scopes) == set(rule.scopes)


def _key(kind: str, matcher: str) -> Tuple[str, str]:
    """Return the key that identifies a matcher. The service may or may not keep surrounding spaces."""
    return kind, alias_key(matcher.strip()) if kind == "alias" else matcher.strip()


def rank_order(rule: Rule) -> Tuple[bool, float]:
    """Sort key: the order in which rules are evaluated. A rule without a rank is last."""
    return rule.rank is None, rule.rank or 0.0


# --- Wishes ---------------------------------------------------------------------------------------


def read_rules(
    items: Sequence[Mapping[str, Any]], domain: Optional[str], place: str, problems: Problems
) -> Tuple[RuleWish, ...]:
    """Parse a list of rules of the user; add problems to ``problems``.

    Of the rules that are present, either all have a rank, or none has and their order counts.
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
            "%s: some have a rank and others have none; set a rank for each of them, or for none to use "
            "their order" % join_place(place, "rules")
        )
    return tuple(wishes)


def read_rule(
    item: Mapping[str, Any], domain: Optional[str], place: str, problems: Problems
) -> Optional[RuleWish]:
    """Parse one rule of the user; add problems to ``problems``."""
    problems_before = len(problems)
    has_id = item.get("id") is not None
    rule_id = problems.read(join_place(place, "id"), item["id"], parse_segment) if has_id else None
    kind = _type(item, place, problems)
    matcher = _matcher(item, kind, place, problems)
    present = item.get("state") != "absent"
    forward = None
    if present and not (has_id and item.get("forward") is None):
        forward = forward_wish(item.get("forward") or (), domain, join_place(place, "forward"), problems)
    scopes, rank, active = item.get("scopes"), item.get("rank"), item.get("active")
    if scopes == []:
        problems.append("%s: at least one is required" % join_place(place, "scopes"))
    if rank is not None and not math.isfinite(rank):
        problems.append("%s: it must be a finite number" % join_place(place, "rank"))
    if len(problems) > problems_before:
        return None
    unique_scopes = None if scopes is None else tuple(dict.fromkeys(scopes))
    return RuleWish(present, rule_id, kind, matcher, unique_scopes, forward, rank, active is not False)


def _type(item: Mapping[str, Any], place: str, problems: Problems) -> Optional[str]:
    """Return the type. If only the id is set, it follows from the other options."""
    given = [option for option in _TYPES if item.get(option) is not None]
    kind: Optional[str] = item.get("type")
    if kind is None and item.get("id") is None:
        problems.append("%s: it is required unless id selects the rule" % join_place(place, "type"))
    elif kind is None and given:
        kind = _TYPES[given[0]]
    if kind:
        for option in given:
            if _TYPES[option] != kind:
                problems.append(
                    "%s: a rule of type %s does not accept it" % (join_place(place, option), kind)
                )
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
            "%s: a rule of type %s requires it unless id selects the rule" % (join_place(place, option), kind)
        )
    return None


def _parse_text(text: str) -> str:
    """Remove the line breaks at the end of a YAML block from a regex or an expression."""
    if not text.strip():
        raise ValueError("it is empty")
    return text.strip("\r\n")
