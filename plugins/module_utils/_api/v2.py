# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version 2 of the API, as originally documented: no pages, no batches, no settings of a domain."""

from __future__ import annotations

import sys
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Set

from .._http.replies import read_service_message
from .._model.dns_check import Check, mx_problem
from .._model.domains import Alias, Domain
from .base import MOST_READINGS, Api, Listing, alias_body


class ApiV2(Api):
    version = "v2"
    account_path = "/account/"

    def domains(self, query: str = "") -> Iterator[Domain]:
        yielded: Set[str] = set()
        for _dummy_reading in range(MOST_READINGS):
            listing = Listing()
            reply = self.call("GET", "/domains/", query={"q": query} if query else None)
            for text, thing in listing.add(reply, "domains", "domain"):
                if text not in yielded:
                    yielded.add(text)
                    yield reply.domain(thing)
            if not listing.problem:
                return
            query = ""  # the total may be that of all domains
        raise reply.bad(listing.problem)

    def domain(self, name: str) -> Optional[Domain]:
        reply = self.find("/domains/{}", name)
        return reply.the_domain(name) if reply else None

    def complete(self, domain: Domain) -> Domain:
        return domain

    def create_domain(self, name: str, settings: Mapping[str, Optional[str]]) -> Domain:
        reply = self.call("POST", "/domains/", body={"domain": name})
        return reply.the_domain(name, sys.maxsize)  # or without any alias

    def delete_domain(self, name: str) -> None:
        self.call("DELETE", "/domains/{}", name)

    def create_aliases(self, domain: str, aliases: Sequence[Alias]) -> Dict[str, Optional[str]]:
        (alias,) = aliases
        reply = self.call("POST", "/domains/{}/aliases/", domain, body=alias_body(alias))
        return {alias.name: reply.alias_id()}

    def update_alias(self, domain: str, alias: Alias, repeatable: bool = True) -> None:
        path = ("/domains/{}/aliases/{}", domain, alias.name)
        self.call("PUT", *path, body={"forward": ",".join(alias.forward)}, repeatable=repeatable)

    def delete_alias(self, domain: str, alias: Alias, repeatable: bool = True) -> None:
        self.call("DELETE", "/domains/{}/aliases/{}", domain, alias.name, repeatable=repeatable)

    def logs(self, domain: str, alias: Optional[str] = None) -> Iterator[Mapping[str, Any]]:
        if alias is None:
            reply = self.call("GET", "/domains/{}/logs", domain)
        else:
            reply = self.call("GET", "/domains/{}/logs/{}", domain, alias)
        yield from reply.some("logs")

    def check_domain(self, name: str) -> Check:
        # A second check does no harm. "success" reports whether MX is correct.
        reply = self.send("POST", "/domains/{}/check", name, body={}, repeatable=True)
        valid, reason = reply.content.get("success"), reply.content.get("reason")
        if not isinstance(valid, bool):
            raise reply.bad("the reply does not state whether MX is correct")
        if valid:
            return Check(True, None)
        if "reason" not in reply.content and read_service_message(reply.content):
            raise self.refusal(reply)
        return Check(False, mx_problem(name, self.transport.quote(str(reason)) if reason else ""))

    def account(self) -> Dict[str, Any]:
        account = self.call("GET", self.account_path).account()
        key = self.call("GET", "/account/api/").content
        return {"account": account, "api_key": {name: key[name] for name in key if name != "token"}}
