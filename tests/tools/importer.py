# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the built tarball with galaxy-importer as Galaxy does, and treat its warnings as errors.

galaxy-importer only logs most problems, and exits with 0.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build"
FOLDER = BUILD / "importer"
LOG = BUILD / "importer.log"
CONFIGURATION = """\
[galaxy-importer]
CHECK_REQUIRED_TAGS = True
RUN_FLAKE8 = False
"""


def main() -> None:
    (tarball,) = BUILD.glob("improvmx-email-*.tar.gz")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    configuration = FOLDER / "galaxy-importer.cfg"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    tools = BUILD / "cores/importer/bin"
    env = {
        **os.environ,
        "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
        "HOME": str(BUILD / "home"),
        "GALAXY_IMPORTER_CONFIG": str(configuration),
    }
    env.pop("ANSIBLE_COLLECTIONS_PATH", None)  # use the tarball only
    began = time.monotonic()
    command = [str(tools / "python"), "-m", "galaxy_importer.main", str(tarball)]
    with LOG.open("w", encoding="utf-8") as log:
        code = subprocess.run(
            command, cwd=FOLDER, env=env, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode
    output = LOG.read_text(encoding="utf-8", errors="replace")
    complaints = re.findall(r"^.*\b(?:ERROR|WARNING|CRITICAL)\b.*$", output, re.MULTILINE)
    if code or complaints or not (FOLDER / "importer_result.json").exists():
        sys.exit(
            f"{output}\n== galaxy-importer reports problems (exit code {code}):\n" + "\n".join(complaints)
        )
    print(
        f"  {tarball.name}: no error, no warning, in {time.monotonic() - began:.0f} s; log: build/{LOG.name}"
    )


if __name__ == "__main__":
    main()
