"""Evaluates CEL expressions with cel-python, an extra that is only imported when there are rules.

An expression may take for ever, and nothing here ends it: see `reconciler.cli.evaluating`.
https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from reconciler.errors import ReconcilerError
from reconciler.spec.problems import cut

Failed = tuple[int | None, str]
"""The number of a thing that an expression is not true of, None for all of them, and why that could
not be told, or nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """An expression, and the numbers of the things it has to be true of: `variable` holds one at a
    time."""

    expression: str
    variable: str
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Facts:
    """What expressions are about, as plain data: the things that each variable holds one of at a
    time, and the variables that hold the same all the time."""

    things: dict[str, list[dict[str, Any]]]
    shared: dict[str, Any]


def check() -> None:
    """Raise `ReconcilerError` when cel-python is not installed."""
    if find_spec("celpy") is None:
        raise ReconcilerError("--policy needs cel-python: pip install 'reconciler[policy]'")


def mistake(expression: str) -> str | None:
    """What is wrong with an expression, None when it is CEL."""
    from celpy import Environment
    from celpy.celparser import CELParseError

    try:
        Environment().compile(expression)
    except CELParseError as error:
        return f"line {error.line}, column {error.column} of it is not understood"
    return None


class Evaluator:
    """Evaluates expressions over facts."""

    def __init__(self, facts: Facts) -> None:
        from celpy import Environment
        from celpy.adapter import json_to_cel

        Environment().compile("true")  # makes the parser, which is not the first rule's time
        self._shared = {name: json_to_cel(value) for name, value in facts.shared.items()}
        self._things = {
            name: [json_to_cel(thing) for thing in things] for name, things in facts.things.items()
        }

    def failed(self, job: Job) -> Iterator[Failed]:
        """What the expression is not true of; a result that is no boolean is told as a reason."""
        from celpy import Environment
        from celpy.celtypes import BoolType

        environment = Environment()
        program = environment.program(environment.compile(job.expression))
        things = self._things[job.variable]
        for number in job.numbers:
            try:
                result = program.evaluate({**self._shared, job.variable: things[number]})
            except Exception as error:  # noqa: BLE001  whatever an expression makes cel-python raise
                yield number, _reason(error)
            else:
                if not isinstance(result, BoolType):
                    yield number, f"it gives a {type(result).__name__}, not true or false"
                elif not result:
                    yield number, ""


def _reason(error: Exception) -> str:
    """The first part of what cel-python says: the rest is about its own insides."""
    text = str(error.args[0] if error.args else error).partition(" (in activation")[0]
    text = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", text)
    return cut(" ".join(text.split()) or type(error).__name__, 200)
