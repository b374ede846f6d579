"""The component for GitLab and the container, as far as they can be tried without GitLab and
without an engine: their own scripts and settings, against the local CodeConnections."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.emulator import Emulator
from tests.conftest import ROOT, Cli
from tests.repository.scratch import AFTER, BEFORE
from tests.repository.test_files import COMPONENT, CONTAINER

BIN = Path(sys.executable).parent


@pytest.fixture
def project(emulator: Emulator, cli: Cli, tmp_path: Path) -> Path:
    """A project whose files were applied, and then changed in one field."""
    folder = tmp_path / "project"
    folder.mkdir()
    file = folder / "hosts.yaml"
    file.write_text(BEFORE, encoding="utf-8")
    live = ("--endpoint-url", emulator.url, "--allow-pending")
    assert cli("apply", "--yes", *live, file).code == 0
    file.write_text(AFTER, encoding="utf-8")
    return folder


def gitlab(job: str, inputs: dict[str, str], folder: Path) -> tuple[int, str]:
    """Run a job of the component in a project: its exit code, and all that it said."""
    header, content = COMPONENT.read_text("utf-8").split("\n---\n")
    declared = yaml.safe_load(header)["spec"]["inputs"]
    values = {name: inputs.get(name, each.get("default", "x")) for name, each in declared.items()}
    text = re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda found: values[found[1]], content)
    jobs: dict[str, Any] = yaml.safe_load(text)
    shared, own = jobs[".reconciler"], jobs[job]
    environment = {
        **os.environ,
        **{name: str(value or "") for name, value in shared["variables"].items()},
        **{name: str(value or "") for name, value in own["variables"].items()},
        "CI_PROJECT_DIR": str(folder),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "RECONCILER_ID_TOKEN": "a token",
    }
    lines = "\n".join([*shared["before_script"], *own["script"]])
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", lines],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_gitlab_counts_the_changes_and_applies_what_was_shown(
    project: Path, emulator: Emulator
) -> None:
    inputs = {
        "paths": "hosts.yaml",
        "region": "eu-west-1",
        "arguments": f"--endpoint-url {emulator.url}",
    }
    code, said = gitlab("reconciler-plan", inputs, project)
    assert code == 0, said
    report = json.loads((project / "terraform.json").read_text("utf-8"))
    assert report == {"create": 0, "update": 1, "delete": 0}
    assert "<testsuites" in (project / "junit.xml").read_text("utf-8")
    code, said = gitlab("reconciler-apply", inputs, project)
    assert code == 7, said
    assert "Apply: 1 applied." in said
    assert list((project / ".reconciler" / "journal").iterdir())
    (project / "hosts.yaml").write_text(AFTER.replace("//b.", "//c."), encoding="utf-8")
    code, said = gitlab("reconciler-apply", inputs, project)
    assert (code, "https://c.example.com" in said) == (6, True), said


@pytest.mark.parametrize("kind", ["file", "link", "link to nothing"])
def test_gitlab_takes_no_journal_that_was_merged(
    kind: str, project: Path, emulator: Emulator
) -> None:
    """The cache is unpacked into the checkout, and what lies there already would be in it."""
    place = project / ".reconciler"
    if kind == "file":
        (place / "journal").mkdir(parents=True)
        (place / "journal" / "a.jsonl").write_text("{}", encoding="utf-8")
    else:
        place.symlink_to(project if kind == "link" else "nowhere")
    inputs = {"paths": "hosts.yaml", "arguments": f"--endpoint-url {emulator.url}"}
    code, said = gitlab("reconciler-plan", inputs, project)
    assert (code, ".reconciler is part of the repository" in said) == (64, True), said
    assert not (project / "plan.json").exists()


def test_gitlab_holds_plans_against_rules_that_lie_elsewhere(
    project: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rules = tmp_path / "RECONCILER_POLICY"  # the name that GitLab gives to a variable's file
    rule = "{id: none, message: nothing is good, expression: 'false'}"
    rules.write_text(f"version: 1\nrules: [{rule}]\n", encoding="utf-8")
    monkeypatch.setenv("RECONCILER_POLICY", str(rules))
    inputs = {"paths": "hosts.yaml", "arguments": f"--endpoint-url {emulator.url}"}
    code, said = gitlab("reconciler-plan", inputs, project)
    assert (code, "nothing is good" in said) == (5, True), said


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container file, with its long lines put together."""
    text = CONTAINER.read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_what_the_container_copies_is_all_that_a_build_needs(tmp_path: Path) -> None:
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY"][:2]
    for name in (name for names in copied for name in names):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    line = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", "made", "."]
    subprocess.run(line, cwd=tmp_path, check=True, capture_output=True)
    assert len(list((tmp_path / "made").glob("reconciler-*.whl"))) == 1


def test_the_container_ends_as_nobody_without_a_shell() -> None:
    found = dict(instructions())  # of several the last one counts
    assert found["USER"] == "65532:65532"
    assert json.loads(found["ENTRYPOINT"]) == ["/opt/reconciler/bin/reconciler"]
    assert [word for word, _ in instructions()].count("FROM") == 2
    assert all(":" in rest.split()[0] for word, rest in instructions() if word == "FROM")


def test_in_the_container_only_the_state_is_written(
    project: Path, emulator: Emulator, tmp_path: Path
) -> None:
    state = tmp_path / "volume"
    settings = dict(re.findall(r"(\w+)=(\S+)", dict(instructions())["ENV"]))
    assert settings.keys() == {"HOME", "PATH", "PYTHONDONTWRITEBYTECODE", "XDG_STATE_HOME"}
    settings |= {"HOME": str(tmp_path / "nobody"), "PATH": str(BIN), "XDG_STATE_HOME": str(state)}
    given = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    words = ("apply", "--yes", "--endpoint-url", emulator.url, "--allow-pending", "hosts.yaml")
    before = set(tmp_path.rglob("*"))
    done = subprocess.run(
        [str(BIN / "reconciler"), *words],
        cwd=project,
        env={**given, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = set(tmp_path.rglob("*")) - before
    assert [path for path in made if not path.is_relative_to(state)] == []
    assert list((state / "reconciler" / "journal").iterdir())
