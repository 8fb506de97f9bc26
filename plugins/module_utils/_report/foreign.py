# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that strangers wrote, such as subjects and messages of servers, made safe to show. Pure."""

from __future__ import annotations

import unicodedata
from typing import Any

from .._model.urls import shorten_urls

LONGEST = 300  # characters of one text
# They join the letters of some scripts, and the parts of many emoji.
_JOINERS = "\u200c\u200d"


def plain(value: Any, longest: int = LONGEST) -> str:
    """A text on one line, of bounded length, without the secrets of URLs. What is no text is empty.

    What acts instead of being seen - control characters, those that turn the direction of writing, halves
    of a character that no encoding knows - is spelled out.
    """
    if not isinstance(value, str):
        return ""
    if len(value) > longest:
        # A URL that is cut could not be distinguished from a whole one, so a wider part is examined.
        text = _shortened(value[: 4 * longest])
        text = text if len(text) <= longest else text[: longest - 1] + "…"
    else:
        text = _shortened(value)
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(map(_seen, text)).strip()


def _shortened(text: str) -> str:
    return shorten_urls(text) if "://" in text or "%" in text else text


def _seen(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    category = unicodedata.category(character)
    if category == "Zs" or character in "\t\r\n":
        return " "
    if category == "Cn" and ord(character) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(character) <= 0xFDEF:
        return character  # newer than this Python knows
    return ascii(character)[1:-1]
