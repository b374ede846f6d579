"""Whatever is sent, the answer is one that AWS could give: never a failure inside the server."""

import json
from typing import Any

import pytest
from botocore.model import ListShape, Shape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.cloud import ROLE, SYNC, VPC, Cloud, Start, repository_link, sync_configuration
from tests.emulator.raw import Raw
from tests.emulator.test_operations import model

MODEL = model("codeconnections")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


def mostly(likely: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The likely value nine times of ten."""
    return st.integers(0, 9).flatmap(lambda number: other if number == 9 else likely)


def plausible(shape: Shape, known: dict[str, list[str]]) -> st.SearchStrategy[Any]:
    """Values that a client could mean: mostly of the right type, often of objects that exist."""
    if isinstance(shape, StructureShape):
        members = {name: plausible(member, known) for name, member in shape.members.items()}
        needed = {name: members.pop(name) for name in shape.required_members}
        return st.fixed_dictionaries(needed, optional=members)
    if isinstance(shape, ListShape):
        return st.lists(plausible(shape.member, known), max_size=3)
    if shape.type_name == "integer":
        return mostly(st.integers(-1, 101), JSON)
    values = [*known.get(shape.name, []), *shape.metadata.get("enum", [])]
    text = mostly(st.text(max_size=40), JSON)
    return mostly(st.sampled_from(values), text) if values else text


@pytest.fixture
def busy(start: Start) -> tuple[Cloud, dict[str, list[str]]]:
    """A server with one object of each kind, and the values that name them."""
    cloud = start(vpc_seconds=0)
    link_id = repository_link(cloud)
    sync_configuration(cloud, link_id)
    blocker = cloud.control.record_blocker("prod", "broken")
    host = cloud.client().create_host(
        Name="h",
        ProviderType="GitLabSelfManaged",
        ProviderEndpoint="https://h",
        VpcConfiguration=VPC,
    )["HostArn"]
    connection = cloud.control.everything()[-1].arn
    return (
        cloud,
        {
            "ConnectionArn": [connection],
            "HostArn": [host],
            "AmazonResourceName": [connection, host],
            "RepositoryLinkId": [link_id],
            "ResourceName": ["prod", "other"],
            "SyncConfigurationType": [SYNC],
            "IamRoleArn": [ROLE],
            "Id": [blocker],
            "BranchName": ["main"],
            "VpcId": [str(VPC["VpcId"])],
            "SubnetId": list(VPC["SubnetIds"]),
            "SecurityGroupId": list(VPC["SecurityGroupIds"]),
            "HostName": ["h"],
            "ProviderType": ["GitLabSelfManaged"],
            "Url": ["https://h", "https://[", "https://a.ghe.com"],
        },
    )


def test_no_input_breaks_an_operation(busy: tuple[Cloud, dict[str, list[str]]]) -> None:
    cloud, known = busy
    raw = Raw(cloud)
    # From Update to Create: what the deletes in between take away is not missed by the creates.
    for operation in reversed(MODEL.operation_names):
        shape = MODEL.operation_model(operation).input_shape
        assert shape is not None
        hold(raw, operation, plausible(shape, known) | JSON)


def hold(raw: Raw, operation: str, inputs: st.SearchStrategy[Any]) -> None:
    """Sends some inputs to an operation; each must be answered or refused."""

    @settings(
        max_examples=8,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def try_one(parameters: Any) -> None:
        status, body = raw.send(operation, json.dumps(parameters).encode())
        assert status in {200, 400}, (operation, parameters, body)

    try_one()
