# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains that a run adds to an account and removes again; existing domains are never changed."""

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
    """The domains that this run may create in an account, and has to delete."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._claimed: list[str] = []

    def claim(self, domain: str) -> None:
        """Reserve a name: if the domain exists from now on, this run created it. Raises Occupied."""
        status = self._service.get_domain(domain).status
        if status == 200:
            raise Occupied(f"{domain} is in the account already.")
        if status != 404:
            raise Occupied(
                f"It could not be determined whether {domain} is in the account: the answer was {status}."
            )
        # Whether deleting a domain affects its subdomains is not documented.
        if any(f".{name}".endswith(f".{domain}") for name in self._names()):
            raise Occupied(f"{domain} or a domain below it is in the account already.")
        self._claimed.append(domain)

    def _names(self) -> set[str]:
        """The domains of the account."""
        names: set[str] = set()
        for page in count(1):
            listed = self._service.ask("GET", self._service.domains, query={"limit": 100, "page": page})
            if not listed.ok:
                raise Occupied(f"The account's domains can't be listed: the answer was {listed.status}.")
            new = {read_domain(str(thing.get("domain"))) for thing in listed.many("domains")} - names
            names |= new
            if len(new) < 100:
                break
        return names

    def leave(self) -> list[str]:
        """Delete the created domains. Return those that may still exist."""
        return [domain for domain in reversed(self._claimed) if not self._is_deleted(domain)]

    def _is_deleted(self, domain: str) -> bool:
        """Delete a domain, with retries. Return whether it no longer exists."""
        for tries in range(TRIES):
            try:
                if self._service.get_domain(domain).status == 404:
                    return True
                self._service.delete_domain(domain)
            except requests.RequestException:
                time.sleep(PAUSE * tries)
        return False
