#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_domain_check
short_description: Check the DNS records of ImprovMX domains
version_added: 0.1.0
description:
  - Has the service look up the DNS records of one domain or of many, and tells which of them are wrong.
  - A check makes a domain active when its MX records are right. From then on the service forwards its mail.
  - A domain whose records are wrong is no failure, unless O(fail_on_invalid=true); see RV(valid).
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
attributes:
  check_mode:
    support: partial
    details:
      - A check can make a domain active, so check mode sends none. It reads the domains, gives a warning, and can't
        tell what the checks would find.
  diff_mode:
    support: full
  platform:
    platforms: all
options:
  domain:
    description:
      - The domain, in Unicode or as A-label. Either this or O(domains) is required.
      - It must exist already. When it does not, the module fails; in check mode it warns,
        because an earlier task of the same dry run may be the one that would create the domain.
    type: str
  domains:
    description:
      - Several domains, each as in O(domain). The result is then RV(checks), in the order of this list.
      - They are checked side by side, as far as the rate limit of the service allows.
      - The failure of one domain does not stop the others. The task then fails at its end, with
        RV(failed_domains).
    type: list
    elements: str
  wait:
    description:
      - How long to keep checking until the domain is valid, in seconds, a week at most. V(0) checks once.
      - The pauses between two checks grow from 2 seconds to a minute.
      - With O(domains) they share this time. In each round all those are checked that are not valid yet, and a round
        that has begun is completed.
      - New records can take longer to be seen than the time for which the old ones may be cached.
    type: int
    default: 0
  fail_on_invalid:
    description:
      - Whether the task fails when a domain is not valid after O(wait). The results are returned all the same.
      - Check mode can't tell, and does not fail.
    type: bool
    default: false
  concurrency:
    description:
      - How many of O(domains) to check at the same time, from V(1) to V(10).
      - The limits of the service are kept, and results and their order are the same, whatever the number.
    type: int
    default: 8
notes:
  - One domain takes two requests, and one more for each further check of O(wait). Where what the check says does not
    fit the state of the domain, as when it becomes active, the module reads the domain once more.
  - Many domains take a request for each, and before that the account's list, which is a request for each 100 domains of
    the account. To learn which domains became active it reads each of them, or the list again where that is
    shorter.
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

- name: Say what is wrong with them
  ansible.builtin.debug:
    msg: "{{ checked.reason }}"
  when: checked.reason is not none

- name: Wait up to half an hour for new records
  improvmx.email.improvmx_domain_check:
    domain: example.com
    wait: 1800
  register: waited

- name: Stop if mail does not arrive then
  ansible.builtin.assert:
    that: waited.valid is not false  # in check mode it is null
    fail_msg: "{{ waited.reason }}"

- name: Check many domains, and fail if the records of one are wrong ten minutes from now
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
    - Whether the MX records are right, so that mail for the domain reaches the service. Other records do not count.
    - C(null) in check mode, and where the check failed.
  returned: with O(domain), on success
  type: bool
  sample: false
active:
  description:
    - Whether the service forwards the mail of the domain, after the check.
    - C(null) where that is not known.
  returned: with O(domain), on success
  type: bool
  sample: false
reason:
  description:
    - What is wrong, in words. It names each record, what is expected and what is there. C(null) when all is well.
    - With O(api_version=v3) it names SPF as well. DKIM and DMARC are only needed to send mail through the service, so
      they are named where one of the two DKIM records is there. Any DMARC policy will do.
    - With O(api_version=v2) the service tells of the MX records only, and not always what is there.
    - C(null) in check mode.
  returned: with O(domain), on success
  type: str
  sample: "MX of example.com: expected mx1.improvmx.com and mx2.improvmx.com, found mail.other.example"
records:
  description:
    - What the service says of each record. C(null) in check mode, and with O(api_version=v2), which does not tell.
    - C(mx), C(spf), C(dkim1), C(dkim2) and C(dmarc) hold C(expected), C(values) (what is there) and C(valid) each.
    - The C(spf) that is expected is the one that is there with the service added to it.
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
    - For each of O(domains) what was found, in the order of that list.
    - Of a domain whose check failed, RV(checks[].valid) is C(null) and RV(checks[].reason) says why.
  returned: with O(domains)
  type: list
  elements: dict
  contains:
    domain:
      description: The name as A-label.
      type: str
      returned: always
      sample: example.com
    valid:
      description: As RV(valid).
      type: bool
      returned: always
      sample: true
    active:
      description: As RV(active).
      type: bool
      returned: always
      sample: true
    reason:
      description: As RV(reason).
      type: str
      returned: always
    records:
      description: As RV(records).
      type: dict
      returned: always
failed_domains:
  description: The domains of O(domains) that failed, and why.
  returned: when single ones of O(domains) failed
  type: list
  elements: dict
  sample: [{"domain": "example.com", "msg": "..."}]
  contains:
    domain:
      description: The name as A-label.
      type: str
      returned: always
    msg:
      description: What happened.
      type: str
      returned: always
changes:
  description:
    - What the checks changed. Empty when each domain was active already, or is not valid. In check mode it is always
      empty.
    - After a failure, what was really done.
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
  description: Always empty. It is there because every module that changes things has it.
  returned: failure
  type: list
  elements: dict
diff:
  description:
    - Whether a domain is active, before and after, as YAML in the form of the options. One entry for each domain that changes.
  returned: always
  type: list
  elements: dict
  sample:
    - before_header: example.com
      after_header: example.com
      before: "domain: example.com\nactive: false\n"
      after: "domain: example.com\nactive: true\n"
api_requests:
  description: How many HTTP requests the task made, repeats included.
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
