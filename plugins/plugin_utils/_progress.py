# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows how far a module is while it runs.

Ansible shows nothing of a module before it ends. A run over many domains can take long, where the
service limits the rate, so the module writes lines of progress to a file, and they are shown from here:
on standard error, as standard output belongs to the callback, which a program may read.
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

_LOOK_EVERY = 0.5  # seconds


@contextmanager
def shown_progress(about: str = "improvmx") -> Iterator[str]:
    """A file of which every line is shown soon after it is written, with ``about`` before it.

    The file is in the folder that Ansible removes with all that is in it when the playbook ends, so that
    nothing is left of it, even where a module outlives its task.
    """
    handle, path = tempfile.mkstemp(prefix="improvmx-progress-", dir=C.DEFAULT_LOCAL_TMP)
    os.close(handle)
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(path, about, ended), daemon=True)
    watcher.start()
    try:
        yield path
    finally:
        ended.set()
        watcher.join()
        os.unlink(path)


def run_with_progress(action: Any, task_vars: dict[str, Any] | None, about: str) -> dict[str, Any]:
    """Run an action plugin's own module, and show its lines of progress, with ``about`` before each."""
    args = action._task.args
    # The file has to be on this machine, and somebody has to wait for the end.
    here = action._connection.transport == "local" and not action._task.async_val
    if not here or args.get("progress_file"):
        whole: dict[str, Any] = action._execute_module(task_vars=task_vars, wrap_async=action._task.async_val)
        return whole
    with shown_progress(about) as path:
        shown: dict[str, Any] = action._execute_module(
            module_args={**args, "progress_file": path}, task_vars=task_vars
        )
        return shown


def _watch(path: str, about: str, ended: threading.Event) -> None:
    with open(path, encoding="utf-8") as lines:
        while not ended.wait(_LOOK_EVERY):
            for line in lines:
                display.display("  %s: %s" % (about, line.rstrip("\n")), stderr=True)
