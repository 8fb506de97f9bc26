# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SMTP credentials and rules in playbooks: check mode, run, second run, and no password in the output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator, Fault
from harness import assert_no_password
from playbooks import Project

DOMAIN = "example.com"
PASSWORD = "pass \"long' odd/7d6c5b+4a=<ü>&\\ 39"
CREDENTIAL = "improvmx.email.improvmx_smtp_credential"
RULE = "improvmx.email.improvmx_rule"


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> Project:
    rule = {"type": "alias", "config": {"alias": "old", "forward": "a@x.example"}}
    dns = {"dkim1": "a.example", "dkim2": "b.example"}
    domain = {"domain": DOMAIN, "routing_engine": "rules", "rules": [rule], "dns": dns}
    emulator.seed({"domains": [domain]})
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    project = Project(tmp_path, emulator)
    project.write("hosts.yml", {"all": {"hosts": {"localhost": local}}})
    project.write("group_vars/all.yml", {"password": PASSWORD, "team": "red"})
    return project


def write_play(project: Project, *tasks: dict[str, Any], **keywords: Any) -> None:
    named = [{"name": f"Task {number}", **task, **keywords} for number, task in enumerate(tasks)]
    play = {"name": "Mail", "hosts": "localhost", "gather_facts": False, "tasks": named}
    project.write("site.yml", [play])


def test_rules_and_credentials_are_managed_and_a_second_run_changes_nothing(project: Project) -> None:
    expression = "subject.contains('{{ team }}') &&\nsize > 0\n"
    write_play(
        project,
        {RULE: {"domain": DOMAIN, "type": "cel", "expression": expression, "forward": "a@x.example"}},
        {RULE: {"domain": DOMAIN, "type": "alias", "alias": "old", "state": "absent"}},
        {
            CREDENTIAL: {
                "domain": DOMAIN,
                "username": "news",
                "password": "{{ password }}",
                "update_password": "on_create",
            }
        },
    )
    for play in project.rounds("site.yml", "-i", "hosts.yml"):
        assert_no_password(play.output, PASSWORD)
    domain = project.emulator.account.domains[DOMAIN]
    (rule,) = domain.rules.values()
    assert rule.config["expression"] == "subject.contains('red') &&\nsize > 0"
    assert domain.credentials["news"].password == PASSWORD


def test_an_echoed_password_is_hidden_at_the_highest_verbosity(
    project: Project,
) -> None:
    names = ("echoed", "lost")
    tasks = [
        {CREDENTIAL: {"domain": DOMAIN, "username": name, "password": "{{ password }}"}} for name in names
    ]
    write_play(project, *tasks, ignore_errors=True)
    project.emulator.faults.add(
        Fault("body", status=403, body={"errors": {"password": [f"{PASSWORD} is bad"]}}, method="POST"),
        Fault("body", status=500, body=f"<title>{PASSWORD}</title>", method="POST"),
    )
    play = project.play("site.yml", "-i", "hosts.yml")
    assert play.code == 0, play.output
    assert [result["changed"] for result in play.results] == [False, False]
    assert "******** is bad" in play.results[0]["msg"]
    assert_no_password(play.output, PASSWORD)
    assert_no_password((project.folder / "ansible.log").read_text(encoding="utf-8"), PASSWORD)
    for result in play.results:
        assert_no_password(result, PASSWORD)
