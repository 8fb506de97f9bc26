# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floor: a script that does the work with as few requests as possible, and nothing else.

``python -m benchmark.floor FILE``, with the work in JSON. It validates no input, handles no failure and
reports no result: the comparison shows what these cost.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

Json = dict[str, Any]
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


class Account:
    def __init__(self, url: str, key: str, threads: int) -> None:
        self._root = f"{url}/v3/domains"
        self._session = requests.Session()
        self._session.auth = ("api", key)
        self._session.mount("http://", HTTPAdapter(pool_maxsize=threads))

    def _send(self, method: str, path: str = "", **options: Any) -> Json:
        response = self._session.request(method, self._root + path, timeout=30, **options)
        response.raise_for_status()
        content: Json = response.json()
        return content

    def page(self, number: int) -> Json:
        return self._send("GET", params={"limit": 100, "page": number})

    def bring_about(self, wish: Json, found: Json | None) -> None:
        name = wish["domain"]
        bodies = [{"alias": a["alias"], "forward": ",".join(a["forward"])} for a in wish["aliases"]]
        if found is None:
            self._send("POST", json={"domain": name})
            self._send("POST", f"/{name}/aliases/batch", json={"aliases": bodies})
            return
        existing = {alias["alias"]: alias["forward"] for alias in found["aliases"]}
        for body in bodies:
            if existing[body["alias"]] != body["forward"]:
                self._send("PUT", f"/{name}/aliases/{body['alias']}", json={"forward": body["forward"]})


def work(account: Account, wishes: list[Json], each: Map) -> None:
    first = account.page(1)
    pages = range(2, -(-first["total"] // 100) + 1)
    replies = [first, *each(account.page, pages)]
    found = {domain["domain"]: domain for reply in replies for domain in reply["domains"]}
    list(each(lambda wish: account.bring_about(wish, found.get(wish["domain"])), wishes))


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    threads = given["threads"]
    account = Account(given["api_url"], given["api_key"], threads)
    if threads == 1:
        work(account, given["domains"], map)
        return
    with ThreadPoolExecutor(threads) as pool:
        work(account, given["domains"], pool.map)


if __name__ == "__main__":
    main()
