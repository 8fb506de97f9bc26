# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of every module in plugins/modules; a new module needs no entry here."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue import (
    ACTIONS,
    NAMES,
    action_group,
    complaints,
    declared,
    documentation,
    every_module,
    every_module_in_its_versions,
    examples,
    first_example,
    fragment,
    seed_account,
    source,
    tasks,
    versions,
    writes,
)
from emulator import Emulator
from harness import Clock, Modules, assert_no_secret, run_module

# Keys that Ansible or the harness adds to every result.
ALWAYS = {"changed", "failed", "msg", "warnings"}


# --- Documentation --------------------------------------------------------------------------------


def test_there_are_modules() -> None:
    assert {"improvmx_alias", "improvmx_domain", "improvmx_domains"} <= set(NAMES)


@every_module
def test_documentation_is_complete(name: str) -> None:
    documented = documentation(name)
    assert documented["module"] == name
    assert documented["short_description"]
    assert documented["description"]
    assert documented["author"]
    assert "improvmx.email.improvmx" in documented["extends_documentation_fragment"]
    assert examples(name)
    assert yaml.safe_load(source(name).RETURN)["api_requests"]["type"] == "int"


@every_module
def test_every_task_of_the_examples_has_a_name_and_one_action(name: str) -> None:
    keywords = {
        "name",
        "register",
        "when",
        "failed_when",
        "loop",
        "check_mode",
        "loop_control",
        "vars",
        "no_log",
        "delegate_to",
        "until",
        "retries",
        "delay",
    }
    for task in examples(name):
        assert task["name"]
        (action,) = set(task) - keywords
        assert action.count(".") == 2, f"{action} is not a full name"


@every_module
def test_every_example_validates_against_the_argument_spec(name: str) -> None:
    found = tasks(name)
    assert name in [module for module, arguments in found]
    for module, arguments in found:
        assert complaints(module, arguments) == []


@every_module
def test_the_argument_spec_and_the_documentation_agree(name: str) -> None:
    documented = {**documentation(name).get("options", {}), **fragment()["options"]}
    assert_same_options(declared(name)["argument_spec"], documented)


def assert_same_options(spec: dict[str, Any], documented: dict[str, Any]) -> None:
    assert set(spec) == set(documented)
    for option, facts in spec.items():
        reported = documented[option]
        assert reported["description"], option
        for fact in ("type", "elements", "default"):
            assert facts.get(fact) == reported.get(fact), (option, fact)
        assert bool(facts.get("required")) is bool(reported.get("required")), option
        assert list(facts.get("choices") or []) == list(reported.get("choices") or []), option
        assert ("options" in facts) is ("suboptions" in reported), option
        if "options" in facts:
            assert_same_options(facts["options"], reported["suboptions"])


@every_module
def test_the_shared_options_come_from_the_fragment_alone(name: str) -> None:
    shared = set(fragment()["options"])
    assert shared == {
        "api_key",
        "api_url",
        "api_version",
        "validate_certs",
        "ca_path",
        "timeout",
        "retry_timeout",
    }
    assert shared.isdisjoint(documentation(name).get("options", {}))


@every_module
def test_the_shared_options_have_their_documented_defaults(name: str) -> None:
    spec = declared(name)["argument_spec"]
    assert spec["api_key"]["no_log"] is True
    assert spec["api_key"]["required"] is True
    assert {
        option: facts["default"]
        for option, facts in spec.items()
        if option in fragment()["options"] and "default" in facts
    } == {
        "api_url": "https://api.improvmx.com",
        "api_version": "v3",
        "validate_certs": True,
        "timeout": 30,
        "retry_timeout": 300,
    }


@every_module
def test_check_mode_is_supported_and_documented(name: str) -> None:
    assert declared(name)["supports_check_mode"] is True
    attributes = documentation(name)["attributes"]
    # The result of a check of DNS records can't be predicted, because a check writes.
    full = name != "improvmx_domain_check"
    assert attributes["check_mode"]["support"] == ("full" if full else "partial")
    assert full or attributes["check_mode"]["details"]
    if writes(name):
        assert attributes["diff_mode"]["support"] == "full"


def test_the_action_group_holds_every_module_and_nothing_else() -> None:
    assert action_group() == sorted(NAMES + ACTIONS)


@every_module
def test_a_module_has_a_test_file(name: str) -> None:
    assert (Path(__file__).parent / f"test_{name}.py").is_file()


# --- Behaviour ------------------------------------------------------------------------------------


@every_module
def test_the_first_example_runs_and_every_result_is_documented(modules: Modules, name: str) -> None:
    seed_account(modules.emulator)
    documented = set(yaml.safe_load(source(name).RETURN)) | ALWAYS
    for check in (True, False):
        result = modules.run(name, check=check, **first_example(name))
        assert not result.get("failed"), result["msg"]
        assert set(result) <= documented
        assert result["api_requests"] >= 1
        if writes(name):
            assert {"changes", "diff"} <= set(result)


@every_module_in_its_versions
def test_the_connection_may_come_from_the_environment(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, version: str, name: str
) -> None:
    seed_account(emulator)
    monkeypatch.setenv("IMPROVMX_API_KEY", emulator.api_key)
    monkeypatch.setenv("IMPROVMX_API_URL", emulator.url)
    monkeypatch.setenv("IMPROVMX_API_VERSION", version)
    arguments = {"retry_timeout": 0, **first_example(name)}
    result = run_module(name, arguments)
    assert not result.get("failed"), result["msg"]
    assert {request.version for request in emulator.requests} == {version}
    assert_no_secret(json.dumps(result), emulator.api_key)


@every_module
def test_an_option_of_the_task_wins_over_the_environment(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    seed_account(modules.emulator)
    monkeypatch.setenv("IMPROVMX_API_KEY", "sk_of_the_environment")
    monkeypatch.setenv("IMPROVMX_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("IMPROVMX_API_VERSION", "v2")
    result = modules.run(name, **first_example(name), api_version="v3")
    assert not result.get("failed"), result["msg"]
    assert {request.version for request in modules.emulator.requests} == {"v3"}


@every_module
@pytest.mark.parametrize("empty", ["", " "], ids=["empty", "blank"])
def test_an_empty_variable_of_the_environment_counts_as_not_set(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, name: str, empty: str
) -> None:
    for variable in ("IMPROVMX_API_KEY", "IMPROVMX_API_URL", "IMPROVMX_API_VERSION"):
        monkeypatch.setenv(variable, empty)
    options = {"api_key": emulator.api_key, "api_url": emulator.url}
    seed_account(emulator)
    result = run_module(name, {**options, **first_example(name)})
    assert not result.get("failed"), result["msg"]
    assert {request.version for request in emulator.requests} == {"v3"}
    missing = run_module(name, {**options, **first_example(name), "api_key": None})
    assert "api_key" in missing["msg"]
    refused = run_module(name, {**first_example(name), "api_key": emulator.api_key, "timeout": 0})
    assert "timeout must be at least 1 second" in refused["msg"]
    assert "api_url" not in refused["msg"]


@every_module
def test_a_slash_after_the_url_makes_no_difference(modules: Modules, name: str) -> None:
    seed_account(modules.emulator)
    modules.options["api_url"] = modules.emulator.url + "//"
    result = modules.run(name, **first_example(name))
    assert not result.get("failed"), result["msg"]
    assert all(request.path.startswith("/v3/") for request in modules.emulator.requests)


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
@pytest.mark.parametrize("name", [name for name in NAMES if "v2" not in versions(name)])
def test_what_v2_can_not_do_is_refused_before_any_request(emulator: Emulator, name: str, check: bool) -> None:
    result = Modules(emulator, api_version="v2").run(name, check=check, **first_example(name))
    assert result["failed"] is True
    assert "API v2 can't" in result["msg"]
    assert "v3 can" in result["msg"]
    assert result["api_requests"] == 0
    assert_failed_without_a_trace(name, result)


@every_module
def test_no_key_is_a_failure_that_names_the_option(emulator: Emulator, name: str) -> None:
    result = run_module(name, {"api_url": emulator.url, **first_example(name)})
    assert result["failed"] is True
    assert "api_key" in result["msg"]
    assert emulator.requests == []


@every_module_in_its_versions
@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_a_wrong_key_gives_one_clear_sentence_and_one_request(
    modules_of_version: Modules, clock: Clock, name: str, check: bool
) -> None:
    modules = modules_of_version
    seed_account(modules.emulator)
    wrong = "sk_wrong/0123456789+abc="
    result = modules.run(name, check=check, **{**first_example(name), "api_key": wrong})
    assert result["failed"] is True
    assert "the API key is not valid" in result["msg"]
    assert str({"v2": 403, "v3": 401}[modules.options["api_version"]]) in result["msg"]
    assert "\n" not in result["msg"]
    assert_no_secret(json.dumps(result), wrong)
    assert result["api_requests"] == 1
    assert clock.slept == []
    assert_failed_without_a_trace(name, result)


def assert_failed_without_a_trace(name: str, result: dict[str, Any]) -> None:
    assert "Traceback" not in json.dumps(result)
    assert "exception" not in result
    if writes(name):
        assert result["changed"] is False
        assert result["changes"] == result["pending"] == []


def dead_url() -> str:
    """A URL where no server listens."""
    with socket.socket() as briefly:
        briefly.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{briefly.getsockname()[1]}"


@every_module_in_its_versions
@pytest.mark.parametrize(("retry_timeout", "least", "most"), [(0, 1, 1), (60, 5, 20)])
def test_an_unreachable_server_is_named_without_a_traceback(
    emulator: Emulator, clock: Clock, version: str, name: str, retry_timeout: int, least: int, most: int
) -> None:
    options = {"api_url": dead_url(), "api_key": emulator.api_key, "api_version": version, "timeout": 5}
    result = run_module(name, {**options, "retry_timeout": retry_timeout, **first_example(name)})
    assert result["failed"] is True
    assert options["api_url"] in result["msg"]
    assert "GET /" in result["msg"]
    assert "can't be reached" in result["msg"]
    assert least <= result["api_requests"] <= most
    assert sum(clock.slept) <= retry_timeout
    assert_no_secret(json.dumps(result), emulator.api_key)
    assert_failed_without_a_trace(name, result)
