"""Finds what a terminal or a build log would act on: texts go in, what is wrong with them comes
out. Knows nothing of how the program makes text safe."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

SEQUENCE = re.compile(
    r"""\x1b\[ [0-?]* [ -/]* [@-~]   # control sequences
      | \x1b[\]PX^_] .*? (?:\x07|\x1b\\)  # strings for the terminal
      | \x1b [ -/]* [0-~]""",
    re.VERBOSE | re.DOTALL,
)
"""ECMA-48, 5.3 to 5.6."""
COLORS = frozenset(
    {"\x1b[0m", "\x1b[1m", "\x1b[22m", *(f"\x1b[{n}m" for n in (31, 32, 33, 34, 36))}
)
"""The sequences in which this program shows its own words."""
SPINNER = COLORS | {"\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\x1b[1A"}
"""Those with which rich draws a spinner and takes it away again."""
COMMAND = re.compile(r"^\s*::|##\w*\[")
"""What a build log takes for a command: https://docs.github.com/actions (`::` at the start of a
line, `##[` anywhere), https://learn.microsoft.com/azure/devops/pipelines (`##vso[`)."""


def active(text: str, *, own: frozenset[str] = frozenset()) -> list[str]:
    """What in a text does something, apart from line ends and the program's own sequences."""
    found: list[str] = []

    def keep_others(match: re.Match[str]) -> str:
        if match[0] not in own:
            found.append(match[0])
        return ""

    rest = SEQUENCE.sub(keep_others, text)
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    found += [char for char in set(rest) - {"\n"} if unicodedata.category(char) in hidden]
    return found + [line for line in rest.split("\n") if COMMAND.search(line)]


def expect_harmless(*texts: str, own: frozenset[str] = frozenset()) -> None:
    """The texts may be shown anywhere."""
    for text in texts:
        assert active(text, own=own) == []


def without(text: str, own: frozenset[str]) -> str:
    """The text without the program's own sequences."""
    return SEQUENCE.sub(lambda match: "" if match[0] in own else match[0], text)


def strings(document: Any) -> Iterator[str]:
    """Every text in a JSON document, keys too."""
    match document:
        case str():
            yield document
        case list():
            for item in document:
                yield from strings(item)
        case dict():
            for key, item in document.items():
                yield key
                yield from strings(item)


def held(text: str) -> set[str]:
    """Every text that JSON, or JSON a line, holds."""
    try:
        return set(strings(json.loads(text)))
    except ValueError:
        return {found for line in text.split("\n")[:-1] for found in strings(json.loads(line))}
