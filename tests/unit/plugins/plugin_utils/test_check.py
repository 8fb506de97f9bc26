# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Problems of the desired state, found before any module runs, like those that the module would find."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.names import split_forward
from ansible_collections.improvmx.email.plugins.module_utils._module.provision import domains_item_options
from ansible_collections.improvmx.email.plugins.plugin_utils._check import as_read, problems_of
from ansible_collections.improvmx.email.plugins.plugin_utils._gather import Host, Situation, gather

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


# --- Problems -------------------------------------------------------------------------------------

ALIAS = {"alias": "info", "forward": "ann@mail.example"}
SUPPORTED = "Supported parameters include: alias, forward, id, state"


def problems(version: str = "v3", **values: dict[str, Any]) -> list[str]:
    """The problems of the only account of these hosts and their variables."""
    hosts = [Host(name, {f"improvmx_{n}": v for n, v in each.items()}) for name, each in values.items()]
    environment = {"IMPROVMX_API_KEY": "sk_9d8f7a6s5d4f3g2h1j", "IMPROVMX_API_VERSION": version}
    (account,), others = gather(Situation(hosts=hosts, environment=environment))
    assert others == ()
    return problems_of(account)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (
            {"domain": "b.example", "state": "gone"},
            "value of state must be one of: present, absent, got: gone",
        ),
        ({"state": "present"}, "missing required arguments: domain"),
        (
            {"domain": "b.example", "aliases": [{**ALIAS, "froward": "x"}]},
            f"unsupported parameters: aliases.froward. {SUPPORTED}",
        ),
        (
            {"domain": "b.example", "aliases": [{**ALIAS, "True": "x"}]},
            f"unsupported parameters: aliases.True. {SUPPORTED}",
        ),
    ],
)
def test_what_ansibles_check_finds_is_a_problem_of_its_domain(item: dict[str, Any], reason: str) -> None:
    assert problems(m1={"domains": [{"domain": "a.example"}, item]}) == [f"improvmx_domains[1]: {reason}"]


def test_problems_name_the_place_of_a_value_in_a_list_or_in_variables_of_a_host() -> None:
    bad = [ALIAS, {"alias": "Info", "forward": "nowhere"}]
    (forward, double) = problems(m1={"domains": [{"domain": "a.example", "aliases": bad}]})
    assert forward.startswith('improvmx_domains[0] (a.example), aliases[1] (Info), forward: "nowhere" can\'t')
    assert double == "improvmx_domains[0] (a.example), aliases[0] and aliases[1] are the same alias, Info"
    (forward, double) = problems(**{"a.example": {"aliases": bad}, "b.example": {"aliases": [ALIAS]}})
    assert forward.startswith('a.example, improvmx_aliases[1] (Info), forward: "nowhere" can\'t')
    assert double == "a.example, improvmx_aliases[0] and aliases[1] are the same alias, Info"


def test_options_that_a_version_lacks_are_problems() -> None:
    webhook = {"a.example": {"webhook": "https://h.example/"}}
    assert problems("v2", **webhook) == ["a.example, improvmx_webhook: API v2 can't manage it; v3 can"]
    assert problems("v3", **webhook) == []


@pytest.mark.parametrize("aliases", [{}, {"aliases": None}])
def test_a_purge_of_aliases_needs_their_list(aliases: dict[str, Any]) -> None:
    (problem,) = problems(**{"a.example": {"purge_aliases": True, **aliases}})
    assert problem.startswith("a.example, improvmx_purge_aliases: it requires aliases")
