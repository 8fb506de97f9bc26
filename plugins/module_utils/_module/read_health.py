# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the data of a report: domains, logs, limits and, if enabled, checks of DNS records.

Domains are read in parallel. If one of them can't be read completely, the others are not affected. Log
entries are counted while they are read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from .._api.base import Api
from .._errors import ApiError, ImprovmxError, Interrupted, Refused, display_text
from .._model.domains import Domain
from .._model.logs import received_at
from .._plan.changes import Change
from .._plan.limits import usage
from .._report.findings import ReportContext
from .._report.foreign import plain
from .._report.health import DomainHealth, Mail, Tally
from .._run.fetch import read_named, read_whole
from .._run.parallel import Outage, map_parallel
from .._run.progress import Progress
from .._run.sheet import Sheet
from .check_domains import Verification, check_until_valid, look_again

_CLOCK_TOLERANCE = 300.0  # seconds, because answers take some time


@dataclass(frozen=True)
class ReportRequest:
    """The options of a report. ``domains`` None: all of the account.

    ``age``: the length of the period until now. Without it, ``since`` is the start.
    """

    domains: Optional[Sequence[str]]
    since: Optional[datetime]
    age: Optional[timedelta] = None
    check_dns: bool = False
    alert_on: Sequence[str] = ()
    concurrency: int = 8
    progress_file: Optional[str] = None


@dataclass
class Reading:
    """The data that was read, and the changes by the checks of DNS records."""

    domains: List[DomainHealth]
    context: ReportContext
    changes: List[Change]


def read_health(api: Api, request: ReportRequest, sheet: Optional[Sheet] = None) -> Reading:
    """Read the data. Raises ApiError if the domains can't be read or the run was interrupted.

    ``sheet``: receives a row for each mail.
    """
    before = api.transport.requests_made
    domains = _domains(api, request.domains)
    reads = api.transport.requests_made - before
    now, clock = _now(api)
    since = now - request.age if request.age is not None else request.since
    limits, limits_problem = _limits(api)
    count = _count(api) if limits is not None and request.domains is not None else None
    progress = Progress(request.progress_file)
    progress.begin(len(domains))
    api.transport.on_retry = progress.retrying
    api.transport.limits.on_wait = progress.waiting
    outage = Outage()

    def read(domain: Domain) -> DomainHealth:
        health = _read_domain(api, domain, since, outage, sheet)
        progress.domain_done()
        return health

    found = _existing(map_parallel(read, domains, request.concurrency))
    changes = _check_dns(api, found, reads, request.concurrency) if request.check_dns else []
    found = _existing(found)
    if api.transport.stop.is_set() and not changes:
        raise Interrupted("not sent, because the run was interrupted", "GET", api.account_path)
    names = {each.domain.name for each in found}
    missing = [name for name in request.domains or () if name not in names]
    return Reading(
        [*found, *(DomainHealth(Domain(name), Tally(Domain(name)), missing=True) for name in missing)],
        ReportContext(
            created=now,
            since=since,
            checked=request.check_dns,
            usage=_usage(limits, found, len(found) if request.domains is None else count),
            limits_problem=limits_problem,
            clock=clock,
            alert_on=request.alert_on,
        ),
        changes,
    )


def _domains(api: Api, names: Optional[Sequence[str]]) -> List[Domain]:
    if names is None:
        return sorted(api.domains(), key=lambda domain: domain.name)
    found = read_named(api, names)
    return [found[name] for name in names if name in found]


def _now(api: Api) -> Tuple[datetime, float]:
    """Return the time by the clock of the service, and by how many seconds that is ahead of this machine."""
    now = datetime.now(timezone.utc)
    clock = api.transport.limits.clock or 0.0
    if abs(clock) <= _CLOCK_TOLERANCE:
        return now, 0.0
    try:
        return now + timedelta(seconds=clock), clock
    except OverflowError:
        return now, 0.0


# --- One domain -----------------------------------------------------------------------------------


def _read_domain(
    api: Api, domain: Domain, since: Optional[datetime], outage: Outage, sheet: Optional[Sheet]
) -> DomainHealth:
    """Return the data of a domain, which is missing if others deleted it meanwhile."""
    health = DomainHealth(domain, Tally(domain))
    _set_domain(api, health, domain)
    steps: Tuple[Callable[[], None], ...] = (
        lambda: _complete(api, health, domain),
        lambda: _count_rules(api, health, domain),
        lambda: _read_log(api, health, domain, since, sheet),
    )
    error: Optional[ImprovmxError] = None
    for step in steps:
        if outage.known:
            _add_problem(health, outage.skipped())
            return health
        try:
            step()
        except ImprovmxError as problem:
            error = problem
            try:
                health.missing = _is_gone(api, domain, problem)
            except ApiError as failure:
                error = failure
            if not health.missing:
                _add_problem(health, problem)
        if health.missing:
            break
    outage.record(error)
    return health


def _existing(found: Sequence[DomainHealth]) -> List[DomainHealth]:
    return [health for health in found if not health.missing]


def _is_gone(api: Api, domain: Domain, error: ImprovmxError) -> bool:
    """Return whether an error occurred because others deleted the domain. Raises ApiError."""
    return isinstance(error, Refused) and error.status == 404 and api.domain(domain.name) is None


def _add_problem(health: DomainHealth, error: ImprovmxError) -> None:
    text = str(error)
    if text not in health.problems:
        health.problems.append(text)


def _set_domain(api: Api, health: DomainHealth, domain: Domain) -> None:
    """Store a domain with a printable name. Requests need the name that the service returned."""
    health.domain = replace(domain, name=plain(domain.name))
    health.tally = Tally(health.domain, api.transport.mask)


def _complete(api: Api, health: DomainHealth, domain: Domain) -> None:
    """Read the aliases that the list of domains did not contain."""
    if domain.complete or domain.routed_by_rules:
        return
    whole = next(read_whole(api, [domain]), None)
    if whole:
        _set_domain(api, health, whole)
    health.missing = whole is None


def _count_rules(api: Api, health: DomainHealth, domain: Domain) -> None:
    if domain.routed_by_rules and "rules" in api.manages:
        health.rules = len(api.rules(domain.name))


def _read_log(
    api: Api, health: DomainHealth, domain: Domain, since: Optional[datetime], sheet: Optional[Sheet]
) -> None:
    writer = sheet.writer(health.domain.name) if sheet else None
    keep: Callable[[Mail], None] = writer.add if writer else lambda mail: None
    try:
        for entry in api.logs(domain.name):
            if since is not None:
                created = received_at(entry)
                if created and created < since:
                    break
            keep(health.tally.add(entry, whole=writer is not None))
    finally:
        if writer:
            writer.flush()
    health.log_read = True


# --- The account ----------------------------------------------------------------------------------


def _limits(api: Api) -> Tuple[Optional[Mapping[str, int]], Optional[str]]:
    """Return the limits of the account, or why they are unknown."""
    if not api.has_limits:
        return None, None
    try:
        return api.limits(), None
    except ApiError as error:
        return None, str(error)


def _count(api: Api) -> Optional[int]:
    """Return the number of domains of the account; None if unknown."""
    try:
        return api.count_domains()
    except ApiError:
        return None


def _usage(
    limits: Optional[Mapping[str, int]], found: Sequence[DomainHealth], count: Optional[int]
) -> Optional[Mapping[str, Mapping[str, object]]]:
    if limits is None:
        return None
    # The aliases of domains that are routed by rules were not read.
    aliases = {each.domain.name: len(each.domain.aliases) for each in found}
    used = {name: dict(one) for name, one in usage(limits, aliases).items()}
    if count is None:
        del used["domains"]
    else:
        used["domains"] = {**used["domains"], **_used(limits.get("domains"), count)}
    if not found:
        del used["aliases"]
    return used


def _used(limit: Optional[int], count: int) -> Mapping[str, Optional[int]]:
    return {"used": count, "left": None if limit is None else max(limit - count, 0)}


# --- DNS records ----------------------------------------------------------------------------------


def _check_dns(api: Api, found: Sequence[DomainHealth], reads: int, concurrency: int) -> List[Change]:
    """Check the DNS records of the domains; return the changes, as a check can activate a domain.

    Domains that others deleted meanwhile become missing.
    """
    checks = [Verification(each.domain.name, each.domain, active=each.domain.active) for each in found]
    check_until_valid(api, checks, 0, concurrency)
    look_again(api, [check for check in checks if check.may_have_changed()], reads, concurrency)
    changes: List[Change] = []
    for health, check in zip(found, checks):
        health.missing = check.before is None
        if check.check:
            health.checked, health.valid = True, check.check.valid
            health.dns = display_text(check.check.reason) if check.check.reason else None
        if check.error:
            _add_problem(health, check.error)
        changed = check.changes()
        health.activated = bool(changed) and check.active is True
        if changed:
            health.domain = replace(health.domain, active=check.active)
        changes += changed
    return changes
