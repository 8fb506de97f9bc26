# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with what is desired of an account, as its module would find it, but before any module runs.

So one message tells it all, of every account, with the names of hosts and variables.
"""

from __future__ import annotations

from typing import Any, List

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.improvmx.email.plugins.module_utils._connection import DIALECTS
from ansible_collections.improvmx.email.plugins.module_utils._model import InputError, domain_wishes
from ansible_collections.improvmx.email.plugins.module_utils._provision import domains_item_options
from ansible_collections.improvmx.email.plugins.plugin_utils._gather import Account


def problems_of(account: Account) -> List[str]:
    """Every problem of the domains of an account."""
    api = DIALECTS[account.version]
    validator = ArgumentSpecValidator(domains_item_options())
    problems: List[str] = []
    items: List[Any] = []
    places = []
    for desired in account.domains:
        validated = validator.validate(desired.item)
        if validated.error_messages:
            problems += ["%s: %s" % (desired.place, text) for text in validated.error_messages]
        else:
            items.append(validated.validated_parameters)
            places.append((desired.place, desired.prefix))
    try:
        domain_wishes(items, api.settings, api.version, places)
    except InputError as error:
        problems += error.problems
    return problems
