# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest

from emulator import Fault
from harness import Modules

OWNER = "owner@mail.example"
JANUARY = 1_769_846_400_000  # 2026-01-31T08:00:00Z


def names_of(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is False
    return [domain["domain"] for domain in result["domains"]]


def test_returns_every_field_of_a_domain(modules_of_version: Modules) -> None:
    modules = modules_of_version
    settings = {
        "notification_email": "ops@mail.example",
        "webhook": "https://hooks.example/in",
        "whitelabel": "mail.white.example",
    }
    alias = {"alias": "Info", "forward": " b@Y.example,A@x.example,https://hooks.example/M", "id": 4711}
    described = {"domain": "bücher.example", "active": True, "added": JANUARY, "aliases": [alias], **settings}
    modules.emulator.seed({"domains": [described]})
    (reported,) = modules.run("improvmx_domain_info", domain="bücher.example")["domains"]
    is_v2 = modules.options["api_version"] == "v2"
    details = {} if is_v2 else {"dkim_selector", "banned", "strict_mxes", "routing_engine"}
    records = reported.pop("dns_records")
    assert {name: reported.pop(name) for name in sorted({"daily_quota", *details})}["daily_quota"] == 500
    assert reported == {
        "domain": "xn--bcher-kva.example",
        "display": "bücher.example",
        "active": True,
        "added": "2026-01-31T08:00:00Z",
        "aliases": [
            {
                "alias": "Info",
                "forward": ["b@y.example", "A@x.example", "https://hooks.example/M"],
                "id": "4711",
            }
        ],
        **(dict.fromkeys(settings) if is_v2 else settings),
    }
    for record in records:
        assert set(record) == {"name", "fqdn", "type", "ttl", "value", "priority"}
        assert record["name"] == "@"
        assert record["fqdn"] == "xn--bcher-kva.example"
        assert (record["priority"] is None) is (record["type"] != "MX")
    assert [(record["type"], record["priority"], record["value"]) for record in records] == [
        ("MX", 10, "mx1.improvmx.com."),
        ("MX", 20, "mx2.improvmx.com."),
        ("TXT", None, "v=spf1 include:spf.improvmx.com ~all"),
    ]


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_reads_in_check_mode_too(modules_of_version: Modules, check: bool) -> None:
    modules = modules_of_version
    modules.seed({"a.example": {}, "b.example": {}})
    assert names_of(modules.run("improvmx_domain_info", check=check)) == ["a.example", "b.example"]


@pytest.mark.parametrize("form", ["bücher.example", "BÜCHER.example.", "XN--bcher-kva.example"])
def test_reads_one_domain_by_any_form_of_its_name_in_one_request(
    modules_of_version: Modules, form: str
) -> None:
    modules = modules_of_version
    modules.seed({"bücher.example": {"*": OWNER}, "other.example": {}})
    result = modules.run("improvmx_domain_info", domain=form)
    assert names_of(result) == ["xn--bcher-kva.example"]
    assert result["api_requests"] == 1


def test_a_domain_that_does_not_exist_gives_an_empty_list(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({"example.com": {}})
    result = modules.run("improvmx_domain_info", domain="example.org")
    assert names_of(result) == []
    assert result["api_requests"] == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("shop", ["shop.example", "shopping.example"]),
        ("SHOP", ["shop.example", "shopping.example"]),
        (" shop. ", ["shop.example"]),
        ("shop.example", ["shop.example"]),
        ("xn--b", ["xn--bcher-kva.example"]),
        ("bücher.", ["xn--bcher-kva.example"]),
        ("Büch", ["xn--bcher-kva.example"]),
        ("example", []),
        ("", ["my-shop.example", "shop.example", "shopping.example", "xn--bcher-kva.example"]),
    ],
)
def test_a_query_gives_the_domains_whose_name_starts_with_it(
    modules_of_version: Modules, query: str, found: list[str]
) -> None:
    modules = modules_of_version
    modules.seed({"my-shop.example": {}, "shop.example": {}, "shopping.example": {}, "bücher.example": {}})
    assert names_of(modules.run("improvmx_domain_info", query=query)) == found


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"active": True}, ["a.example", "b.example"]),
        ({"active": False}, ["c.example"]),
        ({"active": True, "query": "b"}, ["b.example"]),
        ({"active": False, "query": "b"}, []),
        ({"active": True, "domain": "a.example"}, ["a.example"]),
        ({"active": False, "domain": "a.example"}, []),
    ],
)
def test_the_filter_of_active_domains(
    modules_of_version: Modules, options: dict[str, Any], found: list[str]
) -> None:
    modules = modules_of_version
    active = {"a.example": True, "b.example": True, "c.example": False}
    modules.emulator.seed({"domains": [{"domain": name, "active": value} for name, value in active.items()]})
    assert names_of(modules.run("improvmx_domain_info", **options)) == found


@pytest.mark.parametrize(("count", "pages"), [(0, 0), (199, 0), (200, 2), (201, 3), (450, 5)])
@pytest.mark.parametrize(
    "options", [{"domain": "big.example"}, {"query": "big"}, {}], ids=["domain", "query", "all"]
)
def test_returns_every_alias_of_a_large_domain(
    modules_of_version: Modules, count: int, pages: int, options: dict[str, Any]
) -> None:
    modules = modules_of_version
    names = [f"a{number}" for number in range(count)]
    modules.seed({"big.example": dict.fromkeys(names, "a@x.example")})
    result = modules.run("improvmx_domain_info", **options)
    assert names_of(result) == ["big.example"]
    assert [alias["alias"] for alias in result["domains"][0]["aliases"]] == names
    assert result["api_requests"] == (1 if modules.options["api_version"] == "v2" else 1 + pages)


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_returns_every_domain_of_a_large_account(modules_of_version: Modules, count: int) -> None:
    modules = modules_of_version
    names = [f"d{number:03}.example" for number in range(count)]
    modules.seed({name: {"*": OWNER} for name in reversed(names)})
    result = modules.run("improvmx_domain_info")
    assert names_of(result) == names
    pages = 1 if modules.options["api_version"] == "v2" else max(1, -(-count // 100))
    assert result["api_requests"] == pages


def test_an_added_time_is_iso_8601_in_utc(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({"a.example": {}})
    (reported,) = modules.run("improvmx_domain_info")["domains"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", reported["added"])


# --- Forms that other replies of the service have -------------------------------------------------


@pytest.mark.parametrize("count", [3, 250])
def test_catch_all_without_a_name_is_the_catch_all(modules_of_version: Modules, count: int) -> None:
    """The official client handles this."""
    modules = modules_of_version
    aliases = {"*": "o@x.example"} | {f"a{number}": "a@x.example" for number in range(count)}
    domain = {"domain": "a.example", "aliases": aliases}
    modules.emulator.seed({"domains": [domain], "beliefs": {"catch_all_is_blank": True}})
    [reported] = modules.run("improvmx_domain_info")["domains"]
    assert {alias["alias"] for alias in reported["aliases"]} == set(aliases)
    result = modules.run("improvmx_alias", domain="a.example", alias="*", forward=["o@x.example"])
    assert (result["changed"], modules.emulator.writes) == (False, [])
    result = modules.run("improvmx_alias", domain="a.example", alias="*", forward=["p@x.example"])
    assert result["changed"] is True
    assert modules.emulator.writes[-1].path.endswith("/aliases/*")  # not encoded


def test_newer_names_of_fields_are_read(modules: Modules) -> None:
    alias = {"alias": "info", "forward": "a@x.example", "id": "4711", "created_at": "2026-01-31T08:00:00Z"}
    domain = {"domain": "a.example", "created_at": "2026-01-31T08:00:00Z", "aliases": [alias]}
    modules.emulator.seed({"domains": [{"domain": "a.example"}]})
    modules.emulator.faults.add(Fault("body", body={"domain": domain, "success": True}))
    [reported] = modules.run("improvmx_domain_info", domain="a.example")["domains"]
    assert reported["added"] == "2026-01-31T08:00:00Z"
    assert reported["aliases"][0]["id"] == "4711"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "Not today."}, "Not today."),
        ({"error": "No.", "message": "Not today.", "code": "403"}, "No.; Not today."),
        ({"message": "Wrong.", "errors": {"domain": ["Bad."]}}, "domain: Bad.; Wrong."),
        ({"errors": ["One.", "Two."], "code": 403}, "One.; Two."),
    ],
)
def test_error_messages_of_the_service_are_reported_in_any_form(
    modules: Modules, body: dict[str, Any], message: str
) -> None:
    modules.emulator.faults.add(Fault("body", status=403, body=body))
    assert message.rstrip(".") in modules.run("improvmx_domain_info")["msg"]


# --- Rules and credentials ------------------------------------------------------------------------


def seed_lists(modules: Modules, **beliefs: Any) -> None:
    rules = [
        {"type": "alias", "config": {"alias": "b", "forward": "b@x.example"}, "rank": 2},
        {"type": "regex", "config": {"regex": "a", "scopes": ["body"], "forward": "a@x.example"}, "rank": 1},
    ]
    users = [{"username": "post", "password": "secret-12345"}]
    modules.emulator.seed(
        {
            "domains": [
                {"domain": "a.example", "credentials": users},
                {"domain": "b.example", "routing_engine": "rules", "rules": rules},
            ],
            "beliefs": beliefs,
        }
    )


@pytest.mark.parametrize(
    ("include", "requests"), [([], 1), (["credentials"], 3), (["rules"], 3), (["rules", "credentials"], 5)]
)
def test_includes_requested_lists_at_one_request_each(
    modules: Modules, include: list[str], requests: int
) -> None:
    seed_lists(modules)
    result = modules.run("improvmx_domain_info", include=include)
    assert result["api_requests"] == requests
    plain, ruled = result["domains"]
    assert [name for name in ("rules", "credentials") if name in plain] == [
        name for name in ("rules", "credentials") if name in include
    ]
    if "rules" in include:
        assert plain["rules"] == []
        assert [rule.get("regex", rule.get("alias")) for rule in ruled["rules"]] == ["a", "b"]
    if "credentials" in include:
        assert [user["username"] for user in plain["credentials"]] == ["post"]
        assert "secret-12345" not in str(result)


def test_rules_are_found_if_the_list_does_not_show_the_routing(modules: Modules) -> None:
    seed_lists(modules, list_shows_details=False)
    plain, ruled = modules.run("improvmx_domain_info", include=["rules"])["domains"]
    assert (plain["rules"], len(ruled["rules"])) == ([], 2)


@pytest.mark.parametrize("shown", [True, False])
def test_included_lists_are_valid_input_that_changes_nothing(modules: Modules, shown: bool) -> None:
    seed_lists(modules, list_shows_details=shown)
    found = modules.run("improvmx_domain_info", include=["rules", "credentials"])["domains"]
    rounds = modules.rounds("improvmx_domains", domains=found)
    assert rounds.real["changes"] == []


def test_version_2_can_not_include_them(modules: Modules) -> None:
    modules.options["api_version"] = "v2"
    result = modules.run("improvmx_domain_info", domain="no dot", include=["rules"])
    assert "include: API v2 can't read it; v3 can" in result["msg"]
    assert "2 problems" in result["msg"]
    assert result["api_requests"] == 0
