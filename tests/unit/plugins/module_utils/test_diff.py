# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts of a diff."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.improvmx.email.plugins.module_utils._model.differences import (
    Difference,
    diff,
    file_diff,
)

A, B = "ann@mail.example", "bob@mail.example"
HOOK = "https://hooks.example/in?token=kQ7zw-41xVb"


def texts(before: dict[str, Any] | None, after: dict[str, Any] | None, name: str = "a.example") -> list[str]:
    (entry,) = diff([Difference(name, before, after)])
    return [entry["before"], entry["after"]]


def test_headers_and_names_are_in_display_form() -> None:
    (entry,) = diff([Difference("xn--bcher-kva.example", None, {"notification_email": A})])
    assert entry == {
        "before_header": "bücher.example",
        "after_header": "bücher.example",
        "before": "",
        "after": f"domain: bücher.example\nnotification_email: {A}\n",
    }


def test_an_alias_with_one_destination_takes_one_line_and_names_come_in_a_stable_order() -> None:
    aliases = {
        "*": [A],
        "sales": [B, HOOK],
        "^x+$": ["null"],
        "info": ["ann@xn--bcher-kva.example"],
        "a": [HOOK],
    }
    expected = """\
domain: a.example
aliases:
  - {alias: a, forward: "https://hooks.example/in?token=…0d0d"}
  - {alias: info, forward: ann@bücher.example}
  - alias: sales
    forward:
      - bob@mail.example
      - https://hooks.example/in?token=…0d0d
  - {alias: "^x+$", forward: "null"}
  - {alias: "*", forward: ann@mail.example}
"""
    backwards = dict(reversed(aliases.items()))
    assert texts({"aliases": aliases}, {"aliases": backwards}) == [expected, expected]
    assert yaml.safe_load(expected)["aliases"][4] == {"alias": "*", "forward": A}


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({}, ""),
        ({"webhook": None}, 'webhook: ""\n'),
        ({"aliases": {}}, "aliases: []\n"),
        ({"active": True}, "active: true\n"),
        ({"credentials": [{"username": "on"}]}, 'credentials:\n  - username: "on"\n'),
        (
            {"rules": [{"type": "cel", "expression": "a\nb", "forward": [A], "rank": None, "active": False}]},
            'rules:\n  - type: cel\n    expression: "a\\nb"\n'
            "    forward: ann@mail.example\n    active: false\n",
        ),
    ],
)
def test_fields_have_the_form_in_which_a_user_writes_them(fields: dict[str, Any], written: str) -> None:
    assert texts(None, fields) == ["", "domain: a.example\n" + written]


def test_a_file_keeps_its_form_without_the_secrets_of_urls() -> None:
    text = (
        "# Exported, see https://github.com/improvmx-email.\n"
        f'improvmx_webhook: !unsafe "{HOOK}&b={{{{c d}}}}"\r\n'
        f"  - alias: a\n    forward: '{HOOK}\"''x'\n"
        f'  # Not exported: alias "b": "{HOOK}": why.\n'
        f"      - {HOOK}"
    )
    after = file_diff("mail.yml", None, text)["after"]
    assert "kQ7zw" not in after
    assert "c d" not in after
    assert after.startswith("# Exported, see https://github.com/improvmx-email.\n")
    assert after.count("\n") == text.count("\n")
    assert after.endswith('": why.\n      - https://hooks.example/in?token=…0d0d')
