# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run ends early: the request under way is completed, and no other one begins."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import Any, Iterator

# Ctrl-C, the end of the playbook, the end of the terminal.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wait_for(stop: threading.Event, seconds: float) -> None:
    """Wait so many seconds, or until the run is to end."""
    stop.wait(min(seconds, threading.TIMEOUT_MAX))


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let signals end the run early instead of breaking it off within a request."""
    if threading.current_thread() is not threading.main_thread():  # no other one may handle signals
        yield
        return

    def ask(_number: int, _frame: Any) -> None:
        stop.set()

    usual = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
