# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of the same name, and shows how far it is while it runs.

Ansible shows nothing of a module before it ends. A run over many domains can take long, where the
service limits the rate, so the module writes lines of progress to a file, and this plugin shows them.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()

_LOOK_EVERY = 0.5  # seconds


class ActionModule(ActionBase):
    _supports_async = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        # The file has to be on this machine, and somebody has to wait for the end.
        here = self._connection.transport == "local" and not self._task.async_val
        if not here or self._task.check_mode or args.get("progress_file"):
            result.update(self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))
            return result
        with _shown_progress() as path:
            shown = {**args, "progress_file": path}
            result.update(self._execute_module(module_args=shown, task_vars=task_vars))
        return result


@contextmanager
def _shown_progress() -> Iterator[str]:
    """A file of which every line is shown soon after it is written."""
    handle, path = tempfile.mkstemp(prefix="improvmx-progress-")
    os.close(handle)
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(path, ended), daemon=True)
    watcher.start()
    try:
        yield path
    finally:
        ended.set()
        watcher.join()
        os.unlink(path)


def _watch(path: str, ended: threading.Event) -> None:
    with open(path, encoding="utf-8") as lines:
        while not ended.wait(_LOOK_EVERY):
            for line in lines:
                display.display("  improvmx: " + line.rstrip("\n"))
