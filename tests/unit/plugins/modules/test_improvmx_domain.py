# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emulator import Account, Emulator, Fault
from emulator.refusal import refuse_field
from harness import Modules, changes_of, effects_of, read_diff, wrap_endpoint

DOMAIN = "example.com"
OWNER = "owner@mail.example"  # the account's own address
CATCH_ALL_MADE = ("ImprovMX creates a catch-all alias * in each new domain",)


def present(alias: str, *forward: str) -> dict[str, Any]:
    return {"alias": alias, "forward": list(forward)}


def absent(alias: str) -> dict[str, Any]:
    return {"alias": alias, "state": "absent"}


def methods(rounds: Any) -> list[str]:
    return [request.method for request in rounds.requests]


# --- Creation -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "left", "writes", "warnings"),
    [
        pytest.param({}, {"*": OWNER}, 1, CATCH_ALL_MADE, id="no aliases"),
        pytest.param({"aliases": []}, {"*": OWNER}, 1, CATCH_ALL_MADE, id="empty aliases"),
        pytest.param(
            {"aliases": [present("info", "a@x.example")]},
            {"*": OWNER, "info": "a@x.example"},
            2,
            CATCH_ALL_MADE,
            id="catch-all not mentioned",
        ),
        pytest.param(
            {"aliases": [present("info", "a@x.example"), present("*", "b@y.example")]},
            {"*": "b@y.example", "info": "a@x.example"},
            3,
            (),
            id="catch-all wanted",
        ),
        pytest.param(
            {"aliases": [absent("*"), present("info", "a@x.example")]},
            {"info": "a@x.example"},
            3,
            (),
            id="catch-all not wanted",
        ),
        pytest.param(
            {"aliases": [present("info", "a@x.example")], "purge_aliases": True},
            {"info": "a@x.example"},
            3,
            (),
            id="catch-all purged",
        ),
        pytest.param({"aliases": [], "purge_aliases": True}, {}, 2, (), id="everything purged"),
        pytest.param({"aliases": [absent("info")]}, {"*": OWNER}, 1, CATCH_ALL_MADE, id="absent alias"),
    ],
)
def test_creates_a_domain_with_the_desired_aliases(
    modules_of_version: Modules,
    wish: dict[str, Any],
    left: dict[str, str],
    writes: int,
    warnings: tuple[str, ...],
) -> None:
    modules = modules_of_version
    rounds = modules.rounds("improvmx_domain", warnings, domain=DOMAIN, **wish)
    assert modules.aliases(DOMAIN) == left
    assert rounds.count == 1 + writes
    assert rounds.again["api_requests"] == 1
    assert {alias["alias"] for alias in rounds.real["domain"]["aliases"]} == set(left)


def test_the_warning_of_the_catch_all_says_how_to_manage_it(modules_of_version: Modules) -> None:
    (warning,) = modules_of_version.run("improvmx_domain", domain=DOMAIN)["warnings"]
    assert DOMAIN in warning
    assert "list the alias *" in warning
    assert "absent" in warning


def test_a_catch_all_desired_as_the_service_creates_it_needs_no_write(
    modules_of_version: Modules,
) -> None:
    modules = modules_of_version
    wish: dict[str, Any] = {"domain": DOMAIN, "aliases": [present("*", OWNER)]}
    check = modules.run("improvmx_domain", check=True, **wish)
    real = modules.run("improvmx_domain", **wish)
    assert real["api_requests"] == 2
    assert modules.aliases(DOMAIN) == {"*": OWNER}
    for key in ("changed", "changes", "diff"):
        assert check[key] == real[key]
    assert modules.run("improvmx_domain", **wish)["changed"] is False


@pytest.mark.parametrize(("count", "posts"), [(1, 1), (2, 1), (30, 1), (500, 1), (501, 2)], ids=str)
def test_all_new_aliases_go_in_as_few_batches_as_possible(modules: Modules, count: int, posts: int) -> None:
    aliases = [present(f"a{number}", "a@x.example") for number in range(count)]
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, aliases=[*aliases, present("*", "b@y.example")])
    assert methods(rounds) == ["GET", "POST", "PUT"] + ["POST"] * posts
    assert len(modules.aliases(DOMAIN)) == count + 1


def test_aliases_are_created_one_by_one_if_the_service_has_no_batch(modules: Modules) -> None:
    modules.emulator.batch_enabled = False
    aliases = [present(name, "a@x.example") for name in ("a", "b", "c")]
    rounds = modules.rounds("improvmx_domain", CATCH_ALL_MADE, domain=DOMAIN, aliases=aliases)
    assert modules.aliases(DOMAIN) == {"*": OWNER} | dict.fromkeys("abc", "a@x.example")
    assert changes_of(rounds.real["changes"])[0] == ("create", "domain", DOMAIN, DOMAIN)


@pytest.mark.parametrize(
    ("aliases", "left", "warnings"),
    [
        ([present("*", "c@x.example")], {"*": "c@x.example"}, ()),
        ([present("*", OWNER)], {"*": OWNER}, ()),
        ([absent("*"), present("info", "a@x.example")], {"info": "a@x.example"}, ()),
        ([present("info", "a@x.example")], {"*": OWNER, "info": "a@x.example"}, CATCH_ALL_MADE),
    ],
    ids=["changed", "as it is made", "deleted", "not mentioned"],
)
def test_the_catch_all_is_managed_although_the_reply_to_the_creation_shows_no_aliases(
    modules: Modules,
    monkeypatch: pytest.MonkeyPatch,
    aliases: list[dict[str, Any]],
    left: dict[str, str],
    warnings: tuple[str, ...],
) -> None:
    def without_aliases(usual: Any, account: Account, call: Any) -> dict[str, Any]:
        made = usual(account, call)
        del made["domain"]["aliases"]
        return dict(made)

    wrap_endpoint(monkeypatch, "POST /domains", without_aliases)
    if left == {"*": OWNER}:
        # The reported update had no effect, so the ledger has no entry for it.
        real = modules.run("improvmx_domain", domain=DOMAIN, aliases=aliases)
        assert not real.get("failed"), real["msg"]
        assert modules.run("improvmx_domain", domain=DOMAIN, aliases=aliases)["changed"] is False
    else:
        rounds = modules.rounds("improvmx_domain", warnings, domain=DOMAIN, aliases=aliases)
        assert methods(rounds).count("POST") == (2 if "info" in left else 1)
    assert modules.aliases(DOMAIN) == left


# --- Aliases of an existing domain ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "left", "changes"),
    [
        pytest.param({}, None, [], id="nothing managed"),
        pytest.param({"aliases": []}, None, [], id="no alias mentioned"),
        pytest.param(
            {"aliases": [present("INFO", "b@Y.example", " a@x.example", "a@x.example")]},
            None,
            [],
            id="same meaning",
        ),
        pytest.param(
            {"aliases": [present("new", "n@x.example"), present("sales", "n@x.example"), absent("info")]},
            {"*": OWNER, "sales": "n@x.example", "new": "n@x.example"},
            ["delete info", "update sales", "create new"],
            id="all three",
        ),
        pytest.param(
            {"aliases": [present("sales", "s@x.example")], "purge_aliases": True},
            {"sales": "s@x.example"},
            ["delete info", "delete *"],
            id="purge",
        ),
        pytest.param(
            {"aliases": [], "purge_aliases": True},
            {},
            ["delete info", "delete sales", "delete *"],
            id="purge everything",
        ),
        pytest.param(
            {
                "aliases": [
                    present("sales", "s@x.example"),
                    present("info", "a@x.example,b@y.example"),
                    present("*", OWNER),
                ],
                "purge_aliases": True,
            },
            None,
            [],
            id="purge nothing",
        ),
    ],
)
def test_ensures_the_listed_aliases_and_leaves_the_others_unchanged(
    modules_of_version: Modules, wish: dict[str, Any], left: dict[str, str] | None, changes: list[str]
) -> None:
    modules = modules_of_version
    there = {"*": OWNER, "info": "a@x.example,b@y.example", "sales": "s@x.example"}
    modules.seed({DOMAIN: there, "other.example": there})
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, **wish)
    assert [f"{change['action']} {change['name']}" for change in rounds.real["changes"]] == changes
    assert modules.aliases(DOMAIN) == (there if left is None else left)
    assert modules.aliases("other.example") == there
    assert rounds.count == 1 + len(changes)


@pytest.mark.parametrize(("count", "pages"), [(199, 0), (200, 2), (201, 3), (450, 5)])
def test_a_purge_misses_none_of_many_aliases(modules: Modules, count: int, pages: int) -> None:
    names = [f"a{number}" for number in range(count)]
    modules.seed({DOMAIN: dict.fromkeys(names, "a@x.example")})
    kept = [present(name, "a@x.example") for name in names[1:-1]]
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, aliases=kept, purge_aliases=True)
    assert changes_of(rounds.real["changes"]) == [
        ("delete", "alias", DOMAIN, names[0]),
        ("delete", "alias", DOMAIN, names[-1]),
    ]
    assert rounds.count == 1 + pages + 2


@pytest.mark.parametrize("count", [200, 450])
def test_many_aliases_cost_one_request_on_v2(emulator: Emulator, count: int) -> None:
    modules = Modules(emulator, api_version="v2")
    names = [f"a{number}" for number in range(count)]
    modules.seed({DOMAIN: dict.fromkeys(names, "a@x.example")})
    kept = [present(name, "a@x.example") for name in names]
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, aliases=kept, purge_aliases=True)
    assert rounds.real["changed"] is False
    assert rounds.count == 1


def test_aliases_among_those_that_the_service_shows_need_no_further_reading(modules: Modules) -> None:
    names = [f"a{number}" for number in range(450)]
    modules.seed({DOMAIN: dict.fromkeys(names, "a@x.example")})
    kept = [present(name, "a@x.example") for name in names[:200]]
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, aliases=kept)
    assert rounds.real["changed"] is False
    assert rounds.count == 1


def test_deletes_a_domain_and_reports_every_deleted_alias(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: {f"a{number}": "a@x.example" for number in range(201)}, "other.example": {}})
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, state="absent")
    assert list(modules.emulator.account.domains) == ["other.example"]
    assert rounds.real["domain"] is None
    (change,) = rounds.real["changes"]
    assert len(change["before"]["aliases"]) == 201
    assert change["after"] is None
    assert len(read_diff(rounds.real["diff"])["before"][DOMAIN]["aliases"]) == 201
    assert read_diff(rounds.real["diff"])["after"] == {}


def test_an_absent_domain_that_does_not_exist_costs_one_request(modules_of_version: Modules) -> None:
    rounds = modules_of_version.rounds(
        "improvmx_domain", domain=DOMAIN, state="absent", aliases=[present("info", "a@x.example")]
    )
    assert rounds.real["changed"] is False
    assert rounds.real["domain"] is None
    assert rounds.count == 1


# --- Settings -------------------------------------------------------------------------------------

SET: dict[str, Any] = {
    "notification_email": "ops@mail.example",
    "webhook": "https://hooks.example/in",
    "whitelabel": "mail.white.example",
}


def seed_settings(emulator: Emulator, **settings: Any) -> None:
    emulator.seed(
        {
            "whitelabels": ["mail.white.example", "mail.other.example"],
            "domains": [{"domain": DOMAIN, "aliases": {"*": OWNER}, **settings}],
        }
    )


def settings_of(emulator: Emulator) -> dict[str, Any]:
    domain = emulator.account.domains[DOMAIN]
    return {name: getattr(domain, name) for name in SET}


@pytest.mark.parametrize(
    ("there", "wish", "after"),
    [
        pytest.param({}, SET, SET, id="set all"),
        pytest.param(
            SET,
            {"webhook": "https://hooks.example/b"},
            {"webhook": "https://hooks.example/b"},
            id="change one",
        ),
        pytest.param(SET, dict.fromkeys(SET, ""), dict.fromkeys(SET), id="clear all"),
        pytest.param(SET, {"webhook": ""}, {"webhook": None}, id="clear one"),
        pytest.param(SET, {**SET, "webhook": ""}, {"webhook": None}, id="clear one among others"),
        pytest.param(
            SET,
            {**SET, "whitelabel": "mail.other.example"},
            {"whitelabel": "mail.other.example"},
            id="one differs",
        ),
    ],
)
def test_changes_the_settings_that_differ_in_one_request(
    modules: Modules, there: dict[str, Any], wish: dict[str, Any], after: dict[str, Any]
) -> None:
    seed_settings(modules.emulator, **there)
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, **wish)
    assert settings_of(modules.emulator) == {**dict.fromkeys(SET), **there, **after}
    (change,) = rounds.real["changes"]
    assert change["before"] == {name: there.get(name) for name in after}
    assert change["after"] == after
    assert methods(rounds) == ["GET", "PUT"]
    assert {name: rounds.real["domain"][name] for name in SET} == settings_of(modules.emulator)


@pytest.mark.parametrize(
    ("there", "wish"),
    [
        pytest.param({}, dict.fromkeys(SET, ""), id="cleared already"),
        pytest.param(SET, {}, id="not mentioned"),
        pytest.param(SET, SET, id="the same"),
        pytest.param(
            SET,
            {"notification_email": " ops@MAIL.example", "whitelabel": "Mail.White.Example."},
            id="another form of the same",
        ),
    ],
)
def test_unchanged_settings_cost_one_request(
    modules: Modules, there: dict[str, Any], wish: dict[str, Any]
) -> None:
    seed_settings(modules.emulator, **there)
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, **wish)
    assert rounds.real["changed"] is False
    assert rounds.count == 1


@pytest.mark.parametrize("refuses", ["null", "nothing", "all"])
def test_a_setting_is_cleared_with_any_value_that_the_service_accepts(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    """It may refuse null, or interpret it as no change."""

    def picky(usual: Any, account: Account, call: Any) -> Any:
        if refuses == "nothing":
            account.domains[DOMAIN].notification_email = "new@mail.example"
            return usual(account, replace(call, body={k: v for k, v in call.body.items() if v is not None}))
        if None in call.body.values() or refuses == "all":
            raise refuse_field("webhook", "Not a valid URL.")
        return usual(account, call)

    seed_settings(modules.emulator, **SET)
    wrap_endpoint(monkeypatch, "PUT /domains/{domain}", picky)
    wish = {"domain": DOMAIN, "webhook": "", "notification_email": "new@mail.example"}
    result = modules.run("improvmx_domain", **wish)
    puts = [request.body for request in modules.emulator.writes]
    assert puts[0] == {"webhook": None, "notification_email": "new@mail.example"}
    assert puts[1]["webhook"] == ""
    assert len(puts) == 2
    if refuses == "all":
        assert "webhook: Not a valid URL." in result["msg"]
        assert result["changes"] == []
        return
    assert not result.get("failed"), result["msg"]
    assert settings_of(modules.emulator) == {
        **SET,
        "webhook": None,
        "notification_email": "new@mail.example",
    }
    assert modules.run("improvmx_domain", **wish)["changed"] is False


def test_creates_a_domain_with_its_settings(modules: Modules) -> None:
    modules.emulator.seed({"whitelabels": ["mail.white.example"]})
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, aliases=[absent("*")], **SET)
    assert settings_of(modules.emulator) == SET
    # The service accepts a webhook only after the domain was created.
    assert methods(rounds) == ["GET", "POST", "DELETE", "PUT"]


def test_clearing_settings_of_a_new_domain_needs_no_request(modules: Modules) -> None:
    rounds = modules.rounds("improvmx_domain", CATCH_ALL_MADE, domain=DOMAIN, **dict.fromkeys(SET, ""))
    assert methods(rounds) == ["GET", "POST"]


@pytest.mark.parametrize("value", ["set", "cleared"])
@pytest.mark.parametrize("setting", SET)
def test_v2_refuses_settings_before_any_request(emulator: Emulator, setting: str, value: str) -> None:
    modules = Modules(emulator, api_version="v2")
    wish: dict[str, Any] = {setting: SET[setting] if value == "set" else ""}
    result = modules.run("improvmx_domain", domain=DOMAIN, **wish)
    assert result["failed"] is True
    assert setting in result["msg"]
    assert "v3" in result["msg"]
    assert emulator.requests == []


def test_a_refused_setting_fails_with_the_services_message(modules: Modules) -> None:
    seed_settings(modules.emulator)
    result = modules.run("improvmx_domain", domain=DOMAIN, whitelabel="mail.unknown.example")
    assert result["failed"] is True
    assert "PUT /v3/domains/example.com" in result["msg"]
    assert "400" in result["msg"]
    assert "This whitelabel does not exist." in result["msg"]
    assert result["changes"] == []
    assert changes_of(result["pending"]) == [("update", "domain", DOMAIN, DOMAIN)]


# --- Names ----------------------------------------------------------------------------------------

FORMS = (
    "bücher.example",
    "BÜCHER.Example",
    "bücher.example.",
    " bu\u0308cher.example ",
    "xn--bcher-kva.example",
    "XN--Bcher-KVA.EXAMPLE.",
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_name_means_the_same_domain(modules_of_version: Modules, form: str) -> None:
    modules = modules_of_version
    rounds = modules.rounds("improvmx_domain", domain=form, aliases=[absent("*")])
    assert list(modules.emulator.account.domains) == ["xn--bcher-kva.example"]
    assert rounds.real["domain"]["domain"] == "xn--bcher-kva.example"
    assert rounds.real["domain"]["display"] == "bücher.example"
    for other in FORMS:
        result = modules.run("improvmx_domain", domain=other, aliases=[absent("*")])
        assert result["changed"] is False
    modules.rounds("improvmx_domain", domain=form, state="absent")
    assert modules.emulator.account.domains == {}


def test_a_destination_may_be_inside_a_subdomain_or_a_longer_name(modules_of_version: Modules) -> None:
    aliases = [
        present("info", "a@sub.example.com", "b@anexample.com", "https://example.com/hook"),
        present("hook", "https://hooks.example/@example.com"),
        absent("*"),
    ]
    modules_of_version.rounds("improvmx_domain", domain=DOMAIN, aliases=aliases)


@pytest.mark.parametrize(
    ("setting", "existing", "wished"),
    [
        ("notification_email", "Ops@Mail.example", "ops@mail.EXAMPLE"),
        ("notification_email", "ops@xn--bcher-kva.example", "ops@BÜCHER.example"),
        ("webhook", "https://hook.example/Path?x=A", "HTTPS://HOOK.example/Path?x=A"),
        ("webhook", "https://hook.example:443", "https://hook.example/"),
        ("webhook", "https://Ann:Pass-1@hook.example/", "https://Ann:Pass-1@Hook.example"),
    ],
)
def test_setting_with_the_same_meaning_is_not_written(
    modules: Modules, setting: str, existing: str, wished: str
) -> None:
    modules.emulator.seed({"domains": [{"domain": DOMAIN, setting: existing}]})
    result = modules.run("improvmx_domain", domain=DOMAIN, **{setting: wished})
    assert (result["changed"], result["api_requests"], modules.emulator.writes) == (False, 1, [])


@pytest.mark.parametrize(
    ("setting", "wished", "kept"),
    [
        ("notification_email", "Ops@Mail.example", "ops@mail.example"),
        ("webhook", "https://Hook.example", "https://hook.example/"),
    ],
)
def test_setting_stored_in_another_form_counts_as_accepted(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, setting: str, wished: str, kept: str
) -> None:
    def normalise(usual: Any, account: Any, call: Any) -> Any:
        return usual(account, replace(call, body={**call.body, setting: kept}))

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}", normalise)
    modules.emulator.seed({"domains": [{"domain": DOMAIN}]})
    rounds = modules.rounds("improvmx_domain", domain=DOMAIN, **{setting: wished})
    assert rounds.real["changed"] is True
    assert len(modules.emulator.writes) == 1


# --- Refusals of the service ----------------------------------------------------------------------


def test_the_domain_of_another_account_fails_with_the_services_message(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.emulator.seed({"other_domains": [DOMAIN]})
    result = modules.run("improvmx_domain", domain=DOMAIN, aliases=[present("info", "a@x.example")])
    assert result["failed"] is True
    assert result["changed"] is False
    version = modules.options.get("api_version", "v3")
    assert f"POST /{version}/domains" in result["msg"]
    assert "400" in result["msg"]
    assert "This domain is already registered." in result["msg"]
    assert result["changes"] == []
    assert changes_of(result["pending"]) == [
        ("create", "domain", DOMAIN, DOMAIN),
        ("create", "alias", DOMAIN, "info"),
    ]
    assert [request.method for request in modules.emulator.requests] == ["GET", "POST", "GET"]


def test_a_domain_created_meanwhile_in_the_account_is_managed(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: {"*": OWNER, "keep": "k@x.example"}})
    unseen = Fault(
        "body", method="GET", status=404, body={"error": "Domain not found.", "code": 404, "success": False}
    )
    modules.emulator.faults.add(unseen)
    result = modules.run("improvmx_domain", domain=DOMAIN, aliases=[present("info", "a@x.example")])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert modules.aliases(DOMAIN) == {"*": OWNER, "keep": "k@x.example", "info": "a@x.example"}


def test_an_alias_created_meanwhile_with_other_destinations_is_updated(
    modules_of_version: Modules,
) -> None:
    modules = modules_of_version
    modules.seed({DOMAIN: {"info": "old@x.example"}})
    name = modules.options.get("api_version", "v3")
    seen = {"domain": DOMAIN, "active": False, "aliases": [], "added": 0}
    body = seen if name == "v2" else {"domain": seen, "success": True}
    modules.emulator.faults.add(Fault("body", method="GET", body=body))
    result = modules.run("improvmx_domain", domain=DOMAIN, aliases=[present("info", "a@x.example")])
    assert not result.get("failed"), result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert modules.aliases(DOMAIN) == {"info": "a@x.example"}


def test_aliases_of_a_domain_that_is_routed_by_rules_are_refused_before_any_write(modules: Modules) -> None:
    modules.emulator.seed(
        {"domains": [{"domain": DOMAIN, "routing_engine": "rules", "aliases": {"*": OWNER}}]}
    )
    for wish in ({"aliases": [absent("*")]}, {"aliases": [], "purge_aliases": True}):
        for check in (True, False):
            result = modules.run(
                "improvmx_domain", check=check, domain=DOMAIN, webhook="https://h.example/", **wish
            )
            assert result["failed"] is True
            assert "routed by rules" in result["msg"]
            assert "with improvmx.email.improvmx_rule" in result["msg"]
            assert result["changes"] == []
    assert modules.emulator.writes == []


def test_settings_of_a_domain_that_is_routed_by_rules_are_managed(modules: Modules) -> None:
    modules.emulator.seed({"domains": [{"domain": DOMAIN, "routing_engine": "rules"}]})
    modules.rounds("improvmx_domain", domain=DOMAIN, webhook="https://hooks.example/in")


def test_one_refused_alias_does_not_stop_the_rest_of_its_batch(modules: Modules) -> None:
    modules.seed({DOMAIN: {"*": OWNER}}, limits={"destinations": 2})
    aliases = [present("a", "a@x.example"), present("b", "1@x.example", "2@x.example", "3@x.example")]
    result = modules.run("improvmx_domain", domain=DOMAIN, aliases=aliases)
    assert result["failed"] is True
    assert "at most 2 destinations" in result["msg"]
    assert (
        changes_of(result["changes"])
        == effects_of(modules.emulator.ledger)
        == [("create", "alias", DOMAIN, "a")]
    )
    assert changes_of(result["pending"]) == [("create", "alias", DOMAIN, "b")]


# --- The result -----------------------------------------------------------------------------------


def test_returns_the_domain_as_the_info_module_does(modules_of_version: Modules) -> None:
    modules = modules_of_version
    real = modules.rounds(
        "improvmx_domain",
        domain=DOMAIN,
        aliases=[present("*", "b@y.example"), present("info", "a@x.example")],
    ).again
    (reported,) = modules.run("improvmx_domain_info", domain=DOMAIN)["domains"]
    assert real["domain"] == reported
