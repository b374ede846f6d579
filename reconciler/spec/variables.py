"""Parser events and the variables of a target in; the same events with `${name}` replaced in their
texts, and problems, out.

What is replaced is text, whatever it looks like as YAML, and is not looked at again. Keys, comments
and the files that `!file` names are left alone. `$${` stands for the text `${`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import yaml
from pydantic_core import PydanticCustomError

from reconciler.errors import ReconcilerError
from reconciler.fields import Text
from reconciler.spec.problems import Problem, cut, shown
from reconciler.spec.tree import REFUSED, Abandoned, Builder, Position, position

NAME: Final = "[A-Za-z_][A-Za-z0-9_-]*"
"""What a variable may be called."""
_TOKEN: Final = re.compile(rf"\$\$\{{|\$\{{(?:({NAME})\}})?")
_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_LONGEST: Final = 400
"""How much of the known names a hint repeats."""
_ITSELF: Final = "write `$${` for the text `${` itself"
NextEvent = Callable[[], Any]


class Variables:
    """The variables of one target, if it is one that has them, and where files use which.

    Raises `ReconcilerError` for what cannot be a variable.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = values
        self.sizes = {name: _size(name, text) for name, text in (values or {}).items()}
        self.used: dict[tuple[str, int, int], tuple[str, ...]] = {}

    def replacing(self, next_event: NextEvent, text: str, builder: Builder) -> NextEvent:
        """Give the source of events that has the variables replaced; a file that cannot use any
        keeps its own."""
        possible = "$" in text or "\\" in text  # a quoted text may say "\x24{"
        return _Replacing(next_event, text, builder, self) if possible else next_event

    def explained(self, problem: Problem) -> Problem:
        """Give the problem, and the variables that its value is made of."""
        names = self.used.get((problem.file, problem.line, problem.column))
        if not names:
            return problem
        listed = cut(", ".join(f"`{name}`" for name in names), _LONGEST)
        what = "the variable" if len(names) == 1 else "the variables"
        return replace(problem, message=f"{problem.message}, through {what} {listed}")

    def wrong(self, name: str | None) -> tuple[str, str]:
        """Give the problem with this name in a file, and a hint."""
        if name is None:
            hint = "write `${name}`, the name in letters, digits, _ and -"
            return "`${` begins no variable", f"{hint}; {_ITSELF}"
        if self.values is None:
            hint = f"run with --targets, the file that gives them; {_ITSELF}"
            return f"variable {shown(name)} is used, and there are no variables here", hint
        known = cut(", ".join(sorted(self.values)), _LONGEST) or "none"
        return f"variable {shown(name)} is not known", f"known variables: {known}; {_ITSELF}"


def _size(name: str, text: str) -> int:
    """Give the size of a variable's text in bytes."""
    if re.fullmatch(NAME, name) is None:
        raise ReconcilerError(f"no variable can be called {shown(name)}: it has to match {NAME}")
    try:
        Text().check(text)
    except PydanticCustomError as error:
        what = f"the unprintable character {error.message()}"
        raise ReconcilerError(f"variable {shown(name)} holds {what}: remove it") from error
    return len(text.encode())


class _Replacing:
    """A source of events with the variables in it replaced, for one file."""

    def __init__(
        self, next_event: NextEvent, text: str, builder: Builder, variables: Variables
    ) -> None:
        self.next_event, self.text, self.builder = next_event, text, builder
        self.variables = variables
        self.left = builder.limits.bytes
        # For each collection around: whether a key comes next in a mapping, or None in a list.
        self.key_next: list[bool | None] = [None]

    def __call__(self) -> Any:
        """Give the next event."""
        event = self.next_event()
        kind = type(event)
        if kind is yaml.ScalarEvent:
            if not self.key_next[-1] and "${" in event.value:
                event = _Scalar(self, event).replaced()
            self._node_ends()
        elif kind is yaml.MappingStartEvent:
            self.key_next.append(True)
        elif kind is yaml.SequenceStartEvent:
            self.key_next.append(None)
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            self.key_next.pop()
            self._node_ends()
        elif kind is yaml.AliasEvent:
            self._node_ends()
        return event

    def _node_ends(self) -> None:
        if self.key_next[-1] is not None:
            self.key_next[-1] = not self.key_next[-1]


class _Scalar:
    """One text that holds `${`."""

    def __init__(self, file: _Replacing, event: Any) -> None:
        self.file, self.event = file, event
        self.at = position(event.start_mark)
        self.count = 0
        self.names: dict[str, None] = {}
        self.is_wrong = False
        self.written = enumerate(self._written(), 1)

    def replaced(self) -> yaml.ScalarEvent:
        """Give the event with its text replaced, or with `REFUSED` as its text."""
        event, builder = self.event, self.file.builder
        value: Any = _TOKEN.sub(self._text_for, event.value)
        tag = event.tag
        if self.is_wrong:
            value, tag = REFUSED, None
        else:
            self.file.variables.used[(builder.name, *self.at)] = tuple(self.names)
        marks = event.start_mark, event.end_mark
        return yaml.ScalarEvent(event.anchor, tag, (False, True), value, *marks, event.style)

    def _text_for(self, token: re.Match[str]) -> str:
        self.count += 1
        if token[0] == "$${":
            return "${"
        name, variables = token[1], self.file.variables
        if name not in variables.sizes:
            self.is_wrong = True
            self.file.builder.report(self._place(token[0]), "E022", *variables.wrong(name))
            return ""
        self.file.left -= variables.sizes[name]
        if self.file.left < 0:
            self._too_much()
        self.names[name] = None
        return (variables.values or {})[name]

    def _too_much(self) -> None:
        limit = self.file.builder.limits.bytes
        message = f"variables put more than {limit} bytes into this file"
        self.file.builder.report(self.at, "E005", message, "use fewer, or split the file")
        raise Abandoned

    def _place(self, token: str) -> Position:
        """Give the place of the current token, or of the text where escapes hide it."""
        for number, (written, at) in self.written:
            if number == self.count:
                return at if written == token else self.at
        return self.at

    def _written(self) -> Iterator[tuple[str, Position]]:
        """Give each token as it is written in the file, and its place."""
        text, first = self.file.text, self.event.start_mark.index
        line, column = self.at
        line_begins = first - column + 1
        for token in _TOKEN.finditer(text, first, self.event.end_mark.index):
            for newline in _BREAK.finditer(text, first, token.start()):
                line, line_begins = line + 1, newline.end()
            first = token.start()
            yield token[0], (line, first - line_begins + 1)
