# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The number of random cases, and a tally of the faults that occurred."""

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

# Cases of each property in `make test`. `make soak` runs more and different ones.
CASES = {
    "runs": 2000,
    "check mode": 600,
    "several runs": 300,
    "others meanwhile": 100,
    "rules and credentials": 400,
}
PARTS = 8  # tests for each property, to use all cores

ForEvery = Callable[[str, st.SearchStrategy[Any], Callable[[Any], None]], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("properties")
    group.addoption("--cases", type=int, default=sum(CASES.values()), help="total number of random cases")
    group.addoption("--seed", default="0", help="seed of the random cases")
    group.addoption("--tally", type=Path, help="write the counts of cases and faults to this file")


@pytest.fixture(params=range(PARTS))
def for_every(request: pytest.FixtureRequest) -> ForEvery:
    """Checks a property with its share of the random cases."""
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
