"""What the command line's tests share: files that can be planned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, Settings
from tests.cli.behind import Behind
from tests.cli.drifted import FILES, World
from tests.cli.hook import Hook, hooked
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
def world(cli: Cli, tmp_path: Path) -> Iterator[World]:
    """Files of every kind, applied; all is as declared."""
    file = tmp_path / "infra" / "codeconnections.yaml"
    file.parent.mkdir()
    file.write_text(FILES, encoding="utf-8")
    with Emulator(Settings(handshake="auto", handshake_seconds=0.0)) as running:
        made = World(cli, running, file)
        assert made.run("apply", "--yes", "--wait").code == 0
        yield made


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


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A server that is told things."""
    with hooked() as running:
        yield running
