"""Before it writes, the program asks at a terminal, and without one it wants to be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.emulator import Emulator
from tests.cli.terminal import on_terminal
from tests.conftest import Cli


def test_without_a_terminal_it_needs_to_be_told(
    desired: Path, cli: Cli, emulator: Emulator
) -> None:
    result = cli("apply", desired, "--endpoint-url", emulator.url)
    assert result.code == 64
    assert result.err.endswith("Error: there is no terminal to ask at: give --yes\n")
    assert emulator.control.requests(mutating_only=True) == []


# what is typed, the exit code, and whether anything is written
ANSWERS = [("y\n", 7, True), ("yes\n", 7, True), ("n\n", 1, False), ("\n", 1, False)]


@pytest.mark.parametrize(("answer", "code", "written"), ANSWERS)
def test_at_a_terminal_it_asks_and_obeys(
    answer: str, code: int, written: bool, desired: Path, emulator: Emulator
) -> None:
    screen = on_terminal("apply", desired, "--endpoint-url", emulator.url, answer=answer)
    assert "[y/N]: " in screen.shown
    assert screen.shown.index("connection/main") < screen.shown.index("[y/N]")
    assert screen.code == code
    assert bool(emulator.control.requests(mutating_only=True)) is written
    assert ("Nothing was changed." in screen.shown) is not written


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 1)], ids=["Ctrl-C", "Ctrl-D"])
def test_a_person_may_leave_without_an_answer(
    key: str, code: int, desired: Path, emulator: Emulator
) -> None:
    screen = on_terminal("apply", desired, "--endpoint-url", emulator.url, answer=key)
    assert screen.code == code
    assert "Traceback" not in screen.shown
    assert emulator.control.requests(mutating_only=True) == []


def test_it_does_not_ask_about_nothing(desired: Path, cli: Cli, emulator: Emulator) -> None:
    where = (desired, "--endpoint-url", emulator.url)
    assert cli("apply", "--yes", *where).code == 7
    emulator.control.approve("connection/main")
    result = cli("apply", *where)
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("\n\nNo changes. 1 object unchanged.\n")


def test_it_does_not_ask_about_what_is_refused(desired: Path, cli: Cli, emulator: Emulator) -> None:
    where = (desired, "--endpoint-url", emulator.url)
    assert cli("apply", "--yes", *where).code == 7
    refused = cli("apply", *where, "--owner", "another")
    assert refused.code == 5
    assert "--take-over platform" in refused.out
    assert len(emulator.control.requests(mutating_only=True)) == 1
