"""Say how live objects differ from the files; made for cron."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.arguments import AGE, Since, Where
from reconciler.cli.options import (
    file_options,
    option,
    over_targets,
    tags_from,
    target_options,
    target_paths,
)

QUIET = ("ignored", "pending", "unmanaged")
"""`QUIET` of `reconciler.drift`, whose import would make `--help` slow."""


@click.command(
    epilog="""\b
Examples:
  reconciler drift infra/
  reconciler drift --base HEAD~1 infra/    (what was last applied)
  reconciler drift --count unmanaged --output html=drift.html infra/
  reconciler drift --history drift.db --since 24h infra/
  reconciler drift --history drift.db --notify https://HOST/HOOK infra/
  reconciler drift --targets targets.yaml --concurrency 32
\b
Exit codes, the first that holds: 1 not everything could be read
7 a person has something to do - 2 drift - 0 as declared, and silent
"""
)
@target_paths
@target_options
@tags_from
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
@option(
    "--history",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where to remember what was found, and when first; made when it is not there.",
)
@option(
    "--history-keep",
    type=AGE,
    default="1y",
    show_default=True,
    metavar="TIME",
    help="How long to remember runs and what is over.",
)
@option(
    "--since",
    type=Since(),
    metavar="TIME",
    help="List only what is new since then, such as 24h ago or since 2026-01-31 (UTC).",
)
@option(
    "--notify",
    type=Where(),
    multiple=True,
    metavar="WHERE",
    help="Who is told when something changes: https://HOST/..., slack:https://..., the ARN of an "
    "SNS topic or an EventBridge bus, or apprise:URL. May be repeated.",
)
@option(
    "--notify-when",
    type=click.Choice(["change", "always"]),
    default="change",
    show_default=True,
    help="Tell every time, or only what differs from what was told last.",
)
@option(
    "--heartbeat",
    type=AGE,
    metavar="TIME",
    help="Tell at least this often, even when nothing has changed.",
)
@file_options
@over_targets
def command(**options: Any) -> int:
    """Say how live objects differ from the files. Quiet when they do not; cannot write.

    It reads the objects and how their syncs go, with a client that cannot send anything else.
    """
    from reconciler.cli.drifting import looked

    return looked(options)
