# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cost of planning, without requests: ``python -m benchmark.planning DOMAINS ALIASES``."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from .work import NOTHING_TO_DO, Work

_PACKAGE = "ansible_collections.improvmx.email.plugins.module_utils."


def _seconds(call: Callable[[], Any]) -> float:
    """The lowest CPU seconds of three runs: other load of the machine only increases them."""
    best = float("inf")
    for _number in range(3):
        gc.collect()
        started = time.process_time()
        call()
        best = min(best, time.process_time() - started)
    return best


def main() -> None:
    work = Work(NOTHING_TO_DO, *map(int, sys.argv[1:]))
    model = importlib.import_module(_PACKAGE + "_model.domains")
    plan = importlib.import_module(_PACKAGE + "_plan.plan").plan
    wishes = model.domain_wishes(work.wishes, model.SETTINGS, "v3")
    same, other = (
        {
            wish.name: model.Domain(
                wish.name, aliases=tuple(model.Alias(a.name, forward, "1") for a in wish.aliases)
            )
            for wish in wishes
        }
        for forward in (wishes[0].aliases[0].forward, ("someone.else@mail.example",))
    )
    reported = {
        "read": _seconds(lambda: model.domain_wishes(work.wishes, model.SETTINGS, "v3")),
        "nothing to do": _seconds(lambda: plan(wishes, same)),
        "all changed": _seconds(lambda: plan(wishes, other)),
        "from nothing": _seconds(lambda: plan(wishes, {})),
    }
    print(json.dumps(reported))


if __name__ == "__main__":
    main()
