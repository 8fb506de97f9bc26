# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is put into an account, and taken out again: nothing that was there before."""

from __future__ import annotations

import time
from itertools import count

import requests

from ansible_collections.improvmx.email.plugins.module_utils._model.names import read_domain

from .service import Service

TRIES = 5
PAUSE = 2.0


class Occupied(Exception):
    """A domain that this run must not touch."""


class Visit:
    """The domains that this run may add to an account, and then has to remove."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._claimed: list[str] = []

    def claim(self, domain: str) -> None:
        """Whatever stands under this name from now on was made by this run. Raises Occupied."""
        status = self._service.get_domain(domain).status
        if status == 200:
            raise Occupied(f"{domain} is in the account already.")
        if status != 404:
            raise Occupied(f"It can't be told whether {domain} is in the account: the answer was {status}.")
        # What becomes of a domain below it when it is deleted is not documented.
        if any(f".{name}".endswith(f".{domain}") for name in self._names()):
            raise Occupied(f"{domain} or a domain below it is in the account already.")
        self._claimed.append(domain)

    def _names(self) -> set[str]:
        """The account's domains."""
        names: set[str] = set()
        for page in count(1):
            listed = self._service.ask("GET", self._service.domains, query={"limit": 100, "page": page})
            if not listed.ok:
                raise Occupied(f"The account's domains can't be listed: the answer was {listed.status}.")
            fresh = {read_domain(str(thing.get("domain"))) for thing in listed.many("domains")} - names
            names |= fresh
            if len(fresh) < 100:
                break
        return names

    def leave(self) -> list[str]:
        """Remove what was added. Return the domains that may still be there."""
        return [domain for domain in reversed(self._claimed) if not self._gone(domain)]

    def _gone(self, domain: str) -> bool:
        """Whether the account does not have a domain any more, after some effort."""
        for tries in range(TRIES):
            try:
                if self._service.get_domain(domain).status == 404:
                    return True
                self._service.delete_domain(domain)
            except requests.RequestException:
                time.sleep(PAUSE * tries)
        return False
