# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody else works on the account during a run: it deletes nothing wanted, nor more than agreed."""

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
from .turns import errors_of, run_at_once, told_by
from .wished import Goal, fulfil, meanings, newborn, state_of
from .world import begin

OTHERS = -1  # their turn
DEED = st.tuples(
    st.sampled_from(("delete", "create", "create with all", "delete", "create", "make", "make", "unmake")),
    st.sampled_from(sorted(DOMAINS)),
    st.sampled_from(("*", *sorted(NUMBERS), *sorted(ALIASES))),
)
ORDERS = st.lists(st.sampled_from((0, OTHERS, 1, 0, OTHERS)), max_size=20)
FOREIGN = "stranger@mail.test"


class Others:
    """Somebody else, who does one deed after the other, as far as it is possible."""

    def __init__(self, emulator: Emulator, case: Case, deeds: Iterable[tuple[str, str, str]]) -> None:
        self._account = emulator.account
        self._seeded = {domain["domain"]: domain for domain in case.account["domains"]}
        self._deeds = iter(deeds)
        self.effects: set[int] = set()  # their places in the ledger

    def act(self) -> None:
        deed = next(self._deeds, None)
        if deed is None:
            return
        before = len(self._account.ledger)
        self._do(*deed)
        self.effects |= set(range(before, len(self._account.ledger)))

    def _do(self, deed: str, name: str, alias: str) -> None:
        domain = self._account.domains.get(name)
        if domain is None:
            free = len(self._account.domains) < self._account.limits["domains"]
            if deed.startswith("create") and free and name not in self._account.other_domains:
                made = add_domain(self._account, {"domain": name})
                if deed == "create with all":
                    for each, forward in self._seeded.get(name, {}).get("aliases", {}).items():
                        self._make(made, each, forward)
        elif deed == "delete":
            delete_domain(self._account, domain)
        elif deed == "make":
            self._make(domain, alias, FOREIGN)
        elif deed == "unmake" and alias in domain.aliases:
            delete_alias(self._account, domain, domain.aliases[alias])

    def _make(self, domain: Any, alias: str, forward: str) -> None:
        if alias.lower() not in domain.aliases and len(domain.aliases) < self._account.limits["aliases"]:
            most = self._account.limits["destinations"]
            forward = ",".join(part.strip() for part in forward.split(",")[:most])
            forward = "null" if forward == "NULL" else forward  # which the service takes in this form
            add_alias(self._account, domain, {"alias": alias, "forward": forward})


def test_others_change_the_account_meanwhile(running_emulator: Emulator, for_every: ForEvery) -> None:
    emulator = running_emulator

    def holds(drawn: tuple[Case, int, list[int], list[tuple[str, str, str]]]) -> None:
        case, runs, order, deeds = drawn
        goal = begin(emulator, case).for_several_runs(also=(*NUMBERS, *ALIASES))
        others = Others(emulator, case, deeds)
        turns = [runs if turn == OTHERS else turn % runs for turn in order]
        ended = run_at_once(emulator, case, runs, turns, others.act)
        own = [effect for place, effect in enumerate(emulator.ledger) if place not in others.effects]
        assert_only_what_is_wished(own, goal)
        untold = set(effects_of(own)) - told_by(ended)
        assert [step for step in untold if step[3].lower() not in goal.unsure.get(step[2], ())] == []
        if runs == 1:
            most = case.args.get("max_deletions", math.inf)
            assert count_deletions(emulator.ledger, others.effects) <= most

        now = Goal(case, state_of(emulator))
        if now.possible:
            again = run_at_once(emulator, case, 1)
            assert errors_of(again) == []
            assert now.known(state_of(emulator)) == now.wished

    drawn = st.tuples(cases(), st.sampled_from((1, 1, 2)), ORDERS, st.lists(DEED, max_size=6))
    for_every("others meanwhile", drawn, holds)


def assert_only_what_is_wished(effects: Iterable[Effect], goal: Goal) -> None:
    """Runs delete nothing that the wish keeps, and make nothing else than it says."""
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
    """A domain as it is wished for, also where the wish is for an alias of one that is not there yet."""
    if name not in goal.wished:
        domain = newborn(name)
        fulfil(goal.wishes[name], domain)
        return domain
    return goal.wished[name]


def count_deletions(ledger: Iterable[Effect], by_others: set[int]) -> int:
    """The deletions by a run, without the catch-alls of its own making."""
    count = 0
    made: set[str] = set()  # the domains whose catch-all came with a creation by the run
    for place, effect in enumerate(ledger):
        mine = place not in by_others
        if effect.kind == "domain":
            made.discard(effect.domain)
            if mine and effect.action == "create":
                made.add(effect.domain)
        if effect.action == "delete":
            is_own = effect.kind == "alias" and effect.name == "*" and effect.domain in made
            if effect.name == "*":
                made.discard(effect.domain)
            count += mine and not is_own
    return count
