"""Draws the objects of a document as a Mermaid flowchart, which GitHub and GitLab show in Markdown.

https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.render._objects import MOST, Node, first, nodes
from reconciler.render._words import Document

PLAIN = re.compile(r"[A-Za-z0-9 /._-]")
ROOM, EDGES = 49_000, 500
"""How many characters and edges Mermaid draws unless it is told otherwise, a little less of the
former (https://mermaid.js.org/config/schema-docs/config.html)."""


def render(document: Document, *, color: bool = False) -> str:
    """The chart: what is referred to points to what refers to it."""
    every = nodes(document)
    return "flowchart LR\n" + "".join(map(_lines, first(every, _fitting(every))))


def _fitting(every: Sequence[Node]) -> int:
    """How many nodes are drawn."""
    room, edges = ROOM, EDGES
    for node in every[:MOST]:
        room -= len(_lines(node))
        edges -= len(node.parents)
        if room < 0 or edges < 0:
            return node.number
    return MOST


def _lines(node: Node) -> str:
    state = f"<br>{_label(node.state)}" if node.state else ""
    lines = [f'  n{node.number}["{_label(node.label)}{state}"]\n']
    return "".join([*lines, *(f"  n{parent} --> n{node.number}\n" for parent in node.parents)])


def _label(text: str) -> str:
    """A text in quotes: what could be syntax, markup or Markdown is written as a code."""
    return "".join(char if PLAIN.match(char) else f"#{ord(char)};" for char in text)
