# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which texts a secret makes unreadable."""

from __future__ import annotations

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._http.secrets import Secrets

SECRET = " \"ä'/<b>& +~7d6c \n"
FORMS = {
    "as it is": SECRET,
    "without outer spaces": "\"ä'/<b>& +~7d6c",
    "JSON": r"\"\u00e4'/<b>& +~7d6c",
    "JSON with outer spaces": r" \"\u00e4'/<b>& +~7d6c \n",
    "JSON with Unicode": "\\\"ä'/<b>& +~7d6c",
    "path": "%22%C3%A4%27/%3Cb%3E%26%20%2B~7d6c",
    "segment of a path": "%22%C3%A4%27%2F%3Cb%3E%26%20%2B~7d6c",
    "query": "%22%C3%A4%27%2F%3Cb%3E%26+%2B~7d6c",
    "query with outer spaces": "+%22%C3%A4%27%2F%3Cb%3E%26+%2B~7d6c+%0A",
    "HTML": "&quot;ä&#39;/&lt;b&gt;&amp; +~7d6c",
    "HTML with hexadecimal codes": "&quot;ä&#x27;/&lt;b&gt;&amp; +~7d6c",
    "base64": "IsOkJy88Yj4mICt+N2Q2Yw",
    "base64 with padding": "IsOkJy88Yj4mICt+N2Q2Yw==",
    "base64 with outer spaces": "ICLDpCcvPGI+JiArfjdkNmMgCg",
}


@pytest.mark.parametrize("form", FORMS)
def test_secret_is_masked_in_every_form(form: str) -> None:
    secrets = Secrets()
    secrets.add(SECRET)
    padding = "==" if form.endswith("padding") else ""
    assert secrets.mask(f"Key({FORMS[form]})!") == f"Key(********{padding})!"


def test_base64_is_masked_to_its_last_letter() -> None:
    secrets = Secrets()
    secrets.add("7d6c5b4aW")
    assert secrets.mask("N2Q2YzViNGFX!") == "********!"


def test_secret_with_half_a_character_is_masked() -> None:
    secrets = Secrets()
    secrets.add("7d6c5b4a-\ud83d")
    assert secrets.mask(r"7d6c5b4a-\ud83d, 7d6c5b4a-%ED%A0%BD") == "********, ********"


def test_longer_secret_is_masked_before_one_that_it_contains() -> None:
    secrets = Secrets()
    for secret in ("z7d6c5b4a", "a-z7d6c5b4a-and-more", "7d6c5b4a"):
        secrets.add(secret)
    assert secrets.mask("a-z7d6c5b4a-and-more, z7d6c5b4a, 7d6c5b4a") == "********, ********, ********"


def test_given_forms_are_masked_and_no_others() -> None:
    secrets = Secrets()
    secrets.add_forms({"ab/cd/ef/gh"})
    assert secrets.mask("ab/cd/ef/gh ab%2Fcd%2Fef%2Fgh") == "******** ab%2Fcd%2Fef%2Fgh"


@pytest.mark.parametrize(
    ("secret", "masked"),
    [
        ("7d6c5b4", "(not shown, because it contains a secret)"),
        ("7d6c5b4a", "The key is ********."),
        ("7d6c5b4a3", "The key is 7d6c5b4a."),
        ("", "The key is 7d6c5b4a."),
    ],
)
def test_secret_below_8_characters_hides_the_whole_text(secret: str, masked: str) -> None:
    secrets = Secrets()
    secrets.add(secret)
    assert secrets.mask("The key is 7d6c5b4a.") == masked
