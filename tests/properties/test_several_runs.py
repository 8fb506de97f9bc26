# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Concurrent runs for the same wish reach the desired state, in whatever order their requests are sent."""

from __future__ import annotations

from hypothesis import strategies as st

from emulator import Emulator
from harness import effects_of

from .cases import Case, cases
from .conftest import ForEvery
from .guarantees import assert_between_start_and_goal, assert_nothing_lost_or_made_twice
from .turns import errors_of, reported_by, run_at_once
from .wished import Goal, state_of
from .world import begin

NUMBERS = st.sampled_from((2, 2, 2, 3, 4))
ORDERS = st.lists(st.sampled_from((0, 1, 2, 3)), max_size=20)


def test_concurrent_runs_reach_the_desired_state(running_emulator: Emulator, for_every: ForEvery) -> None:
    emulator = running_emulator

    def holds(drawn: tuple[Case, int, list[int]]) -> None:
        case, runs, order = drawn
        goal = begin(emulator, case).for_several_runs()
        ended = run_at_once(emulator, case, runs, [turn % runs for turn in order])
        state = state_of(emulator)
        assert_between_start_and_goal(state, goal)
        assert_nothing_lost_or_made_twice(emulator.ledger, goal)
        unreported = set(effects_of(emulator.ledger)) - reported_by(ended)
        assert [step for step in unreported if step[3].lower() not in goal.unsure.get(step[2], ())] == []
        if not goal.possible:
            return
        for domain, message in errors_of(ended):
            assert may_fail(domain, message, goal), message
        assert goal.known(state) == goal.wished

    for_every("several runs", st.tuples(cases(), NUMBERS, ORDERS), holds)


def may_fail(domain: str, message: str, goal: Goal) -> bool:
    """Whether a run may end with this error although the wish is possible.

    A run can't know that another run has just created the catch-all of a new domain. So deleting this
    catch-all counts, and max_deletions can forbid it.
    """
    is_new = domain not in goal.before
    return is_new and "contains more than when" in message and "max_deletions" in goal.case.args
