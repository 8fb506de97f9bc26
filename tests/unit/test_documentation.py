# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guides and the README files agree with the collection; a new page needs no entry here."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue import NAMES, ROOT
from documents import BLOCKS, DOCUMENTS, GUIDES, Block, examine, playbooks, roles
from harness import Modules
from tools.docs import dead_links

YAML_BLOCKS = [block for block in BLOCKS if block.is_yaml]
CONSOLE_BLOCKS = [block for block in BLOCKS if block.language == "console"]
MARKDOWN = [path for path in DOCUMENTS if path.suffix == ".md"]

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def every_block(blocks: list[Block]) -> Any:
    return pytest.mark.parametrize("block", blocks, ids=str)


def source_of(*folders: str) -> str:
    """The text of all files in these folders."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths if path.suffix in (".py", ".yml"))


# --- YAML -----------------------------------------------------------------------------------------


def test_documents_and_their_blocks_are_found() -> None:
    assert {"README.md", "first_steps.rst"} <= {path.name for path in DOCUMENTS}
    for language in ("yaml", "console"):
        assert {".md", ".rst"} <= {b.path.suffix for b in BLOCKS if b.language.startswith(language)}


@every_block(YAML_BLOCKS)
def test_yaml_uses_existing_modules_with_accepted_values(modules: Modules, block: Block) -> None:
    found = examine(block.text)
    assert found.problems == []
    for module, arguments in found.tasks:
        if "{{" not in str(arguments):
            result = modules.run(module, check=True, **arguments)
            assert "No request was sent" not in result.get("msg", "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- {name: A, improvmx.email.improvmx_aliass: {}}", "no module improvmx_aliass"),
        ("- {name: A, improvmx.email.improvmx_domain_info: {domains: x}}", "Supported parameters include"),
        ("- {name: A, improvmx.email.improvmx_alias: {domain: x.example}}", "missing required arguments"),
        ("- {name: A, improvmx.email.improvmx_alias: text}", "no mapping"),
        ("- {name: A", "while parsing"),
        ("- {name: A, debug: {}}", "one action with its full name"),
        ("- {improvmx.email.improvmx_domain_info: }", "needs a name"),
        ("- {name: A, ansible.builtin.debug: {}, registre: x}", "unknown keywords: ['registre']"),
        ("- {hosts: all, taks: []}", "unknown keywords: ['taks']"),
        ("- {block: [{name: A, improvmx.email.improvmx: {}}]}", "no module improvmx"),
        ("- {hosts: all, tasks: [{name: A, improvmx.email.improvmx: {}}]}", "no module improvmx"),
        ("- {hosts: all, roles: [improvmx.email.improv]}", "no role"),
        ("- {hosts: all, roles: [{role: improvmx.email.improvmx, improvmx_alias: []}]}", "no variable"),
        ("- {name: A, ansible.builtin.include_role: {name: improvmx.email.x}}", "no role improvmx.email.x"),
        ("- {import_playbook: improvmx.email.provisio}", "no playbook improvmx.email.provisio"),
        ("- {hosts: all, module_defaults: {group/improvmx.email.improvmx: {key: x}}}", "['key']"),
        ("all: {hosts: {x.example: {improvmx_alias: []}}}", "no variable improvmx_alias"),
        ("improvmx_domains: [{domain: x.example, alias: []}]", "Supported parameters include"),
        ("improvmx_aliases: [{name: info}]", "Supported parameters include"),
        ("improvmx_purge: nobody", "improvmx_purge"),
        ("{plugin: ansible.builtin.constructed, strict: true, nonsense: 1}", "unknown options ['nonsense']"),
    ],
)
def test_mistakes_in_yaml_are_found(text: str, problem: str) -> None:
    assert problem in " ".join(examine(text).problems)


# --- Names ----------------------------------------------------------------------------------------


@every_document
def test_every_name_of_the_collection_exists(path: Path) -> None:
    plugins = {file.stem for file in (ROOT / "plugins").glob("*/[a-z]*.py")}
    known = {*plugins, *roles(), *playbooks(), "improvmx", "docsite"}
    named = set(re.findall(r"improvmx\.email\.([a-z]\w+)", path.read_text(encoding="utf-8")))
    assert named - known == set()


@every_document
def test_every_variable_exists(path: Path) -> None:
    known = set(re.findall(r"\bimprovmx_\w+", source_of("plugins", "roles", "playbooks", "meta"), re.I))
    named = set(re.findall(r"\bimprovmx_\w+", path.read_text(encoding="utf-8"), re.I))
    assert {re.sub(r"_(module|role|filter|inventory)$", "", name) for name in named} - known == set()


@every_block(CONSOLE_BLOCKS)
def test_every_target_of_make_is_in_the_makefile(block: Block) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"\bmake ([a-z-]+)", block.text)) <= set(targets)


def test_readme_lists_every_module() -> None:
    named = re.findall(r"^\| `(improvmx_\w+)` ", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    assert sorted(named) == NAMES


# --- Links ----------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a Markdown document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_of(text: str) -> list[str]:
    """The targets of the links in Markdown."""
    return list(map("".join, re.findall(r"\]\(([^)\s]+)\)|^\[.+\]: (\S+)$", text, re.M)))


def resolves(link: str, path: Path) -> bool:
    """Whether a relative link of a document leads to a file, and its anchor to a heading."""
    target, anchor = (*link.split("#"), "")[:2]
    file = path.parent / target if target else path
    return file.exists() and (not anchor or anchor in anchors(file))


def test_links_of_markdown_are_found() -> None:
    text = "See [a](b.md#c), [d](#e) and [f][g].\n\n[g]: https://h.example/\n"
    assert links_of(text) == ["b.md#c", "#e", "https://h.example/"]
    readme = links_of((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [link for link in readme if "://" not in link]


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_of_markdown_resolve(path: Path) -> None:
    relative = [link for link in links_of(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in relative if not resolves(link, path)] == []


def test_broken_links_of_markdown_are_detected() -> None:
    path = ROOT / "README.md"
    assert resolves("CONTRIBUTING.md", path)
    assert not resolves("GONE.md", path)
    assert not resolves("CONTRIBUTING.md#no-such-heading", path)
    assert not resolves("#no-such-heading", path)


def test_links_to_files_of_the_repository_resolve() -> None:
    texts = [source_of("plugins", "roles", "meta"), *(path.read_text(encoding="utf-8") for path in DOCUMENTS)]
    links = re.findall(r"github\.com/improvmx-email/improvmx\.email/blob/main/([\w./-]+)", "\n".join(texts))
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_dead_links_of_the_website_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(
        '<p id="here"><a href="#here">1</a> <a href="sub/two.html#a%20b">2</a> <a href="#gone">3</a>'
        '<a href="sub/two.html#gone">4</a> <img src="gone.png">'
        '<a href="https://elsewhere.example/gone">5</a> <a href="mailto:ann@mail.example">6</a>'
    )
    (tmp_path / "sub" / "two.html").write_text(
        '<a name="a b" href="../index.html">1</a> <a href="gone.html">2</a>'
    )
    assert dead_links(tmp_path) == [
        "index.html: #gone",
        "index.html: gone.png",
        "index.html: sub/two.html#gone",
        "sub/two.html: gone.html",
    ]


def test_every_guide_has_its_label_and_its_place_in_the_index() -> None:
    index = yaml.safe_load((GUIDES.parent / "extra-docs.yml").read_text(encoding="utf-8"))
    listed = [page for section in index["sections"] for page in section["toctree"]]
    assert sorted(listed) == sorted(path.stem for path in GUIDES.glob("*.rst"))
    for page in listed:
        text = (GUIDES / f"{page}.rst").read_text(encoding="utf-8")
        assert f"\n.. _ansible_collections.improvmx.email.docsite.{page}:\n\n" in "\n" + text


# --- Messages -------------------------------------------------------------------------------------


@cache
def messages() -> list[str]:
    """The texts in the code of the plugins and in the tasks of the roles, with an ellipsis for each value."""
    nodes = [
        node
        for path in sorted((ROOT / "plugins").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    constants = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
    texts = [str(node.value) for node in constants if "\n" not in str(node.value)]
    tasks = " ".join(source_of("roles", "playbooks").split())
    return [re.sub(r"%[\d.]*[a-z]", "...", text) for text in [*texts, tasks]]


def quoted() -> list[str]:
    """The messages that the guide on troubleshooting quotes: the lines ``| ``message`` ``."""
    return re.findall(r"^\| ``(.+)``$", (GUIDES / "troubleshooting.rst").read_text(encoding="utf-8"), re.M)


def is_message(quote: str) -> bool:
    """Whether a text in the code contains this. An ellipsis at either end matches anything."""
    part = re.sub(r"^\.\.\.[ ,:;]*| ?\.\.\.$", "", quote)
    return any(part in text for text in messages())


def test_messages_are_found() -> None:
    assert len(quoted()) > 40
    assert is_message("... No request was sent.")
    assert not is_message("... No request was sent!")


@pytest.mark.parametrize("quote", quoted())
def test_every_message_that_troubleshooting_quotes_exists(quote: str) -> None:
    assert is_message(quote)
