"""The example of a fleet is applied as a user would, and its cluster is what Kubernetes takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli

FOLDER = ROOT / "examples" / "fleet"


def test_it_is_applied_and_then_in_sync(cli: Cli) -> None:
    where = ("--targets", FOLDER / "targets.yaml", "--local", "--local-store", "local.db")
    assert cli("plan", *where, "--output", "json").json["counts"]["create"] == 3
    applied = cli("apply", *where, "--yes", "--wait=60s", "--output", "json")
    assert (applied.code, applied.json["counts"]["create"]) == (0, 3)
    again = cli("plan", *where, "--detailed-exitcode", "--output", "json")
    assert (again.code, again.json["summary"]) == (0, {"ok": 3})
    assert cli("drift", *where).out == ""
    names = [row["target"] for row in again.json["targets"]]
    assert names == ["dev", "prod/eu-west-1", "prod/us-east-1"]


def test_the_commands_at_its_top_are_understood(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_LOCAL", "1")
    monkeypatch.setenv("RECONCILER_LOCAL_STORE", str(Path("local.db").resolve()))
    monkeypatch.chdir(ROOT)
    text = (FOLDER / "targets.yaml").read_text(encoding="utf-8")
    commands = re.findall(r"^#   reconciler (.*)$", text, re.MULTILINE)
    assert len(commands) == 2
    assert [cli(*shlex.split(command)).code for command in commands] == [0, 7]
