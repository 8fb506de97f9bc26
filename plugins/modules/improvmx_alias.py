#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_alias
short_description: Manage one alias of an ImprovMX domain
version_added: 0.1.0
description:
  - Creates, changes or deletes one alias of a domain.
  - For several aliases use M(improvmx.email.improvmx_domain), for several domains
    M(improvmx.email.improvmx_domains). They need fewer requests.
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
      - The domain of the alias, in Unicode or as A-label.
      - It must be there already. When it is not, the module fails; in check mode it warns and predicts the change,
        for an earlier task of the same dry run may be the one that would create the domain.
    type: str
    required: true
  alias:
    description:
      - What stands before the C(@), V(*) for the catch-all, or a regular expression.
      - A text. Put a name in quotes that YAML takes for something else, such as V(on), V(no) or V(007).
      - A truth value or a number is refused.
      - Case makes no difference.
    type: raw
    required: true
  forward:
    description:
      - Where the mail goes. Each destination is an e-mail address, an C(http) or C(https) URL, or the word V(null),
        which accepts the mail and throws it away. V(null) must stand alone, and in quotes.
      - Order, doubles, spaces and the case of a destination's domain make no difference.
      - Commas separate destinations, so a URL has to write its own as C(%2C).
      - Required when O(state=present).
    type: list
    elements: str
  state:
    description:
      - Whether the alias is to be there.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: improvmx.email.improvmx_domain
  - module: improvmx.email.improvmx_domains
  - name: The catch-all
    description: The alias that the service makes for each new domain.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/catch_all.rst
"""

EXAMPLES = r"""
- name: Forward info@example.com to two people
  improvmx.email.improvmx_alias:
    domain: example.com
    alias: info
    forward:
      - ann@mail.example
      - bob@mail.example

- name: Give everything that no other alias takes to a webhook
  improvmx.email.improvmx_alias:
    domain: example.com
    alias: "*"
    forward: https://hooks.example.net/mail

- name: Accept mail to noreply@example.com and throw it away
  improvmx.email.improvmx_alias:
    domain: example.com
    alias: noreply
    forward: "null"

- name: Remove an alias
  improvmx.email.improvmx_alias:
    domain: example.com
    alias: sales
    state: absent
"""

RETURN = r"""
alias:
  description: The alias after the task, or C(null) when there is none.
  returned: success
  type: dict
  sample: {"alias": "info", "forward": ["ann@mail.example", "bob@mail.example"], "id": "4711"}
  contains:
    alias:
      description: Its name, as the service has it.
      type: str
      returned: always
    forward:
      description: Its destinations.
      type: list
      elements: str
      returned: always
    id:
      description: The service's id of the alias. C(null) where it is not known.
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
    - action: update
      kind: alias
      domain: example.com
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

from typing import Any, Dict, Sequence

from ansible_collections.improvmx.email.plugins.module_utils._model.domains import alias_wish
from ansible_collections.improvmx.email.plugins.module_utils._model.views import describe_alias_of
from ansible_collections.improvmx.email.plugins.module_utils._module.base import make_module
from ansible_collections.improvmx.email.plugins.module_utils._module.provision import provision
from ansible_collections.improvmx.email.plugins.module_utils._run.engine import DomainRun


def main() -> None:
    module = make_module(
        {
            "domain": {"type": "str", "required": True},
            "alias": {"type": "raw", "required": True},
            "forward": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        }
    )

    def results(runs: Sequence[DomainRun]) -> Dict[str, Any]:
        return {"alias": describe_alias_of(runs[0].domain, module.params["alias"])}

    provision(module, lambda api: [alias_wish(module.params)], results)


if __name__ == "__main__":
    main()
