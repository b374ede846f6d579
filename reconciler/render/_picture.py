"""Lays out the objects of a document in columns, each to the right of what it refers to: nodes in,
boxes and lines with their places out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.render._objects import MOST, Node, nodes

WIDTH, HEIGHT = 256, 46
GAP, MARGIN = (50, 14), 10


@dataclass(frozen=True, slots=True)
class Box:
    """One object and the place of its upper left corner, in pixels."""

    node: Node
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, lines between them as x1, y1, x2, y2, the size of it all, and what is left out."""

    boxes: tuple[Box, ...]
    lines: tuple[tuple[int, int, int, int], ...]
    width: int
    height: int
    left_out: int


def picture(document: Mapping[str, Any]) -> Picture:
    """The picture of a document's objects."""
    every = nodes(document)
    shown = every[:MOST]
    columns = _columns(shown)
    rows = [0] * (1 + max(columns.values(), default=0))
    boxes: dict[int, Box] = {}
    for node in shown:
        column = columns[node.number]
        x = MARGIN + column * (WIDTH + GAP[0])
        boxes[node.number] = Box(node, x, MARGIN + rows[column] * (HEIGHT + GAP[1]))
        rows[column] += 1
    lines = tuple(
        (boxes[parent].x + WIDTH, _middle(boxes[parent]), box.x, _middle(box))
        for box in boxes.values()
        for parent in box.node.parents
        if parent in boxes
    )
    width = 2 * MARGIN + len(rows) * (WIDTH + GAP[0]) - GAP[0]
    height = 2 * MARGIN + max(rows) * (HEIGHT + GAP[1]) - GAP[1]
    return Picture(tuple(boxes.values()), lines, width, height, len(every) - len(shown))


def _columns(shown: Sequence[Node]) -> dict[int, int]:
    """The column of each node: one more than those of its parents."""
    parents = {node.number: node.parents for node in shown}
    columns: dict[int, int] = {}

    def column(number: int) -> int:
        if number not in columns:
            above = [column(parent) for parent in parents[number] if parent in parents]
            columns[number] = 1 + max(above, default=-1)
        return columns[number]

    for node in shown:
        column(node.number)
    return columns


def _middle(box: Box) -> int:
    return box.y + HEIGHT // 2
