# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live check as a program: ``make live DOMAIN=spare.example``, with the key in IMPROVMX_API_KEY.

Exit code 0: the modules work, whatever else was found. 1: a module failed, or something was not deleted.
2: the check was not run. 130: it was interrupted, and has cleaned up.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

import requests

from ansible_collections.improvmx.email.plugins.module_utils._model.idna import parse_domain
from harness import forms_of

from .check import ask, play
from .points import MANY, POINTS, Site
from .report import Report
from .rounds import Modules
from .service import Service
from .v4 import settle
from .visit import Occupied, Visit

REPORT = Path(__file__).resolve().parents[2] / "build/live.md"
DEFAULT_URL = "https://api.improvmx.com"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SETTLING = 2.0  # seconds in which a request can take effect after its connection was cut


def main() -> None:
    options = _options()
    key = os.environ.get("IMPROVMX_API_KEY", "").strip()
    if not key:
        _not_tried("Set IMPROVMX_API_KEY to the API key of an account.")
    version = os.environ.get("IMPROVMX_API_VERSION") or "v3"
    if version not in ("v2", "v3"):
        _not_tried(f"IMPROVMX_API_VERSION is {version}. It must be v2 or v3.")
    service = Service(os.environ.get("IMPROVMX_API_URL") or DEFAULT_URL, key, version)
    try:
        site = _site(service, options)
        if not options.yes:
            _ask_for_consent(site)
    except (Occupied, requests.RequestException) as error:
        _not_tried(_scrubbed(str(error), key, ""))
    except (KeyboardInterrupt, EOFError):
        _not_tried("\nNothing was written.")
    sys.exit(_visit(site, key, options))


def _site(service: Service, options: argparse.Namespace) -> Site:
    """Check that the key is valid and the domain is not in use, with reads only. Raises Occupied."""
    account = service.ask("GET", service.account)
    if not account.ok:
        raise Occupied(f"The account can't be read: the answer was {account.status}. Check the API key.")
    visit = Visit(service)
    visit.claim(options.domain)
    email = account.at("account", "email") or account.at("email") or ""
    return Site(service, visit, options.domain, options.at, email, options.logs_of, options.rules_of)


def _ask_for_consent(site: Site) -> None:
    print(
        f"This adds {site.domain} to an account at {site.service.url}, gives it aliases that forward to "
        f"addresses of {site.at}, changes them, and deletes the domain. It sends about 200 requests. "
        "Nothing else in the account is changed. Continue? [y/N] ",
        end="",
        flush=True,
    )
    if not sys.stdin.isatty():
        _not_tried("\nThere is no terminal to confirm this: set YES=1.")
    if input().strip().lower() not in ("y", "yes"):
        _not_tried("Nothing was written.")


def _visit(site: Site, key: str, options: argparse.Namespace) -> int:
    """Run everything from the first write on. Return the exit code."""
    report = Report()
    selected = [
        point
        for point in POINTS
        if site.service.version in point.versions and (not point.option or getattr(options, point.option))
    ]
    interrupted = False
    for number in ENDINGS:
        signal.signal(number, _interrupt)
    try:
        play(site, Modules(site.service.url, key, site.service.version), report, _tell)
        if not site.visit.leave():
            ask(site, selected, report, _tell)
        if options.v4 and not site.visit.leave():
            _tell("asking version 4")
            report.v4 = settle(site, key)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for number in ENDINGS:
            signal.signal(number, signal.SIG_IGN)  # cleaning up must not be interrupted
        _tell("cleaning up")
        time.sleep(SETTLING if interrupted else 0)
        report.left = site.visit.leave()
    text = _scrubbed(report.text(site.service), key, site.email)
    print(text)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(text + "\n", encoding="utf-8")
    if report.left or report.misbehaved:
        return 1
    if interrupted:
        print("interrupted", file=sys.stderr)
        return 130
    return 2 if report.refused else 0


def _scrubbed(text: str, key: str, email: str) -> str:
    for secret in forms_of(key):
        text = text.replace(secret, "********")
    return text.replace(email, "(the account's address)") if email else text


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _tell(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def _not_tried(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    sys.exit(2)


def _domain(text: str) -> str:
    try:
        return parse_domain(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a domain: {error}") from None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make live DOMAIN=spare.example ARGS=...",
        description="Tests the modules against the real service, with a domain that is not in the account.",
        epilog="Environment: IMPROVMX_API_KEY, and optionally IMPROVMX_API_URL and IMPROVMX_API_VERSION.",
    )
    parser.add_argument("domain", type=_domain, help="a domain of yours that is not in the account")
    parser.add_argument("--yes", action="store_true", help="don't ask before the first write")
    parser.add_argument(
        "--at", type=_domain, default="example.net", metavar="DOMAIN", help="the domain of the destinations"
    )
    parser.add_argument("--many", action="store_true", help=f"also test a domain with {MANY} aliases")
    parser.add_argument(
        "--limit", action="store_true", help="also send reads until the rate limit is reached"
    )
    parser.add_argument(
        "--logs-of", type=_domain, metavar="DOMAIN", help="also read the log of a domain with mail"
    )
    parser.add_argument(
        "--rules-of",
        type=_domain,
        metavar="DOMAIN",
        help="also add a rule to a domain that is routed by rules, change it and delete it again",
    )
    parser.add_argument(
        "--v4", action="store_true", help="also send requests that show how version 4 answers"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
