# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work on several domains at a time, and how it ends early where the service fails as a whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Callable, List, Optional, Sequence, TypeVar

from .._errors import ImprovmxError, Interrupted, NotTried, RateLimited, Unavailable

MOST_AT_A_TIME = 10  # the connections that a session of requests keeps

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Outage:
    """Whether the service fails as a whole, or the run was interrupted, so that nothing else is tried.

    It fails as a whole when the key is not valid, or when it is out of reach for two domains in a row.
    """

    def __init__(self) -> None:
        self.known = False
        self._story = "not tried, because the service failed for the domains before it"
        self._in_a_row = 0

    def not_tried(self) -> NotTried:
        return NotTried(self._story)

    def record(self, error: Optional[ImprovmxError]) -> None:
        if isinstance(error, Interrupted):
            self.known, self._story = True, "not tried, because the run was interrupted"
        self._in_a_row = self._in_a_row + 1 if _is_of_service(error) else 0
        if self._in_a_row >= 2 or getattr(error, "status", None) == 401:
            self.known = True


def _is_of_service(error: Optional[ImprovmxError]) -> bool:
    return isinstance(error, (Unavailable, RateLimited)) and error.status != 500


def map_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item], concurrency: int) -> List[_Result]:
    """What the work makes of each item, in their order, with ``concurrency`` of them at a time."""
    if concurrency == 1 or len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(work, items))
