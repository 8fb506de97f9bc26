# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The expected state, computed from the alphabets of the cases and not with the code under test."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from emulator import Emulator
from emulator.dns import NO_RECORDS

from .cases import OWNER, SETTINGS, Case, meaning

# Domain -> everything that the service stores for it. Aliases by name, destinations and settings by meaning.
State = dict[str, dict[str, Any]]
Step = tuple[str, ...]  # action, kind, domain, name

PAGE = 100
RESERVED = ("batch",)  # names of aliases that are also segments of the API's paths
MOST_SHOWN = 200  # aliases inside a domain


def meanings(forward: Iterable[str]) -> frozenset[str]:
    return frozenset(meaning(part) for item in forward for part in item.split(","))


def state_of(emulator: Emulator) -> State:
    """The current state of the account, with the ids and times of the emulator."""
    state = {domain["domain"]: domain for domain in emulator.dump(ids=True)["domains"]}
    for domain in state.values():
        domain |= {setting: meaning(domain[setting]) for setting in SETTINGS}
        domain["aliases"] = {
            alias["alias"].lower(): {**alias, "forward": meanings([alias["forward"]])}
            for alias in domain["aliases"]
        }
    return state


def new_domain(name: str) -> dict[str, Any]:
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
    """The state before a case, the desired state, and the steps between them."""

    def __init__(self, case: Case, before: State) -> None:
        self.case = case
        self.before = deepcopy(before)
        self.unsure: dict[str, set[str]] = {}  # domain -> aliases that concurrent runs can damage
        self.wishes = {meaning(wish["domain"]): wish for wish in case.wishes}
        self.purge = bool(case.args.get("purge"))
        self.wished = self._wished()

    def for_several_runs(self, also: Iterable[str] = ()) -> Goal:
        """The goal of concurrent runs, which can damage some aliases and then create them again.

        ``also``: names of aliases that others may create meanwhile.
        """
        goal = Goal(self.case, self.before)
        goal.unsure = {name: self._unsure_of(name, set(also)) for name in self.before}
        for state in (goal.before, goal.wished):
            for name, domain in state.items():
                for alias in goal.unsure.get(name, set()) & set(domain["aliases"]):
                    domain["aliases"][alias] |= {"id": None, "created": None}
        return goal

    def _wished(self) -> State:
        """The account in the desired state."""
        state = deepcopy(self.before)
        for name, wish in self.wishes.items():
            if wish.get("state") == "absent":
                state.pop(name, None)
            elif name in state or self.case.module != "improvmx_alias":
                apply_wish(wish, state.setdefault(name, new_domain(name)))
        return {name: domain for name, domain in state.items() if name in self.wishes or not self.purge}

    def known(self, state: State) -> State:
        """A state without the ids and times of what did not exist at the start."""
        state = deepcopy(state)
        ids = {alias["id"] for domain in self.before.values() for alias in domain["aliases"].values()}
        for name, domain in state.items():
            if name not in self.before:
                domain["added"] = None
            for alias in domain["aliases"].values():
                if alias["id"] not in ids:
                    alias |= {"id": None, "created": None}
        return state

    def steps(self, existing: State) -> list[Step]:
        """The steps from an existing state to the goal, sorted."""
        if self.lacks_its_domain(existing):
            (name,) = self.wishes
            return [("create", "alias", name, self.case.args["alias"])]
        deleted = [("delete", "domain", name, name) for name in set(existing) - set(self.wished)]
        return sorted(
            deleted + [step for name in self.wished for step in self._steps_of(name, existing.get(name))]
        )

    def _steps_of(self, name: str, existing: dict[str, Any] | None) -> Iterator[Step]:
        wished = self.wished[name]
        late: Iterable[str] = SETTINGS
        if existing is None:
            yield ("create", "domain", name, name)
            existing, late = new_domain(name), ("webhook",)  # which the creation does not accept
            if "*" in self.mentioned(name) & set(wished["aliases"]):
                existing["aliases"]["*"]["forward"] = None  # unknown
        if any(existing[setting] != wished[setting] for setting in late):
            yield ("update", "domain", name, name)
        old, new = existing["aliases"], wished["aliases"]
        yield from (("delete", "alias", name, old[alias]["alias"]) for alias in set(old) - set(new))
        yield from (("create", "alias", name, new[alias]["alias"]) for alias in set(new) - set(old))
        for alias in set(old) & set(new):
            if old[alias]["forward"] != new[alias]["forward"]:
                yield ("update", "alias", name, old[alias]["alias"])

    def mentioned(self, name: str) -> set[str]:
        """The aliases that the wish for a domain mentions."""
        return {meaning(alias["alias"]) for alias in self.wishes.get(name, {}).get("aliases", ())}

    def is_done_by_service(self, step: Step) -> bool:
        """Whether a step updates the catch-all of a new domain, which the service creates as desired."""
        name = step[2]
        wanted = self.wished[name]["aliases"].get("*", {}) if name in self.wished else {}
        updates_catch_all = (step[:2], step[3]) == (("update", "alias"), "*") and name not in self.before
        return updates_catch_all and wanted.get("forward") == {OWNER}

    def managed(self, name: str, domain: Mapping[str, Any]) -> dict[str, Any]:
        """The part of a domain that its wish manages: everything of a domain to delete."""
        wish = self.wishes.get(name, {"state": "absent"})
        absent = wish.get("state") == "absent"
        settings = {setting: domain[setting] for setting in SETTINGS if setting in wish or absent}
        if absent:
            # Version 2 returns no settings.
            settings = {s: value for s, value in settings.items() if value and self.case.version == "v3"}
        everything = absent or wish.get("purge_aliases")
        aliases = {
            alias["alias"]: alias["forward"]
            for key, alias in domain["aliases"].items()
            if everything or key in self.mentioned(name)
        }
        return {**settings, "aliases": aliases}

    def _unsure_of(self, name: str, also: set[str]) -> set[str]:
        """The aliases of a domain that other runs can change by mistake.

        The service reads digits in a path as an id, or as a name if no alias has that id. So an alias
        has no unique address if its id is the name of another alias, and its name is the id of another
        alias or becomes one. An alias whose name is a segment of the API's paths can be addressed by its
        id only. Between the look and the write, other runs can change which alias an address means.
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
            if key in RESERVED:
                unsure.add(namesake)
            elif not key.isdecimal():
                continue
            elif int(key) in names:
                unsure |= {key, namesake, names[int(key)]}
            elif int(key) > newest:
                unsure |= {key, namesake, *wanted - set(aliases)}
        return unsure

    # --- What the service allows ------------------------------------------------------------------

    @property
    def possible(self) -> bool:
        """Whether the account's plan and the owners of the domains allow the desired state."""
        limits, new = self.case.account["limits"], set(self.wished) - set(self.before)
        return not (
            self.lacks_its_domain(self.before)
            or new & set(self.case.account["other_domains"])
            or (new and len(self.wished) > limits.get("domains", math.inf))
            or not self.can_follow(self.before)
        )

    def can_follow(self, existing: State) -> bool:
        """Whether a run can reach the goal from an existing state.

        A run that failed can leave a new domain with its catch-all. Version 2 returns no limits, so the
        next run keeps this catch-all until the names that replace it exist.
        """
        return self.allows(existing) and not any(
            self._is_refused(existing.get(name) or new_domain(name), new) for name, new in self.wished.items()
        )

    def lacks_its_domain(self, existing: State) -> bool:
        """Whether the task ensures an alias of a domain that does not exist."""
        alone = self.case.module == "improvmx_alias" and self.case.args.get("state") != "absent"
        return alone and meaning(self.case.args["domain"]) not in existing

    def allows(self, existing: State) -> bool:
        """Whether max_deletions allows the deletions from an existing state to the goal.

        The catch-all of a domain that the same run creates does not count. The next run can't
        distinguish it from other aliases, so after a failed run it counts as one more.
        """
        return self._deletions(existing) <= self.case.args.get("max_deletions", math.inf)

    def _deletions(self, old: State) -> int:
        """The number of domains and aliases to delete."""
        new = self.wished
        return sum(
            len(set(old[name]["aliases"]) - set(new[name]["aliases"]))
            if name in new
            else 1 + len(old[name]["aliases"])
            for name in old
        )

    def _is_refused(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        limits = self.case.account["limits"]
        existing, wanted = old["aliases"], new["aliases"]
        changed = {name for name in {*existing, *wanted} if existing.get(name) != wanted.get(name)}
        longest = max((len(wanted[name]["forward"]) for name in changed & set(wanted)), default=0)
        fullest = len(wanted)
        if self.case.version == "v2" and old["added"] is not None:
            # Version 2 returns no limits, so a pattern stays until the names that replace it exist.
            fullest += len([name for name in set(existing) - set(wanted) if is_pattern(name)])
        return bool(
            old["whitelabel"] != new["whitelabel"] == "nobodys.test"
            or (changed and old["routing_engine"] == "rules" and self.sees_routing)
            or (set(wanted) - set(existing) and fullest > limits.get("aliases", math.inf))
            or longest > limits.get("destinations", math.inf)
        )

    @property
    def sees_routing(self) -> bool:
        """Whether a run sees how a domain is routed: it reads one domain alone, or the list shows it."""
        alone = len(self.wishes) == 1 and not self.purge
        return self.case.version == "v3" and (alone or self.case.account["beliefs"]["list_shows_details"])

    # --- What reading costs -----------------------------------------------------------------------

    def reading_cost(self, existing: State) -> int:
        """The number of requests of a run that changes nothing."""
        if not self.wishes and not self.purge:
            return 0
        if self.case.version == "v2":
            return 1
        read = len(existing)
        if not self.purge and set(self.wishes) <= set(existing):
            read = 1 + max(sorted(existing).index(name) for name in self.wishes)
        pages = 1 if len(self.wishes) == 1 and not self.purge else max(1, math.ceil(read / PAGE))
        return pages + sum(
            self._alias_pages(name, existing[name]["aliases"]) for name in self.wishes if name in existing
        )

    def _alias_pages(self, name: str, aliases: Mapping[str, Any]) -> int:
        """The pages of aliases to read, if the domain itself does not show all that matter."""
        shown = list(aliases)[:MOST_SHOWN]
        matter = self.wishes[name].get("purge_aliases") or not self.mentioned(name) <= set(shown)
        return math.ceil(len(aliases) / PAGE) if len(shown) == MOST_SHOWN and matter else 0


def apply_wish(wish: Mapping[str, Any], domain: dict[str, Any]) -> None:
    """Change a domain into its desired state."""
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
