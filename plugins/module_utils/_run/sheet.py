# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as a table for spreadsheets: one row a mail.

Rows are kept in a file until all are known: there may be more of them than fit into memory.
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
# Most texts begin with a letter or a digit, and hold no semicolon and no quote.
_PLAIN = re.compile('(?:[a-zA-Z0-9<][^;"]*)?\\Z')
_BUFFERED = 1 << 16  # characters
# What makes a formula of a cell: at its beginning; and behind a semicolon, where a spreadsheet of another
# country takes that for the end of a cell. The wide forms are those of East Asian keyboards.
_FORMULA = re.compile("(\\A|;)(?=[\\s\"']*[=+@\\-\uff1d\uff0b\uff20\uff0d\u2212])|\\A(?=[\\t\\r\\n])")


def heading() -> str:
    return row(COLUMNS)


def row(cells: Sequence[str]) -> str:
    return ",".join(map(cell, cells)) + "\r\n"


def cell(text: str) -> str:
    """A text as a spreadsheet shows it, and never evaluates it: an apostrophe before it makes it a text."""
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
    """Rows of several domains that are read side by side."""

    def __init__(self, file: IO[bytes], localise: Localise = datetime.astimezone) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._places: Dict[str, List[Tuple[int, int]]] = {}
        self._localise = localise

    def writer(self, domain: str) -> Writer:
        return Writer(domain, self._localise, self._keep)

    def _keep(self, domain: str, text: str) -> None:
        written = text.encode("utf-8")
        with self._lock:
            place = self._file.tell()
            self._file.write(written)
            self._places.setdefault(domain, []).append((place, len(written)))

    def text(self) -> Iterator[str]:
        """The table, by domain, and of each in the order of its log."""
        yield heading()
        for domain in sorted(self._places):
            for place, length in self._places[domain]:
                self._file.seek(place)
                yield self._file.read(length).decode("utf-8")


class Writer:
    """The rows of one domain, written many at a time."""

    def __init__(self, domain: str, localise: Localise, keep: Callable[[str, str], None]) -> None:
        self._domain, self._localise, self._keep = domain, localise, keep
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
            self._keep(self._domain, "".join(self._rows))
            self._rows, self._size = [], 0
