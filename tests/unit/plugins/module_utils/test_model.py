# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsing the values of users, and rejecting invalid ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import idna
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._errors import InputError
from ansible_collections.improvmx.email.plugins.module_utils._model import domains as _model
from ansible_collections.improvmx.email.plugins.module_utils._model import idna as _idna
from ansible_collections.improvmx.email.plugins.module_utils._model import names as _names
from ansible_collections.improvmx.email.plugins.module_utils._model import text as _text
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import (
    SETTINGS,
    Alias,
    AliasWish,
    Domain,
    DomainWish,
)
from ansible_collections.improvmx.email.plugins.module_utils._model.names import (
    read_forward,
    same_destinations,
    same_setting,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import plan_domain

settings.register_profile("model", deadline=None, database=None, max_examples=80)
PROFILE = settings.get_profile("model")

LABEL_63 = "a" * 63
PARSERS = (
    _idna.parse_domain,
    _names.parse_alias,
    _names.parse_email,
    _names.parse_url,
    _names.parse_destination,
)
ANY_TEXT = st.text(st.characters(), max_size=60)  # including lone surrogates
PARTS = st.text(st.characters(categories=("L", "M", "N")), min_size=1, max_size=8)
LETTERS = st.text("aAbBzZ0189-üÜßẞσΣςéÉдД中日ıİ", min_size=1, max_size=10)
NAMES = st.builds(".".join, st.lists(st.one_of(PARTS, LETTERS), min_size=2, max_size=4))


def names(count: int, label: str) -> str:
    return ".".join([label] * count)


# Domain names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com"),
        ("  example.com\n", "example.com"),
        ("a-b.c--d.example", "a-b.c--d.example"),
        ("1.2.example", "1.2.example"),
        ("mail.example.co.uk", "mail.example.co.uk"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example.", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.EXAMPLE", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("strasse.example", "strasse.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("例え.テスト。", "xn--r8jz45g.xn--zckzah"),
        ("\uff45\uff58ample\uff0eCOM", "example.com"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("οδος.example", idna.encode("οδος.example").decode()),
        ("ΟΔΟΣ.example", idna.encode("οδοσ.example").decode()),
        ("ΟΔΟΣ-24.example", idna.encode("οδοσ-24.example").decode()),
        (LABEL_63 + ".example", LABEL_63 + ".example"),
        (names(126, "a") + ".b", names(126, "a") + ".b"),
    ],
)
def test_domain_is_read_as_its_a_label(text: str, name: str) -> None:
    assert _idna.parse_domain(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a label is empty"),
        (".", "a label is empty"),
        ("example..com", "a label is empty"),
        (".example.com", "a label is empty"),
        ("example.com..", "a label is empty"),
        ("localhost", "needs a dot"),
        ("localhost.", "needs a dot"),
        ("192.0.2.1", "last label is a number"),
        ("-a.example", "letters, digits and inner hyphens"),
        ("a-.example", "letters, digits and inner hyphens"),
        ("-ü.example", "hyphen"),
        ("ü-.example", "hyphen"),
        ("a_b.example", "letters, digits and inner hyphens"),
        ("a b.example", "letters, digits and inner hyphens"),
        ("*.example", "letters, digits and inner hyphens"),
        ("https://example.com", "letters, digits and inner hyphens"),
        ("info@example.com", "letters, digits and inner hyphens"),
        ("example.com/path", "letters, digits and inner hyphens"),
        ("example.com\nother.example", "letters, digits and inner hyphens"),
        ("☃.example", "it contains"),
        ("a\u200bb.example", "it contains"),
        ("ü\ud800.example", "it contains"),
        ("a" * 64 + ".example", "longer than 63"),
        ("ü" * 63 + ".example", "longer than 63"),
        (names(126, "a") + ".bcd", "longer than 253"),
        ("ü" * 254 + ".example", "longer than 253"),
        ("\ufdfa" * 60 + ".example", "longer than 63"),
        ("a" * 64 + "\u0301.example", "longer than 63"),
    ],
)
def test_malformed_domain_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        _idna.parse_domain(text)


@PROFILE
@given(NAMES)
@example("ΑΣ-1.example")
@example("a.ΒΣ")
@example("ẞ.example")
@example("İ.example")
@example("a\ufe0fb.example")
@example("\u13a0.example")
def test_domain_agrees_with_idna_2008(text: str) -> None:
    assume(not text.isascii())
    try:
        ours = _idna.parse_domain(text)
        theirs = idna.encode(text, uts46=True, transitional=False).decode()
    except ValueError:
        return
    assert ours == theirs


@PROFILE
@given(st.one_of(NAMES, ANY_TEXT))
def test_parsed_domain_parses_to_itself_and_so_does_its_display(text: str) -> None:
    try:
        name = _idna.parse_domain(text)
    except ValueError:
        return
    assert name.isascii()
    assert _idna.parse_domain(name) == name
    assert _idna.parse_domain(name.upper() + ".") == name
    assert _idna.parse_domain(_idna.display_domain(name)) == name


@pytest.mark.parametrize(
    ("name", "display"),
    [
        ("example.com", "example.com"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("xn--strae-oqa.example", "straße.example"),
        ("a.xn--zckzah", "a.テスト"),
        ("xn--.example", "xn--.example"),
        ("xn--a.example", "xn--a.example"),
        ("xn--99999999.example", "xn--99999999.example"),
        ("xn--abc-.example", "xn--abc-.example"),
    ],
)
def test_display_decodes_what_can_be_decoded(name: str, display: str) -> None:
    assert _idna.display_domain(name) == display


# Aliases


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("info", "info"),
        ("Info", "Info"),
        (" info ", "info"),
        ("*", "*"),
        ("first.last+tag", "first.last+tag"),
        ("sales-*", "sales-*"),
        ("(sales|support)", "(sales|support)"),
        (r"^re\d+[a-z]?$", r"^re\d+[a-z]?$"),
        ("a/b?c#d%", "a/b?c#d%"),
        ("büro", "büro"),
        ("...", "..."),
        ("x" * 150, "x" * 150),
    ],
)
def test_alias_is_kept_as_written_without_outer_spaces(text: str, name: str) -> None:
    assert _names.parse_alias(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \t", "empty"),
        ("x" * 151, "longer than 150"),
        ("info@example.com", "before the @"),
        ("@", "before the @"),
        ("a b", "white space"),
        ("a\u00a0b", "white space"),
        ("a\tb", "white space"),
        ("a\nb", "white space"),
        ("a\x00b", "control"),
        ("a\x7fb", "control"),
        ("a\u202eb", "control"),
        ("a\udcffb", "control"),
        (".", "can't contain it"),
        ("..", "can't contain it"),
    ],
)
def test_unusable_alias_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        _names.parse_alias(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("info", "INFO", True),
        ("Büro", "bÜRO", True),
        ("(a|b)", "(A|B)", True),
        ("info", "info2", False),
        (r"a\s", r"a\S", False),
        (r"A\s", r"a\s", False),
        (r"a\s", r"a\s", True),
    ],
)
def test_aliases_are_the_same_without_regard_to_case_unless_a_backslash_gives_it_meaning(
    one: str, other: str, same: bool
) -> None:
    assert (_names.alias_key(one) == _names.alias_key(other)) is same
    assert (AliasWish(one).key == _model.Alias(other).key) is same


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("info", False), ("a.b+c-d", False), ("*", True), ("a*", True), ("(a|b)", True), (r"\d", True)],
)
def test_a_pattern_matches_addresses_that_are_not_listed(name: str, pattern: bool) -> None:
    assert _names.is_pattern(name) is pattern


# Destinations


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a@example.com", "a@example.com"),
        (" A.b@EXAMPLE.com. ", "A.b@example.com"),
        ("a+tag@bücher.example", "a+tag@xn--bcher-kva.example"),
        ("o'neil@x.example", "o'neil@x.example"),
        ("x" * 64 + "@x.example", "x" * 64 + "@x.example"),
    ],
)
def test_email_keeps_its_local_part_and_gets_an_a_label(text: str, address: str) -> None:
    assert _names.parse_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@",
        "a@",
        "@x.example",
        "a@b@x.example",
        "a b@x.example",
        "a@ x.example",
        "a@x",
        "a@x..example",
        "a@[192.0.2.1]",
        "a@192.0.2.1",
        ".a@x.example",
        "a.@x.example",
        "a..b@x.example",
        "Name <a@x.example>",
        '"a"@x.example',
        "mailto:a@x.example",
        "a,b@x.example",
        "a\x00@x.example",
        "a@x.example\x00",
        "\ud800@x.example",
        "x" * 65 + "@x.example",
    ],
)
def test_malformed_email_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"e-mail address|two in a row|domain is malformed"):
        _names.parse_email(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example",
        "http://x.example/",
        "HTTPS://X.example/Path",
        "https://user:word@x.example:8443/a?b=c#d",
        "https://[2001:db8::1]/hook",
        "https://bücher.example/ü",
    ],
)
def test_url_is_kept_as_written(url: str) -> None:
    assert _names.parse_url(f" {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x.example",
        "ftp://x.example",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://:80/",
        "https:x.example",
        "https://x.example:0/",
        "https://x.example:port/",
        "https://x.example:65536/",
        "https://[2001:db8::1/",
        "https://x.example/a b",
        "https://x.example/a\tb",
        "https://x.example/\x00",
        "https://x.example/\ud800",
    ],
)
def test_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|white space"):
        _names.parse_url(url)


@pytest.mark.parametrize(
    ("text", "destination"),
    [
        ("a@X.Example", "a@x.example"),
        ("https://x.example/Hook", "https://x.example/Hook"),
        ("https://x.example/?to=a@b", "https://x.example/?to=a@b"),
        ("null", "null"),
        (" NULL ", "null"),
    ],
)
def test_destination_is_an_address_a_url_or_null(text: str, destination: str) -> None:
    assert _names.parse_destination(text) == destination


@pytest.mark.parametrize("text", ["", "nil", "x.example", "info", "null@", "://"])
def test_other_destination_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        _names.parse_destination(text)


@pytest.mark.parametrize(
    ("items", "destinations"),
    [
        ([], ()),
        ([""], ()),
        (["a@x.example,b@x.example"], ("a@x.example", "b@x.example")),
        ([" a@x.example ,, b@X.example", "a@X.EXAMPLE,"], ("a@x.example", "b@x.example")),
        (["null"], ("null",)),
        (["what is this", "a@x.example"], ("what is this", "a@x.example")),
    ],
)
def test_forward_of_the_service_is_read_leniently(items: list[str], destinations: tuple[str, ...]) -> None:
    assert _names.read_forward(items) == destinations


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("notification_email", "A@X.example", "A@x.example"),
        ("notification_email", "odd", "odd"),
        ("webhook", "https://x.example", "https://x.example"),
        ("whitelabel", "Mail.Example", "mail.example"),
        ("whitelabel", "", None),
        ("webhook", None, None),
    ],
)
def test_setting_of_the_service_is_read_leniently(name: str, value: str | None, setting: str | None) -> None:
    assert _model.read_setting(name, value) == setting


# Wishes


def wish(**item: Any) -> DomainWish:
    return _model.domain_wish({"domain": "example.com", **item}, SETTINGS, "v3")


def problems_of(
    item: dict[str, Any], supported: tuple[str, ...] = SETTINGS, version: str = "v3"
) -> list[str]:
    with pytest.raises(InputError) as caught:
        _model.domain_wish(item, supported, version)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    assert str(caught.value).endswith("No request was sent.")
    return list(caught.value.problems)


def test_only_mentioned_options_are_part_of_the_wish() -> None:
    assert wish() == DomainWish("example.com")
    assert wish(state="absent") == DomainWish("example.com", present=False)
    assert wish(notification_email=None, webhook=None, whitelabel=None, aliases=None) == wish()


def test_settings_are_normalised_and_an_empty_text_clears() -> None:
    assert wish(
        notification_email=" a@X.example", webhook="https://x.example/", whitelabel="Mail.Example."
    ).settings == {
        "notification_email": "a@x.example",
        "webhook": "https://x.example/",
        "whitelabel": "mail.example",
    }
    assert wish(notification_email="", webhook=" ", whitelabel="").settings == dict.fromkeys(SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("value", ["", "https://x.example", "a@x.example"])
def test_setting_that_a_version_lacks_is_refused_with_its_name_and_the_version_that_has_it(
    setting: str, value: str
) -> None:
    [problem] = problems_of({"domain": "example.com", setting: value}, (), "v2")
    assert problem == f"example.com, {setting}: API v2 can't manage it; v3 can"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann@x.example", "ann@X.example", True),
        ("ann@x.example", "bob@x.example", False),
        ("gru\u0308n@x.example", "grün@x.example", True),
        ("https://Hook.example/Path?x=A", "HTTPS://hook.EXAMPLE/Path?x=A", True),
        ("https://hook.example/Path", "https://hook.example/path", False),
        ("https://hook.example/?x=A", "https://hook.example/?x=a", False),
        ("https://hook.example", "https://hook.example/", True),
        ("https://hook.example?x=1", "https://hook.example/?x=1", True),
        ("https://hook.example:443/x", "https://hook.example/x", True),
        ("http://hook.example:443/x", "http://hook.example/x", False),
        ("http://hook.example/x", "https://hook.example/x", False),
        ("https://Ann:Secret@hook.example/", "https://ann:secret@hook.example/", False),
        ("https://Ann:Secret@HOOK.example/", "https://Ann:Secret@hook.example/", True),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x", True),
        ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]:80/x", True),
        ("https://hook.example/x", "hook@example.com", False),
    ],
)
def test_destinations_are_compared_by_what_they_mean(one: str, other: str, same: bool) -> None:
    wanted, existing = wish(aliases=[{"alias": "info", "forward": [one]}]), read_forward([other])
    assert same_destinations(wanted.aliases[0].forward, existing) is same
    assert same_setting(one, other) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(None, None, True), (None, "a@x.example", False), ("A@x.example", "a@x.example", True)],
)
def test_settings_are_compared_by_what_they_mean(one: str | None, other: str | None, same: bool) -> None:
    for pair in ((one, other), (other, one)):
        assert same_setting(*pair) is same


@pytest.mark.parametrize(
    "forward", [["", "a@x.example"], ["a@x.example", " "], ["null", ""], ["", "", "a@x.example"]]
)
def test_null_among_destinations_is_refused(forward: list[str]) -> None:
    """Ansible converts it to an empty string."""
    [problem] = problems_of({"domain": "example.com", "aliases": [{"alias": "info", "forward": forward}]})
    assert "a destination is empty or null" in problem


@pytest.mark.parametrize(
    ("forward", "destinations"),
    [
        (["a@x.example"], ("a@x.example",)),
        (["a@x.example,b@x.example", "c@x.example"], ("a@x.example", "b@x.example", "c@x.example")),
        ([" a@X.example ", "a@x.EXAMPLE."], ("a@x.example",)),
        (["Ann@x.example", "ann@x.example"], ("Ann@x.example",)),
        (["https://H.example/x", "HTTPS://h.example:443/x"], ("https://H.example/x",)),
        (
            ["$1@x.example", "sales-$1@x.example", "a@$2.example"],
            ("$1@x.example", "sales-$1@x.example", "a@$2.example"),
        ),
        (["null", "Null"], ("null",)),
        (["a@sub.example.com"], ("a@sub.example.com",)),
        (["a@notexample.com"], ("a@notexample.com",)),
        (["https://example.com/hook"], ("https://example.com/hook",)),
    ],
)
def test_forward_is_a_list_of_destinations(forward: list[str], destinations: tuple[str, ...]) -> None:
    assert wish(aliases=[{"alias": "info", "forward": forward}]).aliases == (AliasWish("info", destinations),)


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        (None, "at least one destination"),
        ([], "at least one destination"),
        (["", " , "], "at least one destination"),
        (["null", "a@x.example"], "must be the only destination"),
        (["null,https://x.example"], "must be the only destination"),
        (["a@example.com"], "in the same domain"),
        (["a@EXAMPLE.com."], "in the same domain"),
        (["odd"], "neither an e-mail address"),
        (["https://x.example/?a=1,2"], "neither an e-mail address"),
    ],
)
def test_forward_that_the_service_would_refuse_is_refused(forward: list[str] | None, reason: str) -> None:
    [problem] = problems_of({"domain": "example.com", "aliases": [{"alias": "info", "forward": forward}]})
    assert problem.startswith("example.com, aliases[0] (info), forward: ")
    assert reason in problem


def test_own_domain_is_recognised_in_either_form() -> None:
    [problem] = problems_of(
        {
            "domain": "bücher.example",
            "aliases": [{"alias": "info", "forward": ["a@XN--BCHER-KVA.example", "b@x.example"]}],
        }
    )
    assert "a@XN--BCHER-KVA.example" in problem
    assert "in the same domain" in problem


def test_absent_alias_needs_no_forward() -> None:
    absent = wish(aliases=[{"alias": "info", "state": "absent", "forward": None}])
    assert absent.aliases == (AliasWish("info", present=False),)


def test_every_problem_of_the_input_is_in_one_message_with_its_position() -> None:
    items = [
        {"domain": "bad_name", "webhook": "odd", "aliases": [{"alias": "", "forward": []}]},
        {
            "domain": "example.com",
            "notification_email": "odd",
            "whitelabel": "odd",
            "aliases": [
                {"alias": "ok", "forward": ["b@x.example"]},
                {"alias": "a@b", "forward": ["odd", "null"]},
                {"alias": "OK", "forward": ["x@example.com"]},
                {"alias": "gone", "state": "absent"},
            ],
        },
        {"domain": "EXAMPLE.com."},
        {"domain": "fine.example", "aliases": [{"alias": "a", "forward": ["a@x.example"]}]},
    ]
    with pytest.raises(InputError) as caught:
        _model.domain_wishes(items, SETTINGS, "v3")
    starts = [
        'domains[0], domain: "bad_name" can\'t be used',
        'domains[0], webhook: "odd"',
        'domains[0], aliases[0], alias: ""',
        "domains[0], aliases[0], forward: at least one",
        'domains[1] (example.com), notification_email: "odd"',
        'domains[1] (example.com), whitelabel: "odd"',
        'domains[1] (example.com), aliases[1], alias: "a@b"',
        'domains[1] (example.com), aliases[1], forward: "odd"',
        'domains[1] (example.com), aliases[2] (OK), forward: "x@example.com" is in the same domain',
        "domains[1] (example.com), aliases[0] and aliases[2] are the same alias",
        "domains[1] and domains[2] are the same domain, example.com",
    ]
    problems = caught.value.problems
    assert len(problems) == len(starts)
    for problem, start in zip(problems, starts, strict=True):
        assert problem.startswith(start)
    assert str(caught.value).startswith("11 problems in the input: ")
    assert all(problem in str(caught.value) for problem in problems)


@pytest.mark.parametrize(
    "form", ["bücher.example", "XN--bcher-kva.example", "BÜCHER.example.", "bu\u0308cher.example"]
)
def test_duplicates_of_a_domain_are_found_in_any_form(form: str) -> None:
    with pytest.raises(InputError, match=r"domains\[0\] and domains\[2\] are the same domain"):
        _model.domain_wishes([{"domain": d} for d in ("bücher.example", "x.example", form)], SETTINGS, "v3")


@pytest.mark.parametrize("states", [("present", "present"), ("present", "absent"), ("absent", "absent")])
def test_duplicates_of_an_alias_are_rejected_for_any_state(states: tuple[str, str]) -> None:
    aliases = [
        {"alias": name, "state": state, "forward": ["a@x.example"]}
        for name, state in zip(("info", "INFO"), states, strict=True)
    ]
    [problem] = problems_of({"domain": "example.com", "aliases": aliases})
    assert problem == "example.com, aliases[0] and aliases[1] are the same alias, INFO"


def test_one_alias_is_a_wish_that_does_not_create_its_domain() -> None:
    item = {"domain": "Example.com", "alias": "info", "forward": ["a@x.example"]}
    found = _model.alias_wish(item)
    assert found == DomainWish("example.com", aliases=(AliasWish("info", ("a@x.example",)),), create=False)


def test_all_problems_of_one_alias_are_reported_together() -> None:
    with pytest.raises(InputError) as caught:
        _model.alias_wish({"domain": "bad", "alias": "..", "forward": ["odd"]})
    starts = ["domain: ", "alias: ", "forward: "]
    assert [
        problem[: len(start)] for problem, start in zip(caught.value.problems, starts, strict=True)
    ] == starts


# Equal values


ADDRESSES = st.sampled_from(
    ["a@x.example", "b@x.example", "C.d@bücher.example", "https://x.example/Hook", "http://y.example/?a=b"]
)


@st.composite
def respelled(draw: st.DrawFn, destinations: list[str]) -> list[str]:
    """The same destinations in another order, with duplicates, spaces and another case of the domain."""
    spelled = []
    for destination in draw(st.permutations(destinations + draw(st.lists(st.sampled_from(destinations))))):
        local, at, name = destination.rpartition("@")
        if at and draw(st.booleans()):
            destination = f"{local}@{draw(st.sampled_from([name.upper(), name.title(), name + '.']))}"
        spelled.append(
            draw(st.sampled_from(["", " ", "\t"])) + destination + draw(st.sampled_from(["", " "]))
        )
    if draw(st.booleans()):
        spelled = [",".join(spelled)]
    return spelled


@PROFILE
@given(st.data(), st.lists(ADDRESSES, min_size=1, unique=True))
def test_order_domain_case_spaces_and_duplicates_make_no_difference(
    data: st.DataObject, destinations: list[str]
) -> None:
    def forward_of(items: list[str]) -> tuple[str, ...]:
        return wish(aliases=[{"alias": "info", "forward": items}]).aliases[0].forward

    one, other = forward_of(destinations), forward_of(data.draw(respelled(destinations)))
    assert frozenset(one) == frozenset(other)
    assert len(one) == len(other) == len(destinations)


# Any text


@PROFILE
@given(ANY_TEXT)
@example("\ud800" * 200)
@example("\U0010ffff" * 200)
@example("a\nb\r\x1b[31m\u2028")
def test_quoted_text_is_one_printable_line_of_bounded_length(text: str) -> None:
    line = _text.quoted(text)
    assert line.isprintable()
    assert len(line) <= 820
    line.encode()


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@PROFILE
@given(text=st.one_of(ANY_TEXT, ANY_TEXT.map("https://".__add__), ANY_TEXT.map("a@".__add__), NAMES))
@example(text="a@\ud800.example")
@example(text="https://[")
@example(text="https://\u2100.example")
@example(text="xn--\ud800.ü")
def test_parsers_raise_nothing_but_value_errors(parse: Callable[[str], str], text: str) -> None:
    try:
        value = parse(text)
    except ValueError as error:
        reason = str(error)
    else:
        reason = "none"
        assert parse(value) == value
        assert value == value.strip()
        assert value.isprintable()
    assert reason
    assert reason.isprintable()


@PROFILE
@given(ANY_TEXT, ANY_TEXT, st.lists(ANY_TEXT), ANY_TEXT)
def test_any_duplicate_is_an_input_error_and_accepted_by_lenient_reading(
    domain: str, alias: str, forward: list[str], setting: str
) -> None:
    item = {"domain": domain, "aliases": [{"alias": alias, "forward": forward}], "webhook": setting}
    with pytest.raises(InputError) as caught:
        _model.domain_wishes([item, item], SETTINGS, "v3")
    assert str(caught.value).isprintable()
    _names.read_forward([alias, *forward])
    _names.read_domain(domain)
    _idna.display_domain(domain)


LONG_NAMES = {
    "Unicode": "ü" * 90_000,
    "marks": "e" + "\u0345\u0301" * 45_000 + ".example",
    "A-label": "xn--" + "a9" * 45_000,
    "labels": "a." * 45_000 + "example",
    "long forms": "\ufdfa" * 90_000 + ".example",
}


@pytest.mark.parametrize("name", LONG_NAMES)
def test_long_text_is_not_parsed_in_quadratic_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The length is checked before Punycode and normalization."""
    text = LONG_NAMES[name]
    seen: list[int] = []

    def normalize(form: str, given: str) -> str:
        seen.append(len(given))
        return unicodedata.normalize(form, given)

    monkeypatch.setattr(
        _names, "unicodedata", SimpleNamespace(**{**vars(unicodedata), "normalize": normalize})
    )
    assert _names.read_domain(text) == text
    assert _idna.display_domain(text) == text
    assert _names.read_forward([f"info@{text}"]) == (f"info@{text}",)
    assert _model.read_setting("whitelabel", text) == text
    for parse in (_idna.parse_domain, _names.parse_email, _names.parse_alias):
        with pytest.raises(ValueError, match=r"longer than|e-mail address"):
            parse(text)
    assert max(seen, default=0) <= 254


@given(st.text("aü\ufdfa-.", min_size=1, max_size=300))
def test_accepted_name_is_not_longer_than_the_dns_allows(text: str) -> None:
    try:
        name = _idna.parse_domain(text)
    except ValueError:
        return
    assert len(name) <= 253
    assert max(map(len, name.split("."))) <= 63


# The service can store a value in another form with the same meaning.

LOCAL_PARTS = st.text("aBcÄéñ019.+-_$", min_size=1, max_size=6).filter(
    lambda text: not (text[0] == "." or text[-1] == "." or ".." in text)
)
HOSTS = st.sampled_from(("x.example", "X.Example", "bücher.example", "xn--bcher-kva.example", "a.b.example"))
URLS = st.builds(
    "{}://{}{}".format,
    st.sampled_from(("http", "https")),
    HOSTS,
    st.sampled_from(("/a", "/A?x=Y#z", "/", "?q=1", "")),
)
ADDRESSES = st.builds("{}@{}".format, LOCAL_PARTS, HOSTS)


def rewritten(draw: Any, destination: str) -> str:
    """The destination in another form with the same meaning."""
    form = draw(st.sampled_from((str.lower, str.upper, str)))
    if "://" not in destination:
        local, name = destination.split("@")
        unicode_form = draw(st.sampled_from(("NFC", "NFD")))
        local = unicodedata.normalize(unicode_form, local.swapcase() if draw(st.booleans()) else local)
        return f"{local}@{other_form(draw, name)}"
    scheme, rest = destination.split("://")
    end = min((rest.find(mark) for mark in "/?#" if mark in rest), default=len(rest))
    host, tail = rest[:end], rest[end:]
    port = draw(st.sampled_from(("", {"http": ":80", "https": ":443"}[scheme])))
    slash = "/" if not tail.startswith("/") and draw(st.booleans()) else ""
    return f"{form(scheme)}://{other_form(draw, host)}{port}{slash}{tail}"


def other_form(draw: Any, name: str) -> str:
    forms = [name.lower(), name.upper(), name]
    if "b" in name and "cher" in name:
        forms += ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"]
    return str(draw(st.sampled_from(forms)))


@PROFILE
@given(st.data(), st.lists(st.one_of(ADDRESSES, URLS), min_size=1, max_size=4))
def test_equal_meanings_cause_no_change(data: st.DataObject, forward: list[str]) -> None:
    reported = [rewritten(data.draw, destination) for destination in data.draw(st.permutations(forward))]
    reported += data.draw(st.lists(st.sampled_from(reported), max_size=2))
    separator = data.draw(st.sampled_from((",", ", ", " ,")))
    found = Domain("d.example", aliases=(Alias("Info", read_forward([separator.join(reported)])),))
    wanted = wish(domain="d.example", aliases=[{"alias": "info", "forward": forward}])
    assert plan_domain(wanted, found).changes == ()
