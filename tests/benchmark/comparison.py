# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main table: the same work in each way, and how the costs grow with its size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .service import Service
from .tables import Row, count, exponent, number, table
from .ways import Result, Ways, estimate, measured_kind, one_by_one
from .work import FROM_NOTHING, KINDS, NOTHING_TO_DO, Work

_LONGEST = 45.0  # seconds of a single run; longer ones are estimated
_HEADS = (
    "work, domains x 10",
    "latency ms",
    "requests: ours",
    "uri loop",
    "floor",
    "seconds: our playbook",
    "our module",
    "one at a time",
    "floor",
    "N threads",
    "module / floor",
    "CPU s: our module",
    "floor",
    "uri loop",
    "MiB: our module",
    "our playbook",
)


@dataclass(frozen=True)
class Line:
    """One work in all ways."""

    work: Work
    latency: float
    playbook: Result
    module: Result
    alone: Result | None  # our module, one domain at a time
    uri: Result
    floor: Result  # one request at a time
    threads: Result | None  # the floor, with as many threads as our module


@dataclass(frozen=True)
class Extent:
    """The extent of the measurements."""

    sizes: tuple[int, ...]
    latencies: tuple[float, ...]
    runs: int
    uri_sizes: tuple[tuple[int, int], tuple[int, int]]


def compare(extent: Extent, folder: Path, latency: float, concurrency: int) -> list[Line]:
    """Measure all work in all ways. ``concurrency``: that of our module."""
    lines = []
    with Service(latency) as service:
        ways = Ways(service, folder, extent.runs)
        loops = {kind: ways.uri(kind, extent.uri_sizes) for kind in (NOTHING_TO_DO, FROM_NOTHING)}
        for kind in KINDS:
            smaller: list[Line] = []
            for size in extent.sizes:
                work = Work(kind, size)
                uri = one_by_one(work, loops[measured_kind(kind)])
                smaller.append(_line(ways, work, uri, concurrency, smaller))
            lines += smaller
    return lines


def _line(ways: Ways, work: Work, uri: Result, concurrency: int, smaller: list[Line]) -> Line:
    """Measure one work in all ways."""
    playbook, module = ways.playbook(work), ways.module(work)
    # Otherwise nothing can be done in parallel.
    several = work.kind == FROM_NOTHING
    alone: Result | None
    if len(smaller) >= 2 and work.least_requests * ways.service.latency > _LONGEST:
        alone = estimate(work, [(line.work, line.alone) for line in smaller[-2:] if line.alone])
        floor = estimate(work, [(line.work, line.floor) for line in smaller[-2:]])
    else:
        alone = ways.module(work, concurrency=1) if several else None
        floor = ways.floor(work, 1)
    threads = ways.floor(work, concurrency) if several else None
    return Line(work, ways.service.latency, playbook, module, alone, uri, floor, threads)


def comparison(lines: list[Line], concurrency: int) -> str:
    notes = (
        "Seconds are those of whole processes, start and imports included. Our module works on "
        f'{concurrency} domains at a time; so does "{concurrency} threads". The ratios take the faster '
        "of the two floors. `~` was measured on fewer things and extrapolated: the CPU seconds of the "
        "uri loop, and sequential runs that would take minutes. MiB is the most that the process held."
    )
    heads = [head.replace("N", str(concurrency)) for head in _HEADS]
    return table("The same work, side by side", heads, [_row(line) for line in lines], notes)


def _row(line: Line) -> Row:
    floor = min(line.floor, line.threads or line.floor, key=lambda result: result.seconds)
    ratio = line.module.seconds / floor.seconds
    seconds = (line.playbook, line.module, line.alone, line.floor, line.threads)
    return (
        f"{line.work.kind}, {line.work.domains:,}",
        f"{line.latency * 1000:.0f}",
        count(line.module.requests),
        count(line.uri.requests),
        count(floor.requests),
        *(number(result.seconds, result.estimated) if result else "" for result in seconds),
        number(ratio),
        number(line.module.cpu),
        number(floor.cpu),
        number(line.uri.cpu, line.uri.estimated),
        f"{line.module.memory:.0f}",
        f"{line.playbook.memory:.0f}",
    )


def growth(lines: list[Line]) -> str:
    """The growth of our requests and seconds for each work."""
    sizes = sorted({line.work.domains for line in lines})
    heads = [
        "work",
        "latency ms",
        *(f"requests: {size:,}" for size in sizes),
        "exponent",
        *(f"seconds: {size:,}" for size in sizes),
        "exponent",
        "ms a domain",
    ]
    rows = []
    for latency in sorted({line.latency for line in lines}):
        for kind in KINDS:
            group = [line for line in lines if (line.work.kind, line.latency) == (kind, latency)]
            rows.append(_growth_row(group))
    notes = "Our module alone. The exponents are those of the last step; 1 is linear."
    return table("How our module grows with the number of domains", heads, rows, notes)


def _growth_row(group: list[Line]) -> Row:
    before, last = group[-2:]
    times = last.work.domains / before.work.domains
    more = last.module.seconds - before.module.seconds
    return (
        last.work.kind,
        f"{last.latency * 1000:.0f}",
        *(count(line.module.requests) for line in group),
        exponent(before.module.requests, last.module.requests, times),
        *(number(line.module.seconds, line.module.estimated) for line in group),
        exponent(before.module.seconds, last.module.seconds, times),
        number(more / (last.work.domains - before.work.domains) * 1000),
    )
