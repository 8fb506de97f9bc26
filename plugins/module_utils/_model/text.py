# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text in messages."""

from __future__ import annotations

from .urls import shorten_url


def quoted(text: str) -> str:
    """Quote text of the user for a message: on one line, shortened if it is long."""
    text = shorten_url(text)
    return '"%s"' % printable(text if len(text) <= 80 else text[:77] + "...")


def printable(text: str) -> str:
    """Escape line ends, control characters and all other characters that are not printable."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
