# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answers of the service: the body, its JSON, and the message of an error."""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import TYPE_CHECKING, Any, Callable, Iterator, Tuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import requests


_DEEPEST_REPLY = 50  # nested lists and objects; those of the API have 6
_CHUNK = 256 * 1024
_LONGEST_MESSAGE = 600  # characters of a message of the service that our message quotes
# In JSON: a surrogate, paired or not; the prefix of Ansible's own keys, escaped or not.
_NEEDS_CLEANING = re.compile(rb"\\u[dD][89a-fA-F]|__ansible|\\u00[4-7]")
_UTF_16 = "utf-16-le"  # its units are surrogates
_ANSIBLES_OWN = "__ansible"  # keys of a result that Ansible would interpret as one of its types


class TooLarge(Exception):
    """A reply is larger than a run may load into memory."""


def read_body(response: requests.Response, hold: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the body in pieces, unless it is too large. Raises TooLarge, zlib.error, HTTPError.

    It is decompressed here, because a compressed body can expand a thousandfold, and not every urllib3 that
    works with the oldest supported Python limits that. ``hold`` is called with the current size.
    """
    size = 0
    response.raw.enforce_content_length = True  # urllib3 1.26 would accept an incomplete body
    gzip = response.headers.get("Content-Encoding", "").strip().lower() == "gzip"
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16) if gzip else None
    for packed in response.raw.stream(_CHUNK, decode_content=False):
        while packed:
            piece = unpacker.decompress(packed, _CHUNK) if unpacker else packed
            packed = unpacker.unconsumed_tail if unpacker else b""
            size += len(piece)
            hold(size)
            yield piece


def parse_json(content: bytes) -> Tuple[Any, bool]:
    try:
        reply = json.loads(
            content.decode("utf-8-sig"), parse_int=_integer, parse_float=_finite, parse_constant=_finite
        )
    except (ValueError, RecursionError):
        return None, False
    if _is_too_deep(reply):
        return None, False
    return (_cleaned(reply) if _NEEDS_CLEANING.search(content) else reply), True


def is_refusal(reply: Any) -> bool:
    """Return whether this is an error reply in the form of the service; other web servers use other forms.

    All known replies of the service have ``success``; some have the status as ``code`` as well.
    """
    if not isinstance(reply, dict):
        return False
    if reply.get("success") is False:
        return any(name in reply for name in ("error", "errors", "message"))
    return str(reply.get("code")) == "404" and any(name in reply for name in ("error", "errors"))


def read_service_message(reply: Any) -> str:
    """Return the message of an error reply in any of the forms of the service, field by field."""
    if not isinstance(reply, dict):
        return ""
    parts = []
    errors = reply.get("errors")
    if isinstance(errors, dict):
        parts = ["%s: %s" % (name, _plain(texts)) for name, texts in errors.items()]
    elif isinstance(errors, list):
        parts = [_plain(text) for text in errors]
    for name in ("error", "message"):
        if isinstance(reply.get(name), str):
            parts.append(reply[name])
    return "; ".join(parts)


def appearance(response: requests.Response, content: bytes) -> str:
    """Describe an answer that is not JSON: its content type and, for a page, the title."""
    if not content:
        return "an empty body"
    kind = response.headers.get("Content-Type", "").split(";")[0].strip() or "a body without a content type"
    text = content[:4096].decode(errors="replace")
    title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    about = ' titled "%s"' % title[1].strip() if title else ""
    return "%s of %d bytes%s" % (kind, len(content), about)


def redirect_target(response: requests.Response) -> str:
    """Return the host that a redirect points to."""
    try:
        return urlsplit(response.headers["Location"]).hostname or "another host"
    except (KeyError, ValueError):
        return "another host"


def one_line(text: str) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= _LONGEST_MESSAGE else flat[: _LONGEST_MESSAGE - 3] + "..."


def _is_too_deep(reply: Any) -> bool:
    """Return whether a reply is nested too deeply for the API and for results."""
    level = [reply] if isinstance(reply, (dict, list)) else []
    for _dummy_level in range(_DEEPEST_REPLY):
        inner = (value.values() if isinstance(value, dict) else value for value in level)
        level = [part for parts in inner for part in parts if isinstance(part, (dict, list))]
        if not level:
            return False
    return True


def _finite(text: str) -> float:
    """Parse a number. Python accepts NaN, and 1e999 as Infinity, which other JSON parsers reject."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _integer(text: str) -> int:
    _finite(text)
    return int(text)


def _cleaned(value: Any) -> Any:
    """Return JSON in a form that is safe in a result of Ansible.

    Unpaired surrogates are replaced. Keys that Ansible would interpret as its own are removed.
    """
    if isinstance(value, str):
        return value.encode(_UTF_16, "surrogatepass").decode(_UTF_16, "replace")
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    if isinstance(value, dict):
        cleaned = {_cleaned(key): _cleaned(inner) for key, inner in value.items()}
        return {key: inner for key, inner in cleaned.items() if not key.startswith(_ANSIBLES_OWN)}
    return value


def _plain(value: Any, depth: int = 3) -> str:
    """Format a value without quotes and escapes, which could prevent a secret from being masked."""
    if isinstance(value, (dict, list)) and not depth:
        return "..."
    if isinstance(value, dict):
        return ", ".join("%s: %s" % (name, _plain(inner, depth - 1)) for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(_plain(inner, depth - 1) for inner in value)
    return str(value)
