"""The two protocols: targets, errors as bytes, who calls, and CBOR through botocore itself."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import cbor2
import pytest
from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

from tests.emulator.cloud import (
    SERVICES,
    SYNC,
    Cloud,
    Start,
    refused,
    repository_link,
    sync_configuration,
)
from tests.emulator.raw import AUTHORIZATION, TARGETS, Raw
from tests.emulator.test_operations import host_and_connections, links_and_syncs, model


class CborLoader(Loader):
    """Offers botocore the models with CBOR as their only protocol."""

    def load_service_model(self, service_name: str, *args: Any, **more: Any) -> Any:
        found = super().load_service_model(service_name, *args, **more)
        if service_name in SERVICES and "metadata" in found:
            cbor = "smithy-rpc-v2-cbor"
            found = {**found, "metadata": {**found["metadata"], "protocol": cbor}}
            found["metadata"]["protocols"] = [cbor]
        return found


def cbor_client(cloud: Cloud, service: str) -> Any:
    session = Session()
    session.register_component("data_loader", CborLoader())
    return boto3.Session(botocore_session=session).client(
        service,  # type: ignore[call-overload]
        endpoint_url=cloud.url,
        region_name="eu-west-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("service", SERVICES)
def test_botocore_runs_every_operation_in_cbor(service: str, start: Start) -> None:
    cloud = start(vpc_seconds=0)
    client = cbor_client(cloud, service)
    sent: list[str] = []
    client.meta.events.register(
        "before-send.*", lambda request, **_: sent.append(request.headers["smithy-protocol"])
    )
    connection = host_and_connections(client, cloud.control)
    links_and_syncs(client, cloud.control, connection)
    requests = cloud.control.requests()
    assert {one.operation for one in requests} == set(model(service).operation_names)
    assert [one for one in requests if one.error] == []
    assert {str(one) for one in sent} <= {"rpc-v2-cbor", "b'rpc-v2-cbor'"}
    assert len(sent) == len(requests)
    assert client.meta.service_model.resolved_protocol == "smithy-rpc-v2-cbor"
    code, text = refused(client.get_connection, ConnectionArn=connection + "0")
    assert (code, text) == (
        "ResourceNotFoundException",
        f"Connection {connection}0 was not found.",
    )
    code, text = refused(client.create_connection, ConnectionName="n" * 33)
    assert (code, text[:30]) == ("ValidationException", "1 validation error detected: V")
    client.close()


def cbor(cloud: Cloud, path: str, body: bytes) -> tuple[int, Any]:
    headers = {"smithy-protocol": "rpc-v2-cbor", "Authorization": AUTHORIZATION}
    status, answer = Raw(cloud).request("POST", path, body, headers)
    return status, cbor2.loads(answer)


@pytest.mark.parametrize("shape", ["CodeConnections_20231201", TARGETS["codeconnections"]])
def test_cbor_finds_the_service_with_and_without_namespace(shape: str, cloud: Cloud) -> None:
    assert cbor(cloud, f"/service/{shape}/operation/ListHosts", b"") == (200, {"Hosts": []})


def test_cbor_errors_have_the_statuses_of_the_model(cloud: Cloud) -> None:
    arn = "arn:aws:codeconnections:eu-west-1:111122223333:connection/none"
    path = "/service/CodeConnections_20231201/operation/GetConnection"
    status, answer = cbor(cloud, path, cbor2.dumps({"ConnectionArn": arn}))
    assert (status, answer["__type"]) == (
        404,
        "com.amazonaws.codeconnections#ResourceNotFoundException",
    )


@pytest.mark.parametrize("body", [b"\xff", b"\xa1", b"\x81" * 5000, cbor2.dumps("text")])
def test_a_body_that_is_no_cbor_map_is_a_serialization_error(body: bytes, cloud: Cloud) -> None:
    status, answer = cbor(cloud, "/service/CodeConnections_20231201/operation/ListHosts", body)
    assert (status, answer["__type"]) == (400, "com.amazon.coral.service#SerializationException")


def test_cbor_values_that_json_lacks_reach_the_log(cloud: Cloud) -> None:
    body = cbor2.dumps({"MaxResults": 5, "Bytes": b"\xff", 7: "odd key"})
    path = "/service/CodeConnections_20231201/operation/ListHosts"
    assert cbor(cloud, path, body)[0] == 200
    (request,) = cloud.control.requests()
    assert request.parameters["MaxResults"] == 5


def test_cbor_timestamps_are_tagged(cloud: Cloud) -> None:
    sync_configuration(cloud, repository_link(cloud))
    cloud.control.record_sync("prod")
    body = cbor2.dumps({"SyncType": SYNC, "ResourceName": "prod"})
    path = "/service/CodeConnections_20231201/operation/GetResourceSyncStatus"
    _, answer = cbor(cloud, path, body)
    assert answer["LatestSync"]["StartedAt"] == datetime.fromtimestamp(cloud.clock(), UTC)


def test_json_timestamps_are_seconds(cloud: Cloud) -> None:
    sync_configuration(cloud, repository_link(cloud))
    cloud.control.record_sync("prod")
    parameters = {"SyncType": SYNC, "ResourceName": "prod"}
    _, answer = Raw(cloud).call("GetResourceSyncStatus", parameters)
    assert answer["LatestSync"]["StartedAt"] == cloud.clock()


def test_without_cbor2_the_answer_names_what_to_install() -> None:
    program = """
import sys
sys.modules["cbor2"] = None
from http.client import HTTPConnection
from reconciler.emulator import Emulator
with Emulator() as emulator:
    connection = HTTPConnection(emulator.url.removeprefix("http://"))
    connection.request("POST", "/service/x/operation/y", headers={"smithy-protocol": "rpc-v2-cbor"})
    answer = connection.getresponse()
    print(answer.status, answer.read().decode())
    connection.close()
"""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("415 ")
    assert "reconciler[cbor]" in done.stdout


@pytest.mark.parametrize(
    "target",
    [*TARGETS.values(), "CodeConnections_20231201", "CodeStar_connections_20191201"],
)
def test_json_targets_come_with_and_without_namespace(target: str, cloud: Cloud) -> None:
    raw = Raw(cloud)
    assert raw.send("ListHosts", b"", target) == (200, b'{"Hosts": []}')
    assert raw.headers["content-type"] == "application/x-amz-json-1.0"
    assert raw.headers["x-amzn-requestid"]


@pytest.mark.parametrize("service", SERVICES)
def test_modelled_errors_carry_the_namespace_of_their_service(service: str, cloud: Cloud) -> None:
    arn = f"arn:aws:{service}:eu-west-1:111122223333:connection/none"
    body = json.dumps({"ConnectionArn": arn}).encode()
    status, answer = Raw(cloud).send("GetConnection", body, TARGETS[service])
    namespace = TARGETS[service].rpartition(".")[0]
    assert (status, json.loads(answer)) == (
        400,
        {
            "__type": f"{namespace}#ResourceNotFoundException",
            "Message": f"Connection {arn} was not found.",
        },
    )


def test_statuses_of_the_model_are_a_switch(start: Start) -> None:
    cloud = start(modelled_statuses=True)
    arn = "arn:aws:codeconnections:eu-west-1:111122223333:connection/none"
    assert Raw(cloud).call("GetConnection", {"ConnectionArn": arn})[0] == 404


@pytest.mark.parametrize("operation", ["ListOwners", "", "create_host", "__class__"])
def test_unknown_operations_are_told_so(operation: str, cloud: Cloud) -> None:
    status, answer = Raw(cloud).call(operation, {})
    code = "com.amazon.coral.service#UnknownOperationException"
    assert (status, answer["__type"]) == (400, code)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"Authorization": "Bearer x"}, "IncompleteSignatureException"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=a/b"}, "IncompleteSignatureException"),
    ],
)
def test_unsigned_requests_are_refused(
    authorization: dict[str, str], code: str, cloud: Cloud
) -> None:
    headers = {"X-Amz-Target": f"{TARGETS['codeconnections']}.ListHosts", **authorization}
    status, answer = Raw(cloud).request("POST", "/", b"{}", headers)
    assert (status, json.loads(answer)["__type"]) == (400, f"com.amazon.coral.service#{code}")


def test_keys_that_name_no_account_share_one(cloud: Cloud) -> None:
    for key in ("AKIDEXAMPLE", "AKIAIOSFODNN7EXAMPLE"):
        made = cloud.client(account=key).create_connection(
            ConnectionName=key, ProviderType="GitHub"
        )
        assert ":000000000000:" in made["ConnectionArn"]
    assert len(cloud.client(account="test").list_connections()["Connections"]) == 2
    assert cloud.client().list_connections()["Connections"] == []


def nested(levels: int) -> Any:
    """A list in a list, that many times."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def cbor_reply(cloud: Cloud, body: bytes) -> tuple[int, bytes]:
    """The answer to a CBOR body that no client would send."""
    return Raw(cloud).request(
        "POST",
        "/service/CodeConnections_20231201/operation/ListConnections",
        body,
        {
            "smithy-protocol": "rpc-v2-cbor",
            "Content-Type": "application/cbor",
            "Authorization": AUTHORIZATION,
        },
    )


@pytest.mark.parametrize(
    "value",
    [
        10**5000,
        -(2**70),
        [[10**40]],
        {10**5000: 1},
        float("nan"),
        [[[]] * 9] * 20_000,
        nested(40),
    ],
    ids=["huge", "large", "inside", "huge key", "nan", "many", "deep"],
)
def test_cbor_that_no_json_could_say_is_refused(cloud: Cloud, value: Any) -> None:
    status, body = cbor_reply(cloud, cbor2.dumps({"MaxResults": value}))
    assert status == 400
    assert b"SerializationException" in body


def test_cbor_whose_parts_are_shared_over_and_over_is_refused_at_once(cloud: Cloud) -> None:
    # Each list holds the one before it twice: 2 ** 30 values in a hundred bytes.
    shared = bytes.fromhex("d81c80")
    for number in range(30):
        shared = b"\xd8\x1c\x82" + shared + b"\xd8\x1d" + cbor2.dumps(29 - number)
    started = time.monotonic()
    status, _ = cbor_reply(cloud, b"\xa1" + cbor2.dumps("MaxResults") + shared)
    assert status == 400
    assert time.monotonic() - started < 5


def test_cbor_that_holds_itself_is_refused(cloud: Cloud) -> None:
    # Tag 28 marks a list as shared, and tag 29 refers back to it from inside.
    status, body = cbor_reply(cloud, bytes.fromhex("a16a4d6178526573756c7473d81c81d81d00"))
    assert status == 400
    assert b"SerializationException" in body
