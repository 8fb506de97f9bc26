# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the role: gathers the desired state from the inventory, then runs one module for each account."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader

from ansible_collections.improvmx.email.plugins.module_utils._errors import InputError
from ansible_collections.improvmx.email.plugins.plugin_utils._check import problems_of
from ansible_collections.improvmx.email.plugins.plugin_utils._core import require_supported_core
from ansible_collections.improvmx.email.plugins.plugin_utils._gather import Account, gather
from ansible_collections.improvmx.email.plugins.plugin_utils._progress import shown_progress
from ansible_collections.improvmx.email.plugins.plugin_utils._situation import read_situation

_NAMESPACE = "improvmx.email."
# A refused run returns the same results as a run that did nothing.
_NOTHING: Mapping[str, Any] = {
    "changed": False,
    "changes": [],
    "pending": [],
    "failed_domains": [],
    "domains": [],
    "diff": [],
    "unmanaged": [],
    "api_requests": 0,
    "accounts": [],
}
_RAN_ALREADY: Mapping[str, Any] = {
    "skipped": True,
    "skip_reason": "The role runs only once, and already ran for another host.",
    "check_dns": False,
}
_LISTS = ("changes", "pending", "failed_domains", "domains", "diff", "unmanaged")
# Without improvmx_max_deletions, because one line in group_vars/all can delete all domains.
_MOST_DELETED_DOMAINS = 3
_MOST_SHOWN = 10  # problems of DNS records that are shown one by one


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables: dict[str, Any] = task_vars or {}
        require_supported_core()
        step, given = self._read_args()
        if not self._is_first_host(variables):
            return {**result, **_RAN_ALREADY}
        try:
            accounts = self._gather(variables, given)
        except InputError as error:
            return {**result, **_NOTHING, "failed": True, "msg": str(error)}
        with self._on_controller(variables) as controller_vars:
            run = self._check_dns if step == "check_dns" else self._provision
            return {**result, **run(accounts, controller_vars)}

    def _read_args(self) -> tuple[str, dict[str, Any]]:
        """The step to run, and the connection options from module_defaults."""
        args = dict(self._task.args)
        step = args.pop("step", "provision")
        if step not in ("provision", "check_dns"):
            raise AnsibleError("step must be provision or check_dns, not %s" % step)
        return step, args

    # --- Desired state ----------------------------------------------------------------------------

    def _gather(self, variables: dict[str, Any], given: Mapping[str, Any]) -> tuple[Account, ...]:
        """The accounts with their desired state. Raises InputError with all problems. Sends no request."""
        environment = {**os.environ, **self._environment()}
        situation = read_situation(self._loader, variables, given=given, environment=environment)
        accounts, problems = gather(situation)
        problems += tuple(problem for account in accounts for problem in problems_of(account))
        if problems:
            raise InputError(tuple(dict.fromkeys(problems)))
        return accounts

    def _environment(self) -> dict[str, str]:
        """What the environment of the task adds to that of the playbook."""
        parts = self._task.environment or []
        maps = [self._templar.template(part) for part in (parts if isinstance(parts, list) else [parts])]
        return {key: str(value) for part in maps if isinstance(part, Mapping) for key, value in part.items()}

    # --- Once -------------------------------------------------------------------------------------

    def _is_first_host(self, variables: Mapping[str, Any]) -> bool:
        """Whether this is the first host for which the role runs in this play, or in this turn of a loop.

        The task has ``run_once``. Strategies in which hosts do not wait for each other ignore it, and a play
        with ``serial`` runs it once for each batch. In these cases, the first host creates a marker file in
        the directory that Ansible removes when the playbook ends.
        """
        play = self._task.get_play() if hasattr(self._task, "get_play") else None
        strategy = str(getattr(play, "strategy", None) or C.DEFAULT_STRATEGY).rpartition(".")[2]
        whole = len(variables["ansible_play_batch"]) == len(variables["ansible_play_hosts"])
        if strategy in ("linear", "debug") and whole:
            return True
        mark = hashlib.sha256(repr(self._turn(variables)).encode("utf-8", "surrogatepass")).hexdigest()
        try:
            Path(C.DEFAULT_LOCAL_TMP, "improvmx-%s" % mark[:32]).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _turn(self, variables: Mapping[str, Any]) -> list[Any]:
        """What identifies this run of the role in the play: its place, and the iteration of its loop."""
        # Included tasks are created again for each host. The task that includes them is not.
        parent = getattr(self._task, "_parent", None)
        turn: list[Any] = [self._task.args.get("step")]
        while parent is not None:
            if parent.__class__.__name__ in ("IncludeRole", "TaskInclude", "Play"):
                turn.append(str(parent._uuid))
            parent = getattr(parent, "_parent", None)
        name = variables.get("ansible_loop_var", "item")
        turn.append(repr(variables.get(name)))
        return turn

    # --- On the controller ------------------------------------------------------------------------

    @contextmanager
    def _on_controller(self, variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Variables with which a module runs on the controller, as the user who runs the playbook."""
        action: Any = self
        own = action._connection, self._task.delegate_to
        action._connection = connection_loader.get("ansible.builtin.local", self._play_context)
        action._connection.set_options(var_options={})
        self._task.delegate_to = None
        try:
            yield {**variables, "ansible_python_interpreter": self._interpreter(variables)}
        finally:
            self.cleanup()  # removes the files of the module from this connection, its arguments among them
            action._connection, self._task.delegate_to = own

    def _interpreter(self, variables: Mapping[str, Any]) -> str:
        """The Python that the inventory sets for localhost, or that of ansible-playbook."""
        localhost = variables["hostvars"]["localhost"]
        name = "ansible_python_interpreter"
        return str(localhost[name]) if name in localhost else sys.executable

    # --- Provision --------------------------------------------------------------------------------

    def _provision(self, accounts: Sequence[Account], controller_vars: dict[str, Any]) -> dict[str, Any]:
        outcomes: list[dict[str, Any]] = []
        for account in accounts:
            run = {name: value for name, value in account.run.items() if name != "check_dns"}
            domains = [desired.item for desired in account.domains]
            args = {**account.connection, **run, "domains": domains}
            if "max_deletions" not in run:
                deleted = [c for one in outcomes for c in one.get("changes", ()) if _deletes_domain(c)]
                args["max_domain_deletions"] = max(0, _MOST_DELETED_DOMAINS - len(deleted))
            outcomes.append(
                self._run_module("improvmx_domains", args, account, len(accounts), controller_vars)
            )
        return {**_merged(accounts, outcomes), "check_dns": any(map(_wants_check, accounts))}

    def _run_module(
        self, name: str, args: dict[str, Any], account: Account, count: int, controller_vars: dict[str, Any]
    ) -> dict[str, Any]:
        prefix = "improvmx" if count == 1 else "improvmx, %s" % account.api_url
        with shown_progress(prefix) as path:
            if name == "improvmx_domains":
                args = {**args, "progress_file": path}
            outcome: dict[str, Any] = self._execute_module(
                module_name=_NAMESPACE + name, module_args=args, task_vars=controller_vars
            )
        return outcome

    # --- DNS records ------------------------------------------------------------------------------

    def _check_dns(self, accounts: Sequence[Account], controller_vars: dict[str, Any]) -> dict[str, Any]:
        wanting = [account for account in accounts if _wants_check(account)]
        if self._task.check_mode:
            note = "The DNS records are not checked in check mode, because a check can activate a domain."
            return {"changed": False, "msg": note, "checks": [], "_ansible_verbose_always": True}
        outcomes = []
        for account in wanting:
            names = [str(d.item["domain"]) for d in account.domains if d.item.get("state") != "absent"]
            args = {**account.connection, "domains": names}
            if "concurrency" in account.run:
                args["concurrency"] = account.run["concurrency"]
            outcomes.append(
                self._run_module("improvmx_domain_check", args, account, len(wanting), controller_vars)
            )
        result = _merged(wanting, outcomes)
        checks = [check for outcome in outcomes for check in outcome.get("checks", ())]
        result["checks"] = checks
        wrong = [str(check["reason"]) for check in checks if check.get("reason")]
        failing = any(
            check.get("valid") is False
            for account, outcome in zip(wanting, outcomes)
            if account.run["check_dns"] == "fail"
            for check in outcome.get("checks", ())
        )
        if wrong and not result.get("failed"):
            if failing:
                result.update(failed=True, msg="DNS records are wrong: %s" % _first(wrong, " | "))
            else:
                result["warnings"] = [*result.get("warnings", ()), *wrong[:_MOST_SHOWN]]
                if len(wrong) > _MOST_SHOWN:
                    result["warnings"].append(
                        "The DNS records of %d more domains are wrong, see improvmx_checks."
                        % (len(wrong) - _MOST_SHOWN)
                    )
        return result


def _deletes_domain(change: Mapping[str, Any]) -> bool:
    return (change["action"], change["kind"]) == ("delete", "domain")


def _wants_check(account: Account) -> bool:
    return str(account.run.get("check_dns", "false")) != "false"


def _first(texts: Sequence[str], between: str) -> str:
    left = len(texts) - _MOST_SHOWN
    more = ["%d more, see improvmx_checks" % left] if left > 0 else []
    return between.join([*texts[:_MOST_SHOWN], *more])


def _merged(accounts: Sequence[Account], outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The combined results of all accounts, with the results of each account."""
    each = []
    for account, outcome in zip(accounts, outcomes):
        lists = {name: outcome.get(name) or [] for name in _LISTS}
        one = {
            "api_url": account.api_url,
            "hosts": list(account.hosts),
            "changed": bool(outcome.get("changed")),
            **lists,
            "api_requests": outcome.get("api_requests", 0),
        }
        if outcome.get("failed"):
            one.update(failed=True, msg=outcome.get("msg", ""))
        each.append(one)
    result: dict[str, Any] = {
        "changed": any(one["changed"] for one in each),
        **{name: _joined([one[name] for one in each]) for name in _LISTS},
        "api_requests": sum(one["api_requests"] for one in each),
        "accounts": each,
    }
    for name in ("warnings", "deprecations"):
        found = _joined([outcome.get(name) or [] for outcome in outcomes])
        if found:
            result[name] = found
    failed = [one for one in each if one.get("failed")]
    if failed:
        result["failed"] = True
        result["msg"] = failed[0]["msg"] if len(each) == 1 else _failure_message(failed, len(each))
    return result


def _joined(lists: Sequence[list[Any]]) -> list[Any]:
    """The lists joined into one. A single list is not copied."""
    return lists[0] if len(lists) == 1 else [item for part in lists for item in part]


def _failure_message(failed: Sequence[Mapping[str, Any]], count: int) -> str:
    messages = ["%s (%s): %s" % (one["api_url"], _hosts(one["hosts"]), one["msg"]) for one in failed]
    return "%d of %d accounts failed. %s" % (len(failed), count, " | ".join(messages))


def _hosts(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else "%s and %d more" % (names[0], len(names) - 1)
