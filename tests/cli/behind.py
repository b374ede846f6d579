"""Somebody who changes things behind the program's back, with a client of AWS's own making."""

from __future__ import annotations

from typing import Any

import boto3

from reconciler.emulator import Emulator
from tests.conftest import REGION

TYPES = {"SyncType": "CFN_STACK_SYNC"}


class Behind:
    """The calls somebody else makes at an emulator."""

    def __init__(self, emulator: Emulator, region: str = REGION) -> None:
        self.emulator = emulator
        self.client: Any = boto3.client(
            "codeconnections", endpoint_url=emulator.url, region_name=region
        )

    def tag(self, arn: str, **tags: str) -> None:
        """Set tags; a double underscore in a name is a dot."""
        pairs = [{"Key": key.replace("__", "."), "Value": value} for key, value in tags.items()]
        self.client.tag_resource(ResourceArn=arn, Tags=pairs)

    def untag(self, arn: str, *keys: str) -> None:
        """Remove tags."""
        self.client.untag_resource(ResourceArn=arn, TagKeys=list(keys))

    def connection(self, name: str, provider: str = "GitHub", **tags: str) -> str:
        """A new connection that somebody has approved; its ARN."""
        made = self.client.create_connection(ConnectionName=name, ProviderType=provider)
        arn: str = made["ConnectionArn"]
        self.emulator.control.approve(arn)
        if tags:
            self.tag(arn, **tags)
        return arn

    def host(self, name: str, url: str, **more: Any) -> str:
        """A new host; its ARN."""
        made = self.client.create_host(
            Name=name, ProviderType="GitHubEnterpriseServer", ProviderEndpoint=url, **more
        )
        arn: str = made["HostArn"]
        return arn

    def link(self, connection: str, owner: str, name: str) -> dict[str, Any]:
        """A new repository link."""
        made = self.client.create_repository_link(
            ConnectionArn=connection, OwnerId=owner, RepositoryName=name
        )
        found: dict[str, Any] = made["RepositoryLinkInfo"]
        return found

    def sync(self, link: str, name: str, branch: str = "main") -> None:
        """A new sync configuration."""
        self.client.create_sync_configuration(
            **TYPES,
            Branch=branch,
            ConfigFile="a.yaml",
            RepositoryLinkId=link,
            ResourceName=name,
            RoleArn="arn:aws:iam::111122223333:role/sync",
        )

    def arn_of(self, name: str) -> str:
        """The ARN of the connection or host of this name."""
        reply = self.client.list_connections(MaxResults=100)
        listed = reply["Connections"]
        while token := reply.get("NextToken"):
            reply = self.client.list_connections(MaxResults=100, NextToken=token)
            listed += reply["Connections"]
        held = {one["ConnectionName"]: one["ConnectionArn"] for one in listed}
        held |= {one["Name"]: one["HostArn"] for one in self.client.list_hosts()["Hosts"]}
        return str(held[name])
