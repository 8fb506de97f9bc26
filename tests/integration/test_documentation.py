# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands on the first pages give the output that is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from documents import GUIDES, ROOT, Block, blocks_of, write_files
from emulator import Emulator
from playbooks import Play, Project


def shown_diff(blocks: list[Block]) -> str:
    """The diff that a document shows."""
    (diff,) = (block.text for block in blocks if block.language == "diff")
    return diff


def test_the_first_steps_of_the_guide_work(tmp_path: Path, emulator: Emulator) -> None:
    project = Project(tmp_path, emulator)
    blocks = list(blocks_of(GUIDES / "first_steps.rst"))
    for block in blocks:
        if block.is_yaml:
            name = re.match(r"# (\S+\.yml)\n", block.text)
            assert name, block
            (tmp_path / name[1]).write_text(block.text, encoding="utf-8")
    commands = "".join(block.text for block in blocks if block.language == "console")
    project.environment |= dict(re.findall(r"^\$ export (ANSIBLE_\w+)=(\S+)", commands, re.M))
    plays: list[Play] = []
    for playbook, arguments in re.findall(r"^\$ ansible-playbook (\S+)(.*)$", commands, re.M):
        plays.append(project.play(playbook, check="--check" in arguments, verbose=False))
        assert plays[-1].code == 0, plays[-1].output
    dry, real, again, records = plays
    assert shown_diff(blocks) in dry.output
    assert dry.result["changes"] == real.result["changes"] != []
    assert "changed=0 " in again.output
    assert again.requests == 1
    assert "mx1.improvmx.com" in records.output


def test_the_readme_shows_output_of_the_demo(emulator: Emulator, tmp_path: Path) -> None:
    emulator.seed(json.loads((ROOT / "demo" / "account.json").read_text(encoding="utf-8")))
    project = Project(tmp_path, emulator)
    inventory = str(ROOT / "demo" / "inventory")
    play = project.play("improvmx.email.provision", "-i", inventory, check=True, verbose=False)
    assert play.code == 0, play.output
    assert shown_diff(list(blocks_of(ROOT / "README.md"))) in play.output


@pytest.mark.parametrize("name", ["hosts.yml", "domains.yml"])
def test_the_files_of_the_readme_can_be_provisioned(emulator: Emulator, tmp_path: Path, name: str) -> None:
    (block,) = (b for b in blocks_of(ROOT / "README.md") if b.text.startswith(f"# {name}\n"))
    (tmp_path / name).write_text(block.text, encoding="utf-8")
    arguments = ("-i", name) if name == "hosts.yml" else ("-e", f"@{name}")
    play = Project(tmp_path, emulator).play("improvmx.email.provision", *arguments, verbose=False)
    assert play.code == 0, play.output
    assert "example.com" in emulator.account.domains


@pytest.fixture
def second() -> Iterator[Emulator]:
    """Another account, at another URL."""
    with Emulator(api_key="sk_9q8w7e6r5t4z3u2i1o0p") as emulator:
        yield emulator


def forwards(emulator: Emulator, domain: str) -> dict[str, str]:
    aliases = emulator.account.domains[domain].aliases.values()
    return {alias.alias: alias.forward for alias in aliases if alias.alias != "*"}


def test_the_guides_domain_combines_its_own_alias_with_a_shared_list(
    emulator: Emulator, tmp_path: Path
) -> None:
    write_files(GUIDES / "provisioning.rst", tmp_path)
    hosts = {"shop.example.com": None, "tea.example": None}
    project = Project(tmp_path, emulator)
    project.write("hosts.yml", {"all": {"children": {"shops": {"hosts": hosts}}}})
    project.rounds("improvmx.email.provision", "-i", "hosts.yml", warnings=1)
    assert forwards(emulator, "shop.example.com") == {"orders": "bob@mail.example"}
    assert forwards(emulator, "tea.example") == {"orders": "ann@mail.example"}


def test_the_clients_of_the_guide_get_their_own_domains(
    emulator: Emulator, second: Emulator, tmp_path: Path
) -> None:
    write_files(GUIDES / "provisioning.rst", tmp_path)
    project = Project(tmp_path, emulator)
    clients = {"client_a": emulator, "client_b": second}
    project.write("extra.yml", {f"vault_{name}_api_key": client.api_key for name, client in clients.items()})
    urls = {client.api_key: client.url for client in clients.values()}
    project.write("urls.yml", {"urls": urls, "improvmx_api_url": "{{ urls[improvmx_api_key] }}"})
    project.environment = {}
    arguments = ("-i", "hosts.yml", "-e", "@extra.yml", "-e", "@urls.yml")
    play = project.play("improvmx.email.provision", *arguments, verbose=False)
    assert play.code == 0, play.output
    assert forwards(emulator, "alpha.example") == {"info": "ann@mail.example"}
    assert forwards(second, "beta.example") == {"info": "bob@mail.example"}
    assert set(emulator.account.domains) | set(second.account.domains) == {"alpha.example", "beta.example"}


@pytest.mark.parametrize("verbose", [False, True])
def test_no_secret_is_shown_in_the_loops_of_the_guide(
    emulator: Emulator, tmp_path: Path, verbose: bool
) -> None:
    write_files(GUIDES / "secrets.rst", tmp_path)
    project = Project(tmp_path, emulator)
    passwords = {"ann": "pw-0y9x8c7v6b5n4m", "b@d name": "pw-2q3w4e5r6t7z8u"}
    client = {"name": "a", "api_key": emulator.api_key, "domains": [{"domain": "example.com"}]}
    project.write("vault.yml", {"clients": [client], "vault_smtp_passwords": passwords})
    del project.environment["IMPROVMX_API_KEY"]
    play = project.play("clients.yml", "-e", "@vault.yml", verbose=verbose)
    assert play.code == 0, play.output
    assert "example.com" in emulator.account.domains
    project.environment["IMPROVMX_API_KEY"] = emulator.api_key
    play = project.play("smtp_users.yml", "-e", "@vault.yml", verbose=verbose)
    assert play.code == 2, play.output  # a failure shows the whole item
    assert [text for text in passwords.values() if text in play.output] == []
    assert list(emulator.account.domains["example.com"].credentials) == ["ann"]
