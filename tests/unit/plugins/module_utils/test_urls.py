# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs in messages and results: a changed secret is visible, the secret itself is not."""

from __future__ import annotations

import hashlib
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.urls import (
    shorten_url,
    shorten_urls,
    shorten_values,
)

settings.register_profile("urls", deadline=None, database=None, max_examples=200)
PROFILE = settings.get_profile("urls")

TOKEN = "kQ7zw-41xVb"
SHORT = "…" + hashlib.sha256(TOKEN.encode()).hexdigest()[:4]

# Characters that do not end a sentence and have no meaning in a URL.
secrets = st.text(
    st.characters(exclude_categories=("Z", "C"), exclude_characters="&/?#@=\"'`.,;:!)]}>…"), min_size=8
)
hosts = st.sampled_from(("hooks.example", "hooks.example:8443", "[2001:db8::1]", "xn--bcher-kva.example"))


def digest(secret: str) -> str:
    return "…" + hashlib.sha256(secret.encode()).hexdigest()[:4]


@pytest.mark.parametrize(
    ("url", "shortened"),
    [
        ("https://hooks.example/in", "https://hooks.example/in"),
        ("https://hooks.example", "https://hooks.example"),
        (f"https://hooks.example/in?token={TOKEN}", f"https://hooks.example/in?token={SHORT}"),
        (f"HTTPS://hooks.example?token={TOKEN}", f"HTTPS://hooks.example?token={SHORT}"),
        (f"https://hooks.example/in?a=&token={TOKEN}&", f"https://hooks.example/in?a=&token={SHORT}&"),
        (f"https://hooks.example/in?{TOKEN}", f"https://hooks.example/in?{SHORT}"),
        (f"https://hooks.example/#/in?t={TOKEN}", f"https://hooks.example/#/in?t={SHORT}"),
        (f"https://ann:{TOKEN}@hooks.example/in", f"https://ann:{SHORT}@hooks.example/in"),
        (f"https://:{TOKEN}@hooks.example:80/", f"https://:{SHORT}@hooks.example:80/"),
        ("https://ann@hooks.example/in", "https://ann@hooks.example/in"),
        ("https://hooks.example:80/ann@b", "https://hooks.example:80/ann@b"),
        (f"https://ann:{TOKEN}/@hooks.example", f"https://ann:{digest(TOKEN + '/')}@hooks.example"),
        (f"https:// hooks.example/in?t={TOKEN}", f"https:// hooks.example/in?t={SHORT}"),
        ("info@mail.example", "info@mail.example"),
    ],
)
def test_password_and_query_values_are_replaced(url: str, shortened: str) -> None:
    assert shorten_url(url) == shortened
    assert shorten_url(shortened) == shortened


@PROFILE
@given(hosts, secrets, secrets, secrets)
def test_secrets_are_removed_and_the_fingerprint_depends_on_them_only(
    host: str, password: str, token: str, path: str
) -> None:
    url = f"https://ann:{password}@{host}/{path}?token={token}&x={password}"
    expected = f"https://ann:{digest(password)}@{host}/{path}?token={digest(token)}&x={digest(password)}"
    assert shorten_url(url) == shorten_urls(url) == expected
    for sentence in ('"%s" can\'t be used', "%s: refused.", "[%s], which", "see (%s)."):
        shortened = shorten_urls(sentence % url)
        assert shortened == sentence % expected
        assert shorten_urls(shortened) == shortened
    escaped = shorten_urls(f"at {quote(url, safe='')} it failed")
    assert escaped == f"at {expected} it failed"


@PROFILE
@given(st.text())
def test_any_text_is_accepted_and_shortening_is_idempotent(text: str) -> None:
    for url in (text, "https://" + text):
        once = shorten_url(url)
        assert shorten_url(once) == once
    assert shorten_urls(text) == text or "://" in text or "%" in text


@PROFILE
@given(st.lists(secrets, unique=True, min_size=2, max_size=5))
def test_another_secret_has_another_fingerprint_unless_its_digest_begins_alike(values: list[str]) -> None:
    shortened = {shorten_url(f"https://hooks.example/?t={value}") for value in values}
    assert len(shortened) == len({digest(value) for value in values})


def test_fingerprints_of_four_digits_rarely_collide() -> None:
    shortened = {shorten_url(f"https://hooks.example/?t=token-{number}") for number in range(1000)}
    assert len(shortened) > 980
    assert all(len(urlsplit(url).query) == len("t=…1234") for url in shortened)


def test_values_of_fields_are_shortened_at_any_depth() -> None:
    url = f"https://hooks.example/in?t={TOKEN}"
    fields = {
        "webhook": url,
        "aliases": [{"alias": "info", "forward": [url, "ann@mail.example"]}],
        "expression": f'body.contains("{url}") || true',
        "rank": 1.0,
        "whitelabel": None,
    }
    short = f"https://hooks.example/in?t={SHORT}"
    assert shorten_values(fields)["aliases"] == [{"alias": "info", "forward": [short, "ann@mail.example"]}]
    assert shorten_values(fields)["expression"] == f'body.contains("{short}") || true'
    assert TOKEN not in str(shorten_values(fields))
