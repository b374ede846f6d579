"""How the program leaves when it is told to, or when it is wrong itself."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from reconciler.emulator import Emulator
from tests.cli.servers import Answer, answering, logged_in
from tests.cli.terminal import PATIENCE, command, environment
from tests.conftest import ROOT, Cli


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_reads_that_hang_hold_nobody_up(number: int, code: int, desired: Path) -> None:
    """Leaving once took as long as the reads' own time limits, a minute."""
    over, asked = threading.Event(), threading.Semaphore(0)

    def hang(operation: str) -> Answer:
        asked.release()
        over.wait(PATIENCE)
        return Answer(200, "{}")

    with answering(logged_in(hang)) as server:
        process = subprocess.Popen(
            command("plan", desired, "--endpoint-url", server.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        try:
            assert all(asked.acquire(timeout=PATIENCE) for _ in range(3))
            begun = time.monotonic()
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
            over.set()
    assert (process.returncode, out) == (code, "")
    assert time.monotonic() - begun < 5
    assert "Traceback" not in err


# Signals itself when Python is about to end.
_SIGNALLED = """
import atexit, os, signal, sys
atexit.register(os.kill, os.getpid(), int(sys.argv.pop(1)))
from reconciler.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_when_all_is_said_changes_nothing(number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SIGNALLED, str(int(number)), "validate", "-"],
        input="version: 1\nowner: a\n",
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Valid")


@pytest.mark.parametrize("debug", [False, True], ids=["plain", "--debug"])
def test_a_bug_is_one_line_until_somebody_wants_to_see_it(debug: bool, tmp_path: Path) -> None:
    """Shown with a copy of the program that cannot render."""
    shutil.copytree(ROOT / "reconciler", tmp_path / "reconciler")
    broken = tmp_path / "reconciler" / "render" / "json.py"
    broken.write_text("def render(document, *, color):\n    1 / 0\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", "-", "--output", "json"]
        + ["--debug"] * debug,
        input="version: 1\nowner: a\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(tmp_path)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert ("Traceback" in done.stderr) is debug
    if not debug:
        assert (
            done.stderr
            == "Bug: ZeroDivisionError: division by zero; RECONCILER_DEBUG=1 shows where\n"
        )


def with_a_bug(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a copy of the program that fails when it reads back."""
    shutil.copytree(ROOT / "reconciler", folder / "reconciler")
    broken = folder / "reconciler" / "writer.py"
    text = broken.read_text(encoding="utf-8")
    begun = "        if not change.calls:\n"
    marked = text.replace(begun, f"        1 / 0\n{begun}")
    assert marked != text
    broken.write_text(marked, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(PYTHONPATH=str(folder)),
    )


def test_a_bug_takes_nothing_away_from_what_is_unknown(
    emulator: Emulator, desired: Path, tmp_path: Path
) -> None:
    where = ("--endpoint-url", emulator.url)
    done = with_a_bug(tmp_path, "apply", "--yes", desired.absolute(), *where)
    assert done.returncode == 4, done
    told = "a bug (ZeroDivisionError) while it was being carried out"
    assert f" UNKNOWN  connection/main  {told}\n" in done.stdout
    assert done.stderr.endswith(
        "Bug: ZeroDivisionError: division by zero; RECONCILER_DEBUG=1 shows where\n"
    )


def test_the_way_to_approve_can_be_copied(desired: Path, cli: Cli, tmp_path: Path) -> None:
    """The store's name may hold whatever a file's name may."""
    store = "{my} store.db"
    local = ("--local", "--local-store", store, "--local-handshake", "manual")
    waiting = cli("apply", "--yes", desired, *local, "--output", "json")
    assert waiting.code == 7
    (task,) = waiting.json["worklist"]
    assert task["link"] == f"reconciler emulator approve connection/main --store '{store}'"
    words = task["link"].replace("'", "").split(" ", 5)[1:]
    assert cli(*words).code == 0
    assert cli("apply", "--yes", desired, *local).code == 0


def test_a_store_whose_name_is_no_text(desired: Path, cli: Cli) -> None:
    """A file's name is bytes, and what is not UTF-8 in it arrives as halves of surrogate pairs."""
    local = ("--local", "--local-store", "a\udcff.db", "--local-handshake", "manual")
    assert cli("apply", "--yes", desired, *local).code == 7
    shown = cli("journal", "--format", "json")
    assert "a\\udcff.db " in json.loads(shown.out)["endpoint"]
