# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.improvmx.email.plugins.module_utils._http import rate_limits as _ratelimit
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import Alias, Domain
from ansible_collections.improvmx.email.plugins.module_utils._report.health import Tally
from ansible_collections.improvmx.email.plugins.module_utils._report.page import page as page_of
from ansible_collections.improvmx.email.plugins.module_utils._run import progress
from emulator import Emulator, Fault
from emulator.dns import EXPECTED_MX
from harness import Modules, delete_after_the_list, wrap_endpoint

REPORT = "improvmx_report"
SHOP = "shop.example"
OWNER = "owner@mail.example"


def mail(
    number: int,
    *statuses: str,
    hours: float = 1,
    to: str | None = f"info@{SHOP}",
    forward: str | None = "ann@mail.example",
    message: str = "ok",
    code: int = 250,
    **fields: Any,
) -> dict[str, Any]:
    """A mail received so many hours ago, with its events, one second apart."""
    came = int((datetime.now(tz=UTC) - timedelta(hours=hours)).timestamp() * 1000) - number
    return {
        "id": f"id{number}",
        "created": came,
        "messageId": f"<{number}@mail.example>",
        "sender": {"email": "bob@else.example", "name": "Bob"},
        "recipient": {"email": to, "name": None},
        "forward": {"email": forward, "name": None} if forward else None,
        "subject": f"Mail {number}",
        "events": [
            {
                "id": f"e{number}-{index}",
                "created": came + 1000 * index,
                "status": status,
                "code": code,
                "message": message,
            }
            for index, status in enumerate(statuses)
        ],
        **fields,
    }


def shop(*logs: dict[str, Any], **options: Any) -> dict[str, Any]:
    aliases = {"info": "ann@mail.example", "sales": "gone@mail.example", "old": "x@mail.example"}
    return {"domain": SHOP, "active": True, "aliases": aliases, "logs": list(logs), **options}


def seed(modules: Modules, *domains: dict[str, Any], **account: Any) -> None:
    modules.emulator.seed({"email": OWNER, "domains": list(domains), **account})


def run(modules: Modules, check: bool = False, **options: Any) -> dict[str, Any]:
    result = modules.run(REPORT, check=check, **{"path": "improvmx_report.html", **options})
    assert not result.get("failed"), result["msg"]
    return result


def reported(modules: Modules, **options: Any) -> dict[str, Any]:
    return dict(run(modules, **options)["report"])


def kinds(report: dict[str, Any]) -> list[str]:
    return [finding["kind"] for finding in report["findings"]]


# --- Mail -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        (["QUEUED", "DELIVERED"], "delivered"),
        (["QUEUED", "SOFT-BOUNCE", "DELIVERED"], "delivered"),
        (["DELIVERED", "HARD-BOUNCE"], "undelivered"),
        (["QUEUED", "SOFT-BOUNCE"], "undelivered"),
        (["queued", "hard-bounce"], "undelivered"),
        (["QUEUED", "DEFERRED"], "undelivered"),
        (["QUEUED", "BOUNCED"], "undelivered"),
        (["REFUSED"], "undelivered"),
        (["QUEUED"], "waiting"),
        ([], "unknown"),
        (["LOST-IN-SPACE"], "unknown"),
    ],
)
def test_the_latest_event_decides_the_outcome_of_a_mail(
    modules_of_version: Modules, statuses: list[str], outcome: str
) -> None:
    modules = modules_of_version
    entry = mail(0, *statuses)
    entry["events"].reverse()
    seed(modules, shop(entry))
    report = reported(modules)
    assert {name for name, count in report["mail"].items() if count} == {"total", outcome}
    assert ("undelivered" in kinds(report)) is (outcome == "undelivered")


@pytest.mark.parametrize(
    ("aliases", "to", "forward", "outcome", "alias"),
    [
        ({"info": OWNER}, "info@shop.example", None, "undelivered", "info"),
        ({"Info": OWNER}, "INFO@shop.example", None, "undelivered", "Info"),
        ({"info": OWNER}, "info+news@shop.example", None, "undelivered", "info"),
        ({"info": OWNER}, "nobody@shop.example", None, "no_alias", None),
        ({}, "nobody@shop.example", None, "no_alias", None),
        # It was forwarded, so an alias existed at that time.
        ({"info": OWNER}, "nobody@shop.example", "a@x.example", "undelivered", None),
        ({"info": OWNER, "*": OWNER}, "nobody@shop.example", None, "undelivered", "*"),
        # Expressions are not evaluated; the destination shows which of them accepted the mail.
        ({"^a+$": "a@x.example", "*": OWNER}, "aaa@shop.example", "A@x.example", "undelivered", "^a+$"),
        ({"^a+$": "a@x.example"}, "nobody@shop.example", None, "undelivered", None),
        ({"info": OWNER}, None, None, "undelivered", None),
        ({"info": OWNER}, "no address", None, "undelivered", None),
    ],
)
def test_mail_without_a_matching_alias_is_a_category_of_its_own(
    modules_of_version: Modules,
    aliases: dict[str, str],
    to: str | None,
    forward: str | None,
    outcome: str,
    alias: str | None,
) -> None:
    modules = modules_of_version
    seed(modules, shop(mail(0, "REFUSED", to=to, forward=forward), aliases=aliases))
    report = reported(modules)
    assert report["mail"][outcome] == 1
    assert [one["alias"] for one in report["aliases"] if one["mail"]] == [alias] * (alias is not None)
    assert kinds(report)[-1] == outcome
    assert bool(report["no_alias"]) is (outcome == "no_alias")


def test_undelivered_mail_is_grouped_by_destination_and_reason_without_details_of_single_mails(
    modules: Modules,
) -> None:
    other = {"domain": "other.example", "active": True, "aliases": {"*": "gone@mail.example"}}
    message_form = "550 5.1.1 <gone@mail.example> does not exist a12-20020aa7d9cc0%02d si"
    gone = [
        mail(n, "HARD-BOUNCE", hours=n + 1, forward="gone@mail.example", message=message_form % n, code=550)
        for n in range(7)
    ]
    full = mail(9, "SOFT-BOUNCE", forward="gone@mail.example", message="452 over quota", code=452)
    seed(modules, shop(*gone[:4], full), {**other, "logs": gone[4:]})
    report = reported(modules)
    dead, late = report["undelivered"]
    assert (dead["count"], late["count"]) == (7, 1)
    assert dead["domains"] == {"other.example": 3, SHOP: 4}
    assert dead["reason"] == message_form % 0
    assert (dead["status"], dead["for_now"], late["for_now"]) == ("HARD-BOUNCE", False, True)
    assert [one["subject"] for one in dead["mails"]] == ["Mail 0", "Mail 1", "Mail 2"]
    assert dead["first"] < dead["last"]
    (finding,) = report["findings"]
    assert finding["title"] == "8 mails to gone@mail.example were not delivered"
    assert finding["domains"] == ["other.example", SHOP]
    assert finding["severity"] == "error"


def test_aliases_without_mail_are_reported(modules_of_version: Modules) -> None:
    modules = modules_of_version
    seed(modules, shop(mail(0, "DELIVERED"), mail(1, "HARD-BOUNCE", to=f"sales@{SHOP}")))
    report = reported(modules)
    assert [(a["alias"], a["mail"], a["undelivered"], a["unused"]) for a in report["aliases"]] == [
        ("info", 1, 0, False),
        ("old", 0, 0, True),
        ("sales", 1, 1, False),
    ]
    assert report["domains"][0]["unused_aliases"] == 1


LOWEST = {"id": "x", "created": 1, "events": [{"created": 1, "status": "REFUSED", "code": 550}]}


def test_lowest_level_of_logging_leaves_missing_fields_unknown(modules_of_version: Modules) -> None:
    modules = modules_of_version
    seed(modules, shop({**LOWEST, "created": mail(0)["created"]}))
    report = reported(modules)
    assert report["mail"]["undelivered"] == 1
    assert [alias["unused"] for alias in report["aliases"]] == [None] * 3
    assert report["domains"][0]["unused_aliases"] is None
    (group,) = report["undelivered"]
    assert (group["destination"], group["reason"], group["code"]) == (None, None, "550")
    assert "1 mail to shop.example was rejected or not delivered" in report["summary"]


@pytest.mark.parametrize(
    ("since", "step", "count"),
    [
        ("24h", "hour", 1),
        ("7d", "day", 2),
        ("52w", "week", 3),
        ("100w", "month", 4),
        ("2000-01-01", "month", 4),
    ],
)
def test_mail_over_time_has_bars_of_a_suitable_duration(
    modules_of_version: Modules, since: str, step: str, count: int
) -> None:
    modules = modules_of_version
    days = (0.1, 3, 100, 500)
    seed(modules, shop(*(mail(n, "DELIVERED", hours=24 * day) for n, day in enumerate(days))))
    over_time = reported(modules, since=since)["over_time"]
    assert over_time["step"] == step
    assert sum(slot["delivered"] for slot in over_time["bars"]) == count
    assert len(over_time["bars"]) <= 120
    assert [slot["start"] for slot in over_time["bars"]] == sorted(
        slot["start"] for slot in over_time["bars"]
    )


def test_logs_in_the_forms_of_2020_and_today_are_combined(modules_of_version: Modules) -> None:
    modules = modules_of_version
    old = {**mail(1, "DELIVERED"), "created": "2020-01-25 12:19:09+0000"}
    seed(modules, shop(mail(0, "DELIVERED"), old, {**mail(2), "created": "yesterday"}))
    over_time = reported(modules, since="2019-01-01")["over_time"]
    assert over_time["step"] == "year"
    assert [over_time["bars"][0][name] for name in ("start", "total", "delivered")] == ["2020", 1, 1]
    assert len(over_time["bars"]) == datetime.now(tz=UTC).year - 2019
    assert over_time["without_time"] == 1


@pytest.mark.parametrize("created", [0, -(10**15), 253_402_300_799_000, 10**30, "0001-01-01 00:00:00+1400"])
def test_odd_times_are_shown_as_far_as_possible(modules_of_version: Modules, created: Any) -> None:
    modules = modules_of_version
    seed(modules, shop({**mail(0, "HARD-BOUNCE"), "created": created}))
    report = reported(modules, since="0001-01-01")
    assert report["mail"]["undelivered"] == 1
    assert len(report["over_time"]["bars"]) <= 120


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati"])
def test_times_are_shown_in_the_zone_of_the_controller_and_in_utc(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        seed(modules, shop(mail(0, "HARD-BOUNCE")))
        report = reported(modules)
        (group,) = report["undelivered"]
        here = datetime.fromisoformat(group["last"]).astimezone()
        text = Path("improvmx_report.html").read_text(encoding="utf-8")
        assert f"{here:%Y-%m-%d %H:%M %Z}" in text
        assert f"({group['last'][:16].replace('T', ' ')} UTC)" in text
        assert f"{here:%Y-%m-%d}" in [slot["start"] for slot in report["over_time"]["bars"] if slot["total"]]
        assert report["zone"] == f"{here:%Z}"
    finally:
        monkeypatch.undo()
        time.tzset()


# --- Domains, DNS, limits -------------------------------------------------------------------------


def test_domains_include_state_catch_all_aliases_and_rules(modules: Modules) -> None:
    rule = {"type": "alias", "config": {"alias": "old", "forward": "a@x.example"}}
    hook = "https://ann:pw-1234@hooks.example/in?token=tok-5678"
    seed(
        modules,
        {"domain": "bücher.example", "active": False, "aliases": {"*": hook, "info": OWNER}},
        {"domain": "routed.example", "active": True, "routing_engine": "rules", "rules": [rule] * 1},
    )
    result = run(modules)
    routed, books = result["report"]["domains"]
    assert (books["domain"], books["display"], books["active"]) == (
        "xn--bcher-kva.example", "bücher.example", False
    )  # fmt: skip
    assert (books["aliases"], books["rules"], books["dns"]) == (2, None, None)
    assert (routed["routed_by"], routed["rules"], routed["catch_all"]) == ("rules", 1, None)
    assert kinds(result["report"]) == ["inactive"]
    page = Path("improvmx_report.html").read_text(encoding="utf-8")
    for secret in ("pw-1234", "tok-5678"):
        assert secret not in page + json.dumps(result)
    assert "hooks.example/in?token=…" in page
    # The list, the limits, the end of each log, and the rules, whose list ends with an empty page.
    assert result["api_requests"] == 1 + 1 + 2 + 2


@pytest.mark.parametrize(
    ("limits", "severities"),
    [
        ({"domains": 100, "aliases": 100}, []),
        ({"domains": 2, "aliases": 100}, ["error"]),
        ({"domains": 100, "aliases": 10}, ["warning"]),
        ({"domains": 1, "aliases": 9}, ["error", "error"]),
    ],
)
def test_limits_that_are_nearly_used_up_are_findings(
    modules: Modules, limits: dict[str, int], severities: list[str]
) -> None:
    seed(
        modules,
        {"domain": "a.example", "active": True, "aliases": {f"n{n}": OWNER for n in range(9)}},
        {"domain": "b.example", "active": True},
        limits=limits,
    )
    report = reported(modules)
    assert [finding["severity"] for finding in report["findings"]] == severities
    assert set(kinds(report)) <= {"limits"}
    assert [(one["name"], one["used"]) for one in report["limits"]] == [("domains", 2), ("aliases", 9)]
    # With some domains only, the number of all domains is still reported.
    assert reported(modules, domains=["b.example"])["limits"][0]["used"] == 2


def test_version_2_returns_no_limits(emulator: Emulator) -> None:
    modules = Modules(emulator, api_version="v2")
    seed(modules, shop(mail(0, "DELIVERED")))
    result = run(modules)
    assert result["report"]["limits"] == []
    assert result["api_requests"] == 1 + 1


def test_dns_check_reports_wrong_records_and_activated_domains(modules: Modules) -> None:
    seed(
        modules,
        {"domain": "bad.example", "active": False},
        {"domain": "new.example", "active": False, "dns": {"mx": EXPECTED_MX}},
    )
    dry = run(modules, check=True, check_dns=True)
    assert dry["report"]["dns_checked"] is False
    assert [text[:31] for text in dry["warnings"]] == ["The DNS records are not checked"]
    assert modules.emulator.account.domains["new.example"].active is False
    result = run(modules, check_dns=True, alert_on=["dns"])
    bad, new = result["report"]["domains"]
    assert (bad["dns"]["valid"], new["dns"]["valid"]) == (False, True)
    assert "expected mx1.improvmx.com" in bad["dns"]["problem"]
    assert (new["active"], new["activated"], bad["activated"]) == (True, True, False)
    assert [(change["kind"], change["name"]) for change in result["changes"]] == [
        ("domain", "new.example"),
        ("file", "improvmx_report.html"),
    ]
    assert kinds(result["report"])[:2] == ["inactive", "dns"]
    assert result["report"]["alert"].startswith("The MX records of bad.example are not correct")


def test_without_check_dns_nothing_is_checked_or_written_to_the_account(modules: Modules) -> None:
    seed(modules, shop(mail(0, "DELIVERED"), active=False, dns={"mx": EXPECTED_MX}))
    run(modules)
    assert modules.emulator.ledger == []
    assert modules.emulator.account.domains[SHOP].active is False


# --- Faults ---------------------------------------------------------------------------------------


def test_failure_of_one_domain_is_a_finding_and_does_not_affect_the_others(modules: Modules) -> None:
    others = [{"domain": f"d{n}.example", "active": True, "logs": [mail(n, "DELIVERED")]} for n in range(3)]
    seed(modules, shop(mail(0, "DELIVERED")), *others)
    modules.emulator.faults.add(Fault("body", path="/d1.example/logs", body=7))
    report = reported(modules, alert_on=["undelivered"])
    assert report["mail"]["delivered"] == 3
    (finding,) = report["findings"]
    assert (finding["kind"], finding["domains"]) == ("unread", ["d1.example"])
    assert "the reply is not a JSON object" in finding["reasons"][0]
    # It could hide what the alert is for.
    assert report["alert"] == "Not all of d1.example could be read"
    assert [bool(domain["problems"]) for domain in report["domains"]] == [False, True, False, False]
    assert reported(modules, alert_on=["limits"])["alert"] is None


def test_an_outage_is_one_finding(modules: Modules) -> None:
    seed(modules, *({"domain": f"n{n}.example", "active": True} for n in range(20)))
    modules.emulator.faults.add(Fault("status", path="/logs", status=503, times=None))
    result = run(modules, concurrency=1, retry_timeout=0)
    titles = [f["title"] for f in result["report"]["findings"] if "not tried" in f["reasons"][0]]
    assert titles == ["Not all of n10.example, n11.example, n12.example and 15 more could be read"]
    assert result["api_requests"] == 1 + 1 + 2


def test_limits_that_can_not_be_read_are_a_finding(modules: Modules) -> None:
    seed(modules, shop())
    modules.emulator.faults.add(Fault("status", path="/account", status=403, times=None))
    report = reported(modules, alert_on=["limits"])
    assert report["alert"] == "The limits of the account could not be read"
    assert report["limits"] == []


def test_account_that_can_not_be_read_is_a_failure_and_writes_no_file(modules: Modules) -> None:
    modules.emulator.faults.add(Fault("status", path="/domains", status=403, times=None))
    result = modules.run(REPORT, path="improvmx_report.html")
    assert result["failed"] is True
    assert os.listdir() == []


@pytest.mark.parametrize("form", ["html", "json", "csv"])
def test_a_report_is_written_without_logs_and_domains(modules_of_version: Modules, form: str) -> None:
    modules = modules_of_version
    for domains in ([], [shop()]):
        seed(modules, *domains)
        report = reported(modules, path=f"{len(domains)}.{form}")
        assert report["mail"]["total"] == 0
        assert report["findings"] == []
        assert "Nothing needs attention." in report["summary"]


def test_domain_that_the_account_does_not_have_is_a_finding(modules: Modules) -> None:
    seed(modules, shop(mail(0, "DELIVERED")))
    report = reported(modules, domains=["Gone.example", SHOP], alert_on=["dns"])
    assert report["findings"][0]["title"] == "gone.example is not in this account"
    assert report["alert"]
    assert [domain["domain"] for domain in report["domains"]] == [SHOP]


@pytest.mark.parametrize(("ahead", "way"), [(400 * 86400, "fast"), (-400 * 86400, "slow")])
def test_wrong_clock_is_a_finding_and_the_services_time_is_used(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, ahead: int, way: str
) -> None:
    seed(modules, shop(mail(0, "DELIVERED"), mail(1, "DELIVERED", hours=24 * 20)))

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=ahead)

    class Clock:
        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def time() -> float:
            return time.time() + ahead

    monkeypatch.setattr(_ratelimit, "time", Clock)
    for module in ("module_utils._module.read_health", "module_utils._model.time", "modules.improvmx_report"):
        monkeypatch.setattr(f"ansible_collections.improvmx.email.plugins.{module}.datetime", Wrong)
    report = reported(modules, since="7d")
    assert report["mail"]["total"] == 1
    (finding,) = report["findings"]
    assert re.fullmatch(rf"The clock of this machine is {way} by (399|400) days", finding["title"])
    assert abs(datetime.fromisoformat(report["created"]).timestamp() - time.time()) < 60


# --- The file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "begins"),
    [
        ("improvmx_report.html", "<!DOCTYPE html>"),
        ("page", "<!DOCTYPE html>"),
        ("new/folder/r.HTM", "<!DOCTYPE html>"),
        ("r.json", '{\n "format": 1'),
        ("r.CSV", '"created","local_time","domain"'),
    ],
)
def test_the_file_extension_selects_the_format(modules: Modules, path: str, begins: str) -> None:
    seed(modules, shop(mail(0, "DELIVERED"), mail(1, "HARD-BOUNCE")))
    check = run(modules, check=True, path=path)
    assert not Path(path).exists()
    real = run(modules, path=path)
    assert Path(path).read_text(encoding="utf-8").startswith(begins)
    again = run(modules, path=path)
    for key in ("changed", "changes", "diff"):
        assert check[key] == real[key]
    assert [change["action"] for change in real["changes"]] == ["create"]
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    modules.emulator.account.domains[SHOP].logs.pop()
    update = run(modules, path=path)
    assert [(change["action"], change["before"]) for change in update["changes"]] == [
        ("update", real["changes"][0]["after"])
    ]
    assert update["report"]["summary"] in update["diff"][0]["after"]
    assert real["api_requests"] == 1 + 1 + 2


def test_json_equals_the_result(modules: Modules) -> None:
    seed(modules, shop(mail(0, "DELIVERED"), mail(1, "HARD-BOUNCE")))
    report = reported(modules, path="r.json")
    assert json.loads(Path("r.json").read_text(encoding="utf-8")) == report


def test_table_has_one_row_for_each_mail_by_domain_and_newest_first(modules: Modules) -> None:
    other = {"domain": "a.example", "active": True, "aliases": {"*": OWNER}}
    seed(
        modules,
        shop(*(mail(n, "DELIVERED", hours=n) for n in range(120))),
        {**other, "logs": [mail(200, "HARD-BOUNCE", to="x@a.example", forward=None, code=550, message="no")]},
    )
    run(modules, path="r.csv")
    with open("r.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["domain"] for row in rows] == ["a.example"] + [SHOP] * 120
    assert [row["subject"] for row in rows[1:]] == [f"Mail {n}" for n in range(120)]
    first = rows[0]
    assert (first["recipient"], first["alias"], first["outcome"]) == ("x@a.example", "*", "undelivered")
    assert (first["status"], first["code"], first["reason"]) == ("HARD-BOUNCE", "550", "no")


@pytest.mark.parametrize("form", ["html", "json", "csv"])
@pytest.mark.parametrize("content", ["mine", '{"findings"', "[1]", "\xff\xfe", "<!DOCTYPE html>\n<p>mine"])
def test_a_file_that_is_not_a_report_is_not_overwritten(modules: Modules, form: str, content: str) -> None:
    file = Path(f"r.{form}")
    file.write_bytes(content.encode("latin-1"))
    result = modules.run(REPORT, path=str(file))
    assert result["failed"] is True
    assert "is not a report, so it is not overwritten" in result["msg"]
    assert result["api_requests"] == 0
    assert file.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize("form", ["html", "json", "csv"])
def test_empty_file_is_overwritten_and_keeps_its_mode(modules: Modules, form: str) -> None:
    file = Path(f"r.{form}")
    file.touch(mode=0o600)
    seed(modules, shop())
    assert run(modules, path=str(file))["changes"][0]["action"] == "create"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "is empty or contains a control character"),
        ("a\tb", "is empty or contains a control character"),
        (".", "is a folder; name a file in it"),
        ("gone/", "is a folder; name a file in it"),
        ("/dev/null/r.html", "can't be"),
        ("/dev/full", "is not a report"),
        ("/proc/r.html", "can't be written"),
    ],
)
def test_unusable_path_fails_without_a_partial_file(modules: Modules, path: str, said: str) -> None:
    seed(modules, shop(mail(0, "HARD-BOUNCE")))
    result = modules.run(REPORT, path=path)
    assert result["failed"] is True
    assert said in result["msg"]
    assert result["changed"] is False
    assert os.listdir() == []


def test_failed_write_keeps_the_old_file_and_returns_the_findings(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(modules, shop(mail(0, "HARD-BOUNCE")))
    run(modules)
    before = Path("improvmx_report.html").read_bytes()
    modules.emulator.account.domains[SHOP].logs.append(mail(1, "HARD-BOUNCE"))

    def full(*_names: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    result = modules.run(REPORT, path="improvmx_report.html")
    assert result["failed"] is True
    assert "No space left on device. An existing file is unchanged." in result["msg"]
    assert (result["changed"], result["changes"]) == (False, [])
    assert [entry["name"] for entry in result["pending"]] == ["improvmx_report.html"]
    assert result["report"]["mail"]["undelivered"] == 2
    assert os.listdir() == ["improvmx_report.html"]
    assert Path("improvmx_report.html").read_bytes() == before


# --- Requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domains", "mails", "requests"),
    [(0, 0, 2), (1, 0, 3), (101, 0, 2 + 1 + 101), (3, 10, 2 + 3 * 2), (2, 120, 2 + 2 * 4)],
)
def test_a_report_costs_only_the_requests_of_its_logs(
    modules: Modules, domains: int, mails: int, requests: int
) -> None:
    """The list of domains, the limits, and for each log its pages and the empty page at the end."""
    logs = [mail(n, "DELIVERED") for n in range(mails)]
    seed(modules, *({"domain": f"d{n}.example", "logs": logs} for n in range(domains)))
    assert run(modules)["api_requests"] == requests


def test_log_is_read_only_up_to_the_first_mail_that_is_too_old(modules: Modules) -> None:
    seed(modules, shop(*(mail(n, "DELIVERED", hours=n) for n in range(200))))
    result = run(modules, since="24h")
    assert result["report"]["mail"]["total"] == 24
    assert result["api_requests"] == 2 + 1


def test_aliases_of_a_big_domain_are_all_read(modules: Modules) -> None:
    aliases = {f"n{n}": OWNER for n in range(250)}
    seed(modules, shop(mail(0, "DELIVERED", to=f"n249@{SHOP}"), aliases=aliases))
    result = run(modules)
    assert result["report"]["domains"][0]["unused_aliases"] == 249
    assert result["api_requests"] == 2 + 3 + 2


def test_progress_is_reported_while_reading(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    seed(modules, *({"domain": f"d{n}.example"} for n in range(3)))
    run(modules, progress_file="progress")
    assert Path("progress").read_text().splitlines()[-1] == "3 of 3 domains done"


def test_memory_does_not_grow_with_the_number_of_mails(modules: Modules) -> None:
    """Not even if each mail has a different reason and address."""
    tally = Tally(Domain(SHOP, aliases=(Alias("info", (OWNER,)),)))
    peaks = []
    tracemalloc.start()
    for part in range(4):
        for number in range(700 * part, 700 * part + 700):
            text = (
                f"reason {chr(97 + number % 26)}{chr(97 + number // 26 % 26)}{chr(97 + number // 676)} " * 9
            )
            bounced = number % 2 == 0
            tally.add(
                mail(
                    number,
                    "HARD-BOUNCE" if bounced else "REFUSED",
                    to=f"info@{SHOP}" if bounced else f"x{number}@{SHOP}",
                    forward=f"y{number}@mail.example" if bounced else None,
                    message=text,
                )
            )
        peaks.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert tally.total == 2800
    assert peaks[-1] < 1.1 * peaks[0]
    assert sum(group.count for group in tally.groups.values()) == 1400
    assert sum(group.count for group in tally.addresses.values()) == 1400


# --- Untrusted text -------------------------------------------------------------------------------

HOSTILE = (
    # Templates, HTML
    "{{ 7 * 7 }}", "{% raw %}", "{# x", "#jinja2: x", "!unsafe x", "__ansible_unsafe", "<script>x()</script>",
    "<img src=x onerror=x()>", "\"><b onmouseover='x'>", "</style></table>", "&lt;b&gt;", "<!--", "]]>",
    "javascript:alert(1)",
    # Formulas
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "x;=1+1", 'x";=1+1', "＝1+1",
    # Invisible characters with effects, and surrogates
    "\u202egnp.exe", "\u2066x", "\x00", "\x1b[31m", "\x85", "\u2028", "\ud800", "\udfff", "\ufeff", "\uffff",
    "\U0010ffff",
    # Secrets, sizes, scripts
    "https://h.example/?token=s3cr3t-t0k3n", "https%3A%2F%2Fh.example%2F%3Ftoken=s3cr3t-t0k3n", "a" * 5000,
    "é" * 400, "שלום", "👩\u200d🔬",
)  # fmt: skip
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=()), max_size=30)
STRANGE = st.fixed_dictionaries(
    {
        "sender": st.fixed_dictionaries({"email": TEXTS, "name": TEXTS}),
        "recipient": st.fixed_dictionaries({"email": TEXTS | st.just(f"info@{SHOP}")}),
        "forward": st.none() | st.fixed_dictionaries({"email": TEXTS}),
        "subject": TEXTS,
        "messageId": TEXTS,
        "status": st.sampled_from(["REFUSED", "HARD-BOUNCE", "SOFT-BOUNCE", "DELIVERED"]) | TEXTS,
        "message": TEXTS,
        "code": st.integers() | TEXTS,
    }
)


class Page(HTMLParser):
    """A parsed page: the elements with their attributes, and the texts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


KNOWN = {
    "html", "head", "meta", "link", "title", "style", "body", "header", "h1", "h2", "h3", "p", "time",
    "span", "dl", "dt", "dd", "div", "nav", "ul", "ol", "li", "a", "main", "section", "strong", "i",
    "table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "bdi", "q", "footer",
}  # fmt: skip
CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def assert_harmless_page(text: str) -> None:
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert {tag for tag, _attributes in page.elements} <= KNOWN
    for _tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "src"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,"))
    assert not CONTROL.search(text)


def assert_harmless_table(text: str) -> None:
    assert not CONTROL.search(text.replace("\r\n", ""))
    for row in csv.reader(io.StringIO(text, newline=""), strict=True):
        assert len(row) == 14
        for cell in row:
            assert not re.match(r"\s*[=+\-@＝＋－＠]", cell)
            assert not re.search(r";[\s\"']*[=+\-@]", cell.replace(";'", ";x"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(strange=st.lists(STRANGE, min_size=1, max_size=4), alias=st.sampled_from(HOSTILE[:15]))
def test_text_of_senders_is_escaped(modules: Modules, strange: list[dict[str, Any]], alias: str) -> None:
    logs = []
    for number, one in enumerate(strange):
        entry = mail(number, one["status"], message=one["message"], code=one["code"])
        logs.append({**entry, **{name: one[name] for name in one if name in entry}})
    seed(modules, shop(*logs, aliases={"info": OWNER, alias[:20]: OWNER}))
    path = Path("r.csv")
    report = reported(modules, path=str(path))
    table = path.read_bytes().decode("utf-8")
    path.unlink()
    text = "".join(page_of(report))
    assert_harmless_table(table)
    assert_harmless_page(text)
    assert report["mail"]["total"] == len(strange)
    for written in (table, text, json.dumps(report), json.dumps(report, ensure_ascii=False)):
        assert "s3cr3t-t0k3n" not in written
        assert written.encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_every_field_is_escaped(modules_of_version: Modules, text: str) -> None:
    modules = modules_of_version
    person = {"email": text, "name": text}
    entry = mail(0, "HARD-BOUNCE", message=text)
    seed(modules, shop({**entry, "sender": person, "forward": person, "subject": text, "messageId": text}))
    run(modules, path="r.html")
    run(modules, path="r.csv")
    page = Path("r.html").read_bytes().decode("utf-8")
    assert_harmless_page(page)
    assert_harmless_table(Path("r.csv").read_bytes().decode("utf-8"))
    assert "s3cr3t-t0k3n" not in page


@pytest.mark.parametrize(
    ("named", "unread"), [(False, []), (True, ["big.example is not in this account"])], ids=["all", "named"]
)
@pytest.mark.parametrize("size", [1, 250])
def test_a_domain_deleted_meanwhile_is_not_in_the_account(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, size: int, named: bool, unread: list[str]
) -> None:
    big = {"domain": "big.example", "aliases": {f"a{n}": OWNER for n in range(size)}}
    seed(modules, shop(), big)
    delete_after_the_list(monkeypatch, "big.example")
    report = reported(modules, **({"domains": [SHOP, "big.example"]} if named else {}))
    assert [each["domain"] for each in report["domains"]] == [SHOP]
    assert [finding["title"] for finding in report["findings"] if finding["kind"] == "unread"] == unread
    # The list, the limits, the number of domains if only some are named, the log of the other domain, and
    # the log or the aliases with 404 and the domain, which no longer exists.
    assert len(modules.emulator.requests) == 2 + named + 1 + 2


def test_a_domain_deleted_before_its_check_is_not_in_the_account(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(usual: Any, account: Any, call: Any) -> Any:
        account.domains.pop("b.example", None)
        return usual(account, call)

    seed(modules, shop(), {"domain": "b.example"})
    wrap_endpoint(monkeypatch, "GET /domains/{domain}/check", delete)
    report = reported(modules, check_dns=True, concurrency=1)
    assert [each["domain"] for each in report["domains"]] == [SHOP]
    assert "unread" not in kinds(report)
    assert report["limits"][0]["used"] == 1
    # The list, the limits, two logs, two checks, and the domain that could not be checked.
    assert len(modules.emulator.requests) == 1 + 1 + 2 + 2 + 1


def test_hostile_names_of_domains_and_aliases_are_escaped(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def thing(name: str) -> dict[str, Any]:
        return {"domain": name, "active": False, "aliases": [{"alias": name, "forward": name}]}

    def strange(usual: Any, account: Any, call: Any) -> Any:
        return {"domains": [thing(name) for name in HOSTILE[:15] + HOSTILE[24:35]], "success": True}

    def same(usual: Any, account: Any, call: Any) -> Any:
        return {"domain": thing(call.parameters["domain"]), "success": True}

    wrap_endpoint(monkeypatch, "GET /domains", strange)
    wrap_endpoint(monkeypatch, "GET /domains/{domain}", same)
    for form, check in (("html", assert_harmless_page), ("csv", assert_harmless_table)):
        report = reported(modules, path=f"r.{form}", retry_timeout=0)
        check(Path(f"r.{form}").read_bytes().decode("utf-8"))
        assert len(report["domains"]) > 20


@pytest.mark.parametrize("form", ["html", "csv"])
def test_interrupted_run_writes_no_file(modules: Modules, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    seed(modules, *({"domain": f"d{n}.example"} for n in range(9)))
    seen = []

    def interrupt(usual: Any, account: Any, call: Any) -> Any:
        seen.append(call)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return usual(account, call)

    wrap_endpoint(monkeypatch, "GET /domains/{domain}/logs", interrupt)
    result = modules.run(REPORT, path=f"r.{form}", concurrency=1)
    assert result["failed"] is True
    assert "interrupted" in result["msg"]
    assert result["api_requests"] == 2 + 3
    assert os.listdir() == []


def test_page_needs_no_script_and_no_network(modules: Modules) -> None:
    seed(modules, shop(mail(0, "HARD-BOUNCE")))
    run(modules)
    text = Path("improvmx_report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"<script|@import|url\(|src=|https?://", text)
    for heading in (
        "What needs attention",
        "Mail over time",
        "Undelivered mail",
        "Limits",
        "Domains",
        "Aliases",
    ):
        assert f">{heading}</h2>" in text
    page = Page()
    page.feed(text)
    for tag, attributes in page.elements:
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _attributes in page.elements}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"since": "7x"}, "nor an age such as 24h"),
        ({"domains": ["bad domain"]}, "can't be used"),
        ({"concurrency": 0}, "concurrency must be from 1 to 10"),
        ({"path": "", "since": "7x"}, "2 problems in the input"),
    ],
)
def test_bad_input_is_refused_before_any_request(
    modules: Modules, options: dict[str, Any], problem: str
) -> None:
    result = modules.run(REPORT, **{"path": "r.html", **options})
    assert result["failed"] is True
    assert problem in result["msg"]
    assert modules.emulator.requests == []
