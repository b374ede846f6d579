"""What a plan costs, counted: calls of the service, calls of functions. And the benchmarks, which
measure the rest, draw and judge as they should."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks.engine import exponent
from tests.benchmarks.our_engine import planned
from tests.benchmarks.picture import drawn
from tests.benchmarks.processes import files, serving
from tests.benchmarks.results import Line
from tests.benchmarks.world import QUOTAS, World
from tests.conftest import Cli


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


def test_a_full_account_takes_as_many_calls_as_aws_forces(cli: Cli) -> None:
    """AWS's quotas: 50 hosts, 250 connections, 100 links, 100 syncs, listed 100 at a time."""
    with serving(QUOTAS) as server, files(QUOTAS) as path:
        planned = cli("plan", "--endpoint-url", server.url, path)
        made = server.counted()
    assert (planned.code, planned.err) == (0, "")
    assert made == {
        "ListHosts": 1,
        "ListConnections": 3,
        "ListRepositoryLinks": 1,
        "ListSyncConfigurations": 100,
        "ListTagsForResource": 400,
    }
    assert sum(made.values()) == QUOTAS.calls == 505


def test_the_exponent_is_that_of_the_curve() -> None:
    assert exponent({n: 3.0 * n**1.5 for n in (100, 1_000, 10_000)}) == pytest.approx(1.5)


def test_the_picture_shows_every_point() -> None:
    curves = {"ours": {100: 0.01, 1_000: 0.09}, "others": {100: 0.2, 1_000: 1.9, 10_000: 20.0}}
    svg = ET.fromstring(drawn(curves, "Cost & size"))
    assert len(svg.findall("{*}circle")) == 5
    assert svg.find("{*}title").text == "Cost & size"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("ratio", "least", "met"),
    [(0.5, False, True), (1.5, False, False), (1.5, True, True), (0.5, True, False)],
)
def test_a_goal_is_met_on_its_side(ratio: float, least: bool, met: bool) -> None:
    assert Line("1", "ours", "theirs", ratio, 1.0, least=least).met is met
    assert Line("1", "ours", "theirs", None, 1.0, least=least).met is None
