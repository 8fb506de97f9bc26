# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that are written as YAML are parsed as the same values."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.yaml_text import lines, one_line, scalar

settings.register_profile("yaml", deadline=None, database=None, max_examples=300)
PROFILE = settings.get_profile("yaml")

scalars = (
    st.text()
    | st.text(st.characters(exclude_categories=("L", "C")))
    | st.sampled_from(
        ("yes", "Null", "~", "1e3", "0x1", "1:2", "2026-01-01", "=", "<<", "a: b", "a #b", "- a")
    )
    | st.booleans()
    | st.none()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
)
keys = st.sampled_from(("alias", "forward", "rank", "domain", "webhook"))
lists = st.lists(scalars, max_size=4)
mappings = st.dictionaries(keys, scalars | lists, min_size=1, max_size=3)


@PROFILE
@given(scalars)
@example("a?b")
@example("https://hooks.example/in?t=…1a2b")
@example("a\r\n\tb\x85\u2028\ufeff\\\"'")
def test_a_value_is_read_back_in_every_place(value: Any) -> None:
    assert yaml.safe_load(f"a: {scalar(value)}\n") == {"a": value}
    assert yaml.safe_load(f"- {scalar(value)}  # note\n") == [value]
    assert yaml.safe_load(f"[{scalar(value, True)}, {{a: {scalar(value, True)}}}]") == [value, {"a": value}]


@PROFILE
@given(st.dictionaries(keys, scalars, min_size=1))
def test_a_mapping_on_one_line_is_read_back(value: dict[str, Any]) -> None:
    assert yaml.safe_load(one_line(value)) == value
    assert "\n" not in one_line(value)


@PROFILE
@given(st.dictionaries(keys, scalars | lists | st.lists(mappings, max_size=3), min_size=1))
def test_lists_and_mappings_are_read_back(value: dict[str, Any]) -> None:
    assert yaml.safe_load("\n".join(lines(value))) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("ann@mail.example", "ann@mail.example"),
        ("https://hooks.example/in?t=…1a2b", "https://hooks.example/in?t=…1a2b"),
        ("True", '"True"'),
        ("007", '"007"'),
        ("", '""'),
        (True, "true"),
        (None, "null"),
        (1.0, "1.0"),
        (1e-7, "1.0e-07"),
        ("a\nb", '"a\\nb"'),
    ],
)
def test_values_are_written_in_the_usual_form(value: Any, written: str) -> None:
    assert scalar(value) == written
