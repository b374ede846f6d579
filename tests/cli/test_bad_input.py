"""Bad files: one clear line each with place and hint, exit 1, no traceback and no call."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.emulator import Emulator
from tests.cli.terminal import command, environment
from tests.conftest import Cli

HEAD = "version: 1\nowner: platform\n"
LINK = "repository_links:\n- {owner_id: acme, repository_name: net, connection: "

# what is wrong, the file, and the start of the one line about it
BAD = [
    ("empty file", "", "bad.yaml:0:0: E011 nothing is declared here (start with `version: 1`)"),
    ("only a comment", "# hello\n", "bad.yaml:0:0: E011 "),
    (
        "broken YAML",
        "version: 1\nowner: [a\n",
        "bad.yaml:3:1: E009 did not find expected ',' or ']', while parsing a flow seq",
    ),
    ("tab", "version: 1\n\towner: a\n", "bad.yaml:2:1: E010 a tab indents this line (indent with"),
    ("not a mapping", "- a\n", "bad.yaml:1:1: E013 the top level is a list, not a mapping (start"),
    ("no version", "owner: a\n", "bad.yaml:1:1: E031 required key `version` is missing (add it)"),
    (
        "unknown key",
        HEAD + "connections:\n- {name: a, provider_type: GitHub, protekt: x}\n",
        "bad.yaml:4:36: E030 unknown key `protekt` (did you mean protect?)",
    ),
    (
        "wrong type",
        HEAD + "connections: {name: a}\n",
        "bad.yaml:3:14: E032 `connections` has to be a list of entries (write `- ` before each",
    ),
    (
        "number as text",
        HEAD + "connections:\n- {name: 0123, provider_type: GitHub}\n",
        "bad.yaml:4:10: E033 `name` has to be text, and YAML reads `0123` as a number (quote it",
    ),
    (
        "unknown reference",
        HEAD + LINK + "gone}\n",
        "bad.yaml:4:54: E042 connection `gone` is not declared (declare it under connections, or",
    ),
    (
        "duplicate address",
        HEAD + "connections:\n" + 2 * "- {name: a, provider_type: GitHub}\n",
        "bad.yaml:5:3: E041 connection/a is already declared at bad.yaml:4:3 (declare it once)",
    ),
    (
        "duplicate key",
        HEAD + "connections:\n- {name: a, name: b, provider_type: GitHub}\n",
        "bad.yaml:4:13: E015 key `name` is written twice, first on line 4 (keep one of the two)",
    ),
    (
        "name of 33 characters",
        HEAD + f"connections:\n- {{name: {'n' * 33}, provider_type: GitHub}}\n",
        "bad.yaml:4:10: E035 `name` has 33 characters (at most 32 are allowed)",
    ),
    (
        "bad ARN",
        HEAD + LINK + "'arn:aws:iam::1:role/x'}\n",
        "bad.yaml:4:54: E037 `connection` is `arn:aws:iam::1:role/x`, which is not the ARN of a",
    ),
    (
        "bad role",
        HEAD + LINK + "'arn:aws:codeconnections:eu-west-1:111122223333:connection/x'}\n"
        "sync_configurations:\n- {resource_name: s, repository: acme/net, branch: b, "
        "config_file: f, role_arn: role/x}\n",
        "bad.yaml:6:81: E037 `role_arn` cannot be `role/x` (it has to match arn:aws",
    ),
    ("not UTF-8", "owner: \udce9\n", "bad.yaml:1:8: E007 not UTF-8 (save the file as UTF-8)"),
]
COMMANDS = ("validate", "plan", "apply")


def expect_one_line(streams: tuple[str, str], line: str, *, data: bool) -> None:
    """The line and the count are all that is said: as data, or else on stderr."""
    said, silent = streams if data else reversed(streams)
    assert silent == ""
    first, last = said.splitlines()
    assert first.startswith(line)
    assert first.endswith(")")
    assert last == "1 problem; nothing was called."


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(("text", "line"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_one_line(
    text: str, line: str, name: str, cli: Cli, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    where = [] if name == "validate" else ["--endpoint-url", emulator.url]
    result = cli(name, "bad.yaml", *where)
    assert result.code == 1
    expect_one_line((result.out, result.err), line, data=name == "validate")
    assert emulator.control.requests() == []


def _fifo(path: Path) -> None:
    os.mkfifo(path)


# what is wrong, how to make it so, and the line about it
UNREADABLE: list[tuple[str, Callable[[Path], object], str]] = [
    ("nothing there", lambda path: None, ":0:0: E001 cannot be read: No such file or directory"),
    ("empty folder", Path.mkdir, ":0:0: E002 no *.yaml or *.yml file in this folder"),
    ("no regular file", _fifo, ":0:0: E003 not a regular file (only regular files are read)"),
]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("make", "line"), [row[1:] for row in UNREADABLE], ids=[row[0] for row in UNREADABLE]
)
def test_an_unreadable_path_is_one_line(
    make: Callable[[Path], object],
    line: str,
    name: str,
    cli: Cli,
    emulator: Emulator,
    tmp_path: Path,
) -> None:
    path = tmp_path / "bad"
    make(path)
    where = [] if name == "validate" else ["--endpoint-url", emulator.url]
    result = cli(name, path, *where)
    said = result.out if name == "validate" else result.err
    assert result.code == 1
    assert said.startswith(f"{path}{line}")
    assert emulator.control.requests() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_line(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.touch(0)
    result = cli("validate", path)
    assert result.code == 1
    assert result.out.startswith(f"{path}:0:0: E001 cannot be read: Permission denied")


def test_problems_are_data_too(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(HEAD + LINK + "gone}\n", encoding="utf-8")
    problem = {
        "file": "bad.yaml",
        "line": 4,
        "column": 54,
        "code": "E042",
        "message": "connection `gone` is not declared",
        "hint": "declare it under connections, or give its ARN",
    }
    for name in COMMANDS:
        result = cli(name, "bad.yaml", "--output", "json", "--output", "text=said")
        assert (result.code, result.err) == (1, "")
        assert result.json == {
            "format_version": "1.0",
            "kind": "problems",
            "problems": [problem],
            "declared": {},
        }
        assert (tmp_path / "said").read_text(encoding="utf-8").startswith("bad.yaml:4:54: E042 ")


def test_problems_reach_every_output(cli: Cli, tmp_path: Path) -> None:
    """The text that goes to stderr once kept the other outputs from being written."""
    (tmp_path / "bad.yaml").write_text("", encoding="utf-8")
    result = cli("plan", "bad.yaml", "--output", "text", "--output", "json=said.json")
    assert result.code == 1
    assert result.err.startswith("bad.yaml:0:0: E011 ")
    assert '"code": "E011"' in (tmp_path / "said.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_traceback(closed: str, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(HEAD, encoding="utf-8")
    line = " ".join(command("validate", "good.yaml")) + " " + closed
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, check=False, env=environment()
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_no_standard_input_is_one_line() -> None:
    done = subprocess.run(
        ["sh", "-c", " ".join(command("validate", "-")) + " <&-"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("<stdin>:0:0: E001 cannot be read: there is no standard input")
