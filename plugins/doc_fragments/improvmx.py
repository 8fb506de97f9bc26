# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options of the connection, for every module and plugin of this collection.
    DOCUMENTATION = r"""
options:
  api_key:
    description:
      - The API key of the ImprovMX account.
      - If not set, the environment variable E(IMPROVMX_API_KEY) is used, as it is set where the module or plugin runs.
        An empty variable counts as not set.
      - The key never appears in results, diffs, logs or error messages.
    type: str
    required: true
  api_url:
    description:
      - The root URL of the API, without the version. A trailing slash makes no difference.
      - If not set, the environment variable E(IMPROVMX_API_URL) is used. An empty variable counts as not set.
    type: str
    default: https://api.improvmx.com
  api_version:
    description:
      - The version of the API to use. ImprovMX removed V(v2) on 2024-06-01. It is supported for servers that still
        offer it, and manages domains and aliases, but no settings of a domain.
      - An option that the version does not support is rejected before any request is sent.
      - If not set, the environment variable E(IMPROVMX_API_VERSION) is used. An empty variable counts as not set.
    type: str
    choices: [v2, v3]
    default: v3
  validate_certs:
    description:
      - Whether to verify the TLS certificate of the API. Only this option turns verification off.
    type: bool
    default: true
  ca_path:
    description:
      - A file with the CA certificates to trust, or a directory of such files.
      - If not set, environment variables such as E(REQUESTS_CA_BUNDLE) are used, then the certificates that C(requests)
        uses by default.
    type: path
  timeout:
    description:
      - The maximum time for one try of a request, in seconds.
    type: int
    default: 30
  retry_timeout:
    description:
      - The maximum time for one request with all its retries and waits, in seconds. Waits for the rate limit count.
      - A request is retried when the service limits the rate, cannot be reached or fails, and only where a retry is
        safe. Otherwise, the current state is read after a write whose response was lost.
      - If the service never responds, retries stop after 30 seconds, or after O(timeout) if that is longer. If the host
        of O(api_url) does not exist, there are no retries.
      - V(0) disables retries.
    type: int
    default: 300
seealso:
  - name: Troubleshooting
    description: Every error message, and what to do about it.
    link: https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/troubleshooting.rst
requirements:
  - requests, for the Python that runs the module or plugin
notes:
  - Requests are sent from the host on which the module or plugin runs, usually C(localhost).
  - Proxies are read from environment variables such as E(HTTPS_PROXY). A SOCKS proxy requires the Python library
    C(PySocks). C(~/.netrc) is not used.
  - To set the connection options once for all modules of a play, use C(module_defaults) with the action group
    C(group/improvmx.email.improvmx).
"""

    # Attributes of every module, in addition to ansible.builtin.action_common_attributes.
    ATTRIBUTES = r"""
options: {}
attributes:
  idempotent:
    description:
      - A second run with the same options reports no change, as long as nobody else changes the account in between.
        This does not apply to check mode.
  action_group:
    description: Use C(group/improvmx.email.improvmx) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - improvmx.email.improvmx
"""

    # Other sources of the connection options, for plugins.
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
