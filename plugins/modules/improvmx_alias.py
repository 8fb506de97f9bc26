#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_alias
short_description: Manage one alias of an ImprovMX domain
version_added: 1.0.0
description:
  - Creates, updates or deletes one alias of a domain.
  - To manage several aliases, use M(improvmx.email.improvmx_domain), and for several domains
    M(improvmx.email.improvmx_domains). They need fewer requests.
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
      - The domain of the alias, in Unicode or as an A-label.
      - The domain must exist, or the module fails. In check mode it warns instead and predicts the change, because an
        earlier task may create the domain in the real run.
    type: str
    required: true
  alias:
    description:
      - The part before the C(@), V(*) for the catch-all, or a regular expression. Case makes no difference.
      - It must be a string. A boolean or a number is rejected, so quote names that YAML converts, such as V(on), V(no)
        or V(007).
    type: raw
    required: true
  forward:
    description:
      - The destinations. Each is an e-mail address or an C(http) or C(https) URL. V(null), in quotes and as the only
        destination, accepts the mail and discards it.
      - Order, duplicates, spaces and the case of addresses make no difference.
        Nor does the case of scheme and host of a URL.
      - A comma separates destinations. In a URL, write it as C(%2C).
      - Required if O(state=present).
    type: list
    elements: str
  state:
    description:
      - Whether the alias should exist.
    type: str
    choices: [present, absent]
    default: present
  overwrite:
    description:
      - Whether the destinations of an existing alias may be replaced.
      - With V(false), the module fails before any write if the alias exists with other destinations. If it has the
        desired ones, nothing changes.
      - Ignored if O(state=absent).
    type: bool
    default: true
seealso:
  - module: improvmx.email.improvmx_domain
  - module: improvmx.email.improvmx_domains
  - name: The catch-all
    description: The alias that the service creates with each new domain.
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

- name: Forward mail that no other alias accepts to a webhook
  improvmx.email.improvmx_alias:
    domain: example.com
    alias: "*"
    forward: https://hooks.example.net/mail

- name: Accept mail to noreply@example.com and discard it
  improvmx.email.improvmx_alias:
    domain: example.com
    alias: noreply
    forward: "null"

- name: Create an alias, and fail if somebody else uses the name already
  improvmx.email.improvmx_alias:
    domain: example.com
    alias: ann
    forward: ann@mail.example
    overwrite: false

- name: Ensure that an alias does not exist
  improvmx.email.improvmx_alias:
    domain: example.com
    alias: sales
    state: absent
"""

RETURN = r"""
alias:
  description: The alias after the task, or C(null) if it does not exist.
  returned: success
  type: dict
  sample: {"alias": "info", "forward": ["ann@mail.example", "bob@mail.example"], "id": "4711"}
  contains:
    alias:
      description: The name, as the service returns it.
      type: str
      returned: always
    forward:
      description: The destinations.
      type: list
      elements: str
      returned: always
    id:
      description: The id of the alias in the service. C(null) if it is not known.
      type: str
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
    - action: update
      kind: alias
      domain: example.com
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
            "overwrite": {"type": "bool", "default": True},
        }
    )

    def results(runs: Sequence[DomainRun]) -> Dict[str, Any]:
        return {"alias": describe_alias_of(runs[0].domain, module.params["alias"])}

    provision(module, lambda api: [alias_wish(module.params)], results)


if __name__ == "__main__":
    main()
