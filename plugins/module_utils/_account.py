# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account in results: the service's own fields, but for what is secret. Pure."""

from __future__ import annotations

import re
from typing import Any, Callable

from ansible_collections.improvmx.email.plugins.module_utils._time import read_iso_utc

_TIMES = ("created", "removed", "renew_date", "cancels_on")
# No such field is known but the token of a key, which is dropped where it is read. The service may add one.
_SECRET = re.compile("token|secret|passw|key", re.IGNORECASE)


def presentable(told: Any, scrub: Callable[[str], str]) -> Any:
    """What the service told, for users to see: times in ISO 8601, and without secrets.

    A truth value or a number of that name tells of a secret (``password: true``), and stays.
    """
    if isinstance(told, dict):
        return {
            name: (read_iso_utc(value) if name in _TIMES else None) or presentable(value, scrub)
            for name, value in told.items()
            if not (_SECRET.search(name) and isinstance(value, (str, list, dict)))
        }
    if isinstance(told, list):
        return [presentable(item, scrub) for item in told]
    return scrub(told) if isinstance(told, str) else told
