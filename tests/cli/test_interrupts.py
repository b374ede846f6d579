"""A signal ends an apply with a report of what was done: real processes, real signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT

APPLY = [
    *(sys.executable, "-m", "reconciler", "apply", "--local", "--local-handshake", "manual"),
    *("--wait", "--yes", "--output", "json", str(ROOT / "examples" / "quickstart")),
]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_waiting_apply_says_what_it_did(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        APPLY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Waiting up to"):
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in err
    statuses = {o["address"]: (o["status"], o["message"]) for o in json.loads(out)["outcomes"]}
    assert statuses == {
        "connection/github-main": ("applied", ""),
        "repository_link/acme/network": ("skipped", "not begun: interrupted"),
        "sync_configuration/network-prod": ("skipped", "not begun: interrupted"),
    }

    # The next run goes on where the signal came, and makes nothing twice.
    approve = [sys.executable, "-m", "reconciler", "emulator", "approve", "connection/github-main"]
    subprocess.run(approve, check=True, capture_output=True)
    again = subprocess.run(APPLY, check=True, capture_output=True, text=True)
    actions = [outcome["address"] for outcome in json.loads(again.stdout)["outcomes"]]
    assert actions == ["repository_link/acme/network", "sync_configuration/network-prod"]
