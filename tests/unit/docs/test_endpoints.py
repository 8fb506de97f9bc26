# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of endpoints with their modules and options is complete and correct."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator import Emulator
from harness import MODULES, Modules

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "docsite" / "rst" / "api.rst").read_text(encoding="utf-8")
# A row of a table whose first cell is an endpoint, up to the next row or the end of the table.
ROW = re.compile(r"^   \* - ``(\w+ /\S+)``\n((?:     .*\n)+)", re.MULTILINE)
ROWS = ROW.findall(PAGE)
REFERENCE = re.compile(r":ans(plugin|opt|retval):`improvmx\.email\.(\w+)#module(?::([^`=]+))?(?:=([^`]+))?`")
REFERENCES = sorted(set(REFERENCE.findall(PAGE)))
# The endpoints in the documentation of version 2 by the vendor, in its order.
DOCUMENT_OF_V2 = [
    "GET /v2/account/",
    "GET /v2/account/api/",
    "GET /v2/domains/",
    "GET /v2/domains/?q=",
    "POST /v2/domains/",
    "GET /v2/domains/:domain",
    "DELETE /v2/domains/:domain",
    "POST /v2/domains/:domain/check",
    "POST /v2/domains/:domain/aliases/",
    "PUT /v2/domains/:domain/aliases/:alias",
    "DELETE /v2/domains/:domain/aliases/:alias",
    "GET /v2/domains/:domain/logs",
    "GET /v2/domains/:domain/logs/:alias",
]


def documented(module: str, section: str) -> dict[str, Any]:
    assert (ROOT / "plugins" / "modules" / f"{module}.py").is_file(), f"there is no module {module}"
    text: str = getattr(importlib.import_module(MODULES + module), section)
    return dict(yaml.safe_load(text))


def option(module: str, path: str) -> dict[str, Any]:
    """The documentation of an option, also of one of the shared ones."""
    fragment = importlib.import_module(MODULES.replace(".modules.", ".doc_fragments.") + "improvmx")
    shared = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    options = {**documented(module, "DOCUMENTATION").get("options", {}), **shared}
    found: dict[str, Any] = {}
    for part in path.replace("[]", "").split("."):
        assert part in options, f"{module} has no option {path}"
        found = options[part]
        options = found.get("suboptions", {})
    return found


def test_the_table_has_every_endpoint_once_and_no_other() -> None:
    routes = Emulator().routes()
    served = [re.sub(r"\{(\w+)\}", r":\1", f"{route.replace(' ', f' /{v}')}") for v, route in routes]
    listed = [endpoint for endpoint, cell in ROWS if "?" not in endpoint]
    assert sorted(listed) == sorted(served)


def test_the_table_has_what_the_document_of_version_2_describes_in_its_order() -> None:
    assert [endpoint for endpoint, cell in ROWS if "/v2/" in endpoint] == DOCUMENT_OF_V2


@pytest.mark.parametrize(("endpoint", "cell"), ROWS)
def test_each_endpoint_has_a_module_or_a_reason_why_not(endpoint: str, cell: str) -> None:
    assert REFERENCE.search(cell), endpoint
    if "Not used" in cell:
        assert re.match(r"     - Not used\. [A-Z]", cell), endpoint


@pytest.mark.parametrize(("kind", "module", "path", "value"), REFERENCES)
def test_each_module_option_and_result_that_is_named_exists(
    kind: str, module: str, path: str, value: str
) -> None:
    if kind == "plugin":
        assert documented(module, "DOCUMENTATION")["module"] == module
    elif kind == "retval":
        assert path in documented(module, "RETURN")
    else:
        assert value in ["", *option(module, path).get("choices", [])]


def test_every_state_of_a_mail_is_documented() -> None:
    states = re.findall(r"^   \* - ``([A-Z-]+)``$", PAGE, re.MULTILINE)
    described = " ".join(option("improvmx_logs_info", "status")["description"])
    assert sorted(states) == sorted(set(re.findall(r"C\(([A-Z-]+)\)", described)))


# --- Requests of the modules ----------------------------------------------------------------------

OLD, NEW = "a@x.example", "b@x.example"
ROUTED = {
    "id": "0b9e6a2c-0000-0000-0000-000000000000",
    "type": "alias",
    "config": {"alias": "sales", "forward": OLD},
}
SEED: dict[str, Any] = {
    "domains": [
        {"domain": "example.com", "aliases": {"info": OLD}},
        {"domain": "big.example", "aliases": {f"a{number}": OLD for number in range(201)}},
        {"domain": "routed.example", "routing_engine": "rules", "rules": [ROUTED]},
    ]
}
DOMAIN = {"domain": "example.com"}
INFO, SALES = {"alias": "info", "forward": NEW}, {"alias": "sales", "forward": NEW}
ABSENT = {"state": "absent"}
USER = {**DOMAIN, "username": "ann"}
RULE = {"domain": "routed.example", "type": "alias", "alias": "info"}
# A task for each operation, by module.
TASKS: list[tuple[str, dict[str, Any]]] = [
    ("improvmx_account_info", {}),
    ("improvmx_domain_info", {}),
    ("improvmx_domain_info", {"query": "exam"}),
    ("improvmx_domain_info", {"domain": "big.example"}),
    ("improvmx_domain", {"domain": "new.example", "aliases": [INFO, SALES]}),
    ("improvmx_domain", {**DOMAIN, "aliases": [INFO]}),
    ("improvmx_domain", {**DOMAIN, "aliases": [{**INFO, "forward": OLD}, SALES]}),
    ("improvmx_domain", {**DOMAIN, "aliases": [{**SALES, **ABSENT}]}),
    ("improvmx_alias", {**DOMAIN, **SALES}),
    ("improvmx_alias", {**DOMAIN, **SALES, "forward": OLD}),
    ("improvmx_logs_info", DOMAIN),
    ("improvmx_logs_info", {**DOMAIN, "alias": "sales"}),
    ("improvmx_alias", {**DOMAIN, **SALES, **ABSENT}),
    ("improvmx_domain_check", DOMAIN),
    ("improvmx_domain", {"domain": "new.example", **ABSENT}),
    ("improvmx_domains", {"domains": [{"domain": "new.example"}, DOMAIN]}),
    ("improvmx_domains", {"domains": [{"domain": "new.example", **ABSENT}]}),
]
TASKS_OF_V3: list[tuple[str, dict[str, Any]]] = [
    ("improvmx_domain", {**DOMAIN, "notification_email": NEW}),
    ("improvmx_smtp_credential", {**USER, "password": "correct-horse-7/battery+staple"}),
    ("improvmx_smtp_credential", {**USER, "password": "another-horse-8/battery+staple"}),
    ("improvmx_smtp_credential", {**USER, **ABSENT}),
    ("improvmx_rule", {**RULE, "forward": OLD}),
    ("improvmx_rule", {**RULE, "forward": NEW}),
    ("improvmx_rule", {**RULE, **ABSENT}),
    ("improvmx_rule", {"domain": "routed.example", "id": ROUTED["id"], "active": False}),
]


def test_each_endpoint_is_used_by_a_module_that_its_row_names(emulator: Emulator, version: str) -> None:
    emulator.seed(SEED)
    modules = Modules(emulator, api_version=version)
    users: dict[str, set[str]] = {}
    for module, arguments in TASKS + (TASKS_OF_V3 if version == "v3" else []):
        before = len(emulator.requests)
        result = modules.run(module, **arguments)
        assert not result.get("failed"), result["msg"]
        for request in emulator.requests[before:]:
            endpoint = re.sub(r"\{(\w+)\}", r":\1", request.route.replace(" ", f" /{version}"))
            for form in (endpoint, endpoint + "?q=" * ("q" in request.query)):
                users.setdefault(form, set()).add(module)
    for endpoint, cell in ROWS:
        if f"/{version}/" in endpoint:
            named = {module for kind, module, path, value in REFERENCE.findall(cell)}
            used = users.get(endpoint, set())
            assert bool(named & used) is ("Not used" not in cell), (endpoint, named, used)
