"""What the tests share: a running emulator, clients of it, and the command line in this process."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.emulator import Emulator, Settings
from tests.recorded import Log

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ROOT = Path(__file__).parent.parent


LONGEST = ("test_state_machine.py", "test_hostile_service.py", "test_secrets.py", "test_unblock.py")
"""The files that take longest, which nobody should wait for at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """More workers than cores: a third of the time tests wait for something to happen."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@dataclass(frozen=True)
class Result:
    """What a command line left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as the JSON document it is."""
        return json.loads(self.out)


Cli = Callable[..., Result]


# A shell starts background jobs with SIGINT ignored, and `nohup` all that it runs with SIGHUP.
# Processes that tests start inherit that, and the program leaves it so.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A CodeConnections in memory whose handshakes wait for the test to approve them."""
    with Emulator(Settings(handshake="manual")) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No AWS or program settings of the machine reach a test, and no test writes into the tree."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "RECONCILER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("RECONCILER_SETTLE", "0.2")  # nothing shows up late in the emulator
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def recorded() -> Log:
    """What the command lines of the test have sent."""
    return Log()


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, recorded: Log) -> Cli:
    """Runs a command line in this process; `stdin` is what is piped into it. What it sends has to
    be what `specs/operations.yaml` says of it."""

    def call(*arguments: str | Path, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        recorded.check([str(argument) for argument in arguments])
        return Result(code, out, err)

    return call
