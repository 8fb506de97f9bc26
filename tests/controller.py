# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Code that runs in Ansible's controller, such as filters, in a process of its own.

Where the controller is loaded, Ansible takes modules in the same process for parts of itself: their
warnings go to the screen, and their arguments are read in another way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# One line of JSON for each question and each answer.
SERVE = """
import json, sys
from ansible.errors import AnsibleError

for line in sys.stdin:
    args, options = json.loads(line)
    try:
        print(json.dumps([answer(*args, **options), None]), flush=True)
    except AnsibleError as error:
        print(json.dumps([None, str(error)]), flush=True)
"""


class ControllerError(Exception):
    """What an AnsibleError said."""


@contextmanager
def controller(source: str) -> Iterator[Callable[..., Any]]:
    """Start a process for Python source that defines ``answer``; give a function that calls it there."""
    command = [sys.executable, "-c", source + SERVE]
    env = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, answers = process.stdin, process.stdout

        def ask(*args: Any, **options: Any) -> Any:
            print(json.dumps([args, options]), file=questions, flush=True)
            result, error = json.loads(answers.readline())
            if error is not None:
                raise ControllerError(error)
            return result

        yield ask
        questions.close()
