"""Looks how everything does, once or until somebody has seen enough: the options of `status` go in,
its exit code comes out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click

from reconciler.cli.exits import Exit, status_code
from reconciler.cli.output import check_formats, is_terminal, tell, width
from reconciler.cli.planning import Planning, Run
from reconciler.cli.progress import Unfailing, Watched, display
from reconciler.errors import ReconcilerError
from reconciler.reconcile import status_of
from reconciler.render import render
from reconciler.resource import Desired
from reconciler.safe import safe
from reconciler.status import Asked, StatusForm

if TYPE_CHECKING:
    from rich.text import Text


def status(options: Mapping[str, Any], formats: Sequence[str]) -> Exit:
    """Look and write the report in the formats; with `--watch` again until a signal ends it."""
    check_formats(options["outputs"], formats, "a status")
    seconds = options["watch"]
    if seconds is not None:
        check_formats(options["outputs"], ("text",), "a status that is watched")
        if options["detailed_exitcode"] or any(output.file for output in options["outputs"]):
            text = "--watch only shows: it goes with no file and no --detailed-exitcode"
            raise click.UsageError(text)
    planning = Planning.of(options, desired=Desired(options["owner"] or "", {}, {}))
    asked = Asked(options["addresses"], options["owner"])
    with planning.opened() as run:
        if seconds is not None:
            _watch(run, asked, seconds)
        with display() as line:
            document = status_of(Watched(run.api, line), run.target, asked, time=datetime.now(UTC))
    planning.outputs.write(document)
    for finding in document["findings"] if not planning.outputs.is_text else ():
        tell(f"Error: {finding['message']}")
    if unread := document["coverage"]["unread"]:
        failed = f"{len(unread)} read{'s' * (len(unread) != 1)} failed"
        reasons = "; ".join(dict.fromkeys(gap["reason"] for gap in unread[:3]))
        tell(f"Error: {failed}: {reasons}")
    return status_code(document, detailed=options["detailed_exitcode"])


def _watch(run: Run, asked: Asked, seconds: float) -> NoReturn:
    """Show how it does until a signal ends it; a look that fails is followed by others."""
    if is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb":
        _redraw(run, asked, seconds)
    before: object = None
    while True:
        begun, document, problem = _look(run, asked)
        seen = {**document, "time": ""} if document else problem
        if seen != before:
            text = render(document, "text", color=_color(run), width=width()) if document else ""
            click.echo(f"{begun:%Y-%m-%d %H:%M:%S}Z\n{text}{problem}\n", color=_color(run))
            before = seen
        time.sleep(seconds)


def _redraw(run: Run, asked: Asked, seconds: float) -> NoReturn:
    """Show it in the place of what was shown before."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(file=cast(Any, Unfailing(sys.stdout)), highlight=False)
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        live.update(Text("Reading"), refresh=True)
        while True:
            begun, document, problem = _look(run, asked)
            body = ""
            if document:
                body = render(document, "text", color=_color(run), width=console.width)
            text = f"{begun:%H:%M:%S}Z, every {seconds:g} s; Ctrl-C ends it\n\n{body}{problem}"
            live.update(_folded(text.rstrip("\n"), console.width), refresh=True)
            time.sleep(seconds)


def _folded(text: str, width: int) -> Text:
    """The text with what is too long for a line cut where a terminal would."""
    from rich.text import Text

    parts: list[Text] = []
    for line in Text.from_ansi(text).split("\n", allow_blank=True):
        parts += line.divide(range(width, len(line), width))
    return Text("\n").join(parts)


def _look(run: Run, asked: Asked) -> tuple[datetime, StatusForm | None, str]:
    """When a look was begun and what it saw, or what was wrong with it."""
    begun = datetime.now(UTC)
    try:
        return begun, status_of(run.api, run.target, asked, time=begun), ""
    except ReconcilerError as error:
        return begun, None, safe(f"Error: {error}")


def _color(run: Run) -> bool:
    return run.planning.outputs.color
