# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to the emulator without the client of the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from emulator import Emulator

Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(emulator: Emulator) -> Iterator[Ask]:
    """One request with the right key: ask("GET", "/v3/domains")."""
    with requests.Session() as session:
        session.auth = ("api", emulator.api_key)

        def send(method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
            options = {"timeout": 5, "allow_redirects": False, **options}
            return session.request(method, emulator.url + path, json=body, **options)

        yield send
