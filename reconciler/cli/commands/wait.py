"""Wait until people have finished the handshakes of live objects."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from reconciler.cli.arguments import Duration
from reconciler.cli.options import addresses, file_options, option, target_options


@click.command(
    epilog="""\b
Examples:
  reconciler wait connection/github-main
  reconciler wait --timeout 1h host/ghes connection/ghes-main
"""
)
@addresses()
@target_options
@option(
    "--for",
    "status",
    type=click.Choice(["available"]),
    default="available",
    show_default=True,
    help="What to wait for.",
)
@option(
    "--timeout",
    type=Duration(),
    default="30m",
    show_default=True,
    metavar="TIME",
    help="How long to wait; a look that hangs may take up to 10s more. Then exit 7.",
)
@file_options
def command(**options: Any) -> int:
    """Wait until live objects, and all that they build on, are AVAILABLE; never writes.

    For a sync configuration, say, that is its link's connection, and the host of that. Exit 7 when
    the time is over. What files declare is waited for by apply --wait PATH.
    """
    from dataclasses import replace

    from reconciler.cli.applying import applied
    from reconciler.cli.planning import Planning
    from reconciler.diff import await_
    from reconciler.resource import Desired

    planning = Planning.of(
        options,
        desired=Desired(options["owner"] or "", {}, {}),
        compare=partial(await_, addresses=options["addresses"]),
        simulate=True,
    )
    seconds = options["timeout"]
    return applied(replace(planning, patience=seconds), yes=True, wait=seconds)
