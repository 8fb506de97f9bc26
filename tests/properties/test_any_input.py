# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any value of any option is rejected with a message or sent to the service unchanged.

No request leaves its intended path, and a second run after a success changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Callable, Iterator
from string import ascii_letters, ascii_lowercase, digits
from typing import Any
from urllib.parse import unquote

import pytest
from ansible.module_utils.basic import AnsibleModule
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.idna import parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._model.names import (
    parse_alias,
    parse_destination,
    split_forward,
)
from catalogue import declared, every_module, first_example, fragment, seed_account
from emulator import Emulator
from harness import Modules, assert_no_secret, run_main

pytestmark = pytest.mark.usefixtures("deep_folder")

# Values for every option; Ansible converts them to text if the option is a text.
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 1.5, 10**400, float("nan"), float("inf"), [], [[None]], {}, {"a": {"b": []}}, "", "\0",
    "\ud800", "9" * 5000,
)  # fmt: skip
ODD_TEXTS = (
    # Control characters, and the ends of lines, headers and requests
    " ", "a\0b", "a\nb", "a\r\nHost: elsewhere.example\r\n\r\n", "\t", "\x1b[31m", "\x7f", "\x85", "\u2028",
    # Paths, queries, encodings
    ".", "..", "../../account", "./", "a/../../b", "//elsewhere.example/", "%2f", "%2e%2e%2f", "%00", "%zz",
    "a?limit=1", "a#b", "a&b=c", "a;b", "a\\b", "a:b@c", "[::1]", "a+b", "a b",
    # Templates of Python, Ansible, shells
    "{}", "{0}", "%s", "%(x)s", "{{ 7 * 7 }}", "$(id)", "'\"", "null", "true",
    # Unicode
    "\udc80", "e\u0301", "\u0301", "\u202eabc", "\u200b", "\u00ad", "\ufeff", "\ufdd0", "\U0010ffff",
    "\U0001f4a9", "ß", "ſ", "İ", "\u212a", "ﬁ", "Ⅷ", "。", "０", "٣", "שלום", "हिन्दी", "a\u200db", "ς",
    # Sizes
    "a" * 150, "a" * 151, "(" * 150, "(a|" * 2000, "é" * 3000, ",".join(["a@x.example"] * 5000),
    "https://x.example/" + "y" * 20_000,
)  # fmt: skip


def places(spec: dict[str, Any], arguments: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """The places of values in a module's arguments, and which are texts; of a list, its first element."""
    for option, facts in spec.items():
        if option in ("api_key", "api_url"):
            continue  # any key is masked everywhere, and a valid URL leads elsewhere
        kind, choices = facts.get("type", "str"), facts.get("choices")
        yield (option,), kind in ("str", "path") and not choices
        if "options" in facts:
            inner = (arguments.get(option) or [{}])[0]
            yield from (((option, 0, *place), text) for place, text in places(facts["options"], inner))
        elif kind == "list":
            yield (option, 0), not choices


def put(arguments: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The arguments with another value in one place."""
    if not place:
        return value
    if isinstance(place[0], int):
        items = arguments if isinstance(arguments, list) and arguments else [{}]
        return [put(items[0], place[1:], value), *items[1:]]
    inner = dict(arguments) if isinstance(arguments, dict) else {}
    return {**inner, place[0]: put(inner.get(place[0]), place[1:], value)}


def texts(value: Any) -> Iterator[str]:
    """Every text in a structure, in the forms that requests can contain."""
    if isinstance(value, (dict, list)):
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from texts(item)
    with contextlib.suppress(ValueError):  # for a number with too many digits
        text = str(value).strip()
        yield text
    with contextlib.suppress(ValueError):
        yield parse_domain(text)


def run(modules: Modules, name: str, args: dict[str, Any]) -> dict[str, Any] | None:
    """Run a module; None if Ansible itself rejects the arguments."""
    try:
        result = run_main(name, {**modules.options, **args})
    except (ValueError, OverflowError) as error:  # UnicodeError is a ValueError
        frames = {frame.f_code for frame, line in traceback.walk_tb(error.__traceback__)}
        assert AnsibleModule.__init__.__code__ in frames
        return None
    assert "Traceback" not in json.dumps(result)
    assert "exception" not in result
    assert_no_secret(json.dumps(result), modules.emulator.api_key)
    return result


def assert_intended_paths(emulator: Emulator, args: Any) -> None:
    """Every request went to an existing endpoint, for something that the arguments or the account name."""
    named: set[str] = set()
    for request in emulator.requests:
        assert request.route, f"{request.method} {request.path} is not an endpoint"
        pattern = request.route.partition(" ")[2].split("/")
        segments = request.path.removeprefix(f"/{request.version}").split("/")
        for part, segment in zip(pattern, segments, strict=True):
            named = named or {*texts(args), *texts(emulator.dump(ids=True))}
            assert part == segment or (part.startswith("{") and unquote(segment, errors="strict") in named)
        assert set(request.query) <= {"q", "limit", "page", "is_active", "next_cursor", "search"}


def odd_arguments(name: str, usual: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Places in a module's arguments, each with the odd values for it.

    All modules share the code for the options of the connection, so they are tested with one module only.
    Each item of improvmx_domains has the options of improvmx_domain, which is tested with every value. So
    each place in the list is tested with a third of the values.
    """
    shared = set() if name == "improvmx_account_info" else set(fragment()["options"])
    for index, (place, is_text) in enumerate(places(declared(name)["argument_spec"], usual)):
        values = (*ODD_VALUES, *ODD_TEXTS) if is_text else ODD_VALUES
        if place[0] in shared:
            continue
        is_item = name == "improvmx_domains" and place[:2] == ("domains", 0) and len(place) > 2
        for value in values[index % 3 :: 3] if is_item else values:
            yield place, value


@every_module
def test_odd_value_of_any_option_is_rejected_or_sent_unchanged(modules: Modules, name: str) -> None:
    emulator = modules.emulator
    usual = first_example(name)
    if name == "improvmx_report":
        usual = {**usual, "domains": ["example.com"]}  # fewer requests
    for place, value in odd_arguments(name, usual):
        args = put(usual, place, value)
        case = f"{place}: {value!a:.100}"
        seed_account(emulator)
        result = run(modules, name, args)
        assert_intended_paths(emulator, args)
        if result is None:
            assert emulator.requests == [], case
        elif result.get("failed"):
            assert result["msg"], case
            failed = [each["domain"] for each in result.get("failed_domains", ())]
            # The failure of one domain does not stop the others.
            assert not [e for e in emulator.ledger if not failed or e.domain in failed], case
        elif result["changed"]:
            again = run(modules, name, args)
            assert again is not None, case
            assert (again.get("failed"), again["changed"]) == (None, False), case


# --- Random texts ---------------------------------------------------------------------------------

LETTERS = st.characters(categories=["L", "M", "N"])
ANYTHING = st.text(
    st.characters(exclude_categories=()), max_size=10
)  # with surrogates and unassigned characters
ALPHANUMERIC = ascii_letters + digits
LABELS = st.text(LETTERS, min_size=1, max_size=12) | st.text(
    ascii_lowercase + digits + "-", min_size=1, max_size=20
)
LOCAL_PARTS = st.text(ALPHANUMERIC + ".+_/%?#&=~{}|!-", min_size=1, max_size=20)
PATTERNS = st.text(ALPHANUMERIC + "[](){}^$.*+?|\\/%#&=;:,-", min_size=1, max_size=30)
IN_URLS = st.characters(exclude_characters=",", categories=["L", "N", "P", "S"])


def mostly(texts: st.SearchStrategy[str], parse: Callable[[str], str]) -> st.SearchStrategy[str]:
    """Mostly valid texts, and sometimes any."""

    def is_valid(text: str) -> bool:
        with contextlib.suppress(ValueError):
            return bool(parse(text))
        return False

    valid = texts.filter(is_valid)
    return st.integers(0, 19).flatmap(lambda dice: valid if dice else texts | ANYTHING)


NAMES = mostly(st.lists(LABELS, min_size=2, max_size=3).map(".".join), parse_domain)
ALIASES = mostly(LOCAL_PARTS | PATTERNS | st.text(LETTERS, max_size=8), parse_alias)
URLS = st.text(IN_URLS, max_size=40).map("https://h.example/".__add__)
EMAILS = st.tuples(LOCAL_PARTS | st.text(LETTERS, max_size=8), NAMES).map("@".join)
DESTINATIONS = mostly(EMAILS | URLS, parse_destination)
WISHES = st.fixed_dictionaries(
    {
        "domain": NAMES | st.just("example.com"),
        "aliases": st.lists(
            st.fixed_dictionaries(
                {"alias": ALIASES, "forward": st.lists(DESTINATIONS, min_size=1, max_size=3)},
                optional={"state": st.sampled_from(["present", "absent"])},
            ),
            max_size=3,
        ),
    },
    optional={"webhook": URLS, "purge_aliases": st.booleans()},
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(WISHES, min_size=1, max_size=2))
def test_any_wish_is_rejected_or_reads_back_unchanged(modules: Modules, wishes: Any) -> None:
    emulator = modules.emulator
    modules.seed({"example.com": {"*": "o@m.example"}})
    result = run(modules, "improvmx_domains", {"domains": wishes})
    assert_intended_paths(emulator, [wishes, "*"])
    assert result is not None
    if result.get("failed"):
        assert result["msg"].isprintable()
        assert not emulator.requests or result["failed_domains"]
        return
    for wish in wishes:
        existing = modules.aliases(parse_domain(wish["domain"]))
        for alias in wish["aliases"]:
            name = alias["alias"].strip()
            if alias.get("state") == "absent":
                assert name not in existing
            else:
                forward = map(parse_destination, split_forward(alias["forward"]))
                assert existing[name].split(",") == list(dict.fromkeys(forward))
    returned = modules.run("improvmx_domain_info")["domains"]
    for domains in (wishes, returned):
        again = modules.run("improvmx_domains", domains=domains)
        assert (again.get("failed"), again["changed"]) == (None, False)


@pytest.mark.parametrize(
    "alias", ["^" + "(a|b)?" * 24 + "$", "(" * 150, "\\" * 150, "[" * 75 + "/" * 75, "é" * 150]
)
def test_alias_of_maximum_length_is_sent_unchanged(modules_of_version: Modules, alias: str) -> None:
    modules = modules_of_version
    modules.seed({"example.com": {}})
    args = {"domain": "example.com", "alias": alias}
    modules.rounds("improvmx_alias", **args, forward="a@x.example")
    modules.rounds("improvmx_alias", **args, forward="b@x.example")
    assert modules.aliases("example.com") == {alias: "b@x.example"}
    modules.rounds("improvmx_alias", **args, state="absent")
    assert modules.aliases("example.com") == {}


def test_thousands_of_aliases_are_created_read_and_unchanged(modules: Modules) -> None:
    modules.seed({"example.com": {}})
    aliases = [{"alias": f"a{number}", "forward": [f"u{number}@x.example"]} for number in range(3000)]
    rounds = modules.rounds("improvmx_domain", domain="example.com", aliases=aliases)
    assert modules.aliases("example.com") == {f"a{n}": f"u{n}@x.example" for n in range(3000)}
    assert rounds.count == 1 + 6
    assert rounds.again["api_requests"] == 1 + 30
