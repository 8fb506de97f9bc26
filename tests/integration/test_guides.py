# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks and inventories of the guides to everyday tasks, run like a reader would."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from documents import GUIDES, ROOT, blocks_of, write_files
from emulator import Emulator
from emulator.account import add_alias, add_domain
from emulator.dns import EXPECTED_MX, Dns
from harness import assert_no_secret
from playbooks import Project

PROVISION = "improvmx.email.provision"
HOSTS = ("-i", "hosts.yml")
JOBS = ("team", "private_addresses", "moving", "unwanted_mail", "accounts", "staff")
VAULT_PASSWORD = "vault-6t5r4e3w2q1z"
# Ansible warns if there is no inventory, for example with a list of domains in a file of variables.
NO_INVENTORY = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false"}


def project_of(guide: str, folder: Path, emulator: Emulator) -> Project:
    """A folder with the files that a guide shows."""
    write_files(GUIDES / f"{guide}.rst", folder)
    project = Project(folder, emulator)
    project.environment |= NO_INVENTORY
    return project


def forwards(emulator: Emulator, domain: str) -> dict[str, str]:
    return {alias.alias: alias.forward for alias in emulator.account.domains[domain].aliases.values()}


def messages(project: Project) -> list[Any]:
    """The output of the debug tasks of the last run."""
    lines = map(json.loads, (project.folder / "record.jsonl").read_text(encoding="utf-8").splitlines())
    results = [line["result"] for line in lines if line["action"] == "ansible.builtin.debug"]
    return [one["msg"] for result in results for one in result.get("results", [result]) if "msg" in one]


def mail(recipient: str, status: str, **fields: Any) -> dict[str, Any]:
    """A log entry of one hour ago."""
    created = (int(time.time()) - 3600) * 1000
    event = {"code": 250, "created": created, "message": "the reason", "status": status}
    return {
        "id": recipient,
        "created": created,
        "recipient": {"email": recipient},
        "events": [event],
        **fields,
    }


@pytest.mark.parametrize("guide", JOBS)
def test_commands_of_a_guide_name_files_that_exist(guide: str, tmp_path: Path) -> None:
    if guide == "team":
        shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    write_files(GUIDES / f"{guide}.rst", tmp_path)
    commands = "".join(
        block.text for block in blocks_of(GUIDES / f"{guide}.rst") if block.language == "console"
    )
    named = re.findall(r"(?<![\w./*])[\w./]+\.yml", commands)
    assert named
    assert [name for name in named if not (tmp_path / name).is_file()] == []


# --- A team and its repository --------------------------------------------------------------------


def test_a_pull_request_is_summarized_a_merge_applies_it_and_the_audit_finds_the_rest(
    tmp_path: Path, emulator: Emulator
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    project = project_of("team", tmp_path, emulator)
    emulator.seed(
        {
            "domains": [
                {"domain": "example.com"},
                {"domain": "example.org", "aliases": {"*": "ann@mail.example"}},
            ]
        }
    )
    review = project.play("review.yml", *HOSTS, check=True)
    assert review.code == 0, review.output
    assert (tmp_path / "review.md").read_text(encoding="utf-8") == (
        "4 changes, 1 of them deletions\n\n"
        "- create alias info of example.com\n"
        "- create alias * of example.com\n"
        "- create alias contact of example.org\n"
        "- delete alias * of example.org\n"
    )
    _dummy, merged, again = project.rounds("provision.yml", *HOSTS)
    assert merged.result["changes"] == review.result["changes"]
    assert again.requests == 1
    assert project.play("review.yml", *HOSTS, check=True).requests == 1
    assert (tmp_path / "review.md").read_text(encoding="utf-8") == "0 changes, 0 of them deletions\n\n"
    # The audit
    emulator.account.domains["example.org"].aliases["contact"].forward = "mallory@mail.example"
    add_domain(emulator.account, {"domain": "added.example"})
    stranger = {"alias": "stranger", "forward": "mallory@mail.example"}
    add_alias(emulator.account, emulator.account.domains["example.org"], stranger)
    (shown,) = (
        line
        for block in blocks_of(GUIDES / "team.rst")
        for line in block.text.splitlines()
        if line.startswith("Different: ")
    )
    assert shown in project.play("drift.yml", *HOSTS, check=True, verbose=False).output
    project.play("provision.yml", *HOSTS, verbose=False)
    assert forwards(emulator, "example.org") == {
        "contact": "bob@mail.example",
        "stranger": "mallory@mail.example",
    }
    left = project.play("drift.yml", *HOSTS, check=True, verbose=False)
    assert "Different: . Not in the inventory: added.example, stranger." in left.output


def test_a_review_never_writes_to_the_account(tmp_path: Path, emulator: Emulator) -> None:
    shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    play = project_of("team", tmp_path, emulator).play("review.yml", *HOSTS, verbose=False)
    assert play.code == 2
    assert "Run it with --check" in play.output
    assert play.requests == 0


# --- Private addresses ----------------------------------------------------------------------------


@pytest.fixture
def vaulted(tmp_path: Path, emulator: Emulator) -> Project:
    """The inventory of the guide, with its vaults encrypted by the command of the guide."""
    project = project_of("private_addresses", tmp_path, emulator)
    project.encrypt(VAULT_PASSWORD, "group_vars/all/vault.yml", "host_vars/example.com/vault.yml")
    return project


def test_plain_and_vaulted_aliases_are_provisioned_together(vaulted: Project, emulator: Emulator) -> None:
    vaults = list(vaulted.folder.rglob("vault.yml"))
    assert len(vaults) == 2
    assert all(path.read_text(encoding="utf-8").startswith("$ANSIBLE_VAULT;") for path in vaults)
    *_others, again = vaulted.rounds(PROVISION, *HOSTS, warnings=1)
    assert again.requests == 1
    named = {name: to for name, to in forwards(emulator, "example.com").items() if name != "*"}
    assert named == {
        "info": "ann.private@mail.example,bob.private@mail.example",
        "press": "press@agency.example",
        "whistleblower": "lawyer.private@mail.example",
    }
    assert forwards(emulator, "example.org")["contact"] == "bob.private@mail.example"


def test_no_private_address_is_shown_by_the_quiet_playbook(vaulted: Project, emulator: Emulator) -> None:
    check = vaulted.play("quiet.yml", *HOSTS, check=True)
    real = vaulted.play("quiet.yml", *HOSTS)
    assert "create alias whistleblower of example.com" in messages(vaulted)
    again = vaulted.play("quiet.yml", *HOSTS)
    for play in (check, real, again):
        assert play.code == 0, play.output
        assert ".private@mail.example" not in play.output
    assert again.requests == 1
    assert "whistleblower" in forwards(emulator, "example.com")


def test_a_person_who_is_missing_in_the_vault_fails_before_any_request(
    vaulted: Project, emulator: Emulator
) -> None:
    vaulted.write("group_vars/all/vault.yml", {"vault_people": {"bob": "bob.private@mail.example"}})
    play = vaulted.play(PROVISION, *HOSTS, verbose=False)
    assert play.code == 2
    assert "improvmx_aliases" in play.result["msg"]
    assert "example.com" in play.result["msg"]
    assert "has no attribute 'ann'" in play.result["msg"]
    assert emulator.requests == []


# --- Moving ---------------------------------------------------------------------------------------

OLD = Dns(mx=("mx.old.example",), spf="v=spf1 include:old.example -all")


def test_a_domain_moves_in(tmp_path: Path, emulator: Emulator) -> None:
    project = project_of("moving", tmp_path, emulator)
    emulator.seed({"dns": {"mx": list(OLD.mx), "spf": OLD.spf}})
    arguments = ("-e", "@mail.yml")
    *_others, again = project.rounds(PROVISION, *arguments)
    assert again.requests == 1
    assert set(forwards(emulator, "example.com")) == {"info", "sales"}
    assert project.play(PROVISION, *arguments, "-e", "improvmx_unmanaged=fail", check=True).code == 0
    domain = emulator.account.domains["example.com"]
    assert project.play("records.yml", check=True, verbose=False).code == 0  # check mode checks nothing
    before = project.play("records.yml", verbose=False)
    assert before.code == 0, before.output
    (reported,) = messages(project)
    assert (reported["active"], reported["mx"], reported["spf"]) == (False, [*OLD.mx], OLD.spf)
    assert "v=spf1 include:old.example include:spf.improvmx.com -all" in [
        r["value"] for r in reported["needed"]
    ]
    domain.dns = Dns(mx=EXPECTED_MX, spf="v=spf1 include:old.example include:spf.improvmx.com -all")
    domain.logs = [mail("sales@example.com", "HARD-BOUNCE"), mail("info@example.com", "DELIVERED")]
    assert project.play("watch.yml", check=True, verbose=False).code == 0
    watch = project.play("watch.yml")
    assert watch.code == 0, watch.output
    assert messages(project) == ["sales@example.com: HARD-BOUNCE the reason"]
    assert domain.active
    assert [result.get("changed") for result in project.play("watch.yml").results] == [False, False]


def test_a_domain_moves_out_after_its_mail_has_stopped(tmp_path: Path, emulator: Emulator) -> None:
    project = project_of("moving", tmp_path, emulator)
    aliases = {"info": "ann@mail.example"}
    logs = [mail("info@example.com", "DELIVERED")]
    emulator.seed({"domains": [{"domain": "example.com", "active": True, "aliases": aliases, "logs": logs}]})
    refused = project.play("leave.yml", verbose=False)
    assert refused.code == 2
    assert "Mail for example.com still arrives at ImprovMX, the latest at 20" in refused.output
    assert "example.com" in emulator.account.domains
    emulator.account.domains["example.com"].logs = []
    project.rounds("leave.yml")
    assert emulator.account.domains == {}


# --- Unwanted mail --------------------------------------------------------------------------------


def test_aliases_that_receive_spam_are_discarded_or_deleted(tmp_path: Path, emulator: Emulator) -> None:
    project = project_of("unwanted_mail", tmp_path, emulator)
    aliases = {"shop2019": "ann@mail.example", "raffle": "ann@mail.example", "*": "ann@mail.example"}
    logs = [
        mail("Info@example.com", "DELIVERED"),
        mail("press@example.com", "DELIVERED"),
        mail("shop2019@example.com", "DELIVERED"),
        mail("PRESS@example.com", "REFUSED"),
        {**mail("hidden", "DELIVERED"), "recipient": None},
    ]
    emulator.seed({"domains": [{"domain": "example.com", "aliases": aliases, "logs": logs}]})
    *_others, again = project.rounds(PROVISION, "-e", "@mail.yml")
    assert again.requests == 1
    assert forwards(emulator, "example.com") == {
        "info": "ann@mail.example",
        "shop2019": "null",
        "*": "bob@mail.example",
    }
    guessed = project.play("guessed.yml")
    assert guessed.code == 0, guessed.output
    assert messages(project) == [["press@example.com"]]


def test_rules_that_drop_come_first(tmp_path: Path, emulator: Emulator) -> None:
    project = project_of("unwanted_mail", tmp_path, emulator)
    catch_all = {"type": "alias", "config": {"alias": "*", "forward": "ann@mail.example"}, "rank": 1}
    routed = {"domain": "routed.example", "routing_engine": "rules", "rules": [catch_all]}
    emulator.seed({"premium": True, "domains": [routed]})
    *_others, again = project.rounds(PROVISION, "-e", "@routed.yml")
    assert again.requests == 3  # the list of domains, a page of rules, and its end
    rules = sorted(emulator.account.domains["routed.example"].rules.values(), key=lambda rule: rule.rank)
    assert [rule.config["forward"] for rule in rules] == ["null", "null", "ann@mail.example"]
    assert rules[0].config["regex"] == r"@bulk-mailer\.example$"


# --- Several accounts -----------------------------------------------------------------------------


@pytest.fixture
def club() -> Iterator[Emulator]:
    """A second account, at another URL."""
    with Emulator(api_key="sk_2w3e4r5t6z7u8i9o0p1a") as emulator:
        yield emulator


@pytest.fixture
def accounts(tmp_path: Path, emulator: Emulator, club: Emulator) -> Project:
    """The inventory of the guide, with a key for each emulator in the vault."""
    project = project_of("accounts", tmp_path, emulator)
    keys = {"company": emulator.api_key, "club": club.api_key}
    project.write("group_vars/all/vault.yml", {"vault_improvmx_keys": keys})
    project.encrypt(VAULT_PASSWORD, "group_vars/all/vault.yml")
    urls = {emulator.api_key: emulator.url, club.api_key: club.url}
    project.write("urls.yml", {"urls": urls, "improvmx_api_url": "{{ urls[improvmx_api_key] }}"})
    project.environment = {"ANSIBLE_VAULT_PASSWORD_FILE": project.environment["ANSIBLE_VAULT_PASSWORD_FILE"]}
    return project


def test_accounts_have_keys_and_variables_of_their_own(
    accounts: Project, emulator: Emulator, club: Emulator
) -> None:
    for account in (emulator, club):
        account.seed({"domains": [{"domain": "old.example"}]})
    arguments = (*HOSTS, "-e", "@urls.yml")
    check = accounts.play(PROVISION, *arguments, check=True)
    assert club.writes == []
    real = accounts.play(PROVISION, *arguments)
    again = accounts.play(PROVISION, *arguments)
    for play in (check, real, again):
        assert play.code == 0, play.output
        assert_no_secret(play.output, club.api_key)
    assert check.result["changes"] == real.result["changes"]
    assert (again.result["changed"], again.result["api_requests"]) == (False, 2)
    assert set(emulator.account.domains) == {"company.example", "shop.example"}  # this account was purged
    assert set(club.account.domains) == {"club.example", "old.example"}
    assert "info" in forwards(emulator, "shop.example")
    assert "board" in forwards(club, "club.example")
    alone = accounts.play(PROVISION, *arguments, "--limit", "club", verbose=False)
    assert (alone.code, alone.result["api_requests"]) == (0, 1)
    hidden = accounts.play(PROVISION, *arguments, "--limit", "company", verbose=False)
    assert hidden.code == 2
    assert "--limit hides a part of it" in hidden.result["msg"]


def test_a_host_without_a_key_is_refused(accounts: Project, emulator: Emulator) -> None:
    inventory = (accounts.folder / "hosts.yml").read_text(encoding="utf-8")
    stray = inventory.replace("all:\n", "all:\n  hosts:\n    stray.example:\n")
    (accounts.folder / "hosts.yml").write_text(stray, encoding="utf-8")
    play = accounts.play(PROVISION, *HOSTS, verbose=False)
    assert play.code == 2
    assert "no API key for stray.example" in play.result["msg"]
    assert emulator.requests == []


def test_all_accounts_are_read_without_showing_a_key(
    accounts: Project, emulator: Emulator, club: Emulator
) -> None:
    emulator.seed({"domains": [{"domain": "company.example"}]})
    club.seed({"domains": [{"domain": "club.example"}]})
    arguments = (*HOSTS, "-e", "@urls.yml")
    reports = accounts.play("reports.yml", *arguments)
    assert reports.code == 0, reports.output
    assert_no_secret(reports.output, club.api_key)
    for name in ("company", "club"):
        assert f"{name}.example" in (accounts.folder / f"{name}.html").read_text(encoding="utf-8")
    accounts.environment["IMPROVMX_API_URL"] = club.url
    listed = accounts.play("club.yml", *HOSTS)
    assert listed.code == 0, listed.output
    assert_no_secret(listed.output, club.api_key)
    assert messages(accounts) == [["club.example"]]


def test_a_domain_moves_to_another_account(accounts: Project, emulator: Emulator, club: Emulator) -> None:
    arguments = (*HOSTS, "-e", "@urls.yml")
    emulator.seed({"domains": [{"domain": "shop.example", "active": True}]})
    accounts.write("host_vars/shop.example.yml", {"improvmx_state": "absent"})
    first = accounts.play(PROVISION, *arguments, verbose=False)
    assert first.code == 0, first.output
    assert "shop.example" not in emulator.account.domains
    (accounts.folder / "host_vars/shop.example.yml").unlink()
    text = (accounts.folder / "hosts.yml").read_text(encoding="utf-8")
    line = "        shop.example:\n"
    assert line in text
    (accounts.folder / "hosts.yml").write_text(text.replace(line, "") + line, encoding="utf-8")
    club.seed({"dns": {"mx": list(EXPECTED_MX)}})
    second = accounts.play(PROVISION, *arguments, "-e", "improvmx_check_dns=warn", verbose=False)
    assert second.code == 0, second.output
    assert club.account.domains["shop.example"].active


# --- People ---------------------------------------------------------------------------------------


def test_people_join_and_leave(tmp_path: Path, emulator: Emulator) -> None:
    project = project_of("staff", tmp_path, emulator)
    seeded = {
        "domain": "example.com",
        "aliases": {"*": "ann@mail.example"},
        "credentials": [{"username": "bob", "password": "pw-1q2w3e4r5t6z"}],
    }
    emulator.seed({"domains": [seeded]})
    *_others, again = project.rounds(PROVISION, *HOSTS)
    assert again.requests == 1
    assert forwards(emulator, "example.com") == {
        "*": "ann@mail.example",
        "ann": "ann@mail.example",
        "bob": "bob@mail.example",
        "sales": "ann@mail.example,bob@mail.example",
        "support": "bob@mail.example",
    }
    *_others, again = project.rounds(PROVISION, *HOSTS, "-e", "@left.yml")
    assert again.requests == 2  # the list of domains, and the credentials of the one domain
    assert forwards(emulator, "example.com") == {
        "*": "ann@mail.example",
        "ann": "ann@mail.example",
        "bob": "ann@mail.example",
        "sales": "ann@mail.example",
        "support": "ann@mail.example",
    }
    assert emulator.account.domains["example.com"].credentials == {}
    assert project.play("still_forwarded.yml", "-e", "address=bob@mail.example").code == 0


def test_a_search_for_an_address_finds_aliases_rules_and_notifications(
    tmp_path: Path, emulator: Emulator
) -> None:
    to_bob = {"forward": ["Bob@mail.example", "ann@mail.example"]}
    rules = [
        {"type": "alias", "config": {"alias": "info", **to_bob}},
        {"type": "regex", "config": {"regex": "^order-", "scopes": ["subject"], **to_bob}},
        {"type": "cel", "config": {"expression": "size(body) > 9", **to_bob}, "active": False},
        {"type": "alias", "config": {"alias": "press", "forward": ["ann@mail.example"]}},
    ]
    emulator.seed(
        {
            "domains": [
                {
                    "domain": "example.com",
                    "aliases": {"*": "ann@mail.example", "sales": "ann@mail.example,Bob@mail.example"},
                    "notification_email": "ann@mail.example",
                },
                {
                    "domain": "ruled.example",
                    "routing_engine": "rules",
                    "rules": rules,
                    "notification_email": "BOB@mail.example",
                },
            ]
        }
    )
    play = project_of("staff", tmp_path, emulator).play(
        "still_forwarded.yml", "-e", "address=bob@Mail.example", verbose=False
    )
    assert play.code == 2
    found = re.findall(r"ERROR.*Action failed: (.*bob@Mail\.example\.)", play.output)
    assert sorted(found) == [
        "Notifications of ruled.example go to bob@Mail.example.",
        "^order- of ruled.example forwards to bob@Mail.example.",
        "info of ruled.example forwards to bob@Mail.example.",
        "sales of example.com forwards to bob@Mail.example.",
        "size(body) > 9 of ruled.example forwards to bob@Mail.example.",
    ]


def test_a_team_alias_that_refers_to_a_removed_person_fails_before_any_request(
    tmp_path: Path, emulator: Emulator
) -> None:
    project = project_of("staff", tmp_path, emulator)
    project.write("group_vars/all/people.yml", {"people": {"ann": "ann@mail.example"}})
    play = project.play(PROVISION, *HOSTS, verbose=False)
    assert play.code == 2
    assert "has no attribute 'bob'" in play.result["msg"]
    assert emulator.requests == []


def test_a_person_with_the_name_of_a_team_alias_fails_before_any_request(
    tmp_path: Path, emulator: Emulator
) -> None:
    project = project_of("staff", tmp_path, emulator)
    people = {name: f"{name}@mail.example" for name in ("ann", "bob", "sales")}
    project.write("group_vars/all/people.yml", {"people": people})
    play = project.play(PROVISION, *HOSTS, verbose=False)
    assert play.code == 2
    assert "sales" in play.result["msg"]
    assert emulator.requests == []


def test_a_dry_run_shows_that_an_alias_made_by_hand_would_be_redirected(
    tmp_path: Path, emulator: Emulator
) -> None:
    project = project_of("staff", tmp_path, emulator)
    aliases = {"bob": "another.bob@mail.example", "*": "ops@mail.example"}
    emulator.seed({"domains": [{"domain": "example.com", "aliases": aliases}]})
    check, *_others = project.rounds(PROVISION, *HOSTS)
    (redirected,) = [change for change in check.result["changes"] if change["action"] == "update"]
    assert redirected["before"] == {"forward": ["another.bob@mail.example"]}
    assert "another.bob@mail.example" in "".join(part["before"] for part in check.result["diff"])
    assert forwards(emulator, "example.com")["bob"] == "bob@mail.example"


def test_people_who_join_get_their_aliases(tmp_path: Path, emulator: Emulator) -> None:
    project = project_of("staff", tmp_path, emulator)
    emulator.seed({"domains": [{"domain": "example.com", "aliases": {"*": "ops@mail.example"}}]})
    for check, changed in ((True, True), (False, True), (False, False)):
        play = project.play("joiners.yml", check=check)
        assert play.code == 0, play.output
        assert play.result["changed"] is changed
    assert forwards(emulator, "example.com") == {
        "*": "ops@mail.example",
        "dora": "dora@mail.example",
        "emil": "emil@mail.example",
    }


def test_a_new_person_can_not_take_an_existing_alias_and_the_play_fails(
    tmp_path: Path, emulator: Emulator
) -> None:
    project = project_of("staff", tmp_path, emulator)
    aliases = {"Dora": "another.dora@mail.example", "*": "ops@mail.example"}
    emulator.seed({"domains": [{"domain": "example.com", "aliases": aliases}]})
    for check, created in ((True, {}), (False, {"emil": "emil@mail.example"})):
        play = project.play("joiners.yml", check=check, verbose=False)
        assert play.code == 2
        assert "dora of example.com exists with other destinations" in play.output.lower()
        assert forwards(emulator, "example.com") == {**aliases, **created}
