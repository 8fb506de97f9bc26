# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS records that a domain needs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.dns import (
    dns_records,
    merge_spf,
    record_sets,
)

OURS = "include:spf.improvmx.com"


@pytest.mark.parametrize("domain", ["example.com", "xn--bcher-kva.example"])
def test_domain_needs_two_mx_and_one_spf(domain: str) -> None:
    records = dns_records(domain)
    assert [(record["type"], record["priority"], record["value"]) for record in records] == [
        ("MX", 10, "mx1.improvmx.com."),
        ("MX", 20, "mx2.improvmx.com."),
        ("TXT", None, "v=spf1 include:spf.improvmx.com ~all"),
    ]
    for record in records:
        assert list(record) == ["name", "fqdn", "type", "ttl", "value", "priority"]
        assert (record["name"], record["fqdn"], record["ttl"]) == ("@", domain, 3600)


def test_sending_needs_dkim_and_dmarc() -> None:
    records = dns_records("example.com", smtp=True, ttl=60)
    assert records[:3] == dns_records("example.com", ttl=60)
    assert [(record["name"], record["fqdn"], record["type"], record["value"]) for record in records[3:]] == [
        (
            "dkimprovmx1._domainkey",
            "dkimprovmx1._domainkey.example.com",
            "CNAME",
            "dkimprovmx1.improvmx.com.",
        ),
        (
            "dkimprovmx2._domainkey",
            "dkimprovmx2._domainkey.example.com",
            "CNAME",
            "dkimprovmx2.improvmx.com.",
        ),
        ("_dmarc", "_dmarc.example.com", "TXT", "v=DMARC1; p=none;"),
    ]
    assert {(record["ttl"], record["priority"]) for record in records[3:]} == {(60, None)}


def test_record_sets_hold_each_value_once_under_its_name_and_type() -> None:
    records = dns_records("example.com", smtp=True, ttl=60)
    sets = record_sets(records)
    assert [(found["name"], found["type"], found["values"]) for found in sets] == [
        ("@", "MX", ["10 mx1.improvmx.com.", "20 mx2.improvmx.com."]),
        ("@", "TXT", ["v=spf1 include:spf.improvmx.com ~all"]),
        ("dkimprovmx1._domainkey", "CNAME", ["dkimprovmx1.improvmx.com."]),
        ("dkimprovmx2._domainkey", "CNAME", ["dkimprovmx2.improvmx.com."]),
        ("_dmarc", "TXT", ["v=DMARC1; p=none;"]),
    ]
    for found in sets:
        assert list(found) == ["name", "fqdn", "type", "ttl", "values"]
        assert found["ttl"] == 60
        assert found["fqdn"] == ("example.com" if found["name"] == "@" else found["name"] + ".example.com")


# --- SPF ------------------------------------------------------------------------------------------


def ours(text: str) -> str:
    """The text with the mechanism of the service instead of each @."""
    return text.replace("@", OURS)


@pytest.mark.parametrize(
    ("present", "merged"),
    [
        # no record
        ("", "v=spf1 @ ~all"),
        ("  \n", "v=spf1 @ ~all"),
        ('""', "v=spf1 @ ~all"),
        # before "all", with whatever qualifier
        ("v=spf1 mx -all", "v=spf1 mx @ -all"),
        (
            "v=spf1 a/24 mx:b.example ip4:192.0.2.0/24 ?all",
            "v=spf1 a/24 mx:b.example ip4:192.0.2.0/24 @ ?all",
        ),
        ("v=spf1 ~ALL", "v=spf1 @ ~ALL"),
        ("v=spf1 all", "v=spf1 @ all"),
        (
            "v=spf1 -ip6:2001:db8::/32 +ptr ~exists:%{i}.b.example -all",
            "v=spf1 -ip6:2001:db8::/32 +ptr ~exists:%{i}.b.example @ -all",
        ),
        ("V=SPF1 include:_spf.mail.example -all", "V=SPF1 include:_spf.mail.example @ -all"),
        # no "all": last of the mechanisms, before the modifiers
        ("v=spf1", "v=spf1 @"),
        ("v=spf1 mx", "v=spf1 mx @"),
        ("v=spf1 redirect=_spf.mail.example", "v=spf1 @ redirect=_spf.mail.example"),
        ("v=spf1 a Redirect=_spf.mail.example", "v=spf1 a @ Redirect=_spf.mail.example"),
        ("v=spf1 mx exp=why.example", "v=spf1 mx @ exp=why.example"),
        ("v=spf1 exp=why.example mx -all", "v=spf1 exp=why.example mx @ -all"),
        ("v=spf1 -all exp=why.example", "v=spf1 @ -all exp=why.example"),
        ("v=spf1 redirect=_spf.mail.example mx", "v=spf1 redirect=_spf.mail.example mx @"),
        ("v=spf1 mx x-of.ours_2=1 -all", "v=spf1 mx x-of.ours_2=1 @ -all"),
        # similar names
        (
            "v=spf1 include:spf.improvmx.com.evil.example -all",
            "v=spf1 include:spf.improvmx.com.evil.example @ -all",
        ),
        (
            "v=spf1 include:xspf.improvmx.com a:spf.improvmx.com -all",
            "v=spf1 include:xspf.improvmx.com a:spf.improvmx.com @ -all",
        ),
        ("v=spf1 include:small.example -all", "v=spf1 include:small.example @ -all"),
        # after "all" it had no effect
        ("v=spf1 mx -all @", "v=spf1 mx @ -all"),
        ("v=spf1 -all -@ a", "v=spf1 @ -all a"),
        # as DNS tools show it
        ('"v=spf1 mx -all"', "v=spf1 mx @ -all"),
        ('"v=spf1 mx " "-all"', "v=spf1 mx @ -all"),
        ('"v=spf1 include:_spf.ma"\n  "il.example -all" ', "v=spf1 include:_spf.mail.example @ -all"),
        ('v=spf1 mx " "-all', "v=spf1 mx @ -all"),
        ("  v=spf1\tmx\n  -all\n", "v=spf1 mx @ -all"),
        ("v=spf1   mx   -all", "v=spf1 mx @ -all"),
    ],
)
def test_the_service_is_merged_into_the_spf_record(present: str, merged: str) -> None:
    assert merge_spf(ours(present)) == ours(merged)
    assert merge_spf(ours(merged)) == ours(merged)


@pytest.mark.parametrize(
    "present",
    [
        "v=spf1 @ ~all",
        "v=spf1 +@ ~all",
        "v=spf1 ?@ -all",
        "v=spf1 mx Include:SPF.ImprovMX.com -all",
        "v=spf1 include:spf.improvmx.com. mx -all",
        "v=spf1 @ mx @ -all",
        "v=spf1 @ -all @",
        "v=spf1 @ -@ -all",
        "v=spf1 redirect=b.example @",
        "v=spf1  @  ~all",
    ],
)
def test_spf_record_with_the_service_is_unchanged(present: str) -> None:
    assert merge_spf(ours(present)) == ours(present)
    assert merge_spf(ours(f' "{present}"\n')) == ours(present)


@pytest.mark.parametrize(
    "present",
    [
        "v=spf1 " + "a " * 9 + "-all redirect=b.example",  # not evaluated after "all"
        "v=spf1 " + "a " * 8 + "redirect=b.example",
        "v=spf1 " + "ip4:192.0.2.1 " * 20 + "-all",  # no lookups
    ],
)
def test_ten_lookups_including_the_services_are_allowed(present: str) -> None:
    assert merge_spf(merge_spf(present)) == merge_spf(present)


@pytest.mark.parametrize(
    ("present", "reason"),
    [
        ("google-site-verification=abc", 'begins with "google-site-verification=abc" instead of v=spf1'),
        ("v=spf10 mx -all", 'begins with "v=spf10"'),
        ("v=spf1mx -all", 'begins with "v=spf1mx"'),
        ("spf2.0/pra mx -all", "not an SPF record"),
        ("v=DMARC1; p=none;", "not an SPF record"),
        ("mx -all", "not an SPF record"),
        ("v=spf1 mx -all v=spf1 a -all", "several SPF records"),
        ('"v=spf1 mx -all"\n"v=spf1 a -all"', "several SPF records"),
        ("v=spf1 mx -all V=SPF1", "several SPF records"),
        ("v=spf1 inlcude:b.example -all", '"inlcude:b.example" is neither a mechanism nor a modifier'),
        ("v=spf1 include: -all", '"include:" is neither'),
        ("v=spf1 -all:b.example", '"-all:b.example" is neither'),
        ("v=spf1 !mx -all", '"!mx" is neither'),
        ("v=spf1 redirect:b.example", '"redirect:b.example" is neither'),
        ("v=spf1 include:bücher.example -all", "is neither"),
        ("v=spf1 mx\x00 -all", "is neither"),
        ('"v=spf1 mx -all', "quotes"),
        ('v=spf1 "mx -all', "quotes"),
        ('"', "quotes"),
        (
            "v=spf1 a mx:b.example ptr exists:c.example " + "include:d.example " * 5 + "redirect=e.example",
            "its own terms make 11 DNS lookups, and more than 10 make SPF fail",
        ),
        ("v=spf1 @ " + "a " * 10 + "-all", "11 DNS lookups"),
        ("v=spf1 -@ ~all", 'its term "-@" rejects mail of the service'),
        ("v=spf1 ~INCLUDE:spf.improvmx.com ~all", "rejects mail of the service"),
        ("v=spf1 -@ @ ~all", "rejects mail of the service"),
    ],
)
def test_invalid_spf_record_is_rejected_with_the_reason(present: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(ours(reason))):
        merge_spf(ours(present))


def decide(record: str, matching: frozenset[str], of_service: bool) -> str:
    """The result of a record for a sender that these mechanisms match (RFC 7208, 4.6)."""
    terms = [term.lower() for term in record.split()[1:]]
    mechanisms = [term for term in terms if "=" not in term]
    for term in mechanisms:
        qualifier, name = (term[0], term[1:]) if term[0] in "+-?~" else ("+", term)
        if name == "all" or name in matching or (name == OURS and of_service):
            return qualifier
    redirect = [term for term in terms if term.startswith("redirect=")]
    return redirect[0] if redirect else "?"


NAMES = ["a", "mx", "ip4:192.0.2.1", "include:_spf.mail.example", "exists:x.example", "all"]
terms = st.tuples(st.sampled_from(["", "+", "-", "~", "?"]), st.sampled_from(NAMES)).map("".join)
modifiers = st.sampled_from(["redirect=_spf.mail.example", "exp=why.example", "x=1"])


@given(
    st.lists(st.one_of(terms, modifiers), max_size=8),
    st.frozensets(st.sampled_from(NAMES[:-1])),
    st.booleans(),
)
def test_a_merged_record_gives_the_same_results_except_for_the_service(
    given_terms: list[str], matching: frozenset[str], of_service: bool
) -> None:
    present = " ".join(["v=spf1", *given_terms])
    merged = merge_spf(present)
    assert [term for term in merged.split() if term != OURS] == present.split()
    assert merged.split().count(OURS) == 1
    decided_by_name = any(
        term.lstrip("+-?~") in matching for term in given_terms[: _end(given_terms)] if "=" not in term
    )
    expected = "+" if of_service and not decided_by_name else decide(present, matching, False)
    assert decide(merged, matching, of_service) == expected
    assert merge_spf(merged) == merged


def _end(given_terms: list[str]) -> int:
    """The end of the terms that are evaluated."""
    return next((i for i, term in enumerate(given_terms) if term.lstrip("+-?~") == "all"), len(given_terms))
