"""Plan, ask, carry the plan out, and check that it was."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.arguments import Duration, Fingerprint, OptionalTime
from reconciler.cli.options import (
    check_options,
    file_options,
    guard_options,
    option,
    over_targets,
    target_options,
    target_paths,
    writing_options,
    yes,
)


@click.command(
    cls=OptionalTime.of("--wait", "30m", "a PATH"),
    epilog="""\b
Examples:
  reconciler apply infra/
  reconciler apply --local --wait --yes examples/quickstart
  reconciler apply --yes --wait=1h --output json=report.json infra/
  reconciler apply --plan plan.json infra/
  reconciler apply --targets targets.yaml --target 'tag:test' --yes
""",
)
@target_paths
@target_options
@guard_options
@check_options
@yes
@option(
    "--wait",
    type=Duration(),
    default=0.0,
    metavar="[=TIME]",
    help="Wait for people's approvals and go on (30m unless given).",
)
@option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Do what this saved plan says, or less, without asking; else nothing, exit 6.",
)
@option("--plan-max-age", type=Duration(), metavar="TIME", help="How old the saved plan may be.")
@option(
    "--expect",
    type=Fingerprint(),
    metavar="FINGERPRINT",
    help="Do what the plan with this fingerprint says, without asking; else nothing, exit 6.",
)
@writing_options
@file_options
@over_targets
def command(**options: Any) -> int:
    """Plan, ask, carry the plan out, and check that it was."""
    from reconciler.cli.applying import applied
    from reconciler.cli.expecting import Expected
    from reconciler.cli.planning import Planning

    expected = Expected.of(options)
    planning = Planning.of(options, simulate=True, writes=True)
    return applied(planning, yes=options["yes"], wait=options["wait"], expected=expected)
