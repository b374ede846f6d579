"""Hosts: statuses over time, what may be changed, what may not exist twice, and deletion."""

from typing import Any

import pytest

from tests.emulator.cloud import VPC, Cloud, Start, refused

PLAIN = {
    "Name": "ghes",
    "ProviderType": "GitHubEnterpriseServer",
    "ProviderEndpoint": "https://git.example.com",
}


def create(cloud: Cloud, **changes: Any) -> str:
    arn: str = cloud.client().create_host(**{**PLAIN, **changes})["HostArn"]
    return arn


def status(cloud: Cloud, arn: str) -> str:
    found: str = cloud.client().get_host(HostArn=arn)["Status"]
    return found


def test_the_arn_ends_in_ten_characters_of_the_name_and_eight_of_chance(cloud: Cloud) -> None:
    tail = create(cloud, Name="github-enterprise-host").partition(":host/")[2]
    name, _, chance = tail.rpartition("-")
    assert name == "github-ent"
    assert len(bytes.fromhex(chance)) == 4


def test_a_host_without_vpc_is_pending_until_a_person_approves(cloud: Cloud) -> None:
    arn = create(cloud)
    cloud.clock.tick(1_000_000)
    assert status(cloud, arn) == "PENDING"
    cloud.control.approve(arn)
    assert status(cloud, arn) == "AVAILABLE"


def test_a_vpc_takes_its_time_before_and_after(start: Start) -> None:
    cloud = start(handshake="auto", handshake_seconds=5, vpc_seconds=10)
    client = cloud.client()
    arn = create(cloud, VpcConfiguration=VPC)
    seen = [status(cloud, arn)]
    for seconds in (9.9, 0.1, 4.9, 0.1):
        cloud.clock.tick(seconds)
        seen.append(status(cloud, arn))
    initializing = "VPC_CONFIG_INITIALIZING"
    assert seen == [initializing, initializing, "PENDING", "PENDING", "AVAILABLE"]
    client.delete_host(HostArn=arn)
    assert status(cloud, arn) == "VPC_CONFIG_DELETING"
    assert [one["Status"] for one in client.list_hosts()["Hosts"]] == ["VPC_CONFIG_DELETING"]
    cloud.clock.tick(10)
    assert refused(client.get_host, HostArn=arn)[0] == "ResourceNotFoundException"
    assert client.list_hosts()["Hosts"] == []


def test_only_the_list_tells_arn_and_status_message(cloud: Cloud) -> None:
    arn = create(cloud)
    cloud.control.approve("host/ghes", ok=False, message="no route to the VPC")
    got = cloud.client().get_host(HostArn=arn)
    assert got["Status"] == "VPC_CONFIG_FAILED_INITIALIZATION"
    assert not {"HostArn", "StatusMessage"} & set(got)
    (listed,) = cloud.client().list_hosts()["Hosts"]
    assert (listed["HostArn"], listed["StatusMessage"]) == (arn, "no route to the VPC")


@pytest.mark.parametrize("returned", [False, True])
def test_the_certificate_is_not_given_back_unless_asked(returned: bool, start: Start) -> None:
    cloud = start(return_tls_certificate=returned, vpc_seconds=0)
    arn = create(cloud, VpcConfiguration={**VPC, "TlsCertificate": "PEM"})
    vpc = cloud.client().get_host(HostArn=arn)["VpcConfiguration"]
    assert ("TlsCertificate" in vpc) is returned
    assert vpc["SubnetIds"] == VPC["SubnetIds"]


def test_a_pending_host_can_be_changed(start: Start) -> None:
    cloud = start(vpc_seconds=10)
    client = cloud.client()
    arn = create(cloud, VpcConfiguration=VPC)
    cloud.clock.tick(10)
    client.update_host(HostArn=arn)
    assert status(cloud, arn) == "PENDING"
    other = {**VPC, "SubnetIds": ["subnet-fedcba98"]}
    client.update_host(HostArn=arn, ProviderEndpoint="https://b.example", VpcConfiguration=other)
    assert status(cloud, arn) == "VPC_CONFIG_INITIALIZING"
    found = client.get_host(HostArn=arn)
    assert found["ProviderEndpoint"] == "https://b.example"
    assert found["VpcConfiguration"] == other


def test_update_is_refused_by_status(start: Start) -> None:
    cloud = start(vpc_seconds=10)
    client = cloud.client()
    arn = create(cloud, VpcConfiguration=VPC)
    assert refused(client.update_host, HostArn=arn)[0] == "ConflictException"
    cloud.clock.tick(10)
    cloud.control.approve(arn)
    assert refused(client.update_host, HostArn=arn)[0] == "UnsupportedOperationException"
    client.delete_host(HostArn=arn)
    assert refused(client.update_host, HostArn=arn)[0] == "ResourceUnavailableException"
    cloud.clock.tick(10)
    assert refused(client.update_host, HostArn=arn)[0] == "ResourceNotFoundException"


def test_a_host_without_vpc_cannot_get_one(cloud: Cloud) -> None:
    arn = create(cloud)
    code, _ = refused(cloud.client().update_host, HostArn=arn, VpcConfiguration=VPC)
    assert code == "UnsupportedOperationException"


def test_delete_is_refused_while_vpc_work_runs_or_connections_remain(start: Start) -> None:
    cloud = start(vpc_seconds=10)
    client = cloud.client()
    arn = create(cloud, VpcConfiguration=VPC)
    assert refused(client.delete_host, HostArn=arn)[0] == "ResourceUnavailableException"
    cloud.clock.tick(10)
    made = client.create_connection(ConnectionName="a", HostArn=arn)
    code, text = refused(client.delete_host, HostArn=arn)
    assert (code, "connections" in text) == ("ResourceUnavailableException", True)
    client.delete_connection(ConnectionArn=made["ConnectionArn"])
    client.delete_host(HostArn=arn)
    assert refused(client.delete_host, HostArn=arn)[0] == "ResourceUnavailableException"


def test_a_url_and_a_vpc_serve_one_host(start: Start) -> None:
    cloud = start(vpc_seconds=0)
    client = cloud.client()
    create(cloud, VpcConfiguration=VPC)
    second = {**PLAIN, "ProviderEndpoint": "https://git.example.com/"}
    assert refused(client.create_host, **second) == (
        "ValidationException",
        "A host for the endpoint https://git.example.com/ already exists.",
    )
    third = {**PLAIN, "ProviderEndpoint": "https://c.example", "VpcConfiguration": VPC}
    code, text = refused(client.create_host, **third)
    assert (code, str(VPC["VpcId"]) in text) == ("ValidationException", True)
    other = create(cloud, ProviderEndpoint="https://d.example")
    code, _ = refused(client.update_host, HostArn=other, ProviderEndpoint=PLAIN["ProviderEndpoint"])
    assert code == "ValidationException"
    create(cloud, Name="ghes", ProviderEndpoint="https://e.example")  # names may repeat


def test_a_name_serves_one_host_when_told_so(start: Start) -> None:
    cloud = start(duplicate_host_names="refuse")
    create(cloud)
    again = {**PLAIN, "ProviderEndpoint": "https://b.example"}
    assert refused(cloud.client().create_host, **again)[0] == "ValidationException"


def test_only_self_managed_providers_have_hosts(cloud: Cloud) -> None:
    code, _ = refused(cloud.client().create_host, **{**PLAIN, "ProviderType": "GitHub"})
    assert code == "ValidationException"


def test_the_newer_service_alone_refuses_ghe_com(cloud: Cloud) -> None:
    wanted = {**PLAIN, "ProviderEndpoint": "https://acme.ghe.com"}
    code, text = refused(cloud.client().create_host, **wanted)
    assert (code, text.startswith("The endpoint isn't valid. An endpoint for ")) == (
        "ValidationException",
        True,
    )
    assert cloud.client("codestar-connections").create_host(**wanted)["HostArn"]


def test_an_endpoint_is_any_text(cloud: Cloud) -> None:
    client = cloud.client()
    for endpoint in ("https://[", "git.example.com", "//:x"):
        arn = create(cloud, ProviderEndpoint=endpoint)
        assert client.get_host(HostArn=arn)["ProviderEndpoint"] == endpoint


def test_tags_of_a_host_go_when_it_does(start: Start) -> None:
    cloud = start(vpc_seconds=10)
    arn = create(cloud, VpcConfiguration=VPC, Tags=[{"Key": "a", "Value": "b"}])
    cloud.clock.tick(10)
    client = cloud.client()
    client.delete_host(HostArn=arn)
    assert len(client.list_tags_for_resource(ResourceArn=arn)["Tags"]) == 1
    cloud.clock.tick(10)
    code, _ = refused(client.list_tags_for_resource, ResourceArn=arn)
    assert code == "ResourceNotFoundException"


def test_hosts_belong_to_their_region_and_account(cloud: Cloud) -> None:
    arn = create(cloud)
    for client in (cloud.client(region="us-east-1"), cloud.client(account="999988887777")):
        assert client.list_hosts()["Hosts"] == []
        assert refused(client.get_host, HostArn=arn)[0] == "ResourceNotFoundException"
        client.create_host(**PLAIN)  # its own copy is no duplicate


def test_the_older_service_takes_only_its_own_host_arns(cloud: Cloud) -> None:
    arn = create(cloud)
    code, text = refused(cloud.client("codestar-connections").get_host, HostArn=arn)
    assert code == "ValidationException"
    assert text == (
        f"1 validation error detected: Value '{arn}' at 'hostArn' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: "
        r"arn:aws(-[\w]+)*:codestar-connections:.+:[0-9]{12}:host\/.+"
    )
