# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version 3 of the API: pages, batches, settings of a domain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .._errors import ApiError, BadReply, PartlyDone, Refused
from .._http.transport import Transport
from .._model.account import read_limits
from .._model.dns_check import Check, mx_is_valid, problems
from .._model.domains import LISTS, SETTINGS, Alias, Domain
from .._model.names import same_setting
from .base import MOST_READINGS, Api, Listing, Reply, alias_body, read_id
from .v3_credentials import CredentialsOfV3
from .v3_rules import RulesOfV3

_PAGE = 100  # the most that the service puts on a page of domains or of aliases
_MOST_PAGES = 1000  # ten times the size of the largest plan, in case a list does not end
_EMBEDDED = 200  # the most aliases inside a domain; the reply does not show that there are more
_INVALID_VALUE = (400, 409, 422)  # statuses that reject what was sent, not who sent it
_LOG_SEARCH = "search"  # in paths of logs, stands for all aliases instead of one
_RESERVED = ("batch", "bulk")  # in paths, stand for many aliases instead of one


class ApiV3(RulesOfV3, CredentialsOfV3, Api):
    version = "v3"
    manages = (*SETTINGS, *LISTS)
    batch_limit = 500
    has_limits = True

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._count: Optional[int] = None  # of the domains, once the whole list was read

    def domains(self, query: str = "") -> Iterator[Domain]:
        count = 0
        for reply, thing in self._pages("/domains", (), "domains", "domain", query):
            count += 1
            yield reply.domain(thing, _EMBEDDED)
        if not query:
            self._count = count

    def domain(self, name: str) -> Optional[Domain]:
        reply = self.find("/domains/{}", name)
        # Whether this reply is truncated like those of the list is not documented, so it is assumed.
        return reply.the_domain(name, _EMBEDDED) if reply else None

    def complete(self, domain: Domain) -> Domain:
        if domain.complete:
            return domain
        pages = self._pages("/domains/{}/aliases", (domain.name,), "aliases", "alias")
        aliases = tuple(reply.alias(thing) for reply, thing in pages)
        return replace(domain, aliases=aliases, complete=True)

    def _pages(
        self, template: str, values: Tuple[str, ...], key: str, name: str, query: str = ""
    ) -> Iterator[Tuple[Reply, Dict[str, Any]]]:
        """Yield all objects of a list, page by page, each once.

        A list that is shorter than its total is read again: an object that is not listed counts as
        missing, so it must be complete.
        """
        yielded: Set[str] = set()
        for _dummy_reading in range(MOST_READINGS):
            listing = Listing()
            while True:
                parameters: Dict[str, Any] = {"limit": _PAGE, "page": listing.page}
                if query:
                    parameters["q"] = query
                reply = self.call("GET", template, *values, query=parameters)
                for text, thing in listing.add(reply, key, name):
                    if text not in yielded:
                        yielded.add(text)
                        yield reply, thing
                if listing.is_read:
                    break
                if listing.keeps_changing:
                    raise reply.bad("the list kept changing while it was read")
                if listing.replies >= _MOST_PAGES:
                    raise reply.bad("the list has no end")
            if not listing.problem:
                return
            query = ""  # the total may be that of the whole list
        raise reply.bad(listing.problem)

    def create_domain(self, name: str, settings: Mapping[str, Optional[str]]) -> Domain:
        body = {"domain": name, **{key: value for key, value in settings.items() if value}}
        reply = self.call("POST", "/domains", body=body)
        return reply.the_domain(name, _EMBEDDED)

    def update_domain(self, name: str, settings: Mapping[str, Optional[str]]) -> None:
        # Whether null or an empty string clears a value is not documented. After a second try, it is
        # always doubtful what took effect, whatever the answer.
        try:
            stored = self._put_domain(name, settings)
        except Refused as error:
            if error.status != 400 or None not in settings.values():
                raise
            blanks = {key: value or "" for key, value in settings.items()}
            stored = self._put_domain(name, blanks, in_doubt=error.doubtful)
        uncleared = {key: "" for key, value in settings.items() if value is None and stored.get(key)}
        if uncleared:
            stored = {**stored, **self._put_domain(name, uncleared, in_doubt=True)}
        ignored = sorted(key for key in stored if not same_setting(stored[key], settings[key]))
        if ignored:
            cleared = set(ignored) <= set(uncleared)
            reason = "the service did not clear %s" if cleared else "the service did not apply %s"
            raise BadReply(
                reason % ", ".join(ignored),
                "PUT",
                "/v3/domains/" + name,
                doubtful=True,
            )

    def _put_domain(
        self, name: str, settings: Mapping[str, Optional[str]], in_doubt: bool = False
    ) -> Dict[str, Optional[str]]:
        """Set settings; return those in the reply. ``in_doubt``: an earlier try may have taken effect."""
        try:
            reply = self.call("PUT", "/domains/{}", name, body=settings)
            thing = reply.one("domain")
            return {key: reply.setting(thing, key) for key in settings if key in thing}
        except ApiError as error:
            # One of several settings can be rejected while others are applied.
            in_part = isinstance(error, Refused) and error.status in _INVALID_VALUE and len(settings) > 1
            error.doubtful = error.doubtful or in_doubt or in_part
            raise

    def delete_domain(self, name: str) -> None:
        self.call("DELETE", "/domains/{}", name)

    def create_aliases(self, domain: str, aliases: Sequence[Alias]) -> Dict[str, Optional[str]]:
        bodies = [alias_body(alias) for alias in aliases]
        if len(bodies) == 1:
            reply = self.call("POST", "/domains/{}/aliases", domain, body=bodies[0])
            return {aliases[0].name: reply.alias_id()}
        reply = self.call("POST", "/domains/{}/aliases/batch", domain, body={"aliases": bodies})
        added = {alias.key: alias.id for alias in map(reply.alias, reply.many("added"))}
        ids = {alias.name: added[alias.key] for alias in aliases if alias.key in added}
        failed = reply.content.get("failed")
        if failed or any(alias.name not in ids for alias in aliases):
            # The form of "failed" is not documented.
            message = self.transport.quote(str(failed or "no reason given"))
            reason = "the service did not add every alias of a batch: %s" % message
            raise PartlyDone(reason, "POST", reply.path, ids)
        return ids

    def update_alias(self, domain: str, alias: Alias, repeatable: bool = True) -> None:
        path = ("/domains/{}/aliases/{}", domain, _address(alias))
        self.call("PUT", *path, body={"forward": ",".join(alias.forward)}, repeatable=repeatable)

    def delete_alias(self, domain: str, alias: Alias, repeatable: bool = True) -> None:
        self.call("DELETE", "/domains/{}/aliases/{}", domain, _address(alias), repeatable=repeatable)

    def is_mistakable(self, name: str) -> bool:
        return name.isdecimal() or name.lower() in _RESERVED

    def alias(self, domain: str, alias: Alias) -> Optional[Alias]:
        reply = self.find("/domains/{}/aliases/{}", domain, _address(alias))
        return reply.alias(reply.one("alias")) if reply else None

    def alias_limit(self) -> Optional[int]:
        try:
            return self.limits().get("aliases")
        except ApiError:
            return None

    def limits(self) -> Dict[str, int]:
        return read_limits(self.call("GET", self.account_path).account())

    def count_domains(self) -> Optional[int]:
        if self._count is None:
            self._count = self._total("/domains")
        return self._count

    def count_aliases(self, domain: Domain) -> int:
        total = None if domain.complete else self._total("/domains/{}/aliases", domain.name)
        return super().count_aliases(domain) if total is None else total

    def _total(self, template: str, *values: str) -> Optional[int]:
        """Return the length of a list, as reported by the service."""
        total = self.call("GET", template, *values, query={"limit": 1, "page": 1}).content.get("total")
        return total if isinstance(total, int) and not isinstance(total, bool) else None

    def logs(self, domain: str, alias: Optional[str] = None) -> Iterator[Mapping[str, Any]]:
        template = "/domains/{}/logs" if alias is None else "/domains/{}/logs/{}"
        values = (domain,) if alias is None else (domain, self._address_of(domain, alias))
        seen: Set[str] = set()
        cursor: Optional[str] = None
        after_last_id: List[Dict[str, Any]] = []
        for _dummy_page in range(_MOST_PAGES):
            reply = self.call("GET", template, *values, query={"next_cursor": cursor} if cursor else None)
            entries = reply.some("logs")
            ids = [read_id(entry) for entry in entries]
            with_id = [index for index, number in enumerate(ids) if number]
            if not entries or (with_id and seen.issuperset(ids[index] or "" for index in with_id)):
                yield from after_last_id
                return
            if not with_id:
                yield from entries  # without an id, there is no next page
                return
            end = with_id[-1] + 1
            yield from (entry for entry, number in zip(entries[:end], ids) if number not in seen)
            after_last_id = entries[end:]  # the next page begins after the last id, and contains these again
            seen.update(ids[index] or "" for index in with_id)
            cursor = ids[end - 1]
        raise reply.bad("the log has no end")

    def _address_of(self, domain: str, name: str) -> str:
        """Return what identifies an alias in a path, from its name. Raises Refused if it does not exist."""
        if not (name.isdecimal() or name.lower() == _LOG_SEARCH):
            return name
        identified = self.alias(domain, Alias(name))
        if identified is None:
            return name
        if identified.name == name:
            return name if name.isdecimal() else identified.id or name
        pages = self._pages("/domains/{}/aliases", (domain,), "aliases", "alias")
        for alias in (reply.alias(thing) for reply, thing in pages):
            if alias.name == name:
                return alias.id or name
        path = "/v3/domains/%s/aliases" % domain
        raise Refused("the alias %s does not exist, only one with this id" % name, "GET", path, 404)

    def check_domain(self, name: str) -> Check:
        reply = self.call("GET", "/domains/{}/check", name)  # the only GET request that writes
        records = reply.one("records")
        valid = mx_is_valid(records)
        if valid is None:
            raise reply.bad("the reply does not state whether MX is correct")
        reason = "; ".join(self.transport.quote(problem) for problem in problems(name, records))
        return Check(valid, reason or None, records)

    def account(self) -> Dict[str, Any]:
        account = self.call("GET", self.account_path).account()
        try:
            whitelabels = self.call("GET", "/account/whitelabels").many("whitelabels")
        except Refused as error:
            # The key was accepted for the account, so the plan does not include whitelabels.
            if error.status not in (403, 404):
                raise
            whitelabels = []
        return {"account": account, "whitelabels": whitelabels}


def _address(alias: Alias) -> str:
    """Return what identifies an alias in a path: its id if set, else its name."""
    return alias.id or alias.name
