"""What happens once the writes are done: the report reaches somebody whatever else goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import boto3

from reconciler.emulator import Control, Emulator
from tests.cli.terminal import command, environment
from tests.conftest import REGION, ROOT, Cli
from tests.test_killed import Proxy

QUICKSTART = ROOT / "examples" / "quickstart"


def test_a_plan_that_nobody_can_read_is_not_carried_out(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command("apply", "--local", "--yes", "--allow-pending", QUICKSTART),
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
    with Control.open(tmp_path / ".reconciler" / "local.db") as control:
        assert control.requests(mutating_only=True) == []


def test_a_reader_that_leaves_early_costs_neither_the_file_nor_the_code(tmp_path: Path) -> None:
    words = ("apply", "--local", "--yes", "--wait=20s", "--output", "json=r.json", QUICKSTART)
    process = subprocess.Popen(
        command(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        cwd=tmp_path,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert {outcome["status"] for outcome in report["outcomes"]} == {"applied"}


def test_a_report_that_cannot_be_written_does_not_hide_the_outcome(cli: Cli) -> None:
    done = cli("apply", "--local", "--yes", "--output", "json=/dev/full", QUICKSTART)
    assert "Apply: 1 applied, 2 deferred." in done.out
    assert done.err.count("/dev/full cannot be written") == 1
    assert done.code == 1


def test_a_signal_during_the_last_look_keeps_the_report(
    desired: Path, emulator: Emulator, tmp_path: Path
) -> None:
    client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
    with Proxy(emulator, client) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{proxy.server_port}"
        words = ("apply", "--yes", "--endpoint-url", url, "--output", "json=r.json", desired)
        process = subprocess.Popen(
            command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd=tmp_path,
        )
        proxy.at_list = (2, lambda: process.send_signal(signal.SIGTERM))
        process.communicate(timeout=60)
        proxy.shutdown()
        thread.join()
    assert process.returncode == 143
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [outcome["status"] for outcome in report["outcomes"]] == ["applied"]


def test_a_name_outside_the_encoding_of_stdout_is_escaped(tmp_path: Path) -> None:
    text = (
        "version: 1\nowner: o\nconnections:\n- {name: na\u00efve \u2603, provider_type: GitHub}\n"
    )
    (tmp_path / "d.yaml").write_text(text, encoding="utf-8")
    done = subprocess.run(
        command("plan", "--local", "d.yaml"),
        capture_output=True,
        env=environment(PYTHONIOENCODING="latin-1"),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0
    assert b"na\xefve \\u2603" in done.stdout


def test_a_local_plan_approves_nothing(cli: Cli) -> None:
    manual = ("--local", "--local-handshake", "manual")
    assert cli("apply", *manual, "--yes", QUICKSTART).code == 7
    planned = cli("plan", "--local", QUICKSTART)
    assert (planned.code, "a simulated person approves" in planned.out) == (7, True)
    link = "repository_link/acme/network"
    assert cli("forget", "--local", "--owner", "platform", "--yes", link).code == 1
    assert cli("destroy", "--local", "--owner", "others", "--yes", QUICKSTART).code == 0
    with Control.open(".reconciler/local.db") as control:
        waiting = control.pending()
    assert [one.name for one in waiting] == ["github-main"]


def test_progress_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = ("apply", "--local", "--yes", "--wait=20s", "--output", "json=r.json", QUICKSTART)
    done = subprocess.run(
        command(*words),
        stdout=subprocess.PIPE,
        stderr=writing,
        env=environment(),
        cwd=tmp_path,
        check=False,
        timeout=60,
    )
    os.close(writing)
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert {outcome["status"] for outcome in report["outcomes"]} == {"applied"}
    assert done.returncode == 0


def test_a_full_disk_behind_stdout_does_not_hide_the_outcome(tmp_path: Path) -> None:
    words = ("apply", "--local", "--yes", "--output", "json", QUICKSTART)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            command(*words),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd=tmp_path,
            check=False,
            timeout=60,
        )
    assert "standard output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    with Control.open(tmp_path / ".reconciler" / "local.db") as control:
        assert len(control.requests(mutating_only=True)) == 1
