"""Reading makes the fewest calls the API allows, follows every page, and mistakes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.emulator import Emulator, Quotas
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.errors import NotFoundError
from reconciler.observe import observe, reread
from reconciler.resource import Address, Call, ReadResult, Target
from tests.conftest import ACCOUNT, REGION

TARGET = Target(ACCOUNT, REGION)
ROLE = "arn:aws:iam::111122223333:role/git-sync"


@pytest.fixture
def quick() -> Iterator[Emulator]:
    """An emulator that approves at once and has room."""
    quotas = Quotas(connections=1000, repository_links=1000)
    settings = EmulatorSettings(handshake="auto", handshake_seconds=0.0, quotas=quotas)
    with Emulator(settings) as running:
        yield running


@pytest.fixture
def api(quick: Emulator) -> AwsApi:
    settings = Settings(region=REGION, endpoint_url=quick.url, access_key=(ACCOUNT, "x"))
    return AwsApi(Session(settings), writes=True)


def client(emulator: Emulator, region: str = REGION) -> Any:
    return boto3.client("codeconnections", endpoint_url=emulator.url, region_name=region)


def fill(emulator: Emulator, hosts: int, connections: int, links: int) -> None:
    """Make that many objects, and one sync configuration for each link."""
    make = client(emulator)
    for n in range(hosts):
        make.create_host(
            Name=f"h{n}",
            ProviderType="GitHubEnterpriseServer",
            ProviderEndpoint=f"https://git{n}.example.com",
        )
    arns = [
        make.create_connection(ConnectionName=f"c{n}", ProviderType="GitHub")["ConnectionArn"]
        for n in range(connections)
    ]
    for n in range(links):
        link = make.create_repository_link(
            ConnectionArn=arns[0], OwnerId="acme", RepositoryName=f"r{n}"
        )["RepositoryLinkInfo"]
        make.create_sync_configuration(
            SyncType="CFN_STACK_SYNC",
            ResourceName=f"s{n}",
            RepositoryLinkId=link["RepositoryLinkId"],
            Branch=f"b{n}",
            ConfigFile="a.yaml",
            RoleArn=ROLE,
        )


@pytest.mark.parametrize(("hosts", "connections", "links"), [(0, 0, 0), (2, 3, 4), (1, 201, 3)])
def test_the_calls_are_the_fewest_possible(
    quick: Emulator, api: AwsApi, hosts: int, connections: int, links: int
) -> None:
    fill(quick, hosts, connections, links)
    before = quick.control.requests()[-1].sequence if quick.control.requests() else 0
    observed = observe(api, TARGET)
    made = Counter(request.operation for request in quick.control.requests(after=before))
    pages = {n: max(1, -(-n // 100)) for n in (hosts, connections, links)}
    expected = {
        "ListHosts": pages[hosts],
        "ListConnections": pages[connections],
        "ListRepositoryLinks": pages[links],
        "ListSyncConfigurations": links,
        "ListTagsForResource": hosts + connections + links,
    }
    assert made == {operation: n for operation, n in expected.items() if n}
    kinds = Counter(address.kind for address in observed.lives)
    assert kinds == Counter(
        {
            "host": hosts,
            "connection": connections,
            "repository_link": links,
            "sync_configuration": links,
        }
    )
    assert observed.gaps == ()


def test_another_region_and_account_are_neither_seen_nor_read(quick: Emulator, api: AwsApi) -> None:
    far = client(quick, "us-east-1").create_connection(ConnectionName="far", ProviderType="GitHub")
    client(quick).create_connection(ConnectionName="near", ProviderType="GitHub")
    observed = observe(api, TARGET)
    assert list(observed.lives) == [Address("connection", "near")]
    tags = [r for r in quick.control.requests() if r.operation == "ListTagsForResource"]
    assert [r.parameters["ResourceArn"] for r in tags] != [far["ConnectionArn"]]
    assert len(tags) == 1


@dataclass
class Vanishing:
    """An `Api` behind which one object disappears between its listing and its tags."""

    api: AwsApi
    arn: str

    def read(self, calls: Sequence[Call]) -> Iterator[ReadResult]:
        for call, result in zip(calls, self.api.read(calls), strict=True):
            gone = call.parameters.get("ResourceArn") == self.arn
            yield NotFoundError(call.operation, "ResourceNotFoundException", "") if gone else result

    def write(self, call: Call) -> Any:
        raise AssertionError(call)


def test_what_vanishes_while_reading_is_not_there(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 0, 2, 1)
    arn = client(quick).list_connections()["Connections"][1]["ConnectionArn"]
    link = client(quick).list_repository_links()["RepositoryLinks"][0]["RepositoryLinkId"]

    class Deleting(Vanishing):
        def read(self, calls: Sequence[Call]) -> Iterator[ReadResult]:
            if any(call.parameters.get("ResourceArn") == arn for call in calls):
                client(quick).delete_connection(ConnectionArn=arn)
            if any(call.operation == "ListSyncConfigurations" for call in calls):
                client(quick).delete_sync_configuration(
                    SyncType="CFN_STACK_SYNC", ResourceName="s0"
                )
                client(quick).delete_repository_link(RepositoryLinkId=link)
            return self.api.read(calls)

    observed = observe(Deleting(api, arn), TARGET)
    assert [str(address) for address in observed.lives] == ["connection/c0"]
    assert observed.gaps == ()


def test_what_is_listed_and_then_not_found_is_no_empty_account(
    quick: Emulator, api: AwsApi
) -> None:
    fill(quick, 0, 2, 0)
    arn = client(quick).list_connections()["Connections"][0]["ConnectionArn"]
    observed = observe(Vanishing(api, arn), TARGET)
    assert len(observed.lives) == 2
    (gap,) = observed.gaps
    assert (gap.operation, str(gap.address)) == ("ListTagsForResource", "connection/c0")


def test_a_link_whose_syncs_are_not_found_hides_nothing(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 0, 1, 1)
    gone = NotFoundError("ListSyncConfigurations", "ResourceNotFoundException", "")
    observed = observe(Saying(api, "", "ListSyncConfigurations", gone), TARGET)
    assert observed.incomplete("sync_configuration")


def test_one_object_is_reread_whole(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 1, 1, 1)
    lives = {address: live for address, (live,) in observe(api, TARGET).lives.items()}
    for live in lives.values():
        again = reread(api, live)
        assert again == live


def test_an_object_that_is_gone_rereads_as_none(quick: Emulator, api: AwsApi) -> None:
    fill(quick, 0, 1, 0)
    ((live,),) = observe(api, TARGET).lives.values()
    client(quick).delete_connection(ConnectionArn=live.id)
    assert reread(api, live) is None


@dataclass
class Saying(Vanishing):
    """An `Api` behind which one operation answers something else."""

    operation: str = ""
    answer: Any = None

    def read(self, calls: Sequence[Call]) -> Iterator[ReadResult]:
        for call, result in zip(calls, self.api.read(calls), strict=True):
            yield self.answer if call.operation == self.operation else result


ARN = "arn:aws:codeconnections:eu-west-1:111122223333:connection/x"
ODD = {
    "no name": ("ListConnections", {"Connections": [{"ConnectionArn": ARN}]}),
    "no id": ("ListConnections", {"Connections": [{"ConnectionName": "a"}]}),
    "null": ("ListConnections", {"Connections": [None]}),
    "text": ("ListConnections", {"Connections": ["a"]}),
    "number for an ARN": (
        "ListConnections",
        {"Connections": [{"ConnectionName": "a", "ConnectionArn": 5}]},
    ),
    "half an ARN": (
        "ListConnections",
        {"Connections": [{"ConnectionName": "a", "ConnectionArn": "arn"}]},
    ),
    "a list that does not exist": (
        "ListConnections",
        NotFoundError("ListConnections", "ResourceNotFoundException", ""),
    ),
    "an empty tag": ("ListTagsForResource", {"Tags": [{}]}),
    "no tags at all": ("ListTagsForResource", {}),
    "a null tag": ("ListTagsForResource", {"Tags": [None]}),
}


@pytest.mark.parametrize(("operation", "answer"), ODD.values(), ids=ODD)
def test_what_makes_no_sense_is_a_gap(
    quick: Emulator, api: AwsApi, operation: str, answer: Any
) -> None:
    fill(quick, 0, 1, 0)
    observed = observe(Saying(api, "", operation, answer), TARGET)
    (gap,) = observed.gaps
    assert (gap.kind, gap.operation) == ("connection", operation)
    assert observed.incomplete("connection") == (operation == "ListConnections")


def test_an_object_without_a_status_is_not_ready(quick: Emulator, api: AwsApi) -> None:
    answer = {"Connections": [{"ConnectionName": "a", "ConnectionArn": ARN}]}
    saying = Saying(api, "", "ListConnections", answer)
    saying = Saying(saying, "", "ListTagsForResource", {"Tags": []})  # type: ignore[arg-type]
    ((live,),) = observe(saying, TARGET).lives.values()
    assert not live.ready
