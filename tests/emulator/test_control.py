"""Control by a test, over HTTP, and on a file with or without a server."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Control, ControlError, StoreError
from tests.emulator.cloud import (
    SYNC,
    Cloud,
    Start,
    available_connection,
    repository_link,
    sync_configuration,
)
from tests.emulator.raw import Raw


def create(cloud: Cloud, name: str = "main", **more: str) -> str:
    arn: str = cloud.client(**more).create_connection(ConnectionName=name, ProviderType="GitHub")[
        "ConnectionArn"
    ]
    return arn


def post(cloud: Cloud, name: str, body: Any) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer = Raw(cloud).request("POST", f"/_emulator/{name}", content)
    return status, json.loads(answer)


def get(cloud: Cloud, name: str) -> tuple[int, Any]:
    status, answer = Raw(cloud).request("GET", f"/_emulator/{name}")
    return status, json.loads(answer)


def test_pending_lists_what_waits_for_a_person(cloud: Cloud) -> None:
    available_connection(cloud, "done")
    arn = create(cloud)
    host = cloud.client(region="us-east-1").create_host(
        Name="h", ProviderType="GitLabSelfManaged", ProviderEndpoint="https://h"
    )["HostArn"]
    assert [(one.kind, one.name, one.arn, one.region) for one in cloud.control.pending()] == [
        ("host", "h", host, "us-east-1"),
        ("connection", "main", arn, "eu-west-1"),
    ]


def test_a_name_that_several_have_asks_for_an_arn(cloud: Cloud) -> None:
    arns = [create(cloud), create(cloud, account="999988887777")]
    with pytest.raises(ControlError) as error:
        cloud.control.approve("connection/main")
    assert all(arn in str(error.value) for arn in arns)
    assert cloud.control.approve(arns[1]).status == "AVAILABLE"
    assert [one.arn for one in cloud.control.pending()] == arns[:1]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("connection/other", "no such host or connection"),
        ("arn:aws:x:y:111122223333:connection/1", "no such host or connection"),
        ("main", "is no ARN, host/NAME or connection/NAME"),
        ("link/main", "is no ARN, host/NAME or connection/NAME"),
        ("", "is no ARN, host/NAME or connection/NAME"),
    ],
)
def test_a_wrong_target_is_told(target: str, reason: str, cloud: Cloud) -> None:
    create(cloud)
    with pytest.raises(ControlError, match=reason):
        cloud.control.approve(target)
    assert post(cloud, "approve", {"target": target})[0] == 409


def test_a_name_may_contain_slashes(cloud: Cloud) -> None:
    create(cloud, "team/main")
    assert cloud.control.approve("connection/team/main").status == "AVAILABLE"


def test_a_host_approved_early_is_available_once_its_vpc_is(start: Start) -> None:
    cloud = start(vpc_seconds=10)
    vpc = {"VpcId": "vpc-01234567", "SubnetIds": ["subnet-01234567"], "SecurityGroupIds": []}
    host = cloud.client().create_host(
        Name="h",
        ProviderType="GitLabSelfManaged",
        ProviderEndpoint="https://h",
        VpcConfiguration={**vpc, "SecurityGroupIds": ["sg-01234567"]},
    )["HostArn"]
    assert cloud.control.approve("host/h").status == "VPC_CONFIG_INITIALIZING"
    cloud.clock.tick(10)
    assert cloud.client().get_host(HostArn=host)["Status"] == "AVAILABLE"
    cloud.client().delete_host(HostArn=host)
    with pytest.raises(ControlError, match="is being deleted"):
        cloud.control.approve("host/h")
    cloud.clock.tick(10)
    assert cloud.control.everything() == []


def test_http_does_what_control_does(cloud: Cloud) -> None:
    link_id = repository_link(cloud)
    sync_configuration(cloud, link_id)
    arn = create(cloud, "waiting")
    assert get(cloud, "health") == (200, {"status": "ok"})
    status, answer = get(cloud, "pending")
    assert (status, [one["arn"] for one in answer["pending"]]) == (200, [arn])
    rejected = {"target": "connection/waiting", "ok": False, "message": "no thanks"}
    status, answer = post(cloud, "approve", rejected)
    assert (status, answer["status"], answer["message"]) == (200, "ERROR", "no thanks")
    assert post(cloud, "approve", {"target": arn})[1]["status"] == "AVAILABLE"
    sync = {"target": "prod", "status": "FAILED", "sha": "a" * 40, "events": ["no"]}
    assert post(cloud, "sync", sync) == (200, {})
    status, answer = post(
        cloud, "blocker", {"target": "prod", "reason": "why", "contexts": {"a": "b"}}
    )
    stack = {"SyncType": SYNC, "ResourceName": "prod"}
    client = cloud.client()
    latest = client.get_resource_sync_status(**stack)["LatestSync"]
    assert (latest["Status"], latest["TargetRevision"]["Sha"]) == ("FAILED", "a" * 40)
    (blocker,) = client.get_sync_blocker_summary(**stack)["SyncBlockerSummary"]["LatestBlockers"]
    assert (blocker["Id"], blocker["Contexts"]) == (answer["id"], [{"Key": "a", "Value": "b"}])
    operations = [one["operation"] for one in get(cloud, "requests")[1]["requests"]]
    assert operations[0] == "CreateConnection"
    wrote = get(cloud, "requests?mutating_only=true&after=1")[1]["requests"]
    assert [one["operation"] for one in wrote] == [
        "CreateRepositoryLink",
        "CreateSyncConfiguration",
        "CreateConnection",
    ]
    assert post(cloud, "reset", {}) == (200, {})
    assert get(cloud, "requests")[1] == {"requests": []}
    assert client.list_connections()["Connections"] == []


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("approve", b"{", 400),
        ("approve", b"\xff", 400),
        ("approve", [], 400),
        ("approve", {}, 400),
        ("approve", {"target": 1}, 400),
        ("approve", {"target": "connection/main", "ok": "no"}, 400),
        ("approve", {"target": "connection/main", "message": "\ud800", "ok": False}, 400),
        ("sync", {"target": "prod", "events": "x"}, 400),
        ("sync", {"target": "prod"}, 409),
        ("blocker", {"target": "prod", "reason": "x", "contexts": {"a": 1}}, 400),
        ("pending", {}, 404),
        ("nothing", {}, 404),
    ],
)
def test_bad_orders_over_http_change_nothing(
    name: str, body: Any, status: int, cloud: Cloud
) -> None:
    create(cloud)
    found, answer = post(cloud, name, body)
    assert (found, list(answer)) == (status, ["error"])
    assert len(cloud.control.pending()) == 1


@pytest.mark.parametrize("query", ["after=x", f"after={10**30}"])
def test_bad_questions_over_http_are_told(query: str, cloud: Cloud) -> None:
    assert get(cloud, f"requests?{query}")[0] == 400


def test_a_file_is_controlled_without_and_beside_a_server(start: Start, tmp_path: Path) -> None:
    store = tmp_path / "local.db"
    cloud = start(store=store)
    cloud.clock.now = time.time() + 3600  # a control of a file goes by the machine's clock
    arn = create(cloud)
    with Control.open(store) as beside:
        assert beside.approve("connection/main").status == "AVAILABLE"
        found = cloud.client().get_connection(ConnectionArn=arn)["Connection"]
        assert found["ConnectionStatus"] == "AVAILABLE"
    cloud.emulator.stop()
    with Control.open(str(store)) as alone:
        assert [one.operation for one in alone.requests()] == ["CreateConnection", "GetConnection"]
        alone.reset()
        assert alone.everything() == []


def test_a_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no such store"):
        Control.open(tmp_path / "none.db")
    (tmp_path / "text").write_text("text " * 100)
    with pytest.raises(StoreError, match="not a database"):
        Control.open(tmp_path / "text")
    assert not (tmp_path / "none.db").exists()
