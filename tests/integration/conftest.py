# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The project in which a test runs playbooks. Most files of tests define their own, with an account."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import Emulator
from playbooks import Project


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> Project:
    """An empty folder, and an empty account."""
    return Project(tmp_path, emulator)
