# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domain names, aliases and destinations that the service accepts. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import urlsplit

from .refusal import refuse_field

LONGEST_ALIAS = 150

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
LOCAL_PART = re.compile(r"[^\s@,<>()\"]{1,64}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
REFERENCE = re.compile(r"\$[0-9]")
# The length of the longest id; Python rejects integers with thousands of digits.
NUMBER = re.compile(r"[0-9]{1,18}")


def to_a_label(name: str) -> str:
    """The name lower-cased, each Unicode label as punycode."""
    labels = unicodedata.normalize("NFC", name).lower().split(".")
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in labels
    )


def to_display(name: str) -> str:
    """The display name: A-labels as Unicode; an invalid one is unchanged."""
    return ".".join(_label_to_display(label) for label in name.split("."))


def _label_to_display(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except ValueError:
        return label


def is_domain_name(name: str) -> bool:
    """Whether this A-label form is the name of a registrable domain."""
    labels = name.split(".")
    return (
        len(name) <= 253
        and len(labels) >= 2
        and all(LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )


def is_email(text: str) -> bool:
    """Whether this is an e-mail address."""
    local, at, domain = text.rpartition("@")
    # A destination can refer to matched text of a regular expression anywhere.
    domain = REFERENCE.sub("x", domain)
    return bool(at and LOCAL_PART.fullmatch(local) and is_domain_name(to_a_label(domain)))


def is_url(text: str) -> bool:
    """Whether this is an http(s) URL."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text


def required_text(body: dict[str, Any], field: str) -> str:
    """The text of a required field."""
    value = body.get(field)
    if value is None or value == "":
        raise refuse_field(field, "This field is required.")
    if not isinstance(value, str):
        raise refuse_field(field, "Not a valid string.")
    return value


def checked_domain_name(body: dict[str, Any]) -> str:
    """The name of a new domain, as it is stored."""
    name = to_a_label(required_text(body, "domain").strip())
    if not is_domain_name(name):
        raise refuse_field("domain", "This domain is not valid.")
    return name


def checked_alias(body: dict[str, Any]) -> str:
    """The name of a new alias, stored as given."""
    alias = required_text(body, "alias")
    if len(alias) > LONGEST_ALIAS:
        raise refuse_field("alias", f"An alias has at most {LONGEST_ALIAS} characters.")
    if not alias.strip() or CONTROL.search(alias):
        raise refuse_field("alias", "This alias is not valid.")
    return alias


def checked_forward(body: dict[str, Any], domain: str, most: int) -> str:
    """The forward as it is stored: trimmed, joined with commas, with unchanged case and order."""
    destinations = [part.strip() for part in required_text(body, "forward").split(",")]
    if destinations == ["null"]:
        return "null"
    if len(destinations) > most:
        raise refuse_field("forward", f"An alias has at most {most} destinations.")
    for destination in destinations:
        if not is_url(destination) and not is_email(destination):
            raise refuse_field("forward", f"{destination!r} is not a valid destination.")
        if to_a_label(destination.rpartition("@")[2]) == domain and not is_url(destination):
            raise refuse_field("email", "You cannot use your domain in your email.")
    return ",".join(destinations)


def checked_option(body: dict[str, Any], field: str) -> str | None:
    """The value of an optional text field; null and the empty string both clear it."""
    value = body.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise refuse_field(field, "Not a valid string.")
    return value


def checked_number(query: dict[str, str], field: str, default: int) -> int:
    """A number of the query, at least 1."""
    text = query.get(field, "")
    if not text:
        return default
    if not NUMBER.fullmatch(text.removeprefix("-")):
        raise refuse_field(field, "Not a valid integer.")
    return max(1, int(text))
