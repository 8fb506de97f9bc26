# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from emulator.account import add_alias
from harness import Modules, changes_of, read_diff, wrap_endpoint

DOMAIN = "example.com"
AWKWARD = r"^(a|b)[0-9]{2,}/c?d#e%2F&f=g;h+i\.\S~ü$"


@pytest.mark.parametrize(
    ("existing", "wish", "method", "left"),
    [
        pytest.param(
            {"*": "o@m.example"},
            {"alias": "info", "forward": ["a@x.example"]},
            "POST",
            {"*": "o@m.example", "info": "a@x.example"},
            id="create",
        ),
        pytest.param(
            {},
            {"alias": "info", "forward": ["b@y.example", "https://hooks.example/mail?a=1", "a@x.example"]},
            "POST",
            {"info": "b@y.example,https://hooks.example/mail?a=1,a@x.example"},
            id="create with several destinations",
        ),
        pytest.param(
            {},
            {"alias": "info", "forward": ["a@x.example, b@y.example", " c@z.example "]},
            "POST",
            {"info": "a@x.example,b@y.example,c@z.example"},
            id="create with destinations in one text",
        ),
        pytest.param(
            {"info": "a@x.example"},
            {"alias": "info", "forward": "https://hooks.example/Mail"},
            "PUT",
            {"info": "https://hooks.example/Mail"},
            id="update to a webhook",
        ),
        pytest.param(
            {"info": "a@x.example"},
            {"alias": "info", "forward": "null"},
            "PUT",
            {"info": "null"},
            id="update to null",
        ),
        pytest.param(
            {"info": "null"},
            {"alias": "info", "forward": "a@x.example"},
            "PUT",
            {"info": "a@x.example"},
            id="update from null",
        ),
        pytest.param(
            {"info": "a@x.example,b@y.example"},
            {"alias": "info", "forward": "a@x.example"},
            "PUT",
            {"info": "a@x.example"},
            id="update to fewer destinations",
        ),
        pytest.param(
            {"info": "https://hooks.example/mail"},
            {"alias": "info", "forward": "https://hooks.example/Mail"},
            "PUT",
            {"info": "https://hooks.example/Mail"},
            id="update of the case of a URL's path, which counts",
        ),
        pytest.param(
            {"Info": "a@x.example"},
            {"alias": "iNFO", "forward": "b@y.example"},
            "PUT",
            {"Info": "b@y.example"},
            id="update of an alias written in another case",
        ),
        pytest.param(
            {"info": "a@x.example", "sales": "b@y.example"},
            {"alias": "info", "state": "absent"},
            "DELETE",
            {"sales": "b@y.example"},
            id="delete",
        ),
        pytest.param(
            {"info": "a@x.example"},
            {"alias": "info", "state": "absent", "forward": "c@z.example"},
            "DELETE",
            {},
            id="delete whatever the destinations",
        ),
        pytest.param(
            {"info": "a@x.example"},
            {"alias": "*", "forward": "b@y.example"},
            "POST",
            {"info": "a@x.example", "*": "b@y.example"},
            id="create the catch-all",
        ),
        pytest.param(
            {"*": "a@x.example"},
            {"alias": "*", "forward": "b@y.example"},
            "PUT",
            {"*": "b@y.example"},
            id="update the catch-all",
        ),
        pytest.param(
            {"*": "a@x.example"}, {"alias": "*", "state": "absent"}, "DELETE", {}, id="delete the catch-all"
        ),
        pytest.param(
            {},
            {"alias": AWKWARD, "forward": "a@x.example"},
            "POST",
            {AWKWARD: "a@x.example"},
            id="create regex",
        ),
        pytest.param(
            {AWKWARD: "b@y.example"},
            {"alias": AWKWARD, "forward": "a@x.example"},
            "PUT",
            {AWKWARD: "a@x.example"},
            id="update regex",
        ),
        pytest.param(
            {AWKWARD: "b@y.example"}, {"alias": AWKWARD, "state": "absent"}, "DELETE", {}, id="delete regex"
        ),
        pytest.param(
            {"a%2Fb": "a@x.example", "a/b": "b@y.example"},
            {"alias": "a/b", "state": "absent"},
            "DELETE",
            {"a%2Fb": "a@x.example"},
            id="delete what looks like an encoded other one",
        ),
    ],
)
def test_ensures_the_alias_with_one_read_and_one_write(
    modules_of_version: Modules,
    existing: dict[str, str],
    wish: dict[str, Any],
    method: str,
    left: dict[str, str],
) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: existing, "other.example": existing})
    rounds = modules.rounds("improvmx_alias", domain=DOMAIN, **wish)
    assert rounds.real["changed"] is True
    assert [request.method for request in rounds.requests] == ["GET", method]
    assert rounds.again["api_requests"] == 1
    assert modules.aliases(DOMAIN) == left
    assert modules.aliases("other.example") == existing


@pytest.mark.parametrize(
    ("existing", "wish"),
    [
        pytest.param("a@x.example,b@y.example", ["b@y.example", "a@x.example"], id="order"),
        pytest.param("a@X.Example", ["a@x.EXAMPLE"], id="case of a destination's domain"),
        pytest.param("a@x.example", ["  a@x.example  "], id="spaces"),
        pytest.param("a@x.example , b@y.example", ["a@x.example", "b@y.example"], id="spaces of the service"),
        pytest.param("a@x.example", ["a@x.example", "a@X.example", "a@x.example."], id="doubles"),
        pytest.param("a@x.example,a@x.example", ["a@x.example"], id="doubles of the service"),
        pytest.param("a@x.example,b@y.example", "b@y.example, a@x.example", id="one text"),
        pytest.param("a@xn--bcher-kva.example", ["a@BÜCHER.example"], id="Unicode domain"),
        pytest.param("Ann@x.example", ["ann@x.example"], id="case before the @"),
        pytest.param("gru\u0308n@x.example", ["gr\xfcn@x.example"], id="form of Unicode before the @"),
        pytest.param("https://h.example/A", ["HTTPS://H.example/A"], id="case of scheme and host"),
        pytest.param("https://h.example", ["https://h.example:443/"], id="port and path left out"),
        pytest.param("null", ["NULL"], id="null"),
        pytest.param("https://h.example/A,a@x.example", ["a@x.example", "https://h.example/A"], id="URL"),
    ],
)
def test_no_difference_in_meaning_costs_one_request_and_changes_nothing(
    modules_of_version: Modules, existing: str, wish: Any
) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: {"Info": existing}})
    for domain, alias in ((DOMAIN, "info"), ("EXAMPLE.com.", " INFO ")):
        rounds = modules.rounds("improvmx_alias", domain=domain, alias=alias, forward=wish)
        assert rounds.real["changed"] is False
        assert rounds.count == 1
        assert rounds.real["alias"]["alias"] == "Info"
    assert modules.emulator.writes == []


def test_an_absent_alias_that_does_not_exist_costs_one_request(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: {"*": "o@m.example"}})
    rounds = modules.rounds("improvmx_alias", domain=DOMAIN, alias="info", state="absent")
    assert rounds.real["changed"] is False
    assert rounds.real["alias"] is None
    assert rounds.count == 1


def test_returns_the_alias_the_change_and_the_diff(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: [{"alias": "info", "forward": "a@x.example", "id": 4711}]})
    real = modules.rounds(
        "improvmx_alias", domain=DOMAIN, alias="info", forward=["b@Y.example", "a@x.example"]
    ).real
    assert real["alias"] == {"alias": "info", "forward": ["b@y.example", "a@x.example"], "id": "4711"}
    assert real["changes"] == [
        {
            "action": "update",
            "kind": "alias",
            "domain": DOMAIN,
            "name": "info",
            "before": {"forward": ["a@x.example"]},
            "after": {"forward": ["b@y.example", "a@x.example"]},
        }
    ]
    assert read_diff(real["diff"]) == {
        "before": {DOMAIN: {"aliases": {"info": ["a@x.example"]}}},
        "after": {DOMAIN: {"aliases": {"info": ["b@y.example", "a@x.example"]}}},
    }


@pytest.mark.parametrize(
    ("existing", "wish", "left"),
    [
        ({}, {"forward": "a@x.example"}, {"info": "a@x.example"}),
        ({"info": "a@x.example,b@y.example"}, {"forward": ["b@Y.example", "a@x.example"]}, None),
        ({"info": "a@x.example"}, {"state": "absent"}, {}),
    ],
    ids=["create", "unchanged", "delete"],
)
def test_without_overwrite_all_but_other_destinations_are_as_with_it(
    existing: dict[str, str], wish: dict[str, Any], left: dict[str, str] | None, modules_of_version: Modules
) -> None:
    modules_of_version.seed({DOMAIN: existing})
    modules_of_version.rounds("improvmx_alias", domain=DOMAIN, alias="info", overwrite=False, **wish)
    assert modules_of_version.aliases(DOMAIN) == (existing if left is None else left)


@pytest.mark.parametrize("alias", ["info", "INFO"])
@pytest.mark.parametrize("check", [True, False])
def test_without_overwrite_other_destinations_are_a_failure_before_any_write(
    check: bool, alias: str, modules_of_version: Modules
) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: {"info": "old@x.example"}})
    wish = {"domain": DOMAIN, "alias": alias, "forward": "a@x.example", "overwrite": False}
    result = modules.run("improvmx_alias", check=check, **wish)
    assert result["failed"]
    assert "alias info of example.com exists with other destinations, and overwrite is false" in result["msg"]
    assert (result["changed"], result["changes"]) == (False, [])
    [pending] = result["pending"]
    assert (pending["action"], pending["before"]) == ("update", {"forward": ["old@x.example"]})
    assert result["api_requests"] == 1
    assert modules.emulator.ledger == []


def test_without_overwrite_an_alias_that_somebody_creates_meanwhile_keeps_its_destinations(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.seed({DOMAIN: {}})

    def create_first(usual: Any, account: Any, call: Any) -> Any:
        add_alias(account, account.domains[DOMAIN], {"alias": "info", "forward": "first@x.example"})
        return usual(account, call)

    wrap_endpoint(monkeypatch, "POST /domains/{domain}/aliases", create_first)
    result = modules.run(
        "improvmx_alias", domain=DOMAIN, alias="info", forward="a@x.example", overwrite=False
    )
    assert "exists with other destinations" in result["msg"]
    assert modules.aliases(DOMAIN) == {"info": "first@x.example"}
    assert result["api_requests"] == 3


def test_a_created_alias_has_the_id_that_the_service_gave(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: {}})
    real = modules.run("improvmx_alias", domain=DOMAIN, alias="info", forward="a@x.example")
    assert real["alias"]["id"] == str(modules.emulator.account.domains[DOMAIN].aliases["info"].id)


@pytest.mark.parametrize(
    "wish", [{"forward": "new@x.example"}, {"state": "absent"}], ids=["update", "delete"]
)
def test_a_name_of_digits_is_not_taken_for_the_id_of_another_alias(
    modules_of_version: Modules, wish: dict[str, Any]
) -> None:
    modules = modules_of_version
    modules.seed(
        {
            DOMAIN: [
                {"alias": "12", "forward": "twelve@x.example", "id": 7},
                {"alias": "7", "forward": "seven@x.example", "id": 12},
            ]
        }
    )
    modules.rounds("improvmx_alias", domain=DOMAIN, alias="12", **wish)
    left = {"12": wish["forward"]} if "forward" in wish else {}
    assert modules.aliases(DOMAIN) == {**left, "7": "seven@x.example"}


@pytest.mark.parametrize("wish", [{"forward": "new@x.example"}, {"state": "absent"}], ids=["create", "no-op"])
def test_a_missing_name_of_digits_leaves_the_alias_with_that_id_alone(
    modules_of_version: Modules, wish: dict[str, Any]
) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: [{"alias": "info", "forward": "a@x.example", "id": 7}]})
    modules.rounds("improvmx_alias", domain=DOMAIN, alias="7", **wish)
    left = {"7": wish["forward"]} if "forward" in wish else {}
    assert modules.aliases(DOMAIN) == {"info": "a@x.example", **left}


@pytest.mark.parametrize("name", ["²", "①", "7²"])
def test_an_alias_that_only_looks_like_a_number_is_addressed_by_its_name(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With its id, the service would use the id as a name after a deletion by others."""
    modules.seed(
        {
            DOMAIN: [
                {"alias": name, "forward": "a@x.example", "id": 7},
                {"alias": "7", "forward": "b@x.example"},
            ]
        }
    )

    def vanish(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[DOMAIN]
        domain.alias_ids.pop(domain.aliases.pop(name).id)
        return usual(account, call)

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", vanish)
    result = modules.run("improvmx_alias", domain=DOMAIN, alias=name, state="absent")
    assert not result.get("failed"), result["msg"]
    assert modules.aliases(DOMAIN) == {"7": "b@x.example"}


def test_fails_on_a_missing_domain_and_says_to_create_it(modules_of_version: Modules) -> None:
    modules = modules_of_version
    result = modules.run("improvmx_alias", domain=DOMAIN, alias="info", forward="a@x.example")
    assert result["failed"] is True
    assert "example.com is not a domain of this account" in result["msg"]
    assert "create the domain first" in result["msg"]
    assert result["changes"] == []
    assert result["api_requests"] == 1
    assert modules.emulator.writes == []


@pytest.mark.parametrize("alias", ["info", "*"])
def test_in_check_mode_a_missing_domain_causes_a_warning_and_a_predicted_change(
    modules_of_version: Modules, alias: str
) -> None:
    modules = modules_of_version
    check = modules.run("improvmx_alias", check=True, domain=DOMAIN, alias=alias, forward="a@x.example")
    assert not check.get("failed")
    assert len(check["warnings"]) == 1
    assert check["warnings"][0].startswith("example.com is not a domain of this account yet")
    modules.run("improvmx_domain", domain=DOMAIN)
    real = modules.run("improvmx_alias", domain=DOMAIN, alias=alias, forward="a@x.example")
    assert check["changed"] is real["changed"] is True
    assert changes_of(check["changes"]) == changes_of(real["changes"])
    assert [change["after"] for change in check["changes"]] == [{"forward": ["a@x.example"]}]
    assert check["diff"][0]["after"] == real["diff"][0]["after"]


def test_an_absent_alias_of_a_missing_domain_is_unchanged(modules_of_version: Modules) -> None:
    rounds = modules_of_version.rounds("improvmx_alias", domain=DOMAIN, alias="info", state="absent")
    assert rounds.real["changed"] is False
    assert rounds.real["alias"] is None


@pytest.mark.parametrize(("count", "pages"), [(199, 0), (200, 2), (201, 3), (450, 5)])
def test_finds_an_alias_behind_those_that_the_service_shows(modules: Modules, count: int, pages: int) -> None:
    modules.seed({DOMAIN: {f"a{number}": "a@x.example" for number in range(count)}})
    last = f"a{count - 1}"
    rounds = modules.rounds("improvmx_alias", domain=DOMAIN, alias=last, forward="a@x.example")
    assert rounds.real["changed"] is False
    assert rounds.count == (1 if count <= 200 else 1 + pages)
    rounds = modules.rounds("improvmx_alias", domain=DOMAIN, alias="new", forward="a@x.example")
    assert changes_of(rounds.real["changes"]) == [("create", "alias", DOMAIN, "new")]
    assert rounds.count == 1 + pages + 1


def test_refuses_an_alias_of_a_domain_that_is_routed_by_rules(modules: Modules) -> None:
    modules.emulator.seed({"domains": [{"domain": DOMAIN, "routing_engine": "rules"}]})
    result = modules.run("improvmx_alias", domain=DOMAIN, alias="info", forward="a@x.example")
    assert result["failed"] is True
    assert "routed by rules" in result["msg"]
    assert "with improvmx.email.improvmx_rule" in result["msg"]
    assert modules.emulator.writes == []
