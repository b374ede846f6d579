"""A YAML text with its nodes: says which characters to replace so that one value changes, and every
other byte (comments, order, quotes, indentation, line ends) stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from reconciler.errors import EditError
from reconciler.spec.source import LOADER
from reconciler.spec.writing import block, flow

Splice = tuple[int, int, str]
"""From, to, and what comes there instead."""
Span = tuple[int, int]
"""Where an element of a list or mapping begins and ends."""

_COLON: Final = re.compile(r"[ \t]*:")
_REST: Final = re.compile(r"[ \t]*,?[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
"""What may follow the only element of a line inside of brackets."""
_BREAK: Final = re.compile(r"\r\n|\r|\n")
_HEADER: Final = re.compile(r"[|>][-+0-9]*([ \t]+#[^\r\n]*)?")
"""How a text of several lines begins, and the comment there."""
_COMMA: Final = re.compile(r"[ \t]*,")


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """The text with these replacements, none of which overlap."""
    pieces: list[str] = []
    begin = 0
    for start, end, new in sorted(splices):
        pieces += text[begin:start], new
        begin = end
    return "".join(pieces) + text[begin:]


def pairs(node: yaml.MappingNode) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """The keys and values of a mapping."""
    found: list[tuple[yaml.ScalarNode, yaml.Node]] = node.value
    return found


def start(node: yaml.Node) -> int:
    """Where a node begins."""
    index: int = node.start_mark.index
    return index


def column(node: yaml.Node) -> int:
    """How far to the right a node begins."""
    found: int = node.start_mark.column
    return found


def end(node: yaml.Node) -> int:
    """Where a node ends for the parser: for a block of lines, before what follows."""
    index: int = node.end_mark.index
    return index


def quote_of(nodes: Sequence[yaml.Node]) -> str:
    """The quotes that all of these texts stand in; empty when they do not agree."""
    quotes = {node.style or "" for node in nodes if isinstance(node, yaml.ScalarNode)}
    quote = quotes.pop() if len(quotes) == 1 else ""
    return quote if quote in ("'", '"') else ""


@dataclass(frozen=True, slots=True)
class Layout:
    """A text without byte order mark, and the mapping at its top."""

    text: str
    root: yaml.MappingNode

    @classmethod
    def of(cls, text: str) -> Layout:
        """Find the nodes of a text that is valid; raises `EditError` for another one."""
        try:
            root = yaml.compose(text, LOADER)
        except (yaml.YAMLError, RecursionError) as error:
            raise EditError("the file would not be valid YAML any more") from error
        if not isinstance(root, yaml.MappingNode):
            raise EditError("the file holds no mapping")
        return cls(text, root)

    @property
    def newline(self) -> str:
        """How the file ends its lines."""
        found = _BREAK.search(self.text)
        return found[0] if found else "\n"

    def lines(self, text: str) -> str:
        """Generated lines with the line ends of the file."""
        return text.replace("\n", self.newline)

    def line(self, index: int) -> int:
        """Where the line begins."""
        before = self.text.rfind("\n", 0, index), self.text.rfind("\r", 0, index)
        return max(before) + 1

    def line_above(self, first: int) -> int:
        """Where the line above the one that begins here begins."""
        before = first - 2 if self.text[:first].endswith("\r\n") else first - 1
        return self.line(max(before, 0))

    def next_line(self, index: int) -> int:
        """Where the next line begins, or the text ends."""
        found = _BREAK.search(self.text, index)
        return found.end() if found else len(self.text)

    def end(self, node: yaml.Node) -> int:
        """Where a node's content is over, without the line ends and blanks behind it."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self.end(last[1] if isinstance(last, tuple) else last)
        first, after = start(node), end(node)
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            return first + len(self.text[first:after].rstrip())
        return after

    def value(self, node: yaml.Node, key: str) -> yaml.Node | None:
        """The value of a key of a mapping."""
        if not isinstance(node, yaml.MappingNode):
            raise EditError(f"what should hold `{key}` is no mapping")
        return next((value for name, value in pairs(node) if name.value == key), None)

    def after_line(self, index: int, text: str) -> Splice:
        """Put whole lines below the one at an index; the text ends as it did."""
        below = self.next_line(index)
        text = self.lines(text)
        if self.text[below - 1 : below] in ("\n", "\r"):
            return below, below, text
        return below, below, self.newline + text.removesuffix(self.newline)

    def cut(self, first: int, after: int) -> Splice:
        """Take whole lines out; the text ends as it did."""
        if after == len(self.text) and self.text[-1:] not in ("\n", "\r"):
            before = self.text[:first]
            first -= 2 if before.endswith("\r\n") else bool(before)
        return first, after, ""

    def after_colon(self, key: yaml.Node) -> int:
        """Where the value of a key may begin."""
        found = _COLON.match(self.text, key.end_mark.index)
        if found is None:
            raise EditError("a key is not followed by its colon")
        return found.end()

    def replaced(self, node: yaml.Node, value: str, *, in_flow: bool) -> list[Splice]:
        """Another text in the place of one, in the same quotes."""
        if node.tag == "!file":
            raise EditError("it is read with !file: edit that file")
        if not isinstance(node, yaml.ScalarNode):
            raise EditError("it is a collection, and no single value")
        quote = node.style if node.style in ("'", '"') else ""
        header = _HEADER.match(self.text, start(node)) if node.style in ("|", ">") else None
        comment = (header and header[1]) or ""
        return [(start(node), self.end(node), flow(value, quote, outside=not in_flow) + comment)]

    def inserted(self, node: yaml.MappingNode, key: str, value: Any, *, left: bool) -> list[Splice]:
        """One more key, behind the others."""
        held = pairs(node)
        quote, name = quote_of([v for _, v in held]), quote_of([k for k, _ in held])
        if node.flow_style:
            quote = quote if isinstance(value, str) else name
            return self.added(node, self.spans(node), f"{flow(key, name)}: {flow(value, quote)}")
        if isinstance(value, str):
            text = f"{flow(key, name)}: {flow(value, quote, outside=True)}\n"
        else:
            text = block({key: value}, left=left)
        margin = " " * column(node)
        indented = "".join(f"{margin}{line}" for line in text.splitlines(keepends=True))
        return [self.after_line(self.end(node), indented)]

    def dropped(self, node: yaml.MappingNode, key: str, above: yaml.Node | None) -> list[Splice]:
        """A mapping without one of its keys; `above` is the key of the mapping itself."""
        held = pairs(node)
        number = next(n for n, (name, _) in enumerate(held) if name.value == key)
        (name, value) = held[number]
        if value.tag == "!file":
            raise EditError("it is read with !file: edit that file")
        if len(held) == 1:
            return self.emptied(node, above, "{}")
        if node.flow_style:
            return self.taken(self.spans(node), number)
        first = self.line(start(name))
        if not self.text[first : start(name)].strip():
            return [self.cut(first, self.next_line(self.end(value)))]
        return [self._beside_dash(name, value, held[number + 1][0] if held[number + 1 :] else None)]

    def _beside_dash(
        self, name: yaml.Node, value: yaml.Node, following: yaml.Node | None
    ) -> Splice:
        """Take out the key that stands on the line of its entry's dash."""
        if following is None:
            raise EditError("it is the last key of its entry")
        if not self.text[self.next_line(self.end(value)) : start(following)].strip():
            return start(name), start(following), ""
        before = self.text[: start(name)].rstrip(" ")
        over = _BREAK.search(self.text, self.end(value))
        return len(before), over.start() if over else len(self.text), ""

    def emptied(self, node: yaml.Node, above: yaml.Node | None, empty: str) -> list[Splice]:
        """A collection without any element."""
        if getattr(node, "flow_style", False):
            self._check_uncommented(node)
            return [(start(node), end(node), empty)]
        if above is None:
            raise EditError("nothing would be left of it")
        colon = self.after_colon(above)
        first = self.line(start(node))
        return [
            (colon, colon, f" {empty}"),
            self.cut(first, self.next_line(self.end(node))),
        ]

    def _check_uncommented(self, node: yaml.Node) -> None:
        """Raise `EditError` for brackets with a comment between them."""
        last = start(node)
        for token in yaml.scan(self.text[: end(node)], LOADER):
            first = token.start_mark.index
            if first > last and "#" in self.text[last:first]:
                raise EditError("a comment stands between its brackets, and would be lost")
            last = max(last, token.end_mark.index)

    def spans(self, node: yaml.CollectionNode) -> list[Span]:
        """Where each element of a collection begins and ends."""
        if isinstance(node, yaml.MappingNode):
            return [(start(key), self.end(value)) for key, value in pairs(node)]
        return [(start(item), self.end(item)) for item in node.value]

    def added(self, node: yaml.Node, spans: Sequence[Span], text: str) -> list[Splice]:
        """One more element inside of brackets: on a line of its own where the last one is."""
        opening, closing = start(node), end(node)
        if not spans:
            if self.text[opening + 1 : closing - 1].strip():
                raise EditError("a comment stands between empty brackets")
            return [(opening + 1, closing - 1, text)]
        first, after = spans[-1]
        margin = self.text[self.line(first) : first]
        rest = _REST.match(self.text, after)
        if margin.strip() or rest is None:
            return [(after, after, f", {text}")]
        comma = "," if rest[0].lstrip().startswith(",") else ""
        follow = [] if comma else [(after, after, ",")]
        return [*follow, self.after_line(after, f"{margin}{text}{comma}\n")]

    def taken(self, spans: Sequence[Span], number: int) -> list[Splice]:
        """The elements inside of brackets without one: its whole line where that is its own."""
        first, after = spans[number]
        line = self.line(first)
        if not self.text[line:first].strip() and _REST.match(self.text, after):
            return [(line, self.next_line(after), "")]
        begin, follow = after, first
        if number + 1 < len(spans):
            follow = spans[number + 1][0]
        else:
            begin = spans[number - 1][1]
        if "#" not in self.text[after:follow] + self.text[begin:first]:
            return [(min(first, begin), max(after, follow), "")]
        # A comment stands beside it, which may be about what stays on its line.
        comma = _COMMA.match(self.text, after)
        return [(first, comma.end() if comma else after, "")]

    def item_added(self, items: yaml.SequenceNode, item: str) -> list[Splice]:
        """One more text at the end of a list."""
        quote = quote_of(items.value)
        if items.flow_style:
            return self.added(items, self.spans(items), flow(item, quote))
        first = self.dash(items, len(items.value) - 1)
        last = start(items.value[-1])
        before = self.text[first:last]
        dash = (
            before if before.strip() == "-" and "\n" not in before else " " * column(items) + "- "
        )
        text = f"{dash}{flow(item, quote, outside=True)}\n"
        return [self.after_line(self.end(items), text)]

    def item_taken(self, items: yaml.SequenceNode, number: int) -> list[Splice]:
        """A list without one of its items, of which others are left."""
        if items.flow_style:
            return self.taken(self.spans(items), number)
        first = self.dash(items, number)
        return [self.cut(first, self.next_line(self.end(items.value[number])))]

    def dash(self, items: yaml.SequenceNode, number: int) -> int:
        """Where the line with the dash of an item begins."""
        margin = column(items)
        line = self.line(start(items.value[number]))
        while self.text[line : line + margin + 1] != " " * margin + "-":
            if line == 0:
                raise EditError("an item stands in an unusual place")
            line = self.line_above(line)
        return line
