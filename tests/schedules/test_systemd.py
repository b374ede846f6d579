"""The systemd units: through systemd's own eyes where it is there, and their commands for real."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from tests.cli.hook import Hook
from tests.repository.test_files import wanted
from tests.schedules.conftest import BIN, SCHEDULES, Applied

UNITS = sorted((SCHEDULES / "systemd").iterdir())
SERVICE, TIMER, TELL = (
    SCHEDULES / "systemd" / f"reconciler-drift{rest}"
    for rest in (".service", ".timer", "-tell@.service")
)
EXPOSURE = 15
"""At most, in tenths, as `systemd-analyze security` rates it: from 0 to 100, and 12 with 252."""


def parsed(path: Path) -> RawConfigParser:
    """A unit; a key that is given twice keeps the last value."""
    unit = RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#", ";"))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text("utf-8").replace("\\\n", " "))
    return unit


def verified(folder: Path) -> subprocess.CompletedProcess[str]:
    """What systemd says of the units in a folder; their program is the one under test."""
    command = [wanted("systemd-analyze"), "verify", "--man=no", *map(str, folder.iterdir())]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rated(service: Path) -> int:
    """The exit code of a rating that must not be above `EXPOSURE`."""
    rate = [wanted("systemd-analyze"), "security", "--offline=true", f"--threshold={EXPOSURE}"]
    done = subprocess.run([*rate, str(service)], capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze is older than 250")
    assert "exposure level" in done.stdout, done.stderr
    return done.returncode


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a program that is there."""
    folder = tmp_path / "units"
    folder.mkdir()
    for path in UNITS:
        text = path.read_text("utf-8").replace("/opt/reconciler/bin", str(BIN))
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


def test_they_belong_together() -> None:
    assert {SERVICE, TIMER, TELL} == set(UNITS)
    assert [parsed(path).sections() for path in (SERVICE, TIMER, TELL)] == [
        ["Unit", "Service"],
        ["Unit", "Timer", "Install"],
        ["Unit", "Service"],
    ]
    told = {parsed(SERVICE)["Unit"][name] for name in ("OnSuccess", "OnFailure")}
    # One name for both would be two callers, and systemd would not say how either ended.
    assert len(told) == 2
    assert {re.sub("@.*[.]", "@.", name) for name in told} == {TELL.name}


def test_findings_are_no_crash() -> None:
    service = parsed(SERVICE)["Service"]
    assert service["SuccessExitStatus"] == "2 7"
    assert service["Type"] == "oneshot", "else nothing bounds how long it takes"
    assert "TimeoutStartSec" in service


def test_systemd_takes_them(units: Path) -> None:
    done = verified(units)
    assert (done.returncode, done.stderr) == (0, "")
    for name, before, after in (
        (SERVICE.name, "ProtectSystem=strict", "ProtectSystem=strictly"),
        (SERVICE.name, "NoNewPrivileges=", "NoNewPrivilege="),
        (SERVICE.name, str(BIN), "/nowhere"),
        (TIMER.name, "*-*-* 06:00", "every morning"),
    ):
        text = (units / name).read_text("utf-8")
        assert before in text
        (units / name).write_text(text.replace(before, after), encoding="utf-8")
        assert verified(units).stderr != "", after
        (units / name).write_text(text, encoding="utf-8")


def test_the_service_is_shut_in(units: Path) -> None:
    assert rated(units / SERVICE.name) == 0
    text = (units / SERVICE.name).read_text("utf-8").replace("DynamicUser=yes", "")
    (units / SERVICE.name).write_text(text, encoding="utf-8")
    assert rated(units / SERVICE.name) == 1


def look(applied: Applied, tmp_path: Path, **more: str) -> tuple[int, str]:
    """Run the command of the service: its exit code, and what goes to the journal. More variables
    are what its file of them holds."""
    command = parsed(SERVICE)["Service"]["ExecStart"]
    assert "/etc/reconciler/connections" in command
    for before, after in (
        ("/opt/reconciler/bin", BIN),
        ("/etc/reconciler/connections", applied.folder),
        ("%S", tmp_path),
    ):
        command = command.replace(before, str(after))
    done = subprocess.run(
        command.split(),
        env={**applied.settings, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_it_looks_and_leaves_a_report(applied: Applied, tmp_path: Path) -> None:
    (tmp_path / parsed(SERVICE)["Service"]["StateDirectory"]).mkdir()
    assert look(applied, tmp_path) == (0, "")
    applied.drift()
    code, said = look(applied, tmp_path)
    assert (code, "connection/main is declared and not there" in said) == (2, True), said
    assert '"missing": 1' in (tmp_path / "reconciler" / "drift.json").read_text("utf-8")


def test_it_remembers_and_tells_a_channel(applied: Applied, tmp_path: Path, hook: Hook) -> None:
    (tmp_path / parsed(SERVICE)["Service"]["StateDirectory"]).mkdir()
    assert parsed(SERVICE)["Service"]["EnvironmentFile"].startswith("-"), "it may be missing"
    variable = re.findall(r"^# (RECONCILER_\w+)=https:", SERVICE.read_text("utf-8"), re.MULTILINE)
    applied.drift()
    told = [look(applied, tmp_path, **dict.fromkeys(variable, hook.url)) for _ in range(2)]
    assert [code for code, _ in told] == [2, 2]
    assert "in 2 runs" in told[1][1]
    assert [body["kind"] for body in hook.bodies] == ["drift"]


def told(tmp_path: Path, **monitor: str) -> list[str]:
    """What is mailed, line by line, when the caller ended like this."""
    tools = tmp_path / "tools"
    shutil.rmtree(tools, ignore_errors=True)
    tools.mkdir()
    for name, script in (
        ("journalctl", '[ "$1" = --sync ] || printf "%s\\n" "$*" "\\$(touch ran) \\`touch ran\\`"'),
        ("mail", f'{{ printf "%s\\n" "$@"; cat; }} >{tools}/mailed'),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tools / name).chmod(0o700)
    line = parsed(TELL)["Service"]["ExecStart"]
    shell, c, script = re.fullmatch(r"(\S+) (-c) '(.*)'", line, re.DOTALL).groups()  # type: ignore[union-attr]
    assert "'" not in script
    assert re.search(r"(?<!\$)\$(?!\$)", script) is None, "systemd's own, and not the shell's"
    script = script.replace("$$", "$").replace("%H", "this.host")
    environment = {f"MONITOR_{name.upper()}": value for name, value in monitor.items()}
    environment["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([shell, c, script], env=environment, cwd=tmp_path, check=True)
    assert not (tmp_path / "ran").exists()
    mailed = tools / "mailed"
    return mailed.read_text("utf-8").splitlines() if mailed.exists() else []


@pytest.mark.parametrize(("result", "status"), [("success", "2"), ("exit-code", "1")])
def test_somebody_is_told(result: str, status: str, tmp_path: Path) -> None:
    lines = told(tmp_path, service_result=result, exit_status=status, invocation_id="ab12")
    assert lines == [
        "-s",
        f"CodeConnections on this.host: {result}, exit code {status}",
        "platform@example.com",
        "--quiet --output=cat _SYSTEMD_INVOCATION_ID=ab12 + INVOCATION_ID=ab12",
        "$(touch ran) `touch ran`",
    ]


def test_nobody_is_told_of_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, service_result="success", exit_status="0", invocation_id="ab12") == []
    # An older code of another run may stand beside a start that failed.
    assert told(tmp_path, service_result="resources", exit_status="0", invocation_id="ab12")
