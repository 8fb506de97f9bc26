# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules in plugins/modules with their documentation, for tests that cover every module."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from emulator import Emulator
from harness import MODULES

ROOT = Path(__file__).resolve().parents[1]
_FILES = sorted((ROOT / "plugins" / "modules").glob("improvmx_*.py"))
# Modules, and those that are documented as a module but are only an action plugin on the controller.
NAMES = [path.stem for path in _FILES if "def main(" in path.read_text(encoding="utf-8")]
ACTIONS = [path.stem for path in _FILES if path.stem not in NAMES]
NAMESPACE = "improvmx.email."

every_module = pytest.mark.parametrize("name", NAMES)


@cache
def source(name: str) -> Any:
    return importlib.import_module(MODULES + name)


@cache
def documentation(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load(source(name).DOCUMENTATION))


@cache
def examples(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load(source(name).EXAMPLES))


@cache
def fragment() -> dict[str, Any]:
    module = importlib.import_module(MODULES.replace(".modules.", ".doc_fragments.") + "improvmx")
    return dict(yaml.safe_load(module.ModuleDocFragment.DOCUMENTATION))


def action_group() -> list[str]:
    return list(yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["improvmx"])


class _Captured(Exception):
    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.arguments = arguments


@cache
def declared(name: str) -> dict[str, Any]:
    """The arguments that a module passes to AnsibleModule. They are shared, so they must not be changed."""

    def capture(**arguments: Any) -> None:
        raise _Captured(**arguments)

    shared = importlib.import_module(MODULES.replace(".modules.", ".module_utils.") + "_module.base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "AnsibleModule", capture)
        with pytest.raises(_Captured) as captured:
            source(name).main()
    return captured.value.arguments


def fitting(value: Any, spec: dict[str, Any]) -> Any:
    """An argument of an example, with a valid value instead of each template."""
    if isinstance(value, str) and "{{" in value:
        values = {"list": [], "dict": {}, "int": 1, "bool": True, "raw": "text"}
        choices = spec.get("choices")
        return choices[0] if choices else values.get(spec.get("type", "str"), "some-text")
    options = spec.get("options", {})
    if isinstance(value, dict):
        return {key: fitting(inner, options.get(key, {})) for key, inner in value.items()}
    if isinstance(value, list):
        element = {"type": spec.get("elements", "str"), "options": options}
        return [fitting(inner, element) for inner in value]
    return value


def tasks(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The tasks of a module's examples that use a module of the collection, with their arguments."""
    found = []
    for task in examples(name):
        for key, arguments in task.items():
            if key.startswith(NAMESPACE):
                module = key.removeprefix(NAMESPACE)
                assert module in NAMES
                specs = declared(module)["argument_spec"]
                fitted = {
                    option: fitting(value, specs.get(option, {}))
                    for option, value in (arguments or {}).items()
                }
                found.append((module, fitted))
    return found


def first_example(name: str) -> dict[str, Any]:
    """Valid arguments for a module: those of its first example."""
    return next(arguments for module, arguments in tasks(name) if module == name)


def writes(name: str) -> bool:
    return not name.endswith("_info")


def versions(name: str) -> list[str]:
    """The versions of the API that a module supports according to its documentation."""
    needs_v3 = "Requires O(api_version=v3)" in " ".join(documentation(name)["description"])
    return ["v3"] if needs_v3 else ["v2", "v3"]


every_module_in_its_versions = pytest.mark.parametrize(
    ("name", "version"), [(name, version) for name in NAMES for version in versions(name)]
)


def seed_account(emulator: Emulator) -> None:
    domains = [
        {"domain": name, "aliases": {"*": "o@m.example", "info": "i@m.example"}}
        for name in ("example.com", "example.org", "example.net")
    ]
    domains.append({"domain": "routed.example", "routing_engine": "rules"})
    emulator.seed({"domains": domains})


def complaints(name: str, arguments: dict[str, Any]) -> list[str]:
    """The errors of Ansible for the arguments of a task; its templates count as valid."""
    constraints = dict(declared(name))
    del constraints["supports_check_mode"]
    spec = constraints.pop("argument_spec")
    fitted = {option: fitting(value, spec.get(option, {})) for option, value in arguments.items()}
    return spec_complaints(spec, {"api_key": "a key", **fitted}, **constraints)


def spec_complaints(spec: dict[str, Any], values: dict[str, Any], **constraints: Any) -> list[str]:
    """The errors of values for an argument spec."""
    return list(ArgumentSpecValidator(spec, **constraints).validate(values).error_messages)
