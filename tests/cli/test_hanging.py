"""`wait --timeout` ends in time although the service takes requests and never answers: a real
process, whose end counts too."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Fault
from tests.cli.terminal import PATIENCE, command, environment
from tests.conftest import Cli

TWO = """version: 1
owner: platform
connections:
- {name: a, provider_type: GitHub}
- {name: b, provider_type: GitHub}
"""


@pytest.mark.parametrize(
    ("operation", "code", "said"),
    [
        ("GetConnection", 7, "connection/a is PENDING"),
        ("ListConnections", 1, "Could not be read"),
    ],
)
def test_a_read_that_hangs_does_not_hold_up_a_wait(
    operation: str, code: int, said: str, emulator: Emulator, cli: Cli
) -> None:
    Path("two.yaml").write_text(TWO, encoding="utf-8")
    where = ("--endpoint-url", emulator.url)
    assert cli("apply", "--yes", "two.yaml", *where).code == 7
    emulator.control.fault(Fault(kind="delay", operation=operation, seconds=15, count=99))
    words = ("wait", "connection/a", "connection/b", "--timeout", "2s", *where)
    begun = time.monotonic()
    done = subprocess.run(
        command(*words),
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=PATIENCE,
    )
    emulator.control.clear_faults()
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True)
    assert time.monotonic() - begun < 12
