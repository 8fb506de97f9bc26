# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs real playbooks against an emulator like a user, and checks what applies to every run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emulator import Emulator
from harness import PREDICTED, assert_no_secret, changes_of, effects_of

CALLBACK = Path(__file__).resolve().parent / "integration" / "callback"
OWN = "improvmx.email."


@dataclass(frozen=True)
class Play:
    """The output of ansible-playbook, and the results of the collection's modules in it.

    ``output`` is all output, ``errors`` is standard error.
    """

    code: int
    output: str
    errors: str
    results: list[dict[str, Any]]
    requests: int

    @property
    def result(self) -> dict[str, Any]:
        assert len(self.results) == 1, self.output
        return self.results[0]


@dataclass(frozen=True)
class Listing:
    """An inventory as ansible-inventory lists it."""

    code: int
    output: str
    hosts: dict[str, dict[str, Any]]  # name -> variables
    groups: dict[str, list[str]]  # name -> hosts; without the groups that Ansible adds
    requests: int


class Project:
    """A folder with an inventory and playbooks, like that of a user."""

    def __init__(self, folder: Path, emulator: Emulator, version: str = "v3") -> None:
        self.folder = folder
        self.emulator = emulator
        self.environment = {
            "IMPROVMX_API_KEY": emulator.api_key,
            "IMPROVMX_API_URL": emulator.url,
            "IMPROVMX_API_VERSION": version,
        }

    def write(self, path: str, content: Any) -> None:
        """Write a YAML file into the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")

    def encrypt(self, password: str, *paths: str) -> None:
        """Encrypt files with Ansible Vault; later commands use the password."""
        file = self.folder / "vault-password"
        file.write_text(password, encoding="utf-8")
        self.environment["ANSIBLE_VAULT_PASSWORD_FILE"] = str(file)
        done, output = self._run("ansible-vault", "encrypt", *paths)
        assert done.returncode == 0, output

    def play(self, playbook: str, *arguments: str, check: bool = False, verbose: bool = True) -> Play:
        """Run a playbook with the highest verbosity. The key must not be shown; check mode must not write."""
        record = self.folder / "record.jsonl"
        record.write_text("")
        requests, writes = len(self.emulator.requests), len(self.emulator.writes)
        arguments = (playbook, "--diff", *arguments, *(["--check"] if check else []))
        done, output = self._run("ansible-playbook", *arguments, *(["-vvvv"] if verbose else []))
        if check:
            assert self.emulator.writes[writes:] == [], "a write left in check mode"
        requests = len(self.emulator.requests) - requests
        return Play(done.returncode, output, done.stderr, _results(record), requests)

    def inventory(self, source: str, *arguments: str, warnings: int = 0) -> Listing:
        """List an inventory with all variables and the highest verbosity. The key must not be shown.

        ``warnings``: the expected number of warnings.
        """
        requests = len(self.emulator.requests)
        quiet = {"ANSIBLE_VERBOSE_TO_STDERR": "1", "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
        arguments = ("-i", source, "--list", "-vvvv", *arguments)
        done, output = self._run("ansible-inventory", *arguments, **quiet)
        assert self.emulator.writes == []
        reported: dict[str, Any] = {}
        if done.returncode == 0:
            assert _warnings(output) == warnings, output
            reported = json.loads(done.stdout, object_hook=_plain)
        hosts = reported.pop("_meta", {}).get("hostvars", {})
        own = {name: group for name, group in reported.items() if name not in ("all", "ungrouped")}
        groups = {name: group.get("hosts", []) for name, group in own.items()}
        return Listing(done.returncode, output, hosts, groups, len(self.emulator.requests) - requests)

    def _run(
        self, program: str, *arguments: str, **environment: str
    ) -> tuple[subprocess.CompletedProcess[str], str]:
        """Run a program of Ansible. Its output must contain neither the key nor a traceback."""
        log = self.folder / "ansible.log"
        log.write_text("")
        done = subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            cwd=self.folder,
            env={**self._environment(self.folder / "record.jsonl", log), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=600,  # enough for slow machines
            check=False,
        )
        output = done.stdout + done.stderr
        assert_no_secret(output + log.read_text(encoding="utf-8"), self.emulator.api_key)
        assert "Traceback" not in output
        return done, output

    def rounds(self, playbook: str, *arguments: str, warnings: int = 0) -> list[Play]:
        """Run a playbook in check mode, for real and a second time, and compare the results.

        ``warnings``: the number of warnings of the check run and of the real run; the second run has none.
        """
        check = self.play(playbook, *arguments, check=True)
        effects = len(self.emulator.ledger)
        real = self.play(playbook, *arguments)
        done = self.emulator.ledger[effects:]
        again = self.play(playbook, *arguments)
        for play in (check, real, again):
            assert play.code == 0, play.output
        for predicted, result in zip(check.results, real.results, strict=True):
            assert {key: predicted.get(key) for key in PREDICTED} == {
                key: result.get(key) for key in PREDICTED
            }
        changes = [change for result in real.results for change in result.get("changes", [])]
        assert effects_of(done) == changes_of(changes)
        assert [result["changed"] for result in again.results] == [False] * len(again.results)
        for play, expected in ((check, warnings), (real, warnings), (again, 0)):
            assert _warnings(play.output) == expected, play.output
        return [check, real, again]

    def _environment(self, record: Path, log: Path) -> dict[str, str]:
        return {
            **os.environ,
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACK),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_HOME": str(self.folder / "ansible-home"),
            "ANSIBLE_LOG_PATH": str(log),
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "1000",
            "LC_ALL": "C.UTF-8",
            "RECORD_FILE": str(record),
            **self.environment,
        }


def _results(record: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    return [line["result"] for line in lines if line["action"].startswith(OWN)]


def _plain(content: dict[str, Any]) -> Any:
    """A text of a listing without the tag for text that is not a template."""
    return content["__ansible_unsafe"] if set(content) == {"__ansible_unsafe"} else content


def _warnings(output: str) -> int:
    """The number of warnings."""
    return sum(1 for line in output.splitlines() if line.startswith(("[WARNING]", "[DEPRECATION")))
