# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._api import v3 as _api_v3
from emulator import Emulator, Fault, RateLimit
from emulator.dns import Dns
from harness import Clock, Modules, run_module, wrap_endpoint, wrap_endpoints

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
UNCHANGED: dict[str, Any] = {"changed": False, "changes": [], "diff": []}
ACTIVATED = {
    "changed": True,
    "changes": [ACTIVATION],
    "diff": [
        {
            "before_header": DOMAIN,
            "after_header": DOMAIN,
            "before": f"domain: {DOMAIN}\nactive: false\n",
            "after": f"domain: {DOMAIN}\nactive: true\n",
        }
    ],
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
    """The requests since this one; those of the check as "check"."""
    route = CHECK[modules.options.get("api_version", "v3")]
    return ["check" if r.route == route else r.route for r in modules.emulator.requests[start:]]


# --- Effects of a check ---------------------------------------------------------------------------


def test_a_check_of_valid_records_activates_the_domain_and_a_second_one_changes_nothing(
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
def test_wrong_records_are_not_a_failure_and_change_nothing(
    modules_of_version: Modules, active: bool, count: int
) -> None:
    """A check might deactivate an active domain, so it is read again."""
    modules = modules_of_version
    seed(modules, {"mx": ["mail.other.example"]}, active=active)
    for _turn in range(2):
        result = check(modules)
        assert outcome(result) == UNCHANGED
        assert (result["valid"], result["active"]) == (False, active)
        assert result["reason"].startswith(f"MX of {DOMAIN}: expected ")
        assert result["api_requests"] == count


@pytest.mark.parametrize("form", ["bücher.example", "BÜCHER.example.", "XN--bcher-kva.example"])
def test_accepts_any_form_of_a_name(modules_of_version: Modules, form: str) -> None:
    seed(modules_of_version, {}, name="bücher.example")
    result = check(modules_of_version, domain=form)
    assert "MX of bücher.example" in result["reason"]


def test_a_deactivated_domain_is_a_change(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    def shut_off(usual: Any, account: Any, call: Any) -> Any:
        account.domains[DOMAIN].active = False
        return usual(account, call)

    wrap_endpoint(monkeypatch, CHECK["v3"], shut_off)
    seed(modules, {"mx": []}, active=True)
    result = check(modules)
    assert (result["valid"], result["active"]) == (False, False)
    assert result["changes"] == [{**ACTIVATION, "before": {"active": True}, "after": {"active": False}}]


def test_an_inactive_domain_with_valid_records_is_reported(
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


# --- Results of a check ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dns", "valid", "reason"),
    [
        ({}, False, "the service says: No MX records were found."),
        ({"mx": ["mail.other.example"]}, False, "API v2 does not report the existing records"),
        ({"mx": RIGHT}, True, None),
    ],
)
def test_version_2_reports_mx_only(
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
def test_version_3_reports_which_record_is_wrong(
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
    """Make the records correct after so many pauses between checks."""
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
def test_waits_with_growing_pauses_until_the_timeout(
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


def test_does_not_wait_if_the_records_are_valid(modules_of_version: Modules, clock: Clock) -> None:
    seed(modules_of_version, GOOD, active=True)
    assert check(modules_of_version, wait=1000)["api_requests"] == 2
    assert clock.slept == []


@pytest.mark.parametrize("scope", ["endpoint", "method", "account"])
def test_a_wait_respects_the_rate_limit(
    modules_of_version: Modules, clock: Clock, monkeypatch: pytest.MonkeyPatch, scope: Any
) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 100
    seed(modules, {})
    modules.emulator.keep_time_by(clock.time)
    modules.emulator.rate_limit = RateLimit(2, window=60.0, scope=scope)
    result = check(modules, wait=100)
    assert result["valid"] is False
    # One request can be refused before the scope of the limit is known.
    assert modules.emulator.rate_limited <= 1


# --- Check mode -----------------------------------------------------------------------------------


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("dns", [GOOD, {}], ids=["right", "wrong"])
def test_check_mode_reads_the_domain_and_warns_that_it_can_not_predict(
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


def test_in_check_mode_a_missing_domain_causes_a_warning(modules_of_version: Modules) -> None:
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
def test_a_temporary_fault_is_retried(
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
def test_a_permanent_fault_of_the_check_is_reported_with_its_effect(
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
        "The check changed the domain nevertheless." if activated else "Nothing was changed."
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
def test_an_unknown_effect_of_a_lost_check_is_reported(
    modules_of_version: Modules, clock: Clock, fault: dict[str, Any]
) -> None:
    modules = modules_of_version
    seed(modules, GOOD)
    modules.emulator.faults.add(Fault(**fault, times=None, skip=1))
    result = failure(modules)
    assert "/check: " in result["msg"]
    assert "whether it changed example.com could not be determined" in result["msg"]
    assert "Run it again" in result["msg"]


def test_a_valid_domain_that_can_not_be_read_again_is_reported_as_unknown(
    modules_of_version: Modules, clock: Clock
) -> None:
    modules = modules_of_version
    seed(modules, GOOD)
    modules.emulator.faults.add(Fault("status", status=500, path=f"/{DOMAIN}$", skip=1, times=None))
    result = failure(modules)
    assert result["msg"].startswith(
        "The check was done; whether it changed example.com could not be determined"
    )
    modules.emulator.faults.clear()
    assert outcome(check(modules)) == UNCHANGED


def test_a_domain_deleted_before_its_check_is_missing(
    modules_of_version: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = modules_of_version
    seed(modules, GOOD)
    delete_before_the_check(monkeypatch, DOMAIN)
    result = failure(modules)
    assert "example.com is not a domain of this account" in result["msg"]
    assert outcome(result) == UNCHANGED
    assert result["api_requests"] == 3


def delete_before_the_check(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def delete(template: str, usual: Any, account: Any, call: Any) -> Any:
        if template in CHECK.values():
            account.domains.pop(name, None)
        return usual(account, call)

    wrap_endpoints(monkeypatch, delete)


def test_a_domain_deleted_after_its_check_was_checked(
    modules_of_version: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(template: str, usual: Any, account: Any, call: Any) -> Any:
        reply = usual(account, call)
        if template in CHECK.values():
            account.domains.pop(DOMAIN)
        return reply

    modules = modules_of_version
    seed(modules, GOOD)
    wrap_endpoints(monkeypatch, delete)
    result = check(modules)
    assert (result["valid"], result["active"]) == (True, None)
    assert result["api_requests"] == 3  # the domain before and after its check
    assert outcome(result) == UNCHANGED


def test_many_that_are_deleted_before_their_checks_are_missing(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many that the list is read again."""
    names = seed_many(modules, *[ONES["right and active"]] * 3)
    seen: list[str] = []

    def delete(usual: Any, account: Any, call: Any) -> Any:
        seen.extend(account.domains)
        account.domains.clear()
        return usual(account, call)

    wrap_endpoint(monkeypatch, CHECK["v3"], delete)
    result = fail_many(modules, names)
    assert seen == names
    assert [failed["domain"] for failed in result["failed_domains"]] == names
    assert result["api_requests"] == 1 + 3 + 1


def test_one_of_many_that_is_deleted_before_its_check_is_missing(
    modules_of_version: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = modules_of_version
    names = seed_many(modules, *[ONES["right and active"]] * 3)
    delete_before_the_check(monkeypatch, names[1])
    result = fail_many(modules, names)
    assert [failed["domain"] for failed in result["failed_domains"]] == [names[1]]
    assert "is not a domain of this account" in result["failed_domains"][0]["msg"]
    assert [(c["valid"], c["active"]) for c in result["checks"]] == [(True, True), (None, None), (True, True)]
    # The list, three checks, and the domain that could not be checked.
    assert result["api_requests"] == 1 + 3 + 1


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


# --- Many domains ---------------------------------------------------------------------------------


def seed_many(modules: Modules, *domains: tuple[dict[str, Any], bool]) -> list[str]:
    """Create domains with DNS records and state; return their names."""
    names = [f"d{number:04}.example" for number in range(len(domains))]
    seeds = [
        {"domain": name, "dns": dns, "active": active}
        for name, (dns, active) in zip(names, domains, strict=True)
    ]
    modules.emulator.seed({"domains": seeds})
    return names


def check_many(modules: Modules, names: list[str], **options: Any) -> dict[str, Any]:
    result = modules.run("improvmx_domain_check", domains=names, **options)
    assert not result.get("failed"), result["msg"]
    return result


def fail_many(modules: Modules, names: list[str], **options: Any) -> dict[str, Any]:
    result = modules.run("improvmx_domain_check", domains=names, **options)
    assert result["failed"] is True
    assert result["pending"] == []
    return result


def activation_of(name: str) -> dict[str, Any]:
    return {**ACTIVATION, "domain": name, "name": name}


def counts(modules: Modules, start: int = 0) -> dict[str, int]:
    """The number of requests for each route, since this one."""
    return dict(Counter(routes(modules, start)))


def names_of(checks: list[dict[str, Any]]) -> list[str]:
    return [entry["domain"] for entry in checks]


LIST = {"v2": "GET /domains/", "v3": "GET /domains"}
ONES: dict[str, tuple[dict[str, Any], bool]] = {
    "right and active": (GOOD, True),
    "right and inactive": (GOOD, False),
    "wrong and active": ({"mx": ["mail.other.example"]}, True),
    "wrong and inactive": ({}, False),
}


@pytest.mark.parametrize("concurrency", [1, 8])
def test_many_domains_are_checked_in_one_task_and_returned_in_the_order_of_the_list(
    modules_of_version: Modules, concurrency: int
) -> None:
    modules = modules_of_version
    names = list(reversed(seed_many(modules, *ONES.values())))
    real = check_many(modules, names, concurrency=concurrency)
    assert names_of(real["checks"]) == names
    assert [(c["valid"], c["active"]) for c in real["checks"]] == [
        (False, False),
        (False, True),
        (True, True),
        (True, True),
    ]
    assert real["checks"][3]["reason"] is None
    assert real["checks"][0]["reason"].startswith(f"MX of {names[0]}: expected ")
    assert real["changes"] == [activation_of(names[2])]
    assert [effect.domain for effect in modules.emulator.ledger] == [names[2]]
    again = check_many(modules, names)
    assert outcome(again) == UNCHANGED
    assert again["checks"] == real["checks"]


def test_one_of_many_is_returned_like_a_single_domain(modules_of_version: Modules) -> None:
    modules = modules_of_version
    names = seed_many(modules, *ONES.values())
    together = check_many(modules, names)
    modules.emulator.reset()
    seed_many(modules, *ONES.values())
    for name, entry in zip(names, together["checks"], strict=True):
        alone = check(modules, domain=name)
        assert {"domain": name, **{key: alone[key] for key in list(entry)[1:]}} == entry


@pytest.mark.parametrize(
    ("ones", "looks"),
    [
        ([ONES["right and active"]] * 25, {}),
        ([ONES["wrong and inactive"]] * 25, {}),
        # Up to three single reads take no more requests than the list, which has three pages.
        ([*[ONES["right and active"]] * 22, *[ONES["right and inactive"]] * 3], {READ: 3}),
        ([*[ONES["right and active"]] * 21, *[ONES["right and inactive"]] * 4], {LIST["v3"]: 3}),
        ([ONES["right and inactive"]] * 25, {LIST["v3"]: 3}),
        ([ONES["wrong and active"]] * 25, {LIST["v3"]: 3}),
    ],
    ids=[
        "all right",
        "all wrong",
        "three become active",
        "four become active",
        "all become active",
        "all may be shut off",
    ],
)
def test_many_checks_take_a_request_each_and_no_more_reads_than_the_list(
    modules: Modules,
    monkeypatch: pytest.MonkeyPatch,
    ones: list[tuple[dict[str, Any], bool]],
    looks: dict[str, int],
) -> None:
    monkeypatch.setattr(_api_v3, "_PAGE", 10)
    names = seed_many(modules, *ones)
    check_many(modules, names)
    before = {LIST["v3"]: 3, "check": 25}
    assert counts(modules) == {**before, **looks, LIST["v3"]: 3 + looks.get(LIST["v3"], 0)}


def test_version_2_lists_in_one_request(emulator: Emulator) -> None:
    modules = Modules(emulator, api_version="v2")
    names = seed_many(modules, *[ONES["right and inactive"]] * 20)
    assert len(check_many(modules, names)["changes"]) == 20
    assert counts(modules) == {LIST["v2"]: 2, "check": 20}


def test_a_list_of_one_is_read_by_name_and_an_empty_list_sends_nothing(
    modules_of_version: Modules,
) -> None:
    modules = modules_of_version
    (name,) = seed_many(modules, ONES["right and inactive"])
    assert check_many(modules, [name])["changes"] == [activation_of(name)]
    assert routes(modules) == [READ, "check", READ]
    empty = check_many(modules, [])
    assert (empty["checks"], outcome(empty), empty["api_requests"]) == ([], UNCHANGED, 0)


def test_check_mode_reads_the_list_only(modules_of_version: Modules, clock: Clock) -> None:
    modules = modules_of_version
    names = seed_many(modules, *ONES.values())
    result = check_many(modules, [*names, "missing.example"], check=True, wait=100, fail_on_invalid=True)
    assert outcome(result) == UNCHANGED
    unknown = {"valid": None, "reason": None, "records": None}
    assert result["checks"] == [
        *(
            {"domain": name, "active": active, **unknown}
            for name, (_dns, active) in zip(names, ONES.values(), strict=True)
        ),
        {"domain": "missing.example", "active": None, **unknown},
    ]
    unchecked, missing = result["warnings"]
    assert unchecked.startswith(f"The DNS records of {', '.join(names)} were not checked")
    assert missing.startswith("missing.example is not a domain of this account yet")
    assert counts(modules) == {LIST[modules.options["api_version"]]: 1}


def test_warnings_of_check_mode_name_the_first_ten(modules: Modules) -> None:
    names = seed_many(modules, *[ONES["wrong and inactive"]] * 12)
    result = check_many(modules, [*names, *(f"m{n}.example" for n in range(12))], check=True)
    unchecked, missing = result["warnings"]
    assert "d0009.example, 2 more were not checked" in unchecked
    assert "m9.example, 2 more are not domains of this account yet" in missing


def test_the_failure_of_one_domain_does_not_stop_the_others(modules_of_version: Modules) -> None:
    modules = modules_of_version
    names = seed_many(modules, *ONES.values())
    modules.emulator.faults.add(Fault("status", status=403, path=f"/{names[0]}/check$", times=None))
    result = fail_many(modules, ["missing.example", *names])
    assert names_of(result["checks"]) == ["missing.example", *names]
    assert [entry["valid"] for entry in result["checks"]] == [None, None, True, False, False]
    assert [entry["domain"] for entry in result["failed_domains"]] == ["missing.example", names[0]]
    assert "create it first" in result["failed_domains"][0]["msg"]
    assert "403" in result["failed_domains"][1]["msg"]
    assert result["checks"][1]["reason"] == result["failed_domains"][1]["msg"]
    assert result["changes"] == [activation_of(names[1])]
    assert result["msg"].startswith("2 of 5 domains failed. missing.example is not a domain")
    assert result["msg"].endswith(f"Done: update domain {names[1]}.")


def test_a_check_that_failed_but_took_effect_is_a_change(modules_of_version: Modules, clock: Clock) -> None:
    modules = modules_of_version
    names = seed_many(modules, *[ONES["right and inactive"]] * 2)
    modules.emulator.faults.add(Fault("status_after", status=500, path=f"/{names[0]}/check$", times=None))
    result = fail_many(modules, names)
    assert [entry["domain"] for entry in result["failed_domains"]] == names[:1]
    assert [entry["active"] for entry in result["checks"]] == [True, True]
    assert result["changes"] == [activation_of(name) for name in names]


@pytest.mark.parametrize("count", [2, 3], ids=["looked at one by one", "looked up in the list"])
def test_many_domains_that_can_not_be_read_again_are_reported_as_unknown(
    modules: Modules, clock: Clock, count: int
) -> None:
    names = seed_many(modules, *[*[ONES["right and inactive"]] * count, *[ONES["right and active"]] * 100])
    modules.emulator.faults.add(Fault("status", status=500, path="/domains$", skip=2, times=None))
    modules.emulator.faults.add(Fault("status", status=500, path=r"/d\d+.example$", times=None))
    result = fail_many(modules, names, concurrency=1)
    assert [entry["domain"] for entry in result["failed_domains"]] == names[:count]
    for entry in result["failed_domains"]:
        assert f"whether it changed {entry['domain']} could not be determined" in entry["msg"]
    assert outcome(result) == UNCHANGED
    assert result["msg"].endswith("Run it again: repeating a check does no harm.")


def test_a_key_that_is_not_valid_any_more_ends_the_checks(modules: Modules, clock: Clock) -> None:
    names = seed_many(modules, *[ONES["wrong and inactive"]] * 20)
    modules.emulator.faults.add(Fault("status", status=401, path="/check$", times=None))
    result = fail_many(modules, names, concurrency=1)
    assert counts(modules) == {LIST["v3"]: 1, "check": 1, READ: 1}
    assert result["failed_domains"][1]["msg"].startswith("not tried")


def test_a_list_that_can_not_be_read_changes_nothing(modules_of_version: Modules, clock: Clock) -> None:
    modules = modules_of_version
    names = seed_many(modules, *ONES.values())
    modules.emulator.faults.add(Fault("status", status=403, path="/domains/?$", times=None))
    result = fail_many(modules, names)
    assert outcome(result) == UNCHANGED
    assert result["msg"].endswith("Nothing was changed.")
    assert modules.emulator.writes == []


def test_all_domains_share_one_wait_and_only_invalid_ones_are_checked_again(
    modules_of_version: Modules, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = modules_of_version
    seeds = [{"domain": DOMAIN}, {"domain": "a.example"}, {"domain": "b.example", "dns": GOOD}]
    modules.emulator.seed({"domains": seeds})
    appear_after(monkeypatch, modules.emulator, clock, 2)
    result = check_many(modules, [DOMAIN, "a.example", "b.example"], wait=10)
    assert [entry["valid"] for entry in result["checks"]] == [True, False, True]
    assert clock.slept == [2, 4, 4]
    route = CHECK[modules.options["api_version"]]
    checked = Counter(r.path.split("/")[3] for r in modules.emulator.requests if r.route == route)
    assert checked == {DOMAIN: 3, "a.example": 4, "b.example": 1}


@pytest.mark.parametrize("scope", ["endpoint", "method", "account"])
def test_concurrent_checks_respect_the_rate_limit(
    modules_of_version: Modules, clock: Clock, scope: Any
) -> None:
    modules = modules_of_version
    modules.options["retry_timeout"] = 100
    names = seed_many(modules, *[ONES["right and active"]] * 12)
    modules.emulator.keep_time_by(clock.time)
    modules.emulator.rate_limit = RateLimit(4, window=20.0, scope=scope)
    result = check_many(modules, names)
    assert all(entry["valid"] for entry in result["checks"])
    assert modules.emulator.rate_limited <= 1


@pytest.mark.parametrize(
    ("domains", "problems"),
    [
        (["a.example", "A.example.", "b"], ["domains[0] and domains[1] are the same domain", "domains[2]"]),
        (["bücher.example", "xn--bcher-kva.example"], ["are the same domain"]),
    ],
)
def test_malformed_and_duplicate_names_are_rejected(
    modules: Modules, domains: list[str], problems: list[str]
) -> None:
    result = fail_many(modules, domains, concurrency=11)
    assert result["api_requests"] == 0
    for problem in [*problems, "concurrency must be from 1 to 10"]:
        assert problem in result["msg"]


@pytest.mark.parametrize(
    "args",
    [{}, {"domain": None}, {"domains": None}, {"domain": DOMAIN, "domains": [DOMAIN]}],
    ids=["neither", "no domain", "no domains", "both"],
)
def test_domain_and_domains_are_mutually_exclusive(modules: Modules, args: dict[str, Any]) -> None:
    result = run_module("improvmx_domain_check", {**modules.options, **args})
    assert result["failed"] is True
    assert re.search(r"domain(, |\|| or )domains", result["msg"])
    assert modules.emulator.requests == []


# --- fail_on_invalid ------------------------------------------------------------------------------


def test_a_domain_that_is_not_valid_after_the_wait_fails_if_asked_for(
    modules_of_version: Modules, clock: Clock
) -> None:
    modules = modules_of_version
    seed(modules, {})
    result = failure(modules, wait=10, fail_on_invalid=True)
    assert result["msg"].startswith(f"the MX records of {DOMAIN} are not correct: MX of {DOMAIN}: expected ")
    assert result["msg"].endswith("Nothing was changed.")
    assert clock.slept == [2, 4, 4]
    assert (result["valid"], result["active"]) == (False, False)
    assert result["reason"] in result["msg"]
    set_dns(modules.emulator, **GOOD)
    assert outcome(check(modules, fail_on_invalid=True)) == ACTIVATED


def test_of_many_those_that_are_not_valid_fail_if_asked_for(modules_of_version: Modules) -> None:
    modules = modules_of_version
    names = seed_many(modules, *ONES.values())
    result = fail_many(modules, names, fail_on_invalid=True)
    assert [entry["domain"] for entry in result["failed_domains"]] == names[2:]
    assert result["changes"] == [activation_of(names[1])]
    assert result["msg"].startswith("2 of 4 domains failed. ")
    assert result["checks"][2]["reason"].startswith(f"MX of {names[2]}")
