# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults below HTTP, without the layers that requests and urllib3 wrap around them."""

from __future__ import annotations

import re
import socket
import ssl
from http.client import BadStatusLine, RemoteDisconnected
from typing import Iterator, Optional, Set

try:
    import requests
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
except ImportError:
    pass  # transport.py reports this


# The error codes of the operating systems for a host name that does not exist.
_NO_HOST = {getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_FAIL")}


def innermost(error: BaseException) -> BaseException:
    """Return the fault below the layers that requests and urllib3 wrap around it."""
    depth = 0
    while depth < 10:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        if inner is None:
            inner = error.__cause__ or error.__context__
        if inner is None or isinstance(inner, TypeError):
            break
        error, depth = inner, depth + 1
    return error


def is_permanent(error: Exception) -> bool:
    """Return whether retries can't help: a wrong address, scheme or proxy, or an unsupported TLS version."""
    for fault in _chain(error):
        if isinstance(fault, socket.gaierror) and fault.errno in _NO_HOST:
            return True
        if isinstance(fault, ssl.SSLError) and not isinstance(
            fault, (ssl.SSLEOFError, ssl.SSLZeroReturnError)
        ):
            return True
        # The answer was not HTTP. RemoteDisconnected is a subclass, but means that there was no answer.
        if isinstance(fault, BadStatusLine) and not isinstance(fault, RemoteDisconnected):
            return True
        if re.match(r"Tunnel connection failed: 4\d\d\b", str(fault)):
            return True
    return False


def never_sent(error: Exception) -> bool:
    """Return whether the fault occurred before any part of the request was sent."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    fault = error.args[0] if error.args else None
    fault = getattr(fault, "reason", fault)
    if isinstance(error, requests.exceptions.ProxyError):
        # ProxyError is also raised for a connection to a proxy that breaks later.
        fault = getattr(fault, "original_error", fault)
        if str(fault).startswith("Tunnel connection failed"):
            return True
    return isinstance(fault, (NewConnectionError, ConnectTimeoutError))


def _chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    """Yield a fault and all faults below it."""
    seen: Set[int] = set()
    pending = [error]
    while pending and len(seen) < 30:
        fault = pending.pop()
        if not isinstance(fault, BaseException) or id(fault) in seen:
            continue
        seen.add(id(fault))
        yield fault
        pending += [getattr(fault, "reason", None), *fault.args, fault.__cause__, fault.__context__]
