# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validates the desired state of an account as its module would, before any module runs.

One message can then report the problems of all accounts, with the names of hosts and variables.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.improvmx.email.plugins.module_utils._api.connect import API_VERSIONS
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import domain_wishes
from ansible_collections.improvmx.email.plugins.module_utils._model.problems import Problems
from ansible_collections.improvmx.email.plugins.module_utils._module.provision import domains_item_options
from ansible_collections.improvmx.email.plugins.plugin_utils._gather import Account

_TYPES = {"str": str, "bool": bool}


def problems_of(account: Account) -> List[str]:
    """Return all problems of the desired domains of an account."""
    api = API_VERSIONS[account.version]
    options = domains_item_options()
    validator = ArgumentSpecValidator(options)
    problems = Problems()
    items: List[Any] = []
    places = []
    for desired in account.domains:
        item = as_read(desired.item, options)
        if item is None:
            validated = validator.validate(desired.item)
            if validated.error_messages:
                problems += ["%s: %s" % (desired.place, _reason(error)) for error in validated.errors.errors]
                continue
            item = validated.validated_parameters
        items.append(item)
        places.append((desired.place, desired.prefix))
    with problems.collected():
        domain_wishes(items, api.manages, api.version, places)
    return problems


def _reason(error: Any) -> str:
    """The message of an error that Ansible's own check found. It is not a whole sentence by itself."""
    text = str(error.msg).rstrip(".")
    return "unsupported parameters: " + text if isinstance(error, UnsupportedError) else text


def as_read(values: Mapping[str, Any], options: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Convert values as a module does, in simple cases; return None if Ansible's own validation is needed.

    Ansible's validation takes a millisecond for each domain, and an inventory can contain thousands.
    """
    read: Dict[str, Any] = {name: spec["default"] for name, spec in options.items() if "default" in spec}
    for name, value in values.items():
        spec = options.get(name)
        if spec is None or (value is None and "default" in spec):
            return None
        if value is None:
            continue
        kind = spec["type"]
        if kind == "list" and spec["elements"] == "str":
            value = [value] if isinstance(value, str) else value  # split at commas later
            choices = spec.get("choices")
            fits = isinstance(value, list) and all(
                isinstance(element, str) and (choices is None or element in choices) for element in value
            )
        elif kind == "list":
            elements = value if isinstance(value, list) else [None]
            value = [as_read(e, spec["options"]) if isinstance(e, dict) else None for e in elements]
            fits = None not in value
        elif kind == "float":
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
            value = float(value) if fits else value
        else:
            fits = kind == "raw" or (
                isinstance(value, _TYPES[kind]) and value in spec.get("choices", [value])
            )
        if not fits:
            return None
        read[name] = value
    return (
        read if all(read.get(name) is not None for name in options if options[name].get("required")) else None
    )
