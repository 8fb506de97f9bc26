# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests over real HTTP: requests, replies and retries."""

from __future__ import annotations

import base64
import contextlib
import gzip
import re
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
import trustme
from requests.exceptions import InvalidSchema

from ansible_collections.improvmx.email.plugins.module_utils._errors import (
    ApiError,
    BadReply,
    InputError,
    Interrupted,
    RateLimited,
    Refused,
    Unavailable,
)
from ansible_collections.improvmx.email.plugins.module_utils._http import transport as _transport
from ansible_collections.improvmx.email.plugins.module_utils._http.transport import Transport
from emulator import Emulator, Fault, RateLimit
from harness import Clock, assert_no_secret, forms_of

DOMAINS = "/v3/domains"
ONE = "/v3/domains/{}"
ALIAS = "/v3/domains/{}/aliases/{}"
SEED = {"domains": [{"domain": "example.com", "aliases": {"info": "a@x.example"}}]}


@pytest.fixture
def transport(emulator: Emulator, clock: Clock) -> Transport:
    return connect(emulator)


def connect(emulator: Emulator, **options: Any) -> Transport:
    return connect_to(emulator.url, emulator.api_key, **{"timeout": 5, "retry_timeout": 60, **options})


def connect_to(url: str, key: str = "key", **options: Any) -> Transport:
    return Transport(url, key, **{"timeout": 30, "retry_timeout": 300, **options})


def error_of(transport: Transport, method: str = "GET", template: str = DOMAINS, **options: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        transport.request(method, template, **options)
    error = caught.value
    assert error.method == method
    assert error.path.endswith(template.format(*options.get("values", ())))
    assert str(error).startswith(f"{method} {error.path}: ")
    assert isinstance(error.doubtful, bool)
    assert str(error).isprintable()
    return error


# Requests


def test_key_is_sent_as_basic_authentication_of_the_user_api(emulator: Emulator) -> None:
    assert connect(emulator).request("GET", DOMAINS)["success"] is True
    [request] = emulator.requests
    sent = dict(request.headers.items())
    assert sent.pop("Host") in emulator.url
    assert sent == {
        "User-Agent": "improvmx.email (Ansible collection)",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Connection": "keep-alive",
    }


def test_environment_is_read_once(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = connect(emulator)
    name_proxy(monkeypatch, "http://127.0.0.1:9")
    assert transport.request("GET", DOMAINS)["success"] is True


def test_key_of_any_characters_is_sent_and_outer_spaces_are_not() -> None:
    with Emulator(api_key="schlüssel:ключ%/+ ") as odd:
        odd.api_key = odd.api_key.strip()
        transport = connect_to(odd.url, f"  {odd.api_key}\n", retry_timeout=0)
        assert transport.request("GET", DOMAINS)["success"] is True


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"api_url": ""},
            "api_url must be an http or https URL with a host, and without user, query or fragment",
        ),
        ({"api_url": "https://h/v3"}, "api_url must not contain the API version: set it in api_version"),
        ({"api_url": "https://h/v3// "}, "api_url must not contain the API version: set it in api_version"),
        ({"api_key": " "}, "api_key is empty"),
        ({"api_key": "sk_\ud800"}, "api_key contains invalid characters"),
        ({"timeout": 0}, "timeout must be at least 1 second"),
        ({"timeout": -1}, "timeout must be at least 1 second"),
        ({"retry_timeout": -1}, "retry_timeout can't be negative"),
        ({"verify": "/missing/ca.pem"}, 'ca_path: "/missing/ca.pem" does not exist'),
    ],
)
def test_invalid_option_is_a_problem(options: dict[str, Any], problem: str) -> None:
    sound = {"api_url": "https://h/v3x", "api_key": "key", "timeout": 1, "retry_timeout": 0, "verify": True}
    Transport(**sound)  # type: ignore[arg-type]
    with pytest.raises(InputError) as rejected:
        Transport(**{**sound, **options})
    assert rejected.value.problems == (problem,)


@pytest.mark.parametrize("key", ["", " \n"])
def test_empty_key_is_refused_before_any_request(key: str) -> None:
    with pytest.raises(InputError, match="api_key is empty"):
        connect_to("https://api.example", key)


def test_key_that_can_not_be_encoded_is_rejected_without_being_quoted() -> None:
    with pytest.raises(InputError, match="api_key contains invalid characters") as caught:
        connect_to("https://api.example", "sk_odd\ud800")
    assert "sk_odd" not in str(caught.value)


@pytest.mark.parametrize("seconds", [True, 1e308, 10**400, float("inf")])
def test_very_large_timeout_is_accepted(seconds: Any, emulator: Emulator) -> None:
    transport = connect(emulator, timeout=seconds, retry_timeout=seconds)
    assert transport.request("GET", DOMAINS)["success"] is True


def test_netrc_does_not_replace_the_key(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("machine 127.0.0.1 login mallory password none\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert connect(emulator).request("GET", DOMAINS)["success"] is True


def test_all_requests_use_one_connection(emulator: Emulator) -> None:
    emulator.seed(SEED)
    transport = connect(emulator, retry_timeout=0)
    for turn in range(3):
        transport.request("GET", DOMAINS)
        transport.request("PUT", ONE, ["example.com"], body={"webhook": f"https://x.example/{turn}"})
        with pytest.raises(Refused):
            transport.request("GET", ONE, ["missing.example"])
    emulator.faults.add(Fault("status", status=503))
    with pytest.raises(Unavailable):
        transport.request("GET", DOMAINS)
    transport.request("GET", DOMAINS)
    assert len({request.connection for request in emulator.requests}) == 1
    assert transport.requests_made == len(emulator.requests) == 11


@pytest.mark.parametrize(
    "name",
    ["a/b", "a?b", "a#b", "100%", "%2F", "a%2e", r"a\b", "a+b", "(a|b)", "[a]{1}", "a&b=c", "a;b", "~a", "é",
     "...", "a b", "{}", "{0}", "*"],
)  # fmt: skip
def test_value_is_exactly_one_segment_of_the_path(name: str, emulator: Emulator) -> None:
    emulator.seed(
        {"domains": [{"domain": "example.com", "aliases": {name: "a@x.example", "b": "b@x.example"}}]}
    )
    reply = connect(emulator).request("GET", ALIAS, ["example.com", name])
    assert reply["alias"]["alias"] == name
    [request] = emulator.requests
    assert request.path.count("/") == 5
    assert request.query == {}


@pytest.mark.parametrize("value", ["", ".", "..", "\ud800"])
def test_value_that_does_not_fit_into_a_path_is_rejected_before_any_request(
    value: str, emulator: Emulator
) -> None:
    with pytest.raises(BadReply, match="can't be a part of a path") as caught:
        connect(emulator).request("DELETE", ALIAS, ["example.com", value])
    assert str(caught.value).startswith("DELETE ")
    assert emulator.requests == []


def test_query_and_body_arrive(emulator: Emulator) -> None:
    transport = connect(emulator)
    transport.request("GET", DOMAINS, query={"q": "a&b=ü+%", "page": 1})
    transport.request("POST", DOMAINS, body={"domain": "bücher.example"})
    first, second = emulator.requests
    assert first.query == {"q": "a&b=ü+%", "page": "1"}
    assert second.body == {"domain": "bücher.example"}
    assert second.headers["Content-Type"] == "application/json"


# api_url


@pytest.mark.parametrize("suffix", ["", "/", "//", " \n"])
def test_trailing_slash_of_api_url_makes_no_difference(suffix: str, emulator: Emulator) -> None:
    connect_to(emulator.url + suffix, emulator.api_key).request("GET", DOMAINS)
    assert emulator.requests[0].path == DOMAINS


def test_path_of_api_url_comes_before_that_of_the_request(emulator: Emulator) -> None:
    error = error_of(connect_to(emulator.url + "/proxy/x/", emulator.api_key))
    assert (error.path, error.status) == ("/proxy/x/v3/domains", 404)
    assert emulator.requests[0].path == "/proxy/x/v3/domains"


@pytest.mark.parametrize(
    "url", ["https://api.improvmx.com", "HTTP://h:8080/", "http://[::1]:8080/a", "https://bücher.example"]
)
def test_sound_api_url_is_accepted(url: str) -> None:
    connect_to(url, "key")


@pytest.mark.parametrize(
    "url",
    ["", "/", "api.improvmx.com", "//h", "ftp://h", "file:///etc", "https://", "https:///v3", "https://:443",
     "https://h:0", "https://h:65536", "https://h:x", "https://[::1", "https://user:word@h", "https://user@h",
     "https://h?a=b", "https://h#a", "https://h h", "https://h\\a", "https://h/\x00", "https://h/\n/",
     "https://" + "a." * 127, "https://" + "ü" * 90_000],
)  # fmt: skip
def test_unsound_api_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(InputError, match="api_url must be an http or https URL") as caught:
        connect_to(url, "key")
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("host", ["a..example", "x" * 64 + ".example", ".", "*.example", "xn--a.example"])
def test_invalid_host_name_is_an_error_with_a_message(host: str) -> None:
    error = error_of(connect_to(f"http://{host}", "key", timeout=2, retry_timeout=0))
    assert error.status is None
    if isinstance(error, BadReply):
        assert re.match(rf"http://{re.escape(host)} can't be requested: \S", error.reason)
    else:
        assert re.match(rf"http://{re.escape(host)} can't be reached: \S", error.reason)


# Missing objects

SAYS_NO: tuple[Any, ...] = (
    {"error": "Domain not found.", "code": 404, "success": False},
    {"error": "Domain not found.", "code": "404", "success": False},
    {"errors": {"domain": ["Not found."]}, "success": False},
    {"errors": {}, "message": "Not found.", "success": False},
    {"error": "Domain not found.", "code": 404},
)
STRANGERS: tuple[Any, ...] = (
    b"",
    b"<html><title>404 Not Found</title></html>",
    "null",
    [],
    {},
    {"detail": "Not Found"},
    {"message": "Not Found", "documentation_url": "https://docs.example"},
    {"timestamp": "2026-01-31", "status": 404, "error": "Not Found", "path": "/v3/domains"},
    {"code": 404, "message": "HTTP 404 Not Found"},
    {"success": False},
)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("body", SAYS_NO, ids=repr)
def test_404_in_a_form_of_the_service_is_a_refusal(
    body: Any, method: str, emulator: Emulator, transport: Transport
) -> None:
    emulator.faults.add(Fault("body", status=404, body=body))
    error = error_of(transport, method, ONE, values=["a.example"])
    assert isinstance(error, Refused)
    assert "the service answered 404" in str(error)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("body", STRANGERS, ids=repr)
def test_404_in_another_form_is_attributed_to_another_server(
    body: Any, method: str, emulator: Emulator, transport: Transport
) -> None:
    emulator.faults.add(Fault("body", status=404, body=body))
    error = error_of(transport, method, ONE, values=["a.example"])
    assert isinstance(error, BadReply)
    assert error.reason.startswith(f"{emulator.url} answered 404, but not in the form of ImprovMX (")
    assert error.reason.endswith('), so it does not count as "not found": check api_url')
    assert (error.status, error.doubtful) == (404, method != "GET")
    assert len(emulator.requests) == 1


# Redirects


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_redirect_is_not_followed_and_the_key_stays(
    method: str, emulator: Emulator, transport: Transport
) -> None:
    with Emulator(api_key="other") as elsewhere:
        location = elsewhere.url.replace("127.0.0.1", "localhost") + "/v3/domains"
        emulator.faults.add(Fault("redirect", location=location))
        error = error_of(transport, method)
        assert elsewhere.requests == []
    assert isinstance(error, BadReply)
    assert error.reason == (
        "the service redirects to localhost; redirects are not followed, because the API key would be sent "
        "along: correct api_url"
    )
    assert (error.status, error.doubtful) == (302, False)
    assert len(emulator.requests) == 1


@pytest.mark.parametrize("location", ["", "/v3/other", "http://[", "https://a%00b/", "https://" + "x" * 300])
def test_redirect_without_a_location_is_reported(
    location: str, emulator: Emulator, transport: Transport
) -> None:
    emulator.faults.add(Fault("redirect", location=location))
    assert "redirects" in str(error_of(transport))


# Messages of the service


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "No.", "code": 400, "success": False}, "No."),
        ({"error": "No.", "code": "400"}, "No."),
        ({"errors": {"email": ["Bad.", "Worse."]}, "success": False}, "email: Bad. Worse."),
        ({"errors": {"email": "Bad."}}, "email: Bad."),
        ({"errors": {"email": ["Bad."], "alias": ["Taken."]}}, "email: Bad.; alias: Taken."),
        ({"errors": {"email": [{"code": 1}]}}, "email: code: 1"),
        ({"errors": ["Bad.", "Worse."]}, "Bad.; Worse."),
        ({"message": "Invalid.", "errors": {}}, "Invalid."),
        ({"message": "Invalid.", "errors": {"a": ["b"]}}, "a: b; Invalid."),
        ({"error": "two\nlines\t\x1b[31mred\u2028"}, "two lines [31mred"),
        ({"error": "\ud800 odd"}, "\ufffd odd"),
        ({"error": {"deep": 1}}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
        ('"text"', ""),
    ],
)
def test_error_messages_are_reported_field_by_field(
    body: Any, words: str, emulator: Emulator, transport: Transport
) -> None:
    emulator.faults.add(Fault("body", status=400, body=body))
    error = error_of(transport, "POST", body={})
    assert isinstance(error, Refused)
    assert (error.status, error.service_message, error.doubtful) == (400, words, False)
    assert str(error) == "POST /v3/domains: the service answered 400" + (f": {words}" if words else "")


@pytest.mark.parametrize(
    ("content", "reply"),
    [
        (rb'{"a": ["\ud83d\ude00 \uD83D!", "\\ud83d"]}', {"a": ["\U0001f600 \ufffd!", "\\ud83d"]}),
        (rb'{"\udc00": {"b": "\ude00\ud83d"}}', {"\ufffd": {"b": "\ufffd\ufffd"}}),
        ('\ufeff{"a": "\ud55c\U0001f600"}'.encode(), {"a": "\ud55c\U0001f600"}),
    ],
)
def test_lone_surrogate_is_replaced(content: bytes, reply: Any, emulator: Emulator) -> None:
    emulator.faults.add(Fault("body", body=content))
    assert connect(emulator).request("GET", DOMAINS) == reply


@pytest.mark.parametrize(
    "content",
    [
        rb'{"a": [{"__ansible_type": 1}], "__ansible": {}}',
        rb'{"a": [{"\u005f_ansible_type": 1}], "__\u0061nsible": {}}',
        rb'{"a": [{"_\u005Fansible\u005f\ud800": 1}]}',
    ],
)
def test_keys_reserved_by_ansible_are_left_out(content: bytes, emulator: Emulator) -> None:
    emulator.faults.add(Fault("body", body=content))
    assert connect(emulator).request("GET", DOMAINS) == {"a": [{}]}


def test_long_messages_are_shortened(emulator: Emulator, transport: Transport) -> None:
    emulator.faults.add(Fault("body", status=400, body={"error": "x" * 10_000}))
    assert len(str(error_of(transport))) < 700


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, Refused, ""),
        (401, Refused, "the API key is not valid: check api_key or IMPROVMX_API_KEY"),
        (403, Refused, ""),
        (404, Refused, ""),
        (407, Refused, "a proxy requires a user name and a password: set them in HTTPS_PROXY or HTTP_PROXY"),
        (409, Refused, ""),
        (418, Refused, ""),
        (499, Refused, ""),
        (500, Unavailable, ""),
        (501, Unavailable, ""),
        (503, Unavailable, ""),
    ],
)
def test_the_status_decides_the_kind_of_error(
    status: int, kind: type[ApiError], hint: str, emulator: Emulator, clock: Clock
) -> None:
    emulator.faults.add(Fault("body", status=status, body={"error": "Sent by an MX.", "success": False}))
    error = error_of(connect(emulator, retry_timeout=0))
    assert error.__class__ is kind
    assert error.status == status
    more = f"Sent by an MX; {hint}" if hint else "Sent by an MX."
    assert error.reason == f"the service answered {status}: {more}"
    assert error.service_message == "Sent by an MX."


@pytest.mark.parametrize(
    ("status", "path", "hinted"), [(403, "/v2/x", True), (403, "/v3/x", False), (400, "/v2/x", False)]
)
def test_version_2_may_refuse_a_key_with_403(
    status: int, path: str, hinted: bool, emulator: Emulator, transport: Transport
) -> None:
    with serving(
        lambda connection: connection.sendall(reply(b"{}").replace(b"200 OK", b"%d No" % status))
    ) as url:
        error = error_of(connect_to(url), template=path)
    hint = "; version 2 also answers this if the API key is not valid: check api_key or IMPROVMX_API_KEY"
    assert error.reason == f"the service answered {status}" + (hint if hinted else "")


@pytest.mark.parametrize(
    ("status", "kind"), [(299, None), (300, BadReply), (399, BadReply), (400, Refused), (500, Unavailable)]
)
def test_status_from_300_on_is_an_error(status: int, kind: type[ApiError] | None) -> None:
    answer = reply(b"{}").replace(b"200 OK", b"%d Odd" % status)
    with serving(lambda connection: connection.sendall(answer)) as url:
        transport = connect_to(url, retry_timeout=0)
        if kind is None:
            assert transport.request("GET", DOMAINS) == {}
        else:
            assert error_of(transport).__class__ is kind


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (
            Fault("status", status=502, html=True),
            Unavailable,
            'answered 502: text/html of . bytes titled "502',
        ),
        (Fault("body", status=500, body=b""), Unavailable, "answered 500: an empty body"),
        (Fault("body", status=404, body=b"\xff\xfe"), BadReply, "answered 404, but .* of 2 bytes[)]"),
        (Fault("empty"), BadReply, "answered 200, but not with JSON: an empty body"),
        (Fault("wrong_type"), BadReply, "answered 200, but not with JSON: text/html"),
        (Fault("truncated_json"), BadReply, "answered 200, but not with JSON: application/json"),
        (Fault("body", body=b"{" * 100_000), BadReply, "not with JSON"),
        (Fault("body", body=b"[" * 200_000), BadReply, "not with JSON"),
        (Fault("body", body=b"9" * 9000), BadReply, "not with JSON"),
        (Fault("body", body=b'{"a":' * 600 + b"{}" + b"}" * 600), BadReply, "not with JSON"),
        (Fault("body", body=b"[0," * 600 + b"0" + b"]" * 600), BadReply, "not with JSON"),
        (Fault("body", status=400, body=b'{"errors":' * 600 + b"[]" + b"}" * 600), Refused, "answered 400: "),
        (Fault("body", body=b'{"a": NaN}'), BadReply, "not with JSON"),
        (Fault("body", body=b'{"a": -Infinity}'), BadReply, "not with JSON"),
        (Fault("body", body=b'{"a": 1e999}'), BadReply, "not with JSON"),
        (Fault("body", body=b'{"a": 1%s}' % (b"0" * 400)), BadReply, "not with JSON"),
        (Fault("cut"), Unavailable, "the connection to http://.* broke"),
        (Fault("reset_before"), Unavailable, "the connection to http://.* broke"),
        (Fault("huge", size=4 << 20), BadReply, "the reply is larger than 1 MiB"),
        (Fault("delay", seconds=30), Unavailable, "no complete answer within 0.3 s"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_invalid_answer_is_described(
    fault: Fault, kind: type[ApiError], text: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_transport, "_LARGEST_REPLY", 1 << 20)
    emulator.faults.add(fault)
    error = error_of(connect(emulator, timeout=0.3 if fault.kind == "delay" else 5, retry_timeout=0))
    assert error.__class__ is kind
    assert re.search(text.replace(" . ", " [0-9]+ "), str(error))
    assert error.doubtful is False


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (Fault("empty"), 200, "the service answered 200, but not with JSON: an empty body"),
        (Fault("body", status=500, body=b""), 500, "the service answered 500: an empty body"),
        (Fault("huge", size=4 << 20), 200, "the reply is larger than 1 MiB"),
        (Fault("reset_before"), None, "the connection to URL broke: "),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_write_with_an_invalid_answer_is_doubtful(
    fault: Fault, status: int | None, reason: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_transport, "_LARGEST_REPLY", 1 << 20)
    emulator.seed(SEED)
    emulator.faults.add(fault)
    error = error_of(connect(emulator, retry_timeout=0), "PUT", ONE, values=["example.com"], body={})
    assert (error.status, error.doubtful) == (status, True)
    if reason.endswith(" "):
        assert error.reason.startswith(reason.replace("URL", emulator.url))
    else:
        assert error.reason == reason


@pytest.mark.parametrize(
    ("timeout", "retry_timeout", "seconds"), [(0.3, 0, 0.3), (0.3, 60, 0.3), (5, 0.2, 0.2), (5, 0.05, 0.1)]
)
def test_try_lasts_as_long_as_its_timeout_and_the_time_left_allow(
    timeout: float, retry_timeout: float, seconds: float, clock: Clock
) -> None:
    ended = threading.Event()
    with serving(lambda connection: ended.wait(60)) as url:
        error = error_of(connect_to(url, timeout=timeout, retry_timeout=retry_timeout), "POST", body={})
        ended.set()
    assert isinstance(error, Unavailable)
    assert re.match(rf".* within {seconds} s\b", error.reason)


def test_request_that_nobody_reads_ends_with_the_timeout() -> None:
    ended = threading.Event()
    with serving(lambda connection: ended.wait(60)) as url:
        error = error_of(connect_to(url, timeout=2, retry_timeout=0), "PUT", body={"a": "x" * (32 << 20)})
        ended.set()
    assert isinstance(error, Unavailable)
    assert error.doubtful is True


def test_root_of_the_api_is_confirmed_by_an_answer(emulator: Emulator) -> None:
    assert connect(emulator).root_is_confirmed is True
    with serving(lambda connection: connection.sendall(reply(b"{}"))) as url:
        transport = connect_to(f"{url}/path")
        assert transport.root_is_confirmed is False
        transport.request("GET", DOMAINS)
        assert transport.root_is_confirmed is True


def test_closed_port_is_reported_as_unreachable(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    transport = connect_to(f"http://127.0.0.1:{port}", "key", retry_timeout=3)
    error = error_of(transport, "POST")
    assert isinstance(error, Unavailable)
    assert re.fullmatch(
        rf"http://127.0.0.1:{port} can't be reached: \S.*refused; given up after 3 tries in 2 s; "
        "no answer was received so far, so check api_url, the proxy and the network",
        error.reason,
    )
    assert error.doubtful is False
    assert transport.requests_made == 3


@contextmanager
def serving(answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that handles each connection; yields its URL. It closes the connections at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    latest: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                latest[:] = [connection]
                with connection:
                    connection.recv(65536)
                    answer(connection)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    scheme = "https" if context else "http"
    try:
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in latest:
            with contextlib.suppress(OSError):  # closed by now
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_path(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def tls_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def reply(body: bytes, **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *lines, "", ""]
    return "\r\n".join(head).encode() + body


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = OK + b"Content-Encoding: gzip\r\n\r\n"
# The immediate part of the answer, and the endless part.
TRICKLES = {
    "status": (b"HTTP/1.1 200 ", b"O"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "header": (OK + b"X-Odd: ", b"y"),
    "body": (OK + b"Content-Length: 99999\r\n\r\n", b" "),
    "body without a length": (OK + b"\r\n", b" "),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "size of a chunk": (CHUNKED, b"0"),
    "trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nX-Odd: ", b"y"),
    "packed body": (PACKED + gzip.compress(b"{}")[:10], b"\0\0\0\xff\xff"),
}


def trickle(at_once: bytes, drop: bytes, drops: list[bytes]) -> Callable[[socket.socket], None]:
    """An answer that begins at once and never ends; its parts are added to ``drops``."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(at_once)
        while len(drops) < 10_000:  # a quarter of an hour
            connection.sendall(drop)
            drops.append(drop)
            time.sleep(0.1)

    return answer


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_slow_reply_ends_with_the_timeout(secure: bool, authority: trustme.CA, ca_path: str) -> None:
    """The kinds of replies are tested in parallel, because each takes as long as the timeout."""
    context = tls_context(authority) if secure else None
    seconds = 2 if secure else 0.5  # including the TLS handshake

    def read(part: str) -> tuple[bool, bool]:
        at_once, drop = TRICKLES[part]
        drops: list[bytes] = []

        with serving(trickle(at_once, drop, drops), context) as url:
            verify = ca_path if secure else True
            error = error_of(connect_to(url, "key", timeout=seconds, retry_timeout=0, verify=verify))
        assert isinstance(error, Unavailable)
        return f"no complete answer within {seconds} s" in str(error), 0 < len(drops) < 1000

    with ThreadPoolExecutor(len(TRICKLES)) as pool:
        ends = dict(zip(TRICKLES, pool.map(read, TRICKLES), strict=True))
    assert ends == dict.fromkeys(TRICKLES, (True, True))


# The immediate part, and the endless part, from a proxy in front of the service.
GREETINGS = {
    "https": (b"\x16\x03\x03\x40\x00", b"\0"),
    "http through socks5": (b"\x05", b""),
    "http through socks5h": (b"\x05\0\x05\0\0\x03\xff", b"x"),
    "http through socks4": (b"\0", b""),
    "http through http": (b"HTTP/1.1 200 O", b"k"),
    "https through http": (b"HTTP/1.1 200 O", b"k"),
    "https through socks5h": (b"\x05\0\x05\0\0\x01\0\0\0\0\0\0\x16\x03\x03\x40\x00", b"\0"),
    "http behind socks5h": (b"\x05\0\x05\0\0\x01\0\0\0\0\0\0HTTP/1.1 200 O", b"k"),
}


@pytest.mark.parametrize("way", GREETINGS)
def test_endless_connection_setup_ends_with_the_timeout(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, drop = GREETINGS[way]
    drops: list[bytes] = []

    with serving(trickle(at_once, drop, drops)) as url:
        scheme, _word, proxy = way.replace("behind", "through").partition(" through ")
        target = url.replace("http:", f"{scheme}:")
        if proxy:
            target = f"{scheme}://127.0.0.2:9"
            name_proxy(monkeypatch, url.replace("http:", f"{proxy}:"))
        error = error_of(connect_to(target, "key", timeout=0.3, retry_timeout=0, verify=False))
    assert isinstance(error, Unavailable)
    assert "within 0.3 s" in str(error)
    assert len(drops) < 1000


def test_endless_name_lookup_ends_with_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()

    def look_up(*_args: Any, **_options: Any) -> Any:
        ended.wait(900)
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    error = error_of(connect_to("http://slow.example", "key", timeout=0.3, retry_timeout=0))
    ended.set()
    assert error.reason.startswith("http://slow.example can't be reached: no connection within 0.3 s")
    assert error.doubtful is False


# Memory


@contextmanager
def memory_below(mebibytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < mebibytes << 20


def test_huge_reply_is_read_only_up_to_the_limit(emulator: Emulator) -> None:
    emulator.faults.add(Fault("huge", size=100_000_000))
    with memory_below(48):
        error = error_of(connect(emulator, timeout=60, retry_timeout=0))
    assert "the reply is larger than 32 MiB" in str(error)


def packed(body: bytes, coding: str) -> bytes:
    for layer in coding.split(", "):
        body = zlib.compress(body, 1) if layer == "deflate" else gzip.compress(body, 1)
    return reply(body, Content_Encoding=coding)


@pytest.mark.parametrize(
    ("coding", "words"),
    [
        ("gzip", "the reply is larger than 8 MiB"),
        ("GZip", "the reply is larger than 8 MiB"),
        # These encodings were not requested, and are not decompressed.
        ("gzip, gzip", "not with JSON"),
        ("deflate", "not with JSON"),
        ("br", "not with JSON"),
    ],
)
def test_compressed_reply_is_decompressed_only_up_to_the_limit(
    coding: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_transport, "_LARGEST_REPLY", 8 << 20)
    answer = packed(b" " * (25 << 20), coding)
    with serving(lambda connection: connection.sendall(answer)) as url, memory_below(12):
        error = error_of(connect_to(url, "key", timeout=60, retry_timeout=0))
    assert words in str(error)


@pytest.mark.parametrize(
    ("largest", "together", "size", "read"),
    [
        (400_000, 400_000, 400_000, True),
        (400_000, 500_000, 400_001, False),
        (500_000, 400_000, 400_001, False),
        # Not worth counting
        (500_000, 0, 256 << 10, True),
        (500_000, 0, (256 << 10) + 1, False),
    ],
)
def test_reply_may_be_as_large_as_the_limits(
    largest: int, together: int, size: int, read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_transport, "_LARGEST_REPLY", largest)
    monkeypatch.setattr(_transport, "_LARGEST_REPLIES", together)
    text = "x" * (size - 2)
    with serving(lambda connection: connection.sendall(reply(f'"{text}"'.encode()))) as url:
        transport = connect_to(url)
        if read:
            assert transport.request("GET", DOMAINS) == text
        else:
            assert isinstance(error_of(transport), BadReply)


def test_concurrent_replies_share_one_size_limit(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transport, "_LARGEST_REPLIES", 5 << 20)
    emulator.faults.add(Fault("huge", size=2 << 20, times=None))
    transport = connect(emulator, timeout=60, retry_timeout=0)
    meet = threading.Barrier(4)

    def read(_number: int) -> str:
        meet.wait(60)
        try:
            answer = str(len(transport.request("GET", DOMAINS)))
        except BadReply as error:
            answer = error.reason
        meet.wait(60)  # all of them are alive, and their replies are in use
        return answer

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(read, range(4)))
    assert answers[:1] == [str((2 << 20) - 2)]
    assert answers[2:] == ["the replies to parallel requests are larger than 5 MiB together"] * 2
    # Ended threads do not count, nor does the last reply of a thread that sends another request.
    for _turn in range(3):
        assert transport.request("GET", DOMAINS)


def test_last_reply_of_a_thread_does_not_count_while_it_waits_for_the_next_one(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_transport, "_LARGEST_REPLIES", 3 << 20)
    transport = connect(emulator, timeout=60, retry_timeout=0)
    waiting = threading.Event()

    def read_twice() -> None:
        transport.request("GET", DOMAINS)
        waiting.set()
        transport.request("GET", "/v3/account")

    emulator.faults.add(Fault("huge", size=2 << 20, times=2, path="/domains"))
    emulator.faults.add(Fault("delay", seconds=0.5, path="/account"))
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(read_twice)
        waiting.wait(60)
        while transport.requests_made < 2:
            time.sleep(0.001)
        assert len(transport.request("GET", DOMAINS)) == (2 << 20) - 2
    ended.result()


@pytest.mark.parametrize("size", [0, 1, 300_000, 1 << 20])
def test_compressed_reply_is_read(size: int) -> None:
    answer = packed(b'{"text": "' + b"x" * size + b'"}', "gzip")
    with serving(lambda connection: connection.sendall(answer)) as url:
        assert connect_to(url, "key").request("GET", DOMAINS) == {"text": "x" * size}


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 2", reply(b"not gzip", Content_Encoding="gzip")]
)
def test_invalid_http_is_reported_as_a_broken_connection(answer: bytes) -> None:
    with serving(lambda connection: connection.sendall(answer)) as url:
        error = error_of(connect_to(url, "key", retry_timeout=0), "PUT")
    assert isinstance(error, Unavailable)
    assert "broke" in str(error)
    assert error.doubtful is True


NINES = "9" * 5000


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "404 No", "429 Slow"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Length", NINES),
        ("Content-Encoding", "gzip," * 5000),
        ("Content-Type", "text/html; charset=" + "x" * 5000),
        ("Set-Cookie", "a=b; Max-Age=" + "9" * 400),
        ("Set-Cookie", f"a=b; Expires=Sun, 17 Mar {NINES} 17:46:47 GMT"),
        ("Location", "http://" + "ü" * 5000),
        ("Retry-After", NINES),
        ("Date", NINES),
        ("Keep-Alive", NINES),
    ],
    ids=lambda text: text[:7],
)
def test_odd_header_is_an_error_with_a_message_or_no_matter(name: str, value: str, status: str) -> None:
    """Warnings are errors in tests, including those of libraries."""
    answer = f"HTTP/1.1 {status}\r\n{name}: {value}\r\nConnection: close\r\n\r\n{{}}".encode()
    with serving(lambda connection: connection.sendall(answer)) as url:
        transport = connect_to(url, "key", retry_timeout=0)
        if status == "200 OK" and name == "Content-Encoding":
            with contextlib.suppress(ApiError):  # not every version of urllib3 checks it
                assert transport.request("GET", DOMAINS) == {}
        elif status == "200 OK":
            assert transport.request("GET", DOMAINS) == {}
        else:
            error_of(transport)


def test_cookies_are_not_sent_back(emulator: Emulator) -> None:
    emulator.faults.add(Fault("odd_headers", headers={"Set-Cookie": "session=7d6c5b; Path=/"}))
    transport = connect(emulator)
    transport.request("GET", DOMAINS)
    transport.request("GET", DOMAINS)
    assert "Cookie" not in emulator.requests[1].headers
    assert len({request.connection for request in emulator.requests}) == 1


# Retries

CONNECTION_FAULTS = ("reset_before", "reset_after", "cut")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "fault",
    [*map(Fault, CONNECTION_FAULTS), *(Fault("status", status=status) for status in (502, 503, 504))],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_idempotent_request_is_retried(
    method: str, fault: Fault, emulator: Emulator, transport: Transport, clock: Clock
) -> None:
    emulator.seed({"domains": [{"domain": "example.com"}, {"domain": "b.example"}]})
    emulator.faults.add(fault)
    try:
        transport.request(method, ONE, ["example.com"], body={} if method == "PUT" else None)
    except Refused as error:
        # The first try deleted it, and the answer was lost.
        gone = (method, error.status)
    else:
        gone = (method, 200)
    assert gone in ((method, 200), ("DELETE", 404))
    assert transport.requests_made == len(emulator.requests) == 2
    assert clock.slept == [0.5]


@pytest.mark.parametrize(
    "fault",
    [*map(Fault, CONNECTION_FAULTS), Fault("status", status=503), Fault("status_after", status=502)],
    ids=lambda fault: fault.kind,
)
def test_post_with_a_lost_answer_is_not_retried(
    fault: Fault, emulator: Emulator, transport: Transport, clock: Clock
) -> None:
    emulator.faults.add(fault)
    error = error_of(transport, "POST", body={"domain": "new.example"})
    assert isinstance(error, Unavailable)
    assert error.doubtful is True
    assert len(emulator.requests) == 1
    assert clock.slept == []


@pytest.mark.parametrize(("repeatable", "count"), [(True, 2), (False, 1), (None, 1)])
def test_post_is_retried_when_the_caller_allows_it(
    repeatable: bool | None, count: int, emulator: Emulator, transport: Transport
) -> None:
    emulator.faults.add(Fault("reset_before"))
    try:
        transport.request("POST", DOMAINS, body={"domain": "new.example"}, repeatable=repeatable)
    except Unavailable:
        assert count == 1
    assert len(emulator.requests) == count


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "fault",
    [Fault("status"), Fault("status", status=501), Fault("empty"), Fault("truncated_json"),
     Fault("body", status=400), Fault("body", status=404), Fault("redirect")],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)  # fmt: skip
def test_permanent_error_is_not_retried(
    method: str, fault: Fault, emulator: Emulator, transport: Transport, clock: Clock
) -> None:
    emulator.seed(SEED)
    emulator.faults.add(fault)
    error_of(transport, method, ONE, values=["example.com"])
    assert len(emulator.requests) == 1
    assert clock.slept == []


@pytest.mark.parametrize(
    ("kind", "status", "method", "doubtful"),
    [
        ("status", 500, "GET", False),
        ("status", 500, "PUT", True),
        ("status", 503, "POST", True),
        ("truncated_json", 200, "GET", False),
        ("truncated_json", 200, "PUT", True),
        ("reset_before", None, "GET", False),
        ("reset_before", None, "DELETE", True),
        ("rate_limit", 429, "PUT", False),
        ("redirect", 302, "PUT", False),
    ],
)
def test_only_a_write_can_be_doubtful(
    kind: str, status: int | None, method: str, doubtful: bool, emulator: Emulator
) -> None:
    emulator.seed(SEED)
    emulator.faults.add(Fault(kind, status=status if kind == "status" else None))
    error = error_of(connect(emulator, retry_timeout=0), method, ONE, values=["example.com"])
    assert (error.status, error.doubtful) == (status, doubtful)


def test_slow_answer_is_retried(emulator: Emulator, clock: Clock) -> None:
    emulator.faults.add(Fault("delay", seconds=30))
    transport = connect(emulator, timeout=0.5)
    assert transport.request("GET", DOMAINS)["success"] is True
    assert len(emulator.requests) == 2


def test_pauses_grow_and_the_message_names_tries_and_seconds(emulator: Emulator, clock: Clock) -> None:
    emulator.faults.add(Fault("status", status=503, times=None))
    error = error_of(connect(emulator, retry_timeout=100))
    assert clock.slept == [0.5, 1, 2, 4, 8, 16, 32]
    assert len(emulator.requests) == 8
    assert error.reason == ("the service answered 503: Something went wrong.; given up after 8 tries in 64 s")


def test_pauses_grow_up_to_a_minute_and_are_reported(emulator: Emulator, clock: Clock) -> None:
    emulator.faults.add(Fault("status", status=503, times=9))
    transport = connect(emulator, retry_timeout=500)
    reports: list[tuple[str, float]] = []
    transport.on_retry = lambda story, seconds: reports.append((story, seconds))
    transport.request("GET", DOMAINS)
    assert clock.slept == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    story = "GET /v3/domains: the service answered 503: Something went wrong."
    assert reports == [(story, seconds) for seconds in clock.slept]


@pytest.mark.parametrize(("retry_timeout", "slept"), [(7, [0.5, 1, 2]), (8, [0.5, 1, 2, 4])])
def test_pause_must_end_before_retry_timeout(
    retry_timeout: float, slept: list[float], emulator: Emulator, clock: Clock
) -> None:
    emulator.faults.add(Fault("status", status=503, times=None))
    error_of(connect(emulator, retry_timeout=retry_timeout))
    assert clock.slept == slept


@pytest.mark.parametrize(("method", "doubtful"), [("GET", False), ("PUT", True)])
def test_end_of_the_run_ends_a_pause(method: str, doubtful: bool, emulator: Emulator) -> None:
    emulator.faults.add(Fault("reset_before"))
    transport = connect(emulator)
    transport.on_retry = lambda story, seconds: transport.stop.set()
    error = error_of(transport, method)
    assert isinstance(error, Interrupted)
    assert error.reason == "not sent, because the run was interrupted"
    assert error.doubtful is doubtful
    assert len(emulator.requests) == 1


def test_end_of_the_run_ends_a_wait_for_the_rate_limit(emulator: Emulator) -> None:
    emulator.rate_limit = RateLimit(1, window=50)
    transport = connect(emulator)
    transport.request("GET", DOMAINS)
    transport.limits.on_wait = lambda seconds, limit: transport.stop.set()
    assert isinstance(error_of(transport), Interrupted)
    assert len(emulator.requests) == 1


def test_end_of_the_run_ends_a_wait_after_a_refusal(emulator: Emulator) -> None:
    emulator.faults.add(Fault("rate_limit", retry_after=50))
    transport = connect(emulator)
    transport.limits.on_wait = lambda seconds, limit: transport.stop.set()
    assert isinstance(error_of(transport), Interrupted)
    assert len(emulator.requests) == 1


def test_earlier_requests_without_an_answer_are_an_error(emulator: Emulator, clock: Clock) -> None:
    transport = connect(emulator, timeout=0.01, retry_timeout=0)
    transport.limits.enter(("GET", DOMAINS), 1)
    error = error_of(transport)
    assert isinstance(error, Unavailable)
    assert error.reason == "not sent, because earlier requests were not answered in time"
    assert error.doubtful is False


@pytest.mark.parametrize(
    ("error", "repeatable", "tries", "spent", "pause"),
    [
        (Unavailable("lost", "POST", ALIAS, doubtful=True), False, 1, 0, 0.5),
        (Unavailable("lost", "DELETE", ALIAS, doubtful=True), False, 3, 0, 2),
        (Unavailable("lost", "POST", ALIAS, 503, doubtful=True), False, 1, 59, 0.5),
        (Unavailable("lost", "POST", ALIAS, doubtful=True), False, 2, 59, None),
        (Unavailable("lost", "POST", ALIAS, doubtful=True), False, 1, 70, None),
        (Unavailable("lost", "POST", ALIAS, 500, doubtful=True), False, 1, 0, None),
        (Unavailable("lost", "POST", ALIAS), False, 1, 0, None),
        (Unavailable("lost", "PUT", ALIAS, doubtful=True), True, 1, 0, None),
        (BadReply("odd", "POST", ALIAS, 200, doubtful=True), False, 1, 0, None),
    ],
)
def test_lost_write_is_tried_again_after_a_pause_while_there_is_time(
    error: ApiError,
    repeatable: bool,
    tries: int,
    spent: float,
    pause: float | None,
    emulator: Emulator,
    clock: Clock,
) -> None:
    error.repeatable = repeatable
    transport = connect(emulator, retry_timeout=60)
    transport.request("GET", DOMAINS)
    clock.sleep(spent)
    assert transport.pause_before_retry(error, tries, 0) is (pause is not None)
    assert clock.slept[1:] == ([] if pause is None else [pause])


def test_retry_that_the_rate_limit_prevents_stays_doubtful(emulator: Emulator, clock: Clock) -> None:
    """The answer to a write is lost, and then another request uses up the window."""
    emulator.seed(SEED)
    emulator.keep_time_by(clock.time)
    emulator.faults.add(Fault("reset_after", method="PUT"))
    transport = connect(emulator, retry_timeout=60)

    def meanwhile(_reason: str, _seconds: float) -> None:
        emulator.rate_limit = RateLimit(1, window=90, scope="account")
        transport.request("GET", DOMAINS)

    transport.on_retry = meanwhile
    error = error_of(transport, "PUT", ONE, values=["example.com"], body={})
    assert isinstance(error, RateLimited)
    assert (error.status, error.doubtful) == (None, True)
    assert len(emulator.requests) == 2


def test_retry_that_waits_for_the_answers_of_others_in_vain_stays_doubtful(
    emulator: Emulator, clock: Clock
) -> None:
    emulator.seed(SEED)
    emulator.faults.add(Fault("reset_after"))
    transport = connect(emulator, timeout=0.2, retry_timeout=0.6)

    def meanwhile(_reason: str, _seconds: float) -> None:
        transport.limits.enter(("GET", DOMAINS), 1)  # it is never answered

    transport.on_retry = meanwhile
    error = error_of(transport, "PUT", ONE, values=["example.com"], body={})
    assert error.reason == "not sent, because earlier requests were not answered in time"
    assert (error.status, error.doubtful) == (None, True)
    assert len(emulator.requests) == 1


def test_once_in_doubt_always_in_doubt(emulator: Emulator, clock: Clock) -> None:
    emulator.seed(SEED)
    emulator.faults.add(Fault("reset_after"))
    emulator.faults.add(Fault("rate_limit", retry_after=90))
    clock.sleep(5)
    error = error_of(connect(emulator), "PUT", ONE, values=["example.com"], body={})
    assert isinstance(error, RateLimited)
    assert error.doubtful is True
    assert error.reason.endswith(
        "; the next retry would start in 90 s, after the end of retry_timeout; given up after 2 tries in 0 s"
    )


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=503),
        Fault("reset_before"),
        Fault("rate_limit", retry_after=0),
        Fault("rate_limit"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.retry_after}",
)
def test_retry_timeout_of_zero_is_one_try(fault: Fault, emulator: Emulator, clock: Clock) -> None:
    emulator.faults.add(fault)
    error = error_of(connect(emulator, retry_timeout=0))
    assert "tries" not in str(error)
    assert len(emulator.requests) == 1
    assert clock.slept == []


def test_all_requests_share_one_retry_budget_in_an_outage(emulator: Emulator, clock: Clock) -> None:
    transport = connect(emulator, retry_timeout=10)
    emulator.faults.add(Fault("status", status=503, times=None))
    error_of(transport)
    error_of(transport, "DELETE", ONE, values=["a.example"])
    error_of(transport)
    assert clock.slept == [0.5, 1, 2, 4, 0.5, 1, 0.5]
    emulator.faults.clear()
    transport.request("GET", DOMAINS)
    emulator.faults.add(Fault("status", status=503))
    transport.request("GET", DOMAINS)


# Proxies


@dataclass
class Proxy:
    """Forwards plain HTTP. Answers to the ``silent`` methods are not returned."""

    address: str = ""
    silent: tuple[str, ...] = ()
    status: int | None = None  # to answer with instead of forwarding
    seen: list[str] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def pass_on(self) -> None:
                proxy.seen.append(f"{self.command} {self.path}")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = (proxy.status, b"") if proxy.status else self.fetch(body)
                self.close_connection = True
                if self.command not in proxy.silent:
                    self.send_response(answer[0])
                    self.send_header("Content-Length", str(len(answer[1])))
                    self.end_headers()
                    self.wfile.write(answer[1])

            def fetch(self, body: bytes) -> tuple[int, bytes]:
                target = urlsplit(self.path)
                connection = HTTPConnection(target.netloc, timeout=5)
                connection.request(self.command, target.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                return answer.status, content

            do_GET = do_POST = do_PUT = do_DELETE = pass_on

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing to the terminal."""

        return Handler


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that the environment sets for every host."""
    proxy = Proxy()
    server = ThreadingHTTPServer(("127.0.0.1", 0), proxy.handler())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    proxy.address = f"127.0.0.1:{server.server_port}"
    name_proxy(monkeypatch, f"http://{proxy.address}")
    yield proxy
    server.shutdown()
    server.server_close()
    thread.join(10)


def name_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTP_PROXY", url)
    monkeypatch.setenv("HTTPS_PROXY", url)
    monkeypatch.setenv("NO_PROXY", "")


@pytest.fixture
def dead_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def test_requests_go_through_the_proxy_of_the_environment(emulator: Emulator, proxy: Proxy) -> None:
    transport = connect(emulator)
    transport.request("POST", DOMAINS, body={"domain": "new.example"})
    assert transport.request("GET", ONE, ["new.example"])["success"] is True
    assert proxy.seen == [f"POST {emulator.url}{DOMAINS}", f"GET {emulator.url}{DOMAINS}/new.example"]
    assert [effect.name for effect in emulator.ledger] == ["new.example"]


def test_post_forwarded_by_a_failing_proxy_is_doubtful_and_not_retried(
    emulator: Emulator, proxy: Proxy, clock: Clock
) -> None:
    proxy.silent = ("POST",)
    error = error_of(connect(emulator), "POST", body={"domain": "new.example"})
    assert isinstance(error, Unavailable)
    assert error.doubtful is True
    assert len(proxy.seen) == len(emulator.ledger) == 1
    assert clock.slept == []


def test_post_to_an_unreachable_proxy_is_known_as_not_sent(
    dead_address: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    name_proxy(monkeypatch, f"http://{dead_address}")
    transport = connect(emulator, retry_timeout=3)
    error = error_of(transport, "POST", body={"domain": "new.example"})
    assert isinstance(error, Unavailable)
    assert error.doubtful is False
    assert "can't be reached" in str(error)
    assert transport.requests_made == 3
    assert emulator.requests == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "fault",
    ["down", "silent", "407", "403", "502", "unknown host"],
)
def test_credentials_of_a_proxy_are_not_shown(
    fault: str,
    method: str,
    emulator: Emulator,
    proxy: Proxy,
    dead_address: str,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    word = "pass-long-odd%2F7d6c5b"
    address = {"down": dead_address, "unknown host": "nowhere.invalid:3128"}.get(fault, proxy.address)
    name_proxy(monkeypatch, f"http://user:{word}@{address}")
    if fault == "silent":
        proxy.silent = ("GET", "POST")
    if fault.isdigit():
        proxy.status = int(fault)
    error = error_of(connect(emulator, retry_timeout=0), method)
    for secret in (word, "pass-long-odd/7d6c5b"):
        for reported in (str(error), error.service_message, error.reason):
            assert_no_secret(reported, secret)
    assert "7d6c5b" not in str(error)
    if fault in ("down", "unknown host"):
        assert f"{emulator.url} through the proxy http://{address} can't be reached: " in str(error)
    if fault == "407":
        assert "a proxy requires a user name and a password" in str(error)


@pytest.mark.parametrize("password", ["zq", "7d6", "7d6c%2F:b%40c", "z:q:r", "%zq%", "7d6c5b4a3"])
@pytest.mark.parametrize("scheme", ["", "http://", "HTTPS://", "socks5://", "socks4a://"])
def test_even_a_short_password_of_a_proxy_is_not_shown(
    scheme: str,
    password: str,
    emulator: Emulator,
    dead_address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name_proxy(monkeypatch, f"{scheme}user:{password}@{dead_address}")
    error = error_of(connect(emulator, retry_timeout=0))
    assert f"through the proxy {scheme or 'http://'}{dead_address} can't be reached: " in str(error)
    for secret in (password, unquote(password)):
        assert secret not in str(error)


@pytest.mark.parametrize("password", ["refused", "Errno"])
def test_reason_with_the_password_of_a_proxy_is_replaced(
    password: str, emulator: Emulator, dead_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_proxy(monkeypatch, f"http://user:{password}@{dead_address}")
    error = error_of(connect(emulator, retry_timeout=0))
    assert "can't be reached: ConnectionRefusedError" in str(error)
    assert password not in str(error)


@pytest.mark.parametrize(
    "address",
    ["", "[::1", "127.0.0.1:port", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:1:2", ":3128", "a b:3128",
     "127.0.0.1:3128/path", "127.0.0.1:3128?a=b", "127.0.0.1:3128#a", "x@127.0.0.1:3128", "h\\i:1"],
)  # fmt: skip
@pytest.mark.parametrize("word", ["pass-long-odd-7d6c5b", "pa#7d6c5b", "pa/7d6c5b", "pa?7d6c5b", "7d6c5b/p"])
def test_malformed_proxy_is_rejected_before_any_request_without_being_quoted(
    word: str, address: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_proxy(monkeypatch, f"http://user:{word}@{address}")
    with pytest.raises(InputError, match="the proxy in the environment is not of the form") as refused:
        connect(emulator)
    assert "7d6c5b" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["gopher://user:7d6c5b@h:1", "http://user:p#7d6c5b@127.0.0.1:1", "socks9://h"]
)
def test_unsupported_proxy_scheme_is_rejected(
    url: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_proxy(monkeypatch, url)
    with pytest.raises(InputError, match="the proxy in the environment is not of the form") as refused:
        connect(emulator)
    assert "7d6c5b" not in str(refused.value)


def test_proxy_for_other_hosts_is_not_validated(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    name_proxy(monkeypatch, "gopher://nothing")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert connect(emulator).request("GET", DOMAINS)["success"] is True


# First contact


def resolve_nothing(code: int) -> Callable[..., Any]:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror(code, "Name or service not known")

    return fail


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN], ids=["unknown", "for now"])
def test_unknown_host_is_not_retried(code: int, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolve_nothing(code))
    transport = connect_to("http://nowhere.example", "key", retry_timeout=300)
    error = error_of(transport)
    assert "http://nowhere.example can't be reached: " in str(error)
    if code == socket.EAI_NONAME:
        assert (transport.requests_made, clock.slept) == (1, [])
    else:
        assert transport.requests_made > 1
        assert sum(clock.slept) <= 30


def test_fault_without_a_text_is_named(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = error_of(connect_to("http://nowhere.example", retry_timeout=0))
    assert error.reason.startswith("http://nowhere.example can't be reached: ConnectionRefusedError;")


def test_after_an_answer_no_fault_is_permanent(
    emulator: Emulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda connection: connection.sendall(reply(b"{}"))) as url:
        transport = connect_to(url, retry_timeout=3)
        transport.request("GET", DOMAINS)
        monkeypatch.setattr(socket, "getaddrinfo", resolve_nothing(socket.EAI_NONAME))
        error = error_of(transport)
    assert error.reason.endswith("; given up after 3 tries in 2 s")
    assert clock.slept == [0.5, 1]


def test_unreachable_service_fails_within_30_seconds(dead_address: str, clock: Clock) -> None:
    transport = connect_to(f"http://{dead_address}", "key", retry_timeout=300)
    error = error_of(transport)
    assert clock.slept == [0.5, 1, 2, 4, 8]
    assert "given up after 6 tries in 1" in str(error)
    assert str(error).endswith("; no answer was received so far, so check api_url, the proxy and the network")


def test_requests_after_the_first_answer_use_the_full_retry_timeout(emulator: Emulator, clock: Clock) -> None:
    transport = connect(emulator, retry_timeout=300)
    transport.request("GET", DOMAINS)
    emulator.faults.add(Fault("reset_before", times=None))
    error = error_of(transport)
    assert sum(clock.slept) > 200
    assert "no answer was received" not in str(error)


def test_longer_timeout_of_one_try_counts_for_the_first_request_as_well(
    dead_address: str, clock: Clock
) -> None:
    transport = connect_to(f"http://{dead_address}", "key", timeout=100, retry_timeout=300)
    error_of(transport)
    assert 30 < sum(clock.slept) <= 100


@pytest.mark.parametrize("answer", [b"\x15\x03\x01\x00\x02\x02\x46", b"220 mail.example ESMTP\r\n"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_other_protocol_is_not_retried(scheme: str, answer: bytes, clock: Clock) -> None:
    with serving(lambda connection: connection.sendall(answer)) as url:
        transport = connect_to(url.replace("http:", f"{scheme}:"), "key", retry_timeout=300)
        error = error_of(transport)
    assert isinstance(error, Unavailable)
    assert (transport.requests_made, clock.slept) == (1, [])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_version_mismatch_is_not_retried(authority: trustme.CA, clock: Clock) -> None:
    context = tls_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(lambda connection: connection.sendall(reply(b"{}")), context) as url:
        transport = connect_to(url, "key", retry_timeout=300, verify=False)
        error = error_of(transport)
    assert isinstance(error, Unavailable)
    assert (transport.requests_made, clock.slept) == (1, [])


def test_socks_proxy_without_its_library_is_not_retried(
    emulator: Emulator, dead_address: str, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def missing(*_args: Any, **_options: Any) -> None:
        raise InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", missing)
    name_proxy(monkeypatch, f"socks5://user:pass-long-odd-7d6c5b@{dead_address}")
    transport = connect(emulator, retry_timeout=300)
    error = error_of(transport)
    assert error.reason == f"the proxy socks5://{dead_address} needs the Python library PySocks"
    assert "7d6c5b" not in str(error)
    assert (transport.requests_made, clock.slept) == (1, [])


# Rate limits


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("fault", "shortest", "longest"),
    [
        (Fault("rate_limit", retry_after=7), 6.5, 7),
        (Fault("rate_limit", retry_after="date", seconds=7), 5, 9),
        (Fault("rate_limit", reset=True, seconds=7), 5, 9),
        (Fault("rate_limit", retry_after=7, reset=True), 6.5, 7),
        (Fault("rate_limit"), 0.5, 0.5),
    ],
    ids=["seconds", "date", "reset", "both", "neither"],
)
def test_rate_limited_request_is_retried_when_the_service_allows(
    method: str, fault: Fault, shortest: float, longest: float, emulator: Emulator, clock: Clock
) -> None:
    emulator.seed(SEED)
    emulator.faults.add(fault)
    transport = connect(emulator)
    values = [] if method == "POST" else ["example.com"]
    transport.request(method, ONE if values else DOMAINS, values, body={"domain": "new.example"})
    assert len(emulator.requests) == 2
    assert shortest <= sum(clock.slept) <= longest
    assert transport.limits.seconds_waited == sum(clock.slept)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "soon"},
        {"Retry_After": "-5"},
        {"Retry_After": "nan"},
        {"Retry_After": "", "X_RateLimit_Reset": "never"},
        {"Retry_After": "Fri, 99 Foo 2026"},
    ],
    ids=str,
)
def test_unreadable_retry_after_causes_a_usual_pause(headers: dict[str, str], clock: Clock) -> None:
    answers = [reply(b"{}", **headers).replace(b"200 OK", b"429 Slow"), reply(b"{}")]
    with serving(lambda connection: connection.sendall(answers.pop(0))) as url:
        assert connect_to(url, "key").request("GET", DOMAINS) == {}
    assert clock.slept == [0.5]


@pytest.mark.parametrize("reset", [7, 1_900_000_007, 1_900_000_007_000, "Sun, 17 Mar 2030 17:46:47 GMT"])
def test_times_are_compared_with_the_clock_of_the_service(reset: object, clock: Clock) -> None:
    headers = {"Date": "Sun, 17 Mar 2030 17:46:40 GMT", "X_RateLimit_Reset": str(reset)}
    answers = [reply(b"{}", **headers).replace(b"200 OK", b"429 Slow"), reply(b"{}")]
    with serving(lambda connection: connection.sendall(answers.pop(0))) as url:
        connect_to(url, "key").request("GET", DOMAINS)
    assert clock.slept == [pytest.approx(7, abs=0.2)]


def test_persistent_rate_limit_is_not_retried_rapidly(emulator: Emulator, clock: Clock) -> None:
    emulator.faults.add(Fault("rate_limit", retry_after=0, times=400))
    with pytest.raises(RateLimited):
        connect(emulator, retry_timeout=5).request("GET", DOMAINS)
    assert len(emulator.requests) <= 10
    assert clock.slept == [0, 1, 2]


@pytest.mark.parametrize(("seconds", "sent"), [(59, True), (60, False), (61, False)])
def test_wait_for_the_rate_limit_must_end_before_retry_timeout(
    seconds: int, sent: bool, emulator: Emulator, clock: Clock
) -> None:
    emulator.faults.add(Fault("rate_limit", retry_after=seconds))
    transport = connect(emulator, retry_timeout=60)
    if sent:
        transport.request("GET", DOMAINS)
    else:
        error = error_of(transport)
        assert error.reason.endswith(f" in {seconds} s, after the end of retry_timeout")
    assert clock.slept == ([seconds] if sent else [])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_wait_longer_than_the_budget_fails_with_its_length(
    method: str, emulator: Emulator, clock: Clock
) -> None:
    emulator.faults.add(Fault("rate_limit", retry_after=90))
    transport = connect(emulator, retry_timeout=60)
    error = error_of(transport, method)
    assert isinstance(error, RateLimited)
    assert error.reason.endswith("; the next retry would start in 90 s, after the end of retry_timeout")
    assert error.service_message == "Rate limit exceeded."
    # No further request is sent while the window is known to be closed.
    later = error_of(transport, method)
    assert isinstance(later, RateLimited)
    assert later.reason == (
        "the service's rate limit allows no request for another 90 s, longer than retry_timeout"
    )
    assert (later.status, later.doubtful) == (None, False)
    assert len(emulator.requests) == 1
    assert clock.slept == []


def test_used_up_limit_is_waited_for_before_sending(emulator: Emulator, clock: Clock) -> None:
    transport = connect(emulator)
    emulator.keep_time_by(clock.time)
    emulator.rate_limit = RateLimit(2, window=30)
    transport.request("GET", DOMAINS)
    transport.request("GET", DOMAINS)
    assert clock.slept == []
    transport.request("GET", DOMAINS)
    assert len(clock.slept) == 1
    assert emulator.rate_limited == 0
    assert len(emulator.requests) == 3
    assert transport.limits.met == "all requests (2 requests a window)"


def test_request_without_an_answer_shows_nothing_about_the_limit(emulator: Emulator, clock: Clock) -> None:
    transport = connect(emulator, retry_timeout=0)
    emulator.rate_limit = RateLimit(1)
    transport.request("GET", DOMAINS)
    closed = transport.limits.seconds_until_open(("GET", DOMAINS))
    emulator.faults.add(Fault("reset_before", method="POST"))
    error = error_of(transport, "POST")
    assert "connection" in error.reason
    assert closed
    assert transport.limits.seconds_until_open(("GET", DOMAINS)) == closed


def test_refusal_by_a_limit_of_some_requests_is_waited_for(emulator: Emulator, clock: Clock) -> None:
    transport = connect(emulator)
    emulator.keep_time_by(clock.time)
    emulator.rate_limit = RateLimit(10, window=300)  # for each endpoint
    for template in (DOMAINS, "/v3/account") * 2:
        transport.request("GET", template)
    emulator.faults.add(Fault("rate_limit", retry_after=7))
    transport.request("GET", DOMAINS)
    assert clock.slept == [7]


# Secrets


@pytest.mark.parametrize("form", range(4))
@pytest.mark.parametrize(
    "fault",
    [
        lambda text: Fault("body", status=400, body={"error": f"Key {text}!"}),
        lambda text: Fault("body", status=503, body={"errors": {text: [text]}}),
        lambda text: Fault("body", status=429, body={"errors": [text], "message": text}),
        lambda text: Fault("body", status=400, body={"error": "x" * 580 + text}),
        lambda text: Fault("redirect", location=f"https://elsewhere.example/?key={quote(text)}"),
    ],
    ids=["error", "fields", "list", "cut", "redirect"],
)
def test_echoed_key_is_not_shown(fault: Callable[[str], Fault], form: int, emulator: Emulator) -> None:
    secret = emulator.api_key
    text = forms_of(secret)[form]
    emulator.faults.add(fault(text))
    error = error_of(connect(emulator, retry_timeout=0))
    for reported in (str(error), error.service_message, error.reason):
        assert_no_secret(reported, secret)
        assert text[:12] not in reported


@pytest.mark.parametrize("form", range(4))
@pytest.mark.parametrize("status", ["200 OK", "404 No"])
def test_key_in_a_page_of_a_proxy_is_not_shown(form: int, status: str) -> None:
    secret = "sk_secret:9f/8e+7d=6c5b4a39"
    page = f"<html><title>Blocked: {forms_of(secret)[form]}</title></html>".encode()
    answer = reply(page, Content_Type="text/html").replace(b"200 OK", status.encode())
    with serving(lambda connection: connection.sendall(answer)) as url:
        error = error_of(connect_to(url, secret, retry_timeout=0))
    assert "Blocked: " in str(error)
    assert_no_secret(str(error), secret)


@pytest.mark.parametrize("key", ["sk_12345678", "sk_1234567", "sk_123456", "sk_1234567W", "sk_123456\udcff"])
def test_key_is_masked_as_it_is_sent(key: str, emulator: Emulator) -> None:
    """With and without padding, and with bytes that are not UTF-8."""
    sent = base64.b64encode(f"api:{key}".encode(errors="surrogateescape")).decode().rstrip("=")
    transport = connect_to(emulator.url, key)
    assert transport.mask(f"Basic {sent}, {key}") == "Basic ********, ********"


@pytest.mark.parametrize(("password", "shown"), [("12345678", "********"), ("1234567", "1234567")])
def test_password_of_a_proxy_is_masked_from_8_characters_on(
    password: str, shown: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_proxy(monkeypatch, f"http://user:{password}@127.0.0.1:9")
    assert connect(emulator).mask(f"({password})") == f"({shown})"


@pytest.mark.parametrize("token", ["sk_7d6c5b4a", " sk_7d6c5b4a "])
def test_token_of_a_reply_is_a_secret(token: str, emulator: Emulator) -> None:
    emulator.faults.add(Fault("body", body={"token": token}))
    transport = connect(emulator)
    transport.request("GET", DOMAINS)
    assert transport.mask("(sk_7d6c5b4a)") == "(********)"


@pytest.mark.parametrize("token", ["", " ", None, 5, ["sk"]])
def test_token_that_is_no_text_hides_nothing(token: Any, emulator: Emulator) -> None:
    emulator.faults.add(Fault("body", body={"token": token}))
    transport = connect(emulator)
    transport.request("GET", DOMAINS)
    assert transport.mask("a sk 5") == "a sk 5"


def test_hidden_secret_is_left_out_of_what_is_quoted(emulator: Emulator) -> None:
    transport = connect(emulator)
    transport.hide(" a/b c+d=7d6c5b ")
    transport.hide("7d6c5b-and-more")
    forms = ("a/b c+d=7d6c5b", "a%2Fb%20c%2Bd%3D7d6c5b", "a%2Fb+c%2Bd%3D7d6c5b", "YS9iIGMrZD03ZDZjNWI=")
    for form in (*forms, "7d6c5b-and-more"):
        reported = transport.quote(f"The word ({form}) is bad.")
        assert reported.startswith("The word (")
        assert reported.endswith(") is bad.")
        assert "7d6c5b" not in reported
        assert form not in reported


@pytest.mark.parametrize("secret", ["a", "bad", "*", "e i"])
def test_text_with_a_short_secret_is_hidden_completely(secret: str, emulator: Emulator) -> None:
    transport = connect(emulator)
    transport.hide(secret)
    assert transport.quote("The * a e is bad.") == "(not shown, because it contains a secret)"
    assert transport.quote("Not so.") == "Not so."


@pytest.mark.parametrize(
    ("depth", "words"), [(3, "a: bad"), (4, "a: ..."), (48, "a: ..."), (49, ""), (900, "")]
)
def test_deeply_nested_error_is_reported_without_a_traceback(
    depth: int, words: str, emulator: Emulator, transport: Transport
) -> None:
    nested = '{"errors": {"a": %s"bad"%s}}' % ("[" * depth, "]" * depth)
    emulator.faults.add(Fault("body", status=400, body=nested))
    error = error_of(transport)
    assert error.service_message == words


# TLS


@pytest.fixture
def tls_url(authority: trustme.CA) -> Iterator[str]:
    """A server with a certificate of a private authority."""
    answer = reply(b'{"success": true}')
    with serving(lambda connection: connection.sendall(answer), tls_context(authority)) as url:
        yield url


@pytest.fixture(params=[None, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def bundle_in_environment(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No bundle in the environment, or one with an unrelated authority."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    if request.param:
        trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
        monkeypatch.setenv(request.param, str(tmp_path / "other.pem"))


@pytest.mark.usefixtures("bundle_in_environment")
def test_unknown_authority_is_rejected_and_the_message_names_ca_path(tls_url: str, clock: Clock) -> None:
    transport = connect_to(tls_url, "key")
    error = error_of(transport)
    assert isinstance(error, BadReply)
    assert re.fullmatch(
        rf"the certificate of {tls_url} can't be verified \(.+\): give the CA bundle to trust in ca_path",
        error.reason,
    )
    assert (error.status, error.doubtful) == (None, False)
    assert transport.requests_made == 1


@pytest.mark.usefixtures("bundle_in_environment")
def test_authority_in_ca_path_is_trusted(tls_url: str, ca_path: str) -> None:
    assert connect_to(tls_url, "key", verify=ca_path).request("GET", DOMAINS) == {"success": True}


@pytest.mark.usefixtures("bundle_in_environment")
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_any_certificate_is_accepted_without_verification(tls_url: str) -> None:
    assert connect_to(tls_url, "key", verify=False).request("GET", DOMAINS) == {"success": True}


def test_certificate_for_another_name_is_refused(authority: trustme.CA, ca_path: str) -> None:
    context = tls_context(authority, "other.example")
    with serving(lambda connection: connection.sendall(reply(b"{}")), context) as url:
        error = error_of(connect_to(url, "key", verify=ca_path))
    assert "can't be verified" in str(error)


@pytest.mark.parametrize("content", [b"", b"no certificate"])
def test_ca_path_without_a_certificate_is_an_error_that_names_it(
    content: bytes, tls_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    error = error_of(connect_to(tls_url, verify=str(path), retry_timeout=0))
    assert isinstance(error, BadReply)
    assert re.fullmatch(
        rf"the certificate of {tls_url} can't be verified \(.*\): give the CA bundle to trust in ca_path",
        error.reason,
    )


def test_ca_path_that_vanishes_is_an_error_that_names_it(tls_url: str, ca_path: str) -> None:
    transport = connect_to(tls_url, verify=ca_path, retry_timeout=0)
    Path(ca_path).unlink()
    error = error_of(transport)
    assert isinstance(error, BadReply)
    assert re.match(rf"the CA bundle can't be used, see ca_path: .*{re.escape(ca_path)}", error.reason)
    assert (error.status, error.doubtful) == (None, False)


def test_plain_http_on_a_tls_port_is_reported_without_a_traceback(tls_url: str) -> None:
    error = error_of(connect_to(tls_url.replace("https:", "http:"), "key", retry_timeout=0))
    assert isinstance(error, Unavailable)
