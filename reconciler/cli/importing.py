"""Turns live objects into desired-state files: the options of `import` go in, YAML on stdout or in
new files and an exit code come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import click

from reconciler.cli.accepting import compared, planning_of, tell_gaps
from reconciler.cli.exits import Exit
from reconciler.cli.output import tell
from reconciler.cli.patches import created
from reconciler.cli.progress import Watched, display
from reconciler.describe import Choice, Description, described, owners
from reconciler.errors import ReconcilerError, SpecError
from reconciler.observe import observe
from reconciler.resource import Desired, Observed, Target
from reconciler.spec.document import load
from reconciler.spec.writing import document


def imported(options: Mapping[str, Any]) -> Exit:
    """Write what is live as desired state, or show how files differ from it."""
    choice = partial(Choice, kinds=options["kinds"], names=options["names"], tags=options["tags"])
    if options["diff"]:
        if options["to"] is not None:
            raise click.UsageError("--diff writes nothing: leave --to out")
        if not options["paths"]:
            raise click.UsageError("--diff needs the PATH of a file or folder")
        return compared(options, choice)
    if options["paths"]:
        raise click.UsageError("give --diff to compare files with what is live, or no PATH")
    planning = planning_of(options, desired=Desired(options["owner"] or "", {}, {}))
    with planning.opened() as run, display() as line:
        observed = observe(Watched(run.api, line), run.target)
        target = run.target
    owner = options["owner"] or _only_owner(observed)
    found = described(observed, choice(owner))
    _check(found, owner, target)
    _write(list(_texts(found, owner, target, options["to"])), options["to"])
    incomplete = tell_gaps(observed)
    _say(found)
    return Exit.ERROR if incomplete or found.left_out else Exit.DONE


def _only_owner(observed: Observed) -> str:
    """The owner of everything that has one."""
    found = sorted(owners(observed))
    if len(found) == 1:
        return found[0]
    why = f"{len(found)} own something here: {', '.join(found[:5])}" if found else "nobody owns"
    why += "" if found else " anything here"
    raise click.UsageError(f"give --owner: {why}")


def _texts(
    found: Description, owner: str, target: Target, to: str | None
) -> Iterator[tuple[str, str]]:
    """Each file and its text; one for each section when they go to a folder."""
    header = _header(owner, target)
    if to is None or not _is_folder(to):
        yield to or "-", document(header, found.sections)
        return
    for section, entries in found.sections.items():
        if entries:
            path = str(Path(to) / f"{section}.yaml")
            yield path, document(header, {section: entries})


def _is_folder(path: str) -> bool:
    return path.endswith("/") or Path(path).is_dir()


def _header(owner: str, target: Target) -> dict[str, str]:
    return {"owner": owner, "account": target.account, "region": target.region}


def _check(found: Description, owner: str, target: Target) -> None:
    """Refuse to write what could not be read again."""
    text = document(_header(owner, target), found.sections)
    try:
        load(["-"], stdin=BytesIO(text.encode()))
    except SpecError as error:
        told = f"what is live cannot be declared: {error.problems[0]}"
        raise ReconcilerError(told) from error


def _write(texts: list[tuple[str, str]], to: str | None) -> None:
    """Write every file, or none when one of them is there."""
    if to is None:
        click.echo(texts[0][1], nl=False)
        return
    for path, _ in texts:
        if Path(path).exists():
            raise ReconcilerError(f"{path} exists, and is not overwritten: name another")
    if _is_folder(to):
        Path(to).mkdir(parents=True, exist_ok=True)
    for path, text in texts:
        created(path, text)
        tell(f"Wrote {path}.")


def _say(found: Description) -> None:
    """Say what is not among what was written."""
    if not found.size:
        tell("Nothing was found that could be declared.")
    if found.foreign:
        tell(f"Left out: {found.foreign} of other owners; --owner NAME imports those of one.")
    if found.vanishing:
        tell(f"Left out: {found.vanishing} being deleted.")
    for text in found.left_out:
        tell(f"Error: left out: {text}")
