# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API of the service as methods: what all versions share.

Replies are validated: a missing field or a wrong type raises BadReply. If the documentation of the service
does not state which form a reply has, all possible forms are accepted.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .._errors import BadReply, Refused
from .._http.replies import read_service_message
from .._http.transport import Transport
from .._model.credentials import Credential
from .._model.dns_check import Check
from .._model.domains import SETTINGS, Alias, Domain, read_setting
from .._model.idna import display_domain
from .._model.names import CATCH_ALL, read_domain, read_forward
from .._model.rules import Rule
from .._model.text import quoted
from .._model.time import read_iso_utc

# Further fields of a domain that the service is known to return. Others are omitted, to keep the output of
# improvmx_domain_info valid as input of improvmx_domains.
DETAILS = ("daily_quota", "dkim_selector", "banned", "strict_mxes", "routing_engine")


MOST_READINGS = 3  # of a list that is incomplete; a list that changes may take as many pages


class Api:
    """One account, accessed through one version of the API. The subclasses define the paths."""

    version = ""
    manages: Tuple[str, ...] = ()  # the settings and lists of a domain that it can manage
    batch_limit = 1  # the number of aliases that one request can create
    account_path = "/account"
    has_limits = False

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    # --- Methods that differ between versions -----------------------------------------------------

    def domains(self, query: str = "") -> Iterator[Domain]:
        """Yield every domain of the account, or at least those whose name starts with ``query``."""
        raise NotImplementedError

    def domain(self, name: str) -> Optional[Domain]:
        """Return one domain; None if it does not exist in the account."""
        raise NotImplementedError

    def complete(self, domain: Domain) -> Domain:
        """Return the domain with every alias; a reply about a domain may contain only the first ones."""
        raise NotImplementedError

    def create_domain(self, name: str, settings: Mapping[str, Optional[str]]) -> Domain:
        """Create a domain; return it with the catch-all that the service creates, or incomplete."""
        raise NotImplementedError

    def update_domain(self, name: str, settings: Mapping[str, Optional[str]]) -> None:
        """Set these settings; None clears a setting."""
        raise NotImplementedError

    def delete_domain(self, name: str) -> None:
        """Delete a domain and its aliases. Like all deletions, it raises Refused if nothing is there."""
        raise NotImplementedError

    def create_aliases(self, domain: str, aliases: Sequence[Alias]) -> Dict[str, Optional[str]]:
        """Create up to ``batch_limit`` aliases; return their ids by name.

        Raises ApiError unless all were created. If the error is doubtful, some may have been created.
        """
        raise NotImplementedError

    def update_alias(self, domain: str, alias: Alias, repeatable: bool = True) -> None:
        """Set the destinations of an alias. See ``is_mistakable`` for its id.

        ``repeatable``: whether the request may be sent again if its answer is lost.
        """
        raise NotImplementedError

    def delete_alias(self, domain: str, alias: Alias, repeatable: bool = True) -> None:
        """Delete an alias. Parameters as in ``update_alias``."""
        raise NotImplementedError

    def rules(self, domain: str) -> List[Rule]:
        """Return every rule of a domain."""
        raise NotImplementedError

    def rule(self, domain: str, rule_id: str) -> Optional[Rule]:
        """Return one rule; None if it does not exist."""
        raise NotImplementedError

    def create_rule(self, domain: str, rule: Rule) -> Rule:
        """Create a rule; return it as the service created it."""
        raise NotImplementedError

    def update_rule(self, domain: str, before: Rule, after: Rule) -> None:
        """Change an existing rule."""
        raise NotImplementedError

    def delete_rule(self, domain: str, rule_id: str) -> None:
        """Delete a rule."""
        raise NotImplementedError

    def credentials(self, domain: str) -> Optional[List[Credential]]:
        """Return the SMTP credentials of a domain; None if the domain does not exist."""
        raise NotImplementedError

    def create_credential(self, domain: str, username: str, password: str) -> Tuple[Credential, bool]:
        """Create a credential; return it, and whether the service requires a new check of the DNS records."""
        raise NotImplementedError

    def set_password(self, domain: str, username: str, password: str) -> None:
        """Set the password of a credential."""
        raise NotImplementedError

    def delete_credential(self, domain: str, username: str) -> None:
        """Delete a credential."""
        raise NotImplementedError

    def is_mistakable(self, name: str) -> bool:
        """Return whether a path with this alias name could identify something else.

        If so, the path contains the id of the alias, if it has one; otherwise always its name.
        """
        return False

    def alias(self, domain: str, alias: Alias) -> Optional[Alias]:
        """Return the alias that the path for this alias identifies; None if there is none."""
        raise NotImplementedError

    def alias_limit(self) -> Optional[int]:
        """Return the maximum number of aliases of a domain; None if unknown."""
        return None

    def limits(self) -> Dict[str, int]:
        """Return the limits of the account by name, as far as the service reports them."""
        return {}

    def count_domains(self) -> Optional[int]:
        """Return the number of domains of the account; None if unknown."""
        return None

    def count_aliases(self, domain: Domain) -> int:
        """Return the number of aliases of a domain, with as few requests as possible."""
        return len(self.complete(domain).aliases)

    def logs(self, domain: str, alias: Optional[str] = None) -> Iterator[Mapping[str, Any]]:
        """Yield the log entries of a domain or of one alias, as the service returns them."""
        raise NotImplementedError

    def check_domain(self, name: str) -> Check:
        """Check the DNS records of a domain by the service. If MX is correct, the domain becomes active."""
        raise NotImplementedError

    def account(self) -> Dict[str, Any]:
        """Return the account and related objects as the service returns them, without tokens."""
        raise NotImplementedError

    # --- One request ------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        template: str,
        *values: str,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
        repeatable: Optional[bool] = None,
    ) -> Reply:
        """Send a request to a path of this version; return the reply. Raises Refused if success is false."""
        reply = self.send(method, template, *values, query=query, body=body, repeatable=repeatable)
        if reply.content.get("success") is False:
            raise self.refusal(reply)
        return reply

    def send(
        self,
        method: str,
        template: str,
        *values: str,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
        repeatable: Optional[bool] = None,
    ) -> Reply:
        """Send a request to a path of this version; return the reply, even if success is false."""
        template = "/%s%s" % (self.version, template)
        content = self.transport.request(
            method, template, values, query=query, body=body, repeatable=repeatable
        )
        return Reply(method, template.format(*values), content)

    def refusal(self, reply: Reply) -> Refused:
        """Return the error for a reply with success false."""
        message = self.transport.quote(read_service_message(reply.content))
        reason = "the service answered 200, but without success%s" % (": " + message if message else "")
        return Refused(reason, reply.method, reply.path, 200, message, doubtful=reply.method != "GET")

    def find(self, template: str, *values: str) -> Optional[Reply]:
        """Send a GET request for one object; return None if it does not exist."""
        try:
            return self.call("GET", template, *values)
        except Refused as error:
            if self.is_missing(error):
                return None
            raise

    def is_missing(self, error: Refused) -> bool:
        """Return whether an error means that an object does not exist. Raises ApiError if that is unclear.

        With a wrong path in ``api_url``, nothing exists. So if ``api_url`` has a path, and nothing was
        found below it yet, the account is requested, which always exists.
        """
        if error.status != 404:
            return False
        if not self.transport.root_is_confirmed:
            try:
                self.call("GET", self.account_path)
            except Refused as fault:
                raise fault.extended("; check the path in api_url") from None
        return True


class Reply:
    """The JSON object of a reply, and its request, for error messages."""

    def __init__(self, method: str, path: str, content: Any) -> None:
        self.method, self.path = method, path
        if not isinstance(content, dict):
            raise self.bad("the reply is not a JSON object")
        self.content: Dict[str, Any] = content

    def bad(self, reason: str) -> BadReply:
        return BadReply(reason, self.method, self.path, doubtful=self.method != "GET")

    def one(self, key: str) -> Dict[str, Any]:
        """Return the object under a key, or the reply itself: versions and methods differ in that."""
        thing = self.content.get(key)
        return thing if isinstance(thing, dict) else self.content

    def many(self, key: str) -> List[Dict[str, Any]]:
        things = self.content.get(key)
        if not isinstance(things, list) or not all(isinstance(thing, dict) for thing in things):
            raise self.bad('the reply has no list of objects under "%s"' % key)
        return things

    def some(self, key: str) -> List[Dict[str, Any]]:
        """Return the objects of a list under a key. Items that are not objects are ignored."""
        things = self.content.get(key)
        if not isinstance(things, list):
            raise self.bad('the reply has no list under "%s"' % key)
        return [thing for thing in things if isinstance(thing, dict)]

    def text(self, thing: Mapping[str, Any], key: str) -> str:
        value = thing.get(key)
        if not isinstance(value, str) or not value:
            raise self.bad('the reply has an object without a string under "%s"' % key)
        return value

    def name(self, thing: Mapping[str, Any], key: str) -> str:
        """Return the name of an object. It can be empty for a catch-all: the official client handles this."""
        return CATCH_ALL if (key, thing.get(key)) == ("alias", "") else self.text(thing, key)

    def account(self) -> Dict[str, Any]:
        account = {name: value for name, value in self.one("account").items() if name != "success"}
        if not account:
            raise self.bad("the reply does not describe the account")
        return account

    # --- Domains and aliases ----------------------------------------------------------------------

    def domain(self, thing: Mapping[str, Any], shows_at_most: Optional[int] = None) -> Domain:
        """Read a domain. If it shows the maximum number of aliases, there may be more."""
        # Whether "domain" is in Unicode or an A-label is not documented.
        name = read_domain(self.text(thing, "domain"))
        aliases = thing.get("aliases")
        if aliases is None and shows_at_most is None:
            raise self.bad("the reply shows no aliases of %s" % quoted(name))
        if aliases is not None and not isinstance(aliases, list):
            raise self.bad("the reply's aliases of %s are not a list" % quoted(name))
        active = thing.get("active")
        return Domain(
            name,
            display=display_domain(name),
            active=active if isinstance(active, bool) else None,
            added=read_iso_utc(thing.get("added", read_created(thing))),
            settings={s: self.setting(thing, s) for s in SETTINGS if s in thing},
            aliases=tuple(self.alias(alias) for alias in aliases or ()),
            complete=aliases is not None and (shows_at_most is None or len(aliases) < shows_at_most),
            details={key: thing[key] for key in DETAILS if _is_plain(thing.get(key))},
        )

    def the_domain(self, name: str, shows_at_most: Optional[int] = None) -> Domain:
        """Read the reply as the requested domain. Raises BadReply for any other."""
        domain = self.domain(self.one("domain"), shows_at_most)
        if domain.name != name:
            raise self.bad("the reply is about %s instead of %s" % (quoted(domain.name), name))
        return domain

    def setting(self, thing: Mapping[str, Any], name: str) -> Optional[str]:
        value = thing.get(name)
        if value is not None and not isinstance(value, str):
            raise self.bad('the reply has a "%s" that is not a string' % name)
        return read_setting(name, value)

    def alias(self, thing: Any) -> Alias:
        if not isinstance(thing, dict):
            raise self.bad("the reply has an alias that is not an object")
        return Alias(self.name(thing, "alias"), self.forward(thing), id=read_id(thing))

    def forward(self, thing: Mapping[str, Any]) -> Tuple[str, ...]:
        forward = thing.get("forward")
        items = [forward] if isinstance(forward, str) else [] if forward is None else forward
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise self.bad('the reply has an unknown form of "forward"')
        return read_forward(items)

    def alias_id(self) -> Optional[str]:
        """Return the id in the reply about one alias, if any."""
        return read_id(self.one("alias"))


class Listing:
    """One reading of a list, page by page, while others may add and delete entries.

    After a deletion, the entries behind it move forward, some of them to a page that was read before. The
    totals in the replies show how many, so the reading goes back as far as these can have moved. At its
    end, every entry was seen that existed from its start to its end. Entries that move without a change of
    the total, because others were added and deleted between two replies, are not noticed.

    ``page``: the next page to read. ``is_read``: no other page is needed. ``replies``: the number of replies.
    """

    def __init__(self) -> None:
        self.page = 1
        self.is_read = False
        self.replies = 0
        self._seen: Set[str] = set()
        self._size = 0  # of a page
        self._total: Optional[int] = None  # as last reported
        self._least = 0  # the smallest total
        self._total_is_wrong = False  # there is an entry beyond it
        self._deleted = 0  # the number of entries since the start
        # Positions in the list: everything before ``_known`` was seen, and so was the range ``_ahead``.
        # After page 2 of a list from which one entry was deleted since page 1, these are 99 and (100, 200).
        self._known = 0
        self._ahead = (0, 0)
        self._furthest = 0  # where something was seen

    def add(self, reply: Reply, key: str, name: str) -> List[Tuple[str, Dict[str, Any]]]:
        """Add the reply about ``page``; return its objects that no earlier page contained, by name."""
        named = [(reply.name(thing, name), thing) for thing in reply.many(key)]
        new = [(text, thing) for text, thing in named if text not in self._seen]
        self._seen.update(text for text, _thing in new)
        self.replies += 1
        self._size = self._size or len(named)
        self._move(reply.content.get("total"))
        total = self._total or 0
        start, end = (self.page - 1) * self._size, self.page * self._size
        self._total_is_wrong = self._total_is_wrong or start + len(named) > total
        if start > self._known:
            self._ahead = (start, end)
            self.is_read = not named and start < total
        else:
            self._known = end
            self.is_read = not named or (not new and start >= self._furthest)
        if self._ahead[0] <= self._known:
            self._known = max(self._known, self._ahead[1])
        self._furthest = max(self._furthest, end)
        if self._known >= total and not self._total_is_wrong and not self.problem:
            self.is_read = True
        self.page = self._known // self._size + 1 if self._size else 1
        return new

    def _move(self, total: Any) -> None:
        """Take into account how far entries can have moved since the last reply."""
        if not isinstance(total, int) or isinstance(total, bool):
            return
        if self._total is None:
            self._least = self._total = total
        added, deleted = max(0, total - self._total), max(0, self._total - total)
        self._deleted += deleted
        self._known = max(0, self._known - deleted)
        self._ahead = (self._ahead[0] + added, self._ahead[1] - deleted)
        self._furthest += added
        self._total = total
        self._least = min(self._least, total)

    @property
    def keeps_changing(self) -> bool:
        """Whether the list moves so fast that most of what is read was seen before."""
        return self._deleted > 0 and self.replies * self._size > MOST_READINGS * (
            len(self._seen) + self._size
        )

    @property
    def problem(self) -> str:
        """What is wrong with the list; empty if it is complete.

        A list without a total, or with more entries than its total, is complete. What is added during the
        reading may be missing.
        """
        if len(self._seen) < self._least:
            shown = (len(self._seen), self._least)
            return "the list shows %d of the %d entries that its total reports" % shown
        return ""


def read_id(thing: Mapping[str, Any]) -> Optional[str]:
    """Return the id of an object: an integer in lists, a string in replies to a batch; None without one."""
    number = thing.get("id")
    usable = isinstance(number, (int, str)) and not isinstance(number, bool)
    return (str(number) or None) if usable else None


def read_created(thing: Mapping[str, Any]) -> Any:
    """Return when an object was created, unparsed. Newer replies name it ``created_at``."""
    return thing.get("created", thing.get("created_at"))


def alias_body(alias: Alias) -> Dict[str, str]:
    """Return the body of a request that creates an alias."""
    return {"alias": alias.name, "forward": ",".join(alias.forward)}


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))
