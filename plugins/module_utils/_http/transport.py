# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends one HTTP request: session, authentication, time limits, retries, rate limits, errors.

It raises exceptions and never prints. It depends neither on Ansible nor on what a domain is.
"""

from __future__ import annotations

import base64
import os
import re
import threading
import time
import traceback
import zlib
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple, Union

from .._errors import ApiError, BadReply, Interrupted, RateLimited, Refused, Unavailable
from .._model.problems import Problems
from .._model.text import quoted
from .._model.urls import shorten_urls
from . import deadline as _deadline
from . import stop as _stop
from .address import Proxy, fill_path, is_root, split_root
from .faults import innermost, is_permanent, never_sent
from .rate_limits import Endpoint, NoAnswer, RateLimits, Stopped, Ticket, WindowClosed
from .replies import (
    TooLarge,
    appearance,
    is_refusal,
    one_line,
    parse_json,
    read_body,
    read_service_message,
    redirect_target,
)
from .secrets import SHORTEST_MASKED, Secrets

REQUESTS_IMPORT_ERROR: Optional[str]
try:
    import requests
    from requests.utils import select_proxy
    from urllib3.exceptions import HTTPError, LocationParseError
    from urllib3.exceptions import TimeoutError as Urllib3Timeout
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

# Bytes. A page of 100 domains with 200 aliases each has about 3 MiB. Version 2 has no pages, and this is
# enough for 300,000 aliases. Parsed JSON can take up to 25 times its size in memory.
_LARGEST_REPLY = 32 * 1024 * 1024
# Bytes of the last replies of all threads together, because they can still be in use.
_LARGEST_REPLIES = 48 * 1024 * 1024
_SMALL_REPLY = 256 * 1024  # not worth counting
_TEMPORARY = (502, 503, 504)
_CERTIFICATE = re.compile("CERTIFICATE|PEM|doesn't match")  # in messages of OpenSSL and urllib3
_LONGEST_PAUSE = 60.0
_FIRST_CONTACT = 30.0  # seconds; if there was never an answer, the address is probably wrong
_LONGEST_TIME = 2_000_000  # seconds; the timeout of a socket is a 32-bit number of milliseconds


class Transport:
    """The HTTP session of one run against one account.

    ``timeout``: seconds of one try. ``retry_timeout``: seconds that one request may spend in tries and
    waits; 0 means a single try. ``verify``: as in requests, True, False or the path of a CA bundle.
    """

    def __init__(
        self,
        api_url: str,
        api_key: str,
        timeout: float,
        retry_timeout: float,
        verify: Union[bool, str] = True,
    ) -> None:
        self._key = api_key.strip()
        _problems(api_url, self._key, timeout, retry_timeout, verify).raise_if_any()
        self._root, self._root_path = split_root(api_url)
        # Whether the path is known to be right. Below a wrong path, the answer to everything is 404.
        self.root_is_confirmed = not self._root_path
        # As floats: Ansible accepts a boolean as a number, urllib3 does not.
        self._timeout = float(min(timeout, _LONGEST_TIME))
        self._retry_timeout = float(min(retry_timeout, _LONGEST_TIME))
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _deadline.Adapter())
        # The proxies and CA bundles of the environment, read once instead of for every request. A
        # bundle of the environment is only used if the user set none.
        environment = self._session.merge_environment_settings(self._root, {}, None, verify, None)
        self._proxy = Proxy(select_proxy(self._root, environment["proxies"]))
        self._session.proxies = {"all": self._proxy.url} if self._proxy.url else {}
        self._verify = environment["verify"]
        self._session.trust_env = False
        # With auth set, requests ignores ~/.netrc. Bytes: a key can contain any character.
        self._session.auth = (b"api", _encoded(self._key))  # type: ignore[assignment]
        self._session.headers["Accept"] = "application/json"
        self._session.headers["Accept-Encoding"] = "gzip"
        self._session.headers["User-Agent"] = "improvmx.email (Ansible collection)"
        # Redirects are not even parsed, because a malformed one would raise another kind of exception.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self.stop = threading.Event()  # set when the run has to end early
        self._reached = False  # whether there was any answer yet
        self._down_since: Optional[float] = None
        self._counter = threading.Lock()
        self._held: Dict[int, int] = {}  # bytes of the last reply, by thread
        self.limits = RateLimits(self._timeout, self.stop)
        self.requests_made = 0
        self.on_retry: Callable[[str, float], None] = lambda reason, seconds: None
        self._secrets = Secrets()
        self.hide(self._key)
        for secret in self._proxy.secrets:
            if len(secret) >= SHORTEST_MASKED:
                self.hide(secret)
        self._secrets.add_forms({base64.b64encode(b"api:" + _encoded(self._key)).decode().rstrip("=")})

    def request(
        self,
        method: str,
        template: str,
        values: Sequence[str] = (),
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
        repeatable: Optional[bool] = None,
    ) -> Any:
        """Send a request, with retries, until it is answered or time is up; return the JSON of the reply.

        ``template``: the path with ``{}`` for each of ``values``. ``repeatable``: whether sending it
        twice is safe; by default, for every method but POST. Raises ApiError.
        """
        path = self._root_path + fill_path(method, template, values)
        endpoint = (method, template)
        if repeatable is None:
            repeatable = method != "POST"
        started = time.monotonic()
        tries = 0
        in_doubt = False
        while True:
            if self.stop.is_set():
                raise Interrupted(
                    "not sent, because the run was interrupted", method, path, doubtful=in_doubt
                )
            try:
                ticket = self.limits.enter(endpoint, self._left(started))
            except Stopped:
                continue
            except WindowClosed as closed:
                reason = (
                    "the service's rate limit allows no request for another %.0f s, longer than "
                    "retry_timeout" % closed.seconds
                )
                raise RateLimited(reason, method, path, doubtful=in_doubt) from None
            except NoAnswer:
                reason = "not sent, because earlier requests were not answered in time"
                raise Unavailable(reason, method, path, doubtful=in_doubt) from None
            tries += 1
            try:
                reply = self._try(endpoint, ticket, path, query, body, started)
            except ApiError as error:
                # It stays doubtful, because an earlier try may have taken effect.
                in_doubt = error.doubtful = error.doubtful or in_doubt
                error.repeatable = repeatable
                limited = isinstance(error, RateLimited)
                pause = (
                    self._until_open(endpoint, tries) if limited else self._pause(error, tries, repeatable)
                )
                if pause is None:
                    raise
                if pause >= self._left(started):
                    raise self._given_up(error, tries, time.monotonic() - started, pause) from None
                if limited:
                    self.limits.sleep(endpoint, pause)
                else:
                    self.on_retry(str(error), pause)
                    self.pause(pause)
            else:
                self._down_since = None
                return reply

    # --- One try ----------------------------------------------------------------------------------

    def _try(
        self,
        endpoint: Endpoint,
        ticket: Ticket,
        path: str,
        query: Optional[Mapping[str, Any]],
        body: Optional[Mapping[str, Any]],
        started: float,
    ) -> Any:
        left = self._left(started)
        limit = max(0.1, min(self._timeout, left)) if left > 0 else self._timeout
        status: Optional[int] = None
        headers: Mapping[str, str] = {}
        try:
            response, content = self._send(endpoint[0], path, query, body, limit)
            status, headers = response.status_code, response.headers
            self._reached = True
        finally:
            self.limits.leave(endpoint, ticket, status, headers)
        return self._read_reply(response, content, endpoint[0], path)

    def _send(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, Any]],
        body: Optional[Mapping[str, Any]],
        limit: float,
    ) -> Tuple[requests.Response, bytes]:
        """Send a request once; return the answer and its body. ``limit``: the maximum number of seconds."""
        with self._counter:
            self.requests_made += 1
            self._held.pop(threading.get_ident(), None)
        try:
            with _deadline.deadline(limit):
                response = self._session.request(
                    method,
                    self._root + path,
                    params=query,
                    json=body,
                    timeout=limit,
                    verify=self._verify,
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    return response, b"".join(read_body(response, self._hold))
        except (requests.RequestException, HTTPError, zlib.error) as error:
            # Exceptions of urllib3 are not wrapped if requests does not read the body, or for unusual hosts.
            raise self._connection_fault(error, method, path, limit) from None
        except OSError as error:
            reason = "the CA bundle can't be used, see ca_path: %s" % self._secrets.mask(str(error))
            raise BadReply(reason, method, path) from None
        except TooLarge as error:
            status, doubtful = response.status_code, method != "GET"
            raise BadReply(str(error), method, path, status, doubtful=doubtful) from None

    def _hold(self, size: int) -> None:
        """Record the current size of the reply of this thread. Raises TooLarge."""
        if size > _LARGEST_REPLY:
            raise TooLarge("the reply is larger than %d MiB" % (_LARGEST_REPLY >> 20))
        if size <= _SMALL_REPLY:
            return
        with self._counter:
            alive = {thread.ident for thread in threading.enumerate()}
            self._held = {ident: held for ident, held in self._held.items() if ident in alive}
            self._held.pop(threading.get_ident(), None)
            if size + sum(self._held.values()) > _LARGEST_REPLIES:
                raise TooLarge(
                    "the replies to parallel requests are larger than %d MiB together"
                    % (_LARGEST_REPLIES >> 20)
                )
            self._held[threading.get_ident()] = size

    def _read_reply(self, response: requests.Response, content: bytes, method: str, path: str) -> Any:
        status = response.status_code
        reply, readable = parse_json(content)
        self._hide_token(reply)
        message = self.quote(read_service_message(reply))
        description = message if readable else self.quote(appearance(response, content))
        reason = "the service answered %d%s" % (status, ": " + description if description else "")
        if 300 <= status < 400:
            raise BadReply(
                "the service redirects to %s; redirects are not followed, because the API key would be "
                "sent along: correct api_url" % self.quote(redirect_target(response)),
                method,
                path,
                status,
            )
        if status == 429:
            raise RateLimited(reason, method, path, status, message)
        if status >= 500:
            raise Unavailable(reason, method, path, status, message, doubtful=method != "GET")
        if status == 404 and not is_refusal(reply):
            raise BadReply(
                "%s answered 404, but not in the form of ImprovMX (%s), so it does not count as "
                '"not found": check api_url' % (self._root, self.quote(appearance(response, content))),
                method,
                path,
                status,
                doubtful=method != "GET",
            )
        if status >= 400:
            advice = _advice(status, path)
            if advice:
                reason = "%s; %s" % (reason.rstrip("."), advice)
            raise Refused(reason, method, path, status, message)
        if not readable:
            raise BadReply(
                "the service answered %d, but not with JSON: %s" % (status, description),
                method,
                path,
                status,
                doubtful=method != "GET",
            )
        self.root_is_confirmed = True
        return reply

    def _connection_fault(self, error: Exception, method: str, path: str, limit: float) -> ApiError:
        cause = innermost(error)
        reason = self.quote(str(cause) or type(cause).__name__)
        if any(secret in reason for secret in self._proxy.secrets):
            reason = type(cause).__name__
        where = self._root + (" through the proxy %s" % self._proxy.name if self._proxy.url else "")
        if isinstance(error, requests.exceptions.SSLError) and _CERTIFICATE.search(reason):
            return BadReply(
                "the certificate of %s can't be verified (%s): give the CA bundle to trust in ca_path"
                % (self._root, reason),
                method,
                path,
            )
        if isinstance(error, requests.exceptions.InvalidSchema) and self._proxy.is_socks:
            return BadReply("the proxy %s needs the Python library PySocks" % self._proxy.name, method, path)
        if isinstance(error, (requests.exceptions.InvalidURL, LocationParseError)):
            return BadReply("%s can't be requested: %s" % (where, reason), method, path)
        if never_sent(error):
            if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(cause, Urllib3Timeout):
                reason = "no connection within %.3g s" % limit
            fault = Unavailable("%s can't be reached: %s" % (where, reason), method, path)
        elif isinstance(error, (requests.exceptions.Timeout, Urllib3Timeout)):
            fault = _no_answer("no complete answer within %.3g s" % limit, method, path)
        else:
            fault = _no_answer("the connection to %s broke: %s" % (where, reason), method, path)
        fault.permanent = not self._reached and is_permanent(error)
        return fault

    # --- Time -------------------------------------------------------------------------------------

    def _left(self, started: float) -> float:
        """Return the seconds left for tries and waits; all requests share the time of an outage."""
        since = started if self._down_since is None else min(started, self._down_since)
        most = self._retry_timeout
        if not self._reached:
            most = min(most, max(_FIRST_CONTACT, self._timeout))
        return most - (time.monotonic() - since)

    def _until_open(self, endpoint: Endpoint, tries: int) -> float:
        """Return the seconds to wait before the next try after a rejection by the rate limit."""
        self._down_since = None
        closed = self.limits.seconds_until_open(endpoint)
        if closed is None:
            return _backoff(tries)
        # The service may report again and again that no wait is needed.
        return max(closed, _backoff(tries)) if tries > 1 else closed

    def _pause(self, error: ApiError, tries: int, repeatable: bool) -> Optional[float]:
        """Return the seconds to wait before the next try after another error; None: no further try."""
        down = isinstance(error, Unavailable) and error.status in (None, *_TEMPORARY)
        if not down:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = time.monotonic()
        if not down or error.permanent:
            return None
        return _backoff(tries) if repeatable or not error.doubtful else None

    def pause(self, seconds: float) -> None:
        """Wait, or return early if the run has to end."""
        _stop.wait_for(self.stop, seconds)

    def pause_before_retry(self, error: ApiError, tries: int, started: float) -> bool:
        """Pause before the retry of a write that was sent once and turned out to have had no effect.

        Return False, without a pause, if a retry can't help or the time since ``started`` is up.
        """
        pause = self._pause(error, tries, repeatable=True)
        once = error.doubtful and not error.repeatable
        if not once or pause is None or pause >= self._left(started):
            return False
        self.pause(pause)
        return True

    def _given_up(self, error: ApiError, tries: int, spent: float, pause: float) -> ApiError:
        more = ""
        if isinstance(error, RateLimited):
            more = "; the next retry would start in %.0f s, after the end of retry_timeout" % pause
        if tries > 1:
            more += "; given up after %d tries in %.0f s" % (tries, spent)
        if not self._reached:
            more += "; no answer was received so far, so check api_url, the proxy and the network"
        return error.extended(more)

    # --- Secrets ----------------------------------------------------------------------------------

    def hide(self, secret: str) -> None:
        """Mask a secret of requests or replies in everything that messages quote."""
        self._secrets.add(secret)

    def mask(self, text: str) -> str:
        """Return the text with all secrets masked."""
        return self._secrets.mask(text)

    def quote(self, text: str) -> str:
        """Format text of the service for messages: without secrets, on one line, not too long."""
        return one_line(shorten_urls(self.mask(text)))

    def _hide_token(self, reply: Any) -> None:
        """Mask the ``token`` of version 2: a key of the account, possibly not the one in use."""
        token = reply.get("token") if isinstance(reply, dict) else None
        if isinstance(token, str) and token.strip():
            self.hide(token)


def _problems(
    api_url: str, api_key: str, timeout: float, retry_timeout: float, verify: Union[bool, str]
) -> Problems:
    """Return all problems of the options of a connection."""
    problems = Problems()
    if re.search(r"/v\d+/*\s*\Z", api_url):
        problems.append("api_url must not contain the API version: set it in api_version")
    if not is_root(api_url):
        problems.append(
            "api_url must be an http or https URL with a host, and without user, query or fragment"
        )
    if not api_key:
        problems.append("api_key is empty")
    try:
        _encoded(api_key)
    except UnicodeEncodeError:
        problems.append("api_key contains invalid characters")
    if timeout <= 0:
        problems.append("timeout must be at least 1 second")
    if retry_timeout < 0:
        problems.append("retry_timeout can't be negative")
    if isinstance(verify, str) and not os.path.exists(verify):
        problems.append("ca_path: %s does not exist" % quoted(verify))
    return problems


def _backoff(tries: int) -> float:
    """Return the seconds to wait after so many tries."""
    return _LONGEST_PAUSE if tries > 7 else 0.5 * 2 ** (tries - 1)


def _encoded(api_key: str) -> bytes:
    # Bytes of the environment that are not UTF-8 arrive as surrogates.
    return api_key.encode("utf-8", "surrogateescape")


def _advice(status: int, path: str) -> str:
    """Return advice on an error status for which the message of the service may not be enough."""
    if status == 401:
        return "the API key is not valid: check api_key or IMPROVMX_API_KEY"
    if status == 407:
        return "a proxy requires a user name and a password: set them in HTTPS_PROXY or HTTP_PROXY"
    if status == 403 and "/v2/" in path:
        return "version 2 also answers this if the API key is not valid: check api_key or IMPROVMX_API_KEY"
    return ""


def _no_answer(reason: str, method: str, path: str) -> Unavailable:
    return Unavailable(reason, method, path, doubtful=method != "GET")
