# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of replies: keys, nesting and types, but no values, which could be private."""

from __future__ import annotations

from typing import Any

# A string is the name of a type; a dict has shapes by key; a list has the shape of its items, if any.
Shape = Any

NULL = "null"
TYPES = {bool: "boolean", int: "number", float: "number", str: "text", type(None): NULL}


def shape_of(value: Any) -> Shape:
    if isinstance(value, dict):
        return {key: shape_of(inner) for key, inner in value.items()}
    if isinstance(value, list):
        item = None
        for inner in value:
            item = merged(item, shape_of(inner))
        return [] if item is None else [item]
    return TYPES[type(value)]


def merged(one: Shape | None, other: Shape) -> Shape:
    """The common shape of two values. Null says nothing about other possible types."""
    if one is None or one == NULL:
        return other
    if other == NULL or one == other:
        return one
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merged(one.get(key), other.get(key, NULL)) for key in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        return [merged(one[0], other[0])] if one and other else one or other
    return " or ".join(sorted({kind_of(one), kind_of(other)}))


def kind_of(shape: Shape) -> str:
    return "object" if isinstance(shape, dict) else "list" if isinstance(shape, list) else str(shape)


def differences(expected: Shape, found: Shape, where: str = "") -> list[str]:
    """The differences in keys, nesting or types. Null and empty lists match anything."""
    if isinstance(expected, dict) and isinstance(found, dict):
        lines = [f"{where}{key}: missing" for key in expected if key not in found]
        lines += [f"{where}{key}: new, {kind_of(found[key])}" for key in found if key not in expected]
        for key in expected:
            if key in found:
                lines += differences(expected[key], found[key], f"{where}{key}.")
        return lines
    if isinstance(expected, list) and isinstance(found, list):
        return differences(expected[0], found[0], f"{where}[].") if expected and found else []
    if NULL in (expected, found) or expected == found:
        return []
    place = where.rstrip(".") or "the reply"
    return [f"{place}: {kind_of(found)} instead of {kind_of(expected)}"]
