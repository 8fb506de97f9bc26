# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The health of an account: the outcomes of its mail, counted mail by mail. Pure.

Log entries are not stored. Anyone can cause log entries by sending mail, so the number of groups is limited:
beyond the limit, mails are counted together.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, TypeVar

from .._model.domains import Alias, Domain
from .._model.logs import events_of, latest_event, received_at
from .._model.names import CATCH_ALL, alias_key, is_pattern
from .._model.time import iso_utc
from .foreign import plain

# The outcome of a mail, from its latest event.
DELIVERED, WAITING, UNDELIVERED, NO_ALIAS, UNKNOWN = OUTCOMES = (
    "delivered",
    "waiting",
    "undelivered",
    "no_alias",
    "unknown",
)
_OUTCOME_OF: Mapping[str, str] = {
    "DELIVERED": DELIVERED,
    "QUEUED": WAITING,
    "REFUSED": UNDELIVERED,
    "SOFT-BOUNCE": UNDELIVERED,
    "HARD-BOUNCE": UNDELIVERED,
    "DEFERRED": UNDELIVERED,
    "BOUNCED": UNDELIVERED,
}
STEP = 900  # seconds: every time zone differs from UTC by a multiple of 15 minutes
_MOST_GROUPS = 300  # of a domain
_MOST_EXAMPLES = 3  # of a group: its newest mails
_MOST_RECIPIENTS = 10  # of a group, by name
# Parts of the messages of mail servers that belong to one mail only and make equal reasons differ.
_OF_ONE_MAIL = re.compile(r"[0-9a-z._-]*[0-9][0-9a-z._-]{7,}|<[^>]*>", re.IGNORECASE)
_OTHERS = ""  # the key of everything beyond the limit

# Without its cache: invented names are rarely used twice.
_key = alias_key.__wrapped__
_Scrub = Callable[[str], str]
_Key = TypeVar("_Key")


class Mail(NamedTuple):
    """The fields of a log entry in a report, safe to display. Missing fields are empty."""

    created: Optional[datetime]
    outcome: str
    status: str
    code: str
    reason: str
    recipient: str
    alias: Optional[str]
    destination: str
    sender: str
    sender_name: str
    subject: str
    message_id: str


@dataclass
class Group:
    """Mails with the same outcome and the same reason, added newest first."""

    status: str
    destination: str
    code: str
    reason: str
    count: int = 0
    first: Optional[datetime] = None
    last: Optional[datetime] = None
    recipients: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    examples: List[Mail] = field(default_factory=list)

    def add(self, mail: Mail, domain: str) -> None:
        self.count += 1
        self.domains[domain] += 1
        self.add_time(mail.created)
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(mail)
        if mail.recipient and (mail.recipient in self.recipients or len(self.recipients) < _MOST_RECIPIENTS):
            self.recipients[mail.recipient] += 1

    def add_time(self, moment: Optional[datetime]) -> None:
        if moment is not None:
            self.first = moment if self.first is None else min(self.first, moment)
            self.last = moment if self.last is None else max(self.last, moment)

    def merge(self, other: Group) -> None:
        """Add an equal group of another domain. The reason of the newest mail is kept."""
        if other.last and (self.last is None or other.last > self.last):
            self.code, self.reason = other.code, other.reason
        self.count += other.count
        self.domains.update(other.domains)
        self.add_time(other.first)
        self.add_time(other.last)
        self.examples = sorted(self.examples + other.examples, key=_newest)[:_MOST_EXAMPLES]
        for name, count in other.recipients.items():
            if name in self.recipients or len(self.recipients) < _MOST_RECIPIENTS:
                self.recipients[name] += count


def _count(counters: Dict[_Key, Counter[str]], key: _Key, outcome: str) -> None:
    if key not in counters:
        counters[key] = Counter()
    counters[key][outcome] += 1


GroupKey = Tuple[
    str, str, str
]  # destination, status, and the reason without the parts that belong to one mail only


def _newest(mail: Mail) -> float:
    return -mail.created.timestamp() if mail.created else 0.0


class Tally:
    """The mail of one domain, counted entry by entry.

    ``scrub`` removes secrets from a text, in case the service repeats one.
    """

    def __init__(self, domain: Domain, scrub: _Scrub = str) -> None:
        self.domain = domain
        self.outcomes: Counter[str] = Counter()
        self.times: Dict[int, Counter[str]] = {}  # by quarters of an hour since 1970
        self.without_time = 0
        self.newest: Optional[datetime] = None
        self.groups: Dict[GroupKey, Group] = {}
        self.addresses: Dict[str, Group] = {}  # that received mail and that no alias accepts
        self.of_aliases: Dict[str, Counter[str]] = {}  # by the key of an alias
        self.unassigned = 0  # mails for which the accepting alias is unknown
        self.without_recipient = 0
        self._scrub = scrub
        self._aliases = _Aliases(domain)

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    def add(self, entry: Mapping[str, Any], whole: bool = True) -> Mail:
        """Count an entry. Without ``whole``, only the counted fields of delivered mail are read."""
        mail = self._read(entry, whole)
        self.outcomes[mail.outcome] += 1
        if mail.created is None:
            self.without_time += 1
        else:
            _count(self.times, int(mail.created.timestamp() // STEP), mail.outcome)
            self.newest = mail.created if self.newest is None else max(self.newest, mail.created)
        if mail.alias is not None:
            _count(self.of_aliases, alias_key(mail.alias), mail.outcome)
        elif mail.outcome != NO_ALIAS:
            self.unassigned += 1
            self.without_recipient += not mail.recipient
        if mail.outcome == UNDELIVERED:
            self._group(mail).add(mail, self.domain.name)
        elif mail.outcome == NO_ALIAS:
            self._address(mail).add(mail, self.domain.name)
        return mail

    def _read(self, entry: Mapping[str, Any], whole: bool) -> Mail:
        event = latest_event(events_of(entry))
        status = self._text(event.get("status"), 40)
        outcome = _OUTCOME_OF.get(status.upper(), UNKNOWN)
        recipient = self._address_of(entry.get("recipient"))
        forward = self._address_of(entry.get("forward"))
        alias, is_sure = self._aliases.accepted_by(recipient, forward)
        if outcome == UNDELIVERED and alias is None and is_sure and recipient and not forward:
            outcome = NO_ALIAS
        created = received_at(entry)
        if not whole and outcome not in (UNDELIVERED, NO_ALIAS):
            return Mail(created, outcome, status, "", "", recipient, alias, forward, "", "", "", "")
        reached = self._address_of(event.get("recipient"))
        code = event.get("code")
        sender = entry.get("sender")
        return Mail(
            created=created,
            outcome=outcome,
            status=status,
            code=str(code) if isinstance(code, int) and not isinstance(code, bool) else self._text(code, 20),
            reason=self._text(event.get("message")),
            recipient=recipient,
            alias=alias,
            destination=forward if forward or reached == recipient else reached,
            sender=self._address_of(sender),
            sender_name=self._text(sender.get("name")) if isinstance(sender, dict) else "",
            subject=self._text(entry.get("subject")),
            message_id=self._text(entry.get("messageId", entry.get("message_id"))),
        )

    def _text(self, value: Any, longest: int = 300) -> str:
        return plain(self._scrub(value), longest) if isinstance(value, str) and value else ""

    def _address_of(self, person: Any) -> str:
        return self._text(person.get("email") if isinstance(person, dict) else person)

    def _group(self, mail: Mail) -> Group:
        text = _OF_ONE_MAIL.sub("", mail.reason).lower()
        key = (mail.destination.lower(), mail.status.upper(), text)
        if key not in self.groups and len(self.groups) >= _MOST_GROUPS:
            key = (_OTHERS, mail.status.upper(), _OTHERS)
            return self.groups.setdefault(key, Group(mail.status, "", "", ""))
        return self.groups.setdefault(key, Group(mail.status, mail.destination, mail.code, mail.reason))

    def _address(self, mail: Mail) -> Group:
        key = mail.recipient.lower()
        if key not in self.addresses and len(self.addresses) >= _MOST_GROUPS:
            return self.addresses.setdefault(_OTHERS, Group(mail.status, "", "", ""))
        return self.addresses.setdefault(key, Group(mail.status, mail.recipient, mail.code, mail.reason))


class _Aliases:
    """Finds the alias of a domain that accepted a mail.

    Expressions are not evaluated: senders choose the addresses, and some expressions would not finish for
    certain addresses. If only an expression could have accepted a mail, its destination decides.
    """

    def __init__(self, domain: Domain) -> None:
        self._known = domain.complete and not domain.routed_by_rules
        self._named = {alias.key: alias for alias in domain.aliases if not is_pattern(alias.name)}
        self._patterns = [alias for alias in domain.aliases if is_pattern(alias.name)]
        self._last: Tuple[Tuple[str, str], Tuple[Optional[str], bool]] = (("", ""), (None, False))

    def accepted_by(self, recipient: str, destination: str) -> Tuple[Optional[str], bool]:
        """Return the alias that accepts mail to an address, None if none or unknown; and if it is certain."""
        if not self._known or "@" not in recipient:
            return None, False
        query = (recipient, destination)
        if self._last[0] != query:
            self._last = (query, self._find(recipient.rpartition("@")[0], destination))
        return self._last[1]

    def _find(self, local: str, destination: str) -> Tuple[Optional[str], bool]:
        # The text after a plus sign does not select the alias.
        for name in (local, local.partition("+")[0]):
            named = self._named.get(_key(name))
            if named:
                return named.name, True
        if not self._patterns:
            return None, True
        if len(self._patterns) == 1 and self._patterns[0].name == CATCH_ALL:
            return CATCH_ALL, True
        matching = [alias.name for alias in self._patterns if _goes_to(alias, destination)]
        return (matching[0], True) if len(matching) == 1 else (None, False)


def _goes_to(alias: Alias, destination: str) -> bool:
    return bool(destination) and destination.lower() in (plain(each).lower() for each in alias.forward)


@dataclass
class DomainHealth:
    """What is known about one domain. None: not requested, or it could not be read."""

    domain: Domain
    tally: Tally
    missing: bool = False  # it does not exist in the account
    rules: Optional[int] = None
    valid: Optional[bool] = None  # MX is correct, if DNS was checked
    dns: Optional[str] = None  # the problems of DNS records
    checked: bool = False
    activated: bool = False  # by the check
    problems: List[str] = field(default_factory=list)  # what could not be read, and why
    log_read: bool = False

    @property
    def mail(self) -> Dict[str, int]:
        return counts(self.tally.outcomes)


def counts(outcomes: Mapping[str, int]) -> Dict[str, int]:
    return {
        "total": sum(outcomes.values()),
        **{outcome: outcomes.get(outcome, 0) for outcome in OUTCOMES},
    }


def moment(value: Optional[datetime]) -> Optional[str]:
    """Format a time for the data; None if unknown."""
    return iso_utc(value) if value else None
