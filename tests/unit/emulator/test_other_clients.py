# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that public clients of ImprovMX send: the emulator answers each as the service does.

They have the forms that are known to work with the service: the encoding of the key, with or without a
trailing slash, the kind of body. None of them has the form of our own client.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from emulator import Emulator

DOMAIN = "example.com"
RULED = "ruled.example"
RULE = "00000000-0000-0000-0000-0000000000aa"
SEED: dict[str, Any] = {
    "whitelabels": ["brand.example"],
    "domains": [
        {
            "domain": DOMAIN,
            "active": True,
            "aliases": [
                {"alias": "*", "forward": "a@mail.test", "id": 11},
                {"alias": "info", "forward": "b@mail.test", "id": 12},
            ],
            "credentials": [{"username": "info", "password": "secret-1"}],
            "logs": [{"id": "one", "created": 1790000000000, "events": []}],
        },
        {
            "domain": RULED,
            "routing_engine": "rules",
            "rules": [{"id": RULE, "type": "alias", "config": {"alias": "info", "forward": "b@mail.test"}}],
        },
    ],
}

NEW_ALIAS = {"alias": "new", "forward": "b@mail.test"}


@dataclass(frozen=True)
class Sent:
    """One request. ``auth``: standard, plain, or with two spaces. ``form``: json, urlencoded, multipart."""

    request: str
    shows: str
    body: dict[str, Any] | None = None
    auth: str = "standard"
    form: str = "json"


def header(auth: str, key: str) -> str:
    if auth == "standard":
        return "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
    return {"plain": "Basic api:", "two blanks": "Basic  api:"}[auth] + key


# A client in PHP, one in Go, shell scripts, and a Terraform provider send the plain key.
PLAIN = [
    Sent("GET /v3/account/", "account", auth="plain"),
    Sent("GET /v3/domains/", "domains", auth="plain"),
    Sent("GET /v3/domains/example.com", "domain", auth="plain"),
    Sent("POST /v3/domains/", "domain", {"domain": "new.example"}, auth="plain"),
    Sent("POST /v3/domains/example.com/aliases/", "alias", NEW_ALIAS, auth="plain"),
    Sent("PUT /v3/domains/example.com/aliases/info", "alias", {"forward": "c@mail.test"}, auth="plain"),
    Sent("DELETE /v3/domains/example.com/aliases/info", "success", auth="plain"),
    Sent("GET /v3/domains/example.com/logs", "logs", auth="two blanks"),
    Sent("DELETE /v3/domains/example.com", "success", auth="two blanks"),
]

# A client in Python, one in JavaScript, extensions of launchers.
SLASHES = [
    Sent("GET /v3/account/whitelabels/", "whitelabels"),
    Sent("GET /v3/domains/?q=exam&is_active=1&limit=100&page=1", "domains"),
    Sent("GET /v3/domains/example.com/", "domain"),
    Sent("GET /v3/domains/example.com/check/", "records"),
    Sent("GET /v3/domains/example.com/aliases/", "aliases"),
    Sent("GET /v3/domains/example.com/aliases/info/", "alias"),
    Sent("GET /v3/domains/example.com/aliases/12", "alias"),
    Sent("GET /v3/domains/example.com/credentials/", "credentials"),
    Sent(
        "POST /v3/domains/example.com/credentials/",
        "credential",
        {"username": "sales", "password": "secret-2", "is_limited": True},
    ),
    Sent("PUT /v3/domains/example.com/credentials/info", "credential", {"password": "secret-3"}),
    Sent("GET /v3/domains/example.com/logs/info/", "logs"),
    Sent("PUT /v3/domains/example.com/aliases/*", "alias", {"forward": "c@mail.test"}),
    Sent("GET /v3/domains/example.com/aliases/*", "alias"),
    Sent("DELETE /v3/domains/example.com/aliases/*", "success"),
    Sent("GET /v3/domains/example.com/aliases?q=info&alias=in", "aliases"),
    Sent("POST /v3/domains/example.com/aliases/batch", "added", {"aliases": [NEW_ALIAS]}),
]

FORMS = [
    Sent("POST /v3/domains/example.com/aliases/", "alias", NEW_ALIAS, form="multipart"),
    Sent("POST /v3/domains/example.com/aliases", "alias", NEW_ALIAS, form="urlencoded", auth="plain"),
    Sent("POST /v3/domains/", "domain", {"domain": "new.example"}, form="multipart"),
    Sent("PUT /v3/domains/example.com", "domain", {"webhook": "https://hook.example/x"}, form="urlencoded"),
    Sent("PUT /v3/domains/example.com/aliases/info", "alias", {"forward": "c@mail.test"}, form="urlencoded"),
]

# The official command-line client.
OFFICIAL = [
    Sent("GET /v3/domains?limit=100&page=1", "domains"),
    Sent("GET /v3/domains/ruled.example/rules?page=1", "rules"),
    Sent(f"GET /v3/domains/ruled.example/rules/{RULE}", "config"),
    Sent(
        "POST /v3/domains/ruled.example/rules",
        "config",
        {"type": "cel", "config": {"expression": "true", "forward": "c@mail.test"}},
    ),
    Sent(f"DELETE /v3/domains/ruled.example/rules/{RULE}", "success"),
    Sent("DELETE /v3/domains/ruled.example/rules-all", "success"),
    Sent("GET /v3/domains/example.com/logs?take=100&next_cursor=one", "logs"),
]

# Clients of the removed version, for those who still use it.
OLD = [
    Sent("GET /v2/account/", "email", auth="plain"),
    Sent("GET /v2/domains/?q=exam", "domains", auth="plain"),
    Sent("POST /v2/domains/example.com/aliases/", "alias", NEW_ALIAS, auth="plain", form="urlencoded"),
    Sent("PUT /v2/domains/example.com/aliases/*", "alias", {"forward": "c@mail.test"}),
]


def send(emulator: Emulator, sent: Sent) -> requests.Response:
    method, _space, path = sent.request.partition(" ")
    headers = {"Authorization": header(sent.auth, emulator.api_key)}
    body: dict[str, Any] = {}
    if sent.body is not None and sent.form == "json":
        body = {"data": json.dumps(sent.body), "headers": {**headers, "Content-Type": "application/json"}}
    elif sent.body is not None:
        parts = {name: (None, value) for name, value in sent.body.items()}
        body = {"files": parts} if sent.form == "multipart" else {"data": sent.body}
    return requests.request(
        method, emulator.url + path, **{"headers": headers, "timeout": 5, "allow_redirects": False, **body}
    )


@pytest.mark.parametrize("sent", [*PLAIN, *SLASHES, *FORMS, *OFFICIAL, *OLD], ids=str)
def test_request_of_another_client_is_answered(sent: Sent, emulator: Emulator) -> None:
    emulator.seed(SEED)
    reply = send(emulator, sent)
    assert reply.status_code == 200, reply.text
    assert sent.shows in reply.json()
    if sent.body is not None:
        recorded = {name: str(value) for name, value in emulator.requests[-1].body.items()}
        assert recorded == {name: str(value) for name, value in sent.body.items()}
    writes = sent.request.partition(" ")[0] != "GET"
    assert bool(emulator.ledger) is writes


@pytest.mark.parametrize("auth", ["plain", "two blanks", "standard"])
@pytest.mark.parametrize("key", ["wrong", "", "sk_emulator:"])
def test_wrong_key_is_refused_in_every_form(auth: str, key: str, emulator: Emulator) -> None:
    reply = requests.get(
        f"{emulator.url}/v3/account", headers={"Authorization": header(auth, key)}, timeout=5
    )
    assert (reply.status_code, reply.json()["success"]) == (401, False)


@pytest.mark.parametrize("merged", [True, False])
def test_part_of_a_rules_config_is_merged_or_replaces_it(merged: bool, emulator: Emulator) -> None:
    """The official client sends a part of the config. How the service handles it is unknown."""
    emulator.seed({**SEED, "beliefs": {"rule_config_is_merged": merged}})
    part = {"config": {"forward": "new@mail.test"}}
    reply = send(emulator, Sent(f"PUT /v3/domains/ruled.example/rules/{RULE}", "config", part))
    if merged:
        assert reply.json()["config"] == {"alias": "info", "forward": "new@mail.test"}
    else:
        assert reply.status_code == 400
        assert emulator.ledger == []


@pytest.mark.parametrize(
    "request_line",
    [
        "POST /v3/domains/example.com/aliases/bulk",
        "PUT /v3/domains/example.com/aliases/batch",
        "DELETE /v3/domains/example.com/aliases/batch",
        "POST /v3/domains/example.com/emails/outbound",
        "GET /v3/domains/example.com/templates",
    ],
)
def test_endpoint_with_unknown_replies_says_so(request_line: str, emulator: Emulator) -> None:
    emulator.seed(SEED)
    reply = send(emulator, Sent(request_line, ""))
    assert reply.status_code == 501
    assert emulator.ledger == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["new", "mid", "old"]),
        ("?after=1790000000000", ["new"]),
        ("?before=2026-09-21T14:13:20Z", ["old"]),
        ("?after=1700000000000&before=1799000000000&take=1", ["mid"]),
        ("?after=yesterday", None),
    ],
)
def test_logs_are_searched_by_time(query: str, found: list[str] | None, emulator: Emulator) -> None:
    times = {"old": 1600000000000, "mid": 1790000000000, "new": 1800000000000}
    logs = [{"id": name, "created": moment, "events": []} for name, moment in times.items()]
    emulator.seed({"domains": [{"domain": DOMAIN, "logs": logs}]})
    reply = send(emulator, Sent(f"GET /v3/domains/example.com/logs/search{query}", "logs"))
    if found is None:
        assert reply.status_code == 400
    else:
        assert [entry["id"] for entry in reply.json()["logs"]] == found


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "ab", "password": "secret-1"}, "username"),
        ({"username": "abc", "password": "secret7"}, "password"),
        ({"username": "one-more", "password": "secret-1"}, "username"),
    ],
)
def test_smtp_user_beyond_a_bound_is_refused(body: dict[str, Any], field: str, emulator: Emulator) -> None:
    emulator.seed({**SEED, "limits": {"credentials": 1}})
    reply = send(emulator, Sent("POST /v3/domains/example.com/credentials", "", body))
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])
    assert emulator.ledger == []


def test_catch_all_without_a_name_on_request(emulator: Emulator) -> None:
    emulator.seed({**SEED, "beliefs": {"catch_all_is_blank": True}})
    aliases = send(emulator, Sent("GET /v3/domains/example.com/aliases", "")).json()["aliases"]
    assert [alias["alias"] for alias in aliases] == ["", "info"]
    assert send(emulator, Sent("GET /v3/domains/example.com/aliases/*", "")).json()["alias"]["id"] == 11


def test_free_account_has_limits_but_no_plan(emulator: Emulator) -> None:
    emulator.seed({**SEED, "premium": False, "limits": {"aliases": 25, "destinations": 5}})
    account = send(emulator, Sent("GET /v3/account", "")).json()["account"]
    assert account["plan"] is None
    assert (account["limits"]["aliases"], account["limits"]["destinations"]) == (25, 5)
