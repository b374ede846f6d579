"""stdout is data and stderr is the rest; color and progress are for terminals alone."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from reconciler.emulator import Emulator
from tests.cli.terminal import command, environment, on_terminal
from tests.conftest import Cli

RED_OR_GREEN = "\x1b[3"
"""How every color begins; bold is another sequence."""
CURSOR = "\x1b[?25l"
"""What a display that moves does first: it hides the cursor."""


def test_data_goes_to_stdout_alone(desired: Path, cli: Cli, emulator: Emulator) -> None:
    where = (desired, "--endpoint-url", emulator.url)
    for format in ("text", "json"):
        planned = cli("plan", *where, "--output", format)
        assert (planned.code, planned.err) == (0, "")
        assert "connection/main" in planned.out
        checked = cli("validate", desired, "--output", format)
        assert (checked.code, checked.err) == (0, "")


def test_json_stays_json_while_a_plan_is_shown(desired: Path, cli: Cli, emulator: Emulator) -> None:
    """The plan that a person agrees to is no part of the report."""
    result = cli("apply", "--yes", desired, "--endpoint-url", emulator.url, "--output", "json")
    assert result.code == 7
    assert result.json["outcomes"][0]["status"] == "applied"
    assert "Plan: 1 to create." in result.err


def test_logs_go_to_stderr(desired: Path, cli: Cli, emulator: Emulator) -> None:
    where = (desired, "--endpoint-url", emulator.url, "--output", "json")
    logged, quiet = (cli("plan", *where, *more) for more in (("--verbose",), ()))
    assert "ListConnections" in logged.err
    of_now = ("created", "digest")  # a second later both are others
    assert all(logged.json.pop(name) for name in of_now)
    assert {k: v for k, v in logged.json.items() if k not in of_now} == {
        k: v for k, v in quiet.json.items() if k not in of_now
    }


def test_several_outputs_at_once(
    desired: Path, cli: Cli, emulator: Emulator, tmp_path: Path
) -> None:
    result = cli(
        *("plan", desired, "--endpoint-url", emulator.url),
        *("--output", "json=plan.json", "--output", "text", "--output", "text=plan.txt"),
        *("--output", "json=again.json", "--color", "always"),
    )
    assert (result.code, result.err) == (0, "")
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert plan["summary"]["create"] == 1
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "plan.json").read_bytes()
    text = (tmp_path / "plan.txt").read_text(encoding="utf-8")
    assert "+ connection/main  create" in text
    assert "\x1b" not in text
    assert RED_OR_GREEN in result.out


@pytest.mark.parametrize("file", ["none/report.json", "."])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(
    file: str, desired: Path, cli: Cli, emulator: Emulator
) -> None:
    result = cli(
        "apply", "--yes", desired, "--endpoint-url", emulator.url, "--output", f"json={file}"
    )
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"Error: {file} cannot be written")
    assert emulator.control.requests() == []


def test_a_full_disk_is_one_line(desired: Path, cli: Cli, emulator: Emulator) -> None:
    result = cli("plan", desired, "--endpoint-url", emulator.url, "--output", "json=/dev/full")
    assert result.code == 1
    assert result.err == "Error: /dev/full cannot be written: No space left on device\n"


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    entries = "".join(f"- {{name: c{n}, provider_type: Nope}}\n" for n in range(3000))
    (tmp_path / "many.yaml").write_text(f"version: 1\nconnections:\n{entries}", encoding="utf-8")
    reading, writing = os.pipe()
    process = subprocess.Popen(
        command("validate", "many.yaml"), stdout=writing, stderr=subprocess.PIPE, env=environment()
    )
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    _, said = process.communicate(timeout=20)
    assert said == b""
    assert process.returncode == 1


# where stdout goes, options, environment, and whether there is color
COLORS: list[tuple[str, tuple[str, ...], dict[str, str], bool]] = [
    ("terminal", (), {}, True),
    ("terminal", (), {"NO_COLOR": "1"}, False),
    ("terminal", (), {"NO_COLOR": ""}, True),
    ("terminal", (), {"TERM": "dumb"}, False),
    ("terminal", ("--color", "never"), {}, False),
    ("terminal", ("--color", "always"), {"NO_COLOR": "1"}, True),
    ("terminal", ("--output", "json"), {}, False),
    ("pipe", (), {}, False),
    ("pipe", ("--color", "always"), {}, True),
]


@pytest.mark.parametrize(("where", "options", "variables", "colored"), COLORS)
def test_color(
    where: str,
    options: tuple[str, ...],
    variables: dict[str, str],
    colored: bool,
    tmp_path: Path,
) -> None:
    (tmp_path / "bad.yaml").write_text("", encoding="utf-8")
    piped = ("stdout",) if where == "pipe" else ()
    screen = on_terminal("validate", "bad.yaml", *options, before=None, piped=piped, **variables)
    assert screen.code == 1
    text = screen.out if piped else screen.shown
    assert "E011" in text
    assert (RED_OR_GREEN in text) is colored


def test_progress_is_shown_on_a_terminal(desired: Path, emulator: Emulator) -> None:
    screen = on_terminal("plan", desired, "--endpoint-url", emulator.url)
    assert screen.code == 0
    assert CURSOR in screen.shown
    assert "+\x1b[0m connection/main" in screen.shown


def test_progress_is_no_data(desired: Path, emulator: Emulator) -> None:
    """With stdout in a pipe and stderr on the terminal, the data is clean."""
    screen = on_terminal("plan", desired, "--endpoint-url", emulator.url, piped=("stdout",))
    assert screen.code == 0
    assert CURSOR in screen.shown
    assert "\x1b" not in screen.out
    assert "+ connection/main  create" in screen.out


def test_no_progress_where_stderr_is_no_terminal(desired: Path, emulator: Emulator) -> None:
    screen = on_terminal("plan", desired, "--endpoint-url", emulator.url, piped=("stderr",))
    assert (screen.code, screen.err) == (0, "")
    assert CURSOR not in screen.shown


def test_github_gets_its_files(
    emulator: Emulator, desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("outputs").write_text("before=1\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_OUTPUT", "outputs")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    words = ("plan", desired, "--endpoint-url", emulator.url, "--output", "github")
    assert cli(*words).out.startswith("::notice title=reconciler create,file=")
    outputs = Path("outputs").read_text(encoding="utf-8").splitlines()
    assert outputs[:4] == ["before=1", "errors=0", "warnings=0", "changes=1"]
    assert "### Plan: 1 to create." in Path("summary.md").read_text(encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "no/summary.md")
    refused = cli(*words)
    assert (refused.code, "::notice" in refused.out) == (1, True)
    assert "GITHUB_STEP_SUMMARY (no/summary.md) cannot be written" in refused.err


def test_github_gets_them_once(
    emulator: Emulator, desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", "outputs")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    words = ("--output", "github", "--output", "github=a.txt", "--output", "github=b.txt")
    for number, (what, of) in enumerate((("plan", desired), ("plan", "none.yaml")), 1):
        cli(what, of, "--endpoint-url", emulator.url, *words)
        outputs = Path("outputs").read_text(encoding="utf-8").splitlines()
        assert len([line for line in outputs if line.startswith("errors=")]) == number
        assert Path("summary.md").read_text(encoding="utf-8").count("### ") == number


def test_one_that_cannot_be_written_keeps_none_of_the_others_away(cli: Cli) -> None:
    Path("bad.yaml").write_text("", encoding="utf-8")
    for what in ("validate", "plan"):
        words = ("--output", "json=/dev/full", "--output", f"json={what}.json")
        result = cli(what, "bad.yaml", *words)
        assert result.code == 1
        assert "/dev/full cannot be written" in result.err
        assert "E011" in result.out + result.err
        assert json.loads(Path(f"{what}.json").read_text(encoding="utf-8"))["problems"]


def test_github_gets_them_although_nobody_reads_stdout(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("", encoding="utf-8")
    reading, writing = os.pipe()
    os.close(reading)
    words = command("validate", "bad.yaml", "--output", "github")
    surroundings = {**environment(), "GITHUB_OUTPUT": "outputs"}
    subprocess.run(words, stdout=writing, env=surroundings, check=False)
    os.close(writing)
    assert "errors=1" in Path("outputs").read_text(encoding="utf-8")
