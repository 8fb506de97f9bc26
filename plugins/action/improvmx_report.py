# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of the same name, and shows its progress."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.improvmx.email.plugins.plugin_utils._core import require_supported_core
from ansible_collections.improvmx.email.plugins.plugin_utils._progress import run_with_progress


class ActionModule(ActionBase):
    _supports_async = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        require_supported_core()
        return {**result, **run_with_progress(self, task_vars, "improvmx report")}
