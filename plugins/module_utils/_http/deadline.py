# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP connections that are made within a time, and on which the whole of an answer has to come within it.

The time limit of a socket starts anew with every byte, so an answer that trickles in would have no end,
nor would the greeting of a proxy or of TLS. To look up the name of a host has no limit at all.
"""

from __future__ import annotations

import io
import math
import socket
import threading
import time
from contextlib import contextmanager
from functools import lru_cache
from http.client import HTTPResponse
from typing import Any, Callable, Iterator, List


class _Thread(threading.local):
    """A request is sent, and its answer is read, in one thread."""

    until = math.inf


_thread = _Thread()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let this thread's connection be made, and what it reads of answers have come, in so many seconds."""
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
    from urllib3.exceptions import ConnectTimeoutError
except ImportError:
    pass  # transport.py reports it
else:

    def _in_time(connection: Any, connect: Callable[[], None]) -> None:
        """Connect in a separate thread, which is abandoned when time is up."""
        left = _thread.until - time.monotonic()
        if left == math.inf:
            connect()
            return
        faults: List[BaseException] = []
        too_late = threading.Event()

        def attempt() -> None:
            try:
                connect()
            except BaseException as fault:
                faults.append(fault)
            if too_late.is_set():
                connection.close()

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(max(0.0, left))
        if thread.is_alive():
            too_late.set()
            raise ConnectTimeoutError(connection, "no connection in time")
        if faults:
            raise faults[0]

    @lru_cache(maxsize=None)
    def _bounded(pool: Any) -> Any:
        """The same kind of pool, be it plain, with TLS or through a SOCKS proxy, with these limits."""
        usual: Any = pool.ConnectionCls

        def connect(connection: Any) -> None:
            _in_time(connection, lambda: usual.connect(connection))

        own = {"response_class": _Response, "connect": connect}
        return type(pool.__name__, (pool,), {"ConnectionCls": type(usual.__name__, (usual,), own)})

    class Adapter(HTTPAdapter):
        """Makes the connections of a requests session."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            _bound(self.poolmanager)

        def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if not known:
                _bound(manager)
            return manager

        def build_response(self, req: Any, resp: Any) -> Any:
            """The response, without its cookies: nobody wants them, and an odd one is trouble to read."""
            original = getattr(resp, "_original_response", None)
            if original is not None:
                for name in ("Set-Cookie", "Set-Cookie2"):
                    del original.msg[name]
            return super().build_response(req, resp)

    def _bound(manager: Any) -> None:
        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: _bounded(pool) for scheme, pool in pools.items()}
