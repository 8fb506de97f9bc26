# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Concurrent runs whose requests are sent in a given order, with changes by others in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._api.v2 import ApiV2
from ansible_collections.improvmx.email.plugins.module_utils._api.v3 import ApiV3
from ansible_collections.improvmx.email.plugins.module_utils._http.transport import Transport
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import alias_wish, domain_wishes
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import plan
from ansible_collections.improvmx.email.plugins.module_utils._run.engine import DomainRun, apply_plan
from ansible_collections.improvmx.email.plugins.module_utils._run.fetch import read_wished
from emulator import Emulator
from harness import stop_time

from .cases import Case
from .wished import Step


class Turns:
    """Lets runs send their requests one at a time: first in a given order, then in turn.

    ``others``: makes a change by others; its turn is the number after that of the last run.
    """

    def __init__(self, runs: int, order: Sequence[int], others: Callable[[], None] = lambda: None) -> None:
        self._runs = runs
        self._order: Iterator[int] = iter(order)
        self._others = others
        self._passed = threading.Condition()
        self._running = set(range(runs))
        self._turn = -1
        with self._passed:
            self._pass_on()

    def give_to(self, run: int, transport: Transport) -> None:
        """Let a run send only when it is its turn."""
        send = transport._send

        def send_in_turn(*args: Any) -> Any:
            with self._passed:
                self._passed.wait_for(lambda: self._turn == run)
            try:
                return send(*args)
            finally:
                with self._passed:
                    self._pass_on()

        transport._send = send_in_turn

    def leave(self, run: int) -> None:
        with self._passed:
            self._running.remove(run)
            if self._turn == run and self._running:
                self._pass_on()

    def _pass_on(self) -> None:
        while True:
            self._turn = next(self._order, (self._turn + 1) % self._runs)
            if self._turn == self._runs:
                self._others()
            elif self._turn in self._running:
                self._passed.notify_all()
                return


def run_at_once(
    emulator: Emulator,
    case: Case,
    runs: int,
    order: Sequence[int] = (),
    others: Callable[[], None] = lambda: None,
) -> list[list[DomainRun]]:
    """Run a task several times concurrently; return how each run ended."""
    turns = Turns(runs, order, others)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(runs) as pool:
        stop_time(patch)
        return list(pool.map(lambda number: _work(emulator, case, turns, number), range(runs)))


def _work(emulator: Emulator, case: Case, turns: Turns, number: int) -> list[DomainRun]:
    """What a module does, without Ansible, which has state that is global to the process."""
    transport = Transport(emulator.url, emulator.api_key, timeout=5, retry_timeout=30)
    turns.give_to(number, transport)
    api: Api = ApiV2(transport) if case.version == "v2" else ApiV3(transport)
    try:
        if case.module == "improvmx_alias":
            wishes = [alias_wish(case.args)]
        else:
            wishes = list(domain_wishes(case.wishes, api.manages, api.version))
        purge, most = bool(case.args.get("purge")), case.args.get("max_deletions")
        plans = plan(wishes, read_wished(api, wishes, everything=purge), purge)
        if most is not None and sum(each.deletions for each in plans) > most:
            return []
        return apply_plan(api, plans, max_deletions=most)
    finally:
        turns.leave(number)


def reported_by(ended: Sequence[Sequence[DomainRun]]) -> set[Step]:
    """The changes that runs report."""
    return {
        (change.action, change.kind, change.domain, change.name)
        for runs in ended
        for run in runs
        for change in run.done
    }


def errors_of(ended: Sequence[Sequence[DomainRun]]) -> list[tuple[str, str]]:
    """The domain and the message of each error."""
    return [(run.plan.wish.name, str(run.error)) for runs in ended for run in runs if run.error]
