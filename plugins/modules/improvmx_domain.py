#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_domain
short_description: Manage an ImprovMX domain with its settings, aliases, rules and SMTP credentials
version_added: 1.0.0
description:
  - Creates, updates or deletes a domain with its settings, aliases, rules and SMTP credentials.
  - Options that are not set and aliases, rules and credentials that are not listed are not managed and stay unchanged.
  - To manage several domains, use M(improvmx.email.improvmx_domains), which needs fewer requests.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
  - improvmx.email.improvmx.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: Each run with O(credentials[].update_password=always) sets the password and reports a change.
  platform:
    platforms: all
options:
  domain:
    description:
      - The name of the domain, in Unicode or as an A-label. Case and a trailing dot make no difference.
    type: str
    required: true
  state:
    description:
      - Whether the domain should exist. V(absent) deletes the domain with everything in it. The other options of the
        domain have no effect then.
    type: str
    choices: [present, absent]
    default: present
  notification_email:
    description:
      - The address for notifications about the domain. An empty string resets it to the address of the account.
        Needs O(api_version=v3).
    type: str
  webhook:
    description:
      - The URL that the service calls for mail of the domain. An empty string clears it. Needs O(api_version=v3).
    type: str
  whitelabel:
    description:
      - The white label domain to show instead of that of the service. An empty string clears it.
        Needs O(api_version=v3).
    type: str
  aliases:
    description:
      - The aliases of the domain. Others stay unchanged, unless O(purge_aliases=true).
      - The service creates a catch-all alias V(*) with each new domain. List it to manage it.
    type: list
    elements: dict
    suboptions:
      alias:
        description:
          - The part before the C(@), V(*) for the catch-all, or a regular expression. Case makes no difference.
          - It must be a string. A boolean or a number is rejected, so quote names that YAML converts, such as V(on),
            V(no) or V(007).
        type: raw
        required: true
      forward:
        description:
          - The destinations. Each is an e-mail address or an C(http) or C(https) URL. V(null), in quotes and as the
            only destination, accepts the mail and discards it.
          - Order, duplicates, spaces and the case of addresses make no difference.
            Nor does the case of scheme and host of a URL.
          - A comma separates destinations. In a URL, write it as C(%2C).
          - Required if O(aliases[].state=present).
        type: list
        elements: str
      state:
        description:
          - Whether the alias should exist.
        type: str
        choices: [present, absent]
        default: present
  purge_aliases:
    description:
      - Whether to delete the aliases of the domain that are not in O(aliases). Needs O(aliases).
      - An empty list, C([]), deletes all aliases.
    type: bool
    default: false
  rules:
    description:
      - The rules of a domain that is routed by rules, which is set in the ImprovMX dashboard. Needs O(api_version=v3).
      - Other rules stay unchanged, unless O(purge_rules=true).
      - If no listed rule has a rank, the order of the list is the order in which rules are tried. Ranks are changed
        only where they contradict it, as few as possible. Ranks for only some of the listed rules are rejected.
      - M(improvmx.email.improvmx_rule) describes the options in detail.
    type: list
    elements: dict
    suboptions:
      id:
        description:
          - The id of an existing rule, as M(improvmx.email.improvmx_domain_info) returns it.
          - Without it, a rule is found by its type and matcher, see M(improvmx.email.improvmx_rule).
        type: str
      type:
        description: What the rule matches. Required without O(rules[].id).
        type: str
        choices: [alias, regex, cel]
      alias:
        description: The part before the C(@), or V(*) for the catch-all, if O(rules[].type=alias).
        type: raw
      regex:
        description: The regular expression, if O(rules[].type=regex).
        type: str
      scopes:
        description: The parts of a mail in which O(rules[].regex) is searched.
        type: list
        elements: str
        choices: [sender, recipient, subject, body]
      expression:
        description: The expression in the Common Expression Language (CEL), if O(rules[].type=cel).
        type: str
      forward:
        description: The destinations, as in O(aliases[].forward).
        type: list
        elements: str
      rank:
        description: The position of the rule among the others, lowest first.
        type: float
      active:
        description: Whether the rule is active.
        type: bool
        default: true
      state:
        description: Whether the rule should exist.
        type: str
        choices: [present, absent]
        default: present
  purge_rules:
    description:
      - Whether to delete the rules of the domain that are not in O(rules). Needs O(rules).
      - An empty list, C([]), deletes all rules.
    type: bool
    default: false
  credentials:
    description:
      - The SMTP credentials of the domain. Others stay unchanged, unless O(purge_credentials=true).
        Needs O(api_version=v3).
    type: list
    elements: dict
    suboptions:
      username:
        description:
          - The part before the C(@) of the login. Case makes no difference.
          - Quote names that YAML converts, such as V(on) or V(007).
        type: raw
        required: true
      password:
        description:
          - The password. Required if the credential does not exist. It never appears in any output.
          - Quote passwords that YAML converts, such as V(0123) or V(1e5).
        type: str
      update_password:
        description:
          - V(on_create) sets the password of new credentials only, so a second run changes nothing.
          - V(always) sets it on each run and always reports a change, because the service never shows passwords.
        type: str
        choices: [always, on_create]
        default: on_create
      state:
        description: Whether the credential should exist.
        type: str
        choices: [present, absent]
        default: present
  purge_credentials:
    description:
      - Whether to delete the credentials of the domain that are not in O(credentials). Needs O(credentials).
      - An empty list, C([]), deletes all credentials.
    type: bool
    default: false
seealso:
  - module: improvmx.email.improvmx_alias
  - module: improvmx.email.improvmx_domains
  - module: improvmx.email.improvmx_domain_info
  - name: The catch-all
    description: The alias that the service creates with each new domain.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/catch_all.rst
  - name: Dry runs
    description: What check mode guarantees, and what it cannot know.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/dry_runs.rst
"""

EXAMPLES = r"""
- name: Ensure that a domain exists with two aliases and a catch-all
  improvmx.email.improvmx_domain:
    domain: example.com
    aliases:
      - alias: info
        forward: ann@mail.example
      - alias: sales
        forward:
          - bob@mail.example
          - https://hooks.example.net/sales
      - alias: "*"
        forward: ann@mail.example

- name: Ensure that a domain has one alias and no other, not even a catch-all
  improvmx.email.improvmx_domain:
    domain: example.org
    purge_aliases: true
    aliases:
      - alias: info
        forward: ann@mail.example

- name: Set the address for notifications, and clear the webhook
  improvmx.email.improvmx_domain:
    domain: example.com
    notification_email: postmaster@mail.example
    webhook: ""

- name: Ensure that a domain and its aliases do not exist
  improvmx.email.improvmx_domain:
    domain: example.net
    state: absent

- name: Ensure that a domain has exactly these rules, in this order
  improvmx.email.improvmx_domain:
    domain: routed.example
    rules:
      - type: regex
        regex: "(?i)invoice"
        scopes: [subject, body]
        forward: accounts@mail.example
      - type: alias
        alias: "*"
        forward: ann@mail.example
    purge_rules: true

- name: Ensure that a domain has an SMTP credential
  improvmx.email.improvmx_domain:
    domain: example.com
    credentials:
      - username: newsletter
        password: "{{ vault_newsletter_password }}"
"""

RETURN = r"""
domain:
  description:
    - The domain after the task, or C(null) if it does not exist.
    - It has the form of RV(improvmx.email.improvmx_domain_info#module:domains). For a domain with 200 aliases or more,
      RV(domain.aliases) may contain only those that the task had to read.
  returned: success
  type: dict
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
      description: Whether the service forwards mail of the domain, as far as known.
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
      description: The aliases.
      type: list
      elements: dict
      returned: always
      sample: [{"alias": "info", "forward": ["ann@mail.example"], "id": "4711"}]
    rules:
      description: The rules, lowest rank first.
      type: list
      elements: dict
      returned: when O(rules) or O(purge_rules) is set
    credentials:
      description: The SMTP credentials, without their passwords.
      type: list
      elements: dict
      returned: when O(credentials) or O(purge_credentials) is set
    dns_records:
      description: The DNS records that the domain needs.
      type: list
      elements: dict
      returned: always
changes:
  description:
    - What was done, in order of execution. In check mode, what would be done.
    - After a failure, what was done before it.
    - The password and the query values of a URL are replaced by C(…) and four hexadecimal digits of a fingerprint, so
      a change is visible and the secret is not.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: alias
      domain: example.com
      name: info
      before: null
      after: {"forward": ["ann@mail.example"]}
pending:
  description: What was not done because of the failure, in the form of RV(changes).
  returned: failure
  type: list
  elements: dict
diff:
  description:
    - The managed fields before and after, as YAML in the form of the options. One entry for each domain that changes.
    - Secrets in URLs are replaced as in RV(changes).
  returned: success, and after a failure with what was done before it
  type: list
  elements: dict
  sample:
    - before_header: example.com
      after_header: example.com
      before: "domain: example.com\naliases:\n  - {alias: info, forward: ann@mail.example}\n"
      after: "domain: example.com\naliases:\n  - {alias: info, forward: bob@mail.example}\n"
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 1
"""

from typing import Any, Dict, List, Sequence, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import DomainWish, domain_wish
from ansible_collections.improvmx.email.plugins.module_utils._model.views import describe_domain
from ansible_collections.improvmx.email.plugins.module_utils._module.base import make_module
from ansible_collections.improvmx.email.plugins.module_utils._module.provision import (
    domain_options,
    provision,
)
from ansible_collections.improvmx.email.plugins.module_utils._run.engine import DomainRun


def main() -> None:
    module = make_module(domain_options())

    def wishes(api: Type[Api]) -> List[DomainWish]:
        return [domain_wish(module.params, api.manages, api.version)]

    def results(runs: Sequence[DomainRun]) -> Dict[str, Any]:
        domain = runs[0].domain
        return {"domain": describe_domain(domain) if domain else None}

    provision(module, wishes, results)


if __name__ == "__main__":
    main()
