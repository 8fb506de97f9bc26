# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMTP credentials of a domain that are wanted and those that exist -> changes. Pure."""

from __future__ import annotations

from typing import List, Sequence

from .._errors import PasswordMissing
from .._model.credentials import Credential
from .._model.domains import DomainWish
from .changes import Change


def credential_changes(wish: DomainWish, found: Sequence[Credential]) -> List[Change]:
    """Names go before names come, so that a limit of credentials is met only if the end state meets it.

    Raises PasswordMissing.
    """
    gone, updates, creations, missing = [], [], [], []
    meant = set()
    for wanted in wish.credentials:
        existing = wanted.find(found)
        if existing:
            meant.add(existing.username)
        if not wanted.present:
            gone += [existing] if existing else []
        elif existing is None:
            change = _change("create", wish.name, Credential(wanted.username))
            creations.append(change)
            missing += [change] if wanted.password is None else []
        elif wanted.password is not None and wanted.update_password:
            updates.append(_change("update", wish.name, existing))
    if wish.purge_credentials:
        gone += [credential for credential in found if credential.username not in meant]
    changes = [_change("delete", wish.name, credential) for credential in gone] + updates + creations
    if missing:
        raise PasswordMissing(missing[0], changes)
    return changes


def _change(action: str, domain: str, credential: Credential) -> Change:
    """A change that shows that a password is set, and nothing that could be taken for one."""
    fields = {"username": credential.username}
    return Change(
        action,
        "credential",
        domain,
        credential.username,
        before=None if action == "create" else fields,
        after=None if action == "delete" else {**fields, "new_password": True},
        thing=credential,
    )
