# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assertions for what each run guarantees."""

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
from .wished import Goal, State, Step, is_pattern, meanings, new_domain
from .world import Run

UNKNOWN = "could not be determined"  # in the message about a doubtful write
NAMES_THE_REQUEST = re.compile(r"(GET|POST|PUT|DELETE) /v[23]/")
NEEDS_NO_REQUEST = re.compile(
    "Refused before any write|is not a domain of this account|is routed by rules|not tried, because"
    "|contains more than when"
)


# The URLs that results show: spelling -> meaning.
SHORTENED = {
    shorten_url(spelling): shorten_url(value)
    for value, spellings in DESTINATIONS.items()
    for spelling in spellings
}


def assert_truthful(run: Run, goal: Goal, before: State) -> None:
    """Reported changes were made, all made changes are reported, and the rest of the plan is pending."""
    plan = goal.steps(before)
    assert max(Counter(run.reported).values(), default=1) == 1
    assert run.result["changed"] is bool(run.reported)
    if run.result.get("msg", "").endswith(" Nothing was changed."):
        assert run.reported == run.pending == run.happened == run.writes == []
        plan = []
    # The rest of a batch that was accepted in part comes last, so the order differs from the plan.
    # Of settings that were accepted in part, some are reported and others pending.
    in_part = [step for step in set(run.reported) & set(run.pending) if step[:2] == ("update", "domain")]
    assert not in_part or accepts_settings_in_part(goal)
    assert sorted(run.reported + run.pending) == sorted(plan + in_part)
    assert bool(run.pending) <= run.failed
    messages = messages_of(run, goal)
    for message in messages.values():
        assert NAMES_THE_REQUEST.search(message) or NEEDS_NO_REQUEST.search(message), message
    if "diff" in run.result and UNKNOWN not in run.result.get("msg", ""):
        assert_diff(run, goal, before)
    for domain in {step[2] for step in plan}:
        assert_truthful_of(domain, run, goal, messages.get(domain, ""))


def accepts_settings_in_part(goal: Goal) -> bool:
    faults = goal.case.faults
    return bool(faults.chance) or "settings_partial" in [fault.kind for fault in faults.planned]


def assert_truthful_of(domain: str, run: Run, goal: Goal, message: str) -> None:
    reported, pending, happened = (of(domain, steps) for steps in (run.reported, run.pending, run.happened))
    reported = [step for step in reported if step in happened or not goal.is_done_by_service(step)]
    assert bool(message) is bool(pending)
    if UNKNOWN not in message:
        assert reported == happened
        return
    # One request is doubtful, the one for the first pending step; a batch creates several aliases.
    doubtful = pending[:1]
    if goal.case.version == "v3" and doubtful[0][:2] == ("create", "alias"):
        doubtful = list(takewhile(lambda step: step[:2] == ("create", "alias"), pending))
    assert happened[: len(reported)] == reported
    assert set(happened[len(reported) :]) <= set(doubtful)


def assert_diff(run: Run, goal: Goal, before: State) -> None:
    """The diff shows the managed part of each changed domain, before and after."""
    changed = {step[2] for step in run.reported}
    differences = read_diff(run.result["diff"])
    for side, state in (("before", before), ("after", run.state)):
        displayed = {meaning(name): shown(fields) for name, fields in differences[side].items()}
        managed = {name: goal.managed(name, state[name]) for name in changed & set(state)}
        for name, fields in managed.items():
            if name not in before and ("update", "alias", name, "*") not in run.reported:
                fields["aliases"].pop("*", None)  # created with the domain, with unknown destinations
            fields["aliases"] = {name: set(map(shorten_url, to)) for name, to in fields["aliases"].items()}
        assert displayed == managed


def shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a domain in a diff, by meaning."""
    aliases = {
        name: {SHORTENED.get(each, each) for each in meanings(forward)}
        for name, forward in fields.get("aliases", {}).items()
    }
    return {name: meaning(fields[name]) for name in SETTINGS if name in fields} | {"aliases": aliases}


def messages_of(run: Run, goal: Goal) -> dict[str, str]:
    """The message about each domain that failed."""
    if not run.failed:
        return {}
    messages = {failed["domain"]: failed["msg"] for failed in run.result.get("failed_domains", ())}
    return messages or {step[2]: run.result["msg"] for step in run.pending}


def of(domain: str, steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if step[2] == domain]


def assert_between_start_and_goal(state: State, goal: Goal) -> None:
    """Each thing is in its state before the run or in its desired state."""
    state = goal.known(state)
    for name in {*state, *goal.before, *goal.wished}:
        ends = [goal.before.get(name), goal.wished.get(name)]
        if name not in state or state[name] in ends:
            assert state.get(name) in ends
            continue
        assert ends[1], f"{name} was changed and not deleted"
        old, now, new = ends[0] or new_domain(name), state[name], ends[1]
        for field in set(now) - {"aliases"}:
            assert now[field] in (old[field], new[field]), field
        for alias in {*old["aliases"], *now["aliases"], *new["aliases"]}:
            either = [end["aliases"].get(alias) for end in (old, new)]
            assert now["aliases"].get(alias) in either, alias


def assert_nothing_lost_or_made_twice(ledger: Iterable[Effect], goal: Goal) -> None:
    """Nothing that is desired was ever deleted, and nothing was created twice."""
    existing = {name: set(domain["aliases"]) for name, domain in goal.before.items()}
    created: Counter[Step] = Counter()
    for effect in ledger:
        name, alias = effect.domain, effect.name.lower()
        is_sure = effect.kind == "domain" or alias not in goal.unsure.get(name, ())
        created[(effect.kind, name, alias)] += is_sure and effect.action == "create"
        if (effect.action, effect.kind) == ("delete", "domain"):
            assert name not in goal.wished
            del existing[name]
        elif effect.kind == "domain":
            existing.setdefault(name, {"*"})
        elif effect.action == "delete":
            if is_sure:
                assert_is_no_loss(alias, existing[name].union(goal.unsure.get(name, ())), name, goal)
            existing[name].remove(alias)
        else:
            existing[name].add(alias)
            if is_sure:
                assert meanings([effect.forward or ""]) == goal.wished[name]["aliases"][alias]["forward"]
    assert max(created.values(), default=0) <= 1


def assert_is_no_loss(alias: str, existing: set[str], domain: str, goal: Goal) -> None:
    """The deleted alias is not desired; a pattern is deleted only after the names that replace it exist."""
    wanted = set(goal.wished[domain]["aliases"])
    assert alias not in wanted
    if is_pattern(alias) and domain in goal.before:
        missing = wanted - existing
        room = goal.case.account["limits"].get("aliases", math.inf) - len(existing)
        assert not missing or len(missing) > room, "no alias matched the mail"


def assert_reads_only(run: Run, goal: Goal) -> None:
    """A run that changes nothing makes only the requests needed for reading."""
    assert not run.failed, run.result["msg"]
    assert run.result["changed"] is False
    assert run.reported == run.writes == run.ledger == []
    assert len(run.requests) == goal.reading_cost(run.state)
