#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_rule
short_description: Manage a rule of an ImprovMX domain that is routed by rules
version_added: 0.1.0
description:
  - Creates, changes or deletes one rule of a domain. Rules take the place of aliases where the domain is switched to
    them, which is done in the dashboard of ImprovMX.
  - A mail goes where the first rule that matches it forwards to. The rule with the lowest rank comes first.
  - It needs O(api_version=v3). Version V(v2) of the API knows no rules.
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
      - The domain of the rule, in Unicode or as A-label. It must be routed by rules.
      - It must be there already. When it is not, the module fails; in check mode it warns and predicts the change,
        for an earlier task of the same dry run may be the one that would create the domain.
    type: str
    required: true
  id:
    description:
      - The service's id of a rule that is there, as RV(rule) tells it.
      - Without it the rule is found by its type and its matcher, which is O(alias), O(regex) with O(scopes), or
        O(expression). When there is no such rule it is created; when there are several, the module fails and names
        their ids.
      - With it the matcher can be changed, and what is left out stays as it is, but for O(active).
    type: str
  type:
    description:
      - What the rule looks at. V(alias) takes mail to O(alias), V(regex) mail in which O(regex) is found,
        V(cel) mail for which O(expression) is true.
      - Required without O(id). The type of a rule can't be changed.
    type: str
    choices: [alias, regex, cel]
  alias:
    description:
      - What stands before the C(@), or V(*) for the catch-all. Case makes no difference.
      - A text. Put a name in quotes that YAML takes for something else, such as V(on), V(no) or V(007).
      - A truth value or a number is refused.
      - Required without O(id) when O(type=alias).
    type: raw
  regex:
    description:
      - A regular expression. It is not checked here, for its dialect is the service's.
      - Line breaks at its ends are dropped. Spaces there are sent, but make no difference in finding the rule.
      - Required without O(id) when O(type=regex).
    type: str
  scopes:
    description:
      - In which parts of a mail O(regex) is looked for. Order and doubles make no difference.
      - They are a part of the matcher, as two rules may look for the same in different parts. So without O(id),
        other scopes mean another rule. To change the scopes of a rule, give its O(id).
      - Required when a rule with O(type=regex) has to be created. Left out, a rule is found by its O(regex) alone.
    type: list
    elements: str
    choices: [sender, recipient, subject, body]
  expression:
    description:
      - An expression in CEL, the Common Expression Language. It is not checked here.
      - Line breaks at its ends are dropped, and spaces there make no difference in finding the rule.
      - Required without O(id) when O(type=cel).
    type: str
  forward:
    description:
      - Where the mail goes. Each destination is an e-mail address, an C(http) or C(https) URL, or the word V(null),
        which accepts the mail and throws it away. V(null) must stand alone, and in quotes.
      - Order, doubles, spaces and the case of a destination's domain make no difference.
      - Commas separate destinations, so a URL has to write its own as C(%2C).
      - Required without O(id) when O(state=present).
    type: list
    elements: str
  rank:
    description:
      - The place of the rule among the others, lowest first. It may have a fraction.
      - Left out, a new rule gets the one that the service gives it, and that of a rule that is there is left alone.
    type: float
  active:
    description:
      - Whether the rule is in force.
    type: bool
    default: true
  state:
    description:
      - Whether the rule is to be there.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: improvmx.email.improvmx_alias
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
- name: Forward what is sent to info
  improvmx.email.improvmx_rule:
    domain: routed.example
    type: alias
    alias: info
    forward:
      - ann@mail.example
      - bob@mail.example

- name: Send invoices to the accountant before any other rule sees them
  improvmx.email.improvmx_rule:
    domain: routed.example
    type: regex
    regex: "(?i)invoice"
    scopes: [subject, body]
    forward: accounts@mail.example
    rank: 1

- name: Give mail of a partner to a webhook
  improvmx.email.improvmx_rule:
    domain: routed.example
    type: cel
    expression: sender.endsWith("@partner.example")
    forward: https://hooks.example.net/mail
  register: partner

- name: Switch that rule off, whatever it looks at by now
  improvmx.email.improvmx_rule:
    domain: routed.example
    id: "{{ partner.rule.id }}"
    active: false

- name: Remove a rule
  improvmx.email.improvmx_rule:
    domain: routed.example
    type: alias
    alias: info
    state: absent
"""

RETURN = r"""
rule:
  description: The rule after the task, or C(null) when there is none. Its fields are valid options.
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
      description: The service's id of the rule. C(null) in check mode for one that is to be created.
      type: str
      returned: always
    type:
      description: Its type.
      type: str
      returned: always
    alias:
      description: The name that it looks for.
      type: str
      returned: when RV(rule.type) is V(alias)
    regex:
      description: The regular expression that it looks for.
      type: str
      returned: when RV(rule.type) is V(regex)
    scopes:
      description: Where it looks for the regular expression.
      type: list
      elements: str
      returned: when RV(rule.type) is V(regex)
    expression:
      description: The expression that has to be true.
      type: str
      returned: when RV(rule.type) is V(cel)
    forward:
      description: Its destinations.
      type: list
      elements: str
      returned: always
    rank:
      description: Its place among the rules, lowest first. C(null) where it is not known.
      type: float
      returned: always
    active:
      description: Whether it is in force.
      type: bool
      returned: always
    created:
      description: When it was created, in ISO 8601 and UTC. C(null) where it is not known.
      type: str
      returned: always
changes:
  description:
    - What was done, in the order of execution. In check mode, what would be done.
    - After a failure, what was really done.
    - The password and the query values of a URL are replaced by C(…) and four digits of a fingerprint, so that a
      change shows, and the secret does not.
    - The name of a rule is its matcher, on one line and cut where it is long.
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
    - before_header: routed.example
      after_header: routed.example
      before: "domain: routed.example\nrules:\n  - type: alias\n    alias: info\n    forward: ann@mail.example\n"
      after: "domain: routed.example\nrules:\n  - type: alias\n    alias: info\n    forward: bob@mail.example\n"
api_requests:
  description: How many HTTP requests the task made, repeats included.
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
    """The rule that the wish is about, as it is after the run."""
    [wish] = run.plan.wish.rules
    rules = run.domain.rules if run.domain else None
    changed: Optional[Rule] = run.done[-1].thing if run.done else None
    return next((rule for rule in rules or () if wish.means(rule)), changed)


if __name__ == "__main__":
    main()
