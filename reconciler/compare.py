"""Holds one declared object against one live one; out come their differences, each with its path.
Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from reconciler.fields import FieldSpec, Part, Reference, Sensitive
from reconciler.kinds import BY_NAME
from reconciler.resource import Address, Ignore, KnownAfterApply, Live, Resource, is_arn

Id = str | KnownAfterApply
Ids = Mapping[Address, Id | None]
"""The ids references resolve to; None for an object that could not be told apart."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One difference inside an object; None on a side means absent there."""

    path: str
    before: Any
    after: Any
    forces_replacement: bool = False


Ignored = tuple[Ignore, FieldChange]
"""A difference that is left alone, and the rule that says so."""


def why_off(rule: Ignore) -> str:
    """Why an ignore rule does not hold any more."""
    ended = "ended" if date_of(rule.until or "") else "is off, its end is no date (YYYY-MM-DD)"
    return f"ignore rule for {rule.field} {ended}: until is {rule.until}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a declared object is held against a live one."""

    owner: str
    ignore_tags: Sequence[str]
    today: date
    names: Mapping[tuple[str, str], Address] = field(default_factory=dict)
    """The addresses of live objects by kind and id, to show references as people write them."""

    def created(self, resource: Resource) -> tuple[FieldChange, ...]:
        """What a new object will hold."""
        members = (FieldChange(path, None, value) for path, value in _shown_fields(resource))
        tags = sorted((resource.wanted_tags or {}).items())
        own = [FieldChange("protect", None, resource.protect)] if resource.protect else []
        return (*members, *(FieldChange(f"tags.{key}", None, value) for key, value in tags), *own)

    def fields(self, resource: Resource, live: Live, ids: Ids) -> tuple[FieldChange, ...]:
        """Every difference of members, tags, ownership and protection, in that order."""
        every = (*self._members(resource, live, ids), *self._tags(resource, live))
        judged = [change for change in every if self._rule(resource, change) is None]
        return (*judged, *self._own(resource, live, changes=bool(judged)))

    def ignored(self, resource: Resource, live: Live, ids: Ids) -> Iterator[Ignored]:
        """Every difference that a rule of the entry leaves alone, with that rule."""
        if not resource.ignore:
            return
        for change in (*self._members(resource, live, ids), *self._tags(resource, live)):
            if (rule := self._rule(resource, change)) is not None:
                yield rule, change

    def _rule(self, resource: Resource, change: FieldChange) -> Ignore | None:
        """The first rule that leaves a difference alone."""
        rules = (r for r in resource.ignore if fnmatchcase(change.path, r.field) and self.is_on(r))
        return next(rules, None)

    def is_on(self, rule: Ignore) -> bool:
        """Whether an ignore rule still holds today; a malformed date means it does not."""
        if rule.until is None:
            return True
        until = date_of(rule.until)
        return until is not None and self.today <= until

    def _members(self, resource: Resource, live: Live, ids: Ids) -> Iterator[FieldChange]:
        for spec, value in resource.declared():
            # An entry with an `id` is about that object whatever its name, but a name made of
            # several fields is what the object is.
            if spec.write_only or resource.naming == (spec.name,):
                continue
            before = live.fields.get(spec.name)
            if spec.reference is not None:
                yield from self._reference(spec, spec.reference, before, value, ids)
            else:
                after = value.comparable() if isinstance(value, Part) else value
                yield from _inside(spec, before, after)

    def _reference(
        self, spec: FieldSpec, reference: Reference, before: Any, value: str, ids: Ids
    ) -> Iterator[FieldChange]:
        """References are compared as ids, and shown as addresses where those are known."""
        after = reference_id(reference, value, ids)
        if after is None or after == before:
            return
        old = str(self.names.get((reference.kind, str(before)), before))
        new = _shown(spec, value)
        new = f"{new} (new)" if new == old else new
        yield FieldChange(spec.name, None if before is None else old, new, spec.immutable)

    def _tags(self, resource: Resource, live: Live) -> Iterator[FieldChange]:
        if (wanted := resource.wanted_tags) is None:
            return
        judged = {key: value for key, value in live.tags.items() if not self._is_foreign_tag(key)}
        judged |= {key: live.tags[key] for key in wanted if key in live.tags}
        for key in sorted(wanted.keys() | judged.keys()):
            if wanted.get(key) != judged.get(key):
                yield FieldChange(f"tags.{key}", judged.get(key), wanted.get(key))

    def _is_foreign_tag(self, key: str) -> bool:
        return any(fnmatchcase(key, pattern) for pattern in ("aws:*", *self.ignore_tags))

    def _own(self, resource: Resource, live: Live, *, changes: bool) -> Iterator[FieldChange]:
        # What takes no tags and stands under an object that is only referred to can never be
        # owned: it is somebody else's as soon as something about it would be changed.
        ownable = resource.taggable() or bool(resource.parents())
        if live.owner != self.owner and (ownable or changes):
            yield FieldChange("owner", live.owner, self.owner)
        if resource.taggable() and resource.protect != live.protect:
            yield FieldChange("protect", live.protect, resource.protect)


def date_of(text: str) -> date | None:
    """A date that is written YYYY-MM-DD; None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def reference_id(reference: Reference, value: str, ids: Ids) -> Id | None:
    """What a reference is on the wire: the id in an ARN, or the id of a declared object."""
    if is_arn(value):
        return BY_NAME[reference.kind].id_of(value)
    return ids.get(Address(reference.kind, value))


def _shown(spec: FieldSpec, value: Any) -> Any:
    """A declared value as a plan shows it: references as addresses, nothing that is secret."""
    if spec.reference is not None:
        return value if is_arn(value) else str(Address(spec.reference.kind, value))
    return Sensitive(value) if spec.write_only else value


def _shown_fields(part: Part) -> Iterator[tuple[str, Any]]:
    """Every declared value of a structure with its path."""
    for spec, value in part.declared():
        if isinstance(value, Part):
            for path, inner in _shown_fields(value):
                yield f"{spec.name}.{path}", inner
        else:
            yield spec.name, _shown(spec, value)


def _inside(spec: FieldSpec, before: Any, after: Any) -> Iterator[FieldChange]:
    """The differences of one field, each at its own path."""
    if before == after:
        return
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield FieldChange(spec.name, before, after, spec.immutable)
        return
    for path in _unequal_paths(before, after):
        name = ".".join((spec.name, *path))
        yield FieldChange(name, _at(before, path), _at(after, path), spec.immutable)


def _unequal_paths(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, ...]]:
    """Where two structures differ, down to values and sets; only what is declared counts."""
    from deepdiff import DeepDiff  # 150 ms to import: only once something really differs

    # Items of sets are told apart by their hash, which by default cannot be had of text that is no
    # Unicode: half of a surrogate pair in a live id.
    known = {key: before.get(key) for key in after}
    tree = DeepDiff(known, after, view="tree", hasher=ascii)
    paths = (level.path(output_format="list") for levels in tree.values() for level in levels)
    # An item of a set has no key, so that its path ends in None: the set itself is what differs.
    return sorted({tuple(key for key in path if key is not None) for path in paths})


def _at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
