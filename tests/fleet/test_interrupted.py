"""Ctrl-C in the middle of an apply over many targets: what was begun is settled and told, and the
next run doubles nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from reconciler.emulator import Emulator, Settings
from reconciler.emulator.faults import Fault
from tests.cli.terminal import command, environment
from tests.conftest import Cli
from tests.fleet.test_lost_workers import TARGETS, children, creates, targets

__all__ = ["targets"]
SLOW = Fault(kind="delay", operation="Create*", seconds=1.0, count=1000)


def interrupted(
    emulator: Emulator, file: Path, engine: str, times: int, concurrency: int = 2
) -> tuple[int, str, str]:
    """The exit code and output of an apply whose whole process group gets SIGINT so often."""
    line = command("apply", "--yes", "--targets", str(file), "--endpoint-url", emulator.url)
    line += ["--output", "json", "--concurrency", str(concurrency), "--engine", engine]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        line, stdout=pipe, stderr=pipe, env=environment(), text=True, start_new_session=True
    )
    while creates(emulator).total() < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    assert process.stderr is not None
    said = ""
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        while "Stopping:" not in said:  # else the second one may arrive along with the first
            said += process.stderr.readline()
    out, err = process.communicate(timeout=60)
    return process.returncode, out, said + err


def processes_of(group: str) -> list[str]:
    """The worker processes that still run with this in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if group.encode() in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


@pytest.fixture
def one_core() -> Iterator[None]:
    """The test, and what it starts, has one core of the machine."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away")
@pytest.mark.usefixtures("one_core")
def test_no_target_is_begun_any_more_by_a_process_that_gets_free(targets: Path) -> None:
    """More may be asked for at a time than there are processes."""
    with Emulator(Settings(handshake="manual")) as emulator:
        emulator.control.fault(SLOW)
        code, out, err = interrupted(emulator, targets, "processes", 1, concurrency=TARGETS)
        states = Counter(row["state"] for row in json.loads(out)["targets"])
        assert code == 130, err
        assert states["not begun"] > TARGETS / 2, err


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes cannot be made small")
def test_a_report_that_nobody_waits_for_leaves_unknown_what_is(targets: Path) -> None:
    with Emulator(Settings(handshake="manual")) as emulator:
        emulator.control.fault(Fault(kind="dropped", operation="Create*", count=1000))
        line = command("apply", "--yes", "--targets", str(targets), "--output", "json")
        line += ["--endpoint-url", emulator.url, "--settle", "0", "--concurrency", "50"]
        line += ["--target", "*[123]?"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(line, stdout=pipe, stderr=pipe, env=environment(), text=True)
        assert process.stdout is not None
        assert process.stderr is not None
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        assert process.stdout.read(1) == "{"  # all is done, and the rest is more than fits
        process.send_signal(signal.SIGINT)
        while "Stopping:" not in process.stderr.readline():
            continue
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 4, err


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_sigterm_for_the_run_alone_ends_its_workers_in_the_middle_of_a_target(
    engine: str, tmp_path: Path
) -> None:
    """As a container or a service is stopped; each target has much to do."""
    many = "".join(f"- {{name: c{n}, provider_type: GitHub}}\n" for n in range(40))
    (tmp_path / "many.yaml").write_text(f"version: 1\nowner: o\nconnections:\n{many}")
    file = tmp_path / "targets.yaml"
    file.write_text(
        "version: 1\ndefaults: {role: r, regions: [eu-west-1], paths: [many.yaml]}\n"
        "targets:\n- {account: '000000000001'}\n- {account: '000000000002'}\n"
    )
    with Emulator(Settings(handshake="manual")) as emulator:
        emulator.control.fault(SLOW)
        line = command("apply", "--yes", "--targets", str(file), "--endpoint-url", emulator.url)
        line += ["--output", "json", "--concurrency", "2", "--engine", engine]
        pipe = subprocess.PIPE
        process = subprocess.Popen(line, stdout=pipe, stderr=pipe, env=environment(), text=True)
        while len(creates(emulator)) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.terminate()
        out, err = process.communicate(timeout=60)
        rows = json.loads(out)["targets"]
        assert process.returncode == 143, err
        assert {row["state"] for row in rows} <= {"interrupted", "terminated"}
        assert creates(emulator).total() < 20, err


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3])
def test_a_process_that_only_begins_hears_of_the_end(
    seconds: float, targets: Path, emulator: Emulator
) -> None:
    line = command("apply", "--yes", "--targets", str(targets), "--endpoint-url", emulator.url)
    line += ["--output", "json", "--concurrency", "4", "--engine", "processes"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(line, stdout=pipe, stderr=pipe, env=environment(), text=True)
    while not children(process.pid):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, creates(emulator).total()) == (130, 0), err
    states = {row["state"] for row in json.loads(out)["targets"]}
    assert states <= {"interrupted", "not begun"}
    assert "Traceback" not in err


@pytest.mark.parametrize("engine", ["threads", "processes"])
@pytest.mark.parametrize("reason", ["another run", "a create"])
def test_who_waits_is_ended_by_one_signal(
    engine: str, reason: str, targets: Path, emulator: Emulator, cli: Cli
) -> None:
    where = ("--targets", targets, "--endpoint-url", emulator.url, "--engine", engine)
    words = ("apply", "--yes", *where, "--target", "000000000001", "--output", "json")
    lost = [Fault(kind="dropped", operation="Create*")] * (reason == "a create")
    for fault in lost:
        emulator.control.fault(fault)
    assert cli(*words, "--settle", "0").code == (4 if lost else 7)
    held = [FileLock(path) for path in Path(os.environ["XDG_STATE_HOME"]).rglob("*.lock")]
    assert len(held) == 1
    if not lost:
        held[0].acquire()
    before = len(emulator.control.requests())
    line = command(*words, "--settle", "60s", "--lock-timeout", "60s")
    pipe = subprocess.PIPE
    process = subprocess.Popen(line, stdout=pipe, stderr=pipe, env=environment(), text=True)
    while len(emulator.control.requests()) == before:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    time.sleep(1.5)  # the role is assumed, and by now it waits
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    held[0].release()
    assert process.returncode == 130, err
    assert [row["state"] for row in json.loads(out)["targets"]] == ["interrupted"]
    assert lost or "[000000000001] Waiting up to 60 s for another run" in err


@pytest.mark.parametrize("engine", ["threads", "processes"])
@pytest.mark.parametrize("times", [1, 2])
def test_what_was_begun_is_told_and_nothing_is_doubled(
    targets: Path, engine: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = f"INTERRUPTED_TEST={os.getpid()}-{engine}-{times}"
    monkeypatch.setenv(*mark.split("="))
    with Emulator(Settings(handshake="manual")) as emulator:
        emulator.control.fault(SLOW)
        code, out, err = interrupted(emulator, targets, engine, times)
        states = Counter(row["state"] for row in json.loads(out)["targets"])
        assert states.total() == TARGETS, err
        assert states["not begun"] > TARGETS / 2
        assert code == (130 if times == 1 else 4), err
        assert err.count("Stopping: ") == 1, "only who was started by a person speaks to it"
        if times == 1:
            assert set(states) <= {"waiting", "interrupted", "not begun"}
        emulator.control.clear_faults()
        line = command("apply", "--yes", "--targets", str(targets), "--output", "json")
        line += ["--endpoint-url", emulator.url, "--settle", "1s"]
        again = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)
        assert again.returncode == 7, again.stderr
        assert creates(emulator) == {f"{n:012}": 1 for n in range(1, TARGETS + 1)}
    deadline = time.monotonic() + 5
    left = [pid for pid in processes_of(mark) if pid != str(os.getpid())]
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = [pid for pid in processes_of(mark) if pid != str(os.getpid())]
    assert left == []
