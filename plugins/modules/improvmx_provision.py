#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_provision
short_description: Provision what the inventory desires, as the role does
version_added: 0.1.0
description:
  - This is what the role P(improvmx.email.improvmx#role) runs. Use the role, or M(improvmx.email.improvmx_domains) for
    domains that do not come from variables of the inventory.
  - It reads the variables of every host of the play on the controller, groups the domains by account, and
    runs M(improvmx.email.improvmx_domains) once for each account. Everything that speaks against a run is reported in
    one message, before any request.
  - The variables are described by C(ansible-doc -t role improvmx.email.improvmx).
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
  step:
    description:
      - V(provision) provisions the domains.
      - V(check_dns) checks the DNS records of the domains of each account whose C(improvmx_check_dns) is not V(false).
    type: str
    choices: [provision, check_dns]
    default: provision
notes:
  - The options of the connection are those of C(module_defaults). The role's variables win over them.
  - It runs on the controller, whatever the connection of the host is, and once for a play, whatever its strategy is.
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
    - What was done in all accounts, as M(improvmx.email.improvmx_domains) returns it. In check mode, what would be done.
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
  description: The same for each account.
  returned: always
  type: list
  elements: dict
  contains:
    api_url:
      description: Where the account is.
      type: str
      returned: always
      sample: https://api.improvmx.com
    hosts:
      description: The hosts of the inventory whose variables led to this account.
      type: list
      elements: str
      returned: always
    msg:
      description: What happened.
      type: str
      returned: when the account failed
checks:
  description: The outcome of each check, as M(improvmx.email.improvmx_domain_check) returns it.
  returned: with O(step=check_dns)
  type: list
  elements: dict
api_requests:
  description: How many HTTP requests the task made, retries included.
  returned: always
  type: int
  sample: 1
"""
