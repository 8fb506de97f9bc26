# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gathers the desired state of each account from the variables of hosts, or reports all problems.

Pure: it does not depend on Ansible and sends no request. Templates are evaluated before, see
``_evaluate.py``. There are no fallbacks: a variable whose template fails is a problem of its host. It is
never replaced with the value of another host, of the environment or a default.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple
from urllib.parse import urlsplit

from ansible_collections.improvmx.email.plugins.module_utils._model.idna import display_domain, parse_domain
from ansible_collections.improvmx.email.plugins.module_utils._model.text import quoted

LIST = "improvmx_domains"
HOSTS = "improvmx_hosts"
FOUND = "improvmx"  # the current state from the inventory plugin, never a wish
PURGE = "improvmx_purge"
CHECK_DNS = "improvmx_check_dns"
MAX_DELETIONS = "improvmx_max_deletions"

# Variable of a host that is a domain -> option of the domain.
OF_A_DOMAIN: Mapping[str, str] = {
    "improvmx_%s" % option: option
    for option in (
        "state",
        "aliases",
        "purge_aliases",
        "rules",
        "purge_rules",
        "credentials",
        "purge_credentials",
        "notification_email",
        "webhook",
        "whitelabel",
    )
}
_LOCALHOSTS = ("localhost", "127.0.0.1", "::1")
_MOST_NAMED = 5  # hosts in a message; the others are counted
_TRUE = ("y", "yes", "on", "1", "true", "t", 1, 1.0, True)
_FALSE = ("n", "no", "off", "0", "false", "f", 0, 0.0, False)


# --- Values ---------------------------------------------------------------------------------------


def read_bool(value: Any) -> bool:
    """Parse a boolean like the modules of Ansible. Raises ValueError for anything else."""
    word = value.lower().strip() if isinstance(value, str) else value
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("it must be true or false")


def _read_int(value: Any, least: int, most: Optional[int] = None) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise ValueError("it must be a whole number") from None
    if number < least or (most is not None and number > most):
        bounds = "at least %d" % least if most is None else "from %d to %d" % (least, most)
        raise ValueError("it must be %s" % bounds)
    return number


def _read_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("it must be a string, and not empty")
    return value.strip()


def _read_choice(value: Any, choices: Sequence[str]) -> str:
    text = str(value).strip()
    if text not in choices:
        raise ValueError("it must be one of: %s" % ", ".join(choices))
    return text


def _read_check_dns(value: Any) -> str:
    if str(value).strip().lower() in ("false", "no", "off"):
        return "false"
    return _read_choice(value, ("false", "warn", "fail"))


Reader = Callable[[Any], Any]

# Variable -> (option of the module, parser of its value). These three identify the account.
_ACCOUNT: Mapping[str, Tuple[str, Reader]] = {
    "improvmx_api_key": ("api_key", _read_text),
    "improvmx_api_url": ("api_url", _read_text),
    "improvmx_api_version": ("api_version", partial(_read_choice, choices=("v2", "v3"))),
}
CONNECTION: Mapping[str, Tuple[str, Reader]] = {
    **_ACCOUNT,
    "improvmx_validate_certs": ("validate_certs", read_bool),
    "improvmx_ca_path": ("ca_path", _read_text),
    "improvmx_timeout": ("timeout", partial(_read_int, least=1)),
    "improvmx_retry_timeout": ("retry_timeout", partial(_read_int, least=0)),
}
_RUN: Mapping[str, Tuple[str, Reader]] = {
    PURGE: ("purge", read_bool),
    MAX_DELETIONS: ("max_deletions", partial(_read_int, least=0)),
    "improvmx_concurrency": ("concurrency", partial(_read_int, least=1, most=10)),
    CHECK_DNS: ("check_dns", _read_check_dns),
    "improvmx_unmanaged": ("unmanaged", partial(_read_choice, choices=("ignore", "report", "fail"))),
}
_COMMON: Mapping[str, Tuple[str, Reader]] = {**CONNECTION, **_RUN}
# An empty value of these must not select the default, which would disable a protection.
_NEEDS_VALUE = ("improvmx_api_key", PURGE, MAX_DELETIONS)
# The account of a host without these variables.
_ENVIRONMENT = {
    "api_key": "IMPROVMX_API_KEY",
    "api_url": "IMPROVMX_API_URL",
    "api_version": "IMPROVMX_API_VERSION",
}
_DEFAULTS = {"api_url": "https://api.improvmx.com", "api_version": "v3"}

READ: FrozenSet[str] = frozenset((LIST, FOUND, *OF_A_DOMAIN, *_COMMON))  # what the role reads of a host
# All variables of the role and the playbooks.
KNOWN: FrozenSet[str] = READ | {
    HOSTS,
    "improvmx_result",
    "improvmx_checks",
    "improvmx_export_path",
    "improvmx_export_layout",
    "improvmx_export_include",
    "improvmx_report",
    "improvmx_report_path",
    "improvmx_report_since",
    "improvmx_report_domains",
    "improvmx_report_check_dns",
    "improvmx_report_fail_on",
}


# --- Input ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Host:
    """A host of the play: the values of its variables, and the failures of their templates.

    ``names``: every variable of the host whose name begins with ``improvmx_``. ``implicit``: it is not in the
    inventory, like the localhost that Ansible adds by itself.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    names: FrozenSet[str] = frozenset()
    implicit: bool = False


@dataclass(frozen=True)
class Situation:
    """The play in which the role runs. The defaults are those of an ordinary run.

    ``from_play``: variables that are set in the play, the role or a task. ``everywhere``: the extra
    variables, the only ones that Ansible knows when it selects the hosts of a play. ``limited``: ``--limit``
    is set. ``hidden``: the hosts with a list that it excludes. ``unread``: the sources of the inventory that
    could not be read. ``given``: connection options for hosts that do not set them; they precede
    ``environment``.
    """

    hosts: Sequence[Host] = ()
    from_play: FrozenSet[str] = frozenset()
    everywhere: FrozenSet[str] = frozenset()
    limited: bool = False
    hidden: Sequence[str] = ()
    unread: Sequence[str] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


# --- Output ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Desired:
    """One domain, as the option ``domains`` accepts it.

    ``place``: its name in messages. ``prefix``: the prefix of its options in messages.
    """

    place: str
    item: Mapping[str, Any] = field(repr=False)
    prefix: str = ""


@dataclass(frozen=True)
class Account:
    """One run. ``connection``: the options that are set, without those of the environment."""

    url: str
    version: str
    connection: Mapping[str, Any] = field(repr=False)
    run: Mapping[str, Any]
    hosts: Tuple[str, ...]
    domains: Tuple[Desired, ...]

    @property
    def api_url(self) -> str:
        """The URL of the account, without user and password."""
        parts = urlsplit(self.url)
        return "%s://%s%s" % (parts.scheme, parts.netloc.rpartition("@")[2], parts.path)


def gather(situation: Situation) -> Tuple[Tuple[Account, ...], Tuple[str, ...]]:
    """Return the accounts of a play, in the order of their first hosts, and all problems.

    The accounts are also returned if there are problems, to be validated for the same error message.
    """
    gathering = _Gathering(situation)
    return gathering.accounts(), gathering.problems()


class _Gathering:
    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._problems: List[str] = []
        self._of_hosts: Dict[Tuple[str, str], List[str]] = {}  # (variable, what is wrong) -> hosts
        self._texts: Dict[int, str] = {}  # of lists, which many hosts can share

    def accounts(self) -> Tuple[Account, ...]:
        self._refuse_names()
        self._refuse_misplaced()
        for host in self._situation.hosts:
            for name, reason in host.failures.items():
                self._add_problem(host, name, "its template fails: %s" % reason)
        listed = any(LIST in host.values or LIST in host.failures for host in self._situation.hosts)
        sources = self._domains_of_lists() if listed else self._domains_of_hosts()
        accounts = self._by_account(sources)
        self._refuse_shared_domains(accounts)
        self._refuse_purge(accounts, listed)
        if not accounts and not self._problems and not self._of_hosts:
            self._problems.append(self._no_domains())
        return tuple(accounts)

    def problems(self) -> Tuple[str, ...]:
        """Return all problems. A problem that several hosts share is reported once."""
        shared = ["%s of %s: %s" % (n, _named(hosts), what) for (n, what), hosts in self._of_hosts.items()]
        return tuple(dict.fromkeys(shared + self._problems))

    def _add_problem(self, host: Host, name: str, what: str) -> None:
        self._of_hosts.setdefault((name, what), []).append(host.name)

    # --- Checks of variable names -----------------------------------------------------------------

    def _refuse_names(self) -> None:
        """Refuse variables that have no effect where they are set, and mistyped variables."""
        where: Dict[str, List[str]] = {}
        for host in self._situation.hosts:
            for name in host.names:
                if name not in READ:
                    where.setdefault(name, []).append(host.name)
        for name, hosts in sorted(where.items()):
            if name == HOSTS and HOSTS not in self._situation.everywhere:
                self._problems.append(
                    "improvmx_hosts has no effect in the inventory or a play (%s), because Ansible "
                    "does not know it yet when it selects the hosts of a play: set it with "
                    "-e improvmx_hosts=GROUP" % _named(hosts)
                )
            closest = _closest_variable(name)
            if closest:
                self._problems.append(
                    "%s (%s) is not a variable of the role: use %s, or choose a different name"
                    % (name, _named(hosts), closest)
                )

    def _refuse_misplaced(self) -> None:
        misplaced = sorted(self._situation.from_play & OF_A_DOMAIN.keys())
        if misplaced:
            self._problems.append(
                "%s can't be set in the play, the role or a task, only in the inventory or with -e, "
                "because each domain can have a value of its own: move it, for example to group_vars"
                % ", ".join(misplaced)
            )

    # --- Lists ------------------------------------------------------------------------------------

    def _domains_of_lists(self) -> List[Tuple[Host, List[Desired]]]:
        """Return the hosts that have a list, with its domains if no earlier host has the same list."""
        # All hosts of a group have the list of the group.
        self._refuse_shadowed()
        owners = [host for host in self._situation.hosts if LIST in host.values]
        lists = {self._text(host) for host in owners if not host.implicit}
        # Ansible's implicit localhost has the variables of group all, but is not in the inventory.
        owners = [host for host in owners if not (host.implicit and self._text(host) in lists)]
        several = len({self._text(host) for host in owners}) > 1
        sources: List[Tuple[Host, List[Desired]]] = []
        seen: Set[Tuple[Any, ...]] = set()
        for host in owners:
            key = (self._text(host), self._identity(host, self._connection(host)))
            sources.append((host, [] if key in seen else self._read_list(host, several)))
            seen.add(key)
        return sources

    def _text(self, host: Host) -> str:
        """Return the list of a host as text, to find equal lists. Its keys are text and can be sorted."""
        value = host.values[LIST]
        if id(value) not in self._texts:
            self._texts[id(value)] = json.dumps(value, sort_keys=True, default=str)
        return self._texts[id(value)]

    def _refuse_shadowed(self) -> None:
        """Refuse variables of single domains that have no effect because of a list in the inventory."""
        if LIST in self._situation.from_play or LIST in self._situation.everywhere:
            return  # such a list replaces all other variables
        for host in self._situation.hosts:
            for name in OF_A_DOMAIN:
                if host.values.get(name) is not None:
                    self._add_problem(
                        host,
                        name,
                        "it has no effect together with improvmx_domains, because no host is a domain if a "
                        "host of the play has such a list: move it into the list, or select the hosts that "
                        "are domains with -e improvmx_hosts=GROUP",
                    )

    def _read_list(self, host: Host, several: bool) -> List[Desired]:
        """Return the domains of a list. ``several``: there are other lists, so messages name the host."""
        value = host.values[LIST]
        if not isinstance(value, (list, tuple)):
            wrong_type = "it must be a list of domains, not %s" % _kind(value)
            null = "it is set, but has no value: for no domains, write an empty list, []"
            self._add_problem(host, LIST, null if value is None else wrong_type)
            return []
        found = []
        for index, item in enumerate(value):
            name = "%s[%d]" % (LIST, index)
            if isinstance(item, Mapping):
                found.append(Desired("%s of %s" % (name, host.name) if several else name, item))
            else:
                wrong_type = "it must be a domain with its options, such as {domain: example.com}, not %s"
                self._add_problem(host, name, wrong_type % _kind(item))
        return found

    # --- Hosts that are domains -------------------------------------------------------------------

    def _domains_of_hosts(self) -> List[Tuple[Host, List[Desired]]]:
        situation = self._situation
        if situation.hidden:
            self._problems.append(
                "--limit hides %s, which has improvmx_domains: run it without --limit"
                % _named(situation.hidden)
            )
            return []
        candidates = [host for host in situation.hosts if host.name not in _LOCALHOSTS]
        if not any(_is_desired(host) or FOUND in host.values for host in candidates):
            return []
        sources = []
        for host in candidates:
            try:
                parse_domain(host.name)
            except ValueError as error:
                self._problems.append(
                    "host %s is not a domain: %s. If the inventory also contains machines, select the group "
                    "of the domains with -e improvmx_hosts=GROUP" % (quoted(host.name), error)
                )
                continue
            if _is_desired(host) or FOUND not in host.values:
                item = {
                    OF_A_DOMAIN[name]: value
                    for name, value in host.values.items()
                    if name in OF_A_DOMAIN and value is not None
                }
                sources.append((host, [Desired(host.name, {"domain": host.name, **item}, "improvmx_")]))
            else:
                sources.append((host, []))  # found by the inventory plugin, without a desired state
        return sources

    # --- Accounts ---------------------------------------------------------------------------------

    def _connection(self, host: Host) -> Dict[str, Any]:
        """Return the connection options of a host that are set."""
        return {**self._situation.given, **self._read(host, CONNECTION)}

    def _identity(self, host: Host, connection: Mapping[str, Any]) -> Tuple[Any, ...]:
        """Return the identity of the account: URL, key and version, with environment and defaults."""
        options = {
            option: connection.get(option)
            or self._situation.environment.get(variable)
            or _DEFAULTS.get(option)
            for option, variable in _ENVIRONMENT.items()
            if "improvmx_" + option not in host.failures
        }
        scheme, slashes, rest = str(options.get("api_url")).rstrip("/").partition("://")
        server, slash, path = rest.partition("/")
        url = scheme.lower() + slashes + server.lower() + slash + path
        return url, options.get("api_key"), options.get("api_version")

    def _read(self, host: Host, variables: Mapping[str, Tuple[str, Reader]]) -> Dict[str, Any]:
        options: Dict[str, Any] = {}
        for name, (option, read) in variables.items():
            if name not in host.values:
                continue
            value = host.values[name]
            try:
                if value is not None:
                    options[option] = read(value)
                elif name in _NEEDS_VALUE:
                    raise ValueError("it is set, but has no value: remove it, or set a value")
            except ValueError as error:
                self._add_problem(host, name, str(error))
        return options

    def _by_account(self, sources: Sequence[Tuple[Host, List[Desired]]]) -> List[Account]:
        groups: Dict[Tuple[Any, ...], List[Tuple[Host, List[Desired]]]] = {}
        connections: Dict[str, Dict[str, Any]] = {}
        for host, desired in sources:
            connections[host.name] = self._connection(host)
            identity = self._identity(host, connections[host.name])
            groups.setdefault(identity, []).append((host, desired))
        accounts = []
        for (url, key, version), members in groups.items():
            hosts = [host for host, _desired in members]
            connection = connections[hosts[0].name]
            if not key and not any(name in host.failures for host in hosts for name in _ACCOUNT):
                self._problems.append(
                    "no API key for %s: set improvmx_api_key, preferably from a vault, or IMPROVMX_API_KEY "
                    "in the environment" % _named([host.name for host in hosts])
                )
            runs = {host.name: self._read(host, _RUN) for host in hosts}
            self._refuse_disagreement(hosts, {n: {**connections[n], **runs[n]} for n in runs})
            domains = tuple(item for _host, desired in members for item in desired)
            names = tuple(host.name for host in hosts)
            accounts.append(Account(url, version, connection, runs[hosts[0].name], names, domains))
        return accounts

    def _refuse_disagreement(self, hosts: Sequence[Host], options: Mapping[str, Mapping[str, Any]]) -> None:
        first = hosts[0].name
        for name, (option, _read) in _COMMON.items():
            if name in _ACCOUNT or any(name in host.failures for host in hosts):
                continue
            default = "false" if name == CHECK_DNS else False if name == PURGE else None
            values = {host.name: options[host.name].get(option, default) for host in hosts}
            others = [host for host, value in values.items() if value != values[first]]
            if others:
                self._problems.append(
                    "%s differs between hosts of one account, %s and %s: use the same value for all of them, "
                    "for example in group_vars/all" % (name, first, _named(others))
                )

    # --- Checks across hosts and accounts ---------------------------------------------------------

    def _refuse_shared_domains(self, accounts: Sequence[Account]) -> None:
        """Refuse a domain that is desired in two accounts. Duplicates in one account are found later."""
        owners: Dict[str, Account] = {}
        for account in accounts:
            for desired in account.domains:
                name = _normal(desired.item.get("domain"))
                owner = owners.setdefault(name, account) if name else account
                if owner is not account:
                    self._problems.append(
                        "%s is desired in two accounts, that of %s and that of %s: it can belong to one only"
                        % (display_domain(str(name)), _named(owner.hosts), _named(account.hosts))
                    )

    def _refuse_purge(self, accounts: Sequence[Account], listed: bool) -> None:
        if not any(_is_true(host.values.get(PURGE)) for host in self._situation.hosts):
            return
        every = "improvmx_purge deletes every domain that the inventory does not name, and "
        if self._situation.limited:
            self._problems.append(
                every + "--limit hides a part of it: run it without --limit, or without improvmx_purge"
            )
        if self._situation.unread:
            self._problems.append(
                every + "a part of it could not be read: repair or remove %s" % _named(self._situation.unread)
            )
        for host in self._situation.hosts:
            if LIST in host.names and LIST not in host.values and LIST not in host.failures:
                self._add_problem(host, LIST, "its template omits it, which improvmx_purge does not allow")
        for account in accounts:
            if account.run.get("purge"):
                self._refuse_purge_of(account, listed)

    def _refuse_purge_of(self, account: Account, listed: bool) -> None:
        names = frozenset(account.hosts)
        hosts = [host for host in self._situation.hosts if host.name in names]
        if "max_deletions" not in account.run and not any(MAX_DELETIONS in h.failures for h in hosts):
            self._problems.append(
                "improvmx_purge requires improvmx_max_deletions, the maximum number of domains, aliases, "
                "rules and credentials that a run may delete"
            )
        found = [host.name for host in hosts if FOUND in host.values and not _is_desired(host) and not listed]
        if found:
            self._problems.append(
                "improvmx_purge deletes every domain that the inventory does not name, and no desired state "
                "is set for %s, which the inventory plugin found: set improvmx_state for the domains to keep"
                % _named(found)
            )
        elif not account.domains:
            self._problems.append(
                "improvmx_purge without any domain would delete the whole account: name the domains to keep, "
                "or delete the others with state absent"
            )

    def _no_domains(self) -> str:
        others = [host for host in self._situation.hosts if host.name not in _LOCALHOSTS]
        text = "There are no domains to provision. Set improvmx_domains, or use an inventory whose hosts are "
        text += "domains"
        if others:
            text += (
                ". None of the hosts of the play (%s) has improvmx_domains or a variable of a domain (%s)"
                % (
                    _named([host.name for host in others]),
                    ", ".join(sorted(OF_A_DOMAIN)),
                )
            )
        return text


# --- Details --------------------------------------------------------------------------------------


def _is_desired(host: Host) -> bool:
    """Return whether a host has a variable of a domain, even an empty one."""
    return any(name in host.values or name in host.failures for name in OF_A_DOMAIN)


def _is_true(value: Any) -> bool:
    try:
        return read_bool(value)
    except ValueError:
        return False


def _normal(name: Any) -> Optional[str]:
    try:
        return parse_domain(name) if isinstance(name, str) else None
    except ValueError:
        return None


def _kind(value: Any) -> str:
    """Return the type of a value for messages."""
    if isinstance(value, Mapping):
        return "a dictionary"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "nothing" if value is None else "a string" if isinstance(value, str) else "a single value"


def _named(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    left = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (" and %d more" % left if left > 0 else "")


def _closest_variable(name: str) -> Optional[str]:
    """Return the variable of the role that a name is probably a typing mistake of; None for other names."""
    if name in KNOWN:
        return None
    own = name[len("improvmx_") :]
    best = None
    for known in sorted(KNOWN - {FOUND}):
        word = known[len("improvmx_") :]
        if own.startswith(word + "_"):
            continue  # such as improvmx_domains_of_shops, a variable of the user
        distance = _distance(own, word)
        if distance <= min(2, 0.3 * len(word)) and (best is None or distance < best[0]):
            best = (distance, known)
    return best[1] if best else None


def _distance(one: str, other: str) -> int:
    """Return the number of insertions, deletions, replacements and swaps of letters between two words."""
    rows = [list(range(len(other) + 1))]
    for before, letter in zip([None, *one], one):
        row = [len(rows)]
        for j, (previous, expected) in enumerate(zip([None, *other], other)):
            ways = [rows[-1][j + 1] + 1, row[j] + 1, rows[-1][j] + (letter != expected)]
            if (before, letter) == (expected, previous):
                ways.append(rows[-2][j - 1] + 1)
            row.append(min(ways))
        rows.append(row)
    return rows[-1][-1]
