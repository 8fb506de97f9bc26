# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from emulator import Emulator, Fault, RateLimit
from emulator.dns import Dns
from harness import Clock, Modules, wrap_endpoint

DOMAIN = "example.com"
RIGHT = ["mx1.improvmx.com", "mx2.improvmx.com"]
SPF = "v=spf1 include:spf.improvmx.com ~all"
GOOD = {"mx": RIGHT, "spf": SPF}
ACTIVATION = {
    "action": "update",
    "kind": "domain",
    "domain": DOMAIN,
    "name": DOMAIN,
    "before": {"active": False},
    "after": {"active": True},
}
UNCHANGED: dict[str, Any] = {"changed": False, "changes": [], "diff": {"before": {}, "after": {}}}
ACTIVATED = {
    "changed": True,
    "changes": [ACTIVATION],
    "diff": {"before": {DOMAIN: {"active": False}}, "after": {DOMAIN: {"active": True}}},
}
CHECK = {"v2": "POST /domains/{domain}/check", "v3": "GET /domains/{domain}/check"}
READ = "GET /domains/{domain}"


def seed(modules: Modules, dns: dict[str, Any], active: bool = False, name: str = DOMAIN) -> None:
    modules.emulator.seed({"domains": [{"domain": name, "dns": dns, "active": active}]})


def set_dns(emulator: Emulator, **dns: Any) -> None:
    emulator.account.domains[DOMAIN].dns = Dns(**{**dns, "mx": tuple(dns["mx"])})


def check(modules: Modules, **options: Any) -> dict[str, Any]:
    result = modules.run("improvmx_domain_check", **{"domain": DOMAIN, **options})
    assert not result.get("failed"), result["msg"]
    return result


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in UNCHANGED}


def routes(modules: Modules, start: int = 0) -> list[str]:
    """The requests from one on; those of the check as "check"."""
    route = CHECK[modules.options["api_version"]]
    return ["check" if r.route == route else r.route for r in modules.emulator.requests[start:]]


# --- What a check does ----------------------------------------------------------------------------


def test_a_check_of_right_records_makes_the_domain_active_and_a_second_one_changes_nothing(
    modules_of_version: Modules,
) -> None:
    modules = modules_of_version
    seed(modules, GOOD)
    real = check(modules)
    assert outcome(real) == ACTIVATED
    assert (real["valid"], real["active"], real["reason"]) == (True, True, None)
    assert routes(modules) == [READ, "check", READ]
    assert [effect.action for effect in modules.emulator.ledger] == ["activate"]
    again = check(modules)
    assert outcome(again) == UNCHANGED
    assert (again["valid"], again["active"], again["reason"]) == (True, True, None)
    assert routes(modules, start=3) == [READ, "check"]
    assert real["warnings"] == again["warnings"] == []


@pytest.mark.parametrize(("active", "count"), [(False, 2), (True, 3)])
def test_wrong_records_are_no_failure_and_change_nothing(
    modules_of_version: Modules, active: bool, count: int
) -> None:
    """Of an active domain it is not known whether a check shuts it off, so it is read again."""
    modules = modules_of_version
    seed(modules, {"mx": ["mail.other.example"]}, active=active)
    for _turn in range(2):
        result = check(modules)
        assert outcome(result) == UNCHANGED
        assert (result["valid"], result["active"]) == (False, active)
        assert result["reason"].startswith(f"MX of {DOMAIN}: expected ")
        assert result["api_requests"] == count


@pytest.mark.parametrize("form", ["bücher.example", "BÜCHER.example.", "XN--bcher-kva.example"])
def test_takes_any_form_of_a_name(modules_of_version: Modules, form: str) -> None:
    seed(modules_of_version, {}, name="bücher.example")
    result = check(modules_of_version, domain=form)
    assert "MX of xn--bcher-kva.example" in result["reason"]


def test_a_domain_that_the_service_shuts_off_is_a_change(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shut_off(usual: Any, account: Any, call: Any) -> Any:
        account.domains[DOMAIN].active = False
        return usual(account, call)

    wrap_endpoint(monkeypatch, CHECK["v3"], shut_off)
    seed(modules, {"mx": []}, active=True)
    result = check(modules)
    assert (result["valid"], result["active"]) == (False, False)
    assert result["changes"] == [{**ACTIVATION, "before": {"active": True}, "after": {"active": False}}]


def test_a_domain_that_stays_inactive_though_its_records_are_right_is_told_so(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep_inactive(usual: Any, account: Any, call: Any) -> Any:
        reply = usual(account, call)
        account.domains[DOMAIN].active = False
        return reply

    wrap_endpoint(monkeypatch, CHECK["v3"], keep_inactive)
    seed(modules, GOOD)
    result = check(modules)
    assert outcome(result) == UNCHANGED
    assert (result["valid"], result["active"]) == (True, False)


# --- What a check tells ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dns", "valid", "reason"),
    [
        ({}, False, "the service says: No MX records were found."),
        ({"mx": ["mail.other.example"]}, False, "API v2 does not tell what is there"),
        ({"mx": RIGHT}, True, None),
    ],
)
def test_version_2_tells_of_mx_only(
    emulator: Emulator, dns: dict[str, Any], valid: bool, reason: str | None
) -> None:
    modules = Modules(emulator, api_version="v2")
    seed(modules, dns)
    result = check(modules)
    expected = f"MX of {DOMAIN}: expected 10 mx1.improvmx.com and 20 mx2.improvmx.com; "
    assert result["valid"] is valid
    assert result["reason"] == (expected + reason if reason else None)
    assert result["records"] is None


@pytest.mark.parametrize(
    ("dns", "valid", "reason"),
    [
        (GOOD, True, None),
        (
            {"mx": ["mail.other.example"], "spf": SPF},
            False,
            f"MX of {DOMAIN}: expected mx1.improvmx.com and mx2.improvmx.com, found mail.other.example",
        ),
        (
            {"mx": RIGHT, "spf": "v=spf1 include:other.example -all"},
            True,
            f'SPF, a TXT record of {DOMAIN}: expected "v=spf1 include:other.example include:spf.improvmx.com '
            '-all", found "v=spf1 include:other.example -all"',
        ),
        (
            {},
            False,
            f"MX of {DOMAIN}: expected mx1.improvmx.com and mx2.improvmx.com, found nothing; "
            f'SPF, a TXT record of {DOMAIN}: expected "{SPF}", found nothing',
        ),
    ],
)
def test_version_3_tells_which_record_is_wrong(
    modules: Modules, dns: dict[str, Any], valid: bool, reason: str | None
) -> None:
    seed(modules, dns)
    result = check(modules)
    assert (result["valid"], result["reason"]) == (valid, reason)
    assert result["records"]["mx"] == {"expected": RIGHT, "valid": valid, "values": dns.get("mx", [])}
    assert {"spf", "dkim1", "dkim2", "dmarc", "provider", "error"} <= set(result["records"])


def test_the_key_is_not_shown_though_the_service_quotes_it(emulator: Emulator) -> None:
    for version, body in {
        "v2": {"success": False, "reason": f"no MX for {emulator.api_key}"},
        "v3": {"success": True, "records": {"mx": {"valid": False}, "error": f"of {emulator.api_key}\nx"}},
    }.items():
        modules = Modules(emulator, api_version=version)
        seed(modules, {})
        emulator.faults.add(Fault("body", path="/check$", body=body))
        result = check(modules)
        assert "********" in result["reason"]
        assert "\n" not in result["reason"]


# --- Waiting --------------------------------------------------------------------------------------


def appear_after(monkeypatch: pytest.MonkeyPatch, emulator: Emulator, clock: Clock, checks: int) -> None:
    """Let the records be right from a time on: after so many pauses between checks."""
    sleep = clock.sleep

    def pause(seconds: float) -> None:
        sleep(seconds)
        if len(clock.slept) == checks:
            set_dns(emulator, **GOOD)

    monkeypatch.setattr(clock, "sleep", pause)


@pytest.mark.parametrize(
    ("wait", "pauses"),
    [
        (0, []),
        (1, [1]),
        (2, [2]),
        (10, [2, 4, 4]),
        (300, [2, 4, 8, 16, 32, 60, 60, 60, 58]),
    ],
)
def test_waits_in_growing_pauses_until_time_is_up(
    modules_of_version: Modules, clock: Clock, wait: int, pauses: list[int]
) -> None:
    modules = modules_of_version
    seed(modules, {})
    result = check(modules, wait=wait)
    assert result["valid"] is False
    assert [round(seconds) for seconds in clock.slept] == pauses
    assert sum(clock.slept) <= wait
    assert routes(modules) == [READ, *["check"] * (1 + len(pauses))]


@pytest.mark.parametrize("pauses", [1, 3, 7])
def test_stops_waiting_as_soon_as_the_domain_is_valid(
    modules_of_version: Modules, clock: Clock, monkeypatch: pytest.MonkeyPatch, pauses: int
) -> None:
    modules = modules_of_version
    seed(modules, {})
    appear_after(monkeypatch, modules.emulator, clock, pauses)
    result = check(modules, wait=1000)
    assert outcome(result) == ACTIVATED
    assert (result["valid"], result["active"], result["reason"]) == (True, True, None)
    assert routes(modules) == [READ, *["check"] * (pauses + 1), READ]


def test_does_not_wait_for_what_is_valid(modules_of_version: Modules, clock: Clock) -> None:
    seed(modules_of_version, GOOD, active=True)
    assert check(modules_of_version, wait=1000)["api_requests"] == 2
    assert clock.slept == []


@pytest.mark.parametrize("scope", ["endpoint", "method", "account"])
def test_a_wait_keeps_the_rate_limit(
    modules_of_version: Modules, clock: Clock, monkeypatch: pytest.MonkeyPatch, scope: Any
) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 100
    seed(modules, {})
    modules.emulator.keep_time_by(clock.time)
    modules.emulator.rate_limit = RateLimit(2, window=60.0, scope=scope)
    result = check(modules, wait=100)
    assert result["valid"] is False
    # One request may be turned away before it is known what the limit counts.
    assert modules.emulator.rate_limited <= 1


# --- Check mode -----------------------------------------------------------------------------------


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("dns", [GOOD, {}], ids=["right", "wrong"])
def test_check_mode_reads_the_domain_and_says_that_it_can_not_tell(
    modules_of_version: Modules, clock: Clock, dns: dict[str, Any], active: bool
) -> None:
    modules = modules_of_version
    seed(modules, dns, active=active)
    result = check(modules, check=True, wait=100)
    assert outcome(result) == UNCHANGED
    assert (result["valid"], result["reason"], result["records"]) == (None, None, None)
    assert result["active"] is active
    (warning,) = result["warnings"]
    assert warning.startswith("The DNS records of example.com were not checked")
    assert routes(modules) == [READ]
    assert clock.slept == []


def test_in_check_mode_a_missing_domain_earns_a_warning(modules_of_version: Modules) -> None:
    result = check(modules_of_version, check=True)
    assert outcome(result) == UNCHANGED
    assert (result["valid"], result["active"]) == (None, None)
    (warning,) = result["warnings"]
    assert warning.startswith("example.com is not a domain of this account yet")
    assert result["api_requests"] == 1


# --- Failures -------------------------------------------------------------------------------------


def failure(modules: Modules, **options: Any) -> dict[str, Any]:
    result = modules.run("improvmx_domain_check", domain=DOMAIN, **options)
    assert result["failed"] is True
    assert "Traceback" not in str(result)
    assert result["pending"] == []
    return result


def test_fails_on_a_missing_domain_and_says_to_create_it(modules_of_version: Modules) -> None:
    modules = modules_of_version
    result = failure(modules)
    assert "example.com is not a domain of this account" in result["msg"]
    assert "create it first" in result["msg"]
    assert outcome(result) == UNCHANGED
    assert routes(modules) == [READ]


FAULTS: dict[str, dict[str, Any]] = {
    "HTML 502": {"kind": "status", "status": 502, "html": True},
    "503 after the effect": {"kind": "status_after", "status": 503},
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "cut": {"kind": "cut"},
    "429 at once": {"kind": "rate_limit", "retry_after": 0},
    "429 in 5 s": {"kind": "rate_limit", "retry_after": 5},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", [f"/{DOMAIN}$", "/check$"])
def test_a_passing_fault_is_not_noticed(
    modules_of_version: Modules, clock: Clock, fault: str, path: str
) -> None:
    modules = modules_of_version
    seed(modules, GOOD)
    modules.emulator.faults.add(Fault(**FAULTS[fault], path=path))
    assert outcome(check(modules)) == ACTIVATED
    assert len(modules.emulator.requests) == 4


@pytest.mark.parametrize(
    ("fault", "effect"),
    [
        ({"kind": "status", "status": 500}, False),
        ({"kind": "status_after", "status": 500}, True),
        ({"kind": "reset_before"}, False),
        ({"kind": "reset_after"}, True),
        ({"kind": "cut"}, True),
        ({"kind": "truncated_json"}, True),
        ({"kind": "empty"}, True),
        ({"kind": "wrong_type"}, True),
        ({"kind": "success_false"}, False),
        ({"kind": "body", "body": {"success": None, "records": {"mx": {"valid": None}}}}, False),
        ({"kind": "body", "body": {"success": "yes", "records": "right"}}, False),
        ({"kind": "body", "body": [1]}, False),
        ({"kind": "status", "status": 403}, False),
    ],
)
@pytest.mark.parametrize("active", [True, False])
def test_a_lasting_fault_of_the_check_is_told_with_what_the_check_did(
    modules_of_version: Modules, clock: Clock, fault: dict[str, Any], effect: bool, active: bool
) -> None:
    modules = modules_of_version
    seed(modules, GOOD, active=active)
    modules.emulator.faults.add(Fault(**fault, path="/check$", times=None))
    result = failure(modules)
    assert "/check: " in result["msg"]
    activated = effect and not active
    assert outcome(result) == (ACTIVATED if activated else UNCHANGED)
    assert result["msg"].endswith(
        "The check changed the domain all the same." if activated else "Nothing was changed."
    )
    assert [e.action for e in modules.emulator.ledger] == (["activate"] if activated else [])
    assert routes(modules)[-1] == READ
    modules.emulator.faults.clear()
    assert check(modules)["active"] is True


@pytest.mark.parametrize(
    "fault",
    [{"kind": "reset_after"}, {"kind": "reset_before"}, {"kind": "rate_limit", "retry_after": 1000}],
    ids=lambda fault: fault["kind"],
)
def test_what_can_not_be_found_out_after_a_lost_check_is_said(
    modules_of_version: Modules, clock: Clock, fault: dict[str, Any]
) -> None:
    modules = modules_of_version
    seed(modules, GOOD)
    modules.emulator.faults.add(Fault(**fault, times=None, skip=1))
    result = failure(modules)
    assert "/check: " in result["msg"]
    assert "whether that changed example.com could not be found out" in result["msg"]
    assert "Run it again" in result["msg"]


def test_a_valid_domain_that_can_not_be_read_again_is_told_as_not_known(
    modules_of_version: Modules, clock: Clock
) -> None:
    modules = modules_of_version
    seed(modules, GOOD)
    modules.emulator.faults.add(Fault("status", status=500, path=f"/{DOMAIN}$", skip=1, times=None))
    result = failure(modules)
    assert result["msg"].startswith(
        "The check was done; whether that changed example.com could not be found out"
    )
    modules.emulator.faults.clear()
    assert outcome(check(modules)) == UNCHANGED


def test_a_domain_that_vanishes_before_the_check_is_told(modules_of_version: Modules) -> None:
    modules = modules_of_version
    seed(modules, GOOD)
    modules.emulator.faults.add(Fault("status", status=404, path="/check$"))
    result = failure(modules)
    assert "404" in result["msg"]
    assert outcome(result) == UNCHANGED


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"domain": "nodot"}, ["domain", "needs a dot"]),
        ({"wait": -1}, ["wait must be from 0 to 604800"]),
        ({"domain": "nodot", "wait": -1, "timeout": 0}, ["3 problems"]),
    ],
)
def test_bad_options_are_refused_before_any_request(
    modules_of_version: Modules, options: dict[str, Any], problems: list[str]
) -> None:
    modules = modules_of_version
    result = modules.run("improvmx_domain_check", **{"domain": DOMAIN, **options})
    assert result["failed"] is True
    for problem in problems:
        assert problem in result["msg"]
    assert modules.emulator.requests == []
    assert outcome(result) == UNCHANGED
