"""Run a local CodeConnections for any client."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.arguments import Duration
from reconciler.cli.exits import Exit
from reconciler.cli.options import LOCAL_STORE, option
from reconciler.cli.output import echo_data, tell
from reconciler.errors import ReconcilerError
from reconciler.render.json import line
from reconciler.safe import safe

if TYPE_CHECKING:
    from reconciler.emulator import Control

STORE = option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    default=LOCAL_STORE,
    show_default=True,
    metavar="FILE",
    help="The file with its state.",
)


@click.group(
    short_help="Run a local CodeConnections for any client.",
    epilog="""\b
Examples:
  reconciler emulator serve --port 4566 --store local.db
  reconciler emulator approve connection/github-main
  reconciler emulator requests --mutating
""",
)
def command() -> None:
    """Run a local CodeConnections for any client, and play the person who approves."""


@command.command(
    epilog="""\b
Examples:
  reconciler emulator serve --port 4566
  aws codeconnections list-connections --endpoint-url http://127.0.0.1:4566
"""
)
@STORE
@option("--port", default=0, type=click.IntRange(0, 65535), help="0 takes a free one.")
@option(
    "--handshake",
    type=click.Choice(["auto", "manual"]),
    default="manual",
    show_default=True,
    help="Who approves: a simulated person, or you by command or console page.",
)
@option(
    "--handshake-after",
    type=Duration(),
    default=1.0,
    metavar="TIME",
    help="How long the simulated person takes.",
)
@option(
    "--calls-per-second",
    type=click.FloatRange(0),
    default=0.0,
    metavar="N",
    help="Throttle what comes faster, in each account and Region; 0, the default, takes all.",
)
def serve(
    store: Path, port: int, handshake: Any, handshake_after: float, calls_per_second: float
) -> int:
    """Serve CodeConnections and STS on 127.0.0.1 until interrupted."""
    from reconciler.emulator import Emulator, Settings, StoreError

    source = click.get_current_context().get_parameter_source("handshake_after")
    if handshake == "manual" and source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--handshake-after needs --handshake auto")
    settings = Settings(
        store=store,
        port=port,
        handshake=handshake,
        handshake_seconds=handshake_after,
        calls_per_second=calls_per_second,
    )
    try:
        emulator = Emulator(settings)
    except (OSError, StoreError) as error:
        raise ReconcilerError(f"the emulator cannot start: {error}") from error
    click.echo(emulator.url)
    tell(f"State in {store}; console page at {emulator.url}/; Ctrl-C ends it.")
    try:
        emulator.serve_forever()
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        return Exit.INTERRUPTED
    return Exit.DONE


@command.command(
    epilog="""\b
Examples:
  reconciler emulator approve connection/github-main
  reconciler emulator approve host/ghes --fail
"""
)
@click.argument("target", metavar="ADDRESS|ARN")
@option("--fail", is_flag=True, help="Let the handshake fail instead.")
@STORE
def approve(target: str, fail: bool, store: Path) -> None:
    """Finish the handshake of a connection or host. A person does that at the provider."""
    from reconciler.emulator import ControlError

    with _control(store) as control:
        try:
            done = control.approve(target, ok=not fail)
        except ControlError as error:
            raise ReconcilerError(str(error)) from error
    click.echo(safe(f"{done.arn} is {done.status}"))


@command.command(
    epilog="""\b
Examples:
  reconciler emulator pending
  reconciler emulator pending --store local.db
"""
)
@STORE
def pending(store: Path) -> None:
    """List what waits for a person, as JSON lines."""
    with _control(store) as control:
        for waiting in control.pending():
            echo_data(f"{line(asdict(waiting))}\n")


@command.command(
    epilog="""\b
Examples:
  reconciler emulator requests
  reconciler emulator requests --mutating --store local.db
"""
)
@option("--mutating", is_flag=True, help="Only calls that change something.")
@STORE
def requests(mutating: bool, store: Path) -> None:
    """List the requests that were answered. Oldest first, as JSON lines."""
    with _control(store) as control:
        for request in control.requests(mutating_only=mutating):
            echo_data(f"{line(asdict(request))}\n")


@command.command(
    epilog="""\b
Examples:
  reconciler emulator fault reset --operation CreateConnection
  reconciler emulator fault ThrottlingException --operation 'List*' --count 9
  reconciler emulator fault AccessDeniedException --account 222233334444
  reconciler emulator fault --clear
"""
)
@click.argument("kind", required=False)
@option("--operation", default="*", help="The operation's name, or a pattern such as List*.")
@option("--account", default="*", help="Whose requests; for AssumeRole, the role's account.")
@option("--region", default="*", help="The Region, or a pattern such as eu-*.")
@option("--after", default=0, type=click.IntRange(0), help="Leave that many requests alone first.")
@option("--count", default=1, show_default=True, type=click.IntRange(1), help="How often.")
@option("--every", default=1, type=click.IntRange(1), help="Each time after that many requests.")
@option("--seconds", type=Duration(), default=0.0, help="How long a delay, timeout or lag lasts.")
@option("--clear", is_flag=True, help="Let nothing go wrong any more.")
@STORE
def fault(kind: str | None, clear: bool, store: Path, **details: Any) -> None:
    """Let some of the next requests go wrong.

    KIND is an error code of AWS (nothing is done); reset, eof, timeout, cut, html, empty, 403, 408,
    429, 500, 502, 503 or 504 (done, and the answer is lost); dropped or unavailable (not done);
    delay; or stale (lists leave out what is new).
    """
    from reconciler.emulator import ControlError, Fault

    if (kind is None) is not clear:
        raise click.UsageError("give either a KIND or --clear")
    with _control(store) as control:
        try:
            if kind is None:
                control.clear_faults()
            else:
                control.fault(Fault(kind=kind, **details))
        except ControlError as error:
            raise ReconcilerError(str(error)) from error


def _control(store: Path) -> Control:
    from reconciler.emulator import Control, ControlError, StoreError

    try:
        return Control.open(store)
    except (OSError, ControlError, StoreError) as error:
        raise ReconcilerError(f"{store} cannot be opened: {error}") from error
