"""A worker is killed in the middle of an apply: every target ends applied once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Settings
from reconciler.emulator.faults import Fault
from reconciler.errors import ReconcilerError
from reconciler.fleet import engines
from reconciler.fleet.engines import engine
from tests.aws.s3 import BUCKET, s3_server
from tests.cli.terminal import command, environment
from tests.fleet.test_commands import DECLARED

TARGETS = 50


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    """One connection in each of many accounts."""
    (tmp_path / "declared.yaml").write_text(DECLARED, encoding="utf-8")
    accounts = "".join(f'- {{account: "{n:012}"}}\n' for n in range(1, TARGETS + 1))
    head = "version: 1\ndefaults: {role: r, regions: [eu-west-1], paths: [declared.yaml]}\n"
    file = tmp_path / "targets.yaml"
    file.write_text(f"{head}targets:\n{accounts}", encoding="utf-8")
    return file


def creates(emulator: Emulator) -> Counter[str]:
    log = emulator.control.requests(mutating_only=True)
    return Counter(one.account for one in log if one.operation == "CreateConnection")


def killed_when(emulator: Emulator, number: int, pids: list[int]) -> threading.Thread:
    """Kills the first of some processes once so many objects have been created."""

    def watch() -> None:
        while creates(emulator).total() < number:
            time.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def children(pid: int) -> list[int]:
    """The processes that a process has started and that work for it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            line = (entry / "cmdline").read_text()
        except OSError:
            continue
        if parent == pid and "spawn_main" in line:
            found.append(int(entry.name))
    return found


def check(emulator: Emulator, process: subprocess.Popen[str]) -> None:
    """Every target was applied once, and the report says so."""
    out, err = process.communicate(timeout=120)
    assert creates(emulator) == {f"{n:012}": 1 for n in range(1, TARGETS + 1)}, err
    report = json.loads(out)
    assert (process.returncode, report["summary"]) == (7, {"waiting": TARGETS}), err
    assert "a worker was lost" in err
    assert {row["attempts"] for row in report["targets"]} == {1, 2}


def started(emulator: Emulator, targets: Path, *words: str) -> subprocess.Popen[str]:
    line = command("apply", "--yes", "--targets", str(targets), "--endpoint-url", emulator.url)
    line += ["--output", "json", "--concurrency", "50", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, env=environment(), text=True)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_a_process_that_is_killed_loses_nothing_and_doubles_nothing(targets: Path) -> None:
    with Emulator(Settings(handshake="manual")) as emulator:
        emulator.control.fault(Fault(kind="delay", operation="Create*", seconds=0.05, count=1000))
        process = started(emulator, targets, "--engine", "processes", "--concurrency", "4")
        while len(pids := children(process.pid)) < 4 and process.poll() is None:
            time.sleep(0.02)
        thread = killed_when(emulator, 10, pids)
        check(emulator, process)
        thread.join()


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What `apply` with Dask needs: an S3 that the workers of a cluster begun later find, too."""
    with s3_server() as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        # A killed worker keeps its locks for as long as the lease.
        yield [f"--lock=s3://{BUCKET}/fleet", "--lock-lease=2s", "--lock-timeout=30s"]


@contextmanager
def cluster(failures: int, workers: int = 2) -> Iterator[tuple[str, list[int]]]:
    """A Dask cluster of worker processes: where its scheduler is, and who works."""
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    settings = {
        "distributed.scheduler.allowed-failures": failures,
        "distributed.scheduler.worker-ttl": "5s",
        "distributed.worker.multiprocessing-method": "spawn",
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=2,
            processes=True,
            host="127.0.0.1",
            scheduler_port=0,
            dashboard_address="127.0.0.1:0",
        ) as running,
    ):
        pids = [worker.pid for worker in running.workers.values()]
        yield running.scheduler_address, pids


@contextmanager
def worker_of(address: str, state: Path) -> Iterator[int]:
    """One more worker of a cluster, as on a machine of its own, that nobody looks after: its
    process."""
    line = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny"]
    line += ["--nthreads", "2", "--host", "127.0.0.1", "--no-dashboard"]
    null, there = subprocess.DEVNULL, environment(XDG_STATE_HOME=str(state))
    with subprocess.Popen(line, stdout=null, stderr=null, env=there) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_dask_worker_that_is_killed_loses_nothing_and_doubles_nothing(
    targets: Path, lock: list[str]
) -> None:
    with Emulator(Settings(handshake="manual")) as emulator, cluster(0) as (address, pids):
        emulator.control.fault(Fault(kind="delay", operation="Create*", seconds=0.05, count=1000))
        process = started(emulator, targets, "--engine", "dask", "--scheduler", address, *lock)
        thread = killed_when(emulator, 10, pids)
        check(emulator, process)
        thread.join()


def test_a_dask_worker_that_is_only_cut_off_doubles_nothing(
    targets: Path, lock: list[str], tmp_path: Path
) -> None:
    """It has asked what is there, its scheduler takes it for dead, and it goes on when another one
    has done everything."""
    with (
        Emulator(Settings(handshake="manual")) as emulator,
        cluster(0, workers=0) as (address, _),
        worker_of(address, tmp_path / "here") as first,
    ):
        asked = Fault(kind="delay", operation="ListConnections", seconds=4, count=2)
        emulator.control.fault(asked)
        process = started(emulator, targets, "--engine", "dask", "--scheduler", address, *lock)
        while sum(one.operation == "AssumeRole" for one in emulator.control.requests()) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        time.sleep(1)
        os.kill(first, signal.SIGSTOP)
        assert creates(emulator).total() == 0
        with worker_of(address, tmp_path / "there"):
            while creates(emulator).total() < TARGETS:
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            os.kill(first, signal.SIGCONT)
            check(emulator, process)
        time.sleep(2)
        assert creates(emulator).total() == TARGETS


def test_no_target_is_begun_any_more_by_a_worker_of_dask_that_gets_free(
    targets: Path, lock: list[str]
) -> None:
    with Emulator(Settings(handshake="manual")) as emulator, cluster(0) as (address, _):
        emulator.control.fault(Fault(kind="delay", operation="Create*", seconds=1.0, count=1000))
        process = started(emulator, targets, "--engine", "dask", "--scheduler", address, *lock)
        while creates(emulator).total() < 3 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        states = Counter(row["state"] for row in json.loads(out)["targets"])
        assert states["not begun"] >= TARGETS - 12, err
        assert creates(emulator).total() == TARGETS - states["not begun"]


def test_an_apply_by_dask_needs_a_lock(targets: Path) -> None:
    with Emulator() as emulator:
        process = started(emulator, targets, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9")
        _, err = process.communicate(timeout=60)
        assert process.returncode == 64
        assert "Error: apply with --engine dask needs --lock: a worker that is only cut off" in err
        assert emulator.control.requests() == []


def test_a_scheduler_that_begins_anew_by_itself_is_refused(targets: Path, lock: list[str]) -> None:
    with Emulator(Settings(handshake="manual")) as emulator, cluster(3) as (address, _):
        process = started(emulator, targets, "--engine", "dask", "--scheduler", address, *lock)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "which could create twice" in err
        assert "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0" in err
        assert emulator.control.requests() == []


def test_a_scheduler_that_goes_away_takes_no_report_along(targets: Path, lock: list[str]) -> None:
    with Emulator(Settings(handshake="manual")) as emulator, ExitStack() as running:
        emulator.control.fault(Fault(kind="delay", operation="Create*", seconds=0.3, count=1000))
        address, _ = running.enter_context(cluster(0))
        process = started(emulator, targets, "--engine", "dask", "--scheduler", address, *lock)
        while creates(emulator).total() < 10 and process.poll() is None:
            time.sleep(0.02)
        running.close()
        out, err = process.communicate(timeout=120)
        made = creates(emulator)
    assert process.returncode == 4, err
    report = json.loads(out)
    states = {row["account"]: row["state"] for row in report["targets"]}
    assert len(states) == TARGETS
    assert {account for account in made if states[account] == "not begun"} == set()
    assert max(made.values()) == 1


def test_who_leaves_in_a_hurry_waits_for_no_cluster() -> None:
    with cluster(0) as (address, _):
        begun = time.monotonic()
        with suppress(KeyboardInterrupt), engine("dask", 8, address, writes=True) as found:
            for _ in range(8):
                found.executor.submit(time.sleep, 5)
            raise KeyboardInterrupt
        assert time.monotonic() - begun < 5


def test_a_cluster_without_workers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(engines, "WORKERS_SECONDS", 1.0)
    with distributed.LocalCluster(
        n_workers=0, host="127.0.0.1", scheduler_port=0, dashboard_address="127.0.0.1:0"
    ) as running:
        address = running.scheduler_address
        with (
            pytest.raises(
                ReconcilerError, match=f"has no worker: start one with dask worker {address}"
            ),
            engine("dask", 1, address, writes=False),
        ):
            pass
        running.scale(1)
        running.wait_for_workers(1, timeout=60)
        with engine("dask", 1, address, writes=False) as found:
            assert found.executor.submit(int, "1").result() == 1
            assert found.gone() == ""
            running.scale(0)
            end = time.monotonic() + 20
            while not (why := found.gone()) and time.monotonic() < end:
                time.sleep(0.1)
            assert why == f"the scheduler {address} had no worker for 1 s"
