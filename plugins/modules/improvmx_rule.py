#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_rule
short_description: Manage one rule of an ImprovMX domain that is routed by rules
version_added: 1.0.0
description:
  - Creates, updates or deletes one rule of a domain. The domain must be routed by rules instead of aliases, which is
    set in the ImprovMX dashboard.
  - The first rule that matches a mail decides where it is forwarded. The rule with the lowest rank is tried first.
  - Requires O(api_version=v3).
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
    support: full
  platform:
    platforms: all
options:
  domain:
    description:
      - The domain of the rule, in Unicode or as an A-label. It must be routed by rules.
      - The domain must exist, or the module fails. In check mode it warns instead and predicts the change, because an
        earlier task may create the domain in the real run.
    type: str
    required: true
  id:
    description:
      - The id of an existing rule, as RV(rule.id) returns it.
      - Without it, the rule is found by its type and matcher, which is O(alias), O(regex) with O(scopes), or
        O(expression). If no rule matches, it is created. If several match, the module fails and names their ids.
      - With it, the matcher can be changed. Options that are not set stay unchanged, except for O(active).
    type: str
  type:
    description:
      - What the rule matches, V(alias) mail to O(alias), V(regex) mail that contains O(regex), and V(cel) mail for
        which O(expression) is true.
      - Required without O(id). The type of an existing rule cannot be changed.
    type: str
    choices: [alias, regex, cel]
  alias:
    description:
      - The part before the C(@), or V(*) for the catch-all. Case makes no difference.
      - It must be a string. A boolean or a number is rejected, so quote names that YAML converts, such as V(on), V(no)
        or V(007).
      - Required without O(id) if O(type=alias).
    type: raw
  regex:
    description:
      - A regular expression. It is not validated here, because its dialect is that of the service.
      - Line breaks at its start and end are removed. Spaces there are sent, but make no difference in finding the rule.
      - Required without O(id) if O(type=regex).
    type: str
  scopes:
    description:
      - The parts of a mail in which O(regex) is searched. Order and duplicates make no difference.
      - They are part of the matcher, because two rules may search for the same text in different parts. Without O(id),
        other scopes mean another rule. To change the scopes of a rule, set O(id).
      - Required to create a rule with O(type=regex). Without them, an existing rule is found by O(regex) alone.
    type: list
    elements: str
    choices: [sender, recipient, subject, body]
  expression:
    description:
      - An expression in the Common Expression Language (CEL). It is not validated here.
      - Line breaks at its start and end are removed, and spaces there make no difference in finding the rule.
      - Required without O(id) if O(type=cel).
    type: str
  forward:
    description:
      - The destinations. Each is an e-mail address or an C(http) or C(https) URL. V(null), in quotes and as the only
        destination, accepts the mail and discards it.
      - Order, duplicates, spaces and the case of addresses make no difference.
        Nor does the case of scheme and host of a URL.
      - A comma separates destinations. In a URL, write it as C(%2C).
      - Required without O(id) if O(state=present).
    type: list
    elements: str
  rank:
    description:
      - The position of the rule among the others, lowest first. It can be a fraction.
      - Without it, the service sets the rank of a new rule, and the rank of an existing rule stays unchanged.
    type: float
  active:
    description:
      - Whether the rule is active.
    type: bool
    default: true
  state:
    description:
      - Whether the rule should exist.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: improvmx.email.improvmx_alias
  - module: improvmx.email.improvmx_domain
    description: Manages all rules of a domain with their order.
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
- name: Forward mail to info to two people
  improvmx.email.improvmx_rule:
    domain: routed.example
    type: alias
    alias: info
    forward:
      - ann@mail.example
      - bob@mail.example

- name: Forward invoices to the accountant before any other rule is tried
  improvmx.email.improvmx_rule:
    domain: routed.example
    type: regex
    regex: "(?i)invoice"
    scopes: [subject, body]
    forward: accounts@mail.example
    rank: 1

- name: Forward mail of a partner to a webhook
  improvmx.email.improvmx_rule:
    domain: routed.example
    type: cel
    expression: sender.endsWith("@partner.example")
    forward: https://hooks.example.net/mail
  register: partner

- name: Deactivate this rule, even if its expression has changed since
  improvmx.email.improvmx_rule:
    domain: routed.example
    id: "{{ partner.rule.id }}"
    active: false

- name: Ensure that a rule does not exist
  improvmx.email.improvmx_rule:
    domain: routed.example
    type: alias
    alias: info
    state: absent
"""

RETURN = r"""
rule:
  description: The rule after the task, or C(null) if it does not exist. Its fields are valid options.
  returned: success
  type: dict
  sample:
    id: 0b9e6a2c-0000-0000-0000-000000000000
    type: alias
    alias: info
    forward: ["ann@mail.example", "bob@mail.example"]
    rank: 1.0
    active: true
    created: "2026-01-31T08:00:00Z"
  contains:
    id:
      description: The id of the rule in the service. C(null) in check mode if the rule would be created.
      type: str
      returned: always
    type:
      description: The type of the rule.
      type: str
      returned: always
    alias:
      description: The alias that the rule matches.
      type: str
      returned: when RV(rule.type) is V(alias)
    regex:
      description: The regular expression that the rule searches for.
      type: str
      returned: when RV(rule.type) is V(regex)
    scopes:
      description: The parts of a mail in which the regular expression is searched.
      type: list
      elements: str
      returned: when RV(rule.type) is V(regex)
    expression:
      description: The expression that must be true.
      type: str
      returned: when RV(rule.type) is V(cel)
    forward:
      description: The destinations.
      type: list
      elements: str
      returned: always
    rank:
      description: The position among the rules, lowest first. C(null) if it is not known.
      type: float
      returned: always
    active:
      description: Whether the rule is active.
      type: bool
      returned: always
    created:
      description: When the rule was created, in ISO 8601 and UTC. C(null) if it is not known.
      type: str
      returned: always
changes:
  description:
    - What was done, in order of execution. In check mode, what would be done.
    - After a failure, what was done before it.
    - The password and the query values of a URL are replaced by C(…) and four hexadecimal digits of a fingerprint, so
      a change is visible and the secret is not.
    - The name of a rule is its matcher, in one line and shortened if it is long.
  returned: always
  type: list
  elements: dict
  sample:
    - action: update
      kind: rule
      domain: routed.example
      name: info
      before: {"forward": ["ann@mail.example"]}
      after: {"forward": ["ann@mail.example", "bob@mail.example"]}
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
    - before_header: routed.example
      after_header: routed.example
      before: "domain: routed.example\nrules:\n  - type: alias\n    alias: info\n    forward: ann@mail.example\n"
      after: "domain: routed.example\nrules:\n  - type: alias\n    alias: info\n    forward: bob@mail.example\n"
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 2
"""

from typing import Any, Dict, Optional, Sequence, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import DomainWish, rule_wish
from ansible_collections.improvmx.email.plugins.module_utils._model.rules import Rule
from ansible_collections.improvmx.email.plugins.module_utils._module.base import make_module
from ansible_collections.improvmx.email.plugins.module_utils._module.provision import (
    provision,
    read_single,
    rule_options,
)
from ansible_collections.improvmx.email.plugins.module_utils._run.engine import DomainRun


def main() -> None:
    module = make_module({"domain": {"type": "str", "required": True}, **rule_options()})

    def wishes(api: Type[Api]) -> Sequence[DomainWish]:
        return read_single(api, "rules", "rules", lambda: rule_wish(module.params))

    def results(runs: Sequence[DomainRun]) -> Dict[str, Any]:
        rule = _rule_after(runs[0])
        return {"rule": rule.result() if rule else None}

    provision(module, wishes, results)


def _rule_after(run: DomainRun) -> Optional[Rule]:
    """The rule of the wish, in its state after the run."""
    [wish] = run.plan.wish.rules
    rules = run.domain.rules if run.domain else None
    changed: Optional[Rule] = run.done[-1].thing if run.done else None
    return next((rule for rule in rules or () if wish.matches(rule)), changed)


if __name__ == "__main__":
    main()
