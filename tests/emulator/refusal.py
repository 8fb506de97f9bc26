# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error replies of the service."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that the service refuses: the status and the JSON body of the reply."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def refuse(status: int, error: str) -> Refusal:
    """The form with one ``error`` string, and the status repeated as ``code``."""
    return Refusal(status, {"error": error, "code": status, "success": False})


def refuse_field(field: str, message: str) -> Refusal:
    """The form with a list of messages for each field."""
    return Refusal(400, {"errors": {field: [message]}, "success": False})


def refuse_field_with_code(field: str, message: str) -> Refusal:
    """The form of some field errors, such as a duplicate alias: with ``code`` as well."""
    return Refusal(400, {"errors": {field: [message]}, "code": 400, "success": False})


def not_found(kind: str) -> Refusal:
    """The reply if the object in the path does not exist."""
    return refuse(404, f"{kind} not found.")
