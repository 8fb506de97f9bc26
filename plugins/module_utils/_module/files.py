# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of an export: which of them differ, and writing them.

An OSError becomes a sentence. What an export did not write, or somebody has edited, is not overwritten.
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
_ABANDONED = 3600.0  # seconds after which a temporary file is what a killed run has left
_MOST_NAMED = 10  # files that a message names one by one


class FileChange(NamedTuple):
    """A file that is to get another text. ``before`` None: there is none yet."""

    path: str
    before: Optional[str]
    after: str

    def result(self) -> Dict[str, Any]:
        """The form that users see."""
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
    """The path that a user gave. Raises InputError."""
    if not path.strip() or not path.isprintable():
        raise InputError(["path: it is empty or holds a control character"])
    if layout == "list" and (path.endswith(os.sep) or os.path.isdir(path)):
        raise InputError(["path: %s is a folder; name a file in it, or ask for the layout hosts" % path])
    return path


def plan_files(texts: Mapping[str, str]) -> List[FileChange]:
    """The files, by path, whose text is another. Raises Failure where one of them is not to be lost."""
    changes = []
    refused = []
    for path, text in texts.items():
        present = _read(path)
        if present is not None and as_written(present) == text:
            continue
        changes.append(FileChange(path, present, text))
        if present is not None and not is_untouched(present):
            edited = is_exported(present)
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
    """Write them all. Raises Failure that says which were written."""
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
    """The files of a folder that an export once wrote, and that are not among its files any more.

    What can't be read is none of them: by now all files are written, and this is no reason to fail.
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
    """Many things in one sentence, the first of them by name."""
    named = list(reasons[:_MOST_NAMED])
    if len(reasons) > _MOST_NAMED:
        named.append("%d more" % (len(reasons) - _MOST_NAMED))
    return "; ".join(named)


def _read(path: str) -> Optional[str]:
    """The text of a file, None where there is none. What is no UTF-8 is marked as such."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # of a device or a pipe, reading may have no end
            raise ImprovmxError("%s is not a regular file. Nothing was written." % path)
    except OSError:
        pass  # reported below, where it matters
    try:
        # As it will be written: a folder of the path may not be there yet, from which .. leads back.
        with open(os.path.realpath(path), encoding="utf-8", errors="replace", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ImprovmxError("%s can't be read: %s. Nothing was written." % (path, error.strerror)) from None


def write_whole_file(path: str, parts: Iterable[str]) -> None:
    """Put a text into a file, whole or not at all. Missing folders are made, a link is followed."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    os.makedirs(folder, exist_ok=True)
    _tidy(folder)
    handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=folder)
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.writelines(parts)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _tidy(folder: str) -> None:
    """Remove the temporary files of runs that were killed."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            if name.startswith(_TEMPORARY) and time.time() - os.lstat(path).st_mtime > _ABANDONED:
                os.unlink(path)
        except OSError:
            pass  # of another run, or of another user


def _mode(path: str) -> int:
    """The mode that a file has, or that a new one gets."""
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask
