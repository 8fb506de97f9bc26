# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done, failed and pending when a plan is applied to a faulty service."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._api.v2 import ApiV2
from ansible_collections.improvmx.email.plugins.module_utils._api.v3 import ApiV3
from ansible_collections.improvmx.email.plugins.module_utils._errors import NotTried, Refused, RoutedByRules
from ansible_collections.improvmx.email.plugins.module_utils._http.transport import Transport
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import domain_wishes
from ansible_collections.improvmx.email.plugins.module_utils._plan.changes import Change
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import DomainPlan, plan
from ansible_collections.improvmx.email.plugins.module_utils._run.engine import (
    DomainRun,
    apply_plan,
    preview,
)
from ansible_collections.improvmx.email.plugins.module_utils._run.fetch import read_wished
from ansible_collections.improvmx.email.plugins.module_utils._run.progress import Progress
from emulator import Effect, Emulator, Fault
from emulator.account import add_alias, delete_alias, delete_domain
from emulator.credentials import add_credential
from emulator.refusal import refuse
from harness import Clock, wrap_endpoint

NAME = "example.com"
A, B = "a@x.example", "b@x.example"
OWNER = "owner@mail.example"


PASSWORD = "pw-8u7z6t5r4e3w"
SILENT = {"list_shows_details": False}  # the list of domains does not contain the routing engine


@dataclass
class Account:
    """An account in the emulator, and the API to access it."""

    emulator: Emulator
    api: Api

    def seed(self, *domains: dict[str, Any], **fields: Any) -> None:
        self.emulator.seed({"domains": list(domains), **fields})

    def plans(self, *items: dict[str, Any], purge: bool = False) -> list[DomainPlan]:
        wishes = domain_wishes(items, self.api.manages, self.api.version)
        return plan(wishes, read_wished(self.api, wishes, everything=purge), purge)

    def apply(
        self,
        *items: dict[str, Any],
        fault: Fault | None = None,
        in_part: bool = False,
        others_tell: bool = False,
        meanwhile: Callable[[], None] = lambda: None,
        purge: bool = False,
        max_deletions: int | None = None,
    ) -> list[DomainRun]:
        """Read and plan, then let the fault or the change by others happen, and apply the plan.

        ``in_part``: one part of a change can be reported as done and another as pending.
        ``others_tell``: others make changes as well while the plan is applied.
        """
        plans = self.plans(*items, purge=purge)
        if fault:
            self.emulator.faults.add(fault)
        meanwhile()
        before = len(self.emulator.ledger)
        runs = apply_plan(self.api, plans, max_deletions=max_deletions)
        reported = [step_of(change) for run in runs for change in run.done]
        happened = [step_of(effect) for effect in self.emulator.ledger[before:]]
        assert others_tell or reported == list(dict.fromkeys(happened))
        for run in runs:
            assert bool(run.pending) <= bool(run.error)
            assert in_part or not set(map(str, run.done)) & set(map(str, run.pending))
        return runs

    def apply_one(self, item: dict[str, Any], **options: Any) -> DomainRun:
        [run] = self.apply(item, **options)
        return run

    def put(self, name: str, forward: str, domain: str = NAME) -> None:
        """A change by others."""
        effects = len(self.emulator.ledger)
        Transport(self.emulator.url, self.emulator.api_key, timeout=30, retry_timeout=300).request(
            "POST", "/v3/domains/{}/aliases", [domain], body={"alias": name, "forward": forward}
        )
        assert len(self.emulator.ledger) == effects + 1

    def post_domain(self, name: str = NAME) -> None:
        transport = Transport(self.emulator.url, self.emulator.api_key, timeout=30, retry_timeout=300)
        transport.request("POST", "/v3/domains", body={"domain": name})

    def remove(self, *values: str) -> None:
        template = "/v3/domains/{}" + "/aliases/{}" * (len(values) - 1)
        Transport(self.emulator.url, self.emulator.api_key, timeout=30, retry_timeout=300).request(
            "DELETE", template, values
        )

    def create_credential(self, name: str, domain: str = NAME) -> None:
        found = self.emulator.account.domains[domain]
        add_credential(self.emulator.account, found, {"username": name, "password": "old-one-1234"})
        self.emulator.account.ledger.pop()

    def remove_credential(self, name: str, domain: str = NAME) -> None:
        del self.emulator.account.domains[domain].credentials[name]

    def delete_named(self, name: str, domain: str = NAME) -> None:
        """Somebody else deletes the alias with this name, and none with such an id."""
        found = self.emulator.account.domains[domain]
        delete_alias(self.emulator.account, found, found.aliases[name])
        self.emulator.account.ledger.pop()

    def aliases(self, domain: str = NAME) -> dict[str, str] | None:
        for described in self.emulator.dump()["domains"]:
            if described["domain"] == domain:
                return dict(described["aliases"])
        return None

    def requests(self, method: str, path: str = "") -> int:
        return len([r for r in self.emulator.requests if r.method == method and path in r.path])


def step_of(change: Change | Effect) -> tuple[str, str, str, str]:
    """A reported change, or an effect in the ledger of the service, in the same terms."""
    return (change.action, change.kind, change.domain, change.name)


def texts(changes: list[Change]) -> list[str]:
    return [str(change).replace(f" of {NAME}", "") for change in changes]


def wish(aliases: dict[str, str | None], domain: str = NAME, **fields: Any) -> dict[str, Any]:
    """The desired state of a domain; None as destinations: the alias is absent."""
    items = [
        {"alias": name, "forward": [to] if to else None, "state": "present" if to else "absent"}
        for name, to in aliases.items()
    ]
    return {"domain": domain, "aliases": items, **fields}


def account_of(emulator: Emulator, version: str) -> Account:
    transport = Transport(emulator.url, emulator.api_key, timeout=5, retry_timeout=10)
    return Account(emulator, ApiV2(transport) if version == "v2" else ApiV3(transport))


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def account(emulator: Emulator, version: str) -> Account:
    """An account, accessed with each version of the API in turn."""
    return account_of(emulator, version)


@pytest.fixture
def account_v3(emulator: Emulator) -> Account:
    return account_of(emulator, "v3")


FULL = wish({"info": A, "sales": B, "*": None})
FULL_TEXTS = ["create domain example.com", "delete alias *", "create alias info", "create alias sales"]

# Without faults


def test_all_changes_are_made_in_the_order_of_the_plan(account: Account) -> None:
    run = account.apply_one(FULL, max_deletions=0)
    assert (run.error, texts(run.done), run.pending) == (None, FULL_TEXTS, [])
    values = [[(change.before, change.after) for change in each] for each in (run.done, run.plan.changes)]
    assert values[0] == values[1]
    assert account.aliases() == {"info": A, "sales": B}
    assert account.requests("GET") == 1
    assert run.domain is not None
    assert {alias.name: alias.forward for alias in run.domain.aliases} == {"info": (A,), "sales": (B,)}


def test_nothing_to_do_sends_nothing(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"info": A}})
    [planned] = account.plans(wish({"info": A}))
    [run] = apply_plan(account.api, [planned])
    assert run == DomainRun(planned, planned.found)
    assert account.emulator.writes == []


def test_settings_of_an_existing_domain_are_updated(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "notification_email": A})
    run = account_v3.apply_one(wish({}, notification_email=B))
    assert (run.error, run.done, run.pending) == (None, list(run.plan.changes), [])
    assert run.domain is not None
    assert run.domain.settings["notification_email"] == B
    assert account_v3.emulator.dump()["domains"][0]["notification_email"] == B


def test_catch_all_created_as_desired_is_reported_as_done(account: Account) -> None:
    wishes = domain_wishes([wish({"*": OWNER})], (), "v2")
    [run] = apply_plan(account.api, plan(wishes, {}))
    assert (texts(run.done), run.pending) == (["create domain example.com", "update alias *"], [])
    assert [step_of(effect)[:2] for effect in account.emulator.ledger] == [("create", "domain")]


@pytest.mark.parametrize("count", [2, 500, 501, 1003])
def test_many_aliases_go_in_batches(count: int, account_v3: Account) -> None:
    account_v3.seed({"domain": NAME})
    run = account_v3.apply_one(wish({f"a{number}": A for number in range(count)}))
    assert (len(run.done), run.error) == (count, None)
    assert account_v3.requests("POST") == -(-count // 500)


@pytest.mark.parametrize("wanted", [{"info": B, "new": A, "gone": None}, {"old": A}])
def test_check_mode_returns_the_domain_as_the_real_run_does(
    wanted: dict[str, str | None], account: Account
) -> None:
    account.seed({"domain": NAME, "aliases": {"old": A, "info": A, "gone": A}})
    [planned] = account.plans(wish(wanted))
    [run] = apply_plan(account.api, [planned])
    predicted = preview(planned)
    assert (texts(predicted.done), predicted.pending, predicted.error) == (texts(run.done), [], None)
    for end in (predicted, run):
        assert end.plan is planned
        assert end.domain is not None
        assert {a.name: ",".join(a.forward) for a in end.domain.aliases} == account.aliases()


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real run"])
def test_problem_of_a_plan_is_the_error_and_its_changes_are_pending(check: bool, account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "routing_engine": "rules", "aliases": {"old": A}})
    [planned] = account_v3.plans(wish({"info": A}))
    [run] = [preview(planned)] if check else apply_plan(account_v3.api, [planned])
    assert planned.problem
    assert run == DomainRun(planned, planned.found, [], list(planned.problem.changes), planned.problem)
    assert texts(run.pending) == ["create alias info"]
    assert account_v3.emulator.writes == []


@pytest.mark.parametrize("deleted", [False, True])
def test_new_domain_is_read_if_the_reply_lacks_its_aliases(
    deleted: bool, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others can delete it in between. Then it is created again."""
    replies = []

    def reply_without_aliases(usual: Any, account: Any, call: Any) -> Any:
        replies.append(usual(account, call))
        if deleted and len(replies) == 1:
            delete_domain(account, account.domains[NAME])
        del replies[-1]["domain"]["aliases"]
        return replies[-1]

    wrap_endpoint(monkeypatch, "POST /domains", reply_without_aliases)
    run = account_v3.apply_one(FULL, others_tell=True, max_deletions=0)
    assert (run.error, run.pending) == (None, [])
    assert texts(run.done) == FULL_TEXTS[:1] * deleted + FULL_TEXTS
    assert account_v3.aliases() == {"info": A, "sales": B}
    assert account_v3.requests("GET") == 1 + 1 + deleted


@pytest.mark.parametrize("fault", [None, Fault("batch_partial")], ids=["batch", "part of a batch"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_ids_of_new_aliases_are_those_of_the_service(
    count: int, fault: Fault | None, account_v3: Account
) -> None:
    account_v3.seed({"domain": NAME, "aliases": {"old": A}})
    run = account_v3.apply_one(wish({f"a{number}": A for number in range(count)}), fault=fault)
    assert (run.error, len(run.done)) == (None, count)
    assert run.domain is not None
    [described] = account_v3.emulator.dump(ids=True)["domains"]
    expected = {alias["alias"]: str(alias["id"]) for alias in described["aliases"]}
    assert {alias.name: alias.id for alias in run.domain.aliases} == expected


# Lost answers

LOST = [
    Fault("reset_after", method="POST"),
    Fault("cut", method="POST"),
    Fault("status_after", method="POST", status=500),
    Fault("status_after", method="POST", status=502, html=True),
    Fault("empty", method="POST"),
    Fault("wrong_type", method="POST"),
    Fault("truncated_json", method="POST"),
]


def fault_name(fault: Any) -> str:
    return f"{fault.kind}-{fault.status}" if isinstance(fault, Fault) else str(fault)


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize("fault", LOST, ids=fault_name)
def test_creation_with_a_lost_answer_is_looked_up_and_not_sent_again(
    fault: Fault, skip: int, account: Account
) -> None:
    lost = Fault(**{**vars(fault), "skip": skip})
    run = account.apply_one(FULL, fault=lost)
    # The owner of the domain is unknown, so its catch-all may be in use and is deleted after the names.
    in_use = [FULL_TEXTS[0], *FULL_TEXTS[2:], FULL_TEXTS[1]]
    assert (run.error, texts(run.done), run.pending) == (None, FULL_TEXTS if skip else in_use, [])
    assert account.aliases() == {"info": A, "sales": B}
    assert account.requests("POST") == (3 if account.api.version == "v2" else 2)


@pytest.mark.parametrize("fault", LOST, ids=fault_name)
@pytest.mark.parametrize("count", [1, 2, 40])
def test_alias_or_batch_with_a_lost_answer_is_created_once(
    count: int, fault: Fault, account: Account
) -> None:
    account.seed({"domain": NAME, "aliases": {"old": A}})
    wanted = {f"a{number}": A for number in range(count)}
    run = account.apply_one(wish(wanted), fault=fault)
    assert run.error is None
    assert account.aliases() == {"old": A, **wanted}
    assert account.requests("POST") == (count if account.api.version == "v2" else 1)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    "kind", ["reset_after", "cut", "status_after", "empty", "truncated_json", "reset_before", "success_false"]
)
def test_update_and_deletion_survive_a_lost_answer(kind: str, method: str, account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"old": A, "gone": A}})
    account.emulator.faults.add(Fault(kind, method=method))
    wishes = domain_wishes([wish({"old": B, "gone": None})], (), "v2")
    [run] = apply_plan(account.api, plan(wishes, read_wished(account.api, wishes)))
    if kind == "success_false":
        assert isinstance(run.error, Refused)
        assert len(run.done) + len(run.pending) == 2
        return
    assert run.error is None
    assert sorted(texts(run.done)) == ["delete alias gone", "update alias old"]
    assert account.aliases() == {"old": B}


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize(
    "fault",
    [Fault("reset_before"), Fault("status", status=503), Fault("delay_before", seconds=0)],
    ids=fault_name,
)
def test_lost_creation_is_sent_again_after_a_look(fault: Fault, skip: int, account: Account) -> None:
    run = account.apply_one(FULL, fault=Fault(**{**vars(fault), "method": "POST", "skip": skip}))
    assert (run.error, texts(run.done), run.pending) == (None, FULL_TEXTS, [])
    struck = account.emulator.faults.injected.total()
    assert account.requests("POST") == (3 if account.api.version == "v2" else 2) + struck


@pytest.mark.parametrize("fault", [Fault("status"), Fault("success_false")], ids=fault_name)
def test_failed_creation_is_looked_up_and_not_sent_again(fault: Fault, account: Account) -> None:
    account.seed({"domain": NAME})
    run = account.apply_one(
        wish({"info": A}), fault=Fault(**{**vars(fault), "method": "POST", "times": None})
    )
    assert run.error
    assert (run.done, texts(run.pending)) == ([], ["create alias info"])
    assert account.requests("POST") == 1


def test_check_mode_predicts_a_run_that_could_not_read_the_routing(account_v3: Account) -> None:
    """The look after a doubtful write shows that the domain is routed by rules. The list did not."""
    ruled = {"domain": NAME, "routing_engine": "rules", "aliases": {"old": A}}
    account_v3.seed(ruled, {"domain": "b.example"}, beliefs=SILENT)
    items = [wish({"old": B, "info": A}), wish({}, "b.example")]
    run = account_v3.apply(*items, fault=Fault("truncated_json", method="PUT"))[0]
    assert (run.error, texts(run.done)) == (None, ["update alias old", "create alias info"])
    assert account_v3.aliases() == {"old": B, "info": A}


def test_unresolved_doubt_is_reported(account: Account) -> None:
    account.seed({"domain": NAME})
    plans = account.plans(wish({"info": A}))
    account.emulator.faults.add(Fault("status_after", method="POST"), Fault("status", method="GET"))
    [run] = apply_plan(account.api, plans)
    path = f"/{account.api.version}/domains/{NAME}"
    end = "/" if account.api.version == "v2" else ""
    answer = "the service answered 500: Something went wrong."
    assert str(run.error) == (
        f"POST {path}/aliases{end}: {answer}; whether it took effect could not be determined "
        f"(GET {path}: {answer})"
    )
    assert (run.done, texts(run.pending)) == ([], ["create alias info"])
    assert account.requests("POST") == 1


def test_creation_without_effect_is_sent_again_after_growing_pauses_until_the_time_is_up(
    account: Account, clock: Clock
) -> None:
    account.seed({"domain": NAME})
    lost = Fault("reset_before", method="POST", times=None)
    run = account.apply_one(wish({"info": A}), fault=lost)
    assert run.error
    assert (run.done, texts(run.pending)) == ([], ["create alias info"])
    assert clock.slept == [0.5, 1, 2, 4]  # another pause of 8 seconds would exceed the 10 of retry_timeout
    assert account.requests("POST") == 5


@pytest.mark.parametrize(
    ("status", "wanted", "method", "looks"),
    [
        (400, {"info": A}, "POST", 1),  # it may exist by now
        (409, {"info": A}, "POST", 1),
        (404, {"info": A}, "POST", 1),  # the domain may have been deleted
        (405, {"info": A}, "POST", 1),
        (403, {"info": A}, "POST", 0),
        (422, {"info": A}, "POST", 0),
        (404, {"old": B}, "PUT", 1),
        (400, {"old": B}, "PUT", 0),
        (405, {"old": B}, "PUT", 0),
        (409, {"old": B}, "PUT", 0),
        (400, {"old": None}, "DELETE", 0),
        (409, {"old": None}, "DELETE", 0),
    ],
)
def test_domain_is_read_again_after_a_rejection_that_its_state_can_explain(
    status: int, wanted: dict[str, str | None], method: str, looks: int, account: Account
) -> None:
    account.seed({"domain": NAME, "aliases": {"old": A}})
    plans = account.plans(wish(wanted))
    before = account.requests("GET")
    account.emulator.faults.add(Fault("status", method=method, status=status, times=None))
    [run] = apply_plan(account.api, plans)
    assert isinstance(run.error, Refused)
    assert run.error.status == status
    assert (run.done, run.pending) == ([], list(plans[0].changes))
    assert account.requests(method) == 1
    assert account.requests("GET") == before + looks


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_update_of_the_new_catch_all_with_a_lost_answer_is_reported_once(
    method: str, account: Account
) -> None:
    lost = Fault("status_after", method=method, status=500)
    run = account.apply_one(wish({"*": A if method == "PUT" else None}), fault=lost)
    assert run.error is None
    assert [change.action for change in run.done] == ["create", "update" if method == "PUT" else "delete"]


# Batches


def test_rest_of_a_partly_accepted_batch_is_sent_one_by_one(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME})
    wanted = {f"a{number}": A for number in range(6)}
    run = account_v3.apply_one(wish(wanted), fault=Fault("batch_partial"))
    assert (run.error, len(run.done), run.pending) == (None, 6, [])
    assert account_v3.aliases() == wanted
    assert account_v3.requests("POST", "/batch") == 1
    assert account_v3.requests("POST") == 1 + 3


@pytest.mark.parametrize("status", [400, 403])
def test_refused_alias_fails_with_the_services_message_after_the_earlier_ones_are_created(
    status: int,
    account_v3: Account,
) -> None:
    account_v3.seed({"domain": NAME}, limits={"aliases": 3})
    account_v3.emulator.believe(limit_status=status)
    run = account_v3.apply_one(wish({f"a{number}": A for number in range(5)}))
    assert isinstance(run.error, Refused)
    assert run.error.status == status
    assert "Your account is limited to 3 aliases." in str(run.error)
    assert texts(run.done) == ["create alias a0", "create alias a1", "create alias a2"]
    assert texts(run.pending) == ["create alias a3", "create alias a4"]


def test_catch_all_is_deleted_first_if_the_limit_leaves_no_room_for_its_replacement(
    account_v3: Account,
) -> None:
    account_v3.seed({"domain": NAME, "aliases": {"*": A}}, limits={"aliases": 1})
    run = account_v3.apply_one(wish({"info": A, "*": None}))
    assert (run.error, texts(run.done)) == (None, ["delete alias *", "create alias info"])


@pytest.mark.parametrize("users", [(), ("ann", "bob")], ids=["aliases only", "credentials as well"])
def test_no_more_patterns_are_deleted_first_than_new_names_need(
    users: tuple[str, ...], account_v3: Account
) -> None:
    old = [{"username": "old", "password": PASSWORD}]
    seeded = {"domain": NAME, "aliases": {"*": A, "shop-.*": A}, "credentials": old if users else []}
    account_v3.seed(seeded, limits={"aliases": 2})
    credentials = {
        "credentials": [{"username": user, "password": PASSWORD} for user in users],
        "purge_credentials": True,
    }
    desired = wish({"info": A, "*": None, "shop-.*": None}, **(credentials if users else {}))
    run = account_v3.apply_one(desired)
    assert run.error is None
    assert [text for text in texts(run.done) if "alias" in text] == [
        "delete alias *",
        "create alias info",
        "delete alias shop-.*",
    ]
    assert account_v3.requests("POST") == 2 + len(users)  # one is refused


def test_deletion_of_a_credential_makes_no_room_for_an_alias(account_v3: Account) -> None:
    old = [{"username": "old", "password": PASSWORD}]
    account_v3.seed({"domain": NAME, "aliases": {"x": A}, "credentials": old}, limits={"aliases": 1})
    run = account_v3.apply_one(wish({"info": A}, credentials=[], purge_credentials=True))
    assert isinstance(run.error, Refused)
    assert texts(run.pending) == ["create alias info", "delete credential old"]
    assert account_v3.requests("POST") == 1


def test_catch_all_stays_if_its_replacement_is_refused(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"*": A}}, limits={"destinations": 1})
    run = account.apply_one(wish({"info": f"{A},{B}", "*": None}))
    assert run.error
    assert (run.done, texts(run.pending)) == ([], ["create alias info", "delete alias *"])


def test_too_many_destinations_fail_for_their_alias(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME}, limits={"destinations": 1})
    run = account_v3.apply_one(wish({"a": A, "b": f"{A},{B}", "c": A}))
    assert "forward: An alias has at most 1 destinations." in str(run.error)
    assert texts(run.pending) == ["create alias b"]
    assert account_v3.aliases() == {"a": A, "c": A}


def test_missing_batch_endpoint_is_tried_only_once(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME}, {"domain": "b.example"})
    runs = account_v3.apply(
        wish({"a": A, "b": A, "c": A}),
        wish({"a": A, "b": A}, "b.example"),
        meanwhile=lambda: setattr(account_v3.emulator, "batch_enabled", False),
    )
    assert [run.error for run in runs] == [None, None]
    assert account_v3.aliases() == {"a": A, "b": A, "c": A}
    assert account_v3.requests("POST", "/batch") == 1
    assert account_v3.requests("POST") == 6


@pytest.mark.parametrize(("status", "batches"), [(404, 1), (405, 1), (400, 2), (403, 2)], ids=str)
def test_batches_end_for_all_domains_if_the_service_does_not_have_them(
    status: int, batches: int, account_v3: Account
) -> None:
    account_v3.seed({"domain": NAME}, {"domain": "b.example"})
    runs = account_v3.apply(
        wish({"a": A, "b": A}),
        wish({"a": A, "b": A}, "b.example"),
        fault=Fault("status", method="POST", path="/batch", status=status),
    )
    assert account_v3.requests("POST", "/batch") == batches
    if status == 403:
        assert [bool(run.error) for run in runs] == [True, False]
    else:
        assert [run.error for run in runs] == [None, None]


def test_batches_go_on_after_one_for_a_domain_that_others_deleted(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME}, {"domain": "b.example"})
    runs = account_v3.apply(
        wish({"a": A, "b": A}),
        wish({"a": A, "b": A}, "b.example"),
        meanwhile=lambda: account_v3.remove(NAME),
    )
    assert [run.error for run in runs] == [None, None]
    assert account_v3.aliases() == {"*": OWNER, "a": A, "b": A}
    assert account_v3.requests("POST", "/b.example/aliases/batch") == 1


def test_rest_of_a_partly_accepted_batch_is_pending_if_the_domain_can_not_be_read(
    account_v3: Account,
) -> None:
    account_v3.seed({"domain": NAME})
    plans = account_v3.plans(wish({f"a{number}": A for number in range(5)}))
    account_v3.emulator.faults.add(Fault("batch_partial"), Fault("status", method="GET"))
    [run] = apply_plan(account_v3.api, plans)
    assert "the service did not add every alias of a batch" in str(run.error)
    assert texts(run.done) == ["create alias a0", "create alias a2", "create alias a4"]
    assert texts(run.pending) == ["create alias a1", "create alias a3"]
    [described] = account_v3.emulator.dump(ids=True)["domains"]
    assert run.domain is not None
    assert {alias.name: alias.id for alias in run.domain.aliases} == {
        alias["alias"]: str(alias["id"]) for alias in described["aliases"]
    }


def test_unanswered_batch_is_sent_again_as_a_batch(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME})
    wanted = {f"a{number}": A for number in range(3)}
    run = account_v3.apply_one(wish(wanted), fault=Fault("reset_before", method="POST"))
    assert (run.error, len(run.done)) == (None, 3)
    assert account_v3.requests("POST") == account_v3.requests("POST", "/batch") == 2


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault("status", path="/account"), {"info": A}),  # the limit is not known
        (Fault("status", method="POST", status=500), {"info": A}),  # no rejection
        (Fault("status", method="PUT", status=400), {"old": B}),  # not for lack of room
    ],
    ids=["unknown limit", "outage", "update"],
)
def test_catch_all_stays_until_what_replaces_it_exists(
    fault: Fault, wanted: dict[str, str], account_v3: Account
) -> None:
    account_v3.seed({"domain": NAME, "aliases": {"*": A, "old": A}}, limits={"aliases": 2})
    run = account_v3.apply_one(wish({**wanted, "*": None}), fault=fault)
    assert run.error
    assert (run.done, texts(run.pending)[-1]) == ([], "delete alias *")
    assert account_v3.aliases() == {"*": A, "old": A}


# Settings

SETTINGS = {"notification_email": A, "webhook": None, "whitelabel": None}
HAS = {"notification_email": B, "webhook": "https://hooks.example/a", "whitelabel": "white.example"}
PUT = "PUT /v3/domains/example.com"


def settings_of(account: Account) -> dict[str, Any]:
    return {name: getattr(account.emulator.account.domains[NAME], name) for name in SETTINGS}


def puts(account: Account) -> list[dict[str, Any]]:
    return [request.body for request in account.emulator.requests if request.method == "PUT"]


def test_settings_of_a_new_domain_are_sent_with_its_creation(account_v3: Account) -> None:
    account_v3.seed(whitelabels=["white.example"])
    run = account_v3.apply_one(wish({}, notification_email=A, whitelabel="white.example"))
    assert (run.error, texts(run.done)) == (None, ["create domain example.com"])
    assert settings_of(account_v3) == {**SETTINGS, "whitelabel": "white.example"}
    assert puts(account_v3) == []


def test_settings_with_a_lost_answer_are_reported_although_the_retry_is_refused(
    account_v3: Account,
) -> None:
    account_v3.seed({"domain": NAME, **HAS}, whitelabels=["white.example"])
    account_v3.emulator.faults.add(
        Fault("body", method="PUT", skip=1, times=None, status=400, body={"error": "No."})
    )
    run = account_v3.apply_one(
        wish({}, notification_email=A, webhook="", whitelabel=""),
        fault=Fault("status_after", method="PUT", status=503),
    )
    assert (run.error, texts(run.done), run.pending) == (None, ["update domain example.com"], [])
    assert settings_of(account_v3) == SETTINGS
    assert len(puts(account_v3)) == 3  # the second one with empty strings instead of null
    assert account_v3.requests("GET") == 2


@pytest.mark.parametrize("status", [None, 400, 503])
def test_partly_accepted_settings_are_reported_as_changed_and_pending(
    status: int | None, account_v3: Account
) -> None:
    account_v3.seed({"domain": NAME, **HAS}, whitelabels=["white.example"])
    fault = Fault("settings_partial", method="PUT", times=None, status=status)
    run = account_v3.apply_one(
        wish({"info": A}, notification_email=A, webhook="https://hooks.example/b"), fault=fault, in_part=True
    )
    assert run.error
    assert PUT in str(run.error)
    [done], [left, *rest] = run.done, run.pending
    assert (done.before, done.after) == ({"webhook": HAS["webhook"]}, {"webhook": "https://hooks.example/b"})
    assert (left.before, left.after) == ({"notification_email": B}, {"notification_email": A})
    assert texts(rest) == ["create alias info"]
    assert settings_of(account_v3)["webhook"] == "https://hooks.example/b"
    assert run.domain is not None
    assert run.domain.settings["notification_email"] == B


def test_setting_that_the_service_ignores_is_reported(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_webhook(usual: Any, account: Any, call: Any) -> Any:
        call.body.pop("webhook", None)
        return usual(account, call)

    account_v3.seed({"domain": NAME, **HAS}, whitelabels=["white.example"])
    wrap_endpoint(monkeypatch, "PUT /domains/{domain}", without_webhook)
    run = account_v3.apply_one(wish({}, notification_email=A, webhook=""), in_part=True)
    assert str(run.error).startswith(PUT + ": the service did not clear webhook")
    assert [(change.after, str(change)) for change in (*run.done, *run.pending)] == [
        ({"notification_email": A}, "update domain example.com"),
        ({"webhook": None}, "update domain example.com"),
    ]


# Numbers, which paths interpret as the id or the name of an alias


def ids(**aliases: int) -> list[dict[str, Any]]:
    """Aliases with ids: n7=12 is the alias 7 with the id 12."""
    return [{"alias": name.lstrip("n"), "forward": A, "id": number} for name, number in aliases.items()]


@pytest.mark.parametrize("deeds", [1, 2])
def test_name_created_by_another_run_is_not_mistaken_for_the_id_of_a_deleted_alias(
    deeds: int, account_v3: Account
) -> None:
    """The other run has the same wish, and is faster."""
    account_v3.seed({"domain": NAME, "aliases": ids(n012=7, info=15)})

    def meanwhile() -> None:
        account_v3.remove(NAME, "012")
        if deeds == 2:
            account_v3.put("7", A)

    run = account_v3.apply_one(wish({"012": None, "7": A}), meanwhile=meanwhile, others_tell=True)
    assert (run.error, run.pending) == (None, [])
    assert account_v3.aliases() == {"info": A, "7": A}
    assert [effect.action for effect in account_v3.emulator.ledger] == ["delete", "create"]
    assert account_v3.requests("DELETE", "/aliases/012") == 2  # one of them by the other run
    assert account_v3.requests("DELETE") == 2


@pytest.mark.parametrize(
    ("aliases", "wanted", "path"),
    [
        (ids(n7=15, info=16), {"7": B}, "15"),  # by its id, which is not the name of an alias
        (ids(n7=15, info=16), {"7": B, "15": A}, "7"),  # by its name, because its id will be a name
        (ids(n7=15, n15=16), {"7": B}, "7"),  # by its name, because its id is a name
        (ids(n012=7, info=16), {"012": B, "7": A}, "012"),  # 12 is not an id, and will not become one
        (ids(n7=7, info=16), {"7": B}, "7"),  # its name and id are equal
        (ids(info=6, n7=7), {"7": B}, "7"),
        (ids(n7=15, info=6), {"7": B, "15": None}, "15"),  # not the name of an alias, now or later
        (ids(batch=15), {"batch": B}, "15"),  # a fixed segment of paths
        (ids(info=15), {"info": B}, "info"),
        ([{"alias": "\N{SUPERSCRIPT TWO}", "forward": A, "id": 15}], {"\N{SUPERSCRIPT TWO}": B}, "%C2%B2"),
    ],
)
def test_path_addresses_exactly_one_alias(
    aliases: list[dict[str, Any]], wanted: dict[str, str | None], path: str, account_v3: Account
) -> None:
    account_v3.seed({"domain": NAME, "aliases": aliases})
    run = account_v3.apply_one(wish(wanted))
    assert run.error is None
    [request] = [request for request in account_v3.emulator.requests if request.method == "PUT"]
    assert request.path == f"/v3/domains/{NAME}/aliases/{path}"
    existing = {each["alias"]: each["forward"] for each in aliases}
    assert account_v3.aliases() == existing | {name: to for name, to in wanted.items() if to}
    assert account_v3.requests("GET") == 1


@pytest.mark.parametrize(
    ("aliases", "wanted", "reads"),
    [
        (ids(n7=15, info=16), {"7": B, "15": A}, 0),  # ids increase, so there will be no id 7
        (ids(n7=15, info=6), {"7": B, "15": A}, 2 + 1),  # there can be
        (ids(n7=15, info=7), {"7": B, "15": A}, 2 + 1),  # there is
        (ids(n7=15), {"7": B, "15": A}, 2 + 1),
        (ids(n0=15), {"0": B, "15": A}, 2 + 1),
    ],
)
def test_name_that_can_become_an_id_is_verified_before_and_after_its_write(
    aliases: list[dict[str, Any]], wanted: dict[str, str], reads: int, account_v3: Account
) -> None:
    account_v3.seed({"domain": NAME, "aliases": aliases})
    run = account_v3.apply_one(wish(wanted))
    assert (run.error, len(run.done)) == (None, 2)
    assert account_v3.aliases() == {each["alias"]: each["forward"] for each in aliases} | wanted
    assert account_v3.requests("GET") == 1 + reads


def test_ids_that_are_missing_or_no_numbers_are_no_reason_to_verify_a_name(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd_ids(usual: Any, account: Any, call: Any) -> Any:
        reply = usual(account, call)
        for alias in reply["domain"]["aliases"]:
            if alias["alias"] in ("blank", "word"):
                alias["id"] = None if alias["alias"] == "blank" else "x9"
        return reply

    account_v3.seed({"domain": NAME, "aliases": ids(n7=15, blank=20, word=21, info=16)})
    wrap_endpoint(monkeypatch, "GET /domains/{domain}", odd_ids)
    run = account_v3.apply_one(wish({"7": B, "15": A}))
    assert (run.error, len(run.done), account_v3.requests("GET")) == (None, 2, 1)


def test_name_that_is_lower_than_the_id_of_a_new_alias_is_not_verified(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n30=15, n15=16, info=40)})

    def meanwhile() -> None:
        account_v3.delete_named("15")
        account_v3.delete_named("info")

    run = account_v3.apply_one(wish({"15": B, "30": B}), meanwhile=meanwhile)
    assert (run.error, texts(run.done)) == (None, ["create alias 15", "update alias 30"])
    assert account_v3.aliases() == {"15": B, "30": B}
    assert account_v3.requests("GET") == 2


def test_alias_without_a_unique_address_is_read_before_and_after_its_write(account_v3: Account) -> None:
    """The name of each of the two aliases is the id of the other."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    run = account_v3.apply_one(wish({"7": B, "12": None}))
    assert (run.error, texts(run.done)) == (None, ["delete alias 12", "update alias 7"])
    assert account_v3.aliases() == {"7": B}
    looks = [request for request in account_v3.emulator.requests if request.method == "GET"]
    # Reads: 12 by its name, which means 7, and by its id, and the domain after it. Then the id of 7 is safe.
    assert len(looks) == 1 + 3


@pytest.mark.parametrize("forward", [B, None])
def test_alias_named_like_a_path_segment_is_addressed_by_its_id_even_if_that_is_a_name(
    forward: str | None, account_v3: Account
) -> None:
    """PUT and DELETE requests with this segment would apply to many aliases."""
    account_v3.seed(
        {"domain": NAME, "aliases": [{"alias": "batch", "forward": A, "id": 7}, *ids(n7=12)]},
    )
    run = account_v3.apply_one(wish({"batch": forward}))
    assert (run.error, len(run.done)) == (None, 1)
    assert account_v3.aliases() == {"7": A, **({"batch": B} if forward else {})}
    assert account_v3.requests("GET") == 1 + 2  # what the id identifies before, and the domain after


@pytest.mark.parametrize("name", ["batch", "Bulk"])
@pytest.mark.parametrize("forward", [B, None])
def test_alias_named_like_a_path_segment_is_not_written_without_its_id(
    forward: str | None, name: str, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_ids(usual: Any, account: Any, call: Any) -> Any:
        domain = usual(account, call)["domain"]
        aliases = [{key: value for key, value in alias.items() if key != "id"} for alias in domain["aliases"]]
        return {"domain": {**domain, "aliases": aliases}, "success": True}

    account_v3.seed({"domain": NAME, "aliases": {name: A, "info": A}})
    wrap_endpoint(monkeypatch, "GET /domains/{domain}", without_ids)
    run = account_v3.apply_one(wish({name: forward, "info": B}))
    assert f'the service returned no id of the alias "{name}"' in str(run.error)
    assert len(run.done) + len(run.pending) == 2
    assert account_v3.aliases()[name] == A


@pytest.mark.parametrize(
    ("kind", "sent"), [("reset_after", 1), ("status_after", 1), ("delay", 1), ("reset_before", 2)]
)
@pytest.mark.parametrize("forward", [B, None])
def test_lost_write_whose_repetition_could_hit_another_alias_is_looked_up_first(
    forward: str | None, kind: str, sent: int, account_v3: Account
) -> None:
    """Once batch is deleted, its id means the alias 12."""
    account_v3.seed({"domain": NAME, "aliases": [{"alias": "batch", "forward": A, "id": 12}, *ids(n12=13)]})
    lost = Fault(kind, method="PUT" if forward else "DELETE", seconds=60)
    run = account_v3.apply_one(wish({"batch": forward}), fault=lost)
    assert (run.error, len(run.done), run.pending) == (None, 1, [])
    assert account_v3.aliases() == {"12": A, **({"batch": B} if forward else {})}
    assert [effect.name for effect in account_v3.emulator.ledger] == ["batch"]
    assert len(account_v3.emulator.writes) == sent
    assert account_v3.requests("GET") == 1 + 2 * sent


def others_delete(monkeypatch: pytest.MonkeyPatch, method: str, name: str) -> None:
    """Let others delete an alias right before a request that updates or deletes one."""

    def too_late(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        if name in domain.aliases:
            delete_alias(account, domain, domain.aliases[name])
        return usual(account, call)

    wrap_endpoint(monkeypatch, f"{method} /domains/{{domain}}/aliases/{{alias}}", too_late)


def blinded(times: int | None) -> Fault:
    return Fault("body", method="GET", path=f"/{NAME}$", body=7, times=times)


def test_failed_look_after_a_write_is_retried(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    run = account_v3.apply_one(wish({"12": None}), fault=blinded(1))
    assert (run.error, texts(run.done), run.pending) == (None, ["delete alias 12"], [])
    assert account_v3.requests("DELETE") == 1


def test_write_whose_effect_can_not_be_read_is_reported_as_doubtful(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    wishes = domain_wishes([wish({"12": None})], (), "v3")
    plans = plan(wishes, read_wished(account_v3.api, wishes))
    account_v3.emulator.faults.add(blinded(None))
    [run] = apply_plan(account_v3.api, plans)
    assert (run.done, texts(run.pending)) == ([], ["delete alias 12"])
    no_object = f"GET /v3/domains/{NAME}: the reply is not a JSON object"
    assert str(run.error) == (
        f"{no_object} (while reading the state after the request to delete alias 12 of {NAME}); whether it "
        f"took effect could not be determined ({no_object})"
    )
    assert account_v3.requests("DELETE") == 1


LOST = [None, Fault("reset_after", method="DELETE")]


@pytest.mark.parametrize("fault", LOST, ids=["answered", "lost"])
@pytest.mark.parametrize(
    ("wanted", "done", "left"),
    [
        ({"7": A, "12": None}, ["delete alias 12", "create alias 7"], {"7": A}),
        (
            {"12": None},
            ["delete alias 12", "create alias 7"],
            {"7": A},
        ),  # although the wish does not mention it
        ({"7": B, "12": None}, ["delete alias 12", "create alias 7"], {"7": B}),
        ({"7": None, "12": None}, ["delete alias 7", "delete alias 12"], {}),
    ],
)
def test_wrong_alias_hit_between_look_and_write_is_restored(
    wanted: dict[str, Any],
    done: list[str],
    left: dict[str, str],
    fault: Fault | None,
    account_v3: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another run deletes 12, whose id is 7, right after the look, so that 7 means the alias 7."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    others_delete(monkeypatch, "DELETE", "12")
    run = account_v3.apply_one(wish(wanted), others_tell=True, fault=fault)
    assert (run.error, texts(run.done)) == (None, done)
    assert account_v3.aliases() == left


def test_alias_without_a_unique_address_that_others_deleted_is_not_reported(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    run = account_v3.apply_one(wish({"12": None}), meanwhile=lambda: account_v3.delete_named("12"))
    assert (run.error, run.done, run.pending) == (None, [], [])
    assert account_v3.aliases() == {"7": A}
    assert account_v3.emulator.writes == []


def test_domain_that_others_deleted_is_created_again_for_an_alias_without_a_unique_address(
    account_v3: Account,
) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    run = account_v3.apply_one(wish({"12": B}), meanwhile=lambda: account_v3.remove(NAME))
    assert (run.error, texts(run.done)) == (None, ["create domain example.com", "create alias 12"])
    assert account_v3.aliases() == {"*": OWNER, "12": B}


def test_alias_without_a_unique_address_that_others_recreated_is_not_written(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def meanwhile() -> None:
        account_v3.delete_named("12")
        account_v3.put("12", A)

    run = account_v3.apply_one(wish({"12": None}), meanwhile=meanwhile)
    assert isinstance(run.error, Refused)
    assert str(run.error) == f'GET /v3/domains/{NAME}/aliases/7: this is no longer the alias "12"'
    assert run.error.status == 404
    assert (run.done, texts(run.pending)) == ([], ["delete alias 12"])
    assert account_v3.aliases() == {"7": A, "12": A}


def test_alias_deleted_by_the_run_is_not_restored(account_v3: Account) -> None:
    """The id of the alias batch is the name of an alias that was deleted before it."""
    account_v3.seed({"domain": NAME, "aliases": [*ids(n7=13), {"alias": "batch", "forward": A, "id": 7}]})
    run = account_v3.apply_one(wish({}, purge_aliases=True), others_tell=True)
    assert (run.error, texts(run.done)) == (None, ["delete alias 7", "delete alias batch"])
    assert account_v3.aliases() == {}


def test_alias_hit_by_an_update_is_restored(account_v3: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run deletes 12, whose id is 7, right after the look, so that 7 means the alias 7."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def too_late(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        if "12" in domain.aliases and call.parameters["alias"] == "7":
            delete_alias(account, domain, domain.aliases["12"])
        return usual(account, call)

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}/aliases/{alias}", too_late)
    # Each doubtful creation is followed by a look, after which nothing is restored again.
    lost = Fault("status_after", method="POST", times=None)
    run = account_v3.apply_one(wish({"12": B}), others_tell=True, fault=lost)
    assert run.error is None
    assert texts(run.done) == ["update alias 7", "create alias 12"]
    restored = run.done[0]
    assert (restored.before, restored.after) == ({"forward": [B]}, {"forward": [A]})
    assert account_v3.aliases() == {"7": A, "12": B}


@pytest.mark.parametrize("written", [B, B.upper()], ids=["as sent", "as changed by the service"])
def test_alias_hit_by_an_update_is_restored_however_the_service_writes_its_destinations(
    written: str, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def too_late(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        if "12" not in domain.aliases:
            return usual(account, call)
        delete_alias(account, domain, domain.aliases["12"])
        answer = usual(account, call)
        domain.aliases["7"].forward = written
        return answer

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}/aliases/{alias}", too_late)
    run = account_v3.apply_one(wish({"12": B}), others_tell=True)
    assert (run.error, texts(run.done)) == (None, ["update alias 7", "create alias 12"])
    assert account_v3.aliases() == {"7": A, "12": B}


@pytest.mark.parametrize("left", [{}, {"7": OWNER}, {"7": B}], ids=["deleted", "updated", "made equal"])
def test_alias_that_others_changed_during_the_write_of_another_is_not_restored(
    left: dict[str, str], account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The id of 12 is the name of the other alias."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def meanwhile(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        if left:
            domain.aliases["7"].forward = left["7"]
        else:
            delete_alias(account, domain, domain.aliases["7"])
        return usual(account, call)

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}/aliases/{alias}", meanwhile)
    run = account_v3.apply_one(wish({"12": B}), others_tell=True)
    assert (run.error, texts(run.done)) == (None, ["update alias 12"])
    assert account_v3.aliases() == {**left, "12": B}


@pytest.mark.parametrize(
    ("engine", "error", "reads"), [("alias", Refused, 1 + 3 + 1), ("rules", RoutedByRules, 1 + 3)]
)
def test_update_that_others_reverted_before_the_look_is_not_reported(
    engine: str, error: type[Exception], reads: int, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of 12 and its id mean the other alias as well. Others can also switch the domain to rules."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def before_the_look(usual: Any, account: Any, call: Any) -> Any:
        answer = usual(account, call)
        domain = account.domains[NAME]
        domain.aliases["12"].forward, domain.routing_engine = OWNER, engine
        return answer

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}/aliases/{alias}", before_the_look)
    run = account_v3.apply_one(wish({"12": B}), others_tell=True)
    assert isinstance(run.error, error)
    assert (run.done, texts(run.pending)) == ([], ["update alias 12"])
    assert account_v3.aliases() == {"7": A, "12": OWNER}
    assert account_v3.requests("GET") == reads


@pytest.mark.parametrize(
    "fault", [*LOST, Fault("status_after", method="DELETE", status=500)], ids=["answered", "lost", "failed"]
)
def test_restoration_precedes_the_repetition_of_the_write_that_required_it(
    fault: Fault | None, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others delete 12 before the request that hits 7 instead, and create it again before the look."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def replaced(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        if call.parameters["alias"] != "7":
            return usual(account, call)
        delete_alias(account, domain, domain.aliases["12"])
        answer = usual(account, call)
        add_alias(account, domain, {"alias": "12", "forward": A})
        return answer

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", replaced)
    run = account_v3.apply_one(wish({"12": None}), others_tell=True, fault=fault)
    assert (run.error, texts(run.done), run.pending) == (None, ["create alias 7", "delete alias 12"], [])
    assert account_v3.aliases() == {"7": A}
    assert account_v3.requests("GET") == 1 + 2 + 1  # both addresses, and a look; the next address is unique


@pytest.mark.parametrize("fault", LOST, ids=["answered", "lost"])
def test_restoration_that_is_refused_ends_the_run(
    fault: Fault | None, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    others_delete(monkeypatch, "DELETE", "12")

    def refused(usual: Any, account: Any, call: Any) -> Any:
        raise refuse(400, "Something went wrong.")

    wrap_endpoint(monkeypatch, "POST /domains/{domain}/aliases", refused)
    run = account_v3.apply_one(wish({"12": None}), others_tell=True, fault=fault)
    assert isinstance(run.error, Refused)
    assert (texts(run.done), texts(run.pending)) == (["delete alias 12"], ["create alias 7"])
    assert account_v3.requests("POST") == 1


def test_nothing_is_restored_in_a_domain_that_others_deleted(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    others_delete(monkeypatch, "DELETE", "12")

    def much_too_late(usual: Any, account: Any, call: Any) -> Any:
        delete_domain(account, account.domains[NAME])
        raise refuse(404, "Domain not found.")

    wrap_endpoint(monkeypatch, "POST /domains/{domain}/aliases", much_too_late)
    run = account_v3.apply_one(wish({"12": None}), others_tell=True)
    assert (run.error, texts(run.done)) == (None, ["delete alias 12", "create domain example.com"])
    assert account_v3.aliases() == {"*": OWNER}


def test_alias_deleted_by_others_is_not_restored_if_a_lost_write_had_no_effect(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alias of the write still has its id, so the path did not mean the other one."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def without_effect(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        if "7" not in domain.aliases:
            return usual(account, call)
        delete_alias(account, domain, domain.aliases["7"])
        return {"success": True}

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", without_effect)
    lost = Fault("reset_after", method="DELETE")
    run = account_v3.apply_one(wish({"12": None}), others_tell=True, fault=lost)
    assert (run.error, texts(run.done)) == (None, ["delete alias 12"])
    assert account_v3.aliases() == {}


def test_alias_that_others_deleted_before_the_check_of_an_address_is_not_restored(
    account_v3: Account,
) -> None:
    """Without the alias 7, whose id is 12, the name 12 is unique."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    run = account_v3.apply_one(wish({"12": None}), meanwhile=lambda: account_v3.delete_named("7"))
    assert (run.error, texts(run.done)) == (None, ["delete alias 12"])
    assert account_v3.aliases() == {}


def test_restored_alias_that_others_delete_later_is_not_restored_again(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_v3.seed({"domain": NAME, "aliases": [*ids(n7=12, n12=7), {"alias": "info", "forward": A}]})
    others_delete(monkeypatch, "DELETE", "12")

    def later(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        delete_alias(account, domain, domain.aliases["7"])
        return usual(account, call)

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}/aliases/{alias}", later)
    failed = Fault("status_after", method="PUT", status=500)  # followed by a look
    run = account_v3.apply_one(wish({"12": None, "info": B}), others_tell=True, fault=failed)
    assert run.error is None
    assert texts(run.done) == ["delete alias 12", "create alias 7", "update alias info"]
    assert account_v3.aliases() == {"info": B}


def test_deletion_by_others_is_not_reported_even_if_the_alias_had_no_destinations(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_v3.seed({"domain": NAME, "aliases": [*ids(n7=12, n12=7), {"alias": "x", "forward": ""}]})

    def meanwhile(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        delete_alias(account, domain, domain.aliases["x"])
        return usual(account, call)

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", meanwhile)
    run = account_v3.apply_one(wish({"12": None, "x": None}), others_tell=True)
    assert (run.error, texts(run.done)) == (None, ["delete alias 12"])
    assert account_v3.aliases() == {"7": A}


@pytest.mark.parametrize("name", ["12", "8", "batch"])
def test_lost_deletion_hits_no_alias_that_was_not_read(name: str, account_v3: Account) -> None:
    """A domain shows 200 aliases. The one whose name is the id of another one is not among them."""
    many = [{"alias": f"a{number}", "forward": A} for number in range(200)]
    first, last = {"alias": name, "forward": A, "id": 7}, {"alias": "7", "forward": A, "id": 8}
    account_v3.seed({"domain": NAME, "aliases": [first, *many, last]})
    lost = Fault("reset_after", method="DELETE")
    run = account_v3.apply_one(wish({name: None}), fault=lost)
    assert (run.error, texts(run.done)) == (None, [f"delete alias {name}"])
    assert account_v3.emulator.account.domains[NAME].aliases.keys() == {"7", *(a["alias"] for a in many)}


def test_write_is_repeated_after_what_others_changed_meanwhile(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They delete the other alias, so that the address of 12 is safe, and change a setting."""
    hook = "https://hooks.test/a"
    account_v3.seed({"domain": NAME, "webhook": hook, "aliases": ids(n7=12, n12=7)})

    def without_effect(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        if "7" not in domain.aliases:
            return usual(account, call)
        delete_alias(account, domain, domain.aliases["7"])
        domain.webhook = "https://hooks.test/b"
        return {"success": True}

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}/aliases/{alias}", without_effect)
    lost = Fault("reset_after", method="PUT")
    run = account_v3.apply_one(wish({"12": B}, webhook=hook), others_tell=True, fault=lost)
    assert (run.error, run.pending) == (None, [])
    assert texts(run.done) == ["update domain example.com", "update alias 12"]
    assert account_v3.aliases() == {"12": B}
    assert account_v3.emulator.account.domains[NAME].webhook == hook


def test_alias_without_destinations_and_without_a_unique_address_is_reported_once(
    account_v3: Account,
) -> None:
    account_v3.seed({"domain": NAME, "aliases": [*ids(n7=12), {"alias": "12", "forward": "", "id": 7}]})
    run = account_v3.apply_one(wish({"12": B}))
    assert (run.error, texts(run.done)) == (None, ["update alias 12"])


def test_alias_that_others_deleted_before_a_write_that_found_nothing_is_not_restored(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def too_late(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        for name in list(domain.aliases):
            delete_alias(account, domain, domain.aliases[name])
        return usual(account, call)

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", too_late)
    run = account_v3.apply_one(wish({"12": None}), others_tell=True)
    assert (run.error, run.done, run.pending) == (None, [], [])
    assert account_v3.aliases() == {}


def test_refused_write_has_not_hit_the_alias_that_others_replaced_meanwhile(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others delete both aliases, and create the other one again with the destination of the write."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def refused(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        for name in ("7", "12"):
            delete_alias(account, domain, domain.aliases[name])
        add_alias(account, domain, {"alias": "7", "forward": B})
        raise refuse(404, "Alias not found.")

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}/aliases/{alias}", refused)
    run = account_v3.apply_one(wish({"12": B}), others_tell=True)
    assert (run.error, texts(run.done)) == (None, ["create alias 12"])
    assert account_v3.aliases() == {"7": B, "12": B}


@pytest.mark.parametrize("fault", LOST, ids=["answered", "lost"])
def test_domain_that_others_deleted_after_a_write_that_could_hit_another_alias_is_created_again(
    fault: Fault | None, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def before_the_look(usual: Any, account: Any, call: Any) -> Any:
        answer = usual(account, call)
        delete_domain(account, account.domains[NAME])
        return answer

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", before_the_look)
    run = account_v3.apply_one(wish({"12": None}), others_tell=True, fault=fault)
    assert (run.error, texts(run.done)) == (None, ["delete alias 12", "create domain example.com"])
    assert account_v3.aliases() == {"*": OWNER}


@pytest.mark.parametrize("fault", LOST, ids=["answered", "lost"])
def test_alias_hit_in_place_of_one_named_like_a_path_segment_is_restored(
    fault: Fault | None, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run deletes batch, which has the id 12 only as its address, right before this one does."""
    account_v3.seed({"domain": NAME, "aliases": [*ids(n12=10), {"alias": "batch", "forward": A, "id": 12}]})
    others_delete(monkeypatch, "DELETE", "batch")
    run = account_v3.apply_one(wish({"batch": None}), others_tell=True, fault=fault)
    assert run.error is None
    assert texts(run.done) == ["delete alias batch", "create alias 12"]
    restored = run.done[1]
    assert (restored.before, restored.after) == (None, {"forward": [A]})
    assert account_v3.aliases() == {"12": A}


# Creations and deletions by others between reading and writing


@pytest.mark.parametrize(
    ("item", "done"),
    [
        (wish({"info": A}), ["create alias info"]),
        (wish({"*": B}), ["update alias *"]),
        (wish({"*": None}), ["delete alias *"]),
        (wish({"old": None}), []),
        (wish({}, webhook="https://hooks.test/a"), ["update domain example.com"]),
        (
            wish({}, notification_email=A, webhook="https://hooks.test/a"),
            ["update domain example.com"],
        ),
        (
            wish({}, credentials=[{"username": "post", "password": PASSWORD}]),
            ["create credential post"],
        ),
    ],
    ids=["alias", "catch-all", "no catch-all", "no alias", "setting", "settings", "credential"],
)
@pytest.mark.parametrize("method", [None, "PUT"])
def test_domain_deleted_by_others_before_the_only_write_is_created_again(
    item: dict[str, Any], done: list[str], method: str | None, account_v3: Account
) -> None:
    account_v3.seed({"domain": NAME, "aliases": {"*": A, "old": A}})
    fault = Fault("reset_before", method=method) if method else None
    run = account_v3.apply_one(item, meanwhile=lambda: account_v3.remove(NAME), fault=fault)
    assert (run.error, run.pending) == (None, [])
    assert texts(run.done) == ["create domain example.com", *done]


def test_run_ends_if_others_delete_the_domain_again_and_again(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_v3.seed({"domain": NAME})

    def too_late(usual: Any, account: Any, call: Any) -> Any:
        delete_domain(account, account.domains[NAME])
        raise refuse(404, "Domain not found.")

    wrap_endpoint(monkeypatch, "POST /domains/{domain}/aliases", too_late)
    run = account_v3.apply_one(wish({"info": A}), others_tell=True, in_part=True)
    assert isinstance(run.error, Refused)
    assert texts(run.done) == 3 * ["create domain example.com"]
    assert texts(run.pending) == ["create domain example.com", "create alias info"]


def test_new_domain_that_can_not_be_read_is_reported(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def brief(usual: Any, account: Any, call: Any) -> Any:
        answer = usual(account, call)
        del answer["domain"]["aliases"]
        return answer

    wrap_endpoint(monkeypatch, "POST /domains", brief)
    run = account_v3.apply_one(wish({}), fault=blinded(None))
    assert str(run.error) == f"GET /v3/domains/{NAME}: the reply is not a JSON object"
    assert (texts(run.done), run.pending) == (["create domain example.com"], [])


@pytest.mark.parametrize(("forward", "rest"), [(A, []), (B, ["update alias info"])])
@pytest.mark.parametrize("others", [{}, {"x": A, "y": A}])
def test_alias_created_meanwhile_is_updated(
    others: dict[str, str], forward: str, rest: list[str], account: Account
) -> None:
    account.seed({"domain": NAME})
    run = account.apply_one(wish({"info": A, **others}), meanwhile=lambda: account.put("INFO", forward))
    assert (run.error, run.pending) == (None, [])
    assert run.plan.found is not None
    assert run.plan.found.aliases == ()  # as it was planned
    assert sorted(texts(run.done)) == sorted(
        [text.replace("info", "INFO") for text in rest] + [f"create alias {name}" for name in others]
    )
    assert account.aliases() == {"INFO": A, **others}


@pytest.mark.parametrize("fault", [None, Fault("reset_before", method="PUT")], ids=["clear", "doubtful"])
def test_alias_deleted_before_its_update_is_created(fault: Fault | None, account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"info": A, "b": A}})
    run = account.apply_one(
        wish({"info": B, "b": B}), meanwhile=lambda: account.remove(NAME, "info"), fault=fault
    )
    assert (run.error, run.pending) == (None, [])
    assert sorted(texts(run.done)) == ["create alias info", "update alias b"]
    assert account.aliases() == {"info": B, "b": B}


def interfere(monkeypatch: pytest.MonkeyPatch, times: int, status: int | None) -> None:
    """Undo what a write of an alias depends on, right before it, for the first writes of each alias.

    ``status``: the answer to these writes; None: the usual one.
    """
    left: dict[str, int] = {}

    def unless_used_up(name: str, undo: Callable[[], Any]) -> None:
        left[name] = left.get(name, times) - 1
        if left[name] >= 0:
            undo()
            if status:
                raise refuse(status, "Something went wrong.")

    def update(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        name = call.parameters["alias"]
        unless_used_up(name, lambda: delete_alias(account, domain, domain.aliases[name]))
        return usual(account, call)

    def create(usual: Any, account: Any, call: Any) -> Any:
        alias = {**call.body, "forward": OWNER}
        unless_used_up(alias["alias"], lambda: add_alias(account, account.domains[NAME], alias))
        return usual(account, call)

    wrap_endpoint(monkeypatch, "PUT /domains/{domain}/aliases/{alias}", update)
    wrap_endpoint(monkeypatch, "POST /domains/{domain}/aliases", create)


@pytest.mark.parametrize("status", [None, 500])
@pytest.mark.parametrize(("times", "writes"), [(3, 4 + 4), (4, 4)])
def test_run_ends_at_the_fourth_conflict_in_a_row(
    times: int, writes: int, status: int | None, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others delete and create an alias again and again, in between the reading and each write."""
    account_v3.seed({"domain": NAME, "aliases": {"a": A, "b": A}})
    interfere(monkeypatch, times, status)
    [run] = apply_plan(account_v3.api, account_v3.plans(wish({"a": B, "b": B})))
    assert len(account_v3.emulator.writes) == writes
    if times == 3:
        assert (run.error, run.pending) == (None, [])
        assert account_v3.aliases() == {"a": B, "b": B}
    else:
        assert run.error
        assert texts(run.pending)[-1] == "update alias b"


def test_alias_created_meanwhile_as_desired_is_not_reported_after_a_doubtful_write(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"old": A}})
    run = account.apply_one(
        wish({"old": B, "info": A}),
        meanwhile=lambda: account.put("info", A),
        fault=Fault("status_after", method="PUT"),
    )
    assert (run.error, texts(run.done), run.pending) == (None, ["update alias old"], [])


def test_alias_deleted_before_its_deletion_is_not_an_error(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"info": A, "b": A}})
    wishes = domain_wishes([wish({"info": None, "b": None})], (), "v2")
    plans = plan(wishes, read_wished(account.api, wishes))
    account.remove(NAME, "info")
    [run] = apply_plan(account.api, plans)
    assert (run.error, texts(run.done), run.pending) == (None, ["delete alias b"], [])
    assert account.aliases() == {}
    assert account.requests("GET") == 1 + 1  # to find out what else was deleted


@pytest.mark.parametrize("lost", [False, True])
def test_deletion_that_found_nothing_is_reported_only_if_its_first_try_was_lost(
    lost: bool, account: Account
) -> None:
    account.seed({"domain": NAME, "aliases": {"info": A}})
    if lost:
        run = account.apply_one(wish({"info": None}), fault=Fault("reset_after", method="DELETE"))
    else:
        run = account.apply_one(wish({"info": None}), meanwhile=lambda: account.remove(NAME, "info"))
    assert (run.error, texts(run.done)) == (None, ["delete alias info"] if lost else [])
    assert account.aliases() == {}


def test_what_was_done_of_a_batch_after_a_lost_one_is_reported_once(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME})
    account_v3.emulator.faults.add(Fault("batch_partial", method="POST", skip=1))
    lost = Fault("reset_before", method="POST")
    run = account_v3.apply_one(wish({"a": A, "b": A, "c": A}), fault=lost)
    assert (run.error, run.pending) == (None, [])
    assert sorted(texts(run.done)) == ["create alias a", "create alias b", "create alias c"]


def test_creation_that_took_effect_late_is_reported(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway loses the answer, and the service creates the alias after the look that follows."""
    account_v3.seed({"domain": NAME})
    calls = []

    def late(usual: Any, account: Any, call: Any) -> Any:
        calls.append(call)
        if len(calls) > 1:
            usual(account, calls[0])
            return usual(account, call)
        return {"success": True}

    wrap_endpoint(monkeypatch, "POST /domains/{domain}/aliases", late)
    run = account_v3.apply_one(wish({"info": A}), fault=Fault("reset_after", method="POST"))
    assert (run.error, texts(run.done)) == (None, ["create alias info"])
    assert account_v3.aliases() == {"info": A}


def test_alias_named_like_the_id_of_a_deleted_one_is_unchanged(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "aliases": {"012": A}})
    [seeded] = account_v3.emulator.dump(ids=True)["domains"]
    number = str(seeded["aliases"][0]["id"])
    account_v3.put(number, A)
    wishes = domain_wishes([wish({"012": None})], (), "v3")
    plans = plan(wishes, read_wished(account_v3.api, wishes))
    account_v3.remove(NAME, "012")
    [run] = apply_plan(account_v3.api, plans)
    assert (run.error, run.pending) == (None, [])
    assert account_v3.aliases() == {number: A}


def test_alias_created_meanwhile_is_not_purged_beyond_max_deletions(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"old": A}})

    def meanwhile() -> None:
        for name in ("stranger", "info", "*"):
            account.put(name, B)

    run = account.apply_one(wish({"info": A}, purge_aliases=True), meanwhile=meanwhile)
    assert run.error is None
    assert account.aliases() == {"stranger": B, "info": A, "*": B}


def test_pending_changes_are_those_of_the_plan_although_values_changed_meanwhile(
    account_v3: Account,
) -> None:
    account_v3.seed({"domain": NAME, "aliases": {"info": A}, **HAS}, whitelabels=["white.example"])

    def meanwhile() -> None:
        domain = account_v3.emulator.account.domains[NAME]
        domain.webhook = "https://hooks.example/other"
        domain.aliases["info"].forward = OWNER

    run = account_v3.apply_one(
        wish({"info": B}, webhook="", notification_email=A),
        meanwhile=meanwhile,
        fault=Fault("status", method="PUT", times=None),
    )
    assert run.error
    assert account_v3.requests("GET") == 2
    assert (run.done, run.pending) == ([], list(run.plan.changes))
    assert run.pending[0].before == {"webhook": HAS["webhook"], "notification_email": B}
    assert run.pending[1].before == {"forward": [A]}


def test_aliases_of_a_domain_created_meanwhile_are_not_purged(account: Account) -> None:
    def meanwhile() -> None:
        account.post_domain()
        account.put("stranger", B)

    run = account.apply_one(wish({"info": A}, purge_aliases=True), meanwhile=meanwhile)
    assert "deleting *, stranger was not planned (max_deletions is not set)" in str(run.error)
    assert (run.done, texts(run.pending)) == (
        [],
        ["create alias info", "delete alias *", "delete alias stranger"],
    )


@pytest.mark.parametrize(("limit", "allowed"), [(2, False), (3, True), (None, True)], ids=str)
def test_aliases_that_others_add_count_when_the_deletion_of_a_domain_is_planned_anew(
    limit: int | None, allowed: bool, account: Account
) -> None:
    account.seed({"domain": NAME, "aliases": {"old": A}})
    run = account.apply_one(
        {"domain": NAME, "state": "absent"},
        fault=Fault("status", method="DELETE"),
        meanwhile=lambda: account.put("new", A),
        max_deletions=limit,
    )
    assert ("contains more than when the account was read" not in str(run.error)) is allowed
    assert ("the service answered 500" in str(run.error)) is allowed
    assert (run.done, texts(run.pending)) == ([], ["delete domain example.com"])
    assert run.pending[0].before is not None
    assert run.pending[0].before["aliases"] == [{"alias": "old", "forward": [A]}]


def test_planned_deletions_are_not_counted_twice_after_a_look(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"a": A, "b": A, "c": A}})
    run = account.apply_one(
        wish({}, purge_aliases=True),
        fault=Fault("status", method="DELETE", skip=1),
        max_deletions=3,
    )
    assert "the service answered 500" in str(run.error)
    assert (texts(run.done), texts(run.pending)) == (
        ["delete alias a"],
        ["delete alias b", "delete alias c"],
    )


@pytest.mark.parametrize(
    ("limit", "error"),
    [(0, "example.com contains more than when the account was read"), (1, "the service answered 500")],
)
def test_catch_all_that_others_put_in_place_of_that_of_a_new_domain_counts_as_a_deletion(
    limit: int, error: str, account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        delete_alias(account, domain, domain.aliases["*"])
        add_alias(account, domain, {"alias": "*", "forward": B})
        raise refuse(500, "Try again later")

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", replaced)
    run = account_v3.apply_one(wish({"info": A}, purge_aliases=True), others_tell=True, max_deletions=limit)
    assert error in str(run.error)
    assert (texts(run.done), account_v3.aliases()) == (["create domain example.com"], {"*": B})


def test_catch_all_of_a_domain_created_meanwhile_is_updated(account: Account) -> None:
    run = account.apply_one(wish({"*": B}), meanwhile=account.post_domain)
    assert (run.error, texts(run.done)) == (None, ["update alias *"])
    assert run.done[0].before == {"forward": [OWNER]}


def test_domain_created_meanwhile_in_the_account_is_managed(account: Account) -> None:
    run = account.apply_one(wish({"info": A}), meanwhile=account.post_domain)
    assert (run.error, texts(run.done)) == (None, ["create alias info"])
    assert run.plan.found is not None  # so that the diff does not show a new domain
    assert [alias.name for alias in run.plan.found.aliases] == ["*"]


def test_domain_deleted_meanwhile_is_created_with_all_its_aliases(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"keep": A, "info": A}})
    run = account.apply_one(wish({"keep": A, "info": B}), meanwhile=lambda: account.remove(NAME))
    assert (run.error, run.pending) == (None, [])
    assert account.aliases() == {"*": OWNER, "keep": A, "info": B}


def test_domain_deleted_meanwhile_is_created_without_an_unwanted_catch_all(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"info": A}})
    run = account.apply_one(
        wish({"info": B}, purge_aliases=True), meanwhile=lambda: account.remove(NAME), max_deletions=0
    )
    assert (run.error, run.pending) == (None, [])
    assert account.aliases() == {"info": B}


def test_look_after_a_conflict_does_not_stop_a_run_that_could_not_read_the_routing(
    account_v3: Account,
) -> None:
    """Otherwise the result would depend on changes by others in the meantime."""
    ruled = {"domain": NAME, "routing_engine": "rules", "aliases": {"old": A}}
    account_v3.seed(ruled, {"domain": "b.example"}, beliefs=SILENT)
    items = [wish({"info": A, "sales": B, "old": B}), wish({}, "b.example")]
    run = account_v3.apply(*items, meanwhile=lambda: account_v3.remove(NAME, "old"))[0]
    assert (run.error, run.pending) == (None, [])
    assert texts(run.done) == ["create alias old", "create alias info", "create alias sales"]
    assert account_v3.requests("GET") == 2


def test_run_ends_at_a_look_if_others_switched_the_domain_to_rules(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "aliases": {"old": A}})
    run = account_v3.apply_one(
        wish({"old": B, "info": A}),
        meanwhile=lambda: setattr(account_v3.emulator.account.domains[NAME], "routing_engine", "rules"),
        fault=Fault("status_after", method="PUT"),
    )
    assert "routed by rules" in str(run.error)
    assert (texts(run.done), texts(run.pending)) == (["update alias old"], ["create alias info"])


def test_hidden_domain_that_is_routed_by_rules_is_unchanged(account_v3: Account) -> None:
    """Its creation fails, and the following look reads it for the first time."""
    ruled = {"domain": NAME, "routing_engine": "rules", "aliases": {"old": A}}
    account_v3.seed({"domain": "b.example"})
    items = [wish({"info": A}), wish({}, "b.example")]
    run = account_v3.apply(*items, meanwhile=lambda: account_v3.seed(ruled))[0]
    assert "routed by rules" in str(run.error)
    assert (run.done, texts(run.pending)) == ([], ["create alias info"])
    assert account_v3.aliases() == {"old": A}


def test_domain_of_another_account_fails_with_the_services_message(account: Account) -> None:
    account.seed(other_domains=[NAME])
    run = account.apply_one(FULL)
    assert isinstance(run.error, Refused)
    assert run.error.status == 400
    assert "domain: This domain is already registered." in str(run.error)
    assert (run.done, texts(run.pending)) == ([], FULL_TEXTS)
    assert run.domain is None
    assert account.requests("POST") == 1


# Rules and credentials


def rule(alias: str, forward: str = A, **fields: Any) -> dict[str, Any]:
    return {"type": "alias", "alias": alias, "forward": [forward], **fields}


def ruled(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"domain": NAME, "routing_engine": "rules", "rules": list(rules), **fields}


def existing_rule(alias: str, number: int) -> dict[str, Any]:
    config = {"alias": alias, "forward": A}
    return {"id": f"00000000-0000-0000-0000-{number:012}", "type": "alias", "config": config, "rank": number}


def smtp(*names: str, **fields: Any) -> dict[str, Any]:
    """What a user writes of credentials, with a new password for each."""
    always = {"password": PASSWORD, "update_password": "always"}
    return {"domain": NAME, "credentials": [{"username": name, **always} for name in names], **fields}


PASSWORD = "kR7!vq2-Zw95xTn0"


def users(account: Account) -> dict[str, str]:
    return {c.username: c.password for c in account.emulator.account.domains[NAME].credentials.values()}


def test_rules_and_credentials_are_returned_as_they_are_in_the_service(account_v3: Account) -> None:
    account_v3.seed(
        ruled(
            *(existing_rule(name, number) for number, name in enumerate(("a", "b", "gone"), 1)),
            credentials=[{"username": "old", "password": "old-one-1234"}],
        )
    )
    rules = [rule("b", B), rule("new"), rule("gone", state="absent")]
    item = smtp("new", rules=rules, purge_credentials=True)
    run = account_v3.apply_one(item)
    assert (run.error, run.pending) == (None, [])
    assert texts(run.done) == [
        "update rule b",
        "create rule new",
        "delete rule gone",
        "delete credential old",
        "create credential new",
    ]
    [now] = read_wished(account_v3.api, [run.plan.wish]).values()
    assert run.domain is not None
    assert [(r.id, r.matcher, r.forward, r.rank) for r in run.domain.rules or ()] == [
        (r.id, r.matcher, r.forward, r.rank) for r in now.rules or ()
    ]
    assert run.domain.credentials == now.credentials
    assert users(account_v3) == {"new": PASSWORD}


@pytest.mark.parametrize("needed", [(False, False), (True, False), (False, True)])
def test_new_check_is_needed_if_one_of_several_new_credentials_needs_it(
    needed: tuple[bool, bool], account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(needed)

    def create(usual: Any, account: Any, call: Any) -> Any:
        return {**usual(account, call), "requires_new_mx_check": next(answers)}

    account_v3.seed({"domain": NAME})
    wrap_endpoint(monkeypatch, "POST /domains/{domain}/credentials", create)
    run = account_v3.apply_one(smtp("one", "two"))
    assert (run.error, run.needs_check) == (None, any(needed))


def test_unanswered_new_password_is_not_sent_again(account_v3: Account) -> None:
    """The service does not show passwords, so reading its credentials would tell nothing."""
    account_v3.seed({"domain": NAME, "credentials": [{"username": "one", "password": "old-one-1234"}]})
    plans = account_v3.plans(smtp("one"))
    reads = account_v3.requests("GET")
    account_v3.emulator.faults.add(Fault("status_after", method="PUT"))
    [run] = apply_plan(account_v3.api, plans)
    assert str(run.error) == (
        f"PUT /v3/domains/{NAME}/credentials/one: the service answered 500: Something went wrong.; whether "
        "it took effect could not be determined, because the service does not show it"
    )
    assert (run.done, texts(run.pending)) == ([], ["update credential one"])
    assert (account_v3.requests("PUT"), account_v3.requests("GET")) == (1, reads)


@pytest.mark.parametrize(
    "fault", [None, Fault("reset_before", method="PUT", skip=1)], ids=["clear", "doubtful"]
)
def test_credentials_deleted_meanwhile_are_created_and_no_password_is_set_twice(
    fault: Fault | None, account_v3: Account
) -> None:
    names = ["one", "two"]
    seeded = [{"username": name, "password": "old-one-1234"} for name in names]
    account_v3.seed({"domain": NAME, "credentials": seeded})
    run = account_v3.apply_one(
        smtp(*names), meanwhile=lambda: account_v3.remove_credential("two"), fault=fault
    )
    assert (run.error, texts(run.done)) == (None, ["update credential one", "create credential two"])
    assert users(account_v3) == dict.fromkeys(names, PASSWORD)
    assert account_v3.requests("PUT", "/one") == 1


def test_credential_created_meanwhile_gets_its_password_and_a_new_one_no_second(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME})
    run = account_v3.apply_one(
        smtp("one", "two", "six"), meanwhile=lambda: account_v3.create_credential("two")
    )
    assert (run.error, run.pending) == (None, [])
    assert sorted(texts(run.done)) == [
        "create credential one",
        "create credential six",
        "update credential two",
    ]
    assert users(account_v3) == dict.fromkeys(["one", "two", "six"], PASSWORD)
    assert account_v3.requests("PUT") == 1


def test_rule_that_the_service_stores_in_another_form_is_created_once(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(usual: Any, account: Any, call: Any) -> Any:
        reply = usual(account, call)
        return {**reply, "config": {**reply["config"], "alias": "tidied"}}

    account_v3.seed(ruled())
    wrap_endpoint(monkeypatch, "POST /domains/{domain}/rules", create)
    run = account_v3.apply_one({"domain": NAME, "rules": [rule("one"), rule("two")]})
    assert (run.error, texts(run.done)) == (None, ["create rule one", "create rule two"])
    assert account_v3.requests("POST") == 2


def test_rules_are_pending_once_if_one_of_them_was_deleted_meanwhile(account_v3: Account) -> None:
    gone = existing_rule("gone", 1)
    account_v3.seed(ruled(gone))
    by_id = {"id": gone["id"], "forward": [B]}
    run = account_v3.apply_one(
        {"domain": NAME, "rules": [by_id, rule("new")]},
        meanwhile=account_v3.emulator.account.domains[NAME].rules.clear,
    )
    assert f"has no rule with the id {gone['id']}" in str(run.error)
    assert run.done == []
    assert sorted(texts(run.pending)) == ["create rule new", "update rule gone"]


# Many domains


def test_failure_of_one_domain_leaves_the_others_done(account: Account) -> None:
    account.seed(other_domains=["b.example"])
    names = ["a.example", "b.example", "c.example", "d.example"]
    runs = account.apply(
        *[wish({"info": A}, name) for name in names],
        fault=Fault("status", method="POST", path="/c.example/", times=None),
    )
    assert [bool(run.error) for run in runs] == [False, True, True, False]
    assert texts(runs[2].pending) == ["create alias info of c.example"]
    assert account.aliases("d.example") == {"*": OWNER, "info": A}
    assert [step.plan.wish.name for step in runs] == names


@pytest.mark.parametrize(
    "fault",
    [Fault("status", status=503), Fault("reset_before"), Fault("rate_limit", retry_after=900)],
    ids=fault_name,
)
def test_outage_after_the_first_domain_is_not_retried_for_every_other_domain(
    fault: Fault, account: Account
) -> None:
    names = [f"{letter}.example" for letter in "abcdefgh"]
    writes = 2  # of the first domain
    dead = Fault(**{**vars(fault), "times": None, "skip": writes})
    runs = account.apply(*[wish({"info": A}, name) for name in names], fault=dead)
    assert runs[0].error is None
    assert all(isinstance(run.error, Exception) for run in runs[1:])
    assert not isinstance(runs[1].error, NotTried)
    assert [type(run.error) for run in runs[3:]] == [NotTried] * 5
    assert all(len(run.pending) == 2 for run in runs[1:])
    tried = {r.body["domain"] for r in account.emulator.requests if r.method == "POST" and "domain" in r.body}
    assert tried <= set(names[:3])


class Recorder(Progress):
    """Records the threads that domains are processed in."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def domain_done(self) -> None:
        self.threads.add(threading.get_ident())


def test_domains_are_processed_one_by_one_or_in_as_many_threads_as_requested(account: Account) -> None:
    account.emulator.latency = 0.005
    here = {threading.get_ident()}
    seen = []
    for options in ({}, {"concurrency": 1}, {"concurrency": 2}):
        account.seed()
        recorder = Recorder()
        plans = account.plans(*(wish({}, f"{letter}.example") for letter in "abcdef"))
        runs = apply_plan(account.api, plans, progress=recorder, **options)
        assert [run.plan for run in runs] == plans
        seen.append(recorder.threads)
    assert seen[:2] == [here, here]
    assert len(seen[2] - here) == 2


def test_progress_counts_the_domains_that_change(account: Account, tmp_path: Path) -> None:
    account.seed({"domain": "a.example"}, {"domain": "b.example"})
    progress = Progress(str(tmp_path / "progress"))
    items = [wish({}, "a.example"), wish({"info": A}, "b.example"), wish({}, "c.example")]
    apply_plan(account.api, account.plans(*items), progress=progress)
    progress.waiting(60, "the account")
    [line] = (tmp_path / "progress").read_text(encoding="utf-8").splitlines()
    assert line == "2 of 2 domains done, waiting 60 s for the rate limit of the account"


@pytest.mark.parametrize("concurrency", [1, 2])
def test_domains_are_deleted_before_others_are_created_in_any_order_of_the_plans(
    concurrency: int, account: Account
) -> None:
    account.seed({"domain": "old.example"}, limits={"domains": 1})
    items = [wish({}), {"domain": "old.example", "state": "absent"}]
    plans = sorted(account.plans(*items), key=lambda plan: plan.wish.name)
    new, old = apply_plan(account.api, plans, concurrency)
    assert (new.error, old.error) == (None, None)
    assert [texts(run.done) for run in (new, old)] == [
        ["create domain example.com"],
        ["delete domain old.example"],
    ]


@pytest.mark.parametrize(("limit", "allowed"), [(None, 2), (0, 0), (1, 0), (2, 1), (3, 2), (4, 2)], ids=str)
def test_unplanned_deletions_are_made_as_long_as_max_deletions_allows(
    limit: int | None, allowed: int, account: Account
) -> None:
    """Two domains that others create meanwhile each have a catch-all, and one deletion is planned."""
    names = ["b.example", "c.example"]
    account.seed({"domain": "a.example", "aliases": {"old": A}})
    plans = account.plans(
        wish({"old": None}, "a.example"), *(wish({"*": None, "info": A}, name) for name in names)
    )
    for name in names:
        account.post_domain(name)
    # Each doubtful creation is followed by a look, after which nothing counts twice.
    account.emulator.faults.add(Fault("status_after", method="POST", path="/aliases", times=None))
    first, *others = apply_plan(account.api, plans, max_deletions=limit)
    assert (first.error, texts(first.done)) == (None, ["delete alias old of a.example"])
    for number, (name, run) in enumerate(zip(names, others, strict=True)):
        changes = [f"create alias info of {name}", f"delete alias * of {name}"]
        if number < allowed:
            assert (run.error, texts(run.done)) == (None, changes)
            assert account.aliases(name) == {"info": A}
        else:
            assert str(run.error) == (
                f"{name} contains more than when the account was read: deleting * was not planned "
                f"(max_deletions is {limit}). Check what the domain contains before you run it again"
            )
            assert (run.done, texts(run.pending)) == ([], changes)
            assert account.aliases(name) == {"*": OWNER}


def test_wrong_key_ends_the_run_at_the_first_domain(account_v3: Account) -> None:
    account_v3.seed(*({"domain": name, "aliases": {"info": A}} for name in ("y.example", "z.example")))
    items = [wish({}, "a.example"), wish({"info": B}, "y.example"), wish({"info": A}, "z.example")]
    first, second, third = account_v3.apply(
        *items, meanwhile=lambda: setattr(account_v3.emulator, "api_key", "new")
    )
    account_v3.emulator.api_key = type(account_v3.emulator)().api_key
    assert "check api_key" in str(first.error)
    assert str(second.error) == "not tried, because the service failed for the domains before it"
    assert second.domain is not None
    assert (second.plan.wish.name, second.domain) == ("y.example", second.plan.found)
    assert (second.done, texts(second.pending)) == ([], ["update alias info of y.example"])
    assert third.error is None
    assert len(account_v3.emulator.writes) == 1


def test_alias_without_any_address_fails_for_its_domain_only(account: Account) -> None:
    account.seed(
        {"domain": NAME, "aliases": {"a": A, ".": A, "z": A}}, {"domain": "b.example", "aliases": {"a": A}}
    )
    first, second = account.apply(
        wish({"new": A}, purge_aliases=True), wish({"new": A}, "b.example", purge_aliases=True)
    )
    assert first.error
    assert texts(first.done) == ["delete alias a"]
    assert "delete alias ." in texts(first.pending)
    assert second.error is None
    assert account.aliases("b.example") == {"new": A}


@pytest.mark.parametrize("turn", range(5))
def test_two_concurrent_runs_reach_the_desired_state_and_create_nothing_twice(
    turn: int, emulator: Emulator, version: str
) -> None:
    """Both read the account before either of them writes."""
    accounts = [account_of(emulator, version) for run in range(2)]
    accounts[0].seed(
        {"domain": "a.example", "aliases": {"old": A, "keep": A, "*": A}},
        {"domain": "gone.example", "aliases": {"old": A}},
    )
    wishes = domain_wishes(
        [
            wish({"keep": B, "new": A, "two": B}, "a.example", purge_aliases=True),
            wish({"a0": A, "a1": A, "*": None}, "new.example"),
            *(wish({"info": A, "*": B}, f"n{number}.example") for number in range(turn)),
            {"domain": "gone.example", "state": "absent"},
        ],
        (),
        version,
    )
    plans = [plan(wishes, read_wished(account.api, wishes)) for account in accounts]
    assert plans[0] == plans[1]
    emulator.latency = 0.002
    with ThreadPoolExecutor(2) as pool:
        ended = [pool.submit(apply_plan, account.api, plans[0], 3) for account in accounts]
    reported = [[run for run in future.result() if run.error] for future in ended]
    assert reported == [[], []]
    happened = [step_of(effect) for effect in emulator.ledger if effect.action != "update"]
    assert len(happened) == len(set(happened))
    done = {step_of(change) for future in ended for run in future.result() for change in run.done}
    assert set(happened) <= done
    assert accounts[0].aliases("a.example") == {"keep": B, "new": A, "two": B}
    assert accounts[0].aliases("new.example") == {"a0": A, "a1": A}
    assert accounts[0].aliases("gone.example") is None
    again = plan(wishes, read_wished(accounts[0].api, wishes))
    assert [left.changes for left in again] == [()] * len(wishes)


@pytest.mark.parametrize("seed", range(12))
def test_reported_changes_are_true_for_random_faults(seed: int, account: Account) -> None:
    """Random faults for several domains: the reported changes must be the effects in the ledger."""
    account.seed(
        {"domain": "a.example", "aliases": {"old": A, "keep": A, "*": A}},
        {"domain": "b.example", "aliases": {"old": A}},
        {"domain": "gone.example", "aliases": {"old": A}},
    )
    items = [
        wish({"keep": B, "new": A, "two": A, "three": B}, "a.example", purge_aliases=True),
        wish({"old": None, "x": A, "y": B}, "b.example"),
        wish({"x": A, "y": B, "*": None}, "new.example"),
        {"domain": "gone.example", "state": "absent"},
    ]
    wishes = domain_wishes(items, account.api.manages, account.api.version)
    plans = plan(wishes, read_wished(account.api, wishes))
    kinds = ["status", "status_after", "reset_before", "reset_after", "cut", "empty", "truncated_json"]
    kinds += ["rate_limit", "batch_partial"]
    account.emulator.faults.random(seed, 0.3, kinds, limit=None)
    runs = apply_plan(account.api, plans)
    account.emulator.faults.clear()
    happened = [step_of(effect) for effect in account.emulator.ledger]
    reported = [step_of(change) for run in runs for change in run.done]
    assert len(reported) == len(set(reported))
    # Only an update may take effect twice, because only an update is retried after a lost answer.
    once = [effect for effect in happened if effect[0] != "update"]
    assert len(once) == len(set(once))
    unsure = any("could not be determined" in str(run.error) for run in runs)
    assert set(reported) <= set(happened)
    if not unsure:
        assert set(reported) == set(happened)
    for run in runs:
        planned = {str(change) for change in run.plan.changes}
        assert {str(change) for change in [*run.done, *run.pending]} == planned
        assert bool(run.pending) == bool(run.error)
    again = plan(wishes, read_wished(account.api, wishes))
    runs = apply_plan(account.api, again)
    assert [run.error for run in runs] == [None] * 4
    assert account.aliases("new.example") == {"x": A, "y": B}
