#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_domain_check
short_description: Check the DNS records of ImprovMX domains
version_added: 1.0.0
description:
  - Lets the service check the DNS records of one or more domains, and returns which of them are wrong.
  - A check activates a domain whose MX records are right. From then on, the service forwards its mail.
  - The task does not fail because of wrong records, unless O(fail_on_invalid=true). See RV(valid).
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
  - improvmx.email.improvmx.attributes
attributes:
  check_mode:
    support: partial
    details:
      - A check can activate a domain, so none is sent in check mode. The module reads the domains and warns that it
        cannot predict the results.
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: all
options:
  domain:
    description:
      - The domain, in Unicode or as an A-label. Either this or O(domains) is required.
      - The domain must exist, or the module fails. In check mode it warns instead, because an earlier task may create
        the domain in the real run.
    type: str
  domains:
    description:
      - The domains, each as in O(domain). Their results are in RV(checks), in the same order.
      - They are checked in parallel, as far as the rate limit of the service allows.
      - If one domain fails, the others are still checked. The task fails at the end and returns RV(failed_domains).
    type: list
    elements: str
  wait:
    description:
      - How long to repeat the check until the domain is valid, in seconds, a week at most. V(0) checks once.
      - The pauses between checks grow from 2 seconds to a minute.
      - All O(domains) share this time. Each round checks those that are not valid yet, and a round that has begun is
        completed.
      - New records can stay invisible for as long as the old ones may be cached.
    type: int
    default: 0
  fail_on_invalid:
    description:
      - Whether the task fails if a domain is not valid after O(wait). The results are returned all the same.
      - It has no effect in check mode.
    type: bool
    default: false
  concurrency:
    description:
      - The number of O(domains) to check at the same time, from V(1) to V(10). It does not affect the rate limit, the
        results or their order.
    type: int
    default: 8
notes:
  - O(domain) takes two requests, and one more for each further check of O(wait). If the result of a check does not
    match the state of the domain, for example because the check activated it, the domain is read once more.
  - O(domains) takes one request for each domain, and one for each 100 domains of the account to read their list. To
    find out which domains were activated, each of these is read again, or the list where that takes fewer requests.
seealso:
  - module: improvmx.email.improvmx_domain
  - module: improvmx.email.improvmx_domain_info
    description: Its RV(improvmx.email.improvmx_domain_info#module:domains[].dns_records) are the records to set.
"""

EXAMPLES = r"""
- name: Check the DNS records of a domain
  improvmx.email.improvmx_domain_check:
    domain: example.com
  register: checked

- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ checked.reason }}"
  when: checked.reason is not none

- name: Wait up to half an hour for new records
  improvmx.email.improvmx_domain_check:
    domain: example.com
    wait: 1800
  register: waited

- name: Fail if the records are still wrong
  ansible.builtin.assert:
    that: waited.valid is not false  # in check mode it is null
    fail_msg: "{{ waited.reason }}"

- name: Check several domains, and fail if one of them is not valid after ten minutes
  improvmx.email.improvmx_domain_check:
    domains:
      - example.com
      - example.org
    wait: 600
    fail_on_invalid: true
"""

RETURN = r"""
valid:
  description:
    - Whether the MX records are right, so that mail of the domain reaches the service. Other records do not count.
    - C(null) in check mode, and if the check failed.
  returned: with O(domain), on success
  type: bool
  sample: false
active:
  description:
    - Whether the service forwards mail of the domain, after the check.
    - C(null) if it is not known.
  returned: with O(domain), on success
  type: bool
  sample: false
reason:
  description:
    - What is wrong, as text. It names each wrong record, with the expected and the existing value. C(null) if nothing
      is wrong, and in check mode.
    - With O(api_version=v3) it covers SPF as well. DKIM and DMARC are only needed to send mail through the service, so
      they are covered only if one of the two DKIM records exists. Any DMARC policy is accepted.
    - With O(api_version=v2) it covers only MX, not always with the existing value.
  returned: with O(domain), on success
  type: str
  sample: "MX of example.com: expected mx1.improvmx.com and mx2.improvmx.com, found mail.other.example"
records:
  description:
    - The result for each record, as the service returns it. C(null) in check mode, and with O(api_version=v2), which
      does not return it.
    - C(mx), C(spf), C(dkim1), C(dkim2) and C(dmarc) each contain C(expected), C(values) (the existing ones) and
      C(valid).
    - The expected C(spf) is the existing record with the service added to it.
  returned: with O(domain), on success
  type: dict
  sample:
    mx:
      expected: [mx1.improvmx.com, mx2.improvmx.com]
      values: [mail.other.example]
      valid: false
    spf:
      expected: v=spf1 include:other.example include:spf.improvmx.com ~all
      values: v=spf1 include:other.example ~all
      valid: false
    dkim1:
      expected: dkimprovmx1.improvmx.com.
      values: null
      valid: false
    dkim2:
      expected: dkimprovmx2.improvmx.com.
      values: null
      valid: false
    dmarc:
      expected: v=DMARC1; p=none;
      values: null
      valid: false
    provider: cloudflare
    advanced: true
    error: null
    valid: false
checks:
  description:
    - The result for each of O(domains), in the same order.
    - If the check of a domain failed, RV(checks[].valid) is C(null) and RV(checks[].reason) says why.
  returned: with O(domains)
  type: list
  elements: dict
  contains:
    domain:
      description: The name as an A-label.
      type: str
      returned: always
      sample: example.com
    valid:
      description: See RV(valid).
      type: bool
      returned: always
      sample: true
    active:
      description: See RV(active).
      type: bool
      returned: always
      sample: true
    reason:
      description: See RV(reason).
      type: str
      returned: always
    records:
      description: See RV(records).
      type: dict
      returned: always
failed_domains:
  description: The domains of O(domains) that failed, and why.
  returned: when single O(domains) failed
  type: list
  elements: dict
  sample: [{"domain": "example.com", "msg": "..."}]
  contains:
    domain:
      description: The name as an A-label.
      type: str
      returned: always
    msg:
      description: What happened.
      type: str
      returned: always
changes:
  description:
    - What the checks changed. A domain that was already active, or that is not valid, has no entry. Always empty in
      check mode.
    - After a failure, what was changed before it.
  returned: always
  type: list
  elements: dict
  sample:
    - action: update
      kind: domain
      domain: example.com
      name: example.com
      before: {"active": false}
      after: {"active": true}
pending:
  description: Always empty. It exists because every module that makes changes returns it.
  returned: failure
  type: list
  elements: dict
diff:
  description:
    - Whether a domain is active, before and after, as YAML. One entry for each domain that changes.
  returned: always
  type: list
  elements: dict
  sample:
    - before_header: example.com
      after_header: example.com
      before: "domain: example.com\nactive: false\n"
      after: "domain: example.com\nactive: true\n"
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 2
"""

from ansible_collections.improvmx.email.plugins.module_utils._module.base import make_module
from ansible_collections.improvmx.email.plugins.module_utils._module.check_domains import verify


def main() -> None:
    verify(
        make_module(
            {
                "domain": {"type": "str"},
                "domains": {"type": "list", "elements": "str"},
                "wait": {"type": "int", "default": 0},
                "fail_on_invalid": {"type": "bool", "default": False},
                "concurrency": {"type": "int", "default": 8},
            },
            mutually_exclusive=[("domain", "domains")],
            required_one_of=[("domain", "domains")],
        )
    )


if __name__ == "__main__":
    main()
