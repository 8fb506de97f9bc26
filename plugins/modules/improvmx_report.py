#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_report
short_description: Report on the health of an ImprovMX account
version_added: 1.0.0
description:
  - Reads the domains, aliases, logs and limits of the account, and writes what needs attention, with the data behind
    it, as one HTML page or as data.
  - The role P(improvmx.email.report#role) and the playbook C(improvmx.email.report) run this module. It writes a file
    where it runs, and changes the account only if O(check_dns=true).
  - The latest event of a mail decides how it counts. A mail that was rejected temporarily and delivered later counts as
    delivered.
  - If something of one domain cannot be read, the report has a finding for it, and the other domains are still
    reported.
  - Only an empty file or one that a report wrote is overwritten.
  - The page needs no scripts and no network. Text from mails is never interpreted as HTML, as a template or as a
    formula.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
  - improvmx.email.improvmx.attributes
attributes:
  check_mode:
    support: full
    details: In check mode, the account is read, but no DNS records are checked and no file is written.
  diff_mode:
    support: full
    details: The diff shows the summary of the report, not the file.
  idempotent:
    support: full
    details: New mail, and mail that is now older than O(since), changes the report. The time of its creation does not.
  platform:
    platforms: posix
options:
  path:
    description:
      - The file to write. With the extension C(.json) it contains RV(report), with C(.csv) one row for each mail, and
        with any other extension the page.
      - With a local connection, a relative path starts at the directory of the playbook that has the task.
      - Missing directories are created.
    type: path
    required: true
  since:
    description:
      - The start of the period that the report covers. Either a date or time in ISO 8601, in UTC unless it has a time
        zone, or an age such as V(24h), V(7d) or V(2w).
      - ImprovMX keeps logs for 7 days, and longer on paid plans.
    type: str
    default: 7d
  domains:
    description:
      - The domains to report on, in Unicode or as A-labels. Without it, all domains of the account.
    type: list
    elements: str
  check_dns:
    description:
      - Whether to let the service check the DNS records of each domain. A check activates a domain whose MX records are
        right, so it can change the account.
      - Nothing is checked in check mode.
    type: bool
    default: false
  alert_on:
    description:
      - The kinds of findings that set RV(report.alert). They do not make the task fail. The role fails because of them
        at its end, when the report is written.
    type: list
    elements: str
    choices: [undelivered, dns, limits, inactive]
    default: []
  concurrency:
    description:
      - The number of domains to read at the same time, from V(1) to V(10). It does not affect the rate limit or the
        results.
    type: int
    default: 8
  progress_file:
    description:
      - A file to which progress is appended while the task runs, for C(tail -f).
      - It is not needed if the task runs on the controller and not in the background. Then the output of the playbook
        shows the progress every few seconds.
    type: path
notes:
  - A report takes one request for each 100 domains, one for the limits, and for each domain one for each page of its
    log in the period. A domain with 200 aliases or more takes one more for each 100 of them, a domain that is routed
    by rules about two more, and O(check_dns) one more for each domain.
  - The memory that a report needs does not grow with the number of mails. For each domain, 300 different reasons and
    300 addresses without an alias are listed one by one. Further ones are counted together.
seealso:
  - module: improvmx.email.improvmx_logs_info
  - module: improvmx.email.improvmx_domain_check
  - module: improvmx.email.improvmx_account_info
  - name: The report
    description: What the page shows, and how to send it by mail.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/report.rst
"""

EXAMPLES = r"""
- name: Write a page about the last seven days
  improvmx.email.improvmx_report:
    path: improvmx_report.html
  register: written

- name: Show what needs attention
  ansible.builtin.debug:
    msg: "{{ written.report.findings | map(attribute='title') }}"

- name: Write a table of the mails of two domains, for a spreadsheet
  improvmx.email.improvmx_report:
    path: mails.csv
    since: 24h
    domains:
      - example.com
      - example.org

- name: Write data and check DNS records, which can activate domains
  improvmx.email.improvmx_report:
    path: /var/lib/mail/health.json
    check_dns: true
    alert_on: [undelivered, dns, inactive]
  register: health
  failed_when: health is failed or health.report.alert is not none
"""

RETURN = r"""
report:
  description:
    - The data that a file with the extension C(.json) contains. The names of the fields are stable.
    - Texts are on one line and limited in length. In URLs, the password and the query values are replaced by C(…) and
      four hexadecimal digits of a fingerprint. Control characters, and those that change the direction of writing, are
      spelled out.
    - Times are in ISO 8601 and UTC, or C(null) if they are not known.
  returned: success, and if the file could not be written
  type: dict
  contains:
    format:
      description: The version of the format. It increases if a field is removed or changes its meaning.
      type: int
      returned: always
      sample: 1
    created:
      description: When the report was created, by the clock of the service.
      type: str
      returned: always
      sample: "2026-01-31T08:00:00Z"
    since:
      description: The start of the period that the report covers.
      type: str
      returned: always
      sample: "2026-01-24T08:00:00Z"
    zone:
      description: The time zone of the host, in which the page and RV(report.over_time) show times.
      type: str
      returned: always
      sample: CET
    dns_checked:
      description: Whether DNS records were checked.
      type: bool
      returned: always
    fingerprint:
      description: A fingerprint of the content. It does not depend on when the report was created.
      type: str
      returned: always
      sample: 1f0c5a2b9d3e
    summary:
      description: The report in a few lines of text, for a mail or a chat.
      type: str
      returned: always
      sample: "142 mails since 2026-01-24 09:00 CET: 139 delivered, 3 undelivered\n- 3 mails to ann@mail.example were not delivered"
    alert:
      description:
        - The findings of the kinds in O(alert_on), in one sentence. C(null) if there are none.
        - What could not be read counts as a finding, because it could hide one.
      type: str
      returned: always
    mail:
      description:
        - The number of mails, C(total) and by their outcome.
        - C(delivered). C(waiting), the service accepted the mail and has not forwarded it yet. C(undelivered), it was
          rejected or bounced, even if only temporarily. C(no_alias), it was rejected because no alias accepts it.
          C(unknown), it has no event, or one that is not known.
      type: dict
      returned: always
      sample: {"total": 142, "delivered": 139, "waiting": 0, "undelivered": 3, "no_alias": 0, "unknown": 0}
    findings:
      description: What needs attention, most urgent first.
      type: list
      elements: dict
      returned: always
      contains:
        kind:
          description:
            - V(unread), something could not be read. V(clock), the clock of the host is wrong. V(inactive), mail of
              domains is not forwarded. V(dns), DNS records are wrong. V(undelivered), mail was not delivered.
              V(limits), 90 % or more of a limit is used. V(no_alias), mail was sent to addresses that no alias
              accepts.
          type: str
          returned: always
        severity:
          description: V(error), V(warning) or V(info).
          type: str
          returned: always
        title:
          description: The finding in one sentence.
          type: str
          returned: always
        advice:
          description: What to do about it.
          type: str
          returned: always
        domains:
          description: The affected domains, as A-labels.
          type: list
          elements: str
          returned: always
        count:
          description: The number of affected mails, domains or other things.
          type: int
          returned: always
        reasons:
          description: The reasons that the service gave.
          type: list
          elements: str
          returned: always
        hides:
          description: For V(unread), the kinds of findings that it could hide.
          type: list
          elements: str
          returned: always
    over_time:
      description:
        - Mail by the time it was received. C(step) is V(hour), V(day), V(week), V(month) or V(year). C(bars) contains
          the periods, each with the fields of RV(report.mail). C(without_time) is the number of mails without a valid
          time.
      type: dict
      returned: always
      sample: {"step": "day", "bars": [{"start": "2026-01-31", "total": 3, "delivered": 3}], "without_time": 0}
    undelivered:
      description:
        - Undelivered mail by destination and reason, most frequent first. C(destination) is C(null) if the service
          itself rejected the mail. C(status), C(code) and C(reason) are those of the latest event, C(for_now) is
          whether the service tries again, C(first) and C(last) are when mails were received, C(domains) and
          C(recipients) the number of mails for each, and C(mails) the three newest.
        - Reasons that differ only in details of one mail, such as its id, count as one.
      type: list
      elements: dict
      returned: always
    no_alias:
      description:
        - Addresses that received mail and that no alias accepts, with C(domain), C(address), C(count), C(last) and
          C(mails).
      type: list
      elements: dict
      returned: always
    domains:
      description:
        - The domains, with C(domain), C(display), C(active), C(activated) (by the check), C(routed_by) (V(aliases) or
          V(rules)), C(dns) (C(null) if it was not checked, otherwise C(valid) and C(problem)), C(catch_all) (its
          destinations), C(aliases) and C(rules) (their numbers), C(mail) as in RV(report.mail), C(unused_aliases) (the
          number of those without mail), and C(problems) (what could not be read).
      type: list
      elements: dict
      returned: always
    aliases:
      description:
        - The aliases, with C(domain), C(alias), C(forward), the numbers C(mail) and C(undelivered), and C(unused),
          which is C(null) if the log does not show whether the alias received mail.
      type: list
      elements: dict
      returned: always
    limits:
      description:
        - How much of the plan is used, with C(name), C(domain) (the one that uses most), C(limit), C(used), C(left) and
          C(percent). Empty with O(api_version=v2), which reports no limits.
      type: list
      elements: dict
      returned: always
changes:
  description:
    - The domains that a check of DNS records activated, then the file if the content of the report differs from the
      previous one. When the report was created does not count.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: file
      domain: null
      name: improvmx_report.html
      before: null
      after: {"fingerprint": 1f0c5a2b9d3e}
pending:
  description: The file, if it could not be written.
  returned: failure
  type: list
  elements: dict
diff:
  description: What the checks of DNS records changed, and the summary of the report if RV(changes) contains its file.
  returned: always
  type: list
  elements: dict
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 12
"""

import tempfile
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._errors import Failure, ImprovmxError
from ansible_collections.improvmx.email.plugins.module_utils._model.differences import Difference
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import domain_names
from ansible_collections.improvmx.email.plugins.module_utils._model.time import is_age, parse_moment
from ansible_collections.improvmx.email.plugins.module_utils._module.base import (
    execute,
    make_module,
    read_all,
    read_number,
    read_option,
)
from ansible_collections.improvmx.email.plugins.module_utils._module.read_health import (
    ReportRequest,
    read_health,
)
from ansible_collections.improvmx.email.plugins.module_utils._module.report_file import (
    ReportFile,
    fingerprint_after,
    report_file,
    write,
)
from ansible_collections.improvmx.email.plugins.module_utils._module.results import (
    NOTHING_DONE,
    summary,
    warn,
)
from ansible_collections.improvmx.email.plugins.module_utils._report.findings import ALERTS, report
from ansible_collections.improvmx.email.plugins.module_utils._run.parallel import MOST_AT_A_TIME
from ansible_collections.improvmx.email.plugins.module_utils._run.sheet import Sheet


def main() -> None:
    module = make_module(
        {
            "path": {"type": "path", "required": True},
            "since": {"type": "str", "default": "7d"},
            "domains": {"type": "list", "elements": "str"},
            "check_dns": {"type": "bool", "default": False},
            "alert_on": {"type": "list", "elements": "str", "choices": list(ALERTS), "default": []},
            "concurrency": {"type": "int", "default": 8},
            "progress_file": {"type": "path"},
        }
    )
    params = module.params

    def read(_api: Type[Api]) -> List[Any]:
        return read_all(
            lambda: report_file(params["path"]),
            lambda: read_option(params, "since", parse_moment),
            lambda: domain_names(params["domains"]) if params["domains"] is not None else None,
            lambda: read_number(params, "concurrency", 1, MOST_AT_A_TIME),
        )

    def work(api: Api, given: List[Any]) -> Dict[str, Any]:
        file, since, names, concurrency = given
        if params["check_dns"] and module.check_mode:
            warn(
                module,
                "The DNS records are not checked in check mode, because a check can activate a domain.",
            )
        request = ReportRequest(
            domains=names,
            since=since,
            age=datetime.now(timezone.utc) - since if since and is_age(params["since"]) else None,
            check_dns=params["check_dns"] and not module.check_mode,
            alert_on=params["alert_on"] or (),
            concurrency=concurrency,
            progress_file=params["progress_file"],
        )
        with ExitStack() as stack:
            try:
                sheet = Sheet(stack.enter_context(tempfile.TemporaryFile())) if file.form == "csv" else None
                return _written(api, request, file, sheet, module.check_mode)
            except OSError as error:
                raise ImprovmxError(
                    "the temporary file can't be written: %s. Nothing was written" % error.strerror
                ) from None

    execute(module, read, work, when_failed=NOTHING_DONE)


def _written(
    api: Api, request: ReportRequest, file: ReportFile, sheet: Optional[Sheet], check_mode: bool
) -> Dict[str, Any]:
    reading = read_health(api, request, sheet)
    data = report(reading.domains, reading.context)
    done = reading.changes
    results = summary(done, [Difference(c.domain, c.before, c.after) for c in done])
    change = file.change(fingerprint_after(data, sheet))
    if not check_mode:
        try:
            write(file, data, sheet)
        except ImprovmxError as error:
            pending = [change] if change else []
            raise Failure(str(error), {**results, "report": data, "pending": pending}) from None
    if change:
        before = "" if file.before is None else "another report, %s\n" % file.before
        entry = {
            "before_header": file.path,
            "after_header": file.path,
            "before": before,
            "after": data["summary"] + "\n",
        }
        results["changes"].append(change)
        results["diff"].append(entry)
    return {**results, "changed": bool(results["changes"]), "report": data}


if __name__ == "__main__":
    main()
