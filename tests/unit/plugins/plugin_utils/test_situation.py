# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role reads of an inventory and a play, with the variables of Ansible but without running it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import context
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.utils.vars import load_extra_vars, load_options_vars
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.improvmx.email.plugins.plugin_utils._gather import Host, Situation
from ansible_collections.improvmx.email.plugins.plugin_utils._situation import read_situation

Read = Callable[..., Situation]
DOMAINS = [{"domain": "example.com"}]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads the situation of a play for these groups of hosts."""

    def read(
        groups: dict[str, dict[str, Any]],
        play: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
        limit: str | None = None,
        more: list[str] | None = None,
    ) -> Situation:
        children = {group: {"hosts": hosts} for group, hosts in groups.items()}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
        sources = [str(tmp_path / "hosts.yml"), *(str(tmp_path / name) for name in more or [])]
        words = {"extra_vars": (json.dumps(extra or {}),), "inventory": tuple(sources), "subset": limit}
        monkeypatch.setattr(context, "CLIARGS", ImmutableDict(words))
        monkeypatch.setattr(load_extra_vars, "extra_vars", None, raising=False)
        monkeypatch.setattr(load_options_vars, "options_vars", None, raising=False)
        loader = DataLoader()
        inventory = InventoryManager(loader=loader, sources=sources)
        inventory.subset(limit)
        manager = VariableManager(loader=loader, inventory=inventory)
        HostVars(inventory=inventory, variable_manager=manager, loader=loader)  # is known to the manager
        (tmp_path / "play.yml").write_text(yaml.safe_dump({"hosts": "all:localhost", **(play or {})}))
        data = loader.load_from_file(str(tmp_path / "play.yml"), trusted_as_template=True)
        loaded = Play.load(data, variable_manager=manager, loader=loader)
        hosts = inventory.get_hosts(loaded.hosts)
        names = [host.name for host in hosts]
        task_vars = manager.get_vars(play=loaded, host=hosts[0], _hosts=names, _hosts_all=names)
        return read_situation(loader, task_vars)

    return read


def mail(**variables: Any) -> dict[str, dict[str, Any]]:
    """The group of a single host with these variables."""
    return {"mail": {"a.example": {f"improvmx_{name}": value for name, value in variables.items()}}}


def first(situation: Situation) -> Host:
    return situation.hosts[0]


# --- Hosts ----------------------------------------------------------------------------------------


def test_every_host_of_the_play_is_read_and_the_controller_is_in_no_group(read: Read) -> None:
    situation = read({**mail(state="present", team="x"), "web": {"web1": None}})
    assert situation.hosts == [
        Host(
            "a.example",
            {"improvmx_state": "present"},
            names=frozenset({"improvmx_state", "improvmx_team"}),
        ),
        Host("web1"),
        Host("localhost", implicit=True),
    ]
    assert [host.implicit for host in read({"mail": {"localhost": None}}).hosts] == [False]


def test_templates_see_the_variables_of_their_host_and_of_the_play(read: Read) -> None:
    alias = {"alias": "{{ team }}", "forward": "{{ boss }}@{{ inventory_hostname }}"}
    hosts = {name: {"improvmx_aliases": [alias], "boss": name[0]} for name in ("b.example", "c.example")}
    situation = read({"mail": {"a.example": None, **hosts}}, {"vars": {"team": "shop"}})
    assert [host.values for host in situation.hosts] == [
        {},
        {"improvmx_aliases": [{"alias": "shop", "forward": "b@b.example"}]},
        {"improvmx_aliases": [{"alias": "shop", "forward": "c@c.example"}]},
        {},
    ]


def test_what_the_inventory_plugin_found_is_not_evaluated(read: Read) -> None:
    situation = read({"mail": {"a.example": {"improvmx": {"webhook": "{{ typo }}"}}}})
    assert (first(situation).values, first(situation).failures) == ({"improvmx": True}, {})


def test_keys_that_yaml_reads_as_other_types_are_texts(read: Read) -> None:
    (value,) = first(read(mail(aliases=[{"alias": "info", True: "x", 7: "y"}]))).values.values()
    assert value == [{"alias": "info", "True": "x", "7": "y"}]


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("state", "{{ typo }}", "'typo' is undefined"),
        ("aliases", [{"alias": "{{ typo }}"}], "'typo' is undefined"),
        ("api_key", "{{ typo }}", "'typo' is undefined"),
        ("domains", "{{ typo }}", "'typo' is undefined"),
        ("state", "{{ 1 / 0 }}", "division by zero"),
        ("api_key", "{{ 1 / 0 }}", "the reason is not shown, because it could contain a secret"),
        ("credentials", "{{ 1 / 0 }}", "the reason is not shown, because it could contain a secret"),
        (
            "domains",
            [{"domain": "{{ 1 / 0 }}"}],
            "the reason is not shown, because it could contain a secret",
        ),
    ],
)
def test_a_template_that_fails_has_no_value_but_a_reason_without_secrets(
    read: Read, variable: str, value: Any, reason: str
) -> None:
    host = first(read(mail(**{variable: value, "timeout": 5})))
    assert host.values == {"improvmx_timeout": 5}
    assert list(host.failures) == [f"improvmx_{variable}"]
    assert reason in host.failures[f"improvmx_{variable}"]
    assert host.names == {f"improvmx_{variable}", "improvmx_timeout"}


def test_an_omitted_variable_has_a_name_but_no_value(read: Read) -> None:
    host = first(read(mail(domains="{{ typo | default(omit) }}", state=None)))
    assert (host.values, host.failures) == ({"improvmx_state": None}, {})
    assert host.names == {"improvmx_domains", "improvmx_state"}


# --- The play and the command line ----------------------------------------------------------------


def test_variables_of_a_play_and_of_the_command_line_are_those_of_every_host(read: Read) -> None:
    groups = {"mail": {"a.example": {"improvmx_state": "present"}, "b.example": None}}
    play = {"vars": {"improvmx_webhook": "https://{{ inventory_hostname }}/", "improvmx_team": "x"}}
    situation = read(groups, play, extra={"improvmx_state": "absent", "improvmx_timeout": 5})
    assert situation.from_play == {"improvmx_webhook"}
    assert situation.everywhere == {"improvmx_state", "improvmx_timeout"}
    assert [host.values for host in situation.hosts] == [
        {"improvmx_state": "absent", "improvmx_timeout": 5, "improvmx_webhook": f"https://{name}/"}
        for name in ("a.example", "b.example", "localhost")
    ]
    assert "improvmx_team" in first(situation).names


@pytest.mark.parametrize(
    ("groups", "limit", "hidden"),
    [
        ({"web": {"web1": None}, "control": {"localhost": {"improvmx_domains": DOMAINS}}}, None, []),
        (
            {"web": {"web1": None}, "control": {"localhost": {"improvmx_domains": DOMAINS}}},
            "web",
            ["localhost"],
        ),
        ({"web": {"web1": None}, "m": {"m1": {"improvmx_domains": DOMAINS}, "m2": None}}, "web:m2", ["m1"]),
        ({"m": {"m1": {"improvmx_domains": DOMAINS}, "m2": {"improvmx_domains": DOMAINS}}}, "m2", []),
        ({"web": {"web1": None, "web2": {"improvmx_state": "present"}}}, "web1", []),
    ],
    ids=["no limit", "list of the controller", "list of a host", "another list", "no list"],
)
def test_a_limit_can_hide_the_lists_of_hosts(
    read: Read, groups: dict[str, Any], limit: str | None, hidden: list[str]
) -> None:
    situation = read(groups, limit=limit)
    assert (situation.limited, list(situation.hidden)) == (limit is not None, hidden)


# --- Sources of the inventory ---------------------------------------------------------------------

BROKEN = "mail:\n  hosts: [b.example\n"
READABLE = "mail: {hosts: {b.example: }}\n"


@pytest.mark.parametrize(
    ("files", "sources", "unread"),
    [
        ({}, [], []),
        ({"two.yml": READABLE}, ["two.yml"], []),
        ({"two.yml": BROKEN}, ["two.yml"], ["two.yml"]),
        ({}, ["missing.yml"], ["missing.yml"]),
        (
            {"more/two.yml": BROKEN, "more/three.yml": READABLE, "more/sub/four.yml": BROKEN},
            ["more"],
            ["more/sub/four.yml", "more/two.yml"],
        ),
        ({"more/two.yml": READABLE, "more/notes.txt~": BROKEN, "more/two.yml.orig": BROKEN}, ["more"], []),
    ],
    ids=["none", "readable", "broken", "missing", "in folders", "files that ansible ignores"],
)
def test_sources_that_could_not_be_read_are_known(
    read: Read, tmp_path: Path, files: dict[str, str], sources: list[str], unread: list[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read(mail(state="present"), more=sources).unread == [str(tmp_path / name) for name in unread]
