# Copyright: (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the website of the documentation in build/site, with any warning as an error and no dead link.

antsibull-docs writes a page for each module, plugin and role of the copy that tree.py made, and adds
the guides; Sphinx makes HTML of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from links import dead_links

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
PAGES = BUILD / "rst"
SITE = BUILD / "site"
SPHINX = BUILD / "cores/docs/bin/sphinx-build"


def write_pages() -> None:
    shutil.rmtree(PAGES, ignore_errors=True)
    PAGES.mkdir(mode=0o700)  # antsibull-docs takes no folder that others can write to
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


def main() -> None:
    began = time.monotonic()
    try:
        write_pages()
        write_site()
    except subprocess.CalledProcessError as error:
        sys.exit(f"docs: {Path(error.cmd[0]).name} failed (exit code {error.returncode})")
    if dead := dead_links(SITE):
        sys.exit("docs: dead links\n" + "\n".join(dead))
    pages = len(list(SITE.rglob("*.html")))
    print(f"  build/site/index.html: {pages} pages, no warning, no dead link, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
