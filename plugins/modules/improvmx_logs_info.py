#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_logs_info
short_description: Read the mail logs of ImprovMX domains
version_added: 1.0.0
description:
  - Returns the mail logs of one domain, several domains or all domains of the account, or of one alias.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
  - improvmx.email.improvmx.attributes
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
options:
  domain:
    description:
      - The domain, in Unicode or as an A-label.
      - Without this and O(domains), the logs of all domains of the account are read. A domain that somebody deletes
        meanwhile is left out.
    type: str
  domains:
    description:
      - The domains whose logs to read, in parallel. If one domain fails, the logs of the others are still returned.
    type: list
    elements: str
  alias:
    description:
      - Return only mail to this alias of O(domain).
    type: str
  status:
    description:
      - Return only mail whose latest event has one of these states. Case makes no difference.
      - C(QUEUED) means that the service accepted the mail, C(REFUSED) that it rejected it, C(DELIVERED) that the
        destination accepted it, C(SOFT-BOUNCE) that the destination rejected it temporarily, and C(HARD-BOUNCE) that
        the destination rejected it permanently.
      - Any other state is accepted too. The service has also been seen to return C(DEFERRED) and C(BOUNCED).
    type: list
    elements: str
  sender:
    description:
      - Return only mail with this text in the address or name of the sender. Case makes no difference.
      - An account can be set not to log senders, recipients and subjects. What is not logged is not found.
    type: str
  recipient:
    description:
      - Return only mail with this text in the address or name of the recipient. Case makes no difference.
    type: str
  subject:
    description:
      - Return only mail with this text in the subject. Case makes no difference.
    type: str
  since:
    description:
      - Return only mail from this time on. Either a date or time in ISO 8601, in UTC unless it has a time zone, or an
        age such as V(30m), V(24h), V(7d) or V(2w).
    type: str
  until:
    description:
      - Return only mail up to this time, in the form of O(since). A date means the start of that day.
    type: str
  limit:
    description:
      - The maximum number of mails to return for each domain, newest first. V(0) means no limit.
    type: int
    default: 100
  concurrency:
    description:
      - The number of domains to read at the same time, from V(1) to V(10). It does not affect the rate limit or the
        results.
    type: int
    default: 8
notes:
  - Each domain takes one request for each page of its log, until O(limit) or O(since) is reached. Without O(domain) and
    O(domains), the list of domains takes one request for each 100 domains.
  - ImprovMX keeps logs for 7 days, and longer on paid plans.
seealso:
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
- name: Read what bounced in November
  improvmx.email.improvmx_logs_info:
    domain: example.com
    status: [SOFT-BOUNCE, HARD-BOUNCE]
    since: "2026-11-01"
    until: "2026-12-01T00:00:00Z"
    limit: 0
  register: bounced

- name: Show the recipients
  ansible.builtin.debug:
    msg: "{{ bounced.logs | map(attribute='recipient.email') | unique }}"

- name: Read the undelivered mail of the last day, of all domains
  improvmx.email.improvmx_logs_info:
    status: [REFUSED, SOFT-BOUNCE, HARD-BOUNCE, BOUNCED]
    since: 24h
  register: undelivered

- name: Search two domains for an invoice
  improvmx.email.improvmx_logs_info:
    domains:
      - example.com
      - example.org
    sender: billing@
    subject: invoice

- name: Read the last ten mails to an alias
  improvmx.email.improvmx_logs_info:
    domain: example.com
    alias: info
    limit: 10
"""

RETURN = r"""
logs:
  description:
    - The mails, newest first.
    - Each contains further fields as the service returns them. They depend on the version of the API, and on how much
      the account logs.
    - If some of several domains failed, the mails of the others are returned.
  returned: success, and after failures of some of several domains
  type: list
  elements: dict
  contains:
    domain:
      description: The domain whose log contains the mail, as an A-label.
      type: str
      returned: always
      sample: example.com
    created:
      description: When the mail was received, in ISO 8601 and UTC.
      type: str
      returned: always
      sample: "2026-01-31T08:00:00Z"
    status:
      description: The state of the latest event. C(null) if there is no event.
      type: str
      returned: always
      sample: DELIVERED
    events:
      description: The events of the mail. Each contains at least C(created) and C(status).
      type: list
      elements: dict
      returned: always
    sender:
      description: The sender, with C(email) and C(name).
      type: dict
      returned: if the service returns it
    recipient:
      description: The recipient, with C(email) and C(name).
      type: dict
      returned: if the service returns it
    forward:
      description: The destination to which the mail was forwarded, with C(email) and C(name). C(null) if it was not.
      type: dict
      returned: if the service returns it
    subject:
      description: The subject of the mail.
      type: str
      returned: if the service returns it
summary:
  description: The number of RV(logs) for each status.
  returned: success, and after failures of some of several domains
  type: dict
  sample: {"DELIVERED": 41, "HARD-BOUNCE": 1}
summaries:
  description: The RV(summary) of each domain that could be read.
  returned: without O(domain)
  type: dict
  sample: {"example.com": {"DELIVERED": 41}, "example.org": {}}
failed_domains:
  description: The domains whose logs could not be read, and why. The task fails then.
  returned: without O(domain), on failure
  type: list
  elements: dict
  contains:
    domain:
      description: The name as an A-label.
      type: str
      returned: always
    msg:
      description: What happened.
      type: str
      returned: always
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 1
"""

from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import domain_names
from ansible_collections.improvmx.email.plugins.module_utils._model.idna import parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._model.logs import LogQuery
from ansible_collections.improvmx.email.plugins.module_utils._model.names import parse_alias
from ansible_collections.improvmx.email.plugins.module_utils._model.time import parse_moment
from ansible_collections.improvmx.email.plugins.module_utils._module.base import (
    execute,
    make_module,
    read_all,
    read_number,
    read_option,
)
from ansible_collections.improvmx.email.plugins.module_utils._module.read_logs import read_log, read_logs
from ansible_collections.improvmx.email.plugins.module_utils._run.parallel import MOST_AT_A_TIME

_TEXTS = ("sender", "recipient", "subject")


def main() -> None:
    module = make_module(
        {
            "domain": {"type": "str"},
            "domains": {"type": "list", "elements": "str"},
            "alias": {"type": "str"},
            "status": {"type": "list", "elements": "str"},
            "sender": {"type": "str"},
            "recipient": {"type": "str"},
            "subject": {"type": "str"},
            "since": {"type": "str"},
            "until": {"type": "str"},
            "limit": {"type": "int", "default": 100},
            "concurrency": {"type": "int", "default": 8},
        },
        mutually_exclusive=[("domain", "domains")],
        required_by={"alias": ["domain"]},
    )
    params = module.params

    def read_names() -> Optional[Sequence[str]]:
        return None if params["domains"] is None else domain_names(params["domains"])

    def read_statuses() -> FrozenSet[str]:
        return frozenset(status.strip().upper() for status in params["status"] or ())

    def read(api: Type[Api]) -> List[Any]:
        return read_all(
            lambda: read_option(params, "domain", parse_domain),
            read_names,
            lambda: read_option(params, "alias", parse_alias),
            read_statuses,
            lambda: read_option(params, "since", parse_moment),
            lambda: read_option(params, "until", parse_moment),
            lambda: read_number(params, "limit", 0),
            lambda: read_number(params, "concurrency", 1, MOST_AT_A_TIME),
        )

    def work(api: Api, given: List[Any]) -> Dict[str, Any]:
        domain, names, alias, statuses, since, until, limit, concurrency = given
        texts = tuple((name, params[name]) for name in _TEXTS if params[name])
        query = LogQuery(statuses, since, until, limit, texts)
        if domain is not None:
            return read_log(api, domain, alias, query)
        return read_logs(api, names, query, concurrency)

    execute(module, read, work)


if __name__ == "__main__":
    main()
