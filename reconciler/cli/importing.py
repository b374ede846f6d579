"""Turns live objects into desired-state files: the options of `import` go in, YAML on stdout or in
new files and an exit code come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import click

from reconciler.cli.accepting import compared, planning_of, tell_gaps
from reconciler.cli.exits import Exit
from reconciler.cli.output import echo_data, tell
from reconciler.cli.patches import create
from reconciler.cli.progress import Watched, display
from reconciler.describe import Choice, Description, described, owners
from reconciler.errors import ReconcilerError, SpecError
from reconciler.observe import observe
from reconciler.resource import Desired, Gap, Observed, Target
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
    to = options["to"] if options["to"] != "-" else None
    _write(dict(_texts(found, owner, target, to)), to)
    # What could not be read about one object is told with the objects that are left out for it.
    incomplete = tell_gaps(replace(observed, gaps=_lists(observed)))
    _say(found)
    if not options["owner"] and _has_free(observed):
        tell(
            f"Note: owner is {owner}, the only one here, also of what nobody owns: or give --owner."
        )
    return Exit.ERROR if incomplete or found.left_out else Exit.DONE


def _lists(observed: Observed) -> tuple[Gap, ...]:
    """The reads that failed and would have told of objects that nobody knows of now."""
    return tuple(gap for gap in observed.gaps if gap.address is None)


def _has_free(observed: Observed) -> bool:
    """Whether there is anything that nobody owns."""
    return any(live.owner is None for lives in observed.lives.values() for live in lives)


def _only_owner(observed: Observed) -> str:
    """The owner of everything that has one. Raises when that cannot be told."""
    found = sorted(owners(observed))
    if tell_gaps(observed):
        raise ReconcilerError("who owns what is there could not all be read: give --owner")
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


def _write(texts: dict[str, str], to: str | None) -> None:
    """Write every file, or none when one of them cannot be written."""
    if to is None:
        echo_data("".join(texts.values()).encode())  # files are UTF-8, whatever stdout is
        return
    for path in texts:
        if Path(path).exists():
            raise ReconcilerError(f"{path} exists, and is not overwritten: name another")
    create(texts)
    for path in texts:
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
