# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks that export and provision an account, each applied to the result of the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator
from playbooks import Play, Project

EXPORT = "improvmx.email.export"
PROVISION = "improvmx.email.provision"
OWNER = "owner@mail.example"
SHOP = {
    "domain": "shop.example",
    "notification_email": "ops@mail.example",
    "webhook": "https://hooks.example/in?a=1&b={{c}}",
    "whitelabel": "mail.white.example",
    "aliases": {
        "*": OWNER,
        r"^sales-(uk|de)\.\d{2}$": "Ann@mail.example,https://hooks.example/sales#1",
        "noreply": "null",
        "on": "1st@mail.example",
        "2024": "ann@xn--bcher-kva.example",
        "{{lookup('pipe','id')}}": "https://hooks.example/{{nothing}}",
        "{#x": OWNER,
        "#jinja2:x": OWNER,
        "\"it's\\": OWNER,
    },
}
ACCOUNT = {
    "email": OWNER,
    "whitelabels": ["mail.white.example"],
    "domains": [
        SHOP,
        {"domain": "bücher.example", "aliases": {"*": OWNER}},
        {"domain": "1.example", "aliases": {}},
        {"domain": "big.example", "aliases": {f"n{number}": OWNER for number in range(201)}},
    ],
}
HOSTS = ("-e", "improvmx_export_layout=hosts", "-e", "improvmx_export_path=mail")
LAYOUTS = {
    "list": ((), ("-e", "@improvmx_domains.yml")),
    "hosts": (HOSTS, ("-i", "mail/hosts.yml")),
}


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> Project:
    emulator.seed(ACCOUNT)
    return Project(tmp_path, emulator)


def exported(project: Project) -> dict[str, str]:
    """The exported files, by path."""
    folder = project.folder
    paths = [folder / "improvmx_domains.yml", folder / "mail/hosts.yml", *folder.glob("mail/host_vars/*")]
    return {str(path.relative_to(folder)): path.read_text() for path in paths if path.exists()}


def assert_nothing_to_do(play: Play, requests: int) -> None:
    assert play.code == 0, play.output
    assert play.result["changes"] == []
    assert "changed=0" in play.output
    assert play.requests == requests


@pytest.mark.parametrize("layout", LAYOUTS)
def test_provisioning_an_export_changes_nothing(project: Project, version: str, layout: str) -> None:
    project.environment["IMPROVMX_API_VERSION"] = version
    export, provision = LAYOUTS[layout]
    check = project.play(EXPORT, *export, check=True)
    assert check.code == 0, check.output
    assert exported(project) == {}
    real = project.play(EXPORT, *export)
    assert real.code == 0, real.output
    again = project.play(EXPORT, *export)
    assert check.result["changes"] == real.result["changes"]
    assert [run.result["changed"] for run in (check, real, again)] == [True, True, False]
    assert len(exported(project)) == {"list": 1, "hosts": 5}[layout]
    for text in exported(project).values():
        assert project.emulator.api_key not in text
        for line in text.splitlines():
            shown = line.replace("?a=1&b={{c}}", "?a=…6b86&b=…2220")
            assert f"+{shown}" in check.output  # --diff shows the predicted changes
    pages = {"v2": 1, "v3": 1 + 3}[version]  # three of them for the aliases of big.example
    assert [run.requests for run in (check, real, again)] == [pages] * 3
    assert_nothing_to_do(project.play(PROVISION, *provision), pages)
    purge = ["-e", "improvmx_purge=true", "-e", "improvmx_max_deletions=0"]
    if layout == "hosts":
        purge += ["-e", "improvmx_purge_aliases=true"]
    assert_nothing_to_do(project.play(PROVISION, *provision, *purge), pages)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_lost_account_is_restored_from_its_export(project: Project, layout: str) -> None:
    export, provision = LAYOUTS[layout]
    before = project.emulator.dump()["domains"]
    assert project.play(EXPORT, *export).code == 0
    project.emulator.seed({**ACCOUNT, "domains": []})
    play = project.play(PROVISION, *provision)
    assert play.code == 0, play.output
    assert reported(project.emulator.dump()["domains"]) == reported(before)


def reported(domains: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The exported domains, without the catch-all that the service creates."""
    kept = ("domain", "notification_email", "webhook", "whitelabel")
    return [
        {**{key: domain[key] for key in kept}, "aliases": {**domain["aliases"], "*": ...}}
        for domain in domains
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_empty_account_gives_valid_files(project: Project, layout: str) -> None:
    project.emulator.seed({})
    export, provision = LAYOUTS[layout]
    play = project.play(EXPORT, *export)
    assert play.code == 0, play.output
    assert "Exported 0 domains with 0 aliases to" in play.output
    play = project.play(PROVISION, *provision)
    if layout == "list":
        assert_nothing_to_do(play, 0)
    else:
        assert "There are no domains to provision" in play.output
        assert play.requests == 0


def test_an_edited_file_is_kept_and_the_message_says_what_to_do(project: Project) -> None:
    assert project.play(EXPORT).code == 0
    file = project.folder / "improvmx_domains.yml"
    file.write_text(file.read_text().replace("ops@mail.example", "new@mail.example"))
    edited = file.read_text()
    play = project.play(EXPORT)
    assert play.code != 0
    assert f"{file} was edited since its export" in play.result["msg"]
    assert "improvmx_export_path" in play.result["msg"]
    assert file.read_text() == edited
    play = project.play(PROVISION, "-e", "@improvmx_domains.yml", check=True)
    (change,) = play.result["changes"]
    assert change["after"] == {"notification_email": "new@mail.example"}
    assert project.play(EXPORT, "-e", "improvmx_export_path=elsewhere/now.yml").code == 0
    assert (project.folder / "elsewhere/now.yml").exists()


def test_the_variables_may_come_from_an_inventory_with_machines(project: Project) -> None:
    """It runs once, on this machine, regardless of the connections of the hosts."""
    project.write("hosts.yml", {"all": {"hosts": dict.fromkeys(("localhost", "web1.corp.example"))}})
    variables = {
        "improvmx_api_key": project.environment["IMPROVMX_API_KEY"],
        "improvmx_api_url": project.environment["IMPROVMX_API_URL"],
        "improvmx_api_version": "v2",
        "improvmx_export_path": str(project.folder / "group_vars/all/mail.yml"),
        "ansible_become": True,
    }
    project.write("group_vars/all/improvmx.yml", variables)
    project.environment |= {
        "IMPROVMX_API_KEY": "not-this-one-8f7d6s",
        "IMPROVMX_API_URL": "http://127.0.0.1:9",
        "IMPROVMX_API_VERSION": "v3",
    }
    play = project.play(EXPORT, "-i", "hosts.yml")
    assert play.code == 0, play.output
    assert {request.version for request in project.emulator.requests} == {"v2"}
    assert_nothing_to_do(project.play(PROVISION, "-i", "hosts.yml"), 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["improvmx_export_layout=tree"], "improvmx_export_layout must be list or hosts, not tree."),
        (["improvmx_export_layout=hosts"], "Set improvmx_export_path to the directory to write to"),
        (["improvmx_export_path="], "is a folder; name a file in it"),
        (["improvmx_api_version=v1"], "value of api_version must be one of: v2, v3"),
    ],
)
def test_wrong_variables_are_refused_before_any_request(
    project: Project, arguments: list[str], said: str
) -> None:
    play = project.play(EXPORT, *(part for word in arguments for part in ("-e", word)))
    assert play.code != 0
    assert said in play.output
    assert play.requests == 0
    assert exported(project) == {}
