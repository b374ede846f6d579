"""What many targets cost: goal 9."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.processes import RECONCILER, interleaved, python
from tests.benchmarks.results import Line
from tests.benchmarks.world import World

SETUP_MS = 10.0
HANDING_OUT_MS = 0.1
TARGETS = 48
HEAVY = World(connections=1500, links=1500)
"""Half a second of reading, checking and nothing else."""


def many_targets(rounds: int) -> Iterator[Line]:
    """Goal 9."""
    took = interleaved({"each": python("our_setup", 50)}, rounds)["each"]
    runs = [run.json for run in took.runs]
    own = statistics.median(run["ours"] for run in runs)
    against = statistics.median(run["ours"] / run["boto3"] for run in runs)
    out = statistics.median(run["handing_out"] for run in runs)
    yield Line("9", "CPU to set up a target", f"{SETUP_MS:g} ms", own / SETUP_MS, 1.0)
    yield Line("9", "CPU to set up a target", "boto3 session and client", against)
    yield Line("9", "handing out a target", f"{HANDING_OUT_MS:g} ms", out / HANDING_OUT_MS, 1.0)
    yield _two_processes(rounds)


def _two_processes(rounds: int) -> Line:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "desired.yaml").write_text(HEAVY.document(), encoding="utf-8")
        lines = [
            "version: 1",
            "defaults: {regions: [eu-west-1], paths: [desired.yaml]}",
            "targets:",
        ]
        lines += [f'  - {{account: "{n:012d}", name: t{n}}}' for n in range(1, TARGETS + 1)]
        targets = Path(folder, "targets.yaml")
        targets.write_text("\n".join(lines), encoding="utf-8")
        command = [RECONCILER, "validate", "--targets", str(targets), "--engine", "processes"]
        one, two = ([*command, "--concurrency", count] for count in "12")
        took = interleaved({"one": one, "two": two}, rounds)
    ratio = took["one"].over(took["two"])
    what, anchor = f"validate of {TARGETS} targets, 2 workers", "1 worker"
    return Line("9", what, anchor, ratio, 1.7, least=True, note="times as fast")
