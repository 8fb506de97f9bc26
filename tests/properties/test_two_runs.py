# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs at once for the same wish, their requests in any order: the end is the wish."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._api import Api
from ansible_collections.improvmx.email.plugins.module_utils._api_v2 import ApiV2
from ansible_collections.improvmx.email.plugins.module_utils._api_v3 import ApiV3
from ansible_collections.improvmx.email.plugins.module_utils._apply import DomainRun, apply_plan
from ansible_collections.improvmx.email.plugins.module_utils._model import alias_wish, domain_wishes
from ansible_collections.improvmx.email.plugins.module_utils._plan import plan
from ansible_collections.improvmx.email.plugins.module_utils._read import read_wished
from ansible_collections.improvmx.email.plugins.module_utils._transport import Transport
from emulator import Emulator
from harness import effects_of, stop_time

from .cases import Case, cases
from .conftest import ForEvery
from .guarantees import assert_nothing_lost_meanwhile, assert_on_the_way
from .wished import state_of
from .world import begin


class Turns:
    """Lets two runs send their requests one at a time, in a given order, and then by turns."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order: Iterator[int] = iter(order)
        self._passed = threading.Condition()
        self._running = {0, 1}
        self._turn = next(self._order, 0)

    def give_to(self, run: int, transport: Transport) -> None:
        """Let a run send only when it is its turn."""
        send = transport._send

        def send_in_turn(*args: Any) -> Any:
            with self._passed:
                self._passed.wait_for(lambda: self._turn == run or self._running == {run})
            try:
                return send(*args)
            finally:
                with self._passed:
                    self._turn = next(self._order, 1 - run)
                    self._passed.notify_all()

        transport._send = send_in_turn

    def leave(self, run: int) -> None:
        with self._passed:
            self._running.remove(run)
            self._passed.notify_all()


def work(emulator: Emulator, case: Case, turns: Turns, number: int) -> list[DomainRun]:
    """What the modules do below Ansible, whose own state is one for the process."""
    transport = Transport(emulator.url, emulator.api_key, timeout=5, retry_timeout=30)
    turns.give_to(number, transport)
    api: Api = ApiV2(transport) if case.version == "v2" else ApiV3(transport)
    try:
        if case.module == "improvmx_alias":
            wishes = [alias_wish(case.args)]
        else:
            wishes = list(domain_wishes(case.wishes, api.settings, api.version))
        purge = bool(case.args.get("purge"))
        return apply_plan(api, plan(wishes, read_wished(api, wishes, everything=purge), purge))
    finally:
        turns.leave(number)


def test_two_runs_at_once(running_emulator: Emulator, for_every: ForEvery) -> None:
    emulator = running_emulator

    def holds(drawn: tuple[Case, list[int]]) -> None:
        case, order = drawn
        goal = begin(emulator, case)
        turns = Turns(order)
        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
            stop_time(patch)
            ended = list(pool.map(lambda number: work(emulator, case, turns, number), (0, 1)))
        there = state_of(emulator)
        assert_on_the_way(there, goal)
        assert_nothing_lost_meanwhile(emulator.ledger, goal)
        happened = effects_of(emulator.ledger)
        told = [
            [(change.action, change.kind, change.domain, change.name) for change in run.done]
            for runs in ended
            for run in runs
        ]
        assert set(happened) <= {change for changes in told for change in changes}
        errors = [str(run.error) for runs in ended for run in runs if run.error]
        if goal.possible:
            assert errors == []
            assert goal.known(there) == goal.wished

    for_every("two runs", st.tuples(cases(), st.lists(st.sampled_from((0, 1)), max_size=20)), holds)
