# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the SMTP credential of a domain is: read the wish, plan, show. Pure.

The service never shows a password, so whether one is as it is wished can't be known, only set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.improvmx.email.plugins.module_utils._names import (
    InputError,
    note,
    parse_domain,
    parse_local_part,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan import (
    Change,
    DomainMissing,
    PlanError,
    Step,
)


class PasswordMissing(PlanError):
    """A credential has to be created, and there is no password for it."""

    def __init__(self, change: Change) -> None:
        super().__init__(
            "%s has no SMTP credential %s yet, and to create it takes a password: give one in password"
            % (change.domain, change.name),
            [change],
        )


@dataclass(frozen=True)
class Credential:
    """A credential as it is found, or as a plan leaves it. What is None is not known."""

    username: str
    created: Optional[str] = None
    usage: Optional[int] = None

    def result(self) -> Dict[str, Any]:
        """The form that users see."""
        return {"username": self.username, "created": self.created, "usage": self.usage}

    def identity(self) -> Dict[str, Any]:
        return {"username": self.username}


@dataclass(frozen=True)
class CredentialWish:
    """What a user wants. ``update_password``: also where the credential is there already."""

    domain: str
    username: str
    present: bool = True
    password: Optional[str] = field(default=None, repr=False)
    update_password: bool = True


def credential_wish(params: Mapping[str, Any]) -> CredentialWish:
    """Read the module's arguments. Raises InputError."""
    problems: List[str] = []
    domain = note(problems, "domain", params["domain"], parse_domain)
    username = note(problems, "username", params["username"], parse_local_part)
    present = params["state"] == "present"
    if present and params["password"] == "":
        problems.append("password: it is empty")
    if problems or domain is None or username is None:
        raise InputError(problems)
    always = params["update_password"] == "always"
    return CredentialWish(domain, username, present, params["password"], always)


def plan_credential(wish: CredentialWish, found: Optional[Sequence[Credential]]) -> Step[Credential]:
    """Plan against the credentials of the domain; None means that there is no such domain."""
    there = _called(wish.username, found or ())
    if not wish.present:
        change = _change("delete", wish, there, before=True) if there else None
        return Step(there, None, change)
    if there is None:
        after = Credential(wish.username)
        change = _change("create", wish, after, after=True)
        if wish.password is None:
            raise PasswordMissing(change)
        if found is None:
            raise DomainMissing(wish.domain, [change], "SMTP credentials")
        return Step(None, after, change)
    if wish.password is None or not wish.update_password:
        return Step(there, there)
    return Step(there, there, _change("update", wish, there, before=True, after=True), shows=False)


def _called(username: str, credentials: Sequence[Credential]) -> Optional[Credential]:
    """The credential with this name. Case makes no difference, unless two names differ in nothing else."""
    same = [c for c in credentials if c.username.lower() == username.lower()]
    return next((c for c in same if c.username == username), same[0] if same else None)


def _change(
    action: str, wish: CredentialWish, credential: Credential, before: bool = False, after: bool = False
) -> Change:
    """A change that shows that a password is set, and nothing that could be taken for one."""
    fields = {"username": credential.username}
    return Change(
        action,
        "credential",
        wish.domain,
        credential.username,
        before=fields if before else None,
        after={**fields, "new_password": True} if after else None,
    )
