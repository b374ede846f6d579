"""Faults on request: what each does to a client, what it leaves, and how often it strikes."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from reconciler.emulator import ControlError, Fault
from reconciler.emulator.faults import KINDS, LOST, NOT_DONE
from tests.emulator.cloud import ACCOUNT, REGION, Cloud, Start, available_connection, refused
from tests.emulator.raw import Raw

# Each fault, and what a plain boto3 client makes of it; None: it sees a success without a result.
SEEN: dict[str, type[Exception] | None] = {
    "reset": ConnectionClosedError,
    "eof": ConnectionClosedError,
    "timeout": ReadTimeoutError,
    "cut": None,
    "html": None,
    "empty": None,
    "403": ClientError,
    "408": ClientError,
    "429": ClientError,
    "500": ClientError,
    "502": ClientError,
    "503": ClientError,
    "504": ClientError,
    "dropped": ConnectionClosedError,
    "unavailable": ClientError,
}


def create(cloud: Cloud, name: str = "a") -> Any:
    return cloud.client().create_connection(ConnectionName=name, ProviderType="GitHub")


def names(cloud: Cloud) -> list[str]:
    found = cloud.client().list_connections(MaxResults=100)["Connections"]
    return [one["ConnectionName"] for one in found]


def outcome(call: Callable[[], Any]) -> type[Exception] | None:
    try:
        reply = call()
    except (BotoCoreError, ClientError) as error:
        return type(error)
    assert "ConnectionArn" not in reply
    return None


@pytest.mark.parametrize("kind", SEEN)
def test_a_lost_answer_is_lost_after_the_deed(kind: str, cloud: Cloud) -> None:
    cloud.control.fault(Fault(kind=kind, seconds=1.5 if kind == "timeout" else 0.0))
    impatient = boto3.client(
        "codeconnections",
        endpoint_url=cloud.url,
        region_name=REGION,
        config=Config(read_timeout=1, retries={"total_max_attempts": 1, "mode": "standard"}),
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
    )
    seen = outcome(lambda: impatient.create_connection(ConnectionName="a", ProviderType="GitHub"))
    if kind == "cut":
        assert seen in (None, ResponseStreamingError)
    else:
        assert seen is SEEN[kind]
    assert names(cloud) == (["a"] if kind in LOST else [])
    assert create(cloud, "b")["ConnectionArn"]


def test_every_kind_is_shown() -> None:
    assert set(SEEN) == {*LOST, *NOT_DONE}
    assert set(KINDS) - set(SEEN) == {"delay", "stale"}


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "AccessDeniedException", "ConcurrentModificationException"]
)
def test_a_refusal_changes_nothing(code: str, cloud: Cloud) -> None:
    cloud.control.fault(Fault(kind=code, operation="CreateConnection"))
    assert names(cloud) == []
    assert refused(lambda: create(cloud))[0] == code
    assert names(cloud) == []
    log = cloud.control.requests(mutating_only=True)
    assert [(one.operation, one.error) for one in log] == [("CreateConnection", code)]


def test_a_fault_strikes_as_often_as_it_should(cloud: Cloud) -> None:
    fault = Fault(kind="ThrottlingException", operation="Create*", after=1, every=2, count=2)
    cloud.control.fault(fault)
    struck = []
    for number in range(8):
        try:
            create(cloud, f"n{number}")
        except ClientError:
            struck.append(number)
        cloud.client().list_connections()
    assert struck == [2, 4]


def test_faults_can_be_taken_back(cloud: Cloud) -> None:
    cloud.control.fault(Fault(kind="reset", count=100))
    cloud.control.clear_faults()
    assert create(cloud)["ConnectionArn"]


def test_a_stale_list_leaves_out_what_is_new(cloud: Cloud) -> None:
    arn = available_connection(cloud, "old")
    cloud.clock.tick(10)
    create(cloud, "new")
    cloud.control.fault(Fault(kind="stale", operation="List*", seconds=5.0, count=2))
    assert names(cloud) == ["old"]
    cloud.clock.tick(5)
    assert names(cloud) == ["old", "new"]
    assert cloud.client().get_connection(ConnectionArn=arn)


@pytest.mark.parametrize("operation", ["list_hosts", "list_repository_links"])
def test_every_list_can_be_stale(operation: str, start: Start) -> None:
    cloud = start()
    client = cloud.client()
    client.create_host(Name="h", ProviderType="GitLabSelfManaged", ProviderEndpoint="https://h")
    arn = available_connection(cloud)
    client.create_repository_link(ConnectionArn=arn, OwnerId="o", RepositoryName="r")
    cloud.control.fault(Fault(kind="stale", seconds=5.0))
    (stale,) = [v for v in getattr(client, operation)().values() if isinstance(v, list)]
    (fresh,) = [v for v in getattr(client, operation)().values() if isinstance(v, list)]
    assert (len(stale), len(fresh)) == (0, 1)


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "nope"}, {"kind": "reset", "count": 0}, {"kind": "delay", "seconds": -1.0}],
)
def test_a_fault_that_cannot_strike_is_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(ControlError):
        Fault(**wrong)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"kind": "ThrottlingException", "operation": "List*", "seconds": 1}', 200),
        (b'{"kind": "nope"}', 409),
        (b'{"kind": 1}', 400),
        (b"{}", 400),
        (b'{"kind": "reset", "count": "1"}', 400),
        (b'{"kind": "reset", "count": true}', 400),
        (b'{"kind": "reset", "colour": 1}', 400),
    ],
)
def test_faults_can_be_asked_for_over_http(body: bytes, status: int, cloud: Cloud) -> None:
    assert Raw(cloud).request("POST", "/_emulator/fault", body)[0] == status
    if status == 200:
        code, _ = refused(cloud.client().list_connections)
        assert code == "ThrottlingException"
