"""Runs work for many targets: jobs and any `concurrent.futures.Executor` go in, results come out
as they are done. It neither knows what the work is nor where it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.targets import FleetTarget

TICK = 0.5
"""Seconds after which it is looked whether somebody wants the end."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done for one target, as plain data: any worker can do it. Where an `attempt`
    before this one was cut short, nobody knows what it has sent."""

    target: FleetTarget
    command: str
    options: Mapping[str, Any]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What the work gave. Without an answer either nothing was begun, or the worker was `lost`."""

    job: Job
    answer: Any = None
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many targets at a time, in all and of one account."""

    concurrency: int
    per_account: int


def run(
    jobs: Iterable[Job],
    executor: Executor,
    work: Callable[[Job], Any],
    limits: Limits,
    enough: Callable[[], bool],
) -> Iterator[Result]:
    """Do the work for every job. Once there is `enough`, what is running is finished and nothing
    more is begun. Each job is handed out once: a lost worker may have done something."""
    waiting = dict(enumerate(jobs))
    running: dict[Future[Any], Job] = {}
    busy: Counter[str] = Counter()
    broken = ""
    while running or (waiting and not broken and not enough()):
        while waiting and not broken and len(running) < limits.concurrency and not enough():
            number = _next(waiting, busy, limits.per_account)
            if number is None:
                break
            job = waiting.pop(number)
            try:
                running[executor.submit(work, job)] = job
            except RuntimeError as error:  # the pool lost a process, or was shut down
                waiting[number] = job
                broken = _reason(error)
            else:
                busy[job.target.account] += 1
        done, _ = wait(running, timeout=TICK, return_when=FIRST_COMPLETED)
        for future in done:
            job = running.pop(future)
            busy[job.target.account] -= 1
            yield _result(job, future)
    for _, job in sorted(waiting.items()):
        yield Result(job, lost=broken)


def _next(waiting: Mapping[int, Job], busy: Counter[str], most: int) -> int | None:
    """The first job whose account has room."""
    return next((n for n, job in waiting.items() if busy[job.target.account] < most), None)


def _result(job: Job, future: Future[Any]) -> Result:
    try:
        return Result(job, future.result())
    except Exception as error:  # noqa: BLE001  the work tells its own failures as answers
        return Result(job, lost=_reason(error))


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
