# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a domain that are wanted and those that exist -> changes. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._errors import PlanError
from .._model.domains import DomainWish
from .._model.rules import Rule, RuleWish
from .changes import Change


class _Wanted(NamedTuple):
    """A rule that is to exist: as it is now, None where it does not exist, and as it is to be."""

    now: Optional[Rule]
    then: Rule

    @property
    def stays(self) -> bool:
        """Whether there is nothing to change but, maybe, its rank."""
        return self.now is not None and not _differing(self.now, replace(self.then, rank=self.now.rank))


def rule_changes(wish: DomainWish, found: Sequence[Rule]) -> List[Change]:
    """What brings the rules to the wish: in the order of the list, deletions last.

    So mail that a rule takes which replaces another is never without one. Raises PlanError.
    """
    problems: List[str] = []
    wanted: List[_Wanted] = []
    gone: List[Rule] = []
    owners: Dict[str, RuleWish] = {}
    by_key: Dict[Tuple[str, str], List[Rule]] = defaultdict(list)
    for rule in found:
        by_key[rule.key].append(rule)
    for each in wish.rules:
        candidates = found if each.id is not None else by_key[each.key]
        noted = len(problems)
        now = _meant(wish.name, each, candidates, problems)
        if len(problems) > noted:
            continue
        if now and now.id in owners:
            problems.append(
                "%s and %s of %s are the same rule, %s"
                % (owners[now.id].place, each.place, wish.name, now.id)
            )
        if now:
            owners[now.id or ""] = each
        if not each.present:
            gone += [now] if now else []
        elif now or _can_be_created(wish.name, each, problems):
            start = now or Rule(each.type or "", each.matcher or "", each.scopes or ())
            wanted.append(_Wanted(now, each.applied_to(start)))
    if wish.purge_rules:
        gone += [rule for rule in found if (rule.id or "") not in owners]
    if len(wanted) > 1 and all(each.rank is None for each in wish.rules if each.present):
        wanted = in_order(wanted)
    changes = [change for change in (_change(wish.name, each) for each in wanted) if change]
    changes += [
        Change("delete", "rule", wish.name, rule.name, before=rule.fields(), id=rule.id) for rule in gone
    ]
    if problems:
        raise PlanError("; ".join(problems), changes)
    return changes


def _meant(domain: str, wish: RuleWish, candidates: Sequence[Rule], problems: List[str]) -> Optional[Rule]:
    """The rule that a wish is about, if it exists; note where that is not clear."""
    meant = [rule for rule in candidates if wish.matches(rule)]
    if len(meant) > 1:
        ids = ", ".join("%s (rank %s)" % (rule.id, rule.rank) for rule in meant)
        problems.append(
            "%s has %d rules of type %s with the matcher %s: name the one that is meant in id: %s"
            % (domain, len(meant), meant[0].type, meant[0].name, ids)
        )
    rule = meant[0] if meant else None
    if rule and wish.type not in (None, rule.type):
        problems.append(
            "%s has the rule %s with type %s, and a rule keeps its type: to have one of type %s, delete it "
            "and create another without id" % (domain, rule.id, rule.type, wish.type)
        )
    return rule


def _can_be_created(domain: str, wish: RuleWish, problems: List[str]) -> bool:
    if wish.id is not None:
        problems.append("%s has no rule with the id %s; to create a rule, leave id out" % (domain, wish.id))
        return False
    if wish.type == "regex" and wish.scopes is None:
        problems.append(
            "%s has no rule with the regex %s yet, and to create it takes scopes, the parts of a mail to "
            "look at" % (domain, Rule("regex", wish.matcher or "").name)
        )
    return True


def _change(domain: str, wanted: _Wanted) -> Optional[Change]:
    now, then = wanted
    if now is None:
        fields = {name: value for name, value in then.fields().items() if value is not None}
        return Change("create", "rule", domain, then.name, after=fields, thing=then)
    differing = _differing(now, then)
    if not differing:
        return None
    before, after = now.fields(), then.fields()
    return Change(
        "update",
        "rule",
        domain,
        now.name,
        {name: before[name] for name in differing},
        {name: after[name] for name in differing},
        now.id,
        then,
    )


def _differing(now: Rule, then: Rule) -> List[str]:
    before, after = now.fields(), then.fields()
    return [name for name in after if after[name] != before[name]]


# --- The order of rules ---------------------------------------------------------------------------


def in_order(wanted: Sequence[_Wanted]) -> List[_Wanted]:
    """The rules with ranks that put them in this order, of which as few as possible are written for that."""
    kept = _longest_rise(wanted)
    ranks: List[float] = []
    low: Optional[float] = None
    for start, end in _gaps(len(wanted), kept):
        high = wanted[end].then.rank if end < len(wanted) else None
        ranks += _between(low, high, end - start)
        if high is not None:
            ranks.append(high)
            low = high
    if not all(math.isfinite(rank) for rank in ranks) or any(
        one >= other for one, other in zip(ranks, ranks[1:])
    ):
        ranks = [float(number) for number in range(1, len(wanted) + 1)]  # there is no room left
    return [_Wanted(each.now, replace(each.then, rank=rank)) for each, rank in zip(wanted, ranks)]


def _longest_rise(wanted: Sequence[_Wanted]) -> List[int]:
    """The positions of rules whose ranks rise, so many that as few requests as possible are needed.

    A rule that is written anyway can get another rank by the way.
    """
    best: List[Tuple[int, int]] = []
    before: List[int] = []
    for index, each in enumerate(wanted):
        rank = each.then.rank
        ahead, weight = -1, (0, 0)
        for other in range(index if rank is not None else 0):
            lower = wanted[other].then.rank
            if lower is not None and rank is not None and lower < rank and best[other] > weight:
                ahead, weight = other, best[other]
        own = (int(each.stays), 1) if rank is not None else (0, 0)
        best.append((weight[0] + own[0], weight[1] + own[1]))
        before.append(ahead)
    ranked = [index for index, each in enumerate(wanted) if each.then.rank is not None]
    index = max(ranked, key=lambda number: best[number], default=-1)
    rise: List[int] = []
    while index >= 0:
        rise.insert(0, index)
        index = before[index]
    return rise


def _gaps(count: int, kept: Sequence[int]) -> List[Tuple[int, int]]:
    """The stretches between the positions that are kept, from the first position to the end."""
    starts = [0, *(index + 1 for index in kept)]
    return list(zip(starts, [*kept, count]))


def _between(low: Optional[float], high: Optional[float], count: int) -> List[float]:
    """So many ranks that rise from one to the other, whole numbers where there is room for them."""
    if low is None and high is not None and high <= 0:
        return [high - count + number for number in range(count)]
    start = 0.0 if low is None else low
    first = math.floor(start) + 1 if math.isfinite(start) else start
    if high is None or first + count - 1 < high:
        return [float(first + number) for number in range(count)]
    return [start + (high - start) * number / (count + 1) for number in range(1, count + 1)]
