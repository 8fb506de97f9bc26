# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports run downwards, as CONTRIBUTING.md has it, and what is pure stays so."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = "ansible_collections.improvmx.email.plugins."
# From the top down. A file may import from its own layer and from those below.
LAYERS = {
    "module": (
        "_provision",
        "_verify",
        "_read_logs",
        "_module",
        "_report",
        "_files",
        "_report_file",
        "_read_health",
    ),
    "run": ("_apply", "_read", "_sheet", "_parallel", "_progress"),
    "api": ("_connection", "_api", "_api_v2", "_api_v3", "_api_v3_rules", "_api_v3_credentials"),
    "http": ("_transport", "_ratelimit", "_deadline", "_stop"),
    "plan": ("_plan", "_plan_rules", "_plan_credentials", "_changes", "_unmanaged", "_limits", "_export"),
    "model": (
        *("_model", "_rules", "_credentials", "_names", "_urls", "_time", "_yaml", "_diff"),
        *("_dns", "_check", "_account", "_logs", "_results"),
        *("_health", "_findings", "_page", "_page_style", "_foreign"),
    ),
}
ORDER = list(LAYERS)
LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names}
KNOWS_ANSIBLE = {"module"}  # the only layer that may
PURE = ("plan", "model")
FILES = sorted((ROOT / "plugins/module_utils").glob("*.py"))


def imports_of(file: Path) -> set[str]:
    """The full names of the modules that a file imports, also in a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            whole = module == PLUGINS + "module_utils"
            names |= {f"{module}.{alias.name}" for alias in node.names} if whole else {module}
    return names


def own(names: set[str]) -> set[str]:
    return {name.rpartition(".")[2] for name in names if name.startswith(PLUGINS + "module_utils.")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_imports_run_downwards(file: Path) -> None:
    layer = LAYER_OF[file.stem]  # a new file needs a place
    upwards = {name for name in own(imports_of(file)) if ORDER.index(LAYER_OF[name]) < ORDER.index(layer)}
    assert upwards == set()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_only_the_top_knows_ansible(file: Path) -> None:
    foreign = {name.partition(".")[0] for name in imports_of(file)}
    assert LAYER_OF[file.stem] in KNOWS_ANSIBLE or "ansible" not in foreign
    assert not {name for name in imports_of(file) if name.startswith(PLUGINS + "plugin_utils")}


@pytest.mark.parametrize(
    "file", [file for file in FILES if LAYER_OF[file.stem] in PURE], ids=lambda file: file.stem
)
def test_what_is_pure_imports_the_standard_library_only(file: Path) -> None:
    foreign = {name.partition(".")[0] for name in imports_of(file)}
    assert foreign <= {*sys.stdlib_module_names, "ansible_collections"}
    assert not foreign & {"socket", "http", "subprocess", "threading", "time", "os"}


@pytest.mark.parametrize("file", sorted((ROOT / "plugins/modules").glob("*.py")), ids=lambda file: file.stem)
def test_modules_know_no_http_and_no_other_module(file: Path) -> None:
    names = imports_of(file)
    assert not own(names) & {"_api_v2", "_api_v3", "_ratelimit"}
    assert not {name for name in names if name.startswith(PLUGINS + "modules") or name == "requests"}
