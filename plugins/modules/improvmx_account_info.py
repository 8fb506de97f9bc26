#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_account_info
short_description: Read an ImprovMX account
version_added: 1.0.0
description:
  - Returns the account of the API key, with its plan and limits. With O(api_version=v2) it also returns details of the
    key, with O(api_version=v3) the white label domains.
  - The result contains no key or token, but it does contain billing data, such as the address and the last digits of
    the card. Set C(no_log=true) on the task if others must not see them.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
  - improvmx.email.improvmx.attributes
options:
  usage:
    description:
      - Whether to return in RV(usage) how much of its limits the account uses. This reads the list of domains, with one
        request for each 100 domains, and one more for each domain with 200 aliases or more.
      - Needs O(api_version=v3), because V(v2) does not report limits.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: This module changes nothing.
  diff_mode:
    support: N/A
  idempotent:
    support: full
    details: This module changes nothing.
  platform:
    platforms: all
seealso:
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
- name: Read the account
  improvmx.email.improvmx_account_info:
  register: mine

- name: Ensure that the plan allows 250 domains
  ansible.builtin.assert:
    that: mine.account.limits.domains >= 250

- name: Read how much of the plan is used
  improvmx.email.improvmx_account_info:
    usage: true
  register: used

- name: Ensure that three more domains can be created
  ansible.builtin.assert:
    that: (used.usage.domains.left | default(1000, true) | int) >= 3

- name: Read when the API key was created, which only version 2 returns
  improvmx.email.improvmx_account_info:
    api_version: v2
  register: keyed

- name: Show when the API key was created
  ansible.builtin.debug:
    msg: "{{ keyed.api_key.created }}"
"""

RETURN = r"""
account:
  description:
    - The account as the service returns it. The fields differ between the versions of the API.
    - Times are in ISO 8601 and UTC. Fields that are not listed here are omitted, because they could contain a secret.
      RV(account.limits) contains all limits that are numbers.
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
      description: The country, as a two-letter code.
      type: str
      returned: always
      sample: US
    card_brand:
      description: The brand of the payment card.
      type: str
      returned: always
      sample: Visa
    last4:
      description: The last four digits of the payment card.
      type: str
      returned: always
      sample: "1234"
    created:
      description: When the account was created.
      type: str
      returned: always
      sample: "2017-12-01T14:43:02Z"
    premium:
      description: Whether the account has a paid plan.
      type: bool
      returned: always
      sample: true
    plan_amount:
      description: The price of the plan.
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
        - The limits of the account, such as C(domains), C(aliases) of a domain, C(destinations) of an alias and
          C(credentials) of a domain.
      type: dict
      returned: with O(api_version=v3)
      sample: {"domains": 10000, "aliases": 10000, "destinations": 5, "credentials": 50}
    locked:
      description: Whether the service has locked the account.
      type: bool
      returned: with O(api_version=v3)
    lock_reason:
      description: Why the account is locked.
      type: str
      returned: with O(api_version=v3)
    is_otp_enabled:
      description: Whether a login needs a second factor.
      type: bool
      returned: if the service returns it
    password:
      description: Whether the account has a password. It is not the password itself.
      type: bool
      returned: with O(api_version=v3)
    privacy_level:
      description: The field of the same name in the API.
      type: int
      returned: with O(api_version=v3)
api_key:
  description: The API key as the service returns it, without the key itself.
  returned: success, with O(api_version=v2)
  type: dict
  contains:
    name:
      description: The name of the key.
      type: str
      returned: always
    created:
      description: When the key was created, in ISO 8601 and UTC.
      type: str
      returned: always
      sample: "2019-03-22T14:26:16Z"
    removed:
      description: When the key was removed, in ISO 8601 and UTC.
      type: str
      returned: always
whitelabels:
  description: The white label domains of the account. Empty if the plan has none.
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
          description: The number of domains that the plan allows. C(null) if the service reports no limit.
          type: int
          returned: always
        used:
          description: The number of existing domains.
          type: int
          returned: always
        left:
          description: How many more domains the plan allows. C(null) if the service reports no limit.
          type: int
          returned: always
    aliases:
      description: The aliases of the domain that has the most of them.
      type: dict
      returned: always
      sample: {"domain": "example.com", "limit": 500, "used": 31, "left": 469}
      contains:
        domain:
          description: The domain that has the most aliases. C(null) if the account has no domain.
          type: str
          returned: always
        limit:
          description: The number of aliases that a domain may have. C(null) if the service reports no limit.
          type: int
          returned: always
        used:
          description: The number of aliases that this domain has.
          type: int
          returned: always
        left:
          description: How many more aliases this domain may have. C(null) if the service reports no limit.
          type: int
          returned: always
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 2
"""

from typing import Any, Dict, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._errors import InputError
from ansible_collections.improvmx.email.plugins.module_utils._model.account import read_limits, visible_fields
from ansible_collections.improvmx.email.plugins.module_utils._module.base import execute, make_module
from ansible_collections.improvmx.email.plugins.module_utils._plan.limits import usage
from ansible_collections.improvmx.email.plugins.module_utils._run.fetch import alias_counts


def main() -> None:
    module = make_module({"usage": {"type": "bool", "default": False}})

    def read(api: Type[Api]) -> bool:
        if module.params["usage"] and not api.has_limits:
            raise InputError(["usage: API %s does not report limits; v3 does" % api.version])
        return bool(module.params["usage"])

    def work(api: Api, with_usage: bool) -> Dict[str, Any]:
        reply = api.account()
        results = {name: visible_fields(name, value, api.transport.mask) for name, value in reply.items()}
        if with_usage:
            results["usage"] = usage(read_limits(reply["account"]), alias_counts(api))
        return {"changed": False, **results}

    execute(module, read, work)


if __name__ == "__main__":
    main()
