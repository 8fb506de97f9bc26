# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is there, as far as a wish or a question needs to know it, in as few requests as that takes."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Optional, Sequence

from .._api.base import Api
from .._errors import Refused
from .._model.domains import LISTS, Domain, DomainWish
from .parallel import map_parallel

_ALL_OF_IT = DomainWish("")
_MOST_LOOKS = 3  # at a domain that comes and goes while it is read


def read_wished(
    api: Api,
    wishes: Sequence[DomainWish],
    everything: bool = False,
    concurrency: int = 1,
    whole: bool = False,
) -> Dict[str, Domain]:
    """Read the domains that are wished for, by name; with ``everything``, all of the account.

    ``whole``: all of the account, and all that the domains hold which are wished for.

    One domain is asked for by name. More are taken from the account's list, which is shorter than
    asking for each, and is read no further than to the last one of them. What takes a request for each
    domain is read of ``concurrency`` domains at a time.
    """
    if not (everything or whole) and len(wishes) <= 1:
        found = {wish.name: read_domain(api, wish) for wish in wishes}
        return {name: domain for name, domain in found.items() if domain}
    by_name = {wish.name: wish for wish in wishes}
    known = {
        domain.name: domain for domain in (api.domains() if everything or whole else _listed(api, by_name))
    }

    def read_on(domain: Domain) -> Optional[Domain]:
        wish = by_name.get(domain.name)
        if whole and wish:
            return read_lists(api, domain)
        return _as_far_as_needed(api, domain, wish)

    if whole:
        lacking = [domain for domain in known.values() if everything or domain.name in by_name]
    else:
        lacking = [domain for domain in known.values() if _lacks(domain, by_name.get(domain.name))]
    for before, after in zip(lacking, map_parallel(read_on, lacking, concurrency)):
        if after:
            known[before.name] = after
        else:
            del known[before.name]
    return known


def read_named(api: Api, names: Sequence[str]) -> Dict[str, Domain]:
    """Read these domains, by name, in as few requests; of their aliases only what comes with them."""
    if len(names) > 1:
        return {domain.name: domain for domain in _listed(api, names)}
    found = [api.domain(name) for name in names]
    return {domain.name: domain for domain in found if domain}


def _listed(api: Api, names: Iterable[str]) -> Iterator[Domain]:
    """Those of the account's list that have one of the names; read no further than to the last one."""
    missing = set(names)
    for domain in api.domains() if missing else ():
        if domain.name in missing:
            missing.remove(domain.name)
            yield domain
        if not missing:
            return


def read_domain(api: Api, wish: DomainWish) -> Optional[Domain]:
    """Read one domain, as far as its wish needs to know it.

    Where it only wishes for rules or credentials of a domain that somebody else looks after, the domain
    itself is not read.
    """
    if not wish.create and not wish.aliases and (wish.rules or wish.credentials):
        return _with_lists(api, Domain(wish.name), wish)
    domain = api.domain(wish.name)
    return _as_far_as_needed(api, domain, wish) if domain else None


def read_lists(api: Api, domain: Domain, lists: Sequence[str] = LISTS) -> Optional[Domain]:
    """A domain with every alias and these lists; None where it is gone by now.

    A domain that is routed by aliases has no rules, which takes no request where the service told so.
    """
    found = _completed(api, domain)
    if found and "rules" in lists and "rules" in api.manages:
        found = found if found.routed_by_aliases else _with_rules(api, found, _ALL_OF_IT)
        found = replace(found, rules=found.rules or ()) if found else None
    if found and "credentials" in lists and "credentials" in api.manages:
        found = _with_credentials(api, found)
    return found


def read_account(api: Api, lists: Sequence[str], concurrency: int = 8) -> List[Domain]:
    """The account with every alias, with rules where domains are routed by them, and with these lists."""

    def read_on(domain: Domain) -> Optional[Domain]:
        return read_lists(api, domain, [*lists, *(["rules"] if domain.routed_by_rules else [])])

    domains = list(api.domains())
    return [domain for domain in map_parallel(read_on, domains, concurrency) if domain]


def read_lists_of(
    api: Api, domains: Sequence[Domain], lists: Sequence[str], concurrency: int = 8
) -> List[Domain]:
    """These domains with every alias and these lists, read side by side; not those that are gone by now."""
    found = map_parallel(lambda domain: read_lists(api, domain, lists), domains, concurrency)
    return [domain for domain in found if domain]


def _with_lists(api: Api, domain: Domain, wish: DomainWish) -> Optional[Domain]:
    """A domain with the rules and credentials that its wish manages; None where it is gone by now."""
    found: Optional[Domain] = domain
    if found and wish.manages_rules and not found.routed_by_aliases:
        found = _with_rules(api, found, wish)
    if found and wish.manages_credentials:
        found = _with_credentials(api, found)
    return found


def _with_credentials(api: Api, domain: Domain) -> Optional[Domain]:
    credentials = api.credentials(domain.name)
    return None if credentials is None else replace(domain, credentials=tuple(credentials))


def _with_rules(api: Api, domain: Domain, wish: DomainWish) -> Optional[Domain]:
    """A domain with its rules; without them where it turns out to be routed by aliases.

    What the service answers for rules of such a domain is not documented.
    """
    try:
        if not wish.create and wish.rules and wish.rules[0].id is not None:  # the one rule that matters
            rule = api.rule(domain.name, wish.rules[0].id)
            return replace(domain, rules=(rule,) if rule else ())
        return replace(domain, rules=tuple(api.rules(domain.name)))
    except Refused as error:
        if not wish.create and not wish.wants_anything and api.says_missing(error):
            return None
        if error.status == 401:
            raise
        now = api.domain(domain.name)
        if now is None or now.routed_by_aliases:
            return now
        raise error


def read_selected(
    api: Api, name: Optional[str] = None, query: Optional[str] = None, active: Optional[bool] = None
) -> List[Domain]:
    """Read one domain, those whose name starts with ``query``, or all: by name and with every alias.

    ``active``: of these only the active ones, or only the others.
    """
    if name is None:
        start = unicodedata.normalize("NFC", (query or "").strip().lower())
        # The service's own filter has meant "starts with" and "contains", so it is applied again; and
        # it knows A-labels only.
        found = [d for d in api.domains(start if start.isascii() else "") if _starts_with(d, start)]
    else:
        one = api.domain(name)
        found = [one] if one else []
    chosen = (domain for domain in found if active is None or domain.active is active)
    return sorted(read_whole(api, chosen), key=lambda domain: domain.name)


def read_whole(api: Api, domains: Iterable[Domain]) -> Iterator[Domain]:
    """These domains with every alias, but not those that are gone by now."""
    for domain in domains:
        whole = _completed(api, domain)
        if whole:
            yield whole


def _completed(api: Api, domain: Domain) -> Optional[Domain]:
    """A domain with every alias; None where somebody else deleted it after it was read.

    A 404 for its aliases is not enough to say so: it may have been made anew by now.
    """
    shown: Optional[Domain] = domain
    for tries in range(_MOST_LOOKS):
        if shown is None or shown.complete:
            return shown
        try:
            return api.complete(shown)
        except Refused as error:
            if error.status != 404 or tries == _MOST_LOOKS - 1:
                raise
        shown = api.domain(domain.name)
    return shown


def _starts_with(domain: Domain, start: str) -> bool:
    return domain.name.startswith(start) or domain.display.lower().startswith(start)


def _as_far_as_needed(api: Api, domain: Domain, wish: Optional[DomainWish]) -> Optional[Domain]:
    """Read what the service did not show with the domain, if the plan could depend on it.

    None where the domain is gone by now.
    """
    found = _completed(api, domain) if _lacks_aliases(domain, wish) else domain
    return _with_lists(api, found, wish) if found and wish else found


def _lacks(domain: Domain, wish: Optional[DomainWish]) -> bool:
    if _lacks_aliases(domain, wish):
        return True
    return wish is not None and (
        wish.manages_credentials or (wish.manages_rules and not domain.routed_by_aliases)
    )


def _lacks_aliases(domain: Domain, wish: Optional[DomainWish]) -> bool:
    """Without a wish a domain is to be deleted: what goes with it is counted and shown."""
    if domain.complete:
        return False
    if wish is None or not wish.present or wish.purge_aliases:
        return True
    shown = {alias.key for alias in domain.aliases}
    return any(alias.key not in shown for alias in wish.aliases)
