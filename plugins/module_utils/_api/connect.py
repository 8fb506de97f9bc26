# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections from the options that modules and plugins share."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Type
from urllib.parse import urlsplit

from .._http.transport import Transport
from .base import Api
from .v2 import ApiV2
from .v3 import ApiV3

API_VERSIONS: Dict[str, Type[Api]] = {api.version: api for api in (ApiV2, ApiV3)}

_VENDOR = "improvmx.com"
_WAIT_WORTH_REPORTING = 10.0  # seconds


def open_transport(options: Mapping[str, Any]) -> Transport:
    """Return the connection for these options. Raises InputError. No request is sent."""
    verify = options["ca_path"] if options["validate_certs"] and options["ca_path"] else None
    return Transport(
        options["api_url"],
        options["api_key"],
        timeout=options["timeout"],
        retry_timeout=options["retry_timeout"],
        verify=verify or options["validate_certs"],
    )


def warning_of_version(options: Mapping[str, Any]) -> str:
    """Return a warning if ImprovMX itself is accessed with the version that it removed, else nothing."""
    host = urlsplit(options["api_url"].strip().lower()).hostname or ""
    if options["api_version"] != "v2" or not (host == _VENDOR or host.endswith("." + _VENDOR)):
        return ""
    return "ImprovMX removed version 2 of its API on 2024-06-01: use api_version=v3, the default."


def warning_of_waits(transport: Transport, who: str) -> str:
    """Return a warning about long waits for the rate limit, if any. ``who``: what had to wait."""
    limits = transport.limits
    if limits.seconds_waited < _WAIT_WORTH_REPORTING:
        return ""
    return (
        "The rate limit of ImprovMX made %s wait for %.0f s in total; the last limit reached was that of %s."
        % (
            who,
            limits.seconds_waited,
            limits.met,
        )
    )
