"""Runs work for many targets: jobs and an engine go in, results come out as they are done. It
neither knows what the work is nor where it is done."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from queue import Empty, SimpleQueue
from typing import Any

from reconciler.fleet.engines import Engine
from reconciler.fleet.targets import FleetTarget

TICK = 0.5
"""Seconds after which it is looked whether somebody wants the end."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done for one target, as plain data: any worker can do it. Where it `writes` and
    an `attempt` before this one was cut short, nobody knows what it has sent."""

    target: FleetTarget
    command: str
    options: Mapping[str, Any]
    writes: bool = False
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What the work gave. Without an answer either nothing was begun, or the worker was `lost`."""

    job: Job
    answer: Any = None
    lost: str = ""


class _Waiting:
    """Jobs in their order, of which some are held: at most so many run in an account, and one at a
    time in a Region of it, so that two targets that are the same place do not write there at once.
    A job is looked at when its turn comes and when its account gets room, and not in between."""

    def __init__(self, jobs: Iterable[Job], per_account: int) -> None:
        self._next = deque(enumerate(jobs))
        self._held: defaultdict[str, deque[tuple[int, Job]]] = defaultdict(deque)
        self._running: Counter[tuple[str, ...]] = Counter()
        self._per_account = per_account

    def begin(self) -> tuple[int, Job] | None:
        """The next job that has room, which it takes, with its number; none when all are held."""
        while self._next:
            number, job = self._next.popleft()
            if self._has_room(job):
                self._running.update(_keys(job))
                return number, job
            self._held[job.target.account].append((number, job))
        return None

    def end(self, job: Job) -> None:
        """A job has come to its end; what was held for its room is the next one."""
        self._running.subtract(_keys(job))
        held = self._held[job.target.account]
        if one := next((one for one in held if self._has_room(one[1])), None):
            held.remove(one)
            self._next.appendleft(one)

    def give_back(self, number: int, job: Job) -> None:
        """A job was not begun after all."""
        self._running.subtract(_keys(job))
        self._next.appendleft((number, job))

    def __iter__(self) -> Iterator[Job]:
        """The jobs that were not begun, in their order."""
        left = chain(self._next, *self._held.values())
        return (job for _, job in sorted(left, key=itemgetter(0)))

    def _has_room(self, job: Job) -> bool:
        account, place = _keys(job)
        return self._running[account] < self._per_account and not self._running[place]


def _keys(job: Job) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (job.target.account,), (job.target.account, job.target.region)


def run(
    jobs: Iterable[Job],
    engine: Engine,
    work: Callable[[Job], Any],
    per_account: int,
    enough: Callable[[], bool],
    begin: Callable[[Job], None] = lambda _: None,
) -> Iterator[Result]:
    """Do the work for every job, for up to `per_account` of an account at a time; `begin` is told
    of each before it is handed out. Once there is `enough`, what is running is finished and nothing
    more is begun, and neither is it where the executor takes nothing any more. Each job is handed
    out once: a lost worker may have done something."""
    waiting = _Waiting(jobs, per_account)
    running: dict[Future[Any], Job] = {}
    done: SimpleQueue[Future[Any]] = SimpleQueue()
    broken = False
    while True:
        while not broken and len(running) < engine.room() and not enough():
            found = waiting.begin()
            if found is None:
                break
            _, job = found
            begin(job)  # before it is: what ends the run in between leaves it unknown
            try:
                future = engine.executor.submit(work, job)
            except RuntimeError:  # the pool lost a process, or was shut down
                waiting.give_back(*found)
                broken = True
            else:
                running[future] = job
                future.add_done_callback(done.put)
        if not running:  # what is held waits for what is running
            break
        with suppress(Empty):
            future = done.get(timeout=TICK)
            job = running.pop(future)
            waiting.end(job)
            yield _result(job, future)
        if running and (why := engine.gone()):
            yield from (Result(job, lost=why) for job in running.values())
            break
    for job in waiting:
        yield Result(job)


def _result(job: Job, future: Future[Any]) -> Result:
    """What became of a job. The work tells its own failures as answers; what ended it, such as a
    signal that its worker got, is about that one job and must not be raised here."""
    error = CancelledError() if future.cancelled() else future.exception()
    return Result(job, future.result()) if error is None else Result(job, lost=_reason(error))


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
