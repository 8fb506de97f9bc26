# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where requests go: the root of the API, the path of each request, the proxy."""

from __future__ import annotations

import re
from typing import Optional, Sequence, Set, Tuple
from urllib.parse import quote, unquote, urlsplit

from .._errors import BadReply, InputError
from .._model.text import quoted

_PROXY = re.compile(
    r"(?P<scheme>https?|socks[45]|socks4a|socks5h)://(?:(?P<user>[^/?#\\@]*)@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^\s/?#\\@:\[\]]{1,253})(?P<port>:[0-9]{1,5})?/?\Z",
    re.IGNORECASE | re.ASCII,
)


def is_root(api_url: str) -> bool:
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


def split_root(api_url: str) -> Tuple[str, str]:
    """The scheme with the host, and the path, of a sound api_url."""
    parts = urlsplit(api_url.strip().rstrip("/"))
    return "%s://%s" % (parts.scheme, parts.netloc), parts.path


def fill_path(method: str, template: str, values: Sequence[str]) -> str:
    """Put values into a path, each as exactly one segment. Raises BadReply: input is checked before."""
    segments = []
    for value in values:
        # HTTP clients resolve dots, encoded or not, so that the request would go elsewhere.
        if value in ("", ".", "..") or not value.isprintable():
            raise BadReply("%s can't be a part of a path" % quoted(value), method, template)
        # Every client of the service sends a catch-all as it is, and RFC 3986 lets it stand.
        segments.append(quote(value, safe="*"))
    return template.format(*segments)


class Proxy:
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
                    "the proxy in the environment is not of the form scheme://host:port, with http, https, "
                    "socks4, socks4a, socks5 or socks5h as scheme, and with user:password@ before the host "
                    "if it requires them; write special characters of the password as % codes"
                ]
            )
        self.name = "%s://%s%s" % (match["scheme"], match["host"], match["port"] or "")
        self.is_socks = match["scheme"].lower().startswith("socks")
        password = (match["user"] or "").partition(":")[2]
        self.secrets = {password, unquote(password)} - {""}
