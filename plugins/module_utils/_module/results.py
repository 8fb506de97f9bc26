# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results, warnings and failure messages of a module that writes."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule

from .._errors import Failure, ImprovmxError, display_text
from .._model.differences import Difference, diff
from .._model.idna import display_domain
from .._plan.changes import Change

NOTHING_DONE: Mapping[str, Any] = {
    "changed": False,
    "changes": [],
    "diff": [],
    "pending": [],
}
_MOST_NAMED = 10  # names in a message; the others are counted


def summary(done: Sequence[Change], differences: Iterable[Difference]) -> Dict[str, Any]:
    """Return the results that all modules that write have in common."""
    return {
        "changed": bool(done),
        "changes": [change.result() for change in done],
        "diff": diff(differences),
    }


def failure_before_writes(error: ImprovmxError) -> Failure:
    """Return the failure of a run that ended before its first write."""
    return Failure("%s. Nothing was changed." % str(error).rstrip("."), NOTHING_DONE)


def error_with_domain(domain: str, error: ImprovmxError) -> str:
    """Return the message of an error with its domain, without a full stop."""
    text = str(error).rstrip(".")
    name = display_domain(domain)
    return text if text.startswith(name) else "%s: %s" % (name, text)


def warn(module: AnsibleModule, text: str) -> None:
    module.warn(display_text(text))


def describe_changes(changes: Sequence[Change]) -> str:
    """Describe changes, the first ones by name."""
    return shorten_list([str(change) for change in changes]) if changes else "nothing"


def shorten_list(names: Sequence[str], more: str = "%d more", between: str = ", ") -> str:
    """Join the first names, with the number of the others."""
    left = len(names) - _MOST_NAMED
    return between.join([*names[:_MOST_NAMED], *([more % left] if left > 0 else [])])


def failures_of(failed: Iterable[Tuple[str, Optional[ImprovmxError]]]) -> List[Dict[str, str]]:
    """Return the result ``failed_domains``: domains with their errors."""
    return [{"domain": name, "msg": str(error)} for name, error in failed]


def warn_of_missing_domain(module: AnsibleModule, *domains: str) -> None:
    """Warn in check mode about domains that do not exist; an earlier task may create them."""
    if len(domains) == 1:
        warn(
            module,
            "%s is not a domain of this account yet. Check mode assumes that an earlier task creates it; "
            "otherwise the run itself will fail here." % domains[0],
        )
    elif domains:
        warn(
            module,
            "%s are not domains of this account yet. Check mode assumes that earlier tasks create them; "
            "otherwise the run itself will fail here." % shorten_list(domains),
        )
