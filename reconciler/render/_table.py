"""Lays out rows so that each stays on one line: cells of any width go in, padded and, where there
is no room, cut texts come out."""

from __future__ import annotations

from collections.abc import Sequence

GAP = 2
"""Blanks between two columns."""
CUT = "..."


def fitted(
    rows: Sequence[Sequence[str]], width: int, least: Sequence[tuple[int, int]]
) -> list[list[str]]:
    """The rows with every column as wide as its widest cell, the last one ragged.

    When that is more than `width` (0: there is no limit) columns are made narrower in the order of
    `least`: pairs of a column and how far it may shrink, until it fits. Widths are those a terminal
    draws: a character may take two places, or none.
    """
    from rich.cells import cell_len, set_cell_size

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    excess = sum(widths) + GAP * (len(widths) - 1) - width if width else 0
    for column, most in least:
        taken = max(0, min(excess, widths[column] - most))
        widths[column] -= taken
        excess -= taken
    return [
        [
            set_cell_size(cut(cell, wide), wide) if number < len(widths) - 1 else cut(cell, wide)
            for number, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]


def cut(text: str, width: int) -> str:
    """The text in so many places at most; that it was cut is shown where there is room to."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    mark = CUT if width > 2 * len(CUT) else ""
    return set_cell_size(text, width - len(mark)).rstrip() + mark
