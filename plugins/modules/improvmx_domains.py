#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_domains
short_description: Manage many ImprovMX domains with their settings, aliases, rules and SMTP credentials
version_added: 1.0.0
description:
  - Ensures that the domains of an account are in the desired state, all of them in one task.
  - The account is read once, and only differences are written. A run without changes takes one request for each 100
    domains of the account, regardless of the number of aliases (up to 200 for each domain).
  - Options that are not set and aliases, rules and credentials that are not listed are not managed and stay unchanged.
  - Before the module creates domains or aliases with O(api_version=v3), it reads the limits of the account. This takes
    one request, and one more for the number of domains if O(domains) is a single new domain. The module warns of each
    limit that would be exceeded, in check mode too. It continues all the same, because the service decides.
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
    details: Each run with O(domains[].credentials[].update_password=always) sets the password and reports a change.
  platform:
    platforms: all
options:
  domains:
    description:
      - A list of domains with their desired state. Each item accepts the options of M(improvmx.email.improvmx_domain).
      - The RV(improvmx.email.improvmx_domain_info#module:domains) that M(improvmx.email.improvmx_domain_info) returns
        are a valid value. Fields of them that cannot be managed, such as ids and times, are accepted and ignored.
    type: list
    elements: dict
    required: true
    suboptions:
      domain:
        description: The name of the domain, in Unicode or as an A-label. Case and a trailing dot make no difference.
        type: str
        required: true
      state:
        description:
          - Whether the domain should exist. V(absent) deletes the domain with everything in it. The other options of
            the domain are ignored then.
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
          - The aliases of the domain. Others stay unchanged, unless O(domains[].purge_aliases=true).
          - The service creates a catch-all alias V(*) with each new domain. List it to manage it.
        type: list
        elements: dict
        suboptions:
          alias:
            description:
              - The part before the C(@), V(*) for the catch-all, or a regular expression. Case makes no difference.
              - It must be a string, so quote names that YAML converts, such as V(on), V(no) or V(007).
            type: raw
            required: true
          forward:
            description:
              - The destinations. Each is an e-mail address or an C(http) or C(https) URL. V(null), in quotes and as the
                only destination, accepts the mail and discards it.
              - Order, duplicates, spaces and the case of addresses make no difference.
                Nor does the case of scheme and host of a URL.
              - A comma separates destinations. In a URL, write it as C(%2C).
              - Required if O(domains[].aliases[].state=present).
            type: list
            elements: str
          state:
            description: Whether the alias should exist.
            type: str
            choices: [present, absent]
            default: present
          id: {description: Ignored., type: raw}
      purge_aliases:
        description:
          - Whether to delete the aliases of the domain that are not in O(domains[].aliases). Needs that option.
            An empty list, C([]), deletes all aliases.
        type: bool
        default: false
      rules:
        description:
          - The rules of a domain that is routed by rules, which is set in the ImprovMX dashboard. Other rules stay
            unchanged, unless O(domains[].purge_rules=true). Needs O(api_version=v3).
          - If no listed rule has a rank, the order of the list is the order in which rules are tried. Only ranks that
            contradict this order are changed, as few as possible. Ranks for only some of the listed rules are rejected.
          - M(improvmx.email.improvmx_rule) describes the options in detail.
        type: list
        elements: dict
        suboptions:
          id:
            description:
              - The id of an existing rule, as M(improvmx.email.improvmx_domain_info) returns it. Without it, a rule is
                found by its type and matcher.
            type: str
          type:
            description: What the rule matches. Required without O(domains[].rules[].id).
            type: str
            choices: [alias, regex, cel]
          alias:
            description: The part before the C(@), or V(*) for the catch-all, if O(domains[].rules[].type=alias).
            type: raw
          regex:
            description: The regular expression, if O(domains[].rules[].type=regex).
            type: str
          scopes:
            description: The parts of a mail in which O(domains[].rules[].regex) is searched.
            type: list
            elements: str
            choices: [sender, recipient, subject, body]
          expression:
            description: The expression in the Common Expression Language (CEL), if O(domains[].rules[].type=cel).
            type: str
          forward:
            description: The destinations, as in O(domains[].aliases[].forward).
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
          created: {description: Ignored., type: raw}
      purge_rules:
        description:
          - Whether to delete the rules of the domain that are not in O(domains[].rules). Needs that option.
            An empty list, C([]), deletes all rules.
        type: bool
        default: false
      credentials:
        description:
          - The SMTP credentials of the domain. Others stay unchanged, unless O(domains[].purge_credentials=true).
            Needs O(api_version=v3).
        type: list
        elements: dict
        suboptions:
          username:
            description:
              - The part before the C(@) of the login. Case makes no difference. Quote names that YAML converts, such as
                V(on) or V(007).
            type: raw
            required: true
          password:
            description:
              - The password. Required if the credential does not exist. It never appears in any output.
              - Quote passwords that YAML converts, such as V(0123) or V(1e5).
            type: str
          update_password:
            description:
              - V(on_create) sets the password of new credentials only.
              - V(always) sets it on each run and always reports a change, because the service never shows passwords.
            type: str
            choices: [always, on_create]
            default: on_create
          state:
            description: Whether the credential should exist.
            type: str
            choices: [present, absent]
            default: present
          created: {description: Ignored., type: raw}
          usage: {description: Ignored., type: raw}
      purge_credentials:
        description:
          - Whether to delete the credentials of the domain that are not in O(domains[].credentials). Needs that option.
            An empty list, C([]), deletes all credentials.
        type: bool
        default: false
      # Fields that improvmx_domain_info returns:
      display: {description: Ignored., type: raw}
      active: {description: Ignored., type: raw}
      added: {description: Ignored., type: raw}
      dns_records: {description: Ignored., type: raw}
      daily_quota: {description: Ignored., type: raw}
      dkim_selector: {description: Ignored., type: raw}
      banned: {description: Ignored., type: raw}
      strict_mxes: {description: Ignored., type: raw}
      routing_engine: {description: Ignored., type: raw}
  purge:
    description: Whether to delete the domains of the account that are not in O(domains). Needs O(max_deletions).
    type: bool
    default: false
  max_deletions:
    description:
      - The maximum number of domains, aliases, rules and credentials that the task may delete. Deleting a domain also
        counts its aliases, and its rules and credentials if the task reads them for another reason.
      - If the task would delete more, it fails before it changes anything.
    type: int
  max_domain_deletions:
    description:
      - The maximum number of domains that the task may delete, regardless of the number of their aliases.
      - If the task would delete more, it fails before it changes anything. The role
        P(improvmx.email.improvmx#role) sets it to V(3) if C(improvmx_max_deletions) is not set.
    type: int
  unmanaged:
    description:
      - What to do about domains that exist and are not in O(domains), and about aliases (the catch-all too), rules and
        SMTP credentials of listed domains that are not listed. What the task deletes is not included.
      - V(report) returns them in RV(unmanaged). V(fail) also fails if there are any, before anything is changed.
      - Both read the whole account. With O(api_version=v3), this takes one request for the credentials of each listed
        domain, and one for the rules of each that is routed by rules.
    type: str
    choices: [ignore, report, fail]
    default: ignore
  concurrency:
    description:
      - The number of domains to work on at the same time, from V(1) to V(10). It does not affect the rate limit, the
        results or their order.
    type: int
    default: 8
  progress_file:
    description:
      - A file to which progress is appended while the task runs, for C(tail -f).
      - It is not needed if the task runs on the controller and not in the background. Then the output of the playbook
        shows the progress every few seconds.
    type: path
notes:
  - If one domain fails, the others are still processed, and the task fails at the end. Only if the service is out
    of reach or refuses requests for two domains in a row, the remaining domains are not tried.
seealso:
  - module: improvmx.email.improvmx_domain
  - module: improvmx.email.improvmx_domain_info
  - name: The catch-all
    description: The alias that the service creates with each new domain.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/catch_all.rst
  - name: Dry runs
    description: What check mode guarantees, and what it cannot know.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/dry_runs.rst
  - name: Rate limits and big accounts
    description: How many requests a run takes, and how long.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/rate_limits.rst
"""

EXAMPLES = r"""
- name: Ensure that two domains exist with their aliases, and that a third one does not
  improvmx.email.improvmx_domains:
    domains:
      - domain: example.com
        aliases:
          - alias: info
            forward: ann@mail.example
          - alias: "*"
            state: absent
      - domain: example.org
        purge_aliases: true
        aliases:
          - alias: "*"
            forward: [ann@mail.example, bob@mail.example]
      - domain: example.net
        state: absent

- name: Forward what matches a regular expression to one team, and discard all other mail
  improvmx.email.improvmx_domains:
    domains:
      - domain: example.com
        aliases:
          - alias: "^sales-(uk|de)$"
            forward: sales@mail.example
          - alias: "*"
            forward: "null"

- name: Report what exists in the account and is not listed
  improvmx.email.improvmx_domains:
    domains: "{{ my_domains }}"
    unmanaged: report
  check_mode: true
  register: compared

- name: Ensure that only the listed domains exist, but refuse to delete more than five items
  improvmx.email.improvmx_domains:
    domains: "{{ my_domains }}"
    purge: true
    max_deletions: 5

- name: Read the current state
  improvmx.email.improvmx_domain_info:
  register: account

- name: Apply the current state, which changes nothing
  improvmx.email.improvmx_domains:
    domains: "{{ account.domains }}"
"""

RETURN = r"""
domains:
  description:
    - The domains of O(domains) that exist after the task, in the same order.
    - They have the form of RV(improvmx.email.improvmx_domain_info#module:domains), without the DNS records.
      C(active) is C(null) if it is not known.
  returned: success, and after failures of single domains
  type: list
  elements: dict
  contains:
    aliases:
      description: The aliases. For a domain with 200 or more, it may contain only those that the task had to read.
      type: list
      elements: dict
      returned: always
      sample: [{"alias": "info", "forward": ["ann@mail.example"], "id": "4711"}]
    rules:
      description: The rules, lowest rank first.
      type: list
      elements: dict
      returned: when O(domains[].rules) or O(domains[].purge_rules) is set, or O(unmanaged) is not V(ignore)
    credentials:
      description: The SMTP credentials, without their passwords.
      type: list
      elements: dict
      returned: when O(domains[].credentials) or O(domains[].purge_credentials) is set, or O(unmanaged) is not V(ignore)
unmanaged:
  description:
    - What exists and is neither listed nor deleted. C(kind) is V(domain), V(alias), V(rule) or V(credential).
      C(domain) is an A-label.
  returned: when O(unmanaged) is not V(ignore)
  type: list
  elements: dict
  sample: [{"kind": "alias", "domain": "example.com", "name": "old"}]
failed_domains:
  description: The domains that failed, and why.
  returned: when single domains failed
  type: list
  elements: dict
  sample: [{"domain": "example.com", "msg": "..."}]
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
    - The managed fields before and after, as YAML in the form of the options. One entry for each changed domain.
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

from typing import Any, Dict, Mapping, Optional, Sequence, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._errors import InputError
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import DomainWish, domain_wishes
from ansible_collections.improvmx.email.plugins.module_utils._model.views import describe_domain
from ansible_collections.improvmx.email.plugins.module_utils._module.base import (
    make_module,
    read_all,
    read_number,
)
from ansible_collections.improvmx.email.plugins.module_utils._module.provision import (
    domains_item_options,
    provision,
)
from ansible_collections.improvmx.email.plugins.module_utils._run.engine import DomainRun
from ansible_collections.improvmx.email.plugins.module_utils._run.parallel import MOST_AT_A_TIME


def _options() -> Dict[str, Any]:
    return {
        "domains": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": domains_item_options(),
        },
        "purge": {"type": "bool", "default": False},
        "max_deletions": {"type": "int"},
        "max_domain_deletions": {"type": "int"},
        "unmanaged": {"type": "str", "choices": ["ignore", "report", "fail"], "default": "ignore"},
        "concurrency": {"type": "int", "default": 8},
        "progress_file": {"type": "path"},
    }


def _read_max_deletions(params: Mapping[str, Any]) -> Optional[int]:
    # The required_if of Ansible accepts null, which is the value of an empty variable.
    if params["purge"] and params["max_deletions"] is None:
        raise InputError(
            [
                "purge requires max_deletions, the maximum number of domains, aliases, rules and credentials "
                "that may be deleted"
            ]
        )
    return read_number(params, "max_deletions", 0)


def main() -> None:
    module = make_module(_options())
    params = module.params

    def read(api: Type[Api]) -> Sequence[DomainWish]:
        wishes: Sequence[DomainWish]
        wishes, *_numbers = read_all(
            lambda: domain_wishes(params["domains"], api.manages, api.version),
            lambda: _read_max_deletions(params),
            lambda: read_number(params, "max_domain_deletions", 0),
            lambda: read_number(params, "concurrency", 1, MOST_AT_A_TIME),
        )
        return wishes

    def results(runs: Sequence[DomainRun]) -> Dict[str, Any]:
        return {"domains": [describe_domain(run.domain, with_dns=False) for run in runs if run.domain]}

    provision(
        module,
        read,
        results,
        purge=params["purge"],
        max_deletions=params["max_deletions"],
        max_domain_deletions=params["max_domain_deletions"],
        concurrency=params["concurrency"],
        progress_file=params["progress_file"],
        warns_of_limits=True,
        unmanaged=params["unmanaged"],
    )


if __name__ == "__main__":
    main()
