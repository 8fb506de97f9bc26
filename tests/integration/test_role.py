# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role: several accounts, refusals, and every way in which plays can run it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator import Emulator
from harness import assert_no_secret
from playbooks import Play, Project

PROVISION = "improvmx.email.provision"
ROLE = "improvmx.email.improvmx"
ALIASES = [{"alias": "*", "forward": "a@mail.example"}]
WEB = {"web1.corp.example": None, "web2.corp.example": None}


@pytest.fixture
def other() -> Iterator[Emulator]:
    """A second account, at another URL."""
    with Emulator(api_key="sk_7h6g5f4d3s2a1q0w9e8r") as second:
        yield second


def names(emulator: Emulator) -> list[str]:
    return sorted(domain["domain"] for domain in emulator.dump()["domains"])


def hosts(project: Project, **groups: dict[str, Any]) -> None:
    """Write an inventory with these groups of hosts."""
    children = {group: {"hosts": members} for group, members in groups.items()}
    project.write("hosts.yml", {"all": {"children": children}})


def site(project: Project, **play: Any) -> None:
    project.write("site.yml", [{"name": "Mail", "hosts": "all", "gather_facts": False, **play}])


def tasks_of(play: Play) -> list[str]:
    """The tasks of the role in the output."""
    lines = [line for line in play.output.splitlines() if line.startswith("TASK [")]
    return [line.partition(" : ")[2].partition("]")[0] for line in lines if " : " in line]


# --- Output of the role ---------------------------------------------------------------------------


def test_a_run_is_one_task_of_the_role(project: Project) -> None:
    hosts(project, mail={"a.example": {"improvmx_aliases": ALIASES}})
    real = project.play(PROVISION, "-i", "hosts.yml", verbose=False)
    assert "changed: [a.example]" in real.output
    again = project.play(PROVISION, "-i", "hosts.yml", verbose=False)
    assert "changed=0" in again.output
    assert [name for name in tasks_of(again) if "skipping" not in again.output] in (
        [],
        ["Provision domains and aliases"],
    )
    assert again.requests == 1


# --- Accounts -------------------------------------------------------------------------------------


def two_accounts(project: Project, other: Emulator) -> None:
    hosts(
        project,
        client_a={"alpha.example": {"improvmx_aliases": ALIASES}},
        client_b={"beta.example": {"improvmx_aliases": ALIASES}},
    )
    emulators = {"client_a": project.emulator, "client_b": other}
    for group, emulator in emulators.items():
        connection = {"improvmx_api_key": emulator.api_key, "improvmx_api_url": emulator.url}
        project.write(f"group_vars/{group}.yml", connection)
    project.environment = {}


def test_each_account_gets_its_own_domains_and_no_key_is_shown(project: Project, other: Emulator) -> None:
    two_accounts(project, other)
    check = project.play(PROVISION, "-i", "hosts.yml", check=True)
    real = project.play(PROVISION, "-i", "hosts.yml")
    again = project.play(PROVISION, "-i", "hosts.yml")
    assert (names(project.emulator), names(other)) == (["alpha.example"], ["beta.example"])
    for play in (check, real, again):
        assert play.code == 0, play.output
        assert_no_secret(play.output, other.api_key)
    assert check.result["changes"] == real.result["changes"]
    assert [(one["api_url"], one["hosts"]) for one in real.result["accounts"]] == [
        (project.emulator.url, ["alpha.example"]),
        (other.url, ["beta.example"]),
    ]
    assert [change["domain"] for one in real.result["accounts"] for change in one["changes"]] == [
        change["domain"] for change in real.result["changes"]
    ]
    assert (again.result["changed"], again.result["api_requests"]) == (False, 2)


def test_an_account_that_fails_does_not_stop_the_others(project: Project, other: Emulator) -> None:
    two_accounts(project, other)
    wrong = {"improvmx_api_key": "wrong-93kd0s9df8s72hgd", "improvmx_api_url": project.emulator.url}
    project.write("group_vars/client_a.yml", wrong)
    play = project.play(PROVISION, "-i", "hosts.yml")
    assert play.code != 0
    assert names(other) == ["beta.example"]
    assert f"1 of 2 accounts failed. {project.emulator.url} (alpha.example): " in play.result["msg"]
    assert "the API key is not valid" in play.result["msg"]
    assert [one.get("failed", False) for one in play.result["accounts"]] == [True, False]
    assert [change["domain"] for change in play.result["changes"]] == ["beta.example", "beta.example"]


def test_invalid_input_of_one_account_stops_all_before_any_request(project: Project, other: Emulator) -> None:
    two_accounts(project, other)
    bad = [{"alias": "x", "forward": "nowhere"}, {"alias": "X", "forward": "a@mail.example"}]
    project.write("host_vars/beta.example.yml", {"improvmx_aliases": bad, "improvmx_state": "gone"})
    play = project.play(PROVISION, "-i", "hosts.yml")
    assert play.code != 0
    assert "beta.example: value of state must be one of: present, absent, got: gone" in play.result["msg"]
    assert len(project.emulator.requests) == len(other.requests) == 0


def test_every_problem_of_the_input_names_host_and_variable(project: Project) -> None:
    bad = [{"alias": "x", "forward": "nowhere"}, {"alias": "X", "forward": "a@mail.example"}]
    domains = {
        "a.example": {"improvmx_aliases": bad},
        "b.example": {"improvmx_webhook": "ftp://x", "improvmx_alises": []},
    }
    hosts(project, mail=domains)
    play = project.play(PROVISION, "-i", "hosts.yml", check=True)
    for text in (
        "4 problems in the input: ",
        'a.example, improvmx_aliases[0] (x), forward: "nowhere" can\'t be used: ',
        "a.example, improvmx_aliases[0] and aliases[1] are the same alias, X",
        'b.example, improvmx_webhook: "ftp://x" can\'t be used: ',
        "improvmx_alises (b.example) is not a variable of the role: use improvmx_aliases",
    ):
        assert text in play.result["msg"]
    assert play.requests == 0


# --- improvmx_hosts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "arguments", "said"),
    [
        ("group_vars/all.yml", [], "improvmx_hosts has no effect in the inventory or a play"),
        (None, ["-e", "improvmx_hosts={{ mail_group }}"], "'mail_group' is undefined"),
        (None, ["-e", "improvmx_hosts=mial"], "No host of the inventory matches improvmx_hosts: mial"),
        (None, ["-e", "improvmx_hosts=mail"], None),
    ],
    ids=["in the inventory", "undefined", "no such group", "on the command line"],
)
def test_machines_do_not_become_mail_domains(
    project: Project, where: str | None, arguments: list[str], said: str | None
) -> None:
    hosts(project, mail={"a.example": {"improvmx_aliases": ALIASES}}, web=WEB)
    if where:
        project.write(where, {"improvmx_hosts": "mail"})
    play = project.play(PROVISION, "-i", "hosts.yml", *arguments)
    if said:
        assert play.code != 0
        assert said in play.output
        assert play.requests == 0
    else:
        assert names(project.emulator) == ["a.example"]


def test_an_inventory_of_machines_is_rejected_with_the_expected_variables(project: Project) -> None:
    hosts(project, web=WEB)
    project.write("group_vars/all.yml", {"improvmx_domians": [{"domain": "a.example"}]})
    play = project.play(PROVISION, "-i", "hosts.yml")
    assert play.code != 0
    assert "improvmx_domians" in play.result["msg"]
    assert "use improvmx_domains, or" in play.result["msg"]
    project.write("group_vars/all.yml", {"improvmx_team": "web"})
    play = project.play(PROVISION, "-i", "hosts.yml")
    assert "None of the hosts of the play (web1.corp.example, web2.corp.example) has" in play.result["msg"]
    assert play.requests == 0


# --- Guards of a purge ----------------------------------------------------------------------------


def test_a_purge_with_a_limit_is_rejected_however_true_is_spelled(project: Project) -> None:
    hosts(
        project, mail={"a.example": {"improvmx_state": "present"}, "b.example": {"improvmx_state": "present"}}
    )
    purge = {"improvmx_purge": "y", "improvmx_max_deletions": 9}  # other spellings: tests of _gather
    play = project.play(PROVISION, "-i", "hosts.yml", "--limit", "a.example", "-e", json.dumps(purge))
    assert play.code != 0
    assert "--limit hides a part of it" in play.result["msg"]
    assert play.requests == 0


@pytest.mark.parametrize("second", ["broken", "missing", "in a folder"])
def test_a_purge_with_a_partly_unreadable_inventory_is_rejected(project: Project, second: str) -> None:
    project.emulator.seed({"domains": [{"domain": "b.example"}]})
    hosts(project, mail={"a.example": {"improvmx_state": "present"}})
    purge = {"improvmx_purge": True, "improvmx_max_deletions": 9}
    file = "more/two.yml" if second == "in a folder" else "two.yml"
    if second != "missing":
        project.write(file, {})
        (project.folder / file).write_text("mail:\n  hosts: [b.example\n")
    source = "more" if second == "in a folder" else file
    arguments = ("-i", "hosts.yml", "-i", source, "-e", json.dumps(purge))
    play = project.play(PROVISION, *arguments)
    assert play.code != 0
    assert f"a part of it could not be read: repair or remove {project.folder / file}" in play.result["msg"]
    assert names(project.emulator) == ["b.example"]


def test_a_purge_without_a_list_deletes_nothing(project: Project) -> None:
    project.emulator.seed({"domains": [{"domain": "b.example"}]})
    purge = {"improvmx_purge": True, "improvmx_max_deletions": 9}
    project.write("mail.yml", {"improvmx_domains": "{{ typo | default(omit) }}", **purge})
    play = project.play(PROVISION, "-e", "@mail.yml")
    assert "improvmx_domains of localhost: its template omits it" in play.result["msg"]
    assert "--limit" not in play.result["msg"]
    project.write("mail.yml", {"improvmx_domains": [], **purge})
    play = project.play(PROVISION, "-e", "@mail.yml")
    assert "improvmx_purge without any domain" in play.result["msg"]
    assert names(project.emulator) == ["b.example"]
    assert project.emulator.requests == []


def test_one_line_does_not_delete_every_domain(project: Project, other: Emulator) -> None:
    two_accounts(project, other)
    mine, theirs = [f"d{n}.example" for n in range(3)], ["e0.example", "e1.example"]
    project.emulator.seed({"domains": [{"domain": name} for name in mine]})
    other.seed({"domains": [{"domain": name} for name in theirs]})
    hosts(project, client_a=dict.fromkeys(mine), client_b=dict.fromkeys(theirs))
    arguments = ["-i", "hosts.yml", "-e", "improvmx_state=absent"]
    for check in (True, False):
        refused = project.play(PROVISION, *arguments, check=check)
        assert refused.code != 0
        assert "this run would delete 2 domains" in refused.result["msg"]
        assert names(other) == theirs  # the first account used up all three deletions
    again = project.play(PROVISION, *arguments, "-e", "improvmx_max_deletions=2")
    assert (again.code, names(project.emulator), names(other)) == (0, [], [])


# --- Every way in which plays run it --------------------------------------------------------------

DOMAINS = {f"d{number}.example": {"improvmx_aliases": ALIASES} for number in range(3)}
INCLUDED = [{"name": "Mail", "ansible.builtin.include_role": {"name": ROLE}}]
IMPORTED = [{"name": "Mail", "ansible.builtin.import_role": {"name": ROLE}}]


@pytest.mark.parametrize(
    "play",
    [
        {"strategy": "free", "roles": [ROLE]},
        {"strategy": "ansible.builtin.free", "tasks": INCLUDED},
        {"strategy": "host_pinned", "tasks": IMPORTED},
        {"serial": [1, 2], "tasks": INCLUDED, "any_errors_fatal": True},
        {"serial": 2, "tasks": [{**INCLUDED[0], "when": "inventory_hostname == 'd2.example'"}]},
        {"become": True, "roles": [ROLE]},
        {
            "tasks": [
                {
                    "name": "Mail",
                    "ansible.builtin.include_role": {
                        "name": ROLE,
                        "apply": {"delegate_to": "elsewhere.example"},
                    },
                }
            ]
        },
    ],
    ids=["free", "free, included", "pinned", "serial", "serial and condition", "become", "delegated"],
)
def test_the_role_runs_once_and_on_the_controller(project: Project, play: dict[str, Any]) -> None:
    hosts(project, mail=DOMAINS)
    nowhere = {
        "ansible_connection": "ssh",
        "ansible_host": "192.0.2.1",
        "ansible_python_interpreter": "/no/such/python",
        "ansible_become_method": "su",
        "ansible_become_exe": "/bin/false",
    }
    project.write("group_vars/mail.yml", nowhere)
    site(project, **play)
    played = project.play("site.yml", "-i", "hosts.yml")
    assert played.code == 0, played.output
    assert names(project.emulator) == list(DOMAINS)
    did = [result for result in played.results if result.get("changed")]
    assert len(did) == 1
    assert played.requests == did[0]["api_requests"]


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_a_loop_runs_the_role_for_each_of_its_items(project: Project, other: Emulator, strategy: str) -> None:
    accounts = [
        {"key": project.emulator.api_key, "url": project.emulator.url, "name": "alpha.example"},
        {"key": other.api_key, "url": other.url, "name": "beta.example"},
    ]
    variables = {
        "improvmx_api_key": "{{ account.key }}",
        "improvmx_api_url": "{{ account.url }}",
        "improvmx_domains": [{"domain": "{{ account.name }}", "aliases": ALIASES}],
        "improvmx_check_dns": "warn",
    }
    loop = {"loop": "{{ accounts }}", "loop_control": {"loop_var": "account", "label": "{{ account.name }}"}}
    project.write("accounts.yml", {"accounts": accounts})
    site(project, hosts="localhost", strategy=strategy, tasks=[{**INCLUDED[0], "vars": variables, **loop}])
    project.environment = {}
    played = project.play("site.yml", "-e", "@accounts.yml", verbose=False)
    assert played.code == 0, played.output
    assert (names(project.emulator), names(other)) == (["alpha.example"], ["beta.example"])


def test_tags_and_start_at_task_skip_no_check(project: Project) -> None:
    hosts(project, mail=DOMAINS)
    purge = ["-e", json.dumps({"improvmx_purge": True, "improvmx_check_dns": "warn"})]
    site(project, roles=[{"role": ROLE, "tags": ["mail"]}])
    for arguments in (
        ["--tags", "mail"],
        ["--start-at-task", "Provision domains and aliases"],
        ["--tags", "none"],
    ):
        play = project.play("site.yml", "-i", "hosts.yml", *arguments, *purge)
        assert (play.code != 0) is (arguments[1] != "none"), play.output
        assert play.requests == 0
    play = project.play("site.yml", "-i", "hosts.yml", "--start-at-task", "Check DNS records", *purge)
    assert "improvmx_purge requires improvmx_max_deletions" in play.output
    assert project.emulator.requests == []


def test_a_vaulted_value_inside_a_list_is_decrypted_and_not_shown(project: Project) -> None:
    secret = "https://hooks.example/in?token=t0k3n-4f5g6h7j8k9l"
    (project.folder / "password").write_text("vault-pw-1a2s3d4f5g")
    done, encrypted = project._run(
        "ansible-vault",
        "encrypt_string",
        "--vault-password-file",
        "password",
        "--name",
        "improvmx_webhook",
        secret,
    )
    assert done.returncode == 0
    text = done.stdout.replace("improvmx_webhook:", "- domain: a.example\n  webhook:").replace(
        "          ", "      "
    )
    (project.folder / "mail.yml").write_text("improvmx_domains:\n" + text)
    del encrypted
    played = project.play(PROVISION, "-e", "@mail.yml", "--vault-password-file", "password", verbose=False)
    assert played.code == 0, played.output
    assert project.emulator.account.domains["a.example"].webhook == secret


def test_standard_output_contains_the_callback_only(project: Project) -> None:
    project.emulator.latency = 0.5
    lines = [{"domain": f"d{n}.example", "aliases": [{"alias": "*", "state": "absent"}]} for n in range(24)]
    project.write("mail.yml", {"improvmx_domains": lines})
    played = project.play(PROVISION, "-e", "@mail.yml", verbose=False)
    assert played.code == 0, played.output
    assert "  improvmx: " in played.errors
    assert "  improvmx: " not in played.output.removesuffix(played.errors)
    assert not list(project.folder.rglob("improvmx-progress-*"))


def test_ten_thousand_hosts_without_variables_are_not_templated(project: Project) -> None:
    machines = {f"m{number}": None for number in range(10_000)}
    hosts(project, web=machines, mail={"localhost": {"improvmx_domains": [{"domain": "a.example"}]}})
    played = project.play(PROVISION, "-i", "hosts.yml", verbose=False)
    assert played.code == 0, played.output[-2000:]
    assert names(project.emulator) == ["a.example"]
    assert played.result["accounts"][0]["hosts"] == ["localhost"]
