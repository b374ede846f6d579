"""Looks for drift and tells about it: the options of `drift` go in, its exit code comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import Exit, drift_code, worst
from reconciler.cli.notifying import Notifying
from reconciler.cli.output import abandon_stdout, tell
from reconciler.cli.planning import Planning
from reconciler.cli.progress import Watched, display
from reconciler.cli.state import one_spelling
from reconciler.errors import ReconcilerError
from reconciler.findings import QUIET, DriftForm, is_found
from reconciler.history import History, Scope, stamp
from reconciler.reconcile import drift_of
from reconciler.render import summary

if TYPE_CHECKING:
    from reconciler.aws.session import Session

PICTURES = {"dot", "gitlab", "mermaid"}
"""The formats that show changes or objects, of which drift has none."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The report, and where it is about."""

    document: DriftForm
    place: str
    session: Session | None


def looked(options: Mapping[str, Any]) -> Exit:
    """Look at everything that is declared, write the report, and say on stderr what it amounts to
    where there is something to say. What keeps the history or a channel from being used keeps
    nobody else from the report."""
    if wrong := {output.format for output in options["outputs"]} & PICTURES:
        raise click.UsageError(f"{min(wrong)} does not show drift: try html or markdown")
    notifying = Notifying.of(options)
    planning = Planning.of(options)
    seen = _seen(planning, options)
    history = _history(seen, options)
    document, codes = seen.document, [Exit.DONE]
    if history is not None:
        try:
            document = history.recorded(document, options["since"])
        except ReconcilerError as error:
            tell(f"Error: {error}")
            history, codes = None, [Exit.ERROR]
    codes.append(_written(planning, document))
    if not notifying.told(document, history, seen.session):
        codes.append(Exit.ERROR)
    if is_found(document):
        tell(summary(document))
    return worst(drift_code(document), *codes)


def _seen(planning: Planning, options: Mapping[str, Any]) -> _Seen:
    base, applied = options["base"], None
    quiet = QUIET - set(options["counting"])
    if planning.allow_pending:
        quiet |= {"waiting"}
    if base is not None:
        from reconciler.cli.revisions import desired_at

        applied = desired_at(base, options["paths"], options["owner"], options.get("variables"))
    with planning.opened() as run, display() as line:
        begun = datetime.now(UTC)
        document = drift_of(
            planning.desired,
            Watched(run.api, line),
            run.target,
            today=run.today,
            applied=applied,
            base=base,
            quiet=quiet,
        )
        return _Seen({**document, "created": stamp(begun)}, run.place, run.session)


def _history(seen: _Seen, options: Mapping[str, Any]) -> History | None:
    if options["history"] is None:
        return None
    target, owner = seen.document["target"], seen.document["owner"]
    scope = Scope(target["account"], target["region"], one_spelling(seen.place), owner)
    return History(Path(options["history"]), scope, timedelta(seconds=options["history_keep"]))


def _written(planning: Planning, document: DriftForm) -> Exit:
    """Write the report; that it cannot be written keeps nobody from being told."""
    try:
        planning.outputs.write(document)
    except ReconcilerError as error:
        tell(f"Error: {error}")
        return Exit.ERROR
    except BrokenPipeError:
        abandon_stdout()
        return Exit.ERROR
    return Exit.DONE
