"""Edits the files of a command so that they declare what is live: files and a plan go in, patches
or what is in the way come out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from glob import escape

from reconciler.accept import Acceptance, Accepting, remaining
from reconciler.cli.patches import Patch
from reconciler.cli.planning import Run
from reconciler.cli.progress import Watched, display
from reconciler.diff import diff
from reconciler.errors import EditError, ReconcilerError, SpecError, TargetError, UndeclarableError
from reconciler.guards import Allow, wrong_target
from reconciler.kinds import BY_NAME
from reconciler.observe import observe
from reconciler.plan import Plan, make_plan
from reconciler.resource import Desired, Observed
from reconciler.spec import files
from reconciler.spec.document import load
from reconciler.spec.edit import Edit, Outline, edited
from reconciler.spec.source import Limits

BY_HAND = "edit the file by hand"


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
        self._outline = cache(lambda path: Outline.of(self.data[path]))

    def edits(self, acceptance: Acceptance) -> tuple[str, list[Edit]]:
        """The file that an acceptance is about, and what to edit there. A new entry goes to the
        last file that has its section, or else to the last file."""
        section = BY_NAME[acceptance.address.kind].section
        source = acceptance.source
        if source is None:
            having = [path for path in self.data if section in self._outline(path).keys]
            return (having or list(self.data))[-1], list(acceptance.edits(0))
        path = next((f.path for f in self.found.values() if f.name == source.file), None)
        number = None
        if path is not None:
            number = self._outline(path).entries.get((section, source.line, source.column))
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
class Side:
    """What is live, and how to plan from there to what some files declare."""

    observed: Observed
    today: date

    def plan(self, desired: Desired) -> Plan:
        """The plan for these files."""
        return make_plan(desired, self.observed, diff(desired, self.observed, today=self.today))


def look(run: Run) -> tuple[Side, Plan]:
    """What is live now, and the plan for the files as they are. Raises `TargetError` when they are
    for another target."""
    with display() as line:
        observed = observe(Watched(run.api, line), run.target)
    side = Side(observed, run.today)
    plan = side.plan(run.planning.desired)
    for refusal in wrong_target(plan, Allow()):
        raise TargetError(refusal.message)
    return side, plan


@dataclass(frozen=True, slots=True)
class Made:
    """An acceptance, and how it changes files."""

    acceptance: Acceptance
    patches: Sequence[Patch] = ()


class UnwrittenError(EditError):
    """What is accepted cannot be written into the files."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why not all that differs at an address can be written, and patterns of what can."""

    text: str
    rest: Sequence[str] = ()
    undeclarable: bool = False
    """Whether that is because no file can declare it."""


@dataclass(frozen=True, slots=True)
class Writing:
    """The files, and the plan for them from what is live."""

    held: Files
    side: Side
    plan: Plan

    def made(self, address: str, patterns: Collection[str] = ()) -> Made:
        """What accepting the differences of an address writes. Raises `EditError`."""
        acceptance = Accepting(self.plan).accept(address, patterns)
        if acceptance.empty:
            return Made(acceptance)
        patches = self.patches(acceptance)
        try:
            after = self.side.plan(self.held.desired(patches))
        except EditError as error:
            raise UnwrittenError(f"{error}: {BY_HAND}") from error
        if left := list(remaining(after, [acceptance])):
            hint = " (defaults cannot be taken out of one entry)" if "tags." in left[0] else ""
            raise UnwrittenError(f"{left[0]}{hint}: {BY_HAND}")
        return Made(acceptance, patches)

    def patches(self, acceptance: Acceptance) -> list[Patch]:
        """How an acceptance changes files. Raises `UnwrittenError`; whether the files then say
        what they should is another question."""
        try:
            return self.held.patches([acceptance])
        except EditError as error:
            raise UnwrittenError(f"{error}: {BY_HAND}") from error

    def hindrance(self, address: str, patterns: Collection[str], error: EditError) -> Hindrance:
        """What exactly is in the way: each field is tried by itself."""
        fields = Accepting(self.plan).fields(address, patterns)
        if not fields:
            is_placed = isinstance(error, UnwrittenError)
            text = self._placed(address, str(error)) if is_placed else str(error)
            return Hindrance(text, (), isinstance(error, UndeclarableError))
        errors = {fields[0]: error}
        if fields[1:]:
            errors = self._errors(address, fields) or dict.fromkeys(fields, error)
        rest = [escape(field) for field in fields if field not in errors]
        reasons: dict[str, list[str]] = defaultdict(list)
        for field, its in errors.items():
            reasons[str(its).removeprefix(f"{address} ")].append(field)
        text = "; ".join(f"{', '.join(of)}: {why}" for why, of in reasons.items())
        never = all(isinstance(its, UndeclarableError) for its in errors.values())
        return Hindrance(self._placed(address, text), rest, never)

    def _errors(self, address: str, fields: Sequence[str]) -> dict[str, EditError]:
        """The fields that cannot be written, when all others can be written together."""
        accepting = Accepting(self.plan)
        trials: list[Callable[[str], object]] = [  # the quick one first
            lambda pattern: self.patches(accepting.accept(address, [pattern])),
            lambda pattern: self.made(address, [pattern]),
        ]
        for trial in trials:
            errors: dict[str, EditError] = {}
            for field in fields:
                try:
                    trial(escape(field))
                except EditError as error:
                    errors[field] = error
            rest = [escape(field) for field in fields if field not in errors]
            with suppress(EditError):
                if rest:
                    self.made(address, rest)
                if errors:
                    return errors
        return {}

    def _placed(self, address: str, text: str) -> str:
        """A text with where to look, and for what."""
        at = next((s for a, s in self.plan.sources.items() if str(a) == address), None)
        place = f"{at.file}:{at.line}:{at.column}: " if at else ""
        return f"{place}{address}: {text.removeprefix(f'{address} ')}"
