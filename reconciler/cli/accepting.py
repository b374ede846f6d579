"""Writes what is live into the files that declare it: the options of `accept` and `import --diff`
go in, a diff, edited files and an exit code come out."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from reconciler.accept import Acceptance, Accepting, remaining
from reconciler.cli.editing import BY_HAND, Files, Made, Writing, look
from reconciler.cli.exits import Exit, worst
from reconciler.cli.output import echo_data, is_terminal, tell
from reconciler.cli.patches import Patch
from reconciler.cli.planning import Planning, Run
from reconciler.describe import Choice
from reconciler.errors import (
    EditError,
    ReconcilerError,
    StaleError,
)
from reconciler.kinds import BY_NAME
from reconciler.plan import Plan
from reconciler.resource import Observed


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
    with planning.opened() as run:
        made = _made(run, held, options)
        for note in made.acceptance.notes:
            tell(f"Note: {note}")
        if made.acceptance.empty:
            tell(f"Nothing to accept: {options['address']} {_why(options)}.")
            return Exit.DONE
        for patch in made.patches:
            patch.check()
        show(made.patches)
        if not options["yes"]:
            if not _confirmed(made.patches):
                tell("Nothing was written.")
                return Exit.ERROR
            _check_still(made, run, held, options)
    for patch in made.patches:
        patch.write()
        tell(f"Wrote {patch.name}.")
    return Exit.DONE


def _made(run: Run, held: Files, options: Mapping[str, Any]) -> Made:
    """What is to be written as things are now."""
    side, plan = look(run)
    if tell_gaps(side.observed):
        raise ReconcilerError("nothing was written: what is live is not known for sure")
    writing = Writing(held, side, plan)
    address, patterns = options["address"], options["fields"]
    try:
        return writing.made(address, patterns)
    except EditError as error:
        found = writing.hindrance(address, patterns, error)
        hint = f"; {_others(found.rest)}" if found.rest else ""
        raise EditError(f"{found.text}{hint}") from error


def _others(rest: Iterable[str]) -> str:
    options = " ".join(f"--field {shlex.quote(pattern)}" for pattern in rest)
    return f"accept the others with {options}"


def _check_still(made: Made, run: Run, held: Files, options: Mapping[str, Any]) -> None:
    """Raise `StaleError` when something else would be written now than what was shown."""
    if Files(held.paths, held.owner).data != held.data:
        text = "the files were edited while you were asked; nothing was written: accept again"
        raise StaleError(text)
    try:
        now = _made(run, held, options).patches
    except EditError:
        now = ()
    if now != made.patches:
        text = f"what is live at {options['address']} changed while you were asked"
        raise StaleError(f"{text}; nothing was written: accept again")


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


def compared(options: Mapping[str, Any], choice: Any) -> Exit:
    """Show how the files would change if every difference was accepted; nothing is written."""
    check_paths(options["paths"])
    planning = planning_of(options)
    held = Files(options["paths"], planning.desired.owner)
    with planning.opened() as run:
        side, plan = look(run)
        incomplete = tell_gaps(side.observed)
        every = _Every(Writing(held, side, plan))
        lets = choice(planning.desired.owner)
        for address in every.accepting.addresses():
            if _is_chosen(plan, lets, address):
                every.add(address)
        patches = every.patches()
    show(patches)
    for text in every.failed:
        tell(f"Error: {text}")
    codes = [Exit.DIFFERENCES] * bool(patches or every.differs)
    return worst(*codes, *[Exit.ERROR] * bool(every.failed or incomplete))


class _Every:
    """All that can be accepted, and why the rest cannot. What no file can declare is only a note,
    and a difference where it is about an entry."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing
        self.accepting = Accepting(writing.plan)
        self.made: list[Acceptance] = []
        self.failed: list[str] = []
        self.told: set[str] = set()
        self.differs = False

    def add(self, address: str, patterns: Sequence[str] = ()) -> None:
        """Accept the differences of one more address, as far as it can be seen without writing."""
        try:
            one = self.accepting.accept(address, patterns)
        except EditError as error:
            if patterns:  # not all by itself then, as it was tried
                self.failed.append(str(error))
            else:
                self._hindered(address, error)
            return
        for note in one.notes:
            self._note(note)
        if not one.empty:
            self.made.append(one)

    def patches(self) -> list[Patch]:
        """How all of it changes the files; what cannot be written is tried by itself."""
        held = self.writing.held
        try:
            patches = held.patches(self.made)
        except EditError:
            self._keep(self.writing.patches)
            patches = held.patches(self.made)
        after = self._planned(patches)
        if after is None or not any(remaining(after, self.made)):
            return patches
        wrong = [one for one in self.made if any(remaining(after, [one]))]
        self._keep(lambda one: one in wrong and self.writing.made(str(one.address)))
        patches = held.patches(self.made)
        if (after := self._planned(patches)) is not None:
            self.failed += [f"{text}: {BY_HAND}" for text in remaining(after, self.made)]
        return patches

    def _planned(self, patches: Sequence[Patch]) -> Plan | None:
        """The plan for the files with these patches."""
        try:
            return self.writing.side.plan(self.writing.held.desired(patches))
        except EditError as error:
            self.failed.append(f"{error}: {BY_HAND}")
            return None

    def _keep(self, trial: Callable[[Acceptance], object]) -> None:
        """Keep what raises no `EditError` in a trial, and what can be written of the rest."""
        tried, self.made = self.made, []
        for one in tried:
            try:
                trial(one)
                self.made.append(one)
            except EditError as error:
                self._hindered(str(one.address), error)
        self._refer_to_what_is_kept()

    def _refer_to_what_is_kept(self) -> None:
        """New entries refer by name to what is declared, or is to be, and else by id."""
        accepting = Accepting(self.writing.plan)
        self.made = [accepting.accept(str(m.address)) if m.new else m for m in self.made]

    def _note(self, text: str) -> None:
        if text not in self.told:
            tell(f"Note: {text}")
        self.told.add(text)

    def _hindered(self, address: str, error: EditError) -> None:
        """Say what is in the way, and accept the rest."""
        found = self.writing.hindrance(address, (), error)
        if found.undeclarable:
            self._note(found.text)
            self.differs |= address in map(str, self.writing.plan.sources)
        elif found.text not in self.failed:
            self.failed.append(found.text)
        if found.rest:
            self.add(address, found.rest)


def _is_chosen(plan: Plan, choice: Choice, address: str) -> bool:
    """Whether --kind, --name and --tag let an address through: as it is live, or declared."""
    kind, _, name = address.partition("/")
    live = next((live for live in plan.lives if str(live.address) == address), None)
    resource = next((c.resource for c in plan.changes if str(c.address) == address), None)
    tags = live.tags if live else (resource and resource.wanted_tags) or {}
    if live is not None and resource is None:  # the address of a twin is its ARN
        name = BY_NAME[kind].name_of(live.fields) or name
    return choice.lets(kind, name, tags)
