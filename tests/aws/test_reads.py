"""A client that only reads sends nothing else, whoever asks it to."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import Shape, StructureShape

from reconciler.aws.api import AwsApi
from reconciler.aws.reads import READS
from reconciler.aws.session import SERVICES, Session, Settings
from reconciler.emulator import Emulator
from reconciler.errors import ReconcilerError
from reconciler.resource import Call
from tests.conftest import ACCOUNT, REGION
from tests.test_operations import model

WRITES = sorted(set(model("codeconnections").operation_names) - READS)


def api(emulator: Emulator, service: str, *, writes: bool = False) -> AwsApi:
    settings = Settings(
        region=REGION, endpoint_url=emulator.url, service=service, access_key=(ACCOUNT, "x")
    )
    return AwsApi(Session(settings), writes=writes)


def sample(shape: Shape) -> Any:
    """The least that botocore takes for a shape."""
    if isinstance(shape, StructureShape):
        return {name: sample(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return []
    return "x" * 60


def parameters(operation: str) -> dict[str, Any]:
    shape = model("codeconnections").operation_model(operation).input_shape
    found: dict[str, Any] = sample(shape) if shape is not None else {}
    return found


def test_the_list_holds_every_read_of_the_model_and_nothing_else() -> None:
    assert len(WRITES) == 14
    assert all(name.startswith(("Get", "List")) for name in READS)
    assert not any(name.startswith(("Get", "List")) for name in WRITES)
    for service in SERVICES:
        assert set(Loader().load_service_model(service, "service-2")["operations"]) > READS


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("operation", WRITES)
def test_nothing_that_changes_something_is_sent(
    emulator: Emulator, operation: str, service: str
) -> None:
    reading = api(emulator, service)
    for client in (reading._reader, reading._writer, api(emulator, service, writes=True)._reader):
        with pytest.raises(ReconcilerError, match=f"{operation} would change something"):
            getattr(client, xform_name(operation))(**parameters(operation))
    with pytest.raises(ReconcilerError, match="this client only reads: not sent"):
        reading.write(Call(operation, parameters(operation)))
    (answer,) = reading.read([Call("ListConnections", {})])
    assert answer == {"Connections": []}
    assert [request.operation for request in emulator.control.requests()] == ["ListConnections"]


def test_one_that_writes_does(emulator: Emulator) -> None:
    """The control: it is the list that keeps the others from it."""
    call = Call("CreateConnection", {"ConnectionName": "a", "ProviderType": "GitHub"})
    assert "ConnectionArn" in api(emulator, SERVICES[0], writes=True).write(call)
    assert len(emulator.control.requests(mutating_only=True)) == 1
