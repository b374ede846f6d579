"""Runs a command over the targets of a file: its options go in, a row for each target and the worst
exit code come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli.exits import Exit, worst
from reconciler.cli.files import files_read
from reconciler.cli.output import Outputs, abandon_stdout, check_formats, tell
from reconciler.cli.progress import Line, display
from reconciler.cli.saving import save
from reconciler.cli.stopping import Stopping, deafen, stopping
from reconciler.cli.target import check_consistent
from reconciler.cli.targeting import STATES, Answer, perform
from reconciler.errors import ReconcilerError, SpecError
from reconciler.fleet.engines import engine
from reconciler.fleet.report import NOT_BEGUN, FleetForm, RowForm, fleet_document
from reconciler.fleet.run import Job, Result, run
from reconciler.fleet.targets import FleetTarget, load, selected
from reconciler.history import stamp
from reconciler.render import summary
from reconciler.render.json import render as as_json
from reconciler.safe import safe
from reconciler.spec.problems import problems_document

FORMATS = ("text", "json", "markdown")
"""Those that have rows."""
WRITING = frozenset({"apply"})
"""The commands that change something."""
OWN = frozenset(
    ("targets", "selectors", "concurrency", "per_account", "max_failures", "engine", "scheduler")
) | {"details", "outputs", "color"}
"""The options of the whole, which no target has."""
ALONE = {
    "paths": "PATH",
    "region": "--region",
    "plan": "--plan",
    "expect": "--expect",
    "watch": "--watch",
    "diff": "--diff",
}
"""What is about one target."""
FAILED = frozenset({Exit.ERROR, Exit.PARTLY, Exit.UNKNOWN})
"""The codes that count for --max-failures: what is refused, differs or waits is no failure."""
ENDED = frozenset({Exit.INTERRUPTED, Exit.TERMINATED})
"""The codes of a target that was begun and ended by a signal."""


def fleet(context: click.Context, options: Mapping[str, Any]) -> Exit:
    """Run the command for every target that is selected, and report on all of them."""
    command = str(context.info_name)
    _check(command, options)
    if "local" in options:
        check_consistent(context)
    formats = options.get("outputs", ())
    check_formats(formats, FORMATS, "a report on targets")
    outputs = Outputs.of(formats, options.get("color", "auto"), [options["targets"]])
    targets = targets_of(options, outputs)
    _check_files(options, targets)
    details = _folder(options["details"])
    given = {name: value for name, value in options.items() if name not in OWN}
    jobs = [Job(target, command, given, writes=command in WRITING) for target in targets]
    created = datetime.now(UTC)
    with stopping() as asked:
        known = Known(options["max_failures"], asked)
        kept = _run(jobs, options, known, details)
        rows = known.rows
        codes = [Exit(row["code"]) for row in rows if row["code"] is not None]
        if asked():  # what its targets were ended with is no news, and says how they were told
            codes = [code for code in codes if code not in ENDED]
        begun_not = sum(row["state"] == NOT_BEGUN for row in rows)
        code = worst(asked.code, kept, *codes, *[Exit.ERROR] * bool(begun_not))
        code = _written(outputs, fleet_document(command, stamp(created), rows, code))
    if begun_not:
        were = "was" if begun_not == 1 else "were"
        tell(f"Error: {begun_not} of {len(rows)} targets {were} not begun")
    return code


def _run(jobs: list[Job], options: Mapping[str, Any], known: Known, details: Path | None) -> Exit:
    """Do every job, say where the run is, and keep the documents; an error when one of them could
    not be kept. What nobody waits for any more is known as such."""
    kept = Exit.DONE
    with display() as line:
        try:
            for answer in _answers(jobs, options, known, line):
                if problem := _keep(details, answer):
                    line.say(problem)
                    details, kept = None, Exit.ERROR
                _say(line, answer.row, len(known.rows), len(jobs))
        except (KeyboardInterrupt, SystemExit):
            known.leave(jobs)
        except ReconcilerError as error:  # an executor went away, and no other one is to be had
            if not known.begun:
                raise
            line.say(f"Error: {error}")
            known.leave(jobs)
    return kept


def _written(outputs: Outputs, document: FleetForm) -> Exit:
    """Write the report; that it cannot be written, or that nobody waits for all of it, takes
    nothing back."""
    code = Exit(document["code"])
    try:
        outputs.write(document)
        deafen()
    except ReconcilerError as error:
        tell(f"Error: {error}")
        tell(summary(document))
        return worst(code, Exit.ERROR)
    except BrokenPipeError:
        abandon_stdout()  # nobody reads it any more; what was done is done, and its code stands
    except (KeyboardInterrupt, SystemExit):
        pass  # its code stands, too: that of the signal is in it, unless there is a worse one
    return code


class Known:
    """What is known of the targets so far."""

    def __init__(self, max_failures: int | None, asked: Stopping) -> None:
        self.rows: list[RowForm] = []
        self.begun: set[str] = set()
        self.asked = asked
        self._max_failures = max_failures
        self._failures = 0

    def take(self, row: RowForm) -> None:
        """One more is known."""
        self.rows.append(row)
        self._failures += row["code"] in FAILED

    def begin(self, job: Job) -> None:
        """A job was handed out."""
        self.begun.add(job.target.name)

    def again(self, result: Result) -> Job:
        """The job that is to be handed out once more: what was not taken was not begun."""
        if result.lost:
            return replace(result.job, attempt=2)
        self.begun.discard(result.job.target.name)
        return result.job

    def enough(self) -> bool:
        """Whether no target is to be begun any more."""
        too_many = self._max_failures is not None and self._failures > self._max_failures
        return bool(self.asked()) or too_many

    def leave(self, jobs: Sequence[Job]) -> None:
        """Nobody waits any more for what is still running."""
        answered = {row["target"] for row in self.rows}
        for job in jobs:
            if (name := job.target.name) not in answered:
                lost = "nobody waited for its end" if name in self.begun else ""
                self.rows.append(_without_answer(Result(replace(job, attempt=1), lost=lost)))


def _check(command: str, options: Mapping[str, Any]) -> None:
    """Refuse what is about one target, what nobody could be asked, and what is a risk."""
    for name, flag in ALONE.items():
        if options.get(name):
            raise click.UsageError(f"{flag} does not go with --targets")
    if options["engine"] == "dask" and not options["scheduler"]:
        raise click.UsageError("--engine dask needs --scheduler tcp://HOST:PORT")
    if options["scheduler"] and options["engine"] != "dask":
        raise click.UsageError("--scheduler goes with --engine dask only")
    if options["details"] == "":
        raise click.UsageError("--details names no folder")
    if command in WRITING and not options["yes"]:
        text = f"{command} with --targets does not ask: plan first, then give --yes"
        raise click.UsageError(text)
    if command in WRITING and options["engine"] == "dask" and not options["lock"]:
        risk = "a worker that is only cut off goes on while its targets are begun again"
        text = f"{command} with --engine dask needs --lock: {risk}, which could create twice"
        raise click.UsageError(text)
    if command == "import" and not (options["to"] or "").endswith("/"):
        raise click.UsageError("import with --targets needs --to FOLDER/, for a folder per target")


def targets_of(options: Mapping[str, Any], outputs: Outputs) -> tuple[FleetTarget, ...]:
    """The targets that are selected of a file; a wrong file ends the command with every problem."""
    try:
        return selected(load(options["targets"]), options["selectors"])
    except SpecError as error:
        outputs.refuse(problems_document(error.problems))
        raise click.exceptions.Exit(Exit.ERROR) from error


def _check_files(options: Mapping[str, Any], targets: Sequence[FleetTarget]) -> None:
    """Refuse targets without the files that the command is about, and to overwrite any."""
    if "paths" not in options or "to" in options:
        return
    for target in targets:
        if not target.paths:
            text = f"target {target.name} has no files: write `paths: [...]` there or in `defaults`"
            raise ReconcilerError(text)
    paths = sorted({path for target in targets for path in target.paths})
    Outputs.of(options["outputs"], "never", files_read({**options, "paths": paths}))


def _answers(
    jobs: list[Job], options: Mapping[str, Any], known: Known, line: Line
) -> Iterator[Answer]:
    """The answer for every job; a row is kept of each. What a lost worker had is begun once more,
    in an executor that still works."""
    how = (options["engine"], options["concurrency"], options["scheduler"])
    writes = any(job.writes for job in jobs)
    for attempt in (1, 2):
        line.update(f"{len(known.rows)} of {len(jobs) + len(known.rows)} targets")
        again: list[Job] = []
        with engine(*how, writes=writes) as found:
            known.asked.pass_on = found.interrupt
            most = options["per_account"]
            for result in run(jobs, found, perform, most, known.enough, known.begin):
                if result.answer is not None:
                    known.take(result.answer.row)
                    yield result.answer
                elif attempt == 1 and not known.enough():
                    again.append(known.again(result))
                else:
                    known.take(_without_answer(result))
        jobs = again
        if not jobs:
            break
        begun = sum(job.attempt > 1 for job in jobs)
        what = f"; with it {begun} of the targets, which are begun again" if begun else ""
        tell(f"Warning: a worker was lost{what}")


def _without_answer(result: Result) -> RowForm:
    target, begun = result.job.target, result.job.attempt - (not result.lost)
    code = Exit.UNKNOWN if result.job.writes else Exit.ERROR
    times = "twice" if begun > 1 else "once"
    text = f"its worker was lost {times}, and what it did is not known: {result.lost or 'stopped'}"
    return {
        "target": target.name,
        "account": target.account,
        "region": target.region,
        "code": code if begun else None,
        "state": STATES[code] if begun else NOT_BEGUN,
        "counts": {},
        "message": safe(text) if begun else "",
        "details": [],
        "attempts": begun,
        "seconds": 0.0,
    }


def _folder(path: str | None) -> Path | None:
    """The folder of the documents, made where it is not there."""
    if path is None:
        return None
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be made: {error.strerror}") from error
    return Path(path)


def _keep(folder: Path | None, answer: Answer) -> str:
    """Write the document of one target; why that is not possible."""
    if folder is None or answer.document is None:
        return ""
    file = folder / f"{answer.file}.json"
    try:
        save(str(file), as_json(answer.document).encode())
    except OSError as error:
        why = f"{file} cannot be written: {error.strerror}"
        return f"Error: {why}; --details gets no more, and the run goes on"
    return ""


def _say(line: Line, row: RowForm, done: int, all_: int) -> None:
    """Where the run is; a target with something to say is told of at once."""
    if row["code"] != Exit.DONE:
        line.say(safe(f"[{row['target']}] {row['state']}: {row['message']}"))
    line.update(f"{done} of {all_} targets")
