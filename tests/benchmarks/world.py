"""An account made up by rule: how many objects of each kind goes in; the replies that AWS would
give about them, and files that declare just them, come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/git-sync"
PAGE = 100
"""The most that AWS lists at once."""
PLACE = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}"
ITEMS = {
    "ListHosts": "Hosts",
    "ListConnections": "Connections",
    "ListRepositoryLinks": "RepositoryLinks",
    "ListSyncConfigurations": "SyncConfigurations",
}


@dataclass(frozen=True, slots=True)
class World:
    """How many there are of each; every connection is approved, and every object has an owner."""

    hosts: int = 0
    connections: int = 0
    links: int = 0
    syncs: int = 0

    @classmethod
    def halves(cls, resources: int) -> World:
        """Half connections, half repository links."""
        return cls(connections=resources - resources // 2, links=resources // 2)

    @property
    def resources(self) -> int:
        """How many objects there are."""
        return self.hosts + self.connections + self.links + self.syncs

    @property
    def calls(self) -> int:
        """The fewest calls that read them all: each list in pages, the sync configurations of each
        link, and the tags of each object that takes any."""
        pages = sum(max(1, -(-n // PAGE)) for n in (self.hosts, self.connections, self.links))
        return pages + self.links + self.hosts + self.connections + self.links

    def items(self, operation: str, link: str = "") -> list[dict[str, Any]]:
        """What a List operation lists, whole."""
        match operation:
            case "ListHosts":
                return [self._host(n) for n in range(self.hosts)]
            case "ListConnections":
                return [_connection(n) for n in range(self.connections)]
            case "ListRepositoryLinks":
                return [self._link(n) for n in range(self.links)]
            case _:
                number = int(link[-12:], 16)
                return [_sync(number)] if number < self.syncs else []

    def answer(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The reply to a call, a page of 100 at a time."""
        if operation == "ListTagsForResource":
            return {"Tags": tags(parameters["ResourceArn"])}
        items = self.items(operation, parameters.get("RepositoryLinkId", ""))
        start = int(parameters.get("NextToken", 0))
        end = start + min(PAGE, int(parameters.get("MaxResults", PAGE)))
        more = {"NextToken": str(end)} if end < len(items) else {}
        return {ITEMS[operation]: items[start:end], **more}

    def document(self) -> str:
        """Desired state that is just this."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from ("version: 1", "owner: platform")
        for section, count in (("hosts", self.hosts), ("connections", self.connections)):
            yield f"{section}:" if count else f"{section}: []"
            for n in range(count):
                yield f"  - name: team-{n:06d}"
                if section == "hosts":
                    yield "    provider_type: GitHubEnterpriseServer"
                    yield f"    provider_endpoint: https://git{n}.example.com"
                else:
                    yield "    provider_type: GitHub"
                yield f"    tags: {{team: team-{n % 40}, cost-centre: '{n % 97:04d}', stage: prod}}"
        yield "repository_links:" if self.links else "repository_links: []"
        for n in range(self.links):
            yield "  - owner_id: acme"
            yield f"    repository_name: service-{n:06d}"
            yield f"    connection: team-{n % self.connections:06d}"
        yield "sync_configurations:" if self.syncs else "sync_configurations: []"
        for n in range(self.syncs):
            yield f"  - resource_name: stack-{n:06d}"
            yield f"    repository: acme/service-{n:06d}"
            yield "    branch: main"
            yield "    config_file: deploy.yaml"
            yield f"    role_arn: {ROLE}"

    def _host(self, n: int) -> dict[str, Any]:
        return {
            "Name": f"team-{n:06d}",
            "HostArn": f"{PLACE}:host/team-{n:06d}/{n:08x}",
            "ProviderType": "GitHubEnterpriseServer",
            "ProviderEndpoint": f"https://git{n}.example.com",
            "Status": "AVAILABLE",
        }

    def _link(self, n: int) -> dict[str, Any]:
        return {
            "RepositoryLinkArn": f"{PLACE}:repository-link/{_uuid(n)}",
            "RepositoryLinkId": _uuid(n),
            "ConnectionArn": _arn(n % self.connections),
            "OwnerId": "acme",
            "ProviderType": "GitHub",
            "RepositoryName": f"service-{n:06d}",
        }


QUOTAS = World(hosts=50, connections=250, links=100, syncs=100)
"""An account and Region that is full: 500 objects, 505 calls."""
SMALL = World(connections=12, links=7, syncs=1)
"""20 objects, 29 calls."""


def tags(arn: str) -> list[dict[str, str]]:
    """The tags of an object; links have none but the owner's."""
    found = {"reconciler.owner": "platform"}
    if ":repository-link/" not in arn:
        end = arn.rpartition("/")[2]
        n = int(end[-12:], 16)
        found |= {"team": f"team-{n % 40}", "cost-centre": f"{n % 97:04d}", "stage": "prod"}
    return [{"Key": key, "Value": value} for key, value in found.items()]


def _connection(n: int) -> dict[str, Any]:
    return {
        "ConnectionName": f"team-{n:06d}",
        "ConnectionArn": _arn(n),
        "ProviderType": "GitHub",
        "OwnerAccountId": ACCOUNT,
        "ConnectionStatus": "AVAILABLE",
    }


def _sync(n: int) -> dict[str, Any]:
    return {
        "ResourceName": f"stack-{n:06d}",
        "RepositoryLinkId": _uuid(n),
        "RepositoryName": f"service-{n:06d}",
        "OwnerId": "acme",
        "ProviderType": "GitHub",
        "SyncType": "CFN_STACK_SYNC",
        "Branch": "main",
        "ConfigFile": "deploy.yaml",
        "RoleArn": ROLE,
    }


def _arn(n: int) -> str:
    return f"{PLACE}:connection/{_uuid(n)}"


def _uuid(n: int) -> str:
    return f"12345678-1234-1234-1234-{n:012x}"
