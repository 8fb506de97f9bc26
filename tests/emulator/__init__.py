# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ImprovMX HTTP API over real HTTP, in memory: v2 and v3 over one account.

For demonstrations, tests and benchmarks. It reproduces the quirks of the service, and on request
faults and rate limits: see Fault and RateLimit.
"""

from __future__ import annotations

from .account import Account, Effect
from .faults import Fault, Faults
from .ratelimit import RateLimit
from .service import Emulator, Request

__all__ = ["Account", "Effect", "Emulator", "Fault", "Faults", "RateLimit", "Request"]
