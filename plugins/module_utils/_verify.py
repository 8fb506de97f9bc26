# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of a domain's DNS records: read the domain -> (check mode stops) -> check -> see what it did.

A check makes a domain active whose MX is right. Its answer does not tell, so the domain is read before,
and again where it should be another one now.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Type

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.improvmx.email.plugins.module_utils._api import Api
from ansible_collections.improvmx.email.plugins.module_utils._check import Check
from ansible_collections.improvmx.email.plugins.module_utils._model import Domain, parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._module import (
    Failure,
    execute,
    read_all,
    read_number,
    read_option,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan import Change
from ansible_collections.improvmx.email.plugins.module_utils._report import (
    NOTHING_DONE,
    summary,
    unchanged,
    warn_of_missing_domain,
)
from ansible_collections.improvmx.email.plugins.module_utils._transport import ApiError

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0  # seconds between two checks
_LONGEST_WAIT = 7 * 24 * 3600  # seconds; no DNS record is cached for longer


def verify(module: AnsibleModule) -> None:
    """Check the domain that the module's arguments name, and end the module."""
    params = module.params

    def read(api: Type[Api]) -> List[Any]:
        return read_all(
            lambda: read_option(params, "domain", parse_domain),
            lambda: read_number(params, "wait", 0, _LONGEST_WAIT),
        )

    def work(api: Api, given: List[Any]) -> Dict[str, Any]:
        name, wait = given
        try:
            domain = api.domain(name)
        except ApiError as error:
            raise unchanged(error) from None
        if module.check_mode:
            return _unchecked(module, name, domain)
        if domain is None:
            raise Failure(
                "%s is not a domain of this account, so its DNS records can't be checked: create it first, "
                "with improvmx.email.improvmx_domain. Nothing was changed." % name,
                NOTHING_DONE,
            )
        return _checked(api, domain, wait)

    execute(module, read, work, when_failed=NOTHING_DONE)


def _unchecked(module: AnsibleModule, name: str, domain: Optional[Domain]) -> Dict[str, Any]:
    """The results of a dry run, in which an earlier task may be the one that would create the domain."""
    if domain:
        module.warn(
            "The DNS records of %s were not checked: a check can make the domain active, so a dry run "
            "sends none." % name
        )
    else:
        warn_of_missing_domain(module, name)
    unknown = {"valid": None, "reason": None, "records": None}
    return {**unknown, "active": domain.active if domain else None, **_changed([])}


def _checked(api: Api, before: Domain, wait: float) -> Dict[str, Any]:
    check: Optional[Check] = None
    problem: Optional[ApiError] = None
    try:
        check = _wait_until_valid(api, before.name, wait)
    except ApiError as error:
        problem = error  # the check may have taken effect all the same
    active = before.active
    if check is None or check.valid is not active:
        active = _active_now(api, before, problem)
    changes = _changes(before, active)
    if check is None:
        done = "The check changed the domain all the same." if changes else "Nothing was changed."
        message = "%s. %s" % (str(problem).rstrip("."), done)
        raise Failure(message, {**_changed(changes), "pending": []})
    told = {"valid": check.valid, "active": active, "reason": check.reason, "records": check.records}
    return {**told, **_changed(changes)}


def _wait_until_valid(api: Api, name: str, wait: float) -> Check:
    """Check until the domain is valid or ``wait`` seconds are over; return what the last check said."""
    until = time.monotonic() + wait
    pause = _FIRST_PAUSE
    while True:
        check = api.check_domain(name)
        left = until - time.monotonic()
        if check.valid or left <= 0:
            return check
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)


def _active_now(api: Api, before: Domain, problem: Optional[ApiError]) -> Optional[bool]:
    try:
        domain = api.domain(before.name)
    except ApiError as blind:
        raise Failure(
            "%s; whether that changed %s could not be found out (%s). Run it again: a check can be repeated "
            "without harm." % (problem or "The check was done", before.name, blind),
            NOTHING_DONE,
        ) from None
    return domain.active if domain else None


def _changes(before: Domain, active: Optional[bool]) -> List[Change]:
    if None in (before.active, active) or before.active is active:
        return []
    name = before.name
    return [Change("update", "domain", name, name, {"active": before.active}, {"active": active})]


def _changed(changes: List[Change]) -> Dict[str, Any]:
    before = {change.domain: change.before for change in changes}
    after = {change.domain: change.after for change in changes}
    return summary(changes, {"before": before, "after": after})
