# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode sends reads only, and tells exactly what the run does."""

from __future__ import annotations

from typing import Any

from emulator import Emulator
from emulator.account import add_domain
from harness import PREDICTED

from .cases import Case, cases, meaning
from .conftest import ForEvery
from .wished import Goal, state_of
from .world import Run, begin, run


def test_check_mode_predicts_the_run(running_emulator: Emulator, for_every: ForEvery) -> None:
    emulator = running_emulator

    def holds(case: Case) -> None:
        goal = begin(emulator, case)
        check = run(emulator, case, check=True)
        struck = run(emulator, case, check=True, misfortune=case.misfortune)
        assert_the_same_or_nothing(struck, check)
        assert struck.there == goal.before
        assert emulator.ledger == []
        if goal.lacks_its_domain(goal.before):
            # An earlier task of the same dry run is the one that makes it, with a catch-all.
            assert len(check.result["warnings"]) == 1
            assert check.result["changed"] is True
            if case.args["alias"] == "*":
                return
            make_domain(emulator, meaning(case.args["domain"]))
            goal = Goal(case, state_of(emulator))
        real = run(emulator, case)
        if goal.possible:
            assert predicted(check, goal) == predicted(real, goal)
        else:
            assert sorted(check.told + check.pending) == sorted(real.told + real.pending)

    for_every("check mode", cases(), holds)


def make_domain(emulator: Emulator, name: str) -> None:
    emulator.account.limits["domains"] = len(emulator.account.domains) + 1
    emulator.account.other_domains.clear()
    add_domain(emulator.account, {"domain": name})


def predicted(run: Run, goal: Goal) -> dict[str, Any]:
    told = {key: run.result[key] for key in PREDICTED}
    if "aliases" in goal.case.account["limits"]:
        # Only the run itself finds out that a pattern has to give way before the names that take over.
        told["changes"] = sorted(told["changes"], key=str)
    return told


def assert_the_same_or_nothing(struck: Run, calm: Run) -> None:
    """Among faults a dry run tells what it tells without them, or that it could not read the account."""
    if struck.failed and struck.result["msg"].endswith(" Nothing was changed."):
        assert struck.told == struck.pending == []
        return
    costs = {"api_requests": 0, "warnings": []}
    assert {**struck.result, **costs} == {**calm.result, **costs}
