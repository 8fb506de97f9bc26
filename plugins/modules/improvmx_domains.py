#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_domains
short_description: Manage many ImprovMX domains with their settings, aliases, rules and SMTP credentials
version_added: 0.1.0
description:
  - Brings many domains of an account to a wished state in one task.
  - It reads the account once and writes only what differs. A run that changes nothing makes one request for
    each 100 domains of the account, whatever the number of aliases (up to 200 for each domain).
  - Where domains or aliases have to be created with O(api_version=v3), it first reads the limits of the account, which is
    one request, and in the case of a single new domain another one for the number of domains. A warning tells each
    limit that would be exceeded in the end, in check mode too. The run goes on all the same, for the service decides.
  - What is not mentioned is not managed and stays as it is.
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
  domains:
    description:
      - The desired domains, each with what M(improvmx.email.improvmx_domain) takes.
      - What RV(improvmx.email.improvmx_domain_info#module:domains) holds is valid too. What can't be managed of it, such
        as ids and times, is ignored.
    type: list
    elements: dict
    required: true
    suboptions:
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
          - Aliases of the domain. Those that are not listed stay as they are, unless O(domains[].purge_aliases=true).
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
              - Required when O(domains[].aliases[].state=present).
            type: list
            elements: str
          state:
            description:
              - Whether the alias is to be there.
            type: str
            choices: [present, absent]
            default: present
          id:
            description: Ignored.
            type: raw
      purge_aliases:
        description:
          - Whether to delete the aliases of the domain that are not in O(domains[].aliases), which is required then.
          - An empty list, C([]), deletes all aliases.
        type: bool
        default: false
      rules:
        description:
          - Rules of the domain, which must be routed by rules. It is switched to them in the dashboard of ImprovMX.
            Needs O(api_version=v3).
          - Those that are not listed stay as they are, unless O(domains[].purge_rules=true).
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
            description: What the rule looks at. Required without O(domains[].rules[].id).
            type: str
            choices: [alias, regex, cel]
          alias:
            description: What stands before the C(@), or V(*) for the catch-all, for O(domains[].rules[].type=alias).
            type: raw
          regex:
            description: A regular expression, for O(domains[].rules[].type=regex).
            type: str
          scopes:
            description: In which parts of a mail O(domains[].rules[].regex) is looked for.
            type: list
            elements: str
            choices: [sender, recipient, subject, body]
          expression:
            description: An expression in CEL, the Common Expression Language, for O(domains[].rules[].type=cel).
            type: str
          forward:
            description: Where the mail goes, as in O(domains[].aliases[].forward).
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
          created:
            description: Ignored.
            type: raw
      purge_rules:
        description: Whether to delete the rules of the domain that are not in O(domains[].rules), which is required then.
        type: bool
        default: false
      credentials:
        description:
          - SMTP credentials of the domain. Those that are not listed stay as they are, unless O(domains[].purge_credentials=true).
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
          created:
            description: Ignored.
            type: raw
          usage:
            description: Ignored.
            type: raw
      purge_credentials:
        description:
          - Whether to delete the credentials of the domain that are not in O(domains[].credentials), which is required then.
        type: bool
        default: false
      display:
        description: Ignored.
        type: raw
      active:
        description: Ignored.
        type: raw
      added:
        description: Ignored.
        type: raw
      dns_records:
        description: Ignored.
        type: raw
      daily_quota:
        description: Ignored.
        type: raw
      dkim_selector:
        description: Ignored.
        type: raw
      banned:
        description: Ignored.
        type: raw
      strict_mxes:
        description: Ignored.
        type: raw
      routing_engine:
        description: Ignored.
        type: raw
  purge:
    description:
      - Whether to delete the domains of the account that are not in O(domains).
      - Needs O(max_deletions).
    type: bool
    default: false
  max_deletions:
    description:
      - The most domains, aliases, rules and credentials that the task may delete. What goes with a deleted domain
        counts, as far as the task reads it.
      - When it would delete more, the task fails before it writes anything.
    type: int
  max_domain_deletions:
    description:
      - The most domains that the task may delete, whatever the number of their aliases.
      - When it would delete more, the task fails before it writes anything. The role sets it to V(3) where
        C(improvmx_max_deletions) is not set.
    type: int
    version_added: 0.1.0
  unmanaged:
    description:
      - What to do about things that exist and are not listed, and that the task does not delete either. These are the
        domains that are not in O(domains), and the aliases, rules and SMTP credentials of the listed ones that are not
        listed there, the catch-all among them.
      - V(report) returns them in RV(unmanaged). V(fail) fails as well, before anything is written, where there is one.
      - Both read the whole account. With O(api_version=v3) that takes a request for the credentials of each listed
        domain, and one for the rules of each that is routed by rules.
    type: str
    choices: [ignore, report, fail]
    default: ignore
  concurrency:
    description:
      - How many domains to work on at the same time, from V(1) to V(10).
      - The limits of the service are kept, and results and their order are the same, whatever the number.
    type: int
    default: 8
  progress_file:
    description:
      - A file to which lines of progress are appended while the task runs, for C(tail -f).
      - Where the task runs on the machine of the playbook, and not in the background, it need not be set; then
        the progress is shown in the output of the playbook every few seconds.
    type: path
notes:
  - The failure of one domain does not keep the others from being worked on. The task fails at its end then.
    Only where the service itself fails, for two domains in a row, the rest is not tried.
seealso:
  - module: improvmx.email.improvmx_domain
  - module: improvmx.email.improvmx_domain_info
  - name: The catch-all
    description: The alias that the service makes for each new domain.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/catch_all.rst
  - name: Dry runs
    description: What check mode promises, and what it can't know.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/dry_runs.rst
  - name: Rate limits and big accounts
    description: How many requests it takes, and how long.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/rate_limits.rst
"""

EXAMPLES = r"""
- name: Have three domains
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

- name: Send what a regular expression matches to one team, and drop what nothing else takes
  improvmx.email.improvmx_domains:
    domains:
      - domain: example.com
        aliases:
          - alias: "^sales-(uk|de)$"
            forward: sales@mail.example
          - alias: "*"
            forward: "null"

- name: Find out whether the account holds anything that is not listed
  improvmx.email.improvmx_domains:
    domains: "{{ my_domains }}"
    unmanaged: report
  check_mode: true
  register: compared

- name: Ensure that the domains of a variable and no others exist, unless that deletes more than five things
  improvmx.email.improvmx_domains:
    domains: "{{ my_domains }}"
    purge: true
    max_deletions: 5

- name: Read what there is
  improvmx.email.improvmx_domain_info:
  register: account

- name: Write it back, which changes nothing
  improvmx.email.improvmx_domains:
    domains: "{{ account.domains }}"
"""

RETURN = r"""
domains:
  description:
    - The domains of O(domains) that are there after the task, in the order of O(domains).
    - They are in the form of RV(improvmx.email.improvmx_domain_info#module:domains), without the DNS records. Of a domain with 200 aliases or
      more, RV(domains[].aliases) may hold only those that the task had to read.
  returned: success, and after failures of single domains
  type: list
  elements: dict
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
      returned: when O(domains[].rules) or O(domains[].purge_rules) is set, or O(unmanaged) is not V(ignore)
    credentials:
      description: The SMTP credentials, without their passwords.
      type: list
      elements: dict
      returned: when O(domains[].credentials) or O(domains[].purge_credentials) is set, or O(unmanaged) is not V(ignore)
unmanaged:
  description: What exists and is neither listed nor deleted.
  returned: when O(unmanaged) is not V(ignore)
  type: list
  elements: dict
  sample: [{"kind": "alias", "domain": "example.com", "name": "old"}]
  contains:
    kind:
      description: V(domain), V(alias), V(rule) or V(credential).
      type: str
      returned: always
    domain:
      description: The name of the domain as A-label.
      type: str
      returned: always
    name:
      description: The name of the thing.
      type: str
      returned: always
failed_domains:
  description: The domains that failed, and why.
  returned: when single domains failed
  type: list
  elements: dict
  sample: [{"domain": "example.com", "msg": "..."}]
  contains:
    domain:
      description: The name as A-label.
      type: str
      returned: always
    msg:
      description: What happened.
      type: str
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


def _read_bound(params: Mapping[str, Any]) -> Optional[int]:
    # Ansible's own required_if is content with a null, which is what an empty variable gives.
    if params["purge"] and params["max_deletions"] is None:
        raise InputError(["purge needs max_deletions, the most domains and aliases that it may delete"])
    return read_number(params, "max_deletions", 0)


def main() -> None:
    module = make_module(_options())
    params = module.params

    def wishes(api: Type[Api]) -> Sequence[DomainWish]:
        wished: Sequence[DomainWish]
        wished, *_numbers = read_all(
            lambda: domain_wishes(params["domains"], api.manages, api.version),
            lambda: _read_bound(params),
            lambda: read_number(params, "max_domain_deletions", 0),
            lambda: read_number(params, "concurrency", 1, MOST_AT_A_TIME),
        )
        return wished

    def results(runs: Sequence[DomainRun]) -> Dict[str, Any]:
        return {"domains": [describe_domain(run.domain, with_dns=False) for run in runs if run.domain]}

    provision(
        module,
        wishes,
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
