"""The words of a report on many targets: its rows in, unstyled texts out."""

from __future__ import annotations

from reconciler.render._words import Document
from reconciler.safe import safe

HEADS = ("", "TARGET", "ACCOUNT", "REGION", "")
NARROWER = ((4, 20), (1, 12), (4, 0), (3, 0), (2, 0), (1, 0), (0, 0))
"""How far each column is cut, in this order, until the lines fit."""


def cells(row: Document) -> tuple[str, str, str, str, str]:
    """One target: its state, name, account and Region, and what that amounts to."""
    texts = (row["state"], row["target"], row["account"], row["region"], row["message"])
    state, target, account, region, message = map(safe, texts)
    return state, target, account, region, message


def color(row: Document) -> str:
    """Green where there is nothing to do, yellow where somebody has to look, red for a failure."""
    if row["code"] == 0:
        return "green"
    return "yellow" if row["code"] in (2, 5, 6, 7) else "red"
