"""Opens the target of a run: options go in, an `Api` and the `Target` it belongs to come out. With
`--local` that is an embedded CodeConnections on 127.0.0.1, spoken to like AWS."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from reconciler import __version__
from reconciler.cli.output import tell
from reconciler.cli.state import is_aws
from reconciler.errors import TargetError
from reconciler.resource import Api, Desired, Target

if TYPE_CHECKING:
    from reconciler.aws.api import AwsApi
    from reconciler.aws.session import Session
    from reconciler.emulator import Emulator

LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"
AWS_CONSOLE = "console.aws.amazon.com"
CONSOLES = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
"""The console of the other partitions, by the beginning of their Regions' names:
https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html"""


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """The options of `target_options`."""

    profile: str | None
    region: str | None
    endpoint_url: str | None
    service: str
    parallelism: int
    local: bool
    local_store: str
    local_handshake: Literal["auto", "manual"]
    tags_from: Literal["service", "tagging-api"] = "service"
    account: str = ""
    """The account that the credentials have to be of, if one is insisted on."""
    role: str = ""
    """The ARN of a role to assume, if any."""
    external_id: str | None = None
    session_name: str = ""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> TargetOptions:
        """Those among the options of a command; what only targets of a fleet say may be missing."""
        return cls(**{f.name: options[f.name] for f in fields(cls) if f.name in options})


@dataclass(frozen=True, slots=True)
class Opened:
    """A target, ready to be read. A local one has no AWS session, and its place is a store and not
    an endpoint."""

    api: Api
    target: Target
    place: str
    session: Session | None = None


def check_consistent(context: click.Context) -> None:
    """Refuse options on the command line that would be ignored: a forgotten `--local` must not
    lead to AWS, and with it nothing else says where to run."""
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    local = context.params["local"]
    others = {"local_store", "local_handshake"}
    if local:
        others = {"profile", "endpoint_url", "lock", "preflight"}
    for name in sorted(given & others):
        option = "--" + name.replace("_", "-")
        verb = "does not go with" if local else "needs"
        raise click.UsageError(f"{option} {verb} --local")


@contextmanager
def opened(
    options: TargetOptions,
    desired: Desired,
    *,
    simulate: bool,
    writes: bool,
    patience: float = math.inf,
) -> Iterator[Opened]:
    """The target, for as long as the block runs; only when it `writes` can the run change anything
    there. `simulate` lets the simulated person of the local one act; after `patience` seconds no
    read is made again that failed on the way.

    The local one plays the account and Region that the files insist on, so that files made for a
    real account can be tried unchanged. For the others AWS_REGION counts as for the AWS CLI, which
    boto3 does not know.
    """
    if options.local:
        with _local(options, desired, simulate=simulate, writes=writes) as found:
            yield found
        return
    from reconciler.aws.api import AwsApi

    session = session_of(options, patience=patience)
    api = AwsApi(session, writes=writes)
    _check_service(api, options.service, desired)
    account = session.account()
    if options.account not in ("", account):
        text = f"the credentials are of account {account}, and not of {options.account}"
        raise TargetError(f"{text}: check the role and the profile")
    target = Target(account, session.region, api.endpoint)
    if not is_aws(api.endpoint):
        target = replace(target, console=_literal(api.endpoint))
    for prefix, console in CONSOLES.items():
        if target.region.startswith(prefix):
            target = replace(target, console=target.console.replace(AWS_CONSOLE, console))
    with _reading(api, session, options) as reader:
        yield Opened(reader, target, target.endpoint, session)


@contextmanager
def _reading(api: AwsApi, session: Session, options: TargetOptions) -> Iterator[Api]:
    """The `Api` that a run is given, for as long as the block runs."""
    from reconciler.aws.api import AwsApi
    from reconciler.aws.tagging import SERVICE, TagsTogether

    with closing(api):
        if options.tags_from == "service":
            yield api
            return
        with closing(AwsApi(session, service=SERVICE)) as tagging:
            yield TagsTogether(api, tagging, tell)


def session_of(options: TargetOptions, *, patience: float = math.inf) -> Session:
    """The session of a target at AWS."""
    from reconciler.aws.session import Role, Session, Settings

    role = Role(options.role, options.session_name, options.external_id)
    return Session(
        Settings(
            profile=options.profile,
            region=options.region or os.environ.get("AWS_REGION") or None,
            endpoint_url=options.endpoint_url,
            service=options.service,
            parallelism=options.parallelism,
            agent=_agent(),
            patience=patience,
            role=role if options.role else None,
        )
    )


def _agent() -> str:
    """The program and the command, in the form of the SDKs' own user agents."""
    command = click.get_current_context().info_name
    return f"reconciler/{__version__} md/command#{command}"


def _literal(text: str) -> str:
    """A text that `str.format` gives back as it is."""
    return text.replace("{", "{{").replace("}", "}}")


@contextmanager
def _local(
    options: TargetOptions, desired: Desired, *, simulate: bool, writes: bool
) -> Iterator[Opened]:
    from reconciler.aws.api import AwsApi
    from reconciler.aws.session import Session, Settings
    from reconciler.emulator import Emulator, StoreError
    from reconciler.emulator import Settings as EmulatorSettings

    store = Path(options.local_store)
    try:
        handshake = options.local_handshake if simulate else "manual"
        emulator = Emulator(EmulatorSettings(store=store, handshake=handshake))
    except (OSError, StoreError) as error:
        raise TargetError(f"the local store cannot be used: {error}") from error
    with emulator:
        account, region = _played(emulator, options, desired)
        settings = Settings(
            region=region,
            endpoint_url=emulator.url,
            service=options.service,
            parallelism=options.parallelism,
            agent=_agent(),
            access_key=(account, "local"),
            isolated=True,
        )
        path = _literal(shlex.quote(str(store)))
        console = f"reconciler emulator approve {{address}} --store {path}"
        if options.local_handshake == "auto":
            console = "a simulated person approves while `apply --wait` or `wait` runs"
        session = Session(settings)
        api = AwsApi(session, writes=writes)
        _check_service(api, options.service, desired)
        with _reading(api, session, options) as reader:
            place = f"local {store.resolve()} {emulator.store_id}"
            yield Opened(reader, Target(account, region, "local", console), place)


def _played(emulator: Emulator, options: TargetOptions, desired: Desired) -> tuple[str, str]:
    """The account and Region that the files insist on. A command without files is about the only
    ones that have something there."""
    account, region = LOCAL_ACCOUNT, LOCAL_REGION
    there = {(one.account, one.region) for one in emulator.control.everything()}
    places = [place for place in there if options.region in (None, place[1])]
    if not (desired.sources or options.account) and len(places) == 1:
        account, region = places[0]
    return options.account or desired.account or account, options.region or desired.region or region


def _check_service(api: AwsApi, service: str, desired: Desired) -> None:
    """Refuse what the older service does not know: it would be left out of what is read, and look
    like a difference that costs a replacement."""
    for address, resource in desired.resources.items():
        members = (spec.wire for spec, _ in resource.declared())
        if lacking := api.lacks(resource.calls.create, members):
            text = f"{address}: {service} has no {', '.join(lacking)}"
            raise TargetError(f"{text}: use --service codeconnections")
