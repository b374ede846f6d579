"""What the README says is so: its commands run as typed, its YAML is valid, its tables whole."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.exits import PRECEDENCE, Exit
from reconciler.cli.main import Commands
from reconciler.cli.main import cli as root
from reconciler.spec.form import SECTIONS, Header
from tests.conftest import ROOT, Cli

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def run(command: str) -> int:
    """The exit code of a command, run with this interpreter's own scripts."""
    script = Path(sys.executable).with_name("reconciler")
    words = [str(script) if word == "reconciler" else word for word in shlex.split(command)]
    return subprocess.run(words, capture_output=True, check=False, timeout=60).returncode


@pytest.fixture
def with_examples(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")


@pytest.mark.usefixtures("with_examples")
def test_the_first_command_works_and_works_again() -> None:
    install, _, command = blocks("console")[0].strip().partition(" && ")
    assert install == "pip install ."
    assert run(command) == 0
    assert run(command) == 0


def test_the_second_command_is_what_ci_runs() -> None:
    install, _, tests = blocks("console")[1].strip().partition(" && ")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert tests == "pytest -n auto"
    assert install == "pip install -e '.[test]'"
    assert re.search(r"^pip install .*-e '.\[test\]'$", ci, re.MULTILINE)
    assert re.search(r"\bpytest -n auto$", ci, re.MULTILINE)


@pytest.mark.usefixtures("with_examples")
def test_the_five_minutes() -> None:
    commands = blocks("console")[2].strip().splitlines()
    assert len(commands) == 7
    for command in commands:
        assert run(command) == 0, command


def test_the_yaml_is_valid(cli: Cli) -> None:
    assert cli("validate", "-", stdin=blocks("yaml")[0]).code == 0


def test_the_problems_are_what_the_program_says(cli: Cli) -> None:
    text = blocks("yaml")[0]
    text = text.replace("connection: github-main", "connection: github-mian")
    text = text.replace("branch: main", "branch: no")
    Path("codeconnections.yaml").write_text(text, encoding="utf-8")
    said = cli("validate", "codeconnections.yaml").out
    assert said == blocks("text")[0] + "2 problems; nothing was called.\n"


def test_every_command_and_exit_code_is_in_a_table() -> None:
    assert isinstance(root, Commands)
    for name in root.list_commands(None):  # type: ignore[arg-type]
        assert f"| `{name} " in README
    rows = {
        int(code)
        for row in re.findall(r"^\| ([0-9, ]+) \|", README, re.MULTILINE)
        for code in row.split(",")
    }
    assert rows == {int(code) for code in Exit}
    order = ", ".join(str(int(code)) for code in PRECEDENCE)
    assert f"the first of {order} is given" in README.replace("\n", " ")


def test_every_key_of_the_files_is_in_a_table() -> None:
    for key in (*Header.model_fields, *SECTIONS):
        assert f"`{key}" in README
    for kind in SECTIONS.values():
        for extra in kind.extras & kind.model_fields.keys():
            assert f"`{extra}" in README


def test_every_option_of_the_guards_is_in_the_readme() -> None:
    assert isinstance(root, Commands)
    command = root.get_command(None, "apply")  # type: ignore[arg-type]
    assert command is not None
    guards = {"adopt", "take_over", "prune", "allow_destroy", "max_destroy", "allow_empty"}
    found = {p.opts[0] for p in command.params if p.name in guards | {"allow_pending", "wait"}}
    assert len(found) == 8
    for option in found:
        assert f"`{option}" in README
