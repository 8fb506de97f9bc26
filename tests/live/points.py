# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of the API does not specify. Each point is checked at the service and the emulator.

A point returns findings: questions with answers that contain nothing private. Of ids, times and the address
of the account, only the form is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from secrets import token_urlsafe
from typing import Any

from ansible_collections.improvmx.email.plugins.module_utils._http.replies import read_service_message

from .service import Answer, Service
from .shapes import kind_of, shape_of
from .visit import Visit

Findings = dict[str, Any]

IDN = ("b\u00fccher", "xn--bcher-kva")
PATTERNS = ("(sales|shop)-.+", "inf[aeiou]", "\\d+x", "left/right", "plus+sign", "per%2Fcent")
MANY = 250  # aliases, more than the service embeds in a domain


class Untried(Exception):
    """A point could not be checked, with the reason."""


@dataclass(frozen=True)
class Site:
    """An empty domain of this check at a service. ``at``: the domain of the destinations."""

    service: Service
    visit: Visit
    domain: str
    at: str
    email: str  # of the account
    logs_of: str | None = None
    rules_of: str | None = None

    def mail(self, name: str) -> str:
        return f"{name}@{self.at}"

    def post_alias(self, name: str, forward: str | None = None) -> Answer:
        return self.service.post_alias(self.domain, name, forward or self.mail("a"))

    def have_alias(self, name: str) -> Answer:
        """Create an alias that the point requires."""
        return wanted(self.post_alias(name), f"the alias {name}")

    def stored(self) -> dict[str, str]:
        return self.service.stored(self.domain)


@dataclass(frozen=True)
class Point:
    """One point. ``cure``: what to change, and where, if the service differs."""

    name: str
    ask: Callable[[Site], Findings]
    cure: str
    versions: tuple[str, ...] = ("v2", "v3")
    option: str = ""  # the command line option that enables it


def wanted(answer: Answer, what: str) -> Answer:
    """Return a successful answer, which the point requires. Raises Untried."""
    if not answer.ok or answer.at("success") is False:
        message = read_service_message(answer.body)
        raise Untried(f"{what} was refused with {answer.status}" + (f": {message}" if message else ""))
    return answer


# --- Domains --------------------------------------------------------------------------------------


def new_domain(site: Site) -> Findings:
    made = wanted(site.service.post_domain(site.domain), "the domain")
    thing = made.one("domain")
    aliases = thing.get("aliases") or []
    forwards = [alias.get("forward") for alias in aliases]
    return {
        "adding it": made.status,
        "its name in the reply": thing.get("domain"),
        "aliases in the reply": [alias.get("alias") for alias in aliases],
        "they have ids": all(alias.get("id") for alias in aliases),
        "they forward to the account's address": [forward == site.email for forward in forwards],
        "adding it a second time": site.service.post_domain(site.domain).status,
        "reading it": site.service.get_domain(site.domain).status,
    }


def idn(site: Site) -> Findings:
    shown, name = (f"{label}.{site.domain}" for label in IDN)
    site.visit.claim(name)
    made = wanted(site.service.post_domain(name), "a domain of another script")
    thing = made.one("domain")
    return {
        "name under 'domain'": thing.get("domain"),
        "name under 'display'": thing.get("display"),
        "reading it by the A-label": site.service.get_domain(name).status,
        "reading it by the Unicode name": site.service.get_domain(shown).status,
        "deleting it by the A-label": site.service.delete_domain(name).status,
        "reading it after that": site.service.get_domain(name).status,
    }


def setting(name: str, value: str, site: Site) -> Findings:
    """How a setting is stored, and how it can be cleared."""
    value = value.format(site.at)
    findings: Findings = {}
    for clearing in (None, ""):
        answer = wanted(site.service.put_domain(site.domain, **{name: value}), name)
        findings[f"in the reply, after {value}"] = answer.at("domain", name)
        findings["as it is read"] = site.service.get_domain(site.domain).at("domain", name)
        status = site.service.put_domain(site.domain, **{name: clearing}).status
        left = site.service.get_domain(site.domain).at("domain", name)
        word = "null" if clearing is None else "an empty text"
        findings[f"clearing by {word}"] = [status, "kept" if left else "cleared"]
    return findings


def check(site: Site) -> Findings:
    method = "POST" if site.service.version == "v2" else "GET"
    return {"status": site.service.ask(method, "/domains/{}/check", site.domain).status}


def deletion(site: Site) -> Findings:
    return {
        "deleting the domain": site.service.delete_domain(site.domain).status,
        "deleting it once more": site.service.delete_domain(site.domain).status,
        "reading it after that": site.service.get_domain(site.domain).status,
    }


# --- Destinations ---------------------------------------------------------------------------------


def destinations(site: Site) -> Findings:
    site.have_alias("destinations")
    a, b = site.mail("a"), site.mail("b")
    findings: Findings = {}
    for question, forward in (
        ("two, not in order", f"{b},{a}"),
        ("spaces", f" {a} , {b} "),
        ("upper case", f"A.Person@{site.at.upper()}"),
        ("the same twice", f"{a},{a}"),
        ("the same twice, but for case", f"{a},{a.upper()}"),
        ("plus sign", site.mail("a+tag")),
        ("a URL", f"https://Hook.{site.at}/Path?x=1&y=2"),
        ("an address and a URL", f"{a},https://hook.{site.at}/x"),
        ("null", "null"),
    ):
        answer = site.service.put_alias(site.domain, "destinations", forward)
        stored = site.stored().get("destinations") if answer.ok else None
        findings[f"{question}: {forward!r}"] = [answer.status, stored]
        if answer.ok and answer.at("alias", "forward") != stored:
            findings[f"{question}, in the reply"] = answer.at("alias", "forward")
    return findings


def refused_destinations(site: Site) -> Findings:
    site.have_alias("refused")
    return {
        f"{question}, status": site.service.put_alias(site.domain, "refused", forward).status
        for question, forward in (
            ("an address inside the same domain", f"x@{site.domain}"),
            ("null beside an address", f"null,{site.mail('a')}"),
            ("no address at all", "nobody"),
            ("nothing", ""),
        )
    }


# --- Aliases --------------------------------------------------------------------------------------


def names(site: Site) -> Findings:
    made = site.have_alias("Mixed.Case")
    found = [name for name in site.stored() if name.lower() == "mixed.case"]
    put = site.service.put_alias(site.domain, "mixed.case", site.mail("b"))
    return {
        "name in the reply": made.at("alias", "alias"),
        "name as it is read": found,
        "the same name again": site.post_alias("Mixed.Case").status,
        "the same name again in lower case": site.post_alias("mixed.case").status,
        "changing it by the name in lower case": put.status,
        "deleting it by the name in lower case": site.service.delete_alias(site.domain, "mixed.case").status,
        "deleting it once more": site.service.delete_alias(site.domain, "mixed.case").status,
        "changing it after that": site.service.put_alias(site.domain, "mixed.case", site.mail("a")).status,
        "a name of 151 characters": site.post_alias("x" * 151).status,
        "a name with an inner space": site.post_alias("two words").status,
    }


def patterns(site: Site) -> Findings:
    """Names that have to be encoded in paths: creating, changing and deleting by name."""
    before = set(site.stored())
    findings: Findings = {}
    for name in PATTERNS:
        added = site.post_alias(name).status
        stored = [new for new in site.stored() if new not in before]
        changed = site.service.put_alias(site.domain, name, site.mail("b")).status
        deleted = site.service.delete_alias(site.domain, name).status
        findings[f"{name}: added, stored as, changed, deleted"] = [added, stored, changed, deleted]
        before |= set(stored)
    return findings


def digits(site: Site) -> Findings:
    """A name that is also the id of another alias."""
    other = site.have_alias("has-an-id").at("alias", "id")
    if other is None:
        raise Untried("the reply to a new alias shows no id")
    named = site.post_alias(str(other)).status
    findings: Findings = {"id in the reply": kind_of(shape_of(other)), "name that is another's id": named}
    if site.service.version == "v3":
        reply = site.service.ask("GET", "/domains/{}/aliases/{}", site.domain, str(other))
        identified = {"has-an-id": "the alias with this id", str(other): "the alias of this name"}
        findings["what a path with it means"] = identified.get(reply.at("alias", "alias"), reply.status)
        findings["changing by id"] = site.service.put_alias(site.domain, str(other), site.mail("b")).status
        after = site.stored()
        findings["what changed"] = [
            identified[name] for name in identified if after.get(name) == site.mail("b")
        ]
    return findings


def batch(site: Site) -> Findings:
    def send(*items: tuple[str, str]) -> Answer:
        aliases = [{"alias": name, "forward": forward} for name, forward in items]
        return site.service.ask("POST", "/domains/{}/aliases/batch", site.domain, body={"aliases": aliases})

    a = site.mail("a")
    whole = wanted(send(("batch1", a), ("batch2", a)), "a batch")
    partly = send(("batch3", a), ("batch1", a), ("batch4", "nobody"))
    stored = site.stored()
    return {
        "status": whole.status,
        "added": [item.get("alias") for item in whole.many("added")],
        "ids": sorted({kind_of(shape_of(item.get("id"))) for item in whole.many("added")}),
        "failed, when all went well": whole.at("failed"),
        "status, when one is there and one is wrong": partly.status,
        "added of these": [item.get("alias") for item in partly.many("added")],
        "failed of these, form": shape_of(partly.at("failed")),
        "what is there after both": [name for name in stored if name.startswith("batch")],
    }


def lists(site: Site) -> Findings:
    site.have_alias("listed")

    def names_of(**query: Any) -> list[Any]:
        found = site.service.ask("GET", site.service.aliases, site.domain, query=query).many("aliases")
        return [thing.get("alias") for thing in found]

    def finds_domain(**query: Any) -> bool:
        found = site.service.ask("GET", site.service.domains, query=query).many("domains")
        return site.domain in [thing.get("domain") for thing in found]

    findings: Findings = {
        "domains, q is the start of the name": finds_domain(q=site.domain[:-1]),
        "domains, q is the start in upper case": finds_domain(q=site.domain[:-1].upper()),
    }
    if site.service.version == "v3":
        largest = site.service.ask("GET", site.service.aliases, site.domain, query={"limit": 1000})
        beyond = site.service.ask("GET", site.service.aliases, site.domain, query={"page": 1000})
        findings |= {
            "domains, q is a part of the name": finds_domain(q=site.domain[1:]),
            "domains, is_active=0": finds_domain(q=site.domain, is_active=0),
            "domains, is_active=1": finds_domain(q=site.domain, is_active=1),
            "aliases, q is the start of a name": "listed" in names_of(q="list"),
            "aliases, q is a part of a name": "listed" in names_of(q="isted"),
            "aliases, alias= a name": names_of(alias="listed"),
            "aliases, alias= the start of a name": names_of(alias="list"),
            "aliases, limit of 1000 asked for": largest.at("limit"),
            "aliases, default limit": beyond.at("limit"),
            "aliases, page beyond the end": [beyond.status, len(beyond.many("aliases"))],
            "aliases, total is right": largest.at("total") == len(largest.many("aliases")),
        }
    return findings


def many(site: Site) -> Findings:
    items = [{"alias": f"many{number:03}", "forward": site.mail("a")} for number in range(MANY)]
    path = "/domains/{}/aliases/batch"
    wanted(site.service.ask("POST", path, site.domain, body={"aliases": items}), f"{MANY} aliases")

    def pages() -> list[str]:
        found: list[str] = []
        for page in range(1, MANY // 100 + 2):
            query = {"limit": 100, "page": page}
            reply = site.service.ask("GET", site.service.aliases, site.domain, query=query)
            found += [str(thing.get("alias")) for thing in reply.many("aliases")]
        return [name for name in found if name.startswith("many")]

    one = site.service.get_domain(site.domain).at("domain", "aliases") or []
    listed = site.service.ask("GET", site.service.domains, query={"q": site.domain}).many("domains")
    embedded = [thing.get("aliases") or [] for thing in listed if thing.get("domain") == site.domain]
    paged = pages()
    return {
        "aliases that one domain shows": len(one),
        "aliases of it in the list of domains": [len(aliases) for aliases in embedded],
        "aliases on the pages of their own list": len(paged),
        "of these, different ones": len(set(paged)),
    }


# --- Other points ---------------------------------------------------------------------------------


def forms(site: Site) -> Findings:
    """Requests like those of other clients: the plain key, trailing slashes, forms instead of JSON."""
    status, version = site.service.status, site.service.version
    account, aliases = f"/{version}/account/", f"/{version}/domains/{site.domain}/aliases/"
    alias = {"alias": "form", "forward": site.mail("a")}
    parts = {name: (None, value) for name, value in alias.items()}
    return {
        "the key, not encoded": status("GET", account, "Basic api:"),
        "the same with two blanks": status("GET", account, "Basic  api:"),
        "a path without a slash at its end": status("GET", account.rstrip("/")),
        "a path with one": status("GET", account),
        "a form": status("POST", aliases, data=alias),
        "a form in parts": status("POST", aliases, files={**parts, "alias": (None, "parts")}),
        "what was made of them": sorted({"form", "parts"} & set(site.stored())),
    }


def catch_all(site: Site) -> Findings:
    path = f"/v3/domains/{site.domain}/aliases/"
    return {
        "its name in lists": [name for name in site.stored() if name in ("", "*")],
        "its path with *": site.service.status("GET", path + "*"),
        "its path with %2A": site.service.status("GET", path + "%2A"),
    }


def account(site: Site) -> Findings:
    reported = site.service.ask("GET", site.service.account).one("account")
    return {name: name in reported for name in ("email_hash", "is_otp_enabled", "plan", "limits")}


def details(site: Site) -> Findings:
    listed = site.service.ask("GET", site.service.domains, query={"q": site.domain}).many("domains")
    one = next((thing for thing in listed if thing.get("domain") == site.domain), {})
    names = ("banned", "daily_quota", "routing_engine", "strict_mxes")
    return {f"{name} of a domain in the list": name in one for name in names}


def field_errors(site: Site) -> Findings:
    site.have_alias("twice")
    again = site.post_alias("twice")
    missing = site.service.ask("GET", "/domains/{}/aliases/{}", site.domain, "nobody")
    return {
        "code of an error of a field": again.at("code"),
        "code of what is missing": missing.at("code"),
        "keys of an error of a field": sorted(again.body) if isinstance(again.body, dict) else None,
    }


def other_endpoints(site: Site) -> Findings:
    """Which of the endpoints that are mentioned somewhere exist. Nothing is changed: the lists are empty."""
    ask = site.service.ask

    def status(method: str, template: str, body: dict[str, Any] | None = None) -> int:
        return ask(method, template, site.domain, body=body).status

    return {
        "logs/search": status("GET", "/domains/{}/logs/search"),
        "logs with take=100": ask("GET", "/domains/{}/logs", site.domain, query={"take": 100}).status,
        "aliases/bulk": status("POST", "/domains/{}/aliases/bulk", {"aliases": [], "behavior": "add"}),
        "PUT of aliases/batch": status("PUT", "/domains/{}/aliases/batch", {"aliases": []}),
        "DELETE of aliases/batch": status("DELETE", "/domains/{}/aliases/batch", {"aliases": []}),
        "rules/bulk": status("POST", "/domains/{}/rules/bulk", {"rules": [], "behavior": "add"}),
        "templates": status("GET", "/domains/{}/templates"),
    }


def ruled(site: Site) -> Findings:
    """The effect of an update with a part of the config of a rule. The rule is created and deleted again."""
    domain = site.rules_of or ""
    ask = site.service.ask
    config = {"alias": f"trial-{token_urlsafe(6).lower()}", "forward": site.mail("a")}
    body = {"type": "alias", "config": config, "rank": 1e6, "active": False}
    made = wanted(ask("POST", "/domains/{}/rules", domain, body=body), f"a rule of {domain}").one("rule")
    number = str(made.get("id"))
    try:
        part = ask(
            "PUT", "/domains/{}/rules/{}", domain, number, body={"config": {"forward": site.mail("b")}}
        )
        after = ask("GET", "/domains/{}/rules/{}", domain, number).one("rule").get("config") or {}
    finally:
        deleted = ask("DELETE", "/domains/{}/rules/{}", domain, number).status
    return {
        "changing a part of the config": part.status,
        "the matcher is kept": after.get("alias") == config["alias"],
        "the forward is the new one": after.get("forward") == site.mail("b"),
        "deleting it": deleted,
    }


def smtp_users(site: Site) -> Findings:
    path, one = "/domains/{}/credentials", "/domains/{}/credentials/{}"
    ask = site.service.ask

    def trial(username: str, password: str) -> int:
        body = {"username": username, "password": password, "is_limited": True}
        return ask("POST", path, site.domain, body=body).status

    user = {"username": "Sender", "password": token_urlsafe()}
    made = wanted(ask("POST", path, site.domain, body=user), "an SMTP user")
    listed = ask("GET", path, site.domain).many("credentials")
    password = {"password": token_urlsafe()}
    return {
        "adding": made.status,
        "name as it is read": [thing.get("username") for thing in listed],
        "adding it a second time": ask("POST", path, site.domain, body=user).status,
        "a new password, by the name in lower case": ask(
            "PUT", one, site.domain, "sender", body=password
        ).status,
        "deleting, by the name in lower case": ask("DELETE", one, site.domain, "sender").status,
        "deleting it once more": ask("DELETE", one, site.domain, "sender").status,
        "a user name of 2 characters": trial("ab", token_urlsafe()),
        "a password of 7 characters": trial("short", token_urlsafe()[:7]),
        "one that is limited": trial("limited", token_urlsafe()),
    }


def rules(site: Site) -> Findings:
    return {
        "rules of a domain that is not routed by rules": site.service.ask(
            "GET", "/domains/{}/rules", site.domain
        ).status
    }


def logs(site: Site) -> Findings:
    ask = site.service.ask
    findings: Findings = {
        "of a new domain": ask("GET", "/domains/{}/logs", site.domain).at("logs"),
        "of its catch-all": ask("GET", "/domains/{}/logs/{}", site.domain, "*").status,
        "of an alias that is not there": ask("GET", "/domains/{}/logs/{}", site.domain, "nobody").status,
    }
    if site.service.version == "v3":
        unknown = ask("GET", "/domains/{}/logs", site.domain, query={"next_cursor": "unknown"})
        findings["after an id that nobody knows"] = [unknown.status, unknown.at("logs")]
    return findings


def entries(site: Site) -> Findings:
    """The log entries of a domain with mail: their form, and where a page begins."""
    domain = site.logs_of or ""
    first = wanted(site.service.ask("GET", "/domains/{}/logs", domain), f"the log of {domain}").many("logs")
    if len(first) < 2:
        raise Untried(f"the log of {domain} has {len(first)} entries")
    times = [entry.get("created") for entry in first]
    comparable = [time for time in times if isinstance(time, (int, float))]
    findings: Findings = {
        "times": sorted({kind_of(shape_of(time)) for time in times}),
        "newest first": comparable == sorted(comparable, reverse=True),
    }
    if site.service.version == "v3":
        middle = first[len(first) // 2]
        query = {"next_cursor": middle.get("id")}
        after = site.service.ask("GET", "/domains/{}/logs", domain, query=query).many("logs")
        ids = [entry.get("id") for entry in first]
        expected = ids[len(first) // 2 + 1]
        findings["next_cursor begins after the entry of this id"] = (
            bool(after) and after[0].get("id") == expected
        )
    return findings


def wrong_key(site: Site) -> Findings:
    stranger = Service(site.service.url, "not-a-key-of-anybody", site.service.version)
    return {"status": stranger.ask("GET", stranger.account).status}


def limit_headers(site: Site) -> Findings:
    answer = site.service.ask("GET", site.service.account)
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    return {name: form_of(answer.headers.get(name), answer) for name in names}


def limit_met(site: Site) -> Findings:
    """Send reads until the rate limit is reached. It affects every other user of the key as well."""
    for _request in range(1000):
        answer = site.service.ask("GET", site.service.account, patient=False)
        if not answer.ok:
            break
    else:
        raise Untried("no limit was met with 1000 requests")
    names = ("Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    return {
        "status": answer.status,
        **{name: form_of(answer.headers.get(name), answer) for name in names},
    }


def form_of(text: str | None, answer: Answer) -> str:
    """The kind of number in a header: the number itself depends on the account and the time."""
    if text is None:
        return "missing"
    if not text.isdigit():
        return "a text"
    number = int(text)
    return "a number" if number < 1e9 else "Unix seconds" if number < 1e11 else "Unix milliseconds"


API = "plugins/module_utils/_api/v3.py"
COMPARED = "The modules compare meaning (plugins/module_utils/_model/names.py): see that they still do."
SETTINGS_CURE = (
    f"tests/emulator/account.py, change_domain, and validation.py, checked_option; {API}, update_domain."
)
V3 = ("v3",)

POINTS = (
    Point(
        "A new domain",
        new_domain,
        f"tests/emulator/account.py, add_domain, and its views in v3.py and v2.py; {API}, create_domain.",
    ),
    Point(
        "The stored form of destinations",
        destinations,
        f"tests/emulator/validation.py, checked_forward. {COMPARED}",
    ),
    Point(
        "Destinations that are refused",
        refused_destinations,
        "tests/emulator/validation.py, checked_forward; plugins/module_utils/_model/names.py, forward_wish.",
    ),
    Point(
        "Names of aliases",
        names,
        "tests/emulator/validation.py, checked_alias, and account.py, add_alias and find_alias; "
        "plugins/module_utils/_model/names.py, alias_key and parse_alias.",
    ),
    Point(
        "Names that are patterns",
        patterns,
        "tests/emulator/routing.py, find, and validation.py, checked_alias; where a path is taken "
        f"otherwise: {API}, _address (by id instead of by name).",
    ),
    Point(
        "Names made of digits",
        digits,
        f"tests/emulator/account.py, find_alias_or_id; {API}, _address.",
    ),
    Point(
        "Batches of aliases",
        batch,
        f"tests/emulator/account.py, add_aliases, and v3.py, batch_alias_view; {API}, create_aliases.",
        V3,
    ),
    Point(
        "Lists and their filters",
        lists,
        f"tests/emulator/v3.py, list_aliases and list_domains; {API}, _pages, and "
        "plugins/modules/improvmx_domain_info.py, which filters the names again.",
    ),
    Point(
        "The notification address of a domain",
        partial(setting, "notification_email", "Notify.Me@{}"),
        SETTINGS_CURE,
        V3,
    ),
    Point(
        "The webhook of a domain", partial(setting, "webhook", "https://Hook.{}/Path?x=1"), SETTINGS_CURE, V3
    ),
    Point("The check of the DNS", check, "tests/emulator/v3.py, get_check, v2.py, post_check, and dns.py."),
    Point(
        "SMTP users", smtp_users, "tests/emulator/credentials.py; the module improvmx_smtp_credential.", V3
    ),
    Point("Forms of requests", forms, "tests/emulator/service.py, _is_key, routing.py and body.py."),
    Point(
        "The catch-all in replies and paths",
        catch_all,
        f"tests/emulator/beliefs.py, catch_all_is_blank; {API}, and _api.py, Reply.name.",
        V3,
    ),
    Point(
        "Fields of the account",
        account,
        "tests/emulator/v3.py, account_view; plugins/module_utils/_model/account.py.",
        V3,
    ),
    Point(
        "Domains in the list",
        details,
        "tests/emulator/beliefs.py, list_shows_details; docs/docsite/rst/guarantees.rst.",
        V3,
    ),
    Point("Errors of fields", field_errors, "tests/emulator/beliefs.py, field_errors_have_code.", V3),
    Point("Other endpoints", other_endpoints, "tests/emulator/v3.py, ROUTES; docs/docsite/rst/api.rst.", V3),
    Point(
        "A part of a rule's config",
        ruled,
        "tests/emulator/beliefs.py, rule_config_is_merged.",
        V3,
        option="rules_of",
    ),
    Point("Rules", rules, "tests/emulator/rules.py, ruled; the module improvmx_rule.", V3),
    Point("Logs", logs, "tests/emulator/logs.py; plugins/module_utils/_model/logs.py."),
    Point(
        "Entries of logs",
        entries,
        "tests/unit/emulator/samples/v3-log-entry-2023plus-types.json; plugins/module_utils/_model/logs.py.",
        option="logs_of",
    ),
    Point(
        "Domains of other scripts",
        idn,
        "tests/emulator/account.py, find_domain and the display of Domain; "
        "plugins/module_utils/_model/names.py, read_domain.",
    ),
    Point(
        f"A domain with {MANY} aliases",
        many,
        f"tests/emulator/v3.py, MOST_EMBEDDED_ALIASES; {API}, domain: it takes a domain that shows 200 "
        "aliases for one that was cut.",
        V3,
        option="many",
    ),
    Point("A key that is not valid", wrong_key, "tests/emulator/service.py, REFUSED_KEY."),
    Point(
        "The headers of the rate limit",
        limit_headers,
        "tests/emulator/ratelimit.py, Quota; plugins/module_utils/_http/rate_limits.py, _learn.",
    ),
    Point(
        "The rate limit, met",
        limit_met,
        "tests/emulator/service.py, _turn_away; plugins/module_utils/_http/rate_limits.py, _learn.",
        option="limit",
    ),
    Point(
        "Deleting a domain",
        deletion,
        "tests/emulator/account.py, delete_domain; plugins/module_utils/_api/base.py, remove.",
    ),
)
