"""Makes clients of what AWS users configure: profile, Region, endpoint and credentials in, clients
with this program's own time and retry limits out."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from threading import Lock
from typing import Any, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader, instance_cache
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
class Role:
    """A role to assume, by its ARN, and how."""

    arn: str
    session_name: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and as whom to run; what is unset comes from AWS's own settings."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    service: str = SERVICES[0]
    parallelism: int = 32
    access_key: tuple[str, str] | None = None
    write_seconds: float = WRITE_SECONDS
    agent: str = f"reconciler/{__version__}"
    """What AWS is told about who calls; CloudTrail keeps it as the user agent."""
    patience: float = math.inf
    """Seconds after which a read that failed on the way is not made again, and which none waits
    longer for an answer: for what has to end in time."""
    role: Role | None = None
    """Whom to run as; the profile's credentials have to be allowed to assume it."""
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
        self._account, self._agent = "", ""
        assume = None if settings.role is None else partial(self._assumed, settings.role)
        self._session = self._opened(assume)

    def _opened(self, assume: Callable[[], dict[str, str]] | None = None) -> boto3.Session:
        """A session with the user's own credentials, or with those that `assume` gets."""
        key, secret = self.settings.access_key or (None, None)
        core = botocore.session.Session(
            _UNSET if self.settings.isolated else None,
            event_hooks=copy(_shared_hooks()),
            include_builtin_handlers=False,
        )
        core.register_component("data_loader", _shared_loader())
        if assume is not None:
            core.register_component("credential_provider", CredentialResolver([_Assuming(assume)]))
        with explained(self.settings):
            self._agent = _agent(self.settings.agent, core.get_config_variable("user_agent_appid"))
            return boto3.Session(
                botocore_session=core,
                profile_name=self.settings.profile,
                region_name=self.settings.region,
                aws_access_key_id=None if assume else key,
                aws_secret_access_key=None if assume else secret,
            )

    def _assumed(self, role: Role) -> dict[str, str]:
        """Credentials of a role, in the form that botocore refreshes."""
        more = {"ExternalId": role.external_id} if role.external_id is not None else {}
        client = _login(replace(self.settings, role=None))
        try:
            reply = client.assume_role(RoleArn=role.arn, RoleSessionName=role.session_name, **more)
            self._account = reply["AssumedRoleUser"]["Arn"].split(":")[4]
            found = reply["Credentials"]
            return {
                "access_key": found["AccessKeyId"],
                "secret_key": found["SecretAccessKey"],
                "token": found["SessionToken"],
                "expiry_time": found["Expiration"].isoformat(),
            }
        except ClientError as error:
            _logins.cache_clear()  # its credentials may have ended, and others be there by now
            hint = "check its name, whom it trusts, and the external id that it asks for"
            raise TargetError(f"{role.arn} cannot be assumed: {one_line(error)}: {hint}") from error
        except (ResponseParserError, LookupError) as error:
            raise TargetError(_not_aws(client)) from error

    @property
    def region(self) -> str:
        """The Region of the target."""
        if (region := self._session.region_name) is None:
            raise TargetError("no Region: give --region or set AWS_REGION")
        return str(region)

    def account(self) -> str:
        """The id of the account that the credentials belong to, as STS answers it."""
        with explained(self.settings):
            if self.settings.role is not None:
                cast(Any, self._session.get_credentials()).get_frozen_credentials()
                return self._account
            client = self.login()
            try:
                return str(client.get_caller_identity()["Account"])
            except (ResponseParserError, KeyError) as error:
                raise TargetError(_not_aws(client)) from error

    def login(self) -> Any:
        """A client of STS."""
        seconds = self.settings.read_seconds
        return self.client("sts", attempts=LOGIN_ATTEMPTS, seconds=seconds)

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
                    # Without one of its own botocore makes another for every call.
                    user_agent=self._agent,
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


class _Assuming(CredentialProvider):
    """Gets the credentials of a role when they are first needed, and before they end."""

    METHOD = CANONICAL_NAME = "assume-role"

    def __init__(self, assume: Callable[[], dict[str, str]]) -> None:
        super().__init__()
        self._assume = assume

    def load(self) -> DeferredRefreshableCredentials:
        """The credentials, not asked for yet."""
        return DeferredRefreshableCredentials(self._assume, self.METHOD)


def _agent(ours: str, app: str | None) -> str:
    """A user agent in the form of the SDKs' own, with what users name their application:
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html"""
    named = re.sub("[^!#$%&'*+.^_`|~0-9A-Za-z-]", "-", app or "")
    return f"{ours} lib/botocore#{botocore.__version__}" + f" app/{named}" * bool(named)


def _not_aws(client: Any) -> str:
    where = client.meta.endpoint_url
    return f"{where} does not answer like AWS: check --endpoint-url and proxies"


_LOGGING_IN = Lock()


def _login(settings: Settings) -> Any:
    """The client of STS that roles are assumed with: one for all targets that log in alike, which
    most of the time is all of a Region."""
    with _LOGGING_IN:  # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html
        return _logins(settings)


@lru_cache(maxsize=64)
def _logins(settings: Settings) -> Any:
    return Session(settings).login()


def _refuse_secrets(endpoint: str) -> None:
    """Refuse an endpoint URL that holds credentials: it is shown, noted, and used without them."""
    if "@" in endpoint:
        text = "the endpoint URL holds a user name or a password, which is never used"
        raise TargetError(f"{text}: take out what stands before the @")


class _Loader(Loader):
    """Finds service models without looking through the folders of all other services."""

    @instance_cache
    def list_available_services(self, type_name: str) -> list[str]:
        """The services that there is anything of; what of it is found when it is loaded."""
        folders = filter(os.path.isdir, self.search_paths)
        return sorted({name for folder in folders for name in os.listdir(folder)})


@cache
def _shared_loader() -> Loader:
    """One loader for every session: it keeps the service models it has read, which is most of what
    a client costs to make."""
    return _Loader()


@cache
def _shared_hooks() -> HierarchicalEmitter:
    """What botocore does around every call, such as signing, for sessions to copy: to put it
    together is half of what a session costs to make."""
    hooks = HierarchicalEmitter()
    botocore.session.Session(event_hooks=hooks)
    return hooks


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
