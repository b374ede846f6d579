"""Delete what the files declare, children first."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.options import (
    check_options,
    destroy_options,
    file_options,
    paths,
    target_options,
    writing_options,
    yes,
)


@click.command(
    epilog="""\b
Examples:
  reconciler destroy --local examples/quickstart
  reconciler destroy --allow-destroy connection/github-main infra/
"""
)
@paths
@target_options
@destroy_options
@check_options
@yes
@writing_options
@file_options
def command(**options: Any) -> int:
    """Delete what the files declare, children first.

    What is declared but not owned stays. The guards of an apply hold: what a person approved is
    deleted only with --allow-destroy, and protected objects not at all.
    """
    from reconciler.cli.applying import applied
    from reconciler.cli.planning import Planning
    from reconciler.diff import undeclare

    planning = Planning.of(options, compare=undeclare, writes=True, deletes=True)
    return applied(planning, yes=options["yes"], wait=0.0)
