"""Looks for drift and tells about it: the options of `drift` go in, its exit code comes out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import Exit, drift_code, worst
from reconciler.cli.notifying import Memory, Notifying
from reconciler.cli.output import abandon_stdout, tell
from reconciler.cli.planning import Planning
from reconciler.cli.progress import Watched, display
from reconciler.cli.state import one_spelling
from reconciler.errors import ReconcilerError, SpecError
from reconciler.findings import QUIET, DriftForm, FailureForm, is_found
from reconciler.history import History, Scope, stamp
from reconciler.reconcile import drift_of
from reconciler.render import summary
from reconciler.safe import safe
from reconciler.spec.problems import FORMAT_VERSION, root_cause

if TYPE_CHECKING:
    from reconciler.aws.session import Session

PICTURES = {"dot", "gitlab", "mermaid"}
"""The formats that show changes or objects, of which drift has none."""
DEFAULT_REGION = "AWS_DEFAULT_REGION"
REASON = 1_000
"""How many characters are told of why a look was none."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The report, and where it is about."""

    document: DriftForm
    place: str
    session: Session | None


def looked(options: Mapping[str, Any]) -> Exit:
    """Look at everything that is declared, write the report, and say on stderr what it amounts to
    where there is something to say. What keeps the history or a channel from being used keeps
    nobody else from the report; that a look was none is told to the channels, too."""
    if wrong := {output.format for output in options["outputs"]} & PICTURES:
        raise click.UsageError(f"{min(wrong)} does not show drift: try html or markdown")
    notifying = Notifying.of(options)
    failed = _history(options, _asked(options))
    try:
        planning = Planning.of(options)
        seen = _seen(planning, options)
    except (click.ClickException, click.Abort):
        raise
    except Exception as error:
        notifying.told_failure(_failure(options, error), failed)
        raise
    history = _history(options, _scope(seen, options))
    document, codes = seen.document, [Exit.DONE]
    if history is not None:
        try:
            document = history.recorded(document, options["since"])
        except ReconcilerError as error:
            tell(f"Error: {error}")
            history, failed, codes = None, None, [Exit.ERROR]
    codes.append(_written(planning, document))
    if not notifying.told(document, Memory(history, failed), seen.session):
        codes.append(Exit.ERROR)
    if is_found(document):
        tell(summary(document))
    return worst(drift_code(document), *codes)


def _asked(options: Mapping[str, Any]) -> Scope:
    """What is known of a look before anything is read: nothing that AWS or the files say, but the
    account that a target of a fleet is about."""
    region = options["region"] or os.environ.get("AWS_REGION") or os.environ.get(DEFAULT_REGION)
    profile = options["profile"] or os.environ.get("AWS_PROFILE")
    place = f"{one_spelling(options['endpoint_url'] or '')} {profile or ''}"
    if options["local"]:
        place = f"local {Path(options['local_store']).resolve()}"
    account, owner = options.get("account") or "", options["owner"] or ""
    return Scope(account, region or "", f"asked {place}", owner, **_files(options))


def _scope(seen: _Seen, options: Mapping[str, Any]) -> Scope:
    target, owner = seen.document["target"], seen.document["owner"]
    place = one_spelling(seen.place)
    return Scope(target["account"], target["region"], place, owner, **_files(options))


def _files(options: Mapping[str, Any]) -> dict[str, Any]:
    """Which files a look is about, whatever folder they are named from."""
    files = (path if path == "-" else os.path.abspath(path) for path in options["paths"])
    return {"files": tuple(files), "base": options["base"] is not None}


def _failure(options: Mapping[str, Any], error: Exception) -> FailureForm:
    from reconciler.aws.masking import without_secrets

    reason = safe(without_secrets(_reason(error.__cause__ or error, error)))
    return {
        "format_version": FORMAT_VERSION,
        "kind": "failure",
        "created": stamp(datetime.now(UTC)),
        "paths": [safe(path) for path in options["paths"]],
        "base": None if options["base"] is None else safe(options["base"]),
        "reason": reason if len(reason) <= REASON else f"{reason[: REASON - 3]}...",
    }


def _reason(cause: BaseException, error: Exception) -> str:
    """Why a look was none: the cause of many problems, and of a bug no more than its type."""
    match cause, error:
        case SpecError(problems=[_, *rest] as every), click.exceptions.Exit():
            first = root_cause(every)
            more = f" (and {len(rest)} more)" if rest else ""
            return f"{first.file}:{first.line}:{first.column}: {first.code} {first.message}{more}"
        case _, ReconcilerError() | OSError():
            return str(error)
    return f"a bug, {type(error).__name__}: stderr of the run says more"


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


def _history(options: Mapping[str, Any], scope: Scope) -> History | None:
    if options["history"] is None:
        return None
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
