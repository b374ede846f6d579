"""The example of a fleet is applied as a user would, and its cluster is what Kubernetes takes."""

from __future__ import annotations

import json
import re
import shlex
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from reconciler.fleet.targets import load
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


def test_the_roles_of_its_readme_are_those_of_its_targets() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    trust, caller = map(json.loads, re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    defaults = load(str(FOLDER / "targets.yaml"))[0]
    (statement,) = trust["Statement"]
    assert statement["Condition"]["StringEquals"] == {"sts:ExternalId": defaults.external_id}
    (statement,) = caller["Statement"]
    assert fnmatchcase(defaults.role, statement["Resource"])
    cluster = (FOLDER / "kubernetes" / "dask.yaml").read_text(encoding="utf-8")
    assert trust["Statement"][0]["Principal"]["AWS"] in cluster


def test_the_commands_of_its_readme_are_understood(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_LOCAL_STORE", str(Path("local.db").resolve()))
    monkeypatch.chdir(ROOT)
    text = (FOLDER / "README.md").read_text(encoding="utf-8").replace("\\\n", "")
    commands = re.findall(r"^\$ reconciler (.*)$", text, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        assert cli(*shlex.split(command)).code == 0, command


def test_the_costs_of_its_readme_add_up() -> None:
    """1,000 targets, hourly for 30 days, 3 seconds with half a GB."""
    looks = 1000 * 24 * 30
    costs = (looks * 0.025 / 1000, looks * 0.20 / 1e6, looks * 3 * 0.5 * 0.00001667)
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| state transitions") :]
    told = [f"{cost:.2f}" for cost in (*costs, sum(costs))]
    assert re.findall(r"\$(\d+\.\d\d) \|", table) == told
