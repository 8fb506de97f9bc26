# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules share: the common options, the connection, and turning errors into failures."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Mapping, Optional, Type, TypeVar

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib
from ansible.module_utils.errors import AnsibleFallbackNotFound

from .._api.base import Api
from .._api.connect import API_VERSIONS, open_transport, warning_of_version, warning_of_waits
from .._errors import ImprovmxError, InputError
from .._http.stop import stopped_by_signals
from .._http.transport import REQUESTS_IMPORT_ERROR, Transport
from .._model.problems import Problems
from .._model.text import quoted

_Input = TypeVar("_Input")


def _environment(name: str) -> str:
    """Return the value of an environment variable; an empty one counts as not set."""
    value: str = env_fallback(name)
    if not value.strip():
        raise AnsibleFallbackNotFound
    return value


def shared_options() -> Dict[str, Dict[str, Any]]:
    """Return the argument spec of the options that every module accepts."""
    return {
        "api_key": {
            "type": "str",
            "required": True,
            "no_log": True,
            "fallback": (_environment, ["IMPROVMX_API_KEY"]),
        },
        "api_url": {
            "type": "str",
            "default": "https://api.improvmx.com",
            "fallback": (_environment, ["IMPROVMX_API_URL"]),
        },
        "api_version": {
            "type": "str",
            "default": "v3",
            "choices": sorted(API_VERSIONS),
            "fallback": (_environment, ["IMPROVMX_API_VERSION"]),
        },
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "timeout": {"type": "int", "default": 30},
        "retry_timeout": {"type": "int", "default": 300},
    }


def make_module(options: Mapping[str, Any], **constraints: Any) -> AnsibleModule:
    """Return a module with its own options and the shared ones."""
    return AnsibleModule(
        argument_spec={**shared_options(), **options}, supports_check_mode=True, **constraints
    )


def execute(
    module: AnsibleModule,
    read: Callable[[Type[Api]], _Input],
    work: Callable[[Api, _Input], Dict[str, Any]],
    when_failed: Optional[Mapping[str, Any]] = None,
) -> None:
    """Run a module and exit, with its results or with a failure that includes the results so far.

    ``read`` parses the module's own options for a version of the API, and may raise InputError. ``work``
    gets the parsed options. ``when_failed``: the default results of a failure.
    """
    if REQUESTS_IMPORT_ERROR:
        module.fail_json(
            msg=missing_required_lib("requests"),
            exception=REQUESTS_IMPORT_ERROR,
            **_with_costs(module, None, when_failed or {}),
        )
    transport: Optional[Transport] = None
    try:
        api_class = API_VERSIONS[module.params["api_version"]]
        transport, given = read_all(lambda: open_transport(module.params), lambda: read(api_class))
        warning = warning_of_version(module.params)
        if warning:
            module.warn(warning)
        with stopped_by_signals(transport.stop):
            results = work(api_class(transport), given)
    except ImprovmxError as error:
        failure = {**(when_failed or {}), **getattr(error, "results", {})}
        if transport and transport.stop.is_set():
            module.log(str(error))  # Ansible was interrupted as well, and shows no result
        module.fail_json(msg=str(error), **_with_costs(module, transport, failure))
    module.exit_json(**_with_costs(module, transport, results))


def read_all(*readers: Callable[[], Any]) -> List[Any]:
    """Return the results of all readers. Raises one InputError with the problems of all of them."""
    results: List[Any] = []
    problems = Problems()
    for reader in readers:
        with problems.collected():
            results.append(reader())
    problems.raise_if_any()
    return results


def read_number(params: Mapping[str, Any], option: str, least: int, most: float = math.inf) -> Optional[int]:
    """Return the value of a numeric option; None if it is not set. Raises InputError."""
    value: Optional[int] = params[option]
    if value is None or least <= value <= most:
        return value
    bounds = "at least %d" % least if most == math.inf else "from %d to %d" % (least, most)
    raise InputError(["%s must be %s" % (option, bounds)])


def read_option(params: Mapping[str, Any], option: str, parse: Callable[[str], _Input]) -> Optional[_Input]:
    """Return the parsed value of a text option; None if it is not set. Raises InputError."""
    text = params[option]
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise InputError(["%s: %s can't be used: %s" % (option, quoted(text), error)]) from None


def _with_costs(
    module: AnsibleModule, transport: Optional[Transport], results: Mapping[str, Any]
) -> Dict[str, Any]:
    waits = warning_of_waits(transport, "this task") if transport else ""
    if waits:
        module.warn(waits)
    return {**results, "api_requests": transport.requests_made if transport else 0}
