# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages about the result of a check of DNS records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.dns_check import (
    mx_is_valid,
    mx_problem,
    problems,
)

settings.register_profile("check", deadline=None, database=None, max_examples=100)
PROFILE = settings.get_profile("check")

SAMPLES = Path(__file__).resolve().parents[2] / "emulator" / "samples"
SAMPLE: dict[str, Any] = json.loads((SAMPLES / "v3-domain-check-get.json").read_text())["records"]
MX = ["mx1.improvmx.com", "mx2.improvmx.com"]
SPF = "v=spf1 include:spf.improvmx.com ~all"
DKIM1, DKIM2 = "dkimprovmx1.improvmx.com.", "dkimprovmx2.improvmx.com."
DMARC = "v=DMARC1; p=none;"


def verdict(expected: Any, values: Any) -> dict[str, Any]:
    return {"expected": expected, "values": values, "valid": expected == values}


def records(**existing: Any) -> dict[str, Any]:
    """The reply for a domain with all required records, except these values."""
    expected = {"mx": MX, "spf": SPF, "dkim1": DKIM1, "dkim2": DKIM2, "dmarc": DMARC}
    values = {**dict.fromkeys(expected), "mx": MX, "spf": SPF, **existing}
    return {name: verdict(expected[name], values[name]) for name in expected} | {"error": None}


MX_EXPECTED = "MX of a.example: expected mx1.improvmx.com and mx2.improvmx.com, found"
SPF_EXPECTED = f'SPF, a TXT record of a.example: expected "{SPF}", found'
DKIM1_PROBLEM = f"DKIM, the CNAME record of dkimprovmx1._domainkey.a.example: expected {DKIM1}, found"
DKIM2_PROBLEM = f"DKIM, the CNAME record of dkimprovmx2._domainkey.a.example: expected {DKIM2}, found"
DMARC_PROBLEM = f'DMARC, the TXT record of _dmarc.a.example: expected "{DMARC}", found'
SENDS = {"dkim1": DKIM1, "dkim2": DKIM2}


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        pytest.param({}, [], id="all that forwarding needs"),
        pytest.param({"mx": []}, [f"{MX_EXPECTED} nothing"], id="no MX"),
        pytest.param({"mx": None}, [f"{MX_EXPECTED} nothing"], id="MX unknown"),
        pytest.param(
            {"mx": ["mail.other.example"]}, [f"{MX_EXPECTED} mail.other.example"], id="MX of another"
        ),
        pytest.param({"mx": "mail.other.example"}, [f"{MX_EXPECTED} mail.other.example"], id="MX as text"),
        pytest.param(
            {"mx": [*MX, "mail.other.example"]},
            [f"{MX_EXPECTED} mx1.improvmx.com, mx2.improvmx.com and mail.other.example"],
            id="an MX too many",
        ),
        pytest.param({"spf": None}, [f"{SPF_EXPECTED} nothing"], id="no SPF"),
        pytest.param({"spf": "v=spf1 -all"}, [f'{SPF_EXPECTED} "v=spf1 -all"'], id="another SPF"),
        pytest.param(
            {"mx": [], "spf": None}, [f"{MX_EXPECTED} nothing", f"{SPF_EXPECTED} nothing"], id="nothing"
        ),
        pytest.param({"dmarc": "v=DMARC1; p=reject"}, [], id="does not send, has a DMARC policy"),
        pytest.param(SENDS, [f"{DMARC_PROBLEM} nothing"], id="sends without DMARC"),
        pytest.param({**SENDS, "dmarc": DMARC}, [], id="sends"),
        pytest.param({**SENDS, "dmarc": "v=dmarc1; p=reject"}, [], id="sends with a stricter DMARC policy"),
        pytest.param({**SENDS, "dmarc": ["other", "v=DMARC1; p=none"]}, [], id="sends, DMARC in a list"),
        pytest.param(
            {**SENDS, "dmarc": ["other"]}, [f"{DMARC_PROBLEM} other"], id="sends, another text in a list"
        ),
        pytest.param(
            {**SENDS, "dmarc": "some text"},
            [f'{DMARC_PROBLEM} "some text"'],
            id="sends without a DMARC policy",
        ),
        pytest.param(
            {"dkim1": DKIM1, "dmarc": DMARC}, [f"{DKIM2_PROBLEM} nothing"], id="half of the DKIM records"
        ),
        pytest.param(
            {"dkim1": "x.example.", "dkim2": DKIM2, "dmarc": DMARC},
            [f"{DKIM1_PROBLEM} x.example."],
            id="another DKIM record",
        ),
    ],
)
def test_problems_name_the_expected_and_the_found_values(
    existing: dict[str, Any], expected: list[str]
) -> None:
    assert problems("a.example", records(**existing)) == expected


def test_the_sample_reply_is_valid_and_has_two_recommendations() -> None:
    assert mx_is_valid(SAMPLE) is True
    assert problems("a.example", SAMPLE) == [
        'SPF, a TXT record of a.example: expected "v=spf1 include:other.example include:spf.improvmx.com '
        '~all", found "v=spf1 include:other.example ~all"',
        f"{DMARC_PROBLEM} nothing",
    ]


def test_a_failed_lookup_is_reported_first() -> None:
    found = problems("a.example", {**records(mx=[]), "error": "SERVFAIL"})
    assert found == ["DNS of a.example: SERVFAIL", f"{MX_EXPECTED} nothing"]


def test_a_very_long_value_is_shortened() -> None:
    (problem,) = problems("a.example", records(spf="v=spf1 " + "a" * 10_000))
    assert len(problem) < 600
    assert problem.endswith('aaa..."')


@pytest.mark.parametrize(
    "reported", [{}, {"mx": None}, {"mx": []}, {"mx": {}}, {"mx": {"valid": None}}, {"mx": {"valid": "yes"}}]
)
def test_a_reply_without_a_verdict_on_mx_is_invalid(reported: dict[str, Any]) -> None:
    assert mx_is_valid(reported) is None


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
NAMES = st.sampled_from(["mx", "spf", "dkim1", "dkim2", "dmarc", "error", "valid"])
VERDICTS = st.fixed_dictionaries({"expected": ANYTHING, "values": ANYTHING, "valid": ANYTHING})


@PROFILE
@given(st.dictionaries(NAMES, ANYTHING | VERDICTS))
def test_any_form_of_a_reply_is_accepted(reported: dict[str, Any]) -> None:
    """Wrong MX records are always reported, because they make a domain invalid."""
    found = problems("a.example", reported)
    assert all(isinstance(problem, str) for problem in found)
    if mx_is_valid(reported) is False:
        assert any(problem.startswith("MX of a.example") for problem in found)


@pytest.mark.parametrize(
    ("service_message", "end"),
    [
        ("", "API v2 does not report the existing records"),
        ("No MX records were found.", "the service says: No MX records were found."),
    ],
)
def test_without_details_the_records_to_set_are_named(service_message: str, end: str) -> None:
    expected = "MX of a.example: expected 10 mx1.improvmx.com and 20 mx2.improvmx.com; "
    assert mx_problem("a.example", service_message) == expected + end
