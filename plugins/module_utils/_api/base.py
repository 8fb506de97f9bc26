# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service as methods: what all versions of its API share.

Replies are not trusted: what is missing or of another type is a BadReply that says so. Forms of which
the service's documentation leaves open which one comes are all accepted.
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

# Further fields of a domain that the service is known to return. Others are left out, so that the
# output of improvmx_domain_info stays valid input of improvmx_domains.
DETAILS = ("daily_quota", "dkim_selector", "banned", "strict_mxes", "routing_engine")


MOST_READINGS = 3  # of a list that shows less than it tells, or changes while it is read


class Api:
    """One account, seen through one version of the API. The subclasses know the paths."""

    version = ""
    manages: Tuple[str, ...] = ()  # the settings and lists of a domain that it can manage
    batch_limit = 1  # how many aliases one request can create
    account_path = "/account"
    has_limits = False

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    # --- The methods that versions differ in ------------------------------------------------------

    def domains(self, query: str = "") -> Iterator[Domain]:
        """Every domain of the account, or at least those whose name starts with ``query``."""
        raise NotImplementedError

    def domain(self, name: str) -> Optional[Domain]:
        """One domain; None when the account does not have it."""
        raise NotImplementedError

    def complete(self, domain: Domain) -> Domain:
        """The domain with every alias, where the service showed only the first ones."""
        raise NotImplementedError

    def create_domain(self, name: str, settings: Mapping[str, Optional[str]]) -> Domain:
        """Add a domain; return it with the catch-all that the service makes, or incomplete without it."""
        raise NotImplementedError

    def update_domain(self, name: str, settings: Mapping[str, Optional[str]]) -> None:
        """Set these settings, None clears one."""
        raise NotImplementedError

    def delete_domain(self, name: str) -> None:
        """Remove a domain and its aliases. One that is gone already is no error."""
        raise NotImplementedError

    def create_aliases(self, domain: str, aliases: Sequence[Alias]) -> Dict[str, Optional[str]]:
        """Add up to ``batch_limit`` aliases; return their ids by name.

        All, or an ApiError; where that is doubtful, some may have been made.
        """
        raise NotImplementedError

    def update_alias(self, domain: str, alias: Alias) -> None:
        """Give an alias these destinations. See ``is_mistakable`` for its id."""
        raise NotImplementedError

    def delete_alias(self, domain: str, alias: Alias) -> None:
        """Remove an alias. One that is gone already is no error. See ``is_mistakable`` for its id."""
        raise NotImplementedError

    def rules(self, domain: str) -> List[Rule]:
        """Every rule of a domain."""
        raise NotImplementedError

    def rule(self, domain: str, rule_id: str) -> Optional[Rule]:
        """One rule; None when the domain does not have it."""
        raise NotImplementedError

    def create_rule(self, domain: str, rule: Rule) -> Rule:
        """Add a rule; return it as the service made it."""
        raise NotImplementedError

    def update_rule(self, domain: str, before: Rule, after: Rule) -> None:
        """Make a rule that exists into another."""
        raise NotImplementedError

    def delete_rule(self, domain: str, rule_id: str) -> None:
        """Remove a rule. One that is gone already is no error."""
        raise NotImplementedError

    def credentials(self, domain: str) -> Optional[List[Credential]]:
        """The SMTP credentials of a domain; None when there is no such domain."""
        raise NotImplementedError

    def create_credential(self, domain: str, username: str, password: str) -> Tuple[Credential, bool]:
        """Add a credential; return it, and whether the service wants the DNS records checked anew."""
        raise NotImplementedError

    def set_password(self, domain: str, username: str, password: str) -> None:
        """Give a credential another password."""
        raise NotImplementedError

    def delete_credential(self, domain: str, username: str) -> None:
        """Remove a credential. One that is gone already is no error."""
        raise NotImplementedError

    def is_mistakable(self, name: str) -> bool:
        """Whether a path with this name of an alias could mean something else.

        Where it could, paths hold the id of an alias that has one, else always its name.
        """
        return False

    def alias(self, domain: str, alias: Alias) -> Optional[Alias]:
        """What the path means that would be used for this alias; None when it means nothing."""
        raise NotImplementedError

    def alias_limit(self) -> Optional[int]:
        """How many aliases a domain can have; None where that can't be found out."""
        return None

    def limits(self) -> Dict[str, int]:
        """What the account's plan allows, by name; only what the service tells."""
        return {}

    def count_domains(self) -> Optional[int]:
        """How many domains the account has; None where that can't be found out."""
        return None

    def count_aliases(self, domain: Domain) -> int:
        """How many aliases a domain has, in as few requests as that takes."""
        return len(self.complete(domain).aliases)

    def logs(self, domain: str, alias: Optional[str] = None) -> Iterator[Mapping[str, Any]]:
        """The log entries of a domain or of one alias, as the service gives them."""
        raise NotImplementedError

    def check_domain(self, name: str) -> Check:
        """Have the service check a domain's DNS records. If MX is right, the domain becomes active."""
        raise NotImplementedError

    def account(self) -> Dict[str, Any]:
        """The account and what else the version tells of it, as the service gives it, but no token."""
        raise NotImplementedError

    # --- One request ------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        template: str,
        *values: str,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
    ) -> Reply:
        """Send a request to a path of this version; return a reply that does not say no."""
        reply = self.ask(method, template, *values, query=query, body=body)
        if reply.content.get("success") is False:
            raise self.refusal(reply)
        return reply

    def ask(
        self,
        method: str,
        template: str,
        *values: str,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
        repeatable: Optional[bool] = None,
    ) -> Reply:
        """Send a request to a path of this version; return the reply, also where success is false."""
        template = "/%s%s" % (self.version, template)
        content = self.transport.request(
            method, template, values, query=query, body=body, repeatable=repeatable
        )
        return Reply(method, template.format(*values), content)

    def refusal(self, reply: Reply) -> Refused:
        """What a reply says that has success false."""
        words = self.transport.quote(read_service_message(reply.content))
        story = "the service answered 200, but without success%s" % (": " + words if words else "")
        return Refused(story, reply.method, reply.path, 200, words, doubtful=reply.method != "GET")

    def find(self, template: str, *values: str) -> Optional[Reply]:
        """Send a GET for one thing; None where the service does not have it."""
        try:
            return self.call("GET", template, *values)
        except Refused as error:
            if self.is_missing(error):
                return None
            raise

    def remove(self, template: str, *values: str) -> None:
        """Send a DELETE. A 404 means that the work is done: an earlier try may have done it."""
        try:
            self.call("DELETE", template, *values)
        except Refused as error:
            if not self.is_missing(error):
                raise

    def is_missing(self, error: Refused) -> bool:
        """Whether the service says that a thing does not exist. Raises ApiError where it knows nothing.

        Below a path of ``api_url`` that is too deep, nothing exists. So where it has one, and nothing has
        been found below it yet, the account is asked for, which always exists.
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
    """The JSON object of a reply, and the request that it belongs to, for what there is to complain."""

    def __init__(self, method: str, path: str, content: Any) -> None:
        self.method, self.path = method, path
        if not isinstance(content, dict):
            raise self.bad("the reply is not a JSON object")
        self.content: Dict[str, Any] = content

    def bad(self, story: str) -> BadReply:
        return BadReply(story, self.method, self.path, doubtful=self.method != "GET")

    def one(self, key: str) -> Dict[str, Any]:
        """The thing under a key, or the bare thing: the versions and methods differ in that."""
        thing = self.content.get(key)
        return thing if isinstance(thing, dict) else self.content

    def many(self, key: str) -> List[Dict[str, Any]]:
        things = self.content.get(key)
        if not isinstance(things, list) or not all(isinstance(thing, dict) for thing in things):
            raise self.bad('the reply has no list of objects under "%s"' % key)
        return things

    def some(self, key: str) -> List[Dict[str, Any]]:
        """The objects of a list under a key, where an odd one among them must not lose the others."""
        things = self.content.get(key)
        if not isinstance(things, list):
            raise self.bad('the reply has no list under "%s"' % key)
        return [thing for thing in things if isinstance(thing, dict)]

    def text(self, thing: Mapping[str, Any], key: str) -> str:
        value = thing.get(key)
        if not isinstance(value, str) or not value:
            raise self.bad('the reply has an object without a text under "%s"' % key)
        return value

    def name(self, thing: Mapping[str, Any], key: str) -> str:
        """The text that names a thing. A catch-all may come without one: the official client expects it."""
        return CATCH_ALL if (key, thing.get(key)) == ("alias", "") else self.text(thing, key)

    def account(self) -> Dict[str, Any]:
        account = {name: value for name, value in self.one("account").items() if name != "success"}
        if not account:
            raise self.bad("the reply does not describe the account")
        return account

    # --- Domains and aliases ----------------------------------------------------------------------

    def domain(self, thing: Mapping[str, Any], shows_at_most: Optional[int] = None) -> Domain:
        """Read a domain. Where it shows as many aliases as it ever shows, there may be more."""
        # Which of the two forms of a name comes under "domain" is not documented.
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
        """Read the reply as the domain that was asked for, and no other."""
        domain = self.domain(self.one("domain"), shows_at_most)
        if domain.name != name:
            raise self.bad("the reply is about %s instead of %s" % (quoted(domain.name), name))
        return domain

    def setting(self, thing: Mapping[str, Any], name: str) -> Optional[str]:
        value = thing.get(name)
        if value is not None and not isinstance(value, str):
            raise self.bad('the reply has a "%s" that is not a text' % name)
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
        """The id in the reply about one alias, if it holds one."""
        return read_id(self.one("alias"))


class Listing:
    """One reading of a list, and whether it showed as much as its total tells.

    A list without a total, or with one that is less than what is seen, is as long as it is.
    """

    def __init__(self) -> None:
        self.seen: Set[str] = set()
        self.total: Optional[int] = None
        self.shrank = False
        self.is_read = False  # another page would show nothing new, or come too late

    def add(self, reply: Reply, key: str, name: str) -> List[Tuple[str, Dict[str, Any]]]:
        """The things of the next page that were not on one before, with their names."""
        total = reply.content.get("total")
        if isinstance(total, int) and not isinstance(total, bool):
            # What is deleted between two pages moves another thing from the later to the earlier one.
            self.shrank = self.shrank or (self.total is not None and total < self.total)
            self.total = total
        named = [(reply.name(thing, name), thing) for thing in reply.many(key)]
        fresh = [(text, thing) for text, thing in named if text not in self.seen]
        self.seen.update(text for text, _thing in fresh)
        self.is_read = not fresh or self.shrank or len(self.seen) == self.total
        return fresh

    @property
    def problem(self) -> str:
        """What is wrong with it, empty for a whole list."""
        if self.shrank:
            return "the list changed while it was read, each of %d times" % MOST_READINGS
        if self.total is not None and len(self.seen) < self.total:
            return "the list shows %d of the %d entries that its total reports" % (len(self.seen), self.total)
        return ""


def read_id(thing: Mapping[str, Any]) -> Optional[str]:
    """The id of a thing, an integer in lists and a text in replies to a batch; None where it has none."""
    number = thing.get("id")
    usable = isinstance(number, (int, str)) and not isinstance(number, bool)
    return (str(number) or None) if usable else None


def read_created(thing: Mapping[str, Any]) -> Any:
    """When a thing came into being, in the service's form: newer replies call it ``created_at``."""
    return thing.get("created", thing.get("created_at"))


def alias_body(alias: Alias) -> Dict[str, str]:
    """The body of a request that creates an alias."""
    return {"alias": alias.name, "forward": ",".join(alias.forward)}


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))
