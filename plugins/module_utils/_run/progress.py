# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a long run, as lines in a file: a module can't display anything before it ends."""

from __future__ import annotations

import os
import threading
import time
from typing import Optional

_INTERVAL = 2.0  # seconds between lines, and the shortest wait that is reported


class Progress:
    """Appends lines to a file, if one is set. Errors while writing are ignored."""

    def __init__(self, path: Optional[str] = None) -> None:
        self._path = path
        self._total: Optional[int] = None  # while the account is read
        self._done = 0
        self._create = os.O_CREAT
        self._last_write = time.monotonic()
        self._lock = threading.Lock()

    def begin(self, total: int) -> None:
        """The execution of the plans of ``total`` domains begins."""
        self._total = total

    def domain_done(self) -> None:
        """The plan of a domain was executed."""
        with self._lock:
            self._done += 1
            if time.monotonic() - self._last_write >= _INTERVAL:
                self._write(self._stage())

    def waiting(self, seconds: float, limit: str) -> None:
        """A wait for the rate limit begins."""
        if seconds < _INTERVAL:
            return
        with self._lock:
            self._write("%s, waiting %.0f s for the rate limit of %s" % (self._stage(), seconds, limit))

    def retrying(self, reason: str, seconds: float) -> None:
        """A request failed, and will be sent again after a pause."""
        with self._lock:
            if seconds >= _INTERVAL or time.monotonic() - self._last_write >= _INTERVAL:
                self._write("%s, next try in %.0f s: %s" % (self._stage(), seconds, reason))

    def _stage(self) -> str:
        if self._total is None:
            return "reading the account"
        return "%d of %d domains done" % (self._done, self._total)

    def _write(self, line: str) -> None:
        self._last_write = time.monotonic()
        if not self._path:
            return
        # Create the file once only. If it was deleted, nobody reads it any more.
        create, self._create = self._create, 0
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | create, 0o666)
            with os.fdopen(file, "a", encoding="utf-8") as lines:
                lines.write(line + "\n")
        except OSError:
            self._path = None
