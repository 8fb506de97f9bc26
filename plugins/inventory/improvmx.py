# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: improvmx
short_description: Use the domains of an ImprovMX account as hosts
version_added: 1.0.0
description:
  - Adds all domains of the account, or a selection of them, as hosts. The name of a host is the A-label of the domain.
  - Each host has one variable, the dictionary C(improvmx), with what M(improvmx.email.improvmx_domain_info) returns of
    the domain, for example C(improvmx.active) and C(improvmx.aliases).
  - The current state in this dictionary is never taken for the desired state. The role P(improvmx.email.improvmx#role)
    applied to this inventory changes nothing, however old a cache is. The variables of the role, such as
    C(improvmx_aliases), work in C(group_vars) and C(host_vars) next to this inventory as in any other.
  - The inventory file must be named C(improvmx.yml) or C(improvmx.yaml), or end with C(.improvmx.yml) or
    C(.improvmx.yaml).
  - Names from the service that are not domain names are not added, with a warning. The same applies to groups of
    O(keyed_groups) that have the name of a host, or one of C(all), C(ungrouped) and C(localhost).
  - Reading the account takes one request for each 100 domains, and further ones for a domain with 200 aliases or more.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
  - improvmx.email.improvmx
  - improvmx.email.improvmx.plugin
options:
  plugin:
    description:
      - The name of this plugin. Ansible uses it to recognize the file.
    type: str
    required: true
    choices: [improvmx.email.improvmx]
  query:
    description:
      - Add only domains whose names start with this text.
    type: str
  active:
    description:
      - Add only domains that are active (V(true)) or inactive (V(false)).
    type: bool
notes:
  - The connection options, O(query) and O(active) can be templates, for example with a lookup. They can use variables
    from C(--extra-vars), but no others. Extra variables can also set the connection options, as for the role.
  - Ansible shows lines of an inventory file in which it finds an error. Keep the API key in a vault or in the
    environment, not as text in the file. C(ansible-inventory --list) shows extra variables too.
  - Cached domains are only used with the same O(api_url), O(api_version), O(api_key), O(query) and O(active). The cache
    does not contain the API key.
seealso:
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
# mail.improvmx.yml: all domains of the account of IMPROVMX_API_KEY
plugin: improvmx.email.improvmx

---
# The API key comes from a vault, for example with -e @secrets.yml. The domains are grouped by their state (active or
# waiting) and their top-level domain (tld_com, tld_org and so on). The group mail_domains contains all of them.
plugin: improvmx.email.improvmx
api_key: "{{ vault_improvmx_api_key }}"
strict: true
compose:
  catch_all: (improvmx.aliases | selectattr('alias', 'eq', '*') | first | default({})).forward | default([])
groups:
  mail_domains: true
keyed_groups:
  - key: improvmx.active | ternary('active', 'waiting')
    separator: ""
  - key: inventory_hostname | split('.') | last
    prefix: tld

---
# Only inactive domains, read from the service every ten minutes at most
plugin: improvmx.email.improvmx
active: false
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/improvmx
cache_timeout: 600
"""

import hashlib
import json
import os
import re
import sys
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, Optional

from ansible.errors import (
    AnsibleError,
    AnsibleOptionsError,
    AnsibleParserError,
    AnsibleRequiredOptionError,
)
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.improvmx.email.plugins.module_utils._api.connect import (
    API_VERSIONS,
    open_transport,
    warning_of_version,
    warning_of_waits,
)
from ansible_collections.improvmx.email.plugins.module_utils._errors import ImprovmxError, InputError
from ansible_collections.improvmx.email.plugins.module_utils._http.transport import (
    REQUESTS_IMPORT_ERROR,
    Transport,
)
from ansible_collections.improvmx.email.plugins.module_utils._model.idna import parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._model.problems import Problems
from ansible_collections.improvmx.email.plugins.module_utils._model.text import quoted
from ansible_collections.improvmx.email.plugins.module_utils._model.views import describe_domain
from ansible_collections.improvmx.email.plugins.module_utils._run.fetch import read_selected
from ansible_collections.improvmx.email.plugins.plugin_utils._core import require_supported_core

_FILE_NAME = re.compile(r"(\A|[./])improvmx\.ya?ml\Z")
_GROUP = re.compile(r"\w[\w.-]{0,199}\Z")
_MOST_NAMED = 10  # names in a warning
_RESERVED = frozenset(("all", "ungrouped", "localhost", "127.0.0.1"))
# Options of the connection and the selection of domains, which may be templates.
_OWN = (
    "api_key",
    "api_url",
    "api_version",
    "validate_certs",
    "ca_path",
    "timeout",
    "retry_timeout",
    "query",
    "active",
)


@contextmanager
def _no_empty_environment() -> Iterator[None]:
    """Hide empty environment variables, because Ansible would use them as values."""
    names = ("IMPROVMX_API_KEY", "IMPROVMX_API_URL", "IMPROVMX_API_VERSION")
    empty = {name: os.environ[name] for name in names if not os.environ.get(name, name).strip()}
    for name in empty:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(empty)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "improvmx.email.improvmx"
    inventory: Any

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path) and _FILE_NAME.search(path))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        require_supported_core(AnsibleParserError)
        if REQUESTS_IMPORT_ERROR:
            raise AnsibleParserError(
                "The Python library requests is missing, which %s needs for this inventory: install it "
                "there, for example with pip" % sys.executable
            )
        self.templar.available_variables = self._vars
        try:
            self._read_config_data(path)
            domains = self._domains(path, cache)
        except ImprovmxError as error:
            raise AnsibleParserError(str(error)) from None
        existing = set(self.inventory.hosts)
        self._left_out: List[str] = []
        try:
            for domain in domains:
                self._add(domain)
        except (AnsibleError, TypeError) as error:
            for name in set(self.inventory.hosts) - existing:  # a part must not look like the whole inventory
                self.inventory.remove_host(self.inventory.hosts[name])
            # Ansible must not show the lines of the file, which may contain the API key.
            raise AnsibleParserError(str(error)) from None
        if self._left_out:
            names = list(dict.fromkeys(self._left_out))
            more = ", and %d more" % (len(names) - _MOST_NAMED) if len(names) > _MOST_NAMED else ""
            self.display.warning(
                "improvmx: not added to this inventory, because their names could be mistaken for something else: %s%s"
                % (", ".join(names[:_MOST_NAMED]), more)
            )

    # --- Options ----------------------------------------------------------------------------------

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        """Set the options of the file. Problems are collected and reported in one message later."""
        self._problems = Problems()
        valid = {}
        for name, value in (direct or {}).items():
            try:
                valid[name] = self._checked(name, value)
            except ValueError as error:
                self._problems.append("%s: %s" % (name, error))
        try:
            with _no_empty_environment():
                super().set_options(task_keys, var_options, valid)
        except AnsibleRequiredOptionError:
            if not any(problem.startswith("api_key:") for problem in self._problems):
                self._problems.append(
                    "api_key: it is missing; set it, preferably from a vault, or IMPROVMX_API_KEY"
                )
            with _no_empty_environment():
                super().set_options(task_keys, var_options, {**valid, "api_key": "none"})
        except AnsibleOptionsError as error:  # a value of the environment, named in the first sentence
            raise InputError([*self._problems, str(error.args[0]).rstrip(".")]) from None

    def _checked(self, name: str, value: Any) -> Any:
        """Return a value of the file, with its template resolved. Raises ValueError, without the value."""
        definition = self.option_definitions.get(name)
        if definition is None:
            raise ValueError("this plugin has no such option")
        if value is None:
            return None
        if name in _OWN:
            try:
                value = self.templar.template(value)
            except AnsibleError as error:
                raise ValueError("its template can't be resolved: %s" % error) from None
        kind, choices = definition.get("type"), definition.get("choices")
        try:
            if kind in ("bool", "boolean"):
                boolean(value)  # Ansible itself converts any text to false
            self.set_option(name, value)
        except (AnsibleError, TypeError):
            expected = "one of %s" % ", ".join(choices) if choices else "of type %s" % kind
            raise ValueError("it must be %s" % expected) from None
        return value

    def _connect(self) -> Transport:
        """Return the connection; no request is sent yet. Raises InputError."""
        options = {name: self.get_option(name) for name in _OWN}
        with self._problems.collected():
            transport = open_transport(options)
        self._problems.raise_if_any()
        warning = warning_of_version(options)
        if warning:
            self.display.warning(warning)
        return transport

    # --- Domains ----------------------------------------------------------------------------------

    def _domains(self, path: str, cache: bool) -> List[Dict[str, Any]]:
        """Return the selected domains like improvmx_domain_info, from the cache if it is enabled."""
        transport = self._connect()
        cached = self.get_option("cache")
        key, selection = self.get_cache_key(path), self._selection()
        if cached and cache:
            found = self._cache.get(key)
            if found and found.get("selection") == selection:
                return list(found["domains"])
        domains = self._read(transport)
        if cached:
            self._cache[key] = {"selection": selection, "domains": domains}
        return domains

    def _read(self, transport: Transport) -> List[Dict[str, Any]]:
        api = API_VERSIONS[self.get_option("api_version")](transport)
        found = read_selected(api, query=self.get_option("query"), active=self.get_option("active"))
        self.display.vv("improvmx: domains: %d, requests: %d" % (len(found), transport.requests_made))
        waits = warning_of_waits(transport, "this inventory")
        if waits:
            self.display.warning(waits)
        return [describe_domain(domain) for domain in found]

    def _selection(self) -> str:
        """Return a digest of the options that select the domains. It is too short to disclose the key."""
        selection = [
            self.get_option(name) for name in ("api_url", "api_version", "api_key", "query", "active")
        ]
        return hashlib.sha256(json.dumps(selection).encode("utf-8")).hexdigest()[:8]

    # --- Hosts ------------------------------------------------------------------------------------

    def _add(self, domain: Mapping[str, Any]) -> None:
        """Add a domain as a host, with its variables and groups.

        The name must be a domain, because Ansible uses host names as addresses, in paths and in patterns.
        """
        host = domain["domain"]
        if not _is_domain(host) or host in self.inventory.groups:
            self._left_out.append("domain %s" % quoted(str(host)))
            return
        self.inventory.add_host(host)
        self.inventory.set_variable(host, "improvmx", dict(domain))
        variables = self.inventory.get_host(host).get_vars()
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict)
        inventory = self.inventory
        self.inventory = _SafeGroups(inventory, self._left_out)
        try:
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict)
        finally:
            self.inventory = inventory


def _is_domain(name: Any) -> bool:
    """Return whether this is a normalized domain name."""
    try:
        return isinstance(name, str) and parse_domain(name) == name
    except ValueError:
        return False


class _SafeGroups:
    """An inventory that rejects groups whose names could mean something else.

    The names of keyed groups come from the service. In a path they could load files, and in a pattern
    they could match other hosts.
    """

    def __init__(self, inventory: Any, left_out: List[str]) -> None:
        self._inventory, self._left_out = inventory, left_out

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inventory, name)

    def add_group(self, group: str) -> Optional[str]:
        if self._is_safe(group):
            name: str = self._inventory.add_group(group)
            return name
        self._left_out.append("group %s" % quoted(group))
        return None

    def add_host(self, host: str, group: Optional[str] = None) -> None:
        if group is not None:
            self._inventory.add_host(host, group)

    def add_child(self, group: str, child: Optional[str]) -> None:
        if child is not None and self._is_safe(group):
            self._inventory.add_child(group, child)

    def _is_safe(self, group: str) -> bool:
        reserved = group in _RESERVED or group in self._inventory.hosts
        return not reserved and bool(_GROUP.match(group))
