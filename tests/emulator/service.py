# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator for tests: its state, its record of requests, its replies."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from threading import RLock
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

from . import control, v2, v3
from .account import Account, Effect
from .beliefs import spoken
from .body import fields_of, read_body
from .faults import Faults, inject
from .ratelimit import Limiter, Quota, RateLimit
from .refusal import Refusal, refuse
from .reply import Reply, json_reply
from .routing import Call, Route, RouteTable
from .seeding import account_from, description_of
from .server import HttpServer, Incoming

API_KEY = "sk_emulator:9f/8e+7d=6c5b4a39281706f5e4d3c2b1a0"
VERSIONS: dict[str, RouteTable] = {"v2": v2.ROUTES, "v3": v3.ROUTES}
# The status for an invalid key.
REFUSED_KEY = {"v2": 403, "v3": 401}
WRITING_METHODS = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Request:
    """One request as received, and the status of its reply."""

    method: str
    # As received: percent-encoded, with the version, without the query.
    path: str
    query: dict[str, str]
    body: Any
    version: str
    # The template, such as "GET /domains/{domain}"; empty for an unknown path.
    route: str
    # 0 if the connection was cut.
    status: int
    headers: dict[str, str]
    # The number of the TCP connection.
    connection: int
    at: float

    @property
    def writes(self) -> bool:
        """Whether it can change the state; the v3 check can, although it is a GET request."""
        is_check = self.version == "v3" and self.route == v3.CHECK
        return self.method in WRITING_METHODS or is_check


@dataclass(frozen=True)
class _Target:
    """The target of a request."""

    version: str
    # The path below the version, raw.
    path: str
    query: dict[str, str]
    route: Route | None = None
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return self.route.template if self.route else ""

    @property
    def endpoint(self) -> str:
        """The key of the rate limit."""
        return f"{self.version} {self.template}"


class Emulator:
    """The ImprovMX HTTP API on 127.0.0.1, both versions over one account in memory.

    Use it as a context manager, or call start() and stop(). All attributes can be read and set from
    any thread while requests are served.
    """

    def __init__(self, api_key: str | None = None, port: int = 0, latency: float = 0.0) -> None:
        self.api_key = API_KEY if api_key is None else api_key
        self._lock = RLock()
        self._server = HttpServer(self._respond, port)
        self._usual_latency = latency
        self.faults = Faults(self._lock)
        self.reset()

    def start(self) -> Emulator:
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The root URL, without a version."""
        return f"http://127.0.0.1:{self._server.port}"

    def reset(self) -> None:
        """Start with an empty account: no records, faults, rate limits or delays."""
        self._begin(Account())

    def seed(self, content: dict[str, Any]) -> None:
        """Reset, then fill the account."""
        self._begin(account_from(content))

    def _begin(self, account: Account) -> None:
        with self._lock:
            self.account = account
            self.latency = self._usual_latency
            self.batch_enabled = True
            self._requests: list[Request] = []
            self._clock: Callable[[], float] = time.time
            self._wait: Callable[[float], None] | None = None
            self._limiter = Limiter()
            self._rate_limited = 0
            self.faults.clear()

    def believe(self, **beliefs: Any) -> None:
        """Change some of the assumptions until the next seed or reset."""
        with self._lock:
            self.account.beliefs = replace(self.account.beliefs, **beliefs)

    def dump(self, ids: bool = False) -> dict[str, Any]:
        """The account as a seed; with ``ids`` also the ids and times that the service assigned."""
        with self._lock:
            return description_of(self.account, ids)

    @property
    def requests(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    @property
    def writes(self) -> list[Request]:
        """The requests that can change the state, successful or not."""
        return [request for request in self.requests if request.writes]

    @property
    def ledger(self) -> list[Effect]:
        """The changes of the state, in order."""
        with self._lock:
            return list(self.account.ledger)

    @property
    def rate_limit(self) -> RateLimit | None:
        return self._limiter.rate_limit

    @rate_limit.setter
    def rate_limit(self, rate_limit: RateLimit | None) -> None:
        with self._lock:
            self._limiter = Limiter(rate_limit, self._clock)

    def keep_time_by(self, clock: Callable[[], float], wait: Callable[[float], None] | None = None) -> None:
        """Use ``clock`` as the Unix time of rate limits and the Date header, until the next reset.

        ``wait``: called instead of waiting before a delayed reply.
        """
        with self._lock:
            self._clock = clock
            self._wait = wait
            self._limiter = Limiter(self.rate_limit, clock)

    @property
    def rate_limited(self) -> int:
        """The number of requests that the rate limit refused."""
        return self._rate_limited

    def routes(self) -> list[tuple[str, str]]:
        """Every endpoint: the version and its template."""
        return sorted(
            (version, route.template) for version, table in VERSIONS.items() for route in table.routes
        )

    def _respond(self, incoming: Incoming) -> Reply:
        if incoming.path.startswith(control.PREFIX):
            return control.respond(self, incoming)
        with self._lock:
            target = _target(incoming)
            quota = self._limiter.look(incoming.method, target.endpoint)
            fault = self.faults.pick(incoming.method, incoming.path, target.route)
            if fault is None:
                reply = self._perform(incoming, target)
            else:
                reply = inject(fault, quota, lambda partial: self._perform(incoming, target, partial))
            self._requests.append(_record(incoming, target, reply.status_sent))
            dated = {"Date": formatdate(quota.now, usegmt=True), **reply.headers}
            late = reply.wait + self.latency
            if late and self._wait is not None:
                self._wait(late)
                late = 0.0
            return replace(reply, headers=dated, wait=late)

    def _perform(self, incoming: Incoming, target: _Target, partial: bool = False) -> Reply:
        """Perform the request."""
        quota = self._limiter.look(incoming.method, target.endpoint)
        try:
            self._authorise(incoming, target)
            route = self._found(incoming, target)
            quota = self._limiter.take(incoming.method, target.endpoint)
            if quota.refused:
                return self._turn_away(quota)
            body = {}
            if incoming.method in ("POST", "PUT", "PATCH"):
                body = fields_of(incoming.body, incoming.content_type)
            call = Call(target.parameters, target.query, body, self.api_key, partial)
            said = spoken(self.account.beliefs, route.endpoint(self.account, call))
            return json_reply(200, said, quota.headers)
        except Refusal as refusal:
            return json_reply(refusal.status, self._worded(refusal), quota.headers)

    def _worded(self, refusal: Refusal) -> dict[str, Any]:
        if "errors" in refusal.body and self.account.beliefs.field_errors_have_code:
            return {"code": refusal.status, **refusal.body}
        return refusal.body

    def _authorise(self, incoming: Incoming, target: _Target) -> None:
        if target.version and not _is_key(incoming.authorization, self.api_key):
            raise refuse(REFUSED_KEY[target.version], "The API key is missing or not valid.")

    def _found(self, incoming: Incoming, target: _Target) -> Route:
        if target.route is None:
            known = target.version and VERSIONS[target.version].knows(target.path)
            raise refuse(405, "Method not allowed.") if known else refuse(404, "Not found.")
        if target.template == v3.BATCH and not self.batch_enabled:
            raise refuse(404, "Not found.")
        return target.route

    def _turn_away(self, quota: Quota) -> Reply:
        self._rate_limited += 1
        headers = {**quota.headers, "Retry-After": str(quota.retry_after)}
        return json_reply(429, refuse(429, "Rate limit exceeded.").body, headers)


def _target(incoming: Incoming) -> _Target:
    version, slash, rest = incoming.path[1:].partition("/")
    query = dict(parse_qsl(incoming.query, keep_blank_values=True))
    if version not in VERSIONS:
        return _Target("", incoming.path, query)
    found = VERSIONS[version].find(incoming.method, slash + rest)
    if found is None:
        return _Target(version, slash + rest, query)
    route, parameters = found
    return _Target(version, slash + rest, query, route, parameters)


def _record(incoming: Incoming, target: _Target, status: int) -> Request:
    try:
        body = read_body(incoming.body, incoming.content_type)
    except ValueError:
        body = None
    return Request(
        method=incoming.method,
        path=incoming.path,
        query=target.query,
        body=body,
        version=target.version,
        route=target.template,
        status=status,
        headers=incoming.headers,
        connection=incoming.connection,
        at=time.monotonic(),
    )


def _is_key(authorization: str, api_key: str) -> bool:
    """Whether this is the key: base64-encoded as in the standard, or plain, as many clients send it."""
    scheme, _space, given = authorization.partition(" ")
    given = given.strip()
    expected = f"api:{api_key}".encode()
    try:
        decoded = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    is_one = [hmac.compare_digest(form, expected) for form in (decoded, given.encode("utf-8", "replace"))]
    return scheme.lower() == "basic" and any(is_one)
