"""A service every text of which is somebody's choice: texts go in, an `Api` with a pair of objects
of each kind for each text comes out, and a server that answers the same over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.resource import Call
from tests.cli.servers import BODY, Answer, Behaviour, error, logged_in
from tests.conftest import ACCOUNT, REGION

ARN = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:"
SYNC_READS = frozenset(
    {
        *("GetRepositorySyncStatus", "GetResourceSyncStatus", "GetSyncBlockerSummary"),
        "ListRepositorySyncDefinitions",
    }
)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/git-sync"


def declared(count: int) -> str:
    """Files that declare what each text is a wrong value of."""
    rows: dict[str, list[dict[str, Any]]] = {
        "hosts": [
            {
                "name": f"h{n}",
                "provider_type": "GitHubEnterpriseServer",
                "provider_endpoint": f"https://{n}.example.com",
                "vpc_configuration": {
                    "vpc_id": "vpc-01234567",
                    "subnet_ids": ["subnet-01234567"],
                    "security_group_ids": ["sg-01234567"],
                },
                "tags": {},
            }
            for n in range(count)
        ],
        "connections": [
            {"name": f"c{n}", "provider_type": "GitHub", "tags": {"k": "v"}} for n in range(count)
        ],
        "repository_links": [
            {
                "owner_id": "acme",
                "repository_name": f"r{n}",
                "connection": f"c{n}",
                "encryption_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
            }
            for n in range(count)
        ],
        "sync_configurations": [
            {
                "resource_name": f"s{n}",
                "repository": f"acme/r{n}",
                "branch": "main",
                "config_file": "a.yaml",
                "role_arn": ROLE,
            }
            for n in range(count)
        ],
    }
    return json.dumps({"version": 1, "owner": "platform", **rows})


class HostileApi:
    """Answers reads only. Of each kind there is, for each text, one object that is declared and has
    the text in every field, and one that nobody declares and that has it for a name."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {
            "Hosts": [],
            "Connections": [],
            "RepositoryLinks": [],
        }
        self.syncs: dict[str, list[dict[str, Any]]] = {}
        self.tags: dict[str, list[dict[str, str]]] = {}
        for number, text in enumerate(texts):
            self._add(number, text)

    def _add(self, n: int, text: str) -> None:
        vpc = {
            "VpcId": text,
            "SubnetIds": [text],
            "SecurityGroupIds": [text],
            "TlsCertificate": text,
        }
        about = {
            "ProviderType": text,
            "VpcConfiguration": vpc,
            "StatusMessage": text,
            "Status": text,
        }
        for name, arn in ((f"h{n}", f"host/h{n}"), (text, f"host/{n}{text}")):
            host = {"Name": name, "HostArn": ARN + arn, "ProviderEndpoint": f"{text}{n}"}
            self._have("Hosts", {**host, **about}, host["HostArn"], text)
        for name, arn in ((f"c{n}", f"connection/c{n}"), (text, f"connection/{n}{text}")):
            connection = {"ConnectionName": name, "ConnectionArn": ARN + arn, "ProviderType": text}
            connection |= {"ConnectionStatus": text, "OwnerAccountId": text, "HostArn": text}
            self._have("Connections", connection, ARN + arn, text)
        for owner, name, id_ in (("acme", f"r{n}", f"l{n}"), (text, text, f"{n}{text}")):
            arn = f"{ARN}repository-link/{id_}"
            link = {"RepositoryLinkId": id_, "RepositoryLinkArn": arn, "ConnectionArn": text}
            link |= {"OwnerId": owner, "RepositoryName": name, "ProviderType": text}
            self._have("RepositoryLinks", {**link, "EncryptionKeyArn": text}, arn, text)
            stack = f"s{n}" if owner == "acme" else text
            sync = {"ResourceName": stack, "RepositoryLinkId": id_, "SyncType": "CFN_STACK_SYNC"}
            sync |= dict.fromkeys(("Branch", "ConfigFile", "RoleArn", "OwnerId"), text)
            sync |= dict.fromkeys(("RepositoryName", "ProviderType", "PullRequestComment"), text)
            self.syncs[id_] = [sync]

    def _have(self, kind: str, item: dict[str, Any], arn: str, text: str) -> None:
        """Every second declared object is of an owner who is the text, too."""
        is_declared = len(self.lists[kind]) % 2 == 0
        of_theirs = is_declared and len(self.lists[kind]) % 4 == 0
        self.lists[kind].append(item)
        self.tags[arn] = [
            {"Key": "reconciler.owner", "Value": text if of_theirs else "platform"},
            {"Key": text, "Value": text},
        ]
        if not is_declared:
            self.tags[arn].append({"Key": "reconciler.protect", "Value": text})

    def read(self, calls: Sequence[Call]) -> Iterator[Mapping[str, Any]]:
        """The replies to List calls."""
        return (self.answer(call.operation, call.parameters) for call in calls)

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The reply to one call that reads."""
        if operation in SYNC_READS:
            return self._history(operation, next(iter(parameters.values())))
        kind = operation.removeprefix("List")
        if kind == "TagsForResource":
            return {"Tags": self.tags[parameters["ResourceArn"]]}
        if kind == "SyncConfigurations":
            return {kind: self.syncs[parameters["RepositoryLinkId"]]}
        return {kind: self.lists[kind]}

    def _history(self, operation: str, name: str) -> Mapping[str, Any]:
        """What happened to syncs, in the words of an object's first text."""
        text = next(
            (
                sync["Branch"]
                for syncs in self.syncs.values()
                for sync in syncs
                if name in (sync["ResourceName"], sync["RepositoryLinkId"])
            ),
            name,
        )
        attempt = {"StartedAt": 1.7e9, "Status": text}
        attempt["Events"] = [{"Event": text, "Time": 1.7e9, "Type": text, "ExternalId": text}]
        if operation == "GetRepositorySyncStatus":
            return {"LatestSync": attempt}
        blocker = {"Id": text, "Type": text, "Status": "ACTIVE", "CreatedReason": text}
        blocker |= {"CreatedAt": 1.7e9, "Contexts": [{"Key": text, "Value": text}]}
        revision = dict.fromkeys(("Branch", "Directory", "OwnerId", "RepositoryName"), text)
        revision |= {"ProviderType": text, "Sha": text}
        definition = dict.fromkeys(("Branch", "Directory", "Parent", "Target"), text)
        return {
            "LatestSync": {
                **attempt,
                "InitialRevision": revision,
                "TargetRevision": revision,
                "Target": text,
            },
            "SyncBlockerSummary": {"ResourceName": text, "LatestBlockers": [blocker]},
            "RepositorySyncDefinitions": [definition],
        }

    def write(self, call: Call) -> Mapping[str, Any]:
        """Nothing is written."""
        raise NotImplementedError


def serving(api: HostileApi, refusal: Callable[[], str] = str) -> Behaviour:
    """The same over HTTP; every call but those that list, or tell how syncs go, is refused in these
    words."""

    def behave(operation: str) -> Answer:
        if operation.startswith("List") or operation in SYNC_READS:
            return Answer(200, json.dumps(api.answer(operation, json.loads(BODY.get()))))
        return error("ValidationException", refusal())

    return logged_in(behave)
