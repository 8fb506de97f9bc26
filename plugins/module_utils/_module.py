# Copyright: (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Ansible and the rest meet: the shared options, the connection, errors that become failures."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from ansible_collections.improvmx.email.plugins.module_utils._api import Api
from ansible_collections.improvmx.email.plugins.module_utils._api_v2 import ApiV2
from ansible_collections.improvmx.email.plugins.module_utils._api_v3 import ApiV3
from ansible_collections.improvmx.email.plugins.module_utils._model import ImprovmxError, InputError
from ansible_collections.improvmx.email.plugins.module_utils._transport import (
    REQUESTS_IMPORT_ERROR,
    Transport,
)

_DIALECTS = {dialect.version: dialect for dialect in (ApiV2, ApiV3)}
_WAIT_WORTH_TELLING = 10.0  # seconds


class Failure(ImprovmxError):
    """A run that failed, with the results that it has to show all the same."""

    def __init__(self, message: str, results: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.results = results


def shared_options() -> Dict[str, Dict[str, Any]]:
    """The argument spec of what every module takes."""
    return {
        "api_key": {
            "type": "str",
            "required": True,
            "no_log": True,
            "fallback": (env_fallback, ["IMPROVMX_API_KEY"]),
        },
        "api_url": {
            "type": "str",
            "default": "https://api.improvmx.com",
            "fallback": (env_fallback, ["IMPROVMX_API_URL"]),
        },
        "api_version": {
            "type": "str",
            "default": "v3",
            "choices": sorted(_DIALECTS),
            "fallback": (env_fallback, ["IMPROVMX_API_VERSION"]),
        },
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "timeout": {"type": "int", "default": 30},
        "retry_timeout": {"type": "int", "default": 300},
    }


def make_module(options: Mapping[str, Any], **constraints: Any) -> AnsibleModule:
    """A module with its own options and the shared ones."""
    return AnsibleModule(
        argument_spec={**shared_options(), **options}, supports_check_mode=True, **constraints
    )


def execute(
    module: AnsibleModule,
    work: Callable[[Api], Dict[str, Any]],
    when_failed: Optional[Mapping[str, Any]] = None,
) -> None:
    """Do the module's work and end it, with the results or with a failure that carries what it can.

    ``when_failed``: results of a failure that came before there was anything else to tell.
    """
    if REQUESTS_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
    transport: Optional[Transport] = None
    try:
        transport = _open(module.params)
        results = work(_DIALECTS[module.params["api_version"]](transport))
    except ImprovmxError as error:
        failure = {**(when_failed or {}), **getattr(error, "results", {})}
        module.fail_json(msg=str(error), **_with_costs(module, transport, failure))
    module.exit_json(**_with_costs(module, transport, results))


def _open(params: Mapping[str, Any]) -> Transport:
    problems: List[str] = []
    if params["timeout"] < 1:
        problems.append("timeout must be at least 1 second")
    if params["retry_timeout"] < 0:
        problems.append("retry_timeout can't be negative")
    if problems:
        raise InputError(problems)
    verify = params["ca_path"] if params["validate_certs"] and params["ca_path"] else None
    return Transport(
        params["api_url"],
        params["api_key"],
        timeout=params["timeout"],
        retry_timeout=params["retry_timeout"],
        verify=verify or params["validate_certs"],
    )


def _with_costs(
    module: AnsibleModule, transport: Optional[Transport], results: Mapping[str, Any]
) -> Dict[str, Any]:
    if transport and transport.limit_met and transport.seconds_waited >= _WAIT_WORTH_TELLING:
        module.warn(
            "The rate limit of ImprovMX made this run wait for %.0f s in all; the last limit met was "
            "that of %s." % (transport.seconds_waited, transport.limit_met)
        )
    return {**results, "api_requests": transport.requests_made if transport else 0}
