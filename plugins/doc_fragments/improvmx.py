# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What every module and plugin of this collection takes and needs.
    DOCUMENTATION = r"""
options:
  api_key:
    description:
      - The API key of the ImprovMX account.
      - If it is not set, the environment variable E(IMPROVMX_API_KEY) is used, that of the host where the module or plugin
        runs. An empty one counts as not set.
      - It never appears in results, diffs, logs or error messages.
    type: str
    required: true
  api_url:
    description:
      - The root of the API, without its version. A slash at the end makes no difference.
      - If it is not set, the environment variable E(IMPROVMX_API_URL) is used. An empty one counts as not set.
    type: str
    default: https://api.improvmx.com
  api_version:
    description:
      - The version of the API to speak. The vendor removed V(v2) on 2024-06-01. It is kept for servers that still
        speak it, and manages domains and aliases, but no settings of a domain.
      - What a version can't do is refused before any request.
      - If it is not set, the environment variable E(IMPROVMX_API_VERSION) is used. An empty one counts as not set.
    type: str
    choices: [v2, v3]
    default: v3
  validate_certs:
    description:
      - Whether to verify the TLS certificate of the API. Nothing else turns the verification off.
    type: bool
    default: true
  ca_path:
    description:
      - A file with the CA certificates to trust, or a directory of them.
      - If it is not set, the usual environment variables such as E(REQUESTS_CA_BUNDLE) count,
        then the bundle that comes with C(requests).
    type: path
  timeout:
    description:
      - How long one try of a request may take, in seconds.
    type: int
    default: 30
  retry_timeout:
    description:
      - The longest that one request may spend in tries and waits, in seconds. Waits for a rate limit count.
      - A request is repeated when the service limits the rate, when it is out of reach or out of order,
        and only where a repeat can do no harm. A write whose answer was lost is looked up instead.
      - A service that has not answered yet is given up after 30 seconds, or O(timeout) where that is longer, and at once
        where its host does not exist.
      - V(0) means a single try.
    type: int
    default: 300
seealso:
  - name: Troubleshooting
    description: Every error message, and what to do about it.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/troubleshooting.rst
requirements:
  - requests, for the Python that runs the module or plugin
notes:
  - A module runs where Ansible runs it, and talks to the API from there. Usually that is C(localhost).
  - Proxies are taken from the usual environment variables, such as E(HTTPS_PROXY). A SOCKS proxy needs the Python library
    C(PySocks). C(~/.netrc) is not used.
  - For modules, put the shared options into C(module_defaults) of the group C(improvmx.email.improvmx) to write them once in
    a play.
"""

    # What plugins have in addition: other sources of these options.
    PLUGIN = r"""
options:
  api_key:
    env:
      - name: IMPROVMX_API_KEY
    vars:
      - name: improvmx_api_key
  api_url:
    env:
      - name: IMPROVMX_API_URL
    vars:
      - name: improvmx_api_url
  api_version:
    env:
      - name: IMPROVMX_API_VERSION
    vars:
      - name: improvmx_api_version
"""
