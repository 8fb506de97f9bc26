# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of a request: JSON, or one of the two form encodings of browsers. Pure."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from .refusal import refuse


def read_body(content: bytes, content_type: str) -> Any:
    """The content of a body; None for an empty one. Raises ValueError for an invalid one."""
    if not content:
        return None
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(content.decode(), keep_blank_values=True))
    if kind == "multipart/form-data":
        return _multipart(content, content_type)
    return json.loads(content)


def fields_of(content: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a writing request; a missing body counts as an empty one."""
    try:
        body = read_body(content, content_type)
    except ValueError:
        raise refuse(400, "The body is not valid JSON.") from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise refuse(400, "The body must be a JSON object.")
    return body


def _multipart(content: bytes, content_type: str) -> dict[str, str]:
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content, policy=HTTP)
    if not message.is_multipart():
        raise ValueError("a form without parts")
    return {
        str(part.get_param("name", header="content-disposition")): str(part.get_content()).strip("\r\n")
        for part in message.iter_parts()
    }
