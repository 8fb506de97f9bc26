# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation website in build/site; any warning or dead link is an error.

antsibull-docs writes a page for each module, plugin and role in the copy that tree.py creates, and adds
the guides. Sphinx converts them to HTML.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
PAGES = BUILD / "rst"
SITE = BUILD / "site"
SPHINX = BUILD / "cores/docs/bin/sphinx-build"


def write_pages() -> None:
    shutil.rmtree(PAGES, ignore_errors=True)
    PAGES.mkdir(mode=0o700)  # antsibull-docs rejects a folder that others can write to
    command = ["antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error"]
    command += ["--no-add-antsibull-docs-version", "--dest-dir", str(PAGES), "improvmx.email"]
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(BUILD), "HOME": str(BUILD / "home")}
    subprocess.run(command, env=env, check=True)


def write_site() -> None:
    shutil.rmtree(SITE, ignore_errors=True)
    cache = BUILD / "cache/sphinx"
    shutil.rmtree(cache, ignore_errors=True)
    command = [str(SPHINX), "-q", "-W", "--keep-going", "-b", "html", "-c", str(ROOT / "docs/sphinx")]
    subprocess.run([*command, "-d", str(cache), str(PAGES), str(SITE)], check=True)


class _Page(HTMLParser):
    """The links and the anchors of a page."""

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
    """Every internal link of a website without a target, as ``page: link``; other sites are not checked."""
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


def main() -> None:
    began = time.monotonic()
    try:
        write_pages()
        write_site()
    except subprocess.CalledProcessError as error:
        sys.exit(f"docs: {Path(error.cmd[0]).name} failed (exit code {error.returncode})")
    if dead := dead_links(SITE):
        sys.exit("docs: dead links\n" + "\n".join(dead))
    pages, seconds = len(list(SITE.rglob("*.html"))), time.monotonic() - began
    print(f"  build/site/index.html: {pages} pages, no warning, no dead link, {seconds:.0f} s")


if __name__ == "__main__":
    main()
