# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Problems of the desired state, found before any module runs, like those that the module would find."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.names import split_forward
from ansible_collections.improvmx.email.plugins.module_utils._module.provision import domains_item_options
from ansible_collections.improvmx.email.plugins.plugin_utils._check import as_read

ODD = st.sampled_from([None, True, False, 7, "yes", "a@x.example, b@x.example", "", [], ["a"], [1], {}, [{}]])
STATES = st.sampled_from(["present", "absent", "gone"])
ALIASES = st.fixed_dictionaries(
    {},
    optional={"alias": st.just("info") | ODD, "forward": ODD, "state": STATES | ODD, "id": ODD, "odd": ODD},
)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "domain": st.just("example.com") | ODD,
        "state": STATES | ODD,
        "aliases": st.lists(ALIASES, max_size=2) | ODD,
        "purge_aliases": ODD,
        "webhook": ODD,
        "active": ODD,
        "odd": ODD,
    },
)


def reported(item: dict[str, Any]) -> dict[str, Any]:
    """An item without empty values, and with a list of destinations."""
    said = {name: value for name, value in item.items() if value is not None}
    aliases = said.get("aliases")
    if aliases is not None:
        said["aliases"] = [reported(alias) for alias in aliases]
    if "forward" in said:
        said["forward"] = split_forward(said["forward"])
    return said


@given(ITEMS)
def test_domains_parsed_without_ansibles_check_equal_the_checked_ones(item: dict[str, Any]) -> None:
    options = domains_item_options()
    read = as_read(item, options)
    if read is not None:
        validated = ArgumentSpecValidator(options).validate(item)
        assert validated.error_messages == []
        assert reported(read) == reported(validated.validated_parameters)


def test_an_ordinary_domain_needs_no_check_by_ansible() -> None:
    item = {
        "domain": "example.com",
        "aliases": [{"alias": "info", "forward": "a@x.example"}, {"alias": "*", "state": "absent"}],
        "purge_aliases": True,
        "webhook": None,
    }
    assert as_read(item, domains_item_options()) is not None
