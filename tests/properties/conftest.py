# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many random cases there are, and what they met."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .world import TALLY

pytest.register_assert_rewrite("properties.guarantees")

# The cases of each property in `make test`. More of them, and others: make soak.
CASES = {
    "runs": 2000,
    "check mode": 600,
    "several runs": 300,
    "others meanwhile": 100,
    "rules and credentials": 400,
}
PARTS = 8  # tests for each property, so that all cores have something to do

ForEvery = Callable[[str, st.SearchStrategy[Any], Callable[[Any], None]], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("properties")
    group.addoption("--cases", type=int, default=sum(CASES.values()), help="random cases in all")
    group.addoption("--seed", default="0", help="what the random cases come from")
    group.addoption("--tally", type=Path, help="a file that gets the counts of cases and faults")


@pytest.fixture(params=range(PARTS))
def for_every(request: pytest.FixtureRequest) -> ForEvery:
    """Checks a property for its share of the random cases."""
    chosen = request.config.option
    part = request.param

    def check(name: str, cases: st.SearchStrategy[Any], holds: Callable[[Any], None]) -> None:
        count = CASES[name] * chosen.cases // (sum(CASES.values()) * PARTS)

        def counted(case: Any) -> None:
            TALLY["cases"] += 1
            holds(case)

        limits = settings(
            max_examples=max(1, count),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            print_blob=False,
            suppress_health_check=[HealthCheck.too_slow],
        )
        seed(f"{chosen.seed} {name} {part}")(limits(given(cases)(counted)))()

    return check


# --- The tally ------------------------------------------------------------------------------------

SUM: Counter[str] = Counter()


def pytest_testnodedown(node: Any) -> None:
    SUM.update(getattr(node, "workeroutput", {}).get("tally", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tally"] = dict(TALLY)
    elif session.config.option.tally:
        session.config.option.tally.write_text(json.dumps(SUM + TALLY), encoding="utf-8")
