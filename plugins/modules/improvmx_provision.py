#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_provision
short_description: Provision the domains that the inventory desires
version_added: 1.0.0
description:
  - The role P(improvmx.email.improvmx#role) runs this module. Use the role, or M(improvmx.email.improvmx_domains) for
    domains that do not come from inventory variables.
  - Reads the variables of all hosts of the play on the controller, groups the domains by account, and runs
    M(improvmx.email.improvmx_domains) once for each account.
  - All problems of the variables are reported in one message, before any request is sent.
  - C(ansible-doc -t role improvmx.email.improvmx) describes the variables.
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
    details: Each run with C(update_password=always) for a credential sets the password and reports a change.
  platform:
    platforms: all
options:
  step:
    description:
      - V(provision) provisions the domains.
      - V(check_dns) checks the DNS records of the domains of each account whose C(improvmx_check_dns) is not V(false).
    type: str
    choices: [provision, check_dns]
    default: provision
notes:
  - Set the connection options with C(module_defaults). The variables of the role take precedence.
  - It runs on the controller, regardless of the connection of the host, and once for each play, under every strategy.
seealso:
  - module: improvmx.email.improvmx_domains
  - module: improvmx.email.improvmx_domain_check
"""

EXAMPLES = r"""
- name: Provision domains and aliases
  improvmx.email.improvmx_provision:
  run_once: true
"""

RETURN = r"""
changes:
  description:
    - What was done in all accounts, as M(improvmx.email.improvmx_domains) returns it. In check mode, what would be
      done.
  returned: always
  type: list
  elements: dict
pending:
  description: What was not done because of failures, in the form of RV(changes).
  returned: always
  type: list
  elements: dict
failed_domains:
  description: The domains that failed, and why.
  returned: always
  type: list
  elements: dict
domains:
  description: The domains that exist after the run, as M(improvmx.email.improvmx_domains) returns them.
  returned: always
  type: list
  elements: dict
diff:
  description: What changes, before and after, as M(improvmx.email.improvmx_domains) returns it.
  returned: always
  type: list
  elements: dict
accounts:
  description: The same results for each account.
  returned: always
  type: list
  elements: dict
  contains:
    api_url:
      description: The URL of the API.
      type: str
      returned: always
      sample: https://api.improvmx.com
    hosts:
      description: The hosts of the inventory whose variables belong to this account.
      type: list
      elements: str
      returned: always
    msg:
      description: What happened.
      type: str
      returned: when the account failed
checks:
  description: The result of each check, as M(improvmx.email.improvmx_domain_check) returns it.
  returned: with O(step=check_dns)
  type: list
  elements: dict
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 1
"""
