# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMTP credentials of a domain, in version 3 of the API."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

from .._model.credentials import Credential
from .._model.time import read_iso_utc
from .base import Api, Reply, read_created

_ALL = "/domains/{}/credentials"
_ONE = "/domains/{}/credentials/{}"


class CredentialsOfV3(Api):
    """The methods for SMTP credentials."""

    def credentials(self, domain: str) -> Optional[List[Credential]]:
        reply = self.find(_ALL, domain)
        return [_read(reply, thing) for thing in reply.many("credentials")] if reply else None

    def create_credential(self, domain: str, username: str, password: str) -> Tuple[Credential, bool]:
        reply = self.call("POST", _ALL, domain, body={"username": username, "password": password})
        needs_check = reply.content.get("requires_new_mx_check") is True
        return _read(reply, reply.one("credential")), needs_check

    def set_password(self, domain: str, username: str, password: str) -> None:
        self.call("PUT", _ONE, domain, username, body={"password": password})

    def delete_credential(self, domain: str, username: str) -> None:
        self.call("DELETE", _ONE, domain, username)


def _read(reply: Reply, thing: Mapping[str, Any]) -> Credential:
    """Read only fields that are known to contain no secret."""
    usage = thing.get("usage")
    return Credential(
        reply.text(thing, "username"),
        created=read_iso_utc(read_created(thing)),
        usage=usage if isinstance(usage, int) else None,
    )
