# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._http.rate_limits import (
    Endpoint,
    NoAnswer,
    RateLimits,
    WindowClosed,
)
from ansible_collections.improvmx.email.plugins.module_utils._http.transport import Transport
from emulator import Emulator, RateLimit
from harness import Clock

LIMIT = 4  # requests per window
GET, POST = ("GET", "/v3/domains"), ("POST", "/v3/domains")


def send(transport: Transport, number: int) -> None:
    """Half of the requests are reads, half are writes."""
    if number % 2:
        transport.request("GET", "/v3/domains")
    else:
        transport.request("POST", "/v3/domains", body={"domain": f"d{number}.example"})


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("scope", ["endpoint", "method", "account"])
def test_all_threads_together_respect_the_limit(
    emulator: Emulator, clock: Clock, threads: int, scope: str
) -> None:
    emulator.keep_time_by(clock.time)
    emulator.rate_limit = RateLimit(LIMIT, scope=scope)
    transport = Transport(emulator.url, emulator.api_key, timeout=1e6, retry_timeout=1e6)
    for number in range(2):  # one of each kind: a new kind may have a separate limit
        send(transport, number)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda number: send(transport, number), range(2, 12)))
    assert emulator.rate_limited == 0
    assert transport.requests_made == 12
    assert transport.limits.met.endswith("(4 requests a window)")


@pytest.mark.parametrize(("scope", "refused"), [("endpoint", 0), ("method", 0), ("account", 1)])
def test_one_request_shows_whether_another_endpoint_has_its_own_limit(
    emulator: Emulator, clock: Clock, scope: str, refused: int
) -> None:
    """No further request is sent for the endpoint whose limit is exhausted."""
    emulator.keep_time_by(clock.time)
    emulator.rate_limit = RateLimit(LIMIT, scope=scope)
    transport = Transport(emulator.url, emulator.api_key, timeout=1e6, retry_timeout=1e6)
    for number in (0, 2, 4, 6, 1, 8, 3):  # four writes, a read, a write, a read
        send(transport, number)
    assert emulator.rate_limited == refused
    assert transport.requests_made == 7 + refused


class Service:
    """Counts requests in windows like the service, and reports them in headers."""

    def __init__(self, clock: Clock, scope: Callable[[Endpoint], str], limit: int, window: int) -> None:
        self.clock, self.scope, self.limit, self.window = clock, scope, limit, window
        self.windows: dict[str, tuple[float, int]] = {}
        self.refusals = 0

    def answer(self, endpoint: Endpoint) -> tuple[int, dict[str, str]]:
        key, now = self.scope(endpoint), self.clock.monotonic()
        began, used = self.windows.get(key, (now, 0))
        if now >= began + self.window:
            began, used = now, 0
        reported = {"X-RateLimit-Limit": str(self.limit)}
        reported["X-RateLimit-Reset"] = str(ceil(began + self.window - now))
        if used >= self.limit:
            self.refusals += 1
            return 429, {**reported, "X-RateLimit-Remaining": "0"}
        self.windows[key] = (began, used + 1)
        return 200, {**reported, "X-RateLimit-Remaining": str(self.limit - used - 1)}


SCOPES: dict[str, Callable[[Endpoint], str]] = {
    "account": lambda endpoint: "all",
    "method": lambda endpoint: "read" if endpoint[0] == "GET" else "write",
    "endpoint": " ".join,
}


@pytest.mark.parametrize(
    ("scope", "waits", "refusals"), [("account", 7, 1), ("method", 6, 0), ("endpoint", 3, 0)]
)
def test_the_scope_of_a_limit_is_learned_with_few_refusals(
    clock: Clock, scope: str, waits: int, refusals: int
) -> None:
    """60 reads, 90 creations and 90 changes, in turn, at 30 a minute."""
    limits, service = RateLimits(), Service(clock, SCOPES[scope], 30, 60)
    began = clock.monotonic()
    batch = ("POST", "/v3/domains/{}/aliases/batch")
    for endpoint in [*[GET] * 60, *[POST, batch] * 90]:
        status = 429
        while status == 429:
            ticket = limits.enter(endpoint, 1000)
            status, headers = service.answer(endpoint)
            limits.leave(endpoint, ticket, status, headers)
    assert service.refusals == refusals
    assert clock.monotonic() - began <= waits * 60 * 1.1


def test_without_limits_all_threads_send_concurrently() -> None:
    limits = RateLimits()
    limits.leave(GET, limits.enter(GET, 1), 200, {})
    for _number in range(8):
        limits.enter(GET, 1)
    assert limits.seconds_waited == 0


def test_used_up_window_is_not_waited_for_beyond_the_timeout() -> None:
    limits = RateLimits()
    limits.leave(GET, limits.enter(GET, 1), 200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "50"})
    with pytest.raises(WindowClosed) as closed:
        limits.enter(GET, 20)
    assert closed.value.seconds == pytest.approx(50, abs=1)
    assert limits.seconds_waited == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Remaining": "none", "X-RateLimit-Reset": "50"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"},
        {"X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "nan"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "-1"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 5000},
        {"X-RateLimit-Remaining": "9" * 5000, "X-RateLimit-Reset": "50"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "Sun, 17 Mar " + "9" * 5000},
    ],
)
def test_odd_headers_are_no_limit(headers: dict[str, str]) -> None:
    limits = RateLimits()
    limits.leave(GET, limits.enter(GET, 1), 200, headers)
    limits.enter(GET, 1)
    assert limits.seconds_waited == 0


@pytest.mark.parametrize("left", ["0", "-1", " -7 ", "0.9"])
def test_less_than_one_remaining_request_counts_as_none(left: str) -> None:
    limits = RateLimits()
    limits.leave(GET, limits.enter(GET, 1), 200, {"X-RateLimit-Remaining": left, "X-RateLimit-Reset": "50"})
    with pytest.raises(WindowClosed):
        limits.enter(GET, 1)


def test_request_stops_waiting_for_the_answers_of_others() -> None:
    limits = RateLimits(answer_within=0.05)
    limits.enter(GET, 1)  # it is never answered
    with pytest.raises(NoAnswer):
        limits.enter(GET, 0.05)


def test_failure_to_learn_from_an_answer_leaves_no_request_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = RateLimits()
    ticket = limits.enter(GET, 1)

    def fail(*_what: object) -> None:
        raise RuntimeError("as never expected")

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(limits.enter, GET, 100)
        monkeypatch.setattr(limits, "_learn", fail)
        with pytest.raises(RuntimeError):
            limits.leave(GET, ticket, 200, {})
        assert other.result(10)


def test_answer_that_spans_two_windows_counts_in_the_later_one(clock: Clock) -> None:
    limits = RateLimits()

    def reported(left: int, reset: int) -> dict[str, str]:
        return {"X-RateLimit-Limit": "4", "X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": str(reset)}

    limits.leave(GET, limits.enter(GET, 100), 200, reported(3, 10))
    straddles = limits.enter(GET, 100)
    clock.sleep(10)
    other = limits.enter(GET, 100)
    limits.leave(GET, straddles, 200, reported(3, 10))
    limits.leave(GET, other, 200, reported(2, 10))
    for _number in range(2):
        limits.enter(GET, 1)
    limits._answered.wait = lambda timeout: False  # type: ignore[method-assign]
    with pytest.raises(NoAnswer):
        limits.enter(GET, 1)


def test_answers_out_of_order_do_not_raise_the_remaining_count() -> None:
    limits = RateLimits()
    limits.leave(GET, limits.enter(GET, 1), 200, {"X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "50"})
    first, second = limits.enter(GET, 1), limits.enter(GET, 1)
    limits.leave(GET, second, 200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "50"})
    limits.leave(GET, first, 200, {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "50"})
    with pytest.raises(WindowClosed):
        limits.enter(GET, 1)


def test_answers_before_a_narrower_limit_is_known_are_counted() -> None:
    limits = RateLimits()

    def reported(left: int) -> dict[str, str]:
        return {"X-RateLimit-Limit": "4", "X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": "50"}

    limits.leave(POST, limits.enter(POST, 1), 200, reported(3))
    early, late, other = limits.enter(POST, 1), limits.enter(POST, 1), limits.enter(GET, 1)
    limits.leave(POST, late, 200, reported(1))
    limits.leave(GET, other, 200, reported(3))
    limits.leave(POST, early, 200, reported(2))
    assert limits.enter(POST, 1).left == 1
    assert limits.enter(GET, 1).left == 3


def test_an_unexpected_refusal_shows_that_others_share_the_limit(clock: Clock) -> None:
    limits = RateLimits()
    reported = {"X-RateLimit-Reset": "50"}
    limits.leave(GET, limits.enter(GET, 1), 200, {**reported, "X-RateLimit-Remaining": "9"})
    limits.leave(POST, limits.enter(POST, 1), 200, {**reported, "X-RateLimit-Remaining": "9"})
    assert limits.met == ""
    limits.leave(POST, limits.enter(POST, 1), 200, {**reported, "X-RateLimit-Remaining": "8"})
    limits.leave(POST, limits.enter(POST, 1), 429, {"Retry-After": "30"})
    with pytest.raises(WindowClosed):
        limits.enter(GET, 1)
