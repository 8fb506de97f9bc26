# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a live check, in Markdown that can be published: it contains no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .points import Findings, Point
from .rounds import Outcome
from .service import Service


@dataclass
class Comparison:
    """A point with the findings of the emulator and of the service."""

    point: Point
    expected: Findings = field(default_factory=dict)
    found: Findings = field(default_factory=dict)
    untried: str = ""

    @property
    def differs(self) -> bool:
        return not self.untried and self.expected != self.found


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    v4: list[str] = field(default_factory=list)  # requests and what version 4 answered

    @property
    def misbehaved(self) -> bool:
        return any(outcome.problems for outcome in self.outcomes)

    @property
    def refused(self) -> bool:
        """Whether the service refused the domain."""
        return bool(self.outcomes and self.outcomes[0].refused)

    def text(self, service: Service) -> str:
        parts = [
            _modules(self.outcomes),
            _differences(self.comparisons),
            _replies(self.replies),
            _untried(self.comparisons),
            _answers(self.comparisons),
            self.v4,
            _facts(service),
            _left(self.left),
        ]
        return "\n".join(line for part in parts for line in part)


def _modules(outcomes: list[Outcome]) -> Iterator[str]:
    bad = sum(bool(outcome.problems) for outcome in outcomes)
    yield f"## Modules: {f'{bad} of {len(outcomes)} rounds went wrong' if bad else 'all is well'}\n"
    for outcome in outcomes:
        refused = outcome.refused and f"refused, which is no fault of the module: {outcome.refused}"
        verdict = "; ".join(outcome.problems) or refused or "well"
        yield f"- {outcome.round.module}, {outcome.round.name}, requests: {outcome.requests}: {verdict}"
    yield ""


def _differences(comparisons: list[Comparison]) -> Iterator[str]:
    differing = [comparison for comparison in comparisons if comparison.differs]
    same = [
        comparison.point.name for comparison in comparisons if not (comparison.differs or comparison.untried)
    ]
    yield f"## Points in which the service differs from the emulator: {len(differing) or 'none'}\n"
    for comparison in differing:
        yield f"### {comparison.point.name}\n"
        for question in {**comparison.expected, **comparison.found}:
            expected, found = (
                json.dumps(findings[question], ensure_ascii=False) if question in findings else "nothing"
                for findings in (comparison.expected, comparison.found)
            )
            if expected != found:
                yield f"- {question}\n  - emulator: `{expected}`\n  - service: `{found}`"
        yield f"\nWhere to change: {comparison.point.cure}\n"
    if same:
        yield f"As the emulator has it: {'; '.join(same)}.\n"


def _replies(lines: list[str]) -> Iterator[str]:
    yield f"## Replies whose form differs from the emulator's: {len(lines) or 'none'}\n"
    yield from (f"- {line}" for line in lines)
    if lines:
        yield (
            "\nWhere to change: the views in tests/emulator/v3.py and v2.py, and the samples in "
            "tests/unit/emulator/samples; where a key is missing or of another type, what reads it: "
            "plugins/module_utils/_api/base.py.\n"
        )


def _untried(comparisons: list[Comparison]) -> Iterator[str]:
    untried = [comparison for comparison in comparisons if comparison.untried]
    if untried:
        yield f"## Points that could not be tried: {len(untried)}\n"
        yield from (f"- {comparison.point.name}: {comparison.untried}" for comparison in untried)
        yield ""


def _answers(comparisons: list[Comparison]) -> Iterator[str]:
    """Each question, with the answers of the service and of the emulator."""
    yield "## Every question\n"
    yield "| asked | service | emulator |\n|---|---|---|"
    for comparison in comparisons:
        for question, expected in comparison.expected.items():
            found = "not tried" if comparison.untried else _cell(comparison.found.get(question))
            yield f"| {comparison.point.name}: {question} | {found} | {_cell(expected)} |"
    yield ""


def _cell(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("|", "\\|")


def _facts(service: Service) -> Iterator[str]:
    sizes: dict[str, list[str]] = {}
    for endpoint, size in service.sizes.items():
        sizes.setdefault(size or "no number", []).append(endpoint)
    yield "## For the record\n"
    yield f"- {len(service.seconds)} requests beside those of the modules, {_milliseconds(service)} each"
    for size, endpoints in sizes.items():
        which = ", ".join(endpoints) if len(sizes) > 1 else "every endpoint"
        yield f"- X-RateLimit-Limit tells {size} for {which}"
    yield ""


def _milliseconds(service: Service) -> str:
    return f"{median(service.seconds) * 1000:.0f} ms" if service.seconds else "no time"


def _left(left: list[str]) -> Iterator[str]:
    yield "## Left behind\n"
    yield "- nothing" if not left else "\n".join(f"- {domain}: delete it by hand" for domain in left)
