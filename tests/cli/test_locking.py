"""Two runs that write to one target keep apart: real processes, on one machine and on two."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Fault, Settings
from tests.aws.s3 import BUCKET, S3, s3_server
from tests.cli.terminal import PATIENCE, command, environment
from tests.conftest import Cli

PAIRS = int(os.environ.get("RECONCILER_PAIRS", "3"))


def started(desired: Path, emulator: Emulator, *more: str) -> subprocess.Popen[str]:
    target = ("--endpoint-url", emulator.url, "--allow-pending")
    return subprocess.Popen(
        command("apply", "--yes", desired, *target, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )


def creating(cli: Cli, journal: str = "") -> None:
    """Wait until a create that takes its time is under way."""
    end = time.monotonic() + PATIENCE
    words = ("--journal", journal) if journal else ()
    while not cli("journal", "--pending", *words).out and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.5)  # noted, and by now sent


@pytest.fixture
def slow(emulator: Emulator) -> Emulator:
    """An emulator that takes its time with the first create."""
    emulator.control.fault(Fault(kind="delay", operation="CreateConnection", seconds=3))
    return emulator


def test_the_second_is_told_who_is_there(slow: Emulator, desired: Path, cli: Cli) -> None:
    with started(desired, slow) as first:
        creating(cli)
        second = cli("apply", "--yes", desired, "--endpoint-url", slow.url)
        assert second.code == 6
        assert "Error: another run is writing there: " in second.err
        assert f"process {first.pid}, since 20" in second.err
        assert second.err.endswith(": wait for it, or give --lock-timeout\n")
        assert cli("plan", desired, "--endpoint-url", slow.url).code in (0, 7)
        first.communicate(timeout=PATIENCE)
    assert first.returncode == 0


def test_the_second_may_wait(slow: Emulator, desired: Path, cli: Cli) -> None:
    with started(desired, slow) as first:
        creating(cli)
        words = ("--endpoint-url", slow.url, "--lock-timeout", "20s", "--allow-pending")
        second = cli("apply", "--yes", desired, *words)
        first.communicate(timeout=PATIENCE)
    assert (first.returncode, second.code) == (0, 0)
    assert "No changes." in second.out


def test_a_killed_run_locks_nobody_out(slow: Emulator, desired: Path, cli: Cli) -> None:
    with started(desired, slow) as first:
        creating(cli)
        first.kill()
        first.wait()
    words = ("--endpoint-url", slow.url, "--allow-pending", "--settle", "10s")
    again = cli("apply", "--yes", desired, *words)
    assert again.code == 0
    # Its create was still under way: it was waited for, not sent again.
    assert len(slow.control.requests(mutating_only=True)) == 1
    assert "No changes." in again.out


def test_many_pairs_at_once_create_everything_once(desired: Path) -> None:
    """Each pair starts together on an empty account; without the lock most make two."""
    made: Counter[int] = Counter()
    for _ in range(PAIRS):
        with Emulator(Settings(handshake="manual")) as emulator:
            pair = [started(desired, emulator), started(desired, emulator)]
            for process in pair:
                process.communicate(timeout=PATIENCE)
            assert {process.returncode for process in pair} <= {0, 6}
            assert 0 in {process.returncode for process in pair}
            seen = emulator.control.requests(mutating_only=True)
            made[len(seen)] += 1
    assert made == {1: PAIRS}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The S3 that every run uses."""
    with s3_server() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", running.url)
        monkeypatch.setenv("RECONCILER_LOCK", f"s3://{BUCKET}/platform")
        yield running


def test_another_machine_is_told_who_is_there(
    slow: Emulator, desired: Path, cli: Cli, s3: S3
) -> None:
    with started(desired, slow, "--journal", "here") as first:
        creating(cli, "here")
        words = ("--endpoint-url", slow.url, "--journal", "there", "--allow-pending")
        second = cli("apply", "--yes", desired, *words)
        assert second.code == 6
        assert second.err.startswith("Error: another run is writing there: ")
        assert f", process {first.pid}, since 20" in second.err
        assert f"; s3://{BUCKET}/platform is free at 20" in second.err
        assert second.err.endswith(" unless it goes on: wait for it, or give --lock-timeout\n")
        third = cli("apply", "--yes", desired, *words, "--lock-timeout", "20s")
        first.communicate(timeout=PATIENCE)
    assert (first.returncode, third.code) == (0, 0)
    assert "No changes." in third.out
    assert len(slow.control.requests(mutating_only=True)) == 1


def test_who_was_stopped_for_too_long_makes_no_call_any_more(
    emulator: Emulator, tmp_path: Path, cli: Cli, s3: S3
) -> None:
    # The heir is quick: the other one says how far it is after a while.
    fault = Fault(kind="delay", operation="CreateConnection", seconds=1.5, count=2)
    emulator.control.fault(fault)
    names = "".join(f"  - {{name: c{n}, provider_type: GitHub}}\n" for n in range(4))
    desired = tmp_path / "four.yaml"
    desired.write_text(f"version: 1\nowner: platform\nconnections:\n{names}")
    with started(desired, emulator, "--journal", "here", "--lock-lease", "2s") as first:
        while first.poll() is None and not emulator.control.requests(mutating_only=True):
            time.sleep(0.02)
        time.sleep(0.5)  # the first create is done, the second under way
        first.send_signal(signal.SIGSTOP)
        words = ("--endpoint-url", emulator.url, "--journal", "there", "--allow-pending")
        heir = cli("apply", "--yes", desired, *words, "--lock-timeout", "20s")
        first.send_signal(signal.SIGCONT)
        out, err = first.communicate(timeout=PATIENCE)
    assert heir.code == 0, heir
    assert "Warning: s3://locks/platform was never given back by " in heir.err
    assert f", process {first.pid}, since 20" in heir.err
    assert first.returncode == 3
    assert "FAILED  connection/c2  not sent: the lock s3://locks/platform is lost: " in out
    assert " skipped  connection/c3  not begun: the lock s3://locks/platform is lost: " in out
    assert not err
    assert len(emulator.control.requests(mutating_only=True)) == 4


def test_what_is_unclear_keeps_other_machines_out(
    emulator: Emulator, desired: Path, cli: Cli, s3: S3
) -> None:
    """They have no journal of it, so that they could not know."""
    emulator.control.fault(Fault(kind="dropped", operation="CreateConnection"))
    with started(desired, emulator, "--journal", "here", "--settle", "30s") as first:
        creating(cli, "here")
        for _ in range(2):  # the second leaves at once
            time.sleep(0.5)
            first.send_signal(signal.SIGINT)
        out, _ = first.communicate(timeout=PATIENCE)
    assert first.returncode == 4
    assert " UNKNOWN  connection/main" in out
    words = ("--endpoint-url", emulator.url, "--journal", "there")
    second = cli("apply", "--yes", desired, *words)
    assert second.code == 6
    assert second.err.startswith("Error: a run had no answer to what it sent, which may still ")


def test_a_lock_that_cannot_be_used(emulator: Emulator, desired: Path, cli: Cli, s3: S3) -> None:
    words = ("apply", "--yes", desired, "--endpoint-url", emulator.url)
    missing = cli(*words, "--lock", "s3://nowhere/key")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err.startswith("Error: the lock s3://nowhere/key cannot be used: NoSuchBucket")
    for wrong in ("here.lock", "s3://bucket", "s3://B/key", "https://bucket/key", "s3://bucket/ü"):
        refused = cli(*words, "--lock", wrong)
        assert refused.code == 64
        assert "is not like s3://BUCKET/KEY" in refused.err
    short = cli(*words, "--lock", "s3://bucket/key", "--lock-lease=179", "--settle=2m")
    assert short.code == 64
    assert "--lock-lease has to be at least 1.5 times --settle" in short.err
    local = cli("apply", "--yes", desired, "--local", "--lock", "s3://bucket/key")
    assert local.code == 64
    assert "--lock does not go with --local" in local.err
    assert not emulator.control.requests(mutating_only=True)


def test_pairs_on_two_machines_create_everything_once(desired: Path, s3: S3) -> None:
    made: Counter[int] = Counter()
    for number in range(PAIRS):
        with Emulator(Settings(handshake="manual")) as emulator:
            folders = (f"{number}-here", f"{number}-there")
            pair = [started(desired, emulator, "--journal", folder) for folder in folders]
            for process in pair:
                process.communicate(timeout=PATIENCE)
            assert {process.returncode for process in pair} <= {0, 6}
            assert 0 in {process.returncode for process in pair}
            made[len(emulator.control.requests(mutating_only=True))] += 1
    assert made == {1: PAIRS}
