# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the next request may be sent, and what the headers of the service change about it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._http.rate_limits import (
    Endpoint,
    NoAnswer,
    RateLimits,
    Stopped,
    WindowClosed,
)
from ansible_collections.improvmx.email.plugins.module_utils._http.transport import Transport
from emulator import Emulator, RateLimit
from harness import Clock

LIMIT = 4  # requests per window
GET, POST = ("GET", "/v3/domains"), ("POST", "/v3/domains")
OTHER_GET, OTHER_POST = ("GET", "/v3/account"), ("POST", "/v3/domains/{}/aliases/batch")
SENT, WAITS = "sent at once", "waits for an answer"  # the other fates are seconds until a window opens


def reported(left: object, reset: object, size: object = "") -> dict[str, str]:
    names = ("X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Limit")
    return dict(zip(names, map(str, (left, reset, size)), strict=True))


def answer(limits: RateLimits, endpoint: Endpoint, headers: dict[str, str], status: int = 200) -> None:
    """Send a request, and answer it at once."""
    limits.leave(endpoint, limits.enter(endpoint, 1), status, headers)


def fate(limits: RateLimits, endpoint: Endpoint) -> str | float:
    """What happens to a request that can't wait."""
    try:
        limits.enter(endpoint, 0)
    except WindowClosed as closed:
        return closed.seconds
    except NoAnswer:
        return WAITS
    return SENT


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
    limits, service = RateLimits(answer_within=0), Service(clock, SCOPES[scope], 30, 60)
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
    limits = RateLimits(answer_within=0)
    limits.leave(GET, limits.enter(GET, 1), 200, {})
    for _number in range(8):
        limits.enter(GET, 1)
    assert limits.seconds_waited == 0


@pytest.mark.parametrize(
    "headers",
    [
        reported("none", 50),
        reported("", 50),
        reported(0, "soon"),
        {"X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Reset": "50"},
        reported(0, "nan"),
        reported(0, -1),
        reported(0, "9" * 5000),
        reported("9" * 5000, 50),
        reported(0, "Sun, 17 Mar " + "9" * 5000),
    ],
)
def test_odd_headers_are_no_limit(headers: dict[str, str]) -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, GET, headers)
    assert [fate(limits, GET) for _number in range(3)] == [SENT] * 3


@pytest.mark.parametrize(
    ("text", "left"),
    [("2", 2), (" 2 ", 2), ("1.9", 1), ("1", 1), ("0.9", 0), ("0", 0), ("-1", 0), (" -7 ", 0), ("-0.5", 0)],
)
def test_remaining_requests_are_whole_and_not_negative(clock: Clock, text: str, left: int) -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(text, 50))
    assert [fate(limits, GET) for _number in range(3)] == [
        *[SENT] * left,
        *[WAITS if left else 50] * (3 - left),
    ]


AHEAD = {"Date": "Sun, 17 Mar 2030 17:46:50 GMT"}  # of the clock below by 10 seconds


@pytest.mark.parametrize(
    ("reset", "more", "seconds"),
    [
        ("7", {}, 7),
        ("7.5", AHEAD, 7.5),
        ("1900000007", {}, 7),
        ("1900000007", {"Date": "nonsense"}, 7),
        ("1900000017", AHEAD, 7),
        ("1900000007000", {}, 7),
        ("1900000017000", AHEAD, 7),
        ("Sun, 17 Mar 2030 17:46:47 GMT", {}, 7),
        ("Sun, 17 Mar 2030 17:46:57 GMT", AHEAD, 7),
        # What is over by now
        ("1900000000", {}, 0),
        ("1899999999", {}, 0),
        ("Sun, 17 Mar 2030 17:46:39 GMT", {}, 0),
        # From which number on it is a Unix time, and from which on in milliseconds
        ("1000000000", {}, 1_000_000_000),
        ("1000000001", {}, 0),
        ("100000000000", {}, 100_000_000_000 - 1_900_000_000),
        ("100000000001", {}, 100_000_000.001),
        # The longest date that is read
        ("Sun, 17 Mar 2030 17:46:47 GMT" + " " * 35, {}, 7),
        ("Sun, 17 Mar 2030 17:46:47 GMT" + " " * 36, {}, None),
    ],
)
def test_end_of_a_window_is_seconds_or_a_point_in_time(
    clock: Clock, reset: str, more: dict[str, str], seconds: float | None
) -> None:
    clock.began = 1_900_000_000  # Sun, 17 Mar 2030 17:46:40 GMT
    limits = RateLimits(answer_within=0)
    answer(limits, GET, {**reported(0, reset), **more})
    assert limits.seconds_until_open(GET) == seconds


@pytest.mark.parametrize(
    ("dates", "ahead"),
    [
        ([], None),
        (["nonsense"], None),
        (["Sun, 17 Mar 2030 17:46:40 GMT"], 0),
        (["Sun, 17 Mar 2030 17:46:47 GMT"], 7),
        (["Sun, 17 Mar 2030 17:46:30 GMT"], -10),
        (["nonsense", "Sun, 17 Mar 2030 17:46:47 GMT", "Sun, 17 Mar 2030 17:46:30 GMT"], 7),
    ],
)
def test_the_first_date_of_the_service_shows_how_far_the_clocks_differ(
    clock: Clock, dates: list[str], ahead: float | None
) -> None:
    clock.began = 1_900_000_000  # Sun, 17 Mar 2030 17:46:40 GMT
    limits = RateLimits(answer_within=0)
    limits.leave(GET, limits.enter(GET, 1), None, {})
    for date in dates:
        answer(limits, GET, {"Date": date})
    assert limits.clock == ahead


# Windows


@pytest.mark.parametrize(
    ("headers", "passed", "seconds"),
    [
        ({}, 0, None),
        (reported(3, 50), 0, 0),
        (reported(1, 50), 0, 0),
        (reported(0, 50), 0, 50),
        (reported(0, 50), 49, 1),
        (reported(0, 50), 50, 0),
        (reported(0, 50), 51, 0),
    ],
)
def test_seconds_until_a_window_opens(
    clock: Clock, headers: dict[str, str], passed: float, seconds: float | None
) -> None:
    limits = RateLimits(answer_within=0)
    assert limits.seconds_until_open(GET) is None
    answer(limits, GET, headers)
    clock.sleep(passed)
    assert limits.seconds_until_open(GET) == seconds


@pytest.mark.parametrize(
    ("passed", "size", "fates"),
    [
        (9, 3, [1, 1, 1, 1]),
        (10, 3, [SENT, SENT, SENT, WAITS]),
        (11, 3, [SENT, SENT, SENT, WAITS]),
        # One request shows how many there are.
        (10, "", [SENT, WAITS, WAITS, WAITS]),
        (10, 0, [SENT, WAITS, WAITS, WAITS]),
    ],
)
def test_next_window_takes_as_many_requests_as_the_last_one(
    clock: Clock, passed: float, size: object, fates: list[str | float]
) -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(0, 10, size))
    clock.sleep(passed)
    assert [fate(limits, GET) for _number in range(4)] == fates


def test_windows_of_one_second_are_respected(clock: Clock) -> None:
    limits = RateLimits(answer_within=0)
    for _turn in range(3):
        answer(limits, GET, reported(0, 1))
        assert fate(limits, GET) == 1
        clock.sleep(1)


@pytest.mark.parametrize(
    ("left", "reset", "known"), [(1, 50, 1), (5, 51, 2), (5, 49, 2), (5, 52, 5), (5, 48, 5)]
)
def test_another_end_is_that_of_another_window(clock: Clock, left: int, reset: int, known: int) -> None:
    """And a difference below 2 seconds is none, because ends are reported in whole seconds."""
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(2, 50))
    answer(limits, GET, reported(left, reset))
    assert limits.enter(GET, 1).left == known


def test_limit_may_be_left_out_of_an_answer_and_come_back(clock: Clock) -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(2, 50))
    answer(limits, GET, {})
    assert limits.seconds_until_open(GET) is None
    answer(limits, GET, reported(0, 50))
    assert fate(limits, GET) == 50


# Waiting


@pytest.mark.parametrize(("patience", "slept"), [(49, []), (50, []), (51, [50])])
def test_used_up_window_is_waited_for_if_patience_suffices(
    clock: Clock, patience: float, slept: list[float]
) -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(0, 50))
    if slept:
        limits.enter(GET, patience)
    else:
        with pytest.raises(WindowClosed, match=r"^50\.0$"):
            limits.enter(GET, patience)
    assert clock.slept == slept
    assert limits.seconds_waited == sum(slept)


@pytest.mark.parametrize(("patience", "slept"), [(60, 20), (61, 70)])
def test_second_wait_has_what_the_first_one_left_of_patience(
    clock: Clock, patience: float, slept: float
) -> None:
    """While a request waits for 10 seconds, others use up the next window, which has 50 left by then."""
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(0, 10))

    def meanwhile(_seconds: float, _limit: str) -> None:
        limits.on_wait = lambda seconds, limit: None
        clock.sleep(10)
        answer(limits, GET, reported(0, 60))

    limits.on_wait = meanwhile
    if patience > 60:
        limits.enter(GET, patience)
    else:
        with pytest.raises(WindowClosed, match=r"^50\.0$"):
            limits.enter(GET, patience)
    assert clock.monotonic() == slept


@pytest.mark.parametrize(("passed", "answer_after", "sent"), [(29, 0.01, True), (30, 5, False)])
def test_answers_are_waited_for_as_long_as_patience_and_an_answer_last(
    clock: Clock, passed: float, answer_after: float, sent: bool
) -> None:
    """A request waits for 10 seconds, and then for the answer to another one that was faster."""
    limits = RateLimits(answer_within=25)
    answer(limits, GET, reported(0, 10))
    answers: list[threading.Timer] = []

    def meanwhile(_seconds: float, _limit: str) -> None:
        clock.sleep(passed)
        ticket = limits.enter(GET, 1)
        answers.append(threading.Timer(answer_after, limits.leave, (GET, ticket, 200, {})))
        answers[0].start()

    limits.on_wait = meanwhile
    if sent:
        limits.enter(GET, 15)
    else:
        with pytest.raises(NoAnswer):
            limits.enter(GET, 15)
    answers[0].cancel()


@pytest.mark.parametrize(("within", "answer_after", "sent"), [(5, 0.01, True), (0, 0.5, False)])
def test_answer_of_others_is_waited_for_even_without_patience(
    clock: Clock, within: float, answer_after: float, sent: bool
) -> None:
    limits = RateLimits(answer_within=within)
    other = threading.Timer(answer_after, limits.leave, (GET, limits.enter(GET, 1), 200, {}))
    other.start()
    if sent:
        limits.enter(GET, -100)
    else:
        with pytest.raises(NoAnswer):
            limits.enter(GET, -100)
    other.cancel()


@pytest.mark.parametrize(
    ("waits", "waited", "announced"),
    [
        # Of threads that wait for the same window, one says so.
        ([(0, 10), (0, 10), (5, 5)], 10, [10]),
        ([(0, 10), (0, 4)], 10, [10]),
        ([(0, 10), (5, 10)], 15, [10, 10]),
        ([(0, 10), (5, 7)], 12, [10]),
        ([(0, 10), (5, 7.5)], 12.5, [10, 7.5]),
        ([(0, 10), (10, 3)], 13, [10, 3]),
        ([(0, 10), (20, 5)], 15, [10, 5]),
        ([(1, 2), (4, 3)], 5, [2, 3]),
    ],
)
def test_waits_at_the_same_time_count_once(
    clock: Clock, waits: list[tuple[float, float]], waited: float, announced: list[float]
) -> None:
    limits = RateLimits(answer_within=0)
    said: list[tuple[float, str]] = []
    limits.on_wait = lambda seconds, limit: said.append((seconds, limit))
    for began, seconds in waits:
        clock.slept[:] = [began]
        limits.sleep(GET, seconds)
        assert clock.slept == [began, seconds]
    assert limits.seconds_waited == waited
    assert said == [(seconds, "all requests") for seconds in announced]


def test_end_of_the_run_ends_waits() -> None:
    stop = threading.Event()
    limits = RateLimits(answer_within=0, stop=stop)
    answer(limits, GET, reported(0, 50))
    limits.on_wait = lambda seconds, limit: stop.set()
    with pytest.raises(Stopped):
        limits.enter(GET, 1000)
    with pytest.raises(Stopped):
        limits.enter(POST, 1000)


def test_failure_to_learn_from_an_answer_leaves_no_request_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = RateLimits(answer_within=0)
    ticket = limits.enter(GET, 1)

    def fail(*_what: object) -> None:
        raise RuntimeError("as never expected")

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(limits.enter, GET, 100)
        monkeypatch.setattr(limits, "_learn", fail)
        with pytest.raises(RuntimeError):
            limits.leave(GET, ticket, 200, {})
        assert other.result(10)


# Answers that come late


def test_answer_that_spans_two_windows_counts_in_the_later_one(clock: Clock) -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(3, 10, 4))
    straddles = limits.enter(GET, 1)
    clock.sleep(10)
    other = limits.enter(GET, 1)
    limits.leave(GET, straddles, 200, reported(3, 10, 4))
    limits.leave(GET, other, 200, reported(2, 10, 4))
    assert [fate(limits, GET) for _number in range(3)] == [SENT, SENT, WAITS]


@pytest.mark.parametrize(
    ("status", "reset", "after"),
    [(200, 0, SENT), (200, 2, SENT), (200, 3, 3), (429, 1, 1), (429, 3, 3)],
)
def test_late_answer_of_a_window_that_is_over_does_not_count(
    clock: Clock, status: int, reset: int, after: str | float
) -> None:
    """Unless it is a refusal, which shows that there is no room now."""
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(3, 10, 4))
    late = limits.enter(GET, 1)
    clock.sleep(10)
    current = limits.enter(GET, 1)
    limits.leave(GET, late, status, reported(0, reset, 4))
    limits.leave(GET, current, None, {})
    assert fate(limits, GET) == after


@pytest.mark.parametrize(("left", "reset", "known", "opens"), [(3, 15, 1, 0), (0, 15, 0, 10), (0, 5, 0, 10)])
def test_late_answer_neither_raises_the_remaining_count_nor_moves_the_end(
    clock: Clock, left: int, reset: int, known: int, opens: float
) -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(3, 10, 4))
    late = limits.enter(GET, 1)
    clock.sleep(10)
    answer_now = reported(1, 10, 4)
    limits.leave(GET, limits.enter(GET, 1), 200, answer_now)
    limits.leave(GET, late, 200, reported(left, reset, 4))
    assert limits.seconds_until_open(GET) == opens
    if known:
        assert limits.enter(GET, 1).left == known


def test_answer_is_late_by_the_limit_that_was_known_when_its_request_was_sent(clock: Clock) -> None:
    """The limit proves to be one of reads or of writes while the answer is under way."""
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(3, 10, 4))
    clock.sleep(10)
    ticket = limits.enter(GET, 1)
    answer(limits, POST, reported(3, 10, 4))
    answer(limits, POST, reported(3, 10, 4))
    limits.leave(GET, ticket, 200, reported(0, 10, 4))
    assert fate(limits, GET) == 10
    assert fate(limits, POST) == SENT


def test_answers_out_of_order_do_not_raise_the_remaining_count() -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, GET, reported(2, 50))
    first, second = limits.enter(GET, 1), limits.enter(GET, 1)
    limits.leave(GET, second, 200, reported(0, 50))
    limits.leave(GET, first, 200, reported(1, 50))
    with pytest.raises(WindowClosed):
        limits.enter(GET, 1)


# What shares a limit


def limits_of(scope: int) -> RateLimits:
    """With a limit of the account (0), of reads and writes each (1), or of each endpoint (2)."""
    limits = RateLimits(answer_within=0)
    for endpoint in (GET, POST, OTHER_POST)[: scope + 1]:
        answer(limits, endpoint, reported(9, 50))
    assert limits.met == ""
    return limits


@pytest.mark.parametrize(
    ("scope", "endpoint", "name"),
    [
        (0, GET, "all requests"),
        (1, GET, "all reads"),
        (1, POST, "all writes"),
        (1, OTHER_POST, "all writes"),
        (2, GET, "GET /v3/domains"),
        (2, OTHER_POST, "POST /v3/domains/{}/aliases/batch"),
    ],
)
def test_limit_that_was_met_has_a_name(clock: Clock, scope: int, endpoint: Endpoint, name: str) -> None:
    limits = limits_of(scope)
    limits.sleep(endpoint, 1)
    assert limits.met == name
    answer(limits, endpoint, reported(8, 49, 30))
    limits.sleep(endpoint, 1)
    assert limits.met == f"{name} (30 requests a window)"


@pytest.mark.parametrize(
    ("scope", "used", "endpoint", "expected"),
    [
        (0, GET, GET, 50),
        (0, GET, OTHER_GET, 50),
        (0, GET, POST, SENT),
        (1, POST, POST, 50),
        (1, POST, OTHER_POST, SENT),
        (1, POST, GET, SENT),
        (1, GET, GET, 50),
        (2, POST, POST, 50),
        (2, POST, OTHER_POST, SENT),
        (2, OTHER_POST, OTHER_POST, 50),
    ],
)
def test_only_what_may_have_a_separate_limit_is_sent_when_one_is_used_up(
    clock: Clock, scope: int, used: Endpoint, endpoint: Endpoint, expected: str | float
) -> None:
    limits = limits_of(scope)
    answer(limits, used, reported(0, 50))
    assert fate(limits, endpoint) == expected


@pytest.mark.parametrize(
    ("passed", "left", "end", "scope"),
    [
        (0, 8, 50, 0),
        (0, 9, 50, 1),
        (0, 10, 50, 1),
        (0, 8, 48, 0),
        (0, 8, 47, 1),
        (0, 8, 52, 0),
        (0, 8, 53, 1),
        # Later on, the window may be another one.
        (47, 9, 50, 1),
        (48, 9, 50, 0),
        (49, 9, 50, 0),
    ],
)
def test_answer_that_does_not_fit_the_limit_shows_another_one(
    clock: Clock, passed: int, left: int, end: int, scope: int
) -> None:
    """9 requests were left until second 50 when the next request was sent."""
    limits = limits_of(0)
    clock.sleep(passed)
    answer(limits, POST, reported(left, end - passed))
    assert limits.enter(GET, 1).scope == scope


@pytest.mark.parametrize(
    ("scope", "endpoint", "after", "later"),
    [(0, GET, 0, 1), (1, POST, 0, 0), (2, OTHER_POST, 1, 1)],
)
def test_unexpected_refusal_shows_that_others_share_the_limit_for_good(
    clock: Clock, scope: int, endpoint: Endpoint, after: int, later: int
) -> None:
    limits = limits_of(scope)
    answer(limits, endpoint, {"Retry-After": "30"}, status=429)
    assert fate(limits, endpoint) == 30
    clock.sleep(30)
    ticket = limits.enter(endpoint, 1)
    assert ticket.scope == after
    # These two do not fit a limit that is shared.
    limits.leave(endpoint, ticket, 200, reported(9, 50))
    answer(limits, endpoint, reported(9, 50))
    assert limits.enter(endpoint, 1).scope == later


def test_refusal_of_a_request_that_only_asked_shows_nothing_new(clock: Clock) -> None:
    limits = limits_of(1)
    answer(limits, POST, reported(0, 50))
    answer(limits, OTHER_POST, {"Retry-After": "50"}, status=429)
    assert limits.enter(GET, 1).scope == 1


def test_the_limit_of_an_endpoint_is_the_narrowest(clock: Clock) -> None:
    limits = limits_of(2)
    for _number in range(2):
        answer(limits, GET, reported(9, 50))
    assert limits.enter(GET, 1).scope == 2


def test_answer_without_a_limit_is_for_the_requests_alone_that_share_one(clock: Clock) -> None:
    limits = limits_of(1)
    answer(limits, POST, reported(0, 50))
    answer(limits, GET, {})
    assert [fate(limits, GET) for _number in range(3)] == [SENT] * 3
    assert fate(limits, POST) == 50
    assert limits.seconds_until_open(GET) is None
    assert limits.seconds_until_open(POST) == 50


def test_answers_before_a_narrower_limit_is_known_are_counted() -> None:
    limits = RateLimits(answer_within=0)
    answer(limits, POST, reported(3, 50, 4))
    early, late, other = limits.enter(POST, 1), limits.enter(POST, 1), limits.enter(GET, 1)
    limits.leave(POST, late, 200, reported(1, 50, 4))
    limits.leave(GET, other, 200, reported(3, 50, 4))
    limits.leave(POST, early, 200, reported(2, 50, 4))
    assert limits.enter(POST, 1).left == 1
    assert limits.enter(GET, 1).left == 3
