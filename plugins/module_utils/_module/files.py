# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares and writes the files of an export.

An OSError becomes a message. Files that were not written by an export, or were edited, are not overwritten.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from .._errors import Failure, ImprovmxError, InputError
from .._model.differences import file_diff
from .._plan.export import as_written, could_be_host_vars, fingerprint, is_exported, is_untouched

_TEMPORARY = ".improvmx-"
_ABANDONED = 3600.0  # seconds after which a temporary file is assumed to be left over from a killed run
_MOST_NAMED = 10  # files that a message names one by one


class FileChange(NamedTuple):
    """A file to write. ``before`` None: it does not exist yet."""

    path: str
    before: Optional[str]
    after: str

    def result(self) -> Dict[str, Any]:
        """Return the change in the form of results."""
        return {
            "action": "create" if self.before is None else "update",
            "kind": "file",
            "domain": None,
            "name": self.path,
            "before": None if self.before is None else {"fingerprint": fingerprint(self.before)},
            "after": {"fingerprint": fingerprint(self.after)},
        }

    def diff(self) -> Dict[str, str]:
        return file_diff(self.path, self.before, self.after)


def check_path(path: str, layout: str) -> str:
    """Return the path of the export. Raises InputError."""
    if not path.strip() or not path.isprintable():
        raise InputError(["path: it is empty or contains a control character"])
    if layout == "list" and (path.endswith(os.sep) or os.path.isdir(path)):
        raise InputError(["path: %s is a folder; name a file in it, or set layout to hosts" % path])
    return path


def plan_files(texts: Mapping[str, str]) -> List[FileChange]:
    """Return the files that differ. Raises Failure if one of them must not be overwritten.

    ``texts``: the desired texts, by path.
    """
    changes = []
    refused = []
    for path, text in texts.items():
        existing = _read(path)
        if existing is not None and as_written(existing) == text:
            continue
        changes.append(FileChange(path, existing, text))
        if existing is not None and not is_untouched(existing):
            edited = is_exported(existing)
            refused.append(
                "%s %s" % (path, "was edited since its export" if edited else "was not written by an export")
            )
    if refused:
        raise Failure(
            "Nothing was written, because it would overwrite existing files: %s. Move the files to keep, "
            "delete the others, or choose another path (for the playbook, improvmx_export_path)."
            % join_first(refused),
            _outcome([], changes),
        )
    return changes


def write_files(changes: Sequence[FileChange]) -> None:
    """Write all files. Raises Failure, which reports the files that were written."""
    for index, change in enumerate(changes):
        try:
            write_whole_file(change.path, [change.after])
        except OSError as error:
            raise Failure(
                "%s can't be written: %s. Of %d files, %d %s written; run it again once the cause is fixed."
                % (change.path, error.strerror, len(changes), index, "was" if index == 1 else "were"),
                _outcome(changes[:index], changes[index:]),
            ) from None


def former_files(folder: str, texts: Mapping[str, str]) -> List[str]:
    """Return the files of a folder that an earlier export wrote and this one did not.

    Files that can't be read are ignored: all files were written by now, so this is no reason to fail.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    paths = [os.path.join(folder, name) for name in names if could_be_host_vars(name)]
    return [path for path in paths if path not in texts and _was_exported(path)]


def _was_exported(path: str) -> bool:
    try:
        return is_exported(_read(path) or "")
    except ImprovmxError:
        return False


def _outcome(done: Sequence[FileChange], pending: Sequence[FileChange]) -> Dict[str, Any]:
    return {
        "changed": bool(done),
        "changes": [change.result() for change in done],
        "pending": [change.result() for change in pending],
    }


def join_first(reasons: Sequence[str]) -> str:
    """Join texts; only the first ones are included, the others are counted."""
    named = list(reasons[:_MOST_NAMED])
    if len(reasons) > _MOST_NAMED:
        named.append("%d more" % (len(reasons) - _MOST_NAMED))
    return "; ".join(named)


def _read(path: str) -> Optional[str]:
    """Return the text of a file; None if it does not exist. Bytes that are not UTF-8 are replaced."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # reading a device or a pipe might not end
            raise ImprovmxError("%s is not a regular file. Nothing was written." % path)
    except OSError:
        pass  # reported below if it matters
    try:
        # The same path as for writing: with "..", a folder of the path may not exist yet.
        with open(os.path.realpath(path), encoding="utf-8", errors="replace", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ImprovmxError("%s can't be read: %s. Nothing was written." % (path, error.strerror)) from None


def write_whole_file(path: str, parts: Iterable[str]) -> None:
    """Write a file atomically. Missing folders are created, a link is followed."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    os.makedirs(folder, exist_ok=True)
    _remove_abandoned_files(folder)
    handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=folder)
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.writelines(parts)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _remove_abandoned_files(folder: str) -> None:
    """Delete the temporary files of runs that were killed."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            if name.startswith(_TEMPORARY) and time.time() - os.lstat(path).st_mtime > _ABANDONED:
                os.unlink(path)
        except OSError:
            pass  # it belongs to another run or another user


def _mode(path: str) -> int:
    """Return the mode of a file, or the default mode of a new one."""
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask
