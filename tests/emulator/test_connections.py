"""Connections: handshakes, provider rules, names, and being global."""

import pytest

from reconciler.emulator import ControlError
from tests.emulator.cloud import Cloud, Start, available_connection, refused

RESIDENCY = "GitHubEnterpriseCloudDataResidency"
HOSTED = "To use a hosted provider specify HostArn instead of ProviderType"


def status(cloud: Cloud, arn: str) -> str:
    found: str = cloud.client().get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"]
    return found


def create_host(cloud: Cloud) -> str:
    arn: str = cloud.client().create_host(
        Name="ghes",
        ProviderType="GitHubEnterpriseServer",
        ProviderEndpoint="https://git.example.com",
    )["HostArn"]
    return arn


def test_a_connection_is_pending_until_a_person_approves(cloud: Cloud) -> None:
    made = cloud.client().create_connection(ConnectionName="main", ProviderType="GitHub")
    arn = made["ConnectionArn"]
    cloud.clock.tick(1_000_000)
    assert status(cloud, arn) == "PENDING"
    cloud.control.approve("connection/main")
    assert cloud.client().get_connection(ConnectionArn=arn)["Connection"] == {
        "ConnectionName": "main",
        "ConnectionArn": arn,
        "ProviderType": "GitHub",
        "OwnerAccountId": "111122223333",
        "ConnectionStatus": "AVAILABLE",
    }


def test_the_simulated_person_takes_a_second(start: Start) -> None:
    cloud = start(handshake="auto")
    made = cloud.client().create_connection(ConnectionName="main", ProviderType="GitHub")
    cloud.clock.tick(0.9)
    assert status(cloud, made["ConnectionArn"]) == "PENDING"
    cloud.clock.tick(0.1)
    assert status(cloud, made["ConnectionArn"]) == "AVAILABLE"


def test_a_rejected_connection_is_in_error_until_it_is_approved(cloud: Cloud) -> None:
    made = cloud.client().create_connection(ConnectionName="main", ProviderType="GitHub")
    cloud.control.approve("connection/main", ok=False)
    assert status(cloud, made["ConnectionArn"]) == "ERROR"
    cloud.control.approve("connection/main")
    assert status(cloud, made["ConnectionArn"]) == "AVAILABLE"


def test_a_hosted_connection_waits_for_its_host(cloud: Cloud) -> None:
    host = create_host(cloud)
    made = cloud.client().create_connection(ConnectionName="main", HostArn=host)
    arn = made["ConnectionArn"]
    assert status(cloud, arn) == "PENDING"
    with pytest.raises(ControlError, match=r"its host .* is not AVAILABLE yet"):
        cloud.control.approve(arn)
    cloud.control.approve(host)
    assert status(cloud, arn) == "PENDING"
    cloud.control.approve(arn)
    assert status(cloud, arn) == "AVAILABLE"
    assert cloud.client().get_connection(ConnectionArn=arn)["Connection"]["HostArn"] == host


def test_a_hosted_connection_needs_a_host_that_is_ready(start: Start) -> None:
    cloud = start()
    host = create_host(cloud)
    cloud.control.approve(host, ok=False)
    create = cloud.client().create_connection
    code, _ = refused(create, ConnectionName="main", HostArn=host)
    assert code == "ResourceUnavailableException"
    gone = host[:-1] + ("0" if host[-1] != "0" else "1")
    code, _ = refused(create, ConnectionName="main", HostArn=gone)
    assert code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"ProviderType": "GitHubEnterpriseServer"}, HOSTED),
        ({"ProviderType": "GitLabSelfManaged"}, HOSTED),
    ],
)
def test_a_hosted_provider_comes_from_a_host(
    parameters: dict[str, str], text: str, cloud: Cloud
) -> None:
    create = cloud.client().create_connection
    assert refused(create, ConnectionName="main", **parameters) == ("ValidationException", text)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({}, "Specify ProviderType, or HostArn for a hosted provider"),
        ({"ProviderType": RESIDENCY}, f"The provider type {RESIDENCY} needs a ProviderEndpoint."),
        (
            {"ProviderType": "GitHub", "ProviderEndpoint": "https://acme.ghe.com"},
            "The provider type GitHub takes no ProviderEndpoint.",
        ),
    ],
)
def test_bad_input_has_the_error_that_the_service_declares(
    parameters: dict[str, str], text: str, cloud: Cloud
) -> None:
    create = cloud.client().create_connection
    assert refused(create, ConnectionName="main", **parameters) == ("InvalidInputException", text)
    if "ProviderEndpoint" not in parameters and parameters.get("ProviderType") != RESIDENCY:
        older = cloud.client("codestar-connections").create_connection
        assert refused(older, ConnectionName="main", **parameters) == ("ValidationException", text)


def test_a_connection_with_data_residency_has_an_endpoint_of_its_own(cloud: Cloud) -> None:
    client = cloud.client()
    url = "https://acme.ghe.com"
    arn = client.create_connection(
        ConnectionName="resident", ProviderType=RESIDENCY, ProviderEndpoint=url
    )["ConnectionArn"]
    shown = client.get_connection(ConnectionArn=arn)["Connection"]
    assert (shown["ProviderType"], shown["ProviderEndpoint"]) == (RESIDENCY, url)
    assert client.list_connections(ProviderTypeFilter=RESIDENCY)["Connections"] == [shown]
    client.create_connection(ConnectionName="plain", ProviderType="GitHub")
    assert "ProviderEndpoint" not in client.list_connections()["Connections"][1]


def test_provider_and_host_may_be_given_when_they_agree(cloud: Cloud) -> None:
    host = create_host(cloud)
    create = cloud.client().create_connection
    assert create(ConnectionName="a", HostArn=host, ProviderType="GitHubEnterpriseServer")
    for provider in ("GitHub", "GitLabSelfManaged"):
        answer = refused(create, ConnectionName="b", HostArn=host, ProviderType=provider)
        assert answer == ("ValidationException", HOSTED)


def test_provider_and_host_never_go_together_when_told_so(start: Start) -> None:
    cloud = start(provider_and_host="refuse")
    host = create_host(cloud)
    answer = refused(
        cloud.client().create_connection,
        ConnectionName="a",
        HostArn=host,
        ProviderType="GitHubEnterpriseServer",
    )
    assert answer == ("ValidationException", HOSTED)


def test_names_may_repeat_unless_told_otherwise(start: Start) -> None:
    for switch, count in (("allow", 2), ("refuse", 1)):
        cloud = start(duplicate_connection_names=switch)
        create = cloud.client().create_connection
        create(ConnectionName="main", ProviderType="GitHub")
        if switch == "allow":
            create(ConnectionName="main", ProviderType="GitHub")
        else:
            code, _ = refused(create, ConnectionName="main", ProviderType="Bitbucket")
            assert code == "InvalidInputException"
        assert len(cloud.client().list_connections()["Connections"]) == count


def test_connections_are_seen_from_every_region_of_their_account(cloud: Cloud) -> None:
    arn = available_connection(cloud)
    elsewhere = cloud.client(region="ap-southeast-2")
    assert [one["ConnectionArn"] for one in elsewhere.list_connections()["Connections"]] == [arn]
    assert elsewhere.get_connection(ConnectionArn=arn)["Connection"]["ConnectionArn"] == arn
    stranger = cloud.client(account="999988887777")
    assert stranger.list_connections()["Connections"] == []
    for operation in (stranger.get_connection, stranger.delete_connection):
        assert refused(operation, ConnectionArn=arn)[0] == "ResourceNotFoundException"


def test_another_region_may_write_unless_told_otherwise(start: Start) -> None:
    cloud = start(foreign_region_writes="refuse")
    arn = available_connection(cloud)
    elsewhere = cloud.client(region="us-east-1")
    tags = [{"Key": "a", "Value": "b"}]
    answers = [
        refused(elsewhere.delete_connection, ConnectionArn=arn),
        refused(elsewhere.tag_resource, ResourceArn=arn, Tags=tags),
    ]
    assert [code for code, _ in answers] == ["ResourceNotFoundException"] * 2
    assert elsewhere.list_tags_for_resource(ResourceArn=arn)["Tags"] == []
    cloud = start()
    arn = available_connection(cloud)
    cloud.client(region="us-east-1").tag_resource(ResourceArn=arn, Tags=tags)
    cloud.client(region="us-east-1").delete_connection(ConnectionArn=arn)
    assert cloud.client().list_connections()["Connections"] == []


def test_lists_are_filtered_by_provider_and_host(cloud: Cloud) -> None:
    host = create_host(cloud)
    client = cloud.client()
    client.create_connection(ConnectionName="a", ProviderType="GitHub")
    client.create_connection(ConnectionName="b", HostArn=host)
    client.create_connection(ConnectionName="c", ProviderType="Bitbucket")

    def names(**filters: str) -> list[str]:
        found = client.list_connections(**filters)["Connections"]
        return [one["ConnectionName"] for one in found]

    assert names() == ["a", "b", "c"]
    assert names(ProviderTypeFilter="Bitbucket") == ["c"]
    assert names(HostArnFilter=host) == ["b"]
    assert names(HostArnFilter=host, ProviderTypeFilter="GitHub") == []
    code, _ = refused(client.list_connections, HostArnFilter=host + "0")
    assert code == "ResourceNotFoundException"


def test_deleting_a_connection_leaves_its_links(cloud: Cloud) -> None:
    arn = available_connection(cloud)
    client = cloud.client()
    link = client.create_repository_link(ConnectionArn=arn, OwnerId="o", RepositoryName="r")
    client.delete_connection(ConnectionArn=arn)
    assert client.list_repository_links()["RepositoryLinks"] == [link["RepositoryLinkInfo"]]


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_partition_follows_the_region(region: str, partition: str, cloud: Cloud) -> None:
    made = cloud.client(region=region).create_connection(ConnectionName="a", ProviderType="GitHub")
    assert made["ConnectionArn"].startswith(f"arn:{partition}:codeconnections:{region}:")
