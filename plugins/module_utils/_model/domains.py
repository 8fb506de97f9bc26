# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains and aliases: current and desired state. Pure.

The desired state of a domain, alias, rule or credential is called its wish, as in ``DomainWish``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .._errors import InputError
from .credentials import Credential, CredentialWish, read_credential, read_credentials
from .idna import parse_domain
from .names import alias_key, parse_alias, parse_email, parse_or_keep, parse_url
from .problems import Problems, forward_wish, join_place
from .rules import Rule, RuleWish, read_rule, read_rules

SETTINGS = ("notification_email", "webhook", "whitelabel")
LISTS = ("rules", "credentials")  # lists of a domain that require one request each
# The request that creates a domain accepts these. The webhook requires another request.
SETTINGS_AT_CREATION = ("notification_email", "whitelabel")


# --- Values ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alias:
    """An existing alias, or one after a plan. Empty ``forward``: its destinations are unknown."""

    name: str
    forward: Tuple[str, ...] = ()
    id: Optional[str] = None

    @property
    def key(self) -> str:
        return alias_key(self.name)


@dataclass(frozen=True)
class Domain:
    """A domain of the account. ``complete``: ``aliases`` contains every alias, not just the first ones.

    ``rules`` and ``credentials`` are None if they were not read.
    """

    name: str
    display: str = ""
    active: Optional[bool] = None
    added: Optional[str] = None
    settings: Mapping[str, Optional[str]] = field(default_factory=dict)
    aliases: Tuple[Alias, ...] = ()
    complete: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    rules: Optional[Tuple[Rule, ...]] = None
    credentials: Optional[Tuple[Credential, ...]] = None

    @property
    def routed_by_aliases(self) -> bool:
        return bool(self.details.get("routing_engine", "rules") != "rules")

    @property
    def routed_by_rules(self) -> bool:
        return bool(self.details.get("routing_engine") == "rules")

    def without_routing(self) -> Domain:
        """Return the domain without its routing engine."""
        details = {name: value for name, value in self.details.items() if name != "routing_engine"}
        return replace(self, details=details)


@dataclass(frozen=True)
class AliasWish:
    """The desired state of an alias. ``overwrite``: whether existing destinations may be replaced."""

    name: str
    forward: Tuple[str, ...] = ()
    present: bool = True
    overwrite: bool = True

    @property
    def key(self) -> str:
        return alias_key(self.name)


@dataclass(frozen=True)
class DomainWish:
    """The desired state of a domain. What is not mentioned is not managed.

    ``settings`` contains only the mentioned ones; None clears a setting. ``create``: create the domain if
    it does not exist.
    """

    name: str
    present: bool = True
    settings: Mapping[str, Optional[str]] = field(default_factory=dict)
    aliases: Tuple[AliasWish, ...] = ()
    purge_aliases: bool = False
    create: bool = True
    rules: Tuple[RuleWish, ...] = ()
    purge_rules: bool = False
    credentials: Tuple[CredentialWish, ...] = ()
    purge_credentials: bool = False

    @property
    def manages_rules(self) -> bool:
        return self.present and (bool(self.rules) or self.purge_rules)

    @property
    def manages_credentials(self) -> bool:
        return self.present and (bool(self.credentials) or self.purge_credentials)

    @property
    def wants_anything(self) -> bool:
        """Return whether an alias, rule or credential is desired."""
        things: Sequence[Any] = (*self.aliases, *self.rules, *self.credentials)
        return any(thing.present for thing in things)

    @property
    def passwords(self) -> List[str]:
        return [wish.password for wish in self.credentials if wish.password]


_SETTING_PARSERS: Mapping[str, Callable[[str], str]] = {
    "notification_email": parse_email,
    "webhook": parse_url,
    "whitelabel": parse_domain,
}


def read_setting(name: str, value: Optional[str]) -> Optional[str]:
    """Normalize a setting of the service. An empty value is returned as None."""
    return parse_or_keep(_SETTING_PARSERS[name], value) if value else None


# --- Wishes ---------------------------------------------------------------------------------------


def domain_wishes(
    items: Sequence[Mapping[str, Any]],
    supported: Sequence[str],
    version: str,
    places: Optional[Sequence[Tuple[str, str]]] = None,
) -> Tuple[DomainWish, ...]:
    """Parse the desired state of several domains, in the form of module arguments.

    ``supported``: what the API ``version`` can manage. ``places``: for each item its name in messages, and
    the prefix of its options. By default the items are those of the option ``domains``. Raises InputError.
    """
    problems = Problems()
    wishes = []
    owners: Dict[str, str] = {}
    for index, item in enumerate(items):
        place, prefix = places[index] if places else ("domains[%d]" % index, "")
        wish = _domain_wish(item, place, supported, version, problems, prefix)
        if wish is None:
            continue
        if wish.name in owners:
            problems.append("%s and %s are the same domain, %s" % (owners[wish.name], place, wish.name))
        owners.setdefault(wish.name, place)
        wishes.append(wish)
    problems.raise_if_any()
    return tuple(wishes)


def domain_wish(item: Mapping[str, Any], supported: Sequence[str], version: str) -> DomainWish:
    """Parse the desired state of one domain. Raises InputError."""
    problems = Problems()
    wish = _domain_wish(item, "", supported, version, problems)
    if problems or wish is None:
        raise InputError(problems)
    return wish


def domain_names(texts: Sequence[str]) -> Tuple[str, ...]:
    """Parse a list of domain names without duplicates. Raises InputError."""
    problems = Problems()
    positions: Dict[str, int] = {}
    for index, text in enumerate(texts):
        place = "domains[%d]" % index
        name = problems.read(place, text, parse_domain)
        if name in positions:
            problems.append("domains[%d] and %s are the same domain, %s" % (positions[name], place, name))
        elif name is not None:
            positions[name] = index
    problems.raise_if_any()
    return tuple(positions)


def alias_wish(item: Mapping[str, Any]) -> DomainWish:
    """Parse the desired state of one alias. The domain itself is not managed. Raises InputError."""
    return _single(item, "aliases", lambda name, problems: _alias_wish(item, name, "", problems))


def rule_wish(item: Mapping[str, Any]) -> DomainWish:
    """Parse the desired state of one rule, like ``alias_wish``."""
    return _single(item, "rules", lambda name, problems: read_rule(item, name, "", problems))


def credential_wish(item: Mapping[str, Any]) -> DomainWish:
    """Parse the desired state of one SMTP credential, like ``alias_wish``."""
    return _single(item, "credentials", lambda _name, problems: read_credential(item, "", problems))


def _single(
    item: Mapping[str, Any], things: str, read: Callable[[Optional[str], Problems], Any]
) -> DomainWish:
    problems = Problems()
    name = problems.read("domain", item["domain"], parse_domain)
    thing = read(name, problems)
    if problems or name is None or thing is None:
        raise InputError(problems)
    fields: Dict[str, Any] = {things: (thing,)}
    return DomainWish(name, create=False, **fields)


def _domain_wish(
    item: Mapping[str, Any],
    place: str,
    supported: Sequence[str],
    version: str,
    problems: Problems,
    prefix: str = "",
) -> Optional[DomainWish]:
    name = problems.read(join_place(place, "domain"), item["domain"], parse_domain)
    if name and name != place:
        place = "%s (%s)" % (place, name) if place else name
    place = "%s, %s" % (place, prefix) if prefix else place
    settings: Dict[str, Optional[str]] = {}
    for setting in SETTINGS:
        value = item.get(setting)
        if value is None:
            continue
        if setting not in supported:
            problems.append("%s: API %s can't manage it; v3 can" % (join_place(place, setting), version))
        elif not value.strip():
            settings[setting] = None
        else:
            settings[setting] = problems.read(join_place(place, setting), value, _SETTING_PARSERS[setting])
    aliases = _alias_wishes(item.get("aliases") or (), name, place, problems)
    for option in LISTS:
        if item.get(option) is not None and option not in supported:
            problems.append("%s: API %s can't manage it; v3 can" % (join_place(place, option), version))
    rules = read_rules(item.get("rules") or (), name, place, problems)
    credentials = read_credentials(item.get("credentials") or (), place, problems)
    present = item.get("state") != "absent"
    for option in ("aliases", *LISTS):
        if present and item.get("purge_" + option) and item.get(option) is None:
            # A list that is empty by mistake is null in YAML. It must not delete everything.
            problems.append(
                "%s: it requires %s, the list of what to keep; [] keeps nothing"
                % (join_place(place, "purge_" + option), option)
            )
    if name is None:
        return None
    return DomainWish(
        name=name,
        present=present,
        settings=settings,
        aliases=aliases,
        purge_aliases=bool(item.get("purge_aliases")),
        rules=rules,
        purge_rules=bool(item.get("purge_rules")),
        credentials=credentials,
        purge_credentials=bool(item.get("purge_credentials")),
    )


def _alias_wishes(
    items: Sequence[Mapping[str, Any]], domain: Optional[str], place: str, problems: Problems
) -> Tuple[AliasWish, ...]:
    wishes = []
    positions: Dict[str, int] = {}
    for index, item in enumerate(items):
        item_place = join_place(place, "aliases[%d]" % index)
        wish = _alias_wish(item, domain, item_place, problems)
        if wish is None:
            continue
        if wish.key in positions:
            problems.append(
                "%s and aliases[%d] are the same alias, %s"
                % (join_place(place, "aliases[%d]" % positions[wish.key]), index, wish.name)
            )
        positions.setdefault(wish.key, index)
        wishes.append(wish)
    return tuple(wishes)


def _alias_wish(
    item: Mapping[str, Any], domain: Optional[str], place: str, problems: Problems
) -> Optional[AliasWish]:
    name = problems.read(join_place(place, "alias"), item["alias"], parse_alias)
    place = "%s (%s)" % (place, name) if place and name else place
    if item.get("state") == "absent":
        return AliasWish(name, present=False) if name else None
    forward = forward_wish(item.get("forward") or (), domain, join_place(place, "forward"), problems)
    return AliasWish(name, forward, overwrite=item.get("overwrite", True)) if name else None
