# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts with their desired state from the variables of hosts, or all problems."""

from __future__ import annotations

import datetime
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
PRESENT = {"state": "present"}
PURGE = {"purge": True, "max_deletions": 3}


def host(name: str, implicit: bool = False, /, **variables: Any) -> Host:
    values = {f"improvmx_{variable}": value for variable, value in variables.items()}
    return Host(name, values, names=frozenset(values), implicit=implicit)


def found(name: str, **variables: Any) -> Host:
    """A host that the inventory plugin found."""
    values = {"improvmx": True, **host(name, **variables).values}
    return Host(name, values, names=frozenset(values))


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
    assert [desired.prefix for desired in account.domains] == ["improvmx_"] * 3
    assert account.hosts == ("a.example", "b.example", "c.example")


def test_a_list_of_a_group_counts_once_for_all_its_hosts() -> None:
    shared = [{"domain": "example.com"}]
    own = [{"domain": "example.org"}]
    (account,) = gathered(
        host("m1", domains=shared), host("m2", domains=list(shared)), host("m3", domains=own), host("m4")
    )
    assert names(account) == ["example.com", "example.org"]
    assert [d.place for d in account.domains] == ["improvmx_domains[0] of m1", "improvmx_domains[0] of m3"]
    assert [d.prefix for d in account.domains] == ["", ""]
    assert account.hosts == ("m1", "m2", "m3")


def test_places_in_the_only_list_need_no_host() -> None:
    two = [{"domain": "example.com"}, {"domain": "example.org"}]
    for hosts in ([host("m1", domains=two)], [host("m1", domains=two), host("m2", domains=list(two))]):
        (account,) = gathered(*hosts)
        assert [d.place for d in account.domains] == ["improvmx_domains[0]", "improvmx_domains[1]"]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ({"domain": "a.example", "webhook": None}, {"webhook": None, "domain": "a.example"}, 1),
        ({"domain": "a.example", "webhook": "x"}, {"domain": "a.example", "webhook": "y"}, 2),
        ({"domain": datetime.date(2026, 1, 1)}, {"domain": datetime.date(2026, 1, 1)}, 1),
        ({"domain": datetime.date(2026, 1, 1)}, {"domain": datetime.date(2026, 1, 2)}, 2),
    ],
    ids=["order of the options", "value of an option", "same dates", "different dates"],
)
def test_lists_are_equal_if_all_options_in_them_are(one: Any, other: Any, count: int) -> None:
    (account,) = gathered(host("m1", domains=[one]), host("m2", domains=[other]))
    assert len(account.domains) == count


def test_a_list_that_many_hosts_share_is_read_once() -> None:
    class Counted:
        """Stands for a value that is converted to text to compare lists."""

        count = 0

        def __str__(self) -> str:
            self.count += 1
            return "text"

    counted = Counted()
    shared = [{"domain": "a.example", "webhook": counted}]
    gathered(*[host(f"m{n}", domains=shared) for n in range(50)])
    assert counted.count == 1


@pytest.mark.parametrize("source", ["from_play", "everywhere"])
def test_a_list_of_the_play_or_of_the_command_line_counts_alone(source: str) -> None:
    hosts = [host(name, domains=LIST, **PRESENT) for name in ("a.example", "b.example")]
    (account,) = gathered(*hosts, **{source: frozenset({"improvmx_domains"})})
    assert names(account) == ["example.com"]


def test_null_equals_an_omitted_variable_of_a_domain() -> None:
    nothing = dict.fromkeys(("aliases", "purge_aliases", "notification_email", "webhook", "whitelabel"))
    (account,) = gathered(host("a.example", **nothing))
    assert [desired.item for desired in account.domains] == [{"domain": "a.example"}]
    (account,) = gathered(host("a.example", **nothing, domains=LIST))
    assert [desired.item for desired in account.domains] == LIST


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
    (account,) = gathered(found("a.example"))
    assert account.domains == ()
    (account,) = gathered(found("a.example"), host("b.example", webhook="https://h.example/"))
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


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (None, "https://api.improvmx.com"),
        ("HTTPS://API.Example", "https://api.example"),
        ("https://api.example//", "https://api.example"),
        ("https://api.example/Path/X/", "https://api.example/Path/X"),
        ("https://proxy.example/HTTPS://API.example", "https://proxy.example/HTTPS://API.example"),
        ("API.example/Path", "api.example/path"),
    ],
)
def test_urls_of_one_account_differ_in_the_case_of_the_server_and_slashes_at_the_end(
    given: str | None, url: str
) -> None:
    (account,) = gathered(host("a.example", state="present", api_url=given))
    assert (account.url, account.version) == (url, "v3")


@pytest.mark.parametrize(
    ("option", "value"), [("api_key", OTHER_KEY), ("api_url", "https://other.example"), ("api_version", "v2")]
)
def test_the_account_comes_from_variables_then_module_defaults_then_the_environment(
    option: str, value: str
) -> None:
    environment = {**WITH_KEY, f"IMPROVMX_{option.upper()}": value}
    set_there, not_set = host("a.example", **PRESENT, **{option: value}), host("b.example", **PRESENT)
    (account,) = gathered(set_there, not_set, environment=environment)
    assert account.hosts == ("a.example", "b.example")
    (account,) = gathered(not_set, given={option: value}, environment={**environment, option: "unused"})
    assert account.connection == {option: value}
    (account,) = gathered(set_there, given={option: "unused"}, environment=WITH_KEY)
    assert account.connection == {option: value}


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


# --- Values of variables --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "read"),
    [
        ("api_key", f" {KEY}\n", KEY),
        ("api_version", " v2 ", "v2"),
        ("validate_certs", "no", False),
        ("timeout", 1, 1),
        ("timeout", " 1 ", 1),
        ("retry_timeout", 0, 0),
        ("max_deletions", "0", 0),
        ("concurrency", 1, 1),
        ("concurrency", 10, 10),
        ("check_dns", False, "false"),
        ("check_dns", "False", "false"),
        ("check_dns", " no ", "false"),
        ("check_dns", "Off", "false"),
        ("check_dns", " fail ", "fail"),
        ("unmanaged", "report", "report"),
    ],
)
def test_values_are_read_as_they_come_from_files_and_from_the_command_line(
    option: str, value: Any, read: Any
) -> None:
    (account,) = gathered(host("a.example", **PRESENT, **{option: value}))
    assert {**account.connection, **account.run} == {option: read}


NO_VALUE = "it is set, but has no value: remove it, or set a value"
NO_NUMBER = "it must be a whole number"


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("api_key", None, NO_VALUE),
        ("api_key", " ", "it must be a string, and not empty"),
        ("ca_path", 7, "it must be a string, and not empty"),
        ("api_version", "v1", "it must be one of: v2, v3"),
        ("api_version", 3, "it must be one of: v2, v3"),
        ("validate_certs", 2, "it must be true or false"),
        ("timeout", 0, "it must be at least 1"),
        ("timeout", "", NO_NUMBER),
        ("timeout", 1.5, NO_NUMBER),
        ("retry_timeout", -1, "it must be at least 0"),
        ("purge", None, NO_VALUE),
        ("purge", "maybe", "it must be true or false"),
        ("purge", [], "it must be true or false"),
        ("max_deletions", None, NO_VALUE),
        ("max_deletions", -1, "it must be at least 0"),
        ("max_deletions", "many", NO_NUMBER),
        ("max_deletions", True, NO_NUMBER),
        ("concurrency", 0, "it must be from 1 to 10"),
        ("concurrency", 11, "it must be from 1 to 10"),
        ("check_dns", "yes", "it must be one of: false, warn, fail"),
        ("check_dns", True, "it must be one of: false, warn, fail"),
        ("check_dns", "Warn", "it must be one of: false, warn, fail"),
        ("unmanaged", False, "it must be one of: ignore, report, fail"),
    ],
)
def test_invalid_values_are_rejected(option: str, value: Any, reason: str) -> None:
    expected = [f"improvmx_{option} of a.example: {reason}"]
    assert refused(host("a.example", **PRESENT, **{option: value})) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("example.com", "a string"),
        ({"domain": "example.com"}, "a dictionary"),
        (7, "a single value"),
        (False, "a single value"),
    ],
)
def test_a_list_must_be_one(value: Any, kind: str) -> None:
    assert refused(host("m1", domains=value)) == [
        f"improvmx_domains of m1: it must be a list of domains, not {kind}"
    ]


def test_a_list_without_a_value_is_not_an_empty_list() -> None:
    assert refused(host("m1", domains=None)) == [
        "improvmx_domains of m1: it is set, but has no value: for no domains, write an empty list, []"
    ]
    (account,) = gathered(host("m1", domains=[]))
    assert account.domains == ()


def test_every_item_of_a_list_must_be_a_dictionary() -> None:
    items = ["a.example", 3, None, LIST, *LIST]
    must = "it must be a domain with its options, such as {domain: example.com}, not"
    assert refused(host("m1", domains=items)) == [
        f"improvmx_domains[0] of m1: {must} a string",
        f"improvmx_domains[1] of m1: {must} a single value",
        f"improvmx_domains[2] of m1: {must} nothing",
        f"improvmx_domains[3] of m1: {must} a list",
    ]


# --- Refusals -------------------------------------------------------------------------------------

NO_DOMAINS = (
    "There are no domains to provision. Set improvmx_domains, or use an inventory whose hosts are domains"
)
NO_EFFECT = (
    "it has no effect together with improvmx_domains, because no host is a domain if a host of the play has "
    "such a list: move it into the list, or select the hosts that are domains with -e improvmx_hosts=GROUP"
)
NOT_A_DOMAIN = (
    "is not a domain: it needs a dot, as in example.com. If the inventory also contains machines, select the "
    "group of the domains with -e improvmx_hosts=GROUP"
)
IN_A_PLAY = (
    "can't be set in the play, the role or a task, only in the inventory or with -e, because each domain can "
    "have a value of its own: move it, for example to group_vars"
)
LIMIT_HIDES = "--limit hides localhost, which has improvmx_domains: run it without --limit"


@pytest.mark.parametrize(
    ("hosts", "more", "problems"),
    [
        ([], {}, [NO_DOMAINS]),
        ([host("localhost"), host("127.0.0.1"), host("::1", api_key=KEY)], {}, [NO_DOMAINS]),
        (
            [host("localhost"), host("web1"), host("web2.example", api_key=KEY)],
            {},
            [
                f"{NO_DOMAINS}. None of the hosts of the play (web1, web2.example) has improvmx_domains or a "
                "variable of a domain (improvmx_aliases, improvmx_credentials, improvmx_notification_email, "
                "improvmx_purge_aliases, improvmx_purge_credentials, improvmx_purge_rules, improvmx_rules, "
                "improvmx_state, improvmx_webhook, improvmx_whitelabel)"
            ],
        ),
        (
            [host("web"), host("a.example", **PRESENT), host("shop")],
            {},
            [f'host "web" {NOT_A_DOMAIN}', f'host "shop" {NOT_A_DOMAIN}'],
        ),
        (
            [host("a.example", **PRESENT)],
            {"from_play": frozenset({"improvmx_webhook", "improvmx_state", "improvmx_purge"})},
            [f"improvmx_state, improvmx_webhook {IN_A_PLAY}"],
        ),
        (
            [host("m1", domains=LIST), host("a.example", **PRESENT), host("b.example", aliases=[])],
            {},
            [f"improvmx_state of a.example: {NO_EFFECT}", f"improvmx_aliases of b.example: {NO_EFFECT}"],
        ),
        (
            [host("a.example", hosts="mail", **PRESENT), host("b.example", hosts="mail")],
            {"from_play": frozenset({"improvmx_hosts"})},
            [
                "improvmx_hosts has no effect in the inventory or a play (a.example, b.example), because "
                "Ansible does not know it yet when it selects the hosts of a play: set it with "
                "-e improvmx_hosts=GROUP"
            ],
        ),
        ([host("web1")], {"limited": True, "hidden": ["localhost"]}, [LIMIT_HIDES]),
        ([host("a.example", **PRESENT)], {"limited": True, "hidden": ["localhost"]}, [LIMIT_HIDES]),
        (
            [host("a.example", **PRESENT), host("b.example", **PRESENT)],
            {"environment": {"IMPROVMX_API_KEY": ""}},
            [
                "no API key for a.example, b.example: set improvmx_api_key, preferably from a vault, or "
                "IMPROVMX_API_KEY in the environment"
            ],
        ),
    ],
    ids=[
        "no hosts",
        "only the controller",
        "no variable of a domain",
        "machines and domains",
        "variables of a play",
        "a list and domains",
        "improvmx_hosts in the inventory",
        "hidden list",
        "hidden list beside domains",
        "no key",
    ],
)
def test_contradictions_are_rejected(hosts: list[Host], more: dict[str, Any], problems: list[str]) -> None:
    assert refused(*hosts, **more) == problems


@pytest.mark.parametrize("variable", ["hosts", "state"])
def test_variables_of_the_command_line_reach_every_host(variable: str) -> None:
    given = {**PRESENT, variable: "absent"}
    hosts = [host(name, **given) for name in ("a.example", "b.example")]
    (account,) = gathered(*hosts, everywhere=frozenset({f"improvmx_{variable}"}))
    assert [desired.item["state"] for desired in account.domains] == [given["state"]] * 2


# --- Hosts of one account -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "one", "other"),
    [
        ("validate_certs", True, False),
        ("ca_path", "/a", "/b"),
        ("timeout", 5, None),
        ("retry_timeout", 0, None),
        ("purge", True, "no"),
        ("max_deletions", 1, 2),
        ("concurrency", 1, None),
        ("check_dns", "warn", "false"),
        ("unmanaged", "report", None),
    ],
)
def test_the_options_of_a_run_must_be_the_same_for_all_hosts_of_an_account(
    option: str, one: Any, other: Any
) -> None:
    hosts = [
        host(name, **{"max_deletions": 3, **PRESENT, option: value})
        for name, value in {
            "a.example": one,
            "b.example": other,
            "c.example": one,
            "d.example": other,
        }.items()
    ]
    hosts += [host("z.example", **PRESENT, api_key=OTHER_KEY)]
    assert refused(*hosts) == [
        f"improvmx_{option} differs between hosts of one account, a.example and b.example, d.example: use "
        "the same value for all of them, for example in group_vars/all"
    ]


@pytest.mark.parametrize(
    ("option", "spellings"),
    [("purge", [None, False, "no"]), ("check_dns", [None, "no", False]), ("timeout", [5, "5", " 5 "])],
)
def test_different_spellings_of_an_option_are_no_difference(option: str, spellings: list[Any]) -> None:
    given = [{} if value is None else {option: value} for value in spellings]
    (account,) = gathered(*[host(f"d{n}.example", **PRESENT, **each) for n, each in enumerate(given)])
    assert len(account.hosts) == len(spellings)


@pytest.mark.parametrize(
    ("one", "other", "display"),
    [
        ("example.com", "Example.COM.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example", "bücher.example"),
        ("xn--bcher-kva.example", "bücher.example", "bücher.example"),
    ],
)
def test_a_domain_in_two_accounts_is_refused(one: str, other: str, display: str) -> None:
    hosts = [
        host("m1", domains=[{"domain": one}], api_key=KEY),
        host("m2", domains=[{"domain": other}], api_key=OTHER_KEY),
    ]
    assert refused(*hosts) == [
        f"{display} is desired in two accounts, that of m1 and that of m2: it can belong to one only"
    ]


@pytest.mark.parametrize("item", [{}, {"domain": None}, {"domain": 7}, {"domain": "nodot"}])
def test_an_invalid_domain_in_two_accounts_is_left_to_the_check_of_its_options(item: dict[str, Any]) -> None:
    hosts = [host("m1", domains=[item], api_key=KEY), host("m2", domains=[item], api_key=OTHER_KEY)]
    assert [[desired.item for desired in account.domains] for account in gathered(*hosts)] == [[item], [item]]


# --- Several problems -----------------------------------------------------------------------------


def test_every_problem_is_reported_once_for_all_hosts_that_share_it() -> None:
    hosts = [host(f"d{n}.example", timeout="x", check_dns="y", domian=1, **PRESENT) for n in range(7)]
    problems = refused(*hosts)
    assert [problem.partition(": ")[0] for problem in problems] == [
        "improvmx_timeout of d0.example, d1.example, d2.example, d3.example, d4.example and 2 more",
        "improvmx_check_dns of d0.example, d1.example, d2.example, d3.example, d4.example and 2 more",
        "improvmx_domian (d0.example, d1.example, d2.example, d3.example, d4.example and 2 more) is not a "
        "variable of the role",
    ]


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (1, "a0.b"),
        (2, "a0.b, a1.b"),
        (5, "a0.b, a1.b, a2.b, a3.b, a4.b"),
        (6, "a0.b, a1.b, a2.b, a3.b, a4.b and 1 more"),
        (12, "a0.b, a1.b, a2.b, a3.b, a4.b and 7 more"),
    ],
)
def test_a_message_names_at_most_five_hosts(count: int, named: str) -> None:
    hosts = [host(f"a{n}.b", **PRESENT, timeout=0) for n in range(count)]
    assert refused(*hosts) == [f"improvmx_timeout of {named}: it must be at least 1"]


def test_an_invalid_list_of_a_group_is_reported_once_for_all_its_hosts() -> None:
    hosts = [host(f"m{n}", domains="x") for n in range(3)]
    assert refused(*hosts) == ["improvmx_domains of m0: it must be a list of domains, not a string"]


def test_hosts_of_a_list_are_named_once_for_a_problem_of_their_connection() -> None:
    hosts = [host(f"m{n}", domains=LIST, timeout=0) for n in range(2)]
    assert refused(*hosts) == ["improvmx_timeout of m0, m1: it must be at least 1"]


@pytest.mark.parametrize(
    "variable",
    ["api_key", "api_url", "api_version", "timeout", "purge", "max_deletions", "state", "domains"],
)
def test_a_failed_template_is_reported_and_does_not_fall_back_to_another_value(variable: str) -> None:
    reason = {f"improvmx_{variable}": "'typo' is undefined"}
    values = {"improvmx_webhook": None, "improvmx_purge": True, "improvmx_max_deletions": 3}
    known = {name: value for name, value in values.items() if name not in reason}
    broken = Host("b.example", known, reason, frozenset({*known, *reason}))
    other = host("a.example", **(PURGE if variable == "domains" else {**PRESENT, **PURGE}))
    assert refused(other, broken) == [
        f"improvmx_{variable} of b.example: its template fails: 'typo' is undefined"
    ]


def test_a_host_whose_key_fails_does_not_count_for_the_account_of_the_environment() -> None:
    reason = {"improvmx_api_key": "'typo' is undefined"}
    broken = Host("b.example", {"improvmx_state": "present", "improvmx_timeout": 7}, reason)
    hosts = [host("a.example", **PRESENT, timeout=5), broken]
    accounts, problems = gather(Situation(hosts=hosts, environment=WITH_KEY))
    assert [account.hosts for account in accounts] == [("a.example",), ("b.example",)]
    assert problems == ("improvmx_api_key of b.example: its template fails: 'typo' is undefined",)


# --- Purge ----------------------------------------------------------------------------------------

DELETES = "improvmx_purge deletes every domain that the inventory does not name, and "
LIMITED = DELETES + "--limit hides a part of it: run it without --limit, or without improvmx_purge"


@pytest.mark.parametrize("value", [True, 1, "y", "t", "Y", " on ", "1", "True"])
def test_a_purge_with_a_limit_is_refused_for_every_spelling_of_true(value: Any) -> None:
    purge = {**PURGE, "purge": value}
    assert refused(host("a.example", **PRESENT, **purge), limited=True) == [LIMITED]
    # Of a host that takes no part in the run as well.
    assert refused(host("localhost", **purge), host("a.example", **PRESENT), limited=True) == [LIMITED]


@pytest.mark.parametrize("value", [False, "no", 0])
def test_a_limit_is_accepted_without_a_purge(value: Any) -> None:
    (account,) = gathered(host("a.example", **PRESENT, purge=value), limited=True, unread=["two.yml"])
    assert account.run == {"purge": False}


def test_a_purge_with_a_partly_unreadable_inventory_is_refused() -> None:
    unread = ["two.yml", "three.yml"]
    could_not = DELETES + "a part of it could not be read: repair or remove two.yml, three.yml"
    hosts = [host("a.example", **PRESENT, **PURGE)]
    assert refused(*hosts, unread=unread) == [could_not]
    assert refused(*hosts, unread=unread, limited=True) == [LIMITED, could_not]


def test_a_purge_needs_a_bound_on_deletions() -> None:
    needs = (
        "improvmx_purge requires improvmx_max_deletions, the maximum number of domains, aliases, rules "
        "and credentials that a run may delete"
    )
    one = host("a.example", **PRESENT, purge=True)
    other = host("b.example", **PRESENT, purge=True, api_key=OTHER_KEY)
    bounded = host("c.example", **PRESENT, **PURGE, api_key=OTHER_KEY)
    assert refused(one) == [needs]
    assert refused(one, other) == [needs]
    assert refused(one, bounded) == [needs]
    (account,) = gathered(host("a.example", **PRESENT, purge=True, max_deletions=0))
    assert account.run == {"purge": True, "max_deletions": 0}


def test_a_purge_without_domains_is_refused() -> None:
    for value in ([], ()):
        assert refused(host("m1", domains=value, **PURGE)) == [
            "improvmx_purge without any domain would delete the whole account: name the domains to keep, or "
            "delete the others with state absent"
        ]


def test_a_purge_needs_an_existing_list() -> None:
    omitted = Host(
        "localhost", {"improvmx_purge": True}, names=frozenset({"improvmx_domains", "improvmx_purge"})
    )
    problems = refused(omitted, host("a.example", **PRESENT, **PURGE))
    assert problems == [
        "improvmx_domains of localhost: its template omits it, which improvmx_purge does not allow"
    ]


def test_a_purge_does_not_delete_domains_found_by_the_inventory_plugin() -> None:
    hosts = [found("a.example", **PURGE), found("b.example", **PURGE), host("c.example", **PRESENT, **PURGE)]
    keep = (
        "improvmx_purge deletes every domain that the inventory does not name, and no desired state is set "
        "for %s, which the inventory plugin found: set improvmx_state for the domains to keep"
    )
    assert refused(*hosts) == [keep % "a.example, b.example"]
    assert refused(hosts[0]) == [keep % "a.example"]


def test_a_purge_keeps_what_is_desired_of_domains_found_by_the_inventory_plugin() -> None:
    (account,) = gathered(found("a.example", **PRESENT, **PURGE), found("b.example", webhook=None, **PURGE))
    assert names(account) == ["a.example", "b.example"]
    (account,) = gathered(found("a.example", domains=LIST, **PURGE))
    assert names(account) == ["example.com"]


def test_a_purge_of_an_inventory_without_domains_does_not_mention_a_limit() -> None:
    assert refused(host("localhost", **PURGE)) == [NO_DOMAINS]


# --- Hosts without mail ---------------------------------------------------------------------------


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
        ("tsate", "improvmx_state"),
        ("staet", "improvmx_state"),
        ("stete", "improvmx_state"),
        ("ruless", "improvmx_rules"),
        ("rport_path", "improvmx_report_path"),
        ("xport_path", "improvmx_export_path"),
        ("eport_path", "improvmx_export_path"),
        ("sta", None),
        ("stole", None),
        ("tsats", None),
        ("maxx_deltion", None),
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
