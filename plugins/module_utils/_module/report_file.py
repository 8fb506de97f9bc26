# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a report: its format, the existing report, and writing it.

Only reports and empty files are overwritten: a mistyped path must not destroy another file.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional

from .._errors import ImprovmxError, InputError
from .._report.page import fingerprint_of, page
from .._run.sheet import Sheet, heading
from .files import write_whole_file

_BEGINNING = 4096  # bytes at the start of a page that contain its generator and fingerprint
_DIGITS = 12


@dataclass(frozen=True)
class ReportFile:
    """The path and format of the file, and the fingerprint of the existing report; None without one."""

    path: str
    form: str
    before: Optional[str]

    def change(self, after: str) -> Optional[Dict[str, Any]]:
        """Return the entry of ``changes``; None if the existing report has the same content."""
        if self.before == after:
            return None
        return {
            "action": "create" if self.before is None else "update",
            "kind": "file",
            "domain": None,
            "name": self.path,
            "before": None if self.before is None else {"fingerprint": self.before},
            "after": {"fingerprint": after},
        }


def report_file(path: str) -> ReportFile:
    """Check the path of a report, and read the fingerprint of an existing one. Raises InputError."""
    if not path.strip() or not path.isprintable():
        raise InputError(["path: it is empty or contains a control character"])
    if path.endswith(os.sep) or os.path.isdir(path):
        raise InputError(["path: %s is a folder; name a file in it" % path])
    form = os.path.splitext(path)[1].lower().lstrip(".")
    form = form if form in ("json", "csv") else "html"
    target = os.path.realpath(path)
    try:
        before = _fingerprint_at(target, form)
    except OSError as error:
        raise InputError(["path: %s can't be read: %s" % (path, error.strerror)]) from None
    except ValueError:
        raise InputError(
            [
                "path: %s is not a report, so it is not overwritten; move it away, or choose another path"
                % path
            ]
        ) from None
    _check_folder(path, target)
    return ReportFile(path, form, before)


def _check_folder(path: str, target: str) -> None:
    """Check before any request whether the file can probably be written. Raises InputError."""
    folder = os.path.dirname(target)
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise InputError(["path: %s can't be written: %s is not a folder" % (path, folder)])
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(["path: %s can't be written: %s is not writable" % (path, folder)])


def _fingerprint_at(target: str, form: str) -> Optional[str]:
    """Return the fingerprint of the report in a file. Raises OSError, and ValueError for any other file."""
    if not os.path.lexists(target):
        return None
    if not os.path.isfile(target):  # reading a device might not end
        raise ValueError
    if os.path.getsize(target) == 0:
        return None
    with open(target, "rb") as file:
        if form == "html":
            digits = fingerprint_of(file.read(_BEGINNING).decode("utf-8", "replace"))
        elif form == "csv":
            first = file.readline()
            digits = sha(_parts(first, file)) if first == heading().encode("utf-8") else None
        else:
            content = json.loads(file.read().decode("utf-8"))
            digits = (
                content.get("fingerprint") if isinstance(content, dict) and "findings" in content else None
            )
    if not isinstance(digits, str):
        raise ValueError
    return digits[:_DIGITS]


def _parts(first: bytes, others: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def sha(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:_DIGITS]


def text_of(file: ReportFile, report: Mapping[str, Any], sheet: Optional[Sheet]) -> Iterator[str]:
    """Yield the desired content of the file in pieces."""
    if sheet is not None:
        return sheet.text()
    if file.form == "json":
        return iter([json.dumps(report, ensure_ascii=False, indent=1) + "\n"])
    return page(report)


def fingerprint_after(report: Mapping[str, Any], sheet: Optional[Sheet]) -> str:
    """Return a fingerprint of the content of a report, regardless of its time."""
    return sha(part.encode("utf-8") for part in sheet.text()) if sheet else str(report["fingerprint"])


def write(file: ReportFile, report: Mapping[str, Any], sheet: Optional[Sheet]) -> None:
    """Write the report atomically. Raises ImprovmxError."""
    try:
        write_whole_file(file.path, text_of(file, report, sheet))
    except OSError as error:
        raise ImprovmxError(
            "%s can't be written: %s. An existing file is unchanged. Run it again once the cause is fixed."
            % (file.path, error.strerror)
        ) from None
