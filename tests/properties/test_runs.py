# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run reaches the desired state or reports the truth, loses nothing, and the next run converges."""

from __future__ import annotations

from emulator import Emulator

from .cases import Case, cases
from .conftest import ForEvery
from .guarantees import (
    assert_between_start_and_goal,
    assert_nothing_lost_or_made_twice,
    assert_reads_only,
    assert_truthful,
)
from .world import begin, run


def test_a_run_with_faults_reports_the_truth_and_the_next_run_converges(
    running_emulator: Emulator, for_every: ForEvery
) -> None:
    emulator = running_emulator

    def holds(case: Case) -> None:
        goal = begin(emulator, case)
        first = run(emulator, case, faults=case.faults)
        second = run(emulator, case)
        third = run(emulator, case)

        assert_truthful(first, goal, goal.before)
        assert_truthful(second, goal, first.state)
        for ended in (first, second, third):
            assert_between_start_and_goal(ended.state, goal)
        assert_nothing_lost_or_made_twice(emulator.ledger, goal)
        if not first.failed:
            assert goal.known(first.state) == goal.wished
        if goal.possible and goal.can_follow(first.state):
            assert goal.known(second.state) == goal.wished
            assert not second.failed, second.result["msg"]
            assert_reads_only(third, goal)
        else:
            assert first.failed
            assert second.failed
            assert third.failed
            # A run changes the catch-all of a new domain before its settings, but the settings of an existing
            # domain first. So if the second run failed after it created a domain, the third can do more.
            created = {step[2] for step in second.reported if step[:2] == ("create", "domain")}
            assert {step[2] for step in third.reported} <= created
            assert {effect.domain for effect in third.ledger} <= created

    for_every("runs", cases(), holds)
