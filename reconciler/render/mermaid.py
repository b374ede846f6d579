"""Draws the objects of a document as a Mermaid flowchart, which GitHub and GitLab show in Markdown.

https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

import re

from reconciler.render._objects import nodes
from reconciler.render._words import Document

PLAIN = re.compile(r"[A-Za-z0-9 /._-]")


def render(document: Document, *, color: bool = False) -> str:
    """The chart: what is referred to points to what refers to it."""
    lines = ["flowchart LR"]
    for node in nodes(document):
        state = f"<br>{_label(node.state)}" if node.state else ""
        lines.append(f'  n{node.number}["{_label(node.label)}{state}"]')
        lines += [f"  n{parent} --> n{node.number}" for parent in node.parents]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    """A text in quotes: what could be syntax, markup or Markdown is written as a code."""
    return "".join(char if PLAIN.match(char) else f"#{ord(char)};" for char in text)
