# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Others change the account during a run: it deletes nothing that is desired, and no more than allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from emulator import Effect, Emulator
from emulator.account import add_alias, add_domain, delete_alias, delete_domain
from harness import effects_of

from .cases import ALIASES, DOMAINS, NUMBERS, Case, cases
from .conftest import ForEvery
from .turns import errors_of, reported_by, run_at_once
from .wished import Goal, Step, apply_wish, meanings, new_domain, state_of
from .world import begin

OTHERS = -1  # a turn of the others
# What others do in turn. A domain that vanishes returns in the next turn of theirs.
DOINGS = st.tuples(
    st.sampled_from(
        (
            ("delete domain",),
            ("create domain",),
            ("create domain with aliases",),
            ("delete domain", "create domain"),
            ("delete domain", "create domain with aliases"),
            ("create alias",),
            ("create alias",),
            ("delete alias",),
        )
    ),
    st.sampled_from(sorted(DOMAINS)),
    st.sampled_from(("*", *sorted(NUMBERS), *sorted(ALIASES))),
)
ACTIONS = st.lists(DOINGS, min_size=1, max_size=6).map(
    lambda doings: [(action, name, alias) for actions, name, alias in doings for action in actions]
)
ORDERS = st.lists(st.sampled_from((0, OTHERS, 1, 2, 0, OTHERS)), min_size=6, max_size=20)
FOREIGN = "stranger@mail.test"


class Others:
    """Changes by others, one after another, as far as the account allows."""

    def __init__(self, emulator: Emulator, case: Case, actions: Iterable[tuple[str, str, str]]) -> None:
        self._account = emulator.account
        self._seeded = {domain["domain"]: domain for domain in case.account["domains"]}
        self._actions = iter(actions)
        self.effects: set[int] = set()  # indices in the ledger

    def act(self) -> None:
        action = next(self._actions, None)
        if action is None:
            return
        before = len(self._account.ledger)
        self._do(*action)
        self.effects |= set(range(before, len(self._account.ledger)))

    def _do(self, action: str, name: str, alias: str) -> None:
        domain = self._account.domains.get(name)
        if domain is None:
            free = len(self._account.domains) < self._account.limits["domains"]
            if action.startswith("create domain") and free and name not in self._account.other_domains:
                created = add_domain(self._account, {"domain": name})
                if action == "create domain with aliases":
                    for each, forward in self._seeded.get(name, {}).get("aliases", {}).items():
                        self._create_alias(created, each, forward)
        elif action == "delete domain":
            delete_domain(self._account, domain)
        elif action == "create alias":
            self._create_alias(domain, alias, FOREIGN)
        elif action == "delete alias" and alias in domain.aliases:
            delete_alias(self._account, domain, domain.aliases[alias])

    def _create_alias(self, domain: Any, alias: str, forward: str) -> None:
        if alias.lower() not in domain.aliases and len(domain.aliases) < self._account.limits["aliases"]:
            most = self._account.limits["destinations"]
            forward = ",".join(part.strip() for part in forward.split(",")[:most])
            forward = "null" if forward == "NULL" else forward  # the form that the service accepts
            add_alias(self._account, domain, {"alias": alias, "forward": forward})


def test_a_run_while_others_change_the_account_deletes_only_what_is_allowed(
    running_emulator: Emulator, for_every: ForEvery
) -> None:
    emulator = running_emulator

    def holds(drawn: tuple[Case, int, list[int], list[tuple[str, str, str]]]) -> None:
        case, runs, order, actions = drawn
        goal = begin(emulator, case).for_several_runs(also=(*NUMBERS, *ALIASES))
        others = Others(emulator, case, actions)
        turns = [runs if turn == OTHERS else turn % runs for turn in order]
        ended = run_at_once(emulator, case, runs, turns, others.act)
        own = [effect for place, effect in enumerate(emulator.ledger) if place not in others.effects]
        assert_only_desired_changes(own, goal)
        unreported = regardless_of_case(effects_of(own)) - regardless_of_case(reported_by(ended))
        assert [step for step in unreported if step[3] not in goal.unsure.get(step[2], ())] == []
        if runs == 1:
            most = case.args.get("max_deletions", math.inf)
            assert count_deletions(emulator.ledger, others.effects) <= most

        now = Goal(case, state_of(emulator))
        if now.possible:
            again = run_at_once(emulator, case, 1)
            assert errors_of(again) == []
            assert now.known(state_of(emulator)) == now.wished

    drawn = st.tuples(cases(), st.sampled_from((1, 1, 1, 2, 2, 3)), ORDERS, ACTIONS)
    for_every("others meanwhile", drawn, holds)


def regardless_of_case(steps: Iterable[Step]) -> set[Step]:
    """The steps without the case of names.

    Others can delete an alias that a run has read, and it can be created again with another case.
    """
    return {(*step[:3], step[3].lower()) for step in steps}


def assert_only_desired_changes(effects: Iterable[Effect], goal: Goal) -> None:
    """Runs delete nothing that is desired, and create nothing that is not."""
    for effect in effects:
        name, alias = effect.domain, effect.name.lower()
        if (effect.action, effect.kind) == ("delete", "domain"):
            assert name not in goal.wished
        elif effect.kind == "alias" and alias not in goal.unsure.get(name, ()):
            wanted = wished_of(name, goal)["aliases"].get(alias)
            if effect.action == "delete":
                assert wanted is None, f"{alias} of {name} was deleted"
            else:
                assert wanted is not None
                assert meanings([effect.forward or ""]) == wanted["forward"]


def wished_of(name: str, goal: Goal) -> dict[str, Any]:
    """The desired state of a domain, also if the wish is for an alias of a domain that does not exist."""
    if name not in goal.wished:
        domain = new_domain(name)
        apply_wish(goal.wishes[name], domain)
        return domain
    return goal.wished[name]


def count_deletions(ledger: Iterable[Effect], by_others: set[int]) -> int:
    """The number of deletions by a run, without the catch-alls that it created."""
    count = 0
    created: set[str] = set()  # domains whose catch-all the run created
    for place, effect in enumerate(ledger):
        mine = place not in by_others
        if effect.kind == "domain":
            created.discard(effect.domain)
            if mine and effect.action == "create":
                created.add(effect.domain)
        if effect.action == "delete":
            is_own = effect.kind == "alias" and effect.name == "*" and effect.domain in created
            if effect.name == "*":
                created.discard(effect.domain)
            count += mine and not is_own
    return count
