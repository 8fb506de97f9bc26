#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_domain_info
short_description: Read ImprovMX domains with all their aliases
version_added: 1.0.0
description:
  - Returns one domain, the domains whose names start with a text, or all domains of the account, each with all its
    aliases.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
  - improvmx.email.improvmx.attributes
attributes:
  check_mode:
    support: full
    details: This module changes nothing.
  diff_mode:
    support: N/A
  idempotent:
    support: full
    details: This module changes nothing.
  platform:
    platforms: all
options:
  domain:
    description:
      - The name of the domain to read, in Unicode or as an A-label.
    type: str
  query:
    description:
      - Return only domains whose names start with this text.
    type: str
  active:
    description:
      - Return only domains that are active (V(true)) or inactive (V(false)).
    type: bool
  include:
    description:
      - What else to return of each domain. Needs O(api_version=v3).
      - V(credentials) takes one request for each domain, V(rules) one or more for each domain that is routed by rules.
    type: list
    elements: str
    choices: [rules, credentials]
    default: []
seealso:
  - module: improvmx.email.improvmx_domain
  - module: improvmx.email.improvmx_domains
  - plugin: improvmx.email.dns_records
    plugin_type: filter
  - plugin: improvmx.email.improvmx
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Read a domain
  improvmx.email.improvmx_domain_info:
    domain: example.com
  register: found

- name: Fail if the domain does not exist
  ansible.builtin.assert:
    that: found.domains | length == 1

- name: Read the domains that are not active
  improvmx.email.improvmx_domain_info:
    active: false
  register: waiting

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ waiting.domains | map(attribute='display') | join(', ') }}"

- name: Read all domains with their SMTP credentials
  improvmx.email.improvmx_domain_info:
    include: [credentials]
  register: senders

- name: Show the logins of each domain
  ansible.builtin.debug:
    msg: "{{ item.credentials | map(attribute='username') | map('regex_replace', '$', '@' ~ item.domain) | list }}"
  loop: "{{ senders.domains }}"
  loop_control:
    label: "{{ item.domain }}"
"""

RETURN = r"""
domains:
  description:
    - The domains, sorted by name. Empty if there are none.
    - This is a valid value of O(improvmx.email.improvmx_domains#module:domains).
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: The name as an A-label.
      type: str
      returned: always
      sample: xn--bcher-kva.example
    display:
      description: The name in Unicode.
      type: str
      returned: always
      sample: bücher.example
    active:
      description: Whether the service forwards mail of the domain.
      type: bool
      returned: always
    added:
      description: When the domain was added, in ISO 8601 and UTC.
      type: str
      returned: always
      sample: "2026-01-31T08:00:00Z"
    notification_email:
      description: The address for notifications. C(null) means the address of the account.
      type: str
      returned: always
    webhook:
      description: The URL that the service calls for mail of the domain.
      type: str
      returned: always
    whitelabel:
      description: The white label domain.
      type: str
      returned: always
    aliases:
      description: All aliases of the domain.
      type: list
      elements: dict
      returned: always
      contains:
        alias:
          description: The name of the alias.
          type: str
          returned: always
          sample: info
        forward:
          description: The destinations.
          type: list
          elements: str
          returned: always
          sample: [ann@mail.example]
        id:
          description: The id of the alias in the service.
          type: str
          returned: always
          sample: "4711"
    rules:
      description:
        - The rules, in the order in which they are tried, in the form of
          O(improvmx.email.improvmx_domain#module:rules).
        - Empty for a domain that is routed by aliases.
      type: list
      elements: dict
      returned: when O(include) contains V(rules)
      sample:
        - id: 0b9e6a2c-0000-0000-0000-000000000000
          type: alias
          alias: info
          forward: [ann@mail.example]
          rank: 1.0
          active: true
          created: "2026-01-31T08:00:00Z"
    credentials:
      description: The SMTP credentials. The service never shows their passwords.
      type: list
      elements: dict
      returned: when O(include) contains V(credentials)
      sample:
        - username: newsletter
          created: "2026-01-31T08:00:00Z"
          usage: 0
    dns_records:
      description:
        - The DNS records that the domain needs, each with one value.
        - To merge an existing SPF record, to add the records for sending mail or to get record sets, use the filter
          P(improvmx.email.dns_records#filter).
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The name, relative to the domain. V(@) is the domain itself.
          type: str
          returned: always
        fqdn:
          description: The full name.
          type: str
          returned: always
        type:
          description: The type of the record.
          type: str
          returned: always
        ttl:
          description: How long the record may be cached, in seconds.
          type: int
          returned: always
        value:
          description: The value, without the priority.
          type: str
          returned: always
        priority:
          description: The priority of an MX record.
          type: int
          returned: always
    daily_quota:
      description: The number of mails that the service forwards for the domain in a day.
      type: int
      returned: if the service returns it
    dkim_selector:
      description: The selector of the DKIM signatures of the service.
      type: str
      returned: if the service returns it
    banned:
      description: Whether the service has banned the domain.
      type: bool
      returned: if the service returns it
    strict_mxes:
      description: The field of the same name in the API.
      type: bool
      returned: if the service returns it
    routing_engine:
      description: Whether mail of the domain is routed by aliases (V(alias)) or by rules (V(rules)).
      type: str
      returned: if the service returns it
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 1
"""

from typing import Any, Dict, Optional, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._errors import InputError
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import LISTS
from ansible_collections.improvmx.email.plugins.module_utils._model.idna import parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._model.views import describe_domain
from ansible_collections.improvmx.email.plugins.module_utils._module.base import (
    execute,
    make_module,
    read_all,
    read_option,
)
from ansible_collections.improvmx.email.plugins.module_utils._run.fetch import read_lists_of, read_selected


def main() -> None:
    module = make_module(
        {
            "domain": {"type": "str"},
            "query": {"type": "str"},
            "active": {"type": "bool"},
            "include": {"type": "list", "elements": "str", "choices": list(LISTS), "default": []},
        },
        mutually_exclusive=[("domain", "query")],
    )
    params = module.params

    def refuse(api: Type[Api]) -> None:
        if any(name not in api.manages for name in params["include"]):
            raise InputError(["include: API %s can't read it; v3 can" % api.version])

    def read(api: Type[Api]) -> Optional[str]:
        name: Optional[str] = read_all(
            lambda: read_option(params, "domain", parse_domain), lambda: refuse(api)
        )[0]
        return name

    def work(api: Api, name: Optional[str]) -> Dict[str, Any]:
        domains = read_selected(api, name, params["query"], params["active"])
        if params["include"]:
            domains = read_lists_of(api, domains, params["include"])
        return {"changed": False, "domains": [describe_domain(domain) for domain in domains]}

    execute(module, read, work)


if __name__ == "__main__":
    main()
