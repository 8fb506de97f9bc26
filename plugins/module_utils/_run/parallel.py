# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Process several domains at a time, and stop early if the service is unavailable."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Callable, List, Optional, Sequence, TypeVar

from .._errors import ImprovmxError, Interrupted, NotTried, RateLimited, Unavailable

MOST_AT_A_TIME = 10  # the number of connections that a session of requests keeps

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Outage:
    """Whether the service is unavailable or the run was interrupted. Then other domains are skipped.

    The service counts as unavailable if the key is invalid, or if it failed for two domains in a row.
    """

    def __init__(self) -> None:
        self.known = False
        self._reason = "not tried, because the service failed for the domains before it"
        self._in_a_row = 0

    def skipped(self) -> NotTried:
        return NotTried(self._reason)

    def record(self, error: Optional[ImprovmxError]) -> None:
        """Record the result of a domain: its error, or None."""
        if isinstance(error, Interrupted):
            self.known, self._reason = True, "not tried, because the run was interrupted"
        self._in_a_row = self._in_a_row + 1 if _is_of_service(error) else 0
        if self._in_a_row >= 2 or getattr(error, "status", None) == 401:
            self.known = True


def _is_of_service(error: Optional[ImprovmxError]) -> bool:
    return isinstance(error, (Unavailable, RateLimited)) and error.status != 500


def map_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item], concurrency: int) -> List[_Result]:
    """Return the results of ``work`` for the items, in order, processing ``concurrency`` at a time."""
    if concurrency == 1 or len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(work, items))
