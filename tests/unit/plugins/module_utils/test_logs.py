# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selecting, converting and counting log entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._model.logs import LogQuery, summarize
from ansible_collections.improvmx.email.plugins.module_utils._model.time import parse_time

STATUSES = ("QUEUED", "REFUSED", "DELIVERED", "SOFT-BOUNCE", "HARD-BOUNCE")
HOUR = 3_600_000
# Five mails, newest first: 04:00 to 00:00 on 1970-01-01, one for each status.
MAILS = [
    {"id": str(i), "created": i * HOUR, "events": [{"created": i * HOUR, "status": STATUSES[i]}]}
    for i in reversed(range(5))
]


def chosen(
    mails: Any, statuses: tuple[str, ...] = (), since: str = "", until: str = "", limit: int = 0
) -> str:
    times = [parse_time(text) if text else None for text in (since, until)]
    query = LogQuery(frozenset(statuses), *times, limit)
    return "".join(log["id"] for log in query.select("a.example", mails))


def everything(mails: Any) -> list[dict[str, Any]]:
    return LogQuery().select("a.example", mails)


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({}, "43210"),
        ({"limit": 2}, "43"),
        ({"limit": 9}, "43210"),
        ({"statuses": ("QUEUED",)}, "0"),
        ({"statuses": ("QUEUED", "HARD-BOUNCE")}, "40"),
        ({"statuses": ("QUEUED", "HARD-BOUNCE"), "limit": 1}, "4"),
        ({"since": "1970-01-01T02:00Z"}, "432"),
        ({"until": "1970-01-01T02:00Z"}, "210"),
        ({"since": "1970-01-01T01:00Z", "until": "1970-01-01T03:00Z"}, "321"),
        ({"since": "1970-01-01T01:00Z", "until": "1970-01-01T03:00Z", "limit": 2}, "32"),
        ({"since": "1970-01-02"}, ""),
        ({"until": "1969-12-31"}, ""),
    ],
)
def test_logs_are_filtered_by_status_time_and_number(options: dict[str, Any], ids: str) -> None:
    assert chosen(MAILS, **options) == ids


@pytest.mark.parametrize(
    ("options", "read"), [({"limit": 2}, 2), ({"since": "1970-01-01T02:00Z"}, 4), ({}, 5)]
)
def test_logs_are_read_no_further_than_needed(options: dict[str, Any], read: int) -> None:
    taken = []

    def mails() -> Iterator[dict[str, Any]]:
        for mail in MAILS:
            taken.append(mail["id"])
            yield mail

    chosen(mails(), **options)
    assert len(taken) == read


def event(created: Any, status: str) -> dict[str, Any]:
    return {"created": created, "status": status}


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([event(1, "QUEUED"), event(2, "DELIVERED")], "DELIVERED"),
        ([event(2, "DELIVERED"), event(1, "QUEUED")], "DELIVERED"),
        (
            [event("2020-01-25 12:19:09+0000", "QUEUED"), event("2020-01-25 13:00:00+0000", "REFUSED")],
            "REFUSED",
        ),
        (
            [event("2020-01-25 12:19:09+0000", "QUEUED"), event("2020-01-25 12:19:09+0000", "DELIVERED")],
            "DELIVERED",
        ),
        ([event(None, "QUEUED"), event(1, "SOFT-BOUNCE")], "SOFT-BOUNCE"),
        ([event(1, "QUEUED"), "odd", None], "QUEUED"),
        ([{"created": 1}], None),
        ([], None),
        (None, None),
        ("odd", None),
    ],
)
def test_status_is_that_of_the_latest_event(events: Any, status: str | None) -> None:
    [log] = everything([{"id": "1", "created": 1, "events": events}])
    assert log["status"] == status
    assert isinstance(log["events"], list)


def test_entry_keeps_the_services_fields_with_times_as_iso_8601() -> None:
    entry = {
        "id": "1",
        "created": "2020-01-25 12:19:09+0000",
        "created_raw": "Sat, 25 Jan 2020 12:19:09 GMT",
        "forward": None,
        "events": [{"id": "e", "created": 1579954751000, "status": "QUEUED", "code": 250}],
    }
    assert everything([entry]) == [
        {
            **entry,
            "domain": "a.example",
            "created": "2020-01-25T12:19:09Z",
            "events": [{"id": "e", "created": "2020-01-25T12:19:11Z", "status": "QUEUED", "code": 250}],
            "status": "QUEUED",
        }
    ]


@pytest.mark.parametrize("created", [None, "yesterday", {}])
def test_unreadable_time_is_kept_and_does_not_end_the_reading(created: Any) -> None:
    mails = [MAILS[0], {"id": "odd", "created": created}, MAILS[1]]
    assert chosen(mails, since="1970-01-01T03:00Z") == "43odd"
    logs = everything(mails)
    assert logs[-1]["created"] == created


def test_logs_out_of_order_are_sorted() -> None:
    assert chosen([MAILS[2], MAILS[0], MAILS[4]]) == "420"


def test_summary_counts_each_status() -> None:
    logs = everything([*MAILS, MAILS[0], {"id": "x", "created": 0}])
    counts = summarize(logs)
    assert counts == {**dict.fromkeys(STATUSES, 1), "HARD-BOUNCE": 2}
    assert list(counts) == sorted(counts)
    assert summarize([]) == {}
    assert summarize([{"status": "__ansible_type"}, {"status": "NEW"}]) == {"NEW": 1}


def test_newer_field_name_of_a_time_is_read() -> None:
    events = [{"created_at": 2 * HOUR, "status": "QUEUED"}, {"created_at": HOUR, "status": "REFUSED"}]
    [log] = everything([{"created_at": HOUR, "events": events}])
    assert (log["created"], log["status"]) == ("1970-01-01T01:00:00Z", "QUEUED")


PERSON = {"email": "Ann@Mail.example", "name": "Billing"}


@pytest.mark.parametrize(
    ("entry", "field", "text", "fits"),
    [
        ({"sender": PERSON}, "sender", "mail.EXAMPLE", True),
        ({"sender": PERSON}, "sender", "billing", True),
        ({"sender": PERSON}, "sender", "bob", False),
        ({"sender": PERSON}, "recipient", "ann", False),
        ({"recipient": {**PERSON, "name": None}}, "recipient", "ann@", True),
        ({"sender": "ann@mail.example"}, "sender", "ann@", True),
        ({"sender": None}, "sender", "none", False),
        ({"sender": ["ann"]}, "sender", "ann", False),
        ({"subject": "Your INVOICE"}, "subject", "invoice", True),
        ({"subject": 7}, "subject", "7", False),
        ({}, "subject", "x", False),
        ({"subject": ""}, "subject", "x", False),
    ],
)
def test_entries_are_filtered_by_text(entry: dict[str, Any], field: str, text: str, fits: bool) -> None:
    query = LogQuery(texts=((field, text),))
    assert bool(query.select("a.example", [{"id": "1", "created": 1, **entry}])) is fits


def test_entries_are_filtered_by_any_status_in_any_case() -> None:
    mails = [{"created": 1, "events": [event(1, status)]} for status in ("deferred", "Deferred", "QUEUED")]
    found = LogQuery(frozenset({"DEFERRED"})).select("a.example", mails)
    assert [log["status"] for log in found] == ["deferred", "Deferred"]
