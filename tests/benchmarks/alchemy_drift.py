"""A look at connections beside alchemy (https://alchemy.run), the other tool that knows all four
kinds: goal 11. Both look at a local CodeConnections, each at a Region that it has filled itself.

    npm install --no-package-lock --prefix tests/benchmarks/alchemy
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.processes import RECONCILER, environment, files, interleaved, run
from tests.benchmarks.results import Line
from tests.benchmarks.startup import beside
from tests.benchmarks.world import ACCOUNT, World

HERE = Path(__file__).parent / "alchemy"
SCRIPTS = HERE / "node_modules" / ".bin"
WHAT, ANCHOR = "plan of {} connections", "alchemy drift of them"


def connections(rounds: int) -> Iterator[Line]:
    """Goal 11."""
    for count in (100, 250):  # a Region takes no more
        what = WHAT.format(count)
        if not (SCRIPTS / "alchemy").exists():
            yield Line("11", what, ANCHOR, None, 0.5)
            continue
        with emulator() as url, theirs(url, count) as drift, ours(url, count) as plan:
            took = interleaved({"ours": plan, "theirs": drift}, 2 * rounds)
        own, its = took["ours"], took["theirs"]
        yield beside("11", what, 0.5, (own, its), ANCHOR)
        yield Line("11", "its memory", ANCHOR, own.memory / its.memory, 0.25)


@contextmanager
def emulator() -> Iterator[str]:
    """The address of an empty local CodeConnections, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        command = [RECONCILER, "emulator", "serve", "--port", "0", "--handshake", "auto"]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


@contextmanager
def ours(url: str, count: int) -> Iterator[list[str]]:
    """The command that looks at that many connections, which are there."""
    with files(World(connections=count)) as path:
        there = ["--endpoint-url", url, "--region", "eu-central-1", path]
        run([RECONCILER, "apply", "--yes", "--settle", "0", "--wait", *there])
        yield [RECONCILER, "plan", *there]


@contextmanager
def theirs(url: str, count: int) -> Iterator[list[str]]:
    """The command of alchemy that looks at as many, which are there."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "PATH": f"{SCRIPTS}:/usr/bin:/bin",
            "CI": "1",
            "DO_NOT_TRACK": "1",
            "ALCHEMY_TELEMETRY_DISABLED": "1",
            "AWS_ACCOUNT_ID": ACCOUNT,
            "AWS_ENDPOINT_URL": url,
            "COUNT": str(count),
        }
        there = ["env", f"--chdir={folder}", *(f"{k}={v}" for k, v in settings.items()), "alchemy"]
        stack = ["--no-input", "--stage", "bench", "-c", str(HERE / "alchemy.run.ts")]
        run([*there, "deploy", "--yes", *stack])
        yield [*there, "drift", *stack]
