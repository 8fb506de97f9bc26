# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator import Fault
from harness import Modules, delete_after_the_list, run_module

DOMAIN = "example.com"
STATES = ("QUEUED", "REFUSED", "DELIVERED", "SOFT-BOUNCE", "HARD-BOUNCE")
NOON = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def text(moment: datetime) -> str:
    """A time in the form of 2020."""
    return moment.strftime("%Y-%m-%d %H:%M:%S%z")


def mail(number: int, *statuses: str, alias: str = "info", form: Any = millis) -> dict[str, Any]:
    """A mail received so many minutes before noon, with its events, one second apart."""
    came = NOON - timedelta(minutes=number)
    return {
        "id": f"id{number}",
        "created": form(came),
        "sender": {"email": "s@mail.example", "name": None},
        "recipient": {"email": f"{alias}@{DOMAIN}", "name": None},
        "subject": f"Mail {number}",
        "events": [
            {"id": f"e{number}-{index}", "created": form(came + timedelta(seconds=index)), "status": status}
            for index, status in enumerate(statuses)
        ],
    }


def seed(modules: Modules, *mails: dict[str, Any]) -> None:
    described = {
        "domain": DOMAIN,
        "aliases": {"info": "a@x.example", "sales": "b@x.example"},
        "logs": list(mails),
    }
    modules.emulator.seed({"domains": [described]})


def read(modules: Modules, **options: Any) -> dict[str, Any]:
    result = modules.run("improvmx_logs_info", domain=DOMAIN, **options)
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is False
    return result


def numbers(result: dict[str, Any]) -> list[int]:
    return [int(log["id"].removeprefix("id")) for log in result["logs"]]


@pytest.mark.parametrize("form", [millis, text], ids=["milliseconds", "text"])
def test_times_in_any_form_become_iso_8601_in_utc(modules_of_version: Modules, form: Any) -> None:
    seed(modules_of_version, mail(0, "QUEUED", "DELIVERED", form=form))
    (log,) = read(modules_of_version)["logs"]
    assert log["created"] == "2026-01-31T12:00:00Z"
    assert [event["created"] for event in log["events"]] == ["2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z"]
    assert log["status"] == "DELIVERED"
    assert log["subject"] == "Mail 0"
    assert log["recipient"]["email"] == "info@example.com"


def test_text_with_another_offset_is_converted_to_utc(modules_of_version: Modules) -> None:
    seed(modules_of_version, {**mail(0), "created": "2026-01-31 14:00:00+0200"})
    (log,) = read(modules_of_version)["logs"]
    assert log["created"] == "2026-01-31T12:00:00Z"


def test_entries_in_any_order_and_form_are_sorted_newest_first(modules_of_version: Modules) -> None:
    forms = {0: millis, 1: text, 2: millis, 3: text}
    seed(modules_of_version, *(mail(number, "QUEUED", form=forms[number]) for number in (2, 0, 3, 1)))
    assert numbers(read(modules_of_version)) == [0, 1, 2, 3]


def test_the_status_is_that_of_the_latest_event_in_any_order(modules_of_version: Modules) -> None:
    shuffled = mail(0, "QUEUED", "SOFT-BOUNCE", "DELIVERED")
    shuffled["events"] = [shuffled["events"][index] for index in (2, 0, 1)]
    seed(modules_of_version, shuffled)
    assert read(modules_of_version)["logs"][0]["status"] == "DELIVERED"


def test_a_mail_without_events_has_no_status(modules_of_version: Modules) -> None:
    seed(modules_of_version, mail(0))
    assert read(modules_of_version)["logs"][0]["status"] is None


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ([], [0, 1, 2, 3, 4]),
        (["DELIVERED"], [0, 2]),
        ("SOFT-BOUNCE,HARD-BOUNCE", [1, 3]),
        (["QUEUED"], []),
        (["REFUSED"], [4]),
    ],
)
def test_status_selects_by_the_latest_event(
    modules_of_version: Modules, status: Any, found: list[int]
) -> None:
    seed(
        modules_of_version,
        mail(0, "QUEUED", "DELIVERED"),
        mail(1, "QUEUED", "SOFT-BOUNCE"),
        mail(2, "QUEUED", "SOFT-BOUNCE", "DELIVERED"),
        mail(3, "QUEUED", "SOFT-BOUNCE", "HARD-BOUNCE"),
        mail(4, "REFUSED"),
    )
    assert numbers(read(modules_of_version, status=status)) == found


@pytest.mark.parametrize("form", [millis, text], ids=["milliseconds", "text"])
@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_service_can_be_selected(
    modules_of_version: Modules, state: str, form: Any
) -> None:
    for options in ({}, {"alias": "info"}):
        seed(modules_of_version, *(mail(n, "QUEUED", STATES[n], form=form) for n in range(len(STATES))))
        result = read(modules_of_version, status=[state], **options)
        assert numbers(result) == [STATES.index(state)]
        assert result["summary"] == {state: 1}


def test_a_mail_is_returned_as_version_2_documents_it(modules_of_version: Modules) -> None:
    """It has no id, and other fields than current entries."""
    event = {
        "status": "DELIVERED",
        "code": 250,
        "created": "2019-01-12 23:01:21+0000",
        "ip": "cloud.mail.example",
        "server": "mx1a.improvmx.com",
        "message": "Sent.",
    }
    reported = {
        "sender": {"email": "ann@mail.example", "name": "Ann"},
        "created": "2019-01-13 00:00:42+0000",
        "hostname": "mx1b.improvmx.com",
        "host_ip": "192.0.2.7",
        "forward": {"email": "a@x.example", "name": "A"},
        "messageId": "<4711@mx1b.improvmx.com>",
        "created_raw": "Sun, 13 Jan 2019 00:00:42 GMT",
        "recipient": {"email": f"info@{DOMAIN}", "name": None},
        "events": [event],
        "subject": "Opportunities",
    }
    modules = modules_of_version
    seed(modules, reported if modules.options["api_version"] == "v2" else {**reported, "id": "1"})
    (log,) = read(modules)["logs"]
    log.pop("id", None)
    assert log == {
        **reported,
        "domain": DOMAIN,
        "created": "2019-01-13T00:00:42Z",
        "status": "DELIVERED",
        "events": [{**event, "created": "2019-01-12T23:01:21Z"}],
    }


@pytest.mark.parametrize("form", [millis, text], ids=["milliseconds", "text"])
@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"since": "2026-01-31T11:58:00Z"}, [0, 1, 2]),
        ({"since": "2026-01-31T11:58:01Z"}, [0, 1]),
        ({"since": "2026-01-31 12:58:00+01:00"}, [0, 1, 2]),
        ({"since": "2026-01-31T11:58:00"}, [0, 1, 2]),
        ({"until": "2026-01-31T11:57:00Z"}, [3, 4]),
        ({"since": "2026-01-31T11:57:00Z", "until": "2026-01-31T11:59:00Z"}, [1, 2, 3]),
        ({"since": "2026-01-31"}, [0, 1, 2, 3, 4]),
        ({"until": "2026-01-31"}, []),
        ({"since": "2026-02-01"}, []),
        ({"since": "2026-01-31T12:00:00Z", "until": "2026-01-31T11:00:00Z"}, []),
    ],
)
def test_since_and_until_select_by_time(
    modules_of_version: Modules, form: Any, options: dict[str, Any], found: list[int]
) -> None:
    seed(modules_of_version, *(mail(number, "QUEUED", form=form) for number in range(5)))
    assert numbers(read(modules_of_version, **options)) == found


@pytest.mark.parametrize("alias", ["sales", "SALES"])
def test_reads_the_mails_of_one_alias(modules_of_version: Modules, alias: str) -> None:
    seed(modules_of_version, mail(0, "QUEUED"), mail(1, "QUEUED", alias="sales"), mail(2, "QUEUED"))
    assert numbers(read(modules_of_version, alias=alias)) == [1]


@pytest.mark.parametrize(
    ("aliases", "requests"),
    [
        ([("7", 15)], 2),  # a read shows that the path identifies this alias
        ([("7", 15), ("info", 7)], 3),  # it identifies the other alias, so the id is read from the list
    ],
)
def test_the_name_of_an_alias_is_not_mistaken_for_an_id(
    modules: Modules, aliases: list[tuple[str, int]], requests: int
) -> None:
    items = [{"alias": name, "forward": "a@x.example", "id": number} for name, number in aliases]
    logs = [mail(0, "QUEUED"), mail(1, "QUEUED", alias="7")]
    modules.emulator.seed({"domains": [{"domain": DOMAIN, "aliases": items, "logs": logs}]})
    result = read(modules, alias="7")
    assert numbers(result) == [1]
    assert result["api_requests"] == requests + 1  # the end of the log


def test_an_id_is_not_mistaken_for_the_name_of_an_alias(modules: Modules) -> None:
    items = [{"alias": "info", "forward": "a@x.example", "id": 7}]
    modules.emulator.seed({"domains": [{"domain": DOMAIN, "aliases": items, "logs": [mail(1, "QUEUED")]}]})
    result = modules.run("improvmx_logs_info", domain=DOMAIN, alias="7")
    assert "the alias 7 does not exist, only one with this id" in result["msg"]


# The pages of v3 contain 50 entries, and only an empty page is the end.
@pytest.mark.parametrize(
    ("limit", "count", "pages"),
    [
        (1, 1, 1),
        (50, 50, 1),
        (51, 51, 2),
        (100, 100, 2),
        (None, 100, 2),
        (125, 125, 3),
        (500, 125, 4),
        (0, 125, 4),
    ],
)
def test_reads_as_many_pages_as_the_limit_needs(
    modules_of_version: Modules, limit: int | None, count: int, pages: int
) -> None:
    modules = modules_of_version
    seed(modules, *(mail(number, "QUEUED") for number in range(125)))
    result = read(modules, **({} if limit is None else {"limit": limit}))
    assert numbers(result) == list(range(count))
    assert result["api_requests"] == (1 if modules.options["api_version"] == "v2" else pages)


def test_the_limit_counts_what_is_returned_and_not_what_is_read(modules_of_version: Modules) -> None:
    states = ["DELIVERED" if number % 10 else "REFUSED" for number in range(125)]
    seed(modules_of_version, *(mail(number, state) for number, state in enumerate(states)))
    assert numbers(read(modules_of_version, status=["REFUSED"], limit=8)) == list(range(0, 80, 10))


def test_reading_ends_at_the_first_mail_that_is_too_old(modules: Modules) -> None:
    seed(modules, *(mail(number, "QUEUED") for number in range(125)))
    result = read(modules, since="2026-01-31T11:50:00Z", limit=0)
    assert numbers(result) == list(range(11))
    assert result["api_requests"] == 1


def test_the_summary_counts_what_is_returned(modules_of_version: Modules) -> None:
    states = ["DELIVERED", "DELIVERED", "REFUSED", "SOFT-BOUNCE", "DELIVERED"]
    seed(modules_of_version, *(mail(number, state) for number, state in enumerate(states)))
    assert read(modules_of_version)["summary"] == {"DELIVERED": 3, "REFUSED": 1, "SOFT-BOUNCE": 1}
    assert read(modules_of_version, limit=2)["summary"] == {"DELIVERED": 2}


def test_no_mail_gives_an_empty_result(modules_of_version: Modules) -> None:
    seed(modules_of_version)
    result = read(modules_of_version)
    assert result["logs"] == []
    assert result["summary"] == {}


@pytest.mark.parametrize("options", [{"domain": "example.org"}, {"domain": DOMAIN, "alias": "nobody"}])
def test_a_missing_domain_or_alias_fails_with_the_services_message(
    modules_of_version: Modules, options: dict[str, Any]
) -> None:
    seed(modules_of_version, mail(0, "QUEUED"))
    result = modules_of_version.run("improvmx_logs_info", **options)
    assert result["failed"] is True
    assert "404" in result["msg"]
    assert "not found" in result["msg"]
    assert f"/domains/{options['domain']}/logs" in result["msg"]


# --- Odd entries ----------------------------------------------------------------------------------


def without(entry: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in fields}


LOWEST = {"created": millis(NOON), "events": [{"created": millis(NOON), "status": "DELIVERED", "code": 250}]}


@pytest.mark.parametrize(
    ("odd", "status"),
    [
        (without(mail(1, "QUEUED"), "id"), "QUEUED"),
        ({**mail(1, "QUEUED"), "id": 4711}, "QUEUED"),
        ({**mail(1, "QUEUED"), "id": None}, "QUEUED"),
        ({**mail(1, "QUEUED"), "id": {"a": 1}}, "QUEUED"),
        (LOWEST, "DELIVERED"),
        ({"created": "yesterday"}, None),
        ({**mail(1), "events": "none", "sender": 7}, None),
        ({**without(mail(1, "NEW-STATE"), "created"), "created_at": "2026-01-31T11:59:00Z"}, "NEW-STATE"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_odd_entry_is_returned_as_far_as_possible_and_affects_no_other(
    modules_of_version: Modules, odd: dict[str, Any], status: str | None, place: int
) -> None:
    modules = modules_of_version
    mails = [mail(0, "QUEUED"), mail(2, "QUEUED")]
    mails.insert(place, odd)
    modules.emulator.seed({"domains": [{"domain": DOMAIN, "logs": mails}]})
    logs = read(modules)["logs"]
    assert len(logs) == 3
    assert status in [log["status"] for log in logs]
    assert {"id0", "id2"} <= {log.get("id") for log in logs if isinstance(log.get("id"), str)}


@pytest.mark.parametrize(
    ("kinds", "requests"),
    [
        ("i" * 50 + "n" * 30 + "i" * 20 + "n" * 10, 3),  # i: with an id, n: without
        ("n" * 40 + "i" * 70, 4),
        ("i" * 49 + "n" * 3 + "i" * 10, 3),
        ("i" * 49 + "n", 2),
        ("n" * 30, 1),
    ],
)
def test_entries_without_ids_are_read_once_on_any_page(modules: Modules, kinds: str, requests: int) -> None:
    mails = [
        mail(number, "QUEUED") if kind == "i" else without(mail(number, "QUEUED"), "id")
        for number, kind in enumerate(kinds)
    ]
    seed(modules, *mails)
    result = read(modules, limit=0)
    assert [log["subject"] for log in result["logs"]] == [mail["subject"] for mail in mails]
    assert result["api_requests"] == requests


def test_entry_that_is_not_an_object_is_left_out(modules_of_version: Modules) -> None:
    modules = modules_of_version
    version = modules.options["api_version"]
    pages = [{"logs": ["odd", None, mail(0, "QUEUED")], "success": True}, {"logs": [], "success": True}]
    modules.emulator.seed({"domains": [{"domain": DOMAIN}]})
    modules.emulator.faults.add(*(Fault("body", body=page) for page in pages[: 1 if version == "v2" else 2]))
    assert numbers(read(modules)) == [0]


@pytest.mark.parametrize(("name", "number"), [("search", 12), ("Search", 12)])
def test_alias_named_search_is_addressed_by_its_id(modules: Modules, name: str, number: int) -> None:
    items = [{"alias": name, "forward": "a@x.example", "id": number}]
    logs = [mail(0, "QUEUED"), mail(1, "QUEUED", alias=name)]
    modules.emulator.seed({"domains": [{"domain": DOMAIN, "aliases": items, "logs": logs}]})
    assert numbers(read(modules, alias=name)) == [1]


# --- Many domains ---------------------------------------------------------------------------------

MANY = [f"d{number}.example" for number in range(3)]


def seed_many(modules: Modules) -> None:
    """Create mails of three domains, one of each every third minute."""
    modules.emulator.seed(
        {
            "domains": [
                {"domain": name, "logs": [mail(number, "QUEUED") for number in range(start, 9, 3)]}
                for start, name in enumerate(MANY)
            ]
        }
    )


@pytest.mark.parametrize(
    ("options", "domains", "requests"),
    [
        ({}, MANY, 1 + 3 * 2),
        ({"domains": MANY}, MANY, 3 * 2),
        ({"domains": ["D2.example.", "d0.example"]}, [MANY[2], MANY[0]], 2 * 2),
        ({"domains": [MANY[1]]}, [MANY[1]], 2),
        ({"domains": []}, [], 0),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_logs_of_many_domains_are_sorted_newest_first(
    modules: Modules, options: dict[str, Any], domains: list[str], requests: int, concurrency: int
) -> None:
    seed_many(modules)
    result = modules.run("improvmx_logs_info", concurrency=concurrency, limit=0, **options)
    assert not result.get("failed"), result["msg"]
    expected = [(MANY[number % 3], number) for number in range(9) if MANY[number % 3] in domains]
    assert [(log["domain"], int(log["id"][2:])) for log in result["logs"]] == expected
    assert result["summaries"] == {name: {"QUEUED": 3} for name in domains}
    assert result["summary"] == ({"QUEUED": 3 * len(domains)} if domains else {})
    assert result["api_requests"] == requests


def test_limit_applies_to_each_domain(modules: Modules) -> None:
    seed_many(modules)
    result = modules.run("improvmx_logs_info", limit=1)
    assert [log["domain"] for log in result["logs"]] == MANY
    assert result["api_requests"] == 1 + 3


def test_empty_account_has_no_logs(modules: Modules) -> None:
    result = modules.run("improvmx_logs_info")
    assert (result["logs"], result["summary"], result["summaries"]) == ([], {}, {})
    assert result["api_requests"] == 1


@pytest.mark.parametrize("concurrency", [1, 8])
def test_failure_of_one_domain_does_not_lose_the_logs_of_the_others(
    modules: Modules, concurrency: int
) -> None:
    seed_many(modules)
    modules.emulator.faults.add(Fault("body", path="/d1.example/logs", body=7))
    result = modules.run(
        "improvmx_logs_info", domains=[*MANY, "gone.example"], concurrency=concurrency, limit=0
    )
    assert result["failed"] is True
    assert [failed["domain"] for failed in result["failed_domains"]] == [MANY[1], "gone.example"]
    assert "2 of 4 domains" in result["msg"]
    assert "d1.example: GET /v3/domains/d1.example/logs: the reply is not a JSON object" in result["msg"]
    assert {log["domain"] for log in result["logs"]} == {MANY[0], MANY[2]}
    assert set(result["summaries"]) == {MANY[0], MANY[2]}


def test_all_domains_are_those_that_exist_when_their_logs_are_read(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_many(modules)
    delete_after_the_list(monkeypatch, MANY[1])
    result = modules.run("improvmx_logs_info")
    assert not result.get("failed"), result["msg"]
    assert set(result["summaries"]) == {MANY[0], MANY[2]}
    # The list, two pages of two logs, a 404, and the domain, which no longer exists.
    assert result["api_requests"] == 1 + 2 * 2 + 1 + 1


def test_logs_of_a_domain_that_exists_but_has_none_are_a_failure(modules: Modules) -> None:
    """The service may answer 404 for another reason, so this does not count as a deletion."""
    seed_many(modules)
    modules.emulator.faults.add(Fault("status", status=404, path="/d1.example/logs", times=None))
    result = modules.run("improvmx_logs_info")
    assert result["failed"] is True
    assert [failed["domain"] for failed in result["failed_domains"]] == [MANY[1]]
    # The list, two pages of two logs, and three attempts with the domain in between.
    assert result["api_requests"] == 1 + 2 * 2 + 3 + 2


def test_an_outage_is_not_retried_for_every_domain(modules: Modules) -> None:
    names = [f"n{number}.example" for number in range(20)]
    modules.emulator.seed({"domains": [{"domain": name} for name in names]})
    modules.emulator.faults.add(Fault("status", status=503, times=None))
    result = modules.run("improvmx_logs_info", domains=names, concurrency=1, retry_timeout=0)
    assert len(result["failed_domains"]) == 20
    assert "not tried, because the service failed" in result["failed_domains"][-1]["msg"]
    assert result["api_requests"] == 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"domains": ["a.example", "A.example", "bad domain"]}, "domains[0] and domains[1] are the same"),
        ({"domains": ["bad domain"], "since": "7x"}, "nor an age such as 24h"),
        ({"concurrency": 0}, "concurrency must be from 1 to 10"),
        ({"since": "999999w"}, "out of range"),
    ],
)
def test_bad_input_is_refused_before_any_request(
    modules: Modules, options: dict[str, Any], problem: str
) -> None:
    result = modules.run("improvmx_logs_info", **options)
    assert result["failed"] is True
    assert problem in result["msg"]
    assert modules.emulator.requests == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"alias": "info"}, "missing parameter(s) required by 'alias': domain"),
        ({"domains": MANY, "alias": "info"}, "missing parameter(s) required by 'alias': domain"),
        ({"domain": DOMAIN, "domains": MANY}, "mutually exclusive"),
    ],
)
def test_conflicting_options_are_rejected(modules: Modules, options: dict[str, Any], problem: str) -> None:
    result = run_module("improvmx_logs_info", {**modules.options, **options})
    assert result["failed"] is True
    assert problem in result["msg"]
    assert modules.emulator.requests == []


@pytest.mark.parametrize(
    ("age", "found"), [("90m", [0, 1]), ("24h", [0, 1, 2]), ("2D", [0, 1, 2, 3]), (" 1w ", [0, 1, 2, 3, 4])]
)
def test_max_age_counts_back_from_now(modules_of_version: Modules, age: str, found: list[int]) -> None:
    now = datetime.now(tz=UTC)
    minutes = (0, 80, 23 * 60, 47 * 60, 6 * 24 * 60, 8 * 24 * 60)
    mails = [
        {"id": f"id{number}", "created": millis(now - timedelta(minutes=ago)), "events": []}
        for number, ago in enumerate(minutes)
    ]
    seed(modules_of_version, *mails)
    assert numbers(read(modules_of_version, since=age)) == found


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"sender": "S@mail"}, [0, 1]),
        ({"recipient": "sales"}, [1]),
        ({"subject": "mail 0"}, [0]),
        ({"subject": "mail", "recipient": "info"}, [0]),
        ({"sender": "nobody"}, []),
    ],
)
def test_contains_selects_by_text(
    modules_of_version: Modules, options: dict[str, Any], found: list[int]
) -> None:
    seed(modules_of_version, mail(0, "QUEUED"), mail(1, "QUEUED", alias="sales"))
    assert numbers(read(modules_of_version, **options)) == found
