# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cost of importing one module: ``python -m benchmark.imports MODULE ZIP``.

The CPU time for what nearly every Ansible module with HTTP needs (ansible's basic, requests), and then for
our own part, which is imported from a zip file without compiled files, as Ansible sends it.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

_OURS = "ansible_collections.improvmx.email.plugins."


def main() -> None:
    module, archive = sys.argv[1:]
    sys.path.insert(0, archive)
    started = time.process_time()
    importlib.import_module("ansible.module_utils.basic")
    basic = time.process_time()
    importlib.import_module("requests")
    common = time.process_time()
    before = set(sys.modules)
    importlib.import_module(f"{_OURS}modules.{module}")
    ended = time.process_time()
    loaded = sorted(set(sys.modules) - before)
    ours = [
        name.rpartition("module_utils.")[2] for name in loaded if name.startswith(f"{_OURS}module_utils._")
    ]
    others = [name for name in loaded if not name.startswith("ansible_collections")]
    reported = {"basic": basic - started, "requests": common - basic, "ours": ended - common}
    print(json.dumps({**reported, "parts": ours, "others": others}))


if __name__ == "__main__":
    main()
