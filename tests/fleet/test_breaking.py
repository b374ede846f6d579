"""What goes wrong around a run over targets: what it was asked, where it writes, who ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from reconciler.cli.commands.apply import command as apply
from reconciler.cli.fleets import Known, _answers
from reconciler.cli.progress import PlainLine
from reconciler.cli.stopping import Stopping
from reconciler.cli.targeting import perform
from reconciler.emulator import Emulator
from reconciler.emulator.faults import Fault
from reconciler.fleet.run import Job
from reconciler.fleet.targets import load
from tests.cli.hook import hooked
from tests.cli.terminal import command, environment
from tests.cli.test_leaving import with_a_bug
from tests.conftest import Cli
from tests.fleet.test_commands import DECLARED, EVERY, TARGETS, Fleet, states
from tests.fleet.test_lost_workers import creates


@pytest.fixture
def fleet(cli: Cli, emulator: Emulator, tmp_path: Path) -> Fleet:
    return Fleet(cli, emulator, tmp_path)


@pytest.mark.parametrize("words", [("validate",), ("plan",), ("apply", "--yes"), ("drift",)])
def test_a_target_without_files_is_refused_before_anything_is_called(
    fleet: Fleet, words: tuple[str, ...]
) -> None:
    fleet.file.write_text(TARGETS.replace("  paths: [declared.yaml]\n", ""), encoding="utf-8")
    found = fleet.run(*words)
    assert (found.code, found.out) == (1, "")
    assert "Error: target prod/eu-west-1 has no files: write `paths: [...]` there" in found.err
    assert fleet.emulator.control.requests() == []
    assert fleet.report("status")["summary"] == {"ok": 3}


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "declared.yaml"),
        ("plan", "rules.yaml", "--policy", "rules.yaml"),
        ("drift", "drift.db", "--history", "drift.db"),
    ],
)
def test_no_report_is_written_over_what_targets_read(fleet: Fleet, words: tuple[str, ...]) -> None:
    command, name, *more = words
    file = fleet.file.parent / name
    file.write_text(DECLARED, encoding="utf-8")
    found = fleet.run(command, "--output", f"json={name}", *more)
    assert found.code == 64
    assert "--output would write" in found.err
    assert file.read_text(encoding="utf-8") == DECLARED


def test_documents_that_cannot_be_written_do_not_keep_the_report(
    fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "all" / "dev.json").mkdir(parents=True)
    words = ("--yes", "--details", "all", "--concurrency", "1", "--output", "json")
    found = fleet.run("apply", *words)
    assert found.code == 1
    assert states(found.json) == dict.fromkeys(EVERY, "waiting")
    assert found.err.count("dev.json cannot be written: ") == 1
    assert found.json["code"] == 1


def test_a_bug_takes_nothing_away_from_what_is_unknown(fleet: Fleet, tmp_path: Path) -> None:
    words = ("--targets", fleet.file, "--target", "dev", "--endpoint-url", fleet.emulator.url)
    done = with_a_bug(tmp_path, "apply", "--yes", "--output", "json", *words)
    (row,) = json.loads(done.stdout)["targets"]
    assert (done.returncode, row["state"]) == (4, "unknown"), done
    assert row["message"] == "Bug: ZeroDivisionError: division by zero"


@pytest.mark.parametrize("denied", ["AssumeRole", "ListHosts", "none"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_what_a_lost_worker_has_sent_is_unknown_until_somebody_has_looked(
    fleet: Fleet, denied: str, attempt: int
) -> None:
    fault = Fault(kind="AccessDeniedException", operation=denied, count=9)
    fleet.emulator.control.fault(fault)
    words = ["any.yaml", "--endpoint-url", fleet.emulator.url, "--settle", "0", "--yes"]
    options = apply.make_context("apply", words).params
    target = load(str(fleet.file))[0]
    row = perform(Job(target, "apply", options, True, attempt)).row
    expected = "waiting" if denied == "none" else "error" if attempt == 1 else "unknown"
    assert row["state"] == expected, row
    assert ("AccessDenied" in str(row)) is (denied != "none")


class Died(BaseException):
    """The end of a worker."""


class Deadly(dict[str, object]):
    """Options that no worker survives."""

    def __contains__(self, key: object) -> bool:
        raise Died


def test_what_is_lost_for_good_counts_as_a_failure(fleet: Fleet) -> None:
    known = Known(0, Stopping())
    options = {"engine": "threads", "concurrency": 1, "per_account": 1, "scheduler": None}
    jobs = [Job(target, "plan", Deadly()) for target in load(str(fleet.file))]
    assert list(_answers(jobs, options, known, PlainLine())) == []
    assert [(row["state"], row["attempts"]) for row in known.rows] == [
        ("error", 2),
        ("error", 1),
        ("error", 1),
    ]


def test_a_place_that_is_listed_twice_is_written_once(fleet: Fleet) -> None:
    twice = '- {account: "222233334444", name: again, regions: [eu-west-1]}\n'
    fleet.file.write_text(TARGETS + twice, encoding="utf-8")
    fleet.emulator.control.fault(Fault(kind="delay", operation="Create*", seconds=0.2, count=9))
    found = fleet.run("apply", "--yes", "--output", "json")
    assert states(found.json) == dict.fromkeys((*EVERY, "again"), "waiting"), found.err
    assert set(fleet.creates().values()) == {1}


def of_session(leader: int) -> list[int]:
    """The processes of a session, its leader first."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                found.append(int(entry.parent.name))
    return sorted(found, key=lambda pid: (pid != leader, pid))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_what_a_lost_worker_may_have_sent_is_never_told_as_not_begun(
    emulator: Emulator, tmp_path: Path
) -> None:
    """Whoever stops a service tells every process of it: a worker between two targets ends."""
    (tmp_path / "declared.yaml").write_text(DECLARED, encoding="utf-8")
    accounts = "".join(f'- {{account: "{n:012}"}}\n' for n in range(1, 21))
    head = "version: 1\ndefaults: {role: r, regions: [eu-west-1], paths: [declared.yaml]}\n"
    (tmp_path / "targets.yaml").write_text(f"{head}targets:\n{accounts}", encoding="utf-8")
    emulator.control.fault(Fault(kind="delay", operation="Create*", seconds=0.5, count=99))
    line = command("apply", "--yes", "--targets", "targets.yaml", "--endpoint-url", emulator.url)
    line += ["--output", "json", "--engine", "processes", "--concurrency", "4"]
    process = subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
        start_new_session=True,
    )
    while creates(emulator).total() < 6 and process.poll() is None:
        time.sleep(0.01)
    for pid in of_session(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    begun = {row["target"] for row in json.loads(out)["targets"] if row["state"] != "not begun"}
    assert process.returncode in (4, 143), err
    assert set(creates(emulator)) <= begun, err
    time.sleep(1)  # a worker settles what it has sent
    assert creates(emulator).keys() <= begun
    assert max(Counter(creates(emulator)).values()) == 1


@pytest.mark.parametrize(
    ("scheduler", "text"),
    [
        ("nonsense", "cannot be used: write tcp://HOST:PORT or tls://HOST:PORT"),
        ("tcp://127.0.0.1", "cannot be used: write tcp://HOST:PORT"),
        ("tls://127.0.0.1:1", "set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...CLIENT__CERT"),
        ("tcp://127.0.0.1:1", "cannot be reached: "),
    ],
)
def test_a_scheduler_that_cannot_be_used_is_told_on_one_line(
    fleet: Fleet, scheduler: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("reconciler.fleet.engines.REACHED_SECONDS", 1)
    found = fleet.run("plan", "--engine", "dask", "--scheduler", scheduler)
    assert (found.code, found.out) == (1, "")
    assert text in found.err
    assert found.err.count("\n") == 1, found.err


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"\1" + 7 * b"\0" + b"what"])
def test_what_is_no_scheduler_is_not_waited_for(
    fleet: Fleet, greeting: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("reconciler.fleet.engines.REACHED_SECONDS", 1)
    with _greeting(greeting) as scheduler:
        found = fleet.run("plan", "--engine", "dask", "--scheduler", scheduler)
    assert (found.code, found.out) == (1, "")
    assert f"the scheduler {scheduler} cannot be " in found.err
    assert found.err.count("\n") == 1, found.err


@contextmanager
def _greeting(words: bytes) -> Iterator[str]:
    """The address of one who says this to all who come, and nothing else."""
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with suppress(OSError):  # the listener is shut
                while True:
                    caller = held.enter_context(server.accept()[0])
                    with suppress(OSError):  # the caller is gone
                        caller.sendall(words)

        greeter = threading.Thread(target=greet)
        greeter.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            greeter.join()


def test_each_account_of_a_fleet_has_failures_of_its_own(fleet: Fleet, tmp_path: Path) -> None:
    """Two accounts in one Region with the same files: that one can be looked at says nothing of the
    other one, which is told once and not at every run."""
    fault = Fault(kind="AccessDeniedException", operation="AssumeRole", account="2222*", count=99)
    fleet.emulator.control.fault(fault)
    with hooked() as hook:
        history = str(tmp_path / "drift.db")
        words = ("--target", "region:eu-*", "--notify", hook.url, "--history", history)
        assert [fleet.run("drift", *words).code for _ in range(3)] == [1, 1, 1]
        kinds = [body["kind"] for body in hook.bodies]
    assert sorted(kinds) == ["drift", "failure"]


def test_a_report_that_cannot_be_written_keeps_its_code_and_says_what_was_done(
    fleet: Fleet,
) -> None:
    line = command("apply", "--yes", "--targets", str(fleet.file), "--output", "json")
    line += ["--endpoint-url", fleet.emulator.url]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            line, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "standard output cannot be written" in done.stderr
    assert "apply: 3 targets: 3 waiting." in done.stderr


def test_a_run_goes_on_and_is_reported_where_there_is_no_stderr(fleet: Fleet) -> None:
    line = command("apply", "--yes", "--targets", str(fleet.file), "--output", "json")
    line += ["--endpoint-url", fleet.emulator.url, "--concurrency", "1"]
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *line]
    done = subprocess.run(closed, env=environment(), stdout=subprocess.PIPE, check=False)
    assert done.returncode == 7
    assert states(json.loads(done.stdout)) == dict.fromkeys(EVERY, "waiting")
