# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server: a thread with its own event loop, connections, bytes."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from .reply import Reply

HOST = "127.0.0.1"
# Seconds that a connection may take to end when the server stops.
FAREWELL = 0.05
CHUNK = 1 << 16


@dataclass(frozen=True)
class Incoming:
    """A request as received."""

    method: str
    # Raw, without the query.
    path: str
    query: str
    body: bytes
    headers: dict[str, str]
    authorization: str
    content_type: str
    connection: int


Respond = Callable[[Incoming], Reply]
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _NumberedServer(web.Server):
    """Numbers the TCP connections, so that tests can detect reuse."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer, access_log=None)
        self._counter = count(1)
        self._numbers: dict[RequestHandler, int] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        self._numbers[handler] = next(self._counter)
        super().connection_made(handler, transport)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        self._numbers.pop(handler, None)
        super().connection_lost(handler, exc)

    def number_of(self, request: web.BaseRequest) -> int:
        """The number of the connection of a request; 0 if the client has already closed it."""
        return self._numbers.get(request.protocol, 0)


class HttpServer:
    """Serves on the loopback interface only, until it is stopped."""

    def __init__(self, respond: Respond, port: int = 0) -> None:
        self._respond = respond
        self._wanted_port = port
        self._port = 0
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    @property
    def port(self) -> int:
        if not self._port:
            raise RuntimeError("the emulator is not running")
        return self._port

    def start(self) -> None:
        if self._thread is not None:
            raise RuntimeError("the emulator is running already")
        self._error = None
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="emulator", daemon=True)
        self._thread.start()
        ready.wait()
        if self._error is not None:
            self.stop()
            raise self._error

    def stop(self) -> None:
        """Close all connections, then end the thread."""
        if self._thread is None:
            return
        if self._port:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except OSError as error:
            self._error = error
        finally:
            self._port = 0
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._server = _NumberedServer(self._answer)
        runner = web.ServerRunner(self._server, shutdown_timeout=FAREWELL)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._wanted_port).start()
            self._port = runner.addresses[0][1]
            ready.set()
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        number = self._server.number_of(request)
        reply = self._respond(await _incoming(request, number))
        if reply.wait:
            await asyncio.sleep(reply.wait)
        return await DELIVERIES[reply.delivery](request, reply)


async def _incoming(request: web.BaseRequest, connection: int) -> Incoming:
    path, _mark, query = request.raw_path.partition("?")
    headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
    return Incoming(
        method=request.method,
        path=path,
        query=query,
        body=await request.content.read(),
        headers=headers,
        authorization=request.headers.get("Authorization", ""),
        content_type=request.headers.get("Content-Type", ""),
        connection=connection,
    )


async def _whole(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    return web.Response(status=reply.status, body=reply.body, headers=_headers(reply))


async def _reset(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Reset the connection without sending anything."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _cut(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Announce the complete body, send half of it, and close."""
    transport = request.transport
    if transport is not None:
        headers = {**_headers(reply), "Content-Length": str(len(reply.body))}
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        transport.write(head + reply.body[: len(reply.body) // 2])
        transport.close()
    return web.Response()


async def _stream(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """One JSON text of the given size, in chunks and without a Content-Length."""
    response = web.StreamResponse(status=reply.status, headers=_headers(reply))
    try:
        await response.prepare(request)
        await response.write(b'"')
        left = reply.size - 2
        while left > 0:
            await response.write(b"x" * min(left, CHUNK))
            left -= CHUNK
        await response.write(b'"')
        await response.write_eof()
    except ConnectionError:
        # The client has closed the connection.
        pass
    return response


def _headers(reply: Reply) -> dict[str, str]:
    return {"Content-Type": reply.content_type, **reply.headers}


DELIVERIES: dict[str, Callable[[web.BaseRequest, Reply], Awaitable[web.StreamResponse]]] = {
    "whole": _whole,
    "reset": _reset,
    "cut": _cut,
    "stream": _stream,
}
