"""Entry counts in; how long our YAML reader takes beside PyYAML's own loaders out.

    python tests/benchmarks/bench_yaml.py [--rounds N] [ENTRIES ...]

Each round reads the same text once with every reader, in turn, so that a machine that slows down
slows all of them; the medians and their ratio to `yaml.load(text, Loader=yaml.CSafeLoader)` are
printed. The last column repeats that loader with the cyclic garbage collector off, and the one
before it only asks libyaml for its events: nothing that keeps PyYAML below it can be faster.
No time is asserted: only ratios of one run mean anything.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable

import yaml

from reconciler.spec.problems import Problem
from reconciler.spec.source import Limits, parse
from reconciler.spec.variables import Variables

LIMITS = Limits(bytes=1 << 30, nodes=1 << 30)


def document(entries: int) -> bytes:
    """Give desired state with this many entries, half connections and half repository links."""
    lines = ["version: 1", "owner: platform", "connections:"]
    for number in range(entries - entries // 2):
        lines += [
            f"  - name: team-{number:05d}-github",
            "    provider_type: GitHub",
            f"    tags: {{team: team-{number % 40}, cost-centre: '{number % 97:04d}'}}",
        ]
    lines.append("repository_links:")
    for number in range(entries // 2):
        lines += [
            "  - owner_id: acme",
            f"    repository_name: service-{number:05d}",
            f"    connection: team-{number:05d}-github",
        ]
    return "\n".join(lines).encode()


def ours(text: bytes) -> None:
    """Read the text as the program does."""
    problems: list[Problem] = []
    content = parse(text, "bench.yaml", problems, limits=LIMITS, variables=Variables({"x": "y"}))
    if content is None or problems:
        raise SystemExit(f"the benchmark's own document is wrong: {problems[:3]}")


def pyyaml(text: bytes) -> None:
    """Read the text as most programs do."""
    yaml.load(text, Loader=yaml.CSafeLoader)


def events(text: bytes) -> None:
    """Only take the parser's events."""
    for _ in iter(yaml.CSafeLoader(text).get_event, None):
        pass


def pyyaml_without_collector(text: bytes) -> None:
    """Read the text as most programs do, with our own reader's advantage."""
    gc.disable()
    try:
        pyyaml(text)
    finally:
        gc.enable()


READERS: dict[str, Callable[[bytes], None]] = {
    "ours": ours,
    "CSafeLoader": pyyaml,
    "events only": events,
    "CSafeLoader, no gc": pyyaml_without_collector,
}


def seconds(reader: Callable[[bytes], None], text: bytes) -> float:
    """Give the wall time of one reading, starting from a collected heap."""
    gc.collect()
    begun = time.perf_counter()
    reader(text)
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print one line for each number of entries."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("entries", nargs="*", type=int, default=[100, 1_000, 10_000])
    options.add_argument("--rounds", type=int, default=9)
    chosen = options.parse_args()
    for entries in chosen.entries:
        text = document(entries)
        times: dict[str, list[float]] = {name: [] for name in READERS}
        for _ in range(chosen.rounds):
            for name, reader in READERS.items():
                times[name].append(seconds(reader, text))
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        print(f"{entries} entries, {len(text)} bytes, {chosen.rounds} rounds:")
        for name, median in medians.items():
            ratio = median / medians["CSafeLoader"]
            print(f"  {name:20} {median * 1000:9.1f} ms  {ratio:5.2f}x")


if __name__ == "__main__":
    main()
