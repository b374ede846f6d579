"""Pages with opaque tokens, and limits on how many objects there may be."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.emulator import Quotas, Settings
from tests.emulator.cloud import (
    ROLE,
    SYNC,
    Cloud,
    Start,
    available_connection,
    refused,
    repository_link,
    sync_configuration,
)


def pages(call: Callable[..., Any], member: str, key: str, **filters: Any) -> list[list[str]]:
    """The keys of every page of a list."""
    found: list[list[str]] = []
    while True:
        answer = call(**filters)
        found.append([one[key] for one in answer[member]])
        if "NextToken" not in answer:
            return found
        filters["NextToken"] = answer["NextToken"]


def hosts(cloud: Cloud, count: int) -> None:
    for number in range(count):
        cloud.client().create_host(
            Name=f"h{number}",
            ProviderType="GitLabSelfManaged",
            ProviderEndpoint=f"https://{number}.example",
        )


def connections(cloud: Cloud, count: int) -> None:
    for number in range(count):
        cloud.client().create_connection(ConnectionName=f"c{number}", ProviderType="GitHub")


def test_every_list_has_pages(start: Start) -> None:
    cloud = start(page_size=2, link_needs_available=False)
    client = cloud.client()
    hosts(cloud, 3)
    assert pages(client.list_hosts, "Hosts", "Name") == [["h0", "h1"], ["h2"]]
    connections(cloud, 4)
    names = pages(client.list_connections, "Connections", "ConnectionName")
    assert names == [["c0", "c1"], ["c2", "c3"]]
    links = [repository_link(cloud, f"r{number}") for number in range(3)]
    found = pages(client.list_repository_links, "RepositoryLinks", "RepositoryLinkId")
    assert found == [links[:2], links[2:]]
    for number in range(3):
        sync_configuration(cloud, links[0], f"s{number}")
    of_link = {"RepositoryLinkId": links[0], "SyncType": SYNC}
    stacks = pages(client.list_sync_configurations, "SyncConfigurations", "ResourceName", **of_link)
    assert stacks == [["s0", "s1"], ["s2"]]
    definitions = client.list_repository_sync_definitions(**of_link)
    assert len(definitions["RepositorySyncDefinitions"]) == 3
    assert "NextToken" not in definitions


def test_the_default_page_is_small_and_zero_means_it(cloud: Cloud) -> None:
    connections(cloud, 21)
    client = cloud.client()
    sizes = [
        [
            len(one)
            for one in pages(client.list_connections, "Connections", "ConnectionName", **more)
        ]
        for more in ({}, {"MaxResults": 0}, {"MaxResults": 100}, {"MaxResults": 8})
    ]
    assert sizes == [[20, 1], [20, 1], [21], [8, 8, 5]]


def test_pages_neither_skip_nor_repeat_when_objects_go(cloud: Cloud) -> None:
    connections(cloud, 4)
    client = cloud.client()
    first = client.list_connections(MaxResults=2)
    client.delete_connection(ConnectionArn=first["Connections"][0]["ConnectionArn"])
    rest = client.list_connections(MaxResults=2, NextToken=first["NextToken"])
    assert [one["ConnectionName"] for one in rest["Connections"]] == ["c2", "c3"]


def test_a_token_holds_for_its_own_list_alone(cloud: Cloud) -> None:
    connections(cloud, 3)
    hosts(cloud, 3)
    client = cloud.client()
    token = client.list_connections(MaxResults=1)["NextToken"]
    stranger = cloud.client(account="999988887777")
    codes = [
        refused(client.list_hosts, NextToken=token)[0],
        refused(client.list_connections, NextToken=token, ProviderTypeFilter="GitHub")[0],
        refused(stranger.list_connections, NextToken=token)[0],
        refused(client.list_connections, NextToken=token[:-4])[0],
        refused(client.list_repository_links, NextToken=token)[0],
    ]
    assert codes == ["ValidationException"] * 4 + ["InvalidInputException"]


@pytest.mark.parametrize("token", ["garbage", "é", "====", "MTIz", "LTE6YQ=="])
def test_garbage_is_no_token(token: str, cloud: Cloud) -> None:
    assert refused(cloud.client().list_hosts, NextToken=token)[0] == "ValidationException"


def test_a_page_holds_something() -> None:
    with pytest.raises(ValueError, match="page_size must be at least 1, not 0"):
        Settings(page_size=0)


def limited(start: Start, **quotas: int) -> Cloud:
    return start(quotas=Quotas(**quotas))


def test_quotas_of_hosts_and_connections_count_per_region(start: Start) -> None:
    cloud = limited(start, hosts=2, connections=2)
    hosts(cloud, 2)
    connections(cloud, 2)
    host = {"Name": "h", "ProviderType": "GitLabSelfManaged", "ProviderEndpoint": "https://h"}
    connection = {"ConnectionName": "c", "ProviderType": "GitHub"}
    client, elsewhere = cloud.client(), cloud.client(region="us-east-1")
    assert refused(client.create_host, **host)[0] == "LimitExceededException"
    assert refused(client.create_connection, **connection)[0] == "LimitExceededException"
    assert elsewhere.create_host(**host)
    assert elsewhere.create_connection(**connection)


def test_the_quota_of_links(start: Start) -> None:
    cloud = limited(start, repository_links=1)
    repository_link(cloud)
    code, _ = refused(
        cloud.client().create_repository_link,
        ConnectionArn=available_connection(cloud),
        OwnerId="o",
        RepositoryName="second",
    )
    assert code == "LimitExceededException"


@pytest.mark.parametrize(
    ("quota", "text"),
    [
        ("sync_configurations", "The account has reached its limit of 2 sync configurations."),
        (
            "sync_configurations_per_link",
            "A repository link can have at most 2 sync configurations.",
        ),
        ("sync_configurations_per_branch", "A branch can have at most 2 sync configurations."),
    ],
)
def test_the_quotas_of_sync_configurations(quota: str, text: str, start: Start) -> None:
    cloud = limited(start, **{quota: 2})
    link_id = repository_link(cloud)
    for stack in ("a", "b"):
        sync_configuration(cloud, link_id, stack)
    answer = refused(
        cloud.client().create_sync_configuration,
        Branch="main",
        ConfigFile="c",
        RepositoryLinkId=link_id,
        ResourceName="c",
        RoleArn=ROLE,
        SyncType=SYNC,
    )
    assert answer == ("LimitExceededException", text)
    if quota == "sync_configurations_per_branch":
        assert sync_configuration(cloud, link_id, "c", Branch="other")


@pytest.mark.parametrize("kind", ["host", "connection", "link"])
def test_the_quota_of_tags_undoes_the_create(kind: str, start: Start) -> None:
    cloud = limited(start, tags=1)
    client = cloud.client()
    tags = [{"Key": "a", "Value": ""}, {"Key": "b", "Value": ""}]
    creates: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "host": (
            client.create_host,
            {"Name": "h", "ProviderType": "GitLabSelfManaged", "ProviderEndpoint": "https://h"},
        ),
        "connection": (
            client.create_connection,
            {"ConnectionName": "refused", "ProviderType": "GitHub"},
        ),
        "link": (
            client.create_repository_link,
            {
                "ConnectionArn": available_connection(cloud),
                "OwnerId": "o",
                "RepositoryName": "r",
            },
        ),
    }
    create, parameters = creates[kind]
    assert refused(create, **parameters, Tags=tags)[0] == "LimitExceededException"
    assert client.list_hosts()["Hosts"] == []
    assert client.list_repository_links()["RepositoryLinks"] == []
    assert "refused" not in str(client.list_connections()["Connections"])
