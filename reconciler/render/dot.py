"""Draws the objects of a document in the DOT language of Graphviz.

https://graphviz.org/doc/info/lang.html
"""

from __future__ import annotations

from reconciler.render._objects import first, nodes
from reconciler.render._words import Document


def render(document: Document, *, color: bool = False) -> str:
    """The graph: what is referred to points to what refers to it."""
    lines = ["digraph reconciler {", "  rankdir=LR;", "  node [shape=box];"]
    for node in first(nodes(document)):
        label = "\\n".join(_escaped(text) for text in (node.label, node.state) if text)
        lines.append(f'  n{node.number} [label="{label}"];')
        lines += [f"  n{parent} -> n{node.number};" for parent in node.parents]
    return "\n".join([*lines, "}"]) + "\n"


def _escaped(text: str) -> str:
    """A text in quotes; HTML entities are read there as well."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
