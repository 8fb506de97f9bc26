# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reply to the client, and how it is sent: complete, truncated, or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

Delivery = Literal["whole", "cut", "reset", "stream"]

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """A reply before it is sent."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = "whole"
    # Seconds to wait before the first byte.
    wait: float = 0.0
    # Bytes of the body when it is streamed.
    size: int = 0

    @property
    def status_sent(self) -> int:
        """The status that the client receives: none if the connection is cut."""
        return 0 if self.delivery in ("cut", "reset") else self.status


def json_reply(status: int, body: Any, headers: dict[str, str] | None = None) -> Reply:
    """A complete reply with this JSON body."""
    return Reply(status, json.dumps(body).encode(), headers=headers or {})


def html_reply(status: int, title: str) -> Reply:
    """An answer of a proxy in front of the service, without rate limit headers."""
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>"
    return Reply(status, page.encode(), HTML_TYPE)
