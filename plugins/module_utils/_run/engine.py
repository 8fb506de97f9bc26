# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Executes plans through the API, and reports what was done, what failed and what is pending.

A doubtful write (the answer was lost, the service failed while processing it, a batch was accepted in
part) is never simply sent again. The domain is read and planned again, which is called a look: what the
new plan no longer contains was done, and the rest is pending. A look also resolves a conflict, when
something was created or deleted by others after the account was read.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from .._api.base import Api
from .._errors import (
    ApiError,
    BadReply,
    ImprovmxError,
    PartlyDone,
    PlanError,
    Refused,
    Unavailable,
    UnplannedDeletions,
)
from .._model.domains import Alias, Domain
from .._model.names import CATCH_ALL, same_destinations
from .._model.text import quoted
from .._plan.changes import Change, remainder
from .._plan.plan import DomainPlan, count_deletions, outcome, plan_domain
from .fetch import read_domain
from .parallel import Outage, map_parallel
from .progress import Progress

_NOT_READABLE = ("credential", "update")  # the service does not show passwords
_MOST_DETOURS = 3  # of one run: something has to be created again before a change that failed
_MOST_CONFLICTS = 3  # in a row, without a successful write or fewer pending changes


@dataclass
class DomainRun:
    """The execution of the plan of one domain, and its state."""

    plan: DomainPlan
    domain: Optional[Domain] = None
    done: List[Change] = field(default_factory=list)
    pending: List[Change] = field(default_factory=list)
    error: Optional[ImprovmxError] = None
    needs_check: bool = False  # the service requires a new check of its DNS records


def preview(plan: DomainPlan) -> DomainRun:
    """Return the expected result of a plan, for check mode."""
    if plan.problem:
        return _failed(plan, plan.problem)
    return DomainRun(plan, outcome(plan.found, plan.changes), done=list(plan.changes))


def _failed(plan: DomainPlan, problem: PlanError) -> DomainRun:
    return DomainRun(plan, plan.found, pending=list(problem.changes), error=problem)


def apply_plan(
    api: Api,
    plans: Sequence[DomainPlan],
    concurrency: int = 1,
    progress: Optional[Progress] = None,
    max_deletions: Optional[int] = None,
) -> List[DomainRun]:
    """Execute the plans of up to ``concurrency`` domains at a time; return their runs, in the same order.

    ``max_deletions``: the maximum number of deletions, including those of the plans; None: no limit. If a
    domain fails, the others are still processed. Domains are deleted before others are created, to stay
    within the limits of the account.
    """
    progress = progress or Progress()
    outage = Outage()
    allowance = _Allowance(max_deletions, sum(plan.deletions for plan in plans))

    def execute(plan: DomainPlan) -> DomainRun:
        if plan.problem:
            return _failed(plan, plan.problem)
        if outage.known:
            return DomainRun(plan, plan.found, pending=list(plan.changes), error=outage.skipped())
        run = _Execution(api, plan, allowance).run()
        outage.record(run.error)
        progress.domain_done()
        return run

    unchanged = {
        id(plan): DomainRun(plan, plan.found) for plan in plans if not (plan.changes or plan.problem)
    }
    to_do = [plan for plan in plans if id(plan) not in unchanged]
    progress.begin(len(to_do))
    runs = {}
    for wave in (
        [plan for plan in to_do if not plan.wish.present],
        [plan for plan in to_do if plan.wish.present],
    ):
        runs.update({id(plan): run for plan, run in zip(wave, map_parallel(execute, wave, concurrency))})
    return [unchanged.get(id(plan)) or runs[id(plan)] for plan in plans]


class _Allowance:
    """The deletions that ``max_deletions`` allows in addition to those of the plans, for all domains."""

    def __init__(self, limit: Optional[int], planned: int) -> None:
        self.limit = limit
        self._left = None if limit is None else limit - planned
        self._lock = threading.Lock()

    def use(self, count: int) -> bool:
        """Use ``count`` of them; return False if fewer are left."""
        with self._lock:
            if self._left is None:
                return True
            if count > self._left:
                return False
            self._left -= count
            return True


class _Execution:
    def __init__(self, api: Api, plan: DomainPlan, allowance: _Allowance) -> None:
        self._api = api
        self._wish = plan.wish
        self._run = DomainRun(plan, pending=list(plan.changes))
        self._base = plan.found  # the state at the last look
        self._since: List[Change] = []  # the changes since then
        self._own_catch_all: Optional[Alias] = None  # the catch-all of a domain that this run created
        # The last write whose path can identify another alias, and that alias, until the look after it.
        self._at_risk: Optional[Tuple[Change, Alias]] = None
        self._to_restore: Dict[str, Tuple[str, ...]] = {}
        self._batching = True
        self._conflicts = 0
        self._detours = 0
        self._allowance = allowance
        self._allowed = plan.deletions
        self._is_new = plan.found is None

    def run(self) -> DomainRun:
        run = self._run
        while run.pending and not run.error:
            self._attempt(self._next_step())
        run.domain = outcome(self._base, self._since)
        return run

    def _next_step(self) -> List[Change]:
        """Return the next change, or as many new aliases as one request can create."""
        pending = self._run.pending
        limit = self._api.batch_limit if self._batching else 1
        size = 0
        for change in pending[:limit]:
            if (change.action, change.kind) != ("create", "alias"):
                break
            size += 1
        return pending[: size or 1]

    def _attempt(self, step: List[Change]) -> None:
        """Execute a step, with retries, until it is done, replaced with another one, or has failed."""
        started = time.monotonic()
        attempts = 0
        in_doubt = False
        while True:
            attempts += 1
            try:
                self._execute(step)
                self._conflicts = 0
                return
            except ApiError as error:
                # An earlier attempt may have taken effect after the look that followed it. What was done of a
                # batch is recorded already.
                in_doubt = error.doubtful or in_doubt
                error.doubtful = in_doubt and not isinstance(error, PartlyDone)
                fault = self._look_again(error, step) if self._needs_look(error, step) else error
            if fault is None or self._has_to_do_first(step) or self._moved_deletions_up(fault, step):
                return
            if not self._api.transport.pause_before_retry(fault, attempts, started):
                self._run.error = fault
                return
            step = self._next_step()  # a look can have changed it

    def _execute(self, step: List[Change]) -> None:
        change = step[0]
        api = self._api
        if change.kind == "domain" and change.action == "create":
            self._create_domain(step)
        elif change.kind == "domain" and change.action == "update":
            api.update_domain(change.domain, change.after or {})
            self._finish(step)
        elif change.kind == "domain":
            api.delete_domain(change.domain)
            self._finish(step)
        elif change.kind == "rule":
            self._finish([self._write_rule(change)])
        elif change.kind == "credential":
            self._finish([self._write_credential(change)])
        elif change.action == "create":
            self._create_aliases(step)
        else:
            self._write_alias(step)

    def _create_domain(self, step: List[Change]) -> None:
        created: Optional[Domain] = self._api.create_domain(step[0].domain, step[0].after or {})
        self._finish(step)
        if created and not created.complete:
            created = read_domain(self._api, self._wish)
        self._own_catch_all = _catch_all(created)
        self._run.done += self._replan(created)[1]

    def _write_rule(self, change: Change) -> Change:
        """Execute a change of a rule; return it with the resulting rule."""
        api = self._api
        if change.action == "create":
            created = api.create_rule(change.domain, change.thing)
            return change._replace(thing=created)
        if change.action == "delete":
            api.delete_rule(change.domain, str(change.id))
            return change
        domain = outcome(self._base, self._since)
        [existing] = [rule for rule in (domain.rules if domain else None) or () if rule.id == change.id]
        api.update_rule(change.domain, existing, change.thing)
        return change

    def _write_credential(self, change: Change) -> Change:
        """Execute a change of a credential; return it with the resulting credential."""
        api = self._api
        if change.action == "delete":
            api.delete_credential(change.domain, change.name)
            return change
        password = str(next(wish.password for wish in self._wish.credentials if wish.find([change.thing])))
        if change.action == "update":
            api.set_password(change.domain, change.name, password)
            return change
        created, needs_check = api.create_credential(change.domain, change.name, password)
        self._run.needs_check = self._run.needs_check or needs_check
        return change._replace(thing=created)

    def _write_alias(self, step: List[Change]) -> None:
        """Update or delete an alias, and make sure that no other alias is written.

        In a path, the service interprets digits as an id if an alias has it, else as a name. A path must
        therefore not identify another alias, neither now nor after the alias was deleted and others were
        created, as other runs can apply the same wish. If neither the id nor the name is safe, a request
        before the write verifies what they identify, and a look after it detects a wrong write. If the
        answer is lost, both happen before it is repeated: its path can identify another alias by then.
        """
        change = step[0]
        addresses, safe = self._addresses(change)
        if safe:
            self._send(change, safe)
            self._finish(step)
            return
        verified = [alias for alias in addresses if self._identifies(change, alias)]
        if verified:
            self._write_at_risk(change, verified[0])
        try:
            found = read_domain(self._api, self._wish)
        except ApiError as failure:
            if not verified:
                raise
            error = failure.extended(" (while reading the state after the request to %s)" % str(change))
            error.doubtful = True
            raise error from None
        left, already_done = self._replan(found)
        is_pending = change.key in left
        exists = found is not None and change.name in {alias.name for alias in found.aliases}
        took_effect = verified and not is_pending and exists is (change.after is not None)
        self._run.done += (step if took_effect else []) + already_done
        if is_pending and not self._run.error and not self._has_to_do_first(step):
            path = "/%s/domains/%s/aliases/%s" % (self._api.version, change.domain, change.id)
            raise Refused("this is no longer the alias %s" % quoted(change.name), "GET", path, 404)

    def _send(self, change: Change, address: Alias, repeatable: bool = True) -> None:
        """Send the request that updates or deletes an alias."""
        write = self._api.update_alias if change.action == "update" else self._api.delete_alias
        write(change.domain, address, repeatable)

    def _write_at_risk(self, change: Change, address: Alias) -> None:
        """Update or delete an alias whose id would identify the alias with this name if it did not exist.

        Its name was verified to be the id of no alias, so it identifies no other one that is known.
        """
        domain = outcome(self._base, self._since)
        others = [alias for alias in (domain.aliases if domain else ()) if alias.name == address.id]
        self._at_risk = (change, others[0]) if others else None
        try:
            self._send(change, address, repeatable=False)
        except ApiError as error:
            if not error.doubtful:
                self._at_risk = None
            raise

    def _detect_wrong_write(self, found: Optional[Domain]) -> List[Change]:
        """Detect that a write went to another alias, because others changed what the path identifies.

        Return the deletion of that alias if it was planned as well. If the wish does not mention the
        alias, it is restored. If the alias of the change still has its id, the path can't have identified
        another one.
        """
        at_risk, self._at_risk = self._at_risk, None
        if at_risk is None or found is None:
            return []
        change, other = at_risk
        if (change.name, change.id) in {(alias.name, alias.id) for alias in found.aliases}:
            return []
        current = next((alias for alias in found.aliases if alias.name == other.name), None)
        now, written = current.forward if current else (), (change.after or {}).get("forward", ())
        if not same_destinations(now, written):
            return []
        planned = [c for c in self._run.pending if (c.kind, c.name) == ("alias", other.name)]
        if not planned and other.key not in {alias.key for alias in self._wish.aliases}:
            self._to_restore[other.name] = other.forward
        return [] if current else [c for c in planned if c.action == "delete"]

    def _restorations(self, found: Optional[Domain]) -> List[Change]:
        """Return the changes that restore aliases which the run wrote by mistake, until they are restored.

        They are addressed by their names: the path identified them only because these are no longer ids.
        """
        existing = {alias.name: alias for alias in found.aliases} if found else {}
        self._to_restore = {
            name: forward
            for name, forward in self._to_restore.items()
            if found and not (name in existing and same_destinations(existing[name].forward, forward))
        }
        changes = []
        for name, forward in self._to_restore.items():
            current = existing.get(name)
            before = {"forward": list(current.forward)} if current else None
            action = "update" if current else "create"
            after = {"forward": list(forward)}
            changes.append(Change(action, "alias", self._wish.name, name, before, after))
        return changes

    def _has_to_do_first(self, step: List[Change]) -> bool:
        """Return whether a look found that the domain or an alias has to be created again before the step.

        This is so a few times at most, so that the run ends even if the step fails in the same way each time.
        """
        first = next(iter(self._run.pending), step[0])
        is_domain = (first.action, first.kind) == ("create", "domain")
        if not (is_domain or first.name in self._to_restore) or first.key == step[0].key:
            return False
        self._detours += 1
        return self._detours <= _MOST_DETOURS

    def _addresses(self, change: Change) -> Tuple[List[Alias], Optional[Alias]]:
        """Return the alias of a change by name and by id, as paths can contain it, and the safe one of them.

        A mistakable name that is not a number is a word that the API uses for many aliases, so it is
        never used in a path. Raises BadReply if the service did not return the id of such an alias.
        """
        by_name = Alias(change.name, tuple((change.after or {}).get("forward", ())))
        by_id = replace(by_name, id=change.id)
        if not self._api.is_mistakable(change.name):
            return [by_name], by_name
        if change.id is None:
            if not change.name.isdecimal():
                reason = (
                    "the service returned no id of the alias %s, and its name means many aliases in a path"
                )
                raise BadReply(reason % quoted(change.name), "GET", "/%s/domains" % self._api.version)
            return [by_name], by_name
        others = [alias for alias in self._known() if alias.name != change.name]
        to_create = [
            alias.name for alias in self._wish.aliases if alias.present and alias.name != change.name
        ]
        # Of a domain with very many aliases, others may not have been read.
        all_known = self._base is None or self._base.complete
        if all_known and change.id not in (*to_create, *(alias.name for alias in others)):
            return [by_id], by_id
        if not change.name.isdecimal():
            return [by_id], None
        ids = [int(alias.id) for alias in others if alias.id and alias.id.isdecimal()]
        number = int(change.name)
        is_no_id = number not in ids and number < max(ids, default=0)  # ids increase, so it never will be
        return [by_name, by_id], by_name if all_known and is_no_id else None

    def _identifies(self, change: Change, alias: Alias) -> bool:
        """Return whether a path with this form of an alias identifies the alias of the change."""
        found = self._api.alias(change.domain, alias)
        return found is not None and (found.name, found.id) == (change.name, change.id)

    def _known(self) -> Sequence[Alias]:
        """Return the aliases that exist, or existed since the last look."""
        written = [Alias(change.name, id=change.id) for change in self._since if change.kind == "alias"]
        return [*(self._base.aliases if self._base else ()), *written]

    def _create_aliases(self, step: List[Change]) -> None:
        aliases = [Alias(c.name, tuple((c.after or {})["forward"])) for c in step]
        try:
            ids = self._api.create_aliases(step[0].domain, aliases)
        except PartlyDone as error:
            self._finish(step, [c._replace(id=error.ids[c.name]) for c in step if c.name in error.ids])
            raise
        self._finish([c._replace(id=ids.get(c.name)) for c in step])

    def _finish(self, step: List[Change], done: Optional[List[Change]] = None) -> None:
        """Record the first pending changes, a step, as done, or only ``done`` of them.

        The step can differ from the plan, for example by the ids that the service returned.
        """
        run = self._run
        done = step if done is None else done
        run.done += done
        self._since += done
        for change in done:
            self._to_restore.pop(change.name, None)
        names = {change.key for change in done}
        run.pending = [c for c in step if c.key not in names] + run.pending[len(step) :]

    def _needs_look(self, error: ApiError, step: List[Change]) -> bool:
        """Return whether the current state is unknown after an error.

        This is so after a doubtful write, if something to change does not exist, if something can't be
        created (it may exist by now), and if the service does not support batches.
        """
        creation = step[0].action == "create"
        conflict = error.status == 404 or (creation and error.status in (400, 405, 409))
        return error.doubtful or conflict or isinstance(error, PartlyDone)

    def _look_again(self, error: ApiError, step: List[Change]) -> Optional[ApiError]:
        """Read and plan the domain again. Return the error if the step is still pending."""
        run = self._run
        before = len(run.pending)
        if error.doubtful and error.status != 404 and (step[0].kind, step[0].action) == _NOT_READABLE:
            run.error = error.extended(
                "; whether it took effect could not be determined, because the service does not show it"
            )
            return None
        try:
            found = read_domain(self._api, self._wish)
        except ApiError as failure:
            if not error.doubtful:
                return error
            # No retry: it could apply the change twice.
            run.error = error.extended("; whether it took effect could not be determined (%s)" % failure)
            return None
        left, already_done = self._replan(found)
        settled = [change for change in step if change.key not in left]
        if error.doubtful:
            in_part = [change for change in map(self._part_done, step) if change]
            # What has to be created again was deleted by others, with or without the update.
            done = [c for c in settled if c.action != "update" or c._replace(action="create").key not in left]
            run.done += in_part + done + [change for change in already_done if change not in settled]
        elif found and [change for change in settled if (change.action, change.kind) == ("create", "domain")]:
            run.plan = replace(run.plan, found=found)  # it existed before, but reading it returned nothing
        if run.error:
            return None
        if len(step) > 1 and not isinstance(error, Unavailable):
            # One request per alias from here on, to find the alias that the service rejects.
            self._batching = False
            if error.status in (404, 405) and found:
                self._api.batch_limit = 1
            return None
        if settled and len(run.pending) < before:
            return None
        if settled and self._conflicts < _MOST_CONFLICTS:
            self._conflicts += 1
            return None
        if settled and error.doubtful:
            run.error = error  # each look has another result, so retries would never end
            return None
        return error

    def _moved_deletions_up(self, error: ApiError, step: List[Change]) -> bool:
        """Move deletions before creations after an alias was rejected; return False if that does not help.

        The catch-all is deleted after the aliases that replace it were created, which can exceed the
        limit of aliases although the end state does not. This is only done if the domain has reached its
        limit: if the service rejects an alias for another reason, the catch-all has to stay.
        """
        pending = self._run.pending
        deletions = [change for change in pending if (change.action, change.kind) == ("delete", "alias")]
        creation = (step[0].action, step[0].kind) == ("create", "alias")
        if not (isinstance(error, Refused) and creation and deletions):
            return False
        domain = outcome(self._base, self._since)
        limit = self._api.alias_limit()
        if domain is None or limit is None or len(domain.aliases) < limit:
            return False
        creations = len([c for c in pending if (c.action, c.kind) == ("create", "alias")])
        first = deletions[:creations]
        self._run.pending = first + [change for change in pending if change not in first]
        return True

    def _part_done(self, change: Change) -> Optional[Change]:
        """Return the part of a change of several settings that is done, if another part is pending.

        If the domain has to be created again, nothing is done, although its creation sets some of them.
        """
        if (change.action, change.kind) != ("update", "domain") or self._base is None:
            return None
        left = [other for other in self._run.pending if other.key == change.key]
        return remainder(change, left[0]) if left else None

    def _replan(self, found: Optional[Domain]) -> Tuple[Set[Tuple[Any, ...]], List[Change]]:
        """Replace the pending changes with those of a new plan.

        Nothing is deleted that the first plan did not delete, because only its deletions were approved.
        The catch-all of a new domain was approved as well, if this run created the domain. Otherwise it
        is a deletion like any other, and unplanned deletions are counted.

        If the first reading did not include the routing engine, as lists may not, a later look ignores
        it: a run does what check mode reported, whether or not it needs a look.

        Returns the keys of the pending changes, and the planned changes that are done otherwise: those of the
        catch-all of a new domain, if the service created it as desired, and the deletion of an alias that the
        write of another one has deleted.
        """
        run = self._run
        if found and run.plan.found and "routing_engine" not in run.plan.found.details:
            found = found.without_routing()
        already_done = self._detect_wrong_write(found)
        self._base, self._since = found, []
        new_plan = plan_domain(self._wish, found)
        planned = {change.key: change for change in run.pending}
        order = {name: index for index, name in enumerate(planned)}
        own = found is None or (self._own_catch_all is not None and self._own_catch_all == _catch_all(found))
        # A look can't show whether a password was set.
        renewed = {c._replace(action="update").key for c in run.done if c.kind == "credential" and c.after}
        left = []
        unplanned = []
        for change in (new_plan.problem or new_plan).changes:
            is_own_catch_all = own and change.kind == "alias" and change.name == CATCH_ALL
            known = planned.get(change.key)
            if known:
                change = _as_planned(change, known, is_own_catch_all)
            elif change.action == "delete" and not is_own_catch_all:
                unplanned.append(change)
                continue
            elif change.key in renewed:
                continue
            left.append(change)
        if own or not self._is_new:
            # A change that was not planned comes first: something that was deleted has to be created again.
            left.sort(key=lambda change: order.get(change.key, -1))
        if new_plan.problem:
            known_left = {change.key for change in left}
            left += [c for c in run.pending if c.kind == "rule" and c.key not in known_left]
        left = self._restorations(found) + left
        run.pending = left
        run.error = new_plan.problem or self._check_deletions(found, unplanned, own)
        names = {(change.kind, change.name) for change in run.pending}
        already_done += [
            change
            for change in planned.values()
            if self._is_new
            and change.action != "create"
            and change.before is None
            and (change.kind, change.name) not in names
        ]
        return {change.key for change in run.pending}, already_done

    def _check_deletions(
        self, found: Optional[Domain], unplanned: List[Change], own: bool
    ) -> Optional[PlanError]:
        """Return an error if more would be deleted than was approved; else approve the pending deletions."""
        if found is None:
            return None
        run = self._run
        if own:
            left = [change for change in run.pending if change.name != CATCH_ALL]
        else:
            left = run.pending
        done = [change for change in run.done if change.before]
        additional = count_deletions(found, left) + count_deletions(None, done) - self._allowed
        if unplanned and self._is_new and not own:
            run.pending = run.pending + unplanned
        elif additional <= 0:
            return None
        elif self._allowance.use(additional):
            self._allowed += additional
            return None
        return UnplannedDeletions(found.name, run.pending, self._allowance.limit)


def _catch_all(domain: Optional[Domain]) -> Optional[Alias]:
    aliases = domain.aliases if domain else ()
    return next((Alias(alias.name, id=alias.id) for alias in aliases if alias.name == CATCH_ALL), None)


def _as_planned(change: Change, planned: Change, is_own_catch_all: bool) -> Change:
    """Return a change with the values of the plan, so that results agree with check mode."""
    if planned.before is None:
        return change._replace(before=None) if is_own_catch_all else change
    if change.action == "update" and change.kind == "domain":
        return change._replace(before={name: planned.before.get(name) for name in change.after or ()})
    return change._replace(before=planned.before)
