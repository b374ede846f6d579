"""The pre-commit hook, run by pre-commit itself in a repository of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

GIT = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def run(folder: Path, *line: str, cache: Path | None = None, code: int = 0) -> str:
    environment = {**os.environ, **GIT, "PRE_COMMIT_HOME": str((cache or folder.parent) / "cache")}
    done = subprocess.run(
        line, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def committed(folder: Path) -> str:
    """The folder as a repository; the id of its only commit."""
    for line in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "a")):
        run(folder, "git", *line)
    return run(folder, "git", "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The repository that pre-commit fetches, and the id of its commit."""
    folder = tmp_path_factory.mktemp("hooks") / "hook"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "reconciler", folder / "reconciler")
    return folder, committed(folder)


def project(folder: Path, hook: tuple[Path, str], settings: str = "") -> None:
    """Make a repository of what lies in a folder, with the hook."""
    config = f"repos:\n- repo: {hook[0]}\n  rev: {hook[1]}\n"
    config += f"  hooks: [{{id: reconciler-validate{settings}}}]\n"
    (folder / ".pre-commit-config.yaml").write_text(config, encoding="utf-8")
    committed(folder)


@pytest.fixture
def mine(tmp_path: Path, hook: tuple[Path, str]) -> Path:
    """A repository with files that belong together, and a workflow named like their folder."""
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "examples" / "split", folder / "codeconnections")
    workflow = folder / ".github" / "workflows" / "codeconnections.yml"
    workflow.parent.mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "github" / "codeconnections.yml", workflow)
    project(folder, hook)
    return folder


def checked(folder: Path, cache: Path, *, code: int = 0) -> str:
    """What the hook says of what is staged."""
    return run(folder, sys.executable, "-m", "pre_commit", "run", cache=cache, code=code)


def test_a_file_is_checked_with_those_it_belongs_to(mine: Path, hook: tuple[Path, str]) -> None:
    for name in (".github/workflows/codeconnections.yml", "codeconnections/teams/data.yml"):
        path = mine / name
        path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
        run(mine, "git", "add", name)
        assert "Check CodeConnections files" in checked(mine, hook[0].parent)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("github-main", "github-mian"), encoding="utf-8")
    run(mine, "git", "add", "-A")
    said = checked(mine, hook[0].parent, code=1)
    assert "codeconnections/teams/data.yml:" in said
    assert "did you mean github-main?" in said


def test_an_entry_that_others_refer_to_is_not_deleted(mine: Path, hook: tuple[Path, str]) -> None:
    path = mine / "codeconnections" / "owner.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.partition("connections:")[0], encoding="utf-8")
    run(mine, "git", "add", "-A")
    assert "E042 connection `github-main` is not declared" in checked(mine, hook[0].parent, code=1)


def test_nor_is_the_whole_file_with_it(mine: Path, hook: tuple[Path, str]) -> None:
    """pre-commit names no deleted file to a hook."""
    run(mine, "git", "rm", "-q", "codeconnections/owner.yaml")
    assert "is not declared" in checked(mine, hook[0].parent, code=1)


def test_the_folder_can_be_another(tmp_path: Path, hook: tuple[Path, str]) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(ROOT / "examples" / "quickstart", mine / "infra")
    project(mine, hook, ", args: [infra]")
    path = mine / "infra" / "codeconnections.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("GitHub", "Githup"), encoding="utf-8")
    run(mine, "git", "add", "-A")
    assert "did you mean GitHub?" in checked(mine, hook[0].parent, code=1)
