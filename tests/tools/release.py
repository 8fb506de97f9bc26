# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check whether the checkout can be released: version, changelog, tag, and no uncommitted changes.

importer.py checks the tarball in build/ before this.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
COPY = BUILD / "ansible_collections/improvmx/email"  # created by tree.py
CHANGELOG = ("CHANGELOG.md", "changelogs/changelog.yaml")
PLAIN_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def git(*arguments: str) -> list[str]:
    # In a git hook, GIT_DIR and similar variables point elsewhere.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def of_the_version(version: str) -> Iterator[str]:
    if not PLAIN_VERSION.fullmatch(version):
        yield f"the version {version} in galaxy.yml is not of the form X.Y.Z"
    releases = read(ROOT / "changelogs/changelog.yaml")["releases"]
    newest = max(releases, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
    if newest != version:
        yield f"galaxy.yml has version {version}, but the newest release in the changelog is {newest}"
    else:
        yield from of_the_plugins(version, releases[newest])
    if not list(BUILD.glob(f"improvmx-email-{version}.tar.gz")):
        yield f"there is no tarball of {version} in build/"


def of_the_plugins(version: str, release: dict[str, Any]) -> Iterator[str]:
    """New plugins of a release must be in its changelog."""
    reported = {"module": release.get("modules", []), **release.get("plugins", {})}
    for kind, plugins in read(COPY / "changelogs/.plugin-cache.yaml")["plugins"].items():
        names = {plugin["name"] for plugin in reported.get(kind, [])}
        for name, plugin in plugins.items():
            if plugin["version_added"] == version and name not in names:
                yield f"the {kind} {name} is new in {version}, but not in the changelog"


def of_the_changelog() -> Iterator[str]:
    fragments = [
        path.name for path in (ROOT / "changelogs/fragments").iterdir() if not path.name.startswith(".")
    ]
    if fragments:
        yield f"fragments are left that no release has taken in: {', '.join(sorted(fragments))}"
    for name in CHANGELOG:
        if (COPY / name).read_bytes() != (ROOT / name).read_bytes():
            yield f"{name} is not what antsibull-changelog makes of the plugins and the fragments"


def of_the_checkout(version: str) -> Iterator[str]:
    if git("status", "--porcelain"):
        yield "there are uncommitted changes"
    tags = git("tag", "--points-at", "HEAD")
    if tags and tags != [version]:
        yield f"the tag here is {', '.join(tags)}, but the version is {version}"


def main() -> None:
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(BUILD), "HOME": str(BUILD / "home")}
    command = ["antsibull-changelog", "generate", "--reload-plugins", "--refresh-plugins"]
    subprocess.run(command, cwd=COPY, env=env, check=True)
    version = str(read(ROOT / "galaxy.yml")["version"])
    problems = [*of_the_version(version), *of_the_changelog(), *of_the_checkout(version)]
    if problems:
        sys.exit("Not ready to be released:\n" + "\n".join(f"  {problem}" for problem in problems))
    tagged = "tagged" if git("tag", "--points-at", "HEAD") else f"not tagged yet: git tag {version}"
    print(f"  {version} can be released; it is {tagged}")


if __name__ == "__main__":
    main()
