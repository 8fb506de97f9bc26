# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets a task of a case run against the emulator: in no time, and among faults."""

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

from .cases import SECRETS, Case, Misfortune
from .wished import Goal, State, state_of

TALLY: Counter[str] = Counter()  # of this process: cases, and faults by kind
LARGEST_REPLY = 512 * 1024  # so that a fault need not send 64 MiB
NO_MISFORTUNE = Misfortune()


@dataclass(frozen=True)
class Run:
    """One run of a task: what it told, what it sent, what really happened, what is there now."""

    result: dict[str, Any]
    requests: list[Request]
    ledger: list[Effect]
    there: State

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def told(self) -> list[tuple[str, ...]]:
        return changes_of(self.result["changes"])

    @property
    def pending(self) -> list[tuple[str, ...]]:
        return changes_of(self.result.get("pending", []))

    @property
    def happened(self) -> list[tuple[str, ...]]:
        """The effects, each once: what is sent twice because an answer was lost can happen twice."""
        return list(dict.fromkeys(effects_of(self.ledger)))

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.writes]


def begin(emulator: Emulator, case: Case) -> Goal:
    emulator.seed(case.seed)
    return Goal(case, state_of(emulator))


def run(emulator: Emulator, case: Case, check: bool = False, misfortune: Misfortune = NO_MISFORTUNE) -> Run:
    """Run the task once."""
    requests, effects = len(emulator.requests), len(emulator.ledger)
    options = {
        "api_url": emulator.url,
        "api_key": emulator.api_key,
        "api_version": case.version,
        "timeout": 5,
        "retry_timeout": misfortune.retry_timeout,
    }
    with struck(emulator, misfortune) as refused:
        result = run_module(case.module, {**options, **case.args}, check)
    ended = Run(result, emulator.requests[requests:], emulator.ledger[effects:], state_of(emulator))
    assert result["api_requests"] == len(ended.requests) + len(refused)
    text = json.dumps(result, ensure_ascii=False)
    assert "Traceback" not in text
    for secret in (emulator.api_key, *SECRETS):
        assert_no_secret(text, secret)
    if check:
        assert ended.writes == [], "a write left in check mode"
    return ended


@contextmanager
def struck(emulator: Emulator, misfortune: Misfortune) -> Iterator[list[Any]]:
    """Let things go wrong, and waits pass in no time; yield the connections that were refused."""
    refused: list[Any] = []
    with pytest.MonkeyPatch.context() as patch, dead_end() as nobody:
        clock = stop_time(patch)
        emulator.keep_time_by(clock.time, clock.sleep)
        emulator.rate_limit = misfortune.rate_limit
        emulator.faults.add(*misfortune.planned)
        if misfortune.chance:
            seed, rate, seconds = misfortune.chance
            emulator.faults.random(seed, rate, seconds=seconds)
        refusals = iter(misfortune.refused)
        connect = urllib3.util.connection.create_connection

        def connect_or_not(address: Any, *args: Any, **options: Any) -> socket.socket:
            if next(refusals, False):
                refused.append(address)
                address = nobody
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
    """An address where nobody listens, and nobody else can."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()
