"""Draws cost against size, both logarithmic: curves go in, SVG comes out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 30, 50
COLOURS = ("#1f6feb", "#b35900")
Curve = Mapping[int, float]


class Scale:
    """From values to places along an axis of whole powers of ten."""

    def __init__(self, values: list[float], start: float, end: float) -> None:
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        """The place of a value."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[int]:
        """The powers of ten."""
        return [10**power for power in range(self.low, self.high + 1)]


def drawn(curves: Mapping[str, Curve], title: str) -> str:
    """One picture of all curves. Costs are shown as multiples of the very first one."""
    title = escape(title)
    unit = next(iter(next(iter(curves.values())).values()))
    relative = {
        name: {size: cost / unit for size, cost in curve.items()} for name, curve in curves.items()
    }
    across = Scale([s for c in relative.values() for s in c], LEFT, WIDTH - RIGHT)
    up = Scale([v for c in relative.values() for v in c.values()], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{title}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-weight="bold">{title}</text>',
        *_grid(across, up),
    ]
    for colour, (name, curve) in zip(COLOURS, relative.items(), strict=False):
        parts += _line(name, curve, colour, (across, up))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _grid(across: Scale, up: Scale) -> Iterator[str]:
    grey = 'stroke="#d0d7de"'
    for tick in across.ticks:
        x = across.at(tick)
        yield f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" {grey}/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - 32}" text-anchor="middle">{tick:,}</text>'
    for tick in up.ticks:
        y = up.at(tick)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" {grey}/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,}x</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">resources</text>'


def _line(name: str, curve: Curve, colour: str, scales: tuple[Scale, Scale]) -> Iterator[str]:
    across, up = scales
    places = [(across.at(size), up.at(cost)) for size, cost in curve.items()]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    x, y = places[-1]
    yield f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(name)}</text>'
