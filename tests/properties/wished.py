# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to come out, worked out from the cases' own alphabets and not with the code that is tested."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from emulator import Emulator
from emulator.dns import NO_RECORDS

from .cases import OWNER, SETTINGS, Case, meaning

# Domain -> all that the service keeps of it. Aliases by name, destinations and settings by meaning.
State = dict[str, dict[str, Any]]
Step = tuple[str, ...]  # action, kind, domain, name

PAGE = 100
WORDS = ("batch",)  # names of aliases that paths hold in another sense
MOST_SHOWN = 200  # aliases inside a domain


def meanings(forward: Iterable[str]) -> frozenset[str]:
    return frozenset(meaning(part) for item in forward for part in item.split(","))


def state_of(emulator: Emulator) -> State:
    """The account as it is. Ids and times are those that were seeded; of what came later they are unknown."""
    state = {domain["domain"]: domain for domain in emulator.dump(ids=True)["domains"]}
    for domain in state.values():
        domain |= {setting: meaning(domain[setting]) for setting in SETTINGS}
        domain["aliases"] = {
            alias["alias"].lower(): {**alias, "forward": meanings([alias["forward"]])}
            for alias in domain["aliases"]
        }
    return state


def newborn(name: str) -> dict[str, Any]:
    """A domain right after its creation."""
    return {
        "domain": name,
        "active": False,
        "added": None,
        **dict.fromkeys(SETTINGS),
        "routing_engine": "alias",
        "aliases": {"*": new_alias("*", frozenset([OWNER]))},
        "credentials": [],
        "rules": [],
        "logs": [],
        "dns": {**vars(NO_RECORDS), "mx": []},
    }


def new_alias(name: str, forward: frozenset[str]) -> dict[str, Any]:
    return {"alias": name, "forward": forward, "id": None, "created": None}


class Goal:
    """What a case starts from, what it wishes for, and what is between the two."""

    def __init__(self, case: Case, before: State) -> None:
        self.case = case
        self.before = deepcopy(before)
        self.unsure: dict[str, set[str]] = {}  # by domain, the aliases that runs at once can do harm to
        self.wishes = {meaning(wish["domain"]): wish for wish in case.wishes}
        self.purge = bool(case.args.get("purge"))
        self.wished = self._wished()

    def for_several_runs(self, also: Iterable[str] = ()) -> Goal:
        """The same for runs at once, which can do harm to some aliases, and then make them anew.

        ``also``: names of aliases that somebody else may make meanwhile.
        """
        goal = Goal(self.case, self.before)
        goal.unsure = {name: self._unsure_of(name, set(also)) for name in self.before}
        for state in (goal.before, goal.wished):
            for name, domain in state.items():
                for alias in goal.unsure.get(name, set()) & set(domain["aliases"]):
                    domain["aliases"][alias] |= {"id": None, "created": None}
        return goal

    def _wished(self) -> State:
        """The account when everything is as the task wants it."""
        state = deepcopy(self.before)
        for name, wish in self.wishes.items():
            if wish.get("state") == "absent":
                state.pop(name, None)
            elif name in state or self.case.module != "improvmx_alias":
                fulfil(wish, state.setdefault(name, newborn(name)))
        return {name: domain for name, domain in state.items() if name in self.wishes or not self.purge}

    def known(self, state: State) -> State:
        """A state without the ids and times of what was not there at the start."""
        state = deepcopy(state)
        ids = {alias["id"] for domain in self.before.values() for alias in domain["aliases"].values()}
        for name, domain in state.items():
            if name not in self.before:
                domain["added"] = None
            for alias in domain["aliases"].values():
                if alias["id"] not in ids:
                    alias |= {"id": None, "created": None}
        return state

    def steps(self, there: State) -> list[Step]:
        """What is to be done to come from a state to the goal, sorted."""
        if self.lacks_its_domain(there):
            (name,) = self.wishes
            return [("create", "alias", name, self.case.args["alias"])]
        gone = [("delete", "domain", name, name) for name in set(there) - set(self.wished)]
        return sorted(gone + [step for name in self.wished for step in self._steps_of(name, there.get(name))])

    def _steps_of(self, name: str, there: dict[str, Any] | None) -> Iterator[Step]:
        wished = self.wished[name]
        late: Iterable[str] = SETTINGS
        if there is None:
            yield ("create", "domain", name, name)
            there, late = newborn(name), ("webhook",)  # which the creation does not take
            if "*" in self.mentioned(name) & set(wished["aliases"]):
                there["aliases"]["*"]["forward"] = None  # it is not known
        if any(there[setting] != wished[setting] for setting in late):
            yield ("update", "domain", name, name)
        old, new = there["aliases"], wished["aliases"]
        yield from (("delete", "alias", name, old[alias]["alias"]) for alias in set(old) - set(new))
        yield from (("create", "alias", name, new[alias]["alias"]) for alias in set(new) - set(old))
        for alias in set(old) & set(new):
            if old[alias]["forward"] != new[alias]["forward"]:
                yield ("update", "alias", name, old[alias]["alias"])

    def mentioned(self, name: str) -> set[str]:
        """The aliases of a domain that its wish names."""
        return {meaning(alias["alias"]) for alias in self.wishes.get(name, {}).get("aliases", ())}

    def is_granted(self, step: Step) -> bool:
        """Whether it is for the catch-all of a new domain, which comes as it is wished for."""
        name = step[2]
        wanted = self.wished[name]["aliases"].get("*", {}) if name in self.wished else {}
        is_for_it = (step[:2], step[3]) == (("update", "alias"), "*") and name not in self.before
        return is_for_it and wanted.get("forward") == {OWNER}

    def managed(self, name: str, domain: Mapping[str, Any]) -> dict[str, Any]:
        """What a wish manages of a domain; of one that is to go, all that it has."""
        wish = self.wishes.get(name, {"state": "absent"})
        gone = wish.get("state") == "absent"
        settings = {setting: domain[setting] for setting in SETTINGS if setting in wish or gone}
        if gone:
            # Version 2 tells no settings.
            settings = {s: value for s, value in settings.items() if value and self.case.version == "v3"}
        everything = gone or wish.get("purge_aliases")
        aliases = {
            alias["alias"]: alias["forward"]
            for key, alias in domain["aliases"].items()
            if everything or key in self.mentioned(name)
        }
        return {**settings, "aliases": aliases}

    def _unsure_of(self, name: str, also: set[str]) -> set[str]:
        """The aliases of a domain that other runs can hit when they mean another one.

        The service takes digits in a path for an id, and for a name where there is no such id. So an
        alias has no sure address whose id is the name of another one, and whose name is the id of one,
        or becomes it. Nor has an alias that is named as a word of the API's paths, for which only the id
        is left. Between the look at an address and the write, other runs can change its meaning.
        """
        before = self.before.get(name)
        if self.case.version == "v2" or before is None:
            return set()
        aliases, wanted = before["aliases"], set(self.wished.get(name, before)["aliases"])
        names = {alias["id"]: key for key, alias in aliases.items()}
        ids = (alias["id"] for domain in self.before.values() for alias in domain["aliases"].values())
        newest = max(ids, default=0)
        unsure: set[str] = set()
        for key, alias in aliases.items():
            namesake = str(alias["id"])
            if namesake == key or namesake not in {*aliases, *wanted, *also}:
                continue
            if key in WORDS:
                unsure.add(namesake)
            elif not key.isdecimal():
                continue
            elif int(key) in names:
                unsure |= {key, namesake, names[int(key)]}
            elif int(key) > newest:
                unsure |= {key, namesake, *wanted - set(aliases)}
        return unsure

    # --- Whether the service lets it happen -------------------------------------------------------

    @property
    def possible(self) -> bool:
        """Whether the account's plan, and the domains' owners, let the wish come true."""
        limits, new = self.case.account["limits"], set(self.wished) - set(self.before)
        return not (
            self.lacks_its_domain(self.before)
            or new & set(self.case.account["other_domains"])
            or (new and len(self.wished) > limits.get("domains", math.inf))
            or not self.can_follow(self.before)
        )

    def can_follow(self, there: State) -> bool:
        """Whether a run can come from a state to the goal.

        A run that broke off can leave a new domain with its catch-all. To the next run of version 2,
        which tells no limits, it is one that stays until the names are there that take over.
        """
        return self.allows(there) and not any(
            self._is_refused(there.get(name) or newborn(name), new) for name, new in self.wished.items()
        )

    def lacks_its_domain(self, there: State) -> bool:
        """Whether it is for an alias of a domain that is not there."""
        alone = self.case.module == "improvmx_alias" and self.case.args.get("state") != "absent"
        return alone and meaning(self.case.args["domain"]) not in there

    def allows(self, there: State) -> bool:
        """Whether max_deletions allows what is to be deleted to come from a state to the goal.

        The catch-all of a domain that a run has made itself does not count; but the next run can't
        tell it from any other, so one more is to be deleted after a run that broke off in between.
        """
        return self._deletions(there) <= self.case.args.get("max_deletions", math.inf)

    def _deletions(self, old: State) -> int:
        """Domains and aliases that would be gone."""
        new = self.wished
        return sum(
            len(set(old[name]["aliases"]) - set(new[name]["aliases"]))
            if name in new
            else 1 + len(old[name]["aliases"])
            for name in old
        )

    def _is_refused(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        limits = self.case.account["limits"]
        there, wanted = old["aliases"], new["aliases"]
        changed = {name for name in {*there, *wanted} if there.get(name) != wanted.get(name)}
        longest = max((len(wanted[name]["forward"]) for name in changed & set(wanted)), default=0)
        fullest = len(wanted)
        if self.case.version == "v2" and old["added"] is not None:
            # It does not tell its limits, so a pattern stays until the names are there that take over.
            fullest += len([name for name in set(there) - set(wanted) if is_pattern(name)])
        return bool(
            old["whitelabel"] != new["whitelabel"] == "nobodys.test"
            or (changed and old["routing_engine"] == "rules" and self.sees_routing)
            or (set(wanted) - set(there) and fullest > limits.get("aliases", math.inf))
            or longest > limits.get("destinations", math.inf)
        )

    @property
    def sees_routing(self) -> bool:
        """Whether the service tells how a domain is routed: where one is read alone, or the list tells."""
        alone = len(self.wishes) == 1 and not self.purge
        return self.case.version == "v3" and (alone or self.case.account["beliefs"]["list_shows_details"])

    # --- What reading costs -----------------------------------------------------------------------

    def reading_cost(self, there: State) -> int:
        """The requests of a run that finds nothing to do."""
        if not self.wishes and not self.purge:
            return 0
        if self.case.version == "v2":
            return 1
        read = len(there)
        if not self.purge and set(self.wishes) <= set(there):
            read = 1 + max(sorted(there).index(name) for name in self.wishes)
        pages = 1 if len(self.wishes) == 1 and not self.purge else max(1, math.ceil(read / PAGE))
        return pages + sum(
            self._alias_pages(name, there[name]["aliases"]) for name in self.wishes if name in there
        )

    def _alias_pages(self, name: str, aliases: Mapping[str, Any]) -> int:
        """The pages of aliases beyond those that the service shows inside the domain, where they matter."""
        shown = list(aliases)[:MOST_SHOWN]
        matter = self.wishes[name].get("purge_aliases") or not self.mentioned(name) <= set(shown)
        return math.ceil(len(aliases) / PAGE) if len(shown) == MOST_SHOWN and matter else 0


def fulfil(wish: Mapping[str, Any], domain: dict[str, Any]) -> None:
    domain |= {setting: meaning(wish[setting]) for setting in SETTINGS if setting in wish}
    aliases = domain["aliases"]
    wished = {meaning(alias["alias"]): alias for alias in wish.get("aliases", ())}
    if wish.get("purge_aliases"):
        for name in set(aliases) - set(wished):
            del aliases[name]
    for name, alias in wished.items():
        if alias.get("state") == "absent":
            aliases.pop(name, None)
        else:
            found = aliases.setdefault(name, new_alias(alias["alias"], frozenset()))
            found["forward"] = meanings(alias["forward"])


def is_pattern(name: str) -> bool:
    return not set("*?()[]{}|^$\\").isdisjoint(name)
