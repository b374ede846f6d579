"""Measures every goal of speed beside its anchor, and prints ratios.

    python -m tests.benchmarks [--only GOAL] [--rounds N] [--large] [--json FILE] [--picture FILE]

Times mean nothing by themselves: only ratios of one run are shown. What is not installed
(`terraform`, `aws`, `octodns-sync`) is left out. This process stays small, since what it holds
counts as memory of its children.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks import alchemy_drift, fleet, reading, results, startup
from tests.benchmarks.engine import Engine, exponent, yaml_files
from tests.benchmarks.picture import drawn
from tests.benchmarks.results import Line

Measure = Callable[[int], Iterator[Line]]


def measures(picture: str | None, *, large: bool) -> dict[str, Measure]:
    """What measures each goal."""
    return {
        "1": startup.help_and_validate,
        "2": startup.cold_plan,
        "3": lambda rounds: engine_lines(rounds, picture, large=large),
        "4": reading.whole_account,
        "5": reading.throttled,
        "6": reading.cpu_per_call,
        "7": yaml_files,
        "8": startup.shell_loop,
        "9": fleet.many_targets,
        "10": reading.malformed,
        "11": alchemy_drift.connections,
    }


def engine_lines(rounds: int, picture: str | None, *, large: bool) -> Iterator[Line]:
    """Goal 3, with a picture."""
    engine = Engine(large)
    yield from engine.lines(rounds)
    if picture is not None:
        title = f"Cost of a plan without changes: size to the power of {exponent(engine.ours):.2f}"
        curves = {"reconciler": engine.ours, "terraform plan": engine.terraform}
        svg = drawn({name: curve for name, curve in curves.items() if curve}, title)
        Path(picture).write_text(svg, encoding="utf-8")


def main() -> None:
    """Read the options, measure, and tell."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = measures(None, large=False)
    options.add_argument("--only", action="append", choices=known, metavar="GOAL")
    options.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    options.add_argument("--large", action="store_true", help="Terraform with 10,000 resources too")
    options.add_argument("--json", metavar="FILE")
    options.add_argument("--picture", metavar="FILE", help="cost against size as SVG (goal 3)")
    given = options.parse_args()
    lines: list[Line] = []
    for goal, measure in measures(given.picture, large=given.large).items():
        if goal in (given.only or known):
            print(f"goal {goal} ...", file=sys.stderr)
            lines += measure(given.rounds)
    results.show(lines)
    if given.json:
        results.write(lines, given.json)


if __name__ == "__main__":
    main()
