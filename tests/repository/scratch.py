"""A repository with a pull request in it, and the machines that look at it: the runners of a
workflow's jobs, with stand-ins for what GitHub and AWS do."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.repository.runner import Inputs, Runner, loaded

BEFORE = """\
version: 1
owner: the platform
hosts:
- name: ghes
  provider_type: GitHubEnterpriseServer
  provider_endpoint: https://a.example.com
"""
AFTER = BEFORE.replace("//a.", "//b.")
RULES = """\
version: 1
rules:
- id: https-only
  level: mandatory
  message: endpoints are https
  kinds: [host]
  expression: object.provider_endpoint.startsWith("https://")
"""
WORKFLOW = ROOT / ".github" / "workflows" / "reconcile.yml"
GIT = {
    **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "a"),
    **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "a@example.com"),
    **dict.fromkeys(("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"), os.devnull),
}


@dataclass
class Scratch:
    """A repository, and what its runs leave at GitHub."""

    folder: Path
    environment: dict[str, str]
    github: dict[str, Any]
    inputs: dict[str, str]
    artifacts: dict[str, bytes] = field(default_factory=dict)
    caches: dict[str, Path] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self.repository.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.commit({"connections/hosts.yaml": BEFORE, "policies/rules.yaml": RULES})
        self.base = self.git("rev-parse", "HEAD")
        self.git("checkout", "-q", "-b", "change")

    @property
    def repository(self) -> Path:
        """The only clone."""
        return self.folder / "repository"

    def git(self, *words: str) -> str:
        """What a git command says."""
        done = subprocess.run(
            ["git", *words],
            cwd=self.repository,
            env={**os.environ, **GIT},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str]) -> None:
        """Write files and commit them."""
        for name, text in files.items():
            path = self.repository / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change")
        self.github["sha"] = self.git("rev-parse", "HEAD")

    def merged(self) -> None:
        """The branch is merged, and what runs next runs for a push."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "change")
        self.github |= {"event_name": "push", "event": {"repository": {"default_branch": "main"}}}
        Path(self.environment["GITHUB_EVENT_PATH"]).write_text("{}", encoding="utf-8")

    def run(self, job: str) -> tuple[int, dict[str, str], Runner]:
        """Run a job of the workflow on a machine of its own: its exit code and outputs."""
        self.runs += 1
        runner = Runner(self.folder / f"run-{self.runs}", self.github, self.environment)
        runner.stand_ins = {
            "$/.github/actions/install": lambda given: None,  # it is on the PATH already
            "actions/cache/restore": self.restore,
            "actions/cache/save": self.save,
            "actions/checkout": lambda given: self.check_out(runner, given),
            "actions/download-artifact": self.download,
            "actions/upload-artifact": self.upload,
            "aws-actions/configure-aws-credentials": self.assume,
        }
        workflow = loaded(WORKFLOW)
        inputs = {
            name: self.inputs.get(name, settings.get("default", ""))
            for name, settings in workflow["on"]["workflow_call"]["inputs"].items()
        }
        code, outputs = runner.job(workflow["jobs"][job], inputs)
        return code, outputs, runner

    def check_out(self, runner: Runner, given: Inputs) -> None:
        """The tree of a commit, in a folder of the workspace."""
        where = runner.workspace / given["path"]
        where.mkdir()
        archive = subprocess.run(
            ["git", "archive", given.get("ref") or "HEAD"],
            cwd=self.repository,
            capture_output=True,
            check=True,
        )
        subprocess.run(["tar", "-x", "-C", str(where)], input=archive.stdout, check=True)

    def assume(self, given: Inputs) -> None:
        """Nobody checks credentials here; whose they would be is noted."""
        self.roles.append(given["role-to-assume"])

    def upload(self, given: Inputs) -> None:
        """Keep a file."""
        self.artifacts[given["name"]] = Path(given["path"]).read_bytes()

    def download(self, given: Inputs) -> None:
        """Give a file back."""
        Path(given["path"]).mkdir()
        (Path(given["path"]) / "plan.json").write_bytes(self.artifacts[given["name"]])

    def save(self, given: Inputs) -> None:
        """Keep a folder."""
        self.caches[given["key"]] = self.folder / f"cache-{len(self.caches)}"
        shutil.copytree(given["path"], self.caches[given["key"]])

    def restore(self, given: Inputs) -> None:
        """Give the newest folder back whose key begins as asked for, if there is one."""
        for key, kept in reversed(self.caches.items()):
            if key.startswith(given["restore-keys"]):
                shutil.copytree(kept, given["path"])
                return
