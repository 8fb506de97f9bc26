# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP connections on which the whole of an answer has to come within a time, headers and all.

The time limit of a socket starts anew with every byte, so an answer that trickles in would have no end.
"""

from __future__ import annotations

import io
import math
import socket
import threading
import time
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any, Iterator


class _Thread(threading.local):
    """A request is sent, and its answer is read, in one thread."""

    until = math.inf


_thread = _Thread()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let what this thread reads of answers have come when so many seconds are over."""
    _thread.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _thread.until = math.inf


class _Reader(io.RawIOBase):
    """What comes in at a socket, until the deadline."""

    def __init__(self, sock: socket.socket, raw: Any) -> None:
        self._sock, self._raw = sock, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        left = _thread.until - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        if left < math.inf:
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(sock, self.fp.detach()))


try:
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.poolmanager import ProxyManager
except ImportError:
    pass  # _transport tells
else:

    class _Connection(HTTPConnection):
        response_class = _Response

    class _SecureConnection(HTTPSConnection):
        response_class = _Response

    class _Pool(HTTPConnectionPool):
        ConnectionCls = _Connection

    class _SecurePool(HTTPSConnectionPool):
        ConnectionCls = _SecureConnection

    _POOLS = {"http": _Pool, "https": _SecurePool}

    class Adapter(HTTPAdapter):
        """Makes the connections of a requests session."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = _POOLS

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            if isinstance(manager, ProxyManager):  # a SOCKS proxy has connections of its own kind
                manager.pool_classes_by_scheme = _POOLS
            return manager
