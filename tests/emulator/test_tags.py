"""Tags of every kind that has them."""

import pytest

from tests.emulator.cloud import Cloud, Start, available_connection, refused, repository_link

TAGS = [{"Key": "team", "Value": "platform"}, {"Key": "env", "Value": ""}]


def test_tags_given_at_creation_are_there(cloud: Cloud) -> None:
    client = cloud.client()
    made = client.create_connection(ConnectionName="a", ProviderType="GitHub", Tags=TAGS)
    assert made["Tags"] == TAGS
    assert client.list_tags_for_resource(ResourceArn=made["ConnectionArn"])["Tags"] == TAGS


def test_tags_are_added_replaced_and_taken_away(cloud: Cloud) -> None:
    link_id = repository_link(cloud)
    client = cloud.client()
    arn = client.get_repository_link(RepositoryLinkId=link_id)["RepositoryLinkInfo"][
        "RepositoryLinkArn"
    ]
    client.tag_resource(ResourceArn=arn, Tags=TAGS)
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "other"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["env", "never-there"])
    found = client.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert found == [{"Key": "team", "Value": "other"}]


def test_tags_go_with_their_object(cloud: Cloud) -> None:
    arn = available_connection(cloud)
    client = cloud.client()
    client.tag_resource(ResourceArn=arn, Tags=TAGS)
    client.delete_connection(ConnectionArn=arn)
    codes = [
        refused(client.list_tags_for_resource, ResourceArn=arn)[0],
        refused(client.tag_resource, ResourceArn=arn, Tags=TAGS)[0],
        refused(client.untag_resource, ResourceArn=arn, TagKeys=["team"])[0],
    ]
    assert codes == ["ResourceNotFoundException"] * 3


@pytest.mark.parametrize("key", ["aws:cloudformation:stack-name", "AWS:x"])
def test_reserved_keys_are_refused(key: str, cloud: Cloud) -> None:
    arn = available_connection(cloud)
    client = cloud.client()
    tags = [{"Key": key, "Value": "x"}]
    codes = [
        refused(client.tag_resource, ResourceArn=arn, Tags=tags)[0],
        refused(client.untag_resource, ResourceArn=arn, TagKeys=[key])[0],
        refused(client.create_connection, ConnectionName="b", ProviderType="GitHub", Tags=tags)[0],
    ]
    assert codes == ["ValidationException", "ValidationException", "InvalidInputException"]
    assert len(client.list_connections()["Connections"]) == 1


def test_a_key_is_given_once(cloud: Cloud) -> None:
    arn = available_connection(cloud)
    tags = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    code, _ = refused(cloud.client().tag_resource, ResourceArn=arn, Tags=tags)
    assert code == "ValidationException"


def test_links_answer_bad_tags_with_the_error_they_declare(cloud: Cloud) -> None:
    code, _ = refused(
        cloud.client().create_repository_link,
        ConnectionArn=available_connection(cloud),
        OwnerId="o",
        RepositoryName="r",
        Tags=[{"Key": "aws:x", "Value": "x"}],
    )
    assert code == "InvalidInputException"


def test_too_many_tags_change_nothing(start: Start) -> None:
    cloud = start()
    arn = available_connection(cloud)
    client = cloud.client()
    fifty = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    client.tag_resource(ResourceArn=arn, Tags=fifty)
    more = [{"Key": "k0", "Value": "new"}, {"Key": "one-more", "Value": ""}]
    assert refused(client.tag_resource, ResourceArn=arn, Tags=more)[0] == "LimitExceededException"
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == fifty


def test_hosts_are_tagged_in_their_region(cloud: Cloud) -> None:
    host = cloud.client().create_host(
        Name="h", ProviderType="GitLabSelfManaged", ProviderEndpoint="https://h.example", Tags=TAGS
    )
    arn = host["HostArn"]
    assert cloud.client().list_tags_for_resource(ResourceArn=arn)["Tags"] == TAGS
    elsewhere = cloud.client(region="us-east-1")
    code, _ = refused(elsewhere.list_tags_for_resource, ResourceArn=arn)
    assert code == "ResourceNotFoundException"
