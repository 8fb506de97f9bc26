# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of requests: the root of the API, the path of each request, and the proxy."""

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
    is_printable = text.isprintable() and not re.search(r"[\s?#@\\]", text)
    # The length is checked because the run time of a name lookup grows with its square.
    is_valid = parts.scheme in ("http", "https") and 0 < len(host or "") <= 253 and port != 0
    return is_printable and is_valid


def split_root(api_url: str) -> Tuple[str, str]:
    """Split a valid api_url into the scheme with the host, and the path."""
    parts = urlsplit(api_url.strip().rstrip("/"))
    return "%s://%s" % (parts.scheme, parts.netloc), parts.path


def fill_path(method: str, template: str, values: Sequence[str]) -> str:
    """Insert values into a path, each as exactly one segment. Raises BadReply: input is checked earlier."""
    segments = []
    for value in values:
        # HTTP clients resolve dots, encoded or not, and would send the request to another path.
        if value in ("", ".", "..") or not value.isprintable():
            raise BadReply("%s can't be a part of a path" % quoted(value), method, template)
        # Every client of the service sends the catch-all unencoded, which RFC 3986 allows.
        segments.append(quote(value, safe="*"))
    return template.format(*segments)


class Proxy:
    """The proxy that the environment sets, if any. Raises InputError.

    ``url``: in the form that requests expects, empty without a proxy. ``name``: for messages, without user
    and password.
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
