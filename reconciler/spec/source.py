"""YAML text, files, folders or standard input in; objects with positions, and problems, out."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

import yaml

from reconciler.spec import files
from reconciler.spec.problems import Problem
from reconciler.spec.scalars import Unquoted
from reconciler.spec.tree import (
    REFUSED,
    Abandoned,
    Builder,
    Include,
    Limits,
    Map,
    Position,
    Refused,
    Seq,
    position,
)
from reconciler.spec.variables import Variables

__all__ = [
    "REFUSED",
    "Include",
    "Limits",
    "Map",
    "Position",
    "Refused",
    "Seq",
    "Source",
    "Unquoted",
    "collector_off",
    "parse",
    "read_sources",
]

LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Source:
    """One file that could be read: the name shown to people and its top-level mapping."""

    name: str
    content: Map


_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""What a YAML stream may not hold: https://yaml.org/spec/1.1/#c-printable."""

_ADVICE: Final = {
    "mapping values are not allowed": 'quote a text that holds ": "',
    "could not find expected ':'": 'write "key: value", with a space after the colon',
    "unexpected end of stream": "a quote or bracket is not closed",
    "did not find expected key": "check the indentation and quotes above",
    "did not find expected '-'": "check the indentation above",
    "did not find expected ','": "a bracket is not closed, or a comma is missing",
    "cannot start any token": "quote a text that starts with this character",
}
"""A part of the parser's message, and what most often mends it."""


def parse(
    data: bytes | str,
    name: str,
    problems: list[Problem],
    *,
    limits: Limits = _DEFAULT_LIMITS,
    include: Include | None = None,
    variables: Variables | None = None,
) -> Map | None:
    """Give the mapping a YAML text holds, adding to `problems` whatever is wrong with it.

    None when there is no mapping, or the text could not be read to its end. `include` reads the
    files that `!file` names; without it the tag is a problem. Without `variables`, a `${` is text
    like any other.
    """
    before = len(problems)
    builder = Builder(name, problems, limits, include)
    text = _decode(data, builder)
    if text is None:
        return None
    complete = False
    with collector_off():
        try:
            next_event = LOADER(text).get_event
            if variables is not None:
                next_event = variables.replacing(next_event, text, builder)
            builder.build(next_event)
            complete = True
        except Abandoned:
            complete = builder.ended
        except yaml.YAMLError as error:
            _report_broken(error, text, builder)
    result = _top_level(builder) if complete else None
    problems[before:] = sorted(problems[before:])
    return result


def read_sources(
    paths: Sequence[str],
    problems: list[Problem],
    *,
    limits: Limits = _DEFAULT_LIMITS,
    stdin: BinaryIO | None = None,
    instead: Mapping[str, bytes] | None = None,
    variables: Variables | None = None,
) -> list[Source]:
    """Give every file that the paths stand for and that holds a mapping, each read once, or with
    what is given `instead` of its content, by the path with all links resolved.

    A path is a file, a folder (the YAML files below it) or "-" (`stdin`, named `<stdin>`).
    """
    found: dict[str, files.Found] = {}
    for path in dict.fromkeys(paths):
        here = ([files.Found("<stdin>", "-", "")], []) if path == "-" else files.find(path)
        for file in here[0]:
            found.setdefault(file.path, file)
        problems.extend(_whole_file(name, error) for name, error in here[1])
    if len(found) > limits.files:
        message = f"{len(found)} files, more than {limits.files}"
        problems.append(Problem(paths[0], 0, 0, "E006", message, "name fewer files"))
        return []
    contents = (
        (file.name, _content(file, problems, limits, stdin, instead or {}, variables))
        for file in found.values()
    )
    return [Source(name, content) for name, content in contents if content is not None]


def _content(
    file: files.Found,
    problems: list[Problem],
    limits: Limits,
    stdin: BinaryIO | None,
    instead: Mapping[str, bytes],
    variables: Variables | None,
) -> Map | None:
    include: Include | None = None
    try:
        if file.path == "-":
            data = files.read_stream(stdin, limits.bytes)
        else:
            data = instead.get(file.path) or files.read_bytes(file.path, limits.bytes)
            include = partial(files.read_text, folder=os.path.dirname(file.path), root=file.root)
    except files.Unreadable as error:
        problems.append(_whole_file(file.name, error))
        return None
    return parse(data, file.name, problems, limits=limits, include=include, variables=variables)


def _whole_file(name: str, error: files.Unreadable) -> Problem:
    return Problem(name, 0, 0, error.code, error.message, error.hint)


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the cyclic garbage collector off: it costs more than building objects does."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _decode(data: bytes | str, builder: Builder) -> str | None:
    """Give the text without its byte order mark; None, with a problem, when it is not UTF-8."""
    encoded = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(encoded) > builder.limits.bytes:
        message = f"larger than {builder.limits.bytes} bytes"
        builder.report((0, 0), "E005", message, "split the file")
        return None
    try:
        return encoded.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        at = _end_of(encoded[: error.start].decode().removeprefix("\ufeff"))
        builder.report(at, "E007", "not UTF-8", "save the file as UTF-8")
        return None


def _end_of(text: str) -> Position:
    """Give the position just after `text`."""
    lines = re.split("\r\n|\r|\n", text)
    return len(lines), len(lines[-1]) + 1


def _report_broken(error: yaml.YAMLError, text: str, builder: Builder) -> None:
    """Report why the parser stopped: its problem and context on one line, at its position."""
    if not isinstance(error, yaml.MarkedYAMLError):
        bad = _FORBIDDEN.search(text)
        start = bad.start() if bad else 0
        message = f"character U+{ord(text[start]):04X} is not allowed in YAML"
        builder.report(_end_of(text[:start]), "E008", message, "remove it")
        return
    mark = error.problem_mark or error.context_mark
    at = position(mark) if mark else (0, 0)
    if mark and text[mark.index : mark.index + 1] == "\t":
        builder.report(at, "E010", "a tab indents this line", "indent with spaces")
        return
    message = error.problem or error.context or str(error)
    if "nesting depth" in message:
        # libyaml 0.2.6 and later look at no more than 1,000 levels ahead.
        builder.report_too_deep(at)
        return
    if error.problem and error.context and "next token" not in error.context:
        begun = f" begun on line {error.context_mark.line + 1}" if error.context_mark else ""
        message += f", {error.context}{begun}"
    hint = next((advice for part, advice in _ADVICE.items() if part in message), "")
    if mark and text[mark.index - 1 : mark.index + 1] == "${":
        hint = "quote a text with ${...} in it between brackets"
    builder.report(at, "E009", " ".join(message.split()), hint)


def _top_level(builder: Builder) -> Map | None:
    """Give the top-level value when it is a mapping, else report what it is."""
    value = builder.top[0] if builder.top else None
    if isinstance(value, Map):
        return value
    if value is None:
        builder.report((0, 0), "E011", "nothing is declared here", "start with `version: 1`")
    elif value is not REFUSED:
        what = "a list" if isinstance(value, Seq) else "a single value"
        message = f"the top level is {what}, not a mapping"
        builder.report(position(builder.top_marks[0]), "E013", message, "start with `version: 1`")
    return None
