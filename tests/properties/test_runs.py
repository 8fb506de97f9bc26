# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run ends as wished or tells the truth, loses nothing, and a repeat ends as wished."""

from __future__ import annotations

from emulator import Emulator

from .cases import Case, cases
from .conftest import ForEvery
from .guarantees import assert_nothing_lost_meanwhile, assert_on_the_way, assert_reads_only, assert_truthful
from .world import begin, run


def test_a_run_among_faults_and_its_repeats(running_emulator: Emulator, for_every: ForEvery) -> None:
    emulator = running_emulator

    def holds(case: Case) -> None:
        goal = begin(emulator, case)
        first = run(emulator, case, misfortune=case.misfortune)
        second = run(emulator, case)
        third = run(emulator, case)

        assert_truthful(first, goal, goal.before)
        assert_truthful(second, goal, first.there)
        for ended in (first, second, third):
            assert_on_the_way(ended.there, goal)
        assert_nothing_lost_meanwhile(emulator.ledger, goal)
        if not first.failed:
            assert goal.known(first.there) == goal.wished
        if goal.possible and goal.can_follow(first.there):
            assert goal.known(second.there) == goal.wished
            assert not second.failed, second.result["msg"]
            assert_reads_only(third, goal)
        else:
            assert first.failed
            assert second.failed
            assert third.failed
            # A new domain gets its catch-all before its settings, an existing one its settings first. So
            # where the second run made a domain, and came no further, there is more that the third can do.
            made = {step[2] for step in second.told if step[:2] == ("create", "domain")}
            assert {step[2] for step in third.told} <= made
            assert {effect.domain for effect in third.ledger} <= made

    for_every("runs", cases(), holds)
