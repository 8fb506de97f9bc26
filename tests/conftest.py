# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the checkout importable as a collection, and defines the fixtures of all tests."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _collections_folder() -> Path:
    """The folder whose ``ansible_collections/improvmx/email`` is this checkout."""
    if ROOT.parts[-3:] == ("ansible_collections", "improvmx", "email"):
        return ROOT.parents[2]
    folder = ROOT / "build" / "tree"
    link = folder / "ansible_collections" / "improvmx" / "email"
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # created by an earlier or a parallel run
        link.symlink_to("../../../..")
    return folder


COLLECTIONS = _collections_folder()
sys.path.insert(0, str(COLLECTIONS))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
# Some tests import the controller of Ansible, which would reject texts of modules that are not UTF-8.
os.environ["ANSIBLE_MODULE_STRICT_UTF8_RESPONSE"] = "false"
for name in [name for name in os.environ if name.startswith("IMPROVMX_")]:
    del os.environ[name]  # tests must not use the account of a developer

from emulator import Emulator  # noqa: E402
from harness import Clock, Modules, stop_time  # noqa: E402


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: Emulator) -> Emulator:
    """An empty account behind a real HTTP server."""
    running_emulator.reset()
    return running_emulator


@pytest.fixture(params=["v2", "v3"])
def version(request: pytest.FixtureRequest) -> str:
    """Each version of the API in turn."""
    return str(request.param)


@pytest.fixture
def modules(emulator: Emulator) -> Modules:
    """The modules, run in this process against the emulator with version 3 of the API."""
    return Modules(emulator)


@pytest.fixture
def modules_of_version(emulator: Emulator, version: str) -> Modules:
    """The modules, in each version of the API in turn."""
    return Modules(emulator, api_version=version)


@pytest.fixture
def deep_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs in its own folder, deep enough that odd paths do not leave it."""
    folder = tmp_path / "some" / "where" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Skips the waits of the client."""
    return stop_time(monkeypatch)
