# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs in messages and results: without the password and the query values, which can be secrets. Pure.

Each secret is replaced with an ellipsis and four digits of a fingerprint, which makes changes visible.
The digits disclose 16 bits, which are not enough to find the secret.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import unquote

_SHORTENED = re.compile("…[0-9a-f]{4}")
_IN_TEXT = re.compile(r"://\S+")
_ENCODED_IN_TEXT = re.compile(r"%3A%2F%2F\S+", re.IGNORECASE)
_ENDS = "\"'`.,;:!)]}>"  # characters that can follow a URL in a sentence
_PORT = re.compile("[0-9]*")


def shorten_url(url: str) -> str:
    """Remove the secrets of a URL. All of the text after the scheme belongs to it, including spaces."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        return url
    end = next((index for index, character in enumerate(rest) if character in "/?#"), len(rest))
    authority, tail = rest[:end], rest[end:]
    host, _colon, port = authority.rpartition(":")
    if "@" not in authority and "@" in tail and host and not _PORT.fullmatch(port):
        authority, at, tail = rest.rpartition("@")  # a password with a slash, which is not a valid URL
        authority += at
    user, at, host = authority.rpartition("@")
    name, colon, password = user.partition(":")
    path, mark, query = tail.partition("?")
    parts = [_shorten_part(part) for part in query.split("&")]
    return "%s://%s%s%s%s%s%s%s%s" % (
        scheme,
        name,
        colon,
        _fingerprint(password),
        at,
        host,
        path,
        mark,
        "&".join(parts),
    )


def shorten_urls(text: str) -> str:
    """Remove the secrets of all URLs in a sentence."""
    if "://" in text:
        text = _IN_TEXT.sub(lambda found: _shorten_found(found.group()), text)
    if "%" in text:
        text = _ENCODED_IN_TEXT.sub(lambda found: _shorten_found(unquote(found.group())), text)
    return text


def shorten_values(value: Any) -> Any:
    """Remove the secrets of all URLs in the fields of a domain, alias or rule."""
    if isinstance(value, str):
        if "://" not in value:
            return value
        return shorten_urls(value) if any(map(str.isspace, value)) else shorten_url(value)
    if isinstance(value, (list, tuple)):
        return [shorten_values(inner) for inner in value]
    if isinstance(value, dict):
        return {name: shorten_values(inner) for name, inner in value.items()}
    return value


def _shorten_found(text: str) -> str:
    url = text.rstrip(_ENDS)
    return shorten_url(url) + text[len(url) :]


def _shorten_part(part: str) -> str:
    name, equals, value = part.partition("=")
    return name + equals + _fingerprint(value) if equals else _fingerprint(part)


def _fingerprint(secret: str) -> str:
    if not secret or _SHORTENED.fullmatch(secret):
        return secret
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    return "…" + digest[:4]
