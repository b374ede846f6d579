"""The pre-commit hook, run by pre-commit itself in a repository of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

GIT = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def run(folder: Path, *line: str, code: int = 0) -> str:
    environment = {**os.environ, **GIT, "PRE_COMMIT_HOME": str(folder.parent / "cache")}
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


def test_a_wrong_file_is_not_committed(tmp_path: Path) -> None:
    hook, mine = tmp_path / "hook", tmp_path / "mine"
    hook.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, hook)
    shutil.copytree(ROOT / "reconciler", hook / "reconciler")
    shutil.copytree(ROOT / "examples" / "quickstart", mine)
    config = f"repos:\n- repo: {hook}\n  rev: {committed(hook)}\n"
    config += "  hooks: [{id: reconciler-validate}]\n"
    (mine / ".pre-commit-config.yaml").write_text(config, encoding="utf-8")
    committed(mine)
    line = (sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert "Check CodeConnections files" in run(mine, *line)
    path = mine / "codeconnections.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("GitHub", "Githup"), encoding="utf-8")
    said = run(mine, *line, code=1)
    assert "codeconnections.yaml:" in said
    assert "did you mean GitHub?" in said
