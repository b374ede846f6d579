"""The options that commands share. Each may also come from `RECONCILER_<NAME>`; decorators in,
click options out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from reconciler.cli.output import OUTPUT
from reconciler.render import FORMATS

Command = TypeVar("Command", bound=Callable[..., Any])
LOCAL_STORE = ".reconciler/local.db"
SERVICES = ("codeconnections", "codestar-connections")


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """A click option that may also come from the environment."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = "RECONCILER_" + long.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, **settings)


class Texts(click.types.StringParamType):
    """Texts of a repeatable option; from the environment one a line, since they may hold blanks."""

    envvar_list_splitter = "\n"


class Places(Texts):
    """Paths; an empty one, from a variable that is not set, would be the working folder."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The path as it is, or a usage error."""
        return str(value) or self.fail("a path is empty", param, ctx)


class Fingerprint(click.ParamType[str]):
    """The fingerprint of a plan."""

    name = "fingerprint"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The fingerprint as it is, or a usage error."""
        if re.fullmatch("sha256:[0-9a-f]{64}", str(value)) is None:
            self.fail(f"{value!r} is not sha256: and 64 digits, as a plan has it", param, ctx)
        return str(value)


DURATION = re.compile(r"(\d+(?:\.\d+)?)([a-z]?)")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
DAYS = {"d": 24 * 3600, "w": 7 * 24 * 3600, "y": 365 * 24 * 3600}
LEASE_HOURS = 7 * 24
"""`MAX_SECONDS` of `reconciler.aws.lease`, whose import would make `--help` slow."""


class Duration(click.ParamType[float]):
    """A time such as 90s, 30m or 1h; a bare number is seconds. It is at least so many seconds and
    at most so many hours, a year unless they are given."""

    name = "duration"
    units = SECONDS
    like = "90s, 30m or 1h"

    def __init__(self, least: float = 0.0, hours: int = 366 * 24) -> None:
        self.least, self.hours = least, hours

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds, or a usage error."""
        if isinstance(value, int | float):
            return float(value)
        match = DURATION.fullmatch(str(value))
        if match is None or match[2] not in self.units:
            self.fail(f"{value!r} is not a time such as {self.like}", param, ctx)
        seconds = float(match[1]) * self.units[match[2]]
        if not self.least <= seconds <= self.hours * 3600:
            self.fail(f"{value} is not between {self.least:g}s and {self.hours}h", param, ctx)
        return seconds


class Age(Duration):
    """A time that may be long, such as 12h, 30d or 1y."""

    units = SECONDS | DAYS
    like = "12h, 30d or 1y"


class Since(click.ParamType[str]):
    """A time ago, or a day in UTC; comes out as the history writes times."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time, or a usage error."""
        now = datetime.now(UTC)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
            try:
                time = datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
            except ValueError:
                self.fail(f"{value!r} is no day", param, ctx)
            if time > now:
                self.fail(f"{value} is still to come", param, ctx)
        else:
            time = now - timedelta(seconds=AGE.convert(value, param, ctx))
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


AGE = Age(hours=100 * 366 * 24)


_S3_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?!.*[*?$])[!-~]{1,1024}")
"""An object in S3, without what would be a pattern in the policy for it."""


class S3Uri(click.ParamType[str]):
    """The place of an object in S3."""

    name = "uri"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The URI as it is, or a usage error."""
        if _S3_URI.fullmatch(str(value)) is None:
            text = f"{value!r} is not like s3://BUCKET/KEY, where BUCKET has 3 to 63 characters"
            self.fail(f"{text}, and KEY none of *?$", param, ctx)
        return str(value)


def _owner(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """An owner that can be written as the value of a tag."""
    if value is None:
        return None
    from reconciler.fields import Text

    try:
        Text(1, 256).check(value)
    except ValueError:
        value = ""
    if not 1 <= len(value) <= 256:
        raise click.BadParameter("it has to be 1 to 256 printable characters")
    return value


owner = option(
    "--owner", metavar="NAME", callback=_owner, help="Who owns the files, whatever they say."
)
paths = click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=Places())


def _all(command: Command, *decorators: Callable[[Command], Command]) -> Command:
    """Add options so that they are listed in this order: click lists the last one first."""
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def file_options(command: Command) -> Command:
    """What every command that reads files takes."""
    return _all(
        command,
        owner,
        option(
            "--output",
            "outputs",
            type=OUTPUT,
            multiple=True,
            metavar="FORMAT[=FILE]",
            help=f"One of {', '.join(FORMATS)} (default); with FILE, beside what goes to stdout. "
            "May be repeated.",
        ),
        option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            help="Color on stdout; auto means on a terminal without NO_COLOR.",
        ),
        option("--verbose", is_flag=True, help="Say on stderr which calls are made."),
        option("--debug", is_flag=True, help="Like --verbose, with a traceback on a bug."),
    )


def target_options(command: Command) -> Command:
    """Where and as whom a command runs; the rest comes from AWS's own settings."""
    return _all(
        command,
        option("--profile", metavar="NAME", help="AWS profile."),
        option("--region", metavar="REGION", help="AWS Region."),
        option("--endpoint-url", metavar="URL", help="Send every call there instead of to AWS."),
        option(
            "--service",
            type=click.Choice(SERVICES),
            default=SERVICES[0],
            show_default=True,
            help="The API's new or old name.",
        ),
        option(
            "--parallelism",
            type=click.IntRange(1, 256),
            default=16,
            show_default=True,
            help="Reads at a time.",
        ),
        option("--local", is_flag=True, help="Run against a local CodeConnections, not AWS."),
        option(
            "--local-store",
            type=click.Path(dir_okay=False),
            default=LOCAL_STORE,
            show_default=True,
            metavar="FILE",
            help="Where the local one keeps its state.",
        ),
        option(
            "--local-handshake",
            type=click.Choice(["auto", "manual"]),
            default="auto",
            show_default=True,
            help="Who approves locally: a simulated person after a second, or you.",
        ),
    )


def check_options(command: Command) -> Command:
    """What a plan is held against, beside the guards."""
    return _all(
        command,
        option(
            "--policy",
            type=Places(),
            multiple=True,
            metavar="PATH",
            help="Rules that the plan has to keep. May be repeated.",
        ),
        option(
            "--preflight", is_flag=True, help="Ask IAM whether it allows what the plan would call."
        ),
    )


prune = option("--prune", is_flag=True, help="Delete owned objects that are not declared.")


def guard_options(command: Command) -> Command:
    """What a plan may do that guards refuse by default."""
    command = destroy_options(command)
    return _all(
        command,
        option("--adopt", is_flag=True, help="Take over declared objects that nobody owns."),
        option(
            "--take-over",
            type=Texts(),
            multiple=True,
            metavar="OWNER",
            help="Take over declared objects of this owner.",
        ),
        prune,
        option("--allow-empty", is_flag=True, help="Accept files that declare nothing."),
        option(
            "--allow-pending", is_flag=True, help="Exit 0 although a person has something to do."
        ),
    )


def destroy_options(command: Command) -> Command:
    """What a plan may destroy."""
    return _all(
        command,
        option(
            "--allow-destroy",
            type=Texts(),
            multiple=True,
            metavar="ADDRESS",
            help="Let this object be deleted or replaced.",
        ),
        option(
            "--max-destroy",
            type=click.IntRange(0),
            metavar="N",
            help="Let up to N objects be destroyed; default 5 and a fifth of what is owned.",
        ),
    )


journal = option(
    "--journal",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where what is sent is noted; default $XDG_STATE_HOME/reconciler/journal.",
)


def writing_options(command: Command) -> Command:
    """What keeps a run that writes from doing harm to another one."""
    return _all(
        command,
        journal,
        option(
            "--settle",
            type=Duration(hours=LEASE_HOURS),
            default="2m",
            show_default=True,
            metavar="TIME",
            help="How long it may take until a list shows what a create has made.",
        ),
        option(
            "--lock",
            type=S3Uri(),
            metavar="s3://BUCKET/KEY",
            help="An object that keeps runs on other machines out.",
        ),
        option(
            "--lock-lease",
            type=Duration(1, LEASE_HOURS),
            default="5m",
            show_default=True,
            metavar="TIME",
            help="How long --lock outlives a run that died: at least 1.5 times --settle.",
        ),
        option(
            "--lock-timeout",
            type=Duration(),
            default="0",
            show_default=True,
            metavar="TIME",
            help="How long to wait for another run that writes there.",
        ),
    )


yes = option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")


class AddressType(click.ParamType[str]):
    """The address of an object."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address as it is, or a usage error."""
        from reconciler.kinds import BY_NAME

        kind, slash, name = str(value).partition("/")
        if kind not in BY_NAME or not slash or not name:
            kinds = ", ".join(BY_NAME)
            self.fail(f"{value!r} is not KIND/NAME, where KIND is one of {kinds}", param, ctx)
        return str(value)


def addresses(*, required: bool = True) -> Callable[[Command], Command]:
    """Addresses as arguments."""
    metavar = "ADDRESS..." if required else "[ADDRESS]..."
    return click.argument(
        "addresses", nargs=-1, required=required, metavar=metavar, type=AddressType()
    )
