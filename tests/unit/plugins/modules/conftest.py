# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Some modules write files into the current folder."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _folder(deep_folder: None) -> None:
    """Each test runs in its own folder."""
