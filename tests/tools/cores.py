# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test with the other versions of ansible-core that the collection supports.

.venv holds one version, the newest for its Python. This script makes a virtual environment for each
of the others for which this machine has a Python, and lists those that it skipped.

    python tests/tools/cores.py sanity   every other version, for the tarball in build/
    python tests/tools/cores.py units    the lowest and the highest version, except that of .venv; some plays
    python tests/tools/cores.py preview  the upcoming version: failures are reported and stop nothing
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
HOMES = BUILD / "cores"

# The Pythons that run ansible-core and its ansible-test, the best tested first.
CORES = {
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.13", "3.12", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}
# The upcoming version and the release to test. After its release, move its line to CORES.
PREVIEW = {"2.22": ("3.13", "3.14", "3.12")}
PREVIEWED = {"2.22": "2.22.0rc1"}
# Some tests that need Ansible itself: the role, modules with shared options, the inventory plugin.
PLAYS = (
    "tests/integration/test_single.py",
    "tests/integration/test_provision.py::test_hosts_that_are_domains_are_provisioned_in_one_task",
    "tests/integration/test_inventory.py::test_groups_and_variables_are_made_from_expressions",
)
# Tests that involve ansible-core. The many cases of tests/properties test the client and the model, which do
# not depend on its version; they run with the installed version only.
UNITS = ("tests/unit/plugins/modules", "tests/unit/plugins/plugin_utils", "tests/unit/plugins/filter")
PREVIEW_TESTS = ("tests/unit/plugins/modules/test_every_module.py", "tests/unit/plugins/plugin_utils", *PLAYS)
OLDEST_TARGET = "3.8"  # the oldest Python on which ansible-core 2.19 runs modules


def pythons(wanted: str) -> Iterator[Path]:
    """The possible paths of a Python of this version: on the PATH, or in pyenv."""
    name = f"python{wanted}"
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield Path(folder) / name
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{wanted}.*/bin/{name}"), reverse=True)


def starts(python: Path) -> bool:
    """Whether this Python runs: a shim can exist and fail."""
    try:
        return subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def find_python(*wanted: str) -> Path | None:
    return next((python for one in wanted for python in pythons(one) if starts(python)), None)


def environment(core: str, python: Path) -> Path:
    """The Python of a virtual environment with this ansible-core and the requirements of the tests."""
    home = HOMES / core
    requirements = ROOT / "requirements-test.txt"
    ready = home / ".ok"
    if not ready.exists() or ready.stat().st_mtime < requirements.stat().st_mtime:
        subprocess.run(["uv", "venv", "-q", "--clear", "--seed", "-p", python, home], check=True)
        # Overrides the version in the requirements.
        override = home / "override.txt"
        exact = PREVIEWED.get(core)
        override.write_text(
            f"ansible-core=={exact}\n" if exact else f"ansible-core~={core}.0\n", encoding="utf-8"
        )
        wanted = ["-r", str(requirements), "--overrides", str(override)]
        subprocess.run(["uv", "pip", "install", "-q", "-p", home / "bin/python", *wanted], check=True)
        ready.touch()
    return home / "bin/python"


def run(python: Path, *arguments: str, also: Path | None = None, **environment: str) -> None:
    """Run a Python with its tools, and those of a folder, on the PATH; end with its code if it fails."""
    folders = [python.parent, also, os.environ.get("PATH", os.defpath)]
    path = os.pathsep.join(str(folder) for folder in folders if folder)
    env = {**os.environ, "PATH": path, **environment}
    code = subprocess.run([python, *arguments], cwd=ROOT, env=env, check=False).returncode
    if code:
        sys.exit(code)


def other(core: str) -> Path | None:
    """A Python with this version of ansible-core; prints a message and returns None if there is none."""
    python = find_python(*CORES[core])
    if python is None:
        print(f"  skipped: ansible-core {core}, because no Python {' or '.join(CORES[core])} was found")
        return None
    print(f"  ansible-core {core}:", flush=True)
    return environment(core, python)


def unpack() -> Path:
    """Unpack the tarball into a folder for ansible-test."""
    (tarball,) = BUILD.glob("improvmx-email-*.tar.gz")
    work = BUILD / "shipped"
    collection = work / "ansible_collections/improvmx/email"
    shutil.rmtree(collection, ignore_errors=True)
    collection.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", tarball, "-C", collection], check=True)
    # As in tree.py: without its own repository, ansible-test treats it as ignored by git.
    subprocess.run(["git", "init", "-q", collection], check=True)
    return work


def sanity(held: str) -> None:
    work = str(unpack())
    for core in sorted(CORES.keys() - {held}):
        if python := other(core):
            run(python, "tests/tools/sanity.py", SANITY_WORK=work)
    oldest = find_python(OLDEST_TARGET)
    python = Path(sys.executable) if held == min(CORES) else other(min(CORES))
    if oldest is None or python is None:
        print(f"  skipped: Python {OLDEST_TARGET}, the oldest that modules run with")
        return
    print(f"  ansible-core {min(CORES)}, modules with Python {OLDEST_TARGET}:", flush=True)
    tests = ["--python", OLDEST_TARGET, "--test", "compile", "--test", "import"]
    run(python, "tests/tools/sanity.py", *tests, also=oldest.parent, SANITY_WORK=work)


def units(held: str) -> None:
    for core in sorted({min(CORES), max(CORES)} - {held}):
        if python := other(core):
            run(python, "-m", "pytest", "-n", "auto", "--dist", "worksteal", *UNITS, *PLAYS)


def preview(held: str) -> None:
    """Test the upcoming version. Failures are reported and stop nothing, because it can still change."""
    for core, release in PREVIEWED.items():
        python = find_python(*PREVIEW[core])
        if python is None:
            wanted = " or ".join(PREVIEW[core])
            print(f"  skipped: ansible-core {release}, because no Python {wanted} was found")
            continue
        print(f"  ansible-core {release}:", flush=True)
        try:
            tools = environment(core, python)
        except subprocess.CalledProcessError:
            print(f"  skipped: ansible-core {release} could not be installed")
            continue
        path = f"{tools.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        command = ["-m", "pytest", "-n", "auto", "--dist", "worksteal", *PREVIEW_TESTS]
        if subprocess.run(
            [tools, *command], cwd=ROOT, env={**os.environ, "PATH": path}, check=False
        ).returncode:
            print(f"  PREVIEW FAILED: something does not work with ansible-core {release} yet", flush=True)


def main() -> None:
    held = ".".join(version("ansible-core").split(".")[:2])
    {"sanity": sanity, "units": units, "preview": preview}[sys.argv[1]](held)


if __name__ == "__main__":
    main()
