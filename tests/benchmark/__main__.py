# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs all measurements: ``python -m benchmark``, see its --help. Also writes build/benchmark.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .comparison import Extent, Line, compare, comparison, growth
from .details import imports, other_tools, overhead, planning, rate_limit
from .inventories import large, roles
from .processes import BUILD, run

WHOLE = Extent(sizes=(10, 100, 1000), latencies=(0.0, 0.1), runs=3, uri_sizes=((1, 1), (4, 10)))
QUICK = Extent(sizes=(2, 10), latencies=(0.1,), runs=1, uri_sizes=((1, 1), (1, 3)))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make bench", description="The collection's speed, and that of others."
    )
    parser.add_argument(
        "--quick", action="store_true", help="less of everything, to test the benchmark itself"
    )
    parser.add_argument("--role", action="store_true", help="only the role beside one task")
    parser.add_argument(
        "--large", action="store_true", help="only the role with 20,000 domains: some ten minutes"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    try:
        with TemporaryDirectory() as folder:
            if options.large:
                report = large(Path(folder))
            else:
                report = "\n".join(_tables(options.quick, options.role, Path(folder)))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    (BUILD / "benchmark.md").write_text(report, encoding="utf-8")
    print(report)


def _tables(quick: bool, only_role: bool, folder: Path) -> Iterator[str]:
    extent = QUICK if quick else WHOLE
    started = time.monotonic()
    parts: list[str] = []
    if not only_role:
        parts += _ways(extent, folder)
    with _step("the role"):
        parts.append(roles(folder, extent.sizes[-1], extent.runs))
    if not only_role:
        parts += _details(quick, folder)
        parts.append(other_tools(extent.sizes))
    minutes = (time.monotonic() - started) / 60
    label = "quick" if quick else "full"
    yield f"# Benchmark\n\n{_machine()}; a {label} run of {minutes:.1f} minutes.\n"
    yield from parts


def _ways(extent: Extent, folder: Path) -> list[str]:
    """The same work in each way, and how the costs grow."""
    concurrency = _concurrency()
    lines: list[Line] = []
    for latency in extent.latencies:
        with _step(f"the same work in each way, {latency * 1000:.0f} ms latency"):
            lines += compare(extent, folder, latency, concurrency)
    return [comparison(lines, concurrency), growth(lines)]


def _details(quick: bool, folder: Path) -> Iterator[str]:
    """The smaller tables."""
    plans = [(100, 10), (1000, 10), (10_000, 10), (1000, 100)]
    steps: dict[str, Callable[[], str]] = {
        "rate limit": lambda: rate_limit(folder, *(6, 2.0) if quick else (60, 10.0)),
        "overhead of a request": lambda: overhead(20 if quick else 100),
        "imports": lambda: imports(folder, 1 if quick else 5),
        # Last, because the memory of this process would count as memory of its children.
        "planning": lambda: planning(plans[:2] if quick else plans, folder, plans[0] if quick else plans[-1]),
    }
    for name, measure in steps.items():
        with _step(name):
            part = measure()
        yield part


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Print the current step and its duration on stderr."""
    print(f"  {name} ...", end="", file=sys.stderr, flush=True)
    started = time.monotonic()
    yield
    print(f" {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _concurrency() -> int:
    """The default of the option concurrency of our module."""
    program = Path(sys.executable).with_name("ansible-doc")
    reported = run([str(program), "-t", "module", "--json", "improvmx.email.improvmx_domains"])
    documented = json.loads(reported.output[reported.output.index("{") :])["improvmx.email.improvmx_domains"]
    return int(documented["doc"]["options"]["concurrency"]["default"])


def _machine() -> str:
    version = run([str(Path(sys.executable).with_name("ansible")), "--version"]).output.splitlines()[0]
    ours = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    return f"{ours}, {version}; the service is emulated on loopback"


if __name__ == "__main__":
    main()
