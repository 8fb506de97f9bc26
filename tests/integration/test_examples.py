# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files in examples/ are valid, and the playbooks work as described."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator import Emulator
from emulator.account import add_alias, add_domain
from playbooks import Project

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
FILES = sorted(path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.is_file())
PIPELINES = ("github-actions.yml", "gitlab-ci.yml")


def controller(module: str) -> list[dict[str, Any]]:
    """The arguments of the example for a module of awx.awx."""
    (play,) = content("controller.yml")
    return [task[f"awx.awx.{module}"] for task in play["tasks"] if f"awx.awx.{module}" in task]


class Loader(yaml.SafeLoader):
    """A YAML loader for the tag !unsafe: templates for the automation controller."""


Loader.add_constructor("!unsafe", Loader.construct_yaml_str)


def content(name: str | Path) -> Any:
    return yaml.load((EXAMPLES / name).read_text(encoding="utf-8"), Loader)


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> Project:
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path, emulator)


@pytest.mark.parametrize("name", FILES, ids=str)
def test_every_example_parses(name: Path) -> None:
    assert name.suffix == ".yml"
    assert content(name)


def test_examples_provision_and_report_drift(project: Project, emulator: Emulator) -> None:
    arguments = ("-i", "hosts.yml")
    project.rounds("provision.yml", *arguments)
    assert project.play("drift.yml", *arguments, check=True).code == 0
    emulator.account.domains["example.org"].aliases["contact"].forward = "mallory@mail.example"
    drifted = project.play("drift.yml", *arguments, check=True)
    assert drifted.code == 2
    assert "Different: example.org" in drifted.output


def test_the_drift_watch_reports_manual_changes(project: Project, emulator: Emulator) -> None:
    arguments = ("-i", "hosts.yml")
    project.play("provision.yml", *arguments)
    add_domain(emulator.account, {"domain": "added.example"})
    stranger = {"alias": "stranger", "forward": "mallory@mail.example"}
    add_alias(emulator.account, emulator.account.domains["example.org"], stranger)
    drifted = project.play("drift.yml", *arguments, check=True)
    assert drifted.code == 2
    assert "Not in the inventory: added.example, stranger." in drifted.output


def test_the_drift_watch_refuses_to_write(project: Project, emulator: Emulator) -> None:
    play = project.play("drift.yml", "-i", "hosts.yml")
    assert play.code == 2
    assert "Run it with --check" in play.output
    assert emulator.requests == []


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_name_existing_files(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    named = re.findall(r"[\w/]+\.yml", "\n".join(re.findall(r"ansible-(?:playbook|galaxy) .*", text)))
    assert set(named) == {"provision.yml", "drift.yml", "hosts.yml", "collections/requirements.yml"}
    assert {str(Path(file)) for file in named} <= {str(file) for file in FILES}
    # Commands that only read must not write.
    looking = re.findall(r"ansible-playbook .*drift\.yml.*", text)
    assert looking
    assert all("--check" in line for line in looking)


def test_the_controller_runs_existing_playbooks() -> None:
    assert [job["playbook"] for job in controller("job_template")] == ["provision.yml", "drift.yml"]


def test_the_credential_reaches_the_modules_only_through_the_environment() -> None:
    (kind,) = controller("credential_type")
    (field,) = kind["inputs"]["fields"]
    assert field["secret"] is True
    assert kind["injectors"] == {"env": {"IMPROVMX_API_KEY": "{{ " + field["id"] + " }}"}}


def test_the_survey_asks_for_variables_of_the_role() -> None:
    (survey,) = (job["survey_spec"] for job in controller("job_template") if "survey_spec" in job)
    role = content("../roles/improvmx/meta/argument_specs.yml")["argument_specs"]["main"]
    assert {question["variable"] for question in survey["spec"]} <= set(role["options"])


def test_the_execution_environment_contains_the_tested_versions() -> None:
    wanted = content("execution-environment.yml")["dependencies"]
    requirements = (ROOT / "requirements-test.txt").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(wanted['ansible_core']['package_pip'])}\b", requirements, re.MULTILINE)
    assert wanted["galaxy"] == "collections/requirements.yml"
    assert [one["name"] for one in content(wanted["galaxy"])["collections"]] == ["improvmx.email"]
