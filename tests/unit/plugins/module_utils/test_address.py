# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where requests go: the root of the API, the path of each request, the proxy."""

from __future__ import annotations

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._errors import BadReply, InputError
from ansible_collections.improvmx.email.plugins.module_utils._http.address import (
    Proxy,
    fill_path,
    is_root,
    split_root,
)

LONGEST = "a." * 126 + "a"  # 253 characters


@pytest.mark.parametrize(
    ("api_url", "sound"),
    [
        ("http://h", True),
        (" https://h/path/ \n", True),
        ("https://h:1", True),
        ("https://h:65535", True),
        ("https://[::1]:8080/", True),
        (f"https://{LONGEST}", True),
        (f"https://{LONGEST}a", False),
        ("https://", False),
        ("https:///path", False),
        ("https://h:0", False),
        ("https://h:65536", False),
        ("https://[::1", False),
        ("ftp://h", False),
        ("h", False),
        ("https://user@h", False),
        ("https://h/?", False),
        ("https://h/#", False),
        ("https://h/a b", False),
        ("https://h/\\", False),
        ("https://h/\x00", False),
    ],
)
def test_root_of_the_api_is_a_plain_http_url(api_url: str, sound: bool) -> None:
    assert is_root(api_url) is sound


@pytest.mark.parametrize(
    ("api_url", "parts"),
    [
        ("https://h", ("https://h", "")),
        ("https://h/", ("https://h", "")),
        (" HTTP://h:80/a/X// \n", ("http://h:80", "/a/X")),
    ],
)
def test_root_has_a_path_without_a_slash_at_its_end(api_url: str, parts: tuple[str, str]) -> None:
    assert split_root(api_url) == parts


@pytest.mark.parametrize(
    ("template", "values", "path"),
    [
        ("/v3/account", [], "/v3/account"),
        ("/v3/domains/{}", ["example.com"], "/v3/domains/example.com"),
        ("/v3/domains/{}/aliases/{}", ["a", "*"], "/v3/domains/a/aliases/*"),
        ("/{}", ["a/b?c#d%e+f g@ü"], "/a%2Fb%3Fc%23d%25e%2Bf%20g%40%C3%BC"),
        ("/{}", ["..."], "/..."),
    ],
)
def test_values_of_a_path_are_encoded_but_for_the_catch_all(
    template: str, values: list[str], path: str
) -> None:
    assert fill_path("GET", template, values) == path


@pytest.mark.parametrize(
    ("value", "shown"), [("", '""'), (".", '"."'), ("..", '".."'), ("a\n", r'"a\n"'), ("\ud800", r'"\ud800"')]
)
def test_value_that_is_no_segment_of_a_path_is_rejected(value: str, shown: str) -> None:
    with pytest.raises(BadReply) as rejected:
        fill_path("PUT", "/v3/domains/{}", [value])
    error = rejected.value
    assert (error.method, error.path) == ("PUT", "/v3/domains/{}")
    assert error.reason == f"{shown} can't be a part of a path"


@pytest.mark.parametrize(
    ("url", "used", "name", "is_socks", "secrets"),
    [
        (None, "", "", False, set()),
        ("", "", "", False, set()),
        ("h", "http://h", "http://h", False, set()),
        ("h:3128/", "http://h:3128/", "http://h:3128", False, set()),
        ("https://h:65535", "https://h:65535", "https://h:65535", False, set()),
        ("http://h:1", "http://h:1", "http://h:1", False, set()),
        ("http://user@h", "http://user@h", "http://h", False, set()),
        ("http://user:@h", "http://user:@h", "http://h", False, set()),
        ("user:x%2Fy@h:1", "http://user:x%2Fy@h:1", "http://h:1", False, {"x%2Fy", "x/y"}),
        ("SOCKS5h://u:p:q@[::1]:9", "SOCKS5h://u:p:q@[::1]:9", "SOCKS5h://[::1]:9", True, {"p:q"}),
        ("socks4a://h", "socks4a://h", "socks4a://h", True, set()),
    ],
)
def test_proxy_has_a_name_without_user_and_password(
    url: str | None, used: str, name: str, is_socks: bool, secrets: set[str]
) -> None:
    proxy = Proxy(url)
    assert (proxy.url, proxy.name, proxy.is_socks, proxy.secrets) == (used, name, is_socks, secrets)


@pytest.mark.parametrize("url", ["gopher://h", "http://", "http://h:0", "http://h:65536", "http://h/path"])
def test_malformed_proxy_is_rejected_with_the_form_it_needs(url: str) -> None:
    with pytest.raises(InputError) as rejected:
        Proxy(url)
    assert rejected.value.problems == (
        "the proxy in the environment is not of the form scheme://host:port, with http, https, socks4, "
        "socks4a, socks5 or socks5h as scheme, and with user:password@ before the host if it requires them; "
        "write special characters of the password as % codes",
    )
