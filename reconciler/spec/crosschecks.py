"""Checks what one entry says against the others: names, references, bindings; entries that are
right by themselves go in, problems come out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter

from reconciler.kinds import BY_NAME
from reconciler.resource import Address, Resource, Source, is_arn
from reconciler.spec.problems import Problem, cut, shown
from reconciler.spec.source import Map
from reconciler.spec.violations import Place, position

NAMES = 200
"""Among how many names of a kind a similar one is looked for: each look compares with all."""
LOOKS = 10
"""How many wrong names of one run get a hint: files may hold thousands of them."""
WHOLE = 1100
"""How much of a name, an ARN or an id is repeated: all that is valid, and not megabytes."""
LONGEST = 256
"""How long a name may be to be compared: longer than any valid one, and soon done with."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a section as it stands in a file; `resource` is absent when it is not valid."""

    kind: type[Resource]
    raw: Map
    source: Source
    resource: Resource | None = None

    def problem(self, place: Place, code: str, message: str, hint: str) -> Problem:
        """A problem at a place inside this entry."""
        here = (self.source.line, self.source.column)
        line, column = position(self.raw, place) if place else here
        return Problem(self.source.file, line, column, code, message, hint)

    def twice(self, first: Entry, what: str) -> Problem:
        """The problem that another entry has said this before."""
        where = first.source
        place = f"{where.file}:{where.line}:{where.column}"
        message = f"{cut(what, WHOLE)} is already declared at {place}"
        return self.problem((), "E041", message, "declare it once")


Entries = Mapping[Address, Entry]


class _Similar:
    """Finds the declared name that somebody may have meant."""

    def __init__(self, entries: Entries, *, unread: bool) -> None:
        self.unread = unread
        self.found: dict[Address, str | None] = {}
        self.names: dict[str, list[str]] = {}
        for address in entries:
            names = self.names.setdefault(address.kind, [])
            if len(names) < NAMES and len(address.name) <= LONGEST:
                names.append(address.name)

    def to(self, address: Address) -> str | None:
        """The most similar name of the kind."""
        if address not in self.found and len(self.found) < LOOKS and len(address.name) <= LONGEST:
            close = get_close_matches(address.name, self.names.get(address.kind, ()), 1)
            self.found[address] = close[0] if close else None
        return self.found.get(address)

    def hint(self, address: Address) -> str:
        """What to do about a name that is not declared, as far as is known."""
        if self.unread:
            return "first mend what cannot be read: that may declare it"
        close = self.to(address)
        declare = f"declare it under {BY_NAME[address.kind].section}, or give its ARN"
        return f"did you mean {close}?" if close else declare


def crosschecked(
    found: Sequence[Entry], entries: Entries, *, unread: bool = False
) -> Iterator[Problem]:
    """Every problem between the entries; `found` also has those that are not in `entries`, because
    they have no name or one that is taken. `unread`: there may be more, which could not be read."""
    bound: dict[tuple[str, str], Entry] = {}
    former: dict[Address, Entry] = {}
    taken: dict[tuple[str, str, str], Entry] = {}
    similar = _Similar(entries, unread=unread)
    for entry in found:
        yield from _references(entry, entries, similar)
    for entry in entries.values():
        yield from _ignored_fields(entry)
        if entry.resource is not None:
            yield from _binding(entry, entry.resource, bound)
            yield from _former_names(entry, entry.resource, entries, former)
            yield from _unique_values(entry, entry.resource, taken)
    yield from _cycles({a: sorted(_parents(entries[a], entries)) for a in sorted(entries)}, entries)


def _written_references(entry: Entry) -> Iterator[tuple[str, str, str]]:
    """Each reference as it is written: its field, the kind it refers to, and its text."""
    for name, reference in entry.kind.references().items():
        value = entry.raw.get(name)
        if isinstance(value, str) and value:
            yield name, reference.kind, value


def _parents(entry: Entry, entries: Entries) -> Iterator[Address]:
    for _, kind, value in _written_references(entry):
        if not is_arn(value) and (parent := Address(kind, value)) in entries:
            yield parent


def _references(entry: Entry, entries: Entries, similar: _Similar) -> Iterator[Problem]:
    """A name has to be declared, an ARN has to be one of the kind."""
    for name, kind, value in _written_references(entry):
        if is_arn(value):
            yield from _arn(entry, name, BY_NAME[kind], value)
        elif (address := Address(kind, value)) not in entries:
            message = f"{kind} {shown(value)} is not declared"
            yield entry.problem((name,), "E042", message, similar.hint(address))


def _arn(entry: Entry, name: str, kind: type[Resource], arn: str) -> Iterator[Problem]:
    if re.fullmatch(kind.arn_pattern, arn[:WHOLE]) is None:
        message = f"{shown(name)} is {shown(arn)}, which is not the ARN of a {kind.kind}"
        yield entry.problem((name,), "E037", message, f"it has to match {kind.arn_pattern}")


def _binding(
    entry: Entry, resource: Resource, bound: dict[tuple[str, str], Entry]
) -> Iterator[Problem]:
    """`id` has to be of the form of an id, and binds one entry only."""
    if resource.id is None:
        return
    ids_are_arns = bool(entry.kind.calls.arn) and entry.kind.calls.arn == entry.kind.calls.id
    if ids_are_arns or is_arn(resource.id):
        yield from _arn(entry, "id", entry.kind, resource.id)
    first = bound.setdefault((resource.kind, resource.id_of(resource.id)), entry)
    if first is not entry:
        yield entry.twice(first, f"id {resource.id}")


def _former_names(
    entry: Entry, resource: Resource, entries: Entries, former: dict[Address, Entry]
) -> Iterator[Problem]:
    """A former name leads to one entry, and is nobody's name any more."""
    for number, name in enumerate(resource.previously):
        first = former.setdefault(Address(resource.kind, name), entry)
        if first is not entry:
            yield entry.twice(first, f"the former name {shown(name)}")
        if Address(resource.kind, name) in entries:
            message = f"the former name {shown(name)} is declared too"
            hint = "remove that entry, or the former name"
            yield entry.problem(("previously", number), "E047", message, hint)


def _unique_values(
    entry: Entry, resource: Resource, taken: dict[tuple[str, str, str], Entry]
) -> Iterator[Problem]:
    """What AWS gives to one object only can be declared once."""
    for name in resource.unique:
        value = getattr(resource, name)
        first = taken.setdefault((resource.kind, name, value), entry)
        if first is not entry:
            yield entry.twice(first, f"a {resource.kind} with the {name} {shown(value)}")


def _written_ignores(entry: Entry) -> Iterator[tuple[int, str]]:
    """The number and the field of each ignore rule, as far as they are written as such."""
    rules = entry.raw.get("ignore")
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        field = rule.get("field") if isinstance(rule, dict) else None
        if isinstance(field, str):
            yield number, field


def _ignored_fields(entry: Entry) -> Iterator[Problem]:
    """What is ignored has to exist, and cannot be declared at the same time."""
    kind, resource = entry.kind, entry.resource
    known = {*kind.specs(), *(["tags.KEY"] if kind.taggable() else [])}
    declared = resource.model_fields_set - {"tags"} if resource else ()
    tags = [f"tags.{key}" for key in (resource and resource.wanted_tags) or ()]
    for number, field in _written_ignores(entry):
        root, _, rest = field.partition(".")
        place = ("ignore", number, "field")
        if root not in known and not (root == "tags" and rest and kind.taggable()):
            close = get_close_matches(cut(root, LONGEST), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"fields: {', '.join(sorted(known))}"
            message = f"a {kind.kind} has no field {shown(field)}"
            yield entry.problem(place, "E048", message, hint)
        elif root in declared or any(fnmatchcase(tag, field) for tag in tags):
            message = f"{shown(field)} is declared for this entry"
            yield entry.problem(place, "E046", message, "ignore it or declare it, not both")


def _cycles(graph: dict[Address, list[Address]], entries: Entries) -> Iterator[Problem]:
    """Every reference cycle: each one found is cut, until none is left."""
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            *circle, _ = reversed(error.args[1])
            graph[circle[0]].remove(circle[1 % len(circle)])
            start = circle.index(min(circle))
            first = circle[start]
            around = " -> ".join(map(str, (*circle[start:], *circle[:start], first)))
            hint = "take one of the references out"
            yield entries[first].problem((), "E043", f"reference cycle: {around}", hint)
        else:
            return
