"""The objects of any document that has some, for formats that draw: a document in, nodes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.safe import safe


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
