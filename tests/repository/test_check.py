"""A pull request from its first check to its apply: the very steps of the workflow and the action,
in a repository made for it, against the local CodeConnections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator
from tests.conftest import REGION, ROOT, Cli
from tests.repository.comments import Comments
from tests.repository.runner import Runner, evaluated, loaded
from tests.repository.scratch import AFTER, BEFORE, RULES, WORKFLOW, Scratch

ACTION = ROOT / ".github" / "actions" / "check"
CONNECTION = "connections: [{name: main, provider_type: GitHub}]\n"


@pytest.fixture
def scratch(
    emulator: Emulator,
    cli: Cli,
    surroundings: dict[str, str],
    github: dict[str, Any],
    tmp_path: Path,
) -> Scratch:
    """A repository whose main branch is applied, and a branch that changes one field."""
    inputs = {
        "paths": "connections\n",
        "policy": "policies",
        "region": REGION,
        "plan-role": "the plan role",
        "apply-role": "the apply role",
        "arguments": f"--endpoint-url\n{emulator.url}\n--owner=the platform\n",
    }
    made = Scratch(tmp_path / "scratch", surroundings, github, inputs)
    live = ("--endpoint-url", emulator.url, "--allow-pending")
    assert cli("apply", "--yes", *live, made.repository / "connections").code == 0
    made.commit({"connections/hosts.yaml": AFTER})
    github["event"] = {"pull_request": {"number": 7, "base": {"ref": "main", "sha": made.base}}}
    return made


def writes(emulator: Emulator) -> list[str]:
    return [one.operation for one in emulator.control.requests(mutating_only=True)]


def test_a_pull_request_is_told_what_it_would_do(
    scratch: Scratch, emulator: Emulator, comments: Comments
) -> None:
    before = writes(emulator)
    code, outputs, runner = scratch.run("plan")
    assert code == 0, runner.log + runner.errors
    lines = runner.log.splitlines()
    assert (
        "::notice title=reconciler update,file=connections/hosts.yaml,line=4,col=3"
        "::host/ghes: update" in lines
    )
    assert lines[-1] == "Plan: 1 to update."
    assert "### Plan: 1 to update." in runner.summary

    (comment,) = comments.every
    assert comment["body"].startswith("<!-- reconciler check: reconciler -->\n### Plan:")
    assert "| **`~`** | `host/ghes` | `update` |" in comment["body"]
    assert "provider_endpoint: https://a.example.com -> https://b.example.com" in comment["body"]
    assert f"Fingerprint of this plan: `{outputs['fingerprint']}`" in comment["body"]

    (folder,) = runner.temp.glob("reconciler-check.*")
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert outputs == {"fingerprint": plan["fingerprint"], "changes": "1"}
    assert json.loads((folder / "plan.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert scratch.artifacts == {}, "what a branch says of itself is not for an apply"
    assert scratch.roles == ["the plan role"]
    assert writes(emulator) == before


def test_the_next_check_updates_the_comment(scratch: Scratch, comments: Comments) -> None:
    scratch.run("plan")
    scratch.commit({"connections/hosts.yaml": BEFORE})
    code, outputs, _ = scratch.run("plan")
    assert (code, outputs["changes"]) == (0, "0")
    (comment,) = comments.every
    assert "### No changes. 1 object unchanged." in comment["body"]
    scratch.commit({"connections/hosts.yaml": BEFORE.replace("hosts:", "hostz:")})
    code, outputs, runner = scratch.run("plan")
    assert (code, outputs) == (1, {"fingerprint": "", "changes": ""})
    assert "::error title=reconciler E030,file=connections/hosts.yaml,line=3,col=1::" in runner.log
    (comment,) = comments.every
    assert "unknown key `hostz`" in comment["body"]


def test_what_was_merged_is_applied_as_it_was_shown(scratch: Scratch, emulator: Emulator) -> None:
    shown = scratch.run("plan")[1]
    scratch.merged()
    code, outputs, runner = scratch.run("plan")
    assert (code, outputs) == (0, shown), runner.errors
    code, _, runner = scratch.run("apply")
    assert code == 7, runner.errors
    assert "Apply: 1 applied." in runner.log
    assert scratch.roles == ["the plan role", "the plan role", "the apply role"]
    (host,) = boto3.client("codeconnections", endpoint_url=emulator.url).list_hosts()["Hosts"]
    assert host["ProviderEndpoint"] == "https://b.example.com"


def test_a_live_field_that_moves_before_the_apply_ends_it(
    scratch: Scratch, emulator: Emulator
) -> None:
    scratch.merged()
    assert scratch.run("plan")[0] == 0
    client = boto3.client("codeconnections", endpoint_url=emulator.url)
    (host,) = client.list_hosts()["Hosts"]
    client.update_host(HostArn=host["HostArn"], ProviderEndpoint="https://c.example.com")
    before = writes(emulator)
    code, _, runner = scratch.run("apply")
    assert code == 6
    assert (
        "host/ghes: provider_endpoint was https://a.example.com, and is https://c.example.com; "
        "nothing was done" in runner.errors
    )
    assert writes(emulator) == before


def test_after_an_approval_the_same_plan_goes_on(scratch: Scratch, emulator: Emulator) -> None:
    link = "repository_links: [{owner_id: acme, repository_name: a, connection: main}]\n"
    scratch.commit({"connections/hosts.yaml": BEFORE + CONNECTION + link})
    scratch.merged()
    assert scratch.run("plan")[0] == 0
    assert scratch.run("apply")[0] == 7
    emulator.control.approve("connection/main")
    emulator.control.approve("host/ghes")
    scratch.github["run_attempt"] = "2"
    code, _, runner = scratch.run("apply")
    assert code == 0, runner.log + runner.errors
    assert writes(emulator)[1:] == ["CreateConnection", "CreateRepositoryLink"]
    first, second = (
        "".join(path.read_text(encoding="utf-8") for path in sorted(kept.iterdir()))
        for kept in scratch.caches.values()
    )
    assert second.startswith(first), "the second run had the journal of the first"
    assert len(second) > len(first)


def test_rules_are_those_of_the_base_branch(scratch: Scratch, comments: Comments) -> None:
    weaker = "version: 1\nrules: [{id: none, message: m, expression: 'true'}]\n"
    hosts = AFTER.replace("https://b.", "http://b.")
    scratch.commit({"connections/hosts.yaml": hosts, "policies/rules.yaml": weaker})
    code, _, runner = scratch.run("plan")
    assert code == 5, runner.log + runner.errors
    assert "endpoints are https" in comments.every[0]["body"]


def test_rules_are_those_that_the_base_branch_has_now(scratch: Scratch) -> None:
    """What was merged there since the pull request was opened holds, too."""
    stricter = RULES.replace('startsWith("https://")', 'endsWith(".example.org")')
    scratch.git("checkout", "-q", "main")
    scratch.commit({"policies/rules.yaml": stricter})
    scratch.git("checkout", "-q", "change")
    scratch.github["sha"] = scratch.git("rev-parse", "HEAD")
    code, _, runner = scratch.run("plan")
    assert code == 5, runner.log + runner.errors


def test_rules_in_the_tree_under_review_are_refused_unless_it_is_asked_for(
    scratch: Scratch, surroundings: dict[str, str], comments: Comments, tmp_path: Path
) -> None:
    given = {
        "paths": "connections",
        "working-directory": "tree",
        "policy": "tree/policies\n",
        "arguments": scratch.inputs["arguments"] + "--allow-pending",
    }
    runner = Runner(tmp_path / "alone", scratch.github, surroundings)
    scratch.check_out(runner, {"path": "tree"})
    code, outputs = runner.action(ACTION, given)
    assert (code, outputs["exit-code"]) == (64, "64")
    assert "::error title=reconciler policy::the rules lie in the tree" in runner.log
    (runner.workspace / "beside").symlink_to("tree/policies")
    assert runner.action(ACTION, {**given, "policy": "beside"})[0] == 64
    assert "There is no plan" in comments.every[0]["body"]
    code, outputs = runner.action(ACTION, {**given, "policy-from-tree": "true"})
    assert (code, outputs["changes"]) == (0, "1"), runner.errors


def test_without_leave_to_comment_the_check_stands(scratch: Scratch, comments: Comments) -> None:
    comments.refuse["POST"] = 403
    code, outputs, runner = scratch.run("plan")
    assert (code, outputs["changes"]) == (0, "1")
    assert "::warning title=reconciler comment::" in runner.log


def test_a_pull_request_of_a_fork_is_checked_without_credentials(
    scratch: Scratch, comments: Comments
) -> None:
    scratch.commit({"connections/hosts.yaml": AFTER + "  colour: red\n"})
    for name in [name for name in scratch.environment if name.startswith("AWS_")]:
        del scratch.environment[name]
    code, _, runner = scratch.run("validate")
    assert code == 1
    assert "file=connections/hosts.yaml,line=7,col=3::" in runner.log
    scratch.commit({"connections/hosts.yaml": AFTER})
    code, _, runner = scratch.run("validate")
    assert (code, runner.log) == (0, "Valid: 1 object declared (hosts 1).\n")
    assert (scratch.roles, comments.asked) == ([], [])


def test_an_owner_that_no_file_names_holds_everywhere(scratch: Scratch) -> None:
    """A fork's check has no use for the arguments of a plan, but for the owner."""
    scratch.inputs["owner"] = "the platform"
    arguments = scratch.inputs["arguments"].replace("--owner=the platform", "--prune")
    scratch.inputs["arguments"] = arguments
    scratch.commit({"connections/hosts.yaml": AFTER.replace("owner: the platform\n", "")})
    code, _, runner = scratch.run("validate")
    assert (code, runner.log) == (0, "Valid: 1 object declared (hosts 1).\n"), runner.errors
    code, outputs, runner = scratch.run("plan")
    assert (code, outputs["changes"]) == (0, "1"), runner.errors
    scratch.merged()
    assert scratch.run("plan")[0] == 0
    code, _, runner = scratch.run("apply")
    assert (code, "Apply: 1 applied." in runner.log) == (7, True), runner.errors


def test_offline_there_are_no_arguments_of_a_plan(
    scratch: Scratch, surroundings: dict[str, str], tmp_path: Path
) -> None:
    runner = Runner(tmp_path / "alone", scratch.github, surroundings)
    scratch.check_out(runner, {"path": "tree"})
    given = {"paths": "connections", "working-directory": "tree", "arguments": "--prune"}
    code, _ = runner.action(ACTION, {**given, "offline": "true", "comment": "false"})
    assert code == 0, runner.errors


MAIN = {"ref_type": "branch", "ref_name": "main"}
MINE = {"pull_request": {"head": {"repo": {"full_name": "acme/infra"}}}}
THEIRS = {"pull_request": {"head": {"repo": {"full_name": "mallory/infra"}}}}
GONE = {"pull_request": {"head": {"repo": None}}}


@pytest.mark.parametrize(
    ("event", "payload", "ref", "expected"),
    [
        ("pull_request", MINE, {}, {"plan"}),
        ("pull_request", THEIRS, {}, {"validate"}),
        ("pull_request", GONE, {}, {"validate"}),
        ("pull_request_target", MINE, MAIN, set()),
        ("pull_request_target", THEIRS, MAIN, set()),
        ("issue_comment", {}, MAIN, set()),
        ("push", {}, MAIN, {"plan", "apply"}),
        ("push", {}, {**MAIN, "ref_name": "change"}, set()),
        ("push", {}, {**MAIN, "ref_type": "tag"}, set()),
        ("workflow_dispatch", {}, MAIN, {"plan", "apply"}),
        ("workflow_dispatch", {}, {**MAIN, "ref_name": "change"}, set()),
    ],
)
def test_which_jobs_an_event_starts(
    event: str, payload: dict[str, Any], ref: dict[str, str], expected: set[str]
) -> None:
    assert started(event, payload, ref, changes="1", role="a role") == expected
    assert started(event, payload, ref, changes="0", role="a role") == expected - {"apply"}
    assert started(event, payload, ref, changes="1", role="") == expected - {"apply"}


def started(
    event: str, payload: dict[str, Any], ref: dict[str, str], *, changes: str, role: str
) -> set[str]:
    """The jobs whose conditions hold, and those of whose needs do."""
    whole = {**payload, "repository": {"default_branch": "main"}}
    context: dict[str, Any] = {
        "github": {"event_name": event, "event": whole, "repository": "acme/infra", **ref},
        "inputs": {"apply-role": role},
        "needs": {"plan": {"outputs": {"changes": changes}}},
    }
    found: set[str] = set()
    for name, job in loaded(WORKFLOW)["jobs"].items():
        if evaluated(job["if"], context) and {*job.get("needs", "").split()} <= found:
            found.add(name)
    return found


def test_nothing_in_the_tree_is_run(scratch: Scratch, tmp_path: Path) -> None:
    mark = f"open({str(tmp_path / 'was-run')!r}, 'w').close()\n"
    names = ("json", "os", "pip/__init__", "reconciler/__init__", "sitecustomize", "urllib/error")
    scratch.commit({f"{name}.py": mark for name in names})
    assert scratch.run("plan")[0] == 0
    scratch.merged()
    assert scratch.run("plan")[0] == 0
    assert scratch.run("apply")[0] == 7
    assert not (tmp_path / "was-run").exists()


def test_it_is_installed_from_the_commit_of_the_action(
    surroundings: dict[str, str], github: dict[str, object], tmp_path: Path
) -> None:
    runner = Runner(tmp_path / "alone", github, surroundings)
    (runner.workspace / "pip").mkdir()
    mark = f"open({str(tmp_path / 'was-run')!r}, 'w').close()\n"
    (runner.workspace / "pip" / "__init__.py").write_text(mark, encoding="utf-8")
    code, _ = runner.action(ROOT / ".github" / "actions" / "install", {"python-version": ""})
    assert code == 0, runner.errors
    assert runner.path[0] == str(runner.temp / "reconciler" / "bin")
    given = {"paths": str(ROOT / "examples" / "quickstart"), "offline": "true", "comment": "false"}
    assert runner.action(ACTION, given)[0] == 0, runner.errors
    assert "Valid: 3 objects declared" in runner.log
    assert not (tmp_path / "was-run").exists()
