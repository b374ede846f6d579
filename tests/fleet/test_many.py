"""Many targets in one run, four of them in trouble: the report says exactly that. More of them:

RECONCILER_TARGETS=1000 pytest -s tests/fleet/test_many.py
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import boto3

from reconciler.emulator import Emulator, Settings
from reconciler.emulator.faults import Fault
from tests.cli.terminal import command, environment

TARGETS = int(os.environ.get("RECONCILER_TARGETS", "60"))
EACH = 10
FAILING, THROTTLED, PENDING = (f"{number:012}" for number in (7, 11, 13))
DENIED = "eu-south-1"
OWN = [{"Key": "reconciler.owner", "Value": "platform"}]


def written(folder: Path) -> Path:
    """A file of targets, all in one Region but one."""
    entries = "".join(f"- {{name: c{number}, provider_type: GitHub}}\n" for number in range(EACH))
    text = f"version: 1\nowner: platform\nconnections:\n{entries}"
    (folder / "declared.yaml").write_text(text, encoding="utf-8")
    head = (
        "version: 1\ndefaults: {role: r, regions: [eu-west-1], paths: [declared.yaml]}\ntargets:\n"
    )
    accounts = [f'- {{account: "{number:012}"}}\n' for number in range(1, TARGETS)]
    accounts.append(f'- {{account: "{TARGETS:012}", regions: [{DENIED}]}}\n')
    file = folder / "targets.yaml"
    file.write_text(head + "".join(accounts), encoding="utf-8")
    return file


def troubled(emulator: Emulator) -> None:
    """What is wrong with four of them."""
    often = 1_000_000
    denied, throttled = "AccessDeniedException", "ThrottlingException"
    for fault in (
        Fault(kind=denied, operation="AssumeRole", account=FAILING, count=often),
        Fault(kind=denied, operation="List*", region=DENIED, count=often),
        Fault(kind=throttled, operation="List*", account=THROTTLED, every=2, count=often),
    ):
        emulator.control.fault(fault)
    waiting = boto3.client(
        "codeconnections",
        endpoint_url=emulator.url,
        region_name="eu-west-1",
        aws_access_key_id=PENDING,
        aws_secret_access_key="x",
    )
    waiting.create_connection(ConnectionName="c0", ProviderType="GitHub", Tags=OWN)


def test_the_report_says_what_is_wrong_where(tmp_path: Path) -> None:
    file = written(tmp_path)
    with Emulator(Settings(handshake="manual")) as emulator:
        troubled(emulator)
        line = command("plan", "--targets", str(file), "--endpoint-url", emulator.url)
        begun = time.monotonic()
        done = subprocess.run(
            [*line, "--output", "json"],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        print(f"\n{TARGETS} targets: {time.monotonic() - begun:.1f} s")
        assert emulator.control.requests(mutating_only=True)[1:] == []  # but the one above
    report = json.loads(done.stdout)
    rows = {row["target"]: row for row in report["targets"]}
    assert report["summary"] == {"ok": TARGETS - 3, "error": 2, "waiting": 1}
    assert (done.returncode, report["code"]) == (1, 1)
    assert report["counts"]["create"] == (TARGETS - 2) * EACH - 1
    assert "cannot be assumed" in rows[FAILING]["message"]
    last = rows[f"{TARGETS:012}"]
    assert any("AccessDeniedException" in text for text in last["details"])
    assert rows[THROTTLED]["state"] == "ok"
    assert any("connection/c0 is PENDING" in text for text in rows[PENDING]["details"])
