"""The entry point: arguments go in, an exit code comes out. Commands are the modules of
`reconciler.cli.commands`, each imported only when it is asked for."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from linecache import getline
from pkgutil import iter_modules
from types import FrameType
from typing import NoReturn

import click

import reconciler
from reconciler.cli import commands
from reconciler.cli.ending import ending
from reconciler.cli.exits import Exit
from reconciler.cli.stopping import SIGNALS
from reconciler.safe import safe

EPILOG = """\b
Try it without an AWS account:
  reconciler apply --local --wait examples/quickstart
\b
Exit codes: 0 done, in sync - 1 error or incomplete read - 2 differences
3 partly applied - 4 outcome unknown - 5 refused - 6 stale plan, locked
7 waiting for a person - 64 wrong usage - 130/143 interrupted/terminated
\b
Every option may also be set as RECONCILER_<NAME>, as in RECONCILER_REGION.
"""


class Commands(click.Group):
    """The commands, found as modules: a new command is one new file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, sorted."""
        return sorted(self._modules())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        module = self._modules().get(cmd_name)
        if module is None:
            return None
        found: click.Command = import_module(f"{commands.__name__}.{module}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them with the first lines of their modules, which are not run for that: it would
        take as long as all the rest."""
        (folder,) = commands.__path__
        modules = sorted(self._modules().items())
        rows = [(name, getline(f"{folder}/{file}.py", 1).strip('"\n')) for name, file in modules]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _modules(self) -> dict[str, str]:
        """The module of each command; one that would be a word of Python ends with `_`."""
        names = [module.name for module in iter_modules(commands.__path__)]
        return {name.rstrip("_").replace("_", "-"): name for name in names}


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(reconciler.__version__, prog_name="reconciler")
def cli() -> None:
    """Keep AWS CodeConnections the way YAML files say it should be."""


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminated)
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        signal.signal(hangup, _terminated)  # the terminal is gone, the report need not be
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may not exist in its encoding
    try:
        code = run(sys.argv[1:])
    except SystemExit as leaving:
        code = int(leaving.code or Exit.DONE)
        if code == Exit.TERMINATED:
            click.echo("Terminated.", err=True)
    for number in SIGNALS:  # they could only put a traceback under what has been said
        signal.signal(number, signal.SIG_IGN)
    if code in (Exit.UNKNOWN, Exit.INTERRUPTED, Exit.TERMINATED):
        # Reads that nobody waits for any more would hold the process up until their time is over,
        # and one more Ctrl-C would take the exit code away.
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of a command line; every expected failure is one line on stderr."""
    try:
        code = cli.main(arguments, prog_name="reconciler", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        from reconciler.cli.output import abandon_stdout

        abandon_stdout()
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001  what is not expected is told as a bug
        return _told(error, arguments)
    return int(code or Exit.DONE)


def _told(error: Exception, arguments: list[str]) -> Exit:
    """Say why the command ended, and give its code."""
    code, text, bug = ending(error)
    if bug is not None:
        _tell_bug(bug, text, arguments)
        return code
    if isinstance(error, click.UsageError) and error.ctx is not None:
        usage, path = error.ctx.get_usage(), error.ctx.command_path
        click.echo(f"{usage}\nTry '{path} --help' for help.\n", err=True)
    click.echo(f"Error: {text}", err=True)
    return code


def _tell_bug(bug: BaseException, text: str, arguments: list[str]) -> None:
    if "--debug" in arguments or os.environ.get("RECONCILER_DEBUG"):
        import traceback

        for line in "".join(traceback.format_exception(bug)).splitlines():
            click.echo(safe(line), err=True)
        return
    click.echo(f"Bug: {text}; RECONCILER_DEBUG=1 shows where", err=True)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(Exit.TERMINATED)
