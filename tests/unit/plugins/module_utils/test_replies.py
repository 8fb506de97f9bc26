# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer of the service holds, and how messages describe it."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import pytest
from requests import Response
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from ansible_collections.improvmx.email.plugins.module_utils._http.replies import (
    TooLarge,
    appearance,
    is_refusal,
    one_line,
    parse_json,
    read_body,
    read_service_message,
    redirect_target,
)


def response_with(**headers: str) -> Response:
    response = Response()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def response_of(body: bytes, **headers: str) -> Response:
    response = response_with(**headers)
    response.raw = HTTPResponse(io.BytesIO(body), response.headers, preload_content=False)
    return response


CHUNK = 256 * 1024


@pytest.mark.parametrize("coding", [None, "gzip", " GZip "])
@pytest.mark.parametrize(
    ("size", "held"),
    [(0, []), (1, [1]), (CHUNK, [CHUNK]), (2 * CHUNK + 1, [CHUNK, 2 * CHUNK, 2 * CHUNK + 1])],
)
def test_body_is_read_in_pieces(size: int, held: list[int], coding: str | None) -> None:
    body = b"x" * size
    response = response_of(gzip.compress(body), Content_Encoding=coding) if coding else response_of(body)
    sizes: list[int] = []
    pieces = list(read_body(response, sizes.append))
    assert b"".join(pieces) == body
    assert [size for size in sizes if size] == held
    assert max(map(len, pieces), default=0) <= CHUNK


@pytest.mark.parametrize("coding", ["deflate", "gzip, gzip", "br"])
def test_other_codings_are_not_unpacked(coding: str) -> None:
    packed = zlib.compress(b"x")
    assert b"".join(read_body(response_of(packed, Content_Encoding=coding), lambda size: None)) == packed


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_body_is_read_only_until_it_is_too_large(coding: str) -> None:
    body = b"x" * (4 * CHUNK)
    response = response_of(gzip.compress(body) if coding == "gzip" else body, Content_Encoding=coding)
    sizes: list[int] = []

    def hold(size: int) -> None:
        sizes.append(size)
        if size > CHUNK:
            raise TooLarge

    with pytest.raises(TooLarge):
        list(read_body(response, hold))
    assert sizes == [CHUNK, 2 * CHUNK]


def test_part_of_a_body_is_an_error() -> None:
    with pytest.raises(HTTPError):
        list(read_body(response_of(b"{}", Content_Length="3"), lambda size: None))
    with pytest.raises(zlib.error):
        list(read_body(response_of(b"{}", Content_Encoding="gzip"), lambda size: None))


@pytest.mark.parametrize(
    ("content", "reply"),
    [
        (b"{}", {}),
        (b"5", 5),
        (b'"text"', "text"),
        (b"null", None),
        (b'\xef\xbb\xbf{"a": [1, -2.5, true]}', {"a": [1, -2.5, True]}),
        (b"1e308", 1e308),
        (b"1" + b"0" * 308, 10**308),
        (b"-1" + b"0" * 308, -(10**308)),
        (b"[" * 50 + b"]" * 50, None),
    ],
)
def test_json_is_read(content: bytes, reply: Any) -> None:
    parsed, readable = parse_json(content)
    assert readable is True
    if not content.startswith(b"[["):
        assert parsed == reply


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b"Infinity",
        b"[-Infinity]",
        b"1e309",
        b"1" + b"0" * 309,
        b"[" * 51 + b"]" * 51,
        b"[" * 25 + b'{"a": ' * 26 + b"0" + b"}" * 26 + b"]" * 25,
        b"[" * 100_000,
    ],
    ids=lambda content: content[:12].decode(errors="ignore"),
)
def test_what_is_no_json_or_too_deep_is_not_read(content: bytes) -> None:
    assert parse_json(content) == (None, False)


@pytest.mark.parametrize(
    ("content", "reply"),
    [
        (rb'["\ud83d\ude00 \uD83D", "\\ud83d"]', ["\U0001f600 \ufffd", "\\ud83d"]),
        (rb'{"\uDC00": {"b": ["\ude00", 1, null]}}', {"\ufffd": {"b": ["\ufffd", 1, None]}}),
        (b'{"a": {"__ansible_unsafe": 1, "b": 2}, "__ansible": 3}', {"a": {"b": 2}}),
        (rb'[{"\u005f_ansible": 1, "_ansible": 2, "a__ansible": 3}]', [{"_ansible": 2, "a__ansible": 3}]),
    ],
)
def test_what_results_of_ansible_can_not_hold_is_replaced_or_left_out(content: bytes, reply: Any) -> None:
    assert parse_json(content) == (reply, True)


@pytest.mark.parametrize(
    ("reply", "refusal"),
    [
        ({"success": False, "error": "No."}, True),
        ({"success": False, "errors": {}}, True),
        ({"success": False, "message": "No."}, True),
        ({"success": False}, False),
        ({"success": False, "code": 404}, False),
        ({"success": True, "error": "No."}, False),
        ({"success": None, "error": "No."}, False),
        ({"code": 404, "error": "No."}, True),
        ({"code": "404", "errors": {}}, True),
        ({"code": 404, "message": "No."}, False),
        ({"code": 404}, False),
        ({"code": 403, "error": "No."}, False),
        ({"error": "No."}, False),
        ({}, False),
        ([], False),
        (None, False),
        ("error", False),
    ],
)
def test_refusal_has_a_form_of_the_service(reply: Any, refusal: bool) -> None:
    assert is_refusal(reply) is refusal


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"error": "No."}, "No."),
        ({"message": "Invalid."}, "Invalid."),
        ({"error": "No.", "message": "Invalid."}, "No.; Invalid."),
        ({"error": {"deep": 1}, "message": 5}, ""),
        ({"errors": {"email": ["Bad.", "Worse."], "alias": "Taken."}}, "email: Bad. Worse.; alias: Taken."),
        ({"errors": ["Bad.", 5], "error": "No."}, "Bad.; 5; No."),
        ({"errors": "Bad."}, ""),
        ({"errors": {"a": {"b": {"c": "d"}, "e": None}}}, "a: b: c: d, e: None"),
        ({"errors": {"a": {"b": {"c": {"d": 5}}}}}, "a: b: c: d: 5"),
        ({"errors": {"a": {"b": {"c": {"d": {}, "e": 5}}}}}, "a: b: c: d: ..., e: 5"),
        ({"errors": [[[["b"]]]]}, "b"),
        ({"errors": [[[[["c"]], "b"]]]}, "... b"),
        ({"errors": [[[[{}], "b"]]]}, "... b"),
        ({}, ""),
        ([{"error": "No."}], ""),
        (None, ""),
    ],
)
def test_message_of_the_service_is_read_from_each_of_its_forms(reply: Any, message: str) -> None:
    assert read_service_message(reply) == message


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"", "text/html", "an empty body"),
        (b"ab", "text/html", "text/html of 2 bytes"),
        (b"abc", " text/html ; charset=utf-8", "text/html of 3 bytes"),
        (b"a", "; charset=utf-8", "a body without a content type of 1 bytes"),
        (b"a", None, "a body without a content type of 1 bytes"),
        (b"<TITLE>\n Not\nfound </Title><title>b</title>", "a/b", 'a/b of 43 bytes titled "Not\nfound"'),
        (b"\xff<title>\xff</title>", "a/b", 'a/b of 17 bytes titled "\ufffd"'),
        (b" " * 4080 + b"<title>a</title>", "a/b", 'a/b of 4096 bytes titled "a"'),
        (b" " * 4081 + b"<title>a</title>", "a/b", "a/b of 4097 bytes"),
    ],
)
def test_body_that_is_no_json_is_described(content: bytes, kind: str | None, words: str) -> None:
    response = response_with(Content_Type=kind) if kind else response_with()
    assert appearance(response, content) == words


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://user:word@elsewhere.example:8443/a?b=c", "elsewhere.example"),
        ("/v3/other", "another host"),
        ("", "another host"),
        ("http://[", "another host"),
        (None, "another host"),
    ],
)
def test_redirect_leads_to_a_host(location: str | None, host: str) -> None:
    assert redirect_target(response_with(Location=location) if location is not None else Response()) == host


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a", "a"),
        (" two\n lines\t\x1b[31m red\u2028", "two lines [31m red"),
        ("x" * 600, "x" * 600),
        ("x" * 601, "x" * 597 + "..."),
    ],
)
def test_text_of_others_is_shown_on_one_line_that_is_not_too_long(text: str, line: str) -> None:
    assert one_line(text) == line
