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

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from .._api.base import Api
from .._errors import ApiError, ImprovmxError, PartlyDone, PlanError, Refused, Unavailable, UnplannedDeletions
from .._model.domains import Alias, Domain
from .._model.names import CATCH_ALL, same_destinations
from .._model.text import quoted
from .._plan.changes import Change, remainder
from .._plan.plan import DomainPlan, count_deletions, outcome, plan_domain
from .fetch import read_domain
from .parallel import Outage, map_parallel
from .progress import Progress

_NOT_SHOWN = ("credential", "update")  # a password
_MOST_CONFLICTS = 3  # in a row, without a write that went well or less that is left to do


@dataclass
class DomainRun:
    """The execution of one domain's plan, and where it stands."""

    plan: DomainPlan
    domain: Optional[Domain] = None
    done: List[Change] = field(default_factory=list)
    pending: List[Change] = field(default_factory=list)
    error: Optional[ImprovmxError] = None
    needs_check: bool = False  # the service wants its DNS records checked anew


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
    progress: Optional[Progress] = None,
    max_deletions: Optional[int] = None,
) -> List[DomainRun]:
    """Execute the plans, those of ``concurrency`` domains at a time; return how each ended, in order.

    ``max_deletions``: the most things to delete, those of the plans among them; None: any number.
    The failure of one domain does not keep the others from theirs. Domains are deleted before others
    are created, to make room in the account's limits.
    """
    progress = progress or Progress()
    outage = Outage()
    allowance = _Allowance(max_deletions, sum(plan.deletions for plan in plans))

    def execute(plan: DomainPlan) -> DomainRun:
        if plan.problem:
            return _refused(plan, plan.problem)
        if outage.known:
            return DomainRun(plan, plan.found, pending=list(plan.changes), error=outage.not_tried())
        run = _Execution(api, plan, allowance).run()
        outage.record(run.error)
        progress.domain_done()
        return run

    idle = {id(plan): DomainRun(plan, plan.found) for plan in plans if not (plan.changes or plan.problem)}
    busy = [plan for plan in plans if id(plan) not in idle]
    progress.begin(len(busy))
    runs = {}
    for wave in (
        [plan for plan in busy if not plan.wish.present],
        [plan for plan in busy if plan.wish.present],
    ):
        runs.update({id(plan): run for plan, run in zip(wave, map_parallel(execute, wave, concurrency))})
    return [idle.get(id(plan)) or runs[id(plan)] for plan in plans]


class _Allowance:
    """The deletions that ``max_deletions`` allows beyond those of the plans, for all domains together."""

    def __init__(self, most: Optional[int], planned: int) -> None:
        self.most = most
        self._left = None if most is None else most - planned
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Take so many of them; False where there are not as many."""
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
        self._base = plan.found  # what is known to be there ...
        self._since: List[Change] = []  # ... and was changed since
        self._made: Optional[Alias] = None  # the catch-all that came with a creation of our own
        self._to_restore: Dict[str, Tuple[str, ...]] = {}
        self._batching = True
        self._conflicts = 0
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
        if change.kind == "domain" and change.action == "create":
            self._create_domain(step)
        elif change.kind == "domain" and change.action == "update":
            api.update_domain(change.domain, change.after or {})
            self._finish(step)
        elif change.kind == "domain":
            api.delete_domain(change.domain)
            self._finish(step)
        elif change.kind == "rule":
            self._finish(step, [self._write_rule(change)])
        elif change.kind == "credential":
            self._finish(step, [self._write_credential(change)])
        elif change.action == "create":
            self._create_aliases(step)
        else:
            self._write_alias(step)

    def _create_domain(self, step: List[Change]) -> None:
        made: Optional[Domain] = self._api.create_domain(step[0].domain, step[0].after or {})
        self._finish(step)
        if made and not made.complete:
            made = read_domain(self._api, self._wish)
        self._made = _catch_all(made)
        self._run.done += self._plan_anew(made)[1]

    def _write_rule(self, change: Change) -> Change:
        """Execute a change of a rule; return it with the rule as it is then."""
        api = self._api
        if change.action == "create":
            made = api.create_rule(change.domain, change.thing)
            return change._replace(id=made.id, thing=made)
        if change.action == "delete":
            api.delete_rule(change.domain, str(change.id))
            return change
        now = outcome(self._base, self._since)
        [before] = [rule for rule in (now.rules if now else None) or () if rule.id == change.id]
        api.update_rule(change.domain, before, change.thing)
        return change

    def _write_credential(self, change: Change) -> Change:
        """Execute a change of a credential; return it with the credential as it is then."""
        api = self._api
        if change.action == "delete":
            api.delete_credential(change.domain, change.name)
            return change
        password = next(wish.password for wish in self._wish.credentials if wish.find([change.thing]))
        if change.action == "update":
            api.set_password(change.domain, change.name, password or "")
            return change
        made, needs_check = api.create_credential(change.domain, change.name, password or "")
        self._run.needs_check = self._run.needs_check or needs_check
        return change._replace(thing=made)

    def _write_alias(self, step: List[Change]) -> None:
        """Update or delete the alias that is meant, and no other.

        The service takes digits in a path for an id if there is one, else for a name. So whatever a path
        holds must mean nothing else: not now, and not once the alias is gone and others are made, for
        other runs may work on the same wish. Where neither the id nor the name is as good as that, a look
        before the write tells what the service takes them for, and one after it finds what went wrong.
        """
        change = step[0]
        write = self._api.update_alias if change.action == "update" else self._api.delete_alias
        addresses, sure = self._addresses(change)
        if sure:
            write(change.domain, sure)
            self._finish(step)
            return
        meant = [alias for alias in addresses if self._means(change, alias)]
        other = self._other_meaning(change, meant[0]) if meant else None
        if meant:
            write(change.domain, meant[0])
        try:
            found = read_domain(self._api, self._wish)
        except ApiError as blind:
            if not meant:
                raise
            error = blind.extended(" (a look at what the request to %s came to)" % str(change))
            error.doubtful = True
            raise error from None
        hit = self._hit_instead(change, other, found) if other else []
        left, _as_wanted = self._plan_anew(found)
        if change.key not in left:
            exists = found is not None and change.name in {alias.name for alias in found.aliases}
            happened = meant and exists is (change.after is not None)
            self._run.done += (step if happened else []) + hit
        elif not self._run.error:
            path = "/%s/domains/%s/aliases/%s" % (self._api.version, change.domain, change.id)
            raise Refused("this is not the alias %s any more" % quoted(change.name), "GET", path, 404)

    def _other_meaning(self, change: Change, address: Alias) -> Optional[Alias]:
        """The alias that a path with this address means as well, once that of the change is gone."""
        segment = address.id or address.name
        now = outcome(self._base, self._since)
        others = [alias for alias in (now.aliases if now else ()) if alias.name != change.name]
        return next((alias for alias in others if segment in (alias.name, alias.id)), None)

    def _hit_instead(self, change: Change, other: Alias, found: Optional[Domain]) -> List[Change]:
        """See to another alias that a write has hit: another run had changed what the path means.

        Return its deletion, if that was planned as well. If the wish does not mention the alias, it is
        to be put back as it was.
        """
        if found is None:
            return []
        now = next((alias for alias in found.aliases if alias.name == other.name), None)
        written = tuple(change.after["forward"]) if change.after else None
        if (now.forward if now else None) != written or now == other:
            return []
        planned = [c for c in self._run.pending if (c.kind, c.name) == ("alias", other.name)]
        if not planned and other.key not in {alias.key for alias in self._wish.aliases}:
            self._to_restore[other.name] = other.forward
        return [] if now else [c for c in planned if c.action == "delete"]

    def _restorations(self, found: Optional[Domain]) -> List[Change]:
        """What puts back the aliases that the run has hit by mistake."""
        forwards = {alias.name: alias.forward for alias in found.aliases} if found else {}
        return [
            Change(
                "update" if name in forwards else "create",
                "alias",
                self._wish.name,
                name,
                {"forward": list(forwards[name])} if name in forwards else None,
                {"forward": list(forward)},
            )
            for name, forward in self._to_restore.items()
            if found and not same_destinations(forwards.get(name, ()), forward)
        ]

    def _addresses(self, change: Change) -> Tuple[List[Alias], Optional[Alias]]:
        """The alias of a change, as paths may name it: by its name, by its id; and the one that is sure.

        A name that is no number is mistaken for a word that means many aliases, so it is never used.
        """
        by_name = Alias(change.name, tuple((change.after or {}).get("forward", ())))
        by_id = replace(by_name, id=change.id)
        if change.id is None or not self._api.is_mistakable(change.name):
            return [by_name], by_name
        others = [alias for alias in self._known() if alias.name != change.name]
        to_come = [alias.name for alias in self._wish.aliases if alias.present and alias.name != change.name]
        if change.id not in (*to_come, *(alias.name for alias in others)):
            return [by_id], by_id
        if not change.name.isdecimal():
            return [by_id], None
        ids = [int(alias.id) for alias in others if alias.id and alias.id.isdecimal()]
        number = int(change.name)
        no_id = number not in ids and number < max(ids, default=0)  # ids count up: none is to come
        return [by_name, by_id], by_name if no_id else None

    def _means(self, change: Change, alias: Alias) -> bool:
        """Whether the service takes this form of an alias for the one that is to be changed."""
        found = self._api.alias(change.domain, alias)
        return found is not None and (found.name, found.id) == (change.name, change.id)

    def _known(self) -> Sequence[Alias]:
        """The aliases that are there, or were, since the last look."""
        made = [Alias(change.name, id=change.id) for change in self._since if change.kind == "alias"]
        return [*(self._base.aliases if self._base else ()), *made]

    def _create_aliases(self, step: List[Change]) -> None:
        wanted = [Alias(c.name, tuple((c.after or {})["forward"])) for c in step]
        try:
            ids = self._api.create_aliases(step[0].domain, wanted)
        except PartlyDone as error:
            self._finish(step, [c._replace(id=error.ids[c.name]) for c in step if c.name in error.ids])
            raise
        self._finish(step, [c._replace(id=ids.get(c.name)) for c in step])

    def _finish(self, step: List[Change], done: Optional[List[Change]] = None) -> None:
        """Note a step, which is the first of what is pending, as done; or only ``done`` of it.

        What was done can look different from what was planned, as far as the service tells.
        """
        run = self._run
        done = step if done is None else done
        run.done += done
        self._since += done
        names = {change.key for change in done}
        left = [] if len(done) == len(step) else [c for c in step if c.key not in names]
        run.pending = left + run.pending[len(step) :]

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
        if error.doubtful and error.status != 404 and (step[0].kind, step[0].action) == _NOT_SHOWN:
            run.error = error.extended(
                "; whether it took effect could not be found out, for the service does not show it"
            )
            return None
        try:
            found = read_domain(self._api, self._wish)
        except ApiError as blind:
            if not error.doubtful:
                return error
            # Not repeated: that could do a second time what was done.
            run.error = error.extended("; whether it took effect could not be found out (%s)" % blind)
            return None
        left, as_wanted = self._plan_anew(found)
        settled = [change for change in step if change.key not in left]
        if error.doubtful:
            in_part = [change for change in map(self._part_done, step) if change]
            run.done += in_part + settled + [change for change in as_wanted if change not in settled]
        elif found and [change for change in settled if (change.action, change.kind) == ("create", "domain")]:
            run.plan = replace(run.plan, found=found)  # it was there all the time, and nobody told
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
        if settled and self._conflicts < _MOST_CONFLICTS:
            self._conflicts += 1
            return None
        if settled and error.doubtful:
            run.error = error  # what is told of it changes with every look, so there is no end to it
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

    def _part_done(self, change: Change) -> Optional[Change]:
        """What of a change of several settings is done, where some of it is left."""
        if (change.action, change.kind) != ("update", "domain"):
            return None
        left = [other for other in self._run.pending if other.key == change.key]
        return remainder(change, left[0]) if left else None

    def _plan_anew(self, found: Optional[Domain]) -> Tuple[Set[Tuple[Any, ...]], List[Change]]:
        """Replace what is pending by what is left to do.

        Nothing is deleted that the first plan did not delete: its deletions are what was agreed to. The
        catch-all of a new domain was agreed to as well, if the domain is of our own making. Else it is
        a deletion like any other, and those count that were not foreseen.

        Where the first reading did not tell how the domain is routed, as a list may not, a later look
        stops nothing: a run does what check mode said, whether or not it has to look again.

        Returns the keys of the changes left, and those of the pending ones to a new domain's catch-all
        that are not needed, because the service made it as it is wanted.
        """
        run = self._run
        if found and run.plan.found and "routing_engine" not in run.plan.found.details:
            found = found.without_routing()
        self._base, self._since = found, []
        fresh = plan_domain(self._wish, found)
        planned = {change.key: change for change in run.pending}
        order = {name: index for index, name in enumerate(planned)}
        own = found is None or (self._made is not None and self._made == _catch_all(found))
        # No look shows a password that the run has set.
        renewed = {c._replace(action="update").key for c in run.done if c.kind == "credential" and c.after}
        left = []
        surplus = []
        for change in (fresh.problem or fresh).changes:
            its_own = own and change.kind == "alias" and change.name == CATCH_ALL
            known = planned.get(change.key)
            if known:
                change = _as_planned(change, known, its_own)
            elif change.action == "delete" and not its_own:
                surplus.append(change)
                continue
            elif change.key in renewed:
                continue
            left.append(change)
        if own or not self._is_new:
            # What was not planned is what has to come first: a thing that vanished and is needed again.
            left.sort(key=lambda change: order.get(change.key, -1))
        if fresh.problem:
            known_left = {change.key for change in left}
            left += [c for c in run.pending if c.kind == "rule" and c.key not in known_left]
        left = self._restorations(found) + left
        run.pending = left
        run.error = fresh.problem or self._excess(found, surplus, own)
        names = {(change.kind, change.name) for change in run.pending}
        as_wanted = [
            change
            for change in planned.values()
            if change.action != "create" and change.before is None and (change.kind, change.name) not in names
        ]
        return {change.key for change in run.pending}, as_wanted

    def _excess(self, found: Optional[Domain], surplus: List[Change], own: bool) -> Optional[PlanError]:
        """The error where more would be deleted than was agreed to; else allow what is left to delete."""
        if found is None:
            return None
        run = self._run
        if own:
            left = [change for change in run.pending if change.name != CATCH_ALL]
        else:
            left = run.pending
        done = [change for change in run.done if change.before]
        unforeseen = count_deletions(found, left) + count_deletions(None, done) - self._allowed
        if surplus and self._is_new and not own:
            run.pending = run.pending + surplus
        elif unforeseen <= 0:
            return None
        elif self._allowance.take(unforeseen):
            self._allowed += unforeseen
            return None
        return UnplannedDeletions(found.name, run.pending, self._allowance.most)


def _catch_all(domain: Optional[Domain]) -> Optional[Alias]:
    aliases = domain.aliases if domain else ()
    return next((Alias(alias.name, id=alias.id) for alias in aliases if alias.name == CATCH_ALL), None)


def _as_planned(change: Change, planned: Change, its_own: bool) -> Change:
    """A change as it was planned, where it is still the same, so that it is told as the plan told it."""
    if planned.before is None:
        return change._replace(before=None) if its_own else change
    if change.action == "update" and change.kind == "domain":
        return change._replace(before={name: planned.before.get(name) for name in change.after or ()})
    return change._replace(before=planned.before)
