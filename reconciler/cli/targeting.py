"""One target of a fleet, in whatever worker it is given to: a job goes in, its row and its document
come out as plain data."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import click

from reconciler.cli.ending import ending
from reconciler.cli.exits import Exit
from reconciler.cli.output import Kept, overheard
from reconciler.cli.stopping import Stopping, pause, stopping
from reconciler.fleet.engines import idle, was_asked
from reconciler.fleet.report import RowForm
from reconciler.fleet.run import Job
from reconciler.render import remarks, summary
from reconciler.safe import safe

STATES = {
    Exit.DONE: "ok",
    Exit.ERROR: "error",
    Exit.DIFFERENCES: "differs",
    Exit.PARTLY: "partly applied",
    Exit.UNKNOWN: "unknown",
    Exit.REFUSED: "refused",
    Exit.STALE: "stale or locked",
    Exit.WAITING: "waiting",
    Exit.INTERRUPTED: "interrupted",
    Exit.TERMINATED: "terminated",
}
"""Each exit code in a word."""
MOST_DETAILS = 20
"""Of one target; its own document has them all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The row of a target, and the document of its command where there is one."""

    row: RowForm
    document: Mapping[str, Any] | None
    file: str
    """What the file of the document is called, without its ending."""


def perform(job: Job) -> Answer:
    """Run the command for the target, the way it runs by itself; nothing is shown, and nothing that
    goes wrong with it gets out. A worker process that is told to end does so when the running call
    is settled: its pool has given it up."""
    is_worker = multiprocessing.parent_process() is not None
    Stopping.works_for_another = is_worker
    with stopping() as asked:
        try:
            return _performed(job, asked)
        finally:  # a second signal may end it, and this process waits for its pool all the same
            if is_worker and threading.current_thread() is threading.main_thread():
                idle()
                if asked.code is Exit.TERMINATED:
                    os._exit(Exit.TERMINATED)


def _performed(job: Job, asked: Stopping) -> Answer:
    begun, kept = time.monotonic(), Kept()
    with overheard(job.target.name) as heard:
        code, error = _code(job, kept, asked)
    document = kept.documents[-1] if kept.documents else None
    if job.attempt > 1 and job.writes and not _is_looked_at(document):
        code = Exit.UNKNOWN
    said = [line for line in [*heard, error] if line.startswith(("Error", "Warning", "Bug"))]
    details = [*(remarks(document) if document else ()), *said]
    if len(details) > MOST_DETAILS:
        details[MOST_DETAILS:] = [f"... and {len(details) - MOST_DETAILS} more"]
    row: RowForm = {
        "target": job.target.name,
        "account": job.target.account,
        "region": job.target.region,
        "code": code,
        "state": STATES[code],
        "counts": _counts(document or {}),
        "message": error or (safe(summary(document)) if document else " ".join(heard[-1:])),
        "details": details,
        "attempts": job.attempt,
        "seconds": round(time.monotonic() - begun, 3),
    }
    return Answer(row, document, job.target.file)


def _counts(document: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of a document: of what was planned, and of what came of it."""
    return {**document.get("summary", {}), **document.get("outcome_summary", {})}


def _wait_for_what_may_be_on_its_way(job: Job) -> None:
    """Another worker died with this target: what it has created may not be listed yet, and its
    journal may be on another machine."""
    pause(job.options.get("settle", 0.0))


def _is_looked_at(document: Mapping[str, Any] | None) -> bool:
    """Whether all that is there was read: what another worker had sent before it died is known."""
    return document is not None and bool(document.get("coverage", {}).get("complete"))


def _code(job: Job, kept: Kept, asked: Stopping) -> tuple[Exit, str]:
    """The exit code of the command, and the error that ended it."""
    try:
        with asked.impatient():
            if was_asked() or asked():  # before it was begun, and nothing more is to be
                is_terminated = asked.code is Exit.TERMINATED
                raise SystemExit(asked.code) if is_terminated else KeyboardInterrupt
            return _ran(job, kept), ""
    except KeyboardInterrupt:
        return Exit.INTERRUPTED, "interrupted"
    except SystemExit as leaving:
        return Exit(int(leaving.code or Exit.DONE)), "terminated"
    except Exception as error:  # noqa: BLE001  what is not expected is a bug of this one target
        code, text, bug = ending(error)
        # Wrong usage is what the whole command line is told of, and this is one target.
        return Exit.ERROR if code is Exit.USAGE else code, f"Bug: {text}" if bug else text


def _ran(job: Job, kept: Kept) -> Exit:
    """Run the command."""
    if job.attempt > 1:
        _wait_for_what_may_be_on_its_way(job)
    name = job.command
    module = import_module(f"reconciler.cli.commands.{name}{'_' if name == 'import' else ''}")
    command: click.Command = module.command
    with click.Context(command, info_name=name) as context:
        context.params = _options(job, kept)
        run = cast("Callable[..., int | None]", command.callback)
        return Exit(context.invoke(run, **context.params) or Exit.DONE)


def _options(job: Job, kept: Kept) -> dict[str, Any]:
    """The options of the command for this target alone. What names a place where every target would
    write names one of its own."""
    target, given = job.target, job.options
    own = {
        "paths": target.paths if "paths" in given and "to" not in given else (),
        "profile": target.profile or given["profile"] if "profile" in given else None,
        "region": target.region,
        "owner": given["owner"] or target.owner,
        "account": target.account,
        "role": target.role,
        "external_id": target.external_id,
        "session_name": target.session_name,
        "variables": dict(target.variables),
        "outputs": kept,
        "color": "never",
    }
    if given.get("to"):
        own["to"] = f"{given['to']}{target.file}/"
    if given.get("lock"):
        own["lock"] = f"{given['lock']}/{target.account}/{target.region}"
    return {**given, **own}
