# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role, its playbook, and the modules in playbooks: check mode, run, second run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator, RateLimit
from playbooks import Project

PROVISION = "improvmx.email.provision"

ACCOUNT = {
    "domains": [
        {"domain": "old.example", "aliases": {"*": "a@mail.example", "x": "b@mail.example"}},
        {"domain": "kept.example", "aliases": {"info": "a@mail.example", "gone": "b@mail.example"}},
        {"domain": "other.example", "aliases": {"info": "a@mail.example"}},
        {"domain": "emptied.example", "aliases": {"info": "a@mail.example"}},
    ]
}
# Alias -> destinations of every domain in the desired state below.
WANTED: dict[str, dict[str, str]] = {
    "emptied.example": {},
    "kept.example": {"info": "b@mail.example,https://hooks.example/x"},
    "new.example": {"*": "a@mail.example", "info": "a@mail.example"},
    "other.example": {"info": "a@mail.example"},
    "xn--bcher-kva.example": {"kontakt": "a@mail.example"},
}
DOMAINS = [
    {"domain": "old.example", "state": "absent"},
    {"domain": "emptied.example", "purge_aliases": True, "aliases": []},
    {
        "domain": "kept.example",
        "purge_aliases": True,
        "aliases": [{"alias": "info", "forward": ["b@mail.example", "https://hooks.example/x"]}],
    },
    {
        "domain": "new.example",
        "aliases": [
            {"alias": "info", "forward": "a@mail.example"},
            {"alias": "*", "forward": ["a@mail.example"]},
        ],
    },
    {
        "domain": "bücher.example",
        "aliases": [{"alias": "kontakt", "forward": "a@mail.example"}, {"alias": "*", "state": "absent"}],
    },
]
# Hosts of an inventory for more than mail, without connection variables.
MACHINES = ("localhost", "web1.corp.example")


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> Project:
    emulator.seed({"email": "owner@mail.example", **ACCOUNT})
    return Project(tmp_path, emulator)


def account(emulator: Emulator) -> dict[str, dict[str, str]]:
    return {domain["domain"]: domain["aliases"] for domain in emulator.dump()["domains"]}


def write_hosts(project: Project, domains: list[dict[str, Any]]) -> None:
    """Write an inventory in which each domain is a host."""
    hosts = {
        domain["domain"]: {f"improvmx_{key}": value for key, value in domain.items() if key != "domain"}
        for domain in domains
    }
    project.write("hosts.yml", {"all": {"hosts": hosts}})


def versions_of(project: Project) -> set[str]:
    return {request.version for request in project.emulator.requests}


# The reads of check mode if something is created: the list, and the limits with version 3.
CREATING = {"v2": 1, "v3": 2}


@pytest.mark.parametrize(
    ("version", "file"),
    [("v2", "group_vars/all.yml"), ("v3", "host_vars/localhost.yml")],
)
def test_a_list_in_variables_is_provisioned_once_and_machines_are_not_domains(
    project: Project, version: str, file: str
) -> None:
    project.environment["IMPROVMX_API_VERSION"] = version
    project.write("hosts.yml", {"all": {"hosts": dict.fromkeys(MACHINES)}})
    project.write(file, {"improvmx_domains": DOMAINS})
    check, real, again = project.rounds(PROVISION, "-i", "hosts.yml")
    assert account(project.emulator) == WANTED
    assert (check.requests, again.requests) == (CREATING[version], 1)
    assert real.result["api_requests"] == real.requests
    assert versions_of(project) == {version}


def test_hosts_that_are_domains_are_provisioned_in_one_task(project: Project, version: str) -> None:
    project.environment["IMPROVMX_API_VERSION"] = version
    write_hosts(project, DOMAINS)
    check, real, again = project.rounds(PROVISION, "-i", "hosts.yml")
    assert account(project.emulator) == WANTED
    assert (len(real.results), check.requests, again.requests) == (1, CREATING[version], 1)


def test_the_role_runs_once_in_a_custom_play_with_serial_1(
    project: Project,
) -> None:
    write_hosts(project, DOMAINS)
    play = {
        "name": "Mail",
        "hosts": "all",
        "serial": 1,
        "gather_facts": False,
        "roles": ["improvmx.email.improvmx"],
    }
    project.write("site.yml", [play])
    check, real, again = project.rounds("site.yml", "-i", "hosts.yml")
    assert account(project.emulator) == WANTED
    assert [len(run.results) for run in (check, real, again)] == [1, 1, 1]
    assert (check.requests, again.requests) == (CREATING["v3"], 1)


ROLE = "improvmx.email.improvmx"
LIST = {"improvmx_domains": DOMAINS}


@pytest.mark.parametrize(
    "play",
    [
        {"vars": LIST, "roles": [ROLE]},
        {"vars_files": ["mail.yml"], "roles": [ROLE]},
        {"roles": [{"role": ROLE, "vars": LIST}]},
        {"tasks": [{"name": "It", "ansible.builtin.include_role": {"name": ROLE}, "vars": LIST}]},
        {"tasks": [{"name": "It", "ansible.builtin.import_role": {"name": ROLE}, "vars": LIST}]},
        {
            "vars": {"domains_of_clubs": DOMAINS[2:]},
            "tasks": [
                {
                    "name": "It",
                    "ansible.builtin.include_role": {"name": ROLE},
                    "vars": {"improvmx_domains": "{{ domains_of_shops + domains_of_clubs }}"},
                }
            ],
        },
    ],
    ids=["play", "file of the play", "role", "inclusion", "import", "templates"],
)
def test_a_list_from_a_play_replaces_the_inventory(project: Project, play: dict[str, Any]) -> None:
    hosts = {"all": {"hosts": dict.fromkeys(MACHINES)}}
    project.write("hosts.yml", hosts)
    project.write("host_vars/localhost.yml", {"improvmx_domains": [{"domain": "beyond.example"}]})
    project.write("group_vars/all.yml", {"domains_of_shops": DOMAINS[:2]})
    project.write("mail.yml", LIST)
    project.write("site.yml", [{"name": "Mail", "hosts": "all", "gather_facts": False, **play}])
    played = project.play("site.yml", "-i", "hosts.yml")
    assert played.code == 0, played.output
    assert account(project.emulator) == WANTED
    assert len(played.results) == 1


@pytest.mark.parametrize("name", ["play", "role"])
def test_variables_of_a_domain_from_a_play_are_rejected(project: Project, name: str) -> None:
    write_hosts(project, [{"domain": "old.example"}, {"domain": "kept.example"}])
    variables = {"improvmx_state": "absent", "improvmx_webhook": "https://{{ inventory_hostname }}/"}
    roles = [ROLE] if name == "play" else [{"role": ROLE, "vars": variables}]
    play = {"name": "Mail", "hosts": "all", "gather_facts": False, "roles": roles}
    project.write("site.yml", [{**play, "vars": variables if name == "play" else {}}])
    refused = project.play("site.yml", "-i", "hosts.yml")
    assert refused.code != 0
    assert "improvmx_state, improvmx_webhook can't be set in the play, the role or a task" in refused.output
    assert refused.requests == 0
    # A variable of the command line applies to every host.
    project.rounds(PROVISION, "-i", "hosts.yml", "-e", "improvmx_state=absent")
    assert set(account(project.emulator)) == {"other.example", "emptied.example"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"improvmx_state": "{{ typo }}"},
            "improvmx_state of kept.example: its template fails: 'typo' is undefined",
        ),
        (
            {"improvmx_domains": "{{ typo }}"},
            "improvmx_domains of kept.example: its template fails: 'typo' is",
        ),
        ({"improvmx_domains": None}, "improvmx_domains of kept.example: it is set, but has no value"),
        (
            {"improvmx_api_key": "{{ typo }}"},
            "improvmx_api_key of kept.example: its template fails: 'typo' is",
        ),
        (
            {"improvmx_aliases": [{"alias": "{{ 1 / 0 }}"}]},
            "improvmx_aliases of kept.example: its template fails: ",
        ),
    ],
    ids=["state", "list", "null", "key", "another reason"],
)
def test_a_variable_without_a_value_is_not_a_missing_variable(
    project: Project, variables: dict[str, Any], said: str
) -> None:
    hosts = {"old.example": {"improvmx_state": "absent"}, "kept.example": variables}
    project.write("hosts.yml", {"all": {"hosts": hosts}})
    refused = project.play(PROVISION, "-i", "hosts.yml")
    assert refused.code != 0
    assert said in refused.output
    assert refused.requests == 0


def test_variables_of_a_host_can_refer_to_variables_of_the_play(project: Project) -> None:
    write_hosts(
        project, [{"domain": "kept.example", "aliases": [{"alias": "{{ team }}", "state": "absent"}]}]
    )
    play = {"name": "Mail", "hosts": "all", "gather_facts": False, "vars": {"team": "gone"}, "roles": [ROLE]}
    project.write("site.yml", [play])
    played = project.play("site.yml", "-i", "hosts.yml")
    assert [change["name"] for change in played.result["changes"]] == ["gone"]


def test_null_equals_an_omitted_variable_of_a_domain(project: Project) -> None:
    nothing = dict.fromkeys(("aliases", "purge_aliases", "notification_email", "webhook", "whitelabel"))
    write_hosts(project, [{"domain": "kept.example", **nothing}])
    for play in project.rounds(PROVISION, "-i", "hosts.yml"):
        assert play.result["changed"] is False
    before = {domain["domain"]: domain["aliases"] for domain in ACCOUNT["domains"]}
    assert account(project.emulator) == before


def test_a_limit_that_hides_the_list_is_refused(project: Project) -> None:
    project.write("hosts.yml", {"all": {"hosts": dict.fromkeys(MACHINES)}})
    project.write("host_vars/localhost.yml", LIST)
    refused = project.play(PROVISION, "-i", "hosts.yml", "--limit", MACHINES[1])
    assert refused.code != 0
    assert "--limit hides localhost, which has improvmx_domains" in refused.output
    assert refused.requests == 0


@pytest.mark.parametrize(
    "play",
    [
        {"order": "reverse_inventory", "roles": [ROLE]},
        {"order": "reverse_inventory", "serial": 2, "roles": [ROLE]},
        {
            "tasks": [
                {
                    "name": "It",
                    "ansible.builtin.include_role": {"name": ROLE},
                    "when": "inventory_hostname == 'new.example'",
                }
            ]
        },
    ],
    ids=["order", "order and parts", "condition"],
)
def test_the_role_runs_once_for_any_order_of_hosts_and_without_become(
    project: Project, play: dict[str, Any]
) -> None:
    write_hosts(project, DOMAINS)
    become = {"ansible_become": True, "ansible_become_method": "su", "ansible_become_exe": "/bin/false"}
    project.write("group_vars/all.yml", become)
    project.write("site.yml", [{"name": "Mail", "hosts": "all", "gather_facts": False, **play}])
    played = project.play("site.yml", "-i", "hosts.yml")
    assert played.code == 0, played.output
    assert len(played.results) == 1
    assert account(project.emulator) == WANTED


def test_a_connection_in_variables_is_used_and_its_key_not_shown(project: Project) -> None:
    write_hosts(project, DOMAINS[:1])
    variables = {
        "improvmx_api_key": project.environment["IMPROVMX_API_KEY"],
        "improvmx_api_url": project.environment["IMPROVMX_API_URL"],
        "improvmx_api_version": "v2",
    }
    project.environment |= {
        "IMPROVMX_API_KEY": "not-this-one-8f7d6s",
        "IMPROVMX_API_URL": "http://127.0.0.1:9",
        "IMPROVMX_API_VERSION": "v3",
    }
    project.write("group_vars/all.yml", variables)
    project.rounds(PROVISION, "-i", "hosts.yml")
    assert "old.example" not in account(project.emulator)
    assert versions_of(project) == {"v2"}


def test_check_mode_on_an_empty_account_shows_everything_to_create(project: Project) -> None:
    project.emulator.seed({})
    write_hosts(project, DOMAINS)
    check = project.play(PROVISION, "-i", "hosts.yml", check=True, verbose=False)
    assert check.code == 0
    created = [change["name"] for change in check.result["changes"] if change["action"] == "create"]
    assert sorted(created) == sorted(
        [
            "emptied.example",
            "kept.example",
            "info",
            "new.example",
            "info",
            "xn--bcher-kva.example",
            "kontakt",
        ]
    )
    for text in ("kept.example", "https://hooks.example/x", "new.example", "kontakt"):
        assert text in check.output


def test_an_unmentioned_catch_all_of_a_new_domain_causes_a_warning(project: Project) -> None:
    write_hosts(project, [{"domain": name, "state": "present"} for name in ("new.example", "beyond.example")])
    # Variables of the command line are strings: "no" would count as true.
    arguments = ["-i", "hosts.yml", "-e", "improvmx_purge=no", "--limit", "new.example"]
    arguments += ["-e", "improvmx_check_dns=false"]
    check, *_others = project.rounds(PROVISION, *arguments, warnings=1)
    assert "catch-all" in check.output
    existing = {described["domain"] for described in ACCOUNT["domains"]}
    assert set(account(project.emulator)) == existing | {"new.example"}


def test_purge_deletes_what_is_not_in_the_inventory(project: Project) -> None:
    write_hosts(project, DOMAINS)
    purge = ["-e", "improvmx_purge=true", "-e"]
    refused = project.play(PROVISION, "-i", "hosts.yml", *purge, "improvmx_max_deletions=6")
    assert refused.code != 0
    assert "would delete 7 domains, aliases" in refused.result["msg"]
    assert project.emulator.writes == []
    project.rounds(PROVISION, "-i", "hosts.yml", *purge, "improvmx_max_deletions=7")
    assert account(project.emulator) == {k: v for k, v in WANTED.items() if k != "other.example"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["-e", "improvmx_purge=true", "-e", "improvmx_max_deletions=9", "--limit", "old.example"],
            "--limit hides a part",
        ),
        (["-e", "improvmx_api_version=v1"], ": it must be one of: v2, v3"),
        (["-e", "improvmx_check_dns=yes"], ": it must be one of: false, warn, fail"),
        (["-e", '{"improvmx_domains": []}', "-e", "improvmx_max_deletions=many"], "whole number"),
    ],
)
def test_wrong_variables_are_refused_before_any_request(
    project: Project, arguments: list[str], said: str
) -> None:
    write_hosts(project, DOMAINS)
    play = project.play(PROVISION, "-i", "hosts.yml", *arguments)
    assert play.code != 0
    assert said in play.output
    assert play.requests == 0


def test_a_purge_of_aliases_without_a_list_is_refused_before_any_request(project: Project) -> None:
    purge = {"purge_aliases": True}
    write_hosts(
        project, [{"domain": "old.example", **purge}, {"domain": "kept.example", "aliases": None, **purge}]
    )
    play = project.play(PROVISION, "-i", "hosts.yml")
    assert play.code != 0
    for domain in ("old.example", "kept.example"):
        assert f"{domain}, improvmx_purge_aliases: it requires aliases" in play.result["msg"]
    assert play.requests == 0


RIGHT_DNS = {"mx": ["mx1.improvmx.com", "mx2.improvmx.com"], "spf": "v=spf1 include:spf.improvmx.com ~all"}


def seed_dns(project: Project) -> None:
    """Create an account for three desired domains: with correct records, without SPF, and a new one."""
    described = [
        {"domain": "right.example", "dns": RIGHT_DNS, "aliases": {"info": "a@mail.example"}},
        {"domain": "spfless.example", "dns": {**RIGHT_DNS, "spf": None}},
        {"domain": "old.example"},
    ]
    project.emulator.seed({"domains": described})
    new = {"domain": "new.example", "aliases": [{"alias": "*", "state": "absent"}]}
    gone = {"domain": "old.example", "state": "absent"}
    write_hosts(project, [{"domain": "right.example"}, {"domain": "spfless.example"}, new, gone])


def test_dns_records_are_checked_after_provisioning_and_wrong_ones_are_shown(
    project: Project, version: str
) -> None:
    project.environment["IMPROVMX_API_VERSION"] = version
    seed_dns(project)
    arguments = ["-i", "hosts.yml", "-e", "improvmx_check_dns=warn"]
    check = project.play(PROVISION, *arguments, check=True)
    assert (check.code, check.requests) == (0, CREATING[version])
    assert "DNS records are not checked in check mode" in check.output
    real = project.play(PROVISION, *arguments)
    assert real.code == 0, real.output
    checks = {check["domain"]: check["valid"] for check in real.results[-1]["checks"]}
    assert checks == {"new.example": False, "right.example": True, "spfless.example": True}
    assert [change["domain"] for change in real.results[-1]["changes"]] == [
        "right.example",
        "spfless.example",
    ]
    assert "[WARNING]: MX of new.example: expected " in real.output
    assert ("[WARNING]: SPF, a TXT record of spfless.example: expected " in real.output) is (version == "v3")
    assert "MX of right.example" not in real.output
    again = project.play(PROVISION, *arguments)
    assert [result["changed"] for result in again.results] == [False, False]
    # The list, a check of each domain, and the list again if domains may have become active.
    assert (real.requests, again.requests) == (real.results[0]["api_requests"] + 1 + 3 + 1, 1 + 1 + 3)


def test_a_play_with_check_mode_does_not_check_records(project: Project) -> None:
    seed_dns(project)
    variables = {"improvmx_check_dns": "fail"}
    play = {
        "name": "Mail",
        "hosts": "all",
        "gather_facts": False,
        "check_mode": True,
        "vars": variables,
        "roles": [ROLE],
    }
    project.write("site.yml", [play])
    played = project.play("site.yml", "-i", "hosts.yml")
    assert played.code == 0, played.output
    assert project.emulator.writes == []


def test_wrong_mx_records_fail_at_the_end_in_one_message(project: Project) -> None:
    seed_dns(project)
    arguments = ["-i", "hosts.yml", "-e", "improvmx_check_dns=fail"]
    play = project.play(PROVISION, *arguments, verbose=False)
    assert play.code != 0
    assert "old.example" not in account(project.emulator)
    (message,) = {line for line in play.output.splitlines() if line.startswith("fatal: ")}
    assert "DNS records are wrong: MX of new.example: expected " in message
    assert " | SPF, a TXT record of spfless.example: expected " in message
    domains = project.emulator.account.domains
    domains["new.example"].dns = domains["right.example"].dns
    mended = project.play(PROVISION, *arguments, verbose=False)
    assert mended.code == 0, mended.output
    assert "SPF, a TXT record of spfless.example: expected " in mended.output


def test_an_empty_inventory_is_reported(project: Project) -> None:
    play = project.play(PROVISION)
    assert play.code != 0
    assert "There are no domains to provision" in play.output


def test_a_failure_is_reported_without_a_traceback(project: Project) -> None:
    write_hosts(project, DOMAINS)
    project.environment["IMPROVMX_API_KEY"] = "wrong-key-93kd-0s9d-f8s7-2hgd"
    play = project.play(PROVISION, "-i", "hosts.yml")
    assert play.code != 0
    assert "the API key is not valid" in play.result["msg"]
    assert play.requests == 1


def test_modules_share_their_options_through_the_action_group(project: Project) -> None:
    tasks: list[dict[str, Any]] = [
        {
            "name": "Domain",
            "improvmx.email.improvmx_domain": {
                "domain": "new.example",
                "aliases": [{"alias": "*", "state": "absent"}],
            },
        },
        {
            "name": "Alias",
            "improvmx.email.improvmx_alias": {
                "domain": "new.example",
                "alias": "info",
                "forward": "a@mail.example, b@mail.example",
            },
        },
        {"name": "Read", "improvmx.email.improvmx_domain_info": {"domain": "new.example"}},
        {"name": "Logs", "improvmx.email.improvmx_logs_info": {"domain": "kept.example"}},
    ]
    key = project.environment.pop("IMPROVMX_API_KEY")
    defaults = {"api_key": key, "retry_timeout": 5}
    play = {
        "name": "Mail",
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/improvmx.email.improvmx": defaults},
        "tasks": tasks,
    }
    project.write("site.yml", [play])
    check = project.play("site.yml", check=True)
    assert check.code == 0, check.output
    assert [result["changed"] for result in check.results] == [True, True, False, False]
    real = project.play("site.yml")
    assert [result["changed"] for result in real.results] == [True, True, False, False]
    assert account(project.emulator)["new.example"] == {"info": "a@mail.example,b@mail.example"}
    again = project.play("site.yml")
    assert [result["changed"] for result in again.results] == [False] * 4


def test_progress_of_a_long_run_is_shown_while_it_runs(project: Project) -> None:
    project.emulator.rate_limit = RateLimit(4, window=3.0, scope="endpoint")
    aliases = [{"alias": "*", "state": "absent"}]
    write_hosts(project, [{"domain": f"d{number}.example", "aliases": aliases} for number in range(6)])
    play = project.play(PROVISION, "-i", "hosts.yml", verbose=False)
    assert play.code == 0, play.output
    assert "of 6 domains done, waiting" in play.errors


# --- Rules and SMTP credentials -------------------------------------------------------------------

PASSWORD = "vT5+kq-83zRw!pLx"
RULED = {
    "domain": "ruled.example",
    "rules": [
        {"type": "regex", "regex": "(?i)invoice", "scopes": ["subject"], "forward": "books@mail.example"},
        {"type": "alias", "alias": "info", "forward": "a@mail.example"},
    ],
    "purge_rules": True,
    "credentials": [{"username": "newsletter", "password": PASSWORD}],
}


@pytest.mark.parametrize("shape", ["list", "hosts"])
def test_all_options_of_a_domain_come_from_the_inventory(project: Project, shape: str) -> None:
    existing = [
        {"type": "alias", "config": {"alias": "info", "forward": "a@mail.example"}, "rank": 1},
        {"type": "alias", "config": {"alias": "old", "forward": "a@mail.example"}, "rank": 2},
    ]
    ruled = {"domain": "ruled.example", "routing_engine": "rules", "aliases": {}, "rules": existing}
    project.emulator.seed({"domains": [ruled]})
    if shape == "hosts":
        write_hosts(project, [RULED])
        arguments = ("-i", "hosts.yml")
    else:
        project.write("vars.yml", {"improvmx_domains": [RULED]})
        arguments = ("-e", "@vars.yml")
    check = project.play(PROVISION, *arguments, check=True)
    real = project.play(PROVISION, *arguments)
    again = project.play(PROVISION, *arguments)
    for play in (check, real, again):
        assert play.code == 0, play.output
        assert PASSWORD not in play.output
    assert [f"{c['action']} {c['kind']} {c['name']}" for c in real.result["changes"]] == [
        "create rule (?i)invoice",
        "delete rule old",
        "create credential newsletter",
    ]
    assert check.result["changes"] == real.result["changes"]
    assert again.result["changed"] is False
    # The domain, two pages of rules, the credentials; three writes.
    assert (check.requests, real.requests, again.requests) == (4, 7, 4)
    domain = project.emulator.account.domains["ruled.example"]
    assert [credential.password for credential in domain.credentials.values()] == [PASSWORD]


def test_unmanaged_things_of_the_account_fail_the_run_before_any_write(project: Project) -> None:
    project.write("vars.yml", {"improvmx_domains": DOMAINS, "improvmx_unmanaged": "fail"})
    play = project.play(PROVISION, "-e", "@vars.yml")
    assert play.code != 0
    assert "domain other.example" in play.output
    assert project.emulator.writes == []
    project.write("vars.yml", {"improvmx_domains": DOMAINS, "improvmx_unmanaged": "report"})
    play = project.play(PROVISION, "-e", "@vars.yml", check=True)
    assert play.result["unmanaged"] == [
        {"kind": "domain", "domain": "other.example", "name": "other.example"}
    ]
