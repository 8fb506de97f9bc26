# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables in Markdown that are readable as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

Row = Sequence[str | int]


def table(title: str, heads: Row, rows: Sequence[Row], notes: str = "") -> str:
    """A table with a title above and notes below; all columns but the first are right-aligned."""
    cells = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    lines = ["| " + " | ".join(_set(row, widths)) + " |" for row in cells]
    rule = (
        "|"
        + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths))
        + "|"
    )
    text = "\n".join([lines[0], rule, *lines[1:]])
    return f"## {title}\n\n{text}\n" + (f"\n{notes}\n" if notes else "")


def _set(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def number(value: float, estimated: bool = False) -> str:
    """A measured figure with about three digits; ``~`` marks an estimate."""
    digits = 0 if value >= 99.5 else 1 if value >= 9.95 else 2
    return f"{'~' if estimated else ''}{value:,.{digits}f}"


def count(value: int) -> str:
    return f"{value:,}"


def exponent(small: float, large: float, times: float) -> str:
    """The p of a growth by ``times``**p if the size grows by ``times``: 1 is linear."""
    return f"{math.log(large / small) / math.log(times):.2f}"
