# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that show how version 4 of the API answers, which is only partly known.

Each is sent once, reads first, for the spare domain. Only the form of the answers is reported: keys and
types, and texts that the requests contain, so that the report can be published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import requests

from .points import Site
from .service import Answer, Service

REPORTED_HEADERS = ("X-RateLimit-Limit", "Retry-After", "Link")
LONGEST = 1500  # characters of a body that the report shows


def settle(site: Site, key: str) -> list[str]:
    """Return the answers of version 4 as lines of the report. The domain is deleted again at the end."""
    service = Service(site.service.url, key, "v4")
    lines = ["## Version 4\n"]
    trial = _Trial(replace(site, service=service))
    try:
        for number, (said, answer) in enumerate(trial.requests(), 1):
            lines.append(f"{number}. `{said}`: {answer.status}{_headers(answer)}\n   `{trial.form(answer)}`")
    except requests.RequestException as error:
        lines.append(f"- aborted: {type(error).__name__}")
    return [*lines, ""]


class _Trial:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept = {site.domain, "*", "info", "renamed", "good", *map(site.mail, "ab")}

    def requests(self) -> Iterator[tuple[str, Answer]]:
        domain, mail = self._site.domain, self._site.mail
        yield self._send("GET", "/account")
        first = self._send("GET", "/domains", limit=1)
        yield first
        cursor = first[1].at("next_cursor")
        yield self._send("GET", "/domains", limit=1, next_cursor=cursor or "none")
        yield self._send("GET", "/domains", limit=1, cursor=cursor or "none")
        yield self._send("GET", "/domains", limit=1000)
        yield self._send("POST", "/domains", body={"domain": domain})
        yield self._send("GET", f"/domains/{domain}")
        yield self._send("GET", f"/domains/{domain}/aliases", limit=1)
        yield self._send("GET", f"/domains/{domain}/credentials")
        yield self._send("GET", f"/domains/{domain}/rules")
        yield self._send("GET", f"/domains/{domain}/logs", limit=1)
        yield self._send("GET", f"/domains/{domain}/logs/search", limit=1)
        yield self._send("POST", f"/domains/{domain}/verify")
        forward = f"{mail('b').upper()}, {mail('a')},{mail('a')}"
        made = self._send("POST", f"/domains/{domain}/aliases", body={"alias": "info", "forward": forward})
        yield made
        yield self._send("POST", f"/domains/{domain}/aliases", body={"alias": "info", "forward": forward})
        yield self._send("GET", f"/domains/{domain}/aliases/info")
        number = str(made[1].one("alias").get("id") or "info")
        self._kept.add(number)
        yield self._send("GET", f"/domains/{domain}/aliases/{number}")
        yield self._send("PUT", f"/domains/{domain}/aliases/{number}", body={"alias": "renamed"})
        items = [{"alias": name, "forward": mail("a")} for name in ("good", "info", "renamed")]
        yield self._send("POST", f"/domains/{domain}/aliases/batch", body={"aliases": items})
        for value in (None, ""):
            yield self._send("PUT", f"/domains/{domain}", body={"notification_email": value})
        yield self._send("DELETE", f"/domains/{domain}")

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any
    ) -> tuple[str, Answer]:
        answer = self._site.service.ask(method, path, query=query or None, body=body)
        asked = "&".join(f"{name}={value}" for name, value in query.items() if name == "limit")
        said = f"{method} /v4{path}" + (f"?{asked}" if asked else "")
        cursor = next((name for name in query if name.endswith("cursor")), "")
        said += f" with {cursor}" if cursor else ""
        return said + (f" {json.dumps(body)}" if body else ""), answer

    def form(self, answer: Answer) -> str:
        text = json.dumps(self._anonymized(answer.body), ensure_ascii=False)
        return text if len(text) <= LONGEST else text[:LONGEST] + "..."

    def _anonymized(self, value: Any, depth: int = 8) -> Any:
        """A value in which everything that could be private is replaced with its type."""
        if isinstance(value, dict) and depth:
            return {name: self._anonymized(inner, depth - 1) for name, inner in value.items()}
        if isinstance(value, list) and depth:
            return [self._anonymized(inner, depth - 1) for inner in value[:2]]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, str):
            parts = value.lower().split(",")
            return value if all(part.strip() in self._kept for part in parts) else _kind(value)
        return "(number)"


def _kind(text: str) -> str:
    if text[:4].isdigit() and text[4:5] == "-":
        return "(time)"
    return "(digits)" if text.isdigit() else "(text)"


def _headers(answer: Answer) -> str:
    found = [name for name in REPORTED_HEADERS if name in answer.headers]
    return f", with {', '.join(found)}" if found else ""
