"""Every operation of both services, called by boto3 where there is something to answer."""

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from reconciler.emulator.catalogue import services
from tests.emulator.cloud import ROLE, SERVICES, SYNC, VPC, Cloud, Start


def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def host_and_connections(client: Any, control: Any) -> str:
    """Calls every operation of hosts, connections and tags; gives the ARN of a connection."""
    host = client.create_host(
        Name="ghes",
        ProviderType="GitHubEnterpriseServer",
        ProviderEndpoint="https://git.example.com",
        VpcConfiguration=VPC,
        Tags=[{"Key": "team", "Value": "a"}],
    )["HostArn"]
    assert client.list_hosts()["Hosts"][0]["HostArn"] == host
    control.approve(host)
    client.tag_resource(ResourceArn=host, Tags=[{"Key": "team", "Value": "b"}])
    client.untag_resource(ResourceArn=host, TagKeys=["team"])
    assert client.list_tags_for_resource(ResourceArn=host)["Tags"] == []
    hosted = client.create_connection(ConnectionName="hosted", HostArn=host)["ConnectionArn"]
    found = client.get_connection(ConnectionArn=hosted)["Connection"]
    assert found["ProviderType"] == "GitHubEnterpriseServer"
    client.delete_connection(ConnectionArn=hosted)
    client.delete_host(HostArn=host)
    pending = client.create_host(
        Name="second", ProviderType="GitLabSelfManaged", ProviderEndpoint="https://a.example.com"
    )["HostArn"]
    client.update_host(HostArn=pending, ProviderEndpoint="https://b.example.com")
    assert client.get_host(HostArn=pending)["ProviderEndpoint"] == "https://b.example.com"
    arn: str = client.create_connection(ConnectionName="main", ProviderType="GitHub")[
        "ConnectionArn"
    ]
    control.approve(arn)
    assert [one["ConnectionArn"] for one in client.list_connections()["Connections"]] == [arn]
    return arn


def links_and_syncs(client: Any, control: Any, connection: str) -> None:
    """Calls every operation of repository links, sync configurations, attempts and blockers."""
    link = client.create_repository_link(
        ConnectionArn=connection, OwnerId="acme", RepositoryName="network"
    )["RepositoryLinkInfo"]
    link_id = {"RepositoryLinkId": link["RepositoryLinkId"]}
    assert client.get_repository_link(**link_id)["RepositoryLinkInfo"] == link
    assert client.list_repository_links()["RepositoryLinks"] == [link]
    client.update_repository_link(**link_id, ConnectionArn=connection)
    stack = {"SyncType": SYNC, "ResourceName": "prod"}
    client.create_sync_configuration(
        **stack, **link_id, Branch="main", ConfigFile="a.yaml", RoleArn=ROLE
    )
    client.update_sync_configuration(**stack, Branch="live")
    found = client.get_sync_configuration(**stack)["SyncConfiguration"]
    assert found["Branch"] == "live"
    listed = client.list_sync_configurations(**link_id, SyncType=SYNC)
    assert listed["SyncConfigurations"] == [found]
    definitions = client.list_repository_sync_definitions(**link_id, SyncType=SYNC)
    assert definitions["RepositorySyncDefinitions"][0]["Parent"] == "prod"
    control.record_sync("prod")
    client.get_repository_sync_status(**link_id, Branch="live", SyncType=SYNC)
    client.get_resource_sync_status(**stack)
    blocker = control.record_blocker("prod", "the template is broken")
    client.update_sync_blocker(**stack, Id=blocker, ResolvedReason="mended")
    blockers = client.get_sync_blocker_summary(**stack)["SyncBlockerSummary"]["LatestBlockers"]
    assert [one["Status"] for one in blockers] == ["RESOLVED"]
    client.delete_sync_configuration(**stack)
    client.delete_repository_link(**link_id)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_of_the_model_is_served(service: str, start: Start) -> None:
    cloud = start(vpc_seconds=0)
    client = cloud.client(service)
    connection = host_and_connections(client, cloud.control)
    links_and_syncs(client, cloud.control, connection)
    requests = cloud.control.requests()
    assert [one for one in requests if one.error] == []
    assert {one.operation for one in requests} == set(model(service).operation_names)
    assert len(model(service).operation_names) == 27
    assert {one.service for one in requests} == {service}


@pytest.mark.parametrize("service", SERVICES)
def test_arns_carry_the_name_of_the_service_that_made_them(service: str, cloud: Cloud) -> None:
    client = cloud.client(service)
    arn = client.create_connection(ConnectionName="a", ProviderType="GitHub")["ConnectionArn"]
    assert arn.startswith(f"arn:aws:{service}:eu-west-1:111122223333:connection/")


@pytest.mark.parametrize("service", SERVICES)
def test_either_service_sees_what_the_other_made(service: str, cloud: Cloud) -> None:
    other = SERVICES[1 - SERVICES.index(service)]
    made = cloud.client(service).create_connection(ConnectionName="a", ProviderType="GitHub")
    seen = cloud.client(other).list_connections()["Connections"]
    assert [one["ConnectionArn"] for one in seen] == [made["ConnectionArn"]]
    cloud.client(other).delete_connection(ConnectionArn=made["ConnectionArn"])
    assert cloud.client(service).list_connections()["Connections"] == []


def test_the_older_service_passes_a_provider_through_that_it_does_not_know(cloud: Cloud) -> None:
    cloud.client().create_connection(ConnectionName="a", ProviderType="AzureDevOps")
    listed = cloud.client("codestar-connections").list_connections()["Connections"]
    assert [one["ProviderType"] for one in listed] == ["AzureDevOps"]


def test_mutating_operations_are_told_from_reads() -> None:
    reads = {
        name
        for service in services().values()
        for name, operation in service.operations.items()
        if not operation.mutating
    }
    assert all(name.startswith(("Get", "List")) for name in reads)
    assert "GetResources" in reads
    assert len(reads) == 14


def test_the_log_keeps_parameters_as_sent(cloud: Cloud) -> None:
    cloud.client().create_connection(ConnectionName="a", ProviderType="GitHub")
    cloud.client(region="us-east-1").list_hosts()
    wrote, read = cloud.control.requests()
    assert (wrote.sequence, wrote.operation, wrote.mutating) == (1, "CreateConnection", True)
    assert wrote.parameters == {"ConnectionName": "a", "ProviderType": "GitHub"}
    assert (wrote.account, wrote.region, wrote.time) == ("111122223333", "eu-west-1", cloud.clock())
    assert (read.region, read.mutating, read.error) == ("us-east-1", False, None)
    assert cloud.control.requests(after=1) == [read]
    assert cloud.control.requests(mutating_only=True) == [wrote]
