# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run guarantees."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

from ansible_collections.improvmx.email.plugins.module_utils._model.urls import shorten_url
from emulator import Effect
from harness import read_diff

from .cases import DESTINATIONS, SETTINGS, meaning
from .wished import Goal, State, Step, is_pattern, meanings, newborn
from .world import Run

UNKNOWN = "could not be found out"  # what a message says of a write of which nobody knows whether it was done
NAMES_THE_REQUEST = re.compile(r"(GET|POST|PUT|DELETE) /v[23]/")
NEEDS_NO_REQUEST = re.compile(
    "Refused before any write|is not a domain of this account|is routed by rules|not tried, because"
    "|contains more than when"
)


# Of the URLs that people see: what each spelling means.
SHORTENED = {
    shorten_url(spelling): shorten_url(meant)
    for meant, spellings in DESTINATIONS.items()
    for spelling in spellings
}


def assert_truthful(run: Run, goal: Goal, before: State) -> None:
    """What is told as done was done, what was done is told, and the rest of the plan is pending."""
    plan = goal.steps(before)
    assert max(Counter(run.told).values(), default=1) == 1
    assert run.result["changed"] is bool(run.told)
    if run.result.get("msg", "").endswith(" Nothing was changed."):
        assert run.told == run.pending == run.happened == run.writes == []
        plan = []
    # The rest of a batch that was taken in part comes last, so the order is not that of the plan.
    # Of settings that were taken in part, some are done and others pending.
    in_part = [step for step in set(run.told) & set(run.pending) if step[:2] == ("update", "domain")]
    assert not in_part or takes_settings_in_part(goal)
    assert sorted(run.told + run.pending) == sorted(plan + in_part)
    assert bool(run.pending) <= run.failed
    messages = messages_of(run, goal)
    for message in messages.values():
        assert NAMES_THE_REQUEST.search(message) or NEEDS_NO_REQUEST.search(message), message
    if "diff" in run.result and UNKNOWN not in run.result.get("msg", ""):
        assert_diff(run, goal, before)
    for domain in {step[2] for step in plan}:
        assert_truthful_of(domain, run, goal, messages.get(domain, ""))


def takes_settings_in_part(goal: Goal) -> bool:
    misfortune = goal.case.misfortune
    return bool(misfortune.chance) or "settings_partial" in [fault.kind for fault in misfortune.planned]


def assert_truthful_of(domain: str, run: Run, goal: Goal, message: str) -> None:
    told, pending, happened = (of(domain, steps) for steps in (run.told, run.pending, run.happened))
    told = [step for step in told if step in happened or not goal.is_granted(step)]
    assert bool(message) is bool(pending)
    if UNKNOWN not in message:
        assert told == happened
        return
    # One request is in doubt, the one for what is pending first; an alias can go with others in a batch.
    doubtful = pending[:1]
    if goal.case.version == "v3" and doubtful[0][:2] == ("create", "alias"):
        doubtful = list(takewhile(lambda step: step[:2] == ("create", "alias"), pending))
    assert happened[: len(told)] == told
    assert set(happened[len(told) :]) <= set(doubtful)


def assert_diff(run: Run, goal: Goal, before: State) -> None:
    """The diff shows the domains that changed, and of them what the wish manages, as it was and as it is."""
    changed = {step[2] for step in run.told}
    differences = read_diff(run.result["diff"])
    for side, state in (("before", before), ("after", run.there)):
        told = {meaning(name): shown(fields) for name, fields in differences[side].items()}
        managed = {name: goal.managed(name, state[name]) for name in changed & set(state)}
        for name, fields in managed.items():
            if name not in before and ("update", "alias", name, "*") not in run.told:
                fields["aliases"].pop("*", None)  # it came with the domain, and nobody knows its destinations
            fields["aliases"] = {name: set(map(shorten_url, to)) for name, to in fields["aliases"].items()}
        assert told == managed


def shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a domain in a diff, by what they mean."""
    aliases = {
        name: {SHORTENED.get(each, each) for each in meanings(forward)}
        for name, forward in fields.get("aliases", {}).items()
    }
    return {name: meaning(fields[name]) for name in SETTINGS if name in fields} | {"aliases": aliases}


def messages_of(run: Run, goal: Goal) -> dict[str, str]:
    """What is said of each domain that failed."""
    if not run.failed:
        return {}
    told = {failed["domain"]: failed["msg"] for failed in run.result.get("failed_domains", ())}
    return told or {step[2]: run.result["msg"] for step in run.pending}


def of(domain: str, steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if step[2] == domain]


def assert_on_the_way(there: State, goal: Goal) -> None:
    """Everything is as it was or as it is wished for, whatever was reached."""
    there = goal.known(there)
    for name in {*there, *goal.before, *goal.wished}:
        ends = [goal.before.get(name), goal.wished.get(name)]
        if name not in there or there[name] in ends:
            assert there.get(name) in ends
            continue
        assert ends[1], f"{name} was changed and not deleted"
        old, now, new = ends[0] or newborn(name), there[name], ends[1]
        for field in set(now) - {"aliases"}:
            assert now[field] in (old[field], new[field]), field
        for alias in {*old["aliases"], *now["aliases"], *new["aliases"]}:
            either = [end["aliases"].get(alias) for end in (old, new)]
            assert now["aliases"].get(alias) in either, alias


def assert_nothing_lost_meanwhile(ledger: Iterable[Effect], goal: Goal) -> None:
    """At no moment was anything gone that was there and is wanted, and nothing was made twice."""
    there = {name: set(domain["aliases"]) for name, domain in goal.before.items()}
    made: Counter[Step] = Counter()
    for effect in ledger:
        name, alias = effect.domain, effect.name.lower()
        is_sure = effect.kind == "domain" or alias not in goal.unsure.get(name, ())
        made[(effect.kind, name, alias)] += is_sure and effect.action == "create"
        if (effect.action, effect.kind) == ("delete", "domain"):
            assert name not in goal.wished
            del there[name]
        elif effect.kind == "domain":
            there.setdefault(name, {"*"})
        elif effect.action == "delete":
            if is_sure:
                assert_is_no_loss(alias, there[name].union(goal.unsure.get(name, ())), name, goal)
            there[name].remove(alias)
        else:
            there[name].add(alias)
            if is_sure:
                assert meanings([effect.forward or ""]) == goal.wished[name]["aliases"][alias]["forward"]
    assert max(made.values(), default=0) <= 1


def assert_is_no_loss(alias: str, there: set[str], domain: str, goal: Goal) -> None:
    """An alias goes that is not wanted; if it catches mail for others, only once they are there."""
    wanted = set(goal.wished[domain]["aliases"])
    assert alias not in wanted
    if is_pattern(alias) and domain in goal.before:
        to_come = wanted - there
        room = goal.case.account["limits"].get("aliases", math.inf) - len(there)
        assert not to_come or len(to_come) > room, "mail had nowhere to go"


def assert_reads_only(run: Run, goal: Goal) -> None:
    """That there is nothing to do is found out in just the requests that reading takes."""
    assert not run.failed, run.result["msg"]
    assert run.result["changed"] is False
    assert run.told == run.writes == run.ledger == []
    assert len(run.requests) == goal.reading_cost(run.there)
