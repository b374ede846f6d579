"""Lays out lines for a screen of some width: rows of cells go in, padded and, where there is no
room, cut texts come out; a sentence that is too long is broken and goes on below its beginning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import click

GAP = 2
"""Blanks between two columns."""
CUT = "..."
INDENT = 4
"""How far a line goes on that is not laid out in columns."""
_COLUMN = re.compile(r"( *\S.*? {2,})\S")


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


def wrapped(line: str, width: int) -> Iterator[str]:
    """The line, which may have color, in lines of so many places (0: there is no limit), broken at
    blanks. It goes on below the text that follows its first column, if it has any. A word that is
    too long stays whole, so that it can be copied."""
    if not width:
        yield line
        return
    from rich.cells import cell_len

    plain = click.unstyle(line)
    if cell_len(plain) <= width:
        yield line
        return
    column = _COLUMN.match(plain)
    indent = cell_len(column[1]) if column else width
    if indent > width // 2:
        indent = len(plain) - len(plain.lstrip(" ")) + INDENT
    text, used = "", 0
    for word in re.findall(r" *[^ ]+", line):
        size = cell_len(click.unstyle(word))
        if used > indent and used + size > width:
            yield text
            text = " " * indent + word.lstrip(" ")
            used = cell_len(click.unstyle(text))
        else:
            text, used = text + word, used + size
    yield text
