# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assumptions about the service that are not verified. Each can be changed, to test every variant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Beliefs:
    """The defaults follow public clients and documents of 2026."""

    # Whether a domain in the list has the four fields of a single domain: banned, daily_quota,
    # routing_engine, strict_mxes. The official client decides by the list whether to ask for rules.
    list_shows_details: bool = True
    # Whether q finds a part of a name or of the destinations of an alias, and the parameter alias the start
    # of a name. Older documents: q finds the start of a name, alias the whole name.
    searches_parts: bool = True
    # The status of the refusal if a limit of the plan is reached. With 403, the reply contains one string.
    limit_status: Literal[400, 403] = 400
    # Whether field errors contain the status as code.
    field_errors_have_code: bool = True
    # Whether a part of a rule's config changes that part; else it replaces the whole config.
    rule_config_is_merged: bool = False
    # Minimum lengths of the user name and the password of an SMTP user.
    shortest_username: int = 3
    shortest_password: int = 8
    # Whether the name of a catch-all is "" in replies, which the official client handles.
    catch_all_is_blank: bool = False


def spoken(beliefs: Beliefs, reply: Any) -> Any:
    """The reply with the name that the service uses for a catch-all."""
    if not beliefs.catch_all_is_blank:
        return reply
    if isinstance(reply, dict):
        return {
            name: "" if (name, value) == ("alias", "*") else spoken(beliefs, value)
            for name, value in reply.items()
        }
    if isinstance(reply, list):
        return [spoken(beliefs, item) for item in reply]
    return reply
