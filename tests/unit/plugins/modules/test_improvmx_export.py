# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import json
import os
import re
import stat
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible.vars.manager import VariableManager
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness import PREDICTED, Modules

ROOT = Path(__file__).resolve().parents[4]
OWNER = "owner@mail.example"
EXPORT = "improvmx_export"
MARK = "# Exported by improvmx.email.export, fingerprint "

# A typical account, and its exported files.
ACCOUNT: dict[str, Any] = {
    "email": OWNER,
    "whitelabels": ["mail.white.example"],
    "domains": [
        {
            "domain": "shop.example",
            "notification_email": "ops@mail.example",
            "webhook": "https://hooks.example/in?a=1&b={{c}}",
            "whitelabel": "mail.white.example",
            "aliases": {
                "*": OWNER,
                r"^sales-(uk|de)\.\d{2}$": "Ann@mail.example,https://hooks.example/sales#1",
                "noreply": "null",
                "Info": "bob@mail.example, Ann@mail.example",
                "on": "1st@mail.example",
                "True": "1st@mail.example",
                "#jinja2:x": OWNER,
                "2024": "ann@bücher.example",
                "{{lookup('pipe','id')}}": OWNER,
            },
        },
        {"domain": "bücher.example", "aliases": {"*": OWNER}},
        {"domain": "1und1.example", "aliases": {}},
    ],
}
LIST = """\
#
# The domains and aliases of an ImprovMX account. Edit this file, then apply it:
#
#   ansible-playbook improvmx.email.provision -e @improvmx_domains.yml
#
# Add --check --diff to preview the changes. What is not listed stays unchanged.
# "state: absent" deletes a domain or an alias; improvmx_purge and purge_aliases
# delete what is not listed.
# After an edit, an export no longer overwrites this file.
---
improvmx_domains:
  - domain: "1und1.example"
    aliases: []

  - domain: bücher.example  # xn--bcher-kva.example
    aliases:
      - alias: "*"
        forward: owner@mail.example

  - domain: shop.example
    notification_email: ops@mail.example
    webhook: !unsafe "https://hooks.example/in?a=1&b={{c}}"
    whitelabel: mail.white.example
    aliases:
      - alias: !unsafe "#jinja2:x"
        forward: owner@mail.example
      - alias: "2024"
        forward: ann@xn--bcher-kva.example
      - alias: Info
        forward:
          - bob@mail.example
          - Ann@mail.example
      - alias: noreply
        forward: "null"
      - alias: "on"
        forward: 1st@mail.example
      - alias: "True"
        forward: 1st@mail.example
      - alias: '^sales-(uk|de)\\.\\d{2}$'
        forward:
          - Ann@mail.example
          - https://hooks.example/sales#1
      - alias: !unsafe "{{lookup('pipe','id')}}"
        forward: owner@mail.example
      - alias: "*"
        forward: owner@mail.example
"""
HOSTS = """\
#
# The domains and aliases of an ImprovMX account. Edit this file, then apply it:
#
#   ansible-playbook improvmx.email.provision -i hosts.yml
#
# Add --check --diff to preview the changes. What is not listed stays unchanged.
# "improvmx_state: absent" deletes a domain, "state: absent" an alias;
# improvmx_purge and improvmx_purge_aliases delete what is not listed.
# After an edit, an export no longer overwrites this file.
---
all:
  hosts:
    "1und1.example":
    bücher.example:  # xn--bcher-kva.example
    shop.example:
"""
BOOKS = """\
---
improvmx_aliases:
  - alias: "*"
    forward: owner@mail.example
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the module runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shop(modules: Modules) -> Modules:
    modules.emulator.seed(ACCOUNT)
    return modules


def layouts() -> Any:
    return pytest.mark.parametrize(
        "options",
        [{"path": "improvmx_domains.yml"}, {"path": "mail", "layout": "hosts"}],
        ids=["list", "hosts"],
    )


def text_of(path: str) -> str:
    return Path(path).read_bytes().decode()


def body_of(path: str) -> str:
    """The text below the first line."""
    first, _line, body = text_of(path).partition("\n")
    assert re.fullmatch(MARK + r"[0-9a-f]{12}\.", first)
    return body


def texts() -> dict[str, str]:
    """All files, by path."""
    return {str(path): text_of(str(path)) for path in sorted(Path().rglob("*")) if path.is_file()}


def read_back(options: dict[str, Any]) -> list[dict[str, Any]]:
    """The variables in the files as Ansible loads them: with tags, types and templates."""
    path = Path(options["path"])
    if "layout" not in options:
        return list(_variables(path)["improvmx_domains"])
    hosts = _variables(path / "hosts.yml")["all"]["hosts"]
    wishes = []
    for host in hosts:
        reported = _variables(path / "host_vars" / f"{host}.yml")
        wishes.append({"domain": host, **{key.removeprefix("improvmx_"): reported[key] for key in reported}})
    return wishes


def _variables(path: Path) -> dict[str, Any]:
    loader = DataLoader()
    loaded = loader.load_from_file(str(path), cache="none", trusted_as_template=True) or {}
    templar = Templar(loader=loader, variables=loaded)
    return {name: templar.template(trust_as_template("{{ %s }}" % name)) for name in loaded}


def assert_applying_changes_nothing(modules: Modules, wishes: list[dict[str, Any]], **options: Any) -> None:
    result = modules.run("improvmx_domains", domains=wishes, **options)
    assert not result.get("failed"), result["msg"]
    assert result["changes"] == []
    assert modules.emulator.writes == []


# --- Exported files -------------------------------------------------------------------------------


def test_a_list_is_exported_in_readable_form(shop: Modules) -> None:
    result = shop.run(EXPORT, path="improvmx_domains.yml")
    assert body_of("improvmx_domains.yml") == LIST
    assert result["exported"] == {
        "domains": 3,
        "aliases": 10,
        "rules": 0,
        "credentials": 0,
        "left_out": 0,
    }
    assert result["warnings"] == []


def test_hosts_are_exported_in_readable_form(shop: Modules) -> None:
    shop.run(EXPORT, path="a/b", layout="hosts")
    assert body_of("a/b/hosts.yml") == HOSTS
    assert body_of("a/b/host_vars/bücher.example.yml") == BOOKS
    assert sorted(texts()) == sorted(
        ["a/b/hosts.yml"] + [f"a/b/host_vars/{name}.example.yml" for name in ("1und1", "bücher", "shop")]
    )


def test_the_guide_shows_the_exported_files(modules: Modules) -> None:
    modules.emulator.seed(json.loads((ROOT / "demo" / "account.json").read_text()))
    modules.run(EXPORT, path="improvmx_domains.yml")
    guide = (ROOT / "docs" / "docsite" / "rst" / "adopting.rst").read_text()
    assert textwrap.indent(text_of("improvmx_domains.yml"), "    ") in guide


@layouts()
def test_applying_an_export_changes_nothing(modules_of_version: Modules, options: dict[str, Any]) -> None:
    modules = modules_of_version
    modules.emulator.seed(ACCOUNT)
    modules.run(EXPORT, **options)
    wishes = read_back(options)
    assert [len(wish["aliases"]) for wish in wishes] == [0, 1, 9]
    assert_applying_changes_nothing(modules, wishes)
    kept = [{**wish, "purge_aliases": True} for wish in wishes]
    assert_applying_changes_nothing(modules, kept, purge=True, max_deletions=0)


@layouts()
def test_an_empty_account_is_exported_too(modules_of_version: Modules, options: dict[str, Any]) -> None:
    modules_of_version.run(EXPORT, **options)
    if "layout" in options:
        assert yaml.safe_load(text_of("mail/hosts.yml")) == {"all": {"hosts": {}}}
    else:
        assert read_back(options) == []


@layouts()
def test_an_export_takes_one_request_for_each_page(
    modules_of_version: Modules, options: dict[str, Any]
) -> None:
    modules = modules_of_version
    aliases = {f"n{number}": OWNER for number in range(201)}
    modules.seed({"big.example": aliases, **{f"d{number}.example": {} for number in range(100)}})
    result = modules.run(EXPORT, **options)
    # Two pages of domains, and three of aliases that the list did not contain.
    assert result["api_requests"] == {"v2": 1, "v3": 5}[modules.options["api_version"]]
    assert result["exported"] == {
        "domains": 101,
        "aliases": 201,
        "rules": 0,
        "credentials": 0,
        "left_out": 0,
    }


RULES = [
    {"type": "alias", "config": {"alias": "info", "forward": "ann@mail.example"}, "rank": 1},
    {
        "type": "regex",
        "config": {"regex": "(?i){{x}}", "scopes": ["subject", "body"], "forward": "null"},
        "rank": 2.5,
        "active": False,
    },
    {
        "type": "cel",
        "config": {"expression": "a == 1 &&\nb", "forward": "bob@mail.example, ann@mail.example"},
        "rank": 9,
    },
]
WRITTEN_RULES = """\
# Its mail is routed by rules, not by aliases.
rules:
  - type: alias
    alias: info
    forward: ann@mail.example
  - type: regex
    regex: !unsafe "(?i){{x}}"
    scopes: [subject, body]
    forward: "null"
    active: false
  - type: cel
    expression: "a == 1 &&\\nb"
    forward:
      - bob@mail.example
      - ann@mail.example
"""


def ruled(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "domain": "ruled.example",
        "routing_engine": "rules",
        "aliases": {"*": OWNER},
        "rules": list(rules),
        **fields,
    }


def test_a_domain_that_is_routed_by_rules_is_exported_with_them_and_without_aliases(modules: Modules) -> None:
    modules.emulator.seed({"domains": [ruled(*RULES), {"domain": "plain.example", "aliases": {}}]})
    result = modules.run(EXPORT, path="list.yml")
    assert (
        result["api_requests"] == 1 + 2
    )  # the list shows the routing; rules: a page, and one to detect the end
    assert result["exported"]["rules"] == 3
    item = f"  - domain: ruled.example\n{textwrap.indent(WRITTEN_RULES, '    ')}"
    assert text_of("list.yml").endswith(item)
    modules.run(EXPORT, path="mail", layout="hosts")
    assert text_of("mail/host_vars/ruled.example.yml").endswith(
        "---\n" + WRITTEN_RULES.replace("\nrules:", "\nimprovmx_rules:")
    )
    for options in ({"path": "list.yml"}, {"path": "mail", "layout": "hosts"}):
        assert_applying_changes_nothing(modules, read_back(options))


def test_ranks_are_exported_if_the_order_does_not_imply_them(modules: Modules) -> None:
    same = [{**RULES[0], "rank": 4}, {**RULES[2], "rank": 4}]
    modules.emulator.seed({"domains": [ruled(*same)]})
    modules.run(EXPORT, path="list.yml")
    assert text_of("list.yml").count("rank: 4.0\n") == 2
    assert_applying_changes_nothing(modules, read_back({"path": "list.yml"}))


def test_rules_that_can_not_be_applied_are_left_out_with_the_reason(modules: Modules) -> None:
    modules.emulator.seed({"domains": [ruled(RULES[0], {**RULES[0], "rank": 2}, RULES[2])]})
    result = modules.run(EXPORT, path="list.yml")
    assert result["exported"] == {"domains": 1, "aliases": 0, "rules": 1, "credentials": 0, "left_out": 2}
    assert text_of("list.yml").count('# Not exported: rule "info": another rule has the same matcher.') == 2
    assert_applying_changes_nothing(modules, read_back({"path": "list.yml"}))


def test_credentials_are_exported_on_request_without_passwords(modules: Modules) -> None:
    secret = "pL4-9s+Kw.v7Zq3"
    users = [{"username": name, "password": secret} for name in ("post", "0070", "null")]
    account = {"domains": [{"domain": "a.example", "aliases": {}, "credentials": users}]}
    modules.emulator.seed(account)
    assert "credentials" not in text_of_list(modules)
    result = modules.run(EXPORT, path="list.yml", include=["credentials"])
    assert result["api_requests"] == 2
    text = text_of("list.yml")
    assert "    # The service never shows a password." in text
    assert text.endswith(
        '    credentials:\n      - username: "0070"\n      - username: "null"\n      - username: post\n'
    )
    assert secret not in text
    assert_applying_changes_nothing(modules, read_back({"path": "list.yml"}))


def text_of_list(modules: Modules) -> str:
    modules.run(EXPORT, path="list.yml")
    return text_of("list.yml")


def test_version_2_can_not_export_credentials(modules: Modules) -> None:
    modules.options["api_version"] = "v2"
    result = modules.run(EXPORT, path="list.yml", include=["credentials"])
    assert "include: API v2 can't read it; v3 can" in result["msg"]
    assert result["api_requests"] == 0


def test_values_that_can_not_be_applied_are_left_out_and_reported(modules: Modules) -> None:
    aliases = {
        "fine": OWNER,
        "with space": OWNER,
        " padded": OWNER,
        "to nobody": "",
        "empty": "",
        "own": "a@odd.example",
        "both": "null,a@x.example",
        "two\nlines": OWNER,
    }
    modules.seed({"odd.example": aliases})
    modules.emulator.account.domains["odd.example"].webhook = "ftp://files.example"
    result = modules.run(EXPORT, path="list.yml")
    assert result["exported"] == {"domains": 1, "aliases": 1, "rules": 0, "credentials": 0, "left_out": 8}
    (warning,) = result["warnings"]
    assert warning.startswith("8 domains, settings, aliases or rules were not exported")
    text = text_of("list.yml")
    remarks = [line.strip() for line in text.splitlines() if "Not exported" in line]
    assert len(remarks) == 8
    for said in (
        'alias "with space": it contains white space',
        'alias " padded": applying it would change it',
        'alias "two\\nlines": it contains white space',
        'alias "empty": forward: at least one destination is required',
        'alias "own": forward: "a@odd.example" is in the same domain',
        'alias "both": forward: null discards mail',
        'odd.example, webhook: "ftp://files.example" can\'t be used: it is not an http or https URL',
    ):
        assert any(f"# Not exported: {said}" in remark for remark in remarks), remarks
    assert_applying_changes_nothing(modules, read_back({"path": "list.yml"}))


# --- Any content of an account --------------------------------------------------------------------

NASTY = "aAzZ09 _-.+*?()[]{}|^$\\/'\"#%&=~!@,:;<>`üß中\u0301\u200b\x85\u2028😀\t\n"
NASTY_NAMES = (
    # not strings in YAML
    *("null", "Null", "true", "on", "No", "y", "~", "=", "<<", "-", "?", ":", "*", "&a", "!b", "%c", "@"),
    *("1", "007", "0x1f", "1e3", "1_000", ".5", "+1", "12:30", "2026-01-31", ".inf", "NaN", "0o7"),
    *(
        "#x",
        "a#b",
        "a:",
        "''",
        '"',
        "it's",
        "\\d{4}",
        "a\\",
        "---",
        "...",
        "!vault",
        "[a]",
        "{a}",
        "a|b",
        ">",
    ),
    # special in Ansible
    *("{{x}}", "{%x%}", "{#x#}", "a{{", "}}", "{{'}}'}}", '{{"\\"}}', "#jinja2:x", "$ANSIBLE_VAULT;1.1"),
)
NASTY_DESTINATIONS = (
    *(OWNER, "null", "NULL", "007@mail.example", "on@x.example", "{{x}}@x.example", "it's@x.example"),
    *(
        "https://x.example:80/a?b:",
        "https://x.example/{{x}}#{%y%}",
        "http://x.example/'\\",
        "https://ü.example",
    ),
)
ALIASES = st.one_of(
    st.text(NASTY, min_size=1, max_size=12), st.sampled_from(NASTY_NAMES), st.text(min_size=1, max_size=8)
)
DESTINATIONS = st.one_of(
    st.builds("{}@mail.example".format, st.text(NASTY, min_size=1, max_size=8)),
    st.builds("https://x.example/{}".format, st.text(NASTY, max_size=12)),
    st.sampled_from(NASTY_DESTINATIONS),
    st.text(max_size=6),
)
FORWARDS = st.lists(DESTINATIONS, min_size=1, max_size=3).map(",".join)
DOMAINS = (
    "a.example",
    "1.example",
    "on.example",
    "bücher.example",
    "xn--a.example",
    "straße.example",
    "日本.example",
)


def without_case_duplicates(aliases: dict[str, str]) -> dict[str, str]:
    """Keep only one of the aliases that differ in case only, like the service."""
    return {name: aliases[name] for name in {name.lower(): name for name in aliases}.values()}


ACCOUNTS = st.dictionaries(
    st.sampled_from(DOMAINS),
    st.dictionaries(ALIASES, FORWARDS, max_size=8).map(without_case_duplicates),
    max_size=3,
)
ALL_NASTY = {
    name: {
        **without_case_duplicates(dict.fromkeys(NASTY_NAMES, OWNER)),
        **{f"to{index}": forward for index, forward in enumerate(NASTY_DESTINATIONS)},
    }
    for name in DOMAINS
}


@layouts()
@settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(accounts=ACCOUNTS)
@example(accounts=ALL_NASTY)
def test_applying_the_export_of_any_account_changes_nothing(
    modules: Modules, options: dict[str, Any], accounts: dict[str, dict[str, str]]
) -> None:
    modules.seed(accounts)
    with tempfile.TemporaryDirectory() as folder:
        options = {**options, "path": f"{folder}/{options['path']}"}
        exported = modules.run(EXPORT, **options)["exported"]
        wishes = read_back(options)
    assert exported["domains"] == len(wishes) == len(accounts)
    assert exported["aliases"] == sum(len(wish["aliases"]) for wish in wishes)
    assert exported["aliases"] + exported["left_out"] == sum(map(len, accounts.values()))
    assert_applying_changes_nothing(modules, wishes)
    # Only what the comments name is missing: a purge would delete exactly that.
    kept = [{**wish, "purge_aliases": True} for wish in wishes]
    plan = modules.run(
        "improvmx_domains", check=True, domains=kept, purge=True, max_deletions=exported["left_out"]
    )
    assert [change["action"] for change in plan["changes"]] == ["delete"] * exported["left_out"]


def without_secret(text: str) -> str:
    return text.replace("/in?a=1&b={{c}}", "/in?a=…6b86&b=…2220")


# --- Rounds ---------------------------------------------------------------------------------------


@layouts()
@pytest.mark.parametrize("before", [None, {"domains": [{"domain": "shop.example"}]}], ids=["new", "known"])
def test_check_mode_predicts_the_run_and_a_second_run_writes_nothing(
    modules: Modules, options: dict[str, Any], before: dict[str, Any] | None
) -> None:
    if before:
        modules.emulator.seed(before)
        modules.run(EXPORT, **options)
    modules.emulator.seed(ACCOUNT)
    existing = texts()
    check = modules.run(EXPORT, check=True, **options)
    assert texts() == existing
    real = modules.run(EXPORT, **options)
    assert {key: check[key] for key in PREDICTED} == {key: real[key] for key in PREDICTED}
    assert real["changed"] is True
    assert [difference["after"] for difference in real["diff"]] == [
        without_secret(text_of(change["name"])) for change in real["changes"]
    ]
    assert [difference["before"] for difference in real["diff"]] == [
        without_secret(existing.get(change["name"], "")) for change in real["changes"]
    ]
    assert {change["name"]: change["action"] for change in real["changes"]} == {
        path: "update" if path in existing else "create" for path in texts()
    }
    for change in real["changes"]:
        assert (change["before"] is None) is (change["action"] == "create")
        assert text_of(change["name"]).startswith(MARK + change["after"]["fingerprint"])
    written = {path: Path(path).stat().st_ino for path in texts()}
    again = modules.run(EXPORT, **options)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    assert {path: Path(path).stat().st_ino for path in texts()} == written


def test_only_the_files_of_domains_that_differ_are_written(shop: Modules) -> None:
    shop.run(EXPORT, path="mail", layout="hosts")
    shop.emulator.account.domains["shop.example"].notification_email = "new@mail.example"
    result = shop.run(EXPORT, path="mail", layout="hosts")
    assert [change["name"] for change in result["changes"]] == ["mail/host_vars/shop.example.yml"]


@pytest.mark.parametrize(
    "name",
    [
        ".".join(["a" * 60, "b" * 63, "c" * 63, "d" * 56, "example"]),
        ".".join(["a" * 60, "b" * 63, "c" * 63, "d" * 54, "example"]),
        ".".join(["漢" * 40] * 4 + ["example"]),
        ".".join(["漢" * 20] * 4 + ["example"]),
    ],
    ids=["253 characters", "251 characters", "more bytes than a name takes", "as many bytes as it takes"],
)
def test_a_host_with_the_longest_name_has_its_file(modules: Modules, name: str) -> None:
    modules.seed({name: {"info": OWNER}, "shop.example": {"info": OWNER}})
    result = modules.run(EXPORT, path="mail", layout="hosts")
    assert result["exported"] == {"domains": 2, "aliases": 2, "rules": 0, "credentials": 0, "left_out": 0}
    loader = DataLoader()
    hosts = loader.load_from_file("mail/hosts.yml")["all"]["hosts"]
    (host,) = set(hosts) - {"shop.example"}
    (path,) = loader.find_vars_files("mail/host_vars", host)
    assert {alias["alias"] for alias in loader.load_from_file(path)["improvmx_aliases"]} == {"info"}
    again = modules.run(EXPORT, path="mail", layout="hosts")
    assert (again["changed"], again["warnings"]) == (False, [])
    modules.emulator.seed({"domains": [{"domain": "shop.example"}]})
    (warning,) = modules.run(EXPORT, path="mail", layout="hosts")["warnings"]
    assert "no longer exist in the account: mail/host_vars/" in warning


def test_the_file_of_a_deleted_domain_is_kept_and_a_warning_names_it(shop: Modules) -> None:
    shop.run(EXPORT, path="mail", layout="hosts")
    own = Path("mail/host_vars/own.example.yml")
    own.write_text("improvmx_aliases: []\n")
    Path("mail/host_vars/folder.yml").mkdir()  # a directory, which Ansible reads as well
    del shop.emulator.account.domains["shop.example"]
    for check in (True, False, False):
        result = shop.run(EXPORT, check=check, path="mail", layout="hosts")
        (warning,) = result["warnings"]
        assert "in the account: mail/host_vars/shop.example.yml. They were not changed" in warning
    assert result["changed"] is False
    assert own.exists()
    assert Path("mail/host_vars/shop.example.yml").exists()


# --- Existing files -------------------------------------------------------------------------------


def edit(text: str) -> str:
    return text.replace("forward: owner@mail.example", "forward: new@mail.example  # Ann's successor")


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
@pytest.mark.parametrize(
    ("altered", "said"),
    [
        (lambda text: "improvmx_domains: []\n", "was not written by an export"),
        (lambda text: "", "was not written by an export"),
        (lambda text: "\0\xff", "was not written by an export"),
        (lambda text: "# A note\n" + text, "was not written by an export"),
        (edit, "was edited since its export"),
        (lambda text: text + "# more\n", "was edited since its export"),
        (lambda text: edit(text).replace("\n", "\r\n"), "was edited since its export"),
        (lambda text: text[:60], "was edited since its export"),
    ],
    ids=[
        "hand-made",
        "empty",
        "binary",
        "noted",
        "edited",
        "longer",
        "edited, with other line ends",
        "a part",
    ],
)
def test_an_edited_or_foreign_file_is_not_overwritten(
    shop: Modules, altered: Callable[[str], str], said: str, check: bool
) -> None:
    path = Path("list.yml")
    shop.run(EXPORT, path="list.yml")
    content = altered(path.read_text()).encode("latin-1", "xmlcharrefreplace")
    path.write_bytes(content)
    result = shop.run(EXPORT, check=check, path="list.yml")
    assert result["failed"] is True
    assert (
        f"Nothing was written, because it would overwrite existing files: list.yml {said}. " in result["msg"]
    )
    assert "improvmx_export_path" in result["msg"]
    assert (result["changed"], result["changes"]) == (False, [])
    (pending,) = result["pending"]
    assert (pending["name"], pending["action"]) == ("list.yml", "update")
    assert re.fullmatch("[0-9a-f]{,12}", pending["before"]["fingerprint"] or "")  # not text of the user
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "checked_out",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n",
        lambda text: "\ufeff" + text.rstrip("\n").replace("\n", "\r\n"),
    ],
    ids=["line ends", "BOM", "no last line end", "one more line end", "all"],
)
def test_changes_of_a_checkout_do_not_count_as_edits(
    shop: Modules, checked_out: Callable[[str], str]
) -> None:
    path = Path("list.yml")
    shop.run(EXPORT, path="list.yml")
    exported = path.read_bytes()
    content = checked_out(path.read_text(encoding="utf-8")).encode()
    path.write_bytes(content)
    same = shop.run(EXPORT, path="list.yml")
    assert (same["changed"], same["diff"], path.read_bytes()) == (False, [], content)
    del shop.emulator.account.domains["shop.example"]
    changed = shop.run(EXPORT, path="list.yml")
    assert changed["changes"][0]["before"]["fingerprint"] == exported.decode()[len(MARK) :][:12]
    assert "shop.example" not in path.read_text(encoding="utf-8")


def test_one_edited_file_prevents_all_writes(shop: Modules) -> None:
    shop.run(EXPORT, path="mail", layout="hosts")
    path = Path("mail/host_vars/bücher.example.yml")
    path.write_text(edit(path.read_text()))
    del shop.emulator.account.domains["shop.example"]
    existing = texts()
    result = shop.run(EXPORT, path="mail", layout="hosts")
    assert result["failed"] is True
    assert f"existing files: {path} was edited since its export. " in result["msg"]
    assert [change["name"] for change in result["pending"]] == ["mail/hosts.yml", str(path)]
    assert texts() == existing
    del shop.emulator.account.domains["xn--bcher-kva.example"]
    assert [change["name"] for change in shop.run(EXPORT, path="mail", layout="hosts")["changes"]] == [
        "mail/hosts.yml"
    ]
    assert path.read_text() == existing[str(path)]


def test_many_conflicting_files_are_counted(modules: Modules) -> None:
    names = [f"d{number:02}.example" for number in range(13)]
    modules.seed({name: {} for name in names})
    Path("host_vars").mkdir()
    for name in names:
        Path(f"host_vars/{name}.yml").write_text("a: b\n")
    result = modules.run(EXPORT, path=".", layout="hosts")
    assert "d09.example.yml was not written by an export; 3 more. Move" in result["msg"]
    assert not Path("hosts.yml").exists()


def test_a_new_file_gets_the_usual_mode_and_a_known_one_keeps_its_own(shop: Modules) -> None:
    path = Path("list.yml")
    ordinary = Path("ordinary")
    ordinary.touch()
    shop.run(EXPORT, path="list.yml")
    assert path.stat().st_mode == ordinary.stat().st_mode
    path.chmod(0o640)
    del shop.emulator.account.domains["shop.example"]
    assert shop.run(EXPORT, path="list.yml")["changed"] is True
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(texts()) == ["list.yml", "ordinary"]


def test_a_symbolic_link_is_preserved(shop: Modules) -> None:
    Path("there").mkdir()
    Path("list.yml").symlink_to("there/target.yml")
    shop.run(EXPORT, path="list.yml")
    assert Path("list.yml").is_symlink()
    assert text_of("there/target.yml").startswith(MARK)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "folder"}, "path: folder is a folder; name a file in it, or set layout to hosts"),
        ({"path": "new/"}, "path: new/ is a folder"),
        ({"path": " "}, "path: it is empty"),
        ({"path": "a\nb.yml"}, "path: it is empty or contains a control character"),
    ],
)
def test_a_bad_path_is_refused_before_any_request(shop: Modules, options: dict[str, Any], said: str) -> None:
    Path("folder").mkdir()
    result = shop.run(EXPORT, **options)
    assert result["failed"] is True
    assert said in result["msg"]
    assert result["api_requests"] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "file/list.yml"}, "file/list.yml can't be read: Not a directory. Nothing was written."),
        ({"path": "file", "layout": "hosts"}, "file/hosts.yml can't be read: Not a directory"),
        ({"path": "loop"}, "loop can't be read: Too many levels of symbolic links"),
        ({"path": "/dev/zero"}, "/dev/zero is not a regular file. Nothing was written."),
        ({"path": "/dev/null"}, "/dev/null is not a regular file"),
        ({"path": "pipe"}, "pipe is not a regular file"),
        ({"path": "link"}, "link is not a regular file"),
        ({"path": "mail", "layout": "hosts"}, "mail/hosts.yml is not a regular file"),
    ],
)
def test_unreadable_files_are_reported_without_a_traceback(
    shop: Modules, options: dict[str, Any], said: str
) -> None:
    os.mkfifo("pipe")
    Path("link").symlink_to("/dev/zero")
    Path("mail").mkdir()
    os.mkfifo("mail/hosts.yml")
    Path("file").touch()
    Path("loop").symlink_to("loop")
    result = shop.run(EXPORT, **options)
    assert result["failed"] is True
    assert said in result["msg"]
    assert result["changes"] == result["pending"] == []


def test_temporary_files_of_killed_runs_are_removed_but_not_those_of_running_ones(
    shop: Modules,
) -> None:
    for name, age in ((".improvmx-old", 7200), (".improvmx-young", 60), ("other", 7200)):
        Path(name).touch()
        modified = Path(name).stat().st_mtime - age
        os.utime(name, (modified, modified))
    shop.run(EXPORT, path="list.yml")
    assert {name for name in os.listdir() if name.startswith(".improvmx-")} == {".improvmx-young"}
    assert {"list.yml", "other"} <= set(os.listdir())


@pytest.mark.parametrize("length", [251, 252, 253])
def test_files_of_the_longest_names_are_read_by_ansible(
    modules: Modules, tmp_path: Path, length: int
) -> None:
    name = ".".join(["a" * 63] * 3 + ["b" * (length - 3 * 64)])
    assert len(name) == length
    modules.seed({name: {"info": "a@x.example"}})
    result = modules.run(EXPORT, path=str(tmp_path), layout="hosts")
    assert not result.get("failed"), result["msg"]
    loader = DataLoader()
    manager = InventoryManager(loader, [str(tmp_path / "hosts.yml")])
    variables = VariableManager(loader, manager).get_vars(host=manager.get_host(name))
    assert [alias["alias"] for alias in variables["improvmx_aliases"]] == ["info"]


def test_a_failed_write_reports_the_written_files_and_the_next_run_completes_them(
    shop: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.replace

    def on_a_full_disk(source: str, target: str) -> None:
        if "host_vars" in target:
            raise OSError(errno.ENOSPC, "No space left on device")
        usual(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", on_a_full_disk)
        result = shop.run(EXPORT, path="mail", layout="hosts")
    assert result["failed"] is True
    first = "mail/host_vars/1und1.example.yml"
    assert result["msg"] == (
        f"{first} can't be written: No space left on device. Of 4 files, 1 was written; run it again once "
        "the cause is fixed."
    )
    assert result["changed"] is True
    assert [change["name"] for change in result["changes"]] == ["mail/hosts.yml"] == list(texts())
    again = shop.run(EXPORT, path="mail", layout="hosts")
    assert again["changes"] == result["pending"]
    assert len(texts()) == 4
