# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pipelines of the project and in examples/ run only reviewed code, and few steps have a secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ON_GITHUB = [*WORKFLOWS, ROOT / "examples" / "github-actions.yml"]
every_workflow = pytest.mark.parametrize("path", ON_GITHUB, ids=lambda path: path.name)


def content(path: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


@every_workflow
def test_actions_are_named_by_a_commit_with_their_version(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action)


@every_workflow
def test_a_workflow_has_read_permissions_only(path: Path) -> None:
    workflow = content(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job.get("permissions", {}) == {} for job in workflow["jobs"].values())
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@every_workflow
def test_only_a_step_of_a_guarded_environment_has_a_secret(path: Path) -> None:
    workflow = content(path)
    assert "secrets." not in str({key: value for key, value in workflow.items() if key != "jobs"})
    for job in workflow["jobs"].values():
        if "secrets." in str(job):
            assert "secrets." not in str({key: value for key, value in job.items() if key != "steps"})
            assert job["environment"]
            assert sum("secrets." in str(step) for step in job["steps"]) == 1


@every_workflow
def test_no_run_of_a_merge_is_dropped(path: Path) -> None:
    workflow = content(path)
    assert not any("concurrency" in job for job in workflow["jobs"].values())
    if path.name != "release.yml":  # releases wait for each other
        group = workflow.get("concurrency", {"group": "github.run_id"})["group"]
        assert "github.run_id" in group


def test_only_the_publishing_job_has_the_token_and_runs_nothing_of_the_checkout() -> None:
    jobs = content(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert [name for name, job in jobs.items() if "secrets." in str(job)] == ["publish"]
    publish = jobs["publish"]
    assert set(publish["needs"]) == set(jobs) - {"publish"}
    assert "checkout" not in str(publish)
    for name in ("build", "publish"):
        installed = [step["run"] for step in jobs[name]["steps"] if "pip install" in step.get("run", "")]
        assert installed == ["pip install --require-hashes -r requirements-release.txt"]


def test_tools_of_a_release_are_pinned_by_hash() -> None:
    lines = (ROOT / "requirements-release.txt").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if line and not line.startswith(("#", " "))]
    assert any(line.startswith("ansible-core==") for line in named)
    for line in named:
        assert re.fullmatch(r"[\w.-]+==[\w.]+ \\", line)


def test_the_example_for_gitlab_has_the_key_only_in_manual_jobs_or_after_a_merge() -> None:
    pipeline = content(ROOT / "examples" / "gitlab-ci.yml")
    for name in ("show", "change", "drift"):
        assert pipeline[name]["environment"]["name"] == ("mail-review" if name == "show" else "mail")
    assert pipeline["show"]["rules"] == [
        {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"', "when": "manual"}
    ]
    assert pipeline["default"]["interruptible"] is False
