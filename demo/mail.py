# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Add a week of mail to the domains of the emulated account, for the report."""

from __future__ import annotations

import random
import sys
import time
from typing import Any

import requests

HOUR = 3_600_000  # milliseconds
SENDERS = ("lena@studio-nord.example", "orders@paper-mill.example", "tom.lindqvist@mail.example")
SUBJECTS = ("Quote for June", "Re: opening hours", "Invoice 2071", "Photos of Saturday", "A question")
UNKNOWN_USER = ("HARD-BOUNCE", 550, "550 5.1.1 The email account that you tried to reach does not exist")
FULL = ("SOFT-BOUNCE", 452, "452 4.2.2 The recipient's inbox is out of storage space")
SPAM = ("REFUSED", 554, "554 5.7.1 Message rejected as spam")
NO_ALIAS = ("REFUSED", 550, "550 5.1.1 There is no such alias")
DELIVERED = ("DELIVERED", 250, "250 2.0.0 OK")


def mail(chance: random.Random, domain: str, alias: str, forward: str | None, end: Any) -> dict[str, Any]:
    created = int(time.time() * 1000) - int(chance.triangular(0.2, 160, 60) * HOUR)
    status, code, message = end
    events = [] if status == "REFUSED" else [("QUEUED", 250, "Queued")]
    return {
        "id": f"{created}.{chance.randrange(10**6)}",
        "created": created,
        "sender": {"email": chance.choice(SENDERS), "name": None},
        "recipient": {"email": f"{alias}@{domain}", "name": None},
        "forward": {"email": forward, "name": None} if forward else None,
        "subject": chance.choice(SUBJECTS),
        "events": [
            {"created": created + 2000 * index, "status": status, "code": code, "message": message}
            for index, (status, code, message) in enumerate([*events, (status, code, message)])
        ],
    }


def logs(chance: random.Random, domain: dict[str, Any]) -> list[dict[str, Any]]:
    """Most mail is delivered. One destination of the account is full, and one no longer exists."""
    name, entries = domain["domain"], []
    for alias, forward in domain["aliases"].items():
        destination = forward.split(",")[0]
        if alias.startswith("^") or destination == "null":
            continue
        for _mail in range(chance.randrange(40)):
            end = DELIVERED
            if alias == "careers" and chance.random() < 0.3:
                end = UNKNOWN_USER
            elif chance.random() < 0.04:
                end = FULL
            entries.append(mail(chance, name, "hello" if alias == "*" else alias, destination, end))
    entries += [mail(chance, name, "info", None, SPAM) for _mail in range(2)]
    if "*" not in domain["aliases"]:
        entries += [mail(chance, name, alias, None, NO_ALIAS) for alias in ("jobs", "admin", "admin")]
    return entries


def main() -> None:
    url = sys.argv[1]
    account = requests.get(f"{url}/_emulator/dump", timeout=10).json()
    account["limits"] |= {"domains": 10, "aliases": 25}
    chance = random.Random(7)  # the same mail in every demo
    for domain in account["domains"]:
        domain["logs"] = logs(chance, domain)
    requests.post(f"{url}/_emulator/seed", json=account, timeout=10).raise_for_status()


if __name__ == "__main__":
    main()
