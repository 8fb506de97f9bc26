#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_smtp_credential
short_description: Manage an SMTP credential of an ImprovMX domain
version_added: 0.1.0
description:
  - Creates or deletes a user name with which mail can be sent through the domain, or sets its password.
  - When the service wants the domain's DNS records checked anew before a new credential can send, a warning says so.
    M(improvmx.email.improvmx_domain_check) has them checked.
  - It needs O(api_version=v3). Version V(v2) of the API knows no credentials.
  - The service never shows a password, so nobody can tell whether the present one is as you want it. See
    O(update_password) for what that means to a second run.
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
    details:
      - The diff shows that a password is set, and nothing of the password itself.
  platform:
    platforms: all
options:
  domain:
    description:
      - The domain of the credential, in Unicode or as A-label.
      - It must be there already. When it is not, the module fails; in check mode it warns and predicts the change,
        for an earlier task of the same dry run may be the one that would create the domain.
    type: str
    required: true
  username:
    description:
      - What stands before the C(@) of the login.
      - Case makes no difference. Where two names differ in nothing else, the one that is written alike is meant.
      - A text. Put a name in quotes that YAML takes for something else, such as V(on), V(no) or V(007).
      - A truth value or a number is refused.
    type: raw
    required: true
  password:
    description:
      - The password. It is sent as it is written, with spaces and all.
      - Required when the credential has to be created.
      - Put a password in quotes that YAML takes for something else, such as V(0123) or V(1e5).
      - It never appears in results, diffs, logs or error messages. Ansible blanks out whatever else in them is equal
        to it, which makes those of a very short password hard to read.
    type: str
  update_password:
    description:
      - V(always) sets O(password) on every run that gives one, and each such run reports a change.
      - V(on_create) sets it only when the credential is created, and leaves that of one that is there alone, so that
        a second run changes nothing.
      - Without O(password), a credential that is there is left alone in either case.
    type: str
    choices: [always, on_create]
    default: always
  state:
    description:
      - Whether the credential is to be there.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: improvmx.email.improvmx_domain
  - module: improvmx.email.improvmx_domain_check
"""

EXAMPLES = r"""
- name: Have a credential, and leave its password alone once it is there
  improvmx.email.improvmx_smtp_credential:
    domain: example.com
    username: newsletter
    password: "{{ vault_newsletter_password }}"
    update_password: on_create

- name: Set a new password
  improvmx.email.improvmx_smtp_credential:
    domain: example.com
    username: newsletter
    password: "{{ vault_newsletter_password }}"

- name: Remove a credential
  improvmx.email.improvmx_smtp_credential:
    domain: example.com
    username: newsletter
    state: absent
"""

RETURN = r"""
credential:
  description: The credential after the task, or C(null) when there is none.
  returned: success
  type: dict
  sample: {"username": "newsletter", "created": "2026-01-31T08:00:00Z", "usage": 0}
  contains:
    username:
      description: Its name, as the service has it.
      type: str
      returned: always
    created:
      description: When it was created, in ISO 8601 and UTC. C(null) where it is not known.
      type: str
      returned: always
    usage:
      description: How much it was used, as the service counts. C(null) where it is not known.
      type: int
      returned: always
changes:
  description:
    - What was done, in the order of execution. In check mode, what would be done.
    - After a failure, what was really done.
    - C(new_password) says that a password is set. Nothing of the password itself is shown.
  returned: always
  type: list
  elements: dict
  sample:
    - action: update
      kind: credential
      domain: example.com
      name: newsletter
      before: {"username": "newsletter"}
      after: {"username": "newsletter", "new_password": true}
pending:
  description: What was not done, in the form of RV(changes).
  returned: failure
  type: list
  elements: dict
diff:
  description:
    - The managed fields of what changes, before and after, as YAML in the form of the options. One entry for each domain that changes.
  returned: success, and after a failure with what was done until then
  type: list
  elements: dict
  sample:
    - before_header: example.com
      after_header: example.com
      before: "domain: example.com\ncredentials:\n  - username: newsletter\n"
      after: "domain: example.com\ncredentials:\n  - username: newsletter  # with a new password\n"
api_requests:
  description: How many HTTP requests the task made, repeats included.
  returned: always
  type: int
  sample: 1
"""

from typing import Any, Dict, Sequence, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import DomainWish, credential_wish
from ansible_collections.improvmx.email.plugins.module_utils._module.base import make_module
from ansible_collections.improvmx.email.plugins.module_utils._module.provision import (
    credential_options,
    provision,
    read_single,
)
from ansible_collections.improvmx.email.plugins.module_utils._run.engine import DomainRun


def main() -> None:
    module = make_module({"domain": {"type": "str", "required": True}, **credential_options("always")})

    def wishes(api: Type[Api]) -> Sequence[DomainWish]:
        return read_single(api, "credentials", "SMTP credentials", lambda: credential_wish(module.params))

    def results(runs: Sequence[DomainRun]) -> Dict[str, Any]:
        [run] = runs
        [wish] = run.plan.wish.credentials
        credential = wish.find((run.domain.credentials if run.domain else None) or ())
        return {"credential": credential.result() if credential else None}

    provision(module, wishes, results)


if __name__ == "__main__":
    main()
