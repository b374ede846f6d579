"""What lies here for CI systems and containers, through the linters and schemas of others; each
check is shown something that it must refuse."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.repository.runner import loaded

GITHUB = ROOT / ".github"
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
CALLER = ROOT / "examples" / "github" / "codeconnections.yml"
WORKFLOWS = [*sorted((GITHUB / "workflows").glob("*.yml")), CALLER]
COMPONENT = ROOT / "examples" / "gitlab" / "templates" / "reconcile.yml"
INCLUDED = ROOT / "examples" / "gitlab" / "caller.gitlab-ci.yml"
CONTAINER = ROOT / "examples" / "container" / "Containerfile"
PIN = re.compile(r"(?:[\w.-]+/)+[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def ran(*command: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def script(name: str) -> str:
    """A tool of the test extra."""
    return str(Path(sys.executable).with_name(name))


def fits(schema: str, *files: Path) -> subprocess.CompletedProcess[str]:
    words = (script("check-jsonschema"), "--builtin-schema", f"vendor.{schema}")
    return ran(*words, *files)


def audited(*files: Path) -> subprocess.CompletedProcess[str]:
    """What zizmor says, without asking anybody; .github/zizmor.yml holds what is answered."""
    config = GITHUB / "zizmor.yml"
    return ran(
        script("zizmor"), "--offline", "--no-progress", "--persona=auditor", *files, "-c", config
    )


def wanted(tool: str) -> str:
    """A tool that is not part of the test extra, where somebody has put it on the PATH."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not on the PATH")
    return found


def runs(content: Any) -> Iterator[str]:
    """Every `run:` of a workflow or an action."""
    if isinstance(content, dict):
        if "run" in content:
            yield content["run"]
        for value in content.values():
            yield from runs(value)
    elif isinstance(content, list):
        for value in content:
            yield from runs(value)


def test_there_is_something_to_check() -> None:
    assert [path.parent.name for path in ACTIONS] == ["check", "install"]
    assert [path.name for path in WORKFLOWS] == ["reconcile.yml", "codeconnections.yml"]
    assert sum(len(list(runs(loaded(path)))) for path in (*ACTIONS, *WORKFLOWS)) == 6


def test_they_fit_their_schemas(tmp_path: Path) -> None:
    assert fits("github-actions", *ACTIONS).returncode == 0
    assert fits("github-workflows", *WORKFLOWS).returncode == 0
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text("utf-8").replace("runs-on:", "run-on:"), "utf-8")
    assert fits("github-workflows", wrong).returncode == 1
    wrong.write_text(ACTIONS[0].read_text("utf-8").replace("using:", "use:"), "utf-8")
    assert fits("github-actions", wrong).returncode == 1


def test_the_component_fits_its_schema(tmp_path: Path) -> None:
    parts = [INCLUDED]
    for number, part in enumerate(yaml.safe_load_all(COMPONENT.read_text("utf-8"))):
        parts.append(tmp_path / f"{number}.yml")
        parts[-1].write_text(yaml.safe_dump(part), "utf-8")
    assert len(parts) == 3
    done = fits("gitlab-ci", *parts)
    assert done.returncode == 0, done.stdout
    parts[-1].write_text(
        parts[-1].read_text("utf-8").replace("when: manual", "when: asked"), "utf-8"
    )
    assert fits("gitlab-ci", *parts).returncode == 1


def test_every_input_of_the_component_is_used_and_declared() -> None:
    header, _, jobs = COMPONENT.read_text("utf-8").partition("\n---\n")
    declared = yaml.safe_load(header)["spec"]["inputs"]
    assert set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", jobs)) == declared.keys()
    assert jobs.count("$[[") == len(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", jobs))
    given = yaml.safe_load(INCLUDED.read_text("utf-8"))["include"][0]["inputs"]
    needed = {name for name, settings in declared.items() if "default" not in settings}
    assert given.keys() == needed


def test_the_caller_gives_what_the_workflow_needs() -> None:
    inputs = loaded(WORKFLOWS[0])["on"]["workflow_call"]["inputs"]
    (job,) = loaded(CALLER)["jobs"].values()
    assert job["uses"].partition("@")[0] == "OWNER/reconciler/.github/workflows/reconcile.yml"
    needed = {name for name, settings in inputs.items() if settings.get("required") == "true"}
    assert needed <= job["with"].keys() <= inputs.keys()
    granted: dict[str, str] = {}
    for each in loaded(WORKFLOWS[0])["jobs"].values():
        granted |= each["permissions"]
    assert job["permissions"] == granted


def test_the_readme_calls_it_as_the_example_does() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (shown,) = (block for block in blocks if "OWNER/" in block)
    expected = loaded(CALLER)["jobs"]
    expected["reconcile"]["uses"] = expected["reconcile"]["uses"].replace("0" * 40, "SHA")
    assert yaml.load(shown, Loader=yaml.BaseLoader)["jobs"] == expected


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    done = audited(*ACTIONS, *WORKFLOWS)
    assert done.returncode == 0, done.stdout
    for before, after in (
        ("persist-credentials: false", "persist-credentials: true"),
        ("permissions: {}", "permissions: write-all"),
        ("printf 'base/%s\\n' \"$word\"", "echo ${{ github.head_ref }}"),
        ("@de0fac2e4500dabe0009e67214ff5f5447ce83dd", "@v6"),
    ):
        text = WORKFLOWS[0].read_text("utf-8")
        assert before in text
        wrong = tmp_path / ".github" / "workflows" / "wrong.yml"
        wrong.parent.mkdir(parents=True, exist_ok=True)
        wrong.write_text(text.replace(before, after), "utf-8")
        assert audited(wrong).returncode > 10, after


@pytest.mark.parametrize("path", [*ACTIONS, *WORKFLOWS], ids=lambda path: path.name)
def test_every_action_is_pinned_and_says_to_what(path: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text("utf-8"), re.MULTILINE)
    others = [one for one in used if not one.startswith("$/")]
    if path == CALLER:  # a place for the reader's own pin, which pins nothing by mistake
        assert [one.partition("@")[2] for one in others] == ["0" * 40]
    else:
        assert [one for one in others if PIN.fullmatch(one) is None] == []
        assert len(others) == len(set(others)) or path == WORKFLOWS[0]
    assert all((ROOT / one.removeprefix("$/")).is_dir() for one in used if one not in others)


def test_one_version_of_each_action_is_used() -> None:
    text = "".join(path.read_text("utf-8") for path in (*ACTIONS, WORKFLOWS[0]))
    pins = set(re.findall(r"uses: ([\w/-]+)@([0-9a-f]{40} # .*)$", text, re.MULTILINE))
    repositories = {("/".join(name.split("/")[:2]), pin) for name, pin in pins}
    assert len({name for name, _ in repositories}) == len(repositories) == 6


@pytest.mark.parametrize("path", [*ACTIONS, *WORKFLOWS], ids=lambda path: path.name)
def test_every_script_is_bash_and_takes_no_value_from_outside(path: Path) -> None:
    for text in runs(loaded(path)):
        assert "${{" not in text
        done = ran("bash", "-n", "-c", text)
        assert (done.returncode, done.stderr) == (0, "")


def test_what_is_no_package_is_typed_too(tmp_path: Path) -> None:
    # With the settings for everything else, which do not list it.
    script = GITHUB / "actions" / "check" / "comment.py"
    handler = ROOT / "examples" / "schedules" / "lambda" / "handler.py"
    done = ran(sys.executable, "-m", "mypy", f"--cache-dir={tmp_path}", script, handler)
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing() -> None:
    # What is younger than the last actionlint is the only thing it may not know.
    unknown = r'specifying action "\$/|label "ubuntu-'
    done = ran(wanted("actionlint"), "-no-color", "-ignore", unknown, *WORKFLOWS)
    assert done.returncode == 0, done.stdout


def test_hadolint_finds_nothing() -> None:
    done = ran(wanted("hadolint"), "--no-color", CONTAINER)
    assert done.returncode == 0, done.stdout
