"""Edit the files so that they declare what is live."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.arguments import AddressType, Texts
from reconciler.cli.options import log_options, option, owner, paths, target_options, yes


@click.command(
    epilog="""\b
Examples:
  reconciler accept sync_configuration/network-prod infra/
  reconciler accept --field 'tags.*' --yes connection/github-main infra/
\b
Exit codes: 0 written, or nothing to accept - 1 nothing was written
6 what is live, or the file, changed while you were asked
"""
)
@click.argument("address", metavar="ADDRESS", type=AddressType())
@paths
@target_options
@option(
    "--field",
    "fields",
    type=Texts(),
    multiple=True,
    metavar="PATTERN",
    help="Only these differences, such as tags.*. May be repeated.",
)
@yes
@owner
@log_options
def command(**options: Any) -> int:
    """Edit the files so that they declare what is live at ADDRESS.

    Changed fields are written into the entry, a missing object's entry is removed, an undeclared
    object gets one. Every other byte of the files stays as it is.
    """
    from reconciler.cli.accepting import accepted

    return accepted(options)
