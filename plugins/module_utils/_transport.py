# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP request done well: session, authentication, time limits, repeats, rate limits, errors.

It raises and never prints; it knows neither Ansible nor what a domain is.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import socket
import ssl
import threading
import time
import traceback
import zlib
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union
from urllib.parse import quote, quote_plus, unquote, urlsplit

from ansible_collections.improvmx.email.plugins.module_utils import _deadline, _stop
from ansible_collections.improvmx.email.plugins.module_utils._names import (
    ImprovmxError,
    InputError,
    shown,
)
from ansible_collections.improvmx.email.plugins.module_utils._ratelimit import (
    Endpoint,
    NoAnswer,
    RateLimits,
    Stopped,
    Ticket,
    WindowClosed,
)
from ansible_collections.improvmx.email.plugins.module_utils._urls import shorten_urls

REQUESTS_IMPORT_ERROR: Optional[str]
try:
    import requests
    from requests.utils import select_proxy
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationParseError, NewConnectionError
    from urllib3.exceptions import TimeoutError as Urllib3Timeout
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

MOST_CONNECTIONS = 10  # at a time: the size of a requests session's pool
# Bytes. A page of 100 domains with 200 aliases each has about 3 MiB; version 2 has no pages, and this
# holds 300,000 aliases. As JSON, the worst reply takes 25 times its size in memory.
_LARGEST_REPLY = 32 * 1024 * 1024
# Bytes of the last replies of all threads together, for what was made of them may still be in use.
_LARGEST_REPLIES = 48 * 1024 * 1024
_SMALL_REPLY = 256 * 1024  # not worth counting
_DEEPEST_REPLY = 50  # lists and objects within each other; those of the API have 6
_CHUNK = 256 * 1024
_LONGEST_WORDS = 600  # characters of the service's own that a message quotes
_SHORTEST_MASKED = 8  # characters; the gaps that a shorter secret leaves would tell it
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_PASSING = (502, 503, 504)
_CERTIFICATE = re.compile("CERTIFICATE|PEM|doesn't match")  # in what OpenSSL and urllib3 say
# In JSON: a half of a character, in a pair or not; what Ansible's own keys begin with, escaped or not.
_TO_MEND = re.compile(rb"\\u[dD][89a-fA-F]|__ansible|\\u00[4-7]")
_ANSIBLES_OWN = "__ansible"  # keys of a result that Ansible would take for a type of its own
_LONGEST_PAUSE = 60.0
_FIRST_CONTACT = 30.0  # seconds: whatever is out of reach from the start is not merely out of order
# The name of a host that does not exist, in the codes of the systems.
_NO_HOST = {getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_FAIL")}
_PROXY = re.compile(
    r"(?P<scheme>https?|socks[45]|socks4a|socks5h)://(?:(?P<user>[^/?#\\@]*)@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^\s/?#\\@:\[\]]{1,253})(?P<port>:[0-9]{1,5})?/?\Z",
    re.IGNORECASE | re.ASCII,
)
_LONGEST_TIME = 2_000_000  # seconds; a socket counts milliseconds in 32 bits


class ApiError(ImprovmxError):
    """A request that did not do its work.

    ``method``, ``path``: the request. ``status``: the service's answer, None without one. ``words``:
    what the service said of it. ``doubtful``: it may have taken effect all the same.
    """

    def __init__(
        self,
        story: str,
        method: str,
        path: str,
        status: Optional[int] = None,
        words: str = "",
        doubtful: bool = False,
    ) -> None:
        self.story, self.method, self.path = story, method, path
        self.status, self.words, self.doubtful = status, words, doubtful
        super().__init__("%s %s: %s" % (method, path, story))

    def extended(self, more: str) -> ApiError:
        """The same error with more to say."""
        return type(self)(self.story + more, self.method, self.path, self.status, self.words, self.doubtful)


class Refused(ApiError):
    """The service understood and said no (4xx, or success false)."""


class RateLimited(ApiError):
    """The service wants a longer pause than the run may spend."""


class Unavailable(ApiError):
    """No answer, or one that says that the service is out of order (5xx). A repeat may help.

    ``hopeless``: it does not, for this is how a wrong address or a wrong proxy looks.
    """

    hopeless = False


class Interrupted(ApiError):
    """The run was told to end before the request was sent."""


class BadReply(ApiError):
    """An answer that is not what the API promises."""


class Transport:
    """The HTTP session of one run against one account.

    ``timeout``: seconds of one try. ``retry_timeout``: seconds that one request may spend in tries
    and waits; 0 means a single try. ``verify``: as in requests, True, False or a CA bundle's path.
    """

    def __init__(
        self,
        api_url: str,
        api_key: str,
        timeout: float = 30,
        retry_timeout: float = 300,
        verify: Union[bool, str] = True,
    ) -> None:
        self._key = api_key.strip()
        problems = _problems(api_url, self._key, timeout, retry_timeout, verify)
        if problems:
            raise InputError(problems)
        self._root, self._root_path = _split_root(api_url)
        # Whether the service is known to be there. Below a path that is too deep, everything is a 404.
        self.root_is_proven = not self._root_path
        # As numbers with a fraction: Ansible lets a truth value pass for a number, urllib3 does not.
        self._timeout = float(min(timeout, _LONGEST_TIME))
        self._retry_timeout = float(min(retry_timeout, _LONGEST_TIME))
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _deadline.Adapter())
        # What the environment says of proxies and CA bundles, once instead of for every request. A
        # bundle in it counts only where the user said nothing.
        environment = self._session.merge_environment_settings(self._root, {}, None, verify, None)
        self._proxy = _Proxy(select_proxy(self._root, environment["proxies"]))
        self._session.proxies = {"all": self._proxy.url} if self._proxy.url else {}
        self._verify = environment["verify"]
        self._session.trust_env = False
        # With auth set, requests leaves ~/.netrc alone. Bytes: a key may hold any character.
        self._session.auth = (b"api", _encoded(self._key))  # type: ignore[assignment]
        self._session.headers["Accept"] = "application/json"
        self._session.headers["Accept-Encoding"] = "gzip"
        self._session.headers["User-Agent"] = "improvmx.email (Ansible collection)"
        # Not even looked at, for a malformed one would be an exception of another kind.
        self._session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        self.stop = threading.Event()  # set when the run is to end early
        self._reached = False  # whether any answer has come yet
        self._down_since: Optional[float] = None
        self._counter = threading.Lock()
        self._held: Dict[int, int] = {}  # bytes of the last reply, by thread
        self.limits = RateLimits(self._timeout, self.stop)
        self.requests_made = 0
        self.on_retry: Callable[[str, float], None] = lambda story, seconds: None
        self._hidden: Tuple[str, ...] = ()  # long ones first, for one may hold another
        self.hide(self._key)
        for secret in self._proxy.secrets:
            if len(secret) >= _SHORTEST_MASKED:
                self.hide(secret)
        self._hide({base64.b64encode(b"api:" + _encoded(self._key)).decode("ascii").rstrip("=")})

    def request(
        self,
        method: str,
        template: str,
        values: Sequence[str] = (),
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
        repeatable: Optional[bool] = None,
    ) -> Any:
        """Send a request until it is answered or time is up; return the JSON of the reply.

        ``template``: the path with ``{}`` for each of ``values``. ``repeatable``: whether sending it
        twice does no harm; by default, for every method but POST. Raises ApiError.
        """
        path = self._root_path + _fill(method, template, values)
        endpoint = (method, template)
        if repeatable is None:
            repeatable = method != "POST"
        started = time.monotonic()
        tries = 0
        in_doubt = False
        while True:
            if self.stop.is_set():
                raise Interrupted("not sent, for the run was interrupted", method, path, doubtful=in_doubt)
            try:
                ticket = self.limits.enter(endpoint, self._left(started))
            except Stopped:
                continue
            except WindowClosed as closed:
                story = (
                    "the service's rate limit leaves no request for another %.0f s, more than "
                    "retry_timeout allows" % closed.seconds
                )
                raise RateLimited(story, method, path, doubtful=in_doubt) from None
            except NoAnswer:
                story = "not sent, for requests before it were not answered in time"
                raise Unavailable(story, method, path, doubtful=in_doubt) from None
            tries += 1
            try:
                reply = self._try(endpoint, ticket, path, query, body, started)
            except ApiError as error:
                # Once in doubt, always in doubt: a later try may fail in a way that tells nothing.
                in_doubt = error.doubtful = error.doubtful or in_doubt
                pause = self._pause(error, endpoint, tries, repeatable)
                if pause is None:
                    raise
                if pause >= self._left(started):
                    raise self._given_up(error, tries, time.monotonic() - started, pause) from None
                if not isinstance(error, RateLimited):
                    self.on_retry(str(error), pause)
                self._sleep(error, endpoint, pause)
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
        return self._judge(response, content, endpoint[0], path)

    def _send(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, Any]],
        body: Optional[Mapping[str, Any]],
        limit: float,
    ) -> Tuple[requests.Response, bytes]:
        """Send a request once; return the answer and its body. ``limit``: seconds for all of it."""
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
                    return response, b"".join(_body(response, self._hold))
        except (requests.RequestException, HTTPError, zlib.error) as error:
            # urllib3's own come through where requests does not read the body, and for odd hosts.
            raise self._connection_fault(error, method, path, limit) from None
        except OSError as error:
            story = "the CA bundle can't be used, see ca_path: %s" % self.scrub(str(error))
            raise BadReply(story, method, path) from None
        except _TooLarge as error:
            status, doubtful = response.status_code, method != "GET"
            raise BadReply(str(error), method, path, status, doubtful=doubtful) from None

    def _hold(self, size: int) -> None:
        """Note how large this thread's reply is by now. Raises _TooLarge."""
        if size > _LARGEST_REPLY:
            raise _TooLarge("the reply is larger than %d MiB" % (_LARGEST_REPLY >> 20))
        if size <= _SMALL_REPLY:
            return
        with self._counter:
            alive = {thread.ident for thread in threading.enumerate()}
            self._held = {ident: held for ident, held in self._held.items() if ident in alive}
            self._held.pop(threading.get_ident(), None)
            if size + sum(self._held.values()) > _LARGEST_REPLIES:
                raise _TooLarge(
                    "the replies to requests side by side are larger than %d MiB together"
                    % (_LARGEST_REPLIES >> 20)
                )
            self._held[threading.get_ident()] = size

    def _judge(self, response: requests.Response, content: bytes, method: str, path: str) -> Any:
        status = response.status_code
        reply, readable = _parse_json(content)
        self._learn_token(reply)
        words = self.quote(service_words(reply))
        said = words if readable else self.quote(_appearance(response, content))
        story = "the service answered %d%s" % (status, ": " + said if said else "")
        if 300 <= status < 400:
            raise BadReply(
                "the service redirects to %s; redirects are not followed, so that the API key stays "
                "with api_url: correct api_url" % self.quote(_target(response)),
                method,
                path,
                status,
            )
        if status == 429:
            raise RateLimited(story, method, path, status, words)
        if status >= 500:
            raise Unavailable(story, method, path, status, words, doubtful=method != "GET")
        if status == 404 and not _is_refusal(reply):
            raise BadReply(
                "%s answered 404, but not in the form of ImprovMX (%s), so nothing is concluded from it: "
                "check api_url" % (self._root, self.quote(_appearance(response, content))),
                method,
                path,
                status,
                doubtful=method != "GET",
            )
        if status >= 400:
            hint = _hint(status, path)
            if hint:
                story = "%s; %s" % (story.rstrip("."), hint)
            raise Refused(story, method, path, status, words)
        if not readable:
            raise BadReply(
                "the service answered %d, but not with JSON: %s" % (status, said),
                method,
                path,
                status,
                doubtful=method != "GET",
            )
        self.root_is_proven = True
        return reply

    def _connection_fault(self, error: Exception, method: str, path: str, limit: float) -> ApiError:
        cause = _innermost(error)
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
        if _never_sent(error):
            if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(cause, Urllib3Timeout):
                reason = "no connection within %.3g s" % limit
            fault = Unavailable("%s can't be reached: %s" % (where, reason), method, path)
        elif isinstance(error, (requests.exceptions.Timeout, Urllib3Timeout)):
            fault = _no_answer("no complete answer within %.3g s" % limit, method, path)
        else:
            fault = _no_answer("the connection to %s broke: %s" % (where, reason), method, path)
        fault.hopeless = not self._reached and _is_hopeless(error)
        return fault

    # --- Time -------------------------------------------------------------------------------------

    def _left(self, started: float) -> float:
        """Seconds left for tries and waits; an outage uses them up for all requests together."""
        since = started if self._down_since is None else min(started, self._down_since)
        most = self._retry_timeout
        if not self._reached:
            most = min(most, max(_FIRST_CONTACT, self._timeout))
        return most - (time.monotonic() - since)

    def _pause(self, error: ApiError, endpoint: Endpoint, tries: int, repeatable: bool) -> Optional[float]:
        """Seconds to wait before the next try; None when there is to be none."""
        down = isinstance(error, Unavailable) and error.status in (None, *_PASSING)
        if not down:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = time.monotonic()
        backoff = min(_LONGEST_PAUSE, 0.5 * 2 ** min(tries - 1, 10))
        if isinstance(error, RateLimited):
            closed = self.limits.closed_for(endpoint)
            # The service may say "at once" again and again.
            return backoff if closed is None else max(closed, backoff if tries > 1 else 0.0)
        if not down or getattr(error, "hopeless", False):
            return None
        return backoff if repeatable or not error.doubtful else None

    def _sleep(self, error: ApiError, endpoint: Endpoint, seconds: float) -> None:
        if isinstance(error, RateLimited):
            self.limits.sleep(endpoint, seconds)
        else:
            self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until the run is to end."""
        _stop.wait_for(self.stop, seconds)

    def rest(self, error: ApiError, tries: int, started: float) -> bool:
        """Pause before a write is repeated that was tried once and turned out to have had no effect.

        Return False, without a pause, where a repeat is hopeless or the time since ``started`` is up.
        """
        pause = self._pause(error, ("", ""), tries, repeatable=True)
        once = error.doubtful and error.method == "POST"
        if not once or pause is None or pause >= self._left(started):
            return False
        self.pause(pause)
        return True

    def _given_up(self, error: ApiError, tries: int, spent: float, pause: float) -> ApiError:
        more = ""
        if isinstance(error, RateLimited):
            more = "; the next try would be due in %.0f s, more than retry_timeout allows" % pause
        if tries > 1:
            more += "; given up after %d tries in %.0f s" % (tries, spent)
        if not self._reached:
            more += "; no answer has come from there yet, so check api_url, the proxy and the network"
        return error.extended(more)

    # --- Secrets ----------------------------------------------------------------------------------

    def hide(self, secret: str) -> None:
        """Keep a secret that requests or replies carry out of all that messages quote."""
        self._hide(_forms(secret))

    def _hide(self, forms: Set[str]) -> None:
        self._hidden = tuple(sorted({*self._hidden, *forms}, key=len, reverse=True))

    def quote(self, text: str) -> str:
        """A text of somebody else's as messages show it: without the key, on one line, not too long."""
        return _one_line(shorten_urls(self.scrub(text)))

    def scrub(self, text: str) -> str:
        """The text without any secret, in any of the forms in which it travels."""
        for form in self._hidden:
            if form in text and len(form) < _SHORTEST_MASKED:
                return "(left out, for it holds a secret)"
            text = text.replace(form, "********")
        return text

    def _learn_token(self, reply: Any) -> None:
        """Version 2 shows the account's key as ``token``, which may be another than the one in use."""
        token = reply.get("token") if isinstance(reply, dict) else None
        if isinstance(token, str) and token.strip():
            self.hide(token)


def _forms(secret: str) -> Set[str]:
    """The forms in which a reply may echo a secret that was sent as JSON."""
    forms = set()
    for text in (secret, secret.strip()):
        encoded = text.encode("utf-8", "surrogatepass")
        forms |= {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        forms |= {quote(encoded), quote(encoded, safe=""), quote_plus(encoded)}
        forms |= {text.translate(_HTML), text.translate(_HTML).replace("&#39;", "&#x27;")}
        forms.add(base64.b64encode(encoded).decode("ascii").rstrip("="))
    return forms - {""}


# --- Paths ----------------------------------------------------------------------------------------


def _problems(
    api_url: str, api_key: str, timeout: float, retry_timeout: float, verify: Union[bool, str]
) -> List[str]:
    """All that is wrong with the options of a connection."""
    problems = []
    if re.search(r"/v\d+/*\s*\Z", api_url):
        problems.append("api_url must end before the version: that is in api_version")
    if not _is_root(api_url):
        problems.append(
            "api_url must be an http or https URL with a host, and without user, query or fragment"
        )
    if not api_key:
        problems.append("api_key is empty")
    try:
        _encoded(api_key)
    except UnicodeEncodeError:
        problems.append("api_key holds what is no character")
    if timeout <= 0:
        problems.append("timeout must be at least 1 second")
    if retry_timeout < 0:
        problems.append("retry_timeout can't be negative")
    if isinstance(verify, str) and not os.path.exists(verify):
        problems.append("ca_path: there is no %s" % shown(verify))
    return problems


def _encoded(api_key: str) -> bytes:
    # Bytes of the environment that are no text come as surrogates of their own.
    return api_key.encode("utf-8", "surrogateescape")


def _is_root(api_url: str) -> bool:
    text = api_url.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    plain = text.isprintable() and not re.search(r"[\s?#@\\]", text)
    # The length comes first: what looks up a name works in the square of it.
    sound = parts.scheme in ("http", "https") and 0 < len(host or "") <= 253 and port != 0
    return plain and sound


class _Proxy:
    """The proxy of the environment that requests go through, if there is one. Raises InputError.

    ``url``: as libraries want it, empty without one. ``name``: without user and password, for messages.
    """

    def __init__(self, url: Optional[str]) -> None:
        self.url = self.name = ""
        self.is_socks = False
        self.secrets: Set[str] = set()
        if not url:
            return
        self.url = url if "://" in url else "http://" + url
        match = _PROXY.match(self.url)
        if not match or int((match["port"] or ":1")[1:]) not in range(1, 65536):
            raise InputError(
                [
                    "the proxy that the environment names is not of the form "
                    "scheme://user:password@host:port, with http, https, socks4, socks4a, socks5 or socks5h "
                    "as scheme, and with % codes for what is special in a password"
                ]
            )
        self.name = "%s://%s%s" % (match["scheme"], match["host"], match["port"] or "")
        self.is_socks = match["scheme"].lower().startswith("socks")
        password = (match["user"] or "").partition(":")[2]
        self.secrets = {password, unquote(password)} - {""}


def _split_root(api_url: str) -> Tuple[str, str]:
    """The scheme with the host, and the path, of a sound api_url."""
    parts = urlsplit(api_url.strip().rstrip("/"))
    return "%s://%s" % (parts.scheme, parts.netloc), parts.path


def _fill(method: str, template: str, values: Sequence[str]) -> str:
    """Put values into a path, each as exactly one segment. Raises BadReply: input is checked before."""
    segments = []
    for value in values:
        # HTTP clients resolve dots, encoded or not, so that the request would go elsewhere.
        if value in ("", ".", "..") or not value.isprintable():
            raise BadReply("%s can't be a part of a path" % shown(value), method, template)
        # Every client of the service sends a catch-all as it is, and RFC 3986 lets it stand.
        segments.append(quote(value, safe="*"))
    return template.format(*segments)


# --- Replies --------------------------------------------------------------------------------------


class _TooLarge(Exception):
    pass


def _body(response: requests.Response, hold: Callable[[int], None]) -> Iterator[bytes]:
    """The body in pieces, as long as it is not too large. Raises _TooLarge, zlib.error, HTTPError.

    It is unpacked here, for a few bytes of a compressed body can be a thousand times as many, and not
    every urllib3 that works with the oldest Python bounds that. ``hold`` is told how many there are.
    """
    size = 0
    response.raw.enforce_content_length = True  # urllib3 1.26 would take a part of a body for all of it
    gzip = response.headers.get("Content-Encoding", "").strip().lower() == "gzip"
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16) if gzip else None
    for packed in response.raw.stream(_CHUNK, decode_content=False):
        while packed:
            piece = unpacker.decompress(packed, _CHUNK) if unpacker else packed
            packed = unpacker.unconsumed_tail if unpacker else b""
            size += len(piece)
            hold(size)
            yield piece


def _parse_json(content: bytes) -> Tuple[Any, bool]:
    try:
        reply = json.loads(
            content.decode("utf-8-sig"), parse_int=_integer, parse_float=_finite, parse_constant=_finite
        )
    except (ValueError, RecursionError):
        return None, False
    if _is_too_deep(reply):
        return None, False
    return (_mended(reply) if _TO_MEND.search(content) else reply), True


def _is_too_deep(reply: Any) -> bool:
    """Whether it is nested beyond what the API ever does, and what results can be made of."""
    level = [reply] if isinstance(reply, (dict, list)) else []
    for _dummy_level in range(_DEEPEST_REPLY):
        inner = (thing.values() if isinstance(thing, dict) else thing for thing in level)
        level = [part for parts in inner for part in parts if isinstance(part, (dict, list))]
        if not level:
            return False
    return True


def _finite(text: str) -> float:
    """A number. Python takes NaN for JSON and 1e999 for Infinity; nobody else could read our results."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _integer(text: str) -> int:
    _finite(text)
    return int(text)


def _mended(value: Any) -> Any:
    """JSON as a result of Ansible can hold it.

    Each half of a character becomes a replacement. A key that Ansible would take for its own is left out.
    """
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mended(inner) for inner in value]
    if isinstance(value, dict):
        mended = {_mended(key): _mended(inner) for key, inner in value.items()}
        return {key: inner for key, inner in mended.items() if not key.startswith(_ANSIBLES_OWN)}
    return value


def _is_refusal(reply: Any) -> bool:
    """Whether this is a form in which the service says no; many a web server has a form of its own.

    All that is known of the service has ``success``; some of it has the status as ``code``, too.
    """
    if not isinstance(reply, dict):
        return False
    if reply.get("success") is False:
        return any(name in reply for name in ("error", "errors", "message"))
    return str(reply.get("code")) == "404" and any(name in reply for name in ("error", "errors"))


def service_words(reply: Any) -> str:
    """What the service says of an error, field by field, in whichever of its forms it came."""
    if not isinstance(reply, dict):
        return ""
    parts = []
    errors = reply.get("errors")
    if isinstance(errors, dict):
        parts += ["%s: %s" % (name, _plain(texts)) for name, texts in errors.items()]
    elif isinstance(errors, list):
        parts += [_plain(text) for text in errors]
    for name in ("error", "message"):
        if isinstance(reply.get(name), str):
            parts.append(reply[name])
    return "; ".join(parts)


def _plain(value: Any, depth: int = 3) -> str:
    """A value as text, without the quotes and escapes of a program, behind which a secret could hide."""
    if isinstance(value, (dict, list)) and not depth:
        return "..."
    if isinstance(value, dict):
        return ", ".join("%s: %s" % (name, _plain(inner, depth - 1)) for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(_plain(inner, depth - 1) for inner in value)
    return str(value)


def _appearance(response: requests.Response, content: bytes) -> str:
    """What an answer looks like that is not JSON: its kind and, of a page, the title."""
    if not content:
        return "an empty body"
    kind = response.headers.get("Content-Type", "").split(";")[0].strip() or "an untyped body"
    text = content[:4096].decode("utf-8", "replace")
    title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    about = ' titled "%s"' % title[1].strip() if title else ""
    return "%s of %d bytes%s" % (kind, len(content), about)


def _target(response: requests.Response) -> str:
    """The host that a redirect leads to."""
    try:
        return urlsplit(response.headers.get("Location", "")).hostname or "another place"
    except ValueError:
        return "another place"


def _one_line(text: str) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= _LONGEST_WORDS else flat[: _LONGEST_WORDS - 3] + "..."


def _hint(status: int, path: str) -> str:
    """What to do about a refusal, where the service's words may not tell."""
    if status == 401:
        return "the API key is not valid: check api_key or IMPROVMX_API_KEY"
    if status == 407:
        return "a proxy wants a user name and a password: set them in HTTPS_PROXY or HTTP_PROXY"
    if status == 403 and "/v2/" in path:
        return "if the API key is not valid, version 2 says the same: check api_key or IMPROVMX_API_KEY"
    return ""


def _no_answer(story: str, method: str, path: str) -> Unavailable:
    return Unavailable(story, method, path, doubtful=method != "GET")


# --- Exceptions -----------------------------------------------------------------------


def _innermost(error: BaseException) -> BaseException:
    """The fault below the layers that requests and urllib3 wrap around it."""
    seen = 0
    while seen < 10:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        if inner is None:
            inner = error.__cause__ or error.__context__
        if inner is None or isinstance(inner, TypeError):
            break
        error, seen = inner, seen + 1
    return error


def _chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    """A fault and all that lie below it."""
    seen: Set[int] = set()
    left = [error]
    while left and len(seen) < 30:
        fault = left.pop()
        if not isinstance(fault, BaseException) or id(fault) in seen:
            continue
        seen.add(id(fault))
        yield fault
        inner = [getattr(fault, "reason", None), getattr(fault, "original_error", None)]
        left += [*inner, *fault.args, fault.__cause__, fault.__context__]


def _is_hopeless(error: Exception) -> bool:
    """Whether this is how a wrong address, a wrong scheme, another version of TLS or a wrong proxy looks."""
    for fault in _chain(error):
        if isinstance(fault, socket.gaierror) and fault.errno in _NO_HOST:
            return True
        if isinstance(fault, ssl.SSLError) and not isinstance(
            fault, (ssl.SSLEOFError, ssl.SSLZeroReturnError)
        ):
            return True
        # An answer, but none of HTTP. The other one stands for no answer.
        if isinstance(fault, BadStatusLine) and not isinstance(fault, RemoteDisconnected):
            return True
        if re.match(r"Tunnel connection failed: 4\d\d\b", str(fault)):
            return True
    return False


def _never_sent(error: Exception) -> bool:
    """Whether the fault came before any of the request was on its way."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    fault = error.args[0] if error.args else None
    fault = getattr(fault, "reason", fault)
    if isinstance(error, requests.exceptions.ProxyError):
        # A connection to a proxy that breaks later has this name, too.
        fault = getattr(fault, "original_error", fault)
        if str(fault).startswith("Tunnel connection failed"):
            return True
    return isinstance(fault, (NewConnectionError, ConnectTimeoutError))
