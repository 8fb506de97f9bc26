# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports run downwards, as described in CONTRIBUTING.md, and pure files stay pure."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = "ansible_collections.improvmx.email.plugins."
UTILS = PLUGINS + "module_utils."
# Each folder, and the other folders that its files may import from.
BELOW = {
    "_errors": {"_model"},
    "_model": {"_errors"},
    "_plan": {"_errors", "_model"},
    "_report": {"_errors", "_model"},
    "_http": {"_errors", "_model"},
    "_api": {"_errors", "_model", "_http"},
    "_run": {"_errors", "_model", "_plan", "_report", "_http", "_api"},
    "_module": {"_errors", "_model", "_plan", "_report", "_http", "_api", "_run"},
}
KNOWS_ANSIBLE = {"_module"}  # the only folder that may
PURE = {"_errors", "_model", "_plan", "_report"}
FOLDER = ROOT / "plugins/module_utils"
FILES = sorted(FOLDER.rglob("*.py"))


def layer_of(file: Path) -> str:
    return file.relative_to(FOLDER).parts[0].removesuffix(".py")


def imports_of(file: Path) -> set[str]:
    """The full names of the modules that a file imports, also in a function."""
    package = (PLUGINS + ".".join(file.relative_to(ROOT / "plugins").parts)).split(".")[:-2]
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            whole = module.startswith(UTILS) and (FOLDER / module[len(UTILS) :]).is_dir()
            names |= {f"{module}.{alias.name}" for alias in node.names} if whole else {module}
    return names


def layers(names: set[str]) -> set[str]:
    return {name[len(UTILS) :].partition(".")[0] for name in names if name.startswith(UTILS)}


def by_name(file: Path) -> str:
    return str(file.relative_to(ROOT / "plugins"))


@pytest.mark.parametrize("file", FILES, ids=by_name)
def test_imports_run_downwards(file: Path) -> None:
    layer = layer_of(file)
    assert layers(imports_of(file)) <= {layer, *BELOW[layer]}


def test_relative_imports_are_detected() -> None:
    imports = imports_of(FOLDER / "_plan/plan.py")
    assert UTILS + "_model.domains" in imports
    assert UTILS + "_plan.rules" in imports
    assert UTILS + "_http.stop" in imports_of(FOLDER / "_http/transport.py")


@pytest.mark.parametrize("file", FILES, ids=by_name)
def test_only_the_top_layer_imports_ansible(file: Path) -> None:
    foreign = {name.partition(".")[0] for name in imports_of(file)}
    assert layer_of(file) in KNOWS_ANSIBLE or "ansible" not in foreign
    assert not {name for name in imports_of(file) if name.startswith(PLUGINS + "plugin_utils")}


@pytest.mark.parametrize("file", [file for file in FILES if layer_of(file) in PURE], ids=by_name)
def test_pure_layers_import_the_standard_library_only(file: Path) -> None:
    foreign = {name.partition(".")[0] for name in imports_of(file)}
    assert foreign <= {*sys.stdlib_module_names, "ansible_collections"}
    assert not foreign & {"socket", "http", "subprocess", "threading", "time", "os"}


@pytest.mark.parametrize("file", sorted((ROOT / "plugins/modules").glob("*.py")), ids=by_name)
def test_modules_import_no_http_and_no_other_module(file: Path) -> None:
    names = imports_of(file)
    assert not names & {UTILS + "_api.v2", UTILS + "_api.v3"}
    assert "_http" not in layers(names)
    assert not {name for name in names if name.startswith(PLUGINS + "modules") or name == "requests"}
