"""What an earlier run sent and never heard of again is looked for before it is sent again: real
processes, killed for real."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from reconciler.emulator import Emulator, Fault
from tests.cli.terminal import PATIENCE, command, environment
from tests.conftest import Cli


def creates(emulator: Emulator) -> int:
    seen = emulator.control.requests(mutating_only=True)
    return sum(request.operation == "CreateConnection" for request in seen)


def test_a_create_that_shows_up_late_is_not_sent_again(
    emulator: Emulator, desired: Path, cli: Cli
) -> None:
    emulator.control.fault(Fault(kind="stale", operation="ListConnections", seconds=3, count=99))
    emulator.control.fault(Fault(kind="eof", operation="CreateConnection"))
    words = ("--yes", desired, "--endpoint-url", emulator.url, "--allow-pending")
    process = subprocess.Popen(
        command("apply", *words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    end = time.monotonic() + PATIENCE
    while creates(emulator) == 0 and time.monotonic() < end:
        time.sleep(0.02)
    process.kill()
    process.wait()

    planned = cli("plan", desired, "--endpoint-url", emulator.url)
    assert "+ connection/main  create" in planned.out
    assert "warning connection/main: CreateConnection of " in planned.out
    assert "was never answered: an apply waits up to 1" in planned.out
    pending = cli("journal", "--pending")
    assert "PENDING  CreateConnection connection/main" in pending.out

    again = cli("apply", *words, "--settle", "1m")
    assert (again.code, creates(emulator)) == (0, 1)
    assert "No changes." in again.out
    assert cli("journal", "--pending").out == ""
    assert "resolved CreateConnection connection/main" in cli("journal").out


def test_a_create_that_was_answered_and_is_not_listed_is_not_sent_again(
    emulator: Emulator, desired: Path, cli: Cli
) -> None:
    words = ("--yes", desired, "--endpoint-url", emulator.url, "--allow-pending")
    assert cli("apply", *words).code == 0
    emulator.control.fault(Fault(kind="stale", operation="ListConnections", seconds=3, count=99))
    planned = cli("plan", desired, "--endpoint-url", emulator.url)
    assert "CreateConnection of " in planned.out
    assert "was carried out, and is not listed: an apply waits up to " in planned.out
    again = cli("apply", *words, "--settle", "1m")
    assert (again.code, creates(emulator)) == (0, 1)
    assert "No changes." in again.out


def test_a_create_that_never_arrived_is_sent_again_after_the_window(
    emulator: Emulator, desired: Path, cli: Cli
) -> None:
    emulator.control.fault(Fault(kind="dropped", operation="CreateConnection"))
    words = ("--yes", desired, "--endpoint-url", emulator.url, "--allow-pending")
    first = cli("apply", *words)
    assert first.code == 4
    assert " UNKNOWN  connection/main  CreateConnection: no clear answer" in first.out
    assert "does not show up: apply again later" in first.out
    begun = time.monotonic()
    again = cli("apply", *words, "--settle", "18")
    assert time.monotonic() - begun < 10  # the first run took most of the window
    assert (again.code, creates(emulator)) == (0, 2)
    assert "not there after 18 s" in cli("journal").out


def test_without_a_place_for_the_journal_nothing_is_sent(
    emulator: Emulator, desired: Path, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    words = ("--yes", desired, "--endpoint-url", emulator.url)
    result = cli("apply", *words, "--journal", tmp_path / "file" / "journal")
    assert result.code == 1
    assert "give --journal a folder" in result.err
    assert creates(emulator) == 0
