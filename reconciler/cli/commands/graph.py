"""Draw objects and what they refer to, as Mermaid or DOT."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.options import file_options, option, paths, prune, target_options
from reconciler.cli.output import check_formats, tell


@click.command(
    epilog="""\b
Examples:
  reconciler graph infra/
  reconciler graph --of plan --output mermaid=graph.mmd infra/
  reconciler graph --of live --output dot infra/ | dot -Tsvg > live.svg
"""
)
@paths
@option(
    "--of",
    type=click.Choice(["desired", "live", "plan"]),
    default="desired",
    show_default=True,
    help="What to draw; only desired is offline.",
)
@target_options
@prune
@file_options
def command(**options: Any) -> int:
    """Draw objects and references as Mermaid (the default here) or DOT."""
    from reconciler.cli.exits import Exit
    from reconciler.cli.output import Output
    from reconciler.cli.planning import Planning
    from reconciler.graph import desired_graph, live_graph, planned_graph

    check_formats(options["outputs"], ("dot", "json", "mermaid"), "a graph")
    if not any(output.file is None for output in options["outputs"]):
        options["outputs"] = (*options["outputs"], Output("mermaid"))
    planning = Planning.of(options)
    if options["of"] == "desired":
        planning.outputs.write(desired_graph(planning.desired))
        return Exit.DONE
    with planning.opened() as run:
        plan = run.plan()
    planning.outputs.write(live_graph(plan) if options["of"] == "live" else planned_graph(plan))
    for gap in plan.gaps:
        tell(f"Error: not all could be read: {gap.reason}")
    return Exit.ERROR if plan.gaps else Exit.DONE
