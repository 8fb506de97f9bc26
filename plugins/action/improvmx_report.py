# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of the same name, and shows how far it is while it reads."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.improvmx.email.plugins.plugin_utils._core import require_supported_core
from ansible_collections.improvmx.email.plugins.plugin_utils._progress import shown_progress


class ActionModule(ActionBase):
    _supports_async = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        require_supported_core()
        args = self._task.args
        # The file has to be on this machine, and somebody has to wait for the end.
        here = self._connection.transport == "local" and not self._task.async_val
        if not here or args.get("progress_file"):
            result.update(self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))
            return result
        with shown_progress("improvmx report") as path:
            shown = {**args, "progress_file": path}
            result.update(self._execute_module(module_args=shown, task_vars=task_vars))
        return result
