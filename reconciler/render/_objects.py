"""The objects of any document that has some, for formats that draw: a document in, nodes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.safe import safe

MOST = 300
"""How many objects a picture shows; more would be seen by nobody."""


@dataclass(frozen=True, slots=True)
class Node:
    """One object, harmless to show: its number, its label, and the numbers of what it refers to."""

    number: int
    label: str
    state: str
    parents: tuple[int, ...]


def nodes(document: Mapping[str, Any]) -> list[Node]:
    """The objects of a graph, or those that a plan changes with what these refer to."""
    found = {one["address"]: one for one in document.get("objects", ())}
    for change in document.get("changes", ()):
        found[change["address"]] = {**change, "state": change["then"] or change["action"]}
    for one in list(found.values()):
        for parent in one["depends_on"]:
            found.setdefault(parent, {"address": parent, "state": "", "depends_on": []})
    numbers = {address: number for number, address in enumerate(found)}
    return [
        Node(
            numbers[address],
            safe(address),
            safe(one["state"]),
            tuple(numbers[parent] for parent in one["depends_on"]),
        )
        for address, one in found.items()
    ]


def first(every: Sequence[Node], most: int = MOST) -> list[Node]:
    """So many of them at most, which refer only to each other, and a node that counts the rest."""
    kept = [
        replace(node, parents=tuple(parent for parent in node.parents if parent < most))
        for node in every[:most]
    ]
    if rest := len(every) - len(kept):
        kept.append(Node(len(kept), f"and {rest} more", "", ()))
    return kept
