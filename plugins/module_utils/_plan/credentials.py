# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the changes of the SMTP credentials of a domain. Pure."""

from __future__ import annotations

from typing import List, Sequence

from .._errors import PasswordMissing
from .._model.credentials import Credential
from .._model.domains import DomainWish
from .changes import Change


def credential_changes(wish: DomainWish, found: Sequence[Credential]) -> List[Change]:
    """Return the changes that lead from the existing credentials to the desired ones.

    Deletions come before creations, to stay within the limit of credentials. Raises PasswordMissing.
    """
    removed, updates, creations, missing = [], [], [], []
    managed = set()
    for desired in wish.credentials:
        existing = desired.find(found)
        if existing:
            managed.add(existing.username)
        if not desired.present:
            removed += [existing] if existing else []
        elif existing is None:
            change = _change("create", wish.name, Credential(desired.username))
            creations.append(change)
            missing += [change] if desired.password is None else []
        elif desired.password is not None and desired.update_password:
            updates.append(_change("update", wish.name, existing))
    if wish.purge_credentials:
        removed += [credential for credential in found if credential.username not in managed]
    changes = [_change("delete", wish.name, credential) for credential in removed] + updates + creations
    if missing:
        raise PasswordMissing(missing[0], changes)
    return changes


def _change(action: str, domain: str, credential: Credential) -> Change:
    """Return a change. It shows that a password is set, but not the password."""
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
