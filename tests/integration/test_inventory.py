# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin in ansible-inventory and ansible-playbook."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader

from emulator import Emulator, Fault
from harness import Modules, assert_no_secret, assert_sentences, wrap_endpoint
from playbooks import Listing, Play, Project

PLUGIN = "improvmx.email.improvmx"
SOURCE = "mail.improvmx.yml"
CACHED = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": "cache"}

ACCOUNT = {
    "domains": [
        {
            "domain": "bücher.example",
            "active": True,
            "aliases": {"*": "a@mail.example", "info": "b@mail.example,https://hooks.example/x"},
            "webhook": "https://hooks.example/in",
            "notification_email": "ops@mail.example",
        },
        {"domain": "shop.example", "active": False, "aliases": {}},
        {"domain": "shopping.example", "active": True, "aliases": {"orders": "c@mail.example"}},
    ]
}
NAMES = ["shop.example", "shopping.example", "xn--bcher-kva.example"]


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> Project:
    emulator.seed(ACCOUNT)
    return Project(tmp_path, emulator)


def listed(project: Project, *arguments: str, source: str = SOURCE, **options: Any) -> Listing:
    """Write an inventory file with these options, and list the inventory."""
    project.write(source, {"plugin": PLUGIN, **options})
    return project.inventory(source, *arguments)


def names_of(listing: Listing) -> list[str]:
    assert listing.code == 0, listing.output
    return sorted(listing.hosts)


def assert_refused(listing: Listing, *texts: str, requests: int = 0) -> None:
    """The inventory failed, and the message of the plugin contains these texts."""
    assert listing.code != 0
    reported = [line for line in listing.output.splitlines() if "'auto' plugin: " in line]
    assert len(reported) == 1, listing.output
    assert_sentences(reported[0])
    for text in texts:
        assert text in reported[0]
    assert listing.requests == requests


# --- Hosts ----------------------------------------------------------------------------------------


def test_each_domain_is_a_host_with_the_fields_of_the_info_module(project: Project, version: str) -> None:
    project.environment["IMPROVMX_API_VERSION"] = version
    listing = listed(project)
    modules = Modules(project.emulator, api_version=version)
    reported = modules.run("improvmx_domain_info")["domains"]
    assert names_of(listing) == [domain["domain"] for domain in reported] == NAMES
    assert listing.hosts == {domain["domain"]: {"improvmx": domain} for domain in reported}
    assert listing.groups == {}
    assert listing.requests == 1
    assert {request.version for request in project.emulator.requests} == {version}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"query": "Büch", "active": None}, ["xn--bcher-kva.example"]),
        ({"query": "{{ start }}", "active": "{{ not waiting }}"}, ["shopping.example"]),
    ],
)
def test_domains_can_be_chosen(project: Project, options: dict[str, Any], found: list[str]) -> None:
    listing = listed(project, "-e", '{"start": " SHOP", "waiting": false}', **options)
    assert names_of(listing) == found
    assert listing.requests == 1


def test_an_account_of_any_size_is_read_whole(project: Project, version: str) -> None:
    project.environment["IMPROVMX_API_VERSION"] = version
    many = {"domain": "big.example", "aliases": {f"a{number}": "a@mail.example" for number in range(201)}}
    names = [f"d{number:03}.example" for number in range(100)]
    project.emulator.seed({"domains": [many, *({"domain": name} for name in names)]})
    listing = listed(project)
    assert names_of(listing) == ["big.example", *names]
    assert len(listing.hosts["big.example"]["improvmx"]["aliases"]) == 201
    assert listing.requests == (1 if version == "v2" else 2 + 3)


def test_an_empty_account_is_an_empty_inventory(project: Project) -> None:
    project.emulator.seed({})
    listing = listed(project, strict=True, compose={"x": "improvmx.domain"})
    assert (listing.code, listing.hosts, listing.requests) == (0, {}, 1)


def test_values_of_the_service_are_never_templated_even_from_the_cache(project: Project) -> None:
    project.emulator.seed({"domains": [{"domain": "a.example", "aliases": {"{{7*7}}": "a@mail.example"}}]})
    options = {"compose": {"first": "improvmx.aliases[0].alias"}, **CACHED}
    project.write(SOURCE, {"plugin": PLUGIN, **options})
    show = {"ansible.builtin.debug": {"msg": "<{{ improvmx.aliases[0].alias }}|{{ first }}>"}, "name": "Show"}
    project.write("show.yml", [{"hosts": "all", "gather_facts": False, "name": "All", "tasks": [show]}])
    for requests in (1, 0):
        play = project.play("show.yml", "-i", SOURCE)
        assert (play.code, play.requests) == (0, requests)
        assert "<{{7*7}}|{{7*7}}>" in play.output


# --- Groups and variables of the user -------------------------------------------------------------


def test_groups_and_variables_are_made_from_expressions(project: Project) -> None:
    listing = listed(
        project,
        "-e",
        "suffix=!",
        strict=True,
        compose={"count": "improvmx.aliases | length", "label": "improvmx.display ~ suffix"},
        use_extra_vars=True,
        groups={"mail_domains": True, "busy": "count > 1"},
        keyed_groups=[
            {"key": "improvmx.active | ternary('active', 'waiting')", "separator": ""},
            {"key": "inventory_hostname | split('.') | last", "prefix": "tld"},
        ],
    )
    assert names_of(listing) == NAMES
    own = {name: (known["count"], known["label"]) for name, known in listing.hosts.items()}
    assert own == {
        "shop.example": (0, "shop.example!"),
        "shopping.example": (1, "shopping.example!"),
        "xn--bcher-kva.example": (2, "bücher.example!"),
    }
    assert {name: sorted(hosts) for name, hosts in listing.groups.items()} == {
        "mail_domains": NAMES,
        "busy": NAMES[2:],
        "active": NAMES[1:],
        "waiting": NAMES[:1],
        "tld_example": NAMES,
    }
    assert listing.requests == 1


WRONG: dict[str, tuple[Any, str]] = {
    "compose": ({"x": "improvmx.aliases[0].alias"}, "Could not set x for host shop.example"),
    "groups": ({"g": "improvmx_aliases"}, "Could not add host shop.example to group g"),
    "keyed_groups": ([{"key": "nothing"}], "for host shop.example from nothing entry"),
}


@pytest.mark.parametrize("option", WRONG)
def test_strict_fails_on_an_expression_that_fails_for_a_host(project: Project, option: str) -> None:
    # The key is in the file, right above the lines that Ansible would show.
    key = project.environment.pop("IMPROVMX_API_KEY")
    value, said = WRONG[option]
    assert_refused(listed(project, strict=True, api_key=key, **{option: value}), said, requests=1)


def test_without_strict_a_failed_expression_is_ignored(project: Project) -> None:
    listing = listed(project, **{option: value for option, (value, said) in WRONG.items()})
    assert names_of(listing) == NAMES
    assert [listing.hosts[name].get("x") for name in NAMES] == [None, "orders", "*"]
    assert listing.groups == {}


def test_a_failed_inventory_has_no_hosts(project: Project) -> None:
    compose = {"x": "1 // (improvmx.domain != 'shopping.example')"}
    project.write(SOURCE, {"plugin": PLUGIN, "strict": True, "compose": compose})
    play = hosts_of(project)
    assert "Could not set x for host shopping.example" in play.output
    assert "hosts (0)" in play.output


def hosts_of(project: Project, *arguments: str) -> Play:
    """The hosts of a playbook. Unlike a listing, its output contains no extra variables."""
    project.write("all.yml", [{"hosts": "all", "gather_facts": False, "name": "All", "tasks": []}])
    return project.play("all.yml", "-i", SOURCE, "--list-hosts", *arguments)


ODD_NAMES = [
    "-oProxyCommand=touch${IFS}odd", "../../../odd", "/etc/odd", "localhost", "all", "ungrouped", "127.0.0.1",
    "::1", "a.example\n- hosts: all", "\x1b[31mred.example", "a.example,b.example", "a.example:&b", "~a.*",
    "!a.example", "[a:b].example", "A.example", "a.example.", " a.example", "a..example", "{{7*7}}.example",
    "@a.example", "a" * 300, "ü" * 300 + ".example", "mine.example",
]  # fmt: skip


def test_an_invalid_domain_name_is_not_a_host(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.emulator.seed(
        {"domains": [{"domain": f"d{index:02}.example"} for index in range(len(ODD_NAMES))]}
    )
    odd = dict(zip(sorted(project.emulator.account.domains), ODD_NAMES, strict=True))

    def rename(usual: Any, account: Any, call: Any) -> Any:
        reported = usual(account, call)
        return {**reported, "domains": [{**one, "domain": odd[one["domain"]]} for one in reported["domains"]]}

    wrap_endpoint(monkeypatch, "GET /domains", rename)
    project.environment["ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"] = "ignore"
    project.write("group.yml", {"mine.example": {"hosts": {"static.example": None}}})
    project.write(SOURCE, {"plugin": PLUGIN})
    listing = project.inventory("group.yml", "-i", SOURCE, warnings=1)
    # Names that differ only in case, spaces or a trailing dot are one domain, which is normalized.
    assert names_of(listing) == ["a.example"]
    assert listing.groups == {"mine.example": ["static.example"]}
    for reported in ('domain "-oProxyCommand=', 'domain "../../../odd"', r'"\x1b[31mred.example"', "more"):
        assert reported in listing.output
    assert "\x1b" not in listing.output


@pytest.mark.parametrize("transform", ["never", "ignore", "silently"])
def test_group_with_an_ambiguous_name_is_left_out(project: Project, transform: str) -> None:
    project.environment["ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"] = transform
    names = ["../../x", "/etc/y", "-z", "all", "ungrouped", "localhost", "", "x" * 300, "fine", "schön"]
    keyed = [
        {"key": str(names), "separator": ""},
        {"key": "['good']", "parent_group": "all", "separator": ""},
        {"key": "'\\x1b[31mred'", "separator": ""},
    ]
    project.write(SOURCE, {"plugin": PLUGIN, "strict": True, "keyed_groups": keyed})
    listing = project.inventory(SOURCE, warnings=1)
    assert names_of(listing) == NAMES
    assert set(listing.groups) == {"______x", "_etc_y", "_z", "fine", "good", "schön", "__31mred"}
    assert 'something else: group "all", group "ungrouped", group "localhost", group "", ' in listing.output
    assert "\x1b" not in listing.output


# --- Options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("improvmx.yml", True),
        ("improvmx.yaml", True),
        ("mail.improvmx.yml", True),
        ("x.y.improvmx.yaml", True),
        ("mail.yml", False),
        ("myimprovmx.yml", False),
        ("improvmx.yml.yml", False),
        ("improvmx.json", False),
    ],
)
def test_the_file_name_selects_this_plugin(tmp_path: Path, name: str, ours: bool) -> None:
    (tmp_path / name).write_text("plugin: " + PLUGIN)
    assert source().InventoryModule().verify_file(str(tmp_path / name)) is ours


def test_a_file_of_another_name_is_refused(project: Project) -> None:
    project.write("mail.yml", {"plugin": PLUGIN})
    assert_refused(project.inventory("mail.yml"), "could not be verified by inventory plugin")


@pytest.mark.parametrize(
    ("value", "variables"),
    [
        ("{{ lookup('ansible.builtin.env', 'MAIL_KEY') }}", {}),
        ("{{ mail.key }}", {"mail": {"key": "KEY"}}),
        (None, {"improvmx_api_key": "KEY"}),
    ],
    ids=["look-up", "extra variable", "variable of the role"],
)
def test_the_key_may_come_from_elsewhere(project: Project, value: Any, variables: dict[str, Any]) -> None:
    key = project.environment.pop("IMPROVMX_API_KEY")
    project.environment["MAIL_KEY"] = key
    project.write(SOURCE, {"plugin": PLUGIN, "api_key": value})
    (project.folder / "secrets.json").write_text(json.dumps(variables).replace("KEY", key))
    play = hosts_of(project, "-e", "@secrets.json")
    for name in NAMES:
        assert name in play.output


def test_the_key_may_come_from_a_vault(project: Project) -> None:
    key = project.environment.pop("IMPROVMX_API_KEY")
    (project.folder / "password").write_text("a long password 83hd7")
    vault = Path(sys.executable).with_name("ansible-vault")
    command = [vault, "encrypt", "--vault-password-file", "password"]
    done = subprocess.run(command, cwd=project.folder, input=key, capture_output=True, text=True, check=True)
    encrypted = done.stdout.replace("\n", "\n  ")
    (project.folder / SOURCE).write_text(f"plugin: {PLUGIN}\napi_key: !vault |\n  {encrypted}\n")
    assert names_of(project.inventory(SOURCE, "--vault-password-file", "password")) == NAMES


def test_options_win_over_the_environment_and_extra_variables_over_the_environment(project: Project) -> None:
    url = project.environment["IMPROVMX_API_URL"]
    project.environment |= {"IMPROVMX_API_URL": "http://127.0.0.1:9", "IMPROVMX_API_VERSION": "v3"}
    arguments = ["-e", "improvmx_api_version=v2", "-e", "improvmx_api_url=http://127.0.0.1:9"]
    assert names_of(listed(project, *arguments, api_url=url + "/")) == NAMES
    assert {request.version for request in project.emulator.requests} == {"v2"}


def test_all_problems_are_reported_together_before_any_request(project: Project) -> None:
    secret = project.environment["IMPROVMX_API_KEY"]
    listing = listed(
        project,
        api_key=[secret],
        api_url="ftp://mail.example/",
        api_version="v9",
        timeout=0,
        retry_timeout="long",
        validate_certs="ture",
        ca_path="/nowhere/to/be/found.pem",
        active="{{ nothing_of_that_name }}",
        querry="shop",
        compose="x",
        strict="perhaps",
    )
    assert_refused(
        listing,
        "11 problems in the input: ",
        "api_key: it must be of type str",
        "api_url must be an http or https URL",
        "api_version: it must be one of v2, v3",
        "timeout must be at least 1 second",
        "retry_timeout: it must be of type int",
        "validate_certs: it must be of type bool",
        " does not exist",
        "active: its template can't be resolved: 'nothing_of_that_name' is undefined",
        "querry: this plugin has no such option",
        "compose: it must be of type dict",
        "strict: it must be of type bool",
        "No request was sent.",
    )


def test_a_missing_key_is_reported_with_the_other_problems(project: Project) -> None:
    del project.environment["IMPROVMX_API_KEY"]
    listing = listed(project, api_key=None, timeout=0)
    assert_refused(listing, "2 problems", "api_key: it is missing", "timeout must be at least 1 second")


def test_an_empty_variable_of_the_environment_counts_as_not_set(project: Project) -> None:
    url = project.environment["IMPROVMX_API_URL"]
    project.environment |= {"IMPROVMX_API_URL": "", "IMPROVMX_API_VERSION": ""}
    listing = listed(project, api_url=url)
    assert names_of(listing) == NAMES
    project.environment["IMPROVMX_API_KEY"] = " "
    assert_refused(listed(project, api_url=url), "api_key: it is missing")


def test_a_wrong_value_in_the_environment_is_named(project: Project) -> None:
    project.environment["IMPROVMX_API_VERSION"] = "v9"
    assert_refused(listed(project, querry="x"), "querry: this plugin", "'v9' for config 'api_version'")


def test_missing_requests_library_is_reported(project: Project) -> None:
    (project.folder / "site").mkdir()
    (project.folder / "site" / "requests.py").write_text("raise ImportError('not here')\n")
    project.environment["PYTHONPATH"] = str(project.folder / "site")
    assert_refused(listed(project), "The Python library requests is missing", "pip")


@pytest.mark.parametrize("version", ["2.18.99", "2.9.27", "2.18.0rc1"])
def test_an_ansible_core_that_is_too_old_is_refused_before_any_request(
    project: Project, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    project.write(SOURCE, {"plugin": PLUGIN, "api_url": project.emulator.url, "api_key": "none"})
    core = importlib.import_module("ansible_collections.improvmx.email.plugins.plugin_utils._core")
    monkeypatch.setattr(core, "present", version)
    inventory = source().InventoryModule()
    with pytest.raises(AnsibleParserError, match=f"needs ansible-core 2.19 or newer, and this is {version}"):
        inventory.parse(InventoryData(), DataLoader(), str(project.folder / SOURCE))
    assert project.emulator.requests == []


# --- The service ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("status", times=None, status=500, html=True), "GET /v3/domains: the service answered 500"),
        (Fault("rate_limit", times=None, retry_after=900), "GET /v3/domains: the service answered 429"),
        (Fault("body", times=None, body=[]), "the reply is not a JSON object"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_failure_of_the_service_is_reported_in_a_sentence(
    project: Project, fault: Fault, said: str
) -> None:
    project.emulator.faults.add(fault)
    assert_refused(listed(project, retry_timeout=0), said, requests=1)


def test_a_wrong_key_and_an_unreachable_server_are_reported_in_a_sentence(project: Project) -> None:
    wrong = "sk_wrong/0123456789+abc="
    listing = listed(project, api_key=wrong)
    assert_refused(listing, "the service answered 401", "the API key is not valid", requests=1)
    assert_no_secret(listing.output, wrong)
    assert_refused(listed(project, api_url="http://127.0.0.1:9", retry_timeout=0), "can't be reached")


def test_a_temporary_failure_is_retried(project: Project) -> None:
    project.emulator.faults.add(Fault("status", status=503), Fault("rate_limit", retry_after=0))
    listing = listed(project)
    assert names_of(listing) == NAMES
    assert listing.requests == 3


# --- Cache ----------------------------------------------------------------------------------------


def test_a_cached_inventory_is_the_same_without_a_request(project: Project) -> None:
    more = {**CACHED, "groups": {"mail": True}, "compose": {"n": "improvmx.aliases | length"}}
    first, second = listed(project, **more), listed(project, **more)
    assert names_of(first) == NAMES
    assert (first.requests, second.requests) == (1, 0)
    assert (first.hosts, first.groups) == (second.hosts, second.groups)
    # Composed variables are not cached, and can change.
    third = listed(project, **{**more, "groups": {"post": True}})
    assert (third.requests, third.groups) == (0, {"post": NAMES})
    (file,) = [file for file in (project.folder / "cache").rglob("*") if file.is_file()]
    text = str(file) + file.read_text(encoding="utf-8")
    assert "shopping.example" in text
    assert_no_secret(text, project.emulator.api_key)


def test_the_cache_of_other_options_or_another_account_is_not_used(project: Project) -> None:
    listed(project, **CACHED)
    elsewhere = project.emulator.url.replace("127.0.0.1", "localhost")
    for other in ({"query": "shop"}, {"active": True}, {"api_version": "v2"}, {"api_url": elsewhere}):
        assert listed(project, **CACHED, **other).requests == 1
    assert listed(project, **CACHED, **other).requests == 0
    project.environment["IMPROVMX_API_KEY"] = "sk_of_another_account_82hd9"
    assert_refused(listed(project, **CACHED, **other), "the API key is not valid", requests=1)


def test_a_play_can_refresh_a_cached_inventory(project: Project) -> None:
    listed(project, **CACHED)
    project.emulator.seed({"domains": [{"domain": "fresh.example"}]})
    show = {"name": "Show", "ansible.builtin.debug": {"msg": "<{{ groups.all | sort | join(' ') }}>"}}
    refresh = {"name": "Refresh", "ansible.builtin.meta": "refresh_inventory"}
    play = {"name": "Local", "hosts": "localhost", "gather_facts": False, "tasks": [show, refresh, show]}
    project.write("refresh.yml", [play])
    done = project.play("refresh.yml", "-i", SOURCE)
    assert done.code == 0, done.output
    assert done.requests == 1
    assert done.output.index("<" + " ".join(NAMES) + ">") < done.output.index("<fresh.example>")
    again = project.inventory(SOURCE)
    assert (names_of(again), again.requests) == (["fresh.example"], 0)


# --- Together with the role -----------------------------------------------------------------------


def test_the_role_finds_nothing_to_do_for_this_inventory(project: Project, version: str) -> None:
    project.environment["IMPROVMX_API_VERSION"] = version
    many = {"domain": "big.example", "aliases": {f"a{number}": "a@mail.example" for number in range(201)}}
    ruled = {"domain": "ruled.example", "aliases": {"a": "b@mail.example"}, "routing_engine": "rules"}
    seed = {"domains": [*ACCOUNT["domains"], many, ruled]}
    project.emulator.seed(seed)
    project.write(SOURCE, {"plugin": PLUGIN})
    play = project.play("improvmx.email.provision", "-i", SOURCE)
    assert play.code == 0, play.output
    assert (play.result["changed"], play.result["changes"]) == (False, [])
    assert (play.result["domains"], play.result["api_requests"]) == ([], 0)
    assert project.emulator.writes == []
    assert play.requests == (1 if version == "v2" else 1 + 3)  # those of the inventory


@pytest.mark.parametrize("file", ["host_vars/shopping.example.yml", "group_vars/mail.yml"])
def test_variables_beside_this_inventory_are_what_is_desired(project: Project, file: str) -> None:
    groups = {"mail": "improvmx.domain == 'shopping.example'"}
    project.write(SOURCE, {"plugin": PLUGIN, "groups": groups})
    alias = {"alias": "orders", "forward": "new@mail.example"}
    project.write(file, {"improvmx_aliases": [alias]})
    play = project.play("improvmx.email.provision", "-i", SOURCE)
    assert [(change["domain"], change["name"]) for change in play.result["changes"]] == [
        ("shopping.example", "orders")
    ]
    aliases = project.emulator.account.domains["shopping.example"].aliases.values()
    assert [(alias.alias, alias.forward) for alias in aliases] == [("orders", "new@mail.example")]


def test_a_stale_cache_does_not_restore_old_state(project: Project) -> None:
    project.write(SOURCE, {"plugin": PLUGIN, **CACHED})
    assert len(project.inventory(SOURCE).hosts) == 3
    later = {
        "domain": "shopping.example",
        "aliases": {"orders": "other@mail.example"},
        "webhook": "https://x.example",
    }
    project.emulator.seed({"domains": [later]})
    play = project.play("improvmx.email.provision", "-i", SOURCE)
    assert (play.code, play.result["changes"], play.requests) == (0, [], 0)
    purge = {"improvmx_purge": True, "improvmx_max_deletions": 9}
    refused = project.play("improvmx.email.provision", "-i", SOURCE, "-e", json.dumps(purge))
    assert "no desired state is set for shop.example, shopping.example" in refused.result["msg"]
    assert refused.requests == 0


# --- Documentation --------------------------------------------------------------------------------


def source() -> Any:
    return importlib.import_module("ansible_collections.improvmx.email.plugins.inventory.improvmx")


def examples() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(source().EXAMPLES))


@pytest.mark.parametrize("number", range(len(examples())))
def test_an_example_runs(project: Project, number: int) -> None:
    options = examples()[number]
    assert options.pop("plugin") == PLUGIN
    if "cache_connection" in options:
        options["cache_connection"] = "cache"
    if "api_key" in options:
        assert options.pop("api_key") == "{{ vault_improvmx_api_key }}"
    listing = listed(project, **options)
    assert names_of(listing) == (NAMES[:1] if "active" in options else NAMES)
    if "compose" in options:
        assert [listing.hosts[name]["catch_all"] for name in NAMES] == [[], [], ["a@mail.example"]]
        assert listing.groups["active"] == NAMES[1:]
        assert listing.groups["mail_domains"] == listing.groups["tld_example"] == NAMES


def test_the_shared_options_are_those_of_the_modules_and_their_environment() -> None:
    fragment = importlib.import_module("ansible_collections.improvmx.email.plugins.doc_fragments.improvmx")
    shared = importlib.import_module("ansible_collections.improvmx.email.plugins.module_utils._module.base")
    spec = shared.shared_options()
    added = yaml.safe_load(fragment.ModuleDocFragment.PLUGIN)["options"]
    documented = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    assert {*documented, "query", "active"} == set(source()._OWN)
    assert {name: [entry["name"] for entry in added[name]["env"]] for name in added} == {
        name: facts["fallback"][1] for name, facts in spec.items() if "fallback" in facts
    }
    assert {name: added[name]["vars"][0]["name"] for name in added} == {
        name: f"improvmx_{name}" for name in added
    }
