# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMTP credentials of a domain, in version 3 of the API."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence

from ansible_collections.improvmx.email.plugins.module_utils._api import (
    Api,
    Reply,
    read_created,
)
from ansible_collections.improvmx.email.plugins.module_utils._credentials import (
    Credential,
    CredentialWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._time import read_iso_utc

_ALL = "/domains/{}/credentials"
_ONE = "/domains/{}/credentials/{}"


class Credentials:
    """The credentials of a domain, for a wish."""

    def __init__(self, api: Api, wish: CredentialWish) -> None:
        self._api, self._wish = api, wish
        self.warnings: List[str] = []
        if wish.password:
            api.transport.hide(wish.password)

    def read(self) -> Optional[Sequence[Credential]]:
        reply = self._api.find(_ALL, self._wish.domain)
        return [_read(reply, thing) for thing in reply.many("credentials")] if reply else None

    def create(self, credential: Credential) -> Credential:
        body = {"username": credential.username, "password": self._wish.password}
        reply = self._api.call("POST", _ALL, self._wish.domain, body=body)
        if reply.content.get("requires_new_mx_check") is True:
            self.warnings.append(
                "ImprovMX wants the DNS records of %s checked anew before the credential can send: have them "
                "checked with improvmx.email.improvmx_domain_check." % self._wish.domain
            )
        return _read(reply, reply.one("credential"))

    def update(self, before: Credential, after: Credential) -> None:
        body = {"password": self._wish.password}
        self._api.call("PUT", _ONE, self._wish.domain, before.username, body=body)

    def delete(self, credential: Credential) -> None:
        self._api.remove(_ONE, self._wish.domain, credential.username)


def _read(reply: Reply, thing: Mapping[str, Any]) -> Credential:
    """Only what is known to hold no secret."""
    usage = thing.get("usage")
    return Credential(
        reply.text(thing, "username"),
        created=read_iso_utc(read_created(thing)),
        usage=usage if isinstance(usage, int) else None,
    )
