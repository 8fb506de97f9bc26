# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide when the next request may be sent, based on the headers of the service. Thread-safe.

The documents of the service disagree on what a limit covers: an endpoint, or all reads and all writes of
an account. A limit is therefore assumed to cover the whole account until the headers show otherwise: a
request reduces the number of remaining requests, unless it is counted for another limit.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Callable, Dict, Mapping, NamedTuple, Optional, Set, Tuple

from . import stop as _stop

Endpoint = Tuple[str, str]  # method, path template

# From the widest to the narrowest: which requests share a limit.
_SCOPES: Tuple[Callable[[Endpoint], str], ...] = (
    lambda endpoint: "all requests",
    lambda endpoint: "all reads" if endpoint[0] == "GET" else "all writes",
    " ".join,
)
# More digits add nothing but time to parse.
_NUMBER = re.compile(r"\s*[0-9]{1,15}(?:\.[0-9]{0,9})?\s*\Z", re.ASCII)
_LONGEST_DATE = 64  # characters
_VAGUE = 2.0  # seconds by which the reported end of a window may be wrong, because it is in whole seconds


class WindowClosed(Exception):
    """The rate limit allows no request for ``seconds``, which is longer than the caller can wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class NoAnswer(Exception):
    """The requests in flight, whose replies a request had to wait for, were not answered in time."""


class Ticket(NamedTuple):
    """What was known about the limit of a request when it was sent."""

    scope: int
    ended: float
    left: Optional[int]
    ends: float


@dataclass
class _Window:
    """What is known about one limit. ``left``: the number of remaining requests, None if unknown."""

    left: Optional[int] = None
    ends: float = math.inf  # until a reply reports it
    ended: float = -math.inf  # the end of the previous window
    size: int = 0  # requests; 0 if unknown
    unlimited: bool = False

    def renew(self, now: float) -> None:
        if self.left is not None and now >= self.ends:
            self.left = self.size or None
            self.ended, self.ends = self.ends, math.inf


class Stopped(Exception):
    """The run was asked to end early."""


class RateLimits:
    """The limits of one account. A request enters before it is sent and leaves when it is answered.

    ``answer_within``: the seconds after which a request in flight is answered or has failed. ``stop``: set
    when the run has to end early, so that nothing waits any longer.
    """

    def __init__(self, answer_within: float, stop: Optional[threading.Event] = None) -> None:
        self._stop = stop or threading.Event()
        self._answer_within = answer_within
        self._answered = threading.Condition()
        self._windows: Dict[str, _Window] = {}
        self._in_flight: Counter[Endpoint] = Counter()
        self._scope = 0
        self._seen: Set[str] = set()  # the endpoints, and wider scopes, that received a request
        self._narrowest = len(_SCOPES) - 1
        self._slept_until = 0.0
        self.seconds_waited = 0.0
        self.met = ""
        self.clock: Optional[float] = None  # the seconds by which the clock of the service is ahead of ours
        self.on_wait: Callable[[float, str], None] = lambda seconds, limit: None

    def enter(self, endpoint: Endpoint, patience: float) -> Ticket:
        """Wait until the window allows a request. Raises WindowClosed if that takes more than ``patience``.

        If only the answers to other requests can show that, it waits for them. Raises NoAnswer if that
        takes more than ``patience`` plus the time limit of an answer, and Stopped if the run has to end.
        """
        gives_up = time.monotonic() + max(0.0, patience) + self._answer_within
        while True:
            if self._stop.is_set():
                raise Stopped
            with self._answered:
                pause = self._pause(endpoint)
                if pause == 0:
                    self._in_flight[endpoint] += 1
                    self._seen.update(of_scope(endpoint) for of_scope in _SCOPES)
                    window = self._window(endpoint)
                    return Ticket(self._scope, window.ended, window.left, window.ends)
                if pause is None:
                    left = gives_up - time.monotonic()
                    if not self._answered.wait(min(left, threading.TIMEOUT_MAX)):
                        raise NoAnswer
                    continue
            if pause >= patience:
                raise WindowClosed(pause)
            patience -= pause
            self.sleep(endpoint, pause)

    def leave(
        self, endpoint: Endpoint, ticket: Ticket, status: Optional[int], headers: Mapping[str, str]
    ) -> None:
        """Update the limits from an answer; ``status`` is None if there was none."""
        if self.clock is None:
            date = _timestamp(headers.get("Date"))
            self.clock = None if date is None else date - time.time()
        with self._answered:
            self._in_flight[endpoint] -= 1
            try:
                if status is not None:
                    self._learn(endpoint, ticket, status, headers)
            finally:  # other threads wait for this, even after an error
                self._answered.notify_all()

    def seconds_until_open(self, endpoint: Endpoint) -> Optional[float]:
        """Return the seconds until the window of an endpoint allows requests again; None if unknown."""
        with self._answered:
            window = self._window(endpoint)
            if window.left is None:
                return None
            return 0.0 if window.left else max(0.0, window.ends - time.monotonic())

    def sleep(self, endpoint: Endpoint, seconds: float) -> None:
        """Wait, and add up the time during which at least one thread waited."""
        with self._answered:
            now = time.monotonic()
            news = now + seconds > self._slept_until + _VAGUE  # otherwise others wait for the same window
            self.seconds_waited += max(0.0, now + seconds - max(now, self._slept_until))
            self._slept_until = max(self._slept_until, now + seconds)
            size = self._window(endpoint).size
            limit = " (%d requests a window)" % size if size else ""
            self.met = _SCOPES[self._scope](endpoint) + limit
        if news:
            self.on_wait(seconds, self.met)
        _stop.wait_for(self._stop, seconds)

    # --- With the lock held -----------------------------------------------------------------------

    def _window(self, endpoint: Endpoint, scope: Optional[int] = None) -> _Window:
        of_scope = _SCOPES[self._scope if scope is None else scope]
        return self._windows.setdefault(of_scope(endpoint), _Window())

    def _pause(self, endpoint: Endpoint) -> Optional[float]:
        """Return the seconds to wait; None: until one of the requests in flight is answered."""
        window = self._window(endpoint)
        now = time.monotonic()
        window.renew(now)
        same = _SCOPES[self._scope]
        in_flight = sum(n for other, n in self._in_flight.items() if same(other) == same(endpoint))
        if window.left is None:
            # The first reply shows whether there is a limit at all.
            return 0.0 if window.unlimited or not in_flight else None
        if window.left > in_flight:
            return 0.0
        if in_flight:
            return None
        narrower = _SCOPES[min(self._scope + 1, self._narrowest)]
        if narrower(endpoint) not in self._seen:
            return 0.0  # it may have a separate limit; one request shows it
        return window.ends - now

    def _learn(self, endpoint: Endpoint, ticket: Ticket, status: int, headers: Mapping[str, str]) -> None:
        left = _count(headers.get("X-RateLimit-Remaining"))
        reset = _seconds(headers.get("X-RateLimit-Reset"), headers)
        if status == 429:
            after = _seconds(headers.get("Retry-After"), headers)
            left, reset = 0, reset if after is None else after
        if left is None or reset is None:
            window = self._window(endpoint)
            window.left, window.unlimited = None, True
            return
        ends = time.monotonic() + reset
        size = _count(headers.get("X-RateLimit-Limit")) or 0
        if ticket.scope == self._scope:
            self._adjust_scope(ticket, status, left, ends)
        window = self._window(endpoint, ticket.scope)
        late = status != 429 and ticket.ended != window.ended
        if late and ends <= window.ended + _VAGUE:
            return  # it belongs to a window that has ended
        # All limits are updated, because another one may turn out to be the real one.
        for scope in range(len(_SCOPES)):
            window = self._window(endpoint, scope)
            if window.left is None or (not late and abs(window.ends - ends) >= _VAGUE):
                window.left = left
            else:
                window.left = min(left, window.left)  # answers can arrive out of order
            if not late or window.ends == math.inf:
                window.ends, window.size = ends, size

    def _adjust_scope(self, ticket: Ticket, status: int, left: int, ends: float) -> None:
        """Assume a narrower or wider scope of the limit if an answer contradicts the current one."""
        if ticket.left is None or ticket.ends == math.inf:
            return
        if status == 429:
            # Rejected although requests remained: the limit covers other endpoints as well.
            if ticket.left and self._scope:
                self._scope -= 1
                self._narrowest = self._scope
            return
        still_open = time.monotonic() < ticket.ends - _VAGUE
        elsewhere = left >= ticket.left or abs(ends - ticket.ends) > _VAGUE
        if still_open and elsewhere and self._scope < self._narrowest:
            self._scope += 1


def _number(text: Optional[str]) -> Optional[float]:
    """Parse the number in a header; None if it is missing, negative, too long or not a number."""
    return float(text) if text and _NUMBER.match(text) else None


def _count(text: Optional[str]) -> Optional[int]:
    """Parse the number in a header; a negative one counts as 0."""
    negative = text is not None and text.strip().startswith("-")
    number = _number(text.strip()[1:] if text and negative else text)
    return None if number is None else 0 if negative else int(number)


def _seconds(text: Optional[str], headers: Mapping[str, str]) -> Optional[float]:
    """Parse the wait that a header requests: seconds, a Unix time, or a date. None if there is none.

    Points in time are compared with the clock of the service if it sends one, because the clocks can differ.
    """
    now = _timestamp(headers.get("Date")) or time.time()
    value = _number(text)
    if value is None:
        moment = _timestamp(text)
        return None if moment is None else max(0.0, moment - now)
    if value > 1e11:  # milliseconds
        value /= 1000
    return max(0.0, value - now) if value > 1e9 else value


def _timestamp(text: Optional[str]) -> Optional[float]:
    if not text or len(text) > _LONGEST_DATE:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
