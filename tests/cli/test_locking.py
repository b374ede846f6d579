"""Two runs that write to one target keep apart: real processes."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Fault, Settings
from tests.cli.terminal import PATIENCE, command, environment
from tests.conftest import Cli


def started(desired: Path, emulator: Emulator, *more: str) -> subprocess.Popen[str]:
    target = ("--endpoint-url", emulator.url, "--allow-pending")
    return subprocess.Popen(
        command("apply", "--yes", desired, *target, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )


def creating(cli: Cli) -> None:
    """Wait until a create is under way."""
    end = time.monotonic() + PATIENCE
    while not cli("journal", "--pending").out and time.monotonic() < end:
        time.sleep(0.02)


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
    for _ in range(5):
        with Emulator(Settings(handshake="manual")) as emulator:
            pair = [started(desired, emulator), started(desired, emulator)]
            for process in pair:
                process.communicate(timeout=PATIENCE)
            assert {process.returncode for process in pair} <= {0, 6}
            assert 0 in {process.returncode for process in pair}
            seen = emulator.control.requests(mutating_only=True)
            made[len(seen)] += 1
    assert made == {1: 5}
