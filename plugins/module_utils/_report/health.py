# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The health of an account: the outcome of its mail, counted mail by mail. Pure.

No log entry is kept. A log is as long as strangers make it, so what is counted apart has a bound as well:
beyond it, mails are counted together.
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

# What became of a mail, as the latest event of it says.
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
STEP = 900  # seconds: every zone of the world differs from UTC by whole quarters of an hour
_MOST_GROUPS = 300  # of a domain
_MOST_EXAMPLES = 3  # of a group: its newest mails
_MOST_RECIPIENTS = 10  # of a group, by name
# What servers put into their messages that belongs to one mail only, which makes equal reasons differ.
_OF_ONE_MAIL = re.compile(r"[0-9a-z._-]*[0-9][0-9a-z._-]{7,}|<[^>]*>", re.IGNORECASE)
_TOGETHER = ""  # the key of what is beyond the bound

# Without the memory of it: names that strangers make up are not asked for twice.
_key = alias_key.__wrapped__
_Scrub = Callable[[str], str]
_Key = TypeVar("_Key")


class Mail(NamedTuple):
    """The fields of a log entry that a report shows, fit to be shown. Missing fields are empty."""

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
    """Mails that came to the same end for the same reason, read newest first."""

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
        """Add what another domain has of the same. The reason of the newest mail counts."""
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


GroupKey = Tuple[str, str, str]  # destination, status, and the reason without what is of one mail only


def _newest(mail: Mail) -> float:
    return -mail.created.timestamp() if mail.created else 0.0


class Tally:
    """The mail of one domain, counted entry by entry.

    ``scrub`` takes secrets out of a text, should the service ever repeat one.
    """

    def __init__(self, domain: Domain, scrub: _Scrub = str) -> None:
        self.domain = domain
        self.outcomes: Counter[str] = Counter()
        self.times: Dict[int, Counter[str]] = {}  # by quarters of an hour since 1970
        self.without_time = 0
        self.newest: Optional[datetime] = None
        self.groups: Dict[GroupKey, Group] = {}
        self.addresses: Dict[str, Group] = {}  # to which mail came, and which no alias accepts
        self.of_aliases: Dict[str, Counter[str]] = {}  # by the key of an alias
        self.unassigned = 0  # mails of which it is not known which alias took them
        self.without_recipient = 0
        self._scrub = scrub
        self._aliases = _Aliases(domain)

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    def add(self, entry: Mapping[str, Any], whole: bool = True) -> Mail:
        """Count an entry. Without ``whole``, only what is counted is read of mail that arrived."""
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
            key = (_TOGETHER, mail.status.upper(), _TOGETHER)
            return self.groups.setdefault(key, Group(mail.status, "", "", ""))
        return self.groups.setdefault(key, Group(mail.status, mail.destination, mail.code, mail.reason))

    def _address(self, mail: Mail) -> Group:
        key = mail.recipient.lower()
        if key not in self.addresses and len(self.addresses) >= _MOST_GROUPS:
            return self.addresses.setdefault(_TOGETHER, Group(mail.status, "", "", ""))
        return self.addresses.setdefault(key, Group(mail.status, mail.recipient, mail.code, mail.reason))


class _Aliases:
    """The aliases of a domain, asked which of them takes a mail.

    Expressions are not evaluated: strangers choose the addresses, and some expressions take forever over the
    wrong one. If only an expression could have accepted a mail, its destination decides.
    """

    def __init__(self, domain: Domain) -> None:
        self._known = domain.complete and not domain.routed_by_rules
        self._named = {alias.key: alias for alias in domain.aliases if not is_pattern(alias.name)}
        self._patterns = [alias for alias in domain.aliases if is_pattern(alias.name)]
        self._last: Tuple[Tuple[str, str], Tuple[Optional[str], bool]] = (("", ""), (None, False))

    def accepted_by(self, recipient: str, destination: str) -> Tuple[Optional[str], bool]:
        """The alias that takes mail to an address, None for none or for one not known; whether it is sure."""
        if not self._known or "@" not in recipient:
            return None, False
        asked = (recipient, destination)
        if self._last[0] != asked:
            self._last = (asked, self._find(recipient.rpartition("@")[0], destination))
        return self._last[1]

    def _find(self, local: str, destination: str) -> Tuple[Optional[str], bool]:
        # What stands behind a plus sign is for whoever gets the mail.
        for name in (local, local.partition("+")[0]):
            named = self._named.get(_key(name))
            if named:
                return named.name, True
        if not self._patterns:
            return None, True
        if len(self._patterns) == 1 and self._patterns[0].name == CATCH_ALL:
            return CATCH_ALL, True
        fitting = [alias.name for alias in self._patterns if _goes_to(alias, destination)]
        return (fitting[0], True) if len(fitting) == 1 else (None, False)


def _goes_to(alias: Alias, destination: str) -> bool:
    return bool(destination) and destination.lower() in (plain(each).lower() for each in alias.forward)


@dataclass
class DomainHealth:
    """What is known of one domain. None: it was not looked for, or could not be read."""

    domain: Domain
    tally: Tally
    missing: bool = False  # the account has no such domain
    rules: Optional[int] = None
    valid: Optional[bool] = None  # MX, where DNS was checked
    dns: Optional[str] = None  # what is wrong with DNS, as text
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
    """A time in data; None where it is not known."""
    return iso_utc(value) if value else None
