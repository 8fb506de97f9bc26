# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is there, as far as a wish or a question needs to know it, in as few requests as that takes."""

from __future__ import annotations

import unicodedata
from typing import Dict, Iterable, Iterator, List, Optional, Sequence

from ansible_collections.improvmx.email.plugins.module_utils._api import Api
from ansible_collections.improvmx.email.plugins.module_utils._model import (
    Domain,
    DomainWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._transport import Refused

_MOST_LOOKS = 3  # at a domain that comes and goes while it is read


def read_wished(api: Api, wishes: Sequence[DomainWish], everything: bool = False) -> Dict[str, Domain]:
    """Read the domains that are wished for, by name; with ``everything``, the whole account.

    One domain is asked for by name. More are taken from the account's list, which is shorter than
    asking for each, and is read no further than to the last one of them.
    """
    if not everything and len(wishes) <= 1:
        found = {wish.name: read_domain(api, wish) for wish in wishes}
        return {name: domain for name, domain in found.items() if domain}
    by_name = {wish.name: wish for wish in wishes}
    listed = api.domains() if everything else _listed(api, by_name)
    known = (_as_far_as_needed(api, domain, by_name.get(domain.name)) for domain in listed)
    return {domain.name: domain for domain in known if domain}


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
    """Read one domain, as far as its wish needs to know it."""
    domain = api.domain(wish.name)
    return _as_far_as_needed(api, domain, wish) if domain else None


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
    """Read the aliases that the service did not show, if the plan could depend on them.

    None where the domain is gone by now. Without a wish it is to be deleted: what goes with it is
    counted and shown.
    """
    if domain.complete:
        return domain
    shown = {alias.key for alias in domain.aliases}
    if (
        wish is None
        or not wish.present
        or wish.purge_aliases
        or any(alias.key not in shown for alias in wish.aliases)
    ):
        return _completed(api, domain)
    return domain
