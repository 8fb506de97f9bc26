# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of aliases, and destinations: parse, normalize, compare. Pure.

The functions ``parse_...`` are strict and for values of users: they raise ``ValueError`` with a reason.
The functions ``read_...`` are for values of the service: they keep a value that is not understood
unchanged, so that it is never mistaken for another one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Callable, Iterable, List, Optional, Tuple
from urllib.parse import urlsplit

from .idna import LONGEST_DOMAIN, parse_domain

CATCH_ALL = "*"
DROP = "null"  # the destination that accepts and discards mail

_LONGEST_ALIAS = 150
_LONGEST_EMAIL = 64 + 1 + LONGEST_DOMAIN
_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[^\s@]+\Z")
_REFERENCE = re.compile(r"\$[0-9]")
_PATH = re.compile("[/?#]")
_PATTERN_CHARACTERS = frozenset("*?()[]{}|^$\\")


# --- Names ----------------------------------------------------------------------------------------


def parse_alias(text: Any) -> str:
    """Return the name of an alias: a local part, ``*``, or a regular expression.

    Raises ValueError with the reason.
    """
    name = parse_local_part(text)
    if len(name) > _LONGEST_ALIAS:
        raise ValueError("it is longer than %d characters" % _LONGEST_ALIAS)
    return name


def parse_local_part(text: Any) -> str:
    """Return the part of an address before the @. Raises ValueError with the reason.

    A value that YAML did not load as a string is rejected, because its original text is lost.
    """
    if isinstance(text, bool):
        raise ValueError("YAML reads on, off, yes, no, true and false as booleans: put the name in quotes")
    if isinstance(text, (int, float)):
        raise ValueError("YAML reads it as a number, and 007 as 7: put the name in quotes, as it is written")
    if not isinstance(text, str):
        raise ValueError("it is not a string")
    name = text.strip()
    if "@" in name:
        raise ValueError("write only the part before the @")
    return parse_segment(name)


def parse_segment(text: str) -> str:
    """Return a name that a path of the API can contain. Raises ValueError with the reason."""
    name = text.strip()
    if not name:
        raise ValueError("it is empty")
    if not name.isprintable() or " " in name:
        raise ValueError("it contains white space or a control character")
    if name in (".", ".."):
        raise ValueError("the paths of the API can't contain it")
    return name


@lru_cache(maxsize=65536)
def alias_key(name: str) -> str:
    """Return the key that identifies an alias: the service ignores case when it matches mail.

    After a backslash case matters (``\\s`` is not ``\\S``), so such a name is not changed.
    """
    name = unicodedata.normalize("NFC", name)
    return name if "\\" in name else name.lower()


def alias_order(name: str) -> Tuple[bool, bool, str, str]:
    """Sort key: names first, then expressions, and the catch-all last."""
    return name == CATCH_ALL, is_pattern(name), name.lower(), name


def is_pattern(name: str) -> bool:
    """Return whether an alias matches several addresses: the catch-all or an expression."""
    return not _PATTERN_CHARACTERS.isdisjoint(name)


@lru_cache(maxsize=65536)
def parse_email(text: str) -> str:
    """Return an e-mail address with its domain as A-label in lower case. Raises ValueError."""
    address = text.strip()
    if len(address) > _LONGEST_EMAIL + 1 or not _EMAIL.match(address) or not address.isprintable():
        raise ValueError("it is not an e-mail address")
    local, name = address.rsplit("@", 1)
    if local[0] == "." or local[-1] == "." or ".." in local:
        raise ValueError("the part before the @ begins or ends with a dot or has two in a row")
    try:
        if "$" in name:  # a placeholder for text that the regular expression matched
            parse_domain(_REFERENCE.sub("x", name))
            return "%s@%s" % (local, name.lower())
        return "%s@%s" % (local, parse_domain(name))
    except ValueError as error:
        raise ValueError("its domain is malformed: %s" % error) from None


def parse_url(text: str) -> str:
    """Return an http or https URL unchanged. Raises ValueError."""
    url = text.strip()
    if not url.isprintable() or " " in url:
        raise ValueError("it contains white space or a control character")
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("it is not an http or https URL")
    return url


def parse_destination(text: str) -> str:
    """Return an e-mail address, a URL or ``null`` in normalized form. Raises ValueError."""
    destination = text.strip()
    if destination.lower() == DROP:
        return DROP
    if "://" in destination:
        return parse_url(destination)
    if "@" in destination:
        return parse_email(destination)
    raise ValueError(
        "it is neither an e-mail address, an http or https URL, nor null (commas separate destinations)"
    )


@lru_cache(maxsize=65536)
def destination_key(destination: str) -> str:
    """Return the key that identifies a normalized destination.

    Case does not matter in addresses, nor in the scheme and host of a URL. An empty path is "/".
    """
    if "://" in destination:
        return _url_key(destination)
    return unicodedata.normalize("NFC", destination).lower()


def _url_key(url: str) -> str:
    scheme, _colon, rest = url.partition("://")
    authority = _PATH.split(rest, maxsplit=1)[0]
    tail = rest[len(authority) :]
    user, at, host_and_port = authority.rpartition("@")
    is_ipv6 = host_and_port.startswith("[")
    host, colon, port = (host_and_port, "", "") if is_ipv6 else host_and_port.partition(":")
    if port == {"http": "80", "https": "443"}.get(scheme.lower()):
        colon = port = ""
    host = parse_or_keep(parse_domain, host.lower())
    return "".join((scheme.lower(), "://", user, at, host, colon, port, "" if tail[:1] == "/" else "/", tail))


def same_destinations(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether two lists of destinations are equal, regardless of order and duplicates."""
    return {destination_key(each) for each in one} == {destination_key(each) for each in other}


def same_setting(one: Optional[str], other: Optional[str]) -> bool:
    """Return whether two values of a setting are equal."""
    if one is None or other is None:
        return one is other
    return destination_key(one) == destination_key(other)


def split_forward(items: Iterable[str]) -> List[str]:
    """Split a list of destinations whose items can contain several, separated by commas."""
    return [part.strip() for item in items for part in item.split(",") if part.strip()]


def read_forward(items: Iterable[str]) -> Tuple[str, ...]:
    """Normalize destinations of the service."""
    return tuple(dict.fromkeys(parse_or_keep(parse_destination, part) for part in split_forward(items)))


def read_domain(text: str) -> str:
    """Normalize a domain name of the service."""
    return parse_or_keep(parse_domain, text)


def parse_or_keep(parse: Callable[[str], str], text: str) -> str:
    """Parse a value of the service; return it unchanged if it is not understood."""
    try:
        return parse(text)
    except ValueError:
        return text
