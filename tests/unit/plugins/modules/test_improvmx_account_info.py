# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator import Emulator, Fault
from harness import MODULES, Clock, Modules, assert_no_secret, delete_after_the_list, wrap_endpoint

SAMPLES = Path(__file__).resolve().parents[2] / "emulator" / "samples"
TOKEN = "sk_another/9d8f7g6h+5j4k3l2=tail"
PATHS = {"v2": ["/v2/account/", "/v2/account/api/"], "v3": ["/v3/account", "/v3/account/whitelabels"]}
WHITELABELS = "/account/whitelabels$"
KEY = "/account/api/$"


def sample(name: str) -> dict[str, Any]:
    return dict(json.loads((SAMPLES / name).read_text(encoding="utf-8")))


def documented(result: str) -> set[str]:
    source = importlib.import_module(MODULES + "improvmx_account_info")
    return set(yaml.safe_load(source.RETURN)[result]["contains"])


def of_version(emulator: Emulator, version: str, **options: Any) -> Modules:
    return Modules(emulator, api_version=version, **options)


def read(modules: Modules, **options: Any) -> dict[str, Any]:
    result = modules.run("improvmx_account_info", **options)
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is False
    assert result["warnings"] == []
    return result


# --- Reading the account --------------------------------------------------------------------------


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_reads_the_account_in_two_requests(modules_of_version: Modules, check: bool) -> None:
    modules = modules_of_version
    modules.emulator.seed({"email": "ann@mail.example", "whitelabels": ["mail.white.example"]})
    result = read(modules, check=check)
    assert result["account"]["email"] == "ann@mail.example"
    assert [request.path for request in modules.emulator.requests] == PATHS[modules.options["api_version"]]


def test_version_2_returns_the_account_and_facts_about_the_key_but_not_the_key(emulator: Emulator) -> None:
    emulator.faults.add(
        Fault("body", path="/account/$", body=sample("v2-account-get.json")),
        Fault(
            "body",
            path=KEY,
            body={"token": TOKEN, "created": 1553264776000, "name": None, "removed": 1553264777500},
        ),
    )
    result = read(of_version(emulator, "v2"))
    assert result["account"] == {
        "email": "admin@example.com",
        "company_name": "Example Inc",
        "company_details": "Street 1",
        "company_vat": "X1",
        "card_brand": None,
        "country": "US",
        "created": "2018-11-12T09:44:48Z",
        "last4": None,
        "plan_amount": None,
        "premium": False,
        "renew_date": None,
    }
    assert result["api_key"] == {
        "created": "2019-03-22T14:26:16Z",
        "name": None,
        "removed": "2019-03-22T14:26:17.500Z",
    }
    assert "whitelabels" not in result
    assert_no_secret(json.dumps(result), TOKEN)
    assert set(result["account"]) <= documented("account")
    assert set(result["api_key"]) == documented("api_key")


def test_version_3_returns_the_account_and_its_white_labels(emulator: Emulator) -> None:
    reported = sample("v3-account-get.json")
    emulator.faults.add(
        Fault("body", path="/account$", body=reported),
        Fault("body", path=WHITELABELS, body=sample("v3-account-whitelabels-get.json")),
    )
    result = read(of_version(emulator, "v3"))
    times = {"created": "2017-12-01T14:43:02Z", "renew_date": "2473-04-08T01:49:50Z"}
    assert result["account"] == {**reported["account"], **times}
    assert result["account"]["password"] is True  # a password is set
    assert result["whitelabels"] == [{"name": "example.com"}]
    assert "api_key" not in result
    assert set(result["account"]) <= documented("account")


def test_no_white_label_gives_an_empty_list(modules: Modules) -> None:
    assert read(modules)["whitelabels"] == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_plan_without_white_labels_is_no_failure(modules: Modules, status: int) -> None:
    modules.emulator.faults.add(Fault("status", status=status, path=WHITELABELS))
    result = read(modules)
    assert result["whitelabels"] == []
    assert result["account"]["email"]


def test_an_unwrapped_account_is_accepted(modules: Modules) -> None:
    bare = {**sample("v3-account-get.json")["account"], "success": True}
    modules.emulator.faults.add(Fault("body", path="/account$", body=bare))
    account = read(modules)["account"]
    assert account["email"] == "admin@example.net"
    assert "success" not in account


# --- Secrets --------------------------------------------------------------------------------------


def test_the_result_has_no_secret_wherever_the_service_returns_one(emulator: Emulator) -> None:
    key = emulator.api_key
    hidden = {
        "email": f"{TOKEN}@mail.example",
        "company_name": f"Inc {key}",
        "company_details": [f"of {TOKEN}", {"more": TOKEN}],
        "company_vat": {"link": "https://improvmx.example/reset/8f7d6s5a4"},
        "api_key": TOKEN,
        "apiTokens": [TOKEN],
        "reset_password": {"link": "https://improvmx.example/reset/8f7d6s5a4"},
        "session": "8f7d6s5a4",
        "2fa": ["8f7d6s5a4"],
        "country": "8f7d6s5a4"[:0],
        "password": True,
        "tokens": 3,
    }
    emulator.faults.add(
        Fault("body", path="/account/$", body=hidden),
        Fault("body", path=KEY, body={"token": TOKEN, "name": TOKEN, "created": TOKEN, "copy": f" {TOKEN} "}),
    )
    result = read(of_version(emulator, "v2"))
    text = json.dumps(result)
    assert_no_secret(text, TOKEN)
    assert_no_secret(text, key)
    assert "8f7d6s5a4" not in text
    assert result["account"] == {
        "email": "********@mail.example",
        "company_name": "Inc ********",
        "country": "",
        "password": True,
    }
    assert result["api_key"] == {"name": "********", "created": "********"}


@pytest.mark.parametrize("value", ["8f7d6s5a4g3h2j1k", ["8f7d6s5a4g3h2j1k"], {"a": "8f7d6s5a4g3h2j1k"}])
@pytest.mark.parametrize("place", ["account", "plan", "limits", "whitelabels"])
def test_unknown_fields_of_an_account_are_not_returned(modules: Modules, place: str, value: Any) -> None:
    reported = sample("v3-account-get.json")
    added = {"otp": value, "jwt": value, "password": value, "last_login": value}
    if place == "whitelabels":
        modules.emulator.faults.add(
            Fault("body", path=WHITELABELS, body={"whitelabels": [{"name": "w.example", **added}]})
        )
    else:
        inner = reported["account"] if place == "account" else reported["account"][place]
        inner.update(added)
    modules.emulator.faults.add(Fault("body", path="/account$", body=reported))
    result = read(modules)
    assert "8f7d6s5a4g3h2j1k" not in json.dumps(result)
    assert set(result["account"]) <= documented("account")
    if place == "whitelabels":
        assert result["whitelabels"] == [{"name": "w.example"}]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "body", "body": {"token": TOKEN, "success": False, "error": f"{TOKEN} was removed"}},
        {"kind": "body", "status": 403, "body": {"token": TOKEN, "errors": {"token": [f"{TOKEN} is old"]}}},
        {"kind": "body", "status": 500, "body": {"token": TOKEN, "message": f"no {TOKEN}"}},
        {"kind": "truncated_json"},
        {"kind": "cut"},
    ],
    ids=["success false", "refused", "broken down", "truncated", "cut"],
)
def test_the_token_is_in_no_error_message(emulator: Emulator, clock: Clock, fault: dict[str, Any]) -> None:
    emulator.faults.add(Fault(**fault, path=KEY, times=None))
    result = of_version(emulator, "v2").run("improvmx_account_info")
    assert result["failed"] is True
    assert "GET /v2/account/api/" in result["msg"]
    assert_no_secret(json.dumps(result), TOKEN)
    assert ("********" in result["msg"]) is (fault["kind"] == "body")


@pytest.mark.parametrize("token", ["", " ", None, 7, ["a"], "\ud800"], ids=repr)
def test_an_invalid_token_hides_nothing(emulator: Emulator, token: Any) -> None:
    emulator.faults.add(Fault("body", path=KEY, body={"token": token, "name": "a name"}))
    assert read(of_version(emulator, "v2"))["api_key"] == {"name": "a name"}


# --- Failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/account/?$", [], "not a JSON object"),
        ("/account/?$", {"success": True}, "does not describe the account"),
        ("/account/?$", {"success": False, "error": "Please try again."}, "Please try again"),
        (f"{WHITELABELS}|{KEY}", 7, "not a JSON object"),
        (WHITELABELS, {"success": True}, "no list of objects"),
        (WHITELABELS, {"whitelabels": ["a.example"]}, "no list of objects"),
    ],
)
def test_an_empty_reply_is_a_failure(emulator: Emulator, path: str, body: Any, message: str) -> None:
    for version in ("v2", "v3") if path != WHITELABELS else ("v3",):
        emulator.reset()
        emulator.faults.add(Fault("body", path=path, body=body))
        result = of_version(emulator, version).run("improvmx_account_info")
        assert result["failed"] is True
        assert message in result["msg"]
        assert "Traceback" not in str(result)


# --- Usage of the plan ----------------------------------------------------------------------------


def test_usage_compares_the_limits_with_the_domains_and_the_fullest_domain(modules: Modules) -> None:
    content = {"info": "a@x.example", "sales": "a@x.example"}
    modules.seed({"a.example": {}, "b.example": content}, limits={"domains": 3, "aliases": 25})
    assert read(modules, usage=True)["usage"] == {
        "domains": {"limit": 3, "used": 2, "left": 1},
        "aliases": {"domain": "b.example", "limit": 25, "used": 2, "left": 23},
    }
    assert len(modules.emulator.requests) == 3  # account, white labels, domains
    assert set(read(modules)) & {"usage"} == set()


def test_usage_counts_the_aliases_that_a_list_does_not_show(modules: Modules) -> None:
    sizes = {"a.example": 199, "b.example": 200, "c.example": 450, "d.example": 0}
    modules.seed({n: {f"x{i}": "a@x.example" for i in range(size)} for n, size in sizes.items()})
    aliases = read(modules, usage=True)["usage"]["aliases"]
    assert (aliases["domain"], aliases["used"]) == ("c.example", 450)
    assert len(modules.emulator.requests) == 3 + 2  # one for each domain that may have more aliases


@pytest.mark.parametrize("total", [None, "450", True])
def test_usage_counts_the_aliases_if_there_is_no_total(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, total: Any
) -> None:
    modules.seed({"a.example": {f"x{i}": "a@x.example" for i in range(450)}})
    wrap_endpoint(
        monkeypatch,
        "GET /domains/{domain}/aliases",
        lambda usual, account, call: {**usual(account, call), "total": total},
    )
    assert read(modules, usage=True)["usage"]["aliases"]["used"] == 450


def test_usage_leaves_out_a_domain_that_is_deleted_meanwhile(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"x{i}": "a@x.example" for i in range(250)}
    modules.seed({"a.example": {"info": "a@x.example"}, "big.example": many})
    delete_after_the_list(monkeypatch, "big.example")
    found = read(modules, usage=True)["usage"]
    assert found["domains"]["used"] == 1
    assert (found["aliases"]["domain"], found["aliases"]["used"]) == ("a.example", 1)
    # Account, white labels and domains; the aliases with 404, and the domain, which no longer exists.
    assert len(modules.emulator.requests) == 3 + 2


def test_usage_of_an_account_without_domains_and_limits(modules: Modules) -> None:
    account = {
        key: value for key, value in sample("v3-account-get.json")["account"].items() if key == "email"
    }
    modules.emulator.faults.add(Fault("body", path="/account$", body={"account": account}))
    assert read(modules, usage=True)["usage"] == {
        "domains": {"limit": None, "used": 0, "left": None},
        "aliases": {"domain": None, "limit": None, "used": 0, "left": None},
    }


def test_version_2_returns_no_usage(emulator: Emulator) -> None:
    result = of_version(emulator, "v2").run("improvmx_account_info", usage=True)
    assert result["failed"] is True
    assert result["msg"] == "usage: API v2 does not report limits; v3 does. No request was sent."
    assert emulator.requests == []
