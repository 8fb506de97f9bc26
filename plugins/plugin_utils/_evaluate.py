# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluates the templates in the variables of hosts, as rarely as possible. Pure.

A list in ``group_vars/all`` is a variable of every host, and a template in it could have another result for
each of them. Most do not: they use variables that are the same object for all hosts. So the variables that
a value depends on are read from its templates, and the value is evaluated once for all hosts for which they
are identical. If they can't be determined, as with a lookup, the value is evaluated for each host.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, Optional, Set, Tuple

from jinja2 import Environment, TemplateSyntaxError, nodes

OMITTED = object()  # the result of a template that omits its variable

# These can read any variable, so the variables they use can't be determined.
_FUNCTIONS = frozenset(("lookup", "query", "q"))
_WHOLES = frozenset(("vars", "hostvars"))
_FOREIGN = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_MARKS = ("{{", "{%", "{#")

Template = Callable[[Mapping[str, Any], Any], Any]


class TemplateFailed(Exception):
    """A template can't be evaluated. The text is the reason, in one line."""


class Evaluator:
    """Evaluates values with the variables of hosts. ``template`` evaluates one, and raises TemplateFailed."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._jinja = Environment(autoescape=False)  # it only parses: nothing is rendered
        self._known: Dict[int, _Uses] = {}
        self._results: Dict[Tuple[Any, ...], Tuple[Any, Any]] = {}

    def evaluate(self, value: Any, variables: Mapping[str, Any]) -> Any:
        """Return the result of a value with these variables, or OMITTED. Raises TemplateFailed."""
        uses = self._uses(value)
        if uses.literal:
            return uses.plain()
        key = self._key(value, variables)
        if key is None:
            return _plain(self._template(variables, value))
        if key not in self._results:
            # The variables are kept, because another object could otherwise get the same id.
            self._results[key] = (self._attempt(value, variables), variables)
        result = self._results[key][0]
        if isinstance(result, TemplateFailed):
            raise result
        return result

    def _attempt(self, value: Any, variables: Mapping[str, Any]) -> Any:
        try:
            return _plain(self._template(variables, value))
        except TemplateFailed as error:
            return error

    def _key(self, value: Any, variables: Mapping[str, Any]) -> Optional[Tuple[Any, ...]]:
        """Return everything that a value depends on, by identity; None if that can't be determined."""
        parts: List[Any] = [id(value)]
        names: Set[str] = set()
        todo = [value]
        while todo:
            uses = self._uses(todo.pop())
            if uses.names is None:
                return None
            for name in uses.names - names:
                names.add(name)
                if name in variables:
                    todo.append(variables[name])
        for name in sorted(names):
            parts += [name, id(variables[name]) if name in variables else None]
        return tuple(parts)

    def _uses(self, value: Any) -> _Uses:
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self._read(value)
        return known

    def _read(self, value: Any) -> _Uses:
        names: Set[str] = set()
        literal = True
        for part in _parts(value):
            if not isinstance(part, str):
                # Numbers and the like are literals; values that are decrypted when they are used are not.
                literal = literal and (part is None or isinstance(part, (bool, int, float)))
            elif any(mark in part for mark in _MARKS) or part.startswith("#jinja2"):
                literal = False
                found = self._names(part)
                if found is None:
                    return _Uses(value, False, None)
                names |= found
        return _Uses(value, literal, frozenset(names))

    def _names(self, text: str) -> Optional[FrozenSet[str]]:
        """Return the variables that a template uses; None if they can't be determined."""
        if text.startswith("#jinja2"):
            return None
        try:
            tree = self._jinja.parse(text)
        except TemplateSyntaxError:
            return None
        names = frozenset(name.name for name in tree.find_all(nodes.Name))
        foreign = any(tree.find(kind) for kind in _FOREIGN)
        return None if foreign or names & (_FUNCTIONS | _WHOLES) else names


class _Uses:
    """What a value depends on: nothing (``literal``), these variables, or unknown variables (None)."""

    def __init__(self, value: Any, literal: bool, names: Optional[FrozenSet[str]]) -> None:
        self.value = value  # kept, because another object could otherwise get its id
        self.literal, self.names = literal, names
        self._plain: Any = OMITTED

    def plain(self) -> Any:
        """Return the value, if it is a literal, in plain types."""
        if self._plain is OMITTED:
            self._plain = _plain(self.value)
        return self._plain


def _plain(value: Any) -> Any:
    """Convert a value to plain types, and its keys to text, as modules get them.

    The types of Ansible contain their origin, which is costly to copy.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, float) else value


def _parts(value: Any) -> Iterator[Any]:
    """Yield the scalars in a value, including the keys of dictionaries."""
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, Mapping):
            todo += part.keys()
            todo += part.values()
        elif isinstance(part, (list, tuple, set)):
            todo += part
        else:
            yield part
