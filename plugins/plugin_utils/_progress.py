# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Displays the progress of a module while it runs.

Ansible displays nothing of a module before it ends. A run over many domains can take long because of the
rate limit, so the module writes its progress to a file, and these lines are displayed here: on standard
error, because standard output belongs to the callback, and programs may read it.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible import constants as C
from ansible.utils.display import Display

display = Display()

_INTERVAL = 0.5  # seconds


@contextmanager
def shown_progress(prefix: str = "improvmx") -> Iterator[str]:
    """Yield the path of a file whose lines are displayed while they are written, each with a prefix.

    The file is in the directory that Ansible removes when the playbook ends, so that it is deleted even if a
    module runs longer than its task.
    """
    handle, path = tempfile.mkstemp(prefix="improvmx-progress-", dir=C.DEFAULT_LOCAL_TMP)
    os.close(handle)
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(path, prefix, ended), daemon=True)
    watcher.start()
    try:
        yield path
    finally:
        ended.set()
        watcher.join()
        os.unlink(path)


def run_with_progress(action: Any, task_vars: dict[str, Any] | None, prefix: str) -> dict[str, Any]:
    """Run the module of an action plugin, and display its progress, each line with a prefix."""
    args = action._task.args
    # The file has to be on this machine, and the task has to wait for the module.
    can_show = action._connection.transport == "local" and not action._task.async_val
    if not can_show or args.get("progress_file"):
        unwatched: dict[str, Any] = action._execute_module(
            task_vars=task_vars, wrap_async=action._task.async_val
        )
        return unwatched
    with shown_progress(prefix) as path:
        result: dict[str, Any] = action._execute_module(
            module_args={**args, "progress_file": path}, task_vars=task_vars
        )
        return result


def _watch(path: str, prefix: str, ended: threading.Event) -> None:
    with open(path, encoding="utf-8") as lines:
        while not ended.wait(_INTERVAL):
            for line in lines:
                display.display("  %s: %s" % (prefix, line.rstrip("\n")), stderr=True)
