#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_account_info
short_description: Read an ImprovMX account
version_added: 0.1.0
description:
  - Reads the account that the API key belongs to, its plan and its limits. With V(v2) of the API it also reads
    the key's details, with V(v3) the white label domains.
  - No key or token is in the result. It does hold the billing data of the account, such as the address and the last
    digits of the card. Where nobody else may see them, set C(no_log=true) on the task.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
options:
  usage:
    description:
      - Whether to tell how much of its limits the account uses, in RV(usage). It reads the list of domains, which is one
        request for each 100 of them, and one more for each domain with 200 aliases or more.
      - It needs O(api_version=v3). Version V(v2) of the API tells no limits.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: The module changes nothing.
  diff_mode:
    support: N/A
  platform:
    platforms: all
seealso:
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
- name: Read the account
  improvmx.email.improvmx_account_info:
  register: mine

- name: Stop where the plan is too small for what is to come
  ansible.builtin.assert:
    that: mine.account.limits.domains >= 250

- name: See how much of the plan is used
  improvmx.email.improvmx_account_info:
    usage: true
  register: used

- name: Stop where hardly a domain is left
  ansible.builtin.assert:
    that: (used.usage.domains.left | default(1000, true) | int) >= 3

- name: Read since when the API key is there, which only version 2 tells
  improvmx.email.improvmx_account_info:
    api_version: v2
  register: keyed

- name: Show it
  ansible.builtin.debug:
    msg: "{{ keyed.api_key.created }}"
"""

RETURN = r"""
account:
  description:
    - What the service tells of the account. The fields are its own, and those of its versions differ.
    - Times are in ISO 8601 and UTC. Fields that are not listed here are left out, for they may hold a secret. Of
      RV(account.limits) all numbers are shown.
  returned: success
  type: dict
  contains:
    email:
      description: The address of the account. New domains forward to it.
      type: str
      returned: always
      sample: admin@mail.example
    billing_email:
      description: The address for invoices. C(null) means RV(account.email).
      type: str
      returned: with O(api_version=v3)
    company_name:
      description: The name on invoices.
      type: str
      returned: always
      sample: Example Inc
    company_details:
      description: The address on invoices.
      type: str
      returned: always
    company_vat:
      description: The VAT number on invoices.
      type: str
      returned: always
    country:
      description: The country, as code of two letters.
      type: str
      returned: always
      sample: US
    card_brand:
      description: The brand of the card that pays.
      type: str
      returned: always
      sample: Visa
    last4:
      description: The last four digits of the card that pays.
      type: str
      returned: always
      sample: "1234"
    created:
      description: When the account was made.
      type: str
      returned: always
      sample: "2017-12-01T14:43:02Z"
    premium:
      description: Whether the account has a paid plan.
      type: bool
      returned: always
      sample: true
    plan_amount:
      description: What the plan costs.
      type: int
      returned: with O(api_version=v2)
    renew_date:
      description: When the plan is renewed.
      type: str
      returned: always
    cancels_on:
      description: When the plan ends.
      type: str
      returned: with O(api_version=v3)
    plan:
      description:
        - The plan, with C(name), C(display), C(kind), C(price), C(yearly), C(daily_quota), C(domains_limit) and
          C(aliases_limit).
      type: dict
      returned: with O(api_version=v3)
      sample: {"name": "enterprise249", "kind": "enterprise", "display": "Business - $249", "price": 249}
    limits:
      description:
        - What the account may have. C(domains), C(aliases) of a domain, C(destinations) of an alias,
          C(credentials) of a domain and so on.
      type: dict
      returned: with O(api_version=v3)
      sample: {"domains": 10000, "aliases": 10000, "destinations": 5, "credentials": 50}
    locked:
      description: Whether the service has locked the account.
      type: bool
      returned: with O(api_version=v3)
    lock_reason:
      description: Why it did.
      type: str
      returned: with O(api_version=v3)
    is_otp_enabled:
      description: Whether a login needs a second factor.
      type: bool
      returned: where the service tells it
    password:
      description: Whether the account has a password. It is not the password itself.
      type: bool
      returned: with O(api_version=v3)
    privacy_level:
      description: The service's own field of that name.
      type: int
      returned: with O(api_version=v3)
api_key:
  description: What the service tells of the API key, without the key itself.
  returned: success, with O(api_version=v2)
  type: dict
  contains:
    name:
      description: The name of the key.
      type: str
      returned: always
    created:
      description: When the key was made, in ISO 8601 and UTC.
      type: str
      returned: always
      sample: "2019-03-22T14:26:16Z"
    removed:
      description: When the key was removed, in ISO 8601 and UTC.
      type: str
      returned: always
whitelabels:
  description: The white label domains of the account. Empty also where the plan has none.
  returned: success, with O(api_version=v3)
  type: list
  elements: dict
  contains:
    name:
      description: The domain.
      type: str
      returned: always
      sample: mail.white.example
usage:
  description: How much of each limit of the plan is used.
  returned: success, with O(usage=true)
  type: dict
  contains:
    domains:
      description: The domains of the account.
      type: dict
      returned: always
      sample: {"limit": 100, "used": 12, "left": 88}
      contains:
        limit:
          description: How many the plan allows. C(null) where the service tells no limit.
          type: int
          returned: always
        used:
          description: How many there are.
          type: int
          returned: always
        left:
          description: How many more there may be. C(null) where the service tells no limit.
          type: int
          returned: always
    aliases:
      description: The aliases of the domain that has the most of them.
      type: dict
      returned: always
      sample: {"domain": "example.com", "limit": 500, "used": 31, "left": 469}
      contains:
        domain:
          description: The domain that has the most aliases. C(null) where the account has no domain.
          type: str
          returned: always
        limit:
          description: How many a domain may have. C(null) where the service tells no limit.
          type: int
          returned: always
        used:
          description: How many that domain has.
          type: int
          returned: always
        left:
          description: How many more it may have. C(null) where the service tells no limit.
          type: int
          returned: always
api_requests:
  description: How many HTTP requests the task made, repeats included.
  returned: always
  type: int
  sample: 2
"""

from typing import Any, Dict, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._errors import InputError
from ansible_collections.improvmx.email.plugins.module_utils._model.account import presentable, read_limits
from ansible_collections.improvmx.email.plugins.module_utils._module.base import execute, make_module
from ansible_collections.improvmx.email.plugins.module_utils._plan.limits import usage


def main() -> None:
    module = make_module({"usage": {"type": "bool", "default": False}})

    def read(dialect: Type[Api]) -> bool:
        if module.params["usage"] and not dialect.tells_limits:
            raise InputError(["usage: API %s tells no limits; v3 does" % dialect.version])
        return bool(module.params["usage"])

    def work(api: Api, with_usage: bool) -> Dict[str, Any]:
        told = api.account()
        results = {name: presentable(name, value, api.transport.mask) for name, value in told.items()}
        if with_usage:
            aliases = {domain.name: api.count_aliases(domain) for domain in api.domains()}
            results["usage"] = usage(read_limits(told["account"]), aliases)
        return {"changed": False, **results}

    execute(module, read, work)


if __name__ == "__main__":
    main()
