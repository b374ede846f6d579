"""What planning costs without a network, beside Terraform's core, and how it grows, and
what reading YAML alone costs beside PyYAML: goals 3 and 7."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.benchmarks import terraform
from tests.benchmarks.processes import Samples, files, interleaved, python, run
from tests.benchmarks.results import Line
from tests.benchmarks.startup import beside, megabytes
from tests.benchmarks.world import World

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
YAML_LIMITS = {1_000: 0.5, 10_000: 0.15}
LIMITS = {1_000: 1 / 10, 10_000: 1 / 25}
Curve = dict[int, float]
"""Seconds by number of resources."""


@dataclass(slots=True)
class Engine:
    """The measurements, kept for the picture. Terraform is asked for 10,000 resources only when
    there is time for `large` ones."""

    large: bool = False
    ours: Curve = field(default_factory=Curve)
    terraform: Curve = field(default_factory=Curve)

    def lines(self, rounds: int) -> Iterator[Line]:
        """Goal 3."""
        for resources, limit in LIMITS.items():
            if resources == 1_000 or self.large:
                yield from self._against_terraform(resources, limit, rounds)
        self.ours = grown(rounds)
        anchor = f"{SIZES[0]} to {SIZES[-1]:,} resources"
        yield Line("3", "exponent of the cost", anchor, exponent(self.ours), 1.05)

    def _against_terraform(self, resources: int, limit: float, rounds: int) -> Iterator[Line]:
        what, anchor = f"engine, {resources:,}", f"terraform plan of {resources:,}"
        if terraform.PROGRAM is None:
            yield Line("3", what, anchor, None, limit)
            return
        both = beside_terraform(resources, rounds)
        self.terraform[resources] = both[1].seconds
        yield beside("3", what, limit, both, anchor)
        memory = megabytes(*both)
        yield Line("3", f"memory, {resources:,}", anchor, memory[0] / memory[1], 0.1, memory=memory)


def beside_terraform(resources: int, rounds: int) -> tuple[Samples, Samples]:
    """Ours and Terraform, whole processes."""
    live = World.halves(resources)
    with terraform.applied(resources) as theirs, files(live) as path:
        ours = python("our_engine", "plan", path, resources)
        took = interleaved({"ours": ours, "theirs": theirs}, rounds)
    return took["ours"], took["theirs"]


def grown(rounds: int) -> Curve:
    """The median CPU seconds of a plan of each size."""
    command = python("our_engine", "seconds", *SIZES)
    runs = [run(command).json for _ in range(rounds)]
    return {size: statistics.median(one[str(size)] for one in runs) for size in SIZES}


def exponent(curve: Mapping[int, float]) -> float:
    """The slope of the straight line through the logarithms, by least squares."""
    xs = [math.log(size) for size in curve]
    ys = [math.log(seconds) for seconds in curve.values()]
    return statistics.linear_regression(xs, ys).slope


def yaml_files(rounds: int) -> Iterator[Line]:
    """Goal 7."""
    for entries, limit in YAML_LIMITS.items():
        times = run(python("yaml_reading", entries, 3 * rounds)).json
        for anchor in [name for name in times if name != "ours"]:
            pairs = zip(times["ours"], times[anchor], strict=True)
            ratio = statistics.median(own / its for own, its in pairs)
            goal = limit if anchor == "CSafeLoader" else None
            yield Line("7", f"YAML, {entries:,} entries", anchor, ratio, goal)
