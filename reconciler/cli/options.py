"""The options that commands share. Each may also come from `RECONCILER_<NAME>`; decorators in,
click options out."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from reconciler.cli.arguments import LEASE_HOURS, AddressType, Duration, Places, S3Uri, Texts
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


def over_targets(command: Command) -> Command:
    """What every command takes that can run over the targets of a file, instead of once."""

    def either(**options: Any) -> Any:
        if options.get("targets") is not None:
            from reconciler.cli.fleets import fleet

            return fleet(click.get_current_context(), options)
        source = click.get_current_context().get_parameter_source
        for name, flag in FLEET_ONLY.items():
            known = name in HAVE_DEFAULTS or options.get(name) in (None, ())
            if source(name) is ParameterSource.COMMANDLINE or not known:
                raise click.UsageError(f"{flag} needs --targets")
        return command(**options)

    return _fleet_options(cast(Command, update_wrapper(either, command)))


def _limits(command: Command) -> Command:
    return _all(
        command,
        option(
            "--concurrency",
            type=click.IntRange(1, 1024),
            default=8,
            show_default=True,
            metavar="N",
            help="Targets at a time.",
        ),
        option(
            "--per-account",
            type=click.IntRange(1, 1024),
            default=4,
            show_default=True,
            metavar="N",
            help="Targets of one account at a time.",
        ),
        option(
            "--max-failures",
            type=click.IntRange(0),
            metavar="N",
            help="Begin no target any more once more than N have failed.",
        ),
    )


def _fleet_options(command: Command) -> Command:
    return _all(
        command,
        option(
            "--targets",
            is_eager=True,
            type=click.Path(exists=True, dir_okay=False),
            metavar="FILE",
            help="Run for every account and Region that this file lists. The report is text, "
            "json or markdown.",
        ),
        option(
            "--target",
            "selectors",
            type=Texts(),
            multiple=True,
            metavar="SELECTOR",
            help="Only targets with such a name, or tag:, account: or region: with a pattern.",
        ),
        _limits,
        option(
            "--details",
            type=click.Path(file_okay=False),
            metavar="DIR",
            help="Write the document of each target there, as JSON; others stay there.",
        ),
        option(
            "--engine",
            type=click.Choice(["threads", "processes", "dask"]),
            default="threads",
            show_default=True,
            help="What does the work; processes use all cores.",
        ),
        option(
            "--scheduler", metavar="URL", help="With dask: tcp://HOST:8786; apply needs --lock."
        ),
    )


FLEET_ONLY = {
    "selectors": "--target",
    "concurrency": "--concurrency",
    "per_account": "--per-account",
    "engine": "--engine",
    "max_failures": "--max-failures",
    "details": "--details",
    "scheduler": "--scheduler",
}
"""The options that would be ignored without --targets."""
HAVE_DEFAULTS = ("concurrency", "per_account", "engine")
"""Those of them that the environment may set for other commands."""


def owner_of(text: str) -> Callable[[Command], Command]:
    """An owner that does what the text says."""
    return option("--owner", metavar="NAME", callback=_owner, help=text)


def _paths_or_targets(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Paths, unless the targets of a file have some; that option is processed before."""
    if not value and not ctx.params.get("targets"):
        raise click.MissingParameter(ctx=ctx, param=param)
    return value


owner = owner_of("Who owns the files, whatever they say.")
paths = click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=Places())
target_paths = click.argument(
    "paths", nargs=-1, metavar="PATH...", type=Places(), callback=_paths_or_targets
)


def _all(command: Command, *decorators: Callable[[Command], Command]) -> Command:
    """Add options so that they are listed in this order: click lists the last one first."""
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def file_options(command: Command) -> Command:
    """What every command that reads files takes."""
    return owner(output_options()(command))


def output_options(*formats: str) -> Callable[[Command], Command]:
    """What every command takes that writes a document, in these formats or in all."""

    def decorate(command: Command) -> Command:
        known = ", ".join(formats or FORMATS)
        return _all(
            command,
            option(
                "--output",
                "outputs",
                type=OUTPUT,
                multiple=True,
                metavar="FORMAT[=FILE]",
                help=f"One of {known} (default: text); with FILE, beside what goes to stdout. "
                "May be repeated.",
            ),
            option(
                "--color",
                type=click.Choice(["auto", "always", "never"]),
                default="auto",
                show_default=True,
                help="Color on stdout; auto means on a terminal without NO_COLOR.",
            ),
            log_options,
        )

    return decorate


def log_options(command: Command) -> Command:
    """What every command that makes calls takes."""
    return _all(
        command,
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
            default=32,
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


TAGS_FROM = click.Choice(["service", "tagging-api"])
tags_from = option(
    "--tags-from",
    type=TAGS_FROM,
    default="service",
    show_default=True,
    help="Read tags object by object, or 100 at once by the Resource Groups Tagging API, which "
    "may lag behind. Whether AWS covers these services there is unconfirmed: what it leaves out "
    "is read one by one.",
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


def addresses(*, required: bool = True) -> Callable[[Command], Command]:
    """Addresses as arguments."""
    metavar = "ADDRESS..." if required else "[ADDRESS]..."
    return click.argument(
        "addresses", nargs=-1, required=required, metavar=metavar, type=AddressType()
    )
