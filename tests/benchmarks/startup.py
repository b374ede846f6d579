"""What a command costs that does little, beside programs that people have: goals 1, 2 and 8."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import terraform
from tests.benchmarks.processes import (
    RECONCILER,
    SCRIPTS,
    Samples,
    files,
    interleaved,
    plan,
    serving,
)
from tests.benchmarks.results import Line
from tests.benchmarks.world import PLACE, SMALL, World

HUNDRED = World(connections=60, links=30, syncs=10)


def program(name: str) -> str | None:
    """Where a program is, best beside this Python."""
    beside = SCRIPTS / name
    return str(beside) if Path(beside).exists() else shutil.which(name)


def megabytes(own: Samples, its: Samples) -> tuple[float, float]:
    """The peak memory of both."""
    return own.memory / 1e6, its.memory / 1e6


def beside(goal: str, what: str, limit: float, both: tuple[Samples, Samples], anchor: str) -> Line:
    """The line of two commands that were run in turn."""
    own, its = both
    return Line(goal, what, anchor, own.over(its), limit, memory=megabytes(own, its))


def help_and_validate(rounds: int) -> Iterator[Line]:
    """Goal 1."""
    commands = {"help": [RECONCILER, "--help"]}
    octodns = program("octodns-sync")
    if terraform.PROGRAM is not None:
        commands["terraform"] = [terraform.PROGRAM, "-help"]
    if octodns is not None:
        commands["octodns"] = [octodns, "--help"]
    took = interleaved(commands, 2 * rounds)
    for name, limit in (("terraform", 1.5), ("octodns", 0.4)):
        anchor = "terraform -help" if name == "terraform" else "octodns-sync --help"
        if name in took:
            yield beside("1", "--help", limit, (took["help"], took[name]), anchor)
        else:
            yield Line("1", "--help", anchor, None, limit)
    anchor = "terraform plan of 100"
    if terraform.PROGRAM is None:
        yield Line("1", "validate 100", anchor, None, 0.7)
        return
    with terraform.applied(100) as theirs, files(HUNDRED) as path:
        took = interleaved({"ours": [RECONCILER, "validate", path], "theirs": theirs}, 2 * rounds)
    yield beside("1", "validate 100", 0.7, (took["ours"], took["theirs"]), anchor)


def cold_plan(rounds: int) -> Iterator[Line]:
    """Goal 2."""
    what, anchor, aws = "plan of 20, 29 calls, 0 ms", "one aws list-connections", program("aws")
    if aws is None:
        yield Line("2", what, anchor, None, 0.7)
        return
    with serving(SMALL) as server, files(SMALL) as path:
        theirs = [aws, "codeconnections", "list-connections", "--endpoint-url", server.url]
        took = interleaved({"ours": plan(server.url, path), "theirs": theirs}, 2 * rounds)
    yield beside("2", what, 0.7, (took["ours"], took["theirs"]), anchor)


def shell_loop(rounds: int) -> Iterator[Line]:
    """Goal 8: what a loop takes for 100 resources is a hundred times what one call takes."""
    what, anchor, aws = "plan of 100, 0 ms", "loop of 100 aws calls", program("aws")
    if aws is None:
        yield Line("8", what, anchor, None, 80, least=True)
        return
    with serving(HUNDRED) as server, files(HUNDRED) as path:
        one = f"{PLACE}:connection/12345678-1234-1234-1234-000000000001"
        theirs = [aws, "codeconnections", "list-tags-for-resource", "--resource-arn", one]
        theirs += ["--endpoint-url", server.url]
        took = interleaved({"ours": plan(server.url, path), "theirs": theirs}, 2 * rounds)
    own, its = took["ours"], took["theirs"]
    ratio = 100 * its.over(own)
    memory = megabytes(own, its)
    yield Line("8", what, anchor, ratio, 80, least=True, memory=memory, note="times as fast")
