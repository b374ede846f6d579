"""Runs work for many targets: jobs and any `concurrent.futures.Executor` go in, results come out
as they are done. It neither knows what the work is nor where it is done."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
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


class Busy:
    """Where something runs: at most so much in an account, and one at a time in a Region of it, so
    that two targets that are the same place do not write there at once."""

    def __init__(self, per_account: int) -> None:
        self.per_account = per_account
        self.running: Counter[tuple[str, ...]] = Counter()

    def has_room(self, job: Job) -> bool:
        """Whether a job may be begun."""
        account, place = self._keys(job)
        return self.running[account] < self.per_account and not self.running[place]

    def begin(self, job: Job) -> None:
        """A job has been begun."""
        self.running.update(self._keys(job))

    def end(self, job: Job) -> None:
        """A job has come to its end."""
        self.running.subtract(self._keys(job))

    def _keys(self, job: Job) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (job.target.account,), (job.target.account, job.target.region)


def run(
    jobs: Iterable[Job],
    executor: Executor,
    work: Callable[[Job], Any],
    limits: Limits,
    enough: Callable[[], bool],
    begin: Callable[[Job], None] = lambda _: None,
    gone: Callable[[], str] = lambda: "",
) -> Iterator[Result]:
    """Do the work for every job; `begin` is told of each that is handed out, and `gone` says why no
    answer will ever come, if so. Once there is
    `enough`, what is running is finished and nothing more is begun, and neither is it where the
    executor takes nothing any more. Each job is handed out once: a lost worker may have done
    something."""
    waiting = OrderedDict(enumerate(jobs))  # a dict walks over all that was taken out of it
    running: dict[Future[Any], Job] = {}
    done: SimpleQueue[Future[Any]] = SimpleQueue()
    busy = Busy(limits.per_account)
    broken = False
    while running or (waiting and not broken and not enough()):
        while waiting and not broken and len(running) < limits.concurrency and not enough():
            number = next((n for n, job in waiting.items() if busy.has_room(job)), None)
            if number is None:
                break
            job = waiting.pop(number)
            try:
                future = executor.submit(work, job)
            except RuntimeError:  # the pool lost a process, or was shut down
                waiting[number] = job
                broken = True
            else:
                running[future] = job
                busy.begin(job)
                begin(job)
                future.add_done_callback(done.put)
        with suppress(Empty):
            future = done.get(timeout=TICK)
            job = running.pop(future)
            busy.end(job)
            yield _result(job, future)
        if running and (why := gone()):
            yield from (Result(job, lost=why) for job in running.values())
            break
    for _, job in sorted(waiting.items()):
        yield Result(job)


def _result(job: Job, future: Future[Any]) -> Result:
    try:
        return Result(job, future.result())
    except Exception as error:  # noqa: BLE001  the work tells its own failures as answers
        return Result(job, lost=_reason(error))


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
