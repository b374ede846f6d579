"""`status --watch`: real processes, on a terminal and through a pipe, until Ctrl-C."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.emulator import Emulator, Fault
from tests.cli.gitsync import inhabit
from tests.cli.harmless import COLORS, expect_harmless
from tests.cli.terminal import PATIENCE, command, environment, on_terminal
from tests.conftest import Cli

DRAWN = COLORS | {"\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\x1b[1A"}
DRAWN |= {f"\x1b[1;{n}m" for n in (31, 32, 33)}
"""The sequences with which rich draws and takes away what is shown."""


@pytest.fixture
def where(emulator: Emulator, cli: Cli) -> tuple[str, str]:
    inhabit(emulator, cli)
    return ("--endpoint-url", emulator.url)


class Watching:
    """A process that watches, and the blocks it has shown."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: queue.Queue[str] = queue.Queue()
        self.shown = ""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def until(self, text: str) -> str:
        """Everything new up to the line that holds a text."""
        new, end = "", time.monotonic() + PATIENCE
        while text not in new:
            assert time.monotonic() < end, new
            try:
                new += self.lines.get(timeout=0.1)
            except queue.Empty:
                continue
        self.shown += new
        return new

    def silent(self, seconds: float) -> bool:
        """Whether nothing is shown for so long, after what belongs to the last block."""
        time.sleep(0.2)
        while not self.lines.empty():
            self.lines.get()
        time.sleep(seconds)
        return self.lines.empty()


@contextmanager
def watching(*words: str) -> Iterator[Watching]:
    with subprocess.Popen(
        command("status", "--watch=1", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as process:
        try:
            yield Watching(process)
        finally:
            process.kill()


def test_a_pipe_gets_a_block_when_something_changed(
    where: tuple[str, str], emulator: Emulator
) -> None:
    before = len(emulator.control.requests(mutating_only=True))
    with watching(*where) as shown:
        assert "connection/new is PENDING" in shown.until("1 waiting, 3 healthy.")
        assert shown.silent(2.5)
        emulator.control.approve("connection/new")
        assert "connection/new is PENDING" not in shown.until("4 healthy.")
        fault = Fault(kind="AccessDeniedException", operation="ListHosts")
        emulator.control.fault(fault)
        assert "Could not be read" in shown.until("Incomplete: 7 objects")
        assert "Could not be read" not in shown.until("4 healthy.")
        assert shown.process.poll() is None
        shown.process.send_signal(signal.SIGINT)
        _, err = shown.process.communicate(timeout=PATIENCE)
    assert (shown.process.returncode, err.strip()) == (130, "Interrupted.")
    expect_harmless(shown.shown)
    assert len(emulator.control.requests(mutating_only=True)) == before


def test_a_terminal_is_drawn_again_in_place(where: tuple[str, str], emulator: Emulator) -> None:
    def approve() -> None:
        emulator.control.approve("connection/new")
        time.sleep(2.5)

    words = ("status", "--watch=1", *where)
    screen = on_terminal(
        *words,
        prompt="1 waiting, 3 healthy.",
        before=approve,
        answer="\x03",
        COLUMNS="80",
        LINES="50",
    )
    assert screen.code == 130
    assert "every 1 s; Ctrl-C ends it" in screen.shown
    assert screen.shown.count("healthy.") >= 2
    assert "\x1b[1A" in screen.shown
    assert "Traceback" not in screen.shown
    arn = "    id:       arn:aws:codeconnections:eu-west-1:"
    assert arn in screen.shown, "what is too long stays behind its word"
    last = screen.shown.rindex("\x1b[?25h")
    assert "4 healthy." in screen.shown[:last]
    shown = screen.shown.replace("\r\n", "\n").replace("\r\x1b", "\x1b").replace("^C", "")
    expect_harmless(shown, own=DRAWN)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--watch=0.5",), "0.5 is not between 1s and"),
        (("--watch", "5"), "write --watch=5: without = the time is an ADDRESS"),
        (("--watch", "--output", "json"), "a status that is watched is text"),
        (("--watch", "--output", "text=x"), "it goes with no file"),
        (("--watch", "--detailed-exitcode"), "no --detailed-exitcode"),
    ],
)
def test_what_does_not_go_with_watching_is_told(
    words: tuple[str, ...], said: str, cli: Cli
) -> None:
    refused = cli("status", *words)
    assert (refused.code, said in refused.err) == (64, True)
