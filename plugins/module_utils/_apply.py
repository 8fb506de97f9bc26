# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a plan through the API, and knows what was done, what failed and what is left.

A write whose effect is in doubt (the answer was lost, the service broke down over it, a batch was
taken in part) is never simply repeated. The domain is read and planned anew: what is no longer in
that plan was done, what still is in it is left to do. The same look settles a conflict, when something
turns up or vanishes between the reading and the writing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import List, Optional, Sequence, Set, Tuple

from ansible_collections.improvmx.email.plugins.module_utils._api import Api, PartlyDone
from ansible_collections.improvmx.email.plugins.module_utils._model import (
    Alias,
    Domain,
    ImprovmxError,
)
from ansible_collections.improvmx.email.plugins.module_utils._parallel import (
    NotTried,
    Outage,
    side_by_side,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan import (
    Change,
    DomainPlan,
    PlanError,
    outcome,
    plan_domain,
)
from ansible_collections.improvmx.email.plugins.module_utils._progress import Progress
from ansible_collections.improvmx.email.plugins.module_utils._read import read_domain
from ansible_collections.improvmx.email.plugins.module_utils._transport import (
    ApiError,
    Refused,
    Unavailable,
)

_MOST_CONFLICTS = 3  # in a row, without a write that went well or less that is left to do


@dataclass
class DomainRun:
    """The execution of one domain's plan, and where it stands."""

    plan: DomainPlan
    domain: Optional[Domain] = None
    done: List[Change] = field(default_factory=list)
    pending: List[Change] = field(default_factory=list)
    error: Optional[ImprovmxError] = None


def preview(plan: DomainPlan) -> DomainRun:
    """What applying a domain's plan comes to when all goes well."""
    if plan.problem:
        return _refused(plan, plan.problem)
    return DomainRun(plan, outcome(plan.found, plan.changes), done=list(plan.changes))


def _refused(plan: DomainPlan, problem: PlanError) -> DomainRun:
    return DomainRun(plan, plan.found, pending=list(problem.changes), error=problem)


def apply_plan(
    api: Api,
    plans: Sequence[DomainPlan],
    concurrency: int = 1,
    progress_file: Optional[str] = None,
) -> List[DomainRun]:
    """Execute the plans, those of ``concurrency`` domains at a time; return how each ended, in order.

    The failure of one domain does not keep the others from theirs. Domains are deleted before others
    are created, to make room in the account's limits.
    """
    outage = Outage()

    def execute(plan: DomainPlan) -> DomainRun:
        if plan.problem:
            return _refused(plan, plan.problem)
        if outage.known:
            return DomainRun(plan, plan.found, pending=list(plan.changes), error=NotTried())
        run = _Execution(api, plan).run()
        outage.learn(run.error)
        progress.domain_done()
        return run

    idle = {id(plan): DomainRun(plan, plan.found) for plan in plans if not (plan.changes or plan.problem)}
    busy = [plan for plan in plans if id(plan) not in idle]
    progress = Progress(progress_file, len(busy))
    api.transport.limits.on_wait = progress.waiting
    runs = {}
    for wave in (
        [plan for plan in busy if not plan.wish.present],
        [plan for plan in busy if plan.wish.present],
    ):
        runs.update({id(run.plan): run for run in side_by_side(execute, wave, concurrency)})
    return [idle.get(id(plan)) or runs[id(plan)] for plan in plans]


class _Execution:
    def __init__(self, api: Api, plan: DomainPlan) -> None:
        self._api = api
        self._wish = plan.wish
        self._run = DomainRun(plan, pending=list(plan.changes))
        self._base = plan.found  # what is known to be there ...
        self._since: List[Change] = []  # ... and was changed since
        self._batching = True
        self._conflicts = 0

    def run(self) -> DomainRun:
        run = self._run
        while run.pending and not run.error:
            self._attempt(self._next_step())
        run.domain = outcome(self._base, self._since)
        return run

    def _next_step(self) -> List[Change]:
        """The next change, or as many new aliases as can be made in one request."""
        pending = self._run.pending
        limit = self._api.batch_limit if self._batching else 1
        size = 0
        for change in pending[:limit]:
            if (change.action, change.kind) != ("create", "alias"):
                break
            size += 1
        return pending[: size or 1]

    def _attempt(self, step: List[Change]) -> None:
        """Execute a step until it is done, there is another one to do, or there is no hope."""
        started = time.monotonic()
        tries = 0
        while True:
            tries += 1
            try:
                self._execute(step)
                self._conflicts = 0
                return
            except ApiError as error:
                fault = self._look_again(error, step) if self._calls_for_look(error, step) else error
            if fault is None or self._makes_room(fault, step):
                return
            if not self._api.transport.rest(fault, tries, started):
                self._run.error = fault
                return

    def _execute(self, step: List[Change]) -> None:
        change = step[0]
        api = self._api
        alias = Alias(change.name, tuple((change.after or {}).get("forward", ())), self._sure_id(change))
        if change.kind == "domain" and change.action == "create":
            made = api.create_domain(change.domain, change.after or {})
            self._finish(step)
            self._run.done += self._plan_anew(made)[1]
            return
        if change.kind == "domain" and change.action == "update":
            api.update_domain(change.domain, change.after or {})
        elif change.kind == "domain":
            api.delete_domain(change.domain)
        elif change.action == "create":
            self._create_aliases(step)
            return
        elif change.action == "update":
            api.update_alias(change.domain, alias)
        else:
            api.delete_alias(change.domain, alias)
        self._finish(step)

    def _sure_id(self, change: Change) -> Optional[str]:
        """The id of an alias, but not one that is the name of another alias.

        Once the alias is gone, by somebody else's doing, the service takes such an id for that name. The
        name itself is as good, as long as it is not an id in turn.
        """
        if change.id is None or self._base is None or not change.name.isdecimal():
            return change.id
        others = [alias for alias in self._base.aliases if alias.name != change.name]
        is_name = any(alias.name == change.id for alias in others)
        name_is_id = any(alias.id == change.name.lstrip("0") for alias in others)
        return None if is_name and not name_is_id else change.id

    def _create_aliases(self, step: List[Change]) -> None:
        wanted = [Alias(c.name, tuple((c.after or {})["forward"])) for c in step]
        try:
            ids = self._api.create_aliases(step[0].domain, wanted)
        except PartlyDone as error:
            self._finish(step, [c._replace(id=error.ids[c.name]) for c in step if c.name in error.ids])
            raise
        self._finish(step, [c._replace(id=ids.get(c.name)) for c in step])

    def _finish(self, step: List[Change], done: Optional[List[Change]] = None) -> None:
        """Note a step, which is the first of what is pending, as done; or only ``done`` of it."""
        run = self._run
        done = step if done is None else done
        run.done += done
        self._since += done
        names = {str(change) for change in done}
        run.pending = [c for c in step if str(c) not in names] + run.pending[len(step) :]

    def _calls_for_look(self, error: ApiError, step: List[Change]) -> bool:
        """Whether a failure leaves open what is there now.

        So does a write in doubt, something that was not there to be changed, something that could
        not be created, for it may have turned up since, and a batch that the service does not know.
        """
        creation = step[0].action == "create"
        conflict = error.status == 404 or (creation and error.status in (400, 405, 409))
        return error.doubtful or conflict or isinstance(error, PartlyDone)

    def _look_again(self, error: ApiError, step: List[Change]) -> Optional[ApiError]:
        """Read the domain and plan it anew. Return the error where the step is still the one to do."""
        run = self._run
        before = len(run.pending)
        try:
            found = read_domain(self._api, self._wish)
        except ApiError as blind:
            if not error.doubtful:
                return error
            # Not repeated: that could do a second time what was done.
            run.error = error.extended("; whether it took effect could not be found out (%s)" % blind)
            return None
        left, as_wanted = self._plan_anew(found)
        settled = [change for change in step if str(change) not in left]
        if error.doubtful and settled:
            run.done += settled + [change for change in as_wanted if change not in settled]
        if run.error:
            return None
        if len(step) > 1 and not isinstance(error, Unavailable):
            # One by one from here, so that the service names the alias that it does not take.
            self._batching = False
            if error.status in (404, 405) and found:
                self._api.batch_limit = 1
            return None
        if settled and len(run.pending) < before:
            return None
        if settled and (error.doubtful or self._conflicts < _MOST_CONFLICTS):
            self._conflicts += 1
            return None
        return error

    def _makes_room(self, error: ApiError, step: List[Change]) -> bool:
        """Whether there are deletions to bring forward, one for each new alias, after one was refused.

        A catch-all is deleted after the names that take over its mail are there, which can meet the
        limit of aliases although the end state does not. Only if the domain really is full: where
        something else is wrong with the names, the catch-all has to stay.
        """
        pending = self._run.pending
        deletions = [change for change in pending if change.action == "delete"]
        creation = (step[0].action, step[0].kind) == ("create", "alias")
        if not (isinstance(error, Refused) and creation and deletions):
            return False
        domain = outcome(self._base, self._since)
        limit = self._api.alias_limit()
        if domain is None or limit is None or len(domain.aliases) < limit:
            return False
        creations = len([change for change in pending if change.action == "create"])
        first = deletions[:creations]
        self._run.pending = first + [change for change in pending if change not in first]
        return True

    def _plan_anew(self, found: Optional[Domain]) -> Tuple[Set[str], List[Change]]:
        """Replace what is pending by what is left to do.

        Nothing is deleted that the first plan did not delete: its deletions are what was agreed to.
        Returns the changes left, as texts, and those of the pending ones to a new domain's catch-all
        that are not needed, because the service made it as it is wanted.
        """
        run = self._run
        self._base, self._since = found, []
        fresh = plan_domain(self._wish, found)
        planned = {str(change): change for change in run.pending}
        run.error = fresh.problem
        order = {name: index for index, name in enumerate(planned)}
        left = [
            change._replace(before=planned[str(change)].before) if str(change) in planned else change
            for change in (fresh.problem or fresh).changes
            if str(change) in planned or change.action != "delete"
        ]
        # What was not planned is what has to come first: a thing that vanished and is needed again.
        run.pending = sorted(left, key=lambda change: order.get(str(change), -1))
        names = {(change.kind, change.name) for change in run.pending}
        as_wanted = [
            change
            for change in planned.values()
            if change.action != "create" and change.before is None and (change.kind, change.name) not in names
        ]
        return {str(change) for change in run.pending}, as_wanted
