"""Loads the files a command was given: paths go in, `Desired` comes out, or every problem is
shown and the command is over."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import click

from reconciler.cli.exits import Exit
from reconciler.cli.output import Outputs
from reconciler.errors import SpecError
from reconciler.resource import Desired
from reconciler.spec.document import load
from reconciler.spec.problems import Problem


def desired_of(paths: Sequence[str], owner: str | None, outputs: Outputs) -> Desired:
    """What the files declare; wrong files end the command with every problem and no call."""
    try:
        return load(paths, owner=owner, stdin=standard_input())
    except SpecError as error:
        outputs.refuse(problem_document(error.problems))
        raise click.exceptions.Exit(Exit.ERROR) from error


def standard_input() -> BinaryIO | None:
    """Standard input, or None when the shell closed it."""
    return sys.stdin.buffer if sys.stdin is not None else None


def problem_document(
    problems: Sequence[Problem], declared: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The JSON form of what is wrong with files, or of what they declare."""
    return {
        "format_version": "1.0",
        "problems": [problem.as_json() for problem in problems],
        "declared": dict(declared or {}),
    }
