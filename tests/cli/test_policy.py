"""Rules in CEL hold a plan: real rules, evaluated in a real process, over whole command lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.policy import cel
from tests.conftest import ROOT, Cli

LOCAL = ("--local", "--local-handshake=manual")
HEAD = "version: 1\nrules:\n"
DESIRED = """version: 1
owner: platform
defaults: {tags: {team: net}}
connections:
- {name: github-main, provider_type: GitHub, protect: "pipelines use it"}
- {name: old, provider_type: GitLab, tags: {team: web}}
"""


VPC = """version: 1
owner: platform
hosts:
- name: h
  provider_type: GitHubEnterpriseServer
  provider_endpoint: https://git.example.com
  vpc_configuration:
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0]
    security_group_ids: [sg-0123456789abcdef0]
    tls_certificate: CANARY
"""


@pytest.fixture
def files() -> Path:
    """The desired state, in the working folder of the test."""
    path = Path("desired.yaml")
    path.write_text(DESIRED, encoding="utf-8")
    return path


def policy(*rules: dict[str, Any]) -> tuple[str, ...]:
    """The option for a file of these rules; JSON is YAML."""
    text = json.dumps({"version": 1, "rules": [{"message": "no", **rule} for rule in rules]})
    Path("policy.yaml").write_text(text, encoding="utf-8")
    return ("--policy", "policy.yaml")


def said(document: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return [(r["guard"], r["address"], r["message"]) for r in document["refusals"]]


def test_a_mandatory_rule_refuses_and_nothing_is_called(files: Path, cli: Cli) -> None:
    options = policy(
        {"id": "web", "message": "is of web", "expression": 'object.tags.team != "web"'},
        {"id": "fine", "expression": 'owner == "platform" && target.region == "us-east-1"'},
    )
    planned = cli("plan", *LOCAL, files, *options, "--output", "json")
    assert planned.code == 5
    assert said(planned.json) == [("policy/web", "connection/old", "is of web (policy web)")]
    assert planned.json["refusals"][0]["source"]["line"] == 6
    applied = cli("apply", "--yes", *LOCAL, files, *options)
    assert (applied.code, "is of web (policy web)" in applied.out) == (5, True), applied
    assert cli("emulator", "requests", "--mutating").out == ""


def test_an_advisory_rule_warns_and_the_plan_is_applied(files: Path, cli: Cli) -> None:
    options = policy({"id": "web", "level": "advisory", "expression": 'object.tags.team != "web"'})
    applied = cli("apply", "--yes", "--allow-pending", *LOCAL, files, *options)
    assert applied.code == 0, applied
    assert "warning connection/old: no (policy web)\n" in applied.out


def test_rules_see_what_is_declared_what_changes_and_the_plan(files: Path, cli: Cli) -> None:
    """An object that does not change is one that is declared; a deleted one is only a change."""
    assert cli("apply", "--yes", "--allow-pending", *LOCAL, files).code == 0
    files.write_text(DESIRED.replace("net", "new").partition("- {name: old")[0], encoding="utf-8")
    options = policy(
        {"id": "object", "expression": "object.does == 'tag' && object.protect != ''"},
        {"id": "object-false", "expression": "object.tags.team == 'net'"},
        {"id": "change", "each": "change", "expression": "change.does != 'delete'"},
        {"id": "of-hosts", "each": "change", "kinds": ["host"], "expression": "false"},
        {"id": "plan", "each": "plan", "expression": "plan.summary.delete == 0"},
    )
    more = ("--prune", "--allow-destroy", "connection/old", "--max-destroy=1")
    planned = cli("plan", *LOCAL, files, *options, *more, "--output", "json")
    assert said(planned.json) == [
        ("policy/object-false", "connection/github-main", "no (policy object-false)"),
        ("policy/change", "connection/old", "no (policy change)"),
        ("policy/plan", None, "no (policy plan)"),
    ]
    files.write_text(DESIRED, encoding="utf-8")
    unchanged = policy({"id": "same", "expression": "object.does != 'unchanged'"})
    planned = cli("plan", *LOCAL, files, *unchanged, "--output", "json")
    assert planned.json["changes"] == []
    assert [address for _, address, _ in said(planned.json)] == [
        "connection/github-main",
        "connection/old",
    ]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("object.nmae == 'x'", "no such member in mapping: 'nmae'"),
        ("nothing", "undeclared reference to 'nothing'"),
        ("object.name", "it gives a StringType, not true or false"),
        ("object.name + 1 == 2", "found no matching overload"),
        ("object.name.matches('(')", ""),
        ("1 / 0 == 1", ""),
        ("(" * 1500 + "true" + ")" * 1500, ""),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    expression: str, reason: str, files: Path, cli: Cli
) -> None:
    options = policy({"id": "bad", "expression": expression})
    result = cli("plan", *LOCAL, files, *options, "--output", "json")
    assert result.code == 5
    first = said(result.json)[0]
    assert first[2].startswith(f"no (policy bad could not be evaluated: {reason}")
    assert "<class" not in first[2]
    assert len(first[2]) < 300


def test_a_rule_that_does_not_end_is_stopped_and_the_others_are_held(files: Path, cli: Cli) -> None:
    ten = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
    endless = "".join(f"{ten}.all(v{n}, " for n in range(12)) + "true" + ")" * 12
    options = policy(
        {"id": "before", "each": "plan", "expression": "false"},
        {"id": "endless", "each": "plan", "expression": endless},
        {"id": "after", "each": "plan", "expression": "false"},
    )
    begun = time.monotonic()
    result = cli("plan", *LOCAL, files, *options, "--output", "json")
    assert time.monotonic() - begun < 30
    assert result.code == 5
    assert said(result.json) == [
        ("policy/before", None, "no (policy before)"),
        (
            "policy/endless",
            None,
            "no (policy endless could not be evaluated: the rule takes longer than 1.0 s)",
        ),
        ("policy/after", None, "no (policy after)"),
    ]


def test_wrong_rules_end_the_command_before_any_call(files: Path, cli: Cli) -> None:
    Path("policy.yaml").write_text(HEAD + "- {id: a, expression: '1 +'}\n", encoding="utf-8")
    result = cli("apply", "--yes", *LOCAL, files, "--policy", "policy.yaml")
    assert result.code == 1
    assert "policy.yaml:3:3: E031 required key `message` is missing (add it)\n" in result.err
    assert not Path(".reconciler").exists()


def test_without_cel_it_says_what_to_install_before_anything(
    files: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = policy({"id": "a", "expression": "true"})
    monkeypatch.setattr(cel, "find_spec", lambda name: None)
    result = cli("apply", "--local", "--yes", files, *options)
    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: --policy needs cel-python: pip install 'reconciler[policy]'\n"
    assert not Path(".reconciler").exists()


def test_a_process_that_dies_ends_the_command(files: Path, cli: Cli, tmp_path: Path) -> None:
    """A cel-python that ends the process stands for one that crashes."""
    (tmp_path / "celpy").mkdir()
    died = "import os, sys\nif 'evaluating' in sys.argv[0]:\n    os._exit(3)\n"
    real = subprocess.run(
        [sys.executable, "-c", "import celpy; print(celpy.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    died += f"__path__ = [{real!r}]\nexec(open({real + '/__init__.py'!r}).read())\n"
    (tmp_path / "celpy" / "__init__.py").write_text(died, encoding="utf-8")
    options = policy({"id": "a", "expression": "true"})
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "plan", "--local", str(files), *options],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "Error: --policy: the process that evaluates the rules died\n"


# a ready rule, and an entry of each kind that it refuses
REFUSED = {
    "allowed-providers": "connections: [{name: github-a, provider_type: Bitbucket}]",
    "connection-names": "connections: [{name: a, provider_type: GitHub}]",
    "declared-references": "connections: [{name: ghes-a, host: 'arn:aws:codeconnections:us-east-1:"
    "000000000000:host/x/1'}]",
    "main-only": "sync_configurations: [{resource_name: s, repository: acme/net, branch: dev, "
    "config_file: f, role_arn: 'arn:aws:iam::000000000000:role/r'}]",
    "provider-endpoint": "hosts: [{name: h, provider_type: GitHubEnterpriseServer, "
    "provider_endpoint: 'https://git.example.com.evil.test'}]",
    "role-account": "sync_configurations: [{resource_name: s, repository: acme/net, branch: main, "
    "config_file: f, role_arn: 'arn:aws:iam::111122223333:role/r'}]",
    "team-tag": "connections: [{name: github-a, provider_type: GitHub}]",
    "team-tag-form": "connections: [{name: github-a, provider_type: GitHub, tags: {team: A b}}]",
}
GOOD = """version: 1
owner: platform
defaults: {tags: {team: net-1}}
hosts:
- {name: h, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://git.example.com/x"}
connections:
- {name: github-main, provider_type: GitHub}
- {name: ghes-tools, host: h}
repository_links:
- {owner_id: acme, repository_name: net, connection: github-main}
sync_configurations:
- resource_name: stack
  repository: acme/net
  branch: main
  config_file: f
  role_arn: arn:aws:iam::000000000000:role/r
"""
READY = ("--policy", str(ROOT / "examples" / "policies"))


def notes(document: dict[str, Any]) -> set[str]:
    """The ids of the rules that had something against a plan."""
    refused = {refusal["guard"] for refusal in document["refusals"]}
    return {name for name in refused | {f["code"] for f in document["findings"]} if "/" in name}


def test_the_ready_rules_let_good_files_through(files: Path, cli: Cli) -> None:
    files.write_text(GOOD, encoding="utf-8")
    result = cli("plan", *LOCAL, files, *READY, "--output", "json")
    assert (result.code, notes(result.json)) == (0, set()), result


@pytest.mark.parametrize("rule", REFUSED)
def test_a_ready_rule_says_no(rule: str, files: Path, cli: Cli) -> None:
    links = "connections: [{name: github-x, provider_type: GitHub, tags: {team: a}}]\n" + (
        "repository_links: [{owner_id: acme, repository_name: net, connection: github-x, "
        "tags: {team: a}}]\n"
    )
    text = "version: 1\nowner: platform\n" + (links if "repository" in REFUSED[rule] else "")
    files.write_text(text + REFUSED[rule] + "\n", encoding="utf-8")
    result = cli("plan", *LOCAL, files, *READY, "--output", "json")
    assert f"policy/{rule}" in notes(result.json), result


def test_the_ready_rules_about_changes_say_no(files: Path, cli: Cli) -> None:
    entry = "- {name: github-%d, provider_type: %s, tags: {team: a}}\n"
    text = "version: 1\nowner: platform\nconnections:\n"
    many = text + "".join(entry % (n, "GitHub") for n in range(51))
    files.write_text(many, encoding="utf-8")
    planned = cli("plan", *LOCAL, files, *READY, "--output", "json")
    assert (planned.code, notes(planned.json)) == (0, {"policy/small-plans"})
    assert cli("apply", "--yes", "--allow-pending", *LOCAL, files).code == 0
    files.write_text(many.replace(entry % (0, "GitHub"), entry % (0, "GitLab")), encoding="utf-8")
    planned = cli("plan", *LOCAL, files, *READY, "--output", "json")
    assert "policy/no-replacement" in notes(planned.json)
    files.write_text(text + entry % (1, "GitHub"), encoding="utf-8")
    planned = cli("plan", *LOCAL, files, *READY, "--prune", "--output", "json")
    assert "policy/no-delete" in notes(planned.json)


def test_what_is_deleted_after_an_approval_is_deleted(files: Path, cli: Cli) -> None:
    """A rename deletes the old object only once the new one is approved."""
    assert cli("apply", "--yes", "--allow-pending", *LOCAL, files).code == 0
    text = DESIRED.replace("{name: old,", "{name: new, previously: [old],")
    files.write_text(text, encoding="utf-8")
    options = policy({"id": "stay", "each": "change", "expression": "change.does != 'delete'"})
    planned = cli("plan", *LOCAL, files, *options, "--output", "json")
    assert said(planned.json) == [("policy/stay", "connection/old", "no (policy stay)")]


def test_rules_see_what_is_inside_of_an_object_and_no_certificate(files: Path, cli: Cli) -> None:
    """The example has hosts in a VPC."""
    example = ROOT / "examples" / "self-managed"
    planned = cli("plan", *LOCAL, example, *READY, "--output", "json")
    assert planned.code in (0, 5), planned
    options = policy(
        {"id": "vpc", "kinds": ["host"], "expression": "has(object.vpc_configuration.vpc_id)"},
        {
            "id": "certificate",
            "kinds": ["host"],
            "expression": "!has(object.vpc_configuration.tls_certificate)",
        },
    )
    files.write_text(VPC, encoding="utf-8")
    planned = cli("plan", *LOCAL, files, *options, "--output", "json")
    assert (planned.code, said(planned.json)) == (0, []), planned


def test_what_the_evaluator_says_besides_goes_nowhere(files: Path, cli: Cli) -> None:
    """The library behind `matches` writes patterns to stderr, with what is in an object."""
    options = policy({"id": "a", "expression": "object.name.matches('(' + object.name)"})
    line = ["plan", *LOCAL, str(files), *options]
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *line], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (5, "")


def test_policies_from_the_environment_are_one_a_line(
    files: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b: c"):
        rule = f"{HEAD}- {{id: {name[0]}, message: m, each: plan, expression: 'false'}}\n"
        Path(f"{name}.yaml").write_text(rule, encoding="utf-8")
    monkeypatch.setenv("RECONCILER_POLICY", "a.yaml\nb: c.yaml")
    planned = cli("plan", *LOCAL, files, "--output", "json")
    assert [guard for guard, _, _ in said(planned.json)] == ["policy/a", "policy/b"]
