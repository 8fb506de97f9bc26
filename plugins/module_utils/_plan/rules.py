# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the changes of the rules of a domain. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._errors import PlanError
from .._model.domains import DomainWish
from .._model.rules import Rule, RuleWish
from .changes import Change


class _Target(NamedTuple):
    """A desired rule, and the existing one; None if it does not exist yet."""

    existing: Optional[Rule]
    desired: Rule

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing differs, except possibly the rank."""
        existing = self.existing
        return existing is not None and not _differing(existing, replace(self.desired, rank=existing.rank))


def rule_changes(wish: DomainWish, found: Sequence[Rule]) -> List[Change]:
    """Return the changes that lead from the existing rules to the desired ones.

    They are in the order of the list. Deletions are last, so mail always matches either the old rule or
    the one that replaces it. Raises PlanError.
    """
    problems: List[str] = []
    targets: List[_Target] = []
    removed: List[Rule] = []
    owners: Dict[Optional[str], RuleWish] = {}  # by id of the rule
    by_key: Dict[Tuple[str, str], List[Rule]] = defaultdict(list)
    for rule in found:
        by_key[rule.key].append(rule)
    for each in wish.rules:
        candidates = found if each.id is not None else by_key[each.key]
        problems_before = len(problems)
        existing = _find(wish.name, each, candidates, problems)
        if len(problems) > problems_before:
            continue
        if existing and existing.id in owners:
            problems.append(
                "%s and %s of %s are the same rule, %s"
                % (owners[existing.id].place, each.place, wish.name, existing.id)
            )
        if existing:
            owners[existing.id] = each
        start = existing or Rule(each.type or "", each.matcher or "")
        if not each.present:
            removed += [existing] if existing else []
        elif existing or _can_be_created(wish.name, each, start.name, problems):
            targets.append(_Target(existing, each.applied_to(start)))
    if wish.purge_rules:
        removed += [rule for rule in found if rule.id not in owners]
    if len(targets) > 1 and all(each.rank is None for each in wish.rules if each.present):
        targets = with_ranks(targets)
    changes = [change for change in (_change(wish.name, each) for each in targets) if change]
    changes += [
        Change("delete", "rule", wish.name, rule.name, before=rule.fields(), id=rule.id) for rule in removed
    ]
    if problems:
        raise PlanError("; ".join(problems), changes)
    return changes


def _find(domain: str, wish: RuleWish, candidates: Sequence[Rule], problems: List[str]) -> Optional[Rule]:
    """Return the existing rule of a wish, if any; add a problem if it is ambiguous or has another type."""
    matching = [rule for rule in candidates if wish.matches(rule)]
    rule = matching[0] if matching else None
    if rule and len(matching) > 1:
        ids = ", ".join("%s (rank %s)" % (each.id, each.rank) for each in matching)
        problems.append(
            "%s has %d rules of type %s with the matcher %s: select one with id: %s"
            % (domain, len(matching), rule.type, rule.name, ids)
        )
    if rule and wish.type not in (None, rule.type):
        problems.append(
            "%s has the rule %s with type %s, and the type of a rule can't change: to replace it with one of "
            "type %s, delete it and create another without id" % (domain, rule.id, rule.type, wish.type)
        )
    return rule


def _can_be_created(domain: str, wish: RuleWish, name: str, problems: List[str]) -> bool:
    if wish.id is not None:
        problems.append("%s has no rule with the id %s; to create a rule, omit id" % (domain, wish.id))
        return False
    if wish.type == "regex" and wish.scopes is None:
        problems.append(
            "%s has no rule with the regex %s yet, and creating it requires scopes, the parts of a mail to "
            "search" % (domain, name)
        )
    return True


def _change(domain: str, target: _Target) -> Optional[Change]:
    existing, desired = target
    if existing is None:
        fields = {name: value for name, value in desired.fields().items() if value is not None}
        return Change("create", "rule", domain, desired.name, after=fields, thing=desired)
    differing = _differing(existing, desired)
    if not differing:
        return None
    before, after = existing.fields(), desired.fields()
    return Change(
        "update",
        "rule",
        domain,
        existing.name,
        {name: before[name] for name in differing},
        {name: after[name] for name in differing},
        existing.id,
        desired,
    )


def _differing(existing: Rule, desired: Rule) -> List[str]:
    before, after = existing.fields(), desired.fields()
    return [name for name in after if after[name] != before[name]]


# --- The order of rules ---------------------------------------------------------------------------


def with_ranks(targets: Sequence[_Target]) -> List[_Target]:
    """Return the rules with ranks in this order. As few existing rules as possible get a new rank."""
    kept = _longest_rise(targets)
    ranks: List[float] = []
    low: Optional[float] = None
    for start, end in _gaps(len(targets), kept):
        high = targets[end].desired.rank if end < len(targets) else None
        ranks += _between(low, high, end - start)
        if high is not None:
            ranks.append(high)
            low = high
    if not all(math.isfinite(rank) for rank in ranks) or any(
        one >= other for one, other in zip(ranks, ranks[1:])
    ):
        ranks = [float(number) for number, _dummy in enumerate(targets, 1)]  # no room between ranks
    return [_Target(each.existing, replace(each.desired, rank=rank)) for each, rank in zip(targets, ranks)]


class _Rise(NamedTuple):
    """Rules whose ranks rise: the last rank, how many of them are unchanged, and their positions."""

    last: float = 0.0
    unchanged: int = 0
    positions: Tuple[int, ...] = ()


def _longest_rise(targets: Sequence[_Target]) -> Sequence[int]:
    """Return the positions of rules that keep their ranks, which rise, to need as few requests as possible.

    A rule that is written anyway can get another rank in the same request.
    """
    rises: List[_Rise] = []  # for each rule with a rank the best one that ends with it
    for index, each in enumerate(targets):
        rank = each.desired.rank
        if rank is not None:
            before = _best([rise for rise in rises if rise.last < rank])
            unchanged = before.unchanged + int(each.is_unchanged)
            rises.append(_Rise(rank, unchanged, (*before.positions, index)))
    return _best(rises).positions


def _best(rises: Sequence[_Rise]) -> _Rise:
    return max(rises, key=lambda rise: (rise.unchanged, len(rise.positions)), default=_Rise())


def _gaps(count: int, kept: Sequence[int]) -> List[Tuple[int, int]]:
    """Return the start and end of each gap between the kept positions, from the first position to the end."""
    starts = [0, *(index + 1 for index in kept)]
    return list(zip(starts, [*kept, count]))


def _between(low: Optional[float], high: Optional[float], count: int) -> List[float]:
    """Return ``count`` ascending ranks between two ranks; whole numbers if possible.

    Each depends only on the previous one, so a new plan after some of the rules were created has the same
    ranks.
    """
    ranks: List[float] = []
    for left in range(count, 0, -1):
        low = _next_rank(low, high, left)
        ranks.append(low)
    return ranks


def _next_rank(low: Optional[float], high: Optional[float], count: int) -> float:
    """Return the first of ``count`` ranks between two ranks."""
    if low is None and high is not None and high <= 0:
        return high - count
    start = 0.0 if low is None else low
    first = math.floor(start) + 1 if math.isfinite(start) else start
    if high is None or first + count - 1 < high:
        return float(first)
    return start + (high - start) / (count + 1)
