# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret is disclosed anywhere, regardless of the task and the answers of the service.

Every module and the role run as tasks, with the highest verbosity and with diffs. Then the output, the
log, the results, temporary files, and the arguments of processes are searched for the secrets.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue import NAMES, NAMESPACE, first_example, seed_account, versions
from emulator import Emulator, Fault
from harness import forms_of, forms_of_password
from playbooks import Play, Project

PASSWORD = "pass \"long' odd/7d6c5b+4a=<ü>&\\ 39"
TOKEN = "tk/9f+3e8d=7c 6b5a&4938%27"  # of version 2's GET /account/api/
TOKEN_REPLY = {"token": TOKEN, "created": 1_790_000_000_000, "name": None, "removed": None, "success": True}
ROLE = {
    "improvmx_domains": [
        {"domain": "example.com", "aliases": [{"alias": "role", "forward": "a@mail.example"}]}
    ],
    "improvmx_check_dns": "warn",
    "improvmx_api_key": "{{ key }}",
    "improvmx_api_url": "{{ url }}",
    "improvmx_api_version": "{{ version }}",
}


class Secretive(Project):
    """A project with its secrets in a file outside of it, whose processes are recorded."""

    def __init__(self, folder: Path, emulator: Emulator, version: str) -> None:
        super().__init__(folder / "project", emulator, version)
        self.secrets = {"key": emulator.api_key, "password": PASSWORD}
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        self.write("hosts.yml", {"all": {"hosts": {"localhost": local}}})
        self.write("group_vars/all.yml", {"url": emulator.url, "version": version})
        del self.environment["IMPROVMX_API_KEY"]
        self.environment |= {
            "ANSIBLE_LOCAL_TEMP": str(self.temporary),
            "ANSIBLE_REMOTE_TMP": str(self.temporary),
            "TMPDIR": str(self.temporary),
        }
        (folder / "secrets.yml").write_text(yaml.safe_dump(self.secrets), encoding="utf-8")

    def reveals_nothing(self, *tasks: dict[str, Any]) -> Play:
        """Run the tasks, and search for the secrets in all of their output and files."""
        play = {
            "name": "Mail",
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {"group/improvmx.email.improvmx": {"retry_timeout": 0}},
            "tasks": list(tasks),
        }
        self.write("site.yml", [play])
        with processes() as seen:
            played = self.play("site.yml", "-i", "hosts.yml", "-e", "@../secrets.yml")
        assert any("AnsiballZ_improvmx" in command for command in seen)
        left = "\n".join(seen) + played.output + self._files()
        shown = [form for form in self._forms() if form in left]
        assert shown == []
        return played

    def _files(self) -> str:
        """The names and contents of all files."""
        files = [
            path for folder in (self.folder, self.temporary) for path in folder.rglob("*") if path.is_file()
        ]
        assert self.folder / "ansible.log" in files
        return "\n".join(f"{path}\n{path.read_text(encoding='utf-8', errors='replace')}" for path in files)

    def _forms(self) -> set[str]:
        forms = {*forms_of(self.emulator.api_key), *forms_of(TOKEN)}
        return forms | set(forms_of_password(PASSWORD).values())


@contextlib.contextmanager
def processes() -> Iterator[set[str]]:
    """Record the command lines of processes in the meantime."""
    seen: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            for arguments in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):  # it has ended
                    seen.add(arguments.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator, version: str) -> Secretive:
    seed_account(emulator)
    return Secretive(tmp_path, emulator, version)


def task_of(name: str) -> dict[str, Any]:
    """A task with the module and the API key as an option."""
    options = {"api_key": "{{ key }}", "api_url": "{{ url }}", "api_version": "{{ version }}"}
    secret = {"password": "{{ password }}"} if name == "improvmx_smtp_credential" else {}
    arguments = {**first_example(name), **options, **secret}
    return {"name": name, NAMESPACE + name: arguments, "ignore_errors": True}


def tasks_of(version: str) -> list[dict[str, Any]]:
    modules = [task_of(name) for name in NAMES if version in versions(name)]
    role = {
        "name": "Role",
        "block": [
            {"ansible.builtin.include_role": {"name": "improvmx.email.improvmx"}, "vars": ROLE, "name": "It"}
        ],
        "rescue": [{"name": "Go on", "ansible.builtin.debug": {"var": "improvmx_result"}}],
    }
    return [*modules, role]


ECHOES = {
    "odd": (200, '{"success": true, "domains": "ECHO"}'),
    "refused": (403, '{"error": "ECHO", "errors": {"password": ["ECHO"]}, "success": false}'),
    "broken": (500, "<html><title>ECHO</title></html>"),
}


@pytest.mark.parametrize(
    ("version", "service"),
    [("v2", "well"), ("v2", "refused"), ("v3", "well"), ("v3", "odd"), ("v3", "refused"), ("v3", "broken")],
)
def test_no_module_or_role_leaves_a_secret_anywhere(project: Secretive, version: str, service: str) -> None:
    key, reported = project.emulator.api_key, Fault("body", path="/account/api", body=TOKEN_REPLY, times=None)
    if service in ECHOES:
        status, body = ECHOES[service]
        # The service returns each secret that was sent, and the token.
        echo = partial(Fault, "body", status=status, times=None)
        reported = echo(path="/account/api", body={**TOKEN_REPLY, "created": TOKEN, "success": False})
        sent = echo(
            path="/credentials", method="POST", body=body.replace("ECHO", f"{key} {escaped(PASSWORD)}")
        )
        project.emulator.faults.add(sent)
        project.emulator.faults.add(echo(path="^(?!.*/account/api)", body=body.replace("ECHO", key)))
    project.emulator.faults.add(reported)
    tasks = tasks_of(version)
    play = project.reveals_nothing(*tasks)
    assert play.code == 0, play.output
    assert len(play.results) >= len(tasks)
    for result in [inner for outer in play.results for inner in outer.get("results", [outer])]:
        assert "api_requests" in result
        assert ("msg" in result) is (service in ECHOES), result


def escaped(text: str) -> str:
    """A text as it is escaped within a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
