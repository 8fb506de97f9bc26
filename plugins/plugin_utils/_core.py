# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rejects versions of ansible-core that are not safe for this collection."""

from __future__ import annotations

from typing import Optional, Tuple, Type

from ansible.errors import AnsibleError
from ansible.release import __version__ as present

LOWEST = "2.19"  # as requires_ansible in meta/runtime.yml


def require_supported_core(error: Optional[Type[AnsibleError]] = None) -> None:
    """Raise an error, of this class if one is given, on an ansible-core that is too old.

    Ansible itself only warns. Before 2.19 it evaluates templates in any text, even in data from the service:
    whoever can name an alias could run commands on the controller.
    """
    if _release(present) < _release(LOWEST):
        raise (error or AnsibleError)(
            "improvmx.email needs ansible-core %s or newer, and this is %s, which would execute templates in "
            "data from the service. Nothing was done: update ansible-core" % (LOWEST, present)
        )


def _release(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
