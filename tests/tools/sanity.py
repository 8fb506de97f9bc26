# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ansible-test sanity, and print a short summary.

It tests the copy that tree.py creates, or the collection in the folder of SANITY_WORK.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
BUILD = TOOLS.parents[1] / "build"
WORK = Path(os.environ.get("SANITY_WORK", BUILD))
TREE = WORK / "ansible_collections/improvmx/email"
HOME = WORK / "home"  # ansible-test keeps its virtual environments in ~/.ansible/test
LOG = WORK / f"sanity-{version_of('ansible-core')}.log"


def place_get_pip() -> None:
    """Copy get_pip.py to the download cache of the installed ansible-test."""
    spec = find_spec("ansible_test._internal.python_requirements")
    if spec is None or spec.origin is None:
        sys.exit("sanity: ansible-test is not installed for this Python")
    source = Path(spec.origin).read_text(encoding="utf-8")
    versions = set(re.findall(r"""pip\W{1,4}['"](\d+(?:\.\d+)+)['"]""", source))
    if not versions:
        sys.exit(f"sanity: no pip version found in {spec.origin}")
    cache = HOME / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        shutil.copy(TOOLS / "get_pip.py", cache / f"get_pip_{version.replace('.', '_')}.py")


def share_pip_configuration() -> None:
    """Link pip's configuration of the user into the other HOME."""
    for name in (".config/pip", ".pip"):
        theirs, ours = Path.home() / name, HOME / name
        if theirs.is_dir() and not os.path.lexists(ours):
            ours.parent.mkdir(parents=True, exist_ok=True)
            ours.symlink_to(theirs)


def main() -> None:
    place_get_pip()
    share_pip_configuration()
    # This interpreter first: others on the PATH can be shims that do not start.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    version = ".".join(map(str, sys.version_info[:2]))
    command = ["ansible-test", "sanity", "--local", "--python", version, "--color", "no"]
    began = time.monotonic()
    with LOG.open("w", encoding="utf-8") as log:
        result = subprocess.run(
            [*command, *sys.argv[1:]],
            cwd=TREE,
            env={**os.environ, "HOME": str(HOME), "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    seconds = time.monotonic() - began

    output = LOG.read_text(encoding="utf-8", errors="replace")
    tests = list(dict.fromkeys(re.findall(r'^Running sanity test "([\w-]+)"', output, re.M)))
    # ansible-test exits with 0 if it found nothing to test.
    if result.returncode or not tests or "All targets skipped" in output:
        errors = re.findall(r"^(?:ERROR|FATAL): .*", output, re.M) or ["nothing was tested"]
        sys.exit(
            f"{output}\n== ansible-test sanity FAILED after {seconds:.0f} s"
            f" (exit code {result.returncode}); from the log above:\n" + "\n".join(errors)
        )
    names = textwrap.wrap(" ".join(tests), 96, break_on_hyphens=False)
    print(textwrap.indent("\n".join(names), "  "))
    print(f"  {len(tests)} sanity tests passed in {seconds:.0f} s; log: {LOG.relative_to(BUILD.parent)}")


if __name__ == "__main__":
    main()
