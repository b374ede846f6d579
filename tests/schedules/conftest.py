"""What the tests of the ready schedules share: files that are applied, and what undoes that."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from reconciler.emulator import Emulator
from tests.cli.hook import Hook, hooked
from tests.conftest import ROOT, Cli

SCHEDULES = ROOT / "examples" / "schedules"
BIN = Path(sys.executable).parent
FILES = """\
version: 1
owner: platform
connections:
- name: main
  provider_type: GitHub
"""


@dataclass(frozen=True)
class Applied:
    """A folder with files that are as the live objects are."""

    folder: Path
    emulator: Emulator

    @property
    def settings(self) -> dict[str, str]:
        """Whose credentials, and where calls go: what a schedule gets from its surroundings."""
        kept = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return {**kept, "AWS_ENDPOINT_URL": self.emulator.url}

    def drift(self) -> None:
        """Somebody deletes the connection."""
        client = boto3.client("codeconnections", endpoint_url=self.emulator.url)
        (connection,) = client.list_connections()["Connections"]
        client.delete_connection(ConnectionArn=connection["ConnectionArn"])


@pytest.fixture
def applied(emulator: Emulator, cli: Cli, tmp_path: Path) -> Applied:
    """One connection, made and approved."""
    folder = tmp_path / "connections"
    folder.mkdir()
    (folder / "connections.yaml").write_text(FILES, encoding="utf-8")
    live = ("--endpoint-url", emulator.url, "--allow-pending")
    assert cli("apply", "--yes", *live, folder).code == 0
    emulator.control.approve("connection/main")
    return Applied(folder, emulator)


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A server that is told things."""
    with hooked() as running:
        yield running
