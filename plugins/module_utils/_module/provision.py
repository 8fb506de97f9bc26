# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs every module that writes: wish -> fetch -> plan -> (check mode stops here) -> apply."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Type

from ansible.module_utils.basic import AnsibleModule

from .._api.base import DETAILS, Api
from .._errors import ApiError, Failure, InputError
from .._model.domains import Domain, DomainWish
from .._model.rules import MATCHERS, SCOPES
from .._plan.changes import Change
from .._plan.limits import creates_anything, creates_domains, exceeded_limits
from .._plan.plan import DomainPlan, differences, new_domain, plan
from .._plan.unmanaged import find_unmanaged
from .._run.engine import DomainRun, apply_plan, preview
from .._run.fetch import read_wished
from .._run.progress import Progress
from .base import execute, read_all
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

# Fields that improvmx_domain_info returns and that can't be set.
_READ_ONLY = ("display", "active", "added", "dns_records", *DETAILS)
# The scope of each limit.
_FOR_EACH = {"domains": "in total", "aliases": "per domain", "destinations": "per alias"}


_STATE: Mapping[str, Any] = {"type": "str", "choices": ["present", "absent"], "default": "present"}


def rule_options() -> Dict[str, Dict[str, Any]]:
    """Return the argument spec of one rule, as a module's own options or as an item of a list."""
    return {
        "id": {"type": "str"},
        "type": {"type": "str", "choices": list(MATCHERS)},
        "alias": {"type": "raw"},
        "regex": {"type": "str"},
        "scopes": {"type": "list", "elements": "str", "choices": list(SCOPES)},
        "expression": {"type": "str"},
        "forward": {"type": "list", "elements": "str"},
        "rank": {"type": "float"},
        "active": {"type": "bool", "default": True},
        "state": {**_STATE},
    }


def credential_options(update_password: str) -> Dict[str, Dict[str, Any]]:
    """Return the argument spec of one credential. ``update_password``: its default."""
    return {
        "username": {"type": "raw", "required": True},
        "password": {"type": "str", "no_log": True},
        "update_password": {
            "type": "str",
            "choices": ["always", "on_create"],
            "default": update_password,
            "no_log": False,
        },
        "state": {**_STATE},
    }


def domain_options() -> Dict[str, Dict[str, Any]]:
    """Return the argument spec of one domain, as a module's own options or as an item of a list."""
    alias_options = {
        "alias": {"type": "raw", "required": True},
        "forward": {"type": "list", "elements": "str"},
        "state": {**_STATE},
    }
    return {
        "domain": {"type": "str", "required": True},
        "state": {**_STATE},
        "notification_email": {"type": "str"},
        "webhook": {"type": "str"},
        "whitelabel": {"type": "str"},
        "aliases": {"type": "list", "elements": "dict", "options": alias_options},
        "purge_aliases": {"type": "bool", "default": False},
        "rules": {"type": "list", "elements": "dict", "options": rule_options()},
        "purge_rules": {"type": "bool", "default": False},
        "credentials": {
            "type": "list",
            "elements": "dict",
            "no_log": False,
            "options": credential_options("on_create"),
        },
        "purge_credentials": {"type": "bool", "default": False, "no_log": False},
    }


def domains_item_options() -> Dict[str, Dict[str, Any]]:
    """Return the argument spec of an item of ``domains``, which can be output of improvmx_domain_info."""
    options = domain_options()
    options["aliases"]["options"]["id"] = {"type": "raw"}
    options["rules"]["options"]["created"] = {"type": "raw"}
    options["credentials"]["options"].update({name: {"type": "raw"} for name in ("created", "usage")})
    options.update({name: {"type": "raw"} for name in _READ_ONLY})
    return options


def read_single(
    api: Type[Api], option: str, noun: str, read: Callable[[], DomainWish]
) -> Sequence[DomainWish]:
    """Read the wish of a module for one rule or credential. Raises InputError, also if the API has none."""

    def refuse() -> None:
        if option not in api.manages:
            raise InputError(["api_version: API %s can't manage %s; v3 can" % (api.version, noun)])

    wish: DomainWish = read_all(refuse, read)[1]
    return [wish]


def provision(
    module: AnsibleModule,
    wishes_of: Callable[[Type[Api]], Sequence[DomainWish]],
    results_of: Callable[[Sequence[DomainRun]], Dict[str, Any]],
    purge: bool = False,
    max_deletions: Optional[int] = None,
    max_domain_deletions: Optional[int] = None,
    concurrency: int = 1,
    progress_file: Optional[str] = None,
    warns_of_limits: bool = False,
    unmanaged: str = "ignore",
) -> None:
    """Apply the desired state, or predict the changes in check mode, and exit the module.

    ``wishes_of`` parses the module's arguments for a version of the API, and may raise InputError.
    ``results_of`` returns the module's own results. ``warns_of_limits``: read the limits of the account if
    something is created. ``unmanaged``: what to do about things that are neither listed nor deleted:
    ``ignore``, ``report`` or ``fail``.
    """

    def work(api: Api, wishes: Sequence[DomainWish]) -> Dict[str, Any]:
        for password in [password for wish in wishes for password in wish.passwords]:
            api.transport.hide(password)
        progress = Progress(progress_file)
        api.transport.on_retry = progress.retrying
        api.transport.limits.on_wait = progress.waiting
        try:
            found = read_wished(
                api, wishes, everything=purge, concurrency=concurrency, whole=unmanaged != "ignore"
            )
        except ApiError as error:
            raise failure_before_writes(error) from None
        if module.check_mode:
            found.update(_expected(module, wishes, found))
        plans = plan(wishes, found, purge)
        others = {} if unmanaged == "ignore" else {"unmanaged": find_unmanaged(found, plans)}
        if unmanaged == "fail" and others["unmanaged"]:
            raise _unmanaged(others["unmanaged"], plans)
        _refuse_deletions(plans, max_deletions)
        _refuse_domain_deletions(plans, max_domain_deletions)
        if warns_of_limits and creates_anything(plans):
            _warn_of_limits(module, api, plans)
        if module.check_mode:
            runs = [preview(p) for p in plans]
        else:
            runs = apply_plan(api, plans, concurrency, progress, max_deletions)
        return _conclude(module, runs, {**results_of(runs), **others})

    execute(module, wishes_of, work, when_failed=NOTHING_DONE)


def _expected(
    module: AnsibleModule, wishes: Sequence[DomainWish], found: Mapping[str, Domain]
) -> Dict[str, Domain]:
    """Return the domains that check mode assumes an earlier task to have created."""
    expected = {
        wish.name: new_domain(wish.name)
        for wish in wishes
        if not wish.create and wish.name not in found and wish.wants_anything
    }
    warn_of_missing_domain(module, *expected)
    return expected


def _refuse_deletions(plans: Sequence[DomainPlan], most: Optional[int]) -> None:
    count = sum(p.deletions for p in plans)
    if most is None or count <= most:
        return
    deletions = [change for p in plans for change in p.changes if change.action == "delete"]
    raise _Refused(
        "this run would delete %d domains, aliases, rules and credentials (those of a deleted domain "
        "count), and max_deletions is %d. It would %s. If this is intended, raise max_deletions; if "
        "not, check the list of domains for missing entries" % (count, most, describe_changes(deletions)),
        plans,
    )


def _refuse_domain_deletions(plans: Sequence[DomainPlan], most: Optional[int]) -> None:
    changes = [change for p in plans for change in p.changes]
    deletions = [change for change in changes if (change.action, change.kind) == ("delete", "domain")]
    if most is None or len(deletions) <= most:
        return
    raise _Refused(
        "this run would delete %d domains, and without max_deletions (improvmx_max_deletions of the role) it "
        "may delete %d. It would %s. If this is intended, set it to the number of domains, aliases, "
        "rules and credentials that may be deleted; if not, check for an unintended state absent"
        % (len(deletions), most, describe_changes(deletions)),
        plans,
    )


def _warn_of_limits(module: AnsibleModule, api: Api, plans: Sequence[DomainPlan]) -> None:
    """Warn about limits that would be exceeded. If they are unknown, the service has to reject it."""
    try:
        limits = api.limits()
        count = api.count_domains() if "domains" in limits and creates_domains(plans) else None
    except ApiError:
        return
    for excess in exceeded_limits(limits, count, plans):
        things = shorten_list(["%s (%d)" % thing for thing in excess.things])
        warn(
            module,
            "After this run the account would have more %s than its plan allows (%d %s): %s. "
            "Expect the service to reject what exceeds the limit."
            % (excess.limit, excess.allowed, _FOR_EACH[excess.limit], things),
        )


def _unmanaged(things: Sequence[Mapping[str, str]], plans: Sequence[DomainPlan]) -> Failure:
    names = [
        "domain %s" % thing["domain"]
        if thing["kind"] == "domain"
        else "%s %s of %s" % (thing["kind"], thing["name"], thing["domain"])
        for thing in things
    ]
    return _Refused(
        "the account contains %d unmanaged resources, and unmanaged is fail: %s. List them, or delete them "
        "with state absent" % (len(names), shorten_list(names)),
        plans,
        unmanaged=things,
    )


class _Refused(Failure):
    """Plans that must not be executed. ``more``: additional results."""

    def __init__(self, message: str, plans: Sequence[DomainPlan], **more: Any) -> None:
        pending = [change.result() for p in plans for change in p.all_changes]
        super().__init__(
            "Refused before any write: %s." % message, {**NOTHING_DONE, "pending": pending, **more}
        )


def _conclude(module: AnsibleModule, runs: Sequence[DomainRun], own: Dict[str, Any]) -> Dict[str, Any]:
    failed = [run for run in runs if run.error]
    done = [change for run in runs for change in run.done]
    results = {**own, **summary(done, differences((run.plan, run.done) for run in runs))}
    _warn_of_catch_alls(module, runs)
    _warn_of_checks(module, runs)
    if failed:
        pending = [change for run in runs for change in run.pending]
        results["pending"] = [change.result() for change in pending]
        if "domains" in own:
            results["failed_domains"] = failures_of((run.plan.wish.name, run.error) for run in failed)
        raise Failure(_failure_message(failed, len(runs), done, pending), results)
    return results


def _failure_message(
    failed: Sequence[DomainRun], count: int, done: Sequence[Change], pending: Sequence[Change]
) -> str:
    """Return what happened, to which domains, what was done, what was not, and what to do next."""
    reasons = [error_with_domain(run.plan.wish.name, run.error) for run in failed if run.error]
    message = "" if count == 1 else "%d of %d domains failed. " % (len(failed), count)
    message += "%s." % shorten_list(reasons, "and %d more, see failed_domains", "; ")
    if done or pending:
        message += " Done: %s. Not done: %s." % (describe_changes(done), describe_changes(pending))
    if pending:
        message += " Run it again once the cause is fixed: it continues from here."
    elif not done:
        message += " Nothing was changed."
    return message


def _warn_of_catch_alls(module: AnsibleModule, runs: Sequence[DomainRun]) -> None:
    created = [
        run.plan.wish.name
        for run in runs
        if run.plan.leaves_catch_all and any(change.kind == "domain" for change in run.done)
    ]
    if not created:
        return
    warn(
        module,
        "ImprovMX creates a catch-all alias * in each new domain, which forwards to the account's own "
        "address, here %s. Your list of aliases does not mention it: list the alias * with the "
        "desired destinations, or with state absent to delete it." % shorten_list(created),
    )


def _warn_of_checks(module: AnsibleModule, runs: Sequence[DomainRun]) -> None:
    for run in runs:
        if run.needs_check:
            warn(
                module,
                "ImprovMX requires a new check of the DNS records of %s before the credential can send: "
                "check them with improvmx.email.improvmx_domain_check." % run.plan.wish.name,
            )
