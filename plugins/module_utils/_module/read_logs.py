# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the logs of one, several or all domains, and report what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence

from .._api.base import Api
from .._errors import ApiError, Failure, ImprovmxError
from .._model.domains import Domain
from .._model.logs import LogQuery, newest_first, summarize
from .._run.fetch import read_existing
from .._run.parallel import Outage, map_parallel
from .results import error_with_domain, failures_of, shorten_list


@dataclass
class Log:
    """The selected log entries of a domain, or the error if they could not be read."""

    domain: str
    entries: List[Dict[str, Any]] = field(default_factory=list)
    error: Optional[ImprovmxError] = None


def read_log(api: Api, domain: str, alias: Optional[str], query: LogQuery) -> Dict[str, Any]:
    """Return the results for one domain, or one of its aliases. Raises ApiError."""
    entries = query.select(domain, api.logs(domain, alias))
    return {"changed": False, "logs": entries, "summary": summarize(entries)}


def read_logs(
    api: Api, domains: Optional[Sequence[str]], query: LogQuery, concurrency: int
) -> Dict[str, Any]:
    """Return the results for several domains, ``concurrency`` at a time. None: all of the account.

    If a domain can't be read, raises Failure with the results of the others. Of all domains, those are
    omitted that are deleted before their logs are read.
    """
    outage = Outage()

    def select(domain: Domain) -> List[Dict[str, Any]]:
        return query.select(domain.name, api.logs(domain.name))

    def read(domain: Domain) -> Optional[Log]:
        log = Log(domain.name)
        if outage.known:
            log.error = outage.skipped()
            return log
        try:
            entries = select(domain) if domains is not None else read_existing(api, domain, select)
        except ApiError as error:
            log.error, entries = error, []
        outage.record(log.error)
        if entries is None:
            return None
        log.entries = entries
        return log

    if domains is None:
        chosen = sorted(api.domains(), key=lambda domain: domain.name)
    else:
        chosen = [Domain(name) for name in domains]
    logs = [log for log in map_parallel(read, chosen, concurrency) if log]
    results = _results(logs)
    failed = [log for log in logs if log.error]
    if not failed:
        return results
    results["failed_domains"] = failures_of((log.domain, log.error) for log in failed)
    reasons = shorten_list(
        [error_with_domain(log.domain, log.error) for log in failed if log.error],
        "and %d more, see failed_domains",
        "; ",
    )
    raise Failure(
        "The logs of %d of %d domains could not be read. %s. The result contains the logs of the others."
        % (len(failed), len(logs), reasons),
        results,
    )


def _results(logs: Sequence[Log]) -> Dict[str, Any]:
    entries = newest_first(entry for log in logs for entry in log.entries)
    return {
        "changed": False,
        "logs": entries,
        "summary": summarize(entries),
        "summaries": {log.domain: summarize(log.entries) for log in logs if not log.error},
    }
