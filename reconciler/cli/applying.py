"""Takes a plan from being shown to being done: asks, carries out, and looks once more. A planning
goes in, the exit code comes out."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from math import ceil

import click

from reconciler.apply import Event, cut_short
from reconciler.cli.exits import BugError, Exit, worst
from reconciler.cli.expecting import ANYTHING, Expected
from reconciler.cli.locking import alone
from reconciler.cli.output import is_terminal, tell
from reconciler.cli.planning import Planning, Run
from reconciler.cli.progress import display, follow
from reconciler.cli.stopping import Stopping, pause, stopping
from reconciler.errors import ReconcilerError, StaleError
from reconciler.journal import Journal
from reconciler.plan import Plan, Refusal
from reconciler.reconcile import apply_plan
from reconciler.report import plan_document, report_document
from reconciler.safe import safe
from reconciler.unsettled import Unsettled
from reconciler.writer import Clock, Means

LOOK_SECONDS = 3.0
"""Seconds between looks for what an earlier run may have created."""


def applied(planning: Planning, *, yes: bool, wait: float, expected: Expected = ANYTHING) -> int:
    """Plan, ask unless `yes` or what is `expected` was reviewed, carry out while waiting up to
    `wait` seconds for people, report."""
    with planning.opened() as opened, alone(opened) as run, stopping() as asked:
        with asked.impatient():
            plan = run.preflight(_settled(run))
            if plan.refusals or not plan.is_complete:
                return planning.finished(report_document(plan, [], run=""))
            _hold_against(planning, plan, expected)
            if plan.work and (refused := _asked(planning, run, plan, yes=yes or bool(expected))):
                return refused
        run_id = uuid.uuid4().hex
        events: list[Event] = []
        after: Plan | None = None
        bug: Exception | None = None
        try:
            _carry_out(run, plan, run_id, asked, wait, events)
            # What was read back one by one is looked at as a whole, as the next run would.
            after = _looked_again(run, asked) if plan.work else None
        except Exception as error:  # noqa: BLE001  a bug: what was done is told first
            bug = error
            events += cut_short(plan, events, f"a bug ({type(error).__name__})")
        report = report_document(plan, events, run=run_id, after=after)
        if planning.outputs.is_text and plan.work:
            with suppress(OSError):  # told once, when the report is written
                click.echo()
        try:
            code = planning.finished(report)
        except (KeyboardInterrupt, SystemExit):  # nobody waits for all of it
            code = planning.code(report)
    if bug is not None:
        raise BugError(code) from bug
    return worst(asked.code, code)


def _hold_against(planning: Planning, plan: Plan, expected: Expected) -> None:
    """Raise `StaleError` when the plan is not what was reviewed, once that is written wherever
    somebody reads it."""
    try:
        expected.check(plan)
    except StaleError as error:
        stale = replace(plan, refusals=(Refusal("stale", str(error)),))
        planning.finished(report_document(stale, [], run=""))
        raise


def _settled(run: Run) -> Plan:
    """The plan once it is known what became of the creates that may still show up."""
    plan = _looked_until(run, lambda one: True)
    for line, text in run.judgement.known if plan.is_complete else ():
        run.journal.resolve(line.id, text)
    return plan


def _looked_until(run: Run, counts: Callable[[Unsettled], bool]) -> Plan:
    """The plan once none of the open creates that count would change it; at once if it is refused
    or incomplete anyway."""
    told: set[str] = set()
    with display() as line:
        while True:
            plan = run.plan()
            awaited = [one for one in run.judgement.open if one.matters and counts(one)]
            if not awaited or plan.refusals or not plan.is_complete:
                return plan
            longest = max(awaited, key=lambda one: one.seconds)
            address = longest.sent.line.address
            text = f"Waiting up to {ceil(longest.seconds)} s for {address} to be listed"
            if address not in told:
                told.add(address)
                line.say(f"{text}: it may have been created")
            line.update(text)
            pause(min(longest.seconds, LOOK_SECONDS))


def _asked(planning: Planning, run: Run, plan: Plan, *, yes: bool) -> int:
    """Show the plan and ask; the exit code when it is not to be carried out, else 0."""
    if not yes and not is_terminal(sys.stdin):
        raise click.UsageError("there is no terminal to ask at: give --yes")
    planning.outputs.show(plan_document(plan), err=not planning.outputs.is_text)
    if yes:
        return Exit.DONE
    now = run.plan() if _confirmed(len(plan.work)) else None
    if now is not None and now.fingerprint == plan.fingerprint and not now.refusals:
        return Exit.DONE
    planning.outputs.save(report_document(plan, [], run=""))
    if now is None:
        click.echo("Nothing was changed.", err=True)
        return Exit.ERROR
    before, after = ({c.address: c for c in each.changes} for each in (plan, now))
    moved = [str(a) for a in {**before, **after} if before.get(a) != after.get(a)]
    moved += [f.message for f in now.findings if f.level == "error"]
    moved += [refusal.message for refusal in now.refusals]
    what = "; ".join(moved[:5]) or "what is live"
    text = f"changed while you were asked: {what}; nothing was done: apply again"
    click.echo(f"Error: {safe(text)}", err=True)
    return Exit.STALE


def _confirmed(count: int) -> bool:
    """Ask; the end of input is a no, an interrupt is none of both."""
    try:
        return click.confirm(f"Carry out {count} change{'s' * (count != 1)}?", err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            return False
        raise


def _looked_again(run: Run, asked: Stopping) -> Plan | None:
    """The plan when all is done; none when a signal leaves no time for it."""
    if asked():
        return None
    try:
        with asked.impatient():  # what is unclear is left to the next run
            return _looked_until(run, lambda one: not one.sent.is_pending)
    except (KeyboardInterrupt, SystemExit):
        return None
    except ReconcilerError as error:
        tell(f"Warning: not looked at once more: {error}")
        return None


def _carry_out(
    run: Run, plan: Plan, run_id: str, asked: Stopping, wait: float, events: list[Event]
) -> None:
    """Carry the plan out, or as much as is done when a second signal ends it; `events` takes all
    that is said."""
    facts = {**run.journal.facts, "plan": plan.fingerprint, "run": run_id}
    means = Means(Clock(stopping=asked), Journal(run.journal.path, facts), run.permit)
    with display() as line:
        doing = apply_plan(
            plan,
            run.planning.desired,
            run.api,
            run=run_id,
            today=run.today,
            wait=wait,
            means=means,
        )
        try:
            for event in follow(doing, line, len(plan.work)):
                events.append(event)  # noqa: PERF402  what came before a signal must not be lost
        except (KeyboardInterrupt, SystemExit):
            events += cut_short(plan, events)
