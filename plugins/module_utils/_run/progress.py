# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a long run is, as lines in a file: a module can't show anything before it ends."""

from __future__ import annotations

import os
import threading
import time
from typing import Optional

_QUIET = 2.0  # seconds: neither more often, nor of shorter waits


class Progress:
    """Appends lines to a file, if there is one. That it can't is no reason for a run to fail."""

    def __init__(self, path: Optional[str] = None) -> None:
        self._path = path
        self._total: Optional[int] = None  # while the account is read
        self._done = 0
        self._create = os.O_CREAT
        self._told = time.monotonic()
        self._lock = threading.Lock()

    def begin(self, total: int) -> None:
        """The execution of so many domains' plans begins."""
        self._total = total

    def domain_done(self) -> None:
        with self._lock:
            self._done += 1
            if time.monotonic() - self._told >= _QUIET:
                self._tell(self._stage())

    def waiting(self, seconds: float, limit: str) -> None:
        """A wait for the rate limit begins."""
        if seconds < _QUIET:
            return
        with self._lock:
            self._tell("%s, waiting %.0f s for the rate limit of %s" % (self._stage(), seconds, limit))

    def retrying(self, story: str, seconds: float) -> None:
        """A request failed, and is sent again after a pause."""
        with self._lock:
            if seconds >= _QUIET or time.monotonic() - self._told >= _QUIET:
                self._tell("%s, next try in %.0f s: %s" % (self._stage(), seconds, story))

    def _stage(self) -> str:
        if self._total is None:
            return "reading the account"
        return "%d of %d domains done" % (self._done, self._total)

    def _tell(self, line: str) -> None:
        self._told = time.monotonic()
        if not self._path:
            return
        # Made once only: where it is gone, nobody wants to read on.
        create, self._create = self._create, 0
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | create, 0o666)
            with os.fdopen(file, "a", encoding="utf-8") as lines:
                lines.write(line + "\n")
        except OSError:
            self._path = None
