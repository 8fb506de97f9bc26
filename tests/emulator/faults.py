# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults between a client and the service, planned or random."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from threading import RLock
from typing import Any, Literal

from .ratelimit import Quota
from .reply import HTML_TYPE, Reply, html_reply, json_reply
from .routing import Route
from .v3 import BATCH, SETTINGS

# The request takes no effect, and the service creates no reply.
WITHOUT_EFFECT = (
    "rate_limit",
    "status",
    "reset_before",
    "delay_before",
    "success_false",
    "redirect",
    "body",
    "huge",
)
# The request takes effect, but its reply is changed or lost.
WITH_EFFECT = (
    "status_after",
    "reset_after",
    "cut",
    "empty",
    "wrong_type",
    "truncated_json",
    "delay",
    "batch_partial",
    "settings_partial",
)
KINDS = WITHOUT_EFFECT + WITH_EFFECT
# Replies that look valid and are wrong: never random, because a client can't detect some of them.
LIES = (
    "stranger",  # another web server answers with its own 404, and the request takes no effect
    "hidden",  # a list is incomplete, but its total is right
    "wrong_total",
    "odd_headers",
)

# Each affects one endpoint only, where every second item of the request is not applied.
PARTIAL = {"batch_partial": BATCH, "settings_partial": SETTINGS}
OUTAGES = (500, 502, 503, 504)
# Small enough for a suite of thousands of cases.
RANDOM_SECONDS = 0.02
RANDOM_SIZE = 1 << 20


@dataclass(frozen=True)
class Fault:
    """One kind of fault, and the requests that it affects."""

    kind: str
    method: str | None = None
    # A regular expression searched in the raw path.
    path: str | None = None
    # The number of requests that it affects; None: all.
    times: int | None = 1
    # The number of matching requests before the first affected one.
    skip: int = 0
    # status, status_after: 500 unless given; body, settings_partial: 200 unless given.
    status: int | None = None
    # status, status_after, stranger: a page instead of JSON.
    html: bool = False
    # rate_limit: the Retry-After header, none, whole seconds or as a date.
    retry_after: int | Literal["date"] | None = None
    # rate_limit: whether to send the X-RateLimit-* headers.
    reset: bool = False
    # delay, delay_before: the delay; rate_limit: the time until the date and the reset.
    seconds: float = 1.0
    location: str = "https://elsewhere.example/"
    # body: bytes and text are sent as they are, anything else as JSON; stranger: replaces the usual body.
    body: Any = None
    size: int = 64 << 20
    # hidden: the number of hidden items of a page; None: all.
    count: int | None = None
    # wrong_total: the total of the list.
    total: Any = None
    # odd_headers: headers that replace or extend the usual ones.
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS + LIES:
            raise ValueError(f"unknown kind of fault: {self.kind!r}")
        if isinstance(self.retry_after, str) and self.retry_after != "date":
            raise ValueError("retry_after is None, a number of seconds or 'date'")
        if self.path is not None:
            re.compile(self.path)

    def strikes(self, method: str, path: str, route: Route | None) -> bool:
        """Whether the fault affects this request."""
        return (
            (self.method is None or self.method.upper() == method)
            and (self.path is None or re.search(self.path, path) is not None)
            and (self.kind not in PARTIAL or _is(PARTIAL[self.kind], route))
        )


@dataclass
class _Armed:
    """A planned fault with its remaining counts."""

    fault: Fault
    skip: int
    left: int | None


@dataclass
class _Chance:
    """A random plan: the same seed and the same requests give the same faults."""

    dice: random.Random
    rate: float
    kinds: tuple[str, ...]
    left: int | None
    seconds: float

    @property
    def retry_after(self) -> tuple[int | Literal["date"] | None, ...]:
        """The Retry-After values of a 429: whole seconds only if the faults may last that long."""
        return (None, 0, int(self.seconds), "date") if self.seconds >= 1 else (None, 0)


class Faults:
    """The planned faults and the count of the injected ones."""

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._armed: list[_Armed] = []
        self._chance: _Chance | None = None
        self._injected: Counter[str] = Counter()

    @property
    def injected(self) -> Counter[str]:
        """The number of injected faults of each kind."""
        with self._lock:
            return Counter(self._injected)

    def add(self, *faults: Fault) -> None:
        """Plan faults; of several that match, the one planned first is injected."""
        with self._lock:
            self._armed += [_Armed(fault, fault.skip, fault.times) for fault in faults]

    def random(
        self,
        seed: int,
        rate: float,
        kinds: Iterable[str] | None = None,
        limit: int | None = 20,
        seconds: float = RANDOM_SECONDS,
    ) -> None:
        """Let each request fail with a probability, at most ``limit`` of them.

        ``seconds``: the duration of faults that take time.
        """
        chosen = KINDS if kinds is None else tuple(kinds)
        unknown = sorted(set(chosen) - set(KINDS))
        if unknown or not chosen:
            raise ValueError(f"unknown kinds of faults: {unknown}")
        with self._lock:
            self._chance = _Chance(random.Random(seed), rate, chosen, limit, seconds)

    def clear(self) -> None:
        """Remove all planned faults and reset the count."""
        with self._lock:
            self._armed.clear()
            self._chance = None
            self._injected.clear()

    def pick(self, method: str, path: str, route: Route | None) -> Fault | None:
        """The fault for this request, if any."""
        with self._lock:
            fault = self._planned(method, path, route) or self._by_chance(route)
            if fault is not None:
                self._injected[fault.kind] += 1
            return fault

    def _planned(self, method: str, path: str, route: Route | None) -> Fault | None:
        for armed in self._armed:
            if armed.left == 0 or not armed.fault.strikes(method, path, route):
                continue
            if armed.skip:
                armed.skip -= 1
                continue
            if armed.left is not None:
                armed.left -= 1
            return armed.fault
        return None

    def _by_chance(self, route: Route | None) -> Fault | None:
        chance = self._chance
        if chance is None or chance.left == 0 or chance.dice.random() >= chance.rate:
            return None
        kinds = [kind for kind in chance.kinds if _can_apply(kind, route)]
        if not kinds:
            return None
        if chance.left is not None:
            chance.left -= 1
        return Fault(
            chance.dice.choice(kinds),
            status=chance.dice.choice(OUTAGES),
            html=chance.dice.random() < 0.5,
            retry_after=chance.dice.choice(chance.retry_after),
            reset=chance.seconds >= 1 and chance.dice.random() < 0.5,
            seconds=chance.seconds,
            body=["not", "an", "object"],
            size=RANDOM_SIZE,
        )


def _is(template: str, route: Route | None) -> bool:
    return route is not None and route.template == template


def _can_apply(kind: str, route: Route | None) -> bool:
    if kind in PARTIAL:
        return _is(PARTIAL[kind], route)
    # The v2 check reports wrong MX records with "success": false: an answer, not a fault.
    is_v2_check = route is not None and route.template == "POST /domains/{domain}/check"
    return not (kind == "success_false" and is_v2_check)


Perform = Callable[[bool], Reply]


def inject(fault: Fault, quota: Quota, perform: Perform) -> Reply:
    """The reply under this fault. ``perform(every_second_fails)`` lets the request take effect."""
    if fault.kind in WITHOUT_EFFECT or fault.kind == "stranger":
        return _instead(fault, quota)
    return _spoilt(fault, perform(fault.kind in PARTIAL), quota)


def _instead(fault: Fault, quota: Quota) -> Reply:
    if fault.kind == "stranger":
        strange = {"detail": "Not Found"} if fault.body is None else fault.body
        return html_reply(404, "404 Not Found") if fault.html else Reply(404, _as_bytes(strange))
    if fault.kind == "rate_limit":
        return _rate_limited(fault, quota)
    if fault.kind == "status":
        return _outage(fault, quota)
    if fault.kind == "success_false":
        return json_reply(200, {"success": False, "error": "Please try again."}, quota.headers)
    if fault.kind == "redirect":
        return Reply(302, headers={"Location": fault.location})
    if fault.kind == "body":
        return Reply(fault.status or 200, _as_bytes(fault.body), headers=quota.headers)
    if fault.kind == "huge":
        return Reply(200, headers=quota.headers, delivery="stream", size=fault.size)
    late = fault.seconds if fault.kind == "delay_before" else 0.0
    return Reply(200, delivery="reset", wait=late)


def _spoilt(fault: Fault, reply: Reply, quota: Quota) -> Reply:
    if fault.kind == "status_after" or (fault.kind == "settings_partial" and fault.status):
        return _outage(fault, quota)
    if fault.kind == "reset_after":
        return replace(reply, delivery="reset")
    if fault.kind == "cut":
        return replace(reply, delivery="cut")
    if fault.kind == "empty":
        return replace(reply, status=200, body=b"")
    if fault.kind == "wrong_type":
        page = html_reply(200, "Welcome").body
        return replace(reply, status=200, body=page, content_type=HTML_TYPE)
    if fault.kind == "truncated_json":
        return replace(reply, status=200, body=reply.body[: len(reply.body) // 2])
    if fault.kind == "delay":
        return replace(reply, wait=reply.wait + fault.seconds)
    if fault.kind == "odd_headers":
        return replace(reply, headers={**reply.headers, **fault.headers})
    if fault.kind in ("hidden", "wrong_total"):
        return _with_lie(fault, reply)
    return reply


def _with_lie(fault: Fault, reply: Reply) -> Reply:
    """A reply with an incomplete list or a wrong total; other replies are unchanged."""
    content = json.loads(reply.body)
    if "total" not in content:
        return reply
    if fault.kind == "wrong_total":
        return replace(reply, body=json.dumps({**content, "total": fault.total}).encode())
    left = {
        key: [] if fault.count is None else value[fault.count :]
        for key, value in content.items()
        if isinstance(value, list)
    }
    return replace(reply, body=json.dumps({**content, **left}).encode())


def _outage(fault: Fault, quota: Quota) -> Reply:
    status = fault.status or 500
    if fault.html:
        return html_reply(status, f"{status} upstream trouble")
    body = {"error": "Something went wrong.", "code": status, "success": False}
    return json_reply(status, body, quota.headers)


def _rate_limited(fault: Fault, quota: Quota) -> Reply:
    headers: dict[str, str] = {}
    ahead = fault.seconds
    if fault.retry_after == "date":
        headers["Retry-After"] = formatdate(math.ceil(quota.now + ahead), usegmt=True)
    elif fault.retry_after is not None:
        ahead = fault.retry_after
        headers["Retry-After"] = str(ahead)
    if fault.reset:
        headers |= replace(quota, remaining=0, ends=quota.now + ahead).headers
    body = {"error": "Rate limit exceeded.", "code": 429, "success": False}
    return json_reply(429, body, headers)


def _as_bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json_reply(200, body).body
