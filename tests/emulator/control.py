# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Control of the emulator from another process: HTTP below a path that does not exist in the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .reply import Reply, json_reply

if TYPE_CHECKING:
    from .server import Incoming
    from .service import Emulator

PREFIX = "/_emulator/"


def respond(emulator: Emulator, incoming: Incoming) -> Reply:
    """Answer without a key and without recording the request."""
    order = f"{incoming.method} {incoming.path.removeprefix(PREFIX)}"
    if order == "GET dump":
        return json_reply(200, emulator.dump())
    if order == "GET requests":
        return json_reply(200, _requests(emulator))
    if order == "POST seed":
        return _seed(emulator, incoming.body)
    if order == "POST reset":
        emulator.reset()
        return json_reply(200, {"success": True})
    return json_reply(404, {"error": "Not found.", "code": 404, "success": False})


def _requests(emulator: Emulator) -> dict[str, Any]:
    requests = [
        {"method": request.method, "path": request.path, "status": request.status}
        for request in emulator.requests
    ]
    return {"requests": requests, "count": len(requests)}


def _seed(emulator: Emulator, body: bytes) -> Reply:
    try:
        emulator.seed(json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return json_reply(400, {"error": f"not a seed: {error}", "code": 400, "success": False})
    return json_reply(200, {"success": True})
