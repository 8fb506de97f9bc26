# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies below the exceptions of requests and urllib3."""

from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine, RemoteDisconnected
from itertools import pairwise

import pytest
import requests
from urllib3 import exceptions as urllib3

from ansible_collections.improvmx.email.plugins.module_utils._http.faults import (
    innermost,
    is_permanent,
    never_sent,
)

RESET = ConnectionResetError("reset")


def caused(*faults: Exception) -> Exception:
    """The first one, which was raised from the second one, and so on."""
    for outer, inner in pairwise(faults):
        outer.__cause__ = inner
    return faults[0]


def in_context(outer: Exception, inner: Exception) -> Exception:
    outer.__context__ = inner
    return outer


def failed(reason: Exception, kind: type[Exception] = requests.ConnectionError) -> Exception:
    """As requests reports that no try succeeded."""
    return kind(urllib3.MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


def refused_by(reason: Exception) -> Exception:
    """As requests reports a fault of a proxy."""
    return failed(urllib3.ProxyError("no tunnel", reason), requests.exceptions.ProxyError)


def unreachable() -> Exception:
    return urllib3.NewConnectionError(None, "refused")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RESET, "reset"),
        (requests.ConnectionError(RESET), "reset"),
        (requests.ConnectionError("aborted", RESET), "reset"),
        (failed(urllib3.ProtocolError("aborted", RESET)), "reset"),
        (ssl.SSLError(1, "wrong version"), "wrong version"),
        (caused(ValueError("outer"), RESET), "reset"),
        (in_context(ValueError("outer"), RESET), "reset"),
        (in_context(caused(ValueError("outer"), RESET), KeyError("other")), "reset"),
        (caused(requests.ConnectionError(RESET), KeyError("other")), "reset"),
        # Python's own complaint about an argument says nothing of the connection.
        (in_context(ValueError("outer"), TypeError("argument")), "outer"),
        (caused(*(ValueError(number) for number in range(13))), "10"),
    ],
)
def test_innermost_fault_is_found(error: Exception, text: str) -> None:
    assert str(innermost(error)) == text


@pytest.mark.parametrize(
    ("fault", "permanent"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), True),
        (socket.gaierror(socket.EAI_FAIL, "unknown"), True),
        (socket.gaierror(socket.EAI_AGAIN, "for now"), False),
        (OSError(socket.EAI_NONAME, "another number"), False),
        (ssl.SSLError(1, "wrong version"), True),
        (ssl.SSLEOFError(8, "end"), False),
        (ssl.SSLZeroReturnError(6, "end"), False),
        (BadStatusLine("220 mail.example"), True),
        (RemoteDisconnected("no answer"), False),
        (OSError("Tunnel connection failed: 407 Proxy Authentication Required"), True),
        (OSError("Tunnel connection failed: 403"), True),
        (OSError("Tunnel connection failed: 502 Bad Gateway"), False),
        (OSError("Tunnel connection failed: 4070"), False),
        (OSError("Failed: Tunnel connection failed: 407"), False),
        (RESET, False),
    ],
    ids=str,
)
def test_wrong_address_protocol_or_proxy_is_permanent(fault: Exception, permanent: bool) -> None:
    assert is_permanent(fault) is permanent
    assert is_permanent(failed(urllib3.ProtocolError("aborted", fault))) is permanent
    assert is_permanent(refused_by(fault)) is permanent
    assert is_permanent(caused(ValueError("outer"), fault)) is permanent
    assert is_permanent(in_context(ValueError("outer"), fault)) is permanent
    assert is_permanent(in_context(requests.ConnectionError(fault), KeyError("other"))) is permanent
    assert is_permanent(in_context(caused(ValueError("outer"), KeyError("other")), fault)) is permanent


@pytest.mark.parametrize(("depth", "permanent"), [(29, True), (30, False)])
def test_permanent_fault_is_looked_for_down_to_the_30th_exception(depth: int, permanent: bool) -> None:
    outer = (ValueError(number) for number in range(depth))
    assert is_permanent(caused(*outer, BadStatusLine("220 mail.example"))) is permanent


def test_faults_that_refer_to_each_other_are_no_endless_loop() -> None:
    first, second = ValueError("first"), ValueError("second")
    assert is_permanent(in_context(first, in_context(second, first))) is False


@pytest.mark.parametrize(
    ("error", "unsent"),
    [
        (requests.ConnectTimeout(), True),
        (requests.ReadTimeout(), False),
        (requests.ConnectionError(), False),
        (requests.ConnectionError(unreachable()), True),
        (failed(unreachable()), True),
        (failed(urllib3.ConnectTimeoutError("late")), True),
        (failed(urllib3.ProtocolError("aborted", RESET)), False),
        (failed(urllib3.ProxyError("no tunnel", unreachable())), False),
        (refused_by(unreachable()), True),
        (failed(unreachable(), requests.exceptions.ProxyError), True),
        (refused_by(OSError("Tunnel connection failed: 502 Bad Gateway")), True),
        (refused_by(OSError("Failed: Tunnel connection failed")), False),
        (refused_by(RESET), False),
        (failed(OSError("Tunnel connection failed: 502 Bad Gateway")), False),
        (requests.exceptions.ProxyError(RESET), False),
    ],
    ids=repr,
)
def test_fault_of_a_connection_came_before_anything_was_sent(error: Exception, unsent: bool) -> None:
    assert never_sent(error) is unsent
