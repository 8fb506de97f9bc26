# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates of variables are evaluated as rarely as possible, and different results are not shared."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from jinja2 import Environment, StrictUndefined, UndefinedError, meta

from ansible_collections.improvmx.email.plugins.plugin_utils._evaluate import Evaluator, TemplateFailed


class Templates:
    """Evaluates templates with plain Jinja, and counts the evaluations."""

    def __init__(self) -> None:
        self.jinja = Environment(undefined=StrictUndefined)
        self.count = 0

    def __call__(self, variables: Any, value: Any) -> Any:
        self.count += 1
        return self._value(variables, value)

    def _value(self, variables: Any, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._value(variables, inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value(variables, inner) for inner in value]
        if not isinstance(value, str) or "{{" not in value:
            return value
        needed = meta.find_undeclared_variables(self.jinja.parse(value)) & variables.keys()
        try:
            return self.jinja.from_string(value).render(
                {name: self._value(variables, variables[name]) for name in needed}
            )
        except UndefinedError as error:
            raise TemplateFailed(str(error)) from None


SHARED = [{"alias": "a", "forward": "{{ boss }}"}, {"alias": "b", "forward": "x@y.example"}]
BOSS = "{{ first }}@mail.example"
FIRST = "ann"


def evaluated(own: list[dict[str, Any]], value: Any) -> tuple[list[Any], int]:
    """The value for each host, and the number of evaluations."""
    templates = Templates()
    evaluator = Evaluator(templates)
    return [evaluator.evaluate(value, variables) for variables in own], templates.count


def test_values_without_templates_are_used_unchanged() -> None:
    value = [{"domain": "a.example", "aliases": [], "count": 3, "none": None, "yes": True}]
    found, count = evaluated([{}, {}], value)
    assert found[0] == value
    assert found[0] is found[1]
    assert count == 0


def test_tags_that_ansible_attaches_to_texts_are_removed() -> None:
    class Marked(str):
        """Represents a text with its origin."""

    (found,), _count = evaluated([{"boss": "ann"}], {Marked("k"): [Marked("a"), Marked("{{ boss }}")]})
    assert found == {"k": ["a", "ann"]}
    assert [type(text) for text in (*found, *found["k"])] == [str, str, str]


def test_keys_are_texts_as_they_are_for_modules() -> None:
    """YAML reads ``on`` as true, and a number or a date as what it is."""
    odd = {"domain": "a.example", True: "x", 7: "x", datetime.date(2026, 1, 2): {None: "x"}}
    (found,), _count = evaluated([{}], [odd])
    assert found == [{"domain": "a.example", "True": "x", "7": "x", "2026-01-02": {"None": "x"}}]


def test_a_value_of_all_hosts_is_evaluated_once() -> None:
    hosts = [{"boss": BOSS, "first": FIRST, "inventory_hostname": f"m{n}"} for n in range(100)]
    found, count = evaluated(hosts, SHARED)
    assert {str(item) for item in found} == {str([{**SHARED[0], "forward": "ann@mail.example"}, SHARED[1]])}
    assert count == 1


@pytest.mark.parametrize(
    ("value", "variables"),
    [
        ("{{ name }}", [{"name": "a" * 3}, {"name": "b" * 3}]),
        ("{{ outer }}", [{"outer": BOSS, "first": name} for name in ("one", "two")]),
        ({"k": ["{{ deep.er }}"]}, [{"deep": {"er": name}} for name in ("one", "two")]),
    ],
    ids=["its own", "by way of another variable", "deep inside"],
)
def test_values_that_differ_between_hosts_are_evaluated_for_each_host(
    value: Any, variables: list[dict[str, Any]]
) -> None:
    found, count = evaluated(variables, value)
    assert found[0] != found[1]
    assert count == 2


@pytest.mark.parametrize(
    "text", ["{{ lookup('x') }}", "{{ vars }}", "{{ hostvars.a }}", "#jinja2: x\n{{ a }}", "{{ ("]
)
def test_a_value_that_may_depend_on_the_host_is_evaluated_for_each_host(text: str) -> None:
    calls = []
    evaluator = Evaluator(lambda _variables, value: calls.append(value))
    for _host in range(3):
        evaluator.evaluate(text, {})
    assert calls == [text] * 3


def test_a_template_that_fails_fails_for_every_host_that_has_it() -> None:
    evaluator = Evaluator(Templates())
    value = ["{{ nobody }}"]
    for _host in range(2):
        with pytest.raises(TemplateFailed, match="'nobody' is undefined"):
            evaluator.evaluate(value, {})


def test_a_vaulted_value_is_not_a_literal() -> None:
    class Secret:
        """Represents a vaulted value in a list."""

    calls = []
    evaluator = Evaluator(lambda _variables, value: calls.append(value))
    evaluator.evaluate([{"webhook": Secret()}], {})
    assert len(calls) == 1
