"""Loads the files a command was given: paths go in, `Desired` comes out, or every problem is
shown and the command is over."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import BinaryIO

import click

from reconciler.cli.exits import Exit
from reconciler.cli.output import Outputs
from reconciler.errors import SpecError
from reconciler.resource import Desired
from reconciler.spec.document import load
from reconciler.spec.problems import problems_document


def desired_of(paths: Sequence[str], owner: str | None, outputs: Outputs) -> Desired:
    """What the files declare; wrong files end the command with every problem and no call."""
    try:
        return load(paths, owner=owner, stdin=standard_input())
    except SpecError as error:
        outputs.refuse(problems_document(error.problems))
        raise click.exceptions.Exit(Exit.ERROR) from error


def standard_input() -> BinaryIO | None:
    """Standard input, or None when the shell closed it."""
    return sys.stdin.buffer if sys.stdin is not None else None
