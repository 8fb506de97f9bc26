# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a child process once and measures its cost. All of its processes are ended in any case."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer

TESTS = Path(__file__).resolve().parents[1]
BUILD = TESTS.parent / "build"
_UNIT = 1 if sys.platform == "darwin" else 1024  # the unit in which the system reports memory, in bytes


@dataclass(frozen=True)
class Cost:
    """The cost of a process with its children, and its output.

    ``memory``: MiB of the largest of these processes.
    """

    seconds: float
    cpu: float
    memory: float
    output: str


def environment() -> dict[str, str]:
    """The environment of every child: our collection, no settings of the user, no proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("IMPROVMX_", "EMULATOR_", "ANSIBLE_")) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD / "tree"),
        "ANSIBLE_CONFIG": str(TESTS / "benchmark" / "ansible.cfg"),
        "ANSIBLE_HOME": str(BUILD / "home" / ".ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        # build/ can contain an older copy of the collection, so nothing is imported from the current folder.
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(BUILD / "tree")]),
    }


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def run(command: list[str], limit: float = 300.0) -> Cost:
    """Run a command. Raises RuntimeError if it fails or takes longer than the limit."""
    with TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=environment(),
            cwd=TESTS / "benchmark",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        timer = Timer(limit, _kill, [process.pid])
        timer.start()
        try:
            _pid, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process.pid)
            process.wait()
            raise
        finally:
            timer.cancel()
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if process.returncode:
        shown = text if len(text) < 4000 else f"{text[:2000]}\n...\n{text[-2000:]}"
        raise RuntimeError(f"{command}: exit code {process.returncode} after {seconds:.0f} s\n{shown}")
    memory = usage.ru_maxrss * _UNIT / 2**20
    return Cost(seconds, usage.ru_utime + usage.ru_stime, memory, text)


def _kill(pid: int) -> None:
    """End a process with all of its children: the workers of Ansible have separate sessions."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    doomed = [pid]
    for parent in doomed:
        doomed += [child for child, its_parent in parents if its_parent == parent]
    for each in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
