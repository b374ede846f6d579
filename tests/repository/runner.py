"""Runs jobs of workflows and composite actions the way GitHub's runner does, as far as this
repository's own need it: steps and inputs go in; output, outputs and what was uploaded come out.

What other people's actions do is done by stand-ins, a function for each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

Inputs = Mapping[str, str]
StandIn = Callable[[Inputs], None]
Context = dict[str, Any]
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
"""https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax, on `bash`."""


def loaded(path: Path) -> Any:
    """A YAML file; `on` stays a word."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def evaluated(expression: str, context: Context) -> Any:
    """The value of an expression without brackets; anything else is a mistake here."""
    for sign, combined in (("||", _either), ("&&", _both)):
        first, found, rest = expression.partition(sign)
        if found:
            return combined(evaluated(first, context), evaluated(rest, context))
    for sign, wanted in (("!=", False), ("==", True)):
        first, found, rest = expression.partition(sign)
        if found:
            return (evaluated(first, context) == evaluated(rest, context)) is wanted
    word = expression.strip()
    if word == "always()":
        return True
    if word.startswith("'"):
        return word.strip("'")
    assert re.fullmatch(r"[a-z]+(\.[A-Za-z_-]+)*", word), expression
    value: Any = context
    for name in word.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    return value


def _either(first: Any, second: Any) -> Any:
    return first or second


def _both(first: Any, second: Any) -> Any:
    return first and second


def filled(text: str, context: Context) -> str:
    """A text with the values of its expressions, as text."""
    return EXPRESSION.sub(lambda found: _text(evaluated(found[1], context)), text)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass
class Runner:
    """One job's machine: a workspace, a folder for what is temporary, and an environment."""

    folder: Path
    github: dict[str, Any]
    environment: dict[str, str]
    stand_ins: dict[str, StandIn] = field(default_factory=dict)
    log: str = ""
    """Stdout of every step, one after the other."""
    errors: str = ""
    """Stderr of every step."""
    summary: str = ""
    used: list[str] = field(default_factory=list)
    """Every action, in order."""

    def __post_init__(self) -> None:
        for path in (self.workspace, self.temp):
            path.mkdir(parents=True)
        self.path = [str(Path(sys.executable).parent), *os.environ["PATH"].split(os.pathsep)]

    @property
    def workspace(self) -> Path:
        """Where things are checked out."""
        return self.folder / "workspace"

    @property
    def temp(self) -> Path:
        """Where a job may write what is nobody's."""
        return self.folder / "temp"

    def job(self, job: Any, inputs: Inputs) -> tuple[int, dict[str, str]]:
        """Run a job: the exit code of the step that failed, or 0, and the job's outputs."""
        context: Context = {"inputs": inputs}
        code = self._steps(job["steps"], context, None)
        return code, self._outputs(job.get("outputs", {}), context)

    def action(self, path: Path, given: Inputs) -> tuple[int, dict[str, str]]:
        """Run a composite action."""
        action = loaded(path / "action.yml")
        assert given.keys() <= action["inputs"].keys(), "GitHub would only warn of these"
        context: Context = {"github": self.github}
        inputs = {
            name: filled(given.get(name, settings.get("default", "")), context)
            for name, settings in action["inputs"].items()
        }
        context = {"inputs": inputs}
        code = self._steps(action["runs"]["steps"], context, path)
        outputs = {name: each["value"] for name, each in action.get("outputs", {}).items()}
        return code, self._outputs(outputs, context)

    def _outputs(self, outputs: Mapping[str, str], context: Context) -> dict[str, str]:
        return {name: filled(text, context) for name, text in outputs.items()}

    def _steps(self, steps: Any, context: Context, action: Path | None) -> int:
        context |= {"steps": {}, "github": self.github, "runner": {"temp": str(self.temp)}}
        failed = 0
        for step in steps:
            condition = step.get("if", "")
            if failed and condition != "always()":
                continue
            if condition and not evaluated(condition, context):
                continue
            given = {key: filled(text, context) for key, text in step.get("with", {}).items()}
            if "uses" in step:
                code, outputs = self._used(step["uses"], given)
            else:
                code, outputs = self._run(step, context, action)
            context["steps"][step.get("id", "")] = {"outputs": outputs}
            failed = failed or code
        return failed

    def _used(self, uses: str, given: Inputs) -> tuple[int, dict[str, str]]:
        name = uses.partition("@")[0]
        self.used.append(name)
        if name in self.stand_ins:
            self.stand_ins[name](given)
            return 0, {}
        assert name.startswith("$/"), f"nothing stands in for {name}"
        return self.action(ROOT / name.removeprefix("$/"), given)

    def _run(self, step: Any, context: Context, action: Path | None) -> tuple[int, dict[str, str]]:
        files = {name: self.temp / f"{name}.command" for name in ("OUTPUT", "STEP_SUMMARY", "PATH")}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        environment = {
            **self.environment,
            **{f"GITHUB_{name}": str(file) for name, file in files.items()},
            "GITHUB_WORKSPACE": str(self.workspace),
            "PATH": os.pathsep.join(self.path),
            "RUNNER_TEMP": str(self.temp),
            **({"GITHUB_ACTION_PATH": str(action)} if action else {}),
            **{name: filled(text, context) for name, text in step.get("env", {}).items()},
        }
        assert step["shell"] == "bash"
        done = subprocess.run(
            [*SHELL, step["run"]],
            cwd=self.workspace / step.get("working-directory", "."),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        self.log += done.stdout
        self.errors += done.stderr
        self.summary += files["STEP_SUMMARY"].read_text(encoding="utf-8")
        self.path[:0] = files["PATH"].read_text(encoding="utf-8").split()
        return done.returncode, parsed(files["OUTPUT"].read_text(encoding="utf-8"))


def parsed(text: str) -> dict[str, str]:
    """What a step wrote into its file of outputs."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, _, end = line.partition("<<")
        if end and "=" not in name:
            found[name] = "\n".join(iter(lines.__next__, end))
        else:
            name, sign, value = line.partition("=")
            assert sign, line
            found[name] = value
    return found
