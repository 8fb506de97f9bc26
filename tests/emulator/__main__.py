# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator as a program: ``python -m emulator``."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from .service import API_KEY, Emulator


def main() -> None:
    options = _options()
    finished = threading.Event()

    def finish(number: int, frame: FrameType | None) -> None:
        finished.set()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    emulator = _started(options)
    try:
        if options.port_file is not None:
            _write_whole(options.port_file, f"{emulator.url.rpartition(':')[2]}\n")
        print(_exports(emulator) if options.exports else f"listening on {emulator.url}", flush=True)
        finished.wait()
    finally:
        emulator.stop()


def _started(options: argparse.Namespace) -> Emulator:
    """The running emulator with its account. An invalid option ends the program."""
    emulator = Emulator(options.api_key, options.port, options.latency)
    if options.seed is not None:
        try:
            emulator.seed(json.loads(options.seed.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            sys.exit(f"--seed {options.seed}: {error}")
    try:
        return emulator.start()
    except OSError as error:
        sys.exit(f"--port {options.port}: {error}")


def _exports(emulator: Emulator) -> str:
    """Commands for another terminal, to use the collection with this account."""
    return (
        "An emulated ImprovMX, with an account of its own, until Ctrl-C. In another terminal:\n\n"
        f"  export IMPROVMX_API_URL={emulator.url}\n"
        f"  export IMPROVMX_API_KEY={shlex.quote(emulator.api_key)}\n"
    )


def _write_whole(path: Path, text: str) -> None:
    """Write the file atomically."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulator",
        description="The ImprovMX HTTP API in memory, on 127.0.0.1, until SIGTERM or SIGINT.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    parser.add_argument(
        "--api-key",
        default=os.environ.get("EMULATOR_API_KEY") or API_KEY,
        help="default: the environment's EMULATOR_API_KEY, else a fixed one",
    )
    parser.add_argument("--seed", type=Path, metavar="FILE", help="JSON to fill the account with")
    parser.add_argument(
        "--port-file", type=Path, metavar="FILE", help="write the port to this file after the start"
    )
    parser.add_argument("--exports", action="store_true", help="print the variables to export")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds added to each reply")
    return parser.parse_args()


if __name__ == "__main__":
    main()
