#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_smtp_credential
short_description: Manage one SMTP credential of an ImprovMX domain
version_added: 1.0.0
description:
  - Creates or deletes a login with which mail can be sent from the domain, or sets its password.
  - The module warns if the service requires a new check of the DNS records before a new credential can send mail. Use
    M(improvmx.email.improvmx_domain_check) for it.
  - The service never shows passwords, so the module cannot compare the existing password with the desired one. See
    O(update_password) for what this means for a second run.
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
    details: The diff shows that a password is set, but never the password.
  idempotent:
    support: partial
    details: Each run that sets O(password) with O(update_password=always) reports a change.
  platform:
    platforms: all
options:
  domain:
    description:
      - The domain of the credential, in Unicode or as an A-label.
      - The domain must exist, or the module fails. In check mode it warns instead and predicts the change, because an
        earlier task may create the domain in the real run.
    type: str
    required: true
  username:
    description:
      - The part before the C(@) of the login.
      - Case makes no difference. If existing names differ in case only, the one with the same case is used.
      - It must be a string. A boolean or a number is rejected, so quote names that YAML converts, such as V(on), V(no)
        or V(007).
    type: raw
    required: true
  password:
    description:
      - The password. It is sent unchanged, with all spaces.
      - Required if the credential does not exist.
      - Quote passwords that YAML converts, such as V(0123) or V(1e5).
      - It never appears in results, diffs, logs or error messages. Ansible masks all text that equals the password, so
        output is hard to read if the password is very short.
    type: str
  update_password:
    description:
      - V(always) sets O(password) on each run that has one, and always reports a change.
      - V(on_create) sets it for a new credential only, so a second run changes nothing.
      - Without O(password), an existing credential stays unchanged in both cases.
    type: str
    choices: [always, on_create]
    default: always
  state:
    description:
      - Whether the credential should exist.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: improvmx.email.improvmx_domain
    description: Manages all credentials of a domain.
  - module: improvmx.email.improvmx_domain_check
"""

EXAMPLES = r"""
- name: Ensure that a credential exists, and leave an existing password unchanged
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

- name: Ensure that a credential does not exist
  improvmx.email.improvmx_smtp_credential:
    domain: example.com
    username: newsletter
    state: absent
"""

RETURN = r"""
credential:
  description: The credential after the task, or C(null) if it does not exist.
  returned: success
  type: dict
  sample: {"username": "newsletter", "created": "2026-01-31T08:00:00Z", "usage": 0}
  contains:
    username:
      description: The name, as the service returns it.
      type: str
      returned: always
    created:
      description: When the credential was created, in ISO 8601 and UTC. C(null) if it is not known.
      type: str
      returned: always
    usage:
      description: The usage of the credential, as the service counts it. C(null) if it is not known.
      type: int
      returned: always
changes:
  description:
    - What was done, in order of execution. In check mode, what would be done.
    - After a failure, what was done before it.
    - C(new_password) means that a password is set. The password itself is never shown.
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
  description: What was not done because of the failure, in the form of RV(changes).
  returned: failure
  type: list
  elements: dict
diff:
  description:
    - The managed fields before and after, as YAML in the form of the options. One entry for each domain that changes.
  returned: success, and after a failure with what was done before it
  type: list
  elements: dict
  sample:
    - before_header: example.com
      after_header: example.com
      before: "domain: example.com\ncredentials:\n  - username: newsletter\n"
      after: "domain: example.com\ncredentials:\n  - username: newsletter  # with a new password\n"
api_requests:
  description: The number of HTTP requests that the task made, retries included.
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
