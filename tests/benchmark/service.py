# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator for the benchmark: start it, fill it, get the results, end it."""

from __future__ import annotations

import json
import subprocess
from types import TracebackType
from typing import Any

from .processes import environment, python
from .work import Work


class Service:
    """An emulator in a separate process, for the duration of the ``with`` block."""

    def __init__(self, latency: float = 0.0, limit: int = 0, window: float = 60.0, scope: str = "endpoint"):
        self.latency = latency
        options = {"latency": latency, "limit": limit, "window": window, "scope": scope}
        self._options = [f"--{name}={value}" for name, value in options.items()]
        self.url = self.key = ""

    def __enter__(self) -> Service:
        self._process = subprocess.Popen(
            python("-m", "benchmark.emulation", *self._options),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self.url, self.key = self._answer().values()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def begin(self, work: Work) -> None:
        """Start with the account before the work, and without recorded requests."""
        self._order("begin", work)

    def end(self, work: Work) -> list[int]:
        """The answers to all requests since then. Raises RuntimeError if the work is not done."""
        reported = self._order("end", work)
        statuses: list[int] = reported["statuses"]
        if not reported["done"] or not set(statuses) <= {200, 429}:
            raise RuntimeError(f"the work was not done ({work}): {set(statuses)}")
        return statuses

    def _order(self, order: str, work: Work) -> Any:
        assert self._process.stdin
        print(
            json.dumps([order, work.kind, work.domains, work.aliases]), file=self._process.stdin, flush=True
        )
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the emulator ended")
        return json.loads(line)
