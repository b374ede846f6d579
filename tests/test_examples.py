"""Every example is loaded, planned and applied as a user would, and is then in sync."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli

FOLDERS = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
COUNTS = {"large": 300, "quickstart": 3, "self-managed": 4, "split": 5}
OTHERS = {
    "container": "tests/repository/test_elsewhere.py",
    "fleet": "tests/fleet/test_example.py",
    "github": "tests/repository/test_files.py",
    "gitlab": "tests/repository/test_elsewhere.py",
    "policies": "tests/cli/test_policy.py",
    "schedules": "tests/schedules",
}
"""The folders that hold something else, and what tries that."""
EXAMPLES = [path for path in FOLDERS if path.name not in OTHERS]


def test_every_example_is_known() -> None:
    assert [path.name for path in EXAMPLES] == sorted(COUNTS)
    assert all((ROOT / test).exists() for test in OTHERS.values())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_applied_and_then_in_sync(example: Path, cli: Cli) -> None:
    local = ("--local", "--local-store", "local.db")
    planned = cli("plan", *local, "--output", "json", example)
    assert planned.code == 0
    assert len(planned.json["changes"]) == COUNTS[example.name]

    applied = cli("apply", *local, "--wait=60s", "--yes", "--output", "json", example)
    assert applied.code == 0, applied.err
    assert {outcome["status"] for outcome in applied.json["outcomes"]} == {"applied"}
    assert len(applied.json["outcomes"]) == COUNTS[example.name]
    assert applied.json["worklist"] == []

    again = cli("plan", *local, "--detailed-exitcode", example)
    assert again.code == 0
    assert f"No changes. {COUNTS[example.name]} objects unchanged.\n" in again.out


def test_the_quickstart_creates_in_order_and_waits_for_the_approval(cli: Cli) -> None:
    command = ("apply", "--local", "--wait", "--yes", ROOT / "examples" / "quickstart")
    first = cli(*command)
    assert first.code == 0  # whether the simulated person or the program comes first is open
    requests = cli("emulator", "requests", "--mutating").out.splitlines()
    operations = [line.split('"operation": "')[1].split('"')[0] for line in requests]
    assert operations == ["CreateConnection", "CreateRepositoryLink", "CreateSyncConfiguration"]

    second = cli(*command)
    assert second.code == 0
    assert second.out.endswith("\n\nNo changes. 3 objects unchanged.\n")
    assert cli("emulator", "requests", "--mutating").out.splitlines() == requests


def test_the_large_example_is_what_its_script_prints() -> None:
    large = ROOT / "examples" / "large"
    script = [sys.executable, str(large / "generate.py")]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert printed == (large / "codeconnections.yaml").read_text(encoding="utf-8")
