# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several runs at once for the same wish, their requests in any order: the end is the wish."""

from __future__ import annotations

from hypothesis import strategies as st

from emulator import Emulator
from harness import effects_of

from .cases import Case, cases
from .conftest import ForEvery
from .guarantees import assert_nothing_lost_meanwhile, assert_on_the_way
from .turns import errors_of, run_at_once, told_by
from .wished import Goal, state_of
from .world import begin

NUMBERS = st.sampled_from((2, 2, 2, 3, 4))
ORDERS = st.lists(st.sampled_from((0, 1, 2, 3)), max_size=20)


def test_several_runs_at_once(running_emulator: Emulator, for_every: ForEvery) -> None:
    emulator = running_emulator

    def holds(drawn: tuple[Case, int, list[int]]) -> None:
        case, runs, order = drawn
        goal = begin(emulator, case).for_several_runs()
        ended = run_at_once(emulator, case, runs, [turn % runs for turn in order])
        there = state_of(emulator)
        assert_on_the_way(there, goal)
        assert_nothing_lost_meanwhile(emulator.ledger, goal)
        untold = set(effects_of(emulator.ledger)) - told_by(ended)
        assert [step for step in untold if step[3].lower() not in goal.unsure.get(step[2], ())] == []
        if not goal.possible:
            return
        for domain, message in errors_of(ended):
            assert is_in_the_way(domain, message, goal), message
        assert goal.known(there) == goal.wished

    for_every("several runs", st.tuples(cases(), NUMBERS, ORDERS), holds)


def is_in_the_way(domain: str, message: str, goal: Goal) -> bool:
    """Whether a run may end like this although the wish can come true.

    A run can't know that another one of the same wish has just made the catch-all of a new domain, so
    its deletion counts, and max_deletions can forbid it.
    """
    is_new = domain not in goal.before
    return is_new and "contains more than when" in message and "max_deletions" in goal.case.args
