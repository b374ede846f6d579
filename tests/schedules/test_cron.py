"""The crontab: its form, and its very command with nothing but the environment that it sets; and
what the comments of every schedule tell to run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.hook import Hook
from tests.conftest import ROOT, Cli
from tests.schedules.conftest import BIN, SCHEDULES, Applied

CRONTAB = SCHEDULES / "cron" / "reconciler"
FOLDER = "/etc/reconciler/connections"
COMMAND = re.compile(r"`reconciler ([^`]* [^`]*)`")
"""What is said in code to run; `reconciler drift` alone is only named."""
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
"""https://man7.org/linux/man-pages/man5/crontab.5.html"""


def parsed(text: str) -> tuple[dict[str, str], list[str], str, str]:
    """The settings, and the times, the user and the command of the one job."""
    settings: dict[str, str] = {}
    jobs: list[list[str]] = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if setting := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            assert not jobs, f"{line} is not set for the job above it"
            settings[setting[1]] = setting[2]
        else:
            jobs.append(line.split(maxsplit=6))
    (job,) = jobs
    return settings, job[:5], job[5], job[6]


def test_it_is_a_system_crontab() -> None:
    text = CRONTAB.read_text("utf-8")
    assert text.endswith("\n"), "cron leaves a file without it alone"
    settings, times, user, command = parsed(text)
    for time, (least, most) in zip(times, RANGES, strict=True):
        assert time == "*" or least <= int(time) <= most
    assert times[0] not in ("*", "0")
    assert user == "reconciler"
    assert "%" not in command
    assert settings.keys() == {"SHELL", "PATH", "MAILTO", "AWS_CONFIG_FILE"}


def test_what_comments_tell_to_run_can_be_run(cli: Cli, applied: Applied) -> None:
    """Commands of this program, by themselves; test_lambda.py runs the longer ones."""
    files = [path for path in SCHEDULES.rglob("*") if path.is_file()]
    told = [found for path in files for found in COMMAND.findall(path.read_text("utf-8"))]
    assert len(told) >= 5
    for words in told:
        assert cli(*words.replace(FOLDER, "connections").split()).code == 0, words
    for path in files:
        lines = re.findall(r"^# {3,}(\S.*)", path.read_text("utf-8"), re.MULTILINE)
        assert not lines or path.name == "template.yaml", (path, lines)


def test_the_readme_names_every_schedule() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    linked = re.findall(r"\(examples/schedules/(\S+)\)", text)
    assert all((SCHEDULES / path).exists() for path in linked)
    assert {path.split("/")[0] for path in linked} == {path.name for path in SCHEDULES.iterdir()}


@pytest.fixture
def environment(applied: Applied, tmp_path: Path) -> dict[str, str]:
    """What the crontab sets, with its folders moved to this test's."""
    settings = parsed(CRONTAB.read_text("utf-8"))[0]
    config = tmp_path / "aws.config"
    assert settings["AWS_CONFIG_FILE"] == "/etc/reconciler/aws.config"
    lines = [
        "[default]",
        f"aws_access_key_id = {applied.settings['AWS_ACCESS_KEY_ID']}",
        "aws_secret_access_key = secret",
        f"endpoint_url = {applied.emulator.url}",
    ]
    config.write_text("\n".join(lines), encoding="utf-8")
    path = settings["PATH"].replace("/opt/reconciler/bin", str(BIN))
    return {**settings, "AWS_CONFIG_FILE": str(config), "PATH": path, "HOME": str(tmp_path)}


def mail(environment: dict[str, str], folder: Path) -> tuple[int, str]:
    """The exit code, and what cron would send; nothing is no mail."""
    settings, _, _, command = parsed(CRONTAB.read_text("utf-8"))
    assert FOLDER in command
    done = subprocess.run(
        [settings["SHELL"], "-c", command.replace(FOLDER, str(folder))],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_mail_comes_when_there_is_something_to_say(
    applied: Applied, environment: dict[str, str]
) -> None:
    assert mail(environment, applied.folder) == (0, "")
    applied.drift()
    code, said = mail(environment, applied.folder)
    assert (code, "connection/main is declared and not there" in said) == (2, True), said


def test_a_mail_comes_when_it_could_not_look(applied: Applied, environment: dict[str, str]) -> None:
    code, said = mail({**environment, "AWS_CONFIG_FILE": "/nowhere"}, applied.folder)
    assert (code, "Error: " in said) == (1, True), said


def test_a_channel_can_be_told_beside_the_mail(
    applied: Applied, environment: dict[str, str], hook: Hook, tmp_path: Path
) -> None:
    """With the lines that are comments."""
    lines = re.findall(r"^#(RECONCILER_\w+)=(.*)$", CRONTAB.read_text("utf-8"), re.MULTILINE)
    assert [name for name, _ in lines] == ["RECONCILER_HISTORY", "RECONCILER_NOTIFY"]
    environment |= {lines[0][0]: str(tmp_path / "drift.db"), lines[1][0]: hook.url}
    applied.drift()
    assert [mail(environment, applied.folder)[0] for _ in range(2)] == [2, 2]
    file = applied.folder / "connections.yaml"
    file.write_text("version: 2\n", encoding="utf-8")
    assert [mail(environment, applied.folder)[0] for _ in range(2)] == [1, 1]
    assert [body["kind"] for body in hook.bodies] == ["drift", "failure"]
