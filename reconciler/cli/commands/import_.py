"""Write live objects as desired-state YAML."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.arguments import KindType, Places, Texts
from reconciler.cli.options import log_options, option, over_targets, owner, tags_from
from reconciler.cli.options import target_options as where


@click.command(
    epilog="""\b
Examples:
  reconciler import --owner platform > connections.yaml
  reconciler import --owner platform --tag team=network --to infra/
  reconciler import --diff infra/
  reconciler import --targets targets.yaml --to accounts/
\b
Exit codes: 0 all that was asked for - 1 something was left out or not read
2 with --diff: there is a difference; what no file can declare is only a note
"""
)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=Places())
@where
@tags_from
@option("--kind", "kinds", type=KindType(), multiple=True, help="Only this kind. May be repeated.")
@option(
    "--name",
    "names",
    type=Texts(),
    multiple=True,
    metavar="GLOB",
    help="Only objects with such a name. May be repeated.",
)
@option(
    "--tag",
    "tags",
    type=Texts(),
    multiple=True,
    metavar="KEY[=VALUE]",
    help="Only objects with this tag. May be repeated: all of them.",
)
@option(
    "--to",
    type=Places(),
    metavar="PATH",
    help="A new file, or a folder/ for one file per section; default stdout.",
)
@option("--diff", is_flag=True, help="Show how the files at PATH would take over what is live.")
@owner
@log_options
@over_targets
def command(**options: Any) -> int:
    """Write live objects as desired-state YAML; with --diff, compare files.

    Planning what it writes changes nothing but ownership (--adopt). Objects of other owners are
    left out. Cannot write to the service.
    """
    from reconciler.cli.importing import imported

    return imported(options)
