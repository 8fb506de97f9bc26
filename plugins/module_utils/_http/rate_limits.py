# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the next request may be sent, from the headers of the service. For any number of threads.

The service's documents disagree on what a limit covers: an endpoint, or all reads and all writes of an
account. So a limit is taken for that of the whole account until the headers show otherwise: a request
leaves fewer requests than there were when it was sent, unless it is counted elsewhere.
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
    """Requests in flight, whose replies a request had to wait for, were not answered in time."""


class Ticket(NamedTuple):
    """What was known of its limit when a request was sent."""

    scope: int
    ended: float
    left: Optional[int]
    ends: float


@dataclass
class _Window:
    """What is known of one limit. ``left``: requests that it still takes, None when that is not known."""

    left: Optional[int] = None
    ends: float = math.inf  # until a reply reports it
    ended: float = -math.inf  # the end of the window before
    size: int = 0  # requests; 0 when that is not known
    unlimited: bool = False

    def renew(self, now: float) -> None:
        if self.left is not None and now >= self.ends:
            self.left = self.size or None
            self.ended, self.ends = self.ends, math.inf


class Stopped(Exception):
    """The run is to end early."""


class RateLimits:
    """The limits of one account. A request enters before it is sent and leaves when it is answered.

    ``answer_within``: seconds in which a request under way is answered or given up. ``stop``: set when
    the run is to stop early, so nothing should wait.
    """

    def __init__(self, answer_within: float, stop: Optional[threading.Event] = None) -> None:
        self._stop = stop or threading.Event()
        self._answer_within = answer_within
        self._answered = threading.Condition()
        self._windows: Dict[str, _Window] = {}
        self._in_flight: Counter[Endpoint] = Counter()
        self._scope = 0
        self._seen: Set[str] = set()  # what a request was sent to: endpoints, and what is wider
        self._narrowest = len(_SCOPES) - 1
        self._slept_until = 0.0
        self.seconds_waited = 0.0
        self.met = ""
        self.clock: Optional[float] = None  # the seconds by which the service's clock is ahead of ours
        self.on_wait: Callable[[float, str], None] = lambda seconds, limit: None

    def enter(self, endpoint: Endpoint, patience: float) -> Ticket:
        """Wait until a request fits its window. Raises WindowClosed if that is beyond ``patience``.

        Where it takes the answers of others to know, these are waited for. Raises NoAnswer when that is
        beyond ``patience`` and the time of an answer together, and Stopped when the run is to end.
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
        """Learn from an answer; ``status`` is None when there was none."""
        if self.clock is None:
            date = _timestamp(headers.get("Date"))
            self.clock = None if date is None else date - time.time()
        with self._answered:
            self._in_flight[endpoint] -= 1
            try:
                if status is not None:
                    self._learn(endpoint, ticket, status, headers)
            finally:  # others wait, whatever happens here
                self._answered.notify_all()

    def seconds_until_open(self, endpoint: Endpoint) -> Optional[float]:
        """Seconds until the window of an endpoint takes requests again; None when that is not known."""
        with self._answered:
            window = self._window(endpoint)
            if window.left is None:
                return None
            return 0.0 if window.left else max(0.0, window.ends - time.monotonic())

    def sleep(self, endpoint: Endpoint, seconds: float) -> None:
        """Wait, and keep account of the time during which anything waited."""
        with self._answered:
            now = time.monotonic()
            news = now + seconds > self._slept_until + _VAGUE  # others wait for the same window
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
        """Seconds to wait, 0 for none; None: until one of the requests under way is answered."""
        window = self._window(endpoint)
        now = time.monotonic()
        window.renew(now)
        same = _SCOPES[self._scope]
        under_way = sum(n for other, n in self._in_flight.items() if same(other) == same(endpoint))
        if window.left is None:
            # The first reply shows whether there is a limit at all.
            return 0.0 if window.unlimited or not under_way else None
        if window.left > under_way:
            return 0.0
        if under_way:
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
            self._judge_scope(ticket, status, left, ends)
        window = self._window(endpoint, ticket.scope)
        late = status != 429 and ticket.ended != window.ended
        if late and ends <= window.ended + _VAGUE:
            return  # of a window that is over
        # For all limits, because another one may prove to be the one that counts.
        for scope in range(len(_SCOPES)):
            window = self._window(endpoint, scope)
            if window.left is None or (not late and abs(window.ends - ends) >= _VAGUE):
                window.left = left
            else:
                window.left = min(left, window.left)  # answers may overtake each other
            if not late or window.ends == math.inf:
                window.ends, window.size = ends, size

    def _judge_scope(self, ticket: Ticket, status: int, left: int, ends: float) -> None:
        """Take the limit for a narrower or a wider one, where an answer does not fit what was known."""
        if ticket.left is None or ticket.ends == math.inf:
            return
        if status == 429:
            # Refused although there was room: others share the limit after all.
            if ticket.left and self._scope:
                self._scope -= 1
                self._narrowest = self._scope
            return
        still_open = time.monotonic() < ticket.ends - _VAGUE
        elsewhere = left >= ticket.left or abs(ends - ticket.ends) > _VAGUE
        if still_open and elsewhere and self._scope < self._narrowest:
            self._scope += 1


def _number(text: Optional[str]) -> Optional[float]:
    """The number that a header holds; None where it is missing, negative, without measure or none."""
    return float(text) if text and _NUMBER.match(text) else None


def _count(text: Optional[str]) -> Optional[int]:
    """The number in a header; a negative one counts as 0."""
    negative = text is not None and text.strip().startswith("-")
    number = _number(text.strip()[1:] if text and negative else text)
    return None if number is None else 0 if negative else int(number)


def _seconds(text: Optional[str], headers: Mapping[str, str]) -> Optional[float]:
    """The wait that a header asks for: seconds, a Unix time, or a date. None where there is none.

    Points in time are compared with the clock of the service if it sends it, because the clocks may differ.
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
