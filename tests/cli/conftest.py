"""What the command line's tests share: files that can be planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.emulator import Emulator
from tests.cli.behind import Behind
from tests.conftest import Cli, Result

DESIRED = """version: 1
owner: platform
connections:
- {name: main, provider_type: GitHub}
"""


@pytest.fixture
def desired(tmp_path: Path) -> Path:
    """A file with one connection."""
    path = tmp_path / "desired.yaml"
    path.write_text(DESIRED, encoding="utf-8")
    return path


@pytest.fixture
def behind(emulator: Emulator) -> Behind:
    """Somebody else's client of the emulator."""
    return Behind(emulator)


@pytest.fixture
def run(emulator: Emulator, cli: Cli) -> Cli:
    """A command line against the emulator."""

    def call(command: str | Path, *words: str | Path, stdin: str = "") -> Result:
        return cli(command, "--endpoint-url", emulator.url, *words, stdin=stdin)

    return call
