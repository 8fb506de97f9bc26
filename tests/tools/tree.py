# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copy the checkout to build/ansible_collections/improvmx/email and print that path.

ansible-test works only in a folder ansible_collections/NAMESPACE/NAME; a symlink is not enough.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build/ansible_collections/improvmx/email"


def git(*arguments: str, cwd: Path) -> str | None:
    """The output of git; None if git does not exist or fails."""
    # In a git hook, GIT_DIR and similar variables point to the checkout.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(
            ["git", *arguments], cwd=cwd, env=env, check=True, capture_output=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def files_of_git() -> Iterator[Path]:
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT) or ""
    return (Path(name) for name in sorted(set(listed.split("\0"))) if name)


def files_without_git() -> Iterator[Path]:
    """Every file that .gitignore does not exclude, for a checkout without git."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [line.strip("/") for line in lines if line and not line.startswith("#")] + [".git"]

    def keep(path: Path) -> bool:
        return not any(fnmatch(path.name, p) or fnmatch(str(path), p) for p in ignored)

    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if keep(here / name)]
        yield from (here / name for name in files if keep(here / name))


def copy_to(folder: Path) -> None:
    """Replace a folder with a copy of the checkout."""
    top = git("rev-parse", "--show-toplevel", cwd=ROOT)
    is_checkout = top is not None and Path(top.strip()).resolve() == ROOT
    shutil.rmtree(folder, ignore_errors=True)  # deleted files must not stay in the copy
    for path in files_of_git() if is_checkout else files_without_git():
        if os.path.lexists(ROOT / path):  # git still lists a file that was just deleted
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path, follow_symlinks=False)


def main() -> None:
    copy_to(TREE)
    # Without its own repository the copy is ignored by git, and ansible-test tests nothing.
    git("init", "-q", cwd=TREE)
    print(TREE)


if __name__ == "__main__":
    main()
