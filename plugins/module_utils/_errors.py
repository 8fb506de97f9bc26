# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All exceptions of the collection, with their tree.

    ImprovmxError
        InputError                   invalid values of the user, before any request
        PlanError                    a wish for a domain that can't be applied, before any write to it
            DomainMissing, RoutedByRules, NotRoutedByRules, NotOverwritten, PasswordMissing,
            UnplannedDeletions
        ApiError                     a failed request
            Refused, RateLimited, Unavailable, Interrupted, BadReply, PartlyDone
        NotTried                     a domain that was skipped
        Failure                      a failed run, with its results

Exceptions that are only used inside one folder are defined there.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from ._model.idna import display_names
from ._model.text import printable
from ._model.urls import shorten_urls


def display_text(text: str) -> str:
    """Format text for messages and warnings: one line, Unicode domain names, no secrets of URLs."""
    return display_names(shorten_urls(printable(text)))


class ImprovmxError(Exception):
    """The base of all exceptions. The message is one line for the user."""

    def __init__(self, message: str) -> None:
        super().__init__(display_text(message))


class InputError(ImprovmxError):
    """The input is invalid. ``problems`` has one message per invalid value."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(display_text, problems))
        count = len(self.problems)
        head = "" if count == 1 else "%d problems in the input: " % count
        super().__init__(head + "; ".join(self.problems) + ". No request was sent.")


# --- Plans ----------------------------------------------------------------------------------------


class PlanError(ImprovmxError):
    """The wish for a domain can't be applied to its current state. ``changes``: the changes it requires."""

    def __init__(self, message: str, changes: Sequence[Any]) -> None:
        super().__init__(message)
        self.changes = tuple(changes)


class DomainMissing(PlanError):
    """Aliases or other ``things`` are desired for a domain that does not exist in the account."""

    def __init__(self, domain: str, changes: Sequence[Any], things: str = "aliases") -> None:
        super().__init__(
            "%s is not a domain of this account, so it can't have %s: create the domain first, with "
            "improvmx.email.improvmx_domain" % (domain, things),
            changes,
        )


class RoutedByRules(PlanError):
    """Aliases are desired for a domain that is routed by rules."""

    def __init__(self, domain: str, changes: Sequence[Any]) -> None:
        super().__init__(
            "%s is routed by rules (routing_engine: rules), so its aliases have no effect: manage its "
            "rules with improvmx.email.improvmx_rule, or switch the domain to aliases in the dashboard of "
            "ImprovMX" % domain,
            changes,
        )


class NotRoutedByRules(PlanError):
    """Rules are desired for a domain that is routed by aliases."""

    def __init__(self, domain: str, changes: Sequence[Any], exists: bool = True) -> None:
        if exists:
            message = (
                "%s is routed by aliases, so it has no rules: manage its aliases with "
                "improvmx.email.improvmx_alias, or switch it to rules in the dashboard of ImprovMX"
            )
        else:
            message = (
                "%s does not exist yet, and a new domain is routed by aliases: create it without rules, "
                "switch it to rules in the dashboard of ImprovMX, and run this again"
            )
        super().__init__(message % domain, changes)


class NotOverwritten(PlanError):
    """An alias exists with other destinations than desired, and overwrite is false."""

    def __init__(self, domain: str, alias: str, changes: Sequence[Any]) -> None:
        super().__init__(
            "alias %s of %s exists with other destinations, and overwrite is false: to replace them, set "
            "overwrite to true; to keep them, omit the alias" % (alias, domain),
            changes,
        )


class UnplannedDeletions(PlanError):
    """The domain contains more than the plan knew, and deleting it was not planned or allowed."""

    def __init__(self, domain: str, changes: Sequence[Any], most: Optional[int]) -> None:
        names = [change.name for change in changes if change.action == "delete"]
        limit = "not set" if most is None else str(most)
        super().__init__(
            "%s contains more than when the account was read: deleting %s was not planned "
            "(max_deletions is %s). Check what the domain contains before you run it again"
            % (domain, ", ".join(names[:3]) + (", ..." if names[3:] else ""), limit),
            changes,
        )


class PasswordMissing(PlanError):
    """A credential has to be created, and no password is set."""

    def __init__(self, change: Any, changes: Sequence[Any]) -> None:
        super().__init__(
            "%s has no SMTP credential %s yet, and creating it requires a password: set one in password"
            % (change.domain, change.name),
            changes,
        )


# --- The service ----------------------------------------------------------------------------------


class ApiError(ImprovmxError):
    """A request failed.

    ``method``, ``path``: the request. ``status``: the status of the answer, None if there was none.
    ``service_message``: the message of the service. ``doubtful``: the request may have taken effect.
    ``permanent``: a retry does not help, for example with a wrong address or a wrong proxy.
    ``repeatable``: whether sending the request twice is safe, so that it was sent again after doubtful tries.
    """

    permanent = False
    repeatable = True

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
        """Return the same error with more text."""
        return type(self)(
            self.reason + more, self.method, self.path, self.status, self.service_message, self.doubtful
        )


class Refused(ApiError):
    """The service rejected the request (4xx, or success false)."""


class RateLimited(ApiError):
    """The rate limit requires a longer wait than the run is allowed."""


class Unavailable(ApiError):
    """No answer, or a server error (5xx). A retry may help."""


class Interrupted(ApiError):
    """The run was interrupted before the request was sent."""


class BadReply(ApiError):
    """The answer does not conform to the API."""


class PartlyDone(BadReply):
    """A request for several aliases created only those in ``ids``."""

    def __init__(self, reason: str, method: str, path: str, ids: Mapping[str, Optional[str]]) -> None:
        super().__init__(reason, method, path, 200)
        self.ids = ids


# --- Runs -----------------------------------------------------------------------------------------


class NotTried(ImprovmxError):
    """A domain was skipped because the service is unavailable or the run was interrupted."""


class Failure(ImprovmxError):
    """A run failed. ``results``: what it returns besides the message."""

    def __init__(self, message: str, results: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.results = results
