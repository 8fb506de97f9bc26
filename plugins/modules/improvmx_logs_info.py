#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_logs_info
short_description: Read what became of the mail of an ImprovMX domain
version_added: 0.1.0
description:
  - Reads the log of the mail of a domain or of one of its aliases.
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
    type: str
    required: true
  alias:
    description:
      - Read only the mail to this alias.
    type: str
  status:
    description:
      - Read only mail whose latest event has one of these states.
      - V(QUEUED), the mail was accepted. V(REFUSED), it was refused when it came in. V(DELIVERED), it reached its
        destination. V(SOFT-BOUNCE), the destination refused it for now. V(HARD-BOUNCE), it refused it for good.
    type: list
    elements: str
    choices: [QUEUED, REFUSED, DELIVERED, SOFT-BOUNCE, HARD-BOUNCE]
  since:
    description:
      - Read only mail from this time on. An ISO 8601 date or time; without a zone it is UTC.
    type: str
  until:
    description:
      - Read only mail up to this time, in the form of O(since). A date alone means its first moment.
    type: str
  limit:
    description:
      - Return at most this many mails, the newest ones. V(0) returns all there are.
    type: int
    default: 100
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
    - Besides the fields named here it holds what the service tells, which differs between versions of the API.
  returned: success
  type: list
  elements: dict
  contains:
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
  returned: success
  type: dict
  sample: {"DELIVERED": 41, "HARD-BOUNCE": 1}
api_requests:
  description: How many HTTP requests the task made, repeats included.
  returned: always
  type: int
  sample: 1
"""

from typing import Any, Dict, List, Type

from ansible_collections.improvmx.email.plugins.module_utils._api import Api
from ansible_collections.improvmx.email.plugins.module_utils._logs import (
    STATUSES,
    select_logs,
    summarise,
)
from ansible_collections.improvmx.email.plugins.module_utils._model import parse_alias, parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._module import (
    execute,
    make_module,
    read_all,
    read_number,
    read_option,
)
from ansible_collections.improvmx.email.plugins.module_utils._time import parse_time


def main() -> None:
    module = make_module(
        {
            "domain": {"type": "str", "required": True},
            "alias": {"type": "str"},
            "status": {"type": "list", "elements": "str", "choices": list(STATUSES)},
            "since": {"type": "str"},
            "until": {"type": "str"},
            "limit": {"type": "int", "default": 100},
        }
    )

    def read(api: Type[Api]) -> List[Any]:
        params = module.params
        return read_all(
            lambda: read_option(params, "domain", parse_domain),
            lambda: read_option(params, "alias", parse_alias),
            lambda: read_option(params, "since", parse_time),
            lambda: read_option(params, "until", parse_time),
            lambda: read_number(params, "limit", 0),
        )

    def work(api: Api, given: List[Any]) -> Dict[str, Any]:
        domain, alias, since, until, limit = given
        entries = api.logs(domain, alias)
        logs = select_logs(entries, module.params["status"] or (), since, until, limit)
        return {"changed": False, "logs": logs, "summary": summarise(logs)}

    execute(module, read, work)


if __name__ == "__main__":
    main()
