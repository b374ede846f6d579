"""A reply that the service's model does not allow is named with the place in it, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest

from reconciler.aws.shapes import misfit

ARN = "arn:aws:codeconnections:eu-west-1:111122223333:connection/1"
CONNECTION = {"ConnectionArn": ARN, "ConnectionName": "a", "ConnectionStatus": "NEW ONE"}
LINK = {
    "RepositoryLinkId": "1",
    "RepositoryLinkArn": "arn:link",
    "ConnectionArn": ARN,
    "OwnerId": "acme",
    "RepositoryName": "net",
    "ProviderType": "GitHub",
}
SYNC = {
    "ResourceName": "s",
    "RepositoryLinkId": "1",
    "Branch": "main",
    "OwnerId": "acme",
    "RepositoryName": "net",
    "ProviderType": "GitHub",
    "RoleArn": "arn:role",
    "SyncType": "CFN_STACK_SYNC",
}
STATUS = {"Status": "SUCCEEDED", "StartedAt": 1.5, "Events": []}


def without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


FITTING: list[tuple[str, Any]] = [
    ("ListConnections", {}),
    ("ListConnections", {"Connections": None, "NextToken": None}),
    ("ListConnections", {"Connections": [CONNECTION, {}], "NextToken": "x", "New": [{}]}),
    ("ListRepositoryLinks", {"RepositoryLinks": [{**LINK, "EncryptionKeyArn": None}]}),
    ("ListSyncConfigurations", {"SyncConfigurations": [{**SYNC, "New": 1}]}),
    ("ListTagsForResource", {"Tags": [{"Key": "a", "Value": ""}]}),
    ("GetRepositorySyncStatus", {"LatestSync": STATUS}),
    ("GetRepositorySyncStatus", {"LatestSync": {**STATUS, "StartedAt": "2024-01-01T00:00:00Z"}}),
    ("DeleteConnection", {"Whatever": 1}),
]
UNFIT: list[tuple[str, Any, str]] = [
    ("ListConnections", [], " is not an object"),
    ("ListConnections", {"NextToken": ["x"]}, "NextToken is not text"),
    ("ListConnections", {"NextToken": {"x": 1}}, "NextToken is not text"),
    ("ListConnections", {"Connections": "none"}, "Connections is not a list"),
    ("ListConnections", {"Connections": {"a": {}}}, "Connections is not a list"),
    ("ListConnections", {"Connections": [CONNECTION, None]}, "Connections[1] is not an object"),
    ("ListConnections", {"Connections": ["a"]}, "Connections[0] is not an object"),
    (
        "ListConnections",
        {"Connections": [CONNECTION, CONNECTION, {**CONNECTION, "ConnectionArn": 7}]},
        "Connections[2].ConnectionArn is not text",
    ),
    (
        "ListConnections",
        {"Connections": [{**CONNECTION, "ConnectionStatus": 5}]},
        "Connections[0].ConnectionStatus is not text",
    ),
    (
        "ListConnections",
        {"Connections": [{**CONNECTION, "ProviderType": ["GitHub"]}]},
        "Connections[0].ProviderType is not text",
    ),
    (
        "ListHosts",
        {"Hosts": [{"VpcConfiguration": {"VpcId": "v", "SubnetIds": "subnet-1"}}]},
        "Hosts[0].VpcConfiguration.SubnetIds is not a list",
    ),
    (
        "ListHosts",
        {"Hosts": [{"VpcConfiguration": {"VpcId": "v", "SubnetIds": []}}]},
        "Hosts[0].VpcConfiguration.SecurityGroupIds is missing",
    ),
    (
        "ListRepositoryLinks",
        {"RepositoryLinks": [{**LINK, "RepositoryLinkArn": ["arn:link"]}]},
        "RepositoryLinks[0].RepositoryLinkArn is not text",
    ),
    ("ListRepositoryLinks", {}, "RepositoryLinks is missing"),
    (
        "ListSyncConfigurations",
        {"SyncConfigurations": [{**SYNC, "Branch": {}}]},
        "SyncConfigurations[0].Branch is not text",
    ),
    (
        "ListSyncConfigurations",
        {"SyncConfigurations": [without(SYNC, "RepositoryLinkId")]},
        "SyncConfigurations[0].RepositoryLinkId is missing",
    ),
    ("ListTagsForResource", {"Tags": [{"Key": "a"}]}, "Tags[0].Value is missing"),
    ("ListTagsForResource", {"Tags": [{"Key": "a", "Value": None}]}, "Tags[0].Value is missing"),
    ("ListTagsForResource", {"Tags": [{"Key": "a", "Value": {}}]}, "Tags[0].Value is not text"),
    ("ListTagsForResource", {"Tags": [{"Key": True, "Value": "b"}]}, "Tags[0].Key is not text"),
    ("CreateConnection", {"Tags": []}, "ConnectionArn is missing"),
    ("GetConnection", {"Connection": "a"}, "Connection is not an object"),
    (
        "GetRepositorySyncStatus",
        {"LatestSync": {**STATUS, "StartedAt": True}},
        "LatestSync.StartedAt is not a time",
    ),
]


def judged(operation: str, reply: Any) -> str:
    model = botocore.session.Session().get_service_model("codeconnections")
    return misfit(model.operation_model(operation).output_shape, json.loads(json.dumps(reply)))


@pytest.mark.parametrize(("operation", "reply"), FITTING)
def test_what_the_model_allows_passes(operation: str, reply: Any) -> None:
    assert judged(operation, reply) == ""


@pytest.mark.parametrize(("operation", "reply", "words"), UNFIT)
def test_what_it_does_not_allow_is_named(operation: str, reply: Any, words: str) -> None:
    assert judged(operation, reply) == words
