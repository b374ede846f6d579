"""Parser events in; plain Python objects that know their positions, and problems, out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final, NoReturn

import yaml

from reconciler.spec.files import Unreadable
from reconciler.spec.problems import Problem, shown
from reconciler.spec.scalars import Unquoted, resolve

Position = tuple[int, int]
"""Line and column, both counted from 1."""

Include = Callable[[str], str]
"""From the path written after `!file` to the text of that file; raises `files.Unreadable`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read before giving up.

    `bytes` and `nodes` hold for one file, `files` for one run; `nodes` counts the values inside
    mappings and sequences, `depth` the collections inside each other, the top level included.
    `collections` cost most and are counted as they begin: the one around them may end far below.
    """

    bytes: int = 8 * 1024 * 1024
    depth: int = 32
    nodes: int = 100_000
    collections: int = 50_000
    files: int = 1_000


def position(mark: Any) -> Position:
    """Give the position that one of the parser's marks stands for."""
    return mark.line + 1, mark.column + 1


class Map(dict[str, object]):
    """A mapping that knows where it, its keys and their values stand.

    `begun` and `raw` (of each key and its value, in turn) are the parser's own marks: they become
    positions when somebody asks, which for most entries is never, and all of them at once, since
    whoever asks may do so for every key.
    """

    __slots__ = ("__dict__", "begun", "raw")
    begun: Any
    raw: list[Any]

    @property
    def mark(self) -> Position:
        """The position of the mapping."""
        return position(self.begun)

    @cached_property
    def marks(self) -> dict[str, Position]:
        """The position of each key's value."""
        return dict(zip(self, map(position, self.raw[1::2]), strict=True))

    @cached_property
    def keymarks(self) -> dict[str, Position]:
        """The position of each key."""
        return dict(zip(self, map(position, self.raw[::2]), strict=True))


class Seq(list[object]):
    """A sequence that knows where it and its items stand; `begun` and `raw` are as in `Map`."""

    __slots__ = ("__dict__", "begun", "raw")
    begun: Any
    raw: list[Any]

    @property
    def mark(self) -> Position:
        """The position of the sequence."""
        return position(self.begun)

    @cached_property
    def marks(self) -> list[Position]:
        """The position of each item, in order."""
        return list(map(position, self.raw))


class Refused:
    """The class of `REFUSED`: stands for a value whose problem is already reported."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Give the name of its only instance."""
        return "REFUSED"


REFUSED: Final = Refused()
"""Found in place of an alias or of an unreadable `!file`; checkers pass over it."""


_WRITE_OUT: Final = "write the value out, or put tags that all share under `defaults:`"


class Abandoned(Exception):
    """Reading the file stops here; the problem that says why is already reported."""


class _Plain(dict[str, object]):
    """Plain scalars resolved once each: most of them (keys, enum values) come again and again."""

    def __missing__(self, text: str) -> object:
        value = self[text] = resolve(text)
        return value


class Builder:
    """Builds the objects of one file from parser events, on its own stack."""

    def __init__(
        self, name: str, problems: list[Problem], limits: Limits, include: Include | None
    ) -> None:
        self.name, self.problems, self.limits, self.include = name, problems, limits, include
        self.top: list[object] = []
        self.top_marks: list[Any] = []
        self.ended = False
        self._documents = 0
        self._nodes = 0
        self._collections = 0
        # Entries of one kind repeat the same keys: each combination is checked only once.
        self._good_keys: set[tuple[Any, ...]] = set()

    def report(self, at: Position, code: str, message: str, hint: str = "") -> None:
        """Add a problem at a place in this file; (0, 0) is the file as a whole."""
        self.problems.append(Problem(self.name, *at, code, message, hint))

    def build(self, next_event: Callable[[], Any]) -> None:
        """Take one event after the other; the top-level value ends up in `top`.

        Raises `Abandoned` at a limit, and the parser's own `yaml.YAMLError`. This loop is where
        the time goes: what happens to most events stands here, the rest is called.
        """
        plain = _Plain()
        scalar = yaml.ScalarEvent
        starts = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
        ends: dict[type, Callable[[list[Any], list[Any]], Map | Seq]] = {
            yaml.MappingEndEvent: self._mapping,
            yaml.SequenceEndEvent: self._sequence,
        }
        # The open collection: keys and values alternate while it is a mapping.
        items, marks = self.top, self.top_marks
        stack: list[tuple[list[object], list[Any]]] = []
        # A value is at most four events: start and end of a key, start and end of itself.
        for event in islice(iter(next_event, None), 4 * self.limits.nodes + 8):
            kind = type(event)
            if kind is scalar:
                marks.append(event.start_mark)
                if event.tag is not None or event.anchor is not None:
                    items.append(self._marked_scalar(event))
                elif event.implicit[0]:
                    items.append(plain[event.value])
                else:
                    items.append(event.value)
            elif kind in starts:
                self._check_start(event, len(stack))
                marks.append(event.start_mark)
                stack.append((items, marks))
                items, marks = [], []
            elif kind in ends:
                collection = ends[kind](items, marks)
                items, marks = stack.pop()
                collection.begun = marks[-1]
                items.append(collection)
            elif kind is yaml.AliasEvent:
                marks.append(event.start_mark)
                items.append(self._alias(event))
            else:
                self._boundary(event)
        if not self.ended:
            self._too_many(event.start_mark, f"{self.limits.nodes} values")

    def report_too_deep(self, at: Position) -> None:
        """Say that values are nested too deeply; newer parsers have a limit of their own."""
        self.report(at, "E019", f"nested more than {self.limits.depth} levels deep")

    def _check_start(self, event: yaml.CollectionStartEvent, depth: int) -> None:
        if depth >= self.limits.depth:
            self.report_too_deep(position(event.start_mark))
            raise Abandoned
        self._collections += 1
        if self._collections > self.limits.collections:
            self._too_many(event.start_mark, f"{self.limits.collections} mappings and lists")
        if event.anchor is not None:
            self._anchor(event, event.anchor)
        if event.tag == "!file":
            self._file_needs_path(event)
        elif event.tag is not None:
            self._tag(event, event.tag)

    def _mapping(self, items: list[Any], marks: list[Any]) -> Map:
        self._count(len(items) // 2, marks)
        keys = tuple(items[::2])
        if not self._are_good(keys):
            keep = self._report_keys(keys, marks[::2])
            keys = tuple(keys[i] for i in keep)
            items = [item for i in keep for item in items[2 * i : 2 * i + 2]]
            marks = [mark for i in keep for mark in marks[2 * i : 2 * i + 2]]
        mapping = Map(zip(keys, items[1::2], strict=True))
        mapping.raw = marks
        return mapping

    def _sequence(self, items: list[Any], marks: list[Any]) -> Seq:
        self._count(len(items), marks)
        sequence = Seq(items)
        sequence.raw = marks
        return sequence

    def _count(self, values: int, marks: list[Any]) -> None:
        self._nodes += values
        if self._nodes > self.limits.nodes:
            self._too_many(marks[-1], f"{self.limits.nodes} values")

    def _too_many(self, mark: Any, what: str) -> NoReturn:
        self.report(position(mark), "E020", f"more than {what} in one file", "split the file")
        raise Abandoned

    def _are_good(self, keys: tuple[Any, ...]) -> bool:
        try:
            if keys in self._good_keys:
                return True
        except TypeError:  # a collection, which cannot be looked up, is among the keys
            return False
        good = set(map(type, keys)) <= {str} and len(set(keys)) == len(keys)
        if good:
            self._good_keys.add(keys)
        return good

    def _report_keys(self, keys: tuple[Any, ...], marks: list[Any]) -> list[int]:
        """Give the indexes of the usable keys and report the others."""
        first: dict[str, int] = {}
        for index, key in enumerate(keys):
            at = position(marks[index])
            if not isinstance(key, str):
                self._bad_key(key, at)
            elif key in first:
                line, _ = position(marks[first[key]])
                message = f"key {shown(key)} is written twice, first on line {line}"
                self.report(at, "E015", message, "keep one of the two")
            else:
                first[key] = index
        return list(first.values())

    def _bad_key(self, key: object, at: Position) -> None:
        match key:
            case Refused():
                return
            case Unquoted(text="<<"):
                self.report(at, "E016", "merge keys (`<<`) are not read", _WRITE_OUT)
            case Unquoted(text, what):
                hint = f'quote it ("{shown(text)[1:-1]}")'
                self.report(at, "E014", f"key {shown(text)} is read as {what}", hint)
            case Map() | Seq():
                self.report(at, "E014", "a key must be text, not a collection")
            case None:
                self.report(at, "E014", "a key must be text, not empty or null")
            case _:
                text, what = str(key).lower(), "a boolean" if isinstance(key, bool) else "a number"
                self.report(
                    at, "E014", f"key {shown(text)} is read as {what}", f'quote it ("{text}")'
                )

    def _marked_scalar(self, event: yaml.ScalarEvent) -> object:
        """Give the value of a scalar that has an anchor or a tag."""
        if event.anchor is not None:
            self._anchor(event, event.anchor)
        if event.tag is None:
            return resolve(event.value) if event.implicit[0] else event.value
        if event.tag != "!file":
            self._tag(event, event.tag)
            return event.value
        return self._included(event)

    def _included(self, event: yaml.ScalarEvent) -> object:
        """Give the text of the file that `!file` names, or `REFUSED`."""
        at = position(event.start_mark)
        if not event.value:
            self._file_needs_path(event)
        elif self.include is None:
            self.report(at, "E021", "`!file` has no folder here", "give the YAML as a file")
        else:
            try:
                return self.include(event.value)
            except Unreadable as error:
                message = f"`!file` {shown(event.value)}: {error.message}"
                self.report(at, error.code, message, error.hint)
        return REFUSED

    def _file_needs_path(self, event: yaml.NodeEvent) -> None:
        at = position(event.start_mark)
        self.report(at, "E021", "`!file` needs a path", "write `!file ca.pem`")

    def _alias(self, event: yaml.AliasEvent) -> Refused:
        at = position(event.start_mark)
        self.report(at, "E017", f"alias {shown(f'*{event.anchor}')} is not read", _WRITE_OUT)
        return REFUSED

    def _anchor(self, event: yaml.NodeEvent, anchor: str) -> None:
        at = position(event.start_mark)
        self.report(at, "E017", f"anchor {shown(f'&{anchor}')} is not read", _WRITE_OUT)

    def _tag(self, event: yaml.NodeEvent, tag: str) -> None:
        short = tag.replace("tag:yaml.org,2002:", "!!", 1)
        hint = "remove it, and quote the value if it is text; only `!file PATH` is read"
        self.report(position(event.start_mark), "E018", f"tag {shown(short)} is not read", hint)

    def _boundary(self, event: yaml.Event) -> None:
        """Note the end of the stream, and refuse a second document."""
        if type(event) is yaml.StreamEndEvent:
            self.ended = True
        elif type(event) is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                self.ended = True
                hint = "put it in a file of its own"
                at = position(event.start_mark)
                self.report(at, "E012", "a second document starts here", hint)
                raise Abandoned
