# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The diff in results: each domain that changes, before and after. Pure.

Both sides are YAML that the modules accept, except that secrets are removed.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional

from .idna import display_domain, display_names
from .names import alias_order
from .urls import shorten_url, shorten_urls, shorten_values
from .yaml_text import lines, one_line

# Fields that contain e-mail addresses, domain names or URLs.
_ADDRESSES = ("forward", "notification_email", "whitelabel")


class Difference(NamedTuple):
    """The managed fields of one domain. None: the domain does not exist.

    ``aliases`` maps names to destinations. A setting that is None has no value.
    """

    domain: str
    before: Optional[Mapping[str, Any]]
    after: Optional[Mapping[str, Any]]


def diff(differences: Iterable[Difference]) -> List[Dict[str, str]]:
    """Return the result ``diff``: one entry per domain."""
    return [_entry(difference) for difference in differences]


def file_diff(path: str, before: Optional[str], after: str) -> Dict[str, str]:
    """Return an entry of the result ``diff`` for a file of an export."""
    return {
        "before_header": path,
        "after_header": path,
        "before": _without_secrets(before or ""),
        "after": _without_secrets(after),
    }


def _entry(difference: Difference) -> Dict[str, str]:
    name = display_domain(difference.domain)
    return {
        "before_header": name,
        "after_header": name,
        "before": _text(name, difference.before),
        "after": _text(name, difference.after),
    }


def _text(name: str, fields: Optional[Mapping[str, Any]]) -> str:
    if fields is None:
        return ""
    text = [*lines({"domain": name})]
    for key, value in fields.items():
        if key == "aliases":
            text += _aliases(value)
        elif key == "credentials":
            text += _credentials(value)
        else:
            text += lines({key: _for_display(key, value)})
    return "".join(line + "\n" for line in text)


def _aliases(aliases: Mapping[str, List[str]]) -> Iterator[str]:
    if not aliases:
        yield "aliases: []"
        return
    yield "aliases:"
    for name in sorted(aliases, key=alias_order):
        forward = _for_display("forward", aliases[name])
        if isinstance(forward, list):
            first, *others = lines({"alias": name, "forward": forward}, "    ")
            yield "  - " + first.lstrip(" ")
            yield from others
        else:
            yield "  - " + one_line({"alias": name, "forward": forward})


def _credentials(credentials: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Format credentials. A comment marks a new password, which is never shown."""
    for number, credential in enumerate(credentials):
        if number == 0:
            yield "credentials:"
        comment = "  # with a new password" if credential.get("new_password") else ""
        yield "  - %s%s" % (one_line({"username": credential["username"]})[1:-1], comment)


def _for_display(key: str, value: Any) -> Any:
    """Remove the secrets of a value. A single destination is not a list, and a missing value is empty."""
    if isinstance(value, dict):
        return {name: _for_display(name, inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        items = [_for_display(key, inner) for inner in value]
        return items[0] if key == "forward" and len(items) == 1 else items
    if isinstance(value, str):
        if "://" in value:
            return shorten_values(value)
        return display_names(value) if key in _ADDRESSES else value
    return "" if value is None else value


def _without_secrets(text: str) -> str:
    """Remove the secrets of URLs in an exported file, in which each URL is the last value of its line."""
    if "://" not in text:
        return text
    return "".join(_line_without_secrets(line) for line in text.splitlines(keepends=True))


def _line_without_secrets(line: str) -> str:
    if "://" not in line:
        return line
    content = line.rstrip("\r\n")
    end = line[len(content) :]
    if content.lstrip(" ").startswith("#"):
        return shorten_urls(content) + end
    quote = content[-1] if content[-1] in "\"'" else ""
    value = content[: len(content) - len(quote)]
    return shorten_url(value) + quote + end
