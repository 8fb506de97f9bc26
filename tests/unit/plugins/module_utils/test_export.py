# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The export of domains that the emulator can't contain, and the YAML of texts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.domains import SETTINGS, Alias, Domain
from ansible_collections.improvmx.email.plugins.module_utils._model.idna import parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._plan.export import (
    Export,
    export,
    hosts_files,
    list_file,
    scalar,
)

OWNER = "owner@mail.example"


def exported(*domains: Domain, supported: Any = SETTINGS, version: str = "v3") -> Export:
    return export(domains, supported, version)


def body(account: Export) -> str:
    return list_file(account, "list.yml").split("---\n", maxsplit=1)[1]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("example.com", "example.com"),
        ("xn--bcher-kva.example", "bücher.example  # xn--bcher-kva.example"),
        # The display form is not parsed back to the same name: an invisible, capital or combined character.
        ("xn--a-3bh.example", "xn--a-3bh.example"),
        ("xn--bcher-2pa.example", "xn--bcher-2pa.example"),
        ("xn--ex-8tb.example", "xn--ex-8tb.example"),
        ("xn--a.example", "xn--a.example"),
        ("1.example", '"1.example"'),
        ("123.xn--bcher-kva.example", '"123.bücher.example"  # 123.xn--bcher-kva.example'),
    ],
)
def test_a_name_is_written_in_display_form_if_that_parses_back(name: str, written: str) -> None:
    account = exported(Domain(name))
    assert body(account) == f"improvmx_domains:\n  - domain: {written}\n    aliases: []\n"
    assert hosts_files(account)["hosts.yml"].endswith("    {}:{}\n".format(*_parted(written)))


@settings(deadline=None, database=None, max_examples=150)
@given(label=st.text(st.characters(categories=("L", "M", "N")), min_size=1, max_size=8))
def test_any_decoded_name_parses_back(label: str) -> None:
    name = "xn--%s.example" % label.encode("punycode").decode().lower()
    for entry in exported(Domain(name)).entries:
        assert parse_domain(entry.name) == name


def _parted(written: str) -> tuple[str, str]:
    name, space, note = written.partition("  #")
    return name, space + note


@pytest.mark.parametrize(
    "name", ["under_score.example", "nodot", "../up.example", "a b.example", "x\ny.example"]
)
def test_a_domain_with_an_invalid_name_is_left_out_and_reported(name: str) -> None:
    account = exported(Domain(name), Domain("a.example"))
    assert account.counts() == {"domains": 1, "aliases": 0, "rules": 0, "credentials": 0, "left_out": 1}
    (remark,) = [line for line in body(account).splitlines() if "Not exported" in line]
    assert remark.startswith('# Not exported: domain "')
    files = hosts_files(account)
    assert set(files) == {"hosts.yml", "host_vars/a.example.yml"}
    assert remark in files["hosts.yml"]


def test_a_setting_that_the_version_can_not_manage_is_left_out_and_reported() -> None:
    account = exported(
        Domain("a.example", settings={"webhook": "https://x.example"}), supported=(), version="v2"
    )
    assert body(account) == (
        "improvmx_domains:\n  - domain: a.example\n    aliases: []\n"
        "    # Not exported: a.example, webhook: API v2 can't manage it; v3 can.\n"
    )


def test_aliases_that_differ_in_case_only_are_left_out_and_reported() -> None:
    aliases = (
        Alias("Info", (OWNER,)),
        Alias("info", (OWNER,)),
        Alias(r"\s", (OWNER,)),
        Alias(r"\S", (OWNER,)),
    )
    account = exported(Domain("a.example", aliases=aliases))
    (entry,) = account.entries
    assert [alias.name for alias in entry.aliases or ()] == [r"\S", r"\s"]
    assert entry.left_out == (
        'alias "Info": another alias differs in case only',
        'alias "info": another alias differs in case only',
    )


def test_names_come_before_expressions_and_the_catch_all_comes_last() -> None:
    names = ["*", "b", "[a-z]+", "B2", "a*", "a", "10", "9"]
    account = exported(Domain("a.example", aliases=tuple(Alias(name, (OWNER,)) for name in names)))
    (entry,) = account.entries
    assert [alias.name for alias in entry.aliases or ()] == ["10", "9", "a", "b", "B2", "[a-z]+", "a*", "*"]


# --- Texts as YAML --------------------------------------------------------------------------------


PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")


class _Loader(yaml.SafeLoader):
    """A YAML loader that marks texts with the tag !unsafe."""


_Loader.add_constructor("!unsafe", lambda loader, node: ("unsafe", loader.construct_scalar(node)))


@settings(deadline=None, database=None, max_examples=150)
@given(text=st.text(PRINTABLE, min_size=1))
@example("a: b")
@example("#jinja2:x")
@example("a #b")
@example("'\\\"")
def test_a_printable_text_is_read_back_in_every_place(text: str) -> None:
    assert text.isprintable()
    templated = text.startswith("#jinja2:") or any(mark in text for mark in ("{{", "{%", "{#"))
    expected = ("unsafe", text) if templated else text
    for document in (f"a:\n  - {scalar(text)}\n", f"a:\n  - {scalar(text)}  # note\n"):
        assert yaml.load(document, _Loader) == {"a": [expected]}
    assert yaml.load(f"{scalar(text)}: 1\n", _Loader) == {expected: 1}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("info", "info"),
        ("first.last+tag@mail.example", "first.last+tag@mail.example"),
        ("1st@mail.example", "1st@mail.example"),
        ("https://x.example/a?b=c&d=%20#e~", "https://x.example/a?b=c&d=%20#e~"),
        ("büro", "büro"),
        ("null", '"null"'),
        ("Off", '"Off"'),
        ("y", '"y"'),
        ("*", '"*"'),
        ("123", '"123"'),
        ("it's", '"it\'s"'),
        (r"a\.b", r"'a\.b'"),
        (r"it's\.", r"'it''s\.'"),
        ('"', "'\"'"),
        ("https://x.example/a:", '"https://x.example/a:"'),
        ("a{{b}}", '!unsafe "a{{b}}"'),
        ("{%", '!unsafe "{%"'),
        (r"\d{4}", r"'\d{4}'"),
    ],
)
def test_a_text_has_quotes_where_it_needs_them(text: str, written: str) -> None:
    assert scalar(text) == written
