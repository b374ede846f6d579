"""A server with a clock of its own, real boto3 clients of it, and what tests ask of both."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from reconciler.emulator import Control, Emulator, Settings

SERVICES = ("codeconnections", "codestar-connections")
ACCOUNT = "111122223333"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/git-sync"
SYNC = "CFN_STACK_SYNC"
VPC = {
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": ["subnet-0123456789abcdef0"],
    "SecurityGroupIds": ["sg-0123456789abcdef0"],
}


class Clock:
    """Epoch seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


class Cloud:
    """A running server, its clock, and clients of it."""

    def __init__(self, stack: ExitStack, settings: Settings) -> None:
        self.clock = Clock()
        self.emulator = stack.enter_context(Emulator(settings, clock=self.clock))
        self.url = self.emulator.url
        self.control: Control = self.emulator.control
        self._stack = stack
        self._clients: dict[tuple[str | None, ...], Any] = {}

    def client(
        self,
        service: str = "codeconnections",
        *,
        account: str = ACCOUNT,
        region: str = REGION,
        token: str | None = None,
    ) -> Any:
        """A boto3 client that sends every request once; the same one for the same arguments."""
        key = (service, account, region, token)
        if key not in self._clients:
            client = boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=account,
                aws_secret_access_key="any",
                aws_session_token=token,
                config=Config(retries={"total_max_attempts": 1}),
            )
            self._stack.callback(client.close)
            self._clients[key] = client
        return self._clients[key]


Start = Callable[..., Cloud]


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """The code and text of the error that a call must end in."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    answer = error.value.response["Error"]
    return answer["Code"], answer["Message"]


def available_connection(cloud: Cloud, name: str = "main", provider: str = "GitHub") -> str:
    """The ARN of a new connection whose handshake is done."""
    arn: str = cloud.client().create_connection(ConnectionName=name, ProviderType=provider)[
        "ConnectionArn"
    ]
    cloud.control.approve(arn)
    return arn


def repository_link(cloud: Cloud, repository: str = "network") -> str:
    """The id of a new repository link, over a connection of its own."""
    arn = available_connection(cloud, repository[:32])
    link = cloud.client().create_repository_link(
        ConnectionArn=arn, OwnerId="acme", RepositoryName=repository
    )
    found: str = link["RepositoryLinkInfo"]["RepositoryLinkId"]
    return found


def sync_configuration(cloud: Cloud, link_id: str, stack: str = "prod", **more: str) -> Any:
    """A new sync configuration of a link."""
    wanted = {"Branch": "main", "ConfigFile": "deploy.yaml", "RoleArn": ROLE, **more}
    created = cloud.client().create_sync_configuration(
        RepositoryLinkId=link_id, ResourceName=stack, SyncType=SYNC, **wanted
    )
    return created["SyncConfiguration"]
