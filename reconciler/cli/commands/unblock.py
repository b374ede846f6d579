"""Resolve what blocks the syncs of a stack."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.arguments import SyncedType, Texts
from reconciler.cli.options import option, output_options, target_options, writing_options, yes

FORMATS = ("text", "json")
"""Those that have something to show of it."""


def _reason(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A reason that says something, as the service takes it (botocore service model)."""
    from reconciler.fields import Text

    try:
        Text().check(value)
    except ValueError:
        value = ""
    if not value.strip() or len(value) > 250:
        raise click.BadParameter("it has to be 1 to 250 printable characters")
    return value


@click.command(
    epilog="""\b
Examples:
  reconciler unblock network-prod --reason "the template is mended"
  reconciler unblock network-prod --reason mended --id 0c58-a0b7b --yes
\b
Exit codes: 0 resolved, or nothing blocks - 1 not resolved - 3 some of them
4 unknown - 6 changed while you were asked, or another run writes there
"""
)
@click.argument("stack", type=SyncedType(), metavar="STACK")
@option(
    "--reason",
    required=True,
    callback=_reason,
    metavar="TEXT",
    help="What was done about it, in up to 250 characters; AWS keeps it with the blocker.",
)
@option(
    "--id",
    "ids",
    type=Texts(),
    multiple=True,
    metavar="BLOCKER",
    help="Only this blocker, as status shows it. May be repeated.",
)
@target_options
@yes
@writing_options
@output_options(*FORMATS)
def command(**options: Any) -> int:
    """Resolve what blocks the syncs of a stack, after which AWS syncs it again.

    A blocker keeps what is in Git from the stack until a person says that its cause is mended.
    """
    from reconciler.cli.unblocking import unblocked

    return unblocked(options, FORMATS)
