# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emulator import Emulator, Fault
from emulator.refusal import refuse_field
from harness import (
    Clock,
    Modules,
    assert_no_password,
    assert_truthful,
    changes_of,
    effects_of,
    forms_of_password,
    read_diff,
    run_module,
    texts_of,
    wrap_endpoint,
)

NAME = "improvmx_smtp_credential"
DOMAIN = "example.com"
OLD = "old-words/1f2e3d"
NEW = "pass \"long' odd/7d6c5b+4a=<ü>&\\ 39"
SIGNED = {"dkim1": "a.example", "dkim2": "b.example"}  # no new check of the DNS is needed
ROUTE = "/domains/{domain}/credentials"
UNKNOWN = "could not be determined"


def seed(emulator: Emulator, *usernames: str, **options: Any) -> None:
    credentials = [{"username": name, "password": OLD, "created": 1588236952000} for name in usernames]
    domain = {"domain": DOMAIN, "credentials": credentials, "dns": SIGNED, **options}
    emulator.seed({"domains": [domain, {**domain, "domain": "other.example"}]})


def passwords(emulator: Emulator, domain: str = DOMAIN) -> dict[str, str]:
    found = emulator.account.domains[domain].credentials.values()
    return {credential.username: credential.password for credential in found}


def methods(emulator: Emulator) -> list[str]:
    return [request.method for request in emulator.requests]


def run(modules: Modules, check: bool = False, **args: Any) -> dict[str, Any]:
    """Run the module; its result must not contain a password."""
    result = modules.run(NAME, check=check, domain=DOMAIN, **args)
    for secret in (OLD, NEW):
        assert_no_password(result, secret)
    assert "Traceback" not in str(result)
    return result


# --- Check mode, run, second run ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("existing", "wish", "expected", "left"),
    [
        pytest.param(
            [], {"password": NEW, "update_password": "on_create"}, ["GET", "POST"], {"info": NEW}, id="create"
        ),
        pytest.param(
            ["news"],
            {"password": NEW, "update_password": "on_create"},
            ["GET", "POST"],
            {"news": OLD, "info": NEW},
            id="create one more",
        ),
        pytest.param(["info"], {"state": "absent"}, ["GET", "DELETE"], {}, id="delete"),
        pytest.param(
            ["info", "news"],
            {"state": "absent", "password": NEW},
            ["GET", "DELETE"],
            {"news": OLD},
            id="delete whatever the password",
        ),
        pytest.param(
            ["info"],
            {"password": NEW, "update_password": "on_create"},
            ["GET"],
            {"info": OLD},
            id="leave the password alone",
        ),
        pytest.param(["info"], {}, ["GET"], {"info": OLD}, id="no password, nothing to set"),
        pytest.param(["news"], {"state": "absent"}, ["GET"], {"news": OLD}, id="absent already"),
    ],
)
def test_ensures_the_credential(
    modules: Modules, existing: list[str], wish: dict[str, Any], expected: list[str], left: dict[str, str]
) -> None:
    seed(modules.emulator, *existing)
    rounds = modules.rounds(NAME, domain=DOMAIN, username="info", **wish)
    assert [request.method for request in rounds.requests] == expected
    assert rounds.real["changed"] is (len(expected) > 1)
    assert rounds.again["api_requests"] == 1
    assert passwords(modules.emulator) == left
    assert passwords(modules.emulator, "other.example") == dict.fromkeys(existing, OLD)


def test_a_password_is_set_on_each_run_unless_on_create(modules: Modules) -> None:
    seed(modules.emulator, "info")
    check = run(modules, check=True, username="info", password=NEW)
    assert passwords(modules.emulator) == {"info": OLD}
    results = [run(modules, username="info", password=NEW) for _round in range(2)]
    assert passwords(modules.emulator) == {"info": NEW}
    assert methods(modules.emulator) == ["GET", "GET", "PUT", "GET", "PUT"]
    for result in (check, *results):
        assert result["changed"] is True
        assert result["warnings"] == []
        assert result["changes"] == [
            {
                "action": "update",
                "kind": "credential",
                "domain": DOMAIN,
                "name": "info",
                "before": {"username": "info"},
                "after": {"username": "info", "new_password": True},
            }
        ]
        (entry,) = result["diff"]
        assert entry["before"] == f"domain: {DOMAIN}\ncredentials:\n  - username: info\n"
        assert entry["after"] == (
            f"domain: {DOMAIN}\ncredentials:\n  - username: info  # with a new password\n"
        )


def test_returns_the_credential_without_its_password(modules: Modules) -> None:
    seed(modules.emulator)
    wish = {"username": "info", "password": NEW}
    check, real = run(modules, check=True, **wish), run(modules, **wish)
    assert check["credential"] == {"username": "info", "created": None, "usage": None}
    assert real["credential"]["username"] == "info"
    assert real["credential"]["usage"] == 0
    assert real["credential"]["created"].endswith("Z")
    for result in (check, real):
        (entry,) = result["diff"]
        assert entry["before"] == f"domain: {DOMAIN}\n"
        assert entry["after"] == (
            f"domain: {DOMAIN}\ncredentials:\n  - username: info  # with a new password\n"
        )
    gone = run(modules, username="info", state="absent")
    assert gone["credential"] is None
    assert read_diff(gone["diff"]) == {
        "before": {DOMAIN: {"credentials": [{"username": "info"}]}},
        "after": {DOMAIN: {}},
    }


def test_times_are_returned_in_iso_8601(modules: Modules) -> None:
    seed(modules.emulator, "info")
    reported = run(modules, username="info")["credential"]
    assert reported == {"username": "info", "created": "2020-04-30T08:55:52Z", "usage": 0}


@pytest.mark.parametrize(
    ("existing", "username", "matched"),
    [
        (["Info"], "info", "Info"),
        (["info"], " INFO ", "info"),
        (["a/b c".replace(" ", "?")], "A/B?C", "a/b?c"),
        (["ü%2F"], "ü%2F", "ü%2F"),
        (["info", "information"], "info", "info"),
    ],
)
def test_a_username_is_found_in_any_case_and_addressed_as_stored(
    modules: Modules, existing: list[str], username: str, matched: str
) -> None:
    seed(modules.emulator, *existing)
    result = run(modules, username=username, password=NEW)
    assert result["credential"]["username"] == matched
    assert passwords(modules.emulator) == {**dict.fromkeys(existing, OLD), matched: NEW}
    run(modules, username=username, state="absent")
    assert matched not in passwords(modules.emulator)


def test_of_two_usernames_that_differ_in_case_the_exact_match_is_used(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {"credentials": [{"username": "Info"}, {"username": "info"}, {"username": "INFO"}]}
    wrap_endpoint(monkeypatch, f"GET {ROUTE}", lambda usual, account, call: both)
    seed(modules.emulator, "info")
    run(modules, username="info", password=NEW)
    assert modules.emulator.writes[-1].path.endswith("/credentials/info")


@pytest.mark.parametrize("domain", ["EXAMPLE.com.", " example.com "])
def test_the_domain_is_found_in_any_form(modules: Modules, domain: str) -> None:
    seed(modules.emulator, "info")
    result = modules.run(NAME, domain=domain, username="info")
    assert result["changed"] is False
    assert result["credential"]["username"] == "info"


ODD_PASSWORDS = [
    " a b ",
    "a\nb\n",
    "\t",
    "\x00",
    "𝄞ü",
    "\ud800x",
    '"\\',
    "null",
    "True",
    "1",
    "0123",
    "********",
    "a" * 999,
]


@pytest.mark.parametrize("password", ODD_PASSWORDS, ids=ascii)
def test_an_odd_password_is_sent_exactly(modules: Modules, password: str) -> None:
    seed(modules.emulator, "info")
    modules.emulator.believe(shortest_password=1)
    for username in ("info", "news"):
        # Ansible masks text that equals the password, so the result may be unreadable.
        run_module(NAME, {**modules.options, "domain": DOMAIN, "username": username, "password": password})
    assert passwords(modules.emulator) == {"info": password, "news": password}


@settings(
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(password=st.text(min_size=1))
@example("\ud800")
def test_any_password_is_sent_exactly(modules: Modules, password: str) -> None:
    seed(modules.emulator)
    modules.emulator.believe(shortest_password=1)
    run_module(NAME, {**modules.options, "domain": DOMAIN, "username": "info", "password": password})
    assert passwords(modules.emulator) == {"info": password}


# --- Requests to the service ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "password", "problem"),
    [
        ("news", "seven-7", "the service answered 400: password: The password is too short."),
        ("ab", NEW, "the service answered 400: username: The username is too short."),
        ("news", NEW, "username: You have reached the limit of account allowed for this domain."),
    ],
)
def test_short_values_and_exceeded_limits_fail_with_the_services_message(
    modules: Modules, username: str, password: str, problem: str
) -> None:
    seed(modules.emulator, "info")
    if password == NEW and username == "news":
        modules.emulator.account.limits["credentials"] = 1
    result = run(modules, username=username, password=password)
    assert result["failed"] is True
    assert problem in result["msg"]
    assert_no_password(result, password)
    assert list(passwords(modules.emulator)) == ["info"]


@pytest.mark.parametrize(("dns", "count"), [({}, 1), (SIGNED, 0)], ids=["unsigned", "signed"])
def test_a_new_credential_that_needs_a_dns_check_causes_a_warning(
    modules: Modules, dns: dict[str, str], count: int
) -> None:
    seed(modules.emulator, dns=dns)
    result = run(modules, username="info", password=NEW)
    assert len(result["warnings"]) == count
    for warning in result["warnings"]:
        assert DOMAIN in warning
        assert "improvmx.email.improvmx_domain_check" in warning
    assert run(modules, username="info", password=NEW)["warnings"] == []


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_without_a_password_a_missing_credential_is_a_failure_before_any_write(
    modules: Modules, check: bool
) -> None:
    seed(modules.emulator)
    for policy in ("always", "on_create"):
        result = run(modules, check=check, username="info", update_password=policy)
        assert result["failed"] is True
        assert result["msg"].startswith("example.com has no SMTP credential info yet")
        assert "set one in password" in result["msg"]
        assert result["changed"] is False
        assert result["changes"] == []
        assert changes_of(result["pending"]) == [("create", "credential", DOMAIN, "info")]
        assert result["api_requests"] == 1
    assert modules.emulator.writes == []


def test_a_missing_domain_is_a_failure_that_says_to_create_it(modules: Modules) -> None:
    result = run(modules, username="info", password=NEW)
    assert result["failed"] is True
    assert result["msg"].startswith("example.com is not a domain of this account, so it can't have SMTP cred")
    assert "improvmx.email.improvmx_domain" in result["msg"]
    assert result["changes"] == []
    assert changes_of(result["pending"]) == [("create", "credential", DOMAIN, "info")]
    assert result["api_requests"] == 1


def test_in_check_mode_a_missing_domain_causes_a_warning_and_a_predicted_change(modules: Modules) -> None:
    wish = {"username": "info", "password": NEW}
    check = run(modules, check=True, **wish)
    assert not check.get("failed")
    (warning,) = check["warnings"]
    assert warning.startswith("example.com is not a domain of this account yet")
    modules.run("improvmx_domain", domain=DOMAIN)
    real = run(modules, **wish)
    assert {key: check[key] for key in ("changed", "changes", "diff")} == {
        key: real[key] for key in ("changed", "changes", "diff")
    }


def test_an_absent_credential_of_a_missing_domain_is_unchanged(modules: Modules) -> None:
    rounds = modules.rounds(NAME, domain=DOMAIN, username="info", state="absent")
    assert rounds.real["changed"] is False
    assert rounds.count == 1


# --- Invalid input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "problems"),
    [
        ({"username": ""}, ["username: ", "empty"]),
        ({"username": "a b"}, ["username: ", "white space"]),
        ({"username": "info@example.com"}, ["username: ", "before the @"]),
        ({"username": ".."}, ["username: ", "paths"]),
        ({"username": True}, ["username: ", "quotes"]),
        ({"username": "a\x01"}, ["username: ", "control character"]),
        ({"password": ""}, ["password: it is empty"]),
        ({"domain": "nodot"}, ["domain: ", "needs a dot"]),
        (
            {"domain": "nodot", "username": "a b", "password": "", "timeout": 0, "api_version": "v2"},
            [
                "domain: ",
                "username: ",
                "password: ",
                "timeout must be",
                "API v2 can't manage SMTP credentials",
                "5 problems",
            ],
        ),
    ],
)
def test_all_invalid_input_is_reported_before_any_request(
    modules: Modules, wish: dict[str, Any], problems: list[str]
) -> None:
    for check in (True, False):
        args = {"domain": DOMAIN, "username": "info", "password": NEW, **wish}
        result = modules.run(NAME, check=check, **args)
        assert result["failed"] is True
        for problem in [*problems, "No request was sent"]:
            assert problem in result["msg"]
        assert result["api_requests"] == 0
        assert result["changes"] == result["pending"] == []
        assert_no_password(result, NEW)


# --- Faults ---------------------------------------------------------------------------------------

LOST: dict[str, dict[str, Any]] = {
    "reset after": {"kind": "reset_after"},
    "cut": {"kind": "cut"},
    "502 after": {"kind": "status_after", "status": 502, "html": True},
    "500 after": {"kind": "status_after", "status": 500},
    "truncated JSON": {"kind": "truncated_json"},
    "empty body": {"kind": "empty"},
    "HTML 200": {"kind": "wrong_type"},
}
WISHES: dict[str, dict[str, Any]] = {
    "POST": {"username": "new", "password": NEW, "update_password": "on_create"},
    "PUT": {"username": "info", "password": NEW},
    "DELETE": {"username": "info", "state": "absent"},
}
PLANNED = {
    "POST": ("create", "credential", DOMAIN, "new"),
    "PUT": ("update", "credential", DOMAIN, "info"),
    "DELETE": ("delete", "credential", DOMAIN, "info"),
}


@pytest.mark.parametrize("method", WISHES)
@pytest.mark.parametrize("fault", LOST)
def test_a_write_with_a_lost_answer_is_done_once_or_reported_as_unknown(
    modules: Modules, clock: Clock, fault: str, method: str
) -> None:
    seed(modules.emulator, "info")
    modules.emulator.faults.add(Fault(**LOST[fault], method=method))
    result = run(modules, **WISHES[method])
    repeated = fault in ("reset after", "cut", "502 after")
    if method == "PUT" and not repeated:
        # A password can't be read, and after such a reply a retry may not help.
        assert result["failed"] is True
        assert UNKNOWN in result["msg"]
        assert result["changes"] == []
        assert changes_of(result["pending"]) == [PLANNED[method]]
        assert run(modules, **WISHES[method])["changed"] is True
    else:
        assert not result.get("failed"), result["msg"]
        assert changes_of(result["changes"]) == [PLANNED[method]]
        assert result["credential"] is None or result["credential"]["username"] == WISHES[method]["username"]
    assert set(effects_of(modules.emulator.ledger)) == {PLANNED[method]}
    if method != "PUT":
        assert len(modules.emulator.ledger) == 1
    left = {"POST": {"info": OLD, "new": NEW}, "PUT": {"info": NEW}, "DELETE": {}}
    assert passwords(modules.emulator) == left[method]


def test_a_creation_with_a_lost_answer_costs_one_more_read(modules: Modules, clock: Clock) -> None:
    seed(modules.emulator)
    modules.emulator.faults.add(Fault("reset_after", method="POST"))
    run(modules, **WISHES["POST"])
    assert methods(modules.emulator) == ["GET", "POST", "GET"]


def test_the_password_of_a_doubtful_credential_is_set_again(modules: Modules, clock: Clock) -> None:
    """It may have been created by another run, with another password."""
    seed(modules.emulator)
    modules.emulator.faults.add(Fault("status_after", method="POST"))
    result = run(modules, username="new", password=NEW)
    assert not result.get("failed"), result["msg"]
    assert methods(modules.emulator) == ["GET", "POST", "GET", "PUT"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    (entry,) = result["diff"]
    assert entry["before"] == f"domain: {DOMAIN}\n"
    assert entry["after"].endswith("  - username: new  # with a new password\n")


WITHOUT_EFFECT: dict[str, dict[str, Any]] = {
    "502": {"kind": "status", "status": 502, "html": True},
    "503": {"kind": "status", "status": 503},
    "reset before": {"kind": "reset_before"},
    "429 at once": {"kind": "rate_limit", "retry_after": 0},
    "429 in 5 s": {"kind": "rate_limit", "retry_after": 5, "reset": True},
}


@pytest.mark.parametrize("method", ["GET", *WISHES])
@pytest.mark.parametrize("fault", WITHOUT_EFFECT)
def test_a_temporary_fault_is_retried(modules: Modules, clock: Clock, fault: str, method: str) -> None:
    seed(modules.emulator, "info")
    modules.emulator.faults.add(Fault(**WITHOUT_EFFECT[fault], method=method))
    result = run(modules, **WISHES["PUT" if method == "GET" else method])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert len(modules.emulator.ledger) == 1


@pytest.mark.parametrize("method", WISHES)
@pytest.mark.parametrize(
    ("status", "messages"), [(500, "Something went wrong."), (503, "Something went wrong.")]
)
def test_a_permanently_failed_write_is_reported_as_not_done(
    modules: Modules, clock: Clock, method: str, status: int, messages: str
) -> None:
    seed(modules.emulator, "info")
    modules.emulator.faults.add(Fault("status", status=status, method=method, times=None))
    result = run(modules, **WISHES[method])
    assert result["failed"] is True
    for part in (f"{DOMAIN}: {method} /v3/domains/{DOMAIN}/credentials", str(status), messages):
        assert part in result["msg"]
    action, _kind, _domain, name = PLANNED[method]
    assert f"Not done: {action} credential {name} of {DOMAIN}. Run it again" in result["msg"]
    assert (UNKNOWN in result["msg"]) is (method == "PUT")
    assert result["changed"] is False
    assert result["changes"] == []
    assert result["diff"] == []
    assert changes_of(result["pending"]) == [PLANNED[method]]
    assert modules.emulator.ledger == []


def test_a_doubtful_creation_is_not_sent_again_while_reads_fail(modules: Modules, clock: Clock) -> None:
    seed(modules.emulator)
    modules.emulator.faults.add(
        Fault("status_after", status=502, method="POST"), Fault("status", method="GET", skip=1, times=None)
    )
    result = run(modules, **WISHES["POST"])
    assert result["failed"] is True
    assert UNKNOWN in result["msg"]
    assert methods(modules.emulator).count("POST") == 1
    assert changes_of(result["pending"]) == [PLANNED["POST"]]


@pytest.mark.parametrize(
    ("fault", "messages"),
    [
        ({"kind": "status", "status": 500}, ["500", "Something went wrong."]),
        ({"kind": "status", "status": 503, "html": True}, ["503 upstream trouble"]),
        ({"kind": "rate_limit", "retry_after": 1000}, ["429", "retry_timeout"]),
        ({"kind": "success_false"}, ["Please try again."]),
        ({"kind": "body", "body": {"credentials": "none"}}, ['no list of objects under "credentials"']),
        ({"kind": "body", "body": {"credentials": [{"usage": 1}]}}, ['without a string under "username"']),
        ({"kind": "body", "body": ["a", "list"]}, ["not a JSON object"]),
        ({"kind": "body", "status": 403, "body": {"error": "Premium only."}}, ["403", "Premium only."]),
    ],
)
def test_a_failed_read_changes_nothing(
    modules: Modules, clock: Clock, fault: dict[str, Any], messages: list[str]
) -> None:
    seed(modules.emulator)
    modules.emulator.faults.add(Fault(**fault, times=None))
    result = run(modules, **WISHES["POST"])
    assert result["failed"] is True
    for part in [f"GET /v3/domains/{DOMAIN}/credentials", *messages]:
        assert part in result["msg"]
    assert result["msg"].endswith(" Nothing was changed.")
    assert result["changes"] == result["pending"] == []
    assert modules.emulator.writes == []


def meanwhile(monkeypatch: pytest.MonkeyPatch, template: str, happen: Callable[[Any], None]) -> None:
    """Change something between reading and the first write."""
    left = [happen]

    def first(usual: Any, account: Any, call: Any) -> Any:
        if left:
            left.pop()(account.domains[DOMAIN])
        return usual(account, call)

    wrap_endpoint(monkeypatch, template, first)


@pytest.mark.parametrize(
    ("method", "changes", "left", "requests"),
    [
        ("DELETE", [], {}, ["GET", "DELETE", "GET"]),
        ("PUT", [("create", "credential", DOMAIN, "info")], {"info": NEW}, ["GET", "PUT", "GET", "POST"]),
    ],
)
def test_a_credential_deleted_before_its_write_is_gone_or_created(
    modules: Modules,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    changes: list[Any],
    left: dict[str, str],
    requests: list[str],
) -> None:
    seed(modules.emulator, "info")
    meanwhile(monkeypatch, f"{method} {ROUTE}/{{username}}", lambda domain: domain.credentials.clear())
    result = run(modules, **WISHES[method])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == changes
    assert passwords(modules.emulator) == left
    assert methods(modules.emulator) == requests


@pytest.mark.parametrize(("policy", "left"), [("always", NEW), ("on_create", OLD)])
def test_a_credential_created_meanwhile_is_not_created_again(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, policy: str, left: str
) -> None:
    seed(modules.emulator, "new")
    twin = modules.emulator.account.domains[DOMAIN].credentials.pop("new")
    meanwhile(monkeypatch, f"POST {ROUTE}", lambda domain: domain.credentials.update(new=twin))
    result = run(modules, username="new", password=NEW, update_password=policy)
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert result["changed"] is (policy == "always")
    assert passwords(modules.emulator) == {"new": left}


def test_a_domain_deleted_meanwhile_is_reported(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(modules.emulator)

    def vanish(usual: Any, account: Any, call: Any) -> Any:
        account.domains.pop(DOMAIN, None)
        return usual(account, call)

    wrap_endpoint(monkeypatch, f"POST {ROUTE}", vanish)
    result = run(modules, **WISHES["POST"])
    assert result["failed"] is True
    assert "is not a domain of this account" in result["msg"]
    assert changes_of(result["pending"]) == [PLANNED["POST"]]


def test_a_refusal_is_reported_with_the_services_message(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(modules.emulator)

    def picky(usual: Any, account: Any, call: Any) -> Any:
        raise refuse_field("password", "Too weak.")

    wrap_endpoint(monkeypatch, f"POST {ROUTE}", picky)
    result = run(modules, **WISHES["POST"])
    assert result["failed"] is True
    assert "the service answered 400: password: Too weak." in result["msg"]
    assert methods(modules.emulator) == ["GET", "POST", "GET"]


@pytest.mark.parametrize(
    "reply",
    [
        {"credential": {"username": "new", "created": "soon", "usage": "much"}, "success": True},
        {"username": "new"},
        {"success": True},
        {"credential": None, "requires_new_mx_check": None},
    ],
)
def test_another_form_of_the_reply_to_a_creation_is_accepted(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, reply: dict[str, Any]
) -> None:
    seed(modules.emulator)

    def odd(usual: Any, account: Any, call: Any) -> Any:
        usual(account, call)
        return reply

    wrap_endpoint(monkeypatch, f"POST {ROUTE}", odd)
    result = run(modules, **WISHES["POST"])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger) == [PLANNED["POST"]]
    assert result["credential"]["username"] == "new"


@pytest.mark.parametrize("seed_of_chance", range(60))
def test_random_faults_end_in_the_desired_state_or_a_truthful_report(
    modules: Modules, clock: Clock, seed_of_chance: int
) -> None:
    dice = random.Random(seed_of_chance)
    seed(modules.emulator, "info")
    method = dice.choice(list(WISHES))
    modules.emulator.faults.random(seed=seed_of_chance, rate=dice.choice((0.1, 0.25, 0.5)))
    assert_truthful(modules.emulator, run(modules, **WISHES[method]))
    assert len([effect for effect in modules.emulator.ledger if effect.action == "create"]) <= 1
    modules.emulator.faults.clear()
    assert not run(modules, **WISHES[method]).get("failed")
    assert run(modules, **WISHES[method])["changed"] is (method == "PUT")
    left = {"POST": {"info": OLD, "new": NEW}, "PUT": {"info": NEW}, "DELETE": {}}
    assert passwords(modules.emulator) == left[method]


# --- Secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", forms_of_password(NEW))
@pytest.mark.parametrize(
    ("echo", "shown"),  # * stands for what replaces the password
    [
        (lambda text: {"error": f"The password {text} is bad."}, "The password * is bad"),
        (lambda text: {"errors": {text: [f"{text} and {text}"]}}, "*: * and *"),
        (
            lambda text: {"errors": {"password": [{"value": text, "why": "bad"}]}, "message": text},
            "password: value: *, why: bad; *",
        ),
        (lambda text: {"error": "x" * 580 + text}, "x" * 580),
    ],
    ids=["error", "field", "nested", "cut"],
)
@pytest.mark.parametrize("status", [200, 400, 403, 500, 503])
def test_an_echoed_password_is_not_shown(
    modules: Modules, clock: Clock, status: int, echo: Callable[[str], Any], shown: str, form: str
) -> None:
    seed(modules.emulator, "info")
    text = forms_of_password(NEW)[form]
    body = {**echo(text), "success": False}
    modules.emulator.faults.add(Fault("body", status=status, body=body, method="PUT", times=None))
    result = run(modules, username="info", password=NEW)
    assert result["failed"] is True
    assert text[:12] not in "\n".join(texts_of(result))
    said = re.escape(shown).replace(r"\*", r"\*{8}=?")  # the padding of Base64 may remain
    assert re.search(rf"the service answered {status}(, but without success)?: {said}", result["msg"])


def test_a_password_in_the_reply_to_its_creation_is_not_shown(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chatty(usual: Any, account: Any, call: Any) -> Any:
        made = usual(account, call)
        made["credential"] |= {"password": call.body["password"], "hash": "aGFzaA=="}
        return made

    seed(modules.emulator)
    wrap_endpoint(monkeypatch, f"POST {ROUTE}", chatty)
    result = run(modules, username="new", password=NEW)
    assert set(result["credential"]) == {"username", "created", "usage"}
