"""Makes clients of what AWS users configure: profile, Region, endpoint and credentials in, clients
with this program's own time and retry limits out."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from reconciler import __version__
from reconciler.aws.masking import hide, one_line
from reconciler.errors import TargetError

CONNECT_SECONDS = 5
READ_SECONDS = 10
WRITE_SECONDS = 30
"""How long a silent server is waited for; the time of one that drips bytes is not bounded."""
LEAST_SECONDS = 1.0
"""How long a read may always take: less would take a slow network for a silent one."""
LOGIN_ATTEMPTS = 3
"""Fewer than for reads: what is wrong first is most often the endpoint, and it stays wrong."""
SERVICES = ("codeconnections", "codestar-connections")
ELSEWHERE = ("events", "s3", "sns")
"""Services that are not where the target is: each has its own setting for another endpoint."""
_UNSET = {
    **{
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
    },
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""All that a session of botocore looks up in the environment and in files, as if nobody had set it:
name in files, name in the environment, default, conversion."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and as whom to run; what is unset comes from AWS's own settings."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    service: str = SERVICES[0]
    parallelism: int = 16
    access_key: tuple[str, str] | None = None
    write_seconds: float = WRITE_SECONDS
    agent: str = f"reconciler/{__version__}"
    """What AWS is told about who calls; CloudTrail keeps it as the user agent."""
    patience: float = math.inf
    """Seconds after which a read that failed on the way is not made again, and which none waits
    longer for an answer: for what has to end in time."""
    isolated: bool = False
    """Whether AWS's own settings, and proxies, are left alone: they are about other servers."""

    @property
    def read_seconds(self) -> float:
        """How long a read waits for an answer."""
        return min(READ_SECONDS, max(LEAST_SECONDS, self.patience))


class Session:
    """The clients of one target."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        key, secret = settings.access_key or (None, None)
        core = botocore.session.Session(session_vars=_UNSET if settings.isolated else None)
        core.register_component("data_loader", _shared_loader())
        with explained(settings):
            self._session = boto3.Session(
                botocore_session=core,
                profile_name=settings.profile,
                region_name=settings.region,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
            )

    @property
    def region(self) -> str:
        """The Region of the target."""
        if (region := self._session.region_name) is None:
            raise TargetError("no Region: give --region or set AWS_REGION")
        return str(region)

    def account(self) -> str:
        """The id of the account that the credentials belong to, as STS answers it."""
        with explained(self.settings):
            seconds = self.settings.read_seconds
            client = self.client("sts", attempts=LOGIN_ATTEMPTS, seconds=seconds)
            try:
                return str(client.get_caller_identity()["Account"])
            except (ResponseParserError, KeyError) as error:
                where = client.meta.endpoint_url
                text = f"{where} does not answer like AWS: check --endpoint-url and proxies"
                raise TargetError(text) from error

    def client(self, service: str, *, attempts: int, seconds: float, region: str = "") -> Any:
        """A client that sends each request at most `attempts` times, whatever the user's AWS
        settings say: a create that is sent twice can make two objects. Each time it waits
        `seconds` for an answer. It is for the target's Region unless one is given. Some services
        have their own setting for another endpoint, such as AWS_ENDPOINT_URL_S3."""
        with explained(self.settings):
            _refuse_secrets(self.settings.endpoint_url or "")
            make: Any = self._session.client  # boto3-stubs would list every service here
            client = make(
                service,
                endpoint_url=None if service in ELSEWHERE else self.settings.endpoint_url,
                region_name=region or self.region,
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=seconds,
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    max_pool_connections=max(10, self.settings.parallelism),
                    user_agent_extra=self.settings.agent,
                    proxies={} if self.settings.isolated else None,
                ),
            )
            _refuse_secrets(client.meta.endpoint_url)  # whatever setting it comes from
            client.meta.events.register("before-send", self._hide_credentials)
            return client

    def _hide_credentials(self, **_: object) -> None:
        """Keep what a request was just signed with out of what its reply may make somebody tell:
        credentials change in time."""
        if (found := self._session.get_credentials()) is not None:
            used = found.get_frozen_credentials()
            hide(used.secret_key, used.token)


def _refuse_secrets(endpoint: str) -> None:
    """Refuse an endpoint URL that holds credentials: it is shown, noted, and used without them."""
    if "@" in endpoint:
        text = "the endpoint URL holds a user name or a password, which is never used"
        raise TargetError(f"{text}: take out what stands before the @")


@cache
def _shared_loader() -> Loader:
    """One loader for every session: it keeps the service models it has read, which is most of what
    a client costs to make."""
    return create_loader()


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn what boto3 raises about credentials, Regions and endpoints into `TargetError`."""
    try:
        yield
    except ProfileNotFound as error:
        profile = error.kwargs["profile"]
        raise TargetError(f"profile {profile} is not in your AWS configuration") from error
    except NoRegionError as error:
        raise TargetError("no Region: give --region or set AWS_REGION") from error
    except NoCredentialsError as error:
        raise TargetError("no AWS credentials: give --profile or set AWS_PROFILE") from error
    except (EndpointConnectionError, HTTPClientError) as error:
        where = settings.endpoint_url or "the AWS endpoint"
        raise TargetError(f"{where} cannot be reached: {one_line(error)}") from error
    except ClientError as error:
        raise TargetError(f"AWS refuses these credentials: {one_line(error)}") from error
    except (BotoCoreError, ValueError) as error:
        raise TargetError(f"AWS cannot be used as configured: {one_line(error)}") from error
