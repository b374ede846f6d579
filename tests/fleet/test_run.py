"""Handing out jobs: how many at a time, when no more, and what a lost worker had."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from reconciler.fleet.engines import processes
from reconciler.fleet.run import Job, Limits, Result, run
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
        results = list(run(jobs, pool, busy, Limits(4, 2), never))
    assert sorted(r.answer for r in results) == sorted(j.target.name for j in jobs)
    assert busy.most["all"] == 4
    assert busy.most["a"] == 2


def test_an_account_that_is_busy_keeps_nobody_else_waiting() -> None:
    busy = Busy()
    jobs = [job(n, account) for n, account in enumerate("aaaaaaaabbbb")]
    with ThreadPoolExecutor(16) as pool:
        list(run(jobs, pool, busy, Limits(8, 2), never))
    assert busy.most["b"] == 2


def test_two_targets_that_are_one_place_are_never_worked_on_at_a_time() -> None:
    busy = Busy()
    jobs = [job(n, account, region) for n, account in enumerate("ab" * 4) for region in "xy"]
    with ThreadPoolExecutor(16) as pool:
        results = list(run(jobs, pool, busy, Limits(16, 16), never))
    assert len(results) == len(jobs)
    assert [busy.most[place] for place in ("ax", "ay", "bx", "by")] == [1, 1, 1, 1]
    assert busy.most["all"] == 4


def test_when_it_is_enough_nothing_more_is_begun_and_what_runs_is_told() -> None:
    seen: list[Result] = []
    with ThreadPoolExecutor(4) as pool:
        for result in run(map(job, range(20)), pool, Busy(), Limits(2, 2), lambda: len(seen) >= 3):
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
        results = list(run(map(job, range(3)), pool, die, Limits(1, 1), never))
    assert [r.answer for r in results] == ["0", None, None]
    assert "BrokenProcessPool" in results[1].lost
    assert results[2] == Result(job(2)), "it was never begun"


def explode(job: Job) -> str:
    raise OSError("no  \n such thing")


def test_what_work_raises_is_told_on_one_line() -> None:
    with ThreadPoolExecutor(1) as pool:
        (result,) = run([job(1)], pool, explode, Limits(1, 1), never)
    assert result.lost == "OSError: no such thing"
