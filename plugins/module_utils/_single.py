# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The path of modules that manage one thing of a domain: wish -> read -> plan -> (check mode stops) -> write.

A write whose effect is in doubt is never simply repeated: what is there is read and planned anew. So it
is when something turns up or vanishes between the reading and the writing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    List,
    Mapping,
    Optional,
    Protocol,
    Sequence,
    Type,
    TypeVar,
)

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.improvmx.email.plugins.module_utils._api import Api
from ansible_collections.improvmx.email.plugins.module_utils._diff import Difference
from ansible_collections.improvmx.email.plugins.module_utils._module import Failure, execute, read_all
from ansible_collections.improvmx.email.plugins.module_utils._names import (
    ImprovmxError,
    InputError,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan import Change, PlanError, Step
from ansible_collections.improvmx.email.plugins.module_utils._report import (
    NOTHING_DONE,
    about,
    summary,
    told,
    unchanged,
    warn,
    warn_of_missing_domain,
)
from ansible_collections.improvmx.email.plugins.module_utils._transport import ApiError, Transport

_MOST_CONFLICTS = 3  # between what was read and what the writes met


class Wish(Protocol):
    """What a user wants of one thing of a domain."""

    @property
    def domain(self) -> str:
        """The domain, as A-label."""

    @property
    def present(self) -> bool:
        """Whether the thing is to be there."""


class Thing(Protocol):
    def result(self) -> Dict[str, Any]:
        """The form that users see."""

    def identity(self) -> Dict[str, Any]:
        """The fields that say which thing it is."""


_Wish = TypeVar("_Wish", bound=Wish)
_Thing = TypeVar("_Thing", bound=Thing)
_Plan = Callable[[Optional[Sequence[_Thing]]], Step[_Thing]]


class Things(Protocol[_Thing]):
    """What the API can do for a wish. ``warnings``: what the service has told by the way."""

    warnings: List[str]

    def read(self) -> Optional[Sequence[_Thing]]:
        """Those of the domain's things that matter; None when there is no such domain."""

    def create(self, thing: _Thing) -> _Thing:
        """Make it; return what the service made."""

    def update(self, before: _Thing, after: _Thing) -> None:
        """Make one into the other."""

    def delete(self, thing: _Thing) -> None:
        """Remove it. One that is gone already is no error."""


def manage(
    module: AnsibleModule,
    kind: str,
    noun: str,
    wish_of: Callable[[Mapping[str, Any]], _Wish],
    things_of: Callable[[Api, _Wish], Things[_Thing]],
    plan_of: Callable[[_Wish, Optional[Sequence[_Thing]]], Step[_Thing]],
) -> None:
    """Bring one thing to what is wished for, or say what would be done, and end the module.

    ``kind``: the kind of its changes, and the name of the result. ``noun``: what messages call several.
    ``wish_of`` reads the module's arguments, and may raise InputError.
    """

    def read(dialect: Type[Api]) -> _Wish:
        wish: _Wish = read_all(lambda: _refuse(dialect, kind, noun), lambda: wish_of(module.params))[1]
        return wish

    def work(api: Api, wish: _Wish) -> Dict[str, Any]:
        things = things_of(api, wish)

        def plan(found: Optional[Sequence[_Thing]]) -> Step[_Thing]:
            return plan_of(wish, found)

        try:
            found = things.read()
        except ImprovmxError as error:
            raise unchanged(error) from None
        if module.check_mode and found is None and wish.present:
            warn_of_missing_domain(module, wish.domain)
            found = ()
        try:
            run = Run(plan(found))
        except PlanError as error:
            run = Run(Step(None, None), pending=error.changes, error=error)
        if module.check_mode:
            run.note(run.step)
        else:
            _Execution(api.transport, things, plan, run).execute()
        for warning in things.warnings:
            warn(module, warning)
        return _conclude(kind, wish.domain, run)

    execute(module, read, work, when_failed=NOTHING_DONE)


def _refuse(dialect: Type[Api], kind: str, noun: str) -> None:
    if kind not in dialect.kinds:
        raise InputError(["api_version: API %s can't manage %s; v3 can" % (dialect.version, noun)])


# --- Execution ------------------------------------------------------------------------------------


@dataclass
class Run(Generic[_Thing]):
    """The execution of a step, and where it stands."""

    step: Step[_Thing]
    done: List[Change] = field(default_factory=list)
    pending: Sequence[Change] = ()
    error: Optional[ImprovmxError] = None
    identity: Mapping[str, Any] = field(default_factory=dict)

    def note(self, step: Step[_Thing]) -> None:
        """Note a step as done."""
        thing = step.before or step.after
        if step.change and thing:
            self.identity = self.identity or thing.identity()
            self.done.append(step.change)


class _Execution(Generic[_Thing]):
    def __init__(
        self, transport: Transport, things: Things[_Thing], plan: _Plan[_Thing], run: Run[_Thing]
    ) -> None:
        self._transport, self._things, self._plan, self._run = transport, things, plan, run
        self._started = time.monotonic()
        self._tries = self._conflicts = 0

    def execute(self) -> None:
        """Do the step, and what takes its place when the world turns out to be different."""
        run = self._run
        while run.step.change and not run.error:
            step, change = run.step, run.step.change
            self._tries += 1
            try:
                run.step = self._write(step)
                run.note(step)
            except ApiError as error:
                try:
                    self._settle(change, error)
                except ImprovmxError as fault:
                    run.error, run.pending = fault, [change]

    def _write(self, step: Step[_Thing]) -> Step[_Thing]:
        """Do a step; return the one that is left to do: none."""
        if step.before is None and step.after is not None:
            made = self._things.create(step.after)
            return Step(made, made)
        if step.before is not None and step.after is None:
            self._things.delete(step.before)
        elif step.before is not None and step.after is not None:
            self._things.update(step.before, step.after)
        return Step(step.after, step.after)

    def _settle(self, change: Change, error: ApiError) -> None:
        """Find out what a write that failed has left to do. Raise an error where that is hopeless."""
        run = self._run
        fresh = self._look_again(change, error)
        if str(fresh.change) != str(change):
            self._conflicts += 1
            if self._conflicts > _MOST_CONFLICTS:
                raise error
            if error.doubtful and (fresh.before is None) is (run.step.after is None):
                run.note(run.step)
        elif not self._transport.rest(error, self._tries, self._started):
            raise error
        run.step = fresh

    def _look_again(self, change: Change, error: ApiError) -> Step[_Thing]:
        conflict = error.status == 404 or (change.action == "create" and error.status in (400, 409))
        if not (conflict or error.doubtful):
            raise error
        unknown = "; whether it took effect could not be found out"
        if not (conflict or self._run.step.shows):
            raise error.extended(unknown + ", for the service does not show it")
        try:
            return self._plan(self._things.read())
        except ApiError as blind:
            raise error.extended("%s (%s)" % (unknown, blind)) if error.doubtful else error from None


# --- What users see of it -------------------------------------------------------------------------


def _conclude(kind: str, domain: str, run: Run[_Thing]) -> Dict[str, Any]:
    thing = run.step.before if run.error else run.step.after
    results = {
        kind: thing.result() if thing else None,
        **summary(run.done, _differences(kind, domain, run)),
    }
    if run.error:
        results["pending"] = [change.result() for change in run.pending]
        raise Failure(_story(domain, run.error, run), results)
    return results


def _differences(kind: str, domain: str, run: Run[_Thing]) -> List[Difference]:
    """The managed fields that change, before and after, with those that say which thing it is."""
    if not run.done:
        return []
    before, after = run.done[0].before, run.done[0].after
    for change in run.done[1:]:
        after = None if change.after is None else {**(after or {}), **change.after}

    def at(fields: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
        return {} if fields is None else {kind + "s": [{**run.identity, **fields}]}

    return [Difference(domain, at(before), at({**(before or {}), **after} if after else None))]


def _story(domain: str, error: ImprovmxError, run: Run[_Thing]) -> str:
    """What happened, to which domain, what was done, what was not, and what to do next."""
    story = about(domain, error)
    if run.done:
        story += ". Done: %s" % told(run.done)
    if run.pending:
        story += ". Not done: %s" % told(run.pending)
    return story + (". Run it again once the cause is gone." if run.pending else ". Nothing was changed.")
