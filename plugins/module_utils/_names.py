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
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, TypeVar
from urllib.parse import urlsplit

from ansible_collections.improvmx.email.plugins.module_utils._urls import shorten_url, shorten_urls
from ansible_collections.improvmx.email.plugins.module_utils._yaml import scalar

CATCH_ALL = "*"
DROP = "null"  # the destination that accepts a mail and throws it away

_LONGEST_ALIAS = 150
_LONGEST_DOMAIN = 253
_LONGEST_LABEL = 63
_LONGEST_EMAIL = 64 + 1 + _LONGEST_DOMAIN
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
# Marks that have no form of their own, and the fillers: UTS 46 would drop them without a word.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_A_LABEL = re.compile("(?<![a-zA-Z0-9-])xn--[a-z0-9-]+")
_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[^\s@]+\Z")
_REFERENCE = re.compile(r"\$[0-9]")
_PATH = re.compile("[/?#]")
_PATTERN_CHARACTERS = frozenset("*?()[]{}|^$\\")

_Value = TypeVar("_Value")


class ImprovmxError(Exception):
    """Anything this collection has to tell its user: the message is one line made for reading."""

    def __init__(self, message: str) -> None:
        super().__init__(for_people(message))


class InputError(ImprovmxError):
    """The user's values can't be used. ``problems`` names each of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(for_people, problems))
        count = len(self.problems)
        head = "" if count == 1 else "%d problems in the input: " % count
        super().__init__(head + "; ".join(self.problems) + ". No request was sent.")


# --- Names ----------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def parse_domain(text: str) -> str:
    """Return the A-label form of a domain name, in lower case and without a trailing dot.

    Unicode names are mapped as IDNA 2008 does (the standard library's codec knows 2003 only, which
    would turn ``straße`` into another domain, ``strasse``). Raises ValueError with the reason.

    The length comes first, in the form that was written as well: the work grows with its square.
    """
    name = text.strip()
    if len(name) > _LONGEST_DOMAIN + 1:
        raise ValueError("it is longer than 253 characters")
    if not name.isascii():
        if _INVISIBLE.search(name):
            raise ValueError("it holds an invisible character")
        name = unicodedata.normalize("NFKC", "".join(_fold(character) for character in name))
        name = name.replace("\u3002", ".")  # the full stop of Chinese and Japanese keyboards
    else:
        name = name.lower()
    if name.endswith("."):
        name = name[:-1]
    labels = [_parse_label(label) for label in name.split(".")]
    if len(labels) < 2:
        raise ValueError("it needs a dot, as in example.com")
    if labels[-1].isdecimal():
        raise ValueError("the last label is a number")
    if len(".".join(labels)) > _LONGEST_DOMAIN:
        raise ValueError("it is longer than 253 characters")
    return ".".join(labels)


def _fold(character: str) -> str:
    """A character as UTS 46 maps it for IDNA 2008, where these letters are no forms of others."""
    if character in "ßẞ":
        return "ß"
    return character if character == "ς" else unicodedata.normalize("NFKC", character).casefold()


def _parse_label(label: str) -> str:
    if not label:
        raise ValueError("a label is empty")
    if len(label) > _LONGEST_LABEL:  # an A-label is longer still
        raise ValueError("a label is longer than 63 characters")
    if not label.isascii():
        for character in label:
            if character != "-" and unicodedata.category(character)[0] not in "LMN":
                raise ValueError("it holds %s" % shown(character))
        if label[0] == "-" or label[-1] == "-":
            raise ValueError("a label begins or ends with a hyphen")
        label = "xn--" + label.encode("punycode").decode("ascii")
    if len(label) > _LONGEST_LABEL:
        raise ValueError("a label is longer than 63 characters")
    if not _LABEL.match(label):
        raise ValueError("a label may hold letters, digits and inner hyphens only")
    return label


def display_domain(name: str) -> str:
    """The form of an A-label that people read; a label that does not decode stays as it is."""
    if len(name) > _LONGEST_DOMAIN:
        return name
    return ".".join(_display_label(label) for label in name.split("."))


def _display_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        text = label[4:].encode("ascii").decode("punycode")
        return text if _parse_label(text) == label else label
    except (UnicodeError, ValueError, OverflowError):
        return label


def display_names(text: str) -> str:
    """A text in which domain names have the form that people read."""
    return _A_LABEL.sub(lambda found: _display_label(found.group()), text) if "xn--" in text else text


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
    host = lenient(parse_domain, host.lower())
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
    return tuple(dict.fromkeys(lenient(parse_destination, part) for part in split_forward(items)))


def read_domain(text: str) -> str:
    """A domain name that the service names, leniently."""
    return lenient(parse_domain, text)


def lenient(parse: Callable[[str], str], text: str) -> str:
    try:
        return parse(text)
    except ValueError:
        return text


def shown(text: str) -> str:
    """A text of the user's as a message shows it: quoted, on one line, of bounded length."""
    text = shorten_url(text)
    return '"%s"' % printable(text if len(text) <= 80 else text[:77] + "...")


def for_people(text: str) -> str:
    """A text as messages and warnings show it: on one line, without the secrets of URLs or A-labels."""
    return display_names(shorten_urls(printable(text)))


def printable(text: str) -> str:
    """A text without line ends, control characters and what no terminal can show, which are spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


# --- Problems of the input --------------------------------------------------------------------------


def forward_wish(
    items: Sequence[str], domain: Optional[str], place: str, problems: List[str]
) -> Tuple[str, ...]:
    if any(item.lstrip()[:1] in ("[", "{") for item in items):  # as Ansible makes texts of them
        problems.append(
            "%s: a destination is a list or a mapping instead of a text; join lists into one, "
            "for example with the filter flatten" % place
        )
        return ()
    parts = split_forward(items)
    if not parts:
        problems.append('%s: at least one destination is needed (the word null needs quotes: "null")' % place)
    elif not all(item.strip() for item in items):  # Ansible makes an empty text of a null
        problems.append(
            '%s: a destination is empty or null (the word null needs quotes and stands alone: "null")' % place
        )
    forward = []
    for part in parts:
        destination = note(problems, place, part, parse_destination)
        if destination is None:
            continue
        if domain and "://" not in destination and destination.endswith("@" + domain):
            problems.append(
                "%s: %s is inside the same domain; the service refuses that" % (place, shown(part))
            )
        forward.append(destination)
    if DROP in forward and len(set(forward)) > 1:
        problems.append("%s: null throws the mail away and must stand alone" % place)
    firsts: Dict[str, str] = {}
    for destination in forward:
        firsts.setdefault(destination_key(destination), destination)
    return tuple(firsts.values())


def note(problems: List[str], place: str, value: Any, parse: Callable[[Any], _Value]) -> Optional[_Value]:
    """Parse a value of the user's; where that fails, note what is wrong with it, and where."""
    try:
        return parse(value)
    except ValueError as error:
        problems.append("%s: %s can't be used: %s" % (place, _named(value), error))
        return None


def _named(value: Any) -> str:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return scalar(value)


def at(place: str, part: str) -> str:
    return place + part if place.endswith("_") else "%s, %s" % (place, part) if place else part
