"""The report on many targets, as lines."""

from __future__ import annotations

import pytest

from reconciler.fleet.report import RowForm, fleet_document
from reconciler.render.text import render

WHY = "the credentials are of account 111122223333, and not of 999999999999: check the role"


def row(name: str, details: list[str]) -> RowForm:
    return {
        "target": name,
        "account": "999999999999",
        "region": "eu-west-1",
        "code": 1,
        "state": "error",
        "counts": {},
        "message": WHY,
        "details": details,
        "attempts": 1,
        "seconds": 0.1,
    }


@pytest.mark.parametrize(
    ("width", "details", "blocks"),
    [
        (0, [], ""),
        (200, [], ""),
        (80, [], f"one: error     {WHY} "),
        (80, ["Warning: old"], f"one: error     {WHY}     Warning: old "),
        (80, [f"Error: {WHY}"], f"one: error     Error: {WHY} "),
    ],
)
def test_a_message_that_is_cut_in_its_line_is_told_below(
    width: int, details: list[str], blocks: str
) -> None:
    document = fleet_document("plan", "2026-01-01T00:00:00Z", [row("one", details)], 1)
    table, *below, total = render(document, width=width).split("\n\n")
    assert (WHY in table) is not (0 < width < 200)
    assert "plan: 1 target: 1 error." in total
    told = " ".join(" ".join(below).split())
    assert told == " ".join(blocks.split())
