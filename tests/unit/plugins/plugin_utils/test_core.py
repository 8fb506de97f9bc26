# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsibleError

from ansible_collections.improvmx.email.plugins.plugin_utils import _core
from catalogue import ROOT


def test_lowest_version_is_that_of_the_collection() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={_core.LOWEST}.0"


@pytest.mark.parametrize(
    "version", ["2.19.0", "2.19.0b1", "2.19.14", "2.20.1rc1", "2.21.0.dev0", "3.0.0", "10.1"]
)
def test_newer_versions_are_accepted(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_core, "present", version)
    _core.require_supported_core()


@pytest.mark.parametrize("version", ["2.18.12", "2.18.0.dev0", "2.9.27", "1.9"])
@pytest.mark.parametrize("error", [None, AnsibleActionFail])
def test_older_versions_are_rejected(
    version: str, error: type[AnsibleError] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_core, "present", version)
    with pytest.raises(error or AnsibleError, match=f"this is {version}, which would execute templates"):
        _core.require_supported_core(error)
