# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/mutants.toml names what exists: an entry for code that has changed would accept a new mutant."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from catalogue import ROOT
from tools.mutants import LEAST, Mutant, judge, load_targets

TARGETS = load_targets()


def functions(module: str) -> dict[str, str]:
    """The functions of a module, named as mutmut names them, with their source."""
    path = ROOT / "plugins" / (module.replace(".", "/") + ".py")
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    found: dict[str, str] = {}
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in inner:
            if isinstance(each, ast.FunctionDef):
                found[prefix + each.name] = ast.get_source_segment(source, each) or ""
    return found


def test_every_file_and_test_exists() -> None:
    assert {target.name for target in TARGETS} == {
        "plan",
        "engine",
        "rate_limits",
        "http",
        "transport",
        "gather",
    }
    for target in TARGETS:
        assert target.files
        assert target.tests
        for file in target.files:
            assert (ROOT / "plugins" / file).is_file()
        for test in target.tests:
            assert (ROOT / test).exists()


def test_every_accepted_mutant_is_one_of_the_present_code() -> None:
    for target in TARGETS:
        assert len(set(target.accepted)) == len(target.accepted)
        for function, removed, added in target.accepted:
            module = next(
                file[:-3].replace("/", ".")
                for file in target.files
                if function.startswith(file[:-3].replace("/", ".") + ".")
            )
            source = functions(module)[function.removeprefix(module + ".")]
            lines = [line.strip() for line in source.splitlines()]
            assert removed != added
            assert set(removed) <= set(lines), f"{function} has no such lines: {removed}"


def test_every_accepted_mutant_has_a_reason() -> None:
    reasons = [reason for target in TARGETS for reason in target.reasons]
    assert len(reasons) == sum(len(target.accepted) for target in TARGETS)
    for reason in reasons:
        assert reason.endswith(".")
        assert len(reason.split()) > 3


# --- The verdict ----------------------------------------------------------------------------------

SURVIVOR = Mutant("m.x_f__mutmut_1", "m.f", ("a < b",), ("a <= b",), "diff")


@pytest.mark.parametrize(
    ("mutants", "survivors", "accepted", "wrong"),
    [
        (100, [], [], []),
        (100, [SURVIVOR], [SURVIVOR], []),
        (100, [SURVIVOR], [], ["1 survived"]),
        (100, [SURVIVOR] * 5, [SURVIVOR], []),
        (100, [SURVIVOR] * 6, [SURVIVOR], [f"94.0% are killed, and {LEAST} %"]),
        (0, [], [], ["no mutants"]),
    ],
    ids=["all killed", "accepted", "not accepted", "just enough", "too few", "none made"],
)
def test_a_target_passes_if_enough_are_killed_and_all_others_accepted(
    mutants: int, survivors: list[Mutant], accepted: list[Mutant], wrong: list[str]
) -> None:
    found = judge("plan", mutants, survivors, [each.key for each in accepted])
    assert len(found) == len(wrong)
    for problem, part in zip(found, wrong, strict=True):
        assert problem.startswith("plan: ")
        assert part in problem


def test_an_entry_accepts_only_the_same_change_of_the_same_function() -> None:
    others: list[Any] = [
        ("m.g", SURVIVOR.removed, SURVIVOR.added),
        (SURVIVOR.function, ("a > b",), SURVIVOR.added),
        (SURVIVOR.function, SURVIVOR.removed, ("a == b",)),
    ]
    assert judge("plan", 100, [SURVIVOR], others) != []
