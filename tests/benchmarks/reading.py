"""What reading an account costs beside plain boto3: goals 4, 5, 6 and 10."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.benchmarks.processes import (
    Sample,
    Server,
    files,
    interleaved,
    plan,
    python,
    run,
    serving,
)
from tests.benchmarks.results import Line
from tests.benchmarks.server import MALFORMED
from tests.benchmarks.startup import beside
from tests.benchmarks.world import QUOTAS, World

LATENCY = "--latency=0.03"
BURST = 20
RATES = (20, 100, 400)


def whole_account(rounds: int) -> Iterator[Line]:
    """Goal 4."""
    with serving(QUOTAS, LATENCY) as server, files(QUOTAS) as path:
        ours = plan(server.url, path)
        run(ours)
        made = sum(server.counted().values())
        commands = {
            "ours": ours,
            "sequential": python("plain_boto3", server.url),
            "threads": python("plain_boto3", server.url, 32),
        }
        took = interleaved(commands, rounds)
    what = f"plan of 500, {QUOTAS.calls} calls, 30 ms"
    yield beside("4", what, 1 / 16, (took["ours"], took["sequential"]), "boto3 sequential")
    yield beside("4", what, 1.0, (took["ours"], took["threads"]), "boto3 with 32 threads")
    note = f"{made} calls"
    yield Line("4", "calls", "the fewest possible", made / QUOTAS.calls, 1.0, note=note)


def throttled(rounds: int) -> Iterator[Line]:
    """Goal 5: a service that takes so many calls a second, beside the floor: what starting takes,
    and the calls at that rate."""
    with serving(World()) as server, files(World()) as path:
        empty = {
            "ours": plan(server.url, path),
            "default": python("plain_boto3", server.url, 32),
        }
        starts = {name: took.seconds for name, took in interleaved(empty, 3).items()}
    for rate in RATES:
        yield from _at(rate, 1 if rate < 100 else rounds, starts)


def _at(rate: int, rounds: int, starts: dict[str, float]) -> Iterator[Line]:
    bucket = (LATENCY, f"--rate={rate}", f"--burst={BURST}")
    seen: dict[str, list[tuple[float, int, float]]] = {"ours": [], "default": [], "adaptive": []}
    with serving(QUOTAS, *bucket) as server, files(QUOTAS) as path:
        commands = {
            "ours": plan(server.url, path),
            "default": python("plain_boto3", server.url, 32),
            "adaptive": python("plain_boto3", server.url, 32, "adaptive", 10),
        }
        for _ in range(rounds):
            for name, command in commands.items():
                start = starts["ours" if name == "ours" else "default"]
                floor = start + (QUOTAS.calls - BURST) / rate
                seen[name].append(_one(server, command, floor))
    medians = {
        name: tuple(statistics.median(column) for column in zip(*rows, strict=True))
        for name, rows in seen.items()
    }
    over, failed, refused = medians["ours"]
    adaptive, default = medians["adaptive"], medians["default"]
    where = f"{rate} calls/s"
    note = f"adaptive {adaptive[0]:.2f}"
    yield Line("5", f"plan of 500 at {where}", "the floor", over, 1.25, note=note)
    note = f"boto3: default {default[1]:.0f}, adaptive {adaptive[1]:.0f}"
    yield Line("5", f"reads lost at {where}", "none", failed, 0, note=note)
    note = f"boto3: default {default[2]:.2f}, adaptive {adaptive[2]:.2f}"
    yield Line("5", f"share throttled at {where}", "all requests", refused, 0.06, note=note)


def _one(server: Server, command: list[str], floor: float) -> tuple[float, int, float]:
    """How many times the floor a run took, how many reads it lost, and which share of its requests
    was throttled."""
    server.counted()
    took = run(command, codes=(0, 1))
    counts = server.counted()
    refused = counts.pop("throttled", 0)
    lost = QUOTAS.calls - sum(counts.values())
    return took.seconds / floor, lost, refused / (refused + sum(counts.values()))


def cpu_per_call(rounds: int) -> Iterator[Line]:
    """Goal 6: the CPU time of reading alone, without what starting takes."""
    with serving(QUOTAS, "--latency=0.005") as server:
        commands = {
            "ours": python("our_reads", server.url),
            "theirs": python("plain_boto3", server.url),
            "threads": python("plain_boto3", server.url, 32),
        }
        took = interleaved(commands, 2 * rounds)
    for name, anchor, limit in (
        ("theirs", "boto3 sequential", 0.6),
        ("threads", "boto3 with 32 threads", None),
    ):
        ratio = statistics.median(map(_cpu_over, took["ours"].runs, took[name].runs))
        yield Line("6", "CPU per read call", anchor, ratio, limit)


def _cpu_over(own: Sample, its: Sample) -> float:
    return float(own.json["cpu"] / its.json["cpu"])


def malformed(_: int) -> Iterator[Line]:
    """Goal 10: replies with status 200 that say nothing."""
    named, empty = 0, 0
    few = World(connections=3)
    for kind in MALFORMED:
        with serving(few, f"--malformed={kind}") as server, files(few) as path:
            ours = run(plan(server.url, path), codes=(0, 1))
            theirs = run(python("plain_boto3", server.url), codes=(0, 1))
        named += ours.code == 1 and "ListConnections" in ours.out
        empty += theirs.code == 0
    what, note = "malformed 200s named as read errors", f"boto3 reads {empty} as empty"
    total = len(MALFORMED)
    yield Line("10", what, f"all {total} kinds", named / total, 1.0, least=True, note=note)
