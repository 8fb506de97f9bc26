# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done, what failed and what is left when a plan meets a service that misbehaves."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.improvmx.email.plugins.module_utils._api.base import Api
from ansible_collections.improvmx.email.plugins.module_utils._api.v2 import ApiV2
from ansible_collections.improvmx.email.plugins.module_utils._api.v3 import ApiV3
from ansible_collections.improvmx.email.plugins.module_utils._errors import NotTried, Refused
from ansible_collections.improvmx.email.plugins.module_utils._http.transport import Transport
from ansible_collections.improvmx.email.plugins.module_utils._model.domains import domain_wishes
from ansible_collections.improvmx.email.plugins.module_utils._plan.changes import Change
from ansible_collections.improvmx.email.plugins.module_utils._plan.plan import plan
from ansible_collections.improvmx.email.plugins.module_utils._run.engine import DomainRun, apply_plan
from ansible_collections.improvmx.email.plugins.module_utils._run.fetch import read_wished
from emulator import Effect, Emulator, Fault
from emulator.account import delete_alias
from harness import wrap_endpoint

NAME = "example.com"
A, B = "a@x.example", "b@x.example"
OWNER = "owner@mail.example"


SILENT = {"list_shows_details": False}  # a list of domains that does not tell how they are routed


@dataclass
class Account:
    """An account at the emulator, and the API that leads to it."""

    emulator: Emulator
    api: Api

    def seed(self, *domains: dict[str, Any], **fields: Any) -> None:
        self.emulator.seed({"domains": list(domains), **fields})

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
        """Read and plan; then let the fault or the change come about, and apply.

        ``in_part``: what is done of a change may be told besides what is pending of it.
        ``others_tell``: somebody else does things as well while the plan is applied.
        """
        wishes = domain_wishes(items, self.api.manages, self.api.version)
        plans = plan(wishes, read_wished(self.api, wishes, everything=purge), purge)
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
        """Somebody else's doing."""
        effects = len(self.emulator.ledger)
        Transport(self.emulator.url, self.emulator.api_key, timeout=30, retry_timeout=300).request(
            "POST", "/v3/domains/{}/aliases", [domain], body={"alias": name, "forward": forward}
        )
        assert len(self.emulator.ledger) == effects + 1

    def remove(self, *values: str) -> None:
        template = "/v3/domains/{}" + "/aliases/{}" * (len(values) - 1)
        Transport(self.emulator.url, self.emulator.api_key, timeout=30, retry_timeout=300).request(
            "DELETE", template, values
        )

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
    """What a user writes of a domain; None as destinations: the alias is to be absent."""
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
    """Seen through each version of the API in turn."""
    return account_of(emulator, version)


@pytest.fixture
def account_v3(emulator: Emulator) -> Account:
    return account_of(emulator, "v3")


FULL = wish({"info": A, "sales": B, "*": None})
FULL_TEXTS = ["create domain example.com", "delete alias *", "create alias info", "create alias sales"]

# When all goes well


def test_all_changes_are_made_in_the_order_of_the_plan(account: Account) -> None:
    run = account.apply_one(FULL)
    assert (run.error, texts(run.done), run.pending) == (None, FULL_TEXTS, [])
    assert account.aliases() == {"info": A, "sales": B}
    assert run.domain is not None
    assert {alias.name: alias.forward for alias in run.domain.aliases} == {"info": (A,), "sales": (B,)}


def test_nothing_to_do_sends_nothing(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"info": A}})
    run = account.apply_one(wish({"info": A}))
    assert (run.done, run.pending, run.error) == ([], [], None)
    assert account.emulator.writes == []


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


# Answers that are lost

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
    # Whose domain that is can't be told, so its catch-all may be in use: it goes after the names.
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
    """The look after a doubtful write tells that rules route the domain. The list did not."""
    ruled = {"domain": NAME, "routing_engine": "rules", "aliases": {"old": A}}
    account_v3.seed(ruled, {"domain": "b.example"}, beliefs=SILENT)
    items = [wish({"old": B, "info": A}), wish({}, "b.example")]
    run = account_v3.apply(*items, fault=Fault("truncated_json", method="PUT"))[0]
    assert (run.error, texts(run.done)) == (None, ["update alias old", "create alias info"])
    assert account_v3.aliases() == {"old": B, "info": A}


def test_unresolved_doubt_is_reported(account: Account) -> None:
    account.seed({"domain": NAME})

    wishes = domain_wishes([wish({"info": A})], (), "v2")
    plans = plan(wishes, read_wished(account.api, wishes))
    account.emulator.faults.add(Fault("reset_after", method="POST"), Fault("status", method="GET"))
    [run] = apply_plan(account.api, plans)
    assert "whether it took effect could not be found out" in str(run.error)
    assert (run.done, texts(run.pending)) == ([], ["create alias info"])
    assert account.requests("POST") == 1


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


def test_no_more_patterns_are_deleted_first_than_new_names_need(account_v3: Account) -> None:
    account_v3.seed({"domain": NAME, "aliases": {"*": A, "shop-.*": A}}, limits={"aliases": 2})
    run = account_v3.apply_one(wish({"info": A, "*": None, "shop-.*": None}))
    assert (run.error, texts(run.done)) == (
        None,
        ["delete alias *", "create alias info", "delete alias shop-.*"],
    )


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


# Settings

SETTINGS = {"notification_email": A, "webhook": None, "whitelabel": None}
HAS = {"notification_email": B, "webhook": "https://hooks.example/a", "whitelabel": "white.example"}
PUT = "PUT /v3/domains/example.com"


def settings_of(account: Account) -> dict[str, Any]:
    return {name: getattr(account.emulator.account.domains[NAME], name) for name in SETTINGS}


def puts(account: Account) -> list[dict[str, Any]]:
    return [request.body for request in account.emulator.requests if request.method == "PUT"]


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
    assert len(puts(account_v3)) == 3  # the second one with texts instead of null
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


# Numbers, which paths take for the id of an alias and for its name


def ids(**aliases: int) -> list[dict[str, Any]]:
    """Aliases called by numbers, n7=12 the alias 7 with the id 12, and others."""
    return [{"alias": name.lstrip("n"), "forward": A, "id": number} for name, number in aliases.items()]


@pytest.mark.parametrize("deeds", [1, 2])
def test_name_created_by_another_run_is_not_mistaken_for_the_id_of_a_deleted_alias(
    deeds: int, account_v3: Account
) -> None:
    """The other run has the same wish, and is ahead."""
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
        (ids(n7=15, info=16), {"7": B}, "15"),  # by its id, which is nobody's name
        (ids(n7=15, info=16), {"7": B, "15": A}, "7"),  # which it will be
        (ids(n7=15, n15=16), {"7": B}, "7"),  # which it is
        (ids(n012=7, info=16), {"012": B, "7": A}, "012"),  # 12 is no id, and none to come
        (ids(n7=7, info=16), {"7": B}, "7"),  # it is both
        (ids(batch=15), {"batch": B}, "15"),  # a word that means many in a path
        (ids(info=15), {"info": B}, "info"),
        ([{"alias": "\N{SUPERSCRIPT TWO}", "forward": A, "id": 15}], {"\N{SUPERSCRIPT TWO}": B}, "%C2%B2"),
    ],
)
def test_path_addresses_exactly_one_alias(
    aliases: list[dict[str, Any]], wanted: dict[str, str], path: str, account_v3: Account
) -> None:
    account_v3.seed({"domain": NAME, "aliases": aliases})
    run = account_v3.apply_one(wish(wanted))
    assert run.error is None
    [request] = [request for request in account_v3.emulator.requests if request.method == "PUT"]
    assert request.path == f"/v3/domains/{NAME}/aliases/{path}"
    assert account_v3.aliases() == {each["alias"]: each["forward"] for each in aliases} | wanted
    assert account_v3.requests("GET") == 1


def test_alias_without_a_unique_address_is_read_before_and_after_its_write(account_v3: Account) -> None:
    """The name of each of the two is the id of the other one."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})
    run = account_v3.apply_one(wish({"7": B, "12": None}))
    assert (run.error, texts(run.done)) == (None, ["delete alias 12", "update alias 7"])
    assert account_v3.aliases() == {"7": B}
    looks = [request for request in account_v3.emulator.requests if request.method == "GET"]
    # 12 by its name, which means 7, by its id, and the domain after it; then the id of 7 is sure.
    assert len(looks) == 1 + 3


@pytest.mark.parametrize("forward", [B, None])
def test_alias_named_like_a_path_segment_is_addressed_by_its_id_even_if_that_is_a_name(
    forward: str | None, account_v3: Account
) -> None:
    """PUT and DELETE of the path with the word would mean many aliases."""
    account_v3.seed(
        {"domain": NAME, "aliases": [{"alias": "batch", "forward": A, "id": 7}, *ids(n7=12)]},
    )
    run = account_v3.apply_one(wish({"batch": forward}))
    assert (run.error, len(run.done)) == (None, 1)
    assert account_v3.aliases() == {"7": A, **({"batch": B} if forward else {})}
    assert account_v3.requests("GET") == 1 + 2  # what the id means before, and the domain after


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
    assert "request to delete alias 12 of example.com" in str(run.error)
    assert "whether it took effect could not be found out" in str(run.error)
    assert account_v3.requests("DELETE") == 1


@pytest.mark.parametrize(
    ("wanted", "done", "left"),
    [
        ({"7": A, "12": None}, ["delete alias 12", "create alias 7"], {"7": A}),
        ({"12": None}, ["delete alias 12", "create alias 7"], {"7": A}),  # although nobody mentioned it
        ({"7": B, "12": None}, ["delete alias 12", "create alias 7"], {"7": B}),
        ({"7": None, "12": None}, ["delete alias 7", "delete alias 12"], {}),
    ],
)
def test_wrong_alias_hit_between_look_and_write_is_restored(
    wanted: dict[str, Any],
    done: list[str],
    left: dict[str, str],
    account_v3: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another run deletes 12, whose id is 7, right after the look, so that 7 means the alias 7."""
    account_v3.seed({"domain": NAME, "aliases": ids(n7=12, n12=7)})

    def too_late(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        delete_alias(account, domain, domain.aliases["12"])
        return usual(account, call)

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", too_late)
    run = account_v3.apply_one(wish(wanted), others_tell=True)
    assert (run.error, texts(run.done)) == (None, done)
    assert account_v3.aliases() == left


def test_alias_deleted_by_the_run_is_not_restored(account_v3: Account) -> None:
    """The id of the alias called batch is the name of one that went before it."""
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
    run = account_v3.apply_one(wish({"12": B}), others_tell=True)
    assert run.error is None
    assert texts(run.done) == ["update alias 7", "create alias 12"]
    assert account_v3.aliases() == {"7": A, "12": B}


def test_alias_hit_in_place_of_one_named_like_a_path_segment_is_restored(
    account_v3: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run deletes batch, which has the id 12 only as its address, right before this one does."""
    account_v3.seed({"domain": NAME, "aliases": [*ids(n12=10), {"alias": "batch", "forward": A, "id": 12}]})

    def too_late(usual: Any, account: Any, call: Any) -> Any:
        domain = account.domains[NAME]
        if "batch" in domain.aliases:
            delete_alias(account, domain, domain.aliases["batch"])
        return usual(account, call)

    wrap_endpoint(monkeypatch, "DELETE /domains/{domain}/aliases/{alias}", too_late)
    run = account_v3.apply_one(wish({"batch": None}), others_tell=True)
    assert run.error is None
    assert texts(run.done) == ["delete alias batch", "create alias 12"]
    assert account_v3.aliases() == {"12": A}


# What turns up or vanishes between the reading and the writing


@pytest.mark.parametrize(("forward", "rest"), [(A, []), (B, ["update alias info"])])
@pytest.mark.parametrize("others", [{}, {"x": A, "y": A}])
def test_alias_created_meanwhile_is_updated(
    others: dict[str, str], forward: str, rest: list[str], account: Account
) -> None:
    account.seed({"domain": NAME})
    run = account.apply_one(wish({"info": A, **others}), meanwhile=lambda: account.put("INFO", forward))
    assert (run.error, run.pending) == (None, [])
    assert sorted(texts(run.done)) == sorted(
        [text.replace("info", "INFO") for text in rest] + [f"create alias {name}" for name in others]
    )
    assert account.aliases() == {"INFO": A, **others}


def test_alias_deleted_before_its_update_is_created(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"info": A, "b": A}})
    run = account.apply_one(wish({"info": B, "b": B}), meanwhile=lambda: account.remove(NAME, "info"))
    assert (run.error, run.pending) == (None, [])
    assert sorted(texts(run.done)) == ["create alias info", "update alias b"]
    assert account.aliases() == {"info": B, "b": B}


def test_alias_deleted_before_its_deletion_is_not_an_error(account: Account) -> None:
    account.seed({"domain": NAME, "aliases": {"info": A, "b": A}})
    wishes = domain_wishes([wish({"info": None, "b": None})], (), "v2")
    plans = plan(wishes, read_wished(account.api, wishes))
    account.remove(NAME, "info")
    [run] = apply_plan(account.api, plans)
    assert (run.error, run.pending) == (None, [])
    assert account.aliases() == {}


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
        account.put("stranger", B)
        account.put("info", B)

    run = account.apply_one(wish({"info": A}, purge_aliases=True), meanwhile=meanwhile)
    assert run.error is None
    assert account.aliases() == {"stranger": B, "info": A}


def test_domain_created_meanwhile_in_the_account_is_managed(account: Account) -> None:
    def meanwhile() -> None:
        transport = Transport(account.emulator.url, account.emulator.api_key, timeout=30, retry_timeout=300)
        transport.request("POST", "/v3/domains", body={"domain": NAME})

    run = account.apply_one(wish({"info": A}), meanwhile=meanwhile)
    assert (run.error, texts(run.done)) == (None, ["create alias info"])


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
    """Else it would end half done, or not, by what others do meanwhile."""
    ruled = {"domain": NAME, "routing_engine": "rules", "aliases": {"old": A}}
    account_v3.seed(ruled, {"domain": "b.example"}, beliefs=SILENT)
    items = [wish({"info": A, "sales": B, "old": B}), wish({}, "b.example")]
    run = account_v3.apply(*items, meanwhile=lambda: account_v3.remove(NAME, "old"))[0]
    assert (run.error, run.pending) == (None, [])
    assert texts(run.done) == ["create alias old", "create alias info", "create alias sales"]
    assert account_v3.requests("GET") == 2


def test_hidden_domain_that_is_routed_by_rules_is_unchanged(account_v3: Account) -> None:
    """Its creation fails, and the look that follows is the first reading of it."""
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


def test_wrong_key_ends_the_run_at_the_first_domain(account_v3: Account) -> None:
    account_v3.seed({"domain": "z.example", "aliases": {"info": A}})
    items = [wish({}, "a.example"), wish({}, "b.example"), wish({"info": A}, "z.example")]
    first, second, third = account_v3.apply(
        *items, meanwhile=lambda: setattr(account_v3.emulator, "api_key", "new")
    )
    account_v3.emulator.api_key = type(account_v3.emulator)().api_key
    assert "check api_key" in str(first.error)
    assert isinstance(second.error, NotTried)
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
    """Both have read the same account before either of them writes."""
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
    """Random faults over several domains; what is told must match the service's own record."""
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
    unsure = any("could not be found out" in str(run.error) for run in runs)
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
