# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the emulated account, or only a title."""

from __future__ import annotations

import argparse
from typing import Any

import requests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?")
    parser.add_argument("caption", nargs="?")
    parser.add_argument("--title")
    parser.add_argument(
        "--requests", action="store_true", help="print how many requests were sent since the last time"
    )
    args = parser.parse_args()
    if args.requests:
        show_requests(args.url)
        return
    title(args.title or args.caption)
    if args.url:
        for domain in requests.get(f"{args.url}/_emulator/dump", timeout=10).json()["domains"]:
            show(domain)


def show_requests(url: str) -> None:
    sent = requests.get(f"{url}/_emulator/requests", timeout=10).json()["requests"]
    account = requests.get(f"{url}/_emulator/dump", timeout=10).json()
    writes = sum(1 for request in sent if request["method"] != "GET")
    print(f"This run made {len(sent)} request{'s' * (len(sent) != 1)}, {writes} of them writes.", flush=True)
    requests.post(f"{url}/_emulator/seed", json=account, timeout=10)  # which resets the list of requests


def title(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}", flush=True)


def show(domain: dict[str, Any]) -> None:
    name = domain["domain"]
    display = name.encode("ascii").decode("idna")
    note = f", notifications to {domain['notification_email']}" if domain.get("notification_email") else ""
    print(f"\n{display}{note}")
    aliases = domain["aliases"]
    width = max(map(len, aliases), default=0)
    for alias, forward in aliases.items():
        what = "discarded" if forward == "null" else forward.replace(",", ", ")
        print(f"  {alias:<{width}}  ->  {what}", flush=True)


if __name__ == "__main__":
    main()
