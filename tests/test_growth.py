"""What a plan costs grows with what it is about and no faster, counted in calls of functions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.our_engine import planned
from tests.benchmarks.world import World


def calls_of_plan(path: Path, resources: int) -> int:
    """How many functions, Python's and C's, are called for a plan without changes."""
    live = World.halves(resources)
    path.write_text(live.document(), encoding="utf-8")
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        planned(str(path), live)
    finally:
        sys.setprofile(before)
    return count


def test_twice_as_many_resources_cost_twice_as_much(tmp_path: Path) -> None:
    path = tmp_path / "desired.yaml"
    calls_of_plan(path, 10)  # what is imported and made once
    once, twice = calls_of_plan(path, 200), calls_of_plan(path, 400)
    assert twice < 2.05 * once
