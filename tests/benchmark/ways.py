# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to do the same work: the collection, a loop of ansible.builtin.uri, the floor."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .processes import Cost, python, run
from .service import Service
from .work import FROM_NOTHING, NOTHING_TO_DO, ONE_CHANGE, Work

HERE = Path(__file__).resolve().parent
MODULE = "ansible_collections.improvmx.email.plugins.modules.improvmx_domains"
PROVISION = "improvmx.email.provision"
_ANSIBLE_PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))


@dataclass(frozen=True)
class Result:
    """The cost of some work in one way: the median of its runs, or an estimate from smaller work."""

    requests: int
    seconds: float
    cpu: float = 0.0
    memory: float = 0.0
    refused: int = 0
    estimated: bool = False


class Ways:
    """The ways, with the same service. ``runs``: the number of runs of each, if it is short."""

    def __init__(self, service: Service, folder: Path, runs: int, limit: float = 300.0) -> None:
        self.service = service
        self._limit = limit  # seconds of one run
        self._folder = folder
        self._runs = runs

    def module(self, work: Work, **options: Any) -> Result:
        """Our module alone, as Ansible runs it on a host."""
        given = {"domains": work.wishes, "api_url": self.service.url, "api_key": self.service.key, **options}
        file = self._write("module.json", {"ANSIBLE_MODULE_ARGS": given})
        return self._measure(work, python("-m", MODULE, file))

    def playbook(self, work: Work) -> Result:
        """A playbook with one task with our module."""
        return self._measure(work, self._play("ours.yml", work))

    def role(self, work: Work, inventory: dict[str, Any]) -> Result:
        """One run of the playbook with the role, for an inventory with the domains of a work."""
        connection = {"improvmx_api_url": self.service.url, "improvmx_api_key": self.service.key}
        everybody = {**inventory, "vars": {**inventory["vars"], **connection}}
        hosts = self._write("role/hosts.json", {"all": everybody})
        return self._once(work, [_ANSIBLE_PLAYBOOK, "-i", hosts, PROVISION])

    def task(self, work: Work) -> Result:
        """One run of a playbook with one task with our module."""
        return self._once(work, self._play("ours.yml", work))

    def floor(self, work: Work, threads: int) -> Result:
        """A bare script with as few requests as possible."""
        connection = {"api_url": self.service.url, "api_key": self.service.key}
        file = self._write("floor.json", {**connection, "threads": threads, "domains": work.wishes})
        return self._measure(work, python("-m", "benchmark.floor", file))

    def uri(self, kind: str, sizes: Iterable[tuple[int, int]]) -> list[tuple[Work, Result]]:
        """A playbook with a loop of ansible.builtin.uri over all objects, for works of these sizes."""
        playbook = "uri_create.yml" if kind == FROM_NOTHING else "uri_keep.yml"
        works = [Work(kind, domains, aliases) for domains, aliases in sizes]
        return [(work, self._once(work, self._play(playbook, work))) for work in works]

    def _play(self, playbook: str, work: Work) -> list[str]:
        """The playbook, with the desired state in the inventory, like that of users."""
        self._write(
            "inventory/host_vars/localhost.json",
            {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "api_url": self.service.url,
                "api_key": self.service.key,
                "domains": work.wishes,
            },
        )
        hosts = self._write("inventory/hosts.json", {"all": {"hosts": {"localhost": None}}})
        return [_ANSIBLE_PLAYBOOK, "-i", hosts, str(HERE / playbook)]

    def _write(self, name: str, content: Any) -> str:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")
        return str(file)

    def _measure(self, work: Work, command: list[str]) -> Result:
        """The median of several runs; a long one is done only once."""
        results = [self._once(work, command)]
        while len(results) < self._runs and results[0].seconds < 2.5:
            results.append(self._once(work, command))
        middle = statistics.median_low(result.seconds for result in results)
        return next(result for result in results if result.seconds == middle)

    def _once(self, work: Work, command: list[str]) -> Result:
        self.service.begin(work)
        cost = run(command, self._limit)
        statuses = self.service.end(work)
        return Result(len(statuses), cost.seconds, cost.cpu, cost.memory, statuses.count(429))


def one_by_one(work: Work, measured: list[tuple[Work, Result]]) -> Result:
    """The cost of a loop over single objects, estimated from two smaller works."""
    (small, first), (large, second) = measured
    for each, result in measured:
        if result.requests != each.requests_one_by_one:
            raise RuntimeError(f"the loop made {result.requests} requests for {each}")
    seconds, cpu = (
        _line((small.requests_one_by_one, low), (large.requests_one_by_one, high), work.requests_one_by_one)
        for low, high in ((first.seconds, second.seconds), (first.cpu, second.cpu))
    )
    return Result(work.requests_one_by_one, seconds, cpu, estimated=True)


def measured_kind(kind: str) -> str:
    """For a loop, changing one object costs as much as reading one more."""
    return NOTHING_TO_DO if kind == ONE_CHANGE else kind


def estimate(work: Work, smaller: list[tuple[Work, Result]]) -> Result:
    """The cost of some work, estimated from two smaller ones of the same kind."""
    (small, first), (large, second) = smaller
    points = (small.least_requests, first.seconds), (large.least_requests, second.seconds)
    return Result(work.least_requests, _line(*points, work.least_requests), estimated=True)


def _line(first: tuple[int, float], second: tuple[int, float], at: int) -> float:
    slope = (second[1] - first[1]) / (second[0] - first[0])
    return second[1] + slope * (at - second[0])


def reported(cost: Cost) -> Any:
    """The output of one of our scripts."""
    return json.loads(cost.output)
