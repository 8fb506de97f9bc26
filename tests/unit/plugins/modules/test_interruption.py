# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ctrl-C or the end of a playbook: the request in flight is completed, and no other one is sent."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest
from ansible.module_utils import basic

from emulator import Emulator, RateLimit
from harness import Modules, changes_of, effects_of, wrap_endpoint

NAMES = [f"d{number}.example" for number in range(4)]
DELETE_ALIAS = "DELETE /domains/{domain}/aliases/{alias}"
KEPT = {"domains": [{"domain": name, "purge_aliases": True, "aliases": []} for name in NAMES]}


@pytest.fixture
def account(emulator: Emulator) -> Emulator:
    aliases = {f"a{number}": "x@mail.example" for number in range(5)}
    emulator.seed({"domains": [{"domain": name, "aliases": aliases} for name in NAMES]})
    return emulator


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_signal_ends_a_run_after_its_current_requests(
    monkeypatch: pytest.MonkeyPatch, account: Emulator, modules: Modules, number: int, concurrency: int
) -> None:
    usual = signal.getsignal(number)
    seen = []

    def interrupt(endpoint: Any, of_account: Any, call: Any) -> Any:
        seen.append(call)
        if len(seen) == 3:
            os.kill(os.getpid(), number)
            # No request is answered before the signal handler has run in the main thread.
            time.sleep(0.5)
        return endpoint(of_account, call)

    wrap_endpoint(monkeypatch, DELETE_ALIAS, interrupt)
    result = modules.run("improvmx_domains", **KEPT, concurrency=concurrency)
    assert result["failed"] is True
    assert "interrupted" in result["msg"]
    if concurrency == 1:  # otherwise all domains may have been tried
        assert "not tried, because the run was interrupted" in result["msg"]
    # The reported changes were made; only requests in flight were completed after the signal.
    assert changes_of(result["changes"]) == effects_of(account.ledger)
    assert 3 <= len(account.ledger) <= 3 + concurrency
    assert len(result["changes"]) + len(result["pending"]) == 20
    assert result["api_requests"] == len(account.requests)
    assert signal.getsignal(number) is usual
    # The next run continues.
    wrap_endpoint(monkeypatch, DELETE_ALIAS, lambda endpoint, *request: endpoint(*request))
    again = modules.run("improvmx_domains", **KEPT)
    assert len(again["changes"]) == len(result["pending"])


def test_a_wait_for_the_rate_limit_ends_with_the_run(
    monkeypatch: pytest.MonkeyPatch, account: Emulator, modules: Modules
) -> None:
    account.rate_limit = RateLimit(2, window=600.0, scope="account")

    def interrupt(endpoint: Any, of_account: Any, call: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return endpoint(of_account, call)

    wrap_endpoint(monkeypatch, DELETE_ALIAS, interrupt)
    result = modules.run("improvmx_domains", **KEPT, concurrency=1, retry_timeout=3600)
    assert "interrupted" in result["msg"]
    assert len(account.requests) == 2


def test_changes_before_a_signal_are_written_to_the_system_log(
    monkeypatch: pytest.MonkeyPatch, account: Emulator, modules: Modules
) -> None:
    """Ansible was interrupted as well, and shows no result."""
    logged: list[str] = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(basic.syslog, "syslog", lambda _priority, text: logged.append(text))

    def interrupt(endpoint: Any, of_account: Any, call: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return endpoint(of_account, call)

    wrap_endpoint(monkeypatch, DELETE_ALIAS, interrupt)
    result = modules.run("improvmx_domains", **KEPT, concurrency=1)
    [line] = [text for text in logged if "interrupted" in text]
    assert line == result["msg"]
    assert "Done: delete alias a0 of d0.example. Not done: " in line
