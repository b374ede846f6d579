"""Runs the program as a process, on a real terminal or none; a screen comes out."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 20.0
"""Seconds after which a process that does not end has failed its test."""


# Makes the terminal the process's own, so that keys such as Ctrl-C reach it.
_AS_ITS_OWN = """
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("reconciler", run_name="__main__")
"""


@dataclass(frozen=True)
class Screen:
    """What a process on a terminal left behind: its exit code, what the terminal showed, and what
    went to streams that were no terminal."""

    code: int
    shown: str
    out: str
    err: str


def command(*arguments: str | Path) -> list[str]:
    """The program's command line as a process."""
    return [sys.executable, "-m", "reconciler", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """The test's own surroundings, with the program's source on the path; a screen has no width
    unless one is given."""
    root = str(Path(__file__).parents[2])
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return {**kept, "PYTHONPATH": root, "TERM": "xterm-256color", **more}


def on_terminal(
    *arguments: str | Path,
    answer: str = "",
    before: Callable[[], None] | None = None,
    piped: tuple[str, ...] = (),
    prompt: str = "[y/N]: ",
    **more: str,
) -> Screen:
    """Run with every stream on one terminal but the `piped` ones ("stdout", "stderr").

    `answer` is typed once the program asks something, or shows another `prompt`, and `before`
    happens first; `more` are environment variables.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _AS_ITS_OWN, *map(str, arguments)],
        stdin=slave,
        stdout=subprocess.PIPE if "stdout" in piped else slave,
        stderr=subprocess.PIPE if "stderr" in piped else slave,
        env=environment(**more),
        start_new_session=True,
        text=True,
    )
    os.close(slave)
    try:
        shown = _read(master, answer, before, prompt)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
        os.close(master)
    return Screen(process.returncode, shown, out or "", err or "")


def _read(master: int, answer: str, before: Callable[[], None] | None, prompt: str) -> str:
    """Everything the terminal shows until nobody holds it any more."""
    shown, end = b"", time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        with suppress(OSError):  # how Linux says that the other side is closed
            if data := os.read(master, 65536):
                shown += data
                if answer and prompt.encode() in shown:
                    # A key that comes between the prompt and the read after it finds CPython in C
                    # code that misses the signal; nobody types that fast.
                    time.sleep(0.5)
                    if before is not None:
                        before()
                    os.write(master, answer.encode())
                    answer = ""
                continue
        return shown.decode()
    raise AssertionError(f"the program did not end: {shown.decode()!r}")
