# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the variables of every host of a play, and evaluates those of the role."""

from __future__ import annotations

import os
from typing import Any, Dict, FrozenSet, List, Mapping, Sequence

from ansible.errors import AnsibleError
from ansible.inventory.manager import IGNORED
from ansible.template import Templar
from ansible.utils.path import unfrackpath
from ansible.utils.vars import load_extra_vars

from ansible_collections.improvmx.email.plugins.module_utils._model.text import printable
from ansible_collections.improvmx.email.plugins.plugin_utils._evaluate import (
    OMITTED,
    Evaluator,
    TemplateFailed,
)
from ansible_collections.improvmx.email.plugins.plugin_utils._gather import (
    FOUND,
    LIST,
    READ,
    Host,
    Situation,
)

_PREFIX = "improvmx"
_DEFAULT_SOURCE = "/etc/ansible/hosts"
# What Ansible itself sets for the host of a task. Another host has its own.
_OF_A_HOST = (
    "inventory_hostname",
    "inventory_hostname_short",
    "inventory_dir",
    "inventory_file",
    "group_names",
    "environment",
    "vars",
)
# The reason of a failure can quote the value, which can be a secret.
_SECRET = ("improvmx_api_key", "improvmx_credentials", LIST)


def read_situation(loader: Any, task_vars: Mapping[str, Any], **more: Any) -> Situation:
    """Read the situation of the task with these variables. ``more``: further fields of the situation."""
    return _Reader(loader, task_vars).read(**more)


class _Reader:
    def __init__(self, loader: Any, task_vars: Mapping[str, Any]) -> None:
        self._loader = loader
        self._vars = task_vars
        self._hostvars = task_vars["hostvars"]
        self._extra: FrozenSet[str] = frozenset(load_extra_vars(loader))
        self._evaluator = Evaluator(self._template)
        self._current_host = task_vars["inventory_hostname"]
        self._all_hosts = frozenset(task_vars["groups"]["all"])
        raw = self._raw(self._current_host)
        # Variables of the play, the role, the task or its loop, which are the same for every host.
        self._common: Dict[str, Any] = {
            name: value
            for name, value in task_vars.items()
            if not _is_of_a_host(name) and not (name in raw and _same(raw[name], value))
        }

    def read(self, **more: Any) -> Situation:
        names: Sequence[str] = self._vars["ansible_play_hosts_all"]
        hosts = [self._host(name) for name in names]
        limited = "ansible_limit" in self._vars
        known = any(LIST in host.names for host in hosts)
        return Situation(
            hosts=hosts,
            from_play=frozenset(self._common) & READ,
            everywhere=self._extra,
            limited=limited,
            hidden=self._hidden(names) if limited and not known else (),
            unread=self._unread(),
            **more,
        )

    def _raw(self, host: str) -> Dict[str, Any]:
        """Return the variables of a host before templating, without those of the play."""
        raw: Dict[str, Any] = self._hostvars.raw_get(host)
        return raw

    def _host(self, name: str) -> Host:
        raw = self._raw(name)
        own = {variable for variable in raw if variable.startswith(_PREFIX)}
        own.update(variable for variable in self._common if variable.startswith(_PREFIX))
        implicit = name not in self._all_hosts
        read = READ & own
        if not read:
            return Host(name, names=frozenset(own), implicit=implicit)
        variables = self._vars if name == self._current_host else {**self._vars, **raw, **self._common}
        values: Dict[str, Any] = {}
        failures: Dict[str, str] = {}
        for variable in sorted(read):
            if variable == FOUND:
                values[variable] = True  # only its existence matters
                continue
            try:
                value = self._evaluator.evaluate(variables[variable], variables)
            except TemplateFailed as error:
                failures[variable] = (
                    "the reason is not shown, because it could contain a secret"
                    if variable in _SECRET and not str(error).endswith("is undefined")
                    else str(error)
                )
                continue
            if value is not OMITTED:
                values[variable] = value
        return Host(name, values, failures, frozenset(own), implicit)

    def _template(self, variables: Mapping[str, Any], value: Any) -> Any:
        templar = Templar(loader=self._loader, variables=variables)
        try:
            # In a list, an omitted value is removed. Alone, it would be an error.
            (found,) = templar.template([value]) or (OMITTED,)
        except AnsibleError as error:
            raise TemplateFailed(printable(str(getattr(error, "message", error)).rstrip("."))) from None
        return found

    def _hidden(self, names: Sequence[str]) -> List[str]:
        """Return the hosts that have a list of domains and are not part of the play."""
        all_hosts = dict.fromkeys([*self._vars["groups"]["all"], "localhost"])
        playing = frozenset(names)
        return [host for host in all_hosts if host not in playing and LIST in self._raw(host)]

    def _unread(self) -> List[str]:
        """Return the inventory sources that Ansible could not read. It only warns about them.

        Only its internal inventory object knows the sources that were read. If that is not available, no
        source counts as unread.
        """
        data = getattr(getattr(self._hostvars, "_inventory", None), "_inventory", None)
        done = getattr(data, "processed_sources", None)
        if done is None:
            return []
        sources = [str(source) for source in self._vars.get("ansible_inventory_sources") or ()]
        files = [file for source in sources for file in _files(source)]
        read = frozenset(map(str, done))
        return [file for file in files if file not in read]


def _files(source: str) -> List[str]:
    """Return the files of a source, which can be a directory. The default source does not have to exist."""
    if "," in source:
        return [source]
    if not os.path.isdir(source):
        return (
            []
            if source == _DEFAULT_SOURCE and not os.path.exists(source)
            else [unfrackpath(source, follow=False)]
        )
    names = [name for name in sorted(os.listdir(source)) if not IGNORED.search(os.fsencode(name))]
    return [file for name in names for file in _files(os.path.join(source, name))]


def _is_of_a_host(name: str) -> bool:
    return name in _OF_A_HOST or name.startswith("ansible_")


def _same(one: Any, other: Any) -> bool:
    return one is other or bool(type(one) is type(other) and one == other)
