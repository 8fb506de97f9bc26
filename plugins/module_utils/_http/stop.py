# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends a run early: the request in flight is completed, and no other one is sent."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import Any, Iterator

# Ctrl-C, the end of the playbook, a closed terminal.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wait_for(stop: threading.Event, seconds: float) -> None:
    """Wait so many seconds, or until the run has to end."""
    stop.wait(min(seconds, threading.TIMEOUT_MAX))


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """End the run early on signals, instead of aborting it during a request."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
        yield
        return

    def request_stop(_number: int, _frame: Any) -> None:
        stop.set()

    previous = {number: signal.signal(number, request_stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
