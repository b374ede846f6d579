"""Finds out which live object each declared entry is about: both sides of the world go in; bindings
and whatever is in doubt come out. Pure.

Afterwards every live object has an address of its own: the one that declares it, its own name where
that is unique and not declared, or else its kind and ARN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from reconciler.kinds import BY_NAME
from reconciler.resource import Address, Desired, Live, Observed, Resource

Key = tuple[str, str]
"""The kind and the id of a live object."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth saying that is not a change; an error keeps the plan from being applied."""

    level: str
    code: str
    message: str
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Bindings:
    """`bound` holds, for each entry that is beyond doubt, its live object or None where there is
    none; `successors` the entries that former names lead to; `lives` every live object."""

    lives: Mapping[Key, Live]
    bound: Mapping[Address, Live | None]
    successors: Mapping[Key, Address]
    findings: tuple[Finding, ...]


def bind(desired: Desired, observed: Observed) -> Bindings:
    """Bind every declared entry to the live object it is about."""
    return _Binding(desired, observed).bindings()


def key_of(live: Live) -> Key:
    """What identifies a live object for as long as it exists."""
    return (live.address.kind, live.id)


def own_address(live: Live) -> Address:
    """The address that a live object's own name amounts to, whatever entry is about it."""
    kind = BY_NAME[live.address.kind]
    return Address(kind.kind, kind.name_of(live.fields) or "")


@dataclass(slots=True)
class _Binding:
    """The bindings found so far."""

    desired: Desired
    observed: Observed
    lives: dict[Key, Live] = field(default_factory=dict)
    claimed: dict[Key, Address] = field(default_factory=dict)
    bound: dict[Address, Live | None] = field(default_factory=dict)
    successors: dict[Key, Address] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unread: dict[Address, str] = field(default_factory=dict)
    incomplete: set[str] = field(default_factory=set)

    def bindings(self) -> Bindings:
        """Every binding, in the order of the entries."""
        for gap in self.observed.gaps:
            if gap.address is None:
                self.incomplete.add(gap.kind)
            else:
                self.unread[gap.address] = gap.reason
        for found in self.observed.lives.values():
            for live in found:
                self.lives[key_of(live)] = live
        for address, resource in self.desired.resources.items():
            if resource.id is not None:
                self.claimed[address.kind, resource.id_of(resource.id)] = address
        for address, resource in self.desired.resources.items():
            self._bind(address, resource)
        bound = {key_of(live) for live in self.bound.values() if live is not None}
        self._readdress(bound)
        for address, resource in self.desired.resources.items():
            self._former_names(address, resource, bound)
        return Bindings(self.lives, self.bound, self.successors, tuple(self.findings))

    def _bind(self, address: Address, resource: Resource) -> None:
        candidates = tuple(self._candidates(address, resource))
        doubt = self._doubt(address, resource, candidates)
        if doubt is not None:
            self.findings.append(Finding("error", *doubt, address))
        elif candidates:
            live = replace(candidates[0], address=address)
            self.bound[address] = self.lives[key_of(live)] = live
        else:
            self.bound[address] = None

    def _candidates(self, address: Address, resource: Resource) -> Iterator[Live]:
        """The live objects an entry may be about."""
        if resource.id is not None:
            live = self.lives.get((address.kind, resource.id_of(resource.id)))
            if live is not None:
                yield live
        else:
            yield from self.observed.lives.get(address, ())

    def _doubt(
        self, address: Address, resource: Resource, candidates: tuple[Live, ...]
    ) -> tuple[str, str] | None:
        """The code and text of what makes it doubtful which object, if any, an entry is about."""
        ids = ", ".join(live.arn or live.id for live in candidates)
        claims = [self.claimed.get(key_of(live), address) for live in candidates]
        if not candidates and address.kind in self.incomplete:
            return "unread", "it may exist: the live objects of this kind could not all be read"
        if not candidates and resource.id is not None:
            text = f"no live object with the id {resource.id} exists here: correct or remove `id`"
            return "id_not_found", text
        if len(candidates) > 1:
            text = f"{len(candidates)} live objects have this name: bind one with `id`: {ids}"
            return "ambiguous", text
        if any(claim != address for claim in claims):
            return "bound_twice", f"{claims[0]} is bound to {ids} by its `id`: declare it once"
        if any(live.vanishing for live in candidates):
            return "vanishing", f"{ids} is being deleted: plan again when it is gone"
        unread = [self.unread[v.address] for v in candidates if v.address in self.unread]
        return ("unread", f"its tags could not be read: {unread[0]}") if unread else None

    def _readdress(self, bound: AbstractSet[Key]) -> None:
        """Give every object that no entry is about an address that is its alone."""
        for key, live in self.lives.items():
            alone = len(self.observed.lives.get(live.address, ())) == 1
            if key not in bound and (not alone or live.address in self.desired.resources):
                own = Address(live.address.kind, live.arn or live.id)
                self.lives[key] = replace(live, address=own)

    def _former_names(self, address: Address, resource: Resource, bound: AbstractSet[Key]) -> None:
        """What is live under a former name is deleted once its successor has taken over."""
        for name in resource.previously:
            named = self.observed.lives.get(Address(address.kind, name), ())
            former = [live for live in named if key_of(live) not in bound]
            owned = [live for live in former if live.owner == self.desired.owner]
            ids = ", ".join(live.arn or live.id for live in former)
            if len(owned) > 1:
                text = f"{len(owned)} live objects have the former name {name}: delete one: {ids}"
                self.findings.append(Finding("error", "ambiguous", text, address))
            elif owned:
                self.successors[key_of(owned[0])] = address
            elif former:
                text = f"{ids} has the former name {name}, is not owned, and is left alone"
                self.findings.append(Finding("warning", "former_not_owned", text, address))
