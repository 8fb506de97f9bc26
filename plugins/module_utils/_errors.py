# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every exception that callers may see, the tree on top.

    ImprovmxError
        InputError                   the user's values, before any request
        PlanError                    the wish for a domain, before any write to it
            DomainMissing, RoutedByRules, NotRoutedByRules, NotOverwritten, PasswordMissing,
            UnplannedDeletions
        ApiError                     one request
            Refused, RateLimited, Unavailable, Interrupted, BadReply, PartlyDone
        NotTried                     a domain that was left alone
        Failure                      a whole run, with the results that it has to show

What one file raises for another of its own folder alone is defined there.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from ._model.idna import display_names
from ._model.text import printable
from ._model.urls import shorten_urls


def display_text(text: str) -> str:
    """A text as messages and warnings show it: on one line, without the secrets of URLs or A-labels."""
    return display_names(shorten_urls(printable(text)))


class ImprovmxError(Exception):
    """Anything this collection has to tell its user: the message is one line made for reading."""

    def __init__(self, message: str) -> None:
        super().__init__(display_text(message))


class InputError(ImprovmxError):
    """The user's values can't be used. ``problems`` names each of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(display_text, problems))
        count = len(self.problems)
        head = "" if count == 1 else "%d problems in the input: " % count
        super().__init__(head + "; ".join(self.problems) + ". No request was sent.")


# --- Plans ----------------------------------------------------------------------------------------


class PlanError(ImprovmxError):
    """The wish for one domain can't be executed as things stand. ``changes``: what it comes to."""

    def __init__(self, message: str, changes: Sequence[Any]) -> None:
        super().__init__(message)
        self.changes = tuple(changes)


class DomainMissing(PlanError):
    """An alias, or another of a domain's ``things``, is wanted where the account has no such domain."""

    def __init__(self, domain: str, changes: Sequence[Any], things: str = "aliases") -> None:
        super().__init__(
            "%s is not a domain of this account, so it can't have %s: create it first, with "
            "improvmx.email.improvmx_domain" % (domain, things),
            changes,
        )


class RoutedByRules(PlanError):
    """Aliases are wanted on a domain whose mail is routed by rules."""

    def __init__(self, domain: str, changes: Sequence[Any]) -> None:
        super().__init__(
            "%s is routed by rules (routing_engine: rules), so aliases have no say there: manage its rules, "
            "with improvmx.email.improvmx_rule, or switch the domain back to aliases in the dashboard of "
            "ImprovMX" % domain,
            changes,
        )


class NotRoutedByRules(PlanError):
    """Rules are wanted on a domain whose mail is routed by aliases."""

    def __init__(self, domain: str, changes: Sequence[Any], exists: bool = True) -> None:
        if exists:
            story = (
                "%s is routed by aliases, so it has no rules: manage its aliases, with "
                "improvmx.email.improvmx_alias, or switch it to rules in the dashboard of ImprovMX"
            )
        else:
            story = (
                "%s does not exist yet, and a new domain is routed by aliases: create it without rules, "
                "switch it to rules in the dashboard of ImprovMX, and run this again"
            )
        super().__init__(story % domain, changes)


class NotOverwritten(PlanError):
    """An alias exists with other destinations than desired, and they must not be replaced."""

    def __init__(self, domain: str, alias: str, changes: Sequence[Any]) -> None:
        super().__init__(
            "alias %s of %s exists with other destinations, and overwrite is false: to replace them, set "
            "overwrite to true; to keep them, leave the alias out" % (alias, domain),
            changes,
        )


class UnplannedDeletions(PlanError):
    """A domain turns out to hold what would have to be deleted, and nobody agreed to that."""

    def __init__(self, domain: str, changes: Sequence[Any], most: Optional[int]) -> None:
        names = [change.name for change in changes if change.action == "delete"]
        bound = "not bounded" if most is None else str(most)
        super().__init__(
            "%s turned out to hold more than it showed when the account was read: to delete %s was not in "
            "the plan (max_deletions is %s). See what the domain holds before you run it again"
            % (domain, ", ".join(names[:3]) + (", ..." if names[3:] else ""), bound),
            changes,
        )


class PasswordMissing(PlanError):
    """A credential has to be created, and there is no password for it."""

    def __init__(self, change: Any, changes: Sequence[Any]) -> None:
        super().__init__(
            "%s has no SMTP credential %s yet, and to create it takes a password: give one in password"
            % (change.domain, change.name),
            changes,
        )


# --- The service ----------------------------------------------------------------------------------


class ApiError(ImprovmxError):
    """A request that did not do its work.

    ``method``, ``path``: the request. ``status``: the service's answer, None without one. ``words``:
    what the service said of it. ``doubtful``: it may have taken effect all the same.
    """

    def __init__(
        self,
        reason: str,
        method: str,
        path: str,
        status: Optional[int] = None,
        service_message: str = "",
        doubtful: bool = False,
    ) -> None:
        self.reason, self.method, self.path = reason, method, path
        self.status, self.service_message, self.doubtful = status, service_message, doubtful
        super().__init__("%s %s: %s" % (method, path, reason))

    def extended(self, more: str) -> ApiError:
        """The same error with more to say."""
        return type(self)(
            self.reason + more, self.method, self.path, self.status, self.service_message, self.doubtful
        )


class Refused(ApiError):
    """The service understood and said no (4xx, or success false)."""


class RateLimited(ApiError):
    """The service wants a longer pause than the run may spend."""


class Unavailable(ApiError):
    """No answer, or one that says that the service is out of order (5xx). A repeat may help.

    ``hopeless``: it does not, for this is how a wrong address or a wrong proxy looks.
    """

    permanent = False


class Interrupted(ApiError):
    """The run was told to end before the request was sent."""


class BadReply(ApiError):
    """An answer that is not what the API promises."""


class PartlyDone(BadReply):
    """Of several aliases in one request only those of ``ids`` were created."""

    def __init__(self, reason: str, method: str, path: str, ids: Mapping[str, Optional[str]]) -> None:
        super().__init__(reason, method, path, 200)
        self.ids = ids


# --- Runs -----------------------------------------------------------------------------------------


class NotTried(ImprovmxError):
    """A domain was left alone because the service fails as a whole, or the run was interrupted."""


class Failure(ImprovmxError):
    """A run that failed, with the results that it has to show all the same."""

    def __init__(self, message: str, results: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.results = results
