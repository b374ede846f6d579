"""Runs programs side by side: commands go in, what each cost comes out.

Each round runs every command once, in turn, so that a machine that slows down slows all of them.
This module imports nothing big: what a process begins with counts as its child's peak memory.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tests.benchmarks.world import REGION, World

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = Path(sys.executable).parent
RECONCILER = str(SCRIPTS / "reconciler")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a command: wall and CPU seconds, peak bytes, exit code and output."""

    seconds: float
    cpu: float
    memory: int
    code: int
    out: str

    @property
    def json(self) -> Any:
        """The output as the JSON document it is."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Samples:
    """The runs of one command, one a round."""

    runs: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        """The median of the wall times."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def memory(self) -> int:
        """The most memory that any run took, in bytes."""
        return max(run.memory for run in self.runs)

    def over(self, other: Samples) -> float:
        """The median over the rounds of how many times as long this took as the other did."""
        pairs = zip(self.runs, other.runs, strict=True)
        return statistics.median(own.seconds / its.seconds for own, its in pairs)


def environment(**more: str) -> dict[str, str]:
    """The environment of every command: no settings of the user's, no login but a made-up one, and
    Python keeps what it has compiled, as it does unless it is told otherwise."""
    others = ("AWS_", "PYTHON", "RECONCILER_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    made_up = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_CLI_CONFIG_FILE": os.devnull,
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": tempfile.gettempdir(),
    }
    return {**kept, **made_up, **more}


def run(command: Sequence[str], *, cwd: Path = ROOT, codes: Sequence[int] = (0,)) -> Sample:
    """Run a command to its end, which has to be one of the exit codes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text = out.read().decode(errors="replace")
        if code not in codes:
            said = (text + err.read().decode(errors="replace"))[-2000:]
            raise SystemExit(f"{' '.join(command)} exited with {code}:\n{said}")
    cpu = usage.ru_utime + usage.ru_stime
    return Sample(seconds, cpu, usage.ru_maxrss * 1024, code, text)


def interleaved(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Samples]:
    """Run every command once a round, after one round that does not count."""
    for command in commands.values():
        run(command)
    found: dict[str, list[Sample]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(run(command))
    return {name: Samples(tuple(runs)) for name, runs in found.items()}


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module of this folder."""
    return [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]


@dataclass(frozen=True, slots=True)
class Server:
    """A running canned service."""

    url: str

    def counted(self) -> dict[str, int]:
        """The calls of each operation since the last look, those that were throttled apart."""
        import urllib.request  # half of what a small process imports

        with urllib.request.urlopen(self.url, timeout=10) as reply:
            counts: dict[str, int] = json.load(reply)
        return counts


@contextmanager
def serving(world: World, *more: object) -> Iterator[Server]:
    """A canned service with this account for as long as the block runs."""
    options = [f"--{f.name}={getattr(world, f.name)}" for f in fields(world)]
    command = python("server", *options, *more)
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        server = Server(process.stdout.readline().decode().strip())
        server.counted()
        yield server
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def files(world: World) -> Iterator[str]:
    """A file that declares this account for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "desired.yaml")
        path.write_text(world.document(), encoding="utf-8")
        yield str(path)


def plan(url: str, path: str) -> list[str]:
    """The command that plans a file against a service."""
    return [RECONCILER, "plan", "--endpoint-url", url, path]
