"""Loads the files a command was given: paths go in, `Desired` or rules come out, or every problem
is shown and the command is over."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from reconciler.cli.exits import Exit
from reconciler.cli.output import Outputs
from reconciler.errors import SpecError
from reconciler.resource import Desired
from reconciler.spec.document import load
from reconciler.spec.problems import problems_document

if TYPE_CHECKING:
    from reconciler.policy.rules import Rule


def desired_of(
    paths: Sequence[str],
    owner: str | None,
    outputs: Outputs,
    variables: Mapping[str, str] | None = None,
) -> Desired:
    """What the files declare; wrong files end the command with every problem and no call."""
    try:
        return load(paths, owner=owner, stdin=standard_input(), variables=variables)
    except SpecError as error:
        outputs.refuse(problems_document(error.problems))
        raise click.exceptions.Exit(Exit.ERROR) from error


def rules_of(paths: Sequence[str], outputs: Outputs) -> tuple[Rule, ...]:
    """The rules of policy files; wrong files end the command with every problem and no call.

    Raises `ReconcilerError` when there are files, and what evaluates their rules is not installed.
    """
    if not paths:
        return ()
    from reconciler.policy.cel import check
    from reconciler.policy.rules import load as load_rules

    check()
    try:
        return load_rules(paths)
    except SpecError as error:
        outputs.refuse(problems_document(error.problems))
        raise click.exceptions.Exit(Exit.ERROR) from error


def files_read(options: Mapping[str, Any]) -> list[str]:
    """The files and folders that a command with these options reads, and must not write over."""
    single = (options.get(name) for name in ("plan", "history"))
    return [*options.get("paths", ()), *options.get("policy", ()), *filter(None, single)]


def standard_input() -> BinaryIO | None:
    """Standard input, or None when the shell closed it."""
    return sys.stdin.buffer if sys.stdin is not None else None
