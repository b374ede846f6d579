"""A signal ends an apply with a report of what was done: real processes, real signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.cli.stopping import SIGNALS, stopping
from reconciler.emulator import Emulator, Fault
from tests.cli.terminal import PATIENCE, command, environment
from tests.conftest import ROOT, Cli

APPLY = [
    *(sys.executable, "-m", "reconciler", "apply", "--local", "--local-handshake", "manual"),
    *("--wait", "--yes", "--output", "json", str(ROOT / "examples" / "quickstart")),
]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_waiting_apply_says_what_it_did(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        APPLY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Waiting up to"):
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in err
    statuses = {o["address"]: (o["status"], o["message"]) for o in json.loads(out)["outcomes"]}
    assert statuses == {
        "connection/github-main": ("applied", ""),
        "repository_link/acme/network": ("skipped", "not begun: interrupted"),
        "sync_configuration/network-prod": ("skipped", "not begun: interrupted"),
    }

    # The next run goes on where the signal came, and makes nothing twice.
    approve = [sys.executable, "-m", "reconciler", "emulator", "approve", "connection/github-main"]
    subprocess.run(approve, check=True, capture_output=True)
    again = subprocess.run(APPLY, check=True, capture_output=True, text=True)
    actions = [outcome["address"] for outcome in json.loads(again.stdout)["outcomes"]]
    assert actions == ["repository_link/acme/network", "sync_configuration/network-prod"]


THREE = """version: 1
owner: platform
connections:
- {name: a, provider_type: GitHub}
- {name: b, provider_type: GitHub}
- {name: c, provider_type: GitHub}
"""


@dataclass(frozen=True)
class Left:
    """How an interrupted apply left: its code, how each change ended, how long it took."""

    code: int
    ended: dict[str, tuple[str, str]]
    seconds: float
    err: str


def interrupted(
    emulator: Emulator, cli: Cli, numbers: list[signal.Signals], between: float = 0.0
) -> Left:
    """Signals for an apply whose first create takes 3 seconds."""
    Path("three.yaml").write_text(THREE, encoding="utf-8")
    emulator.control.fault(Fault(kind="delay", operation="CreateConnection", seconds=3))
    words = ("--yes", "three.yaml", "--endpoint-url", emulator.url, "--output", "json")
    with subprocess.Popen(
        command("apply", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as process:
        end = time.monotonic() + PATIENCE
        while not cli("journal", "--pending").out and time.monotonic() < end:
            time.sleep(0.02)
        begun = time.monotonic()
        first, *more = numbers
        process.send_signal(first)
        if more:  # signals that come before it was heard are one
            assert process.stderr is not None
            assert any("Stopping:" in line for line in process.stderr)
        for number in more:
            process.send_signal(number)
            time.sleep(between)
        out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    ended = {o["address"]: (o["status"], o["message"]) for o in json.loads(out)["outcomes"]}
    return Left(process.returncode, ended, time.monotonic() - begun, err)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_the_running_call_is_settled_and_no_new_one_is_made(
    emulator: Emulator, cli: Cli, number: signal.Signals, code: int
) -> None:
    left = interrupted(emulator, cli, [number])
    assert left.code == code
    assert left.err.endswith(
        "\nStopping: the running call is settled, no new one is made. Again to leave at once.\n"
    )
    assert left.ended == {
        "connection/a": ("applied", ""),
        "connection/b": ("skipped", "not begun: interrupted"),
        "connection/c": ("skipped", "not begun: interrupted"),
    }
    assert len(emulator.control.requests(mutating_only=True)) == 1
    assert cli("journal", "--pending").out == ""


@pytest.mark.parametrize("count", [2, 3, 9])
def test_the_second_signal_leaves_at_once_and_says_what_is_unknown(
    emulator: Emulator, cli: Cli, count: int
) -> None:
    left = interrupted(emulator, cli, [signal.SIGINT] * count, between=0.005)
    assert (left.code, left.seconds < 2.5) == (4, True)
    assert left.ended == {
        "connection/a": ("unknown", "interrupted while it was being carried out"),
        "connection/b": ("skipped", "not begun: interrupted"),
        "connection/c": ("skipped", "not begun: interrupted"),
    }
    assert "CreateConnection connection/a" in cli("journal", "--pending").out
    again = cli(
        *("apply", "--yes", "three.yaml", "--endpoint-url", emulator.url),
        *("--settle", "20s", "--allow-pending"),
    )
    assert again.code == 0
    assert len(emulator.control.requests(mutating_only=True)) == 3


def left_by(*numbers: signal.Signals) -> None:
    """Leave what these signals end."""
    with suppress(KeyboardInterrupt), stopping():
        for number in numbers:
            signal.raise_signal(number)


@pytest.fixture
def _own_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_handlers")
def test_the_same_impatience_does_not_disturb_the_leaving() -> None:
    """The lock is given back and connections are closed when the report is out already."""
    left_by(signal.SIGINT, signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.usefixtures("_own_handlers")
def test_impatience_that_comes_later_ends_the_leaving_too() -> None:
    left_by(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
