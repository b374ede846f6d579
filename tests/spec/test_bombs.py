"""Files made to hang or kill their reader are refused at once, with little memory and short lines.

The bounds are far above what is measured, for busy machines. The figures themselves:

    python -m tests.spec.measure_bombs
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.spec.bombs import bombs

SECONDS = 3.0
MEGABYTES = 200
LINE = 1_300
"""The longest line: some 1,000 characters of it are an id."""
CODES = {name: code for name, code, _ in bombs()}


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """What became of each bomb; a process without threads can fork, this one may have some."""
    command = [sys.executable, "-m", "tests.spec.measure_bombs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", CODES)
def test_a_bomb_is_refused_at_once(name: str, measured: dict[str, Any]) -> None:
    row = measured[name]
    assert "died" not in row
    print(f"{row['seconds'] * 1000:.1f} ms, {row['megabytes']} MB: {row['first']}")
    assert row["codes"] == [] if CODES[name] == "" else CODES[name] in row["codes"]
    assert row["seconds"] < SECONDS
    assert row["megabytes"] < MEGABYTES
    assert row["longest"] < LINE
    assert row["printable"]
