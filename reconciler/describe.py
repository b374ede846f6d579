"""Describes live objects the way files declare them: what is live goes in, entries come out, and a
reason for each object that no entry can describe. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

from pydantic import ValidationError

from reconciler.bind import Key, key_of
from reconciler.fields import FieldSpec, Part
from reconciler.kinds import BY_NAME, KINDS
from reconciler.resource import Address, Gap, Live, Observed, Resource, is_arn
from reconciler.spec.violations import fault
from reconciler.spec.writing import Written

References = Mapping[Key, str]
"""How files write a reference to each live object."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which objects to describe. Several kinds or names mean any of them, several tags all."""

    owner: str
    kinds: Collection[str] = ()
    names: Collection[str] = ()
    tags: Collection[str] = ()

    def lets(self, kind: str, name: str, tags: Mapping[str, str]) -> bool:
        """Whether an object with these is one of them, whoever owns it."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.names or any(fnmatchcase(name, pattern) for pattern in self.names))
            and all(_has(tags, wanted) for wanted in self.tags)
        )


def _has(tags: Mapping[str, str], wanted: str) -> bool:
    """Whether one of the tags is `KEY` or `KEY=VALUE`."""
    key, valued, value = wanted.partition("=")
    return key in tags and (not valued or tags[key] == value)


@dataclass(slots=True)
class Description:
    """The entries by section, and what is not among them: `left_out` are objects that no entry can
    describe, `foreign` counts those of other owners, `vanishing` those that are being deleted."""

    sections: dict[str, list[Written]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    foreign: int = 0
    vanishing: int = 0

    @property
    def size(self) -> int:
        """How many entries there are."""
        return sum(one.fields is not None for all_ in self.sections.values() for one in all_)


def owners(observed: Observed) -> set[str]:
    """Everybody who owns something."""
    every = (live for lives in observed.lives.values() for live in lives)
    return {live.owner for live in every if live.owner is not None}


def described(observed: Observed, choice: Choice) -> Description:
    """The entries of a new file about these objects."""
    return _Describing(observed, choice).description()


def entry_of(live: Live, references: References) -> dict[str, Any]:
    """The entry of one object, with its own name."""
    kind = BY_NAME[live.address.kind]
    held = kind.declarable(live.fields)
    entry = dict(_written_fields(kind, held, references))
    if live.protect is not None:
        entry["protect"] = live.protect
    tags = {key: live.tags[key] for key in sorted(live.tags) if not key.startswith("aws:")}
    return {**entry, "tags": tags} if tags and kind.taggable() else entry


def _written_fields(
    part: type[Part], fields: Mapping[str, Any], references: References
) -> Iterator[tuple[str, Any]]:
    for name, spec in part.specs().items():
        if not spec.write_only and fields.get(name) is not None:
            yield name, written(spec, fields[name], references)


def written(spec: FieldSpec, value: Any, references: References) -> Any:
    """A live value as files write it."""
    if spec.reference is not None:
        return references.get((spec.reference.kind, str(value)), value)
    if spec.part is not None and isinstance(value, Mapping):
        return dict(_written_fields(spec.part, value, references))
    return sorted(value) if isinstance(value, frozenset) else value


def wrong_with(kind: type[Resource], entry: Mapping[str, Any]) -> str | None:
    """Why an entry is not valid, if so."""
    try:
        kind.model_validate(dict(entry))
    except ValidationError as error:
        return fault(error)
    for name, reference in kind.references().items():
        value = str(entry.get(name, ""))
        if is_arn(value) and not re.fullmatch(BY_NAME[reference.kind].arn_pattern, value):
            return f"`{name}` is no ARN of a {reference.kind}: {value}"
    return None


def arns(lives: Iterable[Live]) -> dict[Key, str]:
    """References to live objects by their ARNs, for as far as they have one."""
    return {key_of(v): v.arn or v.id for v in lives if v.arn or is_arn(v.id)}


def _unknown(live: Live, gap: Gap) -> str:
    """Why an object that may be another owner's is not described, and what to do."""
    whose = "it" if gap.address == live.address else str(gap.address)
    return (
        f"{live.address} ({live.arn or live.id}): who owns {whose} could not be read: "
        f"{gap.reason.rstrip('.')}: allow that (`reconciler iam-policy import`) and import again"
    )


@dataclass(slots=True)
class _Entry:
    """An object on its way to being described."""

    live: Live
    entry: dict[str, Any]
    name: str | None
    notes: list[str] = field(default_factory=list)


class _Describing:
    """The description of one target as far as it has come."""

    def __init__(self, observed: Observed, choice: Choice) -> None:
        self.choice = choice
        self.observed = observed
        self.lives = {key_of(v): v for lives in observed.lives.values() for v in lives}
        self.gaps = {gap.address: gap for gap in observed.gaps if gap.address is not None}
        self.result = Description()
        self.taken: dict[str, set[str]] = defaultdict(set)
        for live in self.lives.values():
            self.taken[live.address.kind].add(live.address.name)

    def description(self) -> Description:
        """Every entry, parents first: one that is left out is referred to by its ARN."""
        chosen = list(self._chosen())
        names = self._names(chosen)
        while True:
            mine = {key_of(live): names[key_of(live)] for live in chosen}
            by_name = {key: name for key, name in mine.items() if name and not is_arn(name)}
            references = {**arns(self.lives.values()), **by_name}
            entries = [self._entry(v, names[key_of(v)], references) for v in chosen]
            faults = {key_of(e.live): why for e in entries if (why := self._fault(e))}
            faults |= self._repeated(entries)
            if not faults:
                break
            # A parent's fault may be all that is wrong with what refers to it by name.
            first = next(k.kind for k in KINDS if any(of == k.kind for of, _ in faults))
            faults = {key: why for key, why in faults.items() if key[0] == first}
            self._leave_out(chosen, faults)
            chosen = [live for live in chosen if key_of(live) not in faults]
        for kind in KINDS:
            of = [e for e in entries if e.live.address.kind == kind.kind]
            self.result.sections[kind.section] = [
                Written(e.entry if e.name else None, e.notes) for e in of
            ]
        self.result.left_out += [n for e in entries if e.name is None for n in e.notes]
        return self.result

    def _leave_out(self, chosen: Iterable[Live], faults: Mapping[Key, str]) -> None:
        for live in chosen:
            if why := faults.get(key_of(live)):
                self.result.left_out.append(f"{live.address} ({live.arn or live.id}): {why}")

    def _chosen(self) -> Iterator[Live]:
        for live in self.lives.values():
            address = live.address
            gap = self._gap(live)
            choice = replace(self.choice, tags=()) if gap else self.choice
            if not choice.lets(address.kind, address.name, self._tags(live)):
                continue
            if gap is not None:
                self.result.left_out.append(_unknown(live, gap))
            elif live.vanishing:
                self.result.vanishing += 1
            elif live.owner not in (None, self.choice.owner):
                self.result.foreign += 1
            else:
                yield live

    def _gap(self, live: Live) -> Gap | None:
        """The failed read for which nobody knows whose an object is: its own, or that of what it
        is listed under."""
        return self.gaps.get(live.address) or self.gaps.get(self._owning(live).address)

    def _tags(self, live: Live) -> Mapping[str, str]:
        """An object that takes no tags counts with those of what it is listed under."""
        return self._owning(live).tags

    def _owning(self, live: Live) -> Live:
        """The object whose tags say whose this one is: itself, or what it is listed under."""
        kind = BY_NAME[live.address.kind]
        if kind.taggable() or not kind.calls.list_per:
            return live
        above = kind.references()[kind.calls.list_per].kind
        return self.lives.get((above, str(live.fields.get(kind.calls.list_per))), live)

    def _names(self, chosen: Iterable[Live]) -> dict[Key, str | None]:
        """The name of each entry: the object's own for the first of several with one name, another
        one for the rest, and none where an entry cannot choose its name."""
        names: dict[Key, str | None] = {}
        used: set[Address] = set()
        for live in chosen:
            name: str | None = live.address.name
            if live.address in used:
                name = self._another(live) if len(BY_NAME[live.address.kind].naming) == 1 else None
            used.add(live.address)
            names[key_of(live)] = name
        return names

    def _another(self, live: Live) -> str:
        """A name that is like an object's own, valid and nobody's."""
        kind, name = BY_NAME[live.address.kind], live.address.name
        taken = self.taken[kind.kind]
        entry = entry_of(live, arns(self.lives.values()))
        for number in count(2):
            suffix = f"-{number}"
            for tried in (name + suffix, name[: -len(suffix)] + suffix):
                if tried not in taken and not wrong_with(kind, {**entry, kind.naming[0]: tried}):
                    taken.add(tried)
                    return tried
            if number > len(self.lives) + 2:
                break
        return name

    def _entry(self, live: Live, name: str | None, references: References) -> _Entry:
        kind = BY_NAME[live.address.kind]
        made = _Entry(live, entry_of(live, references), name)
        twins = self.observed.lives[live.address]
        if name is None:
            made.notes.append(
                f"{live.address} is there {len(twins)} times: left out {live.arn or live.id}"
            )
        elif len(twins) > 1:
            if name != live.address.name:
                made.entry[kind.naming[0]] = name
                made.notes.append(
                    f"its live name is {live.address.name}, like that of {len(twins) - 1} other"
                )
            made.entry["id"] = live.arn or live.id
        return made

    def _fault(self, made: _Entry) -> str | None:
        return wrong_with(BY_NAME[made.live.address.kind], made.entry) if made.name else None

    def _repeated(self, entries: Iterable[_Entry]) -> dict[Key, str]:
        """What holds a value that AWS gives to one object only, and that another entry has."""
        found: dict[Key, str] = {}
        seen: dict[tuple[str, str, Any], Address] = {}
        for made in entries:
            address = made.live.address
            for name in BY_NAME[address.kind].unique:
                first = seen.setdefault((address.kind, name, made.entry.get(name)), address)
                if first is not address:
                    found[key_of(made.live)] = f"has the same {name} as {first}"
        return found
