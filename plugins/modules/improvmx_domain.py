#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_domain
short_description: Manage an ImprovMX domain with its settings, aliases, rules and SMTP credentials
version_added: 0.1.0
description:
  - Creates, changes or deletes a domain, its settings, aliases, rules and SMTP credentials.
  - What is not mentioned is not managed and stays as it is.
  - For several domains use M(improvmx.email.improvmx_domains). It needs fewer requests.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: all
options:
  domain:
    description:
      - The name of the domain, in Unicode or as A-label. Case and a dot at the end make no difference.
    type: str
    required: true
  state:
    description:
      - Whether the domain is to be there. With V(absent) the service deletes its aliases with it,
        and the other options of the domain have no effect.
    type: str
    choices: [present, absent]
    default: present
  notification_email:
    description:
      - Where the service sends its notifications about the domain. An empty string clears it, which means the
        address of the account. Needs O(api_version=v3).
    type: str
  webhook:
    description:
      - A URL that the service tells about mail of the domain. An empty string clears it. Needs O(api_version=v3).
    type: str
  whitelabel:
    description:
      - The white label domain to show instead of the service's own. An empty string clears it.
        Needs O(api_version=v3).
    type: str
  aliases:
    description:
      - Aliases of the domain. Those that are not listed stay as they are, unless O(purge_aliases=true).
      - The service makes a catch-all alias V(*) for each new domain. List it to manage it.
    type: list
    elements: dict
    suboptions:
      alias:
        description:
          - What stands before the C(@), V(*) for the catch-all, or a regular expression. Case makes no difference.
          - A text. Put a name in quotes that YAML takes for something else, such as V(on), V(no) or V(007).
          - A truth value or a number is refused.
        type: raw
        required: true
      forward:
        description:
          - Where the mail goes. Each destination is an e-mail address, an C(http) or C(https) URL, or the word
            V(null), which accepts the mail and throws it away. V(null) must stand alone, and in quotes.
          - Order, doubles, spaces and the case of a destination's domain make no difference.
          - Commas separate destinations, so a URL has to write its own as C(%2C).
          - Required when O(aliases[].state=present).
        type: list
        elements: str
      state:
        description:
          - Whether the alias is to be there.
        type: str
        choices: [present, absent]
        default: present
  purge_aliases:
    description:
      - Whether to delete the aliases of the domain that are not in O(aliases), which is required then.
      - An empty list, C([]), deletes all aliases.
    type: bool
    default: false
  rules:
    description:
      - Rules of the domain, which must be routed by rules. It is switched to them in the dashboard of ImprovMX.
        Needs O(api_version=v3).
      - Those that are not listed stay as they are, unless O(purge_rules=true).
      - Where none of them has a rank, their order is the order in which they are tried. Ranks are set where the existing
        ones contradict it, as few as possible. Ranks for some of them only are rejected.
    type: list
    elements: dict
    suboptions:
      id:
        description:
          - The service's id of an existing rule, as M(improvmx.email.improvmx_domain_info) returns it.
          - Without it the rule is found by its type and its matcher, see M(improvmx.email.improvmx_rule).
        type: str
      type:
        description: What the rule looks at. Required without O(rules[].id).
        type: str
        choices: [alias, regex, cel]
      alias:
        description: What stands before the C(@), or V(*) for the catch-all, for O(rules[].type=alias).
        type: raw
      regex:
        description: A regular expression, for O(rules[].type=regex).
        type: str
      scopes:
        description: In which parts of a mail O(rules[].regex) is looked for.
        type: list
        elements: str
        choices: [sender, recipient, subject, body]
      expression:
        description: An expression in CEL, the Common Expression Language, for O(rules[].type=cel).
        type: str
      forward:
        description: Where the mail goes, as in O(aliases[].forward).
        type: list
        elements: str
      rank:
        description: The place of the rule among the others, lowest first.
        type: float
      active:
        description: Whether the rule is in force.
        type: bool
        default: true
      state:
        description: Whether the rule should exist.
        type: str
        choices: [present, absent]
        default: present
  purge_rules:
    description: Whether to delete the rules of the domain that are not in O(rules), which is required then.
    type: bool
    default: false
  credentials:
    description:
      - SMTP credentials of the domain. Those that are not listed stay as they are, unless O(purge_credentials=true).
        Needs O(api_version=v3).
    type: list
    elements: dict
    suboptions:
      username:
        description:
          - What stands before the C(@) of the login. Case makes no difference.
          - Put a name in quotes that YAML takes for something else, such as V(on) or V(007).
        type: raw
        required: true
      password:
        description:
          - The password, required where the credential does not exist yet. It never appears in any output.
          - Put a password in quotes that YAML takes for something else, such as V(0123) or V(1e5).
        type: str
      update_password:
        description:
          - V(on_create) sets the password of a new credential only, so that a second run changes nothing.
          - V(always) sets it on every run, and each such run reports a change, for the service never shows a password.
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
      - Whether to delete the credentials of the domain that are not in O(credentials), which is required then.
    type: bool
    default: false
seealso:
  - module: improvmx.email.improvmx_alias
  - module: improvmx.email.improvmx_domains
  - module: improvmx.email.improvmx_domain_info
  - name: The catch-all
    description: The alias that the service makes for each new domain.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/catch_all.rst
  - name: Dry runs
    description: What check mode promises, and what it can't know.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/dry_runs.rst
"""

EXAMPLES = r"""
- name: Have a domain with two aliases, and a catch-all of our own
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

- name: Have these aliases and no others, not even a catch-all
  improvmx.email.improvmx_domain:
    domain: example.org
    purge_aliases: true
    aliases:
      - alias: info
        forward: ann@mail.example

- name: Send notifications elsewhere, and stop calling a webhook
  improvmx.email.improvmx_domain:
    domain: example.com
    notification_email: postmaster@mail.example
    webhook: ""

- name: Remove a domain with all its aliases
  improvmx.email.improvmx_domain:
    domain: example.net
    state: absent

- name: Ensure that the rules of a domain are these, in this order
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
    - The domain after the task, or C(null) when there is none.
    - It is in the form of RV(improvmx.email.improvmx_domain_info#module:domains). Of a domain with 200 aliases or
      more, RV(domain.aliases) may hold only those that the task had to read.
  returned: success
  type: dict
  contains:
    domain:
      description: The name as A-label.
      type: str
      returned: always
      sample: xn--bcher-kva.example
    display:
      description: The name as people read it.
      type: str
      returned: always
      sample: bücher.example
    active:
      description: Whether the service forwards the mail of the domain, as far as it is known.
      type: bool
      returned: always
    added:
      description: When the domain was added, in ISO 8601 and UTC.
      type: str
      returned: always
      sample: "2026-01-31T08:00:00Z"
    notification_email:
      description: Where notifications go. C(null) means the address of the account.
      type: str
      returned: always
    webhook:
      description: The URL that is told about mail.
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
    - What was done, in the order of execution. In check mode, what would be done.
    - After a failure, what was really done.
    - The password and the query values of a URL are replaced by C(…) and four digits of a fingerprint, so that a
      change shows, and the secret does not.
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
  description: What was not done, in the form of RV(changes).
  returned: failure
  type: list
  elements: dict
diff:
  description:
    - The managed fields of what changes, before and after, as YAML in the form of the options. One entry for each domain that changes.
    - The password and the query values of a URL are replaced, see RV(changes).
  returned: success, and after a failure with what was done until then
  type: list
  elements: dict
  sample:
    - before_header: example.com
      after_header: example.com
      before: "domain: example.com\naliases:\n  - {alias: info, forward: ann@mail.example}\n"
      after: "domain: example.com\naliases:\n  - {alias: info, forward: bob@mail.example}\n"
api_requests:
  description: How many HTTP requests the task made, repeats included.
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
