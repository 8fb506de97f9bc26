# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP connections with a deadline for connecting and for reading the whole answer.

The timeout of a socket restarts with every byte, so an answer that trickles in would never time out, nor
would the handshake of a proxy or of TLS. The lookup of a host name has no timeout at all.
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
    """The deadline of this thread. A request is sent and its answer is read in one thread."""

    until = math.inf


_thread = _Thread()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give this thread so many seconds to connect and to read answers."""
    _thread.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _thread.until = math.inf


class _Reader(io.RawIOBase):
    """Reads from a socket until the deadline."""

    def __init__(self, sock: socket.socket, raw: Any) -> None:
        self._sock, self._raw = sock, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        seconds = _thread.until - time.monotonic()
        if seconds <= 0:
            raise socket.timeout
        if seconds < math.inf:
            self._sock.settimeout(seconds)
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
    pass  # transport.py reports this
else:

    def _in_time(connection: Any, connect: Callable[[], None]) -> None:
        """Connect in a separate thread, which is abandoned at the deadline."""
        seconds = _thread.until - time.monotonic()
        if seconds == math.inf:
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
        thread.join(max(0.0, seconds))
        if thread.is_alive():
            too_late.set()
            raise ConnectTimeoutError(connection, "no connection in time")
        if faults:
            raise faults[0]

    @lru_cache(maxsize=None)
    def _bounded(pool: Any) -> Any:
        """Return a pool class of the same kind (plain, TLS or SOCKS) whose connections have a deadline."""
        base: Any = pool.ConnectionCls

        def connect(connection: Any) -> None:
            _in_time(connection, lambda: base.connect(connection))

        overrides = {"response_class": _Response, "connect": connect}
        return type(pool.__name__, (pool,), {"ConnectionCls": type(base.__name__, (base,), overrides)})

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
            """Return the response without its cookies: they are not used, and can be malformed."""
            original = getattr(resp, "_original_response", None)
            if original is not None:
                for name in ("Set-Cookie", "Set-Cookie2"):
                    del original.msg[name]
            return super().build_response(req, resp)

    def _bound(manager: Any) -> None:
        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: _bounded(pool) for scheme, pool in pools.items()}
