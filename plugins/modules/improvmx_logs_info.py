#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_logs_info
short_description: Read the mail logs of ImprovMX domains
version_added: 0.1.0
description:
  - Reads the log of the mail of one domain, of several, or of all domains of the account, or that of one alias.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
attributes:
  check_mode:
    support: full
    details: The module changes nothing.
  diff_mode:
    support: N/A
  platform:
    platforms: all
options:
  domain:
    description:
      - The domain, in Unicode or as A-label.
      - Without it and without O(domains) the logs of every domain of the account are read.
    type: str
  domains:
    description:
      - The domains whose logs to read. They are read side by side, and the failure of one loses nothing of the others.
    type: list
    elements: str
  alias:
    description:
      - Read only the mail to this alias of O(domain).
    type: str
  status:
    description:
      - Read only mail whose latest event has one of these states, in upper or lower case.
      - C(QUEUED), the mail was accepted. C(REFUSED), it was refused when it came in. C(DELIVERED), it reached its
        destination. C(SOFT-BOUNCE), the destination refused it for now. C(HARD-BOUNCE), it refused it for good.
        C(DEFERRED) and C(BOUNCED) were seen as well. Others are accepted.
    type: list
    elements: str
  sender:
    description:
      - Read only mail whose sender has this text in its address or name. Case makes no difference.
      - An account can choose to log no senders, recipients and subjects. Nothing is found in what is not logged.
    type: str
  recipient:
    description:
      - Read only mail whose recipient has this text in its address or name. Case makes no difference.
    type: str
  subject:
    description:
      - Read only mail with this text in its subject. Case makes no difference.
    type: str
  since:
    description:
      - Read only mail from this time on. An ISO 8601 date or time, which is UTC where it has no zone, or an age, such as
        V(30m), V(24h), V(7d) or V(2w).
    type: str
  until:
    description:
      - Read only mail up to this time, in the form of O(since). A date alone means its first moment.
    type: str
  limit:
    description:
      - Return at most this many mails of each domain, the newest ones. V(0) returns all there are.
    type: int
    default: 100
  concurrency:
    description:
      - How many domains to read at the same time, from V(1) to V(10). The limits of the service are kept, and the results
        are the same, whatever the number.
    type: int
    default: 8
notes:
  - A domain takes a request for each page of its log, until O(limit) or O(since) is reached. Without O(domain) and
    O(domains) the list of domains comes first, which is a request for each 100 domains.
  - The service keeps logs for 7 days, and for longer on paid plans.
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

- name: Show whom it was meant for
  ansible.builtin.debug:
    msg: "{{ bounced.logs | map(attribute='recipient.email') | unique }}"

- name: Read what was not delivered today, of all domains
  improvmx.email.improvmx_logs_info:
    status: [REFUSED, SOFT-BOUNCE, HARD-BOUNCE, BOUNCED]
    since: 24h
  register: undelivered

- name: Look for an invoice in two domains
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
    - One dictionary a mail, newest first.
    - Besides the fields named here it holds what the service tells, which differs between versions of the API, and
      with how much the account logs.
    - Where some of several domains failed, it holds the mails of the others.
  returned: success, or of several domains
  type: list
  elements: dict
  contains:
    domain:
      description: The domain in whose log it stands, as A-label.
      type: str
      returned: always
      sample: example.com
    created:
      description: When the mail came, in ISO 8601 and UTC.
      type: str
      returned: always
      sample: "2026-01-31T08:00:00Z"
    status:
      description: The state of the latest event. C(null) when there was none.
      type: str
      returned: always
      sample: DELIVERED
    events:
      description: What happened to the mail. Each event has at least C(created) and C(status).
      type: list
      elements: dict
      returned: always
    sender:
      description: Who sent it, with C(email) and C(name).
      type: dict
      returned: where the service tells it
    recipient:
      description: The address it was sent to, with C(email) and C(name).
      type: dict
      returned: where the service tells it
    forward:
      description: Where it was forwarded to, with C(email) and C(name). C(null) when it was not.
      type: dict
      returned: where the service tells it
    subject:
      description: The subject of the mail.
      type: str
      returned: where the service tells it
summary:
  description: How many of RV(logs) have each status.
  returned: success, or of several domains
  type: dict
  sample: {"DELIVERED": 41, "HARD-BOUNCE": 1}
summaries:
  description: RV(summary) by domain, for those that could be read.
  returned: without O(domain)
  type: dict
  sample: {"example.com": {"DELIVERED": 41}, "example.org": {}}
failed_domains:
  description: The domains whose logs could not be read, and why. The task fails.
  returned: without O(domain), on failure
  type: list
  elements: dict
  contains:
    domain:
      description: The domain, as A-label.
      type: str
      returned: always
    msg:
      description: What happened.
      type: str
      returned: always
api_requests:
  description: How many HTTP requests the task made, repeats included.
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
