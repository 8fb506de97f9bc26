# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work to compare: the desired state, the state before, and the number of requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

KINDS = ("nothing to do", "one alias changed", "from nothing")
NOTHING_TO_DO, ONE_CHANGE, FROM_NOTHING = KINDS
_FORWARD = ["ann@mail.example", "bob@mail.example"]
_PAGE = 100  # domains in a reply


@dataclass(frozen=True)
class Work:
    """A number of domains with a number of aliases each, and which of them exist before."""

    kind: str
    domains: int
    aliases: int = 10

    @property
    def things(self) -> int:
        return self.domains * (1 + self.aliases)

    @property
    def least_requests(self) -> int:
        """Read the account page by page; write each domain that differs, or all its new aliases, at once."""
        pages = math.ceil(self.domains / _PAGE)
        return {NOTHING_TO_DO: pages, ONE_CHANGE: pages + 1, FROM_NOTHING: 1 + 2 * self.domains}[self.kind]

    @property
    def requests_one_by_one(self) -> int:
        """One request for each object that is read or written, and one for the change."""
        return self.things + (self.kind == ONE_CHANGE)

    @property
    def wishes(self) -> list[dict[str, Any]]:
        """The desired state, in the form of module arguments."""
        aliases = [{"alias": f"alias-{number:03}", "forward": _FORWARD} for number in range(self.aliases)]
        return [{"domain": _name(number), "aliases": aliases} for number in range(self.domains)]

    @property
    def account(self) -> dict[str, Any]:
        """The account before the work."""
        if self.kind == FROM_NOTHING:
            return {}
        wished = {f"alias-{number:03}": ",".join(_FORWARD) for number in range(self.aliases)}
        existing = {_name(number): {"*": "me@mail.example", **wished} for number in range(self.domains)}
        if self.kind == ONE_CHANGE:
            existing[_name(self.domains // 2)]["alias-000"] = "someone.else@mail.example"
        return {"domains": [{"domain": name, "aliases": aliases} for name, aliases in existing.items()]}

    def is_done(self, found: dict[str, dict[str, str]]) -> bool:
        """Whether the account is in the desired state."""
        wished = {
            wish["domain"]: {item["alias"]: ",".join(item["forward"]) for item in wish["aliases"]}
            for wish in self.wishes
        }
        existing = {
            name: {alias: forward for alias, forward in aliases.items() if alias != "*"}
            for name, aliases in found.items()
        }
        return existing == wished


def _name(number: int) -> str:
    return f"domain-{number:05}.example"
