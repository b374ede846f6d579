"""IAM is asked about exactly what the plan calls, before it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.emulator.faults import Fault
from tests.cli.servers import LOGIN, Answer, answering
from tests.conftest import ACCOUNT, REGION, Cli
from tests.test_lost_replies import DESIRED

HERE = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"


@pytest.fixture
def quick() -> Any:
    with Emulator(EmulatorSettings(handshake="auto", handshake_seconds=0.0)) as running:
        yield running


@pytest.fixture
def where(quick: Emulator, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The target, as somebody who has assumed a role."""
    sts = boto3.client("sts", endpoint_url=quick.url, region_name=REGION)
    keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="ci")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
    Path("desired.yaml").write_text(DESIRED, encoding="utf-8")
    return ("--endpoint-url", quick.url, "desired.yaml")


def asked(emulator: Emulator) -> set[tuple[str, str]]:
    """What IAM was asked: each action on each resource."""
    found = set()
    for request in emulator.control.requests():
        if request.operation == "SimulatePrincipalPolicy":
            given = request.parameters
            assert given["PolicySourceArn"] == ROLE
            actions = [given[key] for key in given if key.startswith("ActionNames.")]
            resources = [given[key] for key in given if key.startswith("ResourceArns.")]
            found |= {(action, resource) for action in actions for resource in resources}
    return found


def notes(document: dict[str, Any]) -> list[str]:
    return [f["message"] for f in document["findings"] if f["code"] == "preflight"]


def test_what_is_planned_is_asked_and_nothing_else(
    quick: Emulator, where: tuple[str, ...], cli: Cli
) -> None:
    planned = cli("plan", "--preflight", *where, "--output", "json")
    assert planned.code == 0
    role = f"arn:aws:iam::{ACCOUNT}:role/git-sync"
    assert asked(quick) == {
        ("codeconnections:CreateHost", "*"),
        ("codeconnections:TagResource", f"{HERE}:host/*"),
        ("codeconnections:CreateConnection", "*"),
        ("codeconnections:TagResource", f"{HERE}:connection/*"),
        ("codeconnections:CreateRepositoryLink", f"{HERE}:connection/*"),
        ("codeconnections:PassConnection", f"{HERE}:connection/*"),
        ("codeconnections:UseConnection", f"{HERE}:connection/*"),
        ("codeconnections:TagResource", f"{HERE}:repository-link/*"),
        ("codeconnections:CreateSyncConfiguration", f"{HERE}:repository-link/*"),
        ("codeconnections:PassRepository", f"{HERE}:repository-link/*"),
        ("iam:PassRole", role),
    }
    assert notes(planned.json) == [f"preflight for {ROLE}: 11 allowed, 0 denied, 0 unknown"]


def test_what_exists_is_asked_about_by_its_arn(
    quick: Emulator, where: tuple[str, ...], cli: Cli
) -> None:
    assert cli("apply", "--yes", "--wait=10s", *where).code == 0
    before, _, rest = DESIRED.partition("hosts:")
    text = before + rest[rest.index("connections:") :].replace("branch: main", "branch: next")
    Path("desired.yaml").write_text(text.replace("GitHub}", "GitHub, tags: {a: b}}"), "utf-8")
    options = ("--prune", "--allow-destroy", "host/ghes", "--max-destroy=5", "--preflight")
    planned = cli("plan", *options, *where, "--output", "json")
    client = boto3.client("codeconnections", endpoint_url=quick.url, region_name=REGION)
    connection = client.list_connections()["Connections"][0]["ConnectionArn"]
    link = client.list_repository_links()["RepositoryLinks"][0]["RepositoryLinkArn"]
    host = client.list_hosts()["Hosts"][0]["HostArn"]
    assert asked(quick) == {
        ("codeconnections:TagResource", connection),
        ("codeconnections:UpdateSyncConfiguration", "*"),
        ("codeconnections:PassRepository", link),
        ("codeconnections:DeleteHost", host),
    }
    assert planned.code == 0, planned


def test_what_is_denied_refuses_the_plan_before_the_first_call(
    quick: Emulator, where: tuple[str, ...], cli: Cli
) -> None:
    denied = Fault(kind="AccessDeniedException", operation="CreateRepositoryLink")
    quick.control.fault(denied)
    result = cli("apply", "--yes", "--preflight", *where, "--output", "json")
    assert result.code == 5
    assert [(r["guard"], r["address"], r["message"]) for r in result.json["refusals"]] == [
        (
            "preflight",
            "repository_link/acme/network",
            f"{ROLE} is denied codeconnections:CreateRepositoryLink on {HERE}:connection/*: "
            "no policy allows it",
        )
    ]
    assert notes(result.json) == [f"preflight for {ROLE}: 10 allowed, 1 denied, 0 unknown"]
    assert quick.control.requests(mutating_only=True) == []


def test_what_nobody_can_tell_is_a_warning(
    quick: Emulator, where: tuple[str, ...], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root user has no policies to simulate."""
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    result = cli("plan", "--preflight", *where, "--output", "json")
    assert result.code == 0
    counted, why = notes(result.json)
    assert counted.endswith("0 allowed, 0 denied, 11 unknown")
    assert why.startswith("IAM cannot tell about codeconnections:")
    assert why.endswith(
        f" and 8 more: only users and roles are simulated, and this is arn:aws:iam::{ACCOUNT}:root"
    )


def test_nothing_is_asked_when_nothing_changes_or_nobody_wants_it(
    quick: Emulator, where: tuple[str, ...], cli: Cli
) -> None:
    assert cli("apply", "--yes", "--wait=10s", *where).code == 0
    assert cli("plan", "--preflight", *where).code == 0
    assert asked(quick) == set()


def test_there_is_no_iam_locally(cli: Cli, desired: Path) -> None:
    result = cli("plan", "--local", "--preflight", desired)
    assert result.code == 64
    assert "--preflight does not go with --local" in result.err


NONSENSE = ["<html><br>", "<a/>", LOGIN]


@pytest.mark.parametrize("arn", ["user/x", "role/x"])
@pytest.mark.parametrize("answer", NONSENSE, ids=["no XML", "other XML", "another answer"])
def test_what_does_not_answer_like_iam_tells_nothing(
    answer: str, arn: str, desired: Path, cli: Cli
) -> None:
    login = LOGIN.replace("iam::111122223333:root", f"iam::111122223333:{arn}")
    if arn == "role/x":
        login = login.replace("iam::111122223333:role/x", "sts::111122223333:assumed-role/x/y")

    def behave(operation: str) -> Answer:
        if operation == "GetCallerIdentity":
            return Answer(200, login)
        lists = '{"Connections": [], "Hosts": [], "RepositoryLinks": []}'
        return Answer(200, lists if operation.startswith("List") else answer)

    with answering(behave) as server:
        words = ("plan", "--preflight", desired, "--endpoint-url", server.url)
        planned = cli(*words, "--output", "json")
    assert (planned.code, planned.err) == (0, "")
    counted, why = notes(planned.json)
    assert counted.endswith("0 allowed, 0 denied, 2 unknown")
    assert why.endswith(": IAM does not answer like AWS")
