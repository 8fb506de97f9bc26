# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as data: the findings, most urgent first, and the figures behind them. Pure.

The keys are those of the report as JSON, and are documented in improvmx_report.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._model.domains import Alias
from .._model.idna import display_domain, display_names
from .._model.names import CATCH_ALL, alias_order, is_pattern
from .foreign import plain
from .health import OUTCOMES, STEP, UNDELIVERED, DomainHealth, Group, Mail, counts, moment

FORMAT = 1  # of the data; increased when a key is removed or changes its meaning
ALERTS = ("undelivered", "dns", "limits", "inactive")  # the kinds of findings that can cause an alert
ERROR, WARNING, INFO = SEVERITIES = ("error", "warning", "info")
_KINDS = ("unread", "clock", "inactive", "dns", "undelivered", "limits", "no_alias")
_TEMPORARY = frozenset(("SOFT-BOUNCE", "DEFERRED"))  # the service retries these
_NEARLY = 90  # percent of a limit
_MOST_NAMED = 3  # domains in the title of a finding
_LONGEST_IN_TITLE = 80  # characters of a destination
_MOST_IN_SUMMARY = 5  # findings in the summary
_MOST_BARS = 120
_CLOCK_TOLERANCE = 300.0  # seconds
# The unit of a bar, the longest period for which it is used, and the step that finds each of its bars.
_STEPS: Tuple[Tuple[str, timedelta, timedelta], ...] = (
    ("hour", timedelta(days=2), timedelta(hours=1)),
    ("day", timedelta(days=62), timedelta(hours=6)),
    ("week", timedelta(days=400), timedelta(days=1)),
    ("month", timedelta(days=5 * 366), timedelta(days=7)),
    ("year", timedelta.max, timedelta(days=30)),
)
# Keys that differ between two reports even if nothing else does.
_OF_THE_MOMENT = ("created", "since", "summary", "over_time", "fingerprint")

Localise = Callable[[datetime], datetime]


@dataclass(frozen=True)
class ReportContext:
    """What a report is based on, in addition to the domains.

    ``usage``: the usage of each limit; None if unknown, for the reason in ``limits_problem``. ``clock``: the
    seconds by which the clock of the service is ahead of that of this machine. ``localise``: converts a time
    to the time zone of the reader.
    """

    created: datetime
    since: Optional[datetime]
    checked: bool = False
    usage: Optional[Mapping[str, Mapping[str, Any]]] = None
    limits_problem: Optional[str] = None
    clock: float = 0.0
    alert_on: Sequence[str] = ()
    localise: Localise = datetime.astimezone


def report(domains: Sequence[DomainHealth], now: ReportContext) -> Dict[str, Any]:
    """Return all data of a report."""
    found = sorted((d for d in domains if not d.missing), key=lambda d: d.domain.name)
    groups = _merged(group for each in found for group in each.tally.groups.items())
    mail = _added(each.tally.outcomes for each in found)
    findings = _findings(domains, found, groups, now)
    data: Dict[str, Any] = {
        "format": FORMAT,
        "created": moment(now.created),
        "since": moment(now.since),
        "zone": zone_name(now.created, now.localise),
        "dns_checked": now.checked,
        "mail": counts(mail),
        "findings": findings,
        "over_time": _over_time(found, now),
        "undelivered": [_group(group, now) for group in groups],
        "no_alias": _addresses(found, now),
        "domains": [_domain(each) for each in found],
        "aliases": [alias for each in found for alias in _aliases(each)],
        "limits": _limits(now.usage),
    }
    data["alert"] = _alert(findings, now.alert_on)
    data["summary"] = _summary(data, now)
    data["fingerprint"] = fingerprint(data)
    return data


def fingerprint(data: Mapping[str, Any]) -> str:
    """Return digits that differ if the content of a report differs, regardless of when it was created."""
    stable = {name: value for name, value in data.items() if name not in _OF_THE_MOMENT}
    return hashlib.sha256(json.dumps(stable, sort_keys=True).encode("utf-8")).hexdigest()[:12]


# --- What needs attention -------------------------------------------------------------------------


def _findings(
    domains: Sequence[DomainHealth],
    found: Sequence[DomainHealth],
    groups: Sequence[Group],
    now: ReportContext,
) -> List[Dict[str, Any]]:
    findings = [
        *_unread(domains, now),
        *_clock(now),
        *_inactive(found),
        *_dns(found),
        *_undelivered(groups),
        *_scarce(_limits(now.usage)),
        *_no_alias(found),
    ]
    return sorted(
        findings,
        key=lambda finding: (
            SEVERITIES.index(finding["severity"]),
            _KINDS.index(finding["kind"]),
            -finding["count"],
            finding["domains"][:1],
        ),
    )


def _finding(
    kind: str,
    severity: str,
    title: str,
    advice: str,
    domains: Sequence[str] = (),
    count: int = 1,
    reasons: Sequence[str] = (),
    hides: Sequence[str] = (),
) -> Dict[str, Any]:
    return {
        "kind": kind,
        "severity": severity,
        "title": title,
        "advice": advice,
        "domains": list(domains),
        "count": count,
        "reasons": list(reasons),
        "hides": list(hides),
    }


def _unread(domains: Sequence[DomainHealth], now: ReportContext) -> Iterator[Dict[str, Any]]:
    missing = [each.domain.name for each in domains if each.missing]
    if missing:
        yield _finding(
            "unread",
            ERROR,
            "%s not in this account" % _are(missing),
            "Correct the name, or create the domain with improvmx.email.improvmx_domain.",
            sorted(missing),
            len(missing),
            hides=ALERTS,
        )
    # If the service is unavailable, many domains have the same problem.
    alike: Dict[Tuple[str, ...], List[DomainHealth]] = {}
    for each in domains:
        if each.problems:
            alike.setdefault(tuple(each.problems), []).append(each)
    for problems, some in alike.items():
        # What could not be read may be the reason for an alert.
        hides = [] if all(each.log_read for each in some) else [UNDELIVERED]
        hides += ["dns"] if now.checked and not all(each.checked for each in some) else []
        names = [each.domain.name for each in some]
        yield _finding(
            "unread",
            ERROR,
            "Not all of %s could be read" % _some(names),
            "Run the report again later. It says nothing about what could not be read.",
            sorted(names),
            len(names),
            reasons=problems,
            hides=hides,
        )
    if now.limits_problem:
        yield _finding(
            "unread",
            WARNING,
            "The limits of the account could not be read",
            "Run the report again later. It says nothing about what could not be read.",
            reasons=[now.limits_problem],
            hides=["limits"],
        )


def _clock(now: ReportContext) -> Iterator[Dict[str, Any]]:
    if abs(now.clock) > _CLOCK_TOLERANCE:
        way = "slow" if now.clock > 0 else "fast"
        yield _finding(
            "clock",
            WARNING,
            "The clock of this machine is %s by %s" % (way, _length(abs(now.clock))),
            "Correct the clock. This report uses the clock of the service.",
        )


def _length(seconds: float) -> str:
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return "%d %s" % (seconds // size, name)
    return "%d seconds" % seconds


def _inactive(found: Sequence[DomainHealth]) -> Iterator[Dict[str, Any]]:
    names = [each.domain.name for each in found if each.domain.active is False and not each.activated]
    if names:
        yield _finding(
            "inactive",
            ERROR,
            "%s inactive, so %s mail is not forwarded" % (_are(names), "its" if len(names) == 1 else "their"),
            "Set the MX records that improvmx.email.dns_records returns, then check them with "
            "improvmx.email.improvmx_domain_check or improvmx_report_check_dns.",
            names,
            len(names),
        )


def _dns(found: Sequence[DomainHealth]) -> Iterator[Dict[str, Any]]:
    for each in found:
        if each.checked and (each.dns or each.valid is False):
            name = display_domain(each.domain.name)
            wrong = "MX records" if each.valid is False else "DNS records"
            yield _finding(
                "dns",
                ERROR if each.valid is False else WARNING,
                "The %s of %s are not correct" % (wrong, name),
                "Set each record to the expected value at the DNS provider of the domain.",
                [each.domain.name],
                reasons=[each.dns] if each.dns else [],
            )


def _undelivered(groups: Sequence[Group]) -> Iterator[Dict[str, Any]]:
    by_destination: Dict[str, List[Group]] = {}
    for group in groups:
        by_destination.setdefault(group.destination.lower(), []).append(group)
    for destination, some in by_destination.items():
        count = sum(group.count for group in some)
        domains = _added(group.domains for group in some)
        is_temporary = all(group.status.upper() in _TEMPORARY for group in some)
        if destination:
            shown = plain(display_names(some[0].destination), _LONGEST_IN_TITLE)
            title = "%s to %s %s not delivered" % (_mails(count), shown, _was(count))
            advice = (
                "The destination rejects mail temporarily, and the service retries by itself. If this "
                "continues, check whether the mailbox is full or its server is slow."
                if is_temporary
                else "Check whether the destination exists and accepts mail. If not, change the aliases that "
                "forward to it."
            )
        else:
            title = "%s to %s %s rejected or not delivered" % (_mails(count), _some(domains), _was(count))
            advice = "Check the reasons and the senders. Rejected spam needs no action."
        yield _finding(
            "undelivered",
            ERROR if destination and not is_temporary else WARNING,
            title,
            advice,
            sorted(domains),
            count,
            _reasons(some),
        )


def _reasons(groups: Sequence[Group]) -> List[str]:
    data = (reason_text(group.code, group.reason) for group in groups)
    return list(dict.fromkeys(filter(None, data)))[:_MOST_NAMED]


def reason_text(code: Optional[str], reason: Optional[str]) -> str:
    """Join a code and its message, which often begins with the code."""
    if not code or (reason or "").startswith(code):
        return reason or ""
    return "%s %s" % (code, reason) if reason else code


def _scarce(limits: Sequence[Mapping[str, Any]]) -> Iterator[Dict[str, Any]]:
    for limit in limits:
        if limit["percent"] is not None and limit["percent"] >= _NEARLY:
            whose = " of %s" % display_domain(limit["domain"]) if limit["domain"] else ""
            yield _finding(
                "limits",
                ERROR if limit["left"] == 0 else WARNING,
                "%d of %d %s%s are used" % (limit["used"], limit["limit"], limit["name"], whose),
                "Delete what is not needed, or choose a larger plan, before more are created.",
                [limit["domain"]] if limit["domain"] else [],
            )


def _no_alias(found: Sequence[DomainHealth]) -> Iterator[Dict[str, Any]]:
    addresses = [(each, group) for each in found for group in each.tally.addresses.values()]
    count = sum(group.count for _each, group in addresses)
    if count:
        yield _finding(
            "no_alias",
            INFO,
            "%s came to addresses that no alias accepts" % _mails(count),
            "Create an alias if such mail is wanted. Otherwise, there is nothing to do.",
            sorted({each.domain.name for each, _group in addresses}),
            count,
        )


def _are(names: Sequence[str]) -> str:
    return "%s %s" % (_some(names), "is" if len(names) == 1 else "are")


def _some(names: Iterable[str]) -> str:
    """Format domains; only the first ones are named, the others are counted."""
    shown = [display_domain(name) for name in sorted(names)]
    if len(shown) > _MOST_NAMED:
        return "%s and %d more" % (", ".join(shown[:_MOST_NAMED]), len(shown) - _MOST_NAMED)
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _mails(count: int) -> str:
    return "1 mail" if count == 1 else "%d mails" % count


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _alert(findings: Sequence[Mapping[str, Any]], alert_on: Sequence[str]) -> Optional[str]:
    """Return the findings that cause an alert, and those that could hide such a finding; None without any."""
    titles = [f["title"] for f in findings if f["kind"] in alert_on or set(f["hides"]) & set(alert_on)]
    if not titles:
        return None
    more = ["%d more" % (len(titles) - _MOST_IN_SUMMARY)] if len(titles) > _MOST_IN_SUMMARY else []
    return "; ".join(titles[:_MOST_IN_SUMMARY] + more)


def _summary(data: Mapping[str, Any], now: ReportContext) -> str:
    """Return a summary of the report in a few lines."""
    mail = data["mail"]
    since = " since %s" % local_time(now.since, now.localise) if now.since else ""
    parts = ["%d %s" % (mail[outcome], outcome.replace("_", " ")) for outcome in OUTCOMES if mail[outcome]]
    lines = ["%s%s%s" % (_mails(mail["total"]), since, ": " + ", ".join(parts) if parts else "")]
    findings = data["findings"]
    lines += ["- " + finding["title"] for finding in findings[:_MOST_IN_SUMMARY]]
    if len(findings) > _MOST_IN_SUMMARY:
        lines.append("- %d more" % (len(findings) - _MOST_IN_SUMMARY))
    return "\n".join(lines if findings else [*lines, "Nothing needs attention."])


# --- Mail over time -------------------------------------------------------------------------------


def zone_name(of: datetime, localise: Localise) -> str:
    """Return the name of the time zone of the reader at this time."""
    try:
        return plain(localise(of).tzname()) or "local time"
    except (OverflowError, OSError, ValueError):
        return "UTC"


def localised(of: datetime, localise: Localise) -> datetime:
    try:
        return localise(of)
    except (OverflowError, OSError, ValueError):  # outside the range of the calendar
        return of


def local_time(of: datetime, localise: Localise) -> str:
    """Format a time in the time zone of the reader, to the minute, with the name of the zone."""
    local = localised(of, localise)
    day = "%04d-%02d-%02d" % (local.year, local.month, local.day)
    return "%s %02d:%02d %s" % (day, local.hour, local.minute, plain(local.tzname()))


def _over_time(found: Sequence[DomainHealth], now: ReportContext) -> Dict[str, Any]:
    times: Dict[int, Counter[str]] = {}
    for each in found:
        for place, outcomes in each.tally.times.items():
            times.setdefault(place, Counter()).update(outcomes)
    without = sum(each.tally.without_time for each in found)
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    mails = {epoch + timedelta(seconds=place * STEP): outcomes for place, outcomes in times.items()}
    oldest = min(mails, default=now.created)
    first = max(now.since, oldest) if now.since and now.since < oldest - timedelta(days=62) else now.since
    first = min(first or oldest, oldest)
    last = max([now.created, *mails])
    name, _longest, apart = next(step for step in _STEPS if last - first <= step[1])
    bars: Dict[str, Counter[str]] = {}
    if (last - first) / apart <= 50 * _MOST_BARS:
        at = first
        while at < last:
            bars.setdefault(_bar(at, name, now.localise), Counter())
            at += apart
        bars.setdefault(_bar(last, name, now.localise), Counter())
    for at in sorted(mails):
        bars.setdefault(_bar(at, name, now.localise), Counter()).update(mails[at])
    some = sorted(bars.items())[-_MOST_BARS:]
    return {
        "step": name,
        "bars": [{"start": start, **counts(outcomes)} for start, outcomes in some],
        "without_time": without,
    }


def _bar(at: datetime, step: str, localise: Localise) -> str:
    """Return the label of a bar: the start of its hour, day, week, month or year in the reader's zone."""
    local = localised(at, localise)
    if step == "week":
        local = local - timedelta(days=min(local.weekday(), (local.replace(tzinfo=None) - datetime.min).days))
    day = "%04d-%02d-%02d" % (local.year, local.month, local.day)
    if step == "hour":
        return "%s %02d:00 %s" % (day, local.hour, plain(local.tzname()))
    return day[: {"year": 4, "month": 7}.get(step, 10)]


# --- Mail in groups -------------------------------------------------------------------------------


def _merged(groups: Iterable[Tuple[Tuple[str, str, str], Group]]) -> List[Group]:
    """Merge equal groups of several domains, largest first."""
    joined: Dict[Tuple[str, str, str], Group] = {}
    for key, group in groups:
        if key not in joined:
            joined[key] = Group(group.status, group.destination, group.code, group.reason)
        joined[key].merge(group)
    return sorted(joined.values(), key=lambda g: (-g.count, g.destination, g.status, g.reason))


def _group(group: Group, now: ReportContext) -> Dict[str, Any]:
    return {
        "destination": group.destination or None,
        "status": group.status,
        "code": group.code or None,
        "reason": group.reason or None,
        "for_now": group.status.upper() in _TEMPORARY,
        "count": group.count,
        "first": moment(group.first),
        "last": moment(group.last),
        "domains": dict(sorted(group.domains.items())),
        "recipients": dict(sorted(group.recipients.items(), key=lambda item: (-item[1], item[0]))),
        "mails": [_mail(mail) for mail in group.examples],
    }


def _mail(mail: Mail) -> Dict[str, Any]:
    return {
        "created": moment(mail.created),
        "sender": mail.sender or None,
        "recipient": mail.recipient or None,
        "subject": mail.subject or None,
    }


def _addresses(found: Sequence[DomainHealth], now: ReportContext) -> List[Dict[str, Any]]:
    data = [
        {
            "domain": each.domain.name,
            "address": group.destination or None,
            "count": group.count,
            "last": moment(group.last),
            "mails": [_mail(mail) for mail in group.examples],
        }
        for each in found
        for group in each.tally.addresses.values()
    ]
    return sorted(data, key=lambda one: (-int(str(one["count"])), str(one["domain"]), str(one["address"])))


# --- Domains, aliases, limits ---------------------------------------------------------------------


def _domain(each: DomainHealth) -> Dict[str, Any]:
    domain = each.domain
    catch_all = next((alias for alias in domain.aliases if alias.name == CATCH_ALL), None)
    by_aliases = not domain.routed_by_rules
    return {
        "domain": domain.name,
        "display": plain(display_domain(domain.name)),
        "active": True if each.activated else domain.active,
        "activated": each.activated,
        "routed_by": "aliases" if by_aliases else "rules",
        "dns": {"valid": each.valid, "problem": each.dns} if each.checked else None,
        "catch_all": _forward(catch_all) if catch_all and by_aliases else None,
        "aliases": len(domain.aliases) if domain.complete else None,
        "rules": each.rules,
        "mail": each.mail,
        "unused_aliases": sum(1 for alias in _aliases(each) if alias["unused"]) if _shows_use(each) else None,
        "problems": list(each.problems),
    }


def _forward(alias: Alias) -> List[str]:
    return [plain(destination) for destination in alias.forward]


def _shows_use(each: DomainHealth) -> bool:
    """Return whether the log shows which aliases were used: it was read, and contains the recipients."""
    routed = not each.domain.routed_by_rules
    return each.log_read and each.domain.complete and routed and not each.tally.without_recipient


def _aliases(each: DomainHealth) -> List[Dict[str, Any]]:
    """Return each alias with its mail. ``unused`` is None if it is unknown whether it received mail."""
    data = []
    tally = each.tally
    for alias in sorted(each.domain.aliases, key=lambda alias: alias_order(alias.name)):
        outcomes: Mapping[str, int] = tally.of_aliases.get(alias.key, {})
        count = sum(outcomes.values())
        # Which of several expressions accepted a mail is not always known.
        hidden = is_pattern(alias.name) and tally.unassigned
        data.append(
            {
                "domain": each.domain.name,
                "alias": plain(alias.name),
                "forward": _forward(alias),
                "mail": count,
                "undelivered": outcomes.get(UNDELIVERED, 0),
                "unused": False if count else True if _shows_use(each) and not hidden else None,
            }
        )
    return data


def _limits(usage: Optional[Mapping[str, Mapping[str, Any]]]) -> List[Dict[str, Any]]:
    data = []
    for name, used in (usage or {}).items():
        limit = used["limit"]
        data.append(
            {
                "name": name,
                "domain": used.get("domain"),
                "limit": limit,
                "used": used["used"],
                "left": used["left"],
                "percent": int(100 * used["used"] / limit) if limit else None,
            }
        )
    return data


def _added(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total
