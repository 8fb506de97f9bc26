# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one HTML page that needs neither scripts nor the network. Pure.

It contains untrusted text. Text is only added to the page with ``element``, which escapes everything that is
not Markup.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from .._model.idna import display_domain, display_names
from .._model.time import read_time
from .findings import Localise, local_time, reason_text
from .health import OUTCOMES
from .style import STYLE

GENERATOR = "improvmx.email.report"
_NOTHING = "\u2013"
_MOST_OF_A_KIND = 30  # findings
_MOST_GROUPS = 100
_MOST_DOMAINS = 2000
_MOST_ALIASES = 300  # of a domain
_MOST_OPEN = 300  # aliases; with more of them, those of each domain are collapsed
_OUTCOME_LABELS: Mapping[str, str] = {
    "delivered": "Delivered",
    "waiting": "Waiting",
    "undelivered": "Undelivered",
    "no_alias": "No alias",
    "unknown": "Unknown",
}
_SEVERITY: Mapping[str, str] = {"error": "Urgent", "warning": "Soon", "info": "For information"}
_STEPS: Mapping[str, str] = {
    "hour": "Hour",
    "day": "Day",
    "week": "Week from",
    "month": "Month",
    "year": "Year",
}


class Markup(str):
    """A part of the page, which is already escaped."""


Child = Union[str, None]


def element(name: str, *children: Child, **attributes: Optional[str]) -> Markup:
    """Return an element. ``class_`` and ``aria_label`` are the attributes class and aria-label."""
    written = "".join(
        ' %s="%s"' % (key.rstrip("_").replace("_", "-"), escape(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Markup("<%s%s>%s</%s>" % (name, written, joined(*children), name))


def joined(*children: Child) -> Markup:
    return Markup("".join(c if isinstance(c, Markup) else escape(c) for c in children if c is not None))


def page(report: Mapping[str, Any], localise: Localise = datetime.astimezone) -> Iterator[str]:
    """Yield the page in parts."""
    times = _Times(localise)
    yield _HEAD % {
        "fingerprint": escape(str(report["fingerprint"])),
        "generator": GENERATOR,
        "style": STYLE,
    }
    yield _header(report, times)
    yield "<main>\n"
    for section in (_attention, _over_time, _undelivered, _no_alias, _limits, _domains, _aliases):
        yield section(report, times)
        yield "\n"
    yield "</main>\n"
    yield _FOOT


def fingerprint_of(start: str) -> Optional[str]:
    """Return the fingerprint from the start of a page; None if it is not a report."""
    mark = '<meta name="generator" content="%s">' % GENERATOR
    if mark not in start:
        return None
    return start.partition('<meta name="fingerprint" content="')[2].partition('"')[0]


class _Times:
    """Formats times for the page: in the time zone of the reader, and in UTC."""

    def __init__(self, localise: Localise) -> None:
        self._localise = localise

    def shown(self, iso: Optional[str]) -> Markup:
        moment = read_time(iso)
        if moment is None or iso is None:
            return Markup(_NOTHING)
        here = local_time(moment, self._localise)
        utc = iso[:16].replace("T", " ") + " UTC"
        same = here == utc
        beside = None if same else element("span", " (%s)" % utc, class_="utc")
        return element("time", here, beside, datetime=iso)


# --- Parts ----------------------------------------------------------------------------------------


def _section(name: str, title: str, *children: Child) -> Markup:
    return element("section", element("h2", title, id=name), *children, aria_labelledby=name)


def _note(*children: Child) -> Markup:
    return element("p", *children, class_="note")


Cell = Union[str, Markup, None]


def _table(
    caption: str,
    columns: Sequence[Tuple[str, str]],
    rows: Iterable[Sequence[Cell]],
    kinds: str = "",
) -> Markup:
    """Return a table whose first column contains row headers. ``columns``: headings with classes."""
    # The roles keep it a table for screen readers when the style of small screens displays it as blocks.
    head = element(
        "tr",
        *(
            element("th", title, scope="col", role="columnheader", class_=kind or None)
            for title, kind in columns
        ),
        role="row",
    )
    body = []
    for row in rows:
        cells = []
        for index, (value, (title, kind)) in enumerate(zip(row, columns)):
            inner = element("div", value if value not in (None, "") else Markup(_NOTHING))
            if index == 0:
                cells.append(element("th", inner, scope="row", role="rowheader", class_=kind or None))
            else:
                cells.append(element("td", inner, role="cell", data_label=title, class_=kind or None))
        body.append(element("tr", *cells, role="row"))
    return element(
        "table",
        element("caption", caption),
        element("thead", head, role="rowgroup"),
        element("tbody", *body, role="rowgroup"),
        role="table",
        class_=kinds or None,
    )


def _number(value: Any) -> str:
    return _NOTHING if value is None else f"{value:,}"


def _more(left: int, what: str) -> Optional[Markup]:
    return (
        _note("%s more %s: the report as .json lists all of them." % (_number(left), what))
        if left > 0
        else None
    )


def _some(domains: Sequence[str], most: int = 5) -> str:
    """Format the first domains for display, with the number of the others."""
    left = len(domains) - most
    shown = [display_domain(name) for name in domains[:most]]
    return ", ".join([*shown, *(["and %d more" % left] if left > 0 else [])])


def _anchor(domain: str) -> str:
    return "domain-" + "".join(c if (c.isascii() and c.isalnum()) or c in ".-" else "_" for c in domain)


# --- Sections -------------------------------------------------------------------------------------


def _header(report: Mapping[str, Any], times: _Times) -> Markup:
    mail = report["mail"]
    urgent = sum(1 for finding in report["findings"] if finding["severity"] == "error")
    tiles = [
        ("Findings", _number(len(report["findings"])), "bad" if urgent else ""),
        ("Domains", _number(len(report["domains"])), ""),
        ("Mails", _number(mail["total"]), ""),
        ("Delivered", _number(mail["delivered"]), ""),
        ("Undelivered", _number(mail["undelivered"]), "bad" if mail["undelivered"] else ""),
        ("Without alias", _number(mail["no_alias"]), ""),
    ]
    since = joined(" Mail since ", times.shown(report["since"]), ".") if report["since"] else None
    return element(
        "header",
        element("h1", "ImprovMX report"),
        element(
            "p",
            "Created ",
            times.shown(report["created"]),
            ".",
            since,
            " Times are in the time zone %s%s."
            % (report["zone"], "" if report["zone"] == "UTC" else ", followed by UTC"),
        ),
        element(
            "dl",
            *(
                element("div", element("dt", name), element("dd", value), class_=kind or None)
                for name, value, kind in tiles
            ),
            class_="tiles",
        ),
        _navigation(),
    )


def _navigation() -> Markup:
    links = (
        ("attention", "Attention"),
        ("time", "Over time"),
        ("undelivered", "Undelivered"),
        ("no-alias", "No alias"),
        ("limits", "Limits"),
        ("domains", "Domains"),
        ("aliases", "Aliases"),
    )
    return element(
        "nav",
        element("ul", *(element("li", element("a", text, href="#" + to)) for to, text in links)),
        aria_label="Sections",
    )


def _attention(report: Mapping[str, Any], times: _Times) -> Markup:
    findings = report["findings"]
    if not findings:
        return _section("attention", "What needs attention", element("p", "Nothing.", class_="fine"))
    shown: List[Markup] = []
    of_kind: Dict[str, int] = {}
    for finding in findings:
        kind = finding["kind"]
        of_kind[kind] = of_kind.get(kind, 0) + 1
        if of_kind[kind] > _MOST_OF_A_KIND:
            continue
        domains = finding["domains"]
        named = all(display_domain(name) in finding["title"] for name in domains[:10])
        shown.append(
            element(
                "li",
                element(
                    "h3",
                    element("span", _SEVERITY[finding["severity"]], class_="badge"),
                    " ",
                    finding["title"],
                ),
                element("ul", *(element("li", text) for text in finding["reasons"]), class_="reasons")
                if finding["reasons"]
                else None,
                None
                if named
                else element("p", "Domain" + "s" * (len(domains) > 1) + ": " + _some(domains, 10)),
                element("p", element("strong", "What to do: "), finding["advice"]),
                class_="finding " + finding["severity"],
            )
        )
    return _section(
        "attention",
        "What needs attention",
        element("ol", *shown, class_="findings"),
        _more(len(findings) - len(shown), "findings"),
    )


def _bar(parts: Sequence[Tuple[str, int]], whole: int) -> Markup:
    """Return a bar of colored parts. It is hidden from screen readers, because the numbers are next to it."""
    pieces = [
        element("i", class_="piece " + kind, style="width:%.2f%%" % (100.0 * count / whole))
        for kind, count in parts
        if count and whole
    ]
    return element("div", *pieces, class_="bar", aria_hidden="true")


def _over_time(report: Mapping[str, Any], times: _Times) -> Markup:
    over_time = report["over_time"]
    if not report["mail"]["total"]:
        return _section("time", "Mail over time", element("p", "The logs contain no mail in this period."))
    bars = over_time["bars"]
    most = max((slot["total"] for slot in bars), default=0)
    present = [outcome for outcome in OUTCOMES if report["mail"][outcome]]
    legend = element(
        "ul",
        *(
            element(
                "li",
                element("i", class_="piece " + outcome, aria_hidden="true"),
                " ",
                _OUTCOME_LABELS[outcome],
            )
            for outcome in present
        ),
        class_="legend",
    )
    rows = [
        [
            slot["start"],
            _bar([(outcome, slot[outcome]) for outcome in present], most),
            *(_number(slot[outcome]) for outcome in present),
            _number(slot["total"]),
        ]
        for slot in bars
    ]
    without = over_time["without_time"]
    return _section(
        "time",
        "Mail over time",
        legend,
        _table(
            "Mail by time of arrival, in the time zone %s" % report["zone"],
            [
                (_STEPS[over_time["step"]], "when"),
                ("Chart", "picture"),
                *((_OUTCOME_LABELS[outcome], "number") for outcome in present),
                ("Total", "number"),
            ],
            rows,
            "chart",
        ),
        _note("%s more without a readable time." % _number(without)) if without else None,
    )


def _mails(mails: Sequence[Mapping[str, Any]], times: _Times) -> Optional[Markup]:
    items = [
        element(
            "li",
            times.shown(mail["created"]),
            ", from ",
            element("bdi", mail["sender"] or "an unknown sender"),
            " to " if mail["recipient"] else None,
            element("bdi", display_names(mail["recipient"])) if mail["recipient"] else None,
            ": " if mail["subject"] else None,
            element("q", element("bdi", mail["subject"])) if mail["subject"] else None,
        )
        for mail in mails
        if mail["sender"] or mail["recipient"] or mail["subject"]
    ]
    return element("ul", *items, class_="mails") if items else None


def _undelivered(report: Mapping[str, Any], times: _Times) -> Markup:
    groups = report["undelivered"]
    if not groups:
        return _section("undelivered", "Undelivered mail", element("p", "There is none.", class_="fine"))
    by_destination: Dict[str, List[Mapping[str, Any]]] = {}
    for group in groups[:_MOST_GROUPS]:
        by_destination.setdefault((group["destination"] or "").lower(), []).append(group)
    order = sorted(by_destination.values(), key=lambda some: -sum(group["count"] for group in some))
    blocks = []
    for some in order:
        name = display_names(some[0]["destination"] or "")
        rows = [
            [
                element("bdi", reason_text(group["code"], group["reason"]) or "No reason given"),
                group["status"] + (", retried" if group["for_now"] else ""),
                _number(group["count"]),
                times.shown(group["last"]),
                joined(
                    element("span", _some(list(group["domains"]))),
                    _mails(group["mails"], times),
                ),
            ]
            for group in some
        ]
        title = element("h3", "To ", element("bdi", name)) if name else element("h3", "Not forwarded")
        table = _table(
            "Why mail %s was not delivered, newest mails first"
            % ("to " + name if name else "was rejected or"),
            [
                ("Reason, as reported by the service", "text"),
                ("State", ""),
                ("Mails", "number"),
                ("Last", "when"),
                ("Domains and newest mails", "text"),
            ],
            rows,
        )
        blocks.append(joined(title, table))
    return _section(
        "undelivered",
        "Undelivered mail",
        _note("The latest event of a mail counts: mail that was delivered in the end is not listed."),
        *blocks,
        _more(len(groups) - _MOST_GROUPS, "reasons"),
    )


def _no_alias(report: Mapping[str, Any], times: _Times) -> Markup:
    addresses = report["no_alias"]
    if not addresses:
        return _section(
            "no-alias", "Mail that no alias accepts", element("p", "There is none.", class_="fine")
        )
    rows = [
        [
            element("bdi", display_names(one["address"] or "other addresses of %s" % one["domain"])),
            _number(one["count"]),
            times.shown(one["last"]),
            _mails(one["mails"], times),
        ]
        for one in addresses[:_MOST_GROUPS]
    ]
    return _section(
        "no-alias",
        "Mail that no alias accepts",
        _table(
            "Addresses that received mail and have no alias",
            [("Address", "text"), ("Mails", "number"), ("Last", "when"), ("Newest mails", "text")],
            rows,
        ),
        _more(len(addresses) - _MOST_GROUPS, "addresses"),
    )


def _limits(report: Mapping[str, Any], times: _Times) -> Markup:
    limits = report["limits"]
    if not limits:
        return _section("limits", "Limits", element("p", "The service reports no limits."))
    rows = []
    for limit in limits:
        percent = limit["percent"]
        level = "delivered" if percent is None or percent < 90 else "undelivered"
        rows.append(
            [
                limit["name"].capitalize()
                + (" of " + display_domain(limit["domain"]) if limit["domain"] else ""),
                _bar([(level, min(limit["used"], limit["limit"]))], limit["limit"])
                if limit["limit"]
                else None,
                _number(limit["used"]),
                _number(limit["limit"]) if limit["limit"] is not None else "not reported",
                _NOTHING if percent is None else "%d %%" % percent,
            ]
        )
    columns = [
        ("What", "text"),
        ("Chart", "picture"),
        ("Used", "number"),
        ("Limit", "number"),
        ("Share", "number"),
    ]
    return _section("limits", "Limits", _table("Usage of the plan", columns, rows, "chart"))


def _state(domain: Mapping[str, Any]) -> Markup:
    active = domain["active"]
    word = "Unknown" if active is None else "Active" if active else "Inactive"
    kind = "bad" if active is False else None
    note = " since this check" if domain["activated"] else None
    return element("span", word, note, class_=kind)


def _dns(domain: Mapping[str, Any]) -> Markup:
    dns = domain["dns"]
    if dns is None:
        return Markup("not checked")
    if dns["problem"]:
        return element("span", dns["problem"], class_="bad")
    return Markup("correct" if dns["valid"] else "wrong")


def _domains(report: Mapping[str, Any], times: _Times) -> Markup:
    domains = report["domains"]
    if not domains:
        return _section("domains", "Domains", element("p", "The account has no domains."))
    rows = []
    for domain in domains[:_MOST_DOMAINS]:
        name = domain["domain"]
        other = element("span", " (%s)" % name, class_="utc") if name != domain["display"] else None
        by_rules = domain["routed_by"] == "rules"
        catch_all = "routed by rules" if by_rules else ", ".join(domain["catch_all"] or ["none"])
        mail = domain["mail"]
        rows.append(
            [
                joined(element("a", domain["display"], href="#" + _anchor(name)), other),
                _state(domain),
                _dns(domain),
                catch_all,
                _NOTHING if by_rules else _number(domain["aliases"]),
                _number(domain["rules"]) if by_rules else _NOTHING,
                _number(mail["total"]),
                _number(mail["undelivered"]),
                _number(mail["no_alias"]),
            ]
        )
    columns = [
        ("Domain", "text"),
        ("State", ""),
        ("DNS", "text"),
        ("Catch-all", "text"),
        ("Aliases", "number"),
        ("Rules", "number"),
        ("Mails", "number"),
        ("Undelivered", "number"),
        ("No alias", "number"),
    ]
    return _section(
        "domains",
        "Domains",
        _table("Each domain with its mail in this period", columns, rows),
        _more(len(domains) - _MOST_DOMAINS, "domains"),
    )


def _aliases(report: Mapping[str, Any], times: _Times) -> Markup:
    by_domain: Dict[str, List[Mapping[str, Any]]] = {domain["domain"]: [] for domain in report["domains"]}
    for alias in report["aliases"]:
        by_domain[alias["domain"]].append(alias)
    is_open = "" if len(report["aliases"]) <= _MOST_OPEN else None
    blocks = [
        _aliases_of(domain, by_domain[domain["domain"]], is_open)
        for domain in report["domains"][:_MOST_DOMAINS]
    ]
    return _section("aliases", "Aliases", *(blocks or [element("p", "There are none.")]))


def _aliases_of(
    domain: Mapping[str, Any], aliases: Sequence[Mapping[str, Any]], is_open: Optional[str]
) -> Markup:
    unused = domain["unused_aliases"]
    without_mail = "" if unused is None else ", %d without any mail" % unused
    heading = element(
        "h3",
        domain["display"],
        element(
            "span", ": %d %s%s" % (len(aliases), "alias" if len(aliases) == 1 else "aliases", without_mail)
        ),
    )
    rows = [
        [
            alias["alias"],
            ", ".join(alias["forward"]),
            _number(alias["mail"]),
            _number(alias["undelivered"]),
            {True: "no mail", False: "in use", None: "unknown"}[alias["unused"]],
        ]
        for alias in sorted(aliases, key=lambda one: (-one["undelivered"], one["unused"] is not True))[
            :_MOST_ALIASES
        ]
    ]
    columns = [
        ("Alias", "text"),
        ("Destinations", "text"),
        ("Mails", "number"),
        ("Undelivered", "number"),
        ("Use", ""),
    ]
    if domain["routed_by"] == "rules":
        content: Markup = element("p", "Its mail is routed by rules.")
    elif not rows:
        content = element("p", "It has no alias.")
    else:
        content = joined(
            _table("The aliases of %s" % domain["display"], columns, rows),
            _more(len(aliases) - _MOST_ALIASES, "aliases"),
        )
    return element(
        "details", element("summary", heading), content, id=_anchor(domain["domain"]), open=is_open
    )


# --- The frame ------------------------------------------------------------------------------------

# The policy is a second line of defense: even an injected script would not run or load anything.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
img-src data:; base-uri 'none'; form-action 'none'">
<meta name="generator" content="%(generator)s">
<meta name="fingerprint" content="%(fingerprint)s">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>ImprovMX report</title>
<style>%(style)s</style>
</head>
<body>
"""
_FOOT = """<footer>
<p>Created by the Ansible collection improvmx.email, which is not affiliated with ImprovMX.</p>
</footer>
</body>
</html>
"""
