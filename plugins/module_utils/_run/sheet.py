# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as a table for spreadsheets, with one row per mail.

Rows are stored in a temporary file until all are known, because they may not fit into memory.
"""

from __future__ import annotations

import re
import threading
from datetime import datetime
from typing import IO, Callable, Dict, Iterator, List, Sequence, Tuple

from .._report.findings import Localise, local_time
from .._report.health import Mail, moment

COLUMNS = (
    "created",
    "local_time",
    "domain",
    "recipient",
    "alias",
    "outcome",
    "status",
    "code",
    "reason",
    "destination",
    "sender",
    "sender_name",
    "subject",
    "message_id",
)
# Most texts begin with a letter or a digit, and contain no semicolon and no quote.
_PLAIN = re.compile('(?:[a-zA-Z0-9<][^;"]*)?\\Z')
_BUFFERED = 1 << 16  # characters
# Text that a spreadsheet evaluates as a formula: at the start of a cell, or after a semicolon, which ends a
# cell in some locales. The full-width forms are those of East Asian keyboards.
_FORMULA = re.compile("(\\A|;)(?=[\\s\"']*[=+@\\-\uff1d\uff0b\uff20\uff0d\u2212])|\\A(?=[\\t\\r\\n])")


def heading() -> str:
    return row(COLUMNS)


def row(cells: Sequence[str]) -> str:
    return ",".join(map(cell, cells)) + "\r\n"


def cell(text: str) -> str:
    """Quote a text for a cell. An apostrophe before it prevents that a spreadsheet evaluates it."""
    if not _PLAIN.match(text):
        text = _FORMULA.sub(r"\1'", text).replace('"', '""')
    return '"%s"' % text


def mail_row(domain: str, mail: Mail, localise: Localise) -> str:
    return row(
        (
            moment(mail.created) or "",
            local_time(mail.created, localise) if mail.created else "",
            domain,
            mail.recipient,
            mail.alias or "",
            mail.outcome,
            mail.status,
            mail.code,
            mail.reason,
            mail.destination,
            mail.sender,
            mail.sender_name,
            mail.subject,
            mail.message_id,
        )
    )


class Sheet:
    """Rows of several domains that are read in parallel."""

    def __init__(self, file: IO[bytes], localise: Localise = datetime.astimezone) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._offsets: Dict[str, List[Tuple[int, int]]] = {}
        self._localise = localise

    def writer(self, domain: str) -> Writer:
        return Writer(domain, self._localise, self._store)

    def _store(self, domain: str, text: str) -> None:
        written = text.encode("utf-8")
        with self._lock:
            offset = self._file.tell()
            self._file.write(written)
            self._offsets.setdefault(domain, []).append((offset, len(written)))

    def text(self) -> Iterator[str]:
        """Yield the table, sorted by domain, each in the order of its log."""
        yield heading()
        for domain in sorted(self._offsets):
            for offset, length in self._offsets[domain]:
                self._file.seek(offset)
                yield self._file.read(length).decode("utf-8")


class Writer:
    """Collects the rows of one domain, and writes many at a time."""

    def __init__(self, domain: str, localise: Localise, store: Callable[[str, str], None]) -> None:
        self._domain, self._localise, self._store = domain, localise, store
        self._rows: List[str] = []
        self._size = 0

    def add(self, mail: Mail) -> None:
        text = mail_row(self._domain, mail, self._localise)
        self._rows.append(text)
        self._size += len(text)
        if self._size >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._store(self._domain, "".join(self._rows))
            self._rows, self._size = [], 0
