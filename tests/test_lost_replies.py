"""A create whose reply is lost is sent once, whatever way it gets lost, and what it made is found.
Real boto3, real sockets; the same faults with the SDK's own settings make two objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.cli.exits import Exit, exit_code
from reconciler.emulator import Emulator, Fault
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.journal import Journal, lines
from reconciler.resource import Call, ReadResult
from reconciler.writer import Clock, Means
from tests.conftest import ACCOUNT, REGION
from tests.test_apply import AT_ONCE, Between, applied, desired_of, planned, statuses

DESIRED = """
version: 1
owner: platform
hosts:
  - name: ghes
    provider_type: GitHubEnterpriseServer
    provider_endpoint: https://git.example.com
connections:
  - {name: main, provider_type: GitHub}
repository_links:
  - {owner_id: acme, repository_name: network, connection: main}
sync_configurations:
  - resource_name: network-prod
    repository: acme/network
    branch: main
    config_file: a.yaml
    role_arn: arn:aws:iam::111122223333:role/git-sync
"""
CREATES = {
    "CreateHost": "host/ghes",
    "CreateConnection": "connection/main",
    "CreateRepositoryLink": "repository_link/acme/network",
    "CreateSyncConfiguration": "sync_configuration/network-prod",
}
GITHUB = "provider_type: GitHub}]"
KEY = "connection: main, encryption_key_arn: 'arn:aws:kms:eu-west-1:111122223333:key/k-1'"
PAGES = ("403", "408", "429", "500", "502", "503", "504")
LOST = ("reset", "eof", "timeout", "cut", "html", "empty", *PAGES)
NOT_DONE = ("dropped", "unavailable")


@pytest.fixture(scope="module")
def shared() -> Iterator[Emulator]:
    settings = EmulatorSettings(handshake="auto", handshake_seconds=0.0, vpc_seconds=0.0)
    with Emulator(settings) as running:
        yield running


@pytest.fixture
def quick(shared: Emulator) -> Emulator:
    shared.control.reset()
    return shared


def impatient(emulator: Emulator) -> AwsApi:
    """The program's own way to the service, with little time for a write."""
    settings = Settings(
        region=REGION,
        endpoint_url=emulator.url,
        access_key=(ACCOUNT, "secret"),
        write_seconds=0.3,
    )
    return AwsApi(Session(settings), writes=True)


def sent(emulator: Emulator) -> Counter[str]:
    return Counter(r.operation for r in emulator.control.requests(mutating_only=True))


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", CREATES)
def test_a_create_whose_reply_is_lost_is_sent_once_and_found(
    quick: Emulator, operation: str, kind: str, tmp_path: Path
) -> None:
    quick.control.fault(Fault(kind=kind, operation=operation, seconds=0.6))
    means = Means(journal=Journal(tmp_path / "journal"))
    report = applied(desired_of(DESIRED), impatient(quick), means=means)
    assert set(statuses(report).values()) == {"applied"}, report["outcomes"]
    assert sent(quick) == dict.fromkeys(CREATES, 1)
    assert planned(desired_of(DESIRED), impatient(quick)).work == ()
    noted = [line.event for line in lines(tmp_path / "journal")]
    number = list(CREATES).index(operation) * 2
    assert noted[number : number + 3] == ["sent", "unknown", "resolved"]
    assert noted[:number] + noted[number + 3 :] == ["sent", "done"] * 3


@pytest.mark.parametrize("owner", ["platform", "others", None])
def test_a_namesake_that_somebody_else_made_is_not_found(
    quick: Emulator, owner: str | None
) -> None:
    """Only what carries the id of this run is what this run has made."""
    theirs = boto3.client("codeconnections", endpoint_url=quick.url, region_name=REGION)
    tags = [{"Key": "reconciler.owner", "Value": owner}] if owner else []

    def meanwhile(call: Call) -> ReadResult | None:
        if call.operation == "CreateConnection":
            theirs.create_connection(ConnectionName="main", ProviderType="GitHub", Tags=tags)
            quick.control.fault(Fault(kind="dropped", operation="CreateConnection"))
        return None

    one = desired_of(DESIRED[: DESIRED.index("hosts")] + "connections: [{name: main, " + GITHUB)
    report = applied(one, Between(impatient(quick), meanwhile), means=AT_ONCE)
    assert statuses(report) == {"connection/main": "unknown"}


@pytest.mark.parametrize("kind", NOT_DONE)
@pytest.mark.parametrize("operation", CREATES)
def test_a_create_that_never_arrived_is_sent_once_and_unknown(
    quick: Emulator, operation: str, kind: str, tmp_path: Path
) -> None:
    quick.control.fault(Fault(kind=kind, operation=operation))
    means = Means(AT_ONCE.clock, Journal(tmp_path / "journal"))
    report = applied(desired_of(DESIRED), impatient(quick), means=means)
    assert statuses(report)[CREATES[operation]] == "unknown"
    assert exit_code(report) == Exit.UNKNOWN
    assert sent(quick)[operation] == 1
    left = [s.line.address for s in means.journal.history() if s.is_pending]
    assert left == [CREATES[operation]]


@pytest.mark.parametrize("kind", [*LOST, *NOT_DONE])
def test_what_sets_values_is_repeated_until_it_is_clear(quick: Emulator, kind: str) -> None:
    applied(desired_of(DESIRED), impatient(quick))
    changed = DESIRED.replace("branch: main", "branch: release").replace(
        "GitHub}", "GitHub, tags: {team: net}}"
    )
    changed = changed.replace("connection: main", KEY)
    writes = ("TagResource", "UpdateSyncConfiguration", "UpdateRepositoryLink")
    for operation in writes:
        quick.control.fault(Fault(kind=kind, operation=operation, seconds=0.6))
    report = applied(desired_of(changed), impatient(quick), means=AT_ONCE)
    assert set(statuses(report).values()) == {"applied"}, report["outcomes"]
    twice = dict.fromkeys(writes, 2)
    if kind == "empty":
        twice["TagResource"] = 1  # its answer is empty anyway
    assert {operation: sent(quick)[operation] for operation in writes} == twice


@pytest.mark.parametrize("kind", [*LOST, *NOT_DONE])
def test_a_delete_whose_reply_is_lost_is_done_in_the_end(quick: Emulator, kind: str) -> None:
    applied(desired_of(DESIRED), impatient(quick))
    quick.control.fault(Fault(kind=kind, operation="DeleteSync*", seconds=0.6))
    less = desired_of(DESIRED[: DESIRED.index("sync_configurations")])
    report = applied(less, impatient(quick), means=AT_ONCE, prune=True)
    assert statuses(report) == {"sync_configuration/network-prod": "applied"}, report["outcomes"]
    assert sent(quick)["DeleteSyncConfiguration"] == (2 if kind in NOT_DONE else 1)


@pytest.mark.parametrize(
    "code",
    [
        "ConcurrentModificationException",
        "ConditionalCheckFailedException",
        "ResourceUnavailableException",
        "UpdateOutOfSyncException",
    ],
)
def test_what_somebody_elses_change_was_in_the_way_of_is_repeated(
    quick: Emulator, code: str
) -> None:
    quick.control.fault(Fault(kind=code, operation="Create*", count=2))
    report = applied(desired_of(DESIRED), impatient(quick), means=AT_ONCE)
    assert set(statuses(report).values()) == {"applied"}, report["outcomes"]
    quick.control.fault(Fault(kind=code, operation="UpdateRepositoryLink", count=99))
    changed = desired_of(DESIRED.replace("connection: main", KEY))
    report = applied(changed, impatient(quick), means=AT_ONCE)
    assert statuses(report) == {"repository_link/acme/network": "failed"}
    assert sent(quick)["UpdateRepositoryLink"] == 6


def test_another_owners_object_is_left_to_them_instead_of_repeating(quick: Emulator) -> None:
    applied(desired_of(DESIRED), impatient(quick))
    quick.control.fault(Fault(kind="dropped", operation="UpdateRepositoryLink"))
    client = boto3.client(
        "codeconnections",
        endpoint_url=quick.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
    )
    (link,) = client.list_repository_links()["RepositoryLinks"]
    others = [{"Key": "reconciler.owner", "Value": "others"}]

    def meanwhile(seconds: float) -> None:
        client.tag_resource(ResourceArn=link["RepositoryLinkArn"], Tags=others)

    changed = desired_of(DESIRED.replace("connection: main", KEY))
    report = applied(changed, impatient(quick), means=Means(Clock(sleep=meanwhile)))
    assert statuses(report) == {"repository_link/acme/network": "unknown"}
    assert "others owns it now: plan again" in report["outcomes"][0]["message"]
    assert sent(quick)["UpdateRepositoryLink"] == 1


def test_a_no_to_the_repetition_says_nothing_about_the_first(quick: Emulator) -> None:
    applied(desired_of(DESIRED), impatient(quick))
    quick.control.fault(Fault(kind="reset", operation="UpdateRepositoryLink"))
    denied = Fault(kind="AccessDeniedException", operation="UpdateRepositoryLink")
    quick.control.fault(denied)
    changed = desired_of(DESIRED.replace("connection: main", KEY))
    report = applied(changed, impatient(quick), means=AT_ONCE)
    assert statuses(report) == {"repository_link/acme/network": "unknown"}
    message = report["outcomes"][0]["message"]
    assert message.startswith("UpdateRepositoryLink: no clear answer: ")
    assert "; then UpdateRepositoryLink: AccessDeniedException: " in message


@pytest.mark.parametrize("kind", ["reset", "eof", "500", "502", "503", "504"])
def test_the_sdks_own_settings_would_make_two(quick: Emulator, kind: str) -> None:
    """The control: without what this program does about it, the faults do harm."""
    quick.control.fault(Fault(kind=kind, operation="CreateConnection"))
    client = boto3.client(
        "codeconnections",
        endpoint_url=quick.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
    )
    client.create_connection(ConnectionName="main", ProviderType="GitHub")
    assert len(client.list_connections()["Connections"]) == 2


@pytest.mark.parametrize("kind", ["cut", "html", "empty"])
def test_the_sdk_would_take_a_broken_reply_for_success(quick: Emulator, kind: str) -> None:
    """The control for replies that arrive and are none."""
    quick.control.fault(Fault(kind=kind, operation="CreateConnection"))
    client = boto3.client(
        "codeconnections",
        endpoint_url=quick.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
    )
    reply = client.create_connection(ConnectionName="main", ProviderType="GitHub")
    assert "ConnectionArn" not in reply
