# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that ansible-builder accepts the collection for an execution environment.

It reads the requirements of the built collection, and creates the build context of the example. The image
is not built, because that needs a container engine and its registries.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
TOOLS = BUILD / "cores/molecule/bin"
CONTEXT = BUILD / "ee"


def builder(*arguments: str | Path) -> None:
    """Run ansible-builder, with the programs that it starts on the PATH; end if it fails."""
    path = os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        [TOOLS / "ansible-builder", *arguments],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\n== ansible-builder {arguments[0]} FAILED")


def requirements(path: Path) -> list[str]:
    """The requirements of a file, without comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def main() -> None:
    found = BUILD / "ee-requirements.txt"
    builder("introspect", BUILD / "installed", "--write-pip", found)
    wanted = requirements(ROOT / "requirements.txt")
    if requirements(found) != wanted:
        sys.exit(f"an execution environment would get {requirements(found)} instead of {wanted}")
    builder("create", "--file", ROOT / "examples/execution-environment.yml", "--context", CONTEXT)
    print(f"  it asks for {', '.join(wanted)}; the context of the example is in build/{CONTEXT.name}")


if __name__ == "__main__":
    main()
