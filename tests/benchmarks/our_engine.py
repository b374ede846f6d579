"""Plans without a network: numbers of resources go in, the seconds of each plan come out.

    python -m tests.benchmarks.our_engine seconds RESOURCES ...
    python -m tests.benchmarks.our_engine plan FILE RESOURCES

Each plan reads a file, "reads" the live objects from memory, and finds nothing to do. Before its
CPU seconds are counted comes a small plan, so that what is imported and made once does not count;
`plan` makes just one, for those who measure the whole process.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date

from reconciler.__main__ import spare_the_collector
from reconciler.plan import Plan
from reconciler.reconcile import plan_for
from reconciler.resource import Call, ReadResult, Reply, Target
from reconciler.spec.document import load
from reconciler.spec.source import Limits
from tests.benchmarks.processes import files
from tests.benchmarks.world import ACCOUNT, ITEMS, REGION, World, tags

LIMITS = Limits(bytes=1 << 30, nodes=1 << 30, collections=1 << 30)


class Memory:
    """The `Api` of an account that is no further away than memory."""

    def __init__(self, world: World) -> None:
        self.world = world

    def read(self, calls: Sequence[Call]) -> Iterator[ReadResult]:
        """Every call answered at once."""
        return map(self._answer, calls)

    def write(self, call: Call) -> Reply:
        """Nothing is written here."""
        raise NotImplementedError(call.operation)

    def _answer(self, call: Call) -> Reply:
        if call.operation == "ListTagsForResource":
            return {"Tags": tags(call.parameters["ResourceArn"])}
        link = call.parameters.get("RepositoryLinkId", "")
        return {ITEMS[call.operation]: self.world.items(call.operation, link)}


def planned(path: str, live: World) -> Plan:
    """The plan of a file, which has to be empty."""
    desired = load([path], limits=LIMITS)
    plan = plan_for(desired, Memory(live), Target(ACCOUNT, REGION), today=date(2026, 1, 1))
    if plan.work or not plan.is_complete or len(plan.changes) != live.resources:
        raise SystemExit("the benchmark's own plan is not empty")
    return plan


def seconds(resources: int) -> float:
    """The CPU seconds of one plan."""
    live = World.halves(resources)
    with files(live) as path:
        gc.collect()
        began = time.process_time()
        planned(path, live)
        return time.process_time() - began


def main(what: str, *arguments: str) -> None:
    """Plan as the program does, and tell what it took."""
    spare_the_collector()
    if what == "plan":
        path, resources = arguments
        planned(path, World.halves(int(resources)))
        return
    seconds(10)
    print(json.dumps({size: seconds(int(size)) for size in arguments}))


if __name__ == "__main__":
    main(*sys.argv[1:])
