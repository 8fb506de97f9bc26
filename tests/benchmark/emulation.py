# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator as a process that executes commands: ``python -m benchmark.emulation``.

One JSON value per line: commands on stdin, answers on stdout. The accounts are created and inspected here, to
keep the benchmark small: its memory would count as that of the processes that it measures.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from typing import Any

from emulator import Emulator, RateLimit

from .work import Work


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to each reply")
    parser.add_argument("--limit", type=int, default=0, help="requests in a window; 0: no limit")
    parser.add_argument("--window", type=float, default=60.0, help="seconds")
    parser.add_argument("--scope", default="endpoint")
    options = parser.parse_args()
    # It ends with the benchmark, even if that is killed: then stdin is closed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit = RateLimit(options.limit, options.window, options.scope) if options.limit else None
    with Emulator(latency=options.latency) as emulator:
        _answer({"url": emulator.url, "key": emulator.api_key})
        for line in sys.stdin:
            order, *work = json.loads(line)
            _answer(_begin(emulator, Work(*work), limit) if order == "begin" else _end(emulator, Work(*work)))


def _begin(emulator: Emulator, work: Work, limit: RateLimit | None) -> bool:
    """Start with the account before the work."""
    emulator.seed(work.account)
    emulator.rate_limit = limit
    return True


def _end(emulator: Emulator, work: Work) -> dict[str, Any]:
    """Whether the work is done, and the statuses of the answers."""
    found = {domain["domain"]: domain["aliases"] for domain in emulator.dump()["domains"]}
    return {"done": work.is_done(found), "statuses": [request.status for request in emulator.requests]}


def _answer(value: Any) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
