"""Whole entries of a file's sections: takes them out with the comments that belong to them, and
puts new ones in, in the style of the file; a layout goes in, splices come out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from reconciler.errors import EditError
from reconciler.spec.layout import Layout, Splice, column, end, pairs, quote_of, start
from reconciler.spec.writing import Written, block, commented, flow

_COMMENT: Final = re.compile(r"( *)#")
_BLANK: Final = re.compile(r"[ \t]*(?:\r\n|\r|\n)")


class Section:
    """One section of a file, there or not."""

    def __init__(self, layout: Layout, name: str) -> None:
        self.layout = layout
        self.name = name
        held = [(key, value) for key, value in pairs(layout.root) if key.value == name]
        self.key: yaml.Node | None = held[0][0] if held else None
        self.items: yaml.SequenceNode | None = None
        if held:
            if not isinstance(held[0][1], yaml.SequenceNode):
                raise EditError(f"`{name}` is no list")
            self.items = held[0][1]

    def entry(self, number: int) -> yaml.MappingNode:
        """An entry by its number, counted from 0."""
        found = self.items.value[number] if self.items is not None else None
        if not isinstance(found, yaml.MappingNode):
            raise EditError(f"`{self.name}` has no such entry")
        return found

    @property
    def left(self) -> bool:
        """Whether the file writes lists below their key, and not further to the right."""
        held = [(key, value) for key, value in pairs(self.layout.root)]
        blocks = [(k, v) for k, v in held if isinstance(v, yaml.SequenceNode) and not v.flow_style]
        same = [column(key) == column(items) for key, items in blocks if items.value]
        return bool(same) and all(same)

    def removed(self, number: int) -> list[Splice]:
        """The section without one entry."""
        layout, items = self.layout, self.items
        if items is None:
            raise EditError(f"`{self.name}` has no such entry")
        if items.flow_style:
            if len(items.value) == 1:
                return layout.emptied(items, self.key, "[]")
            return layout.taken(layout.spans(items), number)
        first, after = self._lines_of(items, number)
        splices = [layout.cut(first, after)]
        if len(items.value) == 1 and self.key is not None:
            colon = layout.after_colon(self.key)
            splices.append((colon, colon, " []"))
        return splices

    def _lines_of(self, items: yaml.SequenceNode, number: int) -> tuple[int, int]:
        """The lines of an entry: its comments directly above and inside, and blank lines that would
        follow other ones."""
        layout, text = self.layout, self.layout.text
        first = layout.dash(items, number)
        while first:
            above = layout.line_above(first)
            found = _COMMENT.match(text, above)
            if found is None or len(found[1]) != column(items):
                break
            first = above
        after = self._inside(layout.next_line(layout.end(items.value[number])), column(items))
        is_blank = first > 0 and _BLANK.match(text, layout.line_above(first)) is not None
        only = len(items.value) == 1
        while (is_blank or number == 0) and not only and (found := _BLANK.match(text, after)):
            after = found.end()
        while is_blank and after == len(text) and _BLANK.match(text, layout.line_above(first)):
            first = layout.line_above(first)
        return first, after

    def _inside(self, index: int, margin: int) -> int:
        """Past the comments that stand further to the right than a margin."""
        while (found := _COMMENT.match(self.layout.text, index)) and len(found[1]) > margin:
            index = self.layout.next_line(index)
        return index

    def appended(self, entries: Sequence[Written]) -> list[Splice]:
        """The section with more entries at its end."""
        if self.items is None or self.key is None:
            return self._begun(entries)
        if self.items.flow_style and (self.items.value or self.layout.root.flow_style):
            return self._in_brackets(self.items, entries)
        if not self.items.value:
            colon = self.layout.after_colon(self.key)
            lines = "".join(self._lines(entries, self._margin(column(self.key)), in_flow=False))
            return [
                (colon, end(self.items), ""),
                self.layout.after_line(end(self.items), lines),
            ]
        last = self.items.value[-1]
        in_flow = bool(getattr(last, "flow_style", False))
        margin = " " * column(self.items)
        gap = "\n" if self._is_apart(self.items) else ""
        lines = "".join(gap + one for one in self._lines(entries, margin, in_flow=in_flow))
        return [self._below(last, column(self.items), lines)]

    def _below(self, node: yaml.Node, margin: int, lines: str) -> Splice:
        """Lines below a node and the comments inside of it."""
        after = self._inside(self.layout.next_line(self.layout.end(node)), margin)
        return self.layout.after_line(after - 1, lines) if after else (0, 0, lines)

    def _is_apart(self, items: yaml.SequenceNode) -> bool:
        """Whether blank lines stand between the entries."""
        if len(items.value) < 2:
            return False
        between = self.layout.text[self.layout.end(items.value[-2]) : start(items.value[-1])]
        return (
            re.search(r"(?:\n|\r)[ \t]*(?:\r\n|\n|\r)", between.replace("\r\n", "\n")) is not None
        )

    def _margin(self, beside: int) -> str:
        """How far to the right the dashes of a new section stand."""
        return " " * (beside if self.left else beside + 2)

    def _begun(self, entries: Sequence[Written]) -> list[Splice]:
        """The section at the end of a file that did not have it."""
        root, layout = self.layout.root, self.layout
        if root.flow_style:
            held = [dict(one.fields or {}) for one in entries]
            quote = quote_of([key for key, _ in pairs(root)])
            text = f"{flow(self.name, quote)}: {flow(held, quote)}"
            return layout.added(root, layout.spans(root), text)
        lines = "".join(self._lines(entries, self._margin(column(root)), in_flow=False))
        before = pairs(root)[-1][1]
        text = f"\n{' ' * column(root)}{self.name}:\n{lines}"
        return [self._below(before, column(root), text)]

    def _in_brackets(self, items: yaml.SequenceNode, entries: Sequence[Written]) -> list[Splice]:
        inside = items.value[-1] if items.value else self.layout.root
        keys = [key for key, _ in pairs(inside)] if isinstance(inside, yaml.MappingNode) else []
        quote = quote_of(keys)
        text = ", ".join(flow(dict(one.fields or {}), quote) for one in entries)
        return self.layout.added(items, self.layout.spans(items), text)

    def _lines(self, entries: Sequence[Written], margin: str, *, in_flow: bool) -> Iterator[str]:
        """Each entry as lines."""
        for one in entries:
            lines = commented(one.notes) + self._body(dict(one.fields or {}), in_flow=in_flow)
            yield "".join(f"{margin}{line}" for line in lines.splitlines(keepends=True))

    def _body(self, fields: Mapping[str, Any], *, in_flow: bool) -> str:
        if in_flow:
            return f"- {flow(dict(fields))}\n"
        return block([dict(fields)], left=self.left)
