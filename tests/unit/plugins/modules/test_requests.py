# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The number of requests of a run. It determines the duration: the service allows 30 to 200 per minute."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness import Modules

OLD, NEW = "a@x.example", "b@x.example"
LIMITS = 1  # the request for the limits of the account if something is created


def names(count: int) -> list[str]:
    return [f"d{number:04}.example" for number in range(count)]


def aliases(count: int, changed: int = 0) -> dict[str, str]:
    """A number of aliases, the first of them with another destination."""
    return {f"a{number}": NEW if number < changed else OLD for number in range(count)}


def wish(name: str, content: dict[str, str], **options: Any) -> dict[str, Any]:
    items = [{"alias": alias, "forward": [forward]} for alias, forward in content.items()]
    return {"domain": name, "aliases": items, **options}


def costs(modules: Modules, **args: Any) -> tuple[int, dict[str, int]]:
    """The number of reads of a run, and of its writes by method."""
    before = len(modules.emulator.requests)
    result = modules.run("improvmx_domains", **args)
    assert not result.get("failed"), result["msg"]
    methods = Counter(request.method for request in modules.emulator.requests[before:])
    return methods.pop("GET", 0), dict(methods)


@pytest.mark.parametrize(
    ("domains", "each", "reads"),
    [(1, 10, 1), (100, 10, 1), (101, 10, 2), (250, 10, 3), (3, 199, 1), (3, 200, 1), (3, 201, 1 + 9)],
)
def test_run_that_changes_nothing_only_reads_the_list(
    modules: Modules, domains: int, each: int, reads: int
) -> None:
    """The aliases of a domain with more than 200 have to be read, in pages of 100."""
    content = aliases(each)
    modules.seed(dict.fromkeys(names(domains), content))
    assert costs(modules, domains=[wish(name, content) for name in names(domains)]) == (reads, {})


@pytest.mark.parametrize("changed", [1, 7, 40])
def test_each_changed_alias_is_one_write(modules: Modules, changed: int) -> None:
    modules.seed({name: aliases(5) for name in names(120)})
    wishes = [wish(name, aliases(5, changed=index < changed)) for index, name in enumerate(names(120))]
    assert costs(modules, domains=wishes) == (2, {"PUT": changed})


@pytest.mark.parametrize(("new", "batches"), [(1, 1), (2, 1), (500, 1), (501, 2), (1001, 3)])
def test_new_aliases_of_a_domain_are_sent_in_batches_of_500(modules: Modules, new: int, batches: int) -> None:
    modules.seed({"a.example": {"*": OLD}, "b.example": {}})
    wishes = [wish("a.example", aliases(new)), wish("b.example", {})]
    assert costs(modules, domains=wishes) == (1 + LIMITS, {"POST": batches})


@pytest.mark.parametrize(
    ("content", "options", "writes"),
    [
        ({}, {}, {"POST": 1}),
        (aliases(500), {}, {"POST": 2}),
        (aliases(501), {}, {"POST": 3}),
        ({**aliases(10), "*": NEW}, {}, {"POST": 2, "PUT": 1}),
        (aliases(10), {"purge_aliases": True}, {"POST": 2, "DELETE": 1}),
        # It is already as desired: the address of the account.
        ({"*": "owner@mail.example"}, {}, {"POST": 1}),
        ({}, {"notification_email": NEW}, {"POST": 1}),
        ({}, {"notification_email": NEW, "webhook": "https://x.example/"}, {"POST": 1, "PUT": 1}),
    ],
)
def test_new_domain_is_two_writes_and_one_more_for_its_catch_all(
    modules: Modules, content: dict[str, str], options: dict[str, Any], writes: dict[str, int]
) -> None:
    modules.seed({}, email="owner@mail.example")
    wishes = [wish(name, content, **options) for name in names(3)]
    expected = {method: 3 * count for method, count in writes.items()}
    assert costs(modules, domains=wishes) == (1 + LIMITS, expected)


def test_purged_domain_is_one_write_with_any_number_of_aliases(modules: Modules) -> None:
    """Its aliases count for max_deletions, so all are read if there are more than 200."""
    modules.seed({"kept.example": {}, "small.example": aliases(150), "large.example": aliases(250)})
    bounds = {"purge": True, "max_deletions": 402}
    assert costs(modules, domains=[wish("kept.example", {})], **bounds) == (1 + 3, {"DELETE": 2})


def test_settings_of_a_domain_are_one_write(modules: Modules) -> None:
    modules.seed({"a.example": {}, "b.example": {}})
    settings = {"notification_email": NEW, "webhook": "https://x.example/"}
    wishes = [wish("a.example", {}, **settings), wish("b.example", {})]
    assert costs(modules, domains=wishes) == (1, {"PUT": 1})


def test_list_is_read_only_up_to_the_last_domain_of_the_wish(modules: Modules) -> None:
    modules.seed({name: {} for name in names(250)})
    assert costs(modules, domains=[wish(name, {}) for name in names(2)]) == (1, {})
