# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A live check: runs the modules, then compares the service with the emulator, point by point."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests

from emulator import Emulator, RateLimit

from .points import Point, Site, Untried
from .report import Comparison, Report
from .rounds import Modules, series
from .service import Service
from .shapes import differences
from .visit import Occupied, Visit

LOG_ENTRY = Path(__file__).parents[1] / "unit/emulator/samples/v3-log-entry-2023plus-types.json"

Tell = Callable[[str], None]


def play(site: Site, modules: Modules, report: Report, tell: Tell) -> None:
    """Run modules that create, change and delete a domain, up to the first failure."""
    for index, rounds in enumerate(series(site.domain, site.at, site.service.version)):
        for round in rounds:
            tell(f"{round.module}: {round.name}")
            outcome = modules.play(round)
            report.outcomes.append(outcome)
            if report.misbehaved or report.refused:
                return
            if outcome.refused:
                break
        if not index:
            report.outcomes += modules.read(site.domain)


def ask(site: Site, points: Sequence[Point], report: Report, tell: Tell) -> None:
    """Compare each point. The first one creates the domain that all others need."""
    with emulated(site) as (emulator, twin):
        for point in points:
            tell(f"asking: {point.name}")
            emulator.rate_limit = RateLimit(5) if point.option == "limit" else None
            report.comparisons.append(compare(point, site, twin))
            if report.comparisons[0].untried:
                break
    report.replies = [
        f"{label}{'' if ok else ', refused'}: {difference}"
        for (label, ok), shape in site.service.shapes.items()
        if (label, ok) in twin.service.shapes
        for difference in differences(twin.service.shapes[label, ok], shape)
    ]


def compare(point: Point, site: Site, twin: Site) -> Comparison:
    comparison = Comparison(point, expected=point.ask(twin))
    try:
        comparison.found = point.ask(site)
    except (Untried, Occupied, requests.RequestException) as error:
        comparison.untried = str(error)
    except Exception as error:
        # Finding replies of an unknown form is the purpose of this check.
        comparison.untried = f"a reply could not be read ({type(error).__name__}: {error})"
    return comparison


@contextmanager
def emulated(site: Site) -> Iterator[tuple[Emulator, Site]]:
    """The same site with an emulator as the service."""
    entry: dict[str, Any] = json.loads(LOG_ENTRY.read_text(encoding="utf-8"))
    entries = [{**entry, "id": f"id{number}", "created": number} for number in range(60)]
    with Emulator() as emulator:
        others: dict[str, dict[str, Any]] = {}
        if site.logs_of:
            others[site.logs_of] = {"logs": entries}
        if site.rules_of:
            others.setdefault(site.rules_of, {})["routing_engine"] = "rules"
        emulator.seed({"domains": [{"domain": name, **fields} for name, fields in others.items()]})
        now = time.time()
        emulator.keep_time_by(lambda: now)  # a window of its rate limit never ends
        service = Service(emulator.url, emulator.api_key, site.service.version)
        visit = Visit(service)
        visit.claim(site.domain)
        yield emulator, replace(site, service=service, visit=visit, email=emulator.account.email)
