# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The problems that prevent a release are detected."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import release

VERSION = "1.2.0"
MODULES = ("improvmx_new", "improvmx_old")


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that can be released: committed, with a current changelog."""
    copy = tmp_path / "build/copy"
    added = dict(zip(MODULES, (VERSION, "1.0.0"), strict=True))
    modules = {name: {"name": name, "version_added": version} for name, version in added.items()}
    write(copy / "changelogs/.plugin-cache.yaml", {"plugins": {"module": modules, "filter": {}}})
    releases = {VERSION: {"modules": [{"name": MODULES[0]}]}, "1.0.0": {"modules": [{"name": MODULES[1]}]}}
    for folder in (tmp_path, copy):
        write(folder / "changelogs/changelog.yaml", {"releases": releases})
        write(folder / "CHANGELOG.md", "all of it\n")
    write(tmp_path / "changelogs/fragments/.keep", "")
    write(tmp_path / "galaxy.yml", {"version": VERSION})
    write(tmp_path / ".gitignore", "build/\n")
    write(tmp_path / f"build/improvmx-email-{VERSION}.tar.gz", "")
    for name, path in {"ROOT": tmp_path, "BUILD": tmp_path / "build", "COPY": copy}.items():
        monkeypatch.setattr(release, name, path)
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    # Independent of the git settings of the user and of a git hook.
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    subprocess.run(["git", *arguments], cwd=root, env=env, check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "a")


def problems() -> list[str]:
    version = release.read(release.ROOT / "galaxy.yml")["version"]
    return [
        *release.of_the_version(version),
        *release.of_the_changelog(),
        *release.of_the_checkout(version),
    ]


def forget_module(root: Path) -> None:
    for folder in (root, release.COPY):
        write(folder / "changelogs/changelog.yaml", {"releases": {VERSION: {}, "1.0.0": {}}})


@pytest.mark.parametrize("tag", ["", VERSION])
def test_a_ready_release_passes(tag: str, root: Path) -> None:
    if tag:
        git(root, "tag", tag)
    assert problems() == []


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda root: write(root / "galaxy.yml", {"version": "1.3.0-rc1"}), "is not of the form X.Y.Z"),
        (
            lambda root: write(root / "galaxy.yml", {"version": "1.3.0"}),
            "newest release in the changelog is 1.2.0",
        ),
        (lambda root: write(root / "galaxy.yml", {"version": "1.3.0"}), "no tarball of 1.3.0"),
        (forget_module, "the module improvmx_new is new in 1.2.0, but not in the changelog"),
        (lambda root: write(root / "changelogs/fragments/1-a.yml", {}), "fragments are left"),
        (lambda root: write(root / "CHANGELOG.md", "less\n"), "CHANGELOG.md is not what"),
    ],
)
def test_an_unready_release_fails(spoil: Callable[[Path], None], problem: str, root: Path) -> None:
    spoil(root)
    commit(root)
    assert problem in "; ".join(problems())


def test_uncommitted_changes_fail_a_release(root: Path) -> None:
    write(root / "galaxy.yml", f"version: {VERSION}  # a comment\n")
    assert problems() == ["there are uncommitted changes"]


@pytest.mark.parametrize("tag", ["v1.2.0", "1.2"])
def test_a_malformed_tag_fails_a_release(tag: str, root: Path) -> None:
    git(root, "tag", tag)
    assert problems() == [f"the tag here is {tag}, but the version is {VERSION}"]
