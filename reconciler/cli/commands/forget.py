"""Give up the ownership of live objects; delete nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from reconciler.cli.options import addresses, file_options, target_options, writing_options, yes


@click.command(
    epilog="""\b
Examples:
  reconciler forget --owner platform connection/github-main
  reconciler forget --local --owner platform repository_link/acme/network
"""
)
@addresses()
@target_options
@yes
@writing_options
@file_options
def command(**options: Any) -> int:
    """Give up the ownership of live objects: remove the owner's tag, delete nothing.

    Needs --owner. The objects stay as they are; declare them again to adopt them.
    """
    from reconciler.cli.applying import applied
    from reconciler.cli.planning import Planning
    from reconciler.diff import forget
    from reconciler.resource import Desired

    if options["owner"] is None:
        raise click.UsageError("give --owner: who is to forget these objects")
    planning = Planning.of(
        options,
        desired=Desired(options["owner"], {}, {}),
        compare=partial(forget, addresses=options["addresses"]),
        writes=True,
    )
    return applied(planning, yes=options["yes"], wait=0.0)
