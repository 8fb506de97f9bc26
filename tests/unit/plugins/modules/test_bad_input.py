# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from emulator import Emulator
from harness import Modules, assert_no_secret, run_module

WRITING = ("improvmx_alias", "improvmx_domain", "improvmx_domains")
GOOD = {"alias": "info", "forward": "a@x.example"}
LONG_LABEL = "a" * 64


def refused(emulator: Emulator, name: str, args: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Run a module that has to fail before it sends anything."""
    options = {"api_url": emulator.url, "api_key": emulator.api_key, "timeout": 5, "retry_timeout": 5}
    result: dict[str, Any] = run_module(name, {**options, **args}, check)
    assert result["failed"] is True
    assert emulator.requests == []
    assert "\n" not in result["msg"]
    assert "Traceback" not in str(result)
    assert_no_secret(str(result), emulator.api_key)
    return result


def assert_reported(name: str, result: dict[str, Any], problems: list[str]) -> None:
    for problem in problems:
        assert problem in result["msg"]
    assert "No request was sent" in result["msg"]
    assert result["api_requests"] == 0
    if name in WRITING:
        assert result["changes"] == result["pending"] == []
        assert result["changed"] is False


# --- One invalid value ----------------------------------------------------------------------------

BAD_DOMAINS = {
    "": "empty",
    "example": "needs a dot",
    "a..example": "empty",
    ".example.com": "empty",
    "example.com..": "empty",
    "exa mple.com": "letters, digits and inner hyphens",
    "-a.example": "hyphen",
    "a-.example": "hyphen",
    "a_b.example": "letters, digits and inner hyphens",
    "info@example.com": "letters, digits and inner hyphens",
    "https://example.com": "letters, digits and inner hyphens",
    "example.com/x": "letters, digits and inner hyphens",
    f"{LONG_LABEL}.example": "63",
    ".".join(["a" * 60] * 5): "253",
    "192.0.2.1": "number",
    "bü cher.example": "it contains",
    "a\u202eb.example": "it contains",
}


@pytest.mark.parametrize(("text", "problem"), BAD_DOMAINS.items(), ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize(
    "name",
    [*WRITING, "improvmx_domain_check", "improvmx_domain_info", "improvmx_logs_info"],
)
def test_a_malformed_domain_is_rejected(emulator: Emulator, name: str, text: str, problem: str) -> None:
    args: dict[str, Any] = {"domain": text}
    if name == "improvmx_alias":
        args |= GOOD
    if name == "improvmx_domains":
        args = {"domains": [args]}
    result = refused(emulator, name, args)
    assert_reported(name, result, ["domain", problem])


BAD_ALIASES = {
    "": "empty",
    "  ": "empty",
    "a b": "white space",
    "a\tb": "white space",
    "a\u0007b": "control character",
    "info@example.com": "before the @",
    "a" * 151: "150",
    ".": "paths",
    "..": "paths",
}


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(("text", "problem"), BAD_ALIASES.items(), ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize("name", WRITING)
def test_a_malformed_alias_is_rejected(
    emulator: Emulator, name: str, text: str, problem: str, state: str
) -> None:
    alias = {"alias": text, "forward": "a@x.example", "state": state}
    result = refused(emulator, name, with_alias(name, alias))
    assert_reported(name, result, ["alias", problem])


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("name", WRITING)
def test_an_alias_with_a_nul_is_rejected(emulator: Emulator, name: str, state: str) -> None:
    """By the module, or by Ansible, which logs texts first: since Python 3.12 syslog rejects NUL."""
    alias = {"alias": "a\0b", "forward": "a@x.example", "state": state}
    result = refused(emulator, name, with_alias(name, alias))
    assert any(
        messages in result["msg"]
        for messages in ("contains white space or a control character", "embedded null")
    )


def with_alias(name: str, alias: dict[str, Any], domain: str = "example.com") -> dict[str, Any]:
    """The arguments of a module that manages this one alias."""
    if name == "improvmx_alias":
        return {"domain": domain, **alias}
    one = {"domain": domain, "aliases": [alias]}
    return one if name == "improvmx_domain" else {"domains": [one]}


NO_TEXTS = {
    "on": (True, "true can't be used: YAML reads on"),
    "off": (False, "false can't be used: YAML reads on"),
    "007": (7, "7 can't be used: YAML reads it as a number"),
    "1.50": (1.5, "1.5 can't be used: YAML reads it as a number"),
    "a list": (["info"], "a list can't be used: it is not a string"),
    "a mapping": ({"info": 1}, "a mapping can't be used: it is not a string"),
}
NAMED = {
    **dict.fromkeys(WRITING, "alias"),
    "improvmx_rule": "alias",
    "improvmx_smtp_credential": "username",
}


def task_with_name(module: str, value: Any) -> dict[str, Any]:
    """The arguments of a module that manages an object with this name."""
    if module == "improvmx_rule":
        return {"domain": "example.com", "type": "alias", "alias": value, "forward": "a@x.example"}
    if module == "improvmx_smtp_credential":
        password = {"password": "correct-horse-7/battery+staple", "update_password": "on_create"}
        return {"domain": "example.com", "username": value, **password}
    return with_alias(module, {"alias": value, "forward": "a@x.example"})


@pytest.mark.parametrize(("value", "problem"), NO_TEXTS.values(), ids=NO_TEXTS)
@pytest.mark.parametrize("name", NAMED)
def test_a_name_that_yaml_converted_is_rejected_with_the_correction(
    emulator: Emulator, name: str, value: Any, problem: str
) -> None:
    result = refused(emulator, name, task_with_name(name, value))
    assert f"{NAMED[name]}: {problem}" in result["msg"]
    assert ("in quotes" in result["msg"]) is isinstance(value, (bool, int, float))


@pytest.mark.parametrize("text", ["True", "False", "yes", "007", "1.50", "null", "None"])
@pytest.mark.parametrize("name", NAMED)
def test_a_text_that_looks_like_something_else_is_a_name(modules: Modules, name: str, text: str) -> None:
    domain: dict[str, Any] = {"domain": "example.com"}
    if name == "improvmx_rule":
        domain["routing_engine"] = "rules"
    modules.emulator.seed({"domains": [domain]})
    check, real, again = (
        modules.run(name, check, **task_with_name(name, text)) for check in (True, False, False)
    )
    for result in (check, real):
        assert [change["name"] for change in result["changes"]] == [text]
    assert again["changed"] is False


BAD_FORWARDS: list[tuple[Any, str]] = [
    ([], "at least one destination"),
    (None, 'the word null needs quotes: "null"'),
    ([""], "at least one destination"),
    (" , ", "at least one destination"),
    ("nobody", "neither an e-mail address"),
    ("mail.example", "neither an e-mail address"),
    ("@x.example", "not an e-mail address"),
    ("a@", "not an e-mail address"),
    ("a@nodot", "needs a dot"),
    ("a b@x.example", "not an e-mail address"),
    ("a@b@x.example", "not an e-mail address"),
    ("a@x..example", "empty"),
    (".a@x.example", "two in a row"),
    ("a..b@x.example", "two in a row"),
    (f"{'a' * 65}@x.example", "not an e-mail address"),
    ("Ann <a@x.example>", "not an e-mail address"),
    ("ftp://x.example/", "not an http or https URL"),
    ("http://", "not an http or https URL"),
    ("https://x.example/a b", "white space"),
    ("https://x.example:99999/", "not an http or https URL"),
    (["null", "a@x.example"], "must be the only destination"),
    (["null", "https://x.example/"], "must be the only destination"),
    ("a@example.com", "in the same domain"),
    ("https://hooks.example/@example.com, a@example.com", '"a@example.com" is in the same domain'),
    ("a@EXAMPLE.Com.", "in the same domain"),
    (["b@x.example", "a@example.com"], "in the same domain"),
    ([["b@x.example", "c@x.example"], "d@x.example"], "a destination is a list"),
    ([[], "d@x.example"], "a destination is a list"),
    ([{"to": "b@x.example"}], "a destination is a list or a mapping"),
]


@pytest.mark.parametrize(("forward", "problem"), BAD_FORWARDS, ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize("name", WRITING)
def test_a_malformed_destination_is_rejected(
    emulator: Emulator, name: str, forward: Any, problem: str
) -> None:
    result = refused(emulator, name, with_alias(name, {"alias": "info", "forward": forward}))
    assert_reported(name, result, ["forward", problem])
    assert "['" not in result["msg"]
    assert "{'" not in result["msg"]


@pytest.mark.parametrize(
    ("domain", "forward"),
    [("bücher.example", "a@xn--bcher-kva.example"), ("xn--bcher-kva.example", "a@BÜCHER.example")],
)
@pytest.mark.parametrize("name", WRITING)
def test_a_destination_inside_the_same_domain_is_rejected_in_any_form(
    emulator: Emulator, name: str, domain: str, forward: str
) -> None:
    result = refused(emulator, name, with_alias(name, {"alias": "info", "forward": forward}, domain))
    assert_reported(name, result, ["in the same domain"])


BAD_SETTINGS = [
    ("notification_email", "nobody", "not an e-mail address"),
    ("notification_email", "a@nodot", "needs a dot"),
    ("webhook", "hooks.example", "not an http or https URL"),
    ("webhook", "ftp://hooks.example/", "not an http or https URL"),
    ("whitelabel", "nodot", "needs a dot"),
    ("whitelabel", "https://white.example", "letters, digits and inner hyphens"),
]


@pytest.mark.parametrize(("setting", "value", "problem"), BAD_SETTINGS)
@pytest.mark.parametrize("name", ["improvmx_domain", "improvmx_domains"])
def test_a_malformed_setting_is_rejected(
    emulator: Emulator, name: str, setting: str, value: str, problem: str
) -> None:
    one = {"domain": "example.com", setting: value}
    result = refused(emulator, name, one if name == "improvmx_domain" else {"domains": [one]})
    assert_reported(name, result, [setting, problem])


@pytest.mark.parametrize("list_of_aliases", [{}, {"aliases": None}], ids=["missing", "null"])
@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
@pytest.mark.parametrize("name", ["improvmx_domain", "improvmx_domains"])
def test_a_purge_of_aliases_without_a_list_is_rejected(
    emulator: Emulator, name: str, check: bool, list_of_aliases: dict[str, Any]
) -> None:
    emulator.seed({"domains": [{"domain": "example.com", "aliases": {"info": "a@x.example"}}]})
    one = {"domain": "example.com", "purge_aliases": True, **list_of_aliases}
    result = refused(emulator, name, one if name == "improvmx_domain" else {"domains": [one]}, check)
    assert_reported(name, result, ["purge_aliases: it requires aliases", "[] keeps nothing"])


DOUBLES = [("info", "info"), ("Info", "iNFO"), (" info", "info "), ("*", "*"), ("^A.*$", "^a.*$")]


@pytest.mark.parametrize(("first", "second"), DOUBLES)
@pytest.mark.parametrize("name", ["improvmx_domain", "improvmx_domains"])
def test_a_duplicate_alias_is_rejected(emulator: Emulator, name: str, first: str, second: str) -> None:
    aliases = [{**GOOD, "alias": first}, {**GOOD, "alias": "other"}, {"alias": second, "state": "absent"}]
    one = {"domain": "example.com", "aliases": aliases}
    result = refused(emulator, name, one if name == "improvmx_domain" else {"domains": [one]})
    assert_reported(name, result, ["aliases[0]", "aliases[2]", "same alias"])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("example.com", "example.com"),
        ("example.com", "EXAMPLE.com."),
        ("bücher.example", "xn--bcher-kva.example"),
        ("bücher.example", "BU\u0308CHER.example"),
    ],
)
def test_a_duplicate_domain_is_rejected(emulator: Emulator, first: str, second: str) -> None:
    wishes = [{"domain": first}, {"domain": "other.example"}, {"domain": second, "state": "absent"}]
    result = refused(emulator, "improvmx_domains", {"domains": wishes})
    assert_reported("improvmx_domains", result, ["domains[0]", "domains[2]", "same domain"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"retry_timeout": -1}, "retry_timeout"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "  "}, "api_key is empty"),
        ({"api_url": "example.com"}, "api_url must be an http or https URL"),
        ({"api_url": "ftp://example.com"}, "api_url must be an http or https URL"),
        ({"api_url": "https://"}, "api_url must be an http or https URL"),
        ({"api_url": "https://user:word@example.com"}, "api_url must be an http or https URL"),
        ({"api_url": "https://example.com/?a=b"}, "api_url must be an http or https URL"),
        ({"api_url": ""}, "api_url must be an http or https URL"),
        ({"api_url": "https://api.improvmx.com/v3"}, "api_url must not contain the API version"),
        ({"api_url": "https://api.improvmx.com/v2/"}, "api_url must not contain the API version"),
        ({"api_url": "https://proxy.example/improvmx/v3// "}, "api_url must not contain the API version"),
    ],
)
@pytest.mark.parametrize("name", ["improvmx_domain", "improvmx_domain_info"])
def test_invalid_connection_options_are_rejected(
    emulator: Emulator, name: str, options: dict[str, Any], problem: str
) -> None:
    result = refused(emulator, name, {"domain": "example.com", **options})
    assert_reported(name, result, [problem])


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"limit": -1}, ["limit"]),
        ({"since": "yesterday"}, ["since", "ISO 8601"]),
        ({"until": "2026-13-01"}, ["until"]),
        ({"until": "31.01.2026"}, ["until", "ISO 8601"]),
        ({"since": ""}, ["since"]),
        ({"since": "0001-01-01T00:00:00+01:00"}, ["since"]),
        ({"alias": "info@example.com"}, ["alias", "before the @"]),
        (
            {"domain": "nodot", "alias": "a b", "since": "x", "until": "y", "limit": -5},
            ["domain", "needs a dot", "alias", "white space", "since", "until", "limit", "5 problems"],
        ),
    ],
)
def test_invalid_log_filters_are_rejected(
    emulator: Emulator, options: dict[str, Any], problems: list[str]
) -> None:
    result = refused(emulator, "improvmx_logs_info", {"domain": "example.com", **options})
    assert_reported("improvmx_logs_info", result, problems)


# --- Checks of Ansible itself ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "messages"),
    [
        ("improvmx_alias", {"alias": "info", "forward": "a@x.example"}, ["domain"]),
        ("improvmx_alias", {"domain": "example.com", "forward": "a@x.example"}, ["alias"]),
        (
            "improvmx_alias",
            {"domain": "example.com", "alias": "info"},
            ["forward: at least one destination is required"],
        ),
        ("improvmx_domain", {}, ["domain"]),
        ("improvmx_domain", {"domain": "example.com", "aliases": [{"alias": "info"}]}, ["forward"]),
        ("improvmx_domain", {"domain": "example.com", "aliases": [{"forward": "a@x.example"}]}, ["alias"]),
        ("improvmx_domain", {"domain": "example.com", "state": "gone"}, ["state", "gone"]),
        ("improvmx_domain", {"domain": "example.com", "api_version": "v4"}, ["api_version", "v4"]),
        ("improvmx_domain", {"domain": "example.com", "colour": "red"}, ["colour"]),
        ("improvmx_domains", {}, ["domains"]),
        ("improvmx_domains", {"domains": [], "purge": True}, ["max_deletions"]),
        ("improvmx_domains", {"domains": [{"state": "absent"}]}, ["domain"]),
        ("improvmx_domains", {"domains": [{"domain": "example.com", "colour": "red"}]}, ["colour"]),
        ("improvmx_domain_info", {"domain": "example.com", "query": "ex"}, ["mutually exclusive"]),
        ("improvmx_logs_info", {"alias": "info"}, ["alias", "domain"]),
        ("improvmx_logs_info", {"domain": "example.com", "domains": []}, ["mutually exclusive"]),
    ],
)
def test_conflicting_arguments_are_rejected(
    emulator: Emulator, name: str, args: dict[str, Any], messages: list[str]
) -> None:
    result = refused(emulator, name, args)
    for word in messages:
        assert word in result["msg"]


# --- Everything at once ---------------------------------------------------------------------------

BAD_ALIAS_LIST = [
    {"alias": "a b", "forward": "a@x.example"},
    {"alias": "info", "forward": ["nobody", "a@example.com", "b@x.example"]},
    {"alias": "INFO", "forward": "a@x.example"},
    {"alias": "sales", "forward": ["null", "a@x.example"]},
    {"alias": "c@d", "state": "absent"},
]
BAD_ALIAS_PROBLEMS = [
    'aliases[0], alias: "a b"',
    'aliases[1] (info), forward: "nobody"',
    'aliases[1] (info), forward: "a@example.com" is in the same domain',
    "aliases[1] and aliases[2] are the same alias",
    "aliases[3] (sales), forward: null",
    'aliases[4], alias: "c@d"',
]


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_one_message_names_every_problem_of_a_domain(emulator: Emulator, check: bool) -> None:
    args = {"domain": "example.com", "notification_email": "x", "webhook": "y", "aliases": BAD_ALIAS_LIST}
    result = refused(emulator, "improvmx_domain", args, check)
    assert_reported(
        "improvmx_domain", result, [*BAD_ALIAS_PROBLEMS, "8 problems", "notification_email", "webhook"]
    )


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_one_message_names_every_problem_of_every_domain(emulator: Emulator, check: bool) -> None:
    wishes = [
        {"domain": "example.com", "aliases": BAD_ALIAS_LIST},
        {"domain": "nodot", "aliases": [{"alias": "..", "forward": "a@x.example"}]},
        {"domain": "Example.COM.", "webhook": "z"},
    ]
    result = refused(emulator, "improvmx_domains", {"domains": wishes}, check)
    problems = [
        *BAD_ALIAS_PROBLEMS,
        'domains[1], domain: "nodot"',
        "domains[1], aliases[0]",
        "domains[2] (example.com), webhook",
        "domains[0] and domains[2] are the same domain",
        "10 problems",
    ]
    assert_reported("improvmx_domains", result, problems)


def test_one_message_names_every_problem_of_an_alias(emulator: Emulator) -> None:
    args = {"domain": "nodot", "alias": "a b", "forward": ["nobody", "ftp://x.example/"]}
    result = refused(emulator, "improvmx_alias", args)
    assert_reported("improvmx_alias", result, ["nodot", "a b", "nobody", "ftp://x.example/", "4 problems"])


def test_what_v2_can_not_do_is_named_with_the_other_problems(emulator: Emulator) -> None:
    args = {
        "api_version": "v2",
        "domain": "example.com",
        "notification_email": "ops@mail.example",
        "webhook": "",
        "whitelabel": "white.example",
        "aliases": [{"alias": "a b", "forward": "a@x.example"}],
    }
    result = refused(emulator, "improvmx_domain", args)
    problems = ["notification_email", "webhook", "whitelabel", "v2", "v3", "a b", "4 problems"]
    assert_reported("improvmx_domain", result, problems)


def test_an_invalid_max_deletions_is_named_with_the_other_problems(emulator: Emulator) -> None:
    args = {"domains": [{"domain": "nodot"}], "purge": True, "max_deletions": -1}
    result = refused(emulator, "improvmx_domains", args)
    assert_reported("improvmx_domains", result, ["max_deletions", "nodot", "2 problems"])


def test_an_invalid_connection_is_named_with_the_other_problems(emulator: Emulator) -> None:
    args = {"timeout": 0, "retry_timeout": -1, "api_url": "ftp://x.example", "domain": "nodot"}
    result = refused(emulator, "improvmx_domain", args)
    assert_reported("improvmx_domain", result, ["timeout", "retry_timeout", "api_url", "nodot", "4 problems"])
