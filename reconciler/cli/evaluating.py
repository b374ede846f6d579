"""Evaluates rules in a process of their own, which is ended when one of them takes too long. Jobs
go in, what their expressions are not true of comes out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import Any

import click

from reconciler.errors import ReconcilerError
from reconciler.policy.cel import Evaluator, Facts, Failed, Job

SECONDS = 1.0
"""How long one rule may take,"""
SECONDS_EACH = 0.002
"""and how much longer for each object or change of the plan."""
STARTING = 60.0
"""How long the process may take to be ready."""
# In the working folder, somebody else's repository, no module is looked for.
COMMAND = (sys.executable, "-P", "-m", "reconciler.cli.evaluating")


def evaluated(jobs: Sequence[Job], facts: Facts) -> Iterator[list[Failed]]:
    """What each expression is not true of: all it is about, when that takes too long to tell.

    Raises `ReconcilerError` when the process dies.
    """
    seconds = SECONDS + SECONDS_EACH * max(map(len, facts.things.values()))
    left = list(jobs)
    while left:
        done = 0
        for answer in _answers(left, facts, seconds):
            done += 1
            yield answer
        del left[:done]
        if left:
            del left[0]
            yield [(None, f"the rule takes longer than {seconds:.1f} s")]


def _answers(jobs: Sequence[Job], facts: Facts, seconds: float) -> Iterator[list[Failed]]:
    """The answers that come in time."""
    given = {
        "seconds": seconds,
        "things": facts.things,
        "shared": facts.shared,
        "jobs": [[job.expression, job.variable, list(job.numbers)] for job in jobs],
    }
    lines: SimpleQueue[bytes] = SimpleQueue()
    with TemporaryFile() as file:
        file.write(json.dumps(given).encode())
        file.seek(0)
        process = subprocess.Popen(  # noqa: S603
            COMMAND, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    reading = Thread(target=_forward, args=(process, lines), daemon=True)
    with process:
        reading.start()
        try:
            _next(lines, STARTING)
            for _ in jobs:
                yield [(number, reason) for number, reason in _next(lines, seconds)]
        except Empty:
            return
        finally:
            process.kill()
            reading.join()


def _forward(process: subprocess.Popen[bytes], lines: SimpleQueue[bytes]) -> None:
    for line in process.stdout or ():
        lines.put(line)
    lines.put(b"")


def _next(lines: SimpleQueue[bytes], seconds: float) -> Any:
    """What the process says next; raises `Empty` when it does not say it in time."""
    line = lines.get(timeout=seconds)
    if not line:
        raise ReconcilerError("--policy: the process that evaluates the rules died")
    return json.loads(line)


def main() -> None:
    """The other side: read the jobs, answer each on a line of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this decides
    given = json.load(sys.stdin)
    evaluator = Evaluator(Facts(given["things"], given["shared"]))
    click.echo("[]")
    for job in given["jobs"]:
        if hasattr(signal, "alarm"):  # it may be that nobody is there any more to end this
            signal.alarm(int(given["seconds"]) + 2)
        click.echo(json.dumps(list(evaluator.failed(Job(*job)))))


if __name__ == "__main__":
    main()
