"""Looks for drift and tells about it: the options of `drift` go in, its exit code comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.cli.exits import Exit, drift_code
from reconciler.cli.output import tell
from reconciler.cli.planning import Planning
from reconciler.cli.progress import Watched, display
from reconciler.drift import QUIET, DriftForm, is_found
from reconciler.reconcile import drift_of
from reconciler.render import summary


def looked(options: Mapping[str, Any]) -> Exit:
    """Look at everything that is declared, write the report, and say on stderr what it amounts to
    where there is something to say."""
    planning = Planning.of(options)
    document = _document(planning, options)
    planning.outputs.write(document)
    if is_found(document):
        tell(summary(document))
    return drift_code(document)


def _document(planning: Planning, options: Mapping[str, Any]) -> DriftForm:
    base, applied = options["base"], None
    quiet = QUIET - set(options["counting"])
    if planning.allow_pending:
        quiet |= {"waiting"}
    if base is not None:
        from reconciler.cli.revisions import desired_at

        applied = desired_at(base, options["paths"], planning.desired.owner)
    with planning.opened() as run, display() as line:
        return drift_of(
            planning.desired,
            Watched(run.api, line),
            run.target,
            today=run.today,
            applied=applied,
            base=base,
            quiet=quiet,
        )
