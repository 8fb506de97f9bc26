# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from emulator import Account, Emulator, Fault, RateLimit
from harness import Clock, Modules, changes_of, delete_after_the_list, effects_of, read_diff, wrap_endpoint

OWNER = "owner@mail.example"  # the account's own address
CATCH_ALL_MADE = ("ImprovMX creates a catch-all alias * in each new domain",)


def present(alias: str, *forward: str) -> dict[str, Any]:
    return {"alias": alias, "forward": list(forward)}


def absent(alias: str) -> dict[str, Any]:
    return {"alias": alias, "state": "absent"}


def domain(name: str, *aliases: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"domain": name, "aliases": list(aliases), **options}


def gone(name: str) -> dict[str, Any]:
    return {"domain": name, "state": "absent"}


def names_of(emulator: Emulator) -> list[str]:
    return sorted(emulator.account.domains)


# --- Changes --------------------------------------------------------------------------------------


def test_ensures_many_domains_in_one_run(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed(
        {
            "same.example": {"*": OWNER, "info": "a@x.example"},
            "changed.example": {"*": OWNER, "info": "a@x.example", "old": "o@x.example"},
            "purged.example": {"*": OWNER, "info": "a@x.example"},
            "gone.example": {"*": OWNER},
            "unmentioned.example": {"*": OWNER, "info": "a@x.example"},
        }
    )
    rounds = modules.rounds(
        "improvmx_domains",
        domains=[
            domain("same.example", present("info", "A@x.example".lower())),
            domain(
                "changed.example",
                present("new", "n@x.example"),
                present("info", "b@x.example"),
                absent("old"),
            ),
            domain("new.example", present("*", "c@x.example"), present("info", "a@x.example")),
            domain("purged.example", present("info", "a@x.example"), purge_aliases=True),
            gone("gone.example"),
            gone("never.example"),
        ],
    )
    assert [tuple(change.values())[:4] for change in rounds.real["changes"]] == [
        ("delete", "domain", "gone.example", "gone.example"),
        ("delete", "alias", "changed.example", "old"),
        ("update", "alias", "changed.example", "info"),
        ("create", "alias", "changed.example", "new"),
        ("create", "domain", "new.example", "new.example"),
        ("update", "alias", "new.example", "*"),
        ("create", "alias", "new.example", "info"),
        ("delete", "alias", "purged.example", "*"),
    ]
    assert {name: modules.aliases(name) for name in names_of(modules.emulator)} == {
        "same.example": {"*": OWNER, "info": "a@x.example"},
        "changed.example": {"*": OWNER, "info": "b@x.example", "new": "n@x.example"},
        "new.example": {"*": "c@x.example", "info": "a@x.example"},
        "purged.example": {"info": "a@x.example"},
        "unmentioned.example": {"*": OWNER, "info": "a@x.example"},
    }
    assert [d["domain"] for d in rounds.again["domains"]] == [
        "same.example",
        "changed.example",
        "new.example",
        "purged.example",
    ]
    assert set(read_diff(rounds.real["diff"])["before"]) == {
        "gone.example",
        "changed.example",
        "purged.example",
    }
    assert set(read_diff(rounds.real["diff"])["after"]) == {
        "changed.example",
        "new.example",
        "purged.example",
    }


def test_domains_after_the_run_are_in_the_order_of_the_input(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({"b.example": {}, "gone.example": {}})
    wishes = [
        domain("c.example", absent("*")),
        gone("gone.example"),
        domain("b.example"),
        domain("a.example", absent("*")),
    ]
    rounds = modules.rounds("improvmx_domains", domains=wishes)
    for result in (rounds.check, rounds.real, rounds.again):
        assert [d["domain"] for d in result["domains"]] == ["c.example", "b.example", "a.example"]


def test_one_warning_names_every_new_domain_whose_catch_all_is_not_mentioned(
    modules_of_version: Modules,
) -> None:
    rounds = modules_of_version.rounds(
        "improvmx_domains",
        CATCH_ALL_MADE,
        domains=[
            domain("a.example"),
            domain("b.example", absent("*")),
            domain("c.example", present("x", "x@x.example")),
        ],
    )
    (warning,) = rounds.real["warnings"]
    assert "a.example, c.example" in warning
    assert "b.example" not in warning


def test_settings_of_several_domains_are_managed(modules: Modules) -> None:
    modules.seed({"a.example": {}, "b.example": {}}, whitelabels=["mail.white.example"])
    rounds = modules.rounds(
        "improvmx_domains",
        domains=[
            {"domain": "a.example", "webhook": "https://hooks.example/a", "whitelabel": "mail.white.example"},
            {"domain": "b.example", "notification_email": "ops@mail.example", "webhook": ""},
        ],
    )
    assert changes_of(rounds.real["changes"]) == [
        ("update", "domain", "a.example", "a.example"),
        ("update", "domain", "b.example", "b.example"),
    ]
    assert modules.emulator.account.domains["b.example"].notification_email == "ops@mail.example"


def test_no_domains_need_no_request(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({"a.example": {}})
    rounds = modules.rounds("improvmx_domains", domains=[])
    assert rounds.real["domains"] == []
    assert rounds.count == 0


# --- Request counts -------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 100, 101, 250])
def test_a_run_without_changes_reads_the_account_once(modules_of_version: Modules, count: int) -> None:
    modules = modules_of_version
    names = [f"d{number:03}.example" for number in range(count)]
    modules.seed({name: {"*": OWNER, "info": "a@x.example"} for name in names})
    wishes = [
        domain(name, present("info", "a@x.example"), present("*", OWNER), purge_aliases=True)
        for name in names
    ]
    rounds = modules.rounds("improvmx_domains", domains=wishes)
    assert rounds.real["changed"] is False
    version = modules.options["api_version"]
    assert rounds.real["api_requests"] == rounds.count == (1 if version == "v2" else -(-count // 100))


@pytest.mark.parametrize(
    "catch_all", [None, present("*", "c@x.example"), absent("*")], ids=["unmentioned", "wanted", "unwanted"]
)
@pytest.mark.parametrize("count", [1, 2, 30, 500])
def test_a_new_domain_costs_one_batch_and_at_most_one_request_for_the_catch_all(
    modules: Modules, count: int, catch_all: dict[str, Any] | None
) -> None:
    modules.seed({f"d{number:03}.example": {} for number in range(101)})
    aliases = [present(f"a{number}", "a@x.example") for number in range(count)]
    wishes = [
        domain("d000.example"),
        domain("new.example", *aliases, *([catch_all] if catch_all else [])),
    ]
    rounds = modules.rounds("improvmx_domains", () if catch_all else CATCH_ALL_MADE, domains=wishes)
    reads = [request for request in rounds.requests if request.method == "GET"]
    assert len(reads) == 2 + 1  # the list, and the limits of the account
    assert rounds.count == 3 + 1 + 1 + (1 if catch_all else 0)


def test_a_domain_with_more_aliases_than_are_shown_is_read_in_full(modules: Modules) -> None:
    names = [f"a{number}" for number in range(450)]
    modules.seed({"big.example": dict.fromkeys(names, "a@x.example"), "small.example": {}})
    aliases = [present(name, "a@x.example") for name in names]
    wishes = [domain("big.example", *aliases, purge_aliases=True), domain("small.example")]
    rounds = modules.rounds("improvmx_domains", domains=wishes)
    assert rounds.real["changed"] is False
    assert rounds.count == 1 + 5


@pytest.mark.parametrize("concurrency", [1, 3])
def test_connections_are_kept_and_few(modules_of_version: Modules, concurrency: int) -> None:
    modules = modules_of_version
    modules.emulator.latency = 0.005
    wishes = [domain(f"d{number}.example", absent("*")) for number in range(9)]
    rounds = modules.rounds("improvmx_domains", domains=wishes, concurrency=concurrency)
    assert len({request.connection for request in rounds.requests}) == concurrency


@pytest.mark.parametrize("concurrency", [0, 11])
def test_a_concurrency_out_of_bounds_is_refused(modules: Modules, concurrency: int) -> None:
    result = modules.run("improvmx_domains", domains=[], concurrency=concurrency)
    assert result["msg"] == "concurrency must be from 1 to 10. No request was sent."


def test_concurrent_domains_end_like_sequential_ones(modules_of_version: Modules) -> None:
    """The results have the same order, and a partial failure is reported in the same way."""
    modules = modules_of_version
    wishes = [domain(f"d{number}.example", present("info", "a@x.example")) for number in range(12)]
    wishes[5] = domain("taken.example", present("info", "a@x.example"))
    wishes[7] = gone("old.example")
    ended = []
    for concurrency in (1, 8):
        modules.seed(
            {"old.example": {}, "d3.example": {"info": "b@x.example"}}, other_domains=["taken.example"]
        )
        result = modules.run("improvmx_domains", domains=wishes, concurrency=concurrency)
        for reported in result["domains"]:
            del reported["added"]
            for alias in reported["aliases"]:
                del alias["id"]
        ended.append((result, modules.emulator.dump()["domains"]))
    for account in (ended[0][1], ended[1][1]):
        for domain_there in account:
            del domain_there["added"]
    assert ended[0] == ended[1]
    assert [failed["domain"] for failed in ended[0][0]["failed_domains"]] == ["taken.example"]


# --- Purge ----------------------------------------------------------------------------------------

THERE = {
    "kept.example": {"*": OWNER, "old": "o@x.example"},
    "surplus.example": {"*": OWNER, "info": "a@x.example"},
    "other.example": {},
}
# Two domains, the two aliases of one of them, and an alias of the kept one.
DELETIONS = 5


def purge(**options: Any) -> dict[str, Any]:
    return {"domains": [domain("kept.example", absent("old"))], "purge": True, **options}


@pytest.mark.parametrize("check", [True, False])
def test_more_deletions_than_allowed_are_refused_before_any_write(
    emulator: Emulator, modules_of_version: Modules, check: bool
) -> None:
    names = ["a.example", "b.example", "c.example"]
    emulator.seed({"domains": [{"domain": name} for name in names[:2]]})
    domains = [{"domain": name, "state": "absent"} for name in names]
    refused = modules_of_version.run("improvmx_domains", check=check, domains=domains, max_domain_deletions=1)
    assert refused["failed"] is True
    assert "would delete 2 domains" in refused["msg"]
    assert [change["name"] for change in refused["pending"]] == names[:2]
    assert (emulator.writes, refused["api_requests"]) == ([], 1)
    # What no longer exists does not count.
    modules_of_version.rounds("improvmx_domains", domains=domains, max_domain_deletions=2)
    assert emulator.dump()["domains"] == []


@pytest.mark.parametrize("bound", [{}, {"max_deletions": None}], ids=["missing", "null"])
@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_a_purge_needs_a_bound(modules_of_version: Modules, check: bool, bound: dict[str, Any]) -> None:
    modules = modules_of_version
    modules.seed(THERE)
    result = modules.run("improvmx_domains", check=check, **purge(**bound))
    assert result["failed"] is True
    assert "purge requires max_deletions" in result["msg"]
    assert result["changes"] == result["pending"] == []
    assert modules.emulator.requests == []


@pytest.mark.parametrize("most", [DELETIONS, DELETIONS + 1])
def test_a_purge_within_its_bound_deletes_what_is_not_listed(modules_of_version: Modules, most: int) -> None:
    modules = modules_of_version
    modules.seed(THERE)
    rounds = modules.rounds("improvmx_domains", **purge(max_deletions=most))
    assert names_of(modules.emulator) == ["kept.example"]
    assert modules.aliases("kept.example") == {"*": OWNER}
    assert sorted(changes_of(rounds.real["changes"])) == [
        ("delete", "alias", "kept.example", "old"),
        ("delete", "domain", "other.example", "other.example"),
        ("delete", "domain", "surplus.example", "surplus.example"),
    ]


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
@pytest.mark.parametrize("most", [0, 1, DELETIONS - 1])
def test_a_purge_beyond_its_bound_is_refused_with_its_plan_and_without_a_write(
    modules_of_version: Modules, most: int, check: bool
) -> None:
    modules = modules_of_version
    modules.seed(THERE)
    result = modules.run("improvmx_domains", check=check, **purge(max_deletions=most))
    assert result["failed"] is True
    assert result["changed"] is False
    for part in (
        f"would delete {DELETIONS}",
        f"max_deletions is {most}",
        "delete domain surplus.example",
        "delete domain other.example",
        "delete alias old of kept.example",
    ):
        assert part in result["msg"]
    assert result["changes"] == []
    assert len(result["pending"]) == 3
    assert modules.emulator.writes == []


@pytest.mark.parametrize(
    ("count", "most", "allowed"), [(201, 201, False), (201, 202, True), (450, 450, False)]
)
def test_every_alias_of_a_deleted_domain_counts(
    modules: Modules, count: int, most: int, allowed: bool
) -> None:
    modules.seed({"big.example": {f"a{number}": "a@x.example" for number in range(count)}})
    result = modules.run("improvmx_domains", domains=[], purge=True, max_deletions=most)
    assert bool(result.get("failed")) is not allowed
    assert names_of(modules.emulator) == ([] if allowed else ["big.example"])


def test_max_deletions_bounds_a_run_without_purge_too(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed(THERE)
    wishes = [gone("surplus.example"), domain("kept.example", purge_aliases=True)]
    result = modules.run("improvmx_domains", domains=wishes, max_deletions=4)
    assert result["failed"] is True
    assert modules.emulator.writes == []
    modules.rounds("improvmx_domains", domains=wishes, max_deletions=5)


def test_an_empty_list_with_purge_empties_the_account(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({f"d{number:03}.example": {} for number in range(101)})
    rounds = modules.rounds("improvmx_domains", domains=[], purge=True, max_deletions=101)
    assert names_of(modules.emulator) == []
    assert rounds.real["domains"] == []
    assert len(rounds.real["changes"]) == 101


RULED = {"domain": "ruled.example", "routing_engine": "rules", "aliases": {"old": OWNER}}


@pytest.mark.parametrize("purge_aliases", [False, True])
@pytest.mark.parametrize(
    ("bound", "requests"),
    [({"purge": True, "max_deletions": 0}, 1), ({"unmanaged": "fail"}, 3)],  # it reads everything of a domain
    ids=["max_deletions", "unmanaged"],
)
def test_a_refused_run_returns_impossible_changes_as_pending(
    modules: Modules, bound: dict[str, Any], requests: int, purge_aliases: bool
) -> None:
    modules.emulator.seed({"domains": [RULED, {"domain": "surplus.example", "aliases": {}}]})
    wishes = [domain("ruled.example", present("new", "n@x.example"), purge_aliases=purge_aliases)]
    result = modules.run("improvmx_domains", domains=wishes, **bound)
    assert "Refused before any write" in result["msg"]
    pending = [(c["action"], c["domain"], c["name"]) for c in result["pending"] if c["kind"] == "alias"]
    deletion = [("delete", "ruled.example", "old")] if purge_aliases else []
    assert sorted(pending) == [("create", "ruled.example", "new"), *deletion]
    unmanaged = [(thing["domain"], thing["name"]) for thing in result.get("unmanaged", ())]
    assert (("ruled.example", "old") in unmanaged) is ("unmanaged" in bound and not purge_aliases)
    assert result["api_requests"] == requests


def test_the_catch_all_of_a_new_domain_does_not_count_as_a_deletion(
    modules_of_version: Modules,
) -> None:
    modules_of_version.rounds(
        "improvmx_domains", domains=[domain("new.example", absent("*"))], purge=True, max_deletions=0
    )


def hide_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the list of domains empty."""

    def empty(usual: Any, account: Account, call: Any) -> dict[str, Any]:
        return {**usual(account, call), "domains": [], "total": 0}

    wrap_endpoint(monkeypatch, "GET /domains", empty)


LIVE = [f"live{number}.example" for number in range(5)]


@pytest.mark.parametrize("purge_aliases", [False, True])
def test_the_catch_all_of_a_hidden_domain_counts_as_a_deletion(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, purge_aliases: bool
) -> None:
    modules.seed({name: {"*": "live@x.example"} for name in LIVE})
    hide_domains(monkeypatch)
    aliases = [] if purge_aliases else [absent("*")]
    wishes = [domain(name, *aliases, purge_aliases=purge_aliases) for name in LIVE]
    result = modules.run("improvmx_domains", domains=wishes, purge=True, max_deletions=0)
    assert modules.emulator.ledger == []
    assert result["changed"] is False
    assert [failed["domain"] for failed in result["failed_domains"]] == LIVE
    for failed in result["failed_domains"]:
        assert "contains more than when" in failed["msg"]
        assert "deleting * was not planned (max_deletions is 0)" in failed["msg"]
    assert [change["before"] for change in result["pending"]] == [{"forward": ["live@x.example"]}] * 5
    assert result["api_requests"] == 2 + 5 * 2  # list and limits; for each domain the creation and the look


def test_catch_alls_of_hidden_domains_are_deleted_up_to_max_deletions(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.seed({name: {"*": "live@x.example"} for name in LIVE})
    hide_domains(monkeypatch)
    wishes = [domain(name, absent("*"), present("info", "i@x.example")) for name in LIVE]
    result = modules.run("improvmx_domains", domains=wishes, max_deletions=3)
    assert len(result["failed_domains"]) == 2
    assert effects_of(modules.emulator.ledger) == changes_of(result["changes"])
    # The domain is in use, so the catch-all is deleted last.
    assert [change["name"] for change in result["changes"]] == ["info", "*"] * 3
    for change in result["changes"][1::2]:
        assert change["before"] == {"forward": ["live@x.example"]}
        assert read_diff(result["diff"])["before"][change["domain"]]["aliases"] == {"*": ["live@x.example"]}


def test_aliases_of_a_hidden_domain_are_not_purged_without_a_plan(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.seed({"live.example": {"*": "live@x.example", "info": "live@x.example"}})
    hide_domains(monkeypatch)
    wishes = [domain("live.example", present("new", "n@x.example"), purge_aliases=True)]
    result = modules.run("improvmx_domains", domains=wishes, purge=True, max_deletions=99)
    assert modules.emulator.ledger == []
    assert "deleting *, info was not planned (max_deletions is 99)" in result["msg"]
    assert [change["name"] for change in result["pending"]] == ["new", "*", "info"]


def test_a_catch_all_of_a_doubtful_creation_counts_as_a_deletion(
    modules_of_version: Modules, clock: Clock
) -> None:
    """Without max_deletions it is deleted; otherwise it counts, also in the next run."""
    modules = modules_of_version
    wishes = [domain("new.example", absent("*"))]
    for most, left in ((0, {"*": OWNER}), (1, {}), (None, {})):
        modules.seed({})
        modules.emulator.faults.add(Fault("reset_after", method="POST"))
        bound = {} if most is None else {"max_deletions": most}
        result = modules.run("improvmx_domains", domains=wishes, **bound)
        assert modules.aliases("new.example") == left
        deletions = [change for change in result["changes"] if change["action"] == "delete"]
        assert [change["before"] for change in deletions] == [{"forward": [OWNER]}] * (not left)
        if left:
            again = modules.run("improvmx_domains", domains=wishes, **bound)
            assert "Refused before any write" in again["msg"]
            modules.rounds("improvmx_domains", domains=wishes, max_deletions=1)


# --- Domains that are deleted before their aliases are read ---------------------------------------

MANY = {f"a{number:03}": "a@x.example" for number in range(250)}  # more than a list shows


@pytest.mark.parametrize(
    ("wish", "changes"),
    [
        (gone("big.example"), []),
        (domain("big.example", purge_aliases=True), ["create domain", "delete alias"]),
        (None, []),  # purged
    ],
    ids=["absent", "present", "purged"],
)
def test_a_domain_deleted_before_its_aliases_are_read_counts_as_missing(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, wish: dict[str, Any] | None, changes: list[str]
) -> None:
    modules.seed({"big.example": MANY, "other.example": {}})
    delete_after_the_list(monkeypatch, "big.example")
    wishes = [domain("other.example"), *([wish] if wish else [])]
    result = modules.run("improvmx_domains", domains=wishes, purge=True, max_deletions=251)
    assert "msg" not in result
    assert [f"{change['action']} {change['kind']}" for change in result["changes"]] == changes
    # The list, the aliases with 404, the domain, which no longer exists; then the limits.
    assert result["api_requests"] == 3 + len(changes) + ("create domain" in changes)


def test_a_domain_recreated_before_its_aliases_are_read_is_read_again(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.seed({"big.example": MANY, "other.example": {}})
    away: list[Any] = []

    def vanish(usual: Any, account: Account, call: Any) -> Any:
        reply = usual(account, call)
        away.append(account.domains.pop("big.example"))
        return reply

    def come_back(usual: Any, account: Account, call: Any) -> Any:
        account.domains["big.example"] = away[0]
        return usual(account, call)

    wrap_endpoint(monkeypatch, "GET /domains", vanish)
    wrap_endpoint(monkeypatch, "GET /domains/{domain}", come_back)
    wishes = [domain("big.example", absent("a249")), domain("other.example")]
    result = modules.run("improvmx_domains", domains=wishes)
    assert [change["name"] for change in result["changes"]] == ["a249"]
    assert result["api_requests"] == 1 + 1 + 1 + 3 + 1


def test_modules_that_only_read_leave_out_a_deleted_domain(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, args in (
        ("improvmx_domain_info", {}),
        ("improvmx_export", {"path": str(tmp_path / "all.yml")}),
    ):
        modules.seed({"big.example": MANY, "other.example": {}})
        with monkeypatch.context() as patch:
            delete_after_the_list(patch, "big.example")
            result = modules.run(name, **args)
        assert "msg" not in result
        assert "big.example" not in str(result)
        assert result["api_requests"] == 3


# --- Failures of single domains -------------------------------------------------------------------


def test_the_failure_of_one_domain_does_not_stop_the_others(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.seed({"z.example": {}}, other_domains=["taken.example"])
    wishes = [
        domain("a.example", absent("*")),
        domain("taken.example", present("info", "a@x.example")),
        domain("z.example", present("info", "a@x.example")),
    ]
    result = modules.run("improvmx_domains", domains=wishes)
    assert result["failed"] is True
    assert [failure["domain"] for failure in result["failed_domains"]] == ["taken.example"]
    assert "This domain is already registered." in result["failed_domains"][0]["msg"]
    assert "1 of 3 domains failed" in result["msg"]
    assert "taken.example" in result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert {change["domain"] for change in result["changes"]} == {"a.example", "z.example"}
    assert changes_of(result["pending"]) == [
        ("create", "domain", "taken.example", "taken.example"),
        ("create", "alias", "taken.example", "info"),
    ]
    assert [d["domain"] for d in result["domains"]] == ["a.example", "z.example"]
    assert set(read_diff(result["diff"])["after"]) == {"a.example", "z.example"}


def test_every_failed_domain_is_listed(modules_of_version: Modules) -> None:
    modules = modules_of_version
    taken = [f"taken{number:02}.example" for number in range(15)]
    modules.emulator.seed({"other_domains": taken})
    wishes = [*(domain(name, absent("*")) for name in taken), domain("free.example", absent("*"))]
    result = modules.run("improvmx_domains", domains=wishes)
    assert [failure["domain"] for failure in result["failed_domains"]] == taken
    assert "15 of 16 domains failed" in result["msg"]
    assert names_of(modules.emulator) == ["free.example"]


def test_a_partly_failed_run_is_completed_by_the_next_run(modules_of_version: Modules) -> None:
    modules = modules_of_version
    modules.emulator.seed({"other_domains": ["b.example"]})
    wishes = [domain("a.example", absent("*")), domain("b.example", absent("*"))]
    first = modules.run("improvmx_domains", domains=wishes)
    modules.emulator.account.other_domains.clear()
    rounds = modules.rounds("improvmx_domains", domains=wishes)
    assert changes_of(rounds.real["changes"]) == changes_of(first["pending"])


def test_an_invalid_key_ends_the_run_at_once(emulator: Emulator) -> None:
    result = Modules(emulator).run(
        "improvmx_domains", api_key="sk_wrong", domains=[domain("a.example"), domain("b.example")]
    )
    assert result["failed"] is True
    assert result["api_requests"] == 1


@pytest.mark.parametrize("purge", [False, True], ids=["as it is", "with purge"])
def test_check_mode_predicts_the_others_where_one_domain_can_not_be_planned(
    modules: Modules, purge: bool
) -> None:
    """It fails like the run, and predicts the changes of the run before it fails."""
    ruled = {"domain": "ruled.example", "routing_engine": "rules", "aliases": {"*": OWNER}}
    modules.emulator.seed({"domains": [{"domain": "a.example"}, {"domain": "other.example"}, ruled]})
    wishes = [
        domain("ruled.example", present("info", "a@x.example"), absent("*")),
        domain("a.example", present("info", "a@x.example")),
        domain("new.example", absent("*")),
    ]
    options = {"purge": True, "max_deletions": 1} if purge else {}
    check = modules.run("improvmx_domains", check=True, domains=wishes, **options)
    real = modules.run("improvmx_domains", domains=wishes, **options)
    for result in (check, real):
        assert result["failed"] is True
        assert [failure["domain"] for failure in result["failed_domains"]] == ["ruled.example"]
        assert "routed by rules" in result["msg"]
    for key in ("msg", "changed", "changes", "pending", "diff", "failed_domains"):
        assert check[key] == real[key]
    assert changes_of(real["changes"]) == effects_of(modules.emulator.ledger)
    assert {change["domain"] for change in real["changes"]} == (
        {"a.example", "new.example"} | ({"other.example"} if purge else set())
    )
    assert {change["domain"] for change in real["pending"]} == {"ruled.example"}


# --- Order, and the limits of the account's plan --------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"domains": [domain("new.example", absent("*")), domain("a.example"), gone("b.example")]},
        {
            "domains": [domain("new.example", absent("*")), domain("a.example")],
            "purge": True,
            "max_deletions": 9,
        },
    ],
    ids=["state absent", "purge"],
)
def test_a_full_account_replaces_an_old_domain_by_a_new_one(
    modules_of_version: Modules, options: dict[str, Any]
) -> None:
    modules = modules_of_version
    modules.seed({"a.example": {}, "b.example": {}}, limits={"domains": 2})
    modules.rounds("improvmx_domains", **options)
    assert names_of(modules.emulator) == ["a.example", "new.example"]


@pytest.mark.parametrize(
    ("existing", "wish"),
    [
        pytest.param(
            {"old": "o@x.example", "info": "a@x.example"},
            domain("d.example", present("new", "n@x.example"), absent("old")),
            id="absent",
        ),
        pytest.param(
            {"old": "o@x.example", "older": "o@x.example"},
            domain(
                "d.example",
                present("new", "n@x.example"),
                present("newer", "n@x.example"),
                purge_aliases=True,
            ),
            id="purge",
        ),
        pytest.param(
            None,
            domain("d.example", present("new", "n@x.example"), present("newer", "n@x.example"), absent("*")),
            id="new domain without its catch-all",
        ),
    ],
)
def test_a_full_domain_replaces_old_aliases_by_new_ones(
    modules_of_version: Modules, existing: dict[str, str] | None, wish: dict[str, Any]
) -> None:
    modules = modules_of_version
    modules.seed({} if existing is None else {"d.example": existing}, limits={"aliases": 2})
    modules.rounds("improvmx_domains", domains=[wish])
    assert len(modules.aliases("d.example")) == 2


@pytest.mark.parametrize(
    ("existing", "wish"),
    [
        pytest.param(
            {"*": OWNER, "info": "a@x.example"},
            domain("d.example", present("new", "n@x.example"), absent("*")),
            id="catch-all for a name",
        ),
        pytest.param(
            {"^o.*$": OWNER, "info": "a@x.example"},
            domain("d.example", present("^n.*$", "n@x.example"), absent("^o.*$")),
            id="expression for an expression",
        ),
    ],
)
def test_a_full_domain_deletes_a_pattern_before_new_aliases(
    modules: Modules, existing: dict[str, str], wish: dict[str, Any]
) -> None:
    """The pattern is deleted last, to lose no mail, and only first if the domain is full."""
    modules.seed({"d.example": existing}, limits={"aliases": 2})
    check = modules.run("improvmx_domains", check=True, domains=[wish])
    real = modules.run("improvmx_domains", domains=[wish])
    assert not real.get("failed"), real["msg"]
    assert check["diff"] == real["diff"]
    assert sorted(changes_of(check["changes"])) == sorted(changes_of(real["changes"]))
    assert effects_of(modules.emulator.ledger) == changes_of(real["changes"])
    assert len(modules.aliases("d.example")) == 2
    assert modules.run("improvmx_domains", domains=[wish])["changed"] is False


@pytest.mark.parametrize("status", [400, 403])
def test_a_desired_state_beyond_the_limits_fails_with_the_services_message(
    modules_of_version: Modules, status: int
) -> None:
    modules = modules_of_version
    modules.seed({"a.example": {}}, limits={"domains": 2}, beliefs={"limit_status": status})
    wishes = [domain("b.example", absent("*")), domain("c.example", absent("*"))]
    result = modules.run("improvmx_domains", domains=wishes, concurrency=1)
    assert result["failed"] is True
    assert "Your account is limited to 2 domains" in result["msg"]
    assert str(status) in result["msg"]
    assert names_of(modules.emulator) == ["a.example", "b.example"]
    assert [failure["domain"] for failure in result["failed_domains"]] == ["c.example"]


@pytest.mark.parametrize("status", [400, 403])
def test_more_aliases_than_the_limit_fail_with_the_created_ones_reported(
    modules_of_version: Modules, status: int
) -> None:
    modules = modules_of_version
    modules.seed({"a.example": {}}, limits={"aliases": 2}, beliefs={"limit_status": status})
    wish = domain("a.example", *(present(name, "a@x.example") for name in ("one", "two", "three", "four")))
    result = modules.run("improvmx_domains", domains=[wish])
    assert result["failed"] is True
    assert "Your account is limited to 2 aliases" in result["msg"]
    assert changes_of(result["changes"]) == effects_of(modules.emulator.ledger)
    assert [change["name"] for change in result["changes"]] == ["one", "two"]
    assert [change["name"] for change in result["pending"]] == ["three", "four"]


# --- Output of improvmx_domain_info as input ------------------------------------------------------

RICH: dict[str, Any] = {
    "whitelabels": ["mail.white.example"],
    "domains": [
        {
            "domain": "rich.example",
            "active": True,
            "notification_email": "ops@mail.example",
            "webhook": "https://hooks.example/in?a=1&b=2",
            "whitelabel": "mail.white.example",
            "aliases": {
                # Not the address of the account: with that, a new catch-all is as desired, and the update
                # that check mode predicts needs no write.
                "*": "Chief@Mail.example",
                "info": "b@y.example, A@x.example ,https://hooks.example/Mail",
                "noreply": "null",
                r"^(a|b)[0-9]+/\d$": "a@x.example",
                "007": "bond@x.example",
                "Sales": "a@x.example,a@x.example",
            },
        },
        {"domain": "bücher.example", "aliases": {"info": "a@bücher.org"}},
        {"domain": "empty.example"},
        {"domain": "big.example", "aliases": {f"a{number}": "a@x.example" for number in range(250)}},
    ],
}


@pytest.mark.parametrize("purge_aliases", [False, True], ids=["as told", "with purge_aliases"])
def test_the_result_of_the_info_module_changes_nothing(
    modules_of_version: Modules, purge_aliases: bool
) -> None:
    modules = modules_of_version
    modules.emulator.seed(RICH)
    reported = modules.run("improvmx_domain_info")["domains"]
    wishes = [{**one, "purge_aliases": True} for one in reported] if purge_aliases else reported
    rounds = modules.rounds("improvmx_domains", domains=wishes, purge=True, max_deletions=0)
    assert rounds.real["changed"] is False
    assert rounds.real["domains"] == sorted(rounds.real["domains"], key=lambda one: str(one["domain"]))
    assert modules.emulator.writes == []


@pytest.mark.parametrize("name", [described["domain"] for described in RICH["domains"]])
def test_the_info_about_one_domain_changes_nothing(modules_of_version: Modules, name: str) -> None:
    modules = modules_of_version
    modules.emulator.seed(RICH)
    reported = modules.run("improvmx_domain_info", domain=name)["domains"]
    rounds = modules.rounds("improvmx_domains", domains=reported)
    assert rounds.real["changed"] is False


@pytest.mark.parametrize("others", [{}, {"other.example": {}}], ids=["alone", "among others"])
def test_the_info_about_a_domain_routed_by_rules_changes_nothing(
    modules_of_version: Modules, others: dict[str, Any]
) -> None:
    modules = modules_of_version
    described = [{"domain": name} for name in others]
    ruled = {"domain": "ruled.example", "routing_engine": "rules", "aliases": {"*": OWNER}}
    modules.emulator.seed({"domains": [ruled, *described]})
    reported = [
        modules.run("improvmx_domain_info", domain=name)["domains"][0] for name in ("ruled.example", *others)
    ]
    rounds = modules.rounds("improvmx_domains", domains=reported)
    assert rounds.real["changed"] is False


def test_an_account_is_rebuilt_from_the_result_of_the_info_module(modules_of_version: Modules) -> None:
    modules = modules_of_version
    small = [described for described in RICH["domains"] if described["domain"] != "big.example"]
    modules.emulator.seed({**RICH, "domains": small})
    reported = modules.run("improvmx_domain_info")["domains"]
    wishes = [{**one, "purge_aliases": True} for one in reported]
    modules.emulator.seed({"whitelabels": RICH["whitelabels"]})
    modules.rounds("improvmx_domains", domains=wishes)
    rebuilt = modules.run("improvmx_domain_info")["domains"]
    assert [_lasting(one) for one in rebuilt] == [_lasting(one) for one in reported]


def _lasting(reported: dict[str, Any]) -> dict[str, Any]:
    """A returned domain without the fields that only the service sets."""
    aliases = {alias["alias"]: sorted(alias["forward"]) for alias in reported["aliases"]}
    return {**reported, "aliases": aliases, "added": None, "active": None}


def test_progress_of_a_long_run_is_written_to_its_file(
    modules: Modules, clock: Clock, tmp_path: Path
) -> None:
    modules = Modules(modules.emulator, timeout=10**6, retry_timeout=10**6)
    modules.emulator.keep_time_by(clock.time)
    modules.emulator.rate_limit = RateLimit(4, scope="endpoint")
    wishes = [domain(f"d{number}.example") for number in range(6)]
    file = tmp_path / "progress"
    result = modules.run("improvmx_domains", domains=wishes, concurrency=3, progress_file=str(file))
    assert len(result["changes"]) == 6
    lines = file.read_text().splitlines()
    assert re.match(
        r"[34] of 6 domains done, waiting (59|60|61) s for the rate limit of .* \(4 requests a window\)",
        lines[0],
    )
    assert modules.emulator.rate_limited == 0


@pytest.mark.parametrize("check", [True, False])
def test_retries_are_written_to_the_progress_file(
    modules: Modules, clock: Clock, tmp_path: Path, check: bool
) -> None:
    modules.emulator.faults.add(Fault("status", status=503, times=4))
    file = tmp_path / "progress"
    modules.run("improvmx_domains", check=check, domains=[domain("a.example")], progress_file=str(file))
    lines = file.read_text().splitlines()
    assert lines[-1].startswith(
        "reading the account, next try in 4 s: GET /v3/domains/a.example: the service answered 503"
    )


def test_a_progress_file_that_can_not_be_written_does_no_harm(
    modules: Modules, clock: Clock, tmp_path: Path
) -> None:
    modules.emulator.faults.add(Fault("status", status=503, times=4))
    file = tmp_path / "none" / "progress"
    result = modules.run("improvmx_domains", domains=[domain("a.example")], progress_file=str(file))
    assert not result.get("failed")
    assert max(clock.slept) >= 4  # long enough to be written
    assert len(result["changes"]) == 1


# --- Display names --------------------------------------------------------------------------------


def test_messages_warnings_and_headers_have_the_unicode_form_and_results_the_a_label(
    modules: Modules,
) -> None:
    label, name = "xn--bcher-kva.example", "bücher.example"
    modules.emulator.seed({"domains": [], "other_domains": [label]})
    wishes = [domain(label), domain("new.example")]
    check = modules.run("improvmx_domains", check=True, domains=wishes)
    assert f"here {name}, new.example" in check["warnings"][0]
    assert [entry["after_header"] for entry in check["diff"]] == [name, "new.example"]
    assert check["diff"][0]["after"] == f"domain: {name}\n"
    assert [change["domain"] for change in check["changes"]] == [label, "new.example"]
    assert [one["domain"] for one in check["domains"]] == [label, "new.example"]
    real = modules.run("improvmx_domains", domains=wishes)
    assert f"{name}: POST /v3/domains" in real["msg"]
    assert f"Not done: create domain {name}." in real["msg"]
    assert real["failed_domains"][0]["domain"] == real["pending"][0]["domain"] == label
    for texts in ([real["msg"], *real["warnings"]], check["warnings"], [real["failed_domains"][0]["msg"]]):
        assert "xn--" not in " ".join(texts)


@pytest.mark.parametrize("text", ["xn--a", "xn--", "xn--bcher-kva-", "axn--bcher-kva"])
def test_text_that_only_looks_like_an_a_label_is_unchanged(modules: Modules, text: str) -> None:
    result = modules.run("improvmx_domains", domains=[domain(f"{text}_.example")])
    assert f'"{text}_.example"' in result["msg"]


# --- Limits of the plan ---------------------------------------------------------------------------

TOO_MANY = "After this run the account would have more "


def seed_with_limits(modules: Modules, **limits: int) -> None:
    modules.seed({"a.example": {"*": OWNER, "info": "a@x.example"}, "b.example": {}}, limits=limits)


def reads_of(modules: Modules) -> list[str]:
    return [request.path for request in modules.emulator.requests]


@pytest.mark.parametrize(
    ("limits", "wishes", "warnings"),
    [
        pytest.param(
            {"domains": 2},
            [domain("c.example", absent("*")), domain("a.example")],
            ["domains than its plan allows (2 in total): the account (3). Expect"],
            id="domains",
        ),
        pytest.param(
            {"domains": 2},
            [domain("c.example", absent("*"))],
            ["domains than its plan allows (2 in total): the account (3). Expect"],
            id="a domain alone",
        ),
        pytest.param(
            {"aliases": 2},
            [domain("a.example", present("new", "n@x.example")), domain("b.example")],
            ["aliases than its plan allows (2 per domain): a.example (3). Expect"],
            id="aliases",
        ),
        pytest.param(
            {"destinations": 1},
            [domain("a.example", present("new", "n@x.example", "m@x.example")), domain("b.example")],
            ["destinations than its plan allows (1 per alias): new of a.example"],
            id="destinations",
        ),
    ],
)
def test_changes_beyond_the_plan_of_the_account_cause_a_warning(
    modules: Modules, limits: dict[str, int], wishes: list[dict[str, Any]], warnings: list[str]
) -> None:
    seed_with_limits(modules, **limits)
    check = modules.run("improvmx_domains", check=True, domains=wishes)
    assert not check.get("failed"), check["msg"]
    real = modules.run("improvmx_domains", domains=wishes)
    assert real["failed"] is True  # the service enforces its limits
    for result in (check, real):
        assert len(result["warnings"]) == len(warnings)
        for text, part in zip(result["warnings"], warnings, strict=True):
            assert text.startswith(TOO_MANY + part)
    first = reads_of(modules).index("/v3/account")
    assert not any(request.writes for request in modules.emulator.requests[:first])
    assert check["api_requests"] == (3 if len(wishes) == 1 else 2)


@pytest.mark.parametrize(
    ("limits", "wishes"),
    [
        pytest.param({"domains": 3}, [domain("c.example", absent("*")), domain("a.example")], id="domains"),
        pytest.param(
            {"aliases": 3},
            [domain("a.example", present("new", "n@x.example")), domain("b.example")],
            id="aliases",
        ),
        pytest.param(
            {"domains": 2}, [domain("c.example", absent("*")), gone("b.example")], id="one domain for another"
        ),
    ],
)
def test_allowed_changes_cause_no_warning(
    modules: Modules, limits: dict[str, int], wishes: list[dict[str, Any]]
) -> None:
    seed_with_limits(modules, **limits)
    modules.rounds("improvmx_domains", domains=wishes)
    assert reads_of(modules).count("/v3/account") == 2  # in check mode, and in the run that creates


@pytest.mark.parametrize(
    "wish",
    [
        domain("a.example", present("info", "b@x.example", "c@x.example")),
        domain("a.example", absent("info")),
        gone("a.example"),
    ],
    ids=["change", "delete", "delete a domain"],
)
def test_limits_are_read_only_where_something_is_created(modules: Modules, wish: dict[str, Any]) -> None:
    seed_with_limits(modules, destinations=1, domains=1, aliases=1)
    modules.run("improvmx_domains", domains=[wish])
    assert "/v3/account" not in reads_of(modules)


def test_version_2_returns_no_limits(emulator: Emulator) -> None:
    modules = Modules(emulator, api_version="v2")
    modules.seed({"a.example": {}}, limits={"domains": 2})
    modules.rounds("improvmx_domains", domains=[domain("c.example", absent("*")), domain("a.example")])
    assert "/v2/account/" not in reads_of(modules)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=403, path="/account$", times=None),
        Fault("status", status=500, path="/account$", times=None),
        Fault("body", path="/account$", body=[], times=None),
        Fault("body", path="/account$", body={"success": False, "error": "no"}, times=None),
        Fault("body", path="/account$", body={"account": {"limits": {}, "plan": None}}, times=None),
        Fault("body", path="/account$", body={"account": {"limits": "many"}}, times=None),
        Fault("cut", path="/account$", times=None),
    ],
    ids=["refused", "broken down", "odd", "no success", "no limits", "odd limits", "cut"],
)
def test_limits_that_can_not_be_read_do_not_end_a_run(modules: Modules, clock: Clock, fault: Fault) -> None:
    seed_with_limits(modules, domains=3)
    modules.emulator.faults.add(fault)
    result = modules.run("improvmx_domains", domains=[domain("c.example", absent("*")), domain("a.example")])
    assert not result.get("failed"), result["msg"]
    assert not [text for text in result["warnings"] if text.startswith(TOO_MANY)]
    assert names_of(modules.emulator) == ["a.example", "b.example", "c.example"]
