"""`reconciler drift`: says how live objects differ from the files; cannot write, made for cron."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.options import file_options, option, paths, target_options

QUIET = ("ignored", "pending", "unmanaged")
"""`QUIET` of `reconciler.drift`, whose import would make `--help` slow."""


@click.command(
    epilog="""\b
Examples:
  reconciler drift infra/
  reconciler drift --base HEAD~1 infra/    (what was last applied)
  reconciler drift --count unmanaged --output html=drift.html infra/
\b
Exit codes: 0 as declared, and nothing on stdout - 2 drift
1 not everything could be read - 7 a person has something to do
"""
)
@paths
@target_options
@option(
    "--base",
    metavar="REV",
    help="The Git revision that was last applied: tells drift from what is still to be applied.",
)
@option(
    "--count",
    "counting",
    type=click.Choice(QUIET),
    multiple=True,
    help="Let this count as drift, too. May be repeated.",
)
@option("--allow-pending", is_flag=True, help="Let what waits for a person not count.")
@file_options
def command(**options: Any) -> int:
    """Say how live objects differ from the files. Quiet when they do not; cannot write.

    It reads the objects and how their syncs go, with a client that cannot send anything else.
    """
    from reconciler.cli.drifting import looked

    return looked(options)
