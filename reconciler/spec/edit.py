"""Edits of desired-state files: the bytes of a file and what is to change in it go in, the same
file with nothing else changed comes out.

What comes out is read again and held against what the edits amount to: a file that cannot be edited
so is refused.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from reconciler.errors import EditError
from reconciler.spec.entries import Section
from reconciler.spec.layout import Layout, Splice, pairs, spliced
from reconciler.spec.problems import Problem
from reconciler.spec.source import parse
from reconciler.spec.writing import Written, literal

Path = tuple[str, ...]
"""The keys that lead to a value inside of an entry."""
_BOM = "\ufeff"
_UNWRITTEN = "it is not written in its entry, and defaults cannot be taken out of one"


@dataclass(frozen=True, slots=True)
class Put:
    """A value (text, list or mapping) of an entry, the number of which counts from 0."""

    section: str
    number: int
    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Drop:
    """A value that an entry is not to have any more."""

    section: str
    number: int
    path: Path


@dataclass(frozen=True, slots=True)
class Remove:
    """An entry that is not to be there any more."""

    section: str
    number: int


@dataclass(frozen=True, slots=True)
class Append:
    """A new entry."""

    section: str
    entry: Written


Edit = Put | Drop | Remove | Append


def edited(data: bytes, edits: Sequence[Edit]) -> bytes:
    """The file with these edits. Raises `EditError` when they cannot be made and leave everything
    else as it is."""
    text = data.decode()
    mark = _BOM if text.startswith(_BOM) else ""
    before = text.removeprefix(_BOM)
    edits = [_literal(edit) for edit in edits]
    after = before
    for step in (_inside, _removed, _appended):
        after = step(after, edits)
    wanted = _expected(_read(before), edits)
    try:
        found = _read(after)
    except EditError:
        found = None
    if found != wanted:
        raise EditError("it stands there in a way that is not understood")
    return (mark + after).encode()


def _literal(edit: Edit) -> Edit:
    """The edit with its value as the file has to say it."""
    match edit:
        case Put():
            return replace(edit, value=literal(edit.value))
        case Append():
            fields = literal(edit.entry.fields or {})
            return replace(edit, entry=replace(edit.entry, fields=fields))
        case _:
            return edit


@dataclass(frozen=True, slots=True)
class Outline:
    """What a file holds: the keys at its top, and where the entries of its sections begin."""

    keys: frozenset[str]
    entries: Mapping[tuple[str, int, int], int]
    """The numbers of entries by section, line and column, counted from 1."""

    @classmethod
    def of(cls, data: bytes) -> Outline:
        """Look at a file. Raises `EditError` for one that is not valid."""
        held = pairs(Layout.of(data.decode().removeprefix(_BOM)).root)
        entries = {
            (str(key.value), item.start_mark.line + 1, item.start_mark.column + 1): number
            for key, items in held
            for number, item in enumerate(
                items.value if isinstance(items, yaml.SequenceNode) else ()
            )
        }
        return cls(frozenset(str(key.value) for key, _ in held), entries)


def _inside(text: str, edits: Sequence[Edit]) -> str:
    """The changes inside of entries, in rounds of one step of each entry: a step moves what the
    next one of its entry is about, and no other entry."""
    layout = Layout.of(text)
    of: dict[tuple[str, int], deque[Put | Drop]] = defaultdict(deque)
    for edit in edits:
        if isinstance(edit, Put | Drop):
            of[edit.section, edit.number].append(edit)
    waiting = list(of.values())
    while waiting:
        found: list[Splice] = []
        for own in waiting:
            steps = list(_steps(Section(layout, own[0].section), own[0]))
            if steps:
                found += steps[0].splices(layout)
            if len(steps) <= 1:
                own.popleft()
        layout = Layout.of(spliced(layout.text, found))
        waiting = [own for own in waiting if own]
    return layout.text


@dataclass(frozen=True, slots=True)
class _Step:
    """One change of a text, made of the layout as it then is."""

    edit: Put | Drop
    item: str | None = None
    """The item of a list that comes or goes."""

    def splices(self, layout: Layout) -> list[Splice]:
        """What to replace."""
        section = Section(layout, self.edit.section)
        node: yaml.Node = section.entry(self.edit.number)
        above: yaml.Node | None = None
        for depth, key in enumerate(self.edit.path[:-1]):
            inner = layout.value(node, key)
            if inner is None:
                return self._from(layout, node, depth, left=section.left)
            above = next(k for k, _ in pairs(_mapping(node)) if k.value == key)
            node = inner
        key = self.edit.path[-1]
        if isinstance(self.edit, Drop):
            if layout.value(node, key) is None:
                raise EditError(_UNWRITTEN)
            return layout.dropped(_mapping(node), key, above)
        if self.item is not None:
            return self._items(layout, layout.value(node, key), self.edit.value, self.item)
        found = layout.value(node, key)
        if found is None:
            return self._from(layout, node, len(self.edit.path) - 1, left=section.left)
        in_flow = bool(getattr(node, "flow_style", False))
        return layout.replaced(found, str(self.edit.value), in_flow=in_flow)

    def _from(self, layout: Layout, node: yaml.Node, depth: int, *, left: bool) -> list[Splice]:
        """Insert what is missing from a depth of the path on."""
        if isinstance(self.edit, Drop):
            raise EditError(_UNWRITTEN)
        value, mapping = self.edit.value, _mapping(node)
        for key in reversed(self.edit.path[depth + 1 :]):
            value = {key: value}
        key = self.edit.path[depth]
        if not mapping.value and not mapping.flow_style:
            raise EditError("its mapping is empty")
        return layout.inserted(mapping, key, value, left=left)

    @staticmethod
    def _items(
        layout: Layout, node: yaml.Node | None, wanted: Sequence[str], item: str
    ) -> list[Splice]:
        if not isinstance(node, yaml.SequenceNode):
            raise EditError("it is no list")
        if item in wanted:
            return layout.item_added(node, item)
        number = next(n for n, one in enumerate(node.value) if one.value == item)
        return layout.item_taken(node, number)


def _mapping(node: yaml.Node) -> yaml.MappingNode:
    if not isinstance(node, yaml.MappingNode):
        raise EditError("it is no mapping")
    return node


def _steps(section: Section, edit: Put | Drop) -> Iterator[_Step]:
    """An edit as single steps: a list that is there gains items, and then loses some."""
    node: yaml.Node | None = section.entry(edit.number)
    for key in edit.path:
        node = section.layout.value(node, key) if node is not None else None
    if isinstance(edit, Drop) or not isinstance(node, yaml.SequenceNode):
        yield _Step(edit)
        return
    if not isinstance(edit.value, Sequence) or isinstance(edit.value, str) or not edit.value:
        raise EditError("it is a list, and would not be one any more")
    held = [str(item.value) for item in node.value]
    for item in edit.value:
        if item not in held:
            yield _Step(edit, item)
    for item in held:
        if item not in edit.value:
            yield _Step(edit, item)


def _removed(text: str, edits: Sequence[Edit]) -> str:
    gone = [(edit.section, edit.number) for edit in edits if isinstance(edit, Remove)]
    for section, number in sorted(gone, reverse=True):
        layout = Layout.of(text)
        text = spliced(text, Section(layout, section).removed(number))
    return text


def _appended(text: str, edits: Sequence[Edit]) -> str:
    new: dict[str, list[Written]] = defaultdict(list)
    for edit in edits:
        if isinstance(edit, Append):
            new[edit.section].append(edit.entry)
    for section, entries in new.items():
        layout = Layout.of(text)
        text = spliced(text, Section(layout, section).appended(entries))
    return text


def _read(text: str) -> Any:
    """What a text says, as our own loader reads it; files that it names are not opened."""
    problems: list[Problem] = []
    content = parse(text, "", problems, include=lambda path: f"!file {path}")
    if problems or content is None:
        raise EditError("the file would not be valid any more")
    return _plain(content)


def _plain(value: Any) -> Any:
    """The same value in collections that can be changed."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _expected(content: Any, edits: Sequence[Edit]) -> Any:
    """What the file has to say afterwards."""
    for edit in edits:
        match edit:
            case Put():
                _put(content[edit.section][edit.number], edit.path, _plain(edit.value))
            case Drop():
                _drop(content[edit.section][edit.number], edit.path)
    gone = {(edit.section, edit.number) for edit in edits if isinstance(edit, Remove)}
    for section in {section for section, _ in gone}:
        kept = enumerate(content[section])
        content[section] = [entry for n, entry in kept if (section, n) not in gone]
    for edit in edits:
        if isinstance(edit, Append):
            content.setdefault(edit.section, []).append(_plain(dict(edit.entry.fields or {})))
    return content


def _put(entry: dict[str, Any], path: Path, value: Any) -> None:
    for key in path[:-1]:
        entry = entry.setdefault(key, {})
    held = entry.get(path[-1])
    if isinstance(held, list) and isinstance(value, list):
        value = [i for i in held if i in value] + [i for i in value if i not in held]
    entry[path[-1]] = value


def _drop(entry: dict[str, Any], path: Path) -> None:
    for key in path[:-1]:
        entry = entry[key]
    del entry[path[-1]]
