# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs improvmx_domain_check: current state -> checks -> changes.

A check can activate a domain without reporting it. So domains are read before, and again if the result of
the check does not agree with their state.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Type

from ansible.module_utils.basic import AnsibleModule

from .._api.base import Api
from .._errors import ApiError, Failure, ImprovmxError, InputError, NotTried, display_text
from .._model.differences import Difference
from .._model.dns_check import Check
from .._model.domains import Domain, domain_names
from .._model.idna import parse_domain
from .._plan.changes import Change
from .._run.fetch import read_named
from .._run.parallel import MOST_AT_A_TIME, Outage, map_parallel
from .base import execute, read_all, read_number, read_option
from .results import (
    NOTHING_DONE,
    describe_changes,
    error_with_domain,
    failure_before_writes,
    failures_of,
    shorten_list,
    summary,
    warn,
    warn_of_missing_domain,
)

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0  # seconds between two checks
_LONGEST_WAIT = 7 * 24 * 3600  # seconds; no DNS record is cached for longer


@dataclass
class Verification:
    """The check of one domain, and its result.

    ``check`` None: there was none, or it failed. ``active``: the state after it. ``before`` None: the
    domain does not exist.
    """

    name: str
    before: Optional[Domain]
    check: Optional[Check] = None
    error: Optional[ImprovmxError] = None
    active: Optional[bool] = None
    is_unknown: bool = False  # whether the check changed something is unknown

    def result(self) -> Dict[str, Any]:
        """Return the check in the form of results."""
        if self.check is None:
            reason = str(self.error) if self.error else None
            return {"valid": None, "active": self.active, "reason": reason, "records": None}
        check = self.check
        reason = display_text(check.reason) if check.reason else None
        return {"valid": check.valid, "active": self.active, "reason": reason, "records": check.records}

    def changes(self) -> List[Change]:
        was = self.before.active if self.before else None
        if None in (was, self.active) or was is self.active:
            return []
        return [Change("update", "domain", self.name, self.name, {"active": was}, {"active": self.active})]

    def may_have_changed(self) -> bool:
        """Return whether the check may have changed the domain."""
        if self.before is None or isinstance(self.error, NotTried):
            return False
        return self.check is None or self.check.valid is not self.before.active


def verify(module: AnsibleModule) -> None:
    """Check the domains of the module's arguments, and exit the module."""
    params = module.params

    def read_names() -> Sequence[str]:
        if params["domains"] is not None:
            return domain_names(params["domains"])
        name = read_option(params, "domain", parse_domain)
        if name is None:  # Ansible's own check accepts null
            raise InputError(["domain or domains is required"])
        return [name]

    def read(api: Type[Api]) -> List[Any]:
        return read_all(
            read_names,
            lambda: read_number(params, "wait", 0, _LONGEST_WAIT),
            lambda: read_number(params, "concurrency", 1, MOST_AT_A_TIME),
        )

    def work(api: Api, given: List[Any]) -> Dict[str, Any]:
        names, wait, concurrency = given
        before = api.transport.requests_made
        try:
            found = read_named(api, names)
        except ApiError as error:
            raise failure_before_writes(error) from None
        reads = api.transport.requests_made - before
        verifications = [_begin(name, found.get(name)) for name in names]
        if module.check_mode:
            _warn_in_check_mode(module, verifications)
            return _results(params, [Verification(v.name, v.before, active=v.active) for v in verifications])
        existing = [v for v in verifications if v.before]
        check_until_valid(api, existing, wait, concurrency)
        look_again(api, [v for v in existing if v.may_have_changed()], reads, concurrency)
        return _conclude(params, verifications)

    execute(module, read, work, when_failed=NOTHING_DONE)


def _begin(name: str, domain: Optional[Domain]) -> Verification:
    if domain:
        return Verification(name, domain, active=domain.active)
    return Verification(name, None, error=_missing(name))


def _missing(name: str) -> ImprovmxError:
    return ImprovmxError(
        "%s is not a domain of this account, so its DNS records can't be checked: create it first, with "
        "improvmx.email.improvmx_domain" % name
    )


def _warn_in_check_mode(module: AnsibleModule, verifications: Sequence[Verification]) -> None:
    """Warn about what check mode can't predict."""
    unchecked = [v.name for v in verifications if v.before]
    if unchecked:
        warn(
            module,
            "The DNS records of %s were not checked in check mode, because a check can activate a domain."
            % shorten_list(unchecked),
        )
    warn_of_missing_domain(module, *(v.name for v in verifications if not v.before))


# --- The requests ---------------------------------------------------------------------------------


def check_until_valid(api: Api, verifications: Sequence[Verification], wait: float, concurrency: int) -> None:
    """Check all domains, and the invalid ones again, until all are valid or ``wait`` seconds have passed."""
    outage = Outage()

    def check(verification: Verification) -> None:
        if outage.known:
            verification.error = outage.skipped()
            return
        try:
            verification.check = api.check_domain(verification.name)
        except ApiError as error:
            verification.check, verification.error = None, error
        outage.record(verification.error)

    until = time.monotonic() + wait
    pause = _FIRST_PAUSE
    pending = list(verifications)
    while True:
        map_parallel(check, pending, concurrency)
        pending = [v for v in pending if v.check and not v.check.valid]
        seconds = until - time.monotonic()
        if not pending or seconds <= 0 or outage.known or api.transport.stop.is_set():
            return
        api.transport.pause(min(pause, seconds))
        pause = min(pause * 2, _LONGEST_PAUSE)


def look_again(api: Api, uncertain: Sequence[Verification], reads: int, concurrency: int) -> None:
    """Read domains again after their checks: one by one, or as a list if that took fewer ``reads``.

    A domain that others deleted before its check is missing, like one that never existed.
    """

    def look(verification: Verification) -> None:
        read([verification])

    def read(some: Sequence[Verification]) -> None:
        try:
            found = read_named(api, [v.name for v in some])
        except ApiError as error:
            for verification in some:
                _note_unknown_result(verification, error)
            return
        for verification in some:
            domain = found.get(verification.name)
            if domain is None and verification.check is None:
                verification.error = _missing(verification.name)
            verification.before = verification.before if domain else None
            verification.active = domain.active if domain else None

    if len(uncertain) > reads:
        read(uncertain)
    else:
        map_parallel(look, uncertain, concurrency)


def _note_unknown_result(verification: Verification, error: ApiError) -> None:
    problem = verification.error or "The check was done"
    verification.is_unknown = True
    verification.active = None
    verification.error = ImprovmxError(
        "%s; whether it changed %s could not be determined (%s)" % (problem, verification.name, error)
    )


# --- Results --------------------------------------------------------------------------------------


def _results(params: Mapping[str, Any], verifications: Sequence[Verification]) -> Dict[str, Any]:
    changes = [change for verification in verifications for change in verification.changes()]
    results = summary(changes, [Difference(change.domain, change.before, change.after) for change in changes])
    if params["domains"] is None:
        return {**verifications[0].result(), **results}
    return {"checks": [{"domain": v.name, **v.result()} for v in verifications], **results}


def _conclude(params: Mapping[str, Any], verifications: Sequence[Verification]) -> Dict[str, Any]:
    results = _results(params, verifications)
    if params["fail_on_invalid"]:
        for verification in verifications:
            if verification.check and not verification.check.valid and not verification.error:
                verification.error = _invalid(verification)
    failed = [v for v in verifications if v.error]
    if not failed:
        return results
    results["pending"] = []
    if params["domains"] is not None:
        results["failed_domains"] = failures_of((v.name, v.error) for v in failed)
    raise Failure(_failure_message(verifications, failed), results)


def _invalid(verification: Verification) -> ImprovmxError:
    name = verification.name
    reason = verification.check.reason if verification.check else None
    return ImprovmxError(
        "the MX records of %s are not correct: %s" % (name, reason or "the service gives no reason")
    )


def _failure_message(verifications: Sequence[Verification], failed: Sequence[Verification]) -> str:
    """Return what happened, to which domains, what the checks changed, and what to do next."""
    changes = [change for verification in verifications for change in verification.changes()]
    again = "Run it again: repeating a check does no harm."
    if len(verifications) == 1:
        message = "%s. " % str(failed[0].error).rstrip(".")
        if failed[0].is_unknown:
            return message + again
        return message + ("The check changed the domain nevertheless." if changes else "Nothing was changed.")
    reasons = shorten_list(
        [error_with_domain(v.name, v.error) for v in failed if v.error],
        "and %d more, see failed_domains",
        "; ",
    )
    message = "%d of %d domains failed. %s. Done: %s." % (
        len(failed),
        len(verifications),
        reasons,
        describe_changes(changes),
    )
    return "%s %s" % (message, again) if any(v.is_unknown for v in failed) else message
