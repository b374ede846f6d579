"""Looking for drift again and again in one process costs no memory and no file handles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Settings
from tests.cli.drifted import FILES
from tests.conftest import Cli

CYCLES = int(os.environ.get("RECONCILER_CYCLES", "60"))
SCRIPT = """
import contextlib, gc, io, json, os, sys
from reconciler.cli.main import run

def size():
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))

arguments, cycles = sys.argv[2:], int(sys.argv[1])
for number in range(cycles):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = run(arguments)
    assert (code, out.getvalue()) == (0, ""), (code, out.getvalue())
    if number == cycles // 3:
        before = size()
print(json.dumps([before, size()]))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no /proc")
def test_memory_and_handles_stay_flat(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(FILES, encoding="utf-8")
    with Emulator(Settings(handshake_seconds=0.0)) as running:
        where = ("--endpoint-url", running.url, str(file))
        assert cli("apply", "--yes", "--wait", *where).code == 0
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(CYCLES), "drift", *where],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    (memory_before, handles_before), (memory, handles) = json.loads(done.stdout)
    assert handles <= handles_before
    assert memory <= memory_before * 1.05, (memory_before, memory)
