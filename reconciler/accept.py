"""Says how the files have to change so that what is live becomes what is declared: a plan goes in,
acceptances and the edits they take come out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from reconciler.bind import key_of, own_address
from reconciler.compare import FieldChange
from reconciler.describe import arns, entry_of, written, wrong_with
from reconciler.diff import Change
from reconciler.errors import EditError, UndeclarableError
from reconciler.kinds import BY_NAME, KINDS
from reconciler.plan import Plan
from reconciler.resource import Address, Live, Resource, Source, is_arn
from reconciler.spec.edit import Append, Drop, Edit, Put, Remove
from reconciler.spec.writing import Written

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the files have to say about one object: other `values` (None: none at all) in the entry
    at `source`, no entry at all, or a `new` one. `after` is its address then, `paths` are the
    differences this accepts, and `notes` say what of it cannot be accepted."""

    address: Address
    after: Address
    source: Source | None = None
    values: tuple[tuple[Path, Any], ...] = ()
    new: Written | None = None
    paths: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def gone(self) -> bool:
        """Whether the entry is to be removed."""
        return self.source is not None and not self.values and "" in self.paths

    @property
    def empty(self) -> bool:
        """Whether there is nothing to accept."""
        return not self.values and not self.gone and self.new is None

    def edits(self, number: int) -> Iterator[Edit]:
        """The edits of the file with the entry of this number."""
        section = BY_NAME[self.address.kind].section
        if self.new is not None:
            yield Append(section, self.new)
        if self.gone:
            yield Remove(section, number)
        for path, value in self.values:
            if value is not None:
                yield Put(section, number, path, value)
        for path, value in self.values:
            if value is None:
                yield Drop(section, number, path)


class Accepting:
    """The acceptances of one plan; each makes what it declares known to the next ones."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.changes = {str(c.address): c for c in plan.changes}
        self.lives = {str(live.address): live for live in plan.lives}
        self.declared = set(plan.sources)
        self.references = arns(plan.lives)
        for change in plan.changes:
            if change.resource is not None and change.live is not None:
                self._is_declared(change.live, change.address)

    def addresses(self) -> list[str]:
        """Everything about which the files and what is live differ, or may, and that others do not
        own."""
        found = {c.address: None for c in self.plan.work if c.resource is not None}
        bound = {c.address for c in self.plan.changes}
        found |= {address: None for address in self.plan.sources if address not in bound}
        doubted = set(self.plan.sources) - bound - {f.address for f in self._lost()}
        order = [kind.kind for kind in KINDS]
        for live in sorted(self.plan.lives, key=lambda v: (order.index(v.address.kind), v.address)):
            ours = live.owner in (None, self.plan.owner) and not live.vanishing
            ours = ours and own_address(live) not in doubted
            change = self.changes.get(str(live.address))
            renamed = change is not None and change.successor is not None
            if ours and live.address not in self.declared and not renamed:
                found[live.address] = None
        return [str(address) for address in found]

    def accept(self, address: str, patterns: Collection[str] = ()) -> Acceptance:
        """What accepting the differences of an address takes. Raises `EditError` when they cannot
        be written, or there is nothing at the address."""
        change, live = self.changes.get(address), self.lives.get(address)
        if change is not None and change.resource is not None and change.live is not None:
            return self._changed(change, change.resource, change.live, patterns)
        lost = any(str(finding.address) == address for finding in self._lost())
        if lost or (change is not None and change.resource is not None):
            return self._gone(_address(address), change, patterns)
        for finding in self.plan.findings:
            if finding.level == "error" and str(finding.address) == address:
                raise EditError(f"{address}: {finding.message}")
        if live is None:
            raise EditError(self._nothing(address))
        if patterns:
            raise EditError(f"{address} is not declared: without --field it gets an entry")
        return self._new(live)

    def fields(self, address: str, patterns: Collection[str]) -> list[str]:
        """The paths of all that accepting an entry's differences would write, one by one."""
        change = self.changes.get(address)
        if change is None or change.resource is None or change.live is None:
            return []
        return [field.path for field in _wanted(change, change.live, patterns)]

    def _gone(
        self, address: Address, change: Change | None, patterns: Collection[str]
    ) -> Acceptance:
        """No entry for what is not there, unless it is there under a former name."""
        if patterns:
            raise EditError(f"{address} is not there: without --field its entry is removed")
        resource = change.resource if change is not None else None
        former = {Address(address.kind, n) for n in (resource.previously if resource else ())}
        for live in self.plan.lives:
            if own_address(live) in former and live.address not in self.plan.sources:
                text = f"{address} is not there, but {live.address} is, from which it is renamed"
                raise EditError(f"{text} (`previously`): apply that, or undo it by hand")
        return Acceptance(address, address, self.plan.sources[address], paths=("",))

    def _nothing(self, address: str) -> str:
        """What there is instead of an address that is no entry's and no object's."""
        kind, _, name = address.partition("/")
        id_ = BY_NAME[kind].id_of(name) if is_arn(name) else None
        named = [
            live.address
            for live in self.plan.lives
            if str(own_address(live)) == address or key_of(live) == (kind, id_)
        ]
        if len(named) > 1:
            text = f"{len(named)} live objects are {address}: accept one of them by its address"
            return f"{text}: {', '.join(map(str, sorted(named)))}"
        if named:
            source = self.plan.sources.get(named[0])
            place = f" ({source.file}:{source.line}:{source.column})" if source else ""
            how = f"declared as {named[0]}{place}" if source else f"called {named[0]}"
            return f"what is live at {address} is {how}: accept {named[0]}"
        known = [*map(str, self.plan.sources), *self.lives]
        close = get_close_matches(address, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "`reconciler import` shows what is live"
        return f"nothing is declared or live at {address}: {hint}"

    def _lost(self) -> list[Any]:
        """The entries that are bound to objects that are not there any more."""
        return [f for f in self.plan.findings if f.code == "id_not_found" and f.address]

    def _is_declared(self, live: Live, address: Address) -> None:
        self.declared.add(address)
        if not is_arn(address.name):
            self.references[key_of(live)] = address.name

    def _new(self, live: Live) -> Acceptance:
        """A whole new entry."""
        address, kind = live.address, BY_NAME[live.address.kind]
        if live.vanishing:
            raise EditError(f"{address} is being deleted")
        if live.owner not in (None, self.plan.owner):
            raise EditError(
                f"{address} is owned by {live.owner}, which is not accepted: "
                "declare it by hand and apply with --take-over"
            )
        change = self.changes.get(str(address))
        if change is not None and change.successor is not None:
            text = f"{address} is being renamed to {change.successor} (`previously`)"
            raise EditError(f"{text}: apply that, or undo it by hand")
        own = own_address(live)
        entry, after = entry_of(live, self.references), own
        if own in self.declared or address != own:
            entry["id"] = live.arn or live.id
        if own in self.declared:
            if len(kind.naming) > 1:
                text = f"{address} cannot be declared: another entry is {own} already"
                raise UndeclarableError(text)
            after = self._free(own)
            entry[kind.naming[0]] = after.name
        if why := wrong_with(kind, entry):
            raise UndeclarableError(f"{address} cannot be declared: {why}")
        self._is_declared(live, after)
        return Acceptance(address, after, new=Written(entry), paths=("",))

    def _free(self, own: Address) -> Address:
        numbers = range(2, len(self.declared) + 3)
        every = (replace(own, name=f"{own.name}-{number}") for number in numbers)
        return next(one for one in every if one not in self.declared)

    def _changed(
        self, change: Change, resource: Resource, live: Live, patterns: Collection[str]
    ) -> Acceptance:
        """Other values of an entry that is there."""
        values: dict[Path, Any] = {}
        paths: list[str] = []
        notes: list[str] = []
        notes += _left(change, live, patterns)
        for field in _wanted(change, live, patterns):
            path = _path(field)
            value = self._value(resource, live, path)
            if len(path) == 1 and value is not None and value == getattr(resource, path[0]):
                text = f"{change.address}: {field.path} is {value} on both sides: what it names is"
                notes.append(f"{text} to be made again, so accept that")
                continue
            values[path] = value
            paths.append(field.path)
        data = _with(resource, values)
        if values and (why := wrong_with(type(resource), data)):
            values |= self._aligned(resource, live, data)
            data = _with(resource, values)
            if why := wrong_with(type(resource), data):
                raise UndeclarableError(f"{change.address} cannot be declared so: {why}")
        after = Address(resource.kind, resource.name_of(data) or "")
        source = self.plan.sources[change.address]
        made = tuple(values.items())
        return Acceptance(
            change.address, after, source, made, paths=tuple(paths), notes=tuple(notes)
        )

    def _value(self, resource: Resource, live: Live, path: Path) -> Any:
        """What is live at a path, as files write it; None where there is nothing."""
        if path[0] == "protect":
            return live.protect
        if path[0] == "tags":
            return live.tags.get(path[1])
        held = live.fields.get(path[0])
        if held is None:
            return None
        value = written(resource.specs()[path[0]], held, self.references)
        for key in path[1:]:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def _aligned(self, resource: Resource, live: Live, data: dict[str, Any]) -> dict[Path, Any]:
        """What makes an object what it is, and goes together: all of it as it is live."""
        held = entry_of(live, self.references)
        names = [n for n, s in resource.specs().items() if s.immutable and n not in resource.naming]
        return {(n,): held.get(n) for n in names if held.get(n) != data.get(n)}


def remaining(plan: Plan, acceptances: Sequence[Acceptance]) -> Iterator[str]:
    """What a plan made of the edited files still shows of what was accepted."""
    changes = {change.address: change for change in plan.changes}
    for one in acceptances:
        if one.gone:
            continue
        change = changes.get(one.after)
        if change is None or change.live is None:
            yield f"{one.after} would not be the object it is meant to be"
            continue
        left = {field.path for field in change.fields} - {"owner"}
        if wrong := sorted(left if one.new is not None else left & set(one.paths)):
            yield f"{one.after} would still differ in {', '.join(wrong)}"


def _wanted(change: Change, live: Live, patterns: Collection[str]) -> Iterator[FieldChange]:
    """The differences that are to be accepted. Owners never are, and a protection does not go
    unless it is named."""
    for field in change.fields:
        kept = field.path == "owner" or _is_protection(field, live, patterns)
        named = not patterns or any(fnmatchcase(field.path, pattern) for pattern in patterns)
        if named and not kept:
            yield field


def _left(change: Change, live: Live, patterns: Collection[str]) -> Iterator[str]:
    """What to say of the differences that are never accepted, or not without being named."""
    for field in change.fields:
        if field.path == "owner":
            yield _of_owner(change, live)
        elif _is_protection(field, live, patterns):
            yield f"{change.address}: `protect` stays: --field protect takes it out"


def _is_protection(field: FieldChange, live: Live, patterns: Collection[str]) -> bool:
    return field.path == "protect" and live.protect is None and not patterns


def _address(text: str) -> Address:
    kind, _, name = text.partition("/")
    return Address(kind, name)


def _of_owner(change: Change, live: Live) -> str:
    if live.owner is None:
        return f"{change.address} is owned by nobody, which is not accepted: apply with --adopt"
    text = f"{change.address} is owned by {live.owner}, which is not accepted"
    return f"{text}: apply with --take-over, or remove the entry"


def _path(field: FieldChange) -> Path:
    root, dot, rest = field.path.partition(".")
    if not dot:
        return (root,)
    return (root, rest) if root == "tags" else (root, *rest.split("."))


def _with(resource: Resource, values: dict[Path, Any]) -> dict[str, Any]:
    """The data of an entry with other values."""
    data = resource.model_dump(exclude_unset=True)
    for path, value in values.items():
        inner = data
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        if value is None:
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = value
    return data
