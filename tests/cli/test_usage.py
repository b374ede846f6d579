"""Command lines: wrong ones leave with 64, help is quick and narrow, the environment counts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.aws.lease import MAX_SECONDS
from reconciler.cli.arguments import LEASE_HOURS
from reconciler.cli.main import cli as program
from reconciler.emulator import Emulator
from tests.cli.terminal import environment
from tests.conftest import Cli


def every_command() -> list[tuple[str, ...]]:
    """The words of every command and group, the program itself being no words at all."""
    found: list[tuple[str, ...]] = []
    waiting: list[tuple[tuple[str, ...], click.Command]] = [((), program)]
    while waiting:
        words, command = waiting.pop()
        found.append(words)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                waiting.append(((*words, name), inner))
    return sorted(found)


COMMANDS = every_command()
READERS = ("validate", "plan", "apply")


def test_the_commands_are_found() -> None:
    assert {"apply", "emulator", "plan", "schema", "validate"} <= {c[0] for c in COMMANDS if c}
    assert ("emulator", "serve") in COMMANDS


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_wrong_usage(words: tuple[str, ...], cli: Cli) -> None:
    result = cli(*words, "--no-such-option")
    assert (result.code, result.out) == (64, "")
    assert "no such option" in result.err.lower()


@pytest.mark.parametrize("words", [c for c in COMMANDS if c in {(), ("emulator",)}], ids=" ".join)
def test_an_unknown_command_is_wrong_usage(words: tuple[str, ...], cli: Cli) -> None:
    result = cli(*words, "no-such-command")
    assert (result.code, result.out) == (64, "")
    assert "No such command 'no-such-command'" in result.err


WRONG = [
    *((name,) for name in READERS),
    *((name, "a.yaml", "--output", "csv") for name in READERS),
    *((name, "a.yaml", "--output", "json=") for name in READERS),
    *((name, "a.yaml", "--output", "json", "--output", "text") for name in READERS),
    *((name, "a.yaml", "--output", "json=-", "--output", "text=-") for name in READERS),
    *((name, "a.yaml", "--color", "blue") for name in READERS),
    *((name, "a.yaml", "--owner", "") for name in READERS),
    *((name, "a.yaml", "--owner", "a\nb") for name in READERS),
    *((name, "a.yaml", "--owner", "o" * 257) for name in READERS),
    *(("apply", "a.yaml", f"--wait={time}") for time in ("", "soon", "-1", "1d", "5m5s")),
    *(("apply", "a.yaml", f"--lock-lease={time}") for time in ("0", "0.9s", "169h", "9999h")),
    *(("apply", "a.yaml", f"--settle={time}") for time in ("169h", "9" * 400)),
    ("apply", "a.yaml", "--wait=8785h"),
    ("apply", "a.yaml", "--lock-timeout", "8785h"),
    ("wait", "connection/a", "--timeout", "9" * 400),
    ("plan", "a.yaml", "--service", "s3"),
    ("plan", "a.yaml", "--parallelism", "0"),
    ("plan", "a.yaml", "--max-destroy", "-1"),
    ("plan", "a.yaml", "--local-handshake", "never"),
    ("plan", "a.yaml", "--region"),
    ("schema", "nothing"),
    ("emulator", "approve"),
    ("emulator", "serve", "--port", "65536"),
    ("emulator", "serve", "--handshake-after", "later"),
    ("emulator", "serve", "extra"),
]


@pytest.mark.parametrize("arguments", WRONG, ids=lambda words: " ".join(words)[:40])
def test_wrong_usage(arguments: tuple[str, ...], cli: Cli) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (64, "")
    assert result.err.splitlines()[-1].startswith("Error: ")


def test_a_time_that_is_wrong_says_which_are_right(cli: Cli) -> None:
    refused = cli("apply", "a.yaml", "--lock-lease", "9999h")
    assert refused.err.endswith(
        "Invalid value for '--lock-lease': 9999h is not between 1s and 168h\n"
    )
    assert LEASE_HOURS * 3600 == MAX_SECONDS


@pytest.mark.parametrize("words", [(), ("emulator",)], ids=["reconciler", "emulator"])
def test_no_command_shows_the_help(words: tuple[str, ...], cli: Cli) -> None:
    result = cli(*words)
    assert (result.code, result.out) == (64, "")
    assert "Commands:" in result.err


def test_a_real_process_leaves_with_its_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reconciler", "plan", "--no-such-option"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert (done.returncode, done.stdout) == (64, "")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help(words: tuple[str, ...], cli: Cli) -> None:
    result = cli(*words, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out == cli(*words, "-h").out
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.out.startswith(f"Usage: reconciler {' '.join(words)}".rstrip())
    assert f"  reconciler {' '.join(words)}" in result.out.partition("Usage: ")[2]


@pytest.mark.parametrize("group", [(), ("emulator",)], ids=["reconciler", "emulator"])
def test_the_list_of_commands_says_what_each_does(group: tuple[str, ...], cli: Cli) -> None:
    listed = cli(*group, "--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    rows = dict(line.split(maxsplit=1) for line in listed.splitlines())
    assert {(*group, name) for name in rows} == {w for w in COMMANDS if w and w[:-1] == group}
    assert [text for text in rows.values() if not re.fullmatch(r"[A-Z].*[^.]\.", text)] == []


def test_options_are_listed_as_they_are_written(cli: Cli) -> None:
    shown = cli("plan", "--help").out
    wanted = ["--profile", "--region", "--local ", "--local-store", "--adopt", "--prune", "--owner"]
    assert sorted(wanted, key=shown.index) == wanted


HEAVY = {"boto3", "botocore", "deepdiff", "rich", "yaml", "pydantic", "jsonschema"}
PROBE = """
import json, sys
from reconciler.cli.main import run
codes = [run([*words, "--help"]) for words in json.loads(sys.argv[1])]
print(json.dumps([codes, sorted(sys.modules)]), file=sys.stderr)
"""


def test_no_help_loads_anything_heavy() -> None:
    command = [sys.executable, "-c", PROBE, json.dumps(COMMANDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    codes, modules = json.loads(done.stderr)
    assert set(codes) == {0}
    assert HEAVY & set(modules) == set()


def test_the_version(cli: Cli) -> None:
    result = cli("--version")
    assert result.code == 0
    assert result.out.startswith("reconciler, version ")


def test_waiting_does_not_swallow_a_path(desired: Path, cli: Cli, emulator: Emulator) -> None:
    """`--wait PATH` takes the default time and leaves the path alone."""
    emulator.control.reset()
    where = ("--endpoint-url", emulator.url)
    assert cli("apply", "--yes", *where, desired).code == 7
    emulator.control.approve("connection/main")
    for line in (("--wait", desired), ("--wait=5s", desired), (desired, "--wait")):
        result = cli("apply", "--yes", *where, *line)
        assert (result.code, result.err) == (0, "")


def test_waiting_ends_in_time(desired: Path, cli: Cli, emulator: Emulator) -> None:
    result = cli("apply", "--yes", "--wait=0.3s", "--endpoint-url", emulator.url, desired)
    assert result.code == 7
    assert result.err.startswith("Waiting up to 1 s: ")
    assert "connection/main" in result.err


def test_options_come_from_the_environment(
    desired: Path, cli: Cli, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_ENDPOINT_URL", emulator.url)
    monkeypatch.setenv("RECONCILER_REGION", "us-west-2")
    monkeypatch.setenv("RECONCILER_OUTPUT", "json\ntext=said.txt")
    monkeypatch.setenv("RECONCILER_OWNER", "somebody")
    monkeypatch.setenv("RECONCILER_DETAILED_EXITCODE", "1")
    result = cli("plan", desired)
    assert result.code == 2
    assert result.json["owner"] == "somebody"
    assert result.json["target"]["region"] == "us-west-2"
    assert "owner somebody" in (tmp_path / "said.txt").read_text(encoding="utf-8")
    assert cli("plan", desired, "--region", "eu-west-1").json["target"]["region"] == "eu-west-1"


def test_a_wrong_variable_is_wrong_usage(
    desired: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_SERVICE", "s3")
    assert cli("plan", desired).code == 64


def test_every_option_has_its_variable() -> None:
    """The help says so; only those that show something and leave are none."""
    for words in COMMANDS:
        command: click.Command = program
        for word in words:
            assert isinstance(command, click.Group)
            inner = command.get_command(click.Context(command), word)
            assert inner is not None
            command = inner
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.is_eager:
                name = parameter.opts[0].removeprefix("--").replace("-", "_").upper()
                assert parameter.envvar == f"RECONCILER_{name}", (words, name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--local-store", "x.db"), "--local-store needs --local"),
        (("--local-handshake", "manual"), "--local-handshake needs --local"),
        (("--local", "--profile", "p"), "--profile does not go with --local"),
        (("--local", "--endpoint-url", "http://x"), "--endpoint-url does not go with --local"),
    ],
)
@pytest.mark.parametrize("name", ["plan", "apply"])
def test_options_that_would_be_ignored_are_refused(
    name: str, options: tuple[str, ...], said: str, desired: Path, cli: Cli
) -> None:
    result = cli(name, *options, desired)
    assert result.code == 64
    assert said in result.err
    assert not Path("x.db").exists()


def test_a_time_after_wait_without_equals_is_told(desired: Path, cli: Cli) -> None:
    result = cli("apply", "--local", "--wait", "5m", desired)
    assert (result.code, "write --wait=5m" in result.err) == (64, True)


@pytest.mark.parametrize("words", [(), ("emulator",)])
def test_no_command_at_all_shows_the_help(cli: Cli, words: tuple[str, ...]) -> None:
    result = cli(*words)
    assert (result.code, result.out) == (64, "")
    assert "\nCommands:\n" in result.err


@pytest.mark.parametrize("command", ["wait", "forget", "journal"])
def test_what_is_no_address_is_told(cli: Cli, command: str) -> None:
    for wrong in ("main", "connection", "connection/", "repository/x"):
        result = cli(command, wrong)
        assert result.code == 64
        assert f"{wrong!r} is not KIND/NAME, where KIND is one of " in result.err


def test_a_journal_folder_that_is_not_there_is_told(cli: Cli) -> None:
    named, usual = cli("journal", "--journal", "typo"), cli("journal")
    assert (named.code, named.err) == (1, "Error: there is no journal folder typo\n")
    assert (usual.code, usual.out) == (0, "")
    assert usual.err.startswith("Nothing was sent from here: ")


def test_without_a_home_folder_one_is_asked_for(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    result = cli("journal")
    assert result.code == 1
    assert "give --journal a folder, or set HOME" in result.err


def test_a_working_folder_that_was_deleted_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    line = [sys.executable, "-m", "reconciler", "apply", "--local", "--yes", "x.yaml"]
    script = ["sh", "-c", 'cd gone && rmdir ../gone && exec "$@"', "sh", *line]
    done = subprocess.run(script, capture_output=True, text=True, check=False, env=environment())
    said = "Error: the working folder is not there any more: change to another one\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_dash_is_stdout(cli: Cli, desired: Path) -> None:
    assert json.loads(cli("validate", "--output", "json=-", desired).out)["problems"] == []
    assert not Path("-").exists()


@pytest.mark.parametrize("command", ["plan", "validate"])
def test_no_output_overwrites_what_is_read(command: str, cli: Cli, desired: Path) -> None:
    before = desired.read_bytes()
    done = cli(command, "--output", f"json={desired.parent}/./{desired.name}", desired)
    assert done.code == 64
    assert "which is read" in done.err
    assert desired.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["infra/a.yaml", "infra/new.yml", "infra/b/new.yaml", "rules/a.yaml"]
)
def test_no_output_gets_among_the_files_that_are_read(
    name: str, cli: Cli, desired: Path, emulator: Emulator
) -> None:
    """Written into a folder, a report would be desired state, or a rule, of the next run."""
    text = desired.read_text(encoding="utf-8")
    for folder in ("infra/b", "rules"):
        Path(folder).mkdir(parents=True)
    for file in ("infra/a.yaml", "rules/a.yaml"):
        Path(file).write_text(text, encoding="utf-8")
    words = ("plan", "infra", "--policy", "rules", "--endpoint-url", emulator.url)
    done = cli(*words, "--output", f"text={name}")
    assert (done.code, done.out) == (64, "")
    assert f"--output would write {name}, which is read with " in done.err
    assert Path("infra/a.yaml").read_text(encoding="utf-8") == text
    assert not Path("infra/new.yml").exists()


def test_an_output_that_is_no_desired_state_may_stand_beside_it(
    cli: Cli, desired: Path, emulator: Emulator
) -> None:
    words = ("plan", desired.parent, "--endpoint-url", emulator.url)
    Path(".hidden").mkdir()
    for name in ("plan.json", ".hidden/plan.yaml", ".plan.yaml"):
        assert cli(*words, "--output", f"json={name}").code == 0
        assert json.loads(Path(name).read_text(encoding="utf-8"))["summary"]["create"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("validate", ""), "a path is empty"),
        (("plan", "--local", "desired.yaml", "--policy", ""), "a path is empty"),
        (("apply", "--local", "desired.yaml", "--expect", "abc"), "'abc' is not sha256: and 64"),
    ],
)
def test_what_a_variable_that_is_not_set_leaves_is_wrong_usage(
    words: tuple[str, ...], said: str, desired: Path, cli: Cli
) -> None:
    result = cli(*words)
    assert (result.code, result.out) == (64, "")
    assert said in result.err
