# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._api import v3_rules as _api_v3_rules
from emulator import Emulator, Fault
from emulator.refusal import not_found, refuse
from harness import Clock, Modules, assert_truthful, changes_of, effects_of, read_diff, wrap_endpoint

NAME = "improvmx_rule"
DOMAIN = "example.com"
ROUTE = "/domains/{domain}/rules"
UNKNOWN = "could not be determined"
A, B = "a@x.example", "b@y.example"


def alias(name: str, forward: str = A, **fields: Any) -> dict[str, Any]:
    return {"type": "alias", "config": {"alias": name, "forward": forward}, **fields}


def regex(text: str, *scopes: str, forward: str = A, **fields: Any) -> dict[str, Any]:
    config = {"regex": text, "scopes": list(scopes), "forward": forward}
    return {"type": "regex", "config": config, **fields}


def cel(expression: str, forward: str = A, **fields: Any) -> dict[str, Any]:
    return {"type": "cel", "config": {"expression": expression, "forward": forward}, **fields}


def uuid(number: int) -> str:
    return f"0b9e6a2c-0000-4000-8000-{number:012}"


def seed(emulator: Emulator, *existing: dict[str, Any], **options: Any) -> None:
    """Create a domain with rules; the first has id 1 and rank 1, and so on."""
    numbered = [
        {"id": uuid(number), "rank": number, "created": 1772853311, **rule}
        for number, rule in enumerate(existing, 1)
    ]
    emulator.seed({"domains": [{"domain": DOMAIN, "routing_engine": "rules", "rules": numbered, **options}]})


def seeded(emulator: Emulator) -> list[dict[str, Any]]:
    """The existing rules, without their ids."""
    (domain,) = emulator.dump()["domains"]
    return [{key: value for key, value in rule.items() if key != "id"} for rule in domain["rules"]]


def methods(emulator: Emulator) -> list[str]:
    return [request.method for request in emulator.requests]


def run(modules: Modules, check: bool = False, **args: Any) -> dict[str, Any]:
    result = modules.run(NAME, check=check, **{"domain": DOMAIN, **args})
    assert "Traceback" not in str(result)
    return result


# --- Check mode, run, second run ------------------------------------------------------------------

INFO = {"type": "alias", "alias": "info", "forward": A}
BILL = {"type": "regex", "regex": "bill|invoice", "scopes": ["subject", "body"], "forward": A}
TEAM = {"type": "cel", "expression": "subject.contains('team')", "forward": A}


@pytest.mark.parametrize(
    ("wish", "made"),
    [
        pytest.param(INFO, alias("info"), id="alias"),
        pytest.param({**INFO, "alias": "*"}, alias("*"), id="catch-all"),
        pytest.param(BILL, regex("bill|invoice", "subject", "body"), id="regex"),
        pytest.param(TEAM, cel("subject.contains('team')"), id="expression"),
        pytest.param({**INFO, "rank": 2.5, "active": False}, alias("info", rank=2.5, active=False), id="all"),
        pytest.param({**INFO, "forward": [B, A, B]}, alias("info", f"{B},{A}"), id="destinations"),
        pytest.param({**INFO, "forward": "null"}, alias("info", "null"), id="null"),
        pytest.param({**BILL, "regex": " ^a b$ \n"}, regex(" ^a b$ ", "subject", "body"), id="block text"),
        pytest.param({**TEAM, "expression": "a == 1 &&\nb == 2\n"}, cel("a == 1 &&\nb == 2"), id="lines"),
        pytest.param({**INFO, "rank": 0}, alias("info", rank=0.0), id="rank of zero"),
    ],
)
def test_creates_a_rule_with_one_write(modules: Modules, wish: dict[str, Any], made: dict[str, Any]) -> None:
    seed(modules.emulator)
    check = run(modules, check=True, **wish)
    real = run(modules, **wish)
    again = run(modules, **wish)
    assert not real.get("failed"), real["msg"]
    assert methods(modules.emulator) == ["GET", "GET", "POST", "GET", "GET"]
    assert seeded(modules.emulator) == [{"rank": 1.0, "active": True, **made}]
    assert [result["changed"] for result in (check, real, again)] == [True, True, False]
    assert (check["changes"], check["diff"]) == (real["changes"], real["diff"])
    assert changes_of(real["changes"])[0][:3] == ("create", "rule", DOMAIN)
    assert real["rule"] == again["rule"]
    assert real["rule"]["id"] in modules.emulator.account.domains[DOMAIN].rules


@pytest.mark.parametrize(
    ("existing", "wish", "left"),
    [
        pytest.param(alias("info"), {**INFO, "forward": B}, alias("info", B), id="forward"),
        pytest.param(alias("Info"), {**INFO, "forward": [A, B]}, alias("Info", f"{A},{B}"), id="in any case"),
        pytest.param(alias("info", rank=3), {**INFO, "rank": 1.5}, alias("info", rank=1.5), id="rank"),
        pytest.param(alias("info", active=False), INFO, alias("info"), id="on again"),
        pytest.param(alias("info"), {**INFO, "active": False}, alias("info", active=False), id="off"),
        pytest.param(
            regex("bill|invoice", "body", "subject"),
            {**BILL, "forward": B},
            regex("bill|invoice", "body", "subject", forward=B),
            id="regex, whatever the order of its scopes",
        ),
        pytest.param(
            regex("bill|invoice", "body"),
            {"type": "regex", "regex": "bill|invoice", "forward": B},
            regex("bill|invoice", "body", forward=B),
            id="regex, whatever its scopes",
        ),
        pytest.param(
            cel("subject.contains('team')"),
            {**TEAM, "forward": B, "rank": 9},
            cel("subject.contains('team')", B, rank=9.0),
            id="expression",
        ),
    ],
)
def test_updates_what_differs_with_one_write(
    modules: Modules, existing: dict[str, Any], wish: dict[str, Any], left: dict[str, Any]
) -> None:
    others = [alias("other"), regex("other", "body"), cel("false")]
    seed(modules.emulator, existing, *others)
    before = seeded(modules.emulator)
    rounds = modules.rounds(NAME, domain=DOMAIN, **wish)
    assert [request.method for request in rounds.requests] == ["GET", "GET", "PUT"]
    assert rounds.again["api_requests"] == 2
    assert seeded(modules.emulator) == [{"rank": 1.0, "active": True, **left}, *before[1:]]
    assert rounds.real["rule"] == rounds.again["rule"]


@pytest.mark.parametrize(
    "wish", [INFO, BILL, TEAM, {"type": "regex", "regex": "bill|invoice"}], ids=["alias", "regex", "cel", "r"]
)
def test_deletes_a_rule_with_one_write(modules: Modules, wish: dict[str, Any]) -> None:
    existing = [alias("INFO"), regex("bill|invoice", "body", "subject"), cel("subject.contains('team')")]
    seed(modules.emulator, *existing)
    matcher = {key: value for key, value in wish.items() if key != "forward"}
    rounds = modules.rounds(NAME, domain=DOMAIN, state="absent", **matcher)
    assert [request.method for request in rounds.requests] == ["GET", "GET", "DELETE"]
    assert rounds.real["rule"] is None
    assert wish["type"] not in [rule["type"] for rule in seeded(modules.emulator)]
    assert len(seeded(modules.emulator)) == 2


@pytest.mark.parametrize(
    ("existing", "wish"),
    [
        pytest.param(alias("Info", f"{B} , a@X.Example"), {**INFO, "forward": [A, B, A]}, id="forward"),
        pytest.param(
            alias("info", f"{A.swapcase()},HTTPS://Hook.example"),
            {**INFO, "forward": [A, "https://hook.example:443/"]},
            id="case of an address, form of a URL",
        ),
        pytest.param(
            regex("(a|b)-(.*)", "body", "subject", forward="$1@x.example,x-$2@$1.example"),
            {**BILL, "regex": "(a|b)-(.*)", "forward": ["X-$2@$1.EXAMPLE", "$1@x.example"]},
            id="what a regex matched, anywhere in a destination",
        ),
        pytest.param(alias("info", rank=7.25), INFO, id="rank that is not managed"),
        pytest.param(alias("info", rank=2), {**INFO, "rank": 2}, id="rank"),
        pytest.param(regex("bill|invoice", "body", "subject"), BILL, id="order of scopes"),
        pytest.param(
            regex("bill|invoice", "body", "subject"),
            {**BILL, "scopes": ["body", "subject", "body"]},
            id="doubles of scopes",
        ),
        pytest.param(regex(" bill|invoice ", "body", "subject"), BILL, id="spaces around a regex"),
        pytest.param(
            cel("subject.contains('team')"), {**TEAM, "expression": "subject.contains('team')\n"}, id="block"
        ),
        pytest.param(cel(" subject.contains('team') "), TEAM, id="spaces around an expression"),
        pytest.param(alias("other"), {**INFO, "state": "absent"}, id="absent"),
        pytest.param(regex("info", "body"), {**INFO, "state": "absent"}, id="absent of this type"),
    ],
)
def test_no_difference_in_meaning_changes_nothing(
    modules: Modules, existing: dict[str, Any], wish: dict[str, Any]
) -> None:
    seed(modules.emulator, existing)
    rounds = modules.rounds(NAME, domain=DOMAIN, **wish)
    assert rounds.real["changed"] is False
    assert rounds.count == 2
    assert modules.emulator.writes == []


@pytest.mark.parametrize(
    ("count", "pages"), [(0, 1), (1, 2), (19, 2), (20, 2), (21, 2), (39, 2), (40, 3), (41, 3), (100, 6)]
)
def test_reads_the_rules_to_their_end_and_no_further(modules: Modules, count: int, pages: int) -> None:
    """A page is the last one if it is shorter than an earlier one, or empty."""
    seed(modules.emulator, *(alias(f"a{number}") for number in range(count)))
    wish = {"type": "alias", "alias": f"a{count - 1}", "forward": A} if count else {**INFO, "state": "absent"}
    result = run(modules, **wish)
    assert result["changed"] is False
    assert result["api_requests"] == pages


# --- By id ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("existing", "wish", "left"),
    [
        pytest.param(alias("info"), {"alias": "sales"}, alias("sales"), id="alias"),
        pytest.param(alias("info"), {"type": "alias", "alias": "*"}, alias("*"), id="with the type"),
        pytest.param(
            regex("a", "body"), {"regex": "b", "scopes": ["sender"]}, regex("b", "sender"), id="regex"
        ),
        pytest.param(regex("a", "body"), {"scopes": ["sender"]}, regex("a", "sender"), id="scopes"),
        pytest.param(cel("a"), {"expression": "b", "forward": B}, cel("b", B), id="expression"),
        pytest.param(cel("a"), {"active": False}, cel("a", active=False), id="off"),
        pytest.param(cel("a"), {"rank": 0.5}, cel("a", rank=0.5), id="rank"),
    ],
)
def test_a_rule_addressed_by_its_id_can_be_changed_except_for_its_type(
    modules: Modules, existing: dict[str, Any], wish: dict[str, Any], left: dict[str, Any]
) -> None:
    seed(modules.emulator, existing, existing)
    rounds = modules.rounds(NAME, domain=DOMAIN, id=uuid(1), **wish)
    assert [request.method for request in rounds.requests] == ["GET", "PUT"]
    assert rounds.again["api_requests"] == 1
    assert seeded(modules.emulator)[0] == {"rank": 1.0, "active": True, **left}
    assert rounds.real["rule"] == rounds.again["rule"]
    assert rounds.real["rule"]["id"] == uuid(1)


def test_a_rule_addressed_by_its_id_is_deleted(modules: Modules) -> None:
    seed(modules.emulator, alias("info"), alias("info"))
    rounds = modules.rounds(NAME, domain=DOMAIN, id=uuid(2).upper(), state="absent")
    assert [request.method for request in rounds.requests] == ["GET", "DELETE"]
    assert rounds.again["api_requests"] == 1
    assert seeded(modules.emulator) == [alias("info", rank=1.0, active=True)]


def test_a_result_is_valid_input_that_changes_nothing(modules: Modules) -> None:
    for existing in (alias("info"), regex("a", "body"), cel("a")):
        seed(modules.emulator, existing)
        reported = run(modules, id=uuid(1))["rule"]
        assert reported["created"] == "2026-03-07T03:15:11Z"
        del reported["created"]
        assert run(modules, **reported)["changed"] is False
        del reported["id"]
        assert run(modules, **reported)["changed"] is False


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_a_missing_id_is_a_failure_that_says_what_to_do(modules: Modules, check: bool) -> None:
    seed(modules.emulator, alias("info"))
    result = run(modules, check=check, id=uuid(9), **INFO)
    assert result["failed"] is True
    assert f"example.com has no rule with the id {uuid(9)}; to create a rule, omit id" in result["msg"]
    assert result["changes"] == result["pending"] == []
    assert result["api_requests"] == 1


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_the_type_of_a_rule_is_not_changed(modules: Modules, check: bool) -> None:
    seed(modules.emulator, alias("info"))
    for wish in ({"type": "cel"}, {"expression": "true"}, {**BILL}, {"type": "cel", "state": "absent"}):
        result = run(modules, check=check, id=uuid(1), **wish)
        assert result["failed"] is True
        assert "the type of a rule can't change" in result["msg"]
        assert result["changes"] == []
    assert modules.emulator.writes == []


def test_a_rule_of_an_unknown_type_is_kept_and_can_be_deactivated(modules: Modules) -> None:
    other = {"type": "weather", "config": {"sun": True, "alias": "info", "forward": A}}
    seed(modules.emulator, other, alias("info"))
    assert run(modules, **INFO)["changed"] is False
    reported = run(modules, check=True, id=uuid(1), active=False)
    assert reported["changes"][0]["name"] == uuid(1)
    assert reported["changes"][0]["after"] == {"active": False}


# --- Which rule is matched -------------------------------------------------------------------------


def test_rules_with_the_same_regex_and_other_scopes_are_different(modules: Modules) -> None:
    """Otherwise two tasks for them would change each other's rule in every run."""
    seed(modules.emulator)
    subject, body = {**BILL, "scopes": ["subject"]}, {**BILL, "scopes": ["body"], "forward": B}
    for wish in (subject, body):
        modules.rounds(NAME, domain=DOMAIN, **wish)
    for wish in (subject, body):
        assert run(modules, **wish)["changed"] is False
    assert [rule["config"]["scopes"] for rule in seeded(modules.emulator)] == [["subject"], ["body"]]


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("existing", "wish"),
    [
        ([alias("info"), alias("INFO", B)], INFO),
        ([regex("a", "body"), regex("a", "subject")], {"type": "regex", "regex": "a", "forward": A}),
        ([regex("a", "body", "subject"), regex("a", "subject", "body")], {**BILL, "regex": "a"}),
        ([cel("a"), cel("a ")], {"type": "cel", "expression": "a", "forward": A}),
    ],
    ids=["alias", "regex", "regex and scopes", "expression"],
)
def test_a_wish_that_matches_several_rules_is_rejected_with_their_ids(
    modules: Modules, existing: list[dict[str, Any]], wish: dict[str, Any], state: str
) -> None:
    seed(modules.emulator, *existing, alias("other"))
    for check in (True, False):
        result = run(modules, check=check, state=state, **wish)
        assert result["failed"] is True
        assert result["msg"].startswith("example.com has 2 rules of type ")
        for message in (uuid(1), uuid(2), "rank 1.0", "id"):
            assert message in result["msg"]
        assert uuid(3) not in result["msg"]
        assert result["msg"].endswith(" Nothing was changed.")
        assert result["changes"] == result["pending"] == []
    assert modules.emulator.writes == []


def test_a_second_matching_rule_is_found_on_the_last_page(modules: Modules) -> None:
    seed(modules.emulator, alias("info"), *(alias(f"a{number}") for number in range(43)), alias("info"))
    assert uuid(45) in run(modules, **INFO)["msg"]


# --- Requests and replies -------------------------------------------------------------------------


def test_returns_the_change_and_the_diff(modules: Modules) -> None:
    seed(modules.emulator, regex("a", "body", rank=4))
    changed = run(modules, id=uuid(1), regex="b", forward=[B, A], rank=4)
    before, after = {"regex": "a", "forward": [A]}, {"regex": "b", "forward": [B, A]}
    assert changed["changes"] == [
        {"action": "update", "kind": "rule", "domain": DOMAIN, "name": "a", "before": before, "after": after}
    ]
    assert [entry["before"] for entry in changed["diff"]] == [
        f"domain: {DOMAIN}\n"
        "rules:\n"
        "  - type: regex\n"
        "    regex: a\n"
        "    scopes:\n"
        "      - body\n"
        f"    forward: {A}\n"
        "    rank: 4.0\n"
    ]
    assert read_diff(changed["diff"])["after"] == {
        DOMAIN: {
            "rules": [{"type": "regex", "regex": "b", "scopes": ["body"], "forward": [B, A], "rank": 4.0}]
        }
    }
    made = run(modules, **INFO)
    assert made["changes"][0]["after"] == {"type": "alias", "alias": "info", "forward": [A], "active": True}
    assert read_diff(made["diff"])["before"] == {DOMAIN: {}}
    gone = run(modules, id=uuid(1), state="absent")
    whole = {
        "type": "regex",
        "regex": "b",
        "scopes": ["body"],
        "forward": [B, A],
        "rank": 4.0,
        "active": True,
    }
    assert gone["changes"][0]["before"] == whole
    assert gone["changes"][0]["after"] is None
    assert read_diff(gone["diff"])["after"] == {DOMAIN: {}}


def test_a_long_expression_is_shortened_in_results_and_sent_in_full(modules: Modules) -> None:
    seed(modules.emulator)
    expression = "subject.contains('a') ||\n" * 40 + "false"
    result = run(modules, type="cel", expression=expression, forward=A)
    name = result["changes"][0]["name"]
    assert len(name) == 80
    assert name.startswith("subject.contains('a') || subject")
    assert seeded(modules.emulator)[0]["config"]["expression"] == expression


def test_an_update_sends_the_complete_config_with_unknown_fields(modules: Modules) -> None:
    existing = alias("Info", f"{B} ,{A}")
    existing["config"] |= {"label": "kept", "tags": [1]}
    seed(modules.emulator, existing)
    run(modules, **{**INFO, "forward": [A, B]}, active=False)
    assert modules.emulator.writes[-1].body == {"config": existing["config"], "rank": 1.0, "active": False}
    run(modules, **INFO)
    assert modules.emulator.writes[-1].body["config"] == {**existing["config"], "forward": A}


@pytest.mark.parametrize(
    ("method", "form"),
    [
        *((method, form) for method in ("POST", "PUT", "GET") for form in ("bare", "wrapped", "odd fields")),
        *((method, form) for method in ("POST", "PUT") for form in ("no rule", "no id")),
    ],
)
def test_every_form_of_a_reply_is_accepted(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, clock: Clock, method: str, form: str
) -> None:
    def reply(usual: Any, account: Any, call: Any) -> Any:
        rule = usual(account, call)
        if form == "odd fields":
            return {**rule, "rank": "first", "active": None, "created": "soon"}
        without_id = {key: value for key, value in rule.items() if key != "id"}
        forms = {"wrapped": {"rule": rule, "success": True}, "no rule": {"success": True}}
        return {**forms, "no id": without_id}.get(form, rule)

    seed(modules.emulator, alias("info"))
    template = f"{method} {ROUTE}" + ("" if method == "POST" else "/{rule}")
    wrap_endpoint(monkeypatch, template, reply)
    wish = {**INFO, "alias": "new"} if method == "POST" else {"id": uuid(1), "forward": B}
    result = run(modules, **wish)
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert len(modules.emulator.ledger) == 1
    assert result["rule"]["id"]


def test_a_reply_with_another_id_changes_nothing(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(usual: Any, account: Any, call: Any) -> Any:
        return {**usual(account, call), "id": uuid(2)}

    seed(modules.emulator, alias("info"), alias("sales"))
    wrap_endpoint(monkeypatch, f"GET {ROUTE}/{{rule}}", other)
    result = run(modules, id=uuid(1), state="absent")
    assert result["failed"] is True
    assert f"the reply is about the rule {uuid(2)}" in result["msg"]
    assert modules.emulator.writes == []


@pytest.mark.parametrize("end", ["nothing", "404", "the last page again", "the first page again"])
def test_every_form_of_the_end_of_a_list_is_accepted(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    seed(modules.emulator, *(alias(f"a{number}") for number in range(40)))

    def paged(usual: Any, account: Any, call: Any) -> Any:
        page = int(call.query["page"])
        if page == 3 and end == "404":
            raise not_found("Page")
        if page == 3 and end != "nothing":
            call.query["page"] = "2" if "last" in end else "1"
        return usual(account, call)

    wrap_endpoint(monkeypatch, f"GET {ROUTE}", paged)
    result = run(modules, type="alias", alias="a39", forward=A)
    assert result["changed"] is False
    assert result["api_requests"] == 3


def test_an_endless_list_is_reported(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(modules.emulator)

    def endless(usual: Any, account: Any, call: Any) -> Any:
        return {"rules": [{**alias("x"), "id": f"r{call.query['page']}"}], "success": True}

    wrap_endpoint(monkeypatch, f"GET {ROUTE}", endless)
    monkeypatch.setattr(_api_v3_rules, "_MOST_PAGES", 20)
    result = run(modules, **INFO)
    assert "the list has no end" in result["msg"]
    assert result["api_requests"] == 20
    assert modules.emulator.writes == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rules": None}, 'no list of objects under "rules"'),
        ({"rules": {}}, 'no list of objects under "rules"'),
        ({"rules": [{"id": "a"}]}, 'without a string under "type"'),
        ({"rules": [{"id": "a", "type": "alias"}]}, "a rule without a config"),
        ({"rules": [{"type": "alias", "config": {}}]}, 'without a string under "id"'),
        ({"rules": [{"id": "a", "type": "alias", "config": {"forward": 7}}]}, 'unknown form of "forward"'),
        (["a", "list"], "not a JSON object"),
        ({"success": False, "error": "Later."}, "Later."),
    ],
)
def test_an_invalid_list_is_reported_and_nothing_is_written(
    modules: Modules, body: Any, message: str
) -> None:
    seed(modules.emulator)
    modules.emulator.faults.add(Fault("body", body=body))
    result = run(modules, **INFO)
    assert result["failed"] is True
    assert f"GET /v3/domains/{DOMAIN}/rules: " in result["msg"]
    assert message in result["msg"]
    assert result["msg"].endswith(" Nothing was changed.")
    assert result["changes"] == result["pending"] == []
    assert modules.emulator.writes == []


# --- Domains --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wish", [INFO, {**INFO, "state": "absent"}, {"id": uuid(1)}])
@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_a_domain_that_is_routed_by_aliases_is_a_failure_that_says_what_to_do(
    modules: Modules, wish: dict[str, Any], check: bool
) -> None:
    modules.emulator.seed({"domains": [{"domain": DOMAIN}]})
    result = run(modules, check=check, **wish)
    assert result["failed"] is True
    assert result["msg"].startswith("example.com is routed by aliases, so it has no rules")
    for way in ("improvmx.email.improvmx_alias", "dashboard"):
        assert way in result["msg"]
    assert result["changes"] == []
    assert result["api_requests"] == 2
    assert modules.emulator.writes == []


@pytest.mark.parametrize("status", [400, 404, 405, 409])
def test_routing_by_aliases_is_recognized_for_any_status(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    modules.emulator.seed({"domains": [{"domain": DOMAIN}]})

    def refused(usual: Any, account: Any, call: Any) -> Any:
        raise refuse(status, "No.")

    wrap_endpoint(monkeypatch, f"GET {ROUTE}", refused)
    assert "is routed by aliases" in run(modules, **INFO)["msg"]


def test_rules_beyond_the_plan_fail_with_the_services_message(modules: Modules) -> None:
    seed(modules.emulator)
    modules.emulator.account.premium = False
    result = run(modules, **INFO)
    assert "the service answered 403: Rules need a premium plan. Nothing was changed." in result["msg"]


def test_a_missing_domain_is_a_failure_that_says_to_create_it(modules: Modules) -> None:
    result = run(modules, **INFO)
    assert result["failed"] is True
    assert result["msg"].startswith("example.com is not a domain of this account, so it can't have rules")
    assert result["changes"] == []
    assert changes_of(result["pending"]) == [("create", "rule", DOMAIN, "info")]
    assert result["api_requests"] == 2


def test_in_check_mode_a_missing_domain_causes_a_warning_and_a_predicted_change(modules: Modules) -> None:
    check = run(modules, check=True, **INFO)
    assert not check.get("failed")
    (warning,) = check["warnings"]
    assert warning.startswith("example.com is not a domain of this account yet")
    seed(modules.emulator)
    real = run(modules, **INFO)
    assert {key: check[key] for key in ("changed", "changes", "diff")} == {
        key: real[key] for key in ("changed", "changes", "diff")
    }


@pytest.mark.parametrize("wish", [{**INFO, "state": "absent"}, {"id": uuid(1), "state": "absent"}])
def test_an_absent_rule_of_a_missing_domain_is_unchanged(modules: Modules, wish: dict[str, Any]) -> None:
    rounds = modules.rounds(NAME, domain=DOMAIN, **wish)
    assert rounds.real["changed"] is False
    assert rounds.count == 1


# --- Invalid input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "problems"),
    [
        ({}, ["type: it is required unless id selects the rule", "forward"]),
        ({"type": "alias", "forward": A}, ["alias: a rule of type alias requires it"]),
        ({"type": "regex", "forward": A, "scopes": ["body"]}, ["regex: a rule of type regex requires it"]),
        ({"type": "cel", "state": "absent"}, ["expression: a rule of type cel requires it"]),
        ({**INFO, "regex": "a"}, ["regex: a rule of type alias does not accept it"]),
        ({**TEAM, "scopes": ["body"]}, ["scopes: a rule of type cel does not accept it"]),
        ({**BILL, "alias": "a", "expression": "b"}, ["alias: a rule", "expression: a rule", "2 problems"]),
        (
            {"id": uuid(1), "alias": "a", "expression": "b"},
            ["expression: a rule of type alias does not accept it"],
        ),
        ({**INFO, "alias": "info@example.com"}, ["alias: ", "before the @"]),
        ({**INFO, "alias": True}, ["alias: ", "quotes"]),
        ({**BILL, "regex": " \n"}, ["regex: ", "empty"]),
        ({**TEAM, "expression": ""}, ["expression: ", "empty"]),
        ({**BILL, "scopes": []}, ["scopes: at least one"]),
        ({**INFO, "forward": []}, ["forward: at least one destination"]),
        ({**INFO, "forward": "a@example.com"}, ["forward: ", "in the same domain"]),
        ({**INFO, "forward": ["null", A]}, ["must be the only destination"]),
        ({"type": "alias", "alias": "info"}, ["forward: at least one destination"]),
        ({"id": uuid(1), "forward": []}, ["forward: at least one destination"]),
        ({**INFO, "rank": "nan"}, ["rank: ", "finite"]),
        ({**INFO, "rank": "-inf"}, ["rank: ", "finite"]),
        ({"id": ""}, ["id: ", "empty"]),
        ({"id": "a b"}, ["id: ", "white space"]),
        ({"id": ".."}, ["id: ", "paths"]),
        (
            {
                "domain": "nodot",
                "type": "alias",
                "alias": "a b",
                "forward": "x",
                "rank": "inf",
                "id": ".",
                "timeout": 0,
                "api_version": "v2",
            },
            [
                "domain: ",
                "alias: ",
                "forward: ",
                "rank: ",
                " id: ",
                "timeout must be",
                "API v2 can't manage rules; v3 can",
                "7 problems",
            ],
        ),
    ],
)
def test_all_invalid_input_is_reported_before_any_request(
    modules: Modules, wish: dict[str, Any], problems: list[str]
) -> None:
    for check in (True, False):
        result = run(modules, check=check, **wish)
        assert result["failed"] is True
        for problem in [*problems, "No request was sent"]:
            assert problem in result["msg"]
        assert result["api_requests"] == 0
        assert result["changes"] == result["pending"] == []


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_a_new_regex_without_scopes_is_refused_before_any_write(modules: Modules, check: bool) -> None:
    seed(modules.emulator, regex("other", "body"))
    result = run(modules, check=check, type="regex", regex="a", forward=A)
    assert result["failed"] is True
    assert "creating it requires scopes" in result["msg"]
    assert result["changes"] == []
    assert changes_of(result["pending"]) == [("create", "rule", DOMAIN, "a")]
    assert modules.emulator.writes == []


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
    "POST": {**INFO, "alias": "new"},
    "PUT": {**INFO, "forward": B, "rank": 3},
    "DELETE": {"type": "alias", "alias": "info", "state": "absent"},
}
PLANNED = {
    "POST": ("create", "rule", DOMAIN, "new"),
    "PUT": ("update", "rule", DOMAIN, "info"),
    "DELETE": ("delete", "rule", DOMAIN, "info"),
}


@pytest.mark.parametrize("method", WISHES)
@pytest.mark.parametrize("fault", LOST)
def test_a_write_with_a_lost_answer_is_looked_up_and_reported_as_done(
    modules: Modules, clock: Clock, fault: str, method: str
) -> None:
    seed(modules.emulator, alias("info"))
    modules.emulator.faults.add(Fault(**LOST[fault], method=method))
    result = run(modules, **WISHES[method])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == [PLANNED[method]]
    assert set(effects_of(modules.emulator.ledger)) == {PLANNED[method]}
    if method != "PUT":
        assert len(modules.emulator.ledger) == 1
    again = run(modules, **WISHES[method])
    assert again["changed"] is False
    assert again["rule"] == result["rule"]


WITHOUT_EFFECT: dict[str, dict[str, Any]] = {
    "502": {"kind": "status", "status": 502, "html": True},
    "reset before": {"kind": "reset_before"},
    "429 at once": {"kind": "rate_limit", "retry_after": 0},
    "429 in 5 s": {"kind": "rate_limit", "retry_after": 5, "reset": True},
}


@pytest.mark.parametrize("method", ["GET", *WISHES])
@pytest.mark.parametrize("fault", WITHOUT_EFFECT)
def test_a_temporary_fault_is_retried(modules: Modules, clock: Clock, fault: str, method: str) -> None:
    seed(modules.emulator, alias("info"))
    modules.emulator.faults.add(Fault(**WITHOUT_EFFECT[fault], method=method))
    result = run(modules, **WISHES["PUT" if method == "GET" else method])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert len(modules.emulator.ledger) == 1


@pytest.mark.parametrize("method", WISHES)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "status", "status": 500}, "500: Something went wrong."),
        ({"kind": "status", "status": 503, "html": True}, "503 upstream trouble"),
        ({"kind": "body", "status": 403, "body": {"error": "Premium only."}}, "403: Premium only."),
        ({"kind": "body", "status": 400, "body": {"errors": {"config": ["Bad."]}}}, "400: config: Bad."),
        ({"kind": "success_false"}, "Please try again."),
    ],
)
def test_a_permanently_failed_write_is_reported_as_not_done(
    modules: Modules, clock: Clock, method: str, fault: dict[str, Any], message: str
) -> None:
    seed(modules.emulator, alias("info"))
    modules.emulator.faults.add(Fault(**fault, method=method, times=None))
    result = run(modules, **WISHES[method])
    assert result["failed"] is True
    action, _kind, _domain, name = PLANNED[method]
    not_done = f"Not done: {action} rule {name} of {DOMAIN}. Run it again"
    for part in (f"{DOMAIN}: {method} /v3/domains/{DOMAIN}/rules", message.rstrip("."), not_done):
        assert part in result["msg"]
    assert UNKNOWN not in result["msg"]
    assert result["changed"] is False
    assert result["changes"] == []
    assert changes_of(result["pending"]) == [PLANNED[method]]
    assert modules.emulator.ledger == []


@pytest.mark.parametrize("method", WISHES)
def test_a_doubtful_write_is_not_sent_again_while_reads_fail(
    modules: Modules, clock: Clock, method: str
) -> None:
    seed(modules.emulator, alias("info"))
    modules.emulator.faults.add(
        Fault("status_after", status=500, method=method),
        Fault("status", method="GET", skip=2, times=None),
    )
    result = run(modules, **WISHES[method])
    assert result["failed"] is True
    assert UNKNOWN in result["msg"]
    assert methods(modules.emulator).count(method) == 1
    assert changes_of(result["pending"]) == [PLANNED[method]]
    modules.emulator.faults.clear()
    assert not run(modules, **WISHES[method]).get("failed")
    assert len(modules.emulator.ledger) == 1


def meanwhile(monkeypatch: pytest.MonkeyPatch, template: str, happen: Callable[[Any], None]) -> None:
    """Change something between reading and the first write."""
    left = [happen]

    def first(usual: Any, account: Any, call: Any) -> Any:
        if left:
            left.pop()(account.domains[DOMAIN])
        return usual(account, call)

    wrap_endpoint(monkeypatch, template, first)


def test_a_rule_deleted_before_its_update_is_created(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(modules.emulator, alias("info"))
    meanwhile(monkeypatch, f"PUT {ROUTE}/{{rule}}", lambda domain: domain.rules.clear())
    result = run(modules, **WISHES["PUT"])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == [("create", "rule", DOMAIN, "info")]


def test_a_rule_deleted_before_its_deletion_is_not_an_error(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(modules.emulator, alias("info"))
    meanwhile(monkeypatch, f"DELETE {ROUTE}/{{rule}}", lambda domain: domain.rules.clear())
    result = run(modules, **WISHES["DELETE"])
    assert not result.get("failed"), result["msg"]
    assert result["rule"] is None


def test_a_rule_with_an_id_deleted_before_its_update_is_reported(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(modules.emulator, alias("info"))
    meanwhile(monkeypatch, f"PUT {ROUTE}/{{rule}}", lambda domain: domain.rules.clear())
    result = run(modules, id=uuid(1), forward=B)
    assert result["failed"] is True
    assert "has no rule with the id" in result["msg"]
    assert changes_of(result["pending"]) == [PLANNED["PUT"]]


def test_a_rule_created_meanwhile_is_not_created_again(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(modules.emulator, alias("new", B))
    twins = dict(modules.emulator.account.domains[DOMAIN].rules)
    modules.emulator.account.domains[DOMAIN].rules.clear()

    def turn_up(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[DOMAIN]
        if not domain.rules:
            domain.rules.update(twins)
        raise refuse(400, "There is one already.")

    wrap_endpoint(monkeypatch, f"POST {ROUTE}", turn_up)
    result = run(modules, **WISHES["POST"])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert changes_of(result["changes"]) == [("update", "rule", DOMAIN, "new")]


def test_endless_conflicts_end_in_a_failure(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state changes between every reading and the following write."""
    seed(modules.emulator, alias("info"))
    domain = modules.emulator.account.domains[DOMAIN]
    existing = dict(domain.rules)

    def vanish(usual: Any, account: Any, call: Any) -> Any:
        domain.rules.clear()
        raise refuse(404, "Gone.")

    def turn_up(usual: Any, account: Any, call: Any) -> Any:
        domain.rules.update(existing)
        raise refuse(409, "There is one already.")

    wrap_endpoint(monkeypatch, f"PUT {ROUTE}/{{rule}}", vanish)
    wrap_endpoint(monkeypatch, f"POST {ROUTE}", turn_up)
    result = run(modules, **WISHES["PUT"])
    assert result["failed"] is True
    assert result["changes"] == []
    assert len(modules.emulator.writes) == 4


@pytest.mark.parametrize("seed_of_chance", range(60))
def test_random_faults_end_in_the_desired_state_or_a_truthful_report(
    modules: Modules, clock: Clock, seed_of_chance: int
) -> None:
    dice = random.Random(seed_of_chance)
    seed(modules.emulator, alias("info"), *(alias(f"a{number}") for number in range(dice.choice((0, 25)))))
    wish = dice.choice([*WISHES.values(), {"id": uuid(1), "forward": B}, {"id": uuid(1), "state": "absent"}])
    modules.emulator.faults.random(seed=seed_of_chance, rate=dice.choice((0.1, 0.25, 0.5)))
    assert_truthful(modules.emulator, run(modules, **wish))
    assert len([effect for effect in modules.emulator.ledger if effect.action == "create"]) <= 1
    modules.emulator.faults.clear()
    assert not run(modules, **wish).get("failed")
    assert run(modules, **wish)["changed"] is False
