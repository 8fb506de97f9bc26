# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMTP credentials of a domain: current and desired state. Pure.

The service never shows a password, so passwords can't be compared, only set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from .names import parse_local_part
from .problems import Problems, join_place


@dataclass(frozen=True)
class Credential:
    """An existing credential, or one after a plan. None: unknown."""

    username: str
    created: Optional[str] = None
    usage: Optional[int] = None

    def result(self) -> Dict[str, Any]:
        """Return the credential in the form of results."""
        return {"username": self.username, "created": self.created, "usage": self.usage}


@dataclass(frozen=True)
class CredentialWish:
    """The desired state of a credential. ``update_password``: set the password of an existing one as well."""

    username: str
    present: bool = True
    password: Optional[str] = field(default=None, repr=False)
    update_password: bool = False

    def find(self, credentials: Sequence[Credential]) -> Optional[Credential]:
        """Return the matching credential. Case is ignored unless two names differ in case only."""
        same = [c for c in credentials if c.username.lower() == self.username.lower()]
        return next((c for c in same if c.username == self.username), same[0] if same else None)


def read_credentials(
    items: Sequence[Mapping[str, Any]], place: str, problems: Problems
) -> Tuple[CredentialWish, ...]:
    """Parse a list of credentials of the user; add problems to ``problems``."""
    wishes = []
    positions: Dict[str, int] = {}
    for index, item in enumerate(items):
        wish = read_credential(item, join_place(place, "credentials[%d]" % index), problems)
        if wish is None:
            continue
        key = wish.username.lower()
        if key in positions:
            problems.append(
                "%s and credentials[%d] are the same credential, %s"
                % (join_place(place, "credentials[%d]" % positions[key]), index, wish.username)
            )
        positions.setdefault(key, index)
        wishes.append(wish)
    return tuple(wishes)


def read_credential(item: Mapping[str, Any], place: str, problems: Problems) -> Optional[CredentialWish]:
    """Parse one credential of the user; add problems to ``problems``."""
    username = problems.read(join_place(place, "username"), item["username"], parse_local_part)
    present, password = item.get("state") != "absent", item.get("password")
    if present and password == "":
        problems.append("%s: it is empty" % join_place(place, "password"))
    if username is None:
        return None
    return CredentialWish(username, present, password, item.get("update_password") == "always")
