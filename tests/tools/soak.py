# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the properties of tests/properties with new random cases, and print the faults that occurred."""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TALLY = ROOT / "build/soak.json"
ROUND = 2500  # cases


def main() -> None:
    options = _options()
    began = time.monotonic()
    left = options.cases or sys.maxsize
    tally: Counter[str] = Counter()
    failed = []
    while left > 0 and time.monotonic() < began + options.minutes * 60:
        cases = min(left, ROUND) if options.seed is None else left
        seed = secrets.randbelow(10**9) if options.seed is None else options.seed
        started = time.monotonic()
        print(f"seed {seed}: ", end="", flush=True)
        output = _round(cases, seed, options.workers)
        found = json.loads(TALLY.read_text(encoding="utf-8")) if TALLY.exists() else {}
        tally.update(found)
        left -= cases
        print(f"{found.get('cases', 0)} cases in {time.monotonic() - started:.0f} s", flush=True)
        if output:
            failed.append(f"make soak SEED={seed} CASES={cases}")
            print(output, flush=True)
    print(_summary(tally, time.monotonic() - began))
    if failed:
        sys.exit("\n".join(["FAILED. To reproduce, at the same commit:", *failed]))


def _round(cases: int, seed: int, workers: str) -> str:
    """Check so many cases; return the output of pytest if one fails."""
    TALLY.unlink(missing_ok=True)
    command = ["pytest", "tests/properties", "-n", workers, "--dist", "worksteal"]
    command += ["--ignore-glob", "*/test_any_*.py"]  # their cases are always the same
    command += ["--cases", str(cases), "--seed", str(seed), "--tally", str(TALLY)]
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.stdout if ended.returncode else ""


def _summary(tally: Counter[str], seconds: float) -> str:
    cases = tally.pop("cases", 0)
    lines = [f"{cases:,} cases in {seconds / 60:.1f} minutes, {tally.total():,} faults injected:"]
    lines += [f"  {count:>9,}  {kind.replace('_', ' ')}" for kind, count in tally.most_common() if count]
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, help="number of cases; default: as many as the time allows")
    parser.add_argument("--minutes", type=float, help="duration, without the end of the last round")
    parser.add_argument(
        "--seed", type=int, help=f"repeat the round of this seed, by default with {ROUND} cases"
    )
    parser.add_argument("--workers", default="auto", help="processes")
    options = parser.parse_args()
    if options.seed is not None:
        options.cases = options.cases or ROUND
    if options.minutes is None:
        options.minutes = float("inf") if options.cases else 10.0
    return options


if __name__ == "__main__":
    main()
