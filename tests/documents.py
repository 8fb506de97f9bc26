# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation, its code blocks, and checks of the YAML in them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from catalogue import NAMES, NAMESPACE, ROOT, complaints, declared, fitting, fragment, spec_complaints

GUIDES = ROOT / "docs" / "docsite" / "rst"
_FOLDERS = [path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "." and path.name != "build"]
DOCUMENTS = sorted(
    path
    for suffix in ("md", "rst")
    for found in (ROOT.glob(f"*.{suffix}"), *(folder.rglob(f"*.{suffix}") for folder in _FOLDERS))
    for path in found
)

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(
    r"^( *)\.\. code-block:: *(\S+)\n(?:\1 +:.*\n)*\n((?:\1 +.*\n|\n)+)", re.MULTILINE | re.ASCII
)


@dataclass(frozen=True)
class Block:
    """A block of code in a document."""

    path: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def is_yaml(self) -> bool:
        return self.language.startswith("yaml")


def blocks_of(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8") + "\n"
    for found in (_FENCE if path.suffix == ".md" else _DIRECTIVE).finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(path, line, found[2], textwrap.dedent(found[3]).strip("\n") + "\n")


def write_files(document: Path, folder: Path) -> None:
    """Write the files of a document: YAML blocks that begin with a comment with the name of a file."""
    for block in blocks_of(document):
        name = re.match(r"# (\S+\.yml)\n", block.text)
        if block.is_yaml and name:
            file = folder / name[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]


@dataclass
class Findings:
    """The errors of a YAML block, and its tasks that use modules of the collection."""

    problems: list[str] = field(default_factory=list)
    tasks: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def task(self, module: str, arguments: Any) -> None:
        if module not in NAMES:
            self.problems.append(f"there is no module {module}")
        elif not isinstance(arguments, dict):
            self.problems.append(f"{module}: its arguments are no mapping")
        else:
            self.problems += [f"{module}: {text}" for text in complaints(module, arguments)]
            self.tasks.append((module, arguments))


def examine(text: str) -> Findings:
    """Recognize plays, tasks, an inventory source or variables, and check their use of the collection."""
    findings = Findings()
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        return Findings([str(error)])
    for document in documents:
        if isinstance(document, list):
            for item in document:
                is_play = "hosts" in item or "import_playbook" in item
                (_play if is_play else _task)(item, findings)
        elif isinstance(document, dict):
            if "plugin" in document:
                _inventory_source(document, findings)
            _shared_by(document, findings)
            _variables_within(document, findings)
    return findings


# --- Plays and tasks --------------------------------------------------------------------------------


def _play(play: Mapping[str, Any], findings: Findings) -> None:
    _known(play, {*keywords()["play"], "import_playbook"}, findings)
    if "import_playbook" in play:
        _exists("playbook", str(play["import_playbook"]), findings)
    for section in ("pre_tasks", "tasks", "post_tasks", "handlers"):
        for task in play.get(section, ()):
            _task(task, findings)
    for role in play.get("roles", ()):
        name = role if isinstance(role, str) else role.get("role") or role.get("name")
        _exists("role", str(name), findings)
        _variables_within(role, findings)
    _shared_by(play, findings)


def _task(task: Mapping[str, Any], findings: Findings) -> None:
    _shared_by(task, findings)
    if "block" in task:
        for section in ("block", "rescue", "always"):
            for inner in task.get(section, ()):
                _task(inner, findings)
        return
    actions = [key for key in task if "." in key]
    if len(actions) != 1 or "name" not in task:
        findings.problems.append(f"a task needs a name and one action with its full name, not {list(task)}")
    _known(task, {*keywords()["task"], *actions}, findings)
    for action in actions:
        arguments = task[action]
        if action.startswith(NAMESPACE):
            findings.task(action.removeprefix(NAMESPACE), {} if arguments is None else arguments)
        elif action in ("ansible.builtin.include_role", "ansible.builtin.import_role"):
            _exists("role", arguments["name"], findings)


@cache
def keywords() -> dict[str, list[str]]:
    """The keywords of plays and tasks, from Ansible in a separate process."""
    code = """
import json
from ansible.playbook import play, task
print(json.dumps({"play": list(play.Play.fattributes), "task": list(task.Task.fattributes)}))
"""
    command = [sys.executable, "-c", code]
    reported = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(reported))


def _known(thing: Mapping[str, Any], known: set[str], findings: Findings) -> None:
    unknown = [key for key in thing if key not in known and not key.startswith("with_")]
    if unknown:
        findings.problems.append(f"unknown keywords: {unknown}")


def _shared_by(thing: Mapping[str, Any], findings: Findings) -> None:
    """The keywords of a play, block or task that everything in it inherits."""
    _variables_within(thing.get("vars", {}), findings)
    shared = set(fragment()["options"])
    for name, defaults in thing.get("module_defaults", {}).items():
        options = set(defaults)
        if name == f"group/{NAMESPACE}improvmx":
            unknown = options - shared
        elif name.startswith(NAMESPACE):
            unknown = options - set(declared(name.removeprefix(NAMESPACE))["argument_spec"])
        else:
            continue
        if unknown:
            findings.problems.append(f"module_defaults of {name}: unknown options {sorted(unknown)}")


def _exists(kind: str, name: str, findings: Findings) -> None:
    own = name.removeprefix(NAMESPACE)
    if own != name and own not in {"role": roles, "playbook": playbooks}[kind]():
        findings.problems.append(f"there is no {kind} {name}")


@cache
def roles() -> set[str]:
    return {path.name for path in (ROOT / "roles").iterdir()}


@cache
def playbooks() -> set[str]:
    return {path.stem for path in (ROOT / "playbooks").glob("*.yml")}


# --- Variables and inventories ----------------------------------------------------------------------


@cache
def role_options() -> dict[str, Any]:
    text = (ROOT / "roles/improvmx/meta/argument_specs.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["argument_specs"]["main"]["options"])


@cache
def playbook_variables() -> set[str]:
    """The variables that a playbook uses in addition to those of the role."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "playbooks").glob("*.yml")]
    return {word for text in texts for word in re.findall(r"\bimprovmx_\w+", text)}


def _variables_within(node: Any, findings: Findings) -> None:
    if isinstance(node, list):
        for item in node:
            _variables_within(item, findings)
    elif isinstance(node, dict):
        ours = {key: value for key, value in node.items() if str(key).startswith("improvmx_")}
        _variables(ours, findings)
        for key, value in node.items():
            if key not in ours:
                _variables_within(value, findings)


def _variables(variables: Mapping[str, Any], findings: Findings) -> None:
    known = role_options()
    unknown = set(variables) - set(known) - playbook_variables()
    findings.problems += [f"there is no variable {name}" for name in sorted(unknown)]
    of_role = {name: fitting(value, known[name]) for name, value in variables.items() if name in known}
    findings.problems += spec_complaints({name: known[name] for name in of_role}, of_role)
    if "improvmx_domains" in of_role:
        findings.task("improvmx_domains", {"domains": variables["improvmx_domains"]})
    of_domain = declared("improvmx_domain")["argument_spec"].keys() - fragment()["options"].keys()
    for name in of_role:
        option = name.removeprefix("improvmx_")
        # The purge of aliases requires a list of them, which can be in another file.
        if option in of_domain and option != "purge_aliases":
            findings.task("improvmx_domain", {"domain": "example.com", option: variables[name]})


def _inventory_source(source: Mapping[str, Any], findings: Findings) -> None:
    unknown = source.keys() - inventory_options(source["plugin"])
    if unknown:
        findings.problems.append(f"{source['plugin']}: unknown options {sorted(unknown)}")


@cache
def inventory_options(plugin: str) -> set[str]:
    """The options of an inventory plugin, including those of its documentation fragments."""
    command = [str(Path(sys.executable).with_name("ansible-doc")), "-t", "inventory", "--json", plugin]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return set(answer[plugin]["doc"]["options"]) if plugin in answer else set()
