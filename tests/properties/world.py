# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the task of a case against the emulator, with faults and without real waits."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3.util.connection

from ansible_collections.improvmx.email.plugins.module_utils._http import transport as _transport
from emulator import Effect, Emulator, Request
from harness import assert_no_secret, changes_of, effects_of, run_module, stop_time

from .cases import SECRETS, Case, Faults
from .wished import Goal, State, state_of

TALLY: Counter[str] = Counter()  # of this process: cases, and faults by kind
LARGEST_REPLY = 512 * 1024  # a fault does not have to send 64 MiB
NO_FAULTS = Faults()


@dataclass(frozen=True)
class Run:
    """One run of a task: its result, its requests, its effects, and the state after it."""

    result: dict[str, Any]
    requests: list[Request]
    ledger: list[Effect]
    state: State

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def reported(self) -> list[tuple[str, ...]]:
        return changes_of(self.result["changes"])

    @property
    def pending(self) -> list[tuple[str, ...]]:
        return changes_of(self.result.get("pending", []))

    @property
    def happened(self) -> list[tuple[str, ...]]:
        """The effects without duplicates: a retry after a lost answer can take effect twice."""
        return list(dict.fromkeys(effects_of(self.ledger)))

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.writes]


def begin(emulator: Emulator, case: Case) -> Goal:
    emulator.seed(case.seed)
    return Goal(case, state_of(emulator))


def run(emulator: Emulator, case: Case, check: bool = False, faults: Faults = NO_FAULTS) -> Run:
    """Run the task once."""
    requests, effects = len(emulator.requests), len(emulator.ledger)
    options = {
        "api_url": emulator.url,
        "api_key": emulator.api_key,
        "api_version": case.version,
        "timeout": 5,
        "retry_timeout": faults.retry_timeout,
    }
    with inject(emulator, faults) as refused:
        result = run_module(case.module, {**options, **case.args}, check)
    ended = Run(result, emulator.requests[requests:], emulator.ledger[effects:], state_of(emulator))
    assert result["api_requests"] == len(ended.requests) + len(refused)
    text = json.dumps(result, ensure_ascii=False)
    assert "Traceback" not in text
    for secret in (emulator.api_key, *SECRETS):
        assert_no_secret(text, secret)
    if check:
        assert ended.writes == [], "check mode sent a write"
    return ended


@contextmanager
def inject(emulator: Emulator, faults: Faults) -> Iterator[list[Any]]:
    """Inject faults and skip waits; yield the connections that were refused."""
    refused: list[Any] = []
    with pytest.MonkeyPatch.context() as patch, dead_end() as unreachable:
        clock = stop_time(patch)
        emulator.keep_time_by(clock.time, clock.sleep)
        emulator.rate_limit = faults.rate_limit
        emulator.faults.add(*faults.planned)
        if faults.chance:
            seed, rate, seconds = faults.chance
            emulator.faults.random(seed, rate, seconds=seconds)
        refusals = iter(faults.refused)
        connect = urllib3.util.connection.create_connection

        def connect_or_not(address: Any, *args: Any, **options: Any) -> socket.socket:
            if next(refusals, False):
                refused.append(address)
                address = unreachable
            return connect(address, *args, **options)

        patch.setattr(urllib3.util.connection, "create_connection", connect_or_not)
        patch.setattr(_transport, "_LARGEST_REPLY", LARGEST_REPLY)
        limited = emulator.rate_limited
        yield refused
    TALLY.update(emulator.faults.injected)
    TALLY.update({"connection refused": len(refused), "limit used up": emulator.rate_limited - limited})
    emulator.faults.clear()
    emulator.rate_limit = None


@contextmanager
def dead_end() -> Iterator[Any]:
    """A reserved address where nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()
