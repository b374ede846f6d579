"""`reconciler apply`: plans, asks, carries the plan out and checks that it was carried out."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import Exit
from reconciler.cli.options import (
    Duration,
    file_options,
    guard_options,
    option,
    paths,
    target_options,
)
from reconciler.cli.output import is_terminal

if TYPE_CHECKING:
    from reconciler.cli.planning import Run
    from reconciler.report import ReportForm


class OptionalWait(click.Command):
    """Takes `--wait` with or without `=TIME`, without mistaking a path for the time."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments with the default time filled in."""
        return super().parse_args(ctx, ["--wait=30m" if a == "--wait" else a for a in args])


@click.command(
    cls=OptionalWait,
    epilog="""\b
Examples:
  reconciler apply infra/
  reconciler apply --local --wait --yes examples/quickstart
  reconciler apply --yes --wait=1h --output json=report.json infra/
""",
)
@paths
@target_options
@guard_options
@option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@option(
    "--wait",
    type=Duration(),
    default=0.0,
    metavar="[=TIME]",
    help="Wait for people's approvals and go on (30m unless given).",
)
@file_options
def command(**options: Any) -> int:
    """Plan, ask, carry the plan out, and check that it was."""
    from reconciler.cli.planning import Planning

    planning = Planning.of(options)
    outputs = planning.outputs
    with planning.opened() as run:
        document = run.plan_document()
        if document["refusals"] or not run.plan.is_complete:
            return planning.finished(document)
        if document["changes"]:
            outputs.show(document, err=not outputs.is_text)
            if not options["yes"] and not _confirmed(document):
                click.echo("Nothing was changed.", err=True)
                return Exit.ERROR
        report, stopped = _carried_out(run, wait=options["wait"])
    if outputs.is_text and document["changes"]:
        click.echo()
    code = planning.finished(report)
    return stopped or code


def _carried_out(run: Run, *, wait: float) -> tuple[ReportForm, int]:
    """The report of carrying the plan out, and the exit code of the signal that ended it early."""
    from reconciler.apply import Event, cut_short
    from reconciler.cli.progress import display, follow
    from reconciler.reconcile import apply_plan
    from reconciler.report import report_document

    run_id = uuid.uuid4().hex
    events: list[Event] = []
    stopped = 0
    with display() as line:
        doing = apply_plan(run.plan, run.desired, run.api, run=run_id, today=run.today, wait=wait)
        try:
            for event in follow(doing, line):
                events.append(event)  # noqa: PERF402  what came before a signal must not be lost
        except (KeyboardInterrupt, SystemExit) as signal:
            stopped = Exit.INTERRUPTED if isinstance(signal, KeyboardInterrupt) else Exit.TERMINATED
            events += cut_short(run.plan, events)
    return report_document(run.plan, events, run=run_id), stopped


def _confirmed(document: Mapping[str, Any]) -> bool:
    """Ask the person at the terminal; without one the command line is wrong."""
    if not is_terminal(sys.stdin):
        raise click.UsageError("there is no terminal to ask at: give --yes")
    count = len(document["changes"])
    return click.confirm(f"Carry out {count} change{'s' * (count != 1)}?", err=True)
