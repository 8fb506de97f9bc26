# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The smaller tables: rate limit, overhead per request, imports, planning, other tools."""

from __future__ import annotations

import math
import statistics
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .processes import TESTS, python, run
from .service import Service
from .tables import Row, count, exponent, number, table
from .ways import Ways, reported
from .work import FROM_NOTHING, KINDS, NOTHING_TO_DO, ONE_CHANGE, Work

_PLUGINS = TESTS.parent / "plugins"
_MINUTE = 60.0


def rate_limit(folder: Path, limit: int, window: float) -> str:
    """Our module with a rate limit, compared with the minimum time that its windows allow."""
    rows: list[Row] = []
    # The endpoint with the most requests receives one per domain; all writes together are two per domain.
    for scope, domains in (("endpoint", limit * 3), ("method", limit * 3 // 2)):
        work = Work(FROM_NOTHING, domains)
        with Service() as service:
            free = Ways(service, folder, 1).module(work)
        with Service(limit=limit, window=window, scope=scope) as service:
            result = Ways(service, folder, 1).module(work)
        waits = math.ceil(limit * 3 / limit) - 1
        least = waits * window
        beyond = result.seconds - least
        scaled = (waits * _MINUTE + beyond) / (waits * _MINUTE)
        rows.append(
            (
                f"{limit} in {window:g} s, each {scope}",
                count(domains),
                count(result.requests),
                result.refused,
                waits,
                *map(number, (least, result.seconds, result.seconds / least, beyond, free.seconds, scaled)),
            )
        )
    heads = (
        "limit",
        "domains",
        "requests",
        "429s",
        "windows waited out",
        "least s",
        "seconds",
        "ratio",
        "s beyond",
        "s without limit",
        "ratio, windows of 60 s",
    )
    notes = (
        "From nothing. Least: the windows that must end before the last request may be sent. The windows are "
        'short to save time. The service tells their ends in whole seconds, so "s beyond" is the same with '
        "long ones, which the last column computes."
    )
    return table("Under a rate limit", heads, rows, notes)


def overhead(requests: int) -> str:
    """The CPU time of one request, with our client and with a bare session."""
    with Service() as service:
        service.begin(Work(NOTHING_TO_DO, 1))
        cost = reported(run(python("-m", "benchmark.overhead", service.url, service.key, str(requests))))
    row = ("GET of a small reply", *(number(cost[name]) for name in ("ours", "bare", "beyond")))
    heads = ("CPU ms of one request", "our client", "requests.Session", "beyond it")
    return table("What our client adds to a request", heads, [row], "Median of 15 rounds, the two in turn.")


def imports(folder: Path, runs: int) -> str:
    """The imports of each module and their cost."""
    archive = folder / "ours.zip"
    _pack(archive)
    rows: list[Row] = []
    for module in sorted(path.stem for path in (_PLUGINS / "modules").glob("improvmx_*.py")):
        command = python("-m", "benchmark.imports", module, str(archive))
        reports = [reported(run(command)) for _number in range(runs)]
        costs = [
            statistics.median(each[name] for each in reports) * 1000 for name in ("basic", "requests", "ours")
        ]
        parts = ", ".join(name for name in reports[0]["parts"])
        rows.append((module, *map(number, costs), len(reports[0]["others"]), parts))
    heads = (
        "module, CPU ms",
        "ansible's basic",
        "requests",
        "ours",
        "other imports",
        "our parts that are loaded",
    )
    notes = (
        "The first two are what any module of the kind needs. Ours comes from a zip and is compiled at each "
        'start, as Ansible sends it; "other imports" counts modules of others that only ours needs.'
    )
    return table("What the import of each module takes", heads, rows, notes)


def _pack(archive: Path) -> None:
    """Pack our plugins like Ansible: sources only, each folder a package."""
    root = "ansible_collections/improvmx/email/plugins"
    files = [*(_PLUGINS / "modules").glob("*.py"), *(_PLUGINS / "module_utils").rglob("*.py")]
    folders = {f"{root}/{file.parent.relative_to(_PLUGINS)}" for file in files}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for package in sorted({above for folder in folders for above in _above(folder)}):
            packed.writestr(f"{package}/__init__.py", "")
        for file in files:
            packed.write(file, f"{root}/{file.relative_to(_PLUGINS)}")


def _above(path: str) -> Iterable[str]:
    """A path and its parents, from the top."""
    parts = path.split("/")
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


def planning(sizes: Iterable[tuple[int, int]], folder: Path, largest: tuple[int, int]) -> str:
    """The CPU time of planning alone, and the complete run of the largest work."""
    rows: list[Row] = []
    totals: list[tuple[int, float]] = []
    names = ("read", "nothing to do", "all changed", "from nothing")
    for domains, aliases in sizes:
        cost = run(python("-m", "benchmark.planning", str(domains), str(aliases)))
        seconds: dict[str, Any] = reported(cost)
        slowest = max(seconds[name] for name in names[1:])
        same = [total for total in totals if aliases == 10]
        growth = exponent(same[-1][1], slowest, domains / same[-1][0]) if same else ""
        totals.append((domains, slowest))
        size = f"{domains:,} x {aliases}"
        rows.append((size, *(f"{seconds[name]:.3f}" for name in names), growth, f"{cost.memory:.0f}"))
    heads = ("domains x aliases, CPU s", *("reading the task", *names[1:]), "exponent", "MiB")
    notes = f"Wishes and findings are in memory already. {_whole_runs(folder, *largest)}"
    return table("Planning", heads, rows, notes)


def _whole_runs(folder: Path, domains: int, aliases: int) -> str:
    """The complete run of the largest work."""
    summaries = []
    with Service() as service:
        ways = Ways(service, folder, 1)
        for kind in (NOTHING_TO_DO, FROM_NOTHING):
            result = ways.module(Work(kind, domains, aliases))
            summaries.append(
                f"{kind}, {result.requests:,} requests, {result.seconds:.1f} s, "
                f"CPU {result.cpu:.1f} s, {result.memory:.0f} MiB"
            )
    return f"The whole module with {domains:,} x {aliases}: {'; '.join(summaries)}."


def other_tools(sizes: Iterable[int]) -> str:
    """The requests of other tools, computed from their documentation."""
    rows: list[Row] = []
    for kind in KINDS:
        for size in sizes:
            work = Work(kind, size)
            one_each = work.requests_one_by_one
            # A list of the domains at 50 a page, and of each domain's aliases at 20 a page.
            lists = math.ceil(size / 50) + size * math.ceil(work.aliases / 20)
            commands = {NOTHING_TO_DO: lists, ONE_CHANGE: lists + 1, FROM_NOTHING: work.things}[kind]
            cells = (work.least_requests, commands, one_each, one_each)
            rows.append((f"{kind}, {size:,}", *map(count, cells)))
    heads = ("work, domains x 10", "ours", "command line", "uri loop", "Terraform, Pulumi")
    notes = (
        "Computed, not measured. Terraform and Pulumi providers have one resource for each domain and each "
        "alias: a refresh reads every one, a creation writes every one (what some read back after each write "
        "comes on top). Command line: lists at the service's own page sizes, then one command for each thing."
    )
    return table("Requests that other tools need, computed", heads, rows, notes)
