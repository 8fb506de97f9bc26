# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode sends reads only and predicts exactly what the run does."""

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
        among_faults = run(emulator, case, check=True, faults=case.faults)
        assert_same_or_failed_read(among_faults, check)
        assert among_faults.state == goal.before
        assert emulator.ledger == []
        if goal.lacks_its_domain(goal.before):
            # In a real run an earlier task would create the domain, with a catch-all.
            assert len(check.result["warnings"]) == 1
            assert check.result["changed"] is True
            if case.args["alias"] == "*":
                return
            create_domain(emulator, meaning(case.args["domain"]))
            goal = Goal(case, state_of(emulator))
        real = run(emulator, case)
        if goal.possible:
            assert predicted(check, goal) == predicted(real, goal)
        else:
            assert sorted(check.reported + check.pending) == sorted(real.reported + real.pending)

    for_every("check mode", cases(), holds)


def create_domain(emulator: Emulator, name: str) -> None:
    emulator.account.limits["domains"] = len(emulator.account.domains) + 1
    emulator.account.other_domains.clear()
    add_domain(emulator.account, {"domain": name})


def predicted(run: Run, goal: Goal) -> dict[str, Any]:
    prediction = {key: run.result[key] for key in PREDICTED}
    if "aliases" in goal.case.account["limits"]:
        # Only the real run discovers that a pattern must be deleted before the names that replace it exist.
        prediction["changes"] = sorted(prediction["changes"], key=str)
    return prediction


def assert_same_or_failed_read(among_faults: Run, calm: Run) -> None:
    """With faults, check mode returns the same as without, or fails because it could not read the account."""
    if among_faults.failed and among_faults.result["msg"].endswith(" Nothing was changed."):
        assert among_faults.reported == among_faults.pending == []
        return
    costs = {"api_requests": 0, "warnings": []}
    assert {**among_faults.result, **costs} == {**calm.result, **costs}
