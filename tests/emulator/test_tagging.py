"""GetResources of the Resource Groups Tagging API, as real boto3 asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.cloud import (
    ACCOUNT,
    VPC,
    Cloud,
    Start,
    available_connection,
    refused,
    repository_link,
)
from tests.emulator.raw import Raw

TAG = {"Key": "team", "Value": "a"}
TARGET = "ResourceGroupsTaggingAPI_20170126"
SERVICE = "resourcegroupstaggingapi"


def connections(cloud: Cloud, count: int, **tags: str) -> list[str]:
    """Connections by their ARNs, each with these tags."""
    return [
        cloud.client().create_connection(
            ConnectionName=f"c{number}",
            ProviderType="GitHub",
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )["ConnectionArn"]
        for number in range(count)
    ]


def found(cloud: Cloud, region: str = "eu-west-1", **asked: Any) -> dict[str, dict[str, str]]:
    """The tags of each resource on all pages."""
    pages = cloud.client(SERVICE, region=region).get_paginator("get_resources").paginate(**asked)
    return {
        one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        for page in pages
        for one in page["ResourceTagMappingList"]
    }


def test_what_is_tagged_is_found_by_its_arn(cloud: Cloud) -> None:
    client, old = cloud.client(), cloud.client("codestar-connections")
    link = client.get_repository_link(RepositoryLinkId=repository_link(cloud))
    host = old.create_host(
        Name="h", ProviderType="GitHubEnterpriseServer", ProviderEndpoint="https://git.example.com"
    )
    arns = [
        link["RepositoryLinkInfo"]["RepositoryLinkArn"],
        host["HostArn"],
        old.create_connection(ConnectionName="x", ProviderType="GitHub")["ConnectionArn"],
    ]
    for number, arn in enumerate(arns):
        client.tag_resource(ResourceArn=arn, Tags=[{"Key": "n", "Value": str(number)}])
    assert len({arn.split(":")[2] for arn in arns}) == 2
    assert found(cloud, ResourceARNList=arns[:2]) == {arns[0]: {"n": "0"}, arns[1]: {"n": "1"}}
    assert found(cloud) == {arn: {"n": str(number)} for number, arn in enumerate(arns)}


def test_what_never_had_a_tag_is_left_out_and_what_had_one_is_not(cloud: Cloud) -> None:
    never, (once,) = available_connection(cloud, "never"), connections(cloud, 1, team="a")
    cloud.client().untag_resource(ResourceArn=once, TagKeys=["team"])
    gone = once + "0"
    assert found(cloud, ResourceARNList=[never, once, gone]) == {once: {}}
    cloud.client().delete_connection(ConnectionArn=once)
    assert found(cloud, ResourceARNList=[once]) == {}


def test_a_host_is_there_until_its_vpc_is_let_go(start: Start) -> None:
    cloud = start(vpc_seconds=10)
    client = cloud.client()
    arn = client.create_host(
        Name="h",
        ProviderType="GitHubEnterpriseServer",
        ProviderEndpoint="https://git.example.com",
        VpcConfiguration=VPC,
        Tags=[TAG],
    )["HostArn"]
    cloud.clock.tick(11)
    client.delete_host(HostArn=arn)
    assert found(cloud) == {arn: {"team": "a"}}
    cloud.clock.tick(11)
    assert found(cloud) == {}


def test_an_account_and_a_region_see_their_own(cloud: Cloud) -> None:
    (arn,) = connections(cloud, 1, team="a")
    assert found(cloud, "us-east-1", ResourceARNList=[arn]) == {}
    other = cloud.client(SERVICE, account="222233334444")
    assert other.get_resources(ResourceARNList=[arn])["ResourceTagMappingList"] == []
    assert list(found(cloud, ResourceARNList=[arn])) == [arn]


def test_filters_choose_by_tags_and_types(cloud: Cloud) -> None:
    client = cloud.client()
    a, b, c = connections(cloud, 3, team="a")
    client.tag_resource(ResourceArn=b, Tags=[{"Key": "env", "Value": "prod"}])
    client.tag_resource(ResourceArn=c, Tags=[{"Key": "team", "Value": "c"}])
    team: dict[str, Any] = {"Key": "team", "Values": ["a", "z"]}
    assert set(found(cloud, TagFilters=[team])) == {a, b}
    assert set(found(cloud, TagFilters=[team, {"Key": "env"}])) == {b}
    assert set(found(cloud, ResourceTypeFilters=["codeconnections"])) == {a, b, c}
    types = ["codeconnections:host", "codeconnections:connection"]
    assert set(found(cloud, ResourceTypeFilters=types)) == {a, b, c}
    assert found(cloud, ResourceTypeFilters=["codestar-connections", "ec2:instance"]) == {}


@pytest.mark.parametrize("size", [1, 3, 4, 7, 100])
def test_pages_hold_everything_once(size: int, cloud: Cloud) -> None:
    arns = connections(cloud, 7, team="a")
    client = cloud.client(SERVICE)
    seen, token = [], ""
    while True:
        page = client.get_resources(ResourcesPerPage=size, PaginationToken=token)
        assert 1 <= len(page["ResourceTagMappingList"]) <= size
        seen += [one["ResourceARN"] for one in page["ResourceTagMappingList"]]
        token = page["PaginationToken"]
        if not token:
            break
    assert seen == sorted(arns)


ARN = f"arn:aws:codeconnections:eu-west-1:{ACCOUNT}:connection/x"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ResourceARNList": [ARN] * 101},
        {"ResourceARNList": [ARN], "TagFilters": [{"Key": "a"}]},
        {"ResourceARNList": [ARN], "ResourceTypeFilters": ["codeconnections"]},
        {"ResourceARNList": [ARN], "ResourcesPerPage": 10},
        {"ResourceARNList": [ARN], "PaginationToken": "YQ=="},
        {"ResourcesPerPage": 0},
        {"ResourcesPerPage": 101},
        {"TagsPerPage": 99},
        {"PaginationToken": "nonsense!"},
        {"ExcludeCompliantResources": True},
    ],
    ids="+".join,
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, Any], cloud: Cloud) -> None:
    assert refused(cloud.client(SERVICE).get_resources, **wrong)[0] == "InvalidParameterException"


def test_it_may_not_cover_these_services(start: Start) -> None:
    cloud = start(tagging_api_covers=False)
    arns = connections(cloud, 2, team="a")
    assert found(cloud, ResourceARNList=arns) == found(cloud) == {}


def test_what_comes_too_fast_is_throttled_in_its_own_words(start: Start) -> None:
    cloud = start(calls_per_second=0.001)
    client = cloud.client(SERVICE)
    client.get_resources()
    assert refused(client.get_resources) == ("ThrottledException", "Rate exceeded")


def test_what_is_new_may_not_be_seen_yet(cloud: Cloud) -> None:
    from reconciler.emulator import Fault

    arns = connections(cloud, 2, team="a")
    cloud.control.fault(Fault(kind="stale", operation="GetResources", seconds=60))
    assert found(cloud) == {}
    assert set(found(cloud)) == set(arns)


def test_it_speaks_json_1_1_and_nothing_but_this_is_served(cloud: Cloud) -> None:
    (arn,) = connections(cloud, 1, team="a")
    raw = Raw(cloud)
    status, body = raw.send("GetResources", b'{"ResourceARNList": ["%b"]}' % arn.encode(), TARGET)
    assert (status, raw.headers["content-type"]) == (200, "application/x-amz-json-1.1")
    assert b'"Tags": [{"Key": "team", "Value": "a"}]' in body
    status, body = raw.send("GetResources", b'{"ResourcesPerPage": 0}', TARGET)
    assert (status, raw.headers["content-type"]) == (400, "application/x-amz-json-1.1")
    assert b'{"__type": "InvalidParameterException", ' in body
    status, body = raw.send("TagResources", b"{}", TARGET)
    assert status == 400
    assert b"UnknownOperationException" in body
    (kept,) = [one for one in cloud.control.requests() if one.operation == "GetResources"][:1]
    assert (kept.service, kept.mutating, kept.parameters) == (
        SERVICE,
        False,
        {"ResourceARNList": [arn]},
    )


def test_a_wrong_type_is_refused(cloud: Cloud) -> None:
    status, body = Raw(cloud).send("GetResources", b'{"IncludeComplianceDetails": "yes"}', TARGET)
    assert status == 400
    assert b"SerializationException" in body
