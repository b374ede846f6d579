"""Streams that go away, are full or closed: what is done stands, and as much as can be told is."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Fault
from tests.cli.behind import Behind
from tests.cli.conftest import DESIRED
from tests.cli.terminal import PATIENCE, command, environment


def test_a_terminal_that_goes_away_takes_no_report_with_it(
    emulator: Emulator, desired: Path, tmp_path: Path
) -> None:
    """SIGHUP is ignored, as by nohup; showing something fails, and nothing else does."""
    emulator.control.fault(Fault(kind="delay", operation="CreateConnection", seconds=1))
    master, slave = pty.openpty()
    words = ("--yes", desired, "--endpoint-url", emulator.url, "--output", "json=report.json")
    line = command("apply", *words, "--allow-pending")
    with subprocess.Popen(
        ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *line],
        stdin=slave,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env=environment(),
        start_new_session=True,
    ) as process:
        os.close(slave)
        os.read(master, 1)
        os.close(master)
        assert process.wait(PATIENCE) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["outcome_summary"]["applied"] == 1


def test_a_closed_stderr_is_not_mistaken_for_another_file(
    emulator: Emulator, desired: Path, tmp_path: Path
) -> None:
    emulator.control.fault(Fault(kind="delay", operation="CreateConnection", seconds=2))
    line = command("apply", "--yes", desired, "--endpoint-url", emulator.url)
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *line]
    with subprocess.Popen(closed, env=environment(), stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + PATIENCE
        while not list((tmp_path / "state").rglob("*.jsonl")) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
        written = b"".join(path.read_bytes() for path in files)
        assert process.wait(PATIENCE) == 130
    assert len(files) > 1
    assert b"Stopping" not in written


def test_a_report_that_cannot_be_shown_leaves_its_sum_on_stderr(
    emulator: Emulator, desired: Path
) -> None:
    line = command("apply", "--yes", desired, "--endpoint-url", emulator.url, "--output", "json")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            line, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment()
        )
    assert done.returncode == 1
    assert "Error: standard output cannot be written: No space left on device" in done.stderr
    assert "Apply: 1 applied. `reconciler journal` shows what was sent." in done.stderr


def test_a_plan_that_cannot_be_shown_is_not_carried_out(emulator: Emulator, desired: Path) -> None:
    line = command("apply", "--yes", desired, "--endpoint-url", emulator.url)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            line, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment()
        )
    assert done.returncode == 1
    assert done.stderr == "Error: standard output cannot be written: No space left on device\n"
    assert not emulator.control.requests(mutating_only=True)


DATA = (
    ("--version",),
    ("import", "--help"),
    ("schema", "plan"),
    ("graph", "desired.yaml"),
    ("iam-policy", "apply", "desired.yaml"),
    ("validate", "desired.yaml"),
    ("plan", "desired.yaml"),
    ("drift", "desired.yaml"),
    ("status",),
    ("import", "--owner", "o"),
    ("import", "--diff", "desired.yaml"),
    ("accept", "--yes", "connection/main", "desired.yaml"),
)


def _streams(words: tuple[str, ...], redirected: str, url: str) -> subprocess.CompletedProcess[str]:
    where = ("--endpoint-url", url) if words[0] in CALLING and "--help" not in words else ()
    line = ["bash", "-c", f'"$@" {redirected}', "bash", *command(*words, *where)]
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment())


CALLING = ("plan", "drift", "status", "import", "accept")


@pytest.mark.parametrize("words", DATA, ids=" ".join)
def test_a_full_stdout_is_one_line(
    words: tuple[str, ...], behind: Behind, desired: Path, emulator: Emulator
) -> None:
    behind.connection("main", reconciler__owner="platform", a="b")
    desired.write_text(f"{DESIRED[:-2]}, tags: {{}}}}\n", encoding="utf-8")
    before = desired.read_bytes()
    done = _streams(words, "> /dev/full", emulator.url)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert errors == ["Error: standard output cannot be written: No space left on device"]
    assert "Traceback" not in done.stderr
    assert desired.read_bytes() == before


@pytest.mark.parametrize("words", [w for w in DATA if w[0] in ("import", "schema", "iam-policy")])
def test_data_that_goes_nowhere_is_an_error(
    words: tuple[str, ...], behind: Behind, desired: Path, emulator: Emulator
) -> None:
    """Help aside, which is for people."""
    behind.connection("main", reconciler__owner="platform", a="b")
    desired.write_text(f"{DESIRED[:-2]}, tags: {{}}}}\n", encoding="utf-8")
    done = _streams(words, ">&-", emulator.url)
    told = "Error: standard output is closed, and what was asked for goes there\n"
    assert (done.returncode, done.stderr) == ((0, "") if "--help" in words else (1, told))
