"""Read what is there and show what an apply would do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli.options import (
    check_options,
    file_options,
    guard_options,
    journal,
    option,
    over_targets,
    tags_from,
    target_options,
    target_paths,
)


@click.command(
    epilog="""\b
Examples:
  reconciler plan infra/
  reconciler plan --local examples/quickstart
  reconciler plan --output text --output json=plan.json infra/
  reconciler plan --detailed-exitcode infra/    (2 when there are differences)
  reconciler plan --targets targets.yaml --details plans/
"""
)
@target_paths
@target_options
@tags_from
@guard_options
@check_options
@option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are differences.")
@journal
@file_options
@over_targets
def command(**options: Any) -> int:
    """Read what is there and show what an apply would do. Never writes."""
    from reconciler.cli.planning import Planning
    from reconciler.report import plan_document
    from reconciler.saved import sealed

    planning = Planning.of(options)
    with planning.opened() as run:
        now = datetime.now(UTC)
        plan = run.preflight(run.plan())
        document = sealed(plan_document(plan), created=now, prune=options["prune"])
    return planning.finished(document, detailed=options["detailed_exitcode"])
