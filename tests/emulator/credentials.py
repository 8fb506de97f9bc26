# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMTP users of a domain."""

from __future__ import annotations

from typing import Any

from .account import Account, Credential, Domain, now
from .refusal import not_found, refuse_field
from .validation import required_text


def find_credential(domain: Domain, username: str) -> Credential:
    credential = domain.credentials.get(username.lower())
    if credential is None:
        raise not_found("Credential")
    return credential


def add_credential(account: Account, domain: Domain, body: dict[str, Any]) -> Credential:
    username = required_text(body, "username")
    if len(username) < account.beliefs.shortest_username:
        raise refuse_field("username", "The username is too short.")
    password = _checked_password(account, body)
    if username.lower() in domain.credentials:
        raise refuse_field("username", "This username is already in use.")
    if len(domain.credentials) >= account.limits["credentials"]:
        raise refuse_field("username", "You have reached the limit of account allowed for this domain.")
    is_limited = str(body.get("is_limited", False)).lower() in ("true", "1")
    credential = Credential(username, password, now(), is_limited)
    domain.credentials[username.lower()] = credential
    account.note("create", "credential", domain, username)
    return credential


def change_credential(account: Account, domain: Domain, credential: Credential, body: dict[str, Any]) -> None:
    credential.password = _checked_password(account, body)
    account.note("update", "credential", domain, credential.username)


def delete_credential(account: Account, domain: Domain, credential: Credential) -> None:
    del domain.credentials[credential.username.lower()]
    account.note("delete", "credential", domain, credential.username)


def needs_new_mx_check(domain: Domain) -> bool:
    """Sent mail is signed: without the DKIM records, the DNS has to be checked again."""
    return domain.dns.dkim1 is None or domain.dns.dkim2 is None


def _checked_password(account: Account, body: dict[str, Any]) -> str:
    password = required_text(body, "password")
    if len(password) < account.beliefs.shortest_password:
        raise refuse_field("password", "The password is too short.")
    return password
