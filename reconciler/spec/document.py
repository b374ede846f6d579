"""Desired-state files in, `Desired` out, or every problem of all files at once.

Files merge: what they declare adds up, and what they say about the whole (owner, account, Region,
defaults) may be said more than once but not differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from reconciler.errors import SpecError
from reconciler.kinds import KINDS
from reconciler.resource import Address, Desired, Resource, Source
from reconciler.spec.crosschecks import Entry, crosschecked
from reconciler.spec.form import SECTIONS, Defaults, Keys
from reconciler.spec.problems import Enough, Problem, Problems, shown
from reconciler.spec.source import Limits, Map, Seq, collector_off, read_sources
from reconciler.spec.source import Source as Parsed
from reconciler.spec.variables import Variables
from reconciler.spec.violations import validated


def load(
    paths: Sequence[str],
    *,
    owner: str | None = None,
    stdin: BinaryIO | None = None,
    limits: Limits | None = None,
    instead: Mapping[str, bytes] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Desired:
    """Read every file that the paths stand for. `owner` goes before the files' own, and what is
    given `instead` of a file's content before that. `variables` are those of the target, and
    replace `${name}` in texts; None where no target gives any.

    Raises `SpecError` with every problem (a thousand at most), sorted by file and position.
    """
    loading = _Loading()
    given = Variables(variables)
    with suppress(Enough):
        sources = read_sources(
            paths,
            loading.problems,
            limits=limits or Limits(),
            stdin=stdin,
            instead=instead,
            variables=given,
        )
        loading.take(sources)
        owner = owner or loading.header.get("owner")
        if owner is None and not loading.problems:
            hint = "write `owner: NAME` at the top of a file, or give --owner"
            name = sources[0].name if sources else paths[0]
            loading.problems.append(Problem(name, 1, 1, "E045", "nobody owns these files", hint))
    if loading.problems or owner is None:
        raise SpecError(sorted(map(given.explained, loading.problems)))
    return loading.desired(owner)


@dataclass(slots=True)
class _Loading:
    """The files as far as they have been understood."""

    problems: Problems = field(default_factory=Problems)
    header: dict[str, Any] = field(default_factory=dict)
    said_at: dict[str, Source] = field(default_factory=dict)
    found: list[Entry] = field(default_factory=list)
    entries: dict[Address, Entry] = field(default_factory=dict)

    def take(self, sources: Sequence[Parsed]) -> None:
        """Understand all files, then what they say about each other."""
        unread = bool(self.problems)
        with collector_off():
            for source in sources:
                self.take_file(source.name, source.content)
            for entry in self.found:
                self.take_entry(entry)
            self.problems.extend(crosschecked(self.found, self.entries, unread=unread))

    def take_file(self, name: str, content: Map) -> None:
        """Understand what a file says about the whole, and find its entries."""
        if "targets" in content:
            text, hint = "this is a targets file", "give it with --targets"
            self._problem(Source(name, *content.keymarks["targets"]), "E030", text, hint)
            return
        keys = {key: value for key, value in content.items() if key not in SECTIONS}
        header = validated(Keys, keys, content, name, self.problems)
        if header is not None:
            for key in sorted(header.model_fields_set - {"version"}):
                self._merge(key, getattr(header, key), Source(name, *content.marks[key]))
        for section, kind in SECTIONS.items():
            if section in content:
                self.found += self._entries(name, content, kind)

    def _merge(self, key: str, value: Any, source: Source) -> None:
        """What files say about the whole may be repeated, not contradicted."""
        first = self.said_at.setdefault(key, source)
        if self.header.setdefault(key, value) != value:
            message = f"{shown(key)} is something else in {first.file}:{first.line}"
            self._problem(source, "E044", message, "say it once, or the same everywhere")

    def _entries(self, name: str, content: Map, kind: type[Resource]) -> Iterator[Entry]:
        entries = content[kind.section]
        if not isinstance(entries, Seq):
            message = f"{shown(kind.section)} has to be a list of entries"
            source = Source(name, *content.marks[kind.section])
            self._problem(source, "E032", message, "write `- ` before each entry, or []")
            return
        for entry, mark in zip(entries, entries.marks, strict=True):
            if isinstance(entry, Map):
                yield Entry(kind, entry, Source(name, *mark))
            else:
                message = f"an entry of {shown(kind.section)} has to be a mapping"
                self._problem(Source(name, *mark), "E032", message, "for example `- name: x`")

    def take_entry(self, entry: Entry) -> None:
        """Validate an entry; its name counts as declared even when the rest is wrong."""
        defaults = self.header.get("defaults", Defaults()).tags
        data: dict[str, Any] = entry.raw
        own = data.get("tags", {})
        if defaults and entry.kind.taggable() and isinstance(own, dict):
            data = {**data, "tags": {**defaults, **own}}
        resource = validated(entry.kind, data, entry.raw, entry.source.file, self.problems)
        name = entry.kind.name_of(entry.raw)
        if name is None:
            return
        address = Address(entry.kind.kind, name)
        if address in self.entries:
            self.problems.append(entry.twice(self.entries[address], str(address)))
        else:
            self.entries[address] = replace(entry, resource=resource)

    def _problem(self, at: Source, code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(at.file, at.line, at.column, code, message, hint))

    def desired(self, owner: str) -> Desired:
        """What the files declare, once no problem is left."""
        resources = {a: e.resource for a, e in self.entries.items() if e.resource is not None}
        ordered = _parents_first(resources)
        return Desired(
            owner=owner,
            resources=ordered,
            sources={address: self.entries[address].source for address in ordered},
            account=self.header.get("account"),
            region=self.header.get("region"),
            ignore_tags=tuple(self.header.get("ignore_tags", ())),
        )


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
