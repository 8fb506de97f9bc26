# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What went wrong below HTTP, under the layers that requests and urllib3 wrap around it."""

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
    pass  # which transport.py reports


# The name of a host that does not exist, in the codes of the systems.
_NO_HOST = {getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_FAIL")}


def innermost(error: BaseException) -> BaseException:
    """The fault below the layers that requests and urllib3 wrap around it."""
    seen = 0
    while seen < 10:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        if inner is None:
            inner = error.__cause__ or error.__context__
        if inner is None or isinstance(inner, TypeError):
            break
        error, seen = inner, seen + 1
    return error


def is_permanent(error: Exception) -> bool:
    """Whether this is how a wrong address, a wrong scheme, another version of TLS or a wrong proxy looks."""
    for fault in _chain(error):
        if isinstance(fault, socket.gaierror) and fault.errno in _NO_HOST:
            return True
        if isinstance(fault, ssl.SSLError) and not isinstance(
            fault, (ssl.SSLEOFError, ssl.SSLZeroReturnError)
        ):
            return True
        # An answer, but none of HTTP. The other one stands for no answer.
        if isinstance(fault, BadStatusLine) and not isinstance(fault, RemoteDisconnected):
            return True
        if re.match(r"Tunnel connection failed: 4\d\d\b", str(fault)):
            return True
    return False


def never_sent(error: Exception) -> bool:
    """Whether the fault came before any of the request was on its way."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    fault = error.args[0] if error.args else None
    fault = getattr(fault, "reason", fault)
    if isinstance(error, requests.exceptions.ProxyError):
        # A connection to a proxy that breaks later has this name, too.
        fault = getattr(fault, "original_error", fault)
        if str(fault).startswith("Tunnel connection failed"):
            return True
    return isinstance(fault, (NewConnectionError, ConnectTimeoutError))


def _chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    """A fault and all that lie below it."""
    seen: Set[int] = set()
    left = [error]
    while left and len(seen) < 30:
        fault = left.pop()
        if not isinstance(fault, BaseException) or id(fault) in seen:
            continue
        seen.add(id(fault))
        yield fault
        left += [getattr(fault, "reason", None), *fault.args, fault.__cause__, fault.__context__]
