# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the modules in this process like Ansible, and checks what applies to every run."""

from __future__ import annotations

import base64
import contextlib
import html
import importlib
import io
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from unittest import mock
from urllib.parse import quote, quote_plus

import pytest
import yaml
from ansible.module_utils import _internal as ansible_internal
from ansible.module_utils.common import warnings as ansible_warnings
from ansible.module_utils.testing import patch_module_args

from emulator import Emulator, Request, v2, v3
from emulator.routing import RouteTable

MODULES = "ansible_collections.improvmx.email.plugins.modules."
MODULE_UTILS = "ansible_collections.improvmx.email.plugins.module_utils."
PREDICTED = ("changed", "changes", "diff")


def run_module(name: str, args: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Run a module's main() and return its result with warnings as texts; check its punctuation."""
    result = run_main(name, args, check)
    for text in (result.get("msg", ""), *result["warnings"]):
        assert_sentences(text)
    return result


def run_main(name: str, args: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Run a module's main() and return its result, with warnings as texts."""
    main = importlib.import_module(MODULES + name).main
    # Ansible keeps warnings in globals; without this they would leak into the next run.
    ansible_warnings._global_warnings.clear()
    ansible_warnings._global_deprecations.clear()
    wire = {**args, "_ansible_check_mode": check, "_ansible_diff": True}
    output = io.StringIO()
    ended = False
    # If a test has imported a part of Ansible's controller, warnings are printed instead of returned.
    as_module = mock.patch.object(ansible_internal, "is_controller", False)
    with as_module, patch_module_args(wire), contextlib.redirect_stdout(output):
        try:
            main()
        except SystemExit:
            ended = True
    assert ended, "the module did not end with exit_json or fail_json"
    result: dict[str, Any] = json.loads(output.getvalue())
    result.pop("invocation", None)
    result.pop("_ansible_new_secrets", None)  # secrets for the controller to mask; never displayed
    result["warnings"] = [_text(warning) for warning in result.get("warnings", [])]
    return result


def _text(warning: Any) -> str:
    return warning if isinstance(warning, str) else str(warning["event"]["msg"])


def assert_sentences(text: str) -> None:
    """No sentence ends with two full stops; three are an ellipsis."""
    assert not re.search(r"(?<!\.)\.\.(?=[\s;]|\Z)", text), text


def wrap_endpoint(monkeypatch: pytest.MonkeyPatch, template: str, wrap: Callable[..., Any]) -> None:
    """Use ``wrap(usual, account, call)`` to answer requests to an endpoint of version 3 of the emulator."""
    assert any(route.template == template for route in v3.ROUTES.routes)

    def choose(reported: str, usual: Callable[..., Any], *request: Any) -> Any:
        return wrap(usual, *request) if reported == template else usual(*request)

    _wrap(monkeypatch, v3.ROUTES, choose)


def delete_after_the_list(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let others delete a domain right after the list that contains it was read."""

    def delete(usual: Any, account: Any, call: Any) -> Any:
        reply = usual(account, call)
        account.domains.pop(name, None)
        return reply

    wrap_endpoint(monkeypatch, "GET /domains", delete)


def wrap_endpoints(monkeypatch: pytest.MonkeyPatch, wrap: Callable[..., Any]) -> None:
    """Use ``wrap(template, usual, account, call)`` to answer requests to every endpoint of both versions."""
    for table in (v2.ROUTES, v3.ROUTES):
        _wrap(monkeypatch, table, wrap)


def _wrap(monkeypatch: pytest.MonkeyPatch, table: RouteTable, wrap: Callable[..., Any]) -> None:
    wrapped = [
        (replace(route, endpoint=partial(wrap, route.template, route.endpoint)), path)
        for route, path in table._split
    ]
    monkeypatch.setattr(table, "_split", wrapped)


def forms_of(secret: str) -> list[str]:
    """The forms in which a secret could appear."""
    return [
        secret,
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(f"api:{secret}".encode()).decode(),
        quote(secret, safe=""),
    ]


def assert_no_secret(text: str, secret: str) -> None:
    for form in forms_of(secret):
        assert form not in text


def forms_of_password(password: str) -> dict[str, str]:
    """The forms in which a reply can repeat the password of a request."""
    return {
        "plain": password,
        "trimmed": password.strip(),
        "base64": base64.b64encode(password.encode()).decode(),
        "base64 without padding": base64.b64encode(password.encode()).decode().rstrip("="),
        "URL": quote(password, safe=""),
        "URL path": quote(password),
        "form": quote_plus(password),
        "JSON": json.dumps(password)[1:-1],
        "JSON in Unicode": json.dumps(password, ensure_ascii=False)[1:-1],
        "HTML": html.escape(password),
    }


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a result, not encoded as JSON."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
    elif isinstance(value, str):
        yield value


def assert_no_password(reported: Any, password: str) -> None:
    """The password is not in a text or result, in any of its forms."""
    text = "\n".join(texts_of(reported))
    for form in forms_of_password(password).values():
        assert form not in text


@dataclass(frozen=True)
class Rounds:
    """The results of the same task in check mode, in a real run, and in a second run."""

    check: dict[str, Any]
    real: dict[str, Any]
    again: dict[str, Any]
    requests: list[Request]  # of the real run

    @property
    def count(self) -> int:
        return len(self.requests)


class Modules:
    """The modules with the options to connect to an emulator."""

    def __init__(self, emulator: Emulator, **options: Any) -> None:
        self.emulator = emulator
        self.options = {
            "api_url": emulator.url,
            "api_key": emulator.api_key,
            "timeout": 5,
            "retry_timeout": 10,
            **options,
        }

    def seed(self, aliases: dict[str, Any], **settings: Any) -> None:
        """Create an account with these domains and their aliases."""
        self.emulator.seed(account_of(aliases, **settings))

    def aliases(self, domain: str) -> dict[str, str]:
        """The aliases of a domain in the emulator, with their destinations."""
        found = self.emulator.account.domains[domain].aliases.values()
        return {alias.alias: alias.forward for alias in found}

    def run(self, name: str, check: bool = False, **args: Any) -> dict[str, Any]:
        """Run a module once. Check mode must not write, and the result must not contain the key."""
        writes = len(self.emulator.writes)
        requests = len(self.emulator.requests)
        result = run_module(name, {**self.options, **args}, check)
        if check:
            assert self.emulator.writes[writes:] == [], "check mode sent a write"
        assert_no_secret(json.dumps(result, ensure_ascii=False), self.emulator.api_key)
        assert result["api_requests"] == len(self.emulator.requests) - requests
        return result

    def rounds(self, name: str, warnings: tuple[str, ...] = (), **args: Any) -> Rounds:
        """Run a task in check mode, for real and a second time, and compare the results.

        ``warnings``: the beginnings of the warnings of the check run and the real run, in order; there
        must be no others.
        """
        check = self.run(name, check=True, **args)
        before = len(self.emulator.requests)
        effects = len(self.emulator.ledger)
        real = self.run(name, **args)
        requests = self.emulator.requests[before:]
        done = self.emulator.ledger[effects:]
        again = self.run(name, **args)
        for result in (check, real, again):
            assert not result.get("failed"), result["msg"]
        assert {key: check[key] for key in PREDICTED} == {key: real[key] for key in PREDICTED}
        assert effects_of(done) == changes_of(real["changes"])
        assert real["changed"] is bool(real["changes"])
        assert again["changed"] is False
        assert again["changes"] == []
        assert again["diff"] == []
        for result in (check, real):
            assert len(result["warnings"]) == len(warnings), result["warnings"]
            for text, start in zip(result["warnings"], warnings, strict=True):
                assert text.startswith(start)
        assert again["warnings"] == []
        return Rounds(check, real, again, requests)


def account_of(aliases: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """The seed of an account with these domains and their aliases."""
    return {
        **settings,
        "domains": [{"domain": name, "aliases": content} for name, content in aliases.items()],
    }


def read_diff(entries: list[dict[str, str]]) -> dict[str, dict[str, Any]]:
    """Both sides of a result's ``diff``, by the domain name in the headers.

    Aliases are returned by name. The domain name in the text is checked and removed.
    """
    sides: dict[str, dict[str, Any]] = {"before": {}, "after": {}}
    for entry in entries:
        assert set(entry) == {"before_header", "after_header", "before", "after"}
        assert entry["before"] != entry["after"]
        for side, domains in sides.items():
            fields = yaml.safe_load(entry[side])
            if fields is not None:
                name = fields.pop("domain")
                assert name == entry[side + "_header"]
                assert name not in domains
                domains[name] = _aliases_by_name(fields)
    return sides


def _aliases_by_name(fields: dict[str, Any]) -> dict[str, Any]:
    if "aliases" not in fields:
        return fields
    aliases = {item["alias"]: item["forward"] for item in fields["aliases"]}
    return fields | {"aliases": {name: [to] if isinstance(to, str) else to for name, to in aliases.items()}}


def effects_of(ledger: Iterable[Any]) -> list[tuple[str, ...]]:
    """The effects in the ledger, in the terms of ``changes``.

    Domains are processed concurrently, so only the order within a domain is significant.
    """
    effects = [(effect.action, effect.kind, effect.domain, effect.name) for effect in ledger]
    return sorted(effects, key=lambda effect: effect[2])


def assert_truthful(emulator: Emulator, result: dict[str, Any]) -> None:
    """The reported changes are the effects in the ledger; duplicates caused by a retry count once."""
    reported, pending = changes_of(result["changes"]), changes_of(result.get("pending", []))
    effects = list(dict.fromkeys(effects_of(emulator.ledger)))
    assert result["changed"] is bool(reported)
    if result.get("failed") and "could not be determined" in result["msg"]:
        assert set(reported) <= set(effects) <= {*reported, *pending}
    else:
        assert reported == effects


def changes_of(changes: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The reported changes, in the terms of the ledger."""
    reported = [(change["action"], change["kind"], change["domain"], change["name"]) for change in changes]
    return sorted(reported, key=lambda change: change[2])


@dataclass
class Clock:
    """Replaces the module ``time``: sleeping advances the clock without waiting, and nothing else does."""

    began: float = 0.0  # Unix time
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)

    def monotonic(self) -> float:
        return sum(self.slept)

    def time(self) -> float:
        return self.began + sum(self.slept)


def stop_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Skip the waits of the client."""
    clock = Clock(time.time())  # the real time, because the service sends absolute times
    for name in ("_http.transport", "_run.engine", "_http.rate_limits", "_module.check_domains"):
        monkeypatch.setattr(importlib.import_module(MODULE_UTILS + name), "time", clock)
    stop = importlib.import_module(MODULE_UTILS + "_http.stop")
    monkeypatch.setattr(stop, "wait_for", lambda _stop, seconds: clock.sleep(seconds))
    return clock
