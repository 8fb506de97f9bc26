# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections from the shared options."""

from __future__ import annotations

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._api.connect import (
    open_transport,
    warning_of_version,
    warning_of_waits,
)
from emulator import Emulator, Fault
from harness import Clock, Modules, run_module


@pytest.mark.parametrize(("seconds", "reported"), [(0, False), (5, False), (20, True)])
def test_long_waits_for_the_rate_limit_are_reported(
    emulator: Emulator, clock: Clock, seconds: int, reported: bool
) -> None:
    options = {"api_url": emulator.url, "api_key": emulator.api_key, "validate_certs": True, "ca_path": None}
    transport = open_transport({**options, "timeout": 5, "retry_timeout": 60})
    emulator.faults.add(Fault("rate_limit", retry_after=seconds))
    transport.request("GET", "/v3/domains")
    sentence = warning_of_waits(transport, "this task")
    start = "The rate limit of ImprovMX made this task wait for 20 s in total; "
    assert sentence.startswith(start) is reported
    assert bool(sentence) is reported


@pytest.mark.parametrize(
    ("version", "url", "warns"),
    [
        ("v2", "https://api.improvmx.com", True),
        ("v2", " https://API.ImprovMX.com/ ", True),
        ("v2", "http://127.0.0.1:8080", False),
        ("v2", "https://improvmx.com.example", False),
        ("v2", "https://notimprovmx.com", False),
        ("v3", "https://api.improvmx.com", False),
    ],
)
def test_version_2_causes_a_warning_only_at_improvmx(version: str, url: str, warns: bool) -> None:
    warning = warning_of_version({"api_version": version, "api_url": url})
    assert ("2024-06-01" in warning) is warns
    assert bool(warning) is warns


def test_module_that_asks_improvmx_for_version_2_warns(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy between the module and the service refuses the connection."""
    options = {"api_version": "v2", "api_url": "https://api.improvmx.com", "retry_timeout": 0, "timeout": 2}
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    result = run_module("improvmx_account_info", {**modules.options, **options})
    assert result["failed"] is True
    (warning,) = result["warnings"]
    assert "removed version 2" in warning
