"""What refers to what, of the files, of what is live or of a plan. Plans and files in, plain data
out; pure."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import TypedDict

from reconciler.kinds import BY_NAME
from reconciler.plan import Plan
from reconciler.resource import Address, Desired
from reconciler.spec.problems import FORMAT_VERSION


class ObjectForm(TypedDict):
    """One object, what is said of it (a status, or what is done to it) and what it refers to."""

    address: str
    state: str
    depends_on: list[str]


class GraphForm(TypedDict):
    """Objects and their references. `kind` tells this document from others."""

    format_version: str
    kind: str
    objects: list[ObjectForm]


def desired_graph(desired: Desired) -> GraphForm:
    """What the files declare."""
    return _graph(
        _object(address, "", resource.parents().values())
        for address, resource in desired.resources.items()
    )


def planned_graph(plan: Plan) -> GraphForm:
    """What there will be and what is done for it, and what will be gone."""
    return _graph(
        _object(change.address, str(change.then or change.action), change.depends_on)
        for change in plan.changes
    )


def live_graph(plan: Plan) -> GraphForm:
    """What there is, of anybody, by what was read for a plan."""
    names = {(live.address.kind, live.id): live.address for live in plan.lives}
    return _graph(
        _object(
            live.address,
            live.status,
            (
                names[reference.kind, str(live.fields.get(name))]
                for name, reference in BY_NAME[live.address.kind].references().items()
                if (reference.kind, str(live.fields.get(name))) in names
            ),
        )
        for live in sorted(plan.lives, key=lambda live: live.address)
    )


def _object(address: Address, state: str, parents: Iterable[Address]) -> ObjectForm:
    return {"address": str(address), "state": state, "depends_on": sorted(map(str, parents))}


def _graph(objects: Iterable[ObjectForm]) -> GraphForm:
    return {"format_version": FORMAT_VERSION, "kind": "graph", "objects": list(objects)}
