# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as readable YAML. Pure.

Modules have no YAML library. Keys are names of options, which need no quotes.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

# Strings that need no quotes in YAML, such as most addresses, names and URLs.
_PLAIN = re.compile(r"(?:[^\W\d_]|[0-9](?=.*@))[\w./@%&=?#+~:…-]*(?<!:)\Z")
_NOT_STRINGS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_EXPONENT = re.compile(r"\A(-?[0-9]+)e")


def scalar(value: Any, in_braces: bool = False) -> str:
    """Format a string, number, boolean or None on one line. ``in_braces``: within ``{}`` or ``[]``."""
    if isinstance(value, str):
        return _text(value, in_braces)
    if isinstance(value, bool):
        return "true" if value else "false"
    # In YAML a float in exponent notation needs a decimal point.
    return "null" if value is None else _EXPONENT.sub(r"\1.0e", repr(value))


def one_line(fields: Mapping[str, Any]) -> str:
    """Format a mapping of scalars on one line, in braces."""
    return "{%s}" % ", ".join("%s: %s" % (key, scalar(value, True)) for key, value in fields.items())


def lines(fields: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Format a mapping with one key or item per line. Values are scalars, or lists of scalars or mappings."""
    for key, value in fields.items():
        if not isinstance(value, list):
            yield "%s%s: %s" % (indent, key, scalar(value))
            continue
        yield "%s%s:%s" % (indent, key, "" if value else " []")
        for item in value:
            if isinstance(item, dict):
                first, *others = lines(item, indent + "    ")
                yield "%s  - %s" % (indent, first.lstrip(" "))
                yield from others
            else:
                yield "%s  - %s" % (indent, scalar(item))


def _text(text: str, in_braces: bool) -> str:
    if _PLAIN.match(text) and text.lower() not in _NOT_STRINGS and not (in_braces and "?" in text):
        return text
    if not text.isprintable():
        return '"%s"' % "".join(map(_escaped, text))
    if "\\" in text or '"' in text:
        return "'%s'" % text.replace("'", "''")  # in single quotes a backslash is not special
    return '"%s"' % text


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "\n":
        return "\\n"
    return character if character.isprintable() else "\\U%08x" % ord(character)
