# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the shared options to a connection."""

from __future__ import annotations

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._connection import open_transport, tell_waits
from emulator import Emulator, Fault
from harness import Clock


@pytest.mark.parametrize(("seconds", "told"), [(0, False), (5, False), (20, True)])
def test_long_waits_for_the_rate_limit_are_told(
    emulator: Emulator, clock: Clock, seconds: int, told: bool
) -> None:
    options = {"api_url": emulator.url, "api_key": emulator.api_key, "validate_certs": True, "ca_path": None}
    transport = open_transport({**options, "timeout": 5, "retry_timeout": 60})
    emulator.faults.add(Fault("rate_limit", retry_after=seconds))
    transport.request("GET", "/v3/domains")
    sentence = tell_waits(transport, "this task")
    assert sentence.startswith("The rate limit of ImprovMX made this task wait for 20 s in all; ") is told
    assert bool(sentence) is told
