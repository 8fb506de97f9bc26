# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator against every known sample of the service's requests and replies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from emulator import Emulator

SAMPLES = Path(__file__).parent / "samples"

Ask = Callable[..., requests.Response]

LOG_2023 = "v3-log-entry-2023plus-types.json"
LOGS_2020 = "v3-logs-list-2020-doc.json"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


SEED: dict[str, Any] = {
    "whitelabels": ["example.org"],
    "domains": [
        {
            "domain": "example.com",
            "active": True,
            "aliases": {"info": "a@example.net", "*": "b@example.net"},
            "credentials": [{"username": "info", "password": "secret-1"}],
            "logs": sample(LOGS_2020)["logs"],
        },
        {
            "domain": "ruled.example",
            "routing_engine": "rules",
            "rules": [{"type": "alias", "config": {"alias": "info", "forward": "a@example.net"}}],
            "logs": [sample(LOG_2023)],
        },
        {"domain": "empty.example"},
    ],
}
NEW_ALIAS = {"alias": "new", "forward": "a@example.net"}
NEW_CREDENTIAL = {"username": "new", "password": "secret-1"}
OWN_DOMAIN = {"alias": "new", "forward": "a@example.com"}
RULE = "/v3/domains/ruled.example/rules/00000000-0000-0000-0000-000000000003"

# Samples of replies: the request of each, and its status.
REPLIES: dict[str, tuple[str, str, Any, int]] = {
    "v2-account-get.json": ("GET", "/v2/account/", None, 200),
    "v2-domain-check-post.json": ("POST", "/v2/domains/example.com/check", None, 200),
    "v2-domain-create.json": ("POST", "/v2/domains/", {"domain": "new.example"}, 200),
    "v2-domain-get.json": ("GET", "/v2/domains/example.com", None, 200),
    "v2-error-400.json": ("POST", "/v2/domains/example.com/aliases/", OWN_DOMAIN, 400),
    "v3-account-get.json": ("GET", "/v3/account", None, 200),
    "v3-account-whitelabels-get.json": ("GET", "/v3/account/whitelabels", None, 200),
    "v3-alias-create.json": ("POST", "/v3/domains/example.com/aliases", NEW_ALIAS, 200),
    "v3-alias-get.json": ("GET", "/v3/domains/example.com/aliases/info", None, 200),
    "v3-aliases-batch-response.json": (
        "POST",
        "/v3/domains/example.com/aliases/batch",
        {"aliases": [NEW_ALIAS]},
        200,
    ),
    "v3-aliases-list.json": ("GET", "/v3/domains/example.com/aliases", None, 200),
    "v3-credential-create-response.json": (
        "POST",
        "/v3/domains/example.com/credentials",
        NEW_CREDENTIAL,
        200,
    ),
    "v3-credential-update-response.json": (
        "PUT",
        "/v3/domains/example.com/credentials/info",
        {"password": "secret-2"},
        200,
    ),
    "v3-credentials-list.json": ("GET", "/v3/domains/example.com/credentials", None, 200),
    "v3-domain-check-get.json": ("GET", "/v3/domains/example.com/check", None, 200),
    "v3-domain-create.json": ("POST", "/v3/domains", {"domain": "new.example"}, 200),
    "v3-domain-delete.json": ("DELETE", "/v3/domains/example.com", None, 200),
    "v3-domain-get-all-known-fields.json": ("GET", "/v3/domains/example.com", None, 200),
    "v3-domains-list.json": ("GET", "/v3/domains", None, 200),
    "v3-error-400-duplicate-alias-partial.json": (
        "POST",
        "/v3/domains/example.com/aliases",
        {"alias": "INFO", "forward": "a@example.net"},
        400,
    ),
    "v3-error-400-field-lists.json": ("POST", "/v3/domains/example.com/aliases", OWN_DOMAIN, 400),
    "v3-error-simple.json": ("GET", "/v3/domains/missing.example", None, 404),
    LOGS_2020: ("GET", "/v3/domains/example.com/logs", None, 200),
    "v3-rule-get.json": ("GET", RULE, None, 200),
    "v3-rules-list.json": ("GET", "/v3/domains/ruled.example/rules", None, 200),
    "v3-rules-bulk-response-partial.json": (
        "POST",
        "/v3/domains/ruled.example/rules/bulk",
        {"behavior": "add", "rules": [{"type": "alias", "config": NEW_ALIAS}]},
        200,
    ),
}

# Samples of requests: the endpoint of each.
REQUESTS = {
    "v3-aliases-batch-request.json": ("POST", "/v3/domains/empty.example/aliases/batch"),
    "v3-credential-create-request.json": ("POST", "/v3/domains/empty.example/credentials"),
    "v3-domain-update-request.json": ("PUT", "/v3/domains/example.com"),
    "v3-rule-create-requests.json": ("POST", "/v3/domains/ruled.example/rules"),
    "v3-rules-bulk-request.json": ("POST", "/v3/domains/ruled.example/rules/bulk"),
}

# One item of a list, without the list around it.
ITEMS = {LOG_2023: ("/v3/domains/ruled.example/logs", "logs")}

NO_ROUTE = {
    "v3-aliases-bulk-request.json": "the reply to this request is not known",
}

# Further fields of newer replies, according to newer clients.
SINCE = {
    "v2-error-400.json": ["reply.code"],
    "v3-account-get.json": ["reply.account.email_hash", "reply.account.is_otp_enabled"],
    "v3-domains-list.json": [
        f"reply.domains[{index}].{name}"
        for index in range(3)
        for name in ("banned", "daily_quota", "routing_engine", "strict_mxes")
    ],
    "v3-error-400-field-lists.json": ["reply.code"],
}


def differences(expected: Any, found: Any, where: str = "reply") -> list[str]:
    """The differences in keys, nesting or types. Null matches anything; items must match the first one."""
    if expected is None or found is None:
        return []
    if isinstance(expected, dict) and isinstance(found, dict):
        wrong = [f"{where}.{key}" for key in sorted(set(expected) ^ set(found))]
        for key in sorted(set(expected) & set(found)):
            wrong += differences(expected[key], found[key], f"{where}.{key}")
        return wrong
    if isinstance(expected, list) and isinstance(found, list):
        pairs = [(expected[0], item) for item in found] if expected else []
        return [
            line
            for index, (first, item) in enumerate(pairs)
            for line in differences(first, item, f"{where}[{index}]")
        ]
    if type(expected) is type(found):
        return []
    return [f"{where}: {type(found).__name__} instead of {type(expected).__name__}"]


def test_every_sample_has_exactly_one_case() -> None:
    cases = [*REPLIES, *REQUESTS, *ITEMS, *NO_ROUTE]
    assert sorted(cases) == sorted(path.name for path in SAMPLES.iterdir())


@pytest.mark.parametrize("name", REPLIES)
def test_reply_has_the_keys_nesting_and_types_of_the_sample(name: str, emulator: Emulator, ask: Ask) -> None:
    emulator.seed(SEED)
    method, path, body, status = REPLIES[name]
    reply = ask(method, path, body)
    assert reply.status_code == status
    assert reply.headers["Content-Type"] == "application/json"
    assert differences(sample(name), reply.json()) == SINCE.get(name, [])


@pytest.mark.parametrize("name", SINCE)
def test_the_older_form_is_returned_on_request(name: str, emulator: Emulator, ask: Ask) -> None:
    emulator.seed(SEED)
    emulator.believe(list_shows_details=False, field_errors_have_code=False)
    method, path, body, _status = REPLIES[name]
    left = SINCE[name] if name == "v3-account-get.json" else []
    assert differences(sample(name), ask(method, path, body).json()) == left


@pytest.mark.parametrize("name", REQUESTS)
def test_request_of_the_sample_is_accepted(name: str, emulator: Emulator, ask: Ask) -> None:
    emulator.seed(SEED)
    bodies = sample(name)
    for body in bodies if isinstance(bodies, list) else [bodies]:
        reply = ask(*REQUESTS[name], body)
        assert reply.status_code == 200
        assert not reply.json().get("failed")
    assert emulator.ledger


@pytest.mark.parametrize("name", ITEMS)
def test_item_has_the_keys_nesting_and_types_of_the_sample(name: str, emulator: Emulator, ask: Ask) -> None:
    emulator.seed(SEED)
    path, key = ITEMS[name]
    items = ask("GET", path).json()[key]
    assert items
    assert [differences(sample(name), item) for item in items] == [[]] * len(items)


@pytest.mark.parametrize(
    ("domain", "logs"),
    [("example.com", sample(LOGS_2020)["logs"]), ("ruled.example", [sample(LOG_2023)])],
)
@pytest.mark.parametrize("version", ["v2", "v3"])
def test_seeded_logs_are_returned_unchanged(
    domain: str, logs: list[Any], version: str, emulator: Emulator, ask: Ask
) -> None:
    emulator.seed(SEED)
    assert ask("GET", f"/{version}/domains/{domain}/logs").json()["logs"] == logs


@pytest.mark.parametrize(
    ("expected", "found", "wrong"),
    [
        ({"a": 1}, {"a": 2}, []),
        ({"a": None}, {"a": 2}, []),
        ({"a": 1}, {"b": 1}, ["reply.a", "reply.b"]),
        ({"a": 1}, {"a": True}, ["reply.a: bool instead of int"]),
        ([{"a": 1}], [{"a": 1}, {"a": "x"}], ["reply[1].a: str instead of int"]),
        ({"a": {}}, {"a": []}, ["reply.a: list instead of dict"]),
    ],
)
def test_differences_are_detected(expected: Any, found: Any, wrong: list[str]) -> None:
    assert differences(expected, found) == wrong
