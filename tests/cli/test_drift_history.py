"""`drift --history`: what the report says of the past, and that nothing keeps the report back."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator
from tests.cli.terminal import command, environment
from tests.conftest import REGION, Cli
from tests.test_specs import told

HISTORY = ("--history", "drift.db")


@pytest.fixture
def where(desired: Path, emulator: Emulator) -> tuple[str, ...]:
    """Files of whose one connection nothing is there."""
    return (str(desired), "--endpoint-url", emulator.url)


@pytest.fixture
def client(emulator: Emulator) -> Any:
    return boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)


def make(client: Any) -> str:
    """Make what the files declare, as an apply would, and approve it."""
    tags = [{"Key": "reconciler.owner", "Value": "platform"}]
    made = client.create_connection(ConnectionName="main", ProviderType="GitHub", Tags=tags)
    return str(made["ConnectionArn"])


def test_a_finding_is_known_again(where: tuple[str, ...], cli: Cli) -> None:
    assert cli("drift", *where, *HISTORY).code == 2
    again = cli("drift", *where, *HISTORY, "--output", "json")
    (finding,) = again.json["findings"]
    assert (again.code, finding["code"], finding["times"]) == (2, "missing", 2)
    assert finding["first_seen"] == again.json["history"]["runs"][0]["time"]
    assert again.json["created"] == again.json["history"]["runs"][1]["time"]
    assert told("drift", again.json) == []
    assert "in 3 runs" in cli("drift", *where, *HISTORY).out


def test_what_went_away_is_said_once(
    where: tuple[str, ...], cli: Cli, client: Any, emulator: Emulator
) -> None:
    assert cli("drift", *where, *HISTORY).code == 2
    arn = make(client)
    waiting = cli("drift", *where, *HISTORY)
    assert waiting.code == 7
    assert "gone  missing: connection/main" in waiting.out
    emulator.control.approve(arn)
    quiet = cli("drift", *where, *HISTORY)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    clean = cli("drift", *where, *HISTORY, "--output", "json").json
    assert clean["history"]["gone"] == clean["history"]["oldest"] == []


def test_since(where: tuple[str, ...], cli: Cli, client: Any) -> None:
    assert cli("drift", *where, *HISTORY).code == 2
    client.create_connection(
        ConnectionName="other",
        ProviderType="GitHub",
        Tags=[{"Key": "reconciler.owner", "Value": "platform"}],
    )
    line = ("drift", *where, *HISTORY)
    new = cli(*line, "--since", "0s")
    assert new.code == 2
    assert "connection/other" in new.out
    assert "connection/main" not in new.out
    assert "1 older finding is still open, first seen before" in new.out
    for format_ in ("markdown", "html"):
        shown = cli(*line, "--since", "0", "--output", format_).out
        assert "2 older findings are still open" in shown
        assert "connection/other is owned" not in shown
    assert len(cli(*line, "--since", "0", "--output", "json").json["findings"]) == 2
    for since in ("1h", "2020-01-31", "1d", "1w", "1y"):
        every = cli(*line, "--since", since).out
        assert "connection/other" in every
        assert "older" not in every


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("--since", "1d"), "--since needs --history FILE"),
        ((*HISTORY, "--since", "yesterday"), "is not a time such as 12h, 30d or 1y"),
        ((*HISTORY, "--since", "2026-02-30"), "is no day"),
        ((*HISTORY, "--since", "9999-01-01"), "is still to come"),
        ((*HISTORY, "--history-keep", "1x"), "is not a time such as 12h"),
        ((*HISTORY, "--output", "dot"), "dot does not show drift"),
        ((*HISTORY, "--output", "mermaid=x"), "mermaid does not show drift"),
        ((*HISTORY, "--output", "gitlab=x"), "gitlab does not show drift"),
        ((*HISTORY, "--output", "json=drift.db"), "would write drift.db, which is read"),
        (("--history", "."), "is a directory"),
    ],
    ids=str,
)
def test_wrong_usage(line: tuple[str, ...], words: str, where: tuple[str, ...], cli: Cli) -> None:
    refused = cli("drift", *where, *line)
    assert (refused.code, refused.out) == (64, "")
    assert words in refused.err.splitlines()[-1]
    assert not Path("drift.db").exists()


def test_an_output_for_drift_alone(desired: Path, cli: Cli) -> None:
    for name in ("plan", "validate"):
        refused = cli(name, desired, "--output", "prometheus=x")
        assert (refused.code, refused.out) == (64, "")
        assert "prometheus is only for `reconciler drift`" in refused.err.splitlines()[-1]


@pytest.mark.parametrize("content", [b"what is this?" * 100, None], ids=["text", "folder"])
def test_without_the_history_the_report_is_written_all_the_same(
    content: bytes | None, where: tuple[str, ...], cli: Cli
) -> None:
    file = Path("drift.db")
    if content:
        file.write_bytes(content)
    else:
        file = Path("nowhere/drift.db")
    done = cli("drift", *where, "--history", file, "--output", "json=report.json")
    assert done.code == 1
    assert "is declared and not there" in done.out
    (line, summary) = done.err.splitlines()
    assert line.startswith(f"Error: the history {file} cannot be used: ")
    assert summary.startswith("Drift: 1 missing")
    assert json.loads(Path("report.json").read_text(encoding="utf-8"))["findings"]


def test_two_at_a_time(where: tuple[str, ...]) -> None:
    line = command("drift", *where, *HISTORY)
    runs = [
        subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    told = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [2, 2, 2], told
    last = subprocess.run(
        [*line, "--output", "json"], env=environment(), capture_output=True, check=False
    )
    document = json.loads(last.stdout)
    assert document["findings"][0]["times"] == 4
    assert len(document["history"]["runs"]) == 4


# Files are replaced whole


def test_a_file_is_replaced_and_keeps_its_mode(where: tuple[str, ...], cli: Cli) -> None:
    file = Path("drift.json")
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    Path("link.json").symlink_to(file)
    before = file.open("rb")
    assert cli("drift", *where, "--output", "json=link.json").code == 2
    assert Path("link.json").is_symlink()
    assert json.loads(file.read_bytes())["kind"] == "drift"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    with before:
        assert before.read() == b"old"  # who reads it meanwhile reads all of the old one
    assert not list(Path.cwd().glob(".reconciler-*"))


def test_a_new_file_has_the_usual_mode(where: tuple[str, ...], cli: Cli) -> None:
    assert cli("drift", *where, "--output", "json=drift.json").code == 2
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(Path("drift.json").stat().st_mode) == 0o666 & ~mask


def test_what_is_no_file_is_written_as_it_is(where: tuple[str, ...], tmp_path: Path) -> None:
    os.mkfifo("pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE)
    line = [*command("drift", *where), "--output", "json=pipe", "--output", "sarif=/dev/stdout"]
    kept = tmp_path / "kept"
    with kept.open("wb") as file:
        file.write(b"before\n")
        file.flush()
        subprocess.run(line, env=environment(), stdout=file, check=False)
    assert json.loads(reader.communicate()[0])["kind"] == "drift"
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)
    assert b"executionSuccessful" in kept.read_bytes()  # the shell's own file, and no other one


def test_nothing_is_left_of_what_could_not_be_written(where: tuple[str, ...]) -> None:
    Path("drift.json").write_text("old", encoding="utf-8")
    script = [
        *("bash", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "x", sys.executable, "-c"),
        "from pathlib import Path; from reconciler.cli.saving import save\n"
        "save('drift.json', b'new')",
    ]
    done = subprocess.run(script, env=environment(), capture_output=True, text=True, check=False)
    assert "OSError" in done.stderr
    assert Path("drift.json").read_text(encoding="utf-8") == "old"
    assert not list(Path.cwd().glob(".reconciler-*"))
