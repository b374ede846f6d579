"""Handing out jobs: how many at a time, when no more, and what a lost worker had."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.cli import targeting
from reconciler.cli.stopping import Stopping
from reconciler.fleet.engines import Engine, processes, was_asked
from reconciler.fleet.run import Job, Result, run
from reconciler.fleet.targets import FleetTarget


def job(number: int, account: str = "1", region: str = "") -> Job:
    where = region or f"r{number}"
    target = FleetTarget(str(number), account, where, (), None, "", None, "s", None, (), ())
    return Job(target, "plan", {})


def never() -> bool:
    return False


class Busy:
    """Work that counts how many do it at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def __call__(self, job: Job) -> str:
        keys = ("all", job.target.account, job.target.account + job.target.region)
        for key in keys:
            self.add(key, 1)
        time.sleep(0.02)
        for key in keys:
            self.add(key, -1)
        return job.target.name

    def add(self, key: str, number: int) -> None:
        with self.lock:
            self.now[key] += number
            self.most[key] = max(self.most[key], self.now[key])


def test_no_more_at_a_time_than_asked_for_in_all_and_of_one_account() -> None:
    busy = Busy()
    jobs = [job(n, account) for n, account in enumerate("aaaaaaaabcd" * 2)]
    with ThreadPoolExecutor(16) as pool:
        results = list(run(jobs, Engine(pool, lambda: 4), busy, 2, never))
    assert sorted(r.answer for r in results) == sorted(j.target.name for j in jobs)
    assert busy.most["all"] == 4
    assert busy.most["a"] == 2


def test_an_account_that_is_busy_keeps_nobody_else_waiting() -> None:
    busy = Busy()
    jobs = [job(n, account) for n, account in enumerate("aaaaaaaabbbb")]
    with ThreadPoolExecutor(16) as pool:
        list(run(jobs, Engine(pool, lambda: 8), busy, 2, never))
    assert busy.most["b"] == 2


def test_two_targets_that_are_one_place_are_never_worked_on_at_a_time() -> None:
    busy = Busy()
    jobs = [job(n, account, region) for n, account in enumerate("ab" * 4) for region in "xy"]
    with ThreadPoolExecutor(16) as pool:
        results = list(run(jobs, Engine(pool, lambda: 16), busy, 16, never))
    assert len(results) == len(jobs)
    assert [busy.most[place] for place in ("ax", "ay", "bx", "by")] == [1, 1, 1, 1]
    assert busy.most["all"] == 4


class Looked(str):
    """An account that counts how often it is looked at."""

    __slots__ = ()
    times = 0

    def __hash__(self) -> int:
        Looked.times += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)


def test_a_job_that_is_held_is_not_looked_at_again_and_again() -> None:
    jobs = [job(n, Looked(n // 60), f"r{n % 30}") for n in range(1200)]
    done = sum(1 for _ in run_at_once(jobs))
    assert done == 1200
    assert Looked.times < 20 * done, "the work grows with the jobs, not with those that wait"


def run_at_once(jobs: list[Job]) -> Iterator[Result]:
    with ThreadPoolExecutor(1) as pool:
        yield from run(jobs, Engine(pool, lambda: 16), lambda job: job.target.name, 2, never)


def test_what_was_held_is_told_in_its_place_when_it_is_not_begun() -> None:
    jobs = [job(n, account) for n, account in enumerate("aaaaab")]
    seen: list[Result] = []
    with ThreadPoolExecutor(2) as pool:
        for result in run(jobs, Engine(pool, lambda: 2), Busy(), 1, lambda: bool(seen)):
            seen.append(result)  # noqa: PERF402  what is seen decides what is begun
    assert {r.job.target.name for r in seen[:2]} == {"0", "5"}
    assert [r.job.target.name for r in seen[2:]] == ["1", "2", "3", "4"]


def test_when_it_is_enough_nothing_more_is_begun_and_what_runs_is_told() -> None:
    seen: list[Result] = []
    with ThreadPoolExecutor(4) as pool:
        for result in run(
            map(job, range(20)), Engine(pool, lambda: 2), Busy(), 2, lambda: len(seen) >= 3
        ):
            seen.append(result)  # noqa: PERF402  what is seen decides what is begun
    done = [r for r in seen if r.answer is not None]
    assert 3 <= len(done) <= 5
    assert len(seen) == 20
    assert all(r.lost == "" for r in seen if r.answer is None)


def die(job: Job) -> str:
    if job.target.name == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return job.target.name


def test_a_process_that_dies_loses_what_it_had_and_says_so() -> None:
    with processes(1) as pool:
        results = list(run(map(job, range(3)), Engine(pool, lambda: 1), die, 1, never))
    assert [r.answer for r in results] == ["0", None, None]
    assert "BrokenProcessPool" in results[1].lost
    assert results[2] == Result(job(2)), "it was never begun"


def explode(job: Job) -> str:
    raise OSError("no  \n such thing")


def test_what_work_raises_is_told_on_one_line() -> None:
    with ThreadPoolExecutor(1) as pool:
        (result,) = run([job(1)], Engine(pool, lambda: 1), explode, 1, never)
    assert result.lost == "OSError: no such thing"


def leave(job: Job) -> str:
    if job.target.name == "1":
        raise SystemExit(143)
    if job.target.name == "2":
        raise KeyboardInterrupt
    return job.target.name


def test_a_worker_that_is_told_to_end_ends_no_other_job() -> None:
    with ThreadPoolExecutor(1) as pool:
        results = list(run(map(job, range(4)), Engine(pool, lambda: 1), leave, 1, never))
    assert [r.answer for r in results] == ["0", None, None, "3"]
    assert [r.lost for r in results] == ["", "SystemExit: 143", "KeyboardInterrupt", ""]


def test_processes_hear_of_the_end_before_they_begin_anything() -> None:
    with processes(1) as pool:
        found = [pool.submit(was_asked) for _ in range(3)]
        pool.interrupt()
        assert [one.result(timeout=60) for one in found] == [True] * 3
    with processes(1) as pool:  # a signal that somebody else sends is about nothing
        (pid, told) = (pool.submit(os.getpid).result(timeout=60), pool.submit(was_asked))
        assert not told.result(timeout=60)
        os.kill(pid, signal.SIGINT)
        time.sleep(0.5)
        assert not pool.submit(was_asked).result(timeout=60)


def hurried(job: Job, asked: Stopping) -> None:
    """Somebody wants the end twice, when the command is over and its row is put together."""
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)


def ends_when_told(job: Job) -> bool:
    """Whether a process that was left in a hurry ends when its pool tells it to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(targeting, "_performed", hurried)
        with pytest.raises(KeyboardInterrupt):
            targeting.perform(job)
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_process_that_is_left_in_a_hurry_still_ends_with_its_pool() -> None:
    """It would wait for its next job for ever, and its pool for it."""
    with processes(1) as pool:
        assert pool.submit(ends_when_told, job(1)).result(timeout=60)
