# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx builds the website from the guides and from what antsibull-docs writes. See `make docs`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from docutils import nodes

project = "improvmx.email"
author = "The improvmx.email contributors"
project_copyright = "2026, " + author
html_title = "improvmx.email"

extensions = ["sphinx_antsibull_ext"]
nitpicky = True
highlight_language = "yaml+jinja"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
pygments_style = "ansible"
pygments_dark_style = "monokai"

# Where the reference links to the guides, for `ansible-doc` shows it as well.
GUIDES = "https://github.com/improvmx-email/improvmx.email/blob/main/docs/docsite/rst/"

# What the generated pages refer to in Ansible's own documentation, which is not there at build time.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ELSEWHERE = {
    r"action_plugins": r"plugins/action.html#action-plugins",
    r"ansible_configuration_settings": r"reference_appendices/config.html#ansible-configuration-settings",
    r"common_return_values": r"reference_appendices/common_return_values.html#common-return-values",
    r"ansible_collections\.ansible\.builtin\.(\w+)": r"collections/ansible/builtin/\1.html",
    r"(ANSIBLE_\w+)": r"reference_appendices/config.html#envvar-\1",
}


def link_elsewhere(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Resolve a reference to Ansible's documentation."""
    for pattern, page in ELSEWHERE.items():
        found = re.fullmatch(pattern, node["reftarget"])
        if found:
            return nodes.reference("", "", content, refuri=ANSIBLE + found.expand(page))
    return None


def adapt(app: Any, name: str, source: list[str]) -> None:
    """Let generated pages fit the theme, which shows the contents of a page itself."""
    text = re.sub(r"^\.\. contents::.*\n(?: +:.*\n)+", "", source[0], flags=re.M)
    text = text.replace("Improvmx.Email", project)
    guide = rf"`([^`<]+) <{re.escape(GUIDES)}(\w+)\.rst>`__?"
    text = re.sub(guide, r":ref:`\1 <ansible_collections.improvmx.email.docsite.\2>`", text)
    source[0] = _index(text) if name == app.config.root_doc else text


def _index(text: str) -> str:
    """The index as the sidebar shows it: headings as captions, short names of pages, the changelog last."""
    changelog = re.search(r"^\.\. _changelog_section.*?\n    changelog\n", text, re.S | re.M)
    if changelog:
        text = text.replace(changelog[0], "") + changelog[0]
    heading, adapted = "", []
    for line, below in pairwise([*text.splitlines(), ""]):
        if re.fullmatch(r"[-~]+", below):
            heading = line.replace(" Index", "s")
        adapted.append(re.sub(r"^    (\w+)_(module|role|filter|inventory)$", r"    \1 <\1_\2>", line))
        if line.startswith(".. toctree::"):
            adapted.append("    :caption: " + heading)
    return "\n".join(adapted)


def setup(app: Any) -> None:
    app.connect("missing-reference", link_elsewhere)
    app.connect("source-read", adapt)
