#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_report
short_description: Write a report of the health of an ImprovMX account
version_added: 0.1.0
description:
  - Reads domains, aliases, logs and limits of the account, and writes what needs attention, with the figures behind
    it, as one page of HTML or as data.
  - It is what the role P(improvmx.email.report#role) and the playbook C(improvmx.email.report) run. It writes a file
    where it runs, and nothing to the account, unless O(check_dns) allows to check DNS records.
  - The latest event of a mail decides what became of it. A mail that was refused for now and delivered in the end is
    delivered.
  - What can't be read of one domain loses nothing of the others. It stands in the report as a finding.
  - Only a file that a report wrote, or an empty one, is overwritten.
  - The page needs no script and no network. What strangers wrote into mails is never taken as HTML, as a template or
    as a formula.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
attributes:
  check_mode:
    support: full
    details: It reads, checks no DNS records, and writes no file.
  diff_mode:
    support: full
    details: It shows the summary of the report instead of the file.
  platform:
    platforms: posix
options:
  path:
    description:
      - The file to write. With the ending C(.json) it holds all of RV(report), with C(.csv) one row for each mail, and with
        any other the page.
      - With a local connection, one that is not absolute begins in the folder of the playbook that has the task.
      - Missing folders are made.
    type: path
    required: true
  since:
    description:
      - How far back the report looks. An ISO 8601 date or time, which is UTC where it has no zone, or an age, such as
        V(24h), V(7d) or V(2w).
      - The service keeps logs for 7 days, and for longer on paid plans.
    type: str
    default: 7d
  domains:
    description:
      - The domains to report on, in Unicode or as A-label. Without it, all of the account.
    type: list
    elements: str
  check_dns:
    description:
      - Whether to have the service check the DNS records of each domain. A check activates a domain whose MX records are
        right, so it can change the account.
      - In check mode nothing is checked.
    type: bool
    default: false
  alert_on:
    description:
      - The kinds of findings of which RV(report.alert) tells. The task does not fail because of them; the role does
        so at its end, when the report is written.
    type: list
    elements: str
    choices: [undelivered, dns, limits, inactive]
    default: []
  concurrency:
    description:
      - How many domains to read at the same time, from V(1) to V(10). The limits of the service are kept, and the results
        are the same, whatever the number.
    type: int
    default: 8
  progress_file:
    description:
      - A file to which lines of progress are appended while the task runs, for C(tail -f).
      - Where the task runs on the machine of the playbook, and not in the background, it need not be set; then
        the progress is shown in the output of the playbook every few seconds.
    type: path
notes:
  - A report takes a request for each 100 domains, one for the limits, and one or more for each domain, as many as its log
    has pages in that time. A domain with 200 aliases or more takes one more for each 100 of them, a domain that is routed
    by rules two more or so, and O(check_dns) one more for each domain.
  - The memory that it needs does not grow with the number of mails. Of a domain, 300 different reasons and 300 addresses
    without an alias are told apart; what is beyond that is counted together.
seealso:
  - module: improvmx.email.improvmx_logs_info
  - module: improvmx.email.improvmx_domain_check
  - module: improvmx.email.improvmx_account_info
  - name: The report
    description: What stands on the page, and how to have it mailed.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/report.rst
"""

EXAMPLES = r"""
- name: Write a page on the last week
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

- name: Write data, with a check of the DNS records, which can activate domains
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
    - What the file with the ending C(.json) holds. The names are stable.
    - Texts are on one line and of bounded length. In URLs the password and the query values are replaced by C(…) and four
      digits of a fingerprint. Control characters, and those that turn the direction of writing, are spelled out.
    - Times are in ISO 8601 and UTC, or C(null) where they are not known.
  returned: success, and where the file could not be written
  type: dict
  contains:
    format:
      description: The version of this form. It grows when a name goes or changes its meaning.
      type: int
      returned: always
      sample: 1
    created:
      description: When the report was made, by the clock of the service.
      type: str
      returned: always
      sample: "2026-01-31T08:00:00Z"
    since:
      description: From when on it looks at mail.
      type: str
      returned: always
      sample: "2026-01-24T08:00:00Z"
    zone:
      description: The time zone of the machine, in which the page and RV(report.over_time) tell times.
      type: str
      returned: always
      sample: CET
    dns_checked:
      description: Whether DNS records were checked.
      type: bool
      returned: always
    fingerprint:
      description: Digits that differ where a report says something else. When it was made makes no difference.
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
        - What O(alert_on) asks for and what was found, in one sentence. C(null) where nothing was.
        - What could not be read counts as found, as it may hide just that.
      type: str
      returned: always
    mail:
      description:
        - How many mails came, and what became of them.
        - C(total); C(delivered); C(waiting), the service has accepted it and not yet passed on; C(undelivered), it was refused or
          bounced, be it for now; C(no_alias), it was refused because no alias takes it; C(unknown), there is no event, or
          one that is not known.
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
            - V(unread), something could not be read. V(clock), the clock of the machine is wrong. V(inactive), domains whose
              mail is not forwarded. V(dns), DNS records that are wrong. V(undelivered). V(limits), 90 % of a limit or more is
              used. V(no_alias), mail to addresses that no alias takes.
          type: str
          returned: always
        severity:
          description: V(error), V(warning) or V(info).
          type: str
          returned: always
        title:
          description: What it is, in one sentence.
          type: str
          returned: always
        advice:
          description: What to do about it.
          type: str
          returned: always
        domains:
          description: The domains that it is about, as A-labels.
          type: list
          elements: str
          returned: always
        count:
          description: How many mails, domains or other things it is about.
          type: int
          returned: always
        reasons:
          description: Why, in the words of the service.
          type: list
          elements: str
          returned: always
        hides:
          description: Of a V(unread), the kinds of findings that it may hide.
          type: list
          elements: str
          returned: always
    over_time:
      description:
        - Mail by the time at which it came. C(step) is V(hour), V(day), V(week), V(month) or V(year), C(bars) the times with the
          fields of RV(report.mail) each, and C(without_time) how many mails have no time that can be read.
      type: dict
      returned: always
      sample: {"step": "day", "bars": [{"start": "2026-01-31", "total": 3, "delivered": 3}], "without_time": 0}
    undelivered:
      description:
        - Undelivered mail by destination and reason, the most first. C(destination) is C(null) where it was refused when it
          came in. C(status), C(code) and C(reason) are those of the latest event, C(for_now) whether the service tries again,
          C(first) and C(last) when the mails came, C(domains) and C(recipients) how many mails each has, C(mails) the newest three.
        - Reasons that differ only in what is of one mail, such as its id, are one.
      type: list
      elements: dict
      returned: always
    no_alias:
      description: Addresses that got mail and that no alias takes, with C(domain), C(address), C(count), C(last) and C(mails).
      type: list
      elements: dict
      returned: always
    domains:
      description:
        - The domains, with C(domain), C(display), C(active), C(activated) (by the check), C(routed_by) (V(aliases) or V(rules)), C(dns)
          (C(null) where it was not checked, else C(valid) and C(problem)), C(catch_all) (its destinations), C(aliases) and C(rules) (how
          many), C(mail) as RV(report.mail), C(unused_aliases) (how many had no mail), and C(problems) (what could not be read).
      type: list
      elements: dict
      returned: always
    aliases:
      description:
        - The aliases, with C(domain), C(alias), C(forward), C(mail) and C(undelivered) (how many), and C(unused), which is C(null) where the
          log does not tell whether mail came to it.
      type: list
      elements: dict
      returned: always
    limits:
      description:
        - How much of the plan is used, with C(name), C(domain) (that has the most), C(limit), C(used), C(left) and C(percent). Empty
          with O(api_version=v2), which tells no limits.
      type: list
      elements: dict
      returned: always
changes:
  description:
    - The file, where the report says something else than the one that was there. When it was made makes no difference.
    - Before it, the domains that a check of DNS records activated.
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
  description: The file, where it could not be written.
  returned: failure
  type: list
  elements: dict
diff:
  description: The summary of the report, where RV(changes) has its file, and what the checks of DNS records changed.
  returned: always
  type: list
  elements: dict
api_requests:
  description: How many HTTP requests the task made, repeats included.
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
from ansible_collections.improvmx.email.plugins.module_utils._module.read_health import Question, read_health
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

    def read(dialect: Type[Api]) -> List[Any]:
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
        question = Question(
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
                return _written(api, question, file, sheet, module.check_mode)
            except OSError as error:
                raise ImprovmxError(
                    "the temporary file can't be written: %s. Nothing was written" % error.strerror
                ) from None

    execute(module, read, work, when_failed=NOTHING_DONE)


def _written(
    api: Api, question: Question, file: ReportFile, sheet: Optional[Sheet], dry: bool
) -> Dict[str, Any]:
    reading = read_health(api, question, sheet)
    told = report(reading.domains, reading.circumstances)
    done = reading.changes
    results = summary(done, [Difference(c.domain, c.before, c.after) for c in done])
    change = file.change(fingerprint_after(told, sheet))
    if not dry:
        try:
            write(file, told, sheet)
        except ImprovmxError as error:
            pending = [change] if change else []
            raise Failure(str(error), {**results, "report": told, "pending": pending}) from None
    if change:
        before = "" if file.before is None else "another report, %s\n" % file.before
        entry = {
            "before_header": file.path,
            "after_header": file.path,
            "before": before,
            "after": told["summary"] + "\n",
        }
        results["changes"].append(change)
        results["diff"].append(entry)
    return {**results, "changed": bool(results["changes"]), "report": told}


if __name__ == "__main__":
    main()
