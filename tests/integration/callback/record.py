# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the result of every task as a line of JSON, for the tests to read."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: record
type: notification
short_description: Write the result of every task as a line of JSON
version_added: 1.0.0
description:
  - For the tests of this collection. The file is named by the environment variable E(RECORD_FILE).
author:
  - The improvmx.email contributors (@improvmx-email)
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record(result)

    def _record(self, result: Any) -> None:
        line = json.dumps({"action": result._task.action, "result": result._result}, default=str)
        with open(os.environ["RECORD_FILE"], "a", encoding="utf-8") as record:
            record.write(line + "\n")
