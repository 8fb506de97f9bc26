# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The overhead of our client per request, compared with a bare session.

``python -m benchmark.overhead URL KEY N``. It measures the CPU time of this process only. The two take
turns, so that changes of the machine's speed affect both.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import requests

_ROUNDS = 15


def _milliseconds(call: Callable[[], Any], count: int) -> float:
    started = time.process_time()
    for _number in range(count):
        call()
    return (time.process_time() - started) / count * 1000


def main() -> None:
    url, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    module = importlib.import_module(
        "ansible_collections.improvmx.email.plugins.module_utils._http.transport"
    )
    transport = module.Transport(url, key, timeout=30, retry_timeout=300)
    session = requests.Session()
    session.auth = ("api", key)
    session.headers["Accept"] = "application/json"

    def ours() -> Any:
        return transport.request("GET", "/v3/domains/{}", ["domain-00000.example"])

    def bare() -> Any:
        return session.get(f"{url}/v3/domains/domain-00000.example", timeout=30, stream=False).json()

    if ours() != bare():
        sys.exit("the two do not get the same")
    rounds = [(_milliseconds(bare, count), _milliseconds(ours, count)) for _number in range(_ROUNDS)]
    reported = {
        "bare": statistics.median(cost for cost, _ours in rounds),
        "ours": statistics.median(cost for _bare, cost in rounds),
        "beyond": statistics.median(cost - floor for floor, cost in rounds),
    }
    print(json.dumps(reported))


if __name__ == "__main__":
    main()
