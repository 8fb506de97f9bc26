# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which changes lead from the existing SMTP credentials of a domain to the desired ones, and their order."""

from __future__ import annotations

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._errors import PasswordMissing
from ansible_collections.improvmx.email.plugins.module_utils._model.credentials import (
    Credential,
    CredentialWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import DomainWish
from ansible_collections.improvmx.email.plugins.module_utils._plan.changes import Change
from ansible_collections.improvmx.email.plugins.module_utils._plan.credentials import credential_changes

NAME = "example.com"
PASSWORD = "kR7!vq2-Zw95xTn0"


def present(username: str, password: str | None = PASSWORD) -> CredentialWish:
    """A credential whose password is set only when it is created."""
    return CredentialWish(username, password=password)


def renewed(username: str, password: str | None = PASSWORD) -> CredentialWish:
    """A credential whose password is set on every run."""
    return CredentialWish(username, password=password, update_password=True)


def absent(username: str) -> CredentialWish:
    return CredentialWish(username, present=False)


def wished(*credentials: CredentialWish, purge: bool = False) -> DomainWish:
    return DomainWish(NAME, credentials=credentials, purge_credentials=purge)


@pytest.mark.parametrize(
    ("existing", "wish", "expected"),
    [
        pytest.param([], wished(present("info")), ["create info"], id="new"),
        pytest.param(["info"], wished(present("info")), [], id="existing"),
        pytest.param(["info"], wished(present("info", None)), [], id="existing, no password"),
        pytest.param(["info"], wished(renewed("info")), ["update info"], id="new password"),
        pytest.param(["info"], wished(renewed("info", None)), [], id="new password that is not set"),
        pytest.param(["Info"], wished(renewed("INFO")), ["update Info"], id="in another case"),
        pytest.param(["info"], wished(absent("info")), ["delete info"], id="absent"),
        pytest.param(["info"], wished(absent("INFO")), ["delete info"], id="absent, in another case"),
        pytest.param(["news"], wished(absent("info")), [], id="absent already"),
        pytest.param(
            ["a", "b", "c"],
            wished(absent("c"), absent("d"), absent("a")),
            ["delete c", "delete a"],
            id="several are absent",
        ),
        pytest.param(["a", "b"], wished(), [], id="unlisted"),
        pytest.param(["a", "b"], wished(purge=True), ["delete a", "delete b"], id="purge of all"),
        pytest.param(["a", "B"], wished(present("b"), purge=True), ["delete a"], id="purge of the others"),
        pytest.param(["a"], wished(absent("a"), purge=True), ["delete a"], id="absent and purged"),
        pytest.param(["B", "b"], wished(present("b"), purge=True), ["delete B"], id="purge by exact name"),
        pytest.param(
            ["a", "b", "c"],
            wished(present("d"), renewed("b"), absent("c"), present("e"), purge=True),
            ["delete c", "delete a", "update b", "create d", "create e"],
            id="deletions first",
        ),
    ],
)
def test_credentials_are_created_updated_and_deleted_as_far_as_they_differ(
    existing: list[str], wish: DomainWish, expected: list[str]
) -> None:
    changes = credential_changes(wish, [Credential(username) for username in existing])
    assert [(change.action, change.kind, change.domain, change.name) for change in changes] == [
        (text.split()[0], "credential", NAME, text.split()[1]) for text in expected
    ]


def test_change_of_a_credential_contains_the_credential_and_that_the_password_is_new() -> None:
    old = Credential("old", created="2026-03-07T03:15:11Z", usage=3)
    gone = Credential("gone")
    changes = credential_changes(wished(present("new"), renewed("OLD"), absent("gone")), [old, gone])
    assert changes == [
        Change("delete", "credential", NAME, "gone", {"username": "gone"}, None, thing=gone),
        Change(
            "update",
            "credential",
            NAME,
            "old",
            {"username": "old"},
            {"username": "old", "new_password": True},
            thing=old,
        ),
        Change(
            "create",
            "credential",
            NAME,
            "new",
            None,
            {"username": "new", "new_password": True},
            thing=Credential("new"),
        ),
    ]


def test_first_credential_without_a_password_is_a_problem_with_the_changes_of_all() -> None:
    wish = wished(present("a"), present("b", None), renewed("c", None), absent("d"), renewed("e"))
    with pytest.raises(PasswordMissing) as caught:
        credential_changes(wish, [Credential("d"), Credential("e")])
    assert str(caught.value) == (
        "example.com has no SMTP credential b yet, and creating it requires a password: set one in password"
    )
    assert [(change.action, change.name) for change in caught.value.changes] == [
        ("delete", "d"),
        ("update", "e"),
        ("create", "a"),
        ("create", "b"),
        ("create", "c"),
    ]
