"""Somebody else acts at the same time: what went stale is refused, what doubled is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import boto3

from reconciler.emulator import Emulator
from tests.cli.terminal import command, environment, on_terminal
from tests.conftest import REGION


def test_a_plan_that_went_stale_at_the_prompt_is_not_carried_out(
    desired: Path, emulator: Emulator
) -> None:
    def meanwhile() -> None:
        client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
        client.create_connection(ConnectionName="main", ProviderType="GitHub")

    shown = on_terminal(
        "apply", desired, "--endpoint-url", emulator.url, answer="y\n", before=meanwhile
    )
    assert shown.code == 6
    assert "changed while you were asked" in shown.shown
    assert len(emulator.control.requests(mutating_only=True)) == 1


def test_two_applies_at_once_do_not_both_report_success(desired: Path, tmp_path: Path) -> None:
    entries = "".join(f"- {{name: c{n}, provider_type: GitHub}}\n" for n in range(30))
    desired.write_text(desired.read_text(encoding="utf-8") + entries, encoding="utf-8")
    words = ("apply", "--local", "--local-store", "both.db", "--yes", "--allow-pending", desired)
    running = [
        subprocess.Popen(
            command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
            cwd=tmp_path,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in running]
    doubled = [text for text in said if "2 live objects have this name" in text]
    codes = [process.returncode for process in running]
    # Whichever way they fell: what now exists twice, the later one has told and not called done.
    listed = subprocess.run(
        command("plan", *words[1:4], "--allow-pending", desired),
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        cwd=tmp_path,
    )
    assert ("2 live objects" in listed.stdout) == bool(doubled)
    assert bool(doubled) == (codes != [0, 0])
