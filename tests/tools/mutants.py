# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change the code in many small ways, and check that the tests notice each change.

tests/mutants.toml names the code, the tests, and the changes that need no test. Fails if fewer than 95 % of
the changes (mutants) of a target are killed, or if one survives that is not in that file. Writes the diffs
of these to build/mutants/TARGET.diff.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools.tree import copy_to

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "build/mutants"
PYTHON = ROOT / "build/cores/mutants/bin/python"
SETTINGS = ROOT / "tests/mutants.toml"
COLLECTION = Path("ansible_collections/improvmx/email")
LEAST = 95  # percent of the mutants
# Exit codes of mutmut 3. All others show a hang.
FAILED = (1, 3)
UNNOTICED = (None, 0, 5, 33)  # not run, survived, no tests
PYTEST = ("-c", str(COLLECTION / "pyproject.toml"), "-n0")


Key = tuple[str, tuple[str, ...], tuple[str, ...]]  # a function, its lines before, its lines after


@dataclass(frozen=True)
class Target:
    """Files whose mutants are tested together, the tests for them, and the mutants that may survive."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    accepted: tuple[Key, ...]
    reasons: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return HOME / self.name


@dataclass(frozen=True)
class Mutant:
    """A mutant that no test noticed: its function, and the lines that it changes."""

    name: str
    function: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    diff: str

    @property
    def key(self) -> Key:
        return self.function, self.removed, self.added


def main() -> None:
    options = _options()
    problems: list[str] = []
    print(
        f"{'target':<12}{'mutants':>9}{'killed':>8}{'accepted':>10}{'survived':>10}{'minutes':>9}", flush=True
    )
    for target in load_targets():
        if not options.targets or target.name in options.targets:
            problems += _check(target, options)
    if problems:
        sys.exit("\n".join(problems))


def load_targets() -> list[Target]:
    """Return the targets in tests/mutants.toml."""
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    return [_target(name, each) for name, each in settings["targets"].items()]


def _target(name: str, settings: dict[str, Any]) -> Target:
    accepted = settings.get("accepted", [])
    keys = tuple((each["function"], _lines(each["before"]), _lines(each["after"])) for each in accepted)
    reasons = tuple(each["reason"] for each in accepted)
    return Target(name, tuple(settings["files"]), tuple(settings["tests"]), keys, reasons)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def judge(name: str, count: int, survivors: Sequence[Mutant], accepted: Collection[Key]) -> list[str]:
    """Return what is wrong with a target that has so many mutants."""
    if not count:
        return [f"{name}: no mutants were made"]
    problems = []
    killed = count - len(survivors)
    unknown = [each for each in survivors if each.key not in accepted]
    if unknown:
        diffs = HOME / f"{name}.diff"
        problems.append(
            f"{name}: {len(unknown)} survived that tests/mutants.toml does not accept, see {diffs}"
        )
    if killed * 100 < count * LEAST:
        problems.append(f"{name}: {killed / count:.1%} are killed, and {LEAST} % are required")
    return problems


def _check(target: Target, options: argparse.Namespace) -> list[str]:
    """Test the mutants of a target and print a line of the table; return what is wrong."""
    started = time.monotonic()
    again = _with_code(target, lambda code: code not in FAILED) if options.again else []
    _prepare(target, keep=options.again)
    _mutmut(target, "run", "--max-children", str(options.workers), *again)
    count, names = len(_exit_codes(target)), _with_code(target, lambda code: code in UNNOTICED)
    with ThreadPoolExecutor(options.workers) as pool:
        survivors = list(pool.map(partial(_mutant, target), names))
    unknown = [each for each in survivors if each.key not in target.accepted]
    counts = (count, count - len(names), len(names) - len(unknown), len(unknown))
    minutes = (time.monotonic() - started) / 60
    print("{:<12}{:>9}{:>8}{:>10}{:>10}{:>9.1f}".format(target.name, *counts, minutes), flush=True)
    diffs = "\n".join(each.diff for each in unknown)
    (HOME / f"{target.name}.diff").write_text(diffs, encoding="utf-8")
    problems = judge(target.name, count, survivors, target.accepted)
    if odd := _unselectable(target):
        problems.append(f"{target.name}: names of test cases that can't be selected, among {', '.join(odd)}")
    return problems


def _unselectable(target: Target) -> list[str]:
    """Return tests of which pytest can't select each, so that every mutant would look killed by them."""
    stats = target.folder / "mutants/mutmut-stats.json"
    tests = json.loads(stats.read_text(encoding="utf-8"))["duration_by_test"]
    odd = [test for test in tests if "\\" in test]
    if not odd:
        return []
    ended = subprocess.run(
        [PYTHON, "-m", "pytest", *PYTEST, "--collect-only", *odd],
        cwd=target.folder / "mutants",
        env=_environment(),
        capture_output=True,
        check=False,
    )
    return odd if ended.returncode == 4 else []


def _prepare(target: Target, keep: bool) -> None:
    """Copy the checkout into the folder of a target, and configure mutmut there."""
    if not keep:
        shutil.rmtree(target.folder, ignore_errors=True)
    copy_to(target.folder / COLLECTION)
    tests = [str(COLLECTION / test) for test in target.tests]
    lines = {
        "source_paths": [str(COLLECTION.parts[0])],
        "only_mutate": [f"*/plugins/{file}" for file in target.files],
        "pytest_add_cli_args": PYTEST,
        "pytest_add_cli_args_test_selection": tests,
        "timeout_constant": 5.0,
        "timeout_multiplier": 2.5,
        "use_git_change_detection": False,
    }
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    (target.folder / "pyproject.toml").write_text("[tool.mutmut]\n" + text, encoding="utf-8")


def _mutmut(target: Target, *arguments: str) -> str:
    """Run mutmut in the folder of a target; return its output. Exit with it if it fails."""
    ended = subprocess.run(
        [PYTHON, "-m", "mutmut", *arguments],
        cwd=target.folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        sys.exit(f"mutmut {arguments[0]} failed for {target.name}:\n{ended.stdout[-4000:]}")
    return ended.stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(COLLECTION / "tests"), "NO_COLOR": "1"}


def _with_code(target: Target, wanted: Callable[[int | None], bool]) -> list[str]:
    return [name for name, code in _exit_codes(target).items() if wanted(code)]


def _exit_codes(target: Target) -> dict[str, int | None]:
    """Return each mutant of a target with the exit code of its tests."""
    codes: dict[str, int | None] = {}
    for file in target.files:
        meta = target.folder / "mutants" / COLLECTION / "plugins" / f"{file}.meta"
        if meta.exists():
            codes.update(json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"])
    return codes


def _mutant(target: Target, name: str) -> Mutant:
    diff = _mutmut(target, "show", name)
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++", "@@", "#"))]
    changed = {sign: tuple(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"}
    module, _dot, function = name.rpartition("__mutmut_")[0].rpartition(".")
    function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    where = f"{module.rpartition('.plugins.')[2]}.{function}"
    return Mutant(name, where, changed["-"], changed["+"], f"# {where}\n{diff}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="names in tests/mutants.toml; default: all")
    parser.add_argument(
        "--again", action="store_true", help="only the mutants for which no test failed the last time"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2, help="processes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
