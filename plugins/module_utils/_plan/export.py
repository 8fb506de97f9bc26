# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Export an account to files of variables; applying them to the account changes nothing. Pure.

The YAML is written here because modules have no YAML library, and to make it readable. Each exported item
is planned like a wish first: an item that applying the file would change is omitted, with a comment.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections import Counter
from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .._errors import InputError
from .._model import yaml_text as _yaml
from .._model.credentials import Credential
from .._model.domains import SETTINGS, Alias, Domain, DomainWish, alias_wish, domain_wish
from .._model.idna import display_domain, parse_domain
from .._model.names import alias_order, parse_alias
from .._model.rules import MATCHERS, Rule, rank_order
from .._model.text import quoted
from .plan import plan_domain

HOSTS_FILE = "hosts.yml"
HOST_VARS = "host_vars"

_FIRST_LINE = "# Exported by improvmx.email.export, fingerprint %s.\n"
_FIRST_LINE_START = _FIRST_LINE.partition("%s")[0]
_DIGITS = 12
_LONGEST_FILE_NAME = 255  # bytes
_HEAD = """\
#
# The domains and aliases of an ImprovMX account. Edit this file, then apply it:
#
#   ansible-playbook improvmx.email.provision %(source)s
#
# Add --check --diff to preview the changes. What is not listed stays unchanged.
# %(deleting)s
# After an edit, an export no longer overwrites this file.
---
"""
_DELETING_FROM_LIST = """\
"state: absent" deletes a domain or an alias; improvmx_purge and purge_aliases
# delete what is not listed."""
_DELETING_HOSTS = """\
"improvmx_state: absent" deletes a domain, "state: absent" an alias;
# improvmx_purge and improvmx_purge_aliases delete what is not listed."""
_BY_RULES = "Its mail is routed by rules, not by aliases."
_NO_PASSWORDS = "The service never shows a password. Creating a credential requires one."

_TEMPLATE = re.compile(r"#jinja2:|.*\{[{%#]")


@dataclass(frozen=True)
class Entry:
    """One domain in an export. ``aliases`` None: they are not exported."""

    name: str
    domain: str
    settings: Mapping[str, str]
    aliases: Optional[Tuple[Alias, ...]]
    left_out: Tuple[str, ...] = ()
    rules: Optional[Tuple[Rule, ...]] = None
    has_ranks: bool = False  # the order of the rules does not determine their ranks
    credentials: Optional[Tuple[Credential, ...]] = None

    @property
    def comment(self) -> str:
        """The A-label as a comment, if the name is in Unicode."""
        return "" if self.name == self.domain else "  # " + self.domain


@dataclass(frozen=True)
class Export:
    """The exported part of an account, and what was not exported."""

    entries: Tuple[Entry, ...]
    left_out: Tuple[str, ...]  # whole domains

    def counts(self) -> Dict[str, int]:
        return {
            "domains": len(self.entries),
            "aliases": sum(len(entry.aliases or ()) for entry in self.entries),
            "rules": sum(len(entry.rules or ()) for entry in self.entries),
            "credentials": sum(len(entry.credentials or ()) for entry in self.entries),
            "left_out": len(self.left_out) + sum(len(entry.left_out) for entry in self.entries),
        }


# --- Selection ------------------------------------------------------------------------------------


def export(domains: Iterable[Domain], supported: Sequence[str], version: str) -> Export:
    """Select what to export of complete domains, sorted by name.

    ``supported``: what the API ``version`` can manage. Lists that were not read are not exported.
    """
    entries = []
    left_out = []
    for domain in {domain.name: domain for domain in domains}.values():
        try:
            is_normalized = parse_domain(domain.name) == domain.name
        except ValueError as error:
            left_out.append("domain %s: %s" % (quoted(domain.name), error))
            continue
        if not is_normalized:  # the name becomes a file name
            left_out.append("domain %s: its name is not normalized" % quoted(domain.name))
        else:
            entries.append(_entry(domain, supported, version))
    return Export(tuple(sorted(entries, key=lambda e: (e.name, e.domain))), tuple(sorted(left_out)))


def _entry(domain: Domain, supported: Sequence[str], version: str) -> Entry:
    problems: List[str] = []
    settings = {}
    for setting in SETTINGS:
        value = domain.settings.get(setting)
        if value and not _add(problems, _setting_problems(domain, setting, value, supported, version)):
            settings[setting] = value
    aliases: Optional[Tuple[Alias, ...]] = None
    if not domain.routed_by_rules:
        counts = Counter(alias.key for alias in domain.aliases)
        aliases = tuple(
            alias
            for alias in sorted(domain.aliases, key=lambda alias: alias_order(alias.name))
            if not _add(problems, _alias_problems(domain, alias, counts[alias.key]))
        )
    rules = _rules(domain, supported, version, problems) if domain.rules is not None else None
    in_order = not rules or _same(_rules_wish(domain.name, rules, supported, version), domain)
    return Entry(
        _display_name(domain.name),
        domain.name,
        settings,
        aliases,
        rules=rules,
        has_ranks=not in_order,
        credentials=_credentials(domain, supported, version, problems),
        left_out=tuple(problems),
    )


def _rules(domain: Domain, supported: Sequence[str], version: str, problems: List[str]) -> Tuple[Rule, ...]:
    """Return the rules that can be exported, in the order of evaluation."""
    counts = Counter((rule.key, frozenset(rule.scopes)) for rule in domain.rules or ())
    exported = []
    for rule in sorted(domain.rules or (), key=rank_order):
        what = "rule %s" % quoted(rule.name)
        if counts[rule.key, frozenset(rule.scopes)] > 1:
            problems.append("%s: another rule has the same matcher" % what)
            continue
        if rule.type not in MATCHERS:
            problems.append("%s: its type %s is unknown" % (what, quoted(rule.type)))
            continue
        try:
            wish = _rules_wish(domain.name, [rule], supported, version)
        except InputError as error:
            problems.append("%s: %s" % (what, "; ".join(error.problems)))
            continue
        if not _add(problems, _differences(wish, replace(domain, rules=(rule,)), what)):
            exported.append(rule)
    return tuple(exported)


def _rules_wish(domain: str, rules: Sequence[Rule], supported: Sequence[str], version: str) -> DomainWish:
    items = [{**rule.fields(), "rank": None} for rule in rules]
    return domain_wish({"domain": domain, "rules": items}, supported, version)


def _credentials(
    domain: Domain, supported: Sequence[str], version: str, problems: List[str]
) -> Optional[Tuple[Credential, ...]]:
    if domain.credentials is None:
        return None
    exported = []
    for credential in sorted(domain.credentials, key=lambda each: each.username):
        what = "credential %s" % quoted(credential.username)
        item = {"domain": domain.name, "credentials": [{"username": credential.username}]}
        try:
            wish = domain_wish(item, supported, version)
        except InputError as error:
            problems.append("%s: %s" % (what, "; ".join(error.problems)))
            continue
        if not _add(problems, _differences(wish, domain, what)):
            exported.append(credential)
    return tuple(exported)


def _add(problems: List[str], found: Sequence[str]) -> bool:
    problems += found
    return bool(found)


def _display_name(name: str) -> str:
    """Return the Unicode form of a name, if it can be parsed back to the same name."""
    text = display_domain(name)
    try:
        is_short = len(text.encode("utf-8")) + len(".yml") <= _LONGEST_FILE_NAME
        return text if is_short and parse_domain(text) == name else name
    except ValueError:
        return name


def _setting_problems(
    domain: Domain, setting: str, value: str, supported: Sequence[str], version: str
) -> Sequence[str]:
    try:
        wish = domain_wish({"domain": domain.name, setting: value}, supported, version)
    except InputError as error:
        return error.problems
    return _differences(wish, domain, "%s %s" % (setting, quoted(value)))


def _alias_problems(domain: Domain, alias: Alias, same_name: int) -> Sequence[str]:
    what = "alias %s" % quoted(alias.name)
    if same_name > 1:
        return ["%s: another alias differs in case only" % what]
    try:
        parse_alias(alias.name)
        wish = alias_wish({"domain": domain.name, "alias": alias.name, "forward": alias.forward})
    except ValueError as error:
        return ["%s: %s" % (what, error)]
    except InputError as error:
        return ["%s: %s" % (what, "; ".join(error.problems))]
    return _differences(wish, Domain(domain.name, aliases=(alias,)), what)


def _differences(wish: DomainWish, found: Domain, what: str) -> Sequence[str]:
    """Verify that applying the exported item changes nothing; return a problem otherwise."""
    return [] if _same(wish, found) else ["%s: applying it would change it" % what]


def _same(wish: DomainWish, found: Domain) -> bool:
    planned = plan_domain(wish, found)
    return planned.changes == () and planned.problem is None


# --- The files ------------------------------------------------------------------------------------


def list_file(account: Export, name: str) -> str:
    """Return the text of the file ``name`` that contains the list of domains."""
    head = _HEAD % {"source": "-e " + shlex.quote("@" + name), "deleting": _DELETING_FROM_LIST}
    items = ["".join(_list_item(entry)) for entry in account.entries]
    body = "improvmx_domains:%s\n" % ("" if items else " []") + "\n".join(items)
    return _stamped(head + body + "".join(_omitted(account.left_out, "")))


def hosts_files(account: Export) -> Dict[str, str]:
    """Return the texts of the files, by path, in which each domain is a host."""
    head = _HEAD % {"source": "-i " + HOSTS_FILE, "deleting": _DELETING_HOSTS}
    entries = [_with_name_for_file(entry) for entry in account.entries]
    hosts = "".join("    %s:%s\n" % (scalar(entry.name), entry.comment) for entry in entries)
    body = "all:\n  hosts:%s\n%s" % ("" if hosts else " {}", hosts)
    files = {HOSTS_FILE: _stamped(head + body + "".join(_omitted(account.left_out, "")))}
    for entry in entries:
        text = "---\n" + "".join(_fields(entry, "improvmx_", ""))
        files["%s/%s" % (HOST_VARS, _file_name(entry.name))] = _stamped(text)
    return files


def _with_name_for_file(entry: Entry) -> Entry:
    """Return the entry with its A-label if the Unicode form is too long for a file name."""
    return (
        entry if len(entry.name.encode("utf-8")) <= _LONGEST_FILE_NAME else replace(entry, name=entry.domain)
    )


def _file_name(host: str) -> str:
    """Return the name of the variables file of a host. Ansible also reads files without an extension."""
    name = host + ".yml"
    return name if len(name.encode("utf-8")) <= _LONGEST_FILE_NAME else host


def could_be_host_vars(name: str) -> bool:
    """Return whether an export could have written a file with this name."""
    return name.endswith(".yml") or len(name.encode("utf-8", "surrogateescape")) > _LONGEST_FILE_NAME - 4


def _list_item(entry: Entry) -> Iterable[str]:
    yield "  - domain: %s%s\n" % (scalar(entry.name), entry.comment)
    yield from _fields(entry, "", "    ")


def _fields(entry: Entry, prefix: str, indent: str) -> Iterable[str]:
    """Return the lines of a domain after its name."""
    for setting, value in entry.settings.items():
        yield "%s%s%s: %s\n" % (indent, prefix, setting, scalar(value))
    if entry.aliases is None:
        yield "%s# %s\n" % (indent, _BY_RULES)
    if entry.rules is not None:
        yield "%s%srules:%s\n" % (indent, prefix, "" if entry.rules else " []")
        for rule in entry.rules:
            yield from _rule(rule, entry.has_ranks, indent + "  ")
    if entry.aliases is not None:
        yield "%s%saliases:%s\n" % (indent, prefix, "" if entry.aliases else " []")
        for alias in entry.aliases:
            yield "%s  - alias: %s\n" % (indent, scalar(alias.name))
            yield from _forward(alias.forward, indent + "    ")
    if entry.credentials:
        yield "%s# %s\n" % (indent, _NO_PASSWORDS)
    if entry.credentials is not None:
        yield "%s%scredentials:%s\n" % (indent, prefix, "" if entry.credentials else " []")
        for credential in entry.credentials:
            yield "%s  - username: %s\n" % (indent, scalar(credential.username))
    yield from _omitted(entry.left_out, indent)


def _rule(rule: Rule, with_rank: bool, indent: str) -> Iterable[str]:
    """Return the lines of a rule. Its rank is omitted if the order of the list is enough."""
    yield "%s- type: %s\n" % (indent, rule.type)
    yield "%s  %s: %s\n" % (indent, MATCHERS[rule.type], scalar(rule.matcher))
    if rule.type == "regex":
        yield "%s  scopes: [%s]\n" % (indent, ", ".join(map(scalar, rule.scopes)))
    yield from _forward(rule.forward, indent + "  ")
    if with_rank and rule.rank is not None:
        yield "%s  rank: %s\n" % (indent, _yaml.scalar(rule.rank))
    if not rule.active:
        yield "%s  active: false\n" % indent


def _forward(destinations: Sequence[str], indent: str) -> Iterable[str]:
    if len(destinations) == 1:
        yield "%sforward: %s\n" % (indent, scalar(destinations[0]))
        return
    yield "%sforward:\n" % indent
    for destination in destinations:
        yield "%s  - %s\n" % (indent, scalar(destination))


def _omitted(problems: Iterable[str], indent: str) -> Iterable[str]:
    for problem in problems:
        yield "%s# Not exported: %s.\n" % (indent, problem)


def scalar(text: str) -> str:
    """Format text on one line, as YAML that Ansible loads as the same text.

    The tag ``!unsafe`` prevents templating.
    """
    written = _yaml.scalar(text)
    return "!unsafe " + written if _TEMPLATE.match(text) else written


# --- The first line -------------------------------------------------------------------------------


def as_written(text: str) -> str:
    """Undo what a checkout can change in a file: line ends, the last line end and a BOM."""
    return text.lstrip("\ufeff").replace("\r\n", "\n").rstrip("\n") + "\n"


def is_exported(text: str) -> bool:
    """Return whether a file was written by an export, edited or not."""
    return as_written(text).startswith(_FIRST_LINE_START)


def is_untouched(text: str) -> bool:
    """Return whether a file is unchanged since an export wrote it."""
    text = as_written(text)
    return text == _stamped(text.partition("\n")[2])


def fingerprint(text: str) -> Optional[str]:
    """Return the fingerprint in the first line of an exported file; None for other files."""
    return text.lstrip("\ufeff")[len(_FIRST_LINE_START) :][:_DIGITS] if is_exported(text) else None


def _stamped(text: str) -> str:
    return _FIRST_LINE % hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGITS] + text
