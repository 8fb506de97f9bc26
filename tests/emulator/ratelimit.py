# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate limit: the number of requests in a fixed window of time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Scope = Literal["endpoint", "method", "account"]

# The quota that is reported while none is enforced.
SHOWN_LIMIT = 1000
SHOWN_WINDOW = 60.0


@dataclass(frozen=True)
class RateLimit:
    """A number of requests per window, counted per endpoint, for reads and writes, or in total."""

    limit: int
    window: float = 60.0
    scope: Scope = "endpoint"

    def __post_init__(self) -> None:
        if self.limit < 1 or self.window <= 0:
            raise ValueError("a rate limit needs at least one request and some time")
        if self.scope not in ("endpoint", "method", "account"):
            raise ValueError(f"unknown scope of a rate limit: {self.scope!r}")


@dataclass(frozen=True)
class Quota:
    """The quota of a client after a request."""

    limit: int
    remaining: int
    # Unix times: now, and the end of the window.
    now: float
    ends: float
    refused: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(self.ends)),
        }

    @property
    def retry_after(self) -> int:
        """Whole seconds until the end of the window, rounded up."""
        return max(0, math.ceil(self.ends - self.now))


class Limiter:
    """Counts the requests of each window. ``clock`` returns the Unix time."""

    def __init__(self, rate_limit: RateLimit | None = None, clock: Callable[[], float] = time.time) -> None:
        self.rate_limit = rate_limit
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, method: str, endpoint: str) -> Quota:
        """Count one request, or refuse it."""
        return self._quota(method, endpoint, 1)

    def look(self, method: str, endpoint: str) -> Quota:
        """The quota of the client, without counting a request."""
        return self._quota(method, endpoint, 0)

    def _quota(self, method: str, endpoint: str, requests: int) -> Quota:
        moment = self._clock()
        if self.rate_limit is None:
            return Quota(SHOWN_LIMIT, SHOWN_LIMIT - 1, moment, moment + SHOWN_WINDOW)
        limit = self.rate_limit.limit
        key = _key(self.rate_limit.scope, method, endpoint)
        ends, used = self._windows.get(key, (0.0, 0))
        if moment >= ends:
            ends, used = moment + self.rate_limit.window, 0
        refused = used + requests > limit
        if requests and not refused:
            used += requests
            self._windows[key] = (ends, used)
        return Quota(limit, limit - used, moment, ends, refused)


def _key(scope: Scope, method: str, endpoint: str) -> str:
    if scope == "endpoint":
        return endpoint
    if scope == "method":
        return "read" if method in ("GET", "HEAD") else "write"
    return ""
