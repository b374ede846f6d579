"""Plots the findings of the runs in a history: a drift report in, bands, marks and their places in
pixels out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.findings import CLASSES
from reconciler.render._drift import day
from reconciler.render._words import Document

WIDTH, HEIGHT = 880, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 130, 14, 30
SPACE = 14
"""Between two names, at least."""
DATES = 200
"""Between two dates, at least: the first one begins at its place and the last one ends there."""


@dataclass(frozen=True, slots=True)
class Band:
    """The findings of one class, upon those of the others: its number among the classes, its name
    and where that stands, and the corners of its area."""

    number: int
    name: str
    y: float
    points: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Bands, marks on both axes, each with its place, and the runs that did not see everything."""

    bands: tuple[Band, ...]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    incomplete: tuple[float, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def plot(document: Document) -> Plot | None:
    """The findings of each class over time; none where fewer than two runs are known, or none of
    them found anything."""
    runs = document.get("history", {}).get("runs", ())
    codes = [code for code in CLASSES if any(run["counts"].get(code) for run in runs)]
    if len(runs) < 2 or not codes:
        return None
    times = [datetime.fromisoformat(run["time"]).timestamp() for run in runs]
    xs = [_x(time, times) for time in times]
    counts = {code: [run["counts"].get(code, 0) for run in runs] for code in codes}
    most = max(map(sum, zip(*counts.values(), strict=True)))
    return Plot(
        bands=tuple(_bands(counts, xs, most)),
        across=tuple(_dates(runs, xs)),
        up=tuple((_y(n, most), str(n)) for n in _steps(most)),
        incomplete=tuple(x for x, run in zip(xs, runs, strict=True) if not run["complete"]),
    )


def _bands(counts: dict[str, list[int]], xs: Sequence[float], most: int) -> list[Band]:
    """A band for each class, the first one lowest, with names that do not lie upon each other."""
    below = [0] * len(xs)
    bands, y = [], float(HEIGHT)
    for number, (code, own) in enumerate(counts.items(), 1):
        above = [low + count for low, count in zip(below, own, strict=True)]
        y = min(y - SPACE, (_y(below[-1], most) + _y(above[-1], most)) / 2)
        y = max(y, TOP + SPACE * (len(counts) - number))  # the rest has to have room above
        area = [*_steps_of(xs, above, most), *reversed(_steps_of(xs, below, most))]
        name = f"{code.replace('_', ' ')} {own[-1]}"
        points = " ".join(f"{x},{height}" for x, height in area)
        bands.append(Band(list(CLASSES).index(code), name, round(y + 4, 1), points))
        below = above
    return bands


def _steps_of(xs: Sequence[float], counts: Sequence[int], most: int) -> list[tuple[float, float]]:
    """A line in steps: what a run found holds until the next one."""
    points = [(xs[0], _y(counts[0], most))]
    for x, count in zip(xs[1:], counts[1:], strict=True):
        points += [(x, points[-1][1]), (x, _y(count, most))]
    return points


def _x(time: float, times: Sequence[float]) -> float:
    first, span = min(times), (max(times) - min(times)) or 1.0
    return round(LEFT + (time - first) / span * (WIDTH - LEFT - RIGHT), 1)


def _y(count: int, most: int) -> float:
    return round(HEIGHT - BOTTOM - count / most * (HEIGHT - BOTTOM - TOP), 1)


def _steps(most: int) -> list[int]:
    """Five whole numbers at most beside 0."""
    step = -(-most // 5)
    return [*range(0, most, step), most] if most % step else list(range(0, most + 1, step))


def _dates(runs: Sequence[Any], xs: Sequence[float]) -> list[tuple[float, str]]:
    """The first and the last time, and one or two between that are far enough from the others."""
    chosen = [0]
    for number, x in enumerate(xs):
        if min(x - xs[chosen[-1]], xs[-1] - x) >= DATES:
            chosen.append(number)
    return [(xs[n], day(runs[n]["time"])) for n in dict.fromkeys([*chosen, len(xs) - 1])]
