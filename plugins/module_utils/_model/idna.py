# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of domains: A-labels, as the service stores them, and Unicode for display. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from .text import quoted

LONGEST_DOMAIN = 253
_LONGEST_LABEL = 63
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
# Invisible marks and fillers, which UTS 46 removes silently.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_A_LABEL = re.compile("(?<![a-zA-Z0-9-])xn--[a-z0-9-]+")


@lru_cache(maxsize=8192)
def parse_domain(text: str) -> str:
    """Return the A-label form of a domain name, in lower case and without a trailing dot.

    Unicode names are mapped according to IDNA 2008. The codec of the standard library implements IDNA
    2003, which maps ``straße`` to a different domain, ``strasse``. Raises ValueError with the reason.

    The length is checked first because the run time grows with its square.
    """
    name = text.strip()
    if len(name) > LONGEST_DOMAIN + 1:
        raise ValueError("it is longer than 253 characters")
    if not name.isascii():
        if _INVISIBLE.search(name):
            raise ValueError("it contains an invisible character")
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
    if len(".".join(labels)) > LONGEST_DOMAIN:
        raise ValueError("it is longer than 253 characters")
    return ".".join(labels)


def _fold(character: str) -> str:
    """Map a character according to UTS 46 and IDNA 2008, which keep the letters ß and ς."""
    if character in "ßẞ":
        return "ß"
    return character if character == "ς" else unicodedata.normalize("NFKC", character).casefold()


def _parse_label(label: str) -> str:
    if not label:
        raise ValueError("a label is empty")
    if len(label) > _LONGEST_LABEL:  # its A-label is even longer
        raise ValueError("a label is longer than 63 characters")
    if not label.isascii():
        for character in label:
            if character != "-" and unicodedata.category(character)[0] not in "LMN":
                raise ValueError("it contains %s" % quoted(character))
        if label[0] == "-" or label[-1] == "-":
            raise ValueError("a label begins or ends with a hyphen")
        label = "xn--" + label.encode("punycode").decode("ascii")
    if len(label) > _LONGEST_LABEL:
        raise ValueError("a label is longer than 63 characters")
    if not _LABEL.match(label):
        raise ValueError("a label may contain only letters, digits and inner hyphens")
    return label


def display_domain(name: str) -> str:
    """Return the Unicode form of a domain name; a label that can't be decoded stays unchanged."""
    if len(name) > LONGEST_DOMAIN:
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
    """Replace the A-labels in a text with their Unicode form."""
    return _A_LABEL.sub(lambda found: _display_label(found.group()), text) if "xn--" in text else text
