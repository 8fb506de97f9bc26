# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Problems in the input of the user."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar

from .._errors import InputError
from .names import DROP, destination_key, parse_destination, split_forward
from .text import quoted
from .yaml_text import scalar

_Value = TypeVar("_Value")


class Problems(List[str]):
    """Problems in the input, each with its place. They are collected to report all of them at once."""

    def read(self, place: str, value: Any, parse: Callable[[Any], _Value]) -> Optional[_Value]:
        """Parse a value. If it is invalid, add the problem and its place, and return None."""
        try:
            return parse(value)
        except ValueError as error:
            self.append("%s: %s can't be used: %s" % (place, _named(value), error))
            return None

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Collect the problems of an InputError instead of raising it."""
        try:
            yield
        except InputError as error:
            self.extend(error.problems)

    def raise_if_any(self) -> None:
        """Raise InputError if there are problems."""
        if self:
            raise InputError(self)


def forward_wish(
    items: Sequence[str], domain: Optional[str], place: str, problems: Problems
) -> Tuple[str, ...]:
    if any(item.lstrip()[:1] in ("[", "{") for item in items):  # Ansible converts them to strings
        problems.append(
            "%s: a destination is a list or a mapping instead of a string; join lists into one, "
            "for example with the filter flatten" % place
        )
        return ()
    parts = split_forward(items)
    if not parts:
        problems.append(
            '%s: at least one destination is required (the word null needs quotes: "null")' % place
        )
    elif not all(item.strip() for item in items):  # Ansible converts null to an empty string
        problems.append(
            "%s: a destination is empty or null (the word null needs quotes and must be the only "
            'destination: "null")' % place
        )
    forward = []
    for part in parts:
        destination = problems.read(place, part, parse_destination)
        if destination is None:
            continue
        if domain and "://" not in destination and destination.endswith("@" + domain):
            problems.append("%s: %s is in the same domain, which the service rejects" % (place, quoted(part)))
        forward.append(destination)
    if DROP in forward and len(set(forward)) > 1:
        problems.append("%s: null discards mail and must be the only destination" % place)
    unique: Dict[str, str] = {}
    for destination in forward:
        unique.setdefault(destination_key(destination), destination)
    return tuple(unique.values())


def join_place(place: str, part: str) -> str:
    """Return what messages call a part of a place, such as "aliases[1], forward"."""
    return place + part if place.endswith("_") else "%s, %s" % (place, part) if place else part


def _named(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return scalar(value)
