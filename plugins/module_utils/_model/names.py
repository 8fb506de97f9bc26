# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and destinations: parse, normalise, compare, show. And what is wrong with a user's values.

Everything here is pure. Two readings of a text exist. The strict one is for what a user wrote: it
raises ``ValueError`` with a reason, or notes a problem. The lenient one is for what the service said:
a form that is not understood is kept as it is, so that it is never mistaken for something else.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Callable, Iterable, List, Optional, Tuple, TypeVar
from urllib.parse import urlsplit

from .idna import LONGEST_DOMAIN, parse_domain

CATCH_ALL = "*"
DROP = "null"  # the destination that accepts a mail and throws it away

_LONGEST_ALIAS = 150
_LONGEST_EMAIL = 64 + 1 + LONGEST_DOMAIN
_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[^\s@]+\Z")
_REFERENCE = re.compile(r"\$[0-9]")
_PATH = re.compile("[/?#]")
_PATTERN_CHARACTERS = frozenset("*?()[]{}|^$\\")

_Value = TypeVar("_Value")


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
    """Return what stands before the @ of an address. Raises ValueError with the reason.

    What YAML did not read as a text is refused: how it was written can't be known any more.
    """
    if isinstance(text, bool):
        raise ValueError(
            "YAML reads on, off, yes, no, true and false as truth values: put the name in quotes"
        )
    if isinstance(text, (int, float)):
        raise ValueError("YAML reads it as a number, and 007 as 7: put the name in quotes, as it is written")
    if not isinstance(text, str):
        raise ValueError("it is not a text")
    name = text.strip()
    if "@" in name:
        raise ValueError("write only what stands before the @")
    return parse_segment(name)


def parse_segment(text: str) -> str:
    """Return a name that the API's paths can hold. Raises ValueError with the reason."""
    name = text.strip()
    if not name:
        raise ValueError("it is empty")
    if not name.isprintable() or " " in name:
        raise ValueError("it holds white space or a control character")
    if name in (".", ".."):
        raise ValueError("it can't be addressed in the API's paths")
    return name


@lru_cache(maxsize=65536)
def alias_key(name: str) -> str:
    """What makes two aliases the same one: mail is matched without regard to case.

    A backslash gives case a meaning of its own (``\\s`` is not ``\\S``), so such a name stays exact.
    """
    name = unicodedata.normalize("NFC", name)
    return name if "\\" in name else name.lower()


def alias_order(name: str) -> Tuple[bool, bool, str, str]:
    """Names first, then expressions, and the catch-all, which takes what is left, last."""
    return name == CATCH_ALL, is_pattern(name), name.lower(), name


def is_pattern(name: str) -> bool:
    """Whether an alias catches addresses that are not spelled out: a catch-all or an expression."""
    return not _PATTERN_CHARACTERS.isdisjoint(name)


@lru_cache(maxsize=65536)
def parse_email(text: str) -> str:
    """Return an e-mail address with its domain as A-label in lower case. Raises ValueError."""
    address = text.strip()
    if len(address) > _LONGEST_EMAIL + 1 or not _EMAIL.match(address) or not address.isprintable():
        raise ValueError("it is not an e-mail address")
    local, name = address.rsplit("@", 1)
    if local[0] == "." or local[-1] == "." or ".." in local:
        raise ValueError("its part before the @ has a dot too many")
    try:
        if "$" in name:  # what a regular expression matched, which the service puts in
            parse_domain(_REFERENCE.sub("x", name))
            return "%s@%s" % (local, name.lower())
        return "%s@%s" % (local, parse_domain(name))
    except ValueError as error:
        raise ValueError("its domain is malformed: %s" % error) from None


def parse_url(text: str) -> str:
    """Return an http or https URL as it was written. Raises ValueError."""
    url = text.strip()
    if not url.isprintable() or " " in url:
        raise ValueError("it holds white space or a control character")
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("it is not an http or https URL")
    return url


def parse_destination(text: str) -> str:
    """Return an e-mail address, a URL or ``null`` in its normal form. Raises ValueError."""
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
    """What makes two destinations the same one, of those that are in their normal form.

    Mail is delivered without regard to case; a URL's scheme and host have none, and its empty path is "/".
    """
    if "://" in destination:
        return _url_key(destination)
    return unicodedata.normalize("NFC", destination).lower()


def _url_key(url: str) -> str:
    scheme, _colon, rest = url.partition("://")
    authority = _PATH.split(rest, maxsplit=1)[0]
    tail = rest[len(authority) :]
    user, at, place = authority.rpartition("@")
    host, colon, port = place.partition(":") if not place.startswith("[") else (place, "", "")
    if port == {"http": "80", "https": "443"}.get(scheme.lower()):
        colon = port = ""
    host = parse_or_keep(parse_domain, host.lower())
    return "".join((scheme.lower(), "://", user, at, host, colon, port, "" if tail[:1] == "/" else "/", tail))


def same_destinations(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two lists of destinations mean the same: neither order nor duplicates make a difference."""
    return {destination_key(each) for each in one} == {destination_key(each) for each in other}


def same_setting(one: Optional[str], other: Optional[str]) -> bool:
    """Whether two values of a setting mean the same."""
    if one is None or other is None:
        return one is other
    return destination_key(one) == destination_key(other)


def split_forward(items: Iterable[str]) -> List[str]:
    """The single destinations of a list in which an item may hold several, as the service stores them."""
    return [part.strip() for item in items for part in item.split(",") if part.strip()]


def read_forward(items: Iterable[str]) -> Tuple[str, ...]:
    """The destinations that the service names, leniently."""
    return tuple(dict.fromkeys(parse_or_keep(parse_destination, part) for part in split_forward(items)))


def read_domain(text: str) -> str:
    """A domain name that the service names, leniently."""
    return parse_or_keep(parse_domain, text)


def parse_or_keep(parse: Callable[[str], str], text: str) -> str:
    try:
        return parse(text)
    except ValueError:
        return text


# --- Problems of the input --------------------------------------------------------------------------
