# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API as plain requests and answers. Only rate limits are handled."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests

from .shapes import Shape, merged, shape_of

TIMEOUT = 30
TRIES = 3  # of a request that meets the rate limit
LONGEST_PAUSE = 120
DEFAULT_PAUSE = 60  # seconds, if the service does not report a duration


@dataclass(frozen=True)
class Answer:
    """An answer. ``body`` is None unless it is JSON."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def ok(self) -> bool:
        return self.status < 400

    def at(self, *keys: str | int) -> Any:
        """The value at this place in the body; None if there is none."""
        found = self.body
        for key in keys:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def one(self, key: str) -> dict[str, Any]:
        """The object under a key, or the body itself: the versions differ in that."""
        found = self.at(key)
        found = found if isinstance(found, dict) else self.body
        return found if isinstance(found, dict) else {}

    def many(self, key: str) -> list[dict[str, Any]]:
        """The objects of a list; none if there is no list."""
        found = self.at(key)
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


class Service:
    """One version of the API, with one key. Records the shapes of replies and the rate limits."""

    def __init__(self, url: str, key: str, version: str) -> None:
        self.url, self.version = url.rstrip("/"), version
        self._key = key
        self.shapes: dict[tuple[str, bool], Shape] = {}
        self.seconds: list[float] = []
        self.sizes: dict[str, str] = {}  # of the rate limits, by endpoint
        self._session = requests.Session()
        self._session.auth = (b"api", key.encode())  # type: ignore[assignment]  # a key can contain any character
        self.domains = "/domains/" if version == "v2" else "/domains"
        self.aliases = "/domains/{}/aliases/" if version == "v2" else "/domains/{}/aliases"
        self.account = "/account/" if version == "v2" else "/account"

    def ask(
        self,
        method: str,
        template: str,
        *values: str,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        patient: bool = True,
    ) -> Answer:
        """Send a request; ``patient``: wait and retry if the rate limit refuses it."""
        path = f"/{self.version}" + template.format(*(quote(value, safe="*") for value in values))
        for tries_left in reversed(range(TRIES)):
            began = time.monotonic()
            reply = self._session.request(
                method, self.url + path, params=query, json=body, timeout=TIMEOUT, allow_redirects=False
            )
            self.seconds.append(time.monotonic() - began)
            answer = Answer(reply.status_code, reply.headers, _json(reply))
            if answer.status != 429 or not patient or not tries_left:
                break
            time.sleep(pause_of(answer))
        label = (f"{method} /{self.version}{template}", answer.ok)
        self.shapes[label] = merged(self.shapes.get(label), shape_of(answer.body))
        self.sizes[label[0]] = answer.headers.get("X-RateLimit-Limit", "")
        return answer

    def status(self, method: str, path: str, auth: str = "", **options: Any) -> int:
        """The status of a request in the form of other clients. ``auth``: the prefix of the plain key."""
        headers = {**options.pop("headers", {}), **({"Authorization": auth + self._key} if auth else {})}
        send = requests.request if auth else self._session.request
        reply = send(
            method, self.url + path, headers=headers, timeout=TIMEOUT, allow_redirects=False, **options
        )
        return reply.status_code

    # --- What several points need -----------------------------------------------------------------

    def get_domain(self, name: str) -> Answer:
        return self.ask("GET", "/domains/{}", name)

    def post_domain(self, name: str) -> Answer:
        return self.ask("POST", self.domains, body={"domain": name})

    def put_domain(self, name: str, **settings: str | None) -> Answer:
        return self.ask("PUT", "/domains/{}", name, body=settings)

    def delete_domain(self, name: str) -> Answer:
        return self.ask("DELETE", "/domains/{}", name)

    def post_alias(self, domain: str, name: str, forward: str) -> Answer:
        return self.ask("POST", self.aliases, domain, body={"alias": name, "forward": forward})

    def put_alias(self, domain: str, address: str, forward: str) -> Answer:
        return self.ask("PUT", "/domains/{}/aliases/{}", domain, address, body={"forward": forward})

    def delete_alias(self, domain: str, address: str) -> Answer:
        return self.ask("DELETE", "/domains/{}/aliases/{}", domain, address)

    def stored(self, domain: str) -> dict[str, str]:
        """The aliases of a domain with their destinations, from a read."""
        if self.version == "v2":
            things = self.get_domain(domain).many("aliases")
        else:
            things = self.ask("GET", self.aliases, domain, query={"limit": 100}).many("aliases")
        return {str(thing.get("alias")): str(thing.get("forward")) for thing in things}


def pause_of(answer: Answer) -> float:
    """The wait that the rate limit requests, in any form."""
    after, reset = (answer.headers.get(name, "") for name in ("Retry-After", "X-RateLimit-Reset"))
    if after.isdigit():
        pause = float(after)
    elif reset.isdigit():
        pause = int(reset) - time.time()
    else:
        pause = DEFAULT_PAUSE
    return min(max(pause, 0.5), LONGEST_PAUSE)


def _json(reply: requests.Response) -> Any:
    try:
        return reply.json()
    except ValueError:
        return None
