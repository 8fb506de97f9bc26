#!/usr/bin/python
# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: improvmx_export
short_description: Export an ImprovMX account as inventory variables
version_added: 1.0.0
description:
  - Writes the domains of the account, with their settings and all aliases, as variables of the role
    P(improvmx.email.improvmx#role). Applied to the same account, they change nothing.
  - The playbook C(improvmx.email.export) runs this module. It writes files where it runs, and never changes the
    account.
  - Only files that an export wrote and nobody edited are overwritten. If any other file is in the way, nothing is
    written. The first line of each file contains a fingerprint of the other lines, to detect edits.
  - For a domain that is routed by rules, no aliases are written, because they have no effect there.
  - What the role could not apply without a change, such as an alias with a space in it, is not exported. A comment in
    the file gives the reason, and a warning the number.
  - With O(layout=hosts), the file of a domain that no longer exists in the account stays unchanged, with a warning.
author:
  - The improvmx.email contributors (@improvmx-email)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - improvmx.email.improvmx
  - improvmx.email.improvmx.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  path:
    description:
      - The file to write with O(layout=list), or the directory to write to with O(layout=hosts).
      - With a local connection, a relative path starts at the directory of the playbook that has the task.
      - Missing directories are created.
    type: path
    required: true
  layout:
    description:
      - V(list) writes one file with the variable C(improvmx_domains).
      - V(hosts) writes an inventory in which each domain is a host, as C(hosts.yml) and C(host_vars/DOMAIN.yml).
    type: str
    choices: [list, hosts]
    default: list
  include:
    description:
      - What else to export. V(credentials) takes one request for each domain and needs O(api_version=v3). Passwords
        cannot be read, so credentials are written without them. Applied, such a credential keeps its password.
      - Rules of domains that are routed by rules are always exported, with one or more requests for each domain.
    type: list
    elements: str
    choices: [credentials]
    default: []
seealso:
  - module: improvmx.email.improvmx_domains
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
- name: Export the account to one file of variables
  improvmx.email.improvmx_export:
    path: improvmx_domains.yml

- name: Export the account as an inventory
  improvmx.email.improvmx_export:
    path: mail
    layout: hosts
"""

RETURN = r"""
changes:
  description: The files that were written, in order of execution. In check mode, those that would be written.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(create) or V(update).
      type: str
      returned: always
      sample: create
    kind:
      description: Always V(file).
      type: str
      returned: always
      sample: file
    domain:
      description: Always C(null), because no domain of the account changes.
      type: str
      returned: always
    name:
      description: The path of the file.
      type: str
      returned: always
      sample: improvmx_domains.yml
    before:
      description: The fingerprint of the previous file. C(null) if it did not exist.
      type: dict
      returned: always
    after:
      description: The fingerprint of the new file.
      type: dict
      returned: always
      sample:
        fingerprint: 1f0c5a2b9d3e
pending:
  description: The files that were not written because of a failure, in the form of RV(changes).
  returned: failure
  type: list
  elements: dict
diff:
  description:
    - The text of each file that changes, before and after.
    - The password and the query values of a URL are replaced by C(…) and four hexadecimal digits of a fingerprint, so
      a change is visible and the secret is not. The files contain the whole URLs.
  returned: success
  type: list
  elements: dict
exported:
  description: The number of exported domains, aliases, rules and credentials.
  returned: success
  type: dict
  contains:
    domains:
      description: The number of domains.
      type: int
      returned: always
    aliases:
      description: The number of aliases.
      type: int
      returned: always
    rules:
      description: The number of rules.
      type: int
      returned: always
    credentials:
      description: The number of SMTP credentials.
      type: int
      returned: always
    left_out:
      description: The number of domains, settings, aliases, rules and credentials not exported. Comments say why.
      type: int
      returned: always
api_requests:
  description: The number of HTTP requests that the task made, retries included.
  returned: always
  type: int
  sample: 1
"""

import os
from typing import Any, Dict, Type

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._errors import InputError
from ansible_collections.improvmx.email.plugins.module_utils._module.base import (
    execute,
    make_module,
    read_all,
)
from ansible_collections.improvmx.email.plugins.module_utils._module.files import (
    check_path,
    former_files,
    join_first,
    plan_files,
    write_files,
)
from ansible_collections.improvmx.email.plugins.module_utils._plan.export import (
    HOST_VARS,
    export,
    hosts_files,
    list_file,
)
from ansible_collections.improvmx.email.plugins.module_utils._run.fetch import read_account


def main() -> None:
    module = make_module(
        {
            "path": {"type": "path", "required": True},
            "layout": {"type": "str", "choices": ["list", "hosts"], "default": "list"},
            "include": {"type": "list", "elements": "str", "choices": ["credentials"], "default": []},
        }
    )
    layout = module.params["layout"]

    include = module.params["include"]

    def refuse(api: Type[Api]) -> None:
        if any(name not in api.manages for name in include):
            raise InputError(["include: API %s can't read it; v3 can" % api.version])

    def read(api: Type[Api]) -> str:
        path: str = read_all(lambda: check_path(module.params["path"], layout), lambda: refuse(api))[0]
        return path

    def work(api: Api, path: str) -> Dict[str, Any]:
        account = export(read_account(api, include), api.manages, api.version)
        if layout == "hosts":
            texts = {os.path.join(path, name): text for name, text in hosts_files(account).items()}
        else:
            texts = {path: list_file(account, os.path.basename(path))}
        changes = plan_files(texts)
        if not module.check_mode:
            write_files(changes)
        counts = account.counts()
        if counts["left_out"]:
            module.warn(
                "%d domains, settings, aliases or rules were not exported, because applying the files would "
                'change or reject them. Comments that begin with "Not exported" name them.'
                % counts["left_out"]
            )
        obsolete = former_files(os.path.join(path, HOST_VARS), texts) if layout == "hosts" else []
        if obsolete:
            module.warn(
                "These files belong to domains that no longer exist in the account: %s. They were not changed; "
                "delete those that you don't need." % join_first(obsolete)
            )
        return {
            "changed": bool(changes),
            "changes": [change.result() for change in changes],
            "diff": [change.diff() for change in changes],
            "exported": counts,
        }

    execute(module, read, work, when_failed={"changed": False, "changes": [], "pending": []})


if __name__ == "__main__":
    main()
