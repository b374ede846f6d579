"""What an earlier run sent and never heard of again is looked for before it is sent again: real
processes, killed for real."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator, Fault
from tests.cli.terminal import PATIENCE, command, environment
from tests.conftest import REGION, Cli


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


def killed_while_creating(emulator: Emulator, desired: Path, *, lag: float) -> None:
    """An apply that died during its create, which is carried out and not listed for so long."""
    emulator.control.fault(Fault(kind="stale", operation="ListConnections", seconds=lag, count=999))
    emulator.control.fault(Fault(kind="eof", operation="CreateConnection"))
    line = command("apply", "--yes", desired, "--endpoint-url", emulator.url)
    quiet = subprocess.DEVNULL
    with subprocess.Popen(line, stdout=quiet, stderr=quiet, env=environment()) as process:
        end = time.monotonic() + PATIENCE
        while creates(emulator) == 0 and time.monotonic() < end:
            time.sleep(0.02)
        process.kill()
    assert creates(emulator) == 1


def live(emulator: Emulator) -> list[str]:
    client: Any = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
    emulator.control.clear_faults()
    return [found["ConnectionName"] for found in client.list_connections()["Connections"]]


def test_destroy_waits_for_what_may_still_show_up(
    emulator: Emulator, desired: Path, cli: Cli
) -> None:
    killed_while_creating(emulator, desired, lag=3)
    result = cli("destroy", "--yes", desired, "--endpoint-url", emulator.url, "--settle", "1m")
    assert result.code == 0, result
    assert "- connection/main  delete" in result.out
    said = result.err.splitlines()
    assert said[0].startswith("Waiting up to ")
    assert said[0].endswith(" s for connection/main to be listed: it may have been created")
    assert live(emulator) == []


@pytest.mark.parametrize("prune", [True, False])
def test_what_is_not_declared_any_more_is_waited_for_to_be_pruned(
    emulator: Emulator, desired: Path, cli: Cli, prune: bool
) -> None:
    killed_while_creating(emulator, desired, lag=3)
    desired.write_text(desired.read_text(encoding="utf-8").replace("main", "new"), encoding="utf-8")
    words = ("--yes", desired, "--endpoint-url", emulator.url, "--settle", "1m", "--allow-pending")
    result = cli("apply", *words, *["--prune"] * prune)
    assert result.code == 0, result
    assert ("what it made may show up within " in result.out) is not prune
    time.sleep(0 if prune else 3)
    assert live(emulator) == (["new"] if prune else ["main", "new"])


def test_another_spelling_of_the_endpoint_is_the_same_target(
    emulator: Emulator, desired: Path, cli: Cli
) -> None:
    killed_while_creating(emulator, desired, lag=3)
    spelled = emulator.url.replace("127.0.0.1", "LOCALHOST") + "/"
    words = ("--yes", desired, "--endpoint-url", spelled, "--settle", "1m", "--allow-pending")
    assert cli("apply", *words).code == 0
    assert live(emulator) == ["main"]


def test_lists_that_lag_behind_make_a_good_apply_no_bad_one(
    emulator: Emulator, desired: Path, cli: Cli
) -> None:
    emulator.control.fault(Fault(kind="stale", operation="List*", seconds=3, count=999))
    words = ("--yes", desired, "--endpoint-url", emulator.url, "--settle", "1m", "--allow-pending")
    result = cli("apply", *words)
    assert (result.code, "Apply: 1 applied." in result.out) == (0, True), result
    assert "error" not in result.out


@pytest.mark.parametrize(
    "change", [(b'"format": 1', b'"format": 2'), (b"connection/main", b"connection/m\xff")]
)
def test_a_journal_that_is_not_understood_stops_an_apply(
    emulator: Emulator, desired: Path, cli: Cli, tmp_path: Path, change: tuple[bytes, bytes]
) -> None:
    killed_while_creating(emulator, desired, lag=3)
    (path,) = (tmp_path / "state").rglob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(*change))
    result = cli("apply", "--yes", desired, "--endpoint-url", emulator.url, "--settle", "1m")
    assert (result.code, result.out) == (1, "")
    assert f"{path.name} cannot be understood at line 1: take the line out" in result.err
    assert creates(emulator) == 1


def test_a_local_store_that_takes_the_place_of_another_starts_anew(desired: Path, cli: Cli) -> None:
    """What was sent to the one that was deleted is nothing that could show up in the new one."""
    words = ("apply", "--yes", "--local", desired, "--allow-pending", "--settle", "1m")
    assert cli(*words).code == 0
    shutil.rmtree(".reconciler")
    begun = time.monotonic()
    assert cli(*words).code == 0
    assert time.monotonic() - begun < 20
