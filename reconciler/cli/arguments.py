"""The types of arguments and options: a word of a command line goes in, a value or a usage error
comes out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import click


class Texts(click.types.StringParamType):
    """Texts of a repeatable option; from the environment one a line, since they may hold blanks."""

    envvar_list_splitter = "\n"


class Places(Texts):
    """Paths; an empty one, from a variable that is not set, would be the working folder."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The path as it is, or a usage error."""
        return str(value) or self.fail("a path is empty", param, ctx)


class Where(Texts):
    """A channel. Its address is a secret, which no error may hold."""

    name = "where"

    def split_envvar_value(self, rv: str) -> list[str]:
        """One a line; empty ones say nothing."""
        return [line for line in rv.splitlines() if line.strip()]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The channel, or a usage error."""
        from reconciler.cli.channels import Channel, channel
        from reconciler.errors import ReconcilerError

        try:
            return value if isinstance(value, Channel) else channel(str(value).strip())
        except ReconcilerError as error:
            self.fail(str(error), param, ctx)


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


class OptionalTime(click.Command):
    """A command with an option that stands with or without `=TIME`, and mistakes no argument for
    the time."""

    flag: ClassVar[str]
    usual: ClassVar[str]
    argument: ClassVar[str]

    @classmethod
    def of(cls, flag: str, usual: str, argument: str) -> type[OptionalTime]:
        """Such a command: its option, the time it usually stands for, and what arguments are."""
        return type(cls.__name__, (cls,), {"flag": flag, "usual": usual, "argument": argument})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments with the usual time filled in."""
        for flag, value in pairwise(args):
            if flag == self.flag and DURATION.fullmatch(value) and not Path(value).exists():
                text = f"write {flag}={value}: without = the time is {self.argument}"
                raise click.UsageError(text)
        filled = f"{self.flag}={self.usual}"
        return super().parse_args(ctx, [filled if arg == self.flag else arg for arg in args])


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


class AddressType(click.ParamType[str]):
    """The address of an object."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address as it is, or a usage error."""
        from reconciler.kinds import BY_NAME, KINDS

        kind, slash, name = str(value).partition("/")
        if kind not in BY_NAME or not slash or not name:
            kinds = ", ".join(BY_NAME)
            text = f"{value!r} is not KIND/NAME, where KIND is one of {kinds}"
            text += ": `reconciler status` lists them"
            synced = [kind.kind for kind in KINDS if kind.syncs is not None]
            if value and not slash:
                text += f", and a stack is {' or '.join(f'{kind}/{value}' for kind in synced)}"
            self.fail(text, param, ctx)
        return str(value)


class KindType(click.ParamType[str]):
    """The name of a kind."""

    name = "kind"
    envvar_list_splitter = "\n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is, or a usage error that lists them."""
        from reconciler.kinds import BY_NAME

        if value not in BY_NAME:
            self.fail(f"{value!r} is not one of {', '.join(BY_NAME)}", param, ctx)
        return str(value)


class SyncedType(click.ParamType[str]):
    """An object that is synced: its address, or its name where one kind of object is synced."""

    name = "stack"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address, or a usage error."""
        from reconciler.kinds import KINDS

        synced = [kind.kind for kind in KINDS if kind.syncs is not None]
        kind, slash, name = str(value).rpartition("/")
        if not slash and len(synced) == 1:
            kind = synced[0]
        if kind not in synced or not name:
            wanted = " or ".join(f"{kind}/NAME" for kind in synced)
            self.fail(f"{value!r} is not the name of a stack, nor {wanted}", param, ctx)
        return f"{kind}/{name}"
