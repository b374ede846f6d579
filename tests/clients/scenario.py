"""One visit to all 27 operations: a client's driver and a running emulator in, assertions out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from tests.emulator.cloud import ACCOUNT, REGION, ROLE, SYNC, VPC, Cloud
from tests.emulator.test_operations import model

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123"
NO_LINK = "00000000-0000-0000-0000-000000000000"
STACKS = ("network-prod", "network-stage", "network-test")
SHA = "a" * 40


class Refused(Exception):
    """An error answer as a client shows it to its user."""

    def __init__(self, code: str, message: str, exception: str) -> None:
        super().__init__(f"{exception}: {code}: {message}")
        self.code = code
        self.message = message
        self.exception = exception
        """The name of the client's own exception type, the code's own name for a modelled error."""


class Driver(Protocol):
    """A client in the API's spelling: members are PascalCase, timestamps aware datetimes."""

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """The reply to one call, or `Refused`."""

    def pages(self, operation: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Every page of a list, by the client's own paging where it has one."""


@dataclass(frozen=True)
class Visit:
    """A client of one service name, and the emulator it talks to."""

    driver: Driver
    service: str
    cloud: Cloud

    def call(self, operation: str, **parameters: Any) -> Any:
        """The reply to one call."""
        return self.driver.call(operation, parameters)

    def refusal(self, operation: str, **parameters: Any) -> Refused:
        """The error that a call must end in."""
        with pytest.raises(Refused) as caught:
            self.driver.call(operation, parameters)
        return caught.value

    def refused(self, code: str, operation: str, **parameters: Any) -> None:
        """A call must end in this modelled error, as the client's own exception for it."""
        refusal = self.refusal(operation, **parameters)
        assert (refusal.code, refusal.exception) == (code, code), refusal
        assert refusal.message

    def pages_of(self, operation: str, items: str, name: str, **parameters: Any) -> list[list[str]]:
        """What the items of each page are called."""
        pages = self.driver.pages(operation, parameters)
        return [[item[name] for item in page[items]] for page in pages]

    def arn(self, resource: str) -> str:
        """An ARN as this service name makes them."""
        return f"arn:aws:{self.service}:{REGION}:{ACCOUNT}:{resource}"

    def status(self, connection: str) -> str:
        """A connection's status."""
        found: str = self.call("GetConnection", ConnectionArn=connection)["Connection"][
            "ConnectionStatus"
        ]
        return found

    def now(self) -> datetime:
        """The emulator's time."""
        return datetime.fromtimestamp(self.cloud.clock(), tz=UTC)


def visit_everything(driver: Driver, service: str, cloud: Cloud) -> None:
    """Calls every operation through the driver and checks each reply and the request log."""
    visit = Visit(driver, service, cloud)
    host = hosts(visit)
    connection = connections(visit, host)
    tags(visit, host)
    link = repository_links(visit, connection)
    sync_configurations(visit, link)
    attempts(visit, link)
    blockers(visit)
    deletions(visit, host, connection, link)
    log = cloud.control.requests()
    names = set(model(service).operation_names)
    assert len(names) == 27
    assert {one.operation for one in log if one.error is None} == names
    callers = {(one.service, one.account, one.region) for one in log}
    assert callers == {(service, ACCOUNT, REGION)}


def hosts(visit: Visit) -> str:
    """Three hosts, the first in a VPC and approved by a person; gives its ARN."""
    team = [{"Key": "team", "Value": "platform"}]
    created = visit.call(
        "CreateHost",
        Name="ghes",
        ProviderType="GitHubEnterpriseServer",
        ProviderEndpoint="https://git.example.com",
        VpcConfiguration=VPC | {"TlsCertificate": "-----BEGIN CERTIFICATE-----\nMIIB"},
        Tags=team,
    )
    host: str = created["HostArn"]
    assert host.startswith(visit.arn("host/ghes-"))
    assert created["Tags"] == team
    expected = {
        "Name": "ghes",
        "ProviderType": "GitHubEnterpriseServer",
        "ProviderEndpoint": "https://git.example.com",
        "VpcConfiguration": VPC,
        "Status": "VPC_CONFIG_INITIALIZING",
    }
    assert visit.call("GetHost", HostArn=host) == expected
    moved = {"HostArn": host, "ProviderEndpoint": "https://code.example.com"}
    visit.refused("ConflictException", "UpdateHost", **moved)
    visit.cloud.clock.tick(visit.cloud.emulator.settings.vpc_seconds)
    assert visit.call("UpdateHost", **moved) == {}
    changed = {"ProviderEndpoint": "https://code.example.com", "Status": "PENDING"}
    assert visit.call("GetHost", HostArn=host) == expected | changed
    visit.cloud.control.approve(host)
    assert visit.call("GetHost", HostArn=host)["Status"] == "AVAILABLE"
    visit.refused("UnsupportedOperationException", "UpdateHost", **moved)
    for name in ("second", "third"):
        endpoint = f"https://{name}.example.com"
        provider = "GitLabSelfManaged"
        visit.call("CreateHost", Name=name, ProviderType=provider, ProviderEndpoint=endpoint)
    names = visit.pages_of("ListHosts", "Hosts", "Name", MaxResults=2)
    assert names == [["ghes", "second"], ["third"]]
    arns = visit.pages_of("ListHosts", "Hosts", "HostArn", MaxResults=1)
    assert arns[0] == [host]
    return host


def connections(visit: Visit, host: str) -> str:
    """Three connections, one of them through the host; gives the approved one's ARN."""
    hosted = visit.call("CreateConnection", ConnectionName="ghes-main", HostArn=host)
    expected = {
        "ConnectionName": "ghes-main",
        "ConnectionArn": hosted["ConnectionArn"],
        "ProviderType": "GitHubEnterpriseServer",
        "OwnerAccountId": ACCOUNT,
        "ConnectionStatus": "PENDING",
        "HostArn": host,
    }
    found = visit.call("GetConnection", ConnectionArn=hosted["ConnectionArn"])
    assert found == {"Connection": expected}
    tags = [{"Key": "größe", "Value": "x & <y>"}]
    wanted = {"ConnectionName": "main", "ProviderType": "GitHub", "Tags": tags}
    created = visit.call("CreateConnection", **wanted)
    main: str = created["ConnectionArn"]
    assert main.startswith(visit.arn("connection/"))
    assert created["Tags"] == tags
    visit.call("CreateConnection", ConnectionName="spare", ProviderType="GitHub")

    paged = ("ListConnections", "Connections", "ConnectionName")
    assert visit.pages_of(*paged, MaxResults=2) == [["ghes-main", "main"], ["spare"]]
    github = visit.pages_of(*paged, MaxResults=1, ProviderTypeFilter="GitHub")
    assert github == [["main"], ["spare"]]
    assert visit.pages_of(*paged, HostArnFilter=host) == [["ghes-main"]]

    visit.refused("ResourceNotFoundException", "GetConnection", ConnectionArn=main + "0")
    long = visit.refusal("CreateConnection", ConnectionName="n" * 33, ProviderType="GitHub")
    assert long.code == "ValidationException"
    assert "at 'connectionName' failed to satisfy constraint" in long.message
    visit.refused("ResourceUnavailableException", "DeleteHost", HostArn=host)
    assert visit.status(main) == "PENDING"
    visit.cloud.control.approve(main)
    assert visit.status(main) == "AVAILABLE"
    return main


def tags(visit: Visit, host: str) -> None:
    """Tags are added, replaced and taken away."""
    added = [{"Key": "cost", "Value": "42"}, {"Key": "team", "Value": "network"}]
    assert visit.call("TagResource", ResourceArn=host, Tags=added) == {}
    listed = visit.call("ListTagsForResource", ResourceArn=host)["Tags"]
    assert sorted(listed, key=lambda tag: str(tag["Key"])) == added
    assert visit.call("UntagResource", ResourceArn=host, TagKeys=["team"]) == {}
    assert visit.call("ListTagsForResource", ResourceArn=host)["Tags"] == added[:1]
    visit.refused("ResourceNotFoundException", "ListTagsForResource", ResourceArn=host + "0")


def repository_links(visit: Visit, connection: str) -> str:
    """Three links; gives the first one's id."""
    ids = []
    for name in ("network", "storage", "web"):
        wanted = {"ConnectionArn": connection, "OwnerId": "acme", "RepositoryName": name}
        created = visit.call("CreateRepositoryLink", **wanted)["RepositoryLinkInfo"]
        link = str(created["RepositoryLinkId"])
        derived = {
            "ProviderType": "GitHub",
            "RepositoryLinkArn": visit.arn(f"repository-link/{link}"),
            "RepositoryLinkId": link,
        }
        assert created == wanted | derived
        ids.append(link)
        visit.refused("ResourceAlreadyExistsException", "CreateRepositoryLink", **wanted)
    paged = visit.pages_of(
        "ListRepositoryLinks", "RepositoryLinks", "RepositoryLinkId", MaxResults=2
    )
    assert paged == [ids[:2], ids[2:]]
    updated = visit.call("UpdateRepositoryLink", RepositoryLinkId=ids[0], EncryptionKeyArn=KEY)
    assert updated["RepositoryLinkInfo"]["EncryptionKeyArn"] == KEY
    assert visit.call("GetRepositoryLink", RepositoryLinkId=ids[0]) == updated
    return ids[0]


def sync_configurations(visit: Visit, link: str) -> None:
    """Three stacks follow the link's repository."""
    where = {"RepositoryLinkId": link, "SyncType": SYNC}
    expected: dict[str, Any] = {}
    for stack in STACKS:
        named = {"ResourceName": stack, "SyncType": SYNC}
        wanted = {
            "Branch": "main",
            "ConfigFile": f"deploy/{stack}.yaml",
            "RoleArn": ROLE,
            "PublishDeploymentStatus": "ENABLED",
            "TriggerResourceUpdateOn": "FILE_CHANGE",
        }
        derived = {"OwnerId": "acme", "ProviderType": "GitHub", "RepositoryName": "network"}
        expected = where | named | wanted | derived
        created = visit.call("CreateSyncConfiguration", **where, ResourceName=stack, **wanted)
        assert created == {"SyncConfiguration": expected}
    paged = visit.pages_of(
        "ListSyncConfigurations", "SyncConfigurations", "ResourceName", **where, MaxResults=2
    )
    assert paged == [list(STACKS[:2]), list(STACKS[2:])]
    last = {"ResourceName": STACKS[2], "SyncType": SYNC}
    moved = visit.call("UpdateSyncConfiguration", **last, Branch="live")
    assert moved == {"SyncConfiguration": expected | {"Branch": "live"}}
    assert visit.call("GetSyncConfiguration", **last) == moved
    definitions = visit.call("ListRepositorySyncDefinitions", **where)
    assert definitions["RepositorySyncDefinitions"][2] == {
        "Branch": "live",
        "Directory": f"deploy/{STACKS[2]}.yaml",
        "Parent": STACKS[2],
        "Target": STACKS[2],
    }
    missing = where | {"RepositoryLinkId": NO_LINK}
    visit.refused("ResourceNotFoundException", "ListSyncConfigurations", **missing)


def attempts(visit: Visit, link: str) -> None:
    """A sync succeeds, the next one fails."""
    stack = {"ResourceName": STACKS[0], "SyncType": SYNC}
    branch = {"RepositoryLinkId": link, "SyncType": SYNC, "Branch": "main"}
    visit.refused("ResourceNotFoundException", "GetResourceSyncStatus", **stack)
    visit.cloud.control.record_sync(STACKS[0], "SUCCEEDED", sha=SHA)
    succeeded = visit.now()
    visit.cloud.clock.tick(60)
    visit.cloud.control.record_sync(STACKS[0], "FAILED", events=["The template is broken."])

    latest = visit.call("GetRepositorySyncStatus", **branch)["LatestSync"]
    assert (latest["Status"], latest["StartedAt"]) == ("FAILED", visit.now())
    event = {"Event": "The template is broken.", "Time": visit.now(), "Type": "FAILED"}
    assert latest["Events"] == [event]

    status = visit.call("GetResourceSyncStatus", **stack)
    assert status["LatestSync"]["Status"] == "FAILED"
    assert status["LatestSync"]["Target"] == STACKS[0]
    assert status["LatestSync"]["InitialRevision"]["Sha"] == SHA
    assert status["LatestSuccessfulSync"]["StartedAt"] == succeeded
    assert status["LatestSuccessfulSync"]["Events"] == []
    assert status["DesiredState"] == status["LatestSync"]["TargetRevision"]
    assert status["DesiredState"]["Directory"] == f"deploy/{STACKS[0]}.yaml"


def blockers(visit: Visit) -> None:
    """A blocker is seen, and resolved with a reason."""
    stack = {"ResourceName": STACKS[0], "SyncType": SYNC}
    contexts = {"change-set": "cs-1"}
    blocker = visit.cloud.control.record_blocker(STACKS[0], "A failure", contexts=contexts)
    created = visit.now()
    active = {
        "Id": blocker,
        "Type": "AUTOMATED",
        "Status": "ACTIVE",
        "CreatedReason": "A failure",
        "CreatedAt": created,
        "Contexts": [{"Key": "change-set", "Value": "cs-1"}],
    }
    summary = visit.call("GetSyncBlockerSummary", **stack)["SyncBlockerSummary"]
    assert summary["ResourceName"] == STACKS[0]
    assert summary["LatestBlockers"] == [active]
    visit.cloud.clock.tick(1.25)
    reason = {"ResolvedReason": "Mended by hand"}
    visit.refused(
        "SyncBlockerDoesNotExistException", "UpdateSyncBlocker", **stack, **reason, Id="x"
    )
    answer = visit.call("UpdateSyncBlocker", **stack, **reason, Id=blocker)
    resolved = active | reason | {"Status": "RESOLVED", "ResolvedAt": visit.now()}
    assert answer["SyncBlocker"] == resolved
    assert answer["ResourceName"] == STACKS[0]
    summary = visit.call("GetSyncBlockerSummary", **stack)["SyncBlockerSummary"]
    assert summary["LatestBlockers"] == [resolved]


def deletions(visit: Visit, host: str, connection: str, link: str) -> None:
    """Everything goes, from the stacks up; what is used cannot go."""
    named = {"RepositoryLinkId": link}
    visit.refused("SyncConfigurationStillExistsException", "DeleteRepositoryLink", **named)
    for stack in STACKS:
        assert visit.call("DeleteSyncConfiguration", ResourceName=stack, SyncType=SYNC) == {}
    assert visit.call("DeleteRepositoryLink", **named) == {}
    visit.refused("ResourceNotFoundException", "GetRepositoryLink", **named)
    assert visit.call("DeleteConnection", ConnectionArn=connection) == {}
    (hosted,) = visit.call("ListConnections", HostArnFilter=host)["Connections"]
    assert visit.call("DeleteConnection", ConnectionArn=hosted["ConnectionArn"]) == {}
    assert visit.call("DeleteHost", HostArn=host) == {}
    assert visit.call("GetHost", HostArn=host)["Status"] == "VPC_CONFIG_DELETING"
    visit.cloud.clock.tick(visit.cloud.emulator.settings.vpc_seconds)
    visit.refused("ResourceNotFoundException", "GetHost", HostArn=host)
