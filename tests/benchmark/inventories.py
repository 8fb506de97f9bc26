# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role on inventories of each shape, compared with one task with the same list of domains."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .service import Service
from .tables import Row, count, number, table
from .ways import Result, Ways
from .work import FROM_NOTHING, NOTHING_TO_DO, Work

LIST, HOSTS, MACHINES = "a list, localhost", "hosts that are domains", "a list in group_vars/all, {} machines"
_MOST_MACHINES = 100


def roles(folder: Path, domains: int, runs: int) -> str:
    """The costs of the role on each shape, and of one task. ``domains``: the maximum number of them."""
    few = max(2, domains // 10)  # a single domain is not read from the list
    machines = min(_MOST_MACHINES, few)
    rows: list[Row] = []
    with Service() as service:
        ways = Ways(service, folder, 1)
        for kind in (NOTHING_TO_DO, FROM_NOTHING):
            for shape, size in ((LIST, domains), (HOSTS, domains), (MACHINES.format(machines), few)):
                work = Work(kind, size)
                inventory = _inventory(shape, work, _names(shape, work, machines))
                role, task = [], []
                # In turn, so that other load of the machine affects both.
                for _turn in range(runs if kind == NOTHING_TO_DO else 1):
                    role.append(ways.role(work, inventory))
                    task.append(ways.task(work))
                rows.append(_row(shape, work, _median(role), _median(task)))
    heads = (
        "inventory, domains x 10",
        "work",
        "requests: role",
        "one task",
        "CPU s: role",
        "one task",
        "role / one task",
        "seconds: role",
        "one task",
    )
    notes = (
        "CPU seconds are those of the whole ansible-playbook, with all processes that it starts. "
        "One task is a playbook with improvmx_domains and the same list. With nothing to do, the two run "
        f"in turn, {runs} times each, and the figures are those of the run with the median CPU seconds."
    )
    return table("The role, beside one task with the same domains", heads, rows, notes)


def large(folder: Path, domains: int = 20_000, aliases: int = 5) -> str:
    """The costs of the role and of one task for an account of the largest plan with nothing to do."""
    work = Work(NOTHING_TO_DO, domains, aliases)
    with Service() as service:
        ways = Ways(service, folder, 1, limit=1800.0)
        task = ways.task(work)
        rows: list[Row] = [_large_row("one task of ours", task, task)]
        for shape in (LIST, HOSTS):
            role = ways.role(work, _inventory(shape, work, _names(shape, work, 1)))
            rows.append(_large_row(shape, role, task))
    heads = ("inventory", "requests", "CPU s", "role / one task", "seconds", "MiB")
    notes = "One run each. MiB are those of the largest process."
    return table(f"The role with {domains:,} domains x {aliases}, nothing to do", heads, rows, notes)


def _large_row(name: str, result: Result, task: Result) -> Row:
    return (
        name,
        count(result.requests),
        number(result.cpu),
        number(result.cpu / task.cpu),
        number(result.seconds),
        count(int(result.memory)),
    )


def _median(results: list[Result]) -> Result:
    middle = statistics.median_low(result.cpu for result in results)
    return next(result for result in results if result.cpu == middle)


def _names(shape: str, work: Work, machines: int) -> Iterable[str]:
    if shape == LIST:
        return ("localhost",)
    if shape == HOSTS:
        return [wish["domain"] for wish in work.wishes]
    return [f"web-{number:03}.corp.example" for number in range(machines)]


def _inventory(shape: str, work: Work, hosts: Iterable[str]) -> dict[str, Any]:
    """The inventory without the variables of the connection."""
    if shape == HOSTS:
        aliases = {wish["domain"]: wish["aliases"] for wish in work.wishes}
        return {"hosts": {host: {"improvmx_aliases": aliases[host]} for host in hosts}, "vars": {}}
    return {"hosts": dict.fromkeys(hosts), "vars": {"improvmx_domains": work.wishes}}


def _row(shape: str, work: Work, role: Result, task: Result) -> Row:
    return (
        f"{shape}, {work.domains:,}",
        work.kind,
        count(role.requests),
        count(task.requests),
        number(role.cpu),
        number(task.cpu),
        number(role.cpu / task.cpu),
        number(role.seconds),
        number(task.seconds),
    )
