"""Lines that are too long for a screen: broken at blanks, and going on below their beginning."""

from __future__ import annotations

import click
import pytest
from rich.cells import cell_len

from reconciler.render._table import wrapped

SENTENCE = "a note that goes on and on so that it does not fit into one line of a terminal"
LINES = [
    f"     changed  connection/main {SENTENCE}",
    f"              tags.note  {SENTENCE}  (declared: (none))",
    f"{click.style('     changed', fg='red', bold=True)}  connection/main {SENTENCE}",
    click.style(f"info {SENTENCE}", bold=True),
    f"error connection/{'x' * 50}: {SENTENCE} \uff41\uff41\uff41",
    f"    {SENTENCE}",
]


@pytest.mark.parametrize("width", [40, 80, 81])
@pytest.mark.parametrize("line", LINES, ids=click.unstyle)
def test_a_line_keeps_its_words_and_fits(line: str, width: int) -> None:
    parts = list(wrapped(line, width))
    assert " ".join(parts).split() == line.split()
    assert len(parts) > 1
    for part in parts:
        size = cell_len(click.unstyle(part))
        assert size <= width or len(click.unstyle(part).split()) <= 2


def test_it_goes_on_below_the_text_that_follows_its_first_column() -> None:
    assert list(wrapped("     changed  one two three", 28)) == ["     changed  one two three"]
    assert list(wrapped("     changed  one two three four", 28)) == [
        "     changed  one two three",
        "              four",
    ]
    assert list(wrapped("error one two three", 14)) == ["error one two", "    three"]
    assert list(wrapped("  where: one two three", 14)) == [
        "  where: one",
        "      two",
        "      three",
    ]


def test_a_column_that_leaves_no_room_is_no_column() -> None:
    line = f"  {'x' * 30}  one two three"
    assert list(wrapped(line, 40)) == [f"  {'x' * 30}  one", "      two three"]


@pytest.mark.parametrize("width", [0, 200])
def test_what_fits_is_left_alone(width: int) -> None:
    assert [list(wrapped(line, width)) for line in LINES] == [[line] for line in LINES]


def test_what_is_too_long_stays_whole_and_can_be_copied() -> None:
    arn = f"arn:aws:codeconnections:eu-west-1:111122223333:connection/{'0' * 36}"
    assert list(wrapped(f"    id:       {arn} x", 40)) == [f"    id:       {arn}", f"{'':14}x"]
