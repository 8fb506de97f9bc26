# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replacement for the script with which ansible-test installs pip into its virtual environments.

ansible-test downloads that script from a host of its own, which fails in a closed network.
uv, which `make setup` has installed, does the same from the usual package index in a tenth of a
second; where uv fails, Python's own ensurepip does it. tests/tools/sanity.py puts this file where
ansible-test looks before it downloads.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

wanted = [word for word in sys.argv[1:] if not word.startswith("-")]  # such as pip==25.2
uv = shutil.which("uv")
if uv is not None:
    # ansible-test removes the variables of the Makefile.
    env = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    command = [uv, "pip", "install", "-q", "--python", sys.executable, *wanted]
    if subprocess.call(command, env=env) == 0:
        sys.exit()

# In a separate process: ensurepip removes every PIP_* variable and the pip configuration file.
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-q", "--upgrade", *wanted]))
