# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules and SMTP credentials in the desired state of a domain, and unmanaged ones."""

from __future__ import annotations

from typing import Any

import pytest

from emulator import Emulator, Fault
from emulator.refusal import refuse
from emulator.rules import add_rule
from harness import (
    PREDICTED,
    Clock,
    Modules,
    changes_of,
    delete_after_the_list,
    read_diff,
    wrap_endpoint,
)

RULED, PLAIN = "ruled.example", "plain.example"
A, B = "a@x.example", "b@y.example"
PASSWORD = "kR7!vq2-Zw95xTn0"


def rule(name: str, forward: str = A, **fields: Any) -> dict[str, Any]:
    return {"type": "alias", "alias": name, "forward": [forward], **fields}


def seed(emulator: Emulator, rules: str = "", credentials: str = "", **account: Any) -> None:
    """Create a domain with rules named by letters, ranks 1, 2 and so on, and one with credentials."""
    made = [
        {"type": "alias", "config": {"alias": letter, "forward": A}, "rank": number}
        for number, letter in enumerate(rules, 1)
    ]
    smtp = [{"username": 3 * letter, "password": "old-one-1234"} for letter in credentials]
    emulator.seed(
        {
            "domains": [
                {"domain": PLAIN, "aliases": {"*": A}, "credentials": smtp},
                {"domain": RULED, "routing_engine": "rules", "aliases": {}, "rules": made},
            ],
            **account,
        }
    )


def order_of(emulator: Emulator) -> str:
    rules = emulator.account.domains[RULED].rules.values()
    return "".join(each.config["alias"] for each in sorted(rules, key=lambda each: each.rank))


def users_of(emulator: Emulator, name: str = PLAIN) -> dict[str, str]:
    return {c.username: c.password for c in emulator.account.domains[name].credentials.values()}


def ruled(*letters: str, **options: Any) -> dict[str, Any]:
    return {"domain": RULED, "rules": [rule(letter) for letter in letters], **options}


def smtp(*names: str, **options: Any) -> dict[str, Any]:
    users = [{"username": 3 * name, "password": PASSWORD} for name in names]
    return {"domain": PLAIN, "credentials": users, **options}


def thrice(modules: Modules, **args: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Run in check mode, for real and again. Only the real run warns that DNS records have to be checked."""
    check = modules.run("improvmx_domains", check=True, **args)
    assert modules.emulator.writes == []
    real = modules.run("improvmx_domains", **args)
    again = modules.run("improvmx_domains", **args)
    assert not real.get("failed"), real["msg"]
    assert {key: check[key] for key in PREDICTED} == {key: real[key] for key in PREDICTED}
    assert (again["changed"], again["changes"]) == (False, [])
    made = [change for change in real["changes"] if change["kind"] == "credential" and change["after"]]
    assert any("a new check of the DNS records" in warning for warning in real["warnings"]) is bool(made)
    return check, real, again


# --- Check mode, run, second run ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("existing", "wanted", "purge", "left", "writes"),
    [
        ("abc", "abc", False, "abc", 0),
        ("abc", "ab", False, "abc", 0),
        ("abc", "cab", False, "cab", 1),
        ("abcdefgh", "bcdefgha", False, "bcdefgha", 1),
        ("", "abc", False, "abc", 3),
        ("abc", "b", True, "b", 2),
        ("abc", "", True, "", 3),
        ("ab", "xayb", False, "xayb", 2),
    ],
)
@pytest.mark.parametrize("module", ["improvmx_domain", "improvmx_domains"])
def test_rules_are_ordered_as_listed_with_one_write_for_each_changed_rule(
    modules: Modules, module: str, existing: str, wanted: str, purge: bool, left: str, writes: int
) -> None:
    seed(modules.emulator, existing)
    wish = ruled(*wanted, purge_rules=purge)
    args = wish if module == "improvmx_domain" else {"domains": [wish, {"domain": PLAIN}]}
    rounds = modules.rounds(module, **args)
    assert order_of(modules.emulator) == left
    # Each reading: the domain or the list of domains, a page of rules, and another one to detect the end.
    reading = 2 + bool(existing)
    assert rounds.count == reading + writes
    assert rounds.check["api_requests"] == reading
    assert rounds.again["api_requests"] == 2 + bool(left)


@pytest.mark.parametrize(
    ("existing", "wish", "left", "writes"),
    [
        ("ab", smtp("a"), "ab", 0),
        ("ab", smtp("A", "c"), "abc", 1),
        ("ab", smtp("a", purge_credentials=True), "a", 1),
        ("", smtp("a", "b"), "ab", 2),
        ("ab", {"domain": PLAIN, "credentials": [{"username": "bbb", "state": "absent"}]}, "a", 1),
        ("ab", {"domain": PLAIN, "credentials": [], "purge_credentials": True}, "", 2),
    ],
)
def test_credentials_are_ensured_with_one_write_for_each_changed_one(
    modules: Modules, existing: str, wish: dict[str, Any], left: str, writes: int
) -> None:
    seed(modules.emulator, credentials=existing)
    before = users_of(modules.emulator)
    _check, real, again = thrice(modules, domains=[wish, {"domain": RULED}])
    now = users_of(modules.emulator)
    assert sorted(now) == [3 * letter for letter in left]
    assert now == {name: before.get(name, PASSWORD) for name in now}
    assert (real["api_requests"], again["api_requests"]) == (2 + writes, 2)
    assert PASSWORD not in str(real)


def test_password_is_set_on_every_run_with_update_password_always(modules: Modules) -> None:
    seed(modules.emulator, credentials="a")
    wish = {"username": "aaa", "password": PASSWORD, "update_password": "always"}
    for _dummy in range(2):
        result = modules.run("improvmx_domain", domain=PLAIN, credentials=[wish])
        assert changes_of(result["changes"]) == [("update", "credential", PLAIN, "aaa")]
        assert "username: aaa  # with a new password" in result["diff"][0]["after"]
    assert users_of(modules.emulator) == {"aaa": PASSWORD}


def test_new_domain_gets_its_credentials(modules: Modules) -> None:
    modules.emulator.seed({})
    wish = {"domain": "new.example", "credentials": [{"username": "post", "password": PASSWORD}]}
    wish["aliases"] = [{"alias": "*", "state": "absent"}]
    _check, real, _again = thrice(modules, domains=[wish])
    assert users_of(modules.emulator, "new.example") == {"post": PASSWORD}
    assert (
        real["api_requests"] == 1 + 2 + 3
    )  # with the limits; no request for the credentials of a new domain


def test_lists_that_are_not_mentioned_cost_no_request(modules: Modules) -> None:
    seed(modules.emulator, "abc", "xyz")
    result = modules.run("improvmx_domains", domains=[{"domain": RULED}, {"domain": PLAIN}])
    assert result["api_requests"] == 1
    assert all("rules" not in domain for domain in result["domains"])


def test_diff_shows_the_rules_as_in_a_task(modules: Modules) -> None:
    seed(modules.emulator, "ab")
    result = modules.run("improvmx_domain", **ruled("b", "a"))
    assert result["diff"][0]["before"] == (
        f"domain: {RULED}\n"
        "rules:\n"
        f"  - type: alias\n    alias: a\n    forward: {A}\n    rank: 1.0\n"
        f"  - type: alias\n    alias: b\n    forward: {A}\n    rank: 2.0\n"
    )
    names = [each["alias"] for each in read_diff(result["diff"])["after"][RULED]["rules"]]
    assert names == ["b", "a"]
    assert [each["alias"] for each in result["domain"]["rules"]] == ["b", "a"]


# --- Invalid wishes -------------------------------------------------------------------------------


def test_rules_of_a_domain_that_is_routed_by_aliases_are_a_problem_of_that_domain(modules: Modules) -> None:
    seed(modules.emulator, "a")
    wrong = {"domain": PLAIN, "aliases": [{"alias": "info", "forward": A}], "rules": [rule("x")]}
    result = modules.run("improvmx_domains", domains=[wrong, ruled("a", "b")])
    assert [each["domain"] for each in result["failed_domains"]] == [PLAIN]
    assert "is routed by aliases, so it has no rules" in result["msg"]
    assert changes_of(result["changes"]) == [("create", "rule", RULED, "b")]
    assert changes_of(result["pending"]) == [
        ("create", "alias", PLAIN, "info"),
        ("create", "rule", PLAIN, "x"),
    ]


def test_rules_of_a_new_domain_are_rejected_before_it_is_created(modules: Modules) -> None:
    modules.emulator.seed({})
    result = modules.run("improvmx_domain", domain="new.example", rules=[rule("a")])
    assert "new.example does not exist yet, and a new domain is routed by aliases" in result["msg"]
    assert modules.emulator.writes == []


def test_aliases_of_a_domain_that_is_routed_by_rules_stop_its_rules_too(modules: Modules) -> None:
    seed(modules.emulator, "a")
    result = modules.run("improvmx_domain", **ruled("b", aliases=[{"alias": "info", "forward": A}]))
    assert "is routed by rules" in result["msg"]
    assert len(result["pending"]) == 2
    assert modules.emulator.writes == []


def test_credential_without_a_password_that_has_to_be_created_stops_its_domain(modules: Modules) -> None:
    seed(modules.emulator, credentials="a")
    wishes = [{"username": "aaa"}, {"username": "bbb"}]
    result = modules.run("improvmx_domain", domain=PLAIN, credentials=wishes)
    assert "has no SMTP credential bbb yet, and creating it requires a password" in result["msg"]
    assert modules.emulator.writes == []


def test_every_problem_of_the_input_comes_in_one_message_before_any_request(modules: Modules) -> None:
    bad = {
        "domain": RULED,
        "rules": [rule("a", rank=1), rule("b"), rule("A")],
        "purge_credentials": True,
    }
    worse = {"domain": PLAIN, "credentials": [{"username": "x"}, {"username": "X"}, {"username": "a b"}]}
    result = modules.run("improvmx_domains", domains=[bad, worse])
    for message in (
        "rules[0] and rules[2] are the same rule",
        "some have a rank and others have none",
        "purge_credentials: it requires credentials",
        "credentials[0] and credentials[1] are the same credential",
        "credentials[2], username",
        "5 problems",
    ):
        assert message in result["msg"]
    assert result["api_requests"] == 0


def test_version_2_refuses_both(modules: Modules) -> None:
    modules.options["api_version"] = "v2"
    result = modules.run("improvmx_domain", domain=PLAIN, rules=[], credentials=[])
    assert "rules: API v2 can't manage it; v3 can" in result["msg"]
    assert "credentials: API v2 can't manage it; v3 can" in result["msg"]
    assert result["api_requests"] == 0


# --- Guards and faults ----------------------------------------------------------------------------


def test_bound_on_deletions_counts_rules_and_credentials(modules: Modules) -> None:
    seed(modules.emulator, "abc", "xy")
    purging = [
        {"domain": PLAIN, "credentials": [], "purge_credentials": True},
        {"domain": RULED, "rules": [], "purge_rules": True},
    ]
    result = modules.run("improvmx_domains", domains=purging, max_deletions=4)
    assert "would delete 5" in result["msg"]
    assert modules.emulator.writes == []
    assert not modules.run("improvmx_domains", domains=purging, max_deletions=5).get("failed")


@pytest.mark.parametrize("kind", ["reset_after", "cut", "empty", "truncated_json", "wrong_type"])
def test_writes_with_lost_answers_are_done_once(modules: Modules, clock: Clock, kind: str) -> None:
    seed(modules.emulator, "ab", "x")
    modules.emulator.faults.add(Fault(kind, method="POST"), Fault(kind, method="DELETE"))
    result = modules.run("improvmx_domains", domains=[ruled("b", "c", purge_rules=True), smtp("y")])
    assert not result.get("failed"), result["msg"]
    done = [(effect.action, effect.kind, effect.name) for effect in modules.emulator.ledger]
    assert sorted(done) == sorted(
        [("create", "rule", "c"), ("delete", "rule", "a"), ("create", "credential", "yyy")]
    )
    assert sorted(change[0:2] + change[3:] for change in changes_of(result["changes"])) == sorted(done)


def test_lost_answer_to_a_new_password_is_reported_as_doubtful(modules: Modules, clock: Clock) -> None:
    seed(modules.emulator, credentials="a")
    modules.emulator.faults.add(Fault("reset_after", method="PUT", times=None))
    wish = {"username": "aaa", "password": PASSWORD, "update_password": "always"}
    result = modules.run("improvmx_domain", domain=PLAIN, credentials=[wish])
    assert "could not be determined, because the service does not show it" in result["msg"]
    assert (result["changes"], len(result["pending"])) == ([], 1)


def test_refused_rule_is_named_with_the_services_message(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choosy(usual: Any, account: Any, call: Any) -> Any:
        if call.body["config"]["alias"] == "b":
            raise refuse(422, "Not this one.")
        return usual(account, call)

    seed(modules.emulator)
    wrap_endpoint(monkeypatch, "POST /domains/{domain}/rules", choosy)
    result = modules.run("improvmx_domain", **ruled("a", "b", "c"))
    assert "Not this one." in result["msg"]
    assert [change["name"] for change in result["changes"]] == ["a"]
    assert [change["name"] for change in result["pending"]] == ["b", "c"]


def test_rule_created_meanwhile_by_others_is_not_purged(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    seed(modules.emulator, "a")
    strangers = {"type": "alias", "config": {"alias": "z", "forward": B}}

    def meanwhile(usual: Any, account: Any, call: Any) -> Any:
        add_rule(account, account.domains[RULED], strangers)
        raise refuse(400, "There is one already.")

    wrap_endpoint(monkeypatch, "POST /domains/{domain}/rules", meanwhile)
    result = modules.run("improvmx_domain", **ruled("b", purge_rules=True))
    assert result["failed"] is True
    assert order_of(modules.emulator) == "az"


# --- Unmanaged rules and credentials --------------------------------------------------------------


def test_unmanaged_things_of_the_whole_account_are_found(modules: Modules) -> None:
    seed(modules.emulator, "ab", "xy")
    wishes = [ruled("a"), {"domain": PLAIN, "credentials": [{"username": "XXX"}]}]
    result = modules.run("improvmx_domains", domains=wishes, unmanaged="report")
    assert result["unmanaged"] == [
        {"kind": "alias", "domain": PLAIN, "name": "*"},
        {"kind": "credential", "domain": PLAIN, "name": "yyy"},
        {"kind": "rule", "domain": RULED, "name": "b"},
    ]
    # The list, the rules with a page to detect their end, the credentials of both.
    assert result["api_requests"] == 1 + 2 + 2
    assert result["changed"] is False


@pytest.mark.parametrize("check", [True, False])
def test_unmanaged_things_can_fail_a_run_before_any_write(modules: Modules, check: bool) -> None:
    seed(modules.emulator)
    wish = {"domain": RULED, "state": "absent"}
    result = modules.run("improvmx_domains", check=check, domains=[wish], unmanaged="fail")
    assert result["failed"] is True
    assert f"domain {PLAIN}" in result["msg"]
    assert result["unmanaged"] == [{"kind": "domain", "domain": PLAIN, "name": PLAIN}]
    assert changes_of(result["pending"]) == [("delete", "domain", RULED, RULED)]
    assert modules.emulator.writes == []


def test_all_aliases_are_purged_although_the_service_refuses_to_list_rules(modules: Modules) -> None:
    """The second reading of the domain, for how it is routed, shows the first 200 aliases only."""
    many = {f"a{number}": A for number in range(250)}
    plain = {"domain": PLAIN, "aliases": many, "routing_engine": "alias"}
    modules.emulator.seed({"domains": [plain, {"domain": "x.example"}]})
    modules.emulator.believe(list_shows_details=False)
    refusal = {"error": "Rules are not enabled for this domain.", "code": 403, "success": False}
    refused = Fault("body", status=403, path=f"/{PLAIN}/rules", body=refusal, times=None)
    modules.emulator.faults.add(refused)
    wishes = [
        {"domain": PLAIN, "aliases": [], "purge_aliases": True, "rules": [], "purge_rules": True},
        {"domain": "x.example"},
    ]
    check, real, _again = thrice(modules, domains=wishes)
    assert len(real["changes"]) == 250
    # The list, three pages of aliases, the rules that are refused, and the domain.
    assert check["api_requests"] == 1 + 3 + 1 + 1
    assert modules.emulator.account.domains[PLAIN].aliases == {}


@pytest.mark.parametrize("wish", [ruled("a"), smtp("a")], ids=["rules", "credentials"])
def test_a_domain_deleted_before_its_lists_are_read_counts_as_missing(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, wish: dict[str, Any]
) -> None:
    seed(modules.emulator, "b", "b")
    delete_after_the_list(monkeypatch, wish["domain"])
    others = [{"domain": name} for name in (RULED, PLAIN) if name != wish["domain"]]
    result = modules.run("improvmx_domains", domains=[wish, *others], check=True)
    # A new domain has no rules, so the rules are a problem.
    planned = result["pending"] if "rules" in wish else result["changes"]
    assert changes_of(planned)[0] == ("create", "domain", wish["domain"], wish["domain"])
    # The list and a 404; then the domain, or the limits and the number of domains for the one to create.
    assert result["api_requests"] == (3 if "rules" in wish else 4)


def test_a_list_refused_for_a_domain_that_has_changed_is_not_trusted(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others delete an alias after the list; the domain is read again as its rules can't be listed."""
    plain = {"domain": PLAIN, "aliases": {"info": A, "sales": A}, "routing_engine": "alias"}
    modules.emulator.seed({"domains": [plain, {"domain": "x.example"}]})
    modules.emulator.believe(list_shows_details=False)

    def delete(usual: Any, account: Any, call: Any) -> Any:
        account.domains[PLAIN].aliases.pop("info", None)
        raise refuse(404, "Rules are not enabled for this domain.")

    wrap_endpoint(monkeypatch, "GET /domains/{domain}/rules", delete)
    info = {"alias": "info", "forward": [A]}
    wishes = [{"domain": PLAIN, "aliases": [info], "rules": [], "purge_rules": True}, {"domain": "x.example"}]
    result = modules.run("improvmx_domains", domains=wishes)
    assert changes_of(result["changes"]) == [("create", "alias", PLAIN, "info")]
    # The list, the rules that are refused, the domain, the limits of the account, and the alias.
    assert result["api_requests"] == 5


def test_rules_of_a_recreated_domain_are_read_again(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(modules.emulator, "ab")
    modules.emulator.faults.add(Fault("status", status=404, path=f"/{RULED}/rules"))
    result = modules.run("improvmx_domains", domains=[ruled("a", "b"), {"domain": PLAIN}])
    assert result["changed"] is False
    # The list, the rules with 404, the domain, which exists again, and its rules with a last empty page.
    assert result["api_requests"] == 1 + 1 + 1 + 2


@pytest.mark.parametrize("engine", ["rules", "alias"])
def test_all_aliases_of_a_recreated_domain_are_read(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """It is recreated with other aliases after its first ones were read, and before its rules are."""
    old, new = ({f"{letter}{n}": A for n in range(250)} for letter in "ab")
    modules.emulator.seed({"domains": [{"domain": PLAIN, "aliases": old, "routing_engine": engine}]})
    modules.emulator.believe(list_shows_details=False)
    fresh = Emulator()
    fresh.seed({"domains": [{"domain": PLAIN, "aliases": new, "routing_engine": engine}]})
    away = [fresh.account.domains[PLAIN]]

    def recreate(usual: Any, account: Any, call: Any) -> Any:
        if away:
            account.domains[PLAIN] = away.pop()
            raise refuse(404, "Domain not found")
        return usual(account, call)

    wrap_endpoint(monkeypatch, "GET /domains/{domain}/rules", recreate)
    [found] = modules.run("improvmx_domain_info", include=["rules"])["domains"]
    assert {alias["alias"] for alias in found["aliases"]} == set(new)
    # The list, three pages of aliases, the rules with 404, the domain, its aliases again, and its rules.
    assert len(modules.emulator.requests) == 1 + 3 + 1 + 1 + 3 + (engine == "rules")


def test_deleted_things_are_not_reported_as_unmanaged(modules: Modules) -> None:
    seed(modules.emulator, "ab")
    wishes = [ruled("a", purge_rules=True)]
    result = modules.run("improvmx_domains", domains=wishes, unmanaged="fail", purge=True, max_deletions=9)
    assert not result.get("failed"), result["msg"]
    assert result["unmanaged"] == []
    assert sorted(modules.emulator.account.domains) == [RULED]


def test_unmanaged_is_returned_only_on_request(modules: Modules) -> None:
    seed(modules.emulator)
    assert "unmanaged" not in modules.run("improvmx_domains", domains=[{"domain": PLAIN}])


def test_rule_stored_in_another_form_is_created_once(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tidied(usual: Any, account: Any, call: Any) -> Any:
        reported = usual(account, call)
        return {**reported, "config": {**reported["config"], "alias": "tidied"}}

    seed(modules.emulator)
    wrap_endpoint(monkeypatch, "POST /domains/{domain}/rules", tidied)
    result = modules.run("improvmx_domain", **ruled("a", "b"))
    assert not result.get("failed"), result["msg"]
    assert [request.method for request in modules.emulator.writes] == ["POST", "POST"]


def test_all_rules_are_returned_if_the_only_listed_one_is_named_by_its_id(modules: Modules) -> None:
    seed(modules.emulator, "abc")
    [found] = modules.run("improvmx_domain_info", domain=RULED, include=["rules"])["domains"]
    first = found["rules"][0]
    result = modules.run("improvmx_domain", domain=RULED, rules=[{"id": first["id"], "forward": [B]}])
    assert [each["alias"] for each in result["domain"]["rules"]] == ["a", "b", "c"]


def test_new_domain_returns_no_lists_that_were_not_mentioned(modules: Modules) -> None:
    modules.emulator.seed({})
    for check in (True, False):
        [made] = modules.run("improvmx_domains", check=check, domains=[{"domain": "new.example"}])["domains"]
        assert not {"rules", "credentials"} & set(made)
