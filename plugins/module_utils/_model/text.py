# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts as messages show them."""

from __future__ import annotations

from .urls import shorten_url


def quoted(text: str) -> str:
    """A text of the user's as a message shows it: quoted, on one line, of bounded length."""
    text = shorten_url(text)
    return '"%s"' % printable(text if len(text) <= 80 else text[:77] + "...")


def printable(text: str) -> str:
    """A text without line ends, control characters and what no terminal can show, which are spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
