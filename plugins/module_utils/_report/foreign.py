# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes untrusted text, such as subjects and messages of mail servers, safe to display. Pure."""

from __future__ import annotations

import unicodedata
from typing import Any

from .._model.urls import shorten_urls

LONGEST = 300  # characters of one text
# Characters that join the letters of some scripts, and the parts of many emoji.
_JOINERS = "\u200c\u200d"


def plain(value: Any, longest: int = LONGEST) -> str:
    """Return text on one line, of limited length, without the secrets of URLs; other types become empty.

    Characters that are not displayed as such (control characters, changes of the writing direction,
    surrogates) are escaped.
    """
    if not isinstance(value, str):
        return ""
    if len(value) > longest:
        # Secrets are removed before the text is truncated, because a truncated URL may not be recognized.
        text = _shortened(value[: 4 * longest])
        text = text if len(text) <= longest else text[: longest - 1] + "…"
    else:
        text = _shortened(value)
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(map(_visible, text)).strip()


def _shortened(text: str) -> str:
    return shorten_urls(text) if "://" in text or "%" in text else text


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    category = unicodedata.category(character)
    if category == "Zs" or character in "\t\r\n":
        return " "
    if category == "Cn" and ord(character) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(character) <= 0xFDEF:
        return character  # a character of a newer Unicode version than this Python supports
    return ascii(character)[1:-1]
