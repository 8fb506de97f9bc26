# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter for DNS records: the accepted input, and the messages about invalid input."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.improvmx.email.plugins.filter import dns_records as source
from harness import Modules, assert_sentences

dns_records = source.FilterModule().filters()["dns_records"]

DOMAIN = "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "value",
    [
        "bücher.example",
        "BÜCHER.example.",
        DOMAIN,
        {"domain": "bücher.example"},
        {"domain": DOMAIN, "aliases": [], "dns_records": []},
    ],
)
def test_the_domain_may_be_a_name_or_a_dictionary_with_it(value: Any) -> None:
    assert {record["fqdn"] for record in dns_records(value)} == {DOMAIN}


def test_the_default_equals_the_result_of_the_info_module(modules: Modules) -> None:
    modules.seed({"bücher.example": {}})
    (reported,) = modules.run("improvmx_domain_info")["domains"]
    assert dns_records(reported) == dns_records("bücher.example") == reported["dns_records"]


@pytest.mark.parametrize("smtp", [False, True])
@pytest.mark.parametrize("record_sets", [False, True])
def test_the_result_survives_yaml(smtp: bool, record_sets: bool) -> None:
    result = dns_records("example.com", "v=spf1 mx -all", smtp, 300, record_sets)
    assert yaml.safe_load(yaml.safe_dump(result)) == result


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"smtp": "no"}, {}),
        ({"smtp": "yes", "record_sets": "false"}, {"smtp": True}),
        ({"record_sets": 1}, {"record_sets": True}),
        ({"ttl": "300"}, {"ttl": 300}),
        ({"spf": " "}, {}),
    ],
)
def test_texts_of_the_command_line_are_converted(options: dict[str, Any], same: dict[str, Any]) -> None:
    assert dns_records("example.com", **options) == dns_records("example.com", **same)


@pytest.mark.parametrize("ttl", [0, 1, 2**31 - 1])
def test_any_valid_ttl_is_accepted(ttl: int) -> None:
    assert {record["ttl"] for record in dns_records("example.com", ttl=ttl)} == {ttl}


@pytest.mark.parametrize(
    ("value", "options", "said"),
    [
        ("localhost", {}, 'domain: "localhost" can\'t be used: it needs a dot'),
        ("", {}, 'domain: "" can\'t be used'),
        (None, {}, "domain: it must be the name of a domain, or a dictionary"),
        (5, {}, "domain: it must be the name"),
        ({"name": "example.com"}, {}, "domain: it must be the name"),
        ({"domain": None}, {}, "domain: it must be the name"),
        (["example.com"], {}, "for a list of domains, use the filter with map"),
        ("example.com", {"spf": None}, "spf: it must be the text of the existing SPF record"),
        ("example.com", {"spf": ["v=spf1 -all"]}, "spf: it must be the text of the existing SPF record"),
        ("example.com", {"spf": "mx -all"}, "spf: it is not an SPF record"),
        ("example.com", {"smtp": "maybe"}, "smtp: it must be true or false"),
        ("example.com", {"smtp": None}, "smtp: it must be true or false"),
        ("example.com", {"record_sets": []}, "record_sets: it must be true or false"),
        ("example.com", {"ttl": -1}, "ttl: it must be a number of seconds from 0 to 2147483647"),
        ("example.com", {"ttl": 2**31}, "ttl: it must be a number"),
        ("example.com", {"ttl": 1.5}, "ttl: it must be a number"),
        ("example.com", {"ttl": True}, "ttl: it must be a number"),
        ("example.com", {"ttl": "1h"}, "ttl: it must be a number"),
        ("example.com", {"ttl": None}, "ttl: it must be a number"),
    ],
)
def test_unusable_input_is_an_error(value: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        dns_records(value, **options)
    assert said in str(caught.value)
    assert_sentences(str(caught.value))


def test_txt_values_are_quoted_and_split_at_255_characters() -> None:
    present = "v=spf1 " + " ".join(f"ip4:192.0.2.{number}" for number in range(30)) + " -all"
    plain, strings = (dns_records("example.com", spf=present, quote=quote) for quote in (False, True))
    assert [r["value"] for r in strings if r["type"] == "MX"] == ["mx1.improvmx.com.", "mx2.improvmx.com."]
    parts = strings[-1]["value"][1:-1].split('" "')
    assert "".join(parts) == plain[-1]["value"]
    assert [len(part) for part in parts[:-1]] == [255] * (len(parts) - 1)
    # The result is valid input.
    assert dns_records("example.com", spf=strings[-1]["value"]) == plain
    [short] = dns_records("example.com", quote=True, record_sets=True)[1]["values"]
    assert short == '"v=spf1 include:spf.improvmx.com ~all"'


def test_all_problems_are_in_one_error() -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        dns_records("localhost", spf="x", smtp="x", ttl="x", record_sets="x", quote="x")
    said = [problem.split(":")[0] for problem in str(caught.value).split("; ")]
    assert said == ["domain", "spf", "smtp", "ttl", "record_sets", "quote"]
