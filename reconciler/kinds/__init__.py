"""The kinds: every module in this folder declares one; out comes `KINDS`, parents first."""

from __future__ import annotations

from graphlib import TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules

from reconciler.resource import Resource


def _find() -> dict[str, type[Resource]]:
    found = {}
    for module in sorted(info.name for info in iter_modules(__path__)):
        for value in vars(import_module(f"{__name__}.{module}")).values():
            if isinstance(value, type) and value.__dict__.get("kind") == module:
                found[module] = value
    return found


def _parents_first(found: dict[str, type[Resource]]) -> tuple[type[Resource], ...]:
    graph = {
        name: sorted({ref.kind for ref in kind.references().values()} - {name})
        for name, kind in found.items()
    }
    return tuple(found[name] for name in TopologicalSorter(graph).static_order())


KINDS: tuple[type[Resource], ...] = _parents_first(_find())
BY_NAME: dict[str, type[Resource]] = {kind.kind: kind for kind in KINDS}
