"""The scheduled workflow: its very steps, with a `gh` that keeps issues in a file."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.repository.runner import Runner, evaluated, loaded
from tests.repository.test_files import PIN, audited, fits, ran, runs, wanted
from tests.schedules.conftest import FILES, SCHEDULES, Applied

WORKFLOW = SCHEDULES / "github" / "drift.yml"
GH = """\
#!{python}
import json, pathlib, sys
state = pathlib.Path({state!r})
issues = json.loads(state.read_text()) if state.exists() else []
kind, verb, *rest = sys.argv[1:]
options = {{}}
words = []
while rest:
    word = rest.pop(0)
    if word == "--force":
        continue
    if word.startswith("--"):
        options[word] = rest.pop(0)
    else:
        words.append(word)
with open({calls!r}, "a") as calls:
    calls.write(f"{{kind}} {{verb}}\\n")
body = options.get("--body-file")
if (kind, verb) == ("issue", "list"):
    assert (options["--state"], options["--jq"]) == ("open", ".[].number")
    assert options["--app"] == "github-actions"
    found = [one for one in issues if one["open"] and one["label"] == options["--label"]]
    for one in found[: int(options["--limit"])]:
        print(one["number"])
elif (kind, verb) == ("issue", "create"):
    issues.append(dict(number=len(issues) + 1, open=True, label=options["--label"],
                       title=options["--title"], body=open(body).read()))
elif (kind, verb) == ("issue", "edit"):
    issues[int(words[0]) - 1]["body"] = open(body).read()
elif (kind, verb) == ("issue", "close"):
    issues[int(words[0]) - 1] |= dict(open=False, comment=options["--comment"])
else:
    assert (kind, verb) == ("label", "create")
state.write_text(json.dumps(issues))
"""


class Repository:
    """A repository with the files, its issues, and the runs of its workflow."""

    def __init__(self, folder: Path, applied: Applied) -> None:
        self.folder = folder
        self.applied = applied
        self.environment = {
            **applied.settings,
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/infra",
            "GITHUB_RUN_ID": "42",
            "GITHUB_SERVER_URL": "https://github.example.com",
        }
        self.count = 0
        self._state, self._calls = folder / "issues.json", folder / "calls"
        folder.mkdir()
        text = GH.format(python=sys.executable, state=str(self._state), calls=str(self._calls))
        (folder / "gh").write_text(text, encoding="utf-8")
        (folder / "gh").chmod(0o700)

    @property
    def issues(self) -> list[dict[str, Any]]:
        return json.loads(self._state.read_text("utf-8")) if self._state.exists() else []

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text("utf-8").splitlines() if self._calls.exists() else []

    def run(self) -> tuple[int, Runner]:
        """What a morning brings."""
        self.count += 1
        github = {"repository": "acme/infra", "token": "the token"}
        runner = Runner(self.folder / f"run-{self.count}", github, self.environment)
        runner.path.insert(0, str(self.folder))

        def check_out(_: Any) -> None:
            shutil.copytree(self.applied.folder, runner.workspace / "connections")

        nothing: Callable[[Any], None] = lambda given: None  # noqa: E731
        runner.stand_ins = {
            "OWNER/reconciler/.github/actions/install": nothing,
            "actions/checkout": check_out,
            "aws-actions/configure-aws-credentials": nothing,
        }
        code, _ = runner.job(loaded(WORKFLOW)["jobs"]["drift"], {})
        return code, runner


@pytest.fixture
def repository(applied: Applied, tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository", applied)


def test_it_fits_its_schema_and_zizmor_finds_nothing(tmp_path: Path) -> None:
    assert fits("github-workflows", WORKFLOW).returncode == 0
    done = audited(WORKFLOW)
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / ".github" / "workflows" / "wrong.yml"
    wrong.parent.mkdir(parents=True)
    for before, after in (
        ("persist-credentials: false", "persist-credentials: true"),
        ('exit "$CODE"', "echo ${{ github.event.issue.title }}"),
        ("permissions: {}", "permissions: write-all"),
    ):
        text = WORKFLOW.read_text("utf-8")
        assert before in text
        wrong.write_text(text.replace(before, after), encoding="utf-8")
        assert audited(wrong).returncode > 10, after
    wrong.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert fits("github-workflows", wrong).returncode == 1


def test_it_is_pinned_and_may_do_no_more_than_it_has_to() -> None:
    first, *others = re.findall(r"uses: (.*)$", WORKFLOW.read_text("utf-8"), re.MULTILINE)
    assert first == f"OWNER/reconciler/.github/actions/install@{'0' * 40}"
    assert [one for one in others if PIN.fullmatch(one) is None] == []
    workflow = loaded(WORKFLOW)
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "id-token": "write", "issues": "write"}
    for ref, expected in (("main", True), ("change", False)):
        github = {"ref_name": ref, "event": {"repository": {"default_branch": "main"}}}
        assert evaluated(job["if"], {"github": github}) is expected


def test_its_scripts_are_bash_and_take_no_value_from_outside() -> None:
    scripts = list(runs(loaded(WORKFLOW)))
    assert len(scripts) == 2
    for text in scripts:
        assert "${{" not in text
        assert ran("bash", "-n", "-c", text).returncode == 0


def test_actionlint_finds_nothing() -> None:
    done = ran(wanted("actionlint"), "-no-color", WORKFLOW)
    assert done.returncode == 0, done.stdout


def test_an_issue_is_opened_kept_up_to_date_and_closed(
    repository: Repository, applied: Applied
) -> None:
    assert repository.run()[0] == 0
    assert repository.calls == ["issue list"]
    applied.drift()
    code, runner = repository.run()
    assert code == 0, runner.log + runner.errors
    (issue,) = repository.issues
    assert issue["open"]
    assert "`connection/main is declared and not there`" in issue["body"]
    log = "(https://github.example.com/acme/infra/actions/runs/42)"
    assert issue["body"].endswith(f"\n[Log]{log}\n")
    more = FILES + "- name: other\n  provider_type: GitHub\n"
    file = applied.folder / "connections.yaml"
    file.write_text(more, encoding="utf-8")
    assert repository.run()[0] == 0
    (issue,) = repository.issues
    assert "`connection/other is declared and not there`" in issue["body"]
    file.write_text("version: 1\nowner: platform\n", encoding="utf-8")
    code, runner = repository.run()
    assert code == 0, runner.log + runner.errors
    (issue,) = repository.issues
    assert not issue["open"]
    assert "All is as declared again" in issue["comment"]
    file.write_text(more, encoding="utf-8")
    assert repository.run()[0] == 0
    assert [one["open"] for one in repository.issues] == [False, True]


def test_a_look_that_was_none_fails_and_leaves_the_issue(
    repository: Repository, applied: Applied
) -> None:
    applied.drift()
    assert repository.run()[0] == 0
    before = repository.issues
    (applied.folder / "connections.yaml").write_text(FILES + "colour: red\n", encoding="utf-8")
    assert repository.run()[0] == 1
    assert repository.issues == before
    assert repository.calls[-1] == "issue create"


def test_hostile_texts_are_text(repository: Repository, applied: Applied) -> None:
    client = boto3.client("codeconnections", endpoint_url=applied.emulator.url)
    (connection,) = client.list_connections()["Connections"]
    tags = [{"Key": "::error::x", "Value": "[a](https://evil.example.com) @all `$(touch ran)`"}]
    client.tag_resource(ResourceArn=connection["ConnectionArn"], Tags=tags)
    client.create_connection(ConnectionName="`touch ran`$(touch ran)\"'; x", ProviderType="GitHub")
    file = applied.folder / "connections.yaml"
    file.write_text(f"{FILES}  tags: {{b: c}}\n", encoding="utf-8")
    code, runner = repository.run()
    assert code == 0, runner.log + runner.errors
    (issue,) = repository.issues
    assert issue["title"] == "CodeConnections differ from the files"
    assert "touch ran" in issue["body"]
    assert list(repository.folder.rglob("ran")) == []
    assert not any(line.startswith("::error::x") for line in runner.log.splitlines())
