# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the first pages show is what a reader gets who types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from documents import GUIDES, ROOT, Block, blocks_of
from emulator import Emulator
from playbooks import Play, Project


def shown_diff(blocks: list[Block]) -> str:
    """The diff that a document shows."""
    (diff,) = (block.text for block in blocks if block.language == "diff")
    return diff


def test_the_first_steps_can_be_gone(tmp_path: Path, emulator: Emulator) -> None:
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
    for playbook, words in re.findall(r"^\$ ansible-playbook (\S+)(.*)$", commands, re.M):
        plays.append(project.play(playbook, check="--check" in words, verbose=False))
        assert plays[-1].code == 0, plays[-1].output
    dry, real, again, records = plays
    assert shown_diff(blocks) in dry.output
    assert dry.result["changes"] == real.result["changes"] != []
    assert "changed=0 " in again.output
    assert again.requests == 1
    assert "mx1.improvmx.com" in records.output


def test_the_readme_shows_a_part_of_the_demo(emulator: Emulator, tmp_path: Path) -> None:
    emulator.seed(json.loads((ROOT / "demo" / "account.json").read_text(encoding="utf-8")))
    project = Project(tmp_path, emulator)
    project.environment["ANSIBLE_CONFIG"] = str(ROOT / "demo" / "ansible.cfg")
    play = project.play("improvmx.email.provision", check=True, verbose=False)
    assert play.code == 0, play.output
    assert shown_diff(list(blocks_of(ROOT / "README.md"))) in play.output


@pytest.mark.parametrize("name", ["hosts.yml", "domains.yml"])
def test_the_files_of_the_readme_can_be_provisioned(emulator: Emulator, tmp_path: Path, name: str) -> None:
    (block,) = (b for b in blocks_of(ROOT / "README.md") if b.text.startswith(f"# {name}\n"))
    (tmp_path / name).write_text(block.text, encoding="utf-8")
    words = ("-i", name) if name == "hosts.yml" else ("-e", f"@{name}")
    play = Project(tmp_path, emulator).play("improvmx.email.provision", *words, verbose=False)
    assert play.code == 0, play.output
    assert "example.com" in emulator.account.domains
