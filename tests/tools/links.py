# Copyright: (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the links of a website in a folder that lead nowhere inside it. Other sites are not asked."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {"", "top"}  # a browser knows these without any mark on the page
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (tag, name) == ("a", "name"):
                self.anchors.add(value or "")
            elif name in ("href", "src") and value is not None:
                self.links.append(value)


def dead_links(site: Path) -> list[str]:
    """Every link to a file or an anchor that is not there, as ``page: link``."""
    pages = {path.resolve(): _Page(path) for path in site.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            no_anchor = target in pages and unquote(parts.fragment) not in pages[target].anchors
            if not target.is_file() or no_anchor:
                dead.append(f"{path.relative_to(site.resolve())}: {link}")
    return sorted(dead)
