# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random accounts, wishes and faults, from alphabets so small that all combinations occur.

Each value is drawn from a prepared list of all its forms, the simplest first. That is fast, and a case
that fails shrinks to something simple. No list is longer than LONGEST, because hypothesis prefers the
first entries of a longer list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hypothesis import strategies as st

from emulator import Fault, RateLimit

OWNER = "owner@mail.example"  # where the catch-all of a new domain forwards to
SECRETS = ("pässwört:/7+=&",)  # of the account, besides the API key


@dataclass(frozen=True)
class Faults:
    """The faults that occur while a task runs."""

    planned: tuple[Fault, ...] = ()
    chance: tuple[int, float, float] | None = None  # seed, rate, seconds
    refused: tuple[bool, ...] = ()  # of the connections, in their order
    rate_limit: RateLimit | None = None
    retry_timeout: int = 30


@dataclass(frozen=True)
class Case:
    """An account in the emulator, a task, and the faults that occur while it runs."""

    account: dict[str, Any]
    version: str
    module: str
    args: dict[str, Any]
    faults: Faults = Faults()
    ids: tuple[int, ...] = ()  # of the first aliases of one domain; the others are numbered in order

    @property
    def seed(self) -> dict[str, Any]:
        """The account in the form that the emulator accepts."""
        clashing = next((domain for domain in self.account["domains"] if NUMBERS & {*_names(domain)}), None)
        if clashing is None or not self.ids:
            return self.account
        forwards = clashing["aliases"]
        names = sorted(forwards, key=lambda name: name not in NUMBERS)
        aliases = [{"alias": name, "forward": forwards[name]} for name in names]
        for alias, number in zip(aliases, self.ids, strict=False):
            alias["id"] = number
        others = [domain for domain in self.account["domains"] if domain is not clashing]
        return {**self.account, "domains": [{**clashing, "aliases": aliases}, *others]}

    @property
    def wishes(self) -> list[dict[str, Any]]:
        """The wishes of the task, in the form of improvmx_domains."""
        if self.module == "improvmx_domains":
            return list(self.args["domains"])
        if self.module == "improvmx_alias":
            alias = {name: self.args[name] for name in ("alias", "forward", "state") if name in self.args}
            return [{"domain": self.args["domain"], "aliases": [alias]}]
        return [self.args]


def _names(domain: Mapping[str, Any]) -> Iterable[str]:
    return domain.get("aliases", {})


# --- Alphabets: each value and the ways to write it -----------------------------------------------

DOMAINS = {
    "a.example": ("a.example", "A.Example", "a.example."),
    "b.example": ("b.example",),
    "sub.a.example": ("sub.a.example", "Sub.A.example"),
    "xn--bcher-kva.example": ("bücher.example", "BÜCHER.example.", "xn--bcher-kva.example"),
    "z.example": ("z.example", "Z.EXAMPLE"),
}
ALIASES = {
    "*": ("*",),
    "info": ("info", "INFO"),
    "sales": ("sales", "Sales"),
    "7": ("7",),  # as short as an id
    "12": ("12",),
    "012": ("012",),
    "null": ("null", "NULL"),
    "batch": ("batch", "Batch"),  # also a segment of the API's paths
    "a+b/c": ("a+b/c", "A+B/C"),
    "50%?x=#y": ("50%?x=#y",),
    "grüße": ("grüße", "GRÜßE"),
    "shop-.*": ("shop-.*", "Shop-.*"),
    r"^(x|y)[0-9]+/\d$": (r"^(x|y)[0-9]+/\d$",),
}
DESTINATIONS = {
    "ann@mail.test": ("ann@mail.test", "ann@Mail.TEST", "Ann@mail.test"),
    "https://hooks.test/Mail?to=1": ("https://hooks.test/Mail?to=1", "HTTPS://Hooks.test:443/Mail?to=1"),
    "bob@xn--mnchen-3ya.test": ("bob@xn--mnchen-3ya.test", "bob@münchen.test", "bob@MÜNCHEN.test"),
    "null": ("null", "NULL"),
}
SETTINGS = {
    "notification_email": {
        "Ops@mail.test": ("Ops@mail.test", "Ops@MAIL.test", "ops@mail.test"),
        OWNER: (OWNER,),
    },
    "webhook": {
        "https://hooks.test/a": ("https://hooks.test/a", "https://HOOKS.test/a"),
        "https://hooks.test/A": (),
    },
    "whitelabel": {"white.test": ("white.test", "White.test"), "nobodys.test": ("nobodys.test",)},
}
FORWARDS = (
    ["ann@mail.test"],
    [OWNER],
    ["null"],
    ["NULL"],
    ["Ann@mail.test"],
    ["ann@Mail.TEST", " ann@mail.test "],
    ["bob@xn--mnchen-3ya.test", "ann@mail.test"],
    ["ann@mail.test, bob@MÜNCHEN.test"],
    ["https://hooks.test/Mail?to=1"],
    ["HTTPS://Hooks.test:443/Mail?to=1"],
    ["https://hooks.test/mail?to=1", "Ann@mail.test", "ann@mail.test"],
)
MEANINGS = {
    spelling: meaning
    for table in (DOMAINS, ALIASES, DESTINATIONS, *SETTINGS.values())
    for meaning, spellings in table.items()
    for spelling in spellings
}
NUMBERS = {"7", "12", "012"}
LONGEST = 127
BULK = "bulk{:03}".format  # names for large accounts and wishes


def meaning(text: str | None) -> Any:
    """The value that a text stands for; None for an empty text."""
    text = (text or "").strip()
    return MEANINGS.get(text, text) or None


def seldom(usual: Any, *others: Any, of: int) -> st.SearchStrategy[Any]:
    """The usual value, or in one of ``of`` cases one of the others."""
    return st.sampled_from((usual,) * (of - 1) * len(others) + others)


def some(forms: Iterable[Sequence[Any]], of: int = 3) -> st.SearchStrategy[list[Any]]:
    """For each thing nothing or, in one of ``of`` cases, one of its forms; forwards or backwards."""
    choices = st.tuples(*(one_of((None,) * (of - 1) * len(each) + tuple(each)) for each in forms))
    return st.tuples(choices, st.sampled_from((1, -1))).map(
        lambda drawn: [choice for choice in drawn[0] if choice is not None][:: drawn[1]]
    )


def one_of(forms: Sequence[Any]) -> st.SearchStrategy[Any]:
    assert len(forms) <= LONGEST
    return st.sampled_from(forms)


# --- Accounts -------------------------------------------------------------------------------------

FOUND_ALIASES = some(
    [(name, ", ".join(forward)) for forward, name in product(FORWARDS, spellings)]
    for spellings in ALIASES.values()
)
FOUND_SETTINGS = [
    dict(zip(SETTINGS, values, strict=True))
    for values in product(*((None, *table) for table in SETTINGS.values()))
]
FOUND_DOMAINS = some(((name,) for name in DOMAINS), of=2)
FOUND_DOMAIN = st.fixed_dictionaries(
    {
        "settings": one_of(FOUND_SETTINGS),
        "active": st.booleans(),
        "routing_engine": seldom("alias", "rules", of=15),
        "aliases": FOUND_ALIASES.map(dict),
    }
)
# What no task here manages, so it must be unchanged afterwards.
BYSTANDERS = {
    "credentials": [{"username": "post", "password": SECRETS[0]}],
    "rules": [{"type": "regex", "config": {"regex": "x", "scopes": ["subject"], "forward": OWNER}}],
    "logs": [{"id": "1"}],
}
LIMITS = seldom({}, {"aliases": 3}, {"domains": 3}, {"destinations": 1}, of=15)
# Unverified assumptions about the service, in every variant.
BELIEFS = st.fixed_dictionaries(
    {
        "list_shows_details": st.booleans(),
        "limit_status": st.sampled_from((400, 403)),
        "catch_all_is_blank": seldom(False, True, of=6),
    }
)
LARGE = seldom("", "aliases", "aliases", "domains", of=30)
# Ids that equal the names of other aliases.
IDS = one_of([(), (), (), (), (7, 12), (12, 7), (12,), (7,), (13, 7, 12), (13, 12, 7)])
MANY = st.integers(-4, 12)  # more than a reply about a domain contains, or than a page
SELDOM = seldom(False, True, of=30)


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, Any]:
    domains = []
    for name in draw(FOUND_DOMAINS):
        found = draw(FOUND_DOMAIN)
        domains.append({"domain": name, **found.pop("settings"), **found, **BYSTANDERS})
    large = draw(LARGE)
    if large == "aliases" and domains:
        domains[0]["aliases"] |= {BULK(n): "ann@mail.test" for n in range(200 + draw(MANY))}
    elif large == "domains":
        domains += [{"domain": f"{BULK(n)}.example"} for n in range(100 + draw(MANY))]
    others = sorted(set(DOMAINS) - {domain["domain"] for domain in domains})
    return {
        "domains": domains,
        "whitelabels": ["white.test"],
        "other_domains": others if draw(SELDOM) else [],
        "limits": draw(LIMITS),
        "beliefs": draw(BELIEFS),
    }


# --- Wishes ---------------------------------------------------------------------------------------

KEEP = ["what exists"]
WISHED_FORWARDS = [
    *({"forward": forward} for forward in FORWARDS),
    *[{"state": "absent"}] * 5,
    *[{"forward": KEEP}] * 5,
]
ALIAS_FORMS = [
    [{"alias": name, **wish} for wish, name in product(WISHED_FORWARDS, spellings)]
    for spellings in ALIASES.values()
]
WISHED_ALIAS = st.sampled_from(ALIAS_FORMS).flatmap(st.sampled_from)
WISHED_ALIASES = some(ALIAS_FORMS)
SETTING_FORMS = [
    (None, "", *(spelling for spellings in table.values() for spelling in spellings))
    for table in SETTINGS.values()
]
WISHED_SETTINGS = one_of(
    [
        {name: value for name, value in zip(SETTINGS, values, strict=True) if value is not None}
        for values in product(*SETTING_FORMS)
    ]
)
WISHED_DOMAIN = st.sampled_from([spelling for spellings in DOMAINS.values() for spelling in spellings])
WISHED_DOMAINS = some(DOMAINS.values(), of=2)
FORMS = st.sampled_from(("some", "some", "some", "purge", "purge", "bare", "absent"))
BULK_WISHES = {
    "v2": seldom((), range(198, 210), of=60),  # one request for each alias
    "v3": seldom((), range(198, 210), range(205), of=60),
}
ONE, MANY_DOMAINS = ("improvmx_domain", "improvmx_domains")
VERSIONS = st.sampled_from(("v3", "v2", "v3"))
MODULES = st.sampled_from((ONE, "improvmx_alias", MANY_DOMAINS, MANY_DOMAINS, MANY_DOMAINS))
PURGES = seldom({}, *({"purge": True, "max_deletions": most} for most in (999, 0, 2, 8, 999, 999)), of=3)
CONCURRENCY = st.sampled_from((1, 1, 2, 8))


@st.composite
def tasks(draw: st.DrawFn, account: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The version, the module, and its arguments."""
    version, module = draw(VERSIONS), draw(MODULES)
    if module == MANY_DOMAINS:
        wishes = [draw(wishes_of(name, account, version)) for name in draw(WISHED_DOMAINS)]
        return version, module, {"domains": wishes, "concurrency": draw(CONCURRENCY), **draw(PURGES)}
    name = draw(WISHED_DOMAIN)
    if module == ONE:
        return version, module, draw(wishes_of(name, account, version))
    return version, module, {"domain": name, **kept(draw(WISHED_ALIAS), name, account)}


@st.composite
def wishes_of(draw: st.DrawFn, name: str, account: Mapping[str, Any], version: str) -> dict[str, Any]:
    wish: dict[str, Any] = {"domain": name}
    if version == "v3":
        wish |= draw(WISHED_SETTINGS)
    form = draw(FORMS)
    if form == "absent":
        wish["state"] = "absent"
    if form != "bare":
        wish["aliases"] = [kept(alias, name, account) for alias in draw(WISHED_ALIASES)]
        wish["aliases"] += [{"alias": BULK(n), "forward": FORWARDS[0]} for n in draw(BULK_WISHES[version])]
        wish["purge_aliases"] = form == "purge"
    return wish


def kept(wish: dict[str, Any], domain: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """The wish; with KEEP replaced by the existing destinations."""
    if wish.get("forward") is not KEEP:
        return wish
    existing = {
        meaning(alias): forward.split(",")
        for found in account["domains"]
        if found["domain"] == meaning(domain)
        for alias, forward in found["aliases"].items()
    }
    return {**wish, "forward": existing.get(meaning(wish["alias"]), FORWARDS[0])}


# --- Faults ---------------------------------------------------------------------------------------

NO = {"error": "No."}
ODD_TEXTS = ("null", '"text"', '{"error": ', b"\xff\xfe")
# Valid replies to a write, as far as known, but not to a read.
ODD_OBJECTS: tuple[Any, ...] = ({}, {"domains": [{"domain": "a.example"}, 7]})
KINDS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "html": True},
    {"kind": "status", "status": 503},
    {"kind": "status_after", "status": 500, "html": True},
    {"kind": "status_after", "status": 503},
    {"kind": "rate_limit"},
    {"kind": "rate_limit", "retry_after": 0},
    {"kind": "rate_limit", "retry_after": 20},
    {"kind": "rate_limit", "retry_after": 900},
    {"kind": "rate_limit", "retry_after": "date", "seconds": 20.0},
    {"kind": "rate_limit", "reset": True, "seconds": 20.0},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "cut"},
    {"kind": "empty"},
    {"kind": "wrong_type"},
    {"kind": "truncated_json"},
    {"kind": "delay", "seconds": 1.0},
    {"kind": "delay", "seconds": 20.0},
    {"kind": "delay_before", "seconds": 20.0},
    *[{"kind": "batch_partial", "method": "POST", "skip": 0}] * 4,
    {"kind": "success_false"},
    {"kind": "redirect"},
    {"kind": "huge", "size": 1 << 20},
    *({"kind": "settings_partial", "method": "PUT", "status": status} for status in (None, None, 400, 503)),
    *({"kind": "body", "body": body} for body in (*ODD_TEXTS, ["a", "list"], 7)),
    *({"kind": "body", "body": body, "method": "GET"} for body in ODD_OBJECTS),
    *({"kind": "body", "body": NO, "status": status} for status in (400, 403, 422)),
]
SETTINGS_ONLY = {"method": "PUT", "path": "/domains/[^/]+$"}
AIMS = [
    {"times": times, "skip": skip, **(SETTINGS_ONLY if method == "settings" else {"method": method})}
    for times, skip, method in product(
        (1, 2, None), (0, 0, 1, 2, 3), (None, None, None, "settings", "GET", "POST", "PUT", "DELETE")
    )
]
SINGLE_FAULTS = st.builds(lambda aim, kind: Fault(**{**aim, **kind}), one_of(AIMS), one_of(KINDS))
FAULT_SETS = st.builds(
    Faults,
    planned=st.one_of(*(st.tuples(*[SINGLE_FAULTS] * count) for count in (0, 1, 1, 2, 3))),
    chance=st.none()
    | st.tuples(st.integers(0, 250), st.sampled_from((0.1, 0.25, 0.5)), st.sampled_from((0.0, 20.0, 900.0))),
    refused=st.sampled_from(((),) * 16 + tuple(product((False, True), repeat=3))),
    rate_limit=seldom(None, RateLimit(3, 10.0), RateLimit(3, 60.0), of=10),
    retry_timeout=seldom(30, 0, of=8),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    account = draw(accounts())
    return Case(account, *draw(tasks(account)), draw(FAULT_SETS), draw(IDS))
