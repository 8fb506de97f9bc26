# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetch the current state, as far as it is needed, with as few requests as possible."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, TypeVar

from .._api.base import Api
from .._errors import Refused
from .._model.domains import LISTS, Domain, DomainWish
from .parallel import map_parallel

T = TypeVar("T")

_NO_WISH = DomainWish("")
_MOST_ATTEMPTS = 3  # to read a domain that others delete and create meanwhile


def read_wished(
    api: Api,
    wishes: Sequence[DomainWish],
    everything: bool = False,
    concurrency: int = 1,
    whole: bool = False,
) -> Dict[str, Domain]:
    """Read the domains of the wishes, by name; with ``everything``, all domains of the account.

    ``whole``: all domains of the account, and the complete contents of those with a wish.

    A single domain is read by name. Several are read from the list of domains, which takes fewer
    requests, and only up to the last one of them. Where each domain requires a request, up to
    ``concurrency`` domains are read at a time.
    """
    if not (everything or whole) and len(wishes) <= 1:
        found = {wish.name: read_domain(api, wish) for wish in wishes}
        return {name: domain for name, domain in found.items() if domain}
    by_name = {wish.name: wish for wish in wishes}
    domains = {
        domain.name: domain for domain in (api.domains() if everything or whole else _listed(api, by_name))
    }

    def read_rest(domain: Domain) -> Optional[Domain]:
        wish = by_name.get(domain.name)
        if whole and wish:
            return read_lists(api, domain)
        return _with_needed_details(api, domain, wish)

    if whole:
        incomplete = [domain for domain in domains.values() if everything or domain.name in by_name]
    else:
        incomplete = [
            domain for domain in domains.values() if _is_incomplete(domain, by_name.get(domain.name))
        ]
    for before, after in zip(incomplete, map_parallel(read_rest, incomplete, concurrency)):
        if after:
            domains[before.name] = after
        else:
            del domains[before.name]
    return domains


def read_named(api: Api, names: Sequence[str]) -> Dict[str, Domain]:
    """Read these domains, by name, with as few requests as possible and without further aliases."""
    if len(names) > 1:
        return {domain.name: domain for domain in _listed(api, names)}
    found = [api.domain(name) for name in names]
    return {domain.name: domain for domain in found if domain}


def _listed(api: Api, names: Iterable[str]) -> Iterator[Domain]:
    """Yield the domains with these names from the list of domains; stop at the last one."""
    missing = set(names)
    for domain in api.domains() if missing else ():
        if domain.name in missing:
            missing.remove(domain.name)
            yield domain
        if not missing:
            return


def read_domain(api: Api, wish: DomainWish) -> Optional[Domain]:
    """Read one domain, as far as its wish requires.

    If the wish contains only rules or credentials and does not manage the domain, the domain itself is
    not read.
    """
    if not wish.create and not wish.aliases and (wish.rules or wish.credentials):
        return _with_lists(api, Domain(wish.name), wish)
    domain = api.domain(wish.name)
    return _with_needed_details(api, domain, wish) if domain else None


def read_lists(api: Api, domain: Domain, lists: Sequence[str] = LISTS) -> Optional[Domain]:
    """Return a domain with every alias and these lists; None if it no longer exists.

    A domain that is known to be routed by aliases has no rules, so they require no request.
    """
    found = _completed(api, domain)
    if found and "rules" in lists and "rules" in api.manages:
        found = found if found.routed_by_aliases else _with_rules(api, found, _NO_WISH)
        found = replace(found, rules=found.rules or ()) if found else None
    if found and "credentials" in lists and "credentials" in api.manages:
        found = _with_credentials(api, found)
    return found


def read_account(api: Api, lists: Sequence[str], concurrency: int = 8) -> List[Domain]:
    """Read all domains with every alias, these lists, and rules if the domain is routed by rules."""

    def read_rest(domain: Domain) -> Optional[Domain]:
        return read_lists(api, domain, [*lists, *(["rules"] if domain.routed_by_rules else [])])

    domains = list(api.domains())
    return [domain for domain in map_parallel(read_rest, domains, concurrency) if domain]


def read_lists_of(
    api: Api, domains: Sequence[Domain], lists: Sequence[str], concurrency: int = 8
) -> List[Domain]:
    """Read these domains in parallel, with every alias and these lists; omit those that no longer exist."""
    found = map_parallel(lambda domain: read_lists(api, domain, lists), domains, concurrency)
    return [domain for domain in found if domain]


def _with_lists(api: Api, domain: Domain, wish: DomainWish) -> Optional[Domain]:
    """Return a domain with the rules and credentials that its wish manages; None if it no longer exists."""
    found: Optional[Domain] = domain
    if found and wish.manages_rules and not found.routed_by_aliases:
        found = _with_rules(api, found, wish)
    if found and wish.manages_credentials:
        found = _with_credentials(api, found)
    return found


def _with_credentials(api: Api, domain: Domain) -> Optional[Domain]:
    credentials = api.credentials(domain.name)
    return None if credentials is None else replace(domain, credentials=tuple(credentials))


def _with_rules(api: Api, domain: Domain, wish: DomainWish, attempt: int = 1) -> Optional[Domain]:
    """Return a domain with its rules, or without rules if it is routed by aliases.

    How the service answers a request for rules of such a domain is not documented.
    """
    try:
        if not wish.create and wish.rules and wish.rules[0].id is not None:  # the only rule that is needed
            rule = api.rule(domain.name, wish.rules[0].id)
            return replace(domain, rules=(rule,) if rule else ())
        return replace(domain, rules=tuple(api.rules(domain.name)))
    except Refused as error:
        if not wish.create and not wish.wants_anything and api.is_missing(error):
            return None
        if error.status == 401:
            raise
        current = api.domain(domain.name)
        if current is None:
            return None
        if error.status == 404 and attempt < _MOST_ATTEMPTS:  # it may have been recreated
            again = _completed(api, current) if domain.complete else current
            if again is None or again.routed_by_aliases:
                return again
            return _with_rules(api, again, wish, attempt + 1)
        if not current.routed_by_aliases:
            raise error
        if domain.complete and not current.complete and len(domain.aliases) >= len(current.aliases):
            # All were read before, and now only the first ones.
            return replace(current, aliases=domain.aliases, complete=True)
        return current


def read_selected(
    api: Api, name: Optional[str] = None, query: Optional[str] = None, active: Optional[bool] = None
) -> List[Domain]:
    """Read one domain, those whose name starts with ``query``, or all: sorted, with every alias.

    ``active``: only active domains, or only inactive ones.
    """
    if name is None:
        start = unicodedata.normalize("NFC", (query or "").strip().lower())
        # The filter of the service has meant both "starts with" and "contains", so the result is filtered
        # again. It supports A-labels only.
        found = [d for d in api.domains(start if start.isascii() else "") if _starts_with(d, start)]
    else:
        one = api.domain(name)
        found = [one] if one else []
    selected = (domain for domain in found if active is None or domain.active is active)
    return sorted(read_whole(api, selected), key=lambda domain: domain.name)


def read_whole(api: Api, domains: Iterable[Domain]) -> Iterator[Domain]:
    """Yield these domains with every alias; omit those that no longer exist."""
    for domain in domains:
        whole = _completed(api, domain)
        if whole:
            yield whole


def _completed(api: Api, domain: Domain) -> Optional[Domain]:
    """Return a domain with every alias; None if it was deleted after it was read."""
    return read_existing(api, domain, lambda current: current if current.complete else api.complete(current))


def read_existing(api: Api, domain: Domain, read: Callable[[Domain], T]) -> Optional[T]:
    """Return what ``read`` returns for a domain; None if the domain was deleted after it was read.

    After a 404 the domain is read again, as it may have been recreated.
    """
    current: Optional[Domain] = domain
    attempts = 0
    while current:
        attempts += 1
        try:
            return read(current)
        except Refused as error:
            if error.status != 404 or attempts == _MOST_ATTEMPTS:
                raise
        current = api.domain(domain.name)
    return None


def alias_counts(api: Api) -> Dict[str, int]:
    """Return the number of aliases of each domain of the account."""
    counts = {domain.name: read_existing(api, domain, api.count_aliases) for domain in api.domains()}
    return {name: count for name, count in counts.items() if count is not None}


def _starts_with(domain: Domain, start: str) -> bool:
    return domain.name.startswith(start) or domain.display.lower().startswith(start)


def _with_needed_details(api: Api, domain: Domain, wish: Optional[DomainWish]) -> Optional[Domain]:
    """Read what the domain does not include yet, if the plan could depend on it.

    Return None if the domain no longer exists.
    """
    found = _completed(api, domain) if _needs_aliases(domain, wish) else domain
    return _with_lists(api, found, wish) if found and wish else found


def _is_incomplete(domain: Domain, wish: Optional[DomainWish]) -> bool:
    if _needs_aliases(domain, wish):
        return True
    return wish is not None and (
        wish.manages_credentials or (wish.manages_rules and not domain.routed_by_aliases)
    )


def _needs_aliases(domain: Domain, wish: Optional[DomainWish]) -> bool:
    """Return whether more aliases have to be read.

    A domain without a wish will be deleted. Its aliases are counted and shown.
    """
    if domain.complete:
        return False
    if wish is None or not wish.present or wish.purge_aliases:
        return True
    known = {alias.key for alias in domain.aliases}
    return any(alias.key not in known for alias in wish.aliases)
