"""Desired-state files in, `Desired` out, or every problem of all files at once.

Files merge: what they declare adds up, and what they say about the whole (owner, account, Region,
defaults) may be said more than once but not differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from reconciler.errors import SpecError
from reconciler.fields import Text
from reconciler.kinds import BY_NAME, KINDS
from reconciler.resource import Address, Desired, Resource, Source, Tags, is_arn
from reconciler.spec.problems import Problem, shown
from reconciler.spec.source import Limits, Map, Seq, collector_off, read_sources
from reconciler.spec.violations import position, validated

SECTIONS: dict[str, type[Resource]] = {kind.section: kind for kind in KINDS}


def _first_line(kind: type[Resource]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


class Defaults(BaseModel):
    """What holds for every entry that does not say otherwise."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    tags: Tags = Field(default={}, description="Tags under every taggable entry's own tags.")


class Header(BaseModel):
    """What a file says about everything it declares."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="Desired state")

    version: Literal[1] = Field(description="The version of this file format.")
    owner: Annotated[str | None, Text(1, 256)] = Field(
        None, description="Who owns what these files declare; written on live objects as a tag."
    )
    account: Annotated[str | None, Text(12, 12, r"[0-9]{12}")] = Field(
        None, description="Refuse to run against any other account."
    )
    region: Annotated[str | None, Text(1, 64, r"[a-z0-9-]+")] = Field(
        None, description="Refuse to run against any other Region."
    )
    defaults: Defaults = Field(default=Defaults(), description="What holds for every entry.")
    ignore_tags: list[Annotated[str, Text(1, 128)]] = Field(
        default=[], description="Patterns of live tag keys that are not this program's to judge."
    )


_SECTION_FIELDS: dict[str, Any] = {
    section: (list[kind], Field(default=[], description=_first_line(kind)))  # type: ignore[valid-type]
    for section, kind in SECTIONS.items()
}
Document = create_model("Document", __base__=Header, **_SECTION_FIELDS)
"""A whole file. Entries are validated one by one; this form of them is for the JSON Schema."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of a section as it stands in a file."""

    kind: type[Resource]
    raw: Map
    source: Source


@dataclass(slots=True)
class _Loading:
    """The files as far as they have been understood."""

    problems: list[Problem] = field(default_factory=list)
    header: dict[str, Any] = field(default_factory=dict)
    said_at: dict[str, Source] = field(default_factory=dict)
    entries: list[_Entry] = field(default_factory=list)
    resources: dict[Address, Resource] = field(default_factory=dict)
    declared_at: dict[Address, _Entry] = field(default_factory=dict)
    bound_at: dict[tuple[str, str], Source] = field(default_factory=dict)


def load(
    paths: Sequence[str],
    *,
    owner: str | None = None,
    stdin: BinaryIO | None = None,
    limits: Limits | None = None,
) -> Desired:
    """Read every file that the paths stand for. `owner` goes before the files' own.

    Raises `SpecError` with every problem, sorted by file and position.
    """
    loading = _Loading()
    sources = read_sources(paths, loading.problems, limits=limits or Limits(), stdin=stdin)
    with collector_off():
        for source in sources:
            _take_file(loading, source.name, source.content)
        for entry in loading.entries:
            _take_entry(loading, entry)
        _check_references(loading)
    owner = owner or loading.header.get("owner")
    if owner is None and not loading.problems:
        hint = "write `owner: NAME` at the top of a file, or give --owner"
        name = sources[0].name if sources else paths[0]
        loading.problems.append(Problem(name, 1, 1, "E045", "nobody owns these files", hint))
    if loading.problems or owner is None:
        raise SpecError(sorted(loading.problems))
    return _desired(loading, owner)


def _desired(loading: _Loading, owner: str) -> Desired:
    ordered = _parents_first(loading.resources)
    return Desired(
        owner=owner,
        resources=ordered,
        sources={address: loading.declared_at[address].source for address in ordered},
        account=loading.header.get("account"),
        region=loading.header.get("region"),
        ignore_tags=tuple(loading.header.get("ignore_tags", ())),
    )


def _take_file(loading: _Loading, name: str, content: Map) -> None:
    keys = {key: value for key, value in content.items() if key not in SECTIONS}
    header = validated(Document, keys, content, name, loading.problems)
    if header is not None:
        for key in sorted(header.model_fields_set - {"version"}):
            _merge_header(loading, key, getattr(header, key), Source(name, *content.marks[key]))
    for section, kind in SECTIONS.items():
        if section in content:
            loading.entries += _entries(loading, name, content, kind)


def _merge_header(loading: _Loading, key: str, value: Any, source: Source) -> None:
    """What files say about the whole may be repeated, not contradicted."""
    first = loading.said_at.setdefault(key, source)
    if loading.header.setdefault(key, value) != value:
        message = f"{shown(key)} is something else in {first.file}:{first.line}"
        _problem(loading, source, "E044", message, "say it once, or the same everywhere")


def _entries(loading: _Loading, name: str, content: Map, kind: type[Resource]) -> Iterator[_Entry]:
    entries = content[kind.section]
    if not isinstance(entries, Seq):
        message = f"{shown(kind.section)} has to be a list of entries"
        source = Source(name, *content.marks[kind.section])
        _problem(loading, source, "E032", message, "write `- ` before each entry, or []")
        return
    for entry, mark in zip(entries, entries.marks, strict=True):
        if isinstance(entry, Map):
            yield _Entry(kind, entry, Source(name, *mark))
        else:
            message = f"an entry of {shown(kind.section)} has to be a mapping"
            _problem(loading, Source(name, *mark), "E032", message, "for example `- name: x`")


def _take_entry(loading: _Loading, entry: _Entry) -> None:
    defaults = loading.header.get("defaults", Defaults()).tags
    data: dict[str, Any] = entry.raw
    own = data.get("tags", {})
    if defaults and entry.kind.taggable() and isinstance(own, dict):
        data = {**data, "tags": {**defaults, **own}}
    resource = validated(entry.kind, data, entry.raw, entry.source.file, loading.problems)
    name = entry.kind.name_of(entry.raw)
    if name is None:
        return
    address = Address(entry.kind.kind, name)
    first = loading.declared_at.setdefault(address, entry)
    if first is not entry:
        _twice(loading, entry, first.source, str(address))
    elif resource is not None:
        loading.resources[address] = resource
        _check_extras(loading, entry, resource)


def _twice(loading: _Loading, entry: _Entry, first: Source, what: str) -> None:
    message = f"{what} is already declared at {first.file}:{first.line}:{first.column}"
    _problem(loading, entry.source, "E041", message, "declare it once")


def _check_extras(loading: _Loading, entry: _Entry, resource: Resource) -> None:
    if resource.id is not None:
        bound = (resource.kind, resource.id_of(resource.id))
        first = loading.bound_at.setdefault(bound, entry.source)
        if first is not entry.source:
            _twice(loading, entry, first, f"id {resource.id}")
    declared = resource.model_fields_set - {"tags"}
    own = entry.raw.get("tags")
    tags = {f"tags.{key}" for key in own} if isinstance(own, Map) else set()
    for number, rule in enumerate(resource.ignore):
        if rule.field.partition(".")[0] in declared or rule.field in tags:
            at = Source(entry.source.file, *position(entry.raw, ("ignore", number, "field")))
            message = f"{shown(rule.field)} is declared in the same entry"
            _problem(loading, at, "E046", message, "ignore it or declare it, not both")


def _check_references(loading: _Loading) -> None:
    """Every name that is referred to has to be declared, no former name may be, and nothing may
    refer to itself."""
    for address, resource in loading.resources.items():
        for number, name in enumerate(resource.previously):
            if Address(address.kind, name) in loading.declared_at:
                _former_name_is_declared(loading, address, name, number)
    graph: dict[Address, list[Address]] = {}
    for address, entry in loading.declared_at.items():
        graph[address] = []
        for name, reference in entry.kind.references().items():
            value = entry.raw.get(name)
            if not isinstance(value, str) or not value:
                continue
            place = Source(entry.source.file, *position(entry.raw, (name,)))
            parent = Address(reference.kind, value)
            if is_arn(value):
                _check_arn(loading, place, BY_NAME[reference.kind], name, value)
            elif parent in loading.declared_at:
                graph[address].append(parent)
            else:
                _unknown_reference(loading, place, parent)
    _check_cycles(loading, {address: sorted(graph[address]) for address in sorted(graph)})


def _check_cycles(loading: _Loading, graph: Mapping[Address, list[Address]]) -> None:
    """Report every reference cycle: each one found is cut, until none is left."""
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            *circle, _ = reversed(error.args[1])
            graph[circle[0]].remove(circle[1 % len(circle)])
            start = circle.index(min(circle))
            first = circle[start]
            message = " -> ".join(map(str, (*circle[start:], *circle[:start], first)))
            source = loading.declared_at[first].source
            hint = "take one of the references out"
            _problem(loading, source, "E043", f"reference cycle: {message}", hint)
        else:
            return


def _former_name_is_declared(loading: _Loading, address: Address, name: str, number: int) -> None:
    entry = loading.declared_at[address]
    place = Source(entry.source.file, *position(entry.raw, ("previously", number)))
    message = f"the former name {shown(name)} is declared too"
    _problem(loading, place, "E047", message, "remove that entry, or the former name")


def _check_arn(loading: _Loading, place: Source, kind: type[Resource], name: str, arn: str) -> None:
    if re.fullmatch(kind.arn_pattern, arn) is None:
        message = f"{shown(name)} is {shown(arn)}, which is not the ARN of a {kind.kind}"
        _problem(loading, place, "E037", message, f"it has to match {kind.arn_pattern}")


def _unknown_reference(loading: _Loading, place: Source, parent: Address) -> None:
    names = [address.name for address in loading.declared_at if address.kind == parent.kind]
    close = get_close_matches(parent.name, names, n=1)
    section = BY_NAME[parent.kind].section
    hint = f"did you mean {close[0]}?" if close else f"declare it under {section}, or give its ARN"
    message = f"{parent.kind} {shown(parent.name)} is not declared"
    _problem(loading, place, "E042", message, hint)


def _problem(loading: _Loading, at: Source, code: str, message: str, hint: str) -> None:
    loading.problems.append(Problem(at.file, at.line, at.column, code, message, hint))


def _parents_first(resources: Mapping[Address, Resource]) -> dict[Address, Resource]:
    """The resources by kind, parents first, then by name: the order in which they can be made."""
    order = {kind.kind: number for number, kind in enumerate(KINDS)}
    depths: dict[Address, int] = {}

    def depth(address: Address) -> int:
        """How many objects of the same kind stand above this one."""
        if address not in depths:
            parents = resources[address].parents().values()
            same = [depth(parent) + 1 for parent in parents if parent.kind == address.kind]
            depths[address] = max(same, default=0)
        return depths[address]

    addresses = sorted(resources, key=lambda a: (order[a.kind], depth(a), a.name))
    return {address: resources[address] for address in addresses}
