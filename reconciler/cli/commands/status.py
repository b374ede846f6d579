"""Show how hosts, connections, links and syncs do."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.arguments import Duration, OptionalTime
from reconciler.cli.options import (
    addresses,
    option,
    output_options,
    over_targets,
    owner_of,
    tags_from,
    target_options,
)

FORMATS = ("text", "json", "markdown", "html")
"""Those that have something to show of it."""


@click.command(
    cls=OptionalTime.of("--watch", "5s", "an ADDRESS"),
    epilog="""\b
Examples:
  reconciler status
  reconciler status --owner platform --watch
  reconciler status --output json sync_configuration/network-prod
  reconciler status --targets targets.yaml
\b
Exit codes: 0 read - 1 not everything could be read. With
--detailed-exitcode, the first that holds: 1 - 7 a person is waited for
2 something else is wrong
""",
)
@addresses(required=False)
@target_options
@tags_from
@owner_of("Only what NAME owns.")
@option(
    "--watch",
    type=Duration(1),
    metavar="[=TIME]",
    help="Look again all the time, every 5s unless given, until Ctrl-C.",
)
@option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit 7 when a person is waited for, else 2 when something is wrong.",
)
@output_options(*FORMATS)
@over_targets
def command(**options: Any) -> int:
    """Show how hosts, connections, links and syncs do. Cannot write.

    The worst comes first: blocked and failing syncs, what is in ERROR, what waits for a person, and
    what to do about it.
    """
    from reconciler.cli.watching import status

    return status(options, FORMATS)
