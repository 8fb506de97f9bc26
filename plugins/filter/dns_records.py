# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: dns_records
short_description: List the DNS records that an ImprovMX domain needs
version_added: 1.0.0
description:
  - Returns the DNS records that a domain needs to receive mail through ImprovMX, in a form for modules that manage DNS.
  - It needs no connection and no API key. In addition to
    RV(improvmx.email.improvmx_domain_info#module:domains[].dns_records), it can merge an existing SPF record, add the
    records for sending mail, and return record sets.
author:
  - The improvmx.email contributors (@improvmx-email)
positional: spf, smtp, ttl, record_sets, quote
options:
  _input:
    description:
      - The name of the domain, in Unicode or as an A-label, or a dictionary with the name in the key C(domain), such as
        an element of RV(improvmx.email.improvmx_domain_info#module:domains).
      - For a list of domains, use the filter with P(ansible.builtin.map#filter).
    type: raw
    required: true
  spf:
    description:
      - The existing SPF record of the domain. The result contains the record to replace it with, because a domain can
        have only one.
      - C(include:spf.improvmx.com) is inserted before the mechanism C(all), or after the last mechanism if there is no
        C(all). All other terms stay unchanged, as does a record that already contains it.
      - The record can be quoted and split into several strings, as DNS tools show it. An empty string means that no SPF
        record exists.
      - An SPF record must not cause more than 10 DNS lookups. A record whose own terms, with
        C(include:spf.improvmx.com), cause more is rejected with their number. Lookups within its includes are not
        counted, because the filter does not query DNS.
    type: str
    default: ''
  smtp:
    description:
      - Whether to add the records for sending mail through the SMTP server of ImprovMX, which are two CNAME records for
        DKIM and a TXT record for DMARC.
      - The policy of the DMARC record is C(p=none). If the domain has a DMARC record, keep that one instead.
    type: bool
    default: false
  ttl:
    description:
      - How long the records may be cached, in seconds.
    type: int
    default: 3600
  record_sets:
    description:
      - Whether to combine values of the same name and type, for modules that manage record sets.
    type: bool
    default: false
  quote:
    description:
      - Whether to quote the values of TXT records, as modules such as C(hetzner.hcloud.zone_rrset) require. A text of
        more than 255 characters is split into several strings.
    type: bool
    default: false
seealso:
  - module: improvmx.email.improvmx_domain_info
"""

EXAMPLES = r"""
- name: Show the records of a domain
  ansible.builtin.debug:
    msg: "{{ 'example.com' | improvmx.email.dns_records }}"

- name: Show the SPF record that replaces the existing one
  ansible.builtin.debug:
    msg: "{{ ('example.com' | improvmx.email.dns_records(spf='v=spf1 mx -all') | last).value }}"
    # v=spf1 mx include:spf.improvmx.com -all

- name: Show the records of a domain that also sends mail, as record sets
  ansible.builtin.debug:
    msg: "{{ 'bücher.example' | improvmx.email.dns_records(smtp=true, ttl=300, record_sets=true) }}"

- name: Read the domains that are not active
  improvmx.email.improvmx_domain_info:
    active: false
  register: waiting

- name: Show the records of all of them
  ansible.builtin.debug:
    msg: "{{ waiting.domains | map('improvmx.email.dns_records', smtp=true) | flatten(levels=1) }}"
"""

RETURN = r"""
_value:
  description: The records, or the record sets with O(record_sets=true).
  type: list
  elements: dict
  contains:
    name:
      description: The name, relative to the domain. V(@) is the domain itself.
      type: str
      returned: always
      sample: dkimprovmx1._domainkey
    fqdn:
      description: The full name, without a trailing dot.
      type: str
      returned: always
      sample: dkimprovmx1._domainkey.example.com
    type:
      description: The type, one of V(MX), V(TXT) and V(CNAME).
      type: str
      returned: always
      sample: CNAME
    ttl:
      description: How long the record may be cached, in seconds.
      type: int
      returned: always
      sample: 3600
    value:
      description: The value, without the priority. Host names end with a dot. Text is quoted with O(quote=true) only.
      type: str
      returned: with O(record_sets=false)
      sample: dkimprovmx1.improvmx.com.
    priority:
      description: The priority of an MX record. C(null) for others.
      type: int
      returned: with O(record_sets=false)
      sample: 10
    values:
      description:
        - The values, those of MX records with their priority. In Jinja, use C(item['values']), because C(item.values)
          is a method of dictionaries.
      type: list
      elements: str
      returned: with O(record_sets=true)
      sample: [10 mx1.improvmx.com., 20 mx2.improvmx.com.]
"""

from typing import Any, Callable, Dict, List, Mapping, TypeVar

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.improvmx.email.plugins.module_utils._model import dns as _dns
from ansible_collections.improvmx.email.plugins.module_utils._model.idna import parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._model.text import quoted

_LONGEST_TTL = 2**31 - 1  # RFC 2181

_Value = TypeVar("_Value")


def dns_records(
    domain: Any,
    spf: Any = "",
    smtp: Any = False,
    ttl: Any = _dns.TTL,
    record_sets: Any = False,
    quote: Any = False,
) -> List[Dict[str, Any]]:
    problems: List[str] = []

    def read(option: str, value: Any, parse: Callable[[Any], _Value]) -> Any:
        try:
            return parse(value)
        except (TypeError, ValueError) as error:
            problems.append("%s: %s" % (option, error))

    name = read("domain", domain, _domain)
    merged = read("spf", spf, _spf)
    sends = read("smtp", smtp, _truth)
    seconds = read("ttl", ttl, _seconds)
    gathered = read("record_sets", record_sets, _truth)
    quotes = read("quote", quote, _truth)
    if problems:
        raise AnsibleFilterError("%s." % "; ".join(problems))
    records = _dns.dns_records(name, merged, sends, seconds)
    if quotes:
        for record in records:
            if record["type"] == "TXT":
                record["value"] = _dns.txt_value(record["value"])
    return _dns.record_sets(records) if gathered else records


def _domain(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("domain")
    if not isinstance(value, str):
        raise ValueError(
            "it must be the name of a domain, or a dictionary with the name in the key domain; "
            "for a list of domains, use the filter with map"
        )
    try:
        return parse_domain(value)
    except ValueError as error:
        raise ValueError("%s can't be used: %s" % (quoted(value), error)) from None


def _spf(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("it must be the text of the existing SPF record, or empty")
    return _dns.merge_spf(value)


def _truth(value: Any) -> bool:
    try:
        return bool(boolean(value))
    except TypeError:
        raise ValueError("it must be true or false") from None


def _seconds(value: Any) -> int:
    text = str(value).strip() if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not text.isdecimal() or int(text) > _LONGEST_TTL:
        raise ValueError("it must be a number of seconds from 0 to %d" % _LONGEST_TTL)
    return int(text)


class FilterModule:
    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"dns_records": dns_records}
