# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsing texts and numbers as points in time, and their format in results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._model.time import (
    iso_utc,
    parse_time,
    read_iso_utc,
    read_time,
)

settings.register_profile("time", deadline=None, database=None, max_examples=50)
PROFILE = settings.get_profile("time")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31T08:15", "2026-01-31T08:15:00Z"),
        ("2026-01-31T08:15:30", "2026-01-31T08:15:30Z"),
        ("2026-01-31T08:15:30Z", "2026-01-31T08:15:30Z"),
        ("2026-01-31t08:15:30z", "2026-01-31T08:15:30Z"),
        (" 2026-01-31 08:15:30 ", "2026-01-31T08:15:30Z"),
        ("2026-01-31T08:15:30.25Z", "2026-01-31T08:15:30.250Z"),
        ("2026-01-31T08:15:30.123456789Z", "2026-01-31T08:15:30.123Z"),
        ("2026-01-31T08:15:30+02:00", "2026-01-31T06:15:30Z"),
        ("2026-01-31T08:15:30-0530", "2026-01-31T13:45:30Z"),
        ("2020-01-25 12:19:09+0000", "2020-01-25T12:19:09Z"),
        ("2020-01-25 12:19:09 +0100", "2020-01-25T11:19:09Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
    ],
)
def test_iso_8601_is_read_and_shown_in_utc(text: str, shown: str) -> None:
    assert iso_utc(parse_time(text)) == shown
    assert read_iso_utc(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026",
        "2026-1-31",
        "2026-01-31T",
        "2026-01-31T08",
        "2026-13-01",
        "2026-02-29",
        "2026-01-31T25:00",
        "2026-01-31T08:61",
        "2026-01-31T08:15:30 CET",
        "2026-01-31T08:15:30Z and more",
        "Sat, 31 Jan 2026 08:15:30 GMT",
        "2026-01-31T08:15+24:00",
        "2026-01-31T08:15+01:60",
        "\uff12\uff10\uff12\uff16-01-31",
        "1769846400",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "9999-12-31T23:59:59.9999999",
    ],
)
def test_other_text_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_time(text)
    assert read_iso_utc(text) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1579954749000, "2020-01-25T12:19:09Z"),
        (1579954749123, "2020-01-25T12:19:09.123Z"),
        (1579954749000.0, "2020-01-25T12:19:09Z"),
        (-1000, "1969-12-31T23:59:59Z"),
        (None, None),
        (True, None),
        ("", None),
        ([], None),
        ({}, None),
        (10**30, None),
        (-(10**30), None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_time_of_the_service_is_milliseconds_or_nothing(value: Any, shown: str | None) -> None:
    assert read_iso_utc(value) == shown


@PROFILE
@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_shown_time_is_read_back_to_the_millisecond(moment: datetime, zone: timezone) -> None:
    moment = moment.replace(tzinfo=zone)
    back = read_time(iso_utc(moment))
    assert back is not None
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)
    assert iso_utc(back) == iso_utc(moment)
    assert parse_time(moment.isoformat()) == moment.astimezone(UTC)


@PROFILE
@given(
    st.one_of(
        st.text(),
        st.from_regex(
            r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]( [0-2][0-9]:[0-6][0-9])?(\.[0-9]{1,9})?([+-][0-9]{4})?\Z"
        ),
    )
)
@example("9999-12-31T23:59:59.9999999Z")
@example("2026-01-31T08:15:30+99:99")
@example("\u0662\u0660\u0662\u0666-01-31")
def test_parse_time_raises_nothing_but_value_errors(text: str) -> None:
    try:
        moment = parse_time(text)
    except ValueError:
        return
    assert moment.tzinfo is UTC
