# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts with their desired state from the variables of hosts, or all problems."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.plugin_utils._gather import (
    KNOWN,
    Account,
    Host,
    Situation,
    gather,
    read_bool,
)

KEY = "sk_9d8f7a6s5d4f3g2h1j"
OTHER_KEY = "sk_0q1w2e3r4t5y6u7i8o"
ALIASES = [{"alias": "info", "forward": "ann@mail.example"}]
LIST = [{"domain": "example.com", "aliases": ALIASES}]
WITH_KEY = {"IMPROVMX_API_KEY": KEY}


def host(name: str, implicit: bool = False, /, **variables: Any) -> Host:
    values = {f"improvmx_{variable}": value for variable, value in variables.items()}
    return Host(name, values, names=frozenset(values), implicit=implicit)


def gathered(*hosts: Host, **more: Any) -> list[Account]:
    """The accounts of hosts without problems."""
    accounts, problems = gather(Situation(hosts=hosts, **{"environment": WITH_KEY, **more}))
    assert problems == ()
    return list(accounts)


def refused(*hosts: Host, **more: Any) -> list[str]:
    _accounts, problems = gather(Situation(hosts=hosts, **{"environment": WITH_KEY, **more}))
    assert problems
    assert KEY not in str(problems)
    assert OTHER_KEY not in str(problems)
    return list(problems)


def names(account: Account) -> list[Any]:
    return [desired.item["domain"] for desired in account.domains]


# --- The two shapes -------------------------------------------------------------------------------


def test_hosts_that_are_domains_are_one_run_with_the_variables_of_each() -> None:
    account, *others = gathered(
        host("localhost"),
        host("a.example", aliases=ALIASES, purge_aliases=True, webhook=None),
        host("b.example", state="absent"),
        host("c.example"),
    )
    assert others == []
    assert [desired.item for desired in account.domains] == [
        {"domain": "a.example", "aliases": ALIASES, "purge_aliases": True},
        {"domain": "b.example", "state": "absent"},
        {"domain": "c.example"},
    ]
    assert [desired.place for desired in account.domains] == ["a.example", "b.example", "c.example"]
    assert account.hosts == ("a.example", "b.example", "c.example")


def test_a_list_of_a_group_counts_once_for_all_its_hosts() -> None:
    shared = [{"domain": "example.com"}]
    own = [{"domain": "example.org"}]
    (account,) = gathered(
        host("m1", domains=shared), host("m2", domains=list(shared)), host("m3", domains=own), host("m4")
    )
    assert names(account) == ["example.com", "example.org"]
    assert [d.place for d in account.domains] == ["improvmx_domains[0] of m1", "improvmx_domains[0] of m3"]
    assert account.hosts == ("m1", "m2", "m3")


def test_the_implicit_localhost_does_not_belong_to_a_group() -> None:
    (account,) = gathered(
        host("m1", domains=LIST, api_key=OTHER_KEY),
        host("localhost", True, domains=LIST),
        environment={},
    )
    assert account.connection == {"api_key": OTHER_KEY}
    (account,) = gathered(host("m1"), host("localhost", True, domains=LIST))
    assert account.hosts == ("localhost",)


def test_domains_found_by_the_inventory_plugin_are_not_desired() -> None:
    found = Host("a.example", {"improvmx": True}, names=frozenset({"improvmx"}))
    (account,) = gathered(found)
    assert account.domains == ()
    (account,) = gathered(found, host("b.example", webhook="https://h.example/"))
    assert names(account) == ["b.example"]


# --- Accounts -------------------------------------------------------------------------------------


def test_hosts_are_grouped_by_account_and_the_environment_provides_a_missing_key() -> None:
    hosts = [
        host("a.example", aliases=[], api_key=KEY),
        host("b.example", aliases=[], api_key=OTHER_KEY),
        host("c.example", aliases=[], api_url="HTTPS://API.improvmx.com/"),
        host("d.example", aliases=[], api_version="v2"),
        host("e.example", aliases=[], api_url="http://127.0.0.1:1/Path"),
    ]
    assert [account.hosts for account in gathered(*hosts)] == [
        ("a.example", "c.example"),
        ("b.example",),
        ("d.example",),
        ("e.example",),
    ]


def test_the_shown_url_of_an_account_holds_no_secret() -> None:
    (account,) = gathered(
        host("a.example", state="present", api_url="https://me:secret-4k5j6h@proxy.example/x/")
    )
    assert account.api_url == "https://proxy.example/x"
    assert "secret-4k5j6h" not in repr(account.domains)


def test_every_option_of_the_connection_and_of_the_run_has_its_variable() -> None:
    (account,) = gathered(
        host(
            "a.example",
            state="present",
            api_key=KEY,
            api_url="https://api.example",
            api_version="v2",
            validate_certs="no",
            ca_path="/etc/ca.pem",
            timeout="7",
            retry_timeout=0,
            concurrency=2,
            purge="yes",
            max_deletions="4",
            check_dns="warn",
        )
    )
    assert account.connection == {
        "api_key": KEY,
        "api_url": "https://api.example",
        "api_version": "v2",
        "validate_certs": False,
        "ca_path": "/etc/ca.pem",
        "timeout": 7,
        "retry_timeout": 0,
    }
    assert account.run == {"purge": True, "max_deletions": 4, "concurrency": 2, "check_dns": "warn"}


def test_module_defaults_override_the_environment_and_are_overridden_by_variables() -> None:
    given = {"api_key": OTHER_KEY, "timeout": 3}
    (account,) = gathered(host("a.example", state="present", timeout=4), given=given)
    assert account.connection == {"api_key": OTHER_KEY, "timeout": 4}


# --- Refusals -------------------------------------------------------------------------------------

PRESENT = {"state": "present"}
ACCOUNT = {"purge": True, "max_deletions": 3}


@pytest.mark.parametrize(
    ("hosts", "more", "said"),
    [
        ([], {}, "There are no domains to provision"),
        ([host("localhost")], {}, "There are no domains to provision"),
        (
            [host("web1"), host("web2")],
            {},
            "(web1, web2) has improvmx_domains or a variable of a domain (improvmx_al",
        ),
        ([host("m1", domains=None)], {}, "improvmx_domains of m1: it is set, but has no value"),
        (
            [host("m1", domains="example.com")],
            {},
            "improvmx_domains of m1: it must be a list of domains, not a string",
        ),
        ([host("m1", domains={"domain": "a.b"})], {}, "it must be a list of domains, not a dictionary"),
        (
            [host("m1", domains=["a.b", 3])],
            {},
            "improvmx_domains[0] of m1: it must be a domain with its options",
        ),
        (
            [host("m1", domains=["a.b", 3])],
            {},
            "improvmx_domains[1] of m1: it must be a domain with its options",
        ),
        ([host("a.example", **PRESENT), host("web")], {}, 'host "web" is not a domain: it needs a dot'),
        (
            [host("a.example", **PRESENT)],
            {"from_play": frozenset({"improvmx_state", "improvmx_webhook", "improvmx_purge"})},
            "improvmx_state, improvmx_webhook can't be set in the play, the role or a task",
        ),
        (
            [host("m1", domains=LIST), host("a.example", **PRESENT)],
            {},
            "improvmx_state of a.example: it has no effect together with improvmx_domains",
        ),
        ([host("a.example", hosts="mail", **PRESENT)], {}, "improvmx_hosts has no effect in the inventory"),
        (
            [host("web1")],
            {"limited": True, "hidden": ["localhost"]},
            "--limit hides localhost, which has improvmx_domains",
        ),
        (
            [host("a.example", **PRESENT, **ACCOUNT)],
            {"limited": True},
            "--limit hides a part of it",
        ),
        ([host("a.example", **PRESENT, **ACCOUNT)], {"unread": ["two.yml"]}, "repair or remove two.yml"),
        ([host("a.example", purge=True, **PRESENT)], {}, "improvmx_purge requires improvmx_max_deletions"),
        (
            [host("m1", domains=[], **ACCOUNT)],
            {},
            "improvmx_purge without any domain would delete the whole account",
        ),
        (
            [host("a.example", purge="maybe", **PRESENT)],
            {},
            "improvmx_purge of a.example: it must be true or false",
        ),
        (
            [host("a.example", purge=None, **PRESENT)],
            {},
            "improvmx_purge of a.example: it is set, but has no value",
        ),
        (
            [host("a.example", max_deletions=None, **PRESENT)],
            {},
            "improvmx_max_deletions of a.example: it is set, but",
        ),
        ([host("a.example", max_deletions="many", **PRESENT)], {}, "it must be a whole number"),
        ([host("a.example", max_deletions=-1, **PRESENT)], {}, "it must be at least 0"),
        ([host("a.example", max_deletions=True, **PRESENT)], {}, "it must be a whole number"),
        ([host("a.example", concurrency=11, **PRESENT)], {}, "it must be from 1 to 10"),
        ([host("a.example", api_version="v1", **PRESENT)], {}, "it must be one of: v2, v3"),
        ([host("a.example", check_dns="yes", **PRESENT)], {}, "it must be one of: false, warn, fail"),
        (
            [host("a.example", api_key=None, **PRESENT)],
            {},
            "improvmx_api_key of a.example: it is set, but has no value",
        ),
        (
            [host("a.example", api_key=" ", **PRESENT)],
            {},
            "improvmx_api_key of a.example: it must be a string, and not empty",
        ),
        (
            [host("a.example", **PRESENT)],
            {"environment": {"IMPROVMX_API_KEY": ""}},
            "no API key for a.example",
        ),
        (
            [host("a.example", timeout=5, **PRESENT), host("b.example", **PRESENT)],
            {},
            "improvmx_timeout differs between hosts of one account, a.example and b.example",
        ),
        (
            [host("a.example", **ACCOUNT, **PRESENT), host("b.example", **PRESENT)],
            {},
            "improvmx_purge differs between hosts of one account, a.example and b.example",
        ),
        (
            [host("m1", domains=LIST, api_key=KEY), host("m2", domains=LIST, api_key=OTHER_KEY)],
            {},
            "example.com is desired in two accounts, that of m1 and that of m2",
        ),
        (
            [host("bücher.example", api_key=OTHER_KEY, **PRESENT), host("xn--bcher-kva.example", **PRESENT)],
            {},
            "bücher.example is desired in two accounts, that of bücher.example and that of xn--bcher-kva",
        ),
    ],
)
def test_invalid_variables_are_rejected(hosts: list[Host], more: dict[str, Any], said: str) -> None:
    problems = refused(*hosts, **more)
    assert [problem for problem in problems if said in problem], problems


def test_every_problem_is_reported_once_for_all_hosts_that_share_it() -> None:
    hosts = [host(f"d{n}.example", timeout="x", check_dns="y", domian=1, **PRESENT) for n in range(7)]
    problems = refused(*hosts)
    assert [problem.partition(": ")[0] for problem in problems] == [
        "improvmx_timeout of d0.example, d1.example, d2.example, d3.example, d4.example and 2 more",
        "improvmx_check_dns of d0.example, d1.example, d2.example, d3.example, d4.example and 2 more",
        "improvmx_domian (d0.example, d1.example, d2.example, d3.example, d4.example and 2 more) is not a "
        "variable of the role",
    ]


def test_a_failed_template_does_not_fall_back_to_another_value() -> None:
    reason = {"improvmx_api_key": "'vault_key' is undefined"}
    broken = Host("b.example", {"improvmx_state": "present"}, reason, frozenset(reason))
    assert refused(host("a.example", **PRESENT), broken) == [
        "improvmx_api_key of b.example: its template fails: 'vault_key' is undefined"
    ]


def test_a_purge_needs_an_existing_list() -> None:
    omitted = Host(
        "localhost", {"improvmx_purge": True}, names=frozenset({"improvmx_domains", "improvmx_purge"})
    )
    problems = refused(omitted, host("a.example", **PRESENT, **ACCOUNT))
    assert problems == [
        "improvmx_domains of localhost: its template omits it, which improvmx_purge does not allow"
    ]


def test_a_purge_does_not_delete_domains_found_by_the_inventory_plugin() -> None:
    found = Host("a.example", {"improvmx": True, "improvmx_purge": True, "improvmx_max_deletions": 9})
    (problem,) = refused(found, host("b.example", **PRESENT, **{**ACCOUNT, "max_deletions": 9}))
    assert "no desired state is set for a.example, which the inventory plugin found" in problem


def test_a_purge_without_domains_does_not_mention_a_limit() -> None:
    (problem,) = refused(host("localhost", **ACCOUNT))
    assert "There are no domains to provision" in problem
    assert "--limit" not in problem


def test_hosts_without_mail_variables_change_nothing() -> None:
    (account,) = gathered(
        host("localhost", domains=LIST), *[host(f"m{n}", api_key=str(n)) for n in range(50)]
    )
    assert account.hosts == ("localhost",)


# --- Typing mistakes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("alises", "improvmx_aliases"),
        ("purge_alias", "improvmx_purge_aliases"),
        ("domain", "improvmx_domains"),
        ("domians", "improvmx_domains"),
        ("alias", "improvmx_aliases"),
        ("apikey", "improvmx_api_key"),
        ("max_deletion", "improvmx_max_deletions"),
        ("check_dsn", "improvmx_check_dns"),
        ("host", "improvmx_hosts"),
        ("team", None),
        ("status", None),
        ("domains_of_shops", None),
        ("domains_2", None),
        ("default_aliases", None),
        ("key", None),
        ("report_path", None),
    ],
)
def test_a_misspelled_variable_is_rejected(name: str, meant: str | None) -> None:
    hosts = host("a.example", **{name: "x"}, **PRESENT)
    if meant is None:
        gathered(hosts)
    else:
        assert [problem for problem in refused(hosts) if f"use {meant}, or" in problem]


def test_no_variable_of_the_collection_counts_as_misspelled() -> None:
    assert gather(Situation(hosts=[Host("a", names=KNOWN - {"improvmx_hosts"})]))[1] != ()
    problems = gather(Situation(hosts=[Host("a", names=KNOWN)], everywhere=KNOWN))[1]
    assert not [problem for problem in problems if "is not a variable" in problem]


# --- Booleans -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["y", "t", "Y", "1", "on", "True", 1])
def test_a_purge_with_a_limit_is_rejected_for_every_spelling_of_true(value: Any) -> None:
    (problem,) = refused(host("a.example", **PRESENT, **{**ACCOUNT, "purge": value}), limited=True)
    assert "--limit hides a part of it" in problem


@given(st.sampled_from(sorted(BOOLEANS_TRUE | BOOLEANS_FALSE, key=str)) | st.text(max_size=5) | st.integers())
def test_booleans_are_parsed_as_modules_parse_them(value: Any) -> None:
    spelled = value.lower().strip() if isinstance(value, str) else value
    if spelled in BOOLEANS_TRUE:
        assert read_bool(value) is True
    elif spelled in BOOLEANS_FALSE:
        assert read_bool(value) is False
    else:
        with pytest.raises(ValueError, match="true or false"):
            read_bool(value)
