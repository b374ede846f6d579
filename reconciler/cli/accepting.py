"""Writes what is live into the files that declare it: the options of `accept` and `import --diff`
go in, a diff, edited files and an exit code come out."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import click

from reconciler.accept import Acceptance, Accepting, remaining
from reconciler.cli.exits import Exit, worst
from reconciler.cli.output import echo_data, is_terminal, tell
from reconciler.cli.patches import Patch
from reconciler.cli.planning import Planning
from reconciler.cli.progress import Watched, display
from reconciler.describe import Choice
from reconciler.diff import diff
from reconciler.errors import EditError, ReconcilerError, SpecError, TargetError
from reconciler.guards import Allow, wrong_target
from reconciler.kinds import BY_NAME
from reconciler.observe import observe
from reconciler.plan import Plan, make_plan
from reconciler.resource import Desired, Observed
from reconciler.spec import files
from reconciler.spec.document import load
from reconciler.spec.edit import Edit, edited, entry_at, sections_of
from reconciler.spec.source import Limits

WHERE = "edit the file by hand; nothing was written"


class Files:
    """The files that a command was given, in the order in which they are read."""

    def __init__(self, paths: Sequence[str], owner: str) -> None:
        self.paths = paths
        self.owner = owner
        found = (file for path in dict.fromkeys(paths) for file in files.find(path)[0])
        self.found: dict[str, files.Found] = {}
        for file in found:
            self.found.setdefault(file.path, file)
        limit = Limits().bytes
        try:
            self.data = {path: files.read_bytes(path, limit) for path in self.found}
        except files.Unreadable as error:
            raise ReconcilerError(f"{paths[0]}: {error.message}") from error

    def edits(self, acceptance: Acceptance) -> tuple[str, list[Edit]]:
        """The file that an acceptance is about, and what to edit there. A new entry goes to the
        last file that has its section, or else to the last file."""
        section = BY_NAME[acceptance.address.kind].section
        source = acceptance.source
        if source is None:
            having = [path for path in self.data if section in sections_of(self.data[path])]
            return (having or list(self.data))[-1], list(acceptance.edits(0))
        path = next((f.path for f in self.found.values() if f.name == source.file), None)
        number = None
        if path is not None:
            number = entry_at(self.data[path], section, source.line, source.column)
        if path is None or number is None:
            raise EditError(f"{source.file} was edited meanwhile: try again")
        return path, list(acceptance.edits(number))

    def patches(self, acceptances: Iterable[Acceptance]) -> list[Patch]:
        """The files that change, with all of these edits."""
        edits: dict[str, list[Edit]] = defaultdict(list)
        for one in acceptances:
            path, more = self.edits(one)
            edits[path] += more
        made = {path: edited(self.data[path], edits[path]) for path in self.found if path in edits}
        return [
            Patch(self.found[path].name, path, self.data[path], after)
            for path, after in made.items()
            if after != self.data[path]
        ]

    def desired(self, patches: Iterable[Patch]) -> Desired:
        """What the files declare with these patches. Raises `EditError` if they are not valid."""
        instead = {**self.data, **{patch.path: patch.after for patch in patches}}
        try:
            return load(self.paths, owner=self.owner, instead=instead)
        except SpecError as error:
            raise EditError(f"the files would not be valid: {error.problems[0]}") from error


@dataclass(frozen=True, slots=True)
class _Side:
    """What is live, and how to plan from there to what some files declare."""

    observed: Observed
    today: date

    def plan(self, desired: Desired) -> Plan:
        """The plan for these files."""
        return make_plan(desired, self.observed, diff(desired, self.observed, today=self.today))


@contextmanager
def _seen(planning: Planning) -> Iterator[tuple[_Side, Plan]]:
    """What is live, and the plan for the files as they are. Raises `TargetError` when they are for
    another target."""
    with planning.opened() as run:
        with display() as line:
            observed = observe(Watched(run.api, line), run.target)
        side = _Side(observed, run.today)
        plan = side.plan(planning.desired)
        for refusal in wrong_target(plan, Allow()):
            raise TargetError(refusal.message)
        yield side, plan


def planning_of(options: Mapping[str, Any], **more: Any) -> Planning:
    """A planning of a command whose output is YAML or a diff, and no document."""
    return Planning.of({**options, "outputs": (), "color": "never"}, **more)


def check_paths(paths: Sequence[str]) -> None:
    """Standard input cannot be edited."""
    if "-" in paths:
        raise click.UsageError("standard input cannot be edited: name a file or a folder")


def tell_gaps(observed: Observed) -> bool:
    """Say what could not be read; whether that is anything."""
    for gap in observed.gaps:
        what = gap.address or BY_NAME[gap.kind].section
        tell(f"Error: not all could be read: {what}: {gap.reason}")
    return bool(observed.gaps)


def show(patches: Iterable[Patch]) -> None:
    """Write a unified diff to stdout."""
    for patch in patches:
        echo_data("".join(patch.diff()).encode("utf-8", "surrogatepass"))


def accepted(options: Mapping[str, Any]) -> Exit:
    """Show what accepting the differences of an address changes in the files, ask, and write."""
    check_paths(options["paths"])
    if not options["yes"] and not is_terminal(sys.stdin):
        raise click.UsageError("there is no terminal to ask at: give --yes")
    planning = planning_of(options)
    held = Files(options["paths"], planning.desired.owner)
    with _seen(planning) as (side, plan):
        if tell_gaps(side.observed):
            tell("Error: nothing was written: what is live is not known for sure")
            return Exit.ERROR
        acceptance = Accepting(plan).accept(options["address"], options["fields"])
        for note in acceptance.notes:
            tell(f"Note: {note}")
        if acceptance.empty:
            tell(f"Nothing to accept: {options['address']} {_why(options)}.")
            return Exit.DONE
        patches = _checked(held, side, acceptance)
    show(patches)
    if not options["yes"] and not _confirmed(patches):
        tell("Nothing was written.")
        return Exit.ERROR
    for patch in patches:
        patch.write()
        tell(f"Wrote {patch.name}.")
    return Exit.DONE


def _why(options: Mapping[str, Any]) -> str:
    if options["fields"]:
        return f"does not differ in {' or '.join(options['fields'])}"
    return "is as it is declared, as far as files can say"


def _confirmed(patches: Sequence[Patch]) -> bool:
    names = ", ".join(patch.name for patch in patches)
    try:
        return click.confirm(f"Write this to {names}?", err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            return False
        raise


def _checked(held: Files, side: _Side, acceptance: Acceptance) -> list[Patch]:
    """The patches, once it is sure that they do what they are for. Raises `EditError`."""
    try:
        patches = held.patches([acceptance])
        after = side.plan(held.desired(patches))
    except EditError as error:
        raise EditError(f"{_place(acceptance)}: {error}: {WHERE}") from error
    if left := list(remaining(after, [acceptance])):
        hint = " (defaults cannot be taken out of one entry)" if "tags." in left[0] else ""
        raise EditError(f"{_place(acceptance)}: {left[0]}{hint}: {WHERE}")
    return patches


def _place(acceptance: Acceptance) -> str:
    """Where in the files to look, and for what."""
    paths = [path for path in acceptance.paths if path]
    what = f"{acceptance.address}{': ' if paths else ''}{', '.join(paths)}"
    source = acceptance.source
    return f"{source.file}:{source.line}:{source.column}: {what}" if source else what


def compared(options: Mapping[str, Any], choice: Any) -> Exit:
    """Show how the files would change if every difference was accepted; nothing is written."""
    check_paths(options["paths"])
    planning = planning_of(options)
    held = Files(options["paths"], planning.desired.owner)
    with _seen(planning) as (side, plan):
        incomplete = tell_gaps(side.observed)
        chosen = partial(_is_chosen, plan, choice(planning.desired.owner))
        acceptances, failed = _every(held, plan, chosen)
        patches = held.patches(acceptances)
        try:
            for text in remaining(side.plan(held.desired(patches)), acceptances):
                failed.append(text)
        except EditError as error:
            failed.append(str(error))
    show(patches)
    for text in failed:
        tell(f"Error: {text}: edit the file by hand")
    codes = [Exit.DIFFERENCES] * bool(patches) + [Exit.ERROR] * bool(failed or incomplete)
    return worst(*codes)


def _every(held: Files, plan: Plan, chosen: Any) -> tuple[list[Acceptance], list[str]]:
    """Every acceptance that can be written, and why the others cannot."""
    accepting = Accepting(plan)
    made: list[Acceptance] = []
    failed: list[str] = []
    for address in accepting.addresses():
        if not chosen(address):
            continue
        try:
            one = accepting.accept(address)
            for note in one.notes:
                tell(f"Note: {note}")
            if not one.empty:
                made.append(one)
        except EditError as error:
            failed.append(str(error))
    return _writable(held, made, failed), failed


def _writable(held: Files, made: list[Acceptance], failed: list[str]) -> list[Acceptance]:
    """Those that can be written; each is only tried by itself when not all can."""
    with suppress(EditError):
        held.patches(made)
        return made
    kept: list[Acceptance] = []
    for one in made:
        try:
            held.patches([one])
            kept.append(one)
        except EditError as error:
            failed.append(f"{_place(one)}: {error}")
    return kept


def _is_chosen(plan: Plan, choice: Choice, address: str) -> bool:
    """Whether --kind, --name and --tag let an address through: as it is live, or declared."""
    kind, _, name = address.partition("/")
    live = next((live for live in plan.lives if str(live.address) == address), None)
    resource = next((c.resource for c in plan.changes if str(c.address) == address), None)
    tags = live.tags if live else (resource and resource.wanted_tags) or {}
    if live is not None and resource is None:  # the address of a twin is its ARN
        name = BY_NAME[kind].name_of(live.fields) or name
    return choice.lets(kind, name, tags)
