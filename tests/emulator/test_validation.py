"""Violations of the service model: AWS's sentences, all of a request at once, nothing stored."""

import json
from typing import Any

import pytest

from tests.emulator.cloud import ROLE, SYNC, VPC, Cloud, refused
from tests.emulator.raw import Raw

HOST = {
    "Name": "h",
    "ProviderType": "GitHubEnterpriseServer",
    "ProviderEndpoint": "https://h.example",
}
PROVIDERS = (
    "[Bitbucket, GitHub, GitHubEnterpriseServer, GitLab, GitLabSelfManaged, AzureDevOps, "
    "GitHubEnterpriseCloudDataResidency]"
)
CONNECTION_ARN = (
    r"arn:aws(-[\w]+)*:(codestar-connections|codeconnections):[a-z0-9\-]+:[0-9]{12}"
    r":connection\/[\w\-]+"
)
UUID = r"^[0-9a-fA-F]{8}\b-[0-9a-fA-F]{4}\b-[0-9a-fA-F]{4}\b-[0-9a-fA-F]{4}\b-[0-9a-fA-F]{12}$"
SUBNET = (
    "Member must satisfy constraint: [Member must have length less than or equal to 24, "
    "Member must have length greater than or equal to 15, "
    r"Member must satisfy regular expression pattern: subnet-\w{8}(\w{9})?]"
)


def one(value: str, path: str, constraint: str) -> str:
    return (
        f"1 validation error detected: Value {value} at '{path}' "
        f"failed to satisfy constraint: {constraint}"
    )


CASES: list[tuple[str, dict[str, Any], str]] = [
    (
        "CreateConnection",
        {"ConnectionName": "n" * 33, "ProviderType": "GitHub"},
        one(f"'{'n' * 33}'", "connectionName", "Member must have length less than or equal to 32"),
    ),
    (
        "CreateConnection",
        {"ProviderType": "GitHub"},
        one("null", "connectionName", "Member must not be null"),
    ),
    (
        "CreateConnection",
        {"ConnectionName": None},
        one("null", "connectionName", "Member must not be null"),
    ),
    (
        "CreateConnection",
        {"ConnectionName": "a", "ProviderType": "Nope"},
        one("'Nope'", "providerType", f"Member must satisfy enum value set: {PROVIDERS}"),
    ),
    (
        "CreateConnection",
        {"ConnectionName": "a", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "", "Value": "v"}]},
        one("''", "tags.2.member.key", "Member must have length greater than or equal to 1"),
    ),
    (
        "ListConnections",
        {"MaxResults": 101},
        one("'101'", "maxResults", "Member must have value less than or equal to 100"),
    ),
    (
        "ListConnections",
        {"MaxResults": -1},
        one("'-1'", "maxResults", "Member must have value greater than or equal to 0"),
    ),
    (
        "GetConnection",
        {"ConnectionArn": "nope"},
        one(
            "'nope'",
            "connectionArn",
            f"Member must satisfy regular expression pattern: {CONNECTION_ARN}",
        ),
    ),
    (
        "CreateHost",
        {**HOST, "VpcConfiguration": {**VPC, "SubnetIds": []}},
        one(
            "'[]'",
            "vpcConfiguration.subnetIds",
            "Member must have length greater than or equal to 1",
        ),
    ),
    (
        "CreateHost",
        {**HOST, "VpcConfiguration": {**VPC, "SubnetIds": ["subnet-01234567"] * 11}},
        one(
            f"'[{', '.join(['subnet-01234567'] * 11)}]'",
            "vpcConfiguration.subnetIds",
            "Member must have length less than or equal to 10",
        ),
    ),
    (
        "CreateHost",
        {**HOST, "VpcConfiguration": {**VPC, "SubnetIds": ["subnet-01234567", "x"]}},
        one("'[subnet-01234567, x]'", "vpcConfiguration.subnetIds", SUBNET),
    ),
    (
        "CreateHost",
        {**HOST, "VpcConfiguration": {"SubnetIds": VPC["SubnetIds"], "SecurityGroupIds": ["sg-x"]}},
        "2 validation errors detected: Value null at 'vpcConfiguration.vpcId' failed to satisfy "
        "constraint: Member must not be null; "
        "Value '[sg-x]' at 'vpcConfiguration.securityGroupIds' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must have length less than or equal to 20, "
        "Member must have length greater than or equal to 11, "
        r"Member must satisfy regular expression pattern: sg-\w{8}(\w{9})?]",
    ),
    (
        "GetRepositoryLink",
        {"RepositoryLinkId": "zz"},
        one("'zz'", "repositoryLinkId", f"Member must satisfy regular expression pattern: {UUID}"),
    ),
    (
        "CreateSyncConfiguration",
        {
            "Branch": "b",
            "ConfigFile": "c",
            "RepositoryLinkId": "00000000-0000-4000-8000-000000000000",
            "ResourceName": "-a.b",
            "RoleArn": ROLE,
            "SyncType": SYNC,
        },
        one(
            "'-a.b'",
            "resourceName",
            r"Member must satisfy regular expression pattern: ^[0-9A-Za-z]+[0-9A-Za-z_\\-]*$",
        ),
    ),
    (
        "UntagResource",
        {"ResourceArn": "arn:aws:x:y:111122223333:z", "TagKeys": ["k"] * 201},
        one(
            f"'[{', '.join(['k'] * 201)}]'",
            "tagKeys",
            "Member must have length less than or equal to 200",
        ),
    ),
]


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    CASES,
    ids=[f"{operation}-{number}" for number, (operation, _, _) in enumerate(CASES)],
)
def test_a_violation_is_told_in_aws_words(
    operation: str, parameters: dict[str, Any], text: str, cloud: Cloud
) -> None:
    status, answer = Raw(cloud).call(operation, parameters)
    assert (status, answer) == (
        400,
        {"__type": "com.amazon.coral.validate#ValidationException", "Message": text},
    )
    assert [request.error for request in cloud.control.requests()] == ["ValidationException"]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"ConnectionName": 5}, "NUMBER_VALUE can not be converted to a String"),
        ({"ConnectionName": True}, "TRUE_VALUE can not be converted to a String"),
        ({"ConnectionName": []}, "Start of list found where not expected"),
        ({"ConnectionName": "a", "Tags": "x"}, "STRING_VALUE can not be converted to a list"),
        (
            {"ConnectionName": "a", "Tags": {}},
            "Start of structure or map found where not expected.",
        ),
        ({"ConnectionName": "a", "Tags": [None]}, "NULL_VALUE can not be converted to a structure"),
        ([], "Start of list found where not expected"),
    ],
)
def test_a_wrong_type_is_a_serialization_error(parameters: Any, text: str, cloud: Cloud) -> None:
    status, answer = Raw(cloud).call("CreateConnection", parameters)
    assert (status, answer) == (
        400,
        {"__type": "com.amazon.coral.service#SerializationException", "Message": text},
    )


def test_true_is_no_number(cloud: Cloud) -> None:
    _, answer = Raw(cloud).call("ListHosts", {"MaxResults": True})
    assert answer["Message"] == "TRUE_VALUE can not be converted to an Integer"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'"\xff"',
        b'{"MaxResults": NaN}',
        b'{"ConnectionName": "\\ud800"}',
        b"[" * 100_000,
        b'{"MaxResults": ' + b"1" * 5000 + b"}",
    ],
    ids=["cut", "no-utf-8", "nan", "half-a-character", "deep", "long-number"],
)
def test_a_body_that_is_no_json_is_a_serialization_error(body: bytes, cloud: Cloud) -> None:
    status, answer = Raw(cloud).send("CreateConnection", body)
    assert status == 400
    assert json.loads(answer)["__type"] == "com.amazon.coral.service#SerializationException"


def test_unknown_and_null_members_are_ignored(cloud: Cloud) -> None:
    parameters = {"ConnectionName": "a", "ProviderType": "GitHub", "HostArn": None, "New": {"a": 1}}
    assert Raw(cloud).call("CreateConnection", parameters)[0] == 200


def test_the_older_service_ignores_what_only_the_newer_knows(cloud: Cloud) -> None:
    code, text = refused(
        cloud.client("codestar-connections").list_connections, ProviderTypeFilter="AzureDevOps"
    )
    assert code == "ValidationException"
    assert text.endswith("[Bitbucket, GitHub, GitHubEnterpriseServer, GitLab, GitLabSelfManaged]")


def test_patterns_match_whole_values_and_ascii_letters(cloud: Cloud) -> None:
    raw = Raw(cloud)
    for parameters in (
        {**HOST, "VpcConfiguration": {**VPC, "VpcId": "vpc-éééééééé"}},
        {**HOST, "VpcConfiguration": {**VPC, "VpcId": "vpc-01234567\n"}},
    ):
        _, answer = raw.call("CreateHost", parameters)
        assert answer["__type"] == "com.amazon.coral.validate#ValidationException"
    assert raw.call("CreateHost", HOST)[0] == 200
