# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks with the modules for one domain, from its creation to its deletion: check mode, run, second run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import requests

from harness import PREDICTED, assert_no_secret, run_module

Args = dict[str, Any]


@dataclass(frozen=True)
class Round:
    """A task. ``optional``: the service may refuse it, for example if the plan does not include it."""

    name: str
    module: str
    args: Args
    optional: bool = False


@dataclass
class Outcome:
    """The outcome of a round: the fault of the module, or what the service refused."""

    round: Round
    problems: list[str] = field(default_factory=list)
    refused: str = ""
    requests: int = 0


def series(domain: str, at: str, version: str) -> list[list[Round]]:
    """The rounds in order; those that depend on each other are together."""
    a, b, hook = f"a@{at}", f"b@{at}", f"https://hook.{at}/x"
    bulk = [alias(f"many{number}", a, b) for number in range(3)]
    found = [
        [
            of_domain("add a domain", domain, optional=True, aliases=[alias("info", a), alias("team", b, a)]),
            of_domain(
                "change it",
                domain,
                purge_aliases=True,
                aliases=[alias("info", b, hook), alias("sales", a), alias("*", a)],
            ),
        ],
        [
            Round(
                "add several aliases", "improvmx_domains", {"domains": [{"domain": domain, "aliases": bulk}]}
            )
        ],
    ]
    for title, name in {
        "": "press",
        " made of digits": "2024",
        " that is a pattern": "(sales|shop)-.+",
    }.items():
        steps = {"add": [b, a], "change": [a], "delete": []}
        found.append(
            [
                Round(
                    f"{step} an alias{title}",
                    "improvmx_alias",
                    {"domain": domain, **alias(name, *forward)},
                    optional=bool(title),
                )
                for step, forward in steps.items()
            ]
        )
    if version == "v3":
        for setting, value in {"notification_email": a, "webhook": hook}.items():
            texts = {"set": value, "clear": ""}
            found.append(
                [
                    of_domain(f"{step} the {setting}", domain, optional=True, **{setting: text})
                    for step, text in texts.items()
                ]
            )
        user = {"domain": domain, "username": "sender"}
        secret = {"password": token_urlsafe(), "update_password": "on_create"}
        module = "improvmx_smtp_credential"
        found.append(
            [
                Round("add an SMTP user", module, {**user, **secret}, optional=True),
                Round("delete it", module, {**user, "state": "absent"}, optional=True),
            ]
        )
    return [*found, [of_domain("delete the domain", domain, state="absent")]]


def of_domain(name: str, domain: str, optional: bool = False, **args: Any) -> Round:
    return Round(name, "improvmx_domain", {"domain": domain, **args}, optional)


def alias(name: str, *forward: str) -> Args:
    return {"alias": name, "forward": list(forward)} if forward else {"alias": name, "state": "absent"}


class Modules:
    """Runs modules like Ansible, with the key from the environment, and records their requests."""

    def __init__(self, url: str, key: str, version: str) -> None:
        self._key = key
        self._options = {"api_url": url, "api_version": version}

    def play(self, round: Round) -> Outcome:
        """Run a round in check mode, for real and a second time, and compare the results."""
        outcome = Outcome(round)
        check, writes = self._run(outcome, "check mode", round.module, round.args, check=True)
        if writes:
            outcome.problems.append(f"check mode sent {', '.join(writes)}")
        if outcome.problems:
            return outcome
        real, _writes = self._run(outcome, "the run", round.module, round.args)
        outcome.requests = real.get("api_requests", 0)
        if outcome.problems:
            if round.optional and re.search(r"the service answered 4\d\d", outcome.problems[0]):
                outcome.problems, outcome.refused = [], outcome.problems[0]
            return outcome
        if {key: check.get(key) for key in PREDICTED} != {key: real.get(key) for key in PREDICTED}:
            outcome.problems.append("check mode did not predict what the run did")
        if not real["changed"]:
            outcome.problems.append("the run changed nothing")
        again, writes = self._run(outcome, "the second run", round.module, round.args)
        if again.get("changed") or writes:
            outcome.problems.append("the second run found something to change: " + reported(again))
        return outcome

    def read(self, domain: str) -> list[Outcome]:
        """Run the info modules, and apply the returned domain with the module improvmx_domains."""
        of_domain = {"domain": domain}
        account, _account = self._read(Round("read the account", "improvmx_account_info", {}))
        info, read = self._read(Round("read a domain", "improvmx_domain_info", of_domain))
        logs, _logs = self._read(Round("read its log", "improvmx_logs_info", of_domain))
        check, _check = self._read(Round("check its DNS records", "improvmx_domain_check", of_domain))
        back, applied = self._read(
            Round("apply what was read", "improvmx_domains", {"domains": read.get("domains")})
        )
        if applied.get("changed"):
            back.problems.append("it found something to change: " + reported(applied))
        return [account, info, logs, check, back]

    def _read(self, round: Round) -> tuple[Outcome, dict[str, Any]]:
        outcome = Outcome(round)
        result, _writes = self._run(outcome, "the run", round.module, round.args)
        outcome.requests = result.get("api_requests", 0)
        return outcome, result

    def _run(
        self, outcome: Outcome, what: str, module: str, args: Args, check: bool = False
    ) -> tuple[dict[str, Any], list[str]]:
        """The result of a module, and the writes that it sent. A failure is recorded in the outcome."""
        with sent_requests() as sent:
            try:
                result = run_module(module, {**self._options, **args}, check)
                assert_no_secret(json.dumps(result, ensure_ascii=False), self._key)
            except Exception as error:
                # Any other exception is a fault of the module.
                outcome.problems.append(f"{what} broke: {type(error).__name__}: {error}")
                return {}, []
        if "the run was interrupted" in result.get("msg", ""):
            raise KeyboardInterrupt  # the module ended properly on Ctrl-C; end the check as well
        if result.get("failed"):
            outcome.problems.append(f"{what} failed: {result['msg']}")
        return result, [request for request in sent if is_write(request)]


@contextmanager
def sent_requests() -> Iterator[list[str]]:
    """Record the method and path of each request that is sent in the meantime."""
    sent: list[str] = []
    usual = requests.Session.send

    def send(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> Any:
        sent.append(f"{request.method} {urlsplit(str(request.url)).path}")
        return usual(session, request, **options)

    with mock.patch.object(requests.Session, "send", send):
        yield sent


def is_write(request: str) -> bool:
    """Whether it can change anything; the check of version 3 can, although it is a GET request."""
    return not request.startswith("GET ") or request.endswith("/check")


def reported(result: dict[str, Any]) -> str:
    changes = [
        f"{change['action']} {change['kind']} {change['name']}" for change in result.get("changes", [])
    ]
    return ", ".join(changes) or "it sent a write"
