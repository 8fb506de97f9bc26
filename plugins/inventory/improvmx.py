# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: improvmx
short_description: The domains of an ImprovMX account as hosts
version_added: 0.1.0
description:
  - Every domain of the account, or those that are chosen, becomes a host. The name of the host is the domain as A-label.
  - Each host has one variable, the dictionary C(improvmx), with what M(improvmx.email.improvmx_domain_info) returns of the
    domain, as in C(improvmx.active) and C(improvmx.aliases).
  - What was found is not a desired state. The role P(improvmx.email.improvmx#role) applied to this inventory changes
    nothing, however old a cache is. Its variables, such as C(improvmx_aliases), in C(group_vars) and C(host_vars) beside
    this inventory count as anywhere.
  - Its file is named C(improvmx.yml), or anything that ends with C(.improvmx.yml). C(.yaml) does as well.
  - The account is read in one request for each 100 domains, and in further ones for a domain with 200 aliases or more.
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
      - The name of this plugin. It tells Ansible that the file is for it.
    type: str
    required: true
    choices: [improvmx.email.improvmx]
  query:
    description:
      - Take only the domains whose name starts with this.
    type: str
  active:
    description:
      - Take only the domains that are active, or only those that are not.
    type: bool
notes:
  - The options of the connection, O(query) and O(active) may be templates, for example with a lookup. Of variables, only
    those of C(--extra-vars) are known there. Such variables can also set the connection, as they do for the role.
  - Ansible itself shows lines of a file in which it finds an error. So the API key is better in a vault or in the environment
    than as text in the file. C(ansible-inventory --list) shows extra variables, too.
  - What is cached counts for the same O(api_url), O(api_version), O(api_key), O(query) and O(active) only. The API key
    is not in the cache.
seealso:
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
# mail.improvmx.yml: all domains of the account of IMPROVMX_API_KEY
plugin: improvmx.email.improvmx

---
# The key from a vault, for example with -e @secrets.yml. The domains are in groups by what they are:
# active or waiting, tld_com, tld_org and so on. And all are in the group mail_domains.
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
# Only the domains that wait for their DNS records, and at most every ten minutes from the service
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
from typing import Any, Dict, Iterator, List, Mapping

from ansible.errors import (
    AnsibleError,
    AnsibleOptionsError,
    AnsibleParserError,
    AnsibleRequiredOptionError,
)
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.improvmx.email.plugins.module_utils._connection import (
    DIALECTS,
    open_transport,
    tell_waits,
)
from ansible_collections.improvmx.email.plugins.module_utils._model import (
    ImprovmxError,
    InputError,
)
from ansible_collections.improvmx.email.plugins.module_utils._read import read_selected
from ansible_collections.improvmx.email.plugins.module_utils._results import describe_domain
from ansible_collections.improvmx.email.plugins.module_utils._transport import (
    REQUESTS_IMPORT_ERROR,
    Transport,
)

_FILE_NAME = re.compile(r"(\A|[./])improvmx\.ya?ml\Z")
# The connection and the choice of domains: these options may be templates.
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
    """Hide variables of the environment that are empty, for Ansible would take that for a value."""
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

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path) and _FILE_NAME.search(path))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
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
        there = set(self.inventory.hosts)
        try:
            for domain in domains:
                self._add(domain)
        except (AnsibleError, TypeError) as error:
            for name in set(self.inventory.hosts) - there:  # a part could be taken for the whole
                self.inventory.remove_host(self.inventory.hosts[name])
            # Without what Ansible shows of the file along with it, where the API key may be.
            raise AnsibleParserError(str(error)) from None

    # --- Options ----------------------------------------------------------------------------------

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        """Take the options of the file. What is wrong is kept, to be told in one message later."""
        self._problems: List[str] = []
        sound = {}
        for name, value in (direct or {}).items():
            try:
                sound[name] = self._checked(name, value)
            except ValueError as error:
                self._problems.append("%s: %s" % (name, error))
        try:
            with _no_empty_environment():
                super().set_options(task_keys, var_options, sound)
        except AnsibleRequiredOptionError:
            if not any(problem.startswith("api_key:") for problem in self._problems):
                self._problems.append(
                    "api_key: it is missing; set it, best from a vault, or IMPROVMX_API_KEY"
                )
            with _no_empty_environment():
                super().set_options(task_keys, var_options, {**sound, "api_key": "none"})
        except AnsibleOptionsError as error:  # a value of the environment; the first sentence says which
            raise InputError([*self._problems, str(error.args[0]).rstrip(".")]) from None

    def _checked(self, name: str, value: Any) -> Any:
        """A value of the file, with its template resolved. Raises ValueError, without the value."""
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
                boolean(value)  # Ansible itself would take any text for false
            self.set_option(name, value)
        except (AnsibleError, TypeError):
            wanted = "one of %s" % ", ".join(choices) if choices else "of type %s" % kind
            raise ValueError("it must be %s" % wanted) from None
        return value

    def _connect(self) -> Transport:
        """The connection, without any request yet. Raises InputError."""
        try:
            transport = open_transport({name: self.get_option(name) for name in _OWN})
        except InputError as error:
            raise InputError([*self._problems, *error.problems]) from None
        if self._problems:
            raise InputError(self._problems)
        return transport

    # --- Domains ----------------------------------------------------------------------------------

    def _domains(self, path: str, cache: bool) -> List[Dict[str, Any]]:
        """The chosen domains as improvmx_domain_info tells them, from the cache where that is wanted."""
        transport = self._connect()
        cached = self.get_option("cache")
        key, asked = self.get_cache_key(path), self._asked()
        if cached and cache:
            found = self._cache.get(key)
            if found and found.get("asked") == asked:
                return list(found["domains"])
        domains = self._read(transport)
        if cached:
            self._cache[key] = {"asked": asked, "domains": domains}
        return domains

    def _read(self, transport: Transport) -> List[Dict[str, Any]]:
        api = DIALECTS[self.get_option("api_version")](transport)
        found = read_selected(api, query=self.get_option("query"), active=self.get_option("active"))
        self.display.vv("improvmx: domains: %d, requests: %d" % (len(found), transport.requests_made))
        waits = tell_waits(transport, "this inventory")
        if waits:
            self.display.warning(waits)
        return [describe_domain(domain) for domain in found]

    def _asked(self) -> str:
        """What the answer depends on. So little of a digest tells accounts apart, but nothing of a key."""
        asked = [self.get_option(name) for name in ("api_url", "api_version", "api_key", "query", "active")]
        return hashlib.sha256(json.dumps(asked).encode("utf-8")).hexdigest()[:8]

    # --- Hosts ------------------------------------------------------------------------------------

    def _add(self, domain: Mapping[str, Any]) -> None:
        """Make a domain a host, with what the file composes for it."""
        host = domain["domain"]
        self.inventory.add_host(host)
        self.inventory.set_variable(host, "improvmx", dict(domain))
        variables = self.inventory.get_host(host).get_vars()
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict)
