"""Holds what is declared against what is live, address by address; out come changes, still without
calls, and findings. Pure: the same two sides always give the same differences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from reconciler.bind import Finding, Key, bind, key_of, own_address
from reconciler.compare import Comparison, FieldChange, Id, Ids, Ignored, why_off
from reconciler.kinds import BY_NAME, KINDS
from reconciler.resource import (
    Address,
    Call,
    Desired,
    KnownAfterApply,
    Live,
    Observed,
    Resource,
    is_arn,
)


class Action(StrEnum):
    """What is to be done about one address."""

    CREATE = "create"
    UPDATE = "update"
    TAG = "tag"
    ADOPT = "adopt"
    REPLACE = "replace"
    DELETE = "delete"
    DEFER = "defer"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done about one address, why, and with which API calls."""

    address: Address
    action: Action
    reason: str
    fields: tuple[FieldChange, ...] = ()
    calls: tuple[Call, ...] = ()
    waits_for: tuple[Address, ...] = ()
    resource: Resource | None = None
    live: Live | None = None
    then: Action | None = None
    """What a deferred change does once it can."""
    protect: str | None = None
    """Why the object must stay, as its entry or the live object itself says."""
    successor: Address | None = None
    """The object that takes the place of a renamed one, which is deleted once that is ready."""
    goes_with: Address | None = None
    """The replaced object that this replaced one stands under, and together with which it is
    deleted, before that and ahead of its own turn."""
    depends_on: tuple[Address, ...] = ()
    """The objects that this one refers to: where it is declared, or else where it is."""
    ignored: tuple[Ignored, ...] = ()
    """The differences that rules of its entry leave alone."""


@dataclass(frozen=True, slots=True)
class Differences:
    """The changes in the order in which they can be made, the findings, what references resolve
    to, and every live object, each at an address of its own."""

    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    ids: Ids
    lives: Mapping[Key, Live]
    purpose: str = "apply"
    """What the changes are for: the command that carries them out."""


def diff(desired: Desired, observed: Observed, *, today: date, prune: bool = False) -> Differences:
    """Every change from live to desired, parents first, deletes last and in reverse.

    `today` decides which ignore rules have lapsed; without `prune` an owned object that is no
    longer declared is only reported.
    """
    return _Diff(desired, observed, today).differences(prune)


def undeclare(desired: Desired, observed: Observed, *, today: date) -> Differences:
    """The deletes of everything that is declared and owned, children first."""
    making = _Diff(desired, observed, today)
    return making.only(making.deletes(), "destroy")


def forget(
    desired: Desired, observed: Observed, *, today: date, addresses: Collection[str]
) -> Differences:
    """The tag calls that give up the ownership of these addresses; nothing is deleted."""
    making = _Diff(desired, observed, today)
    return making.only(making.forgotten(making.found(addresses)), "forget")


def await_(
    desired: Desired, observed: Observed, *, today: date, addresses: Collection[str]
) -> Differences:
    """No change at all of these addresses and of what they refer to, only that they are there to be
    waited for."""
    making = _Diff(desired, observed, today)
    lives = {live.address: live for one in making.found(addresses) for live in making.above(one)}
    changes = (Change(a, Action.UNCHANGED, "awaited", live=lives[a]) for a in sorted(lives))
    return making.only(changes, "wait")


class _Diff:
    """The comparison of two sides as far as it has come."""

    def __init__(self, desired: Desired, observed: Observed, today: date) -> None:
        self.desired = desired
        self.complete = not observed.gaps
        self.bindings = bind(desired, observed)
        self.lives = self.bindings.lives
        self.ids: dict[Address, Id | None] = {}
        self.findings = list(self.bindings.findings)
        names = {key: live.address for key, live in self.lives.items()}
        self.compare = Comparison(desired.owner, desired.ignore_tags, today, names)

    def differences(self, prune: bool) -> Differences:
        changes = [
            self._change(address, resource)
            for address, resource in self.desired.resources.items()
            if address in self.bindings.bound
        ]
        changes += self._orphans(prune)
        self._ignored_tags()
        findings = tuple(sorted(self.findings, key=_finding_key))
        return Differences(tuple(changes), findings, self.ids, self.lives)

    def only(self, changes: Iterable[Change], purpose: str) -> Differences:
        """These changes and nothing else."""
        made = tuple(changes)
        findings = tuple(sorted(self.findings, key=_finding_key))
        return Differences(made, findings, {}, self.lives, purpose)

    def deletes(self) -> Iterator[Change]:
        """The deletes of what is declared; what is not owned stays and is reported."""
        for address, live in reversed(list(self.bindings.bound.items())):
            if live is None or live.vanishing:
                continue
            if live.owner != self.desired.owner:
                text = "declared here but not owned: it stays"
                self.findings.append(Finding("warning", "not_owned", text, address))
                continue
            yield Change(
                address,
                Action.DELETE,
                "destroyed",
                live=live,
                protect=self._protect(address, live),
            )

    def found(self, addresses: Collection[str]) -> Iterator[Live]:
        """The live objects at these addresses; an address without one is an error."""
        lives = {str(live.address): live for live in self.lives.values()}
        for text in sorted(set(addresses)):
            twins = [
                live.arn or live.id
                for live in self.lives.values()
                if str(own_address(live)) == text
            ]
            if text in lives:
                yield lives[text]
            elif len(twins) > 1:
                kind = text.partition("/")[0]
                ids = " or ".join(f"{kind}/{id_}" for id_ in twins)
                self._error("ambiguous", f"{len(twins)} live objects are {text}: give {ids}", None)
            else:
                close = get_close_matches(text, lives, n=1)
                hint = f": did you mean {close[0]}?" if close else ""
                self._error("not_found", f"nothing is live at {text}{hint}", None)

    def above(self, live: Live) -> Iterator[Live]:
        """A live object and all that it refers to, whose handshakes it cannot do without."""
        yield live
        for name, reference in BY_NAME[live.address.kind].references().items():
            id_ = live.fields.get(name)
            parent = self.lives.get((reference.kind, str(id_)))
            if parent is not None:
                yield from self.above(parent)
            elif id_ is not None:
                text = f"builds on {id_}, which is not to be seen here: wait for it in its Region"
                self._error("not_seen", text, live.address)

    def forgotten(self, lives: Iterable[Live]) -> Iterator[Change]:
        """What these objects lose: the tag of their owner."""
        for live in lives:
            owner, address = live.owner, live.address
            if not BY_NAME[address.kind].taggable():
                self._error("not_owned", "takes no tags: forget what it stands under", address)
            elif owner is None:
                text = "nobody owns it"
                self.findings.append(Finding("warning", "not_owned", text, address))
            elif owner != self.desired.owner:
                self._error("not_owned", f"is owned by {owner}", address)
            else:
                fields = (FieldChange("owner", owner, None),)
                yield Change(address, Action.TAG, "forgotten", fields, live=live)

    def _change(self, address: Address, resource: Resource) -> Change:
        self._ignore_rules(address, resource)
        live = self.bindings.bound[address]
        if live is None:
            self._taken(address, resource)
            self.ids[address] = KnownAfterApply(address)
            fields = self.compare.created(resource)
            return Change(address, Action.CREATE, "not_found", fields, resource=resource)
        fields = tuple(
            replace(field, forces_replacement=True)
            if self._is_stuck(address, live, field)
            else field
            for field in self.compare.fields(resource, live, self.ids)
        )
        action, reason = _verdict(fields)
        if action is Action.REPLACE and resource.id is not None:
            text = "is bound by `id` and would be replaced: remove `id` first"
            self._error("id_replaced", text, address)
        if action is Action.REPLACE:
            self._lost(address, resource, live)
        updated = {field.path.partition(".")[0] for field in fields} & set(resource.specs())
        if action is not Action.REPLACE and updated:
            self._editable(address, resource, live)
        if {change.path for change in fields} & set(resource.unique):
            self._taken(address, resource)
        self.ids[address] = KnownAfterApply(address) if action is Action.REPLACE else live.id
        return Change(
            address,
            action,
            reason,
            fields,
            resource=resource,
            live=live,
            protect=self._protect(address, live),
            ignored=tuple(self.compare.ignored(resource, live, self.ids)),
        )

    def _protect(self, address: Address | None, live: Live) -> str | None:
        """The reason of the entry at this address if it gives one, else of the live object."""
        resource = self.desired.resources.get(address) if address else None
        return (resource and resource.protect) or live.protect

    def _editable(self, address: Address, resource: Resource, live: Live) -> None:
        """Say it when AWS documents no update of an object in this status."""
        if resource.editable and live.status not in resource.editable:
            wanted = " or ".join(sorted(resource.editable))
            text = f"is {live.status}, and AWS documents updates of what is {wanted} only: "
            text += "if this one is refused, make another object and rename with `previously`"
            self.findings.append(Finding("warning", "not_editable", text, address))

    def _lost(self, address: Address, resource: Resource, live: Live) -> None:
        """Say what a replaced object holds that no file declares: the new one will not have it."""
        declared = {spec.name for spec, _ in resource.declared()}
        lost = [
            name
            for name, spec in resource.specs().items()
            if name in live.fields and name not in declared and not spec.immutable
        ]
        tags = (key for key in live.tags if not key.startswith("aws:"))
        kept = resource.wanted_tags or {}
        lost += [f"tags.{key}" for key in sorted(tags) if key not in kept]
        if lost:
            text = f"the new one will not have what is not declared: {', '.join(lost)}"
            self.findings.append(Finding("warning", "not_carried_over", text, address))

    def _taken(self, address: Address, resource: Resource) -> None:
        """Say it when the service would refuse a second object with the same value."""
        values = resource.comparable()
        for name in resource.unique:
            for live in self.lives.values():
                if live.address.kind == address.kind and live.fields.get(name) == values.get(name):
                    text = f"{live.address} has the same {name}, which AWS gives to one object only"
                    self._error("taken", text, address)

    def _is_stuck(self, address: Address, live: Live, field: FieldChange) -> bool:
        """Whether no update can take an object from its old parent to the new one: they differ in
        what they must have in common, or the old one is replaced and cannot go before its child."""
        reference = self.desired.resources[address].references().get(field.path)
        if reference is None or field.forces_replacement:
            return False
        if reference.holds:
            old = self.lives.get((reference.kind, str(live.fields.get(field.path))))
            if old is not None and isinstance(self.ids.get(old.address), KnownAfterApply):
                return True
        wanted = getattr(self.desired.resources[address], field.path)
        before = live.fields.get(reference.alike)
        after = self._fact(reference.kind, wanted, reference.alike) if reference.alike else None
        if not (before and after and before != after):
            return False
        text = f"cannot be moved from {reference.alike} {before} to {after}: it is replaced, and "
        text += "what stands under it stops until both are created again"
        self.findings.append(Finding("warning", "other_parent", text, address))
        return True

    def _fact(self, kind: str, reference: str, name: str) -> Any:
        """A field of an object that is referred to: declared, live, or that of its own parent."""
        if is_arn(reference):
            live = self.lives.get((kind, BY_NAME[kind].id_of(reference)))
            return live.fields.get(name) if live else None
        resource = self.desired.resources[Address(kind, reference)]
        if (value := getattr(resource, name, None)) is not None:
            return value
        parents = (
            self._fact(spec.reference.kind, value, name)
            for spec, value in resource.declared()
            if spec.reference is not None
        )
        return next(parents, None)

    def _orphans(self, prune: bool) -> Iterator[Change]:
        order = {kind.kind: index for index, kind in enumerate(KINDS)}
        bound = {key_of(live) for live in self.bindings.bound.values() if live is not None}
        for live in sorted(self.lives.values(), key=lambda v: (-order[v.address.kind], v.address)):
            if live.owner != self.desired.owner or key_of(live) in bound or live.vanishing:
                continue
            if self._is_in_doubt(live):
                continue
            successor = self.bindings.successors.get(key_of(live))
            if (prune or successor) and self.complete:
                yield Change(
                    live.address,
                    Action.DELETE,
                    "renamed" if successor else "not_declared",
                    live=live,
                    protect=self._protect(successor, live),
                    successor=successor,
                )
            elif successor is None:
                text = f"owned and no longer declared: {live.arn or live.id}; --prune deletes it"
                self.findings.append(Finding("warning", "orphan", text, live.address))

    def _is_in_doubt(self, live: Live) -> bool:
        """Whether an entry may be about this object, though it could not be told for sure."""
        address = own_address(live)
        return address in self.desired.resources and address not in self.bindings.bound

    def _ignore_rules(self, address: Address, resource: Resource) -> None:
        """Say what is not looked at, and which rules have ended: both would go unnoticed."""
        for rule in resource.ignore:
            if self.compare.is_on(rule):
                by = f" (by {rule.owner})" if rule.owner else ""
                until = f" until {rule.until}" if rule.until else ""
                text = f"{rule.field} is ignored{until}: {rule.reason}{by}"
                self.findings.append(Finding("info", "ignored", text, address))
            else:
                self.findings.append(Finding("warning", "ignore_lapsed", why_off(rule), address))

    def _ignored_tags(self) -> None:
        if self.desired.ignore_tags:
            text = f"tags are ignored everywhere: {', '.join(self.desired.ignore_tags)}"
            self.findings.append(Finding("info", "ignored", text))

    def _error(self, code: str, message: str, address: Address | None) -> None:
        self.findings.append(Finding("error", code, message, address))


def _finding_key(finding: Finding) -> tuple[str, str, str, str]:
    return (finding.level, str(finding.address or ""), finding.code, finding.message)


def _verdict(fields: Sequence[FieldChange]) -> tuple[Action, str]:
    """The action that a set of differences amounts to, and the machine's reason for it."""
    owner = next((change for change in fields if change.path == "owner"), None)
    if any(change.forces_replacement for change in fields):
        return Action.REPLACE, "immutable_field"
    if owner is not None:
        return Action.ADOPT, "not_owned" if owner.before is None else "owned_by_another"
    if not fields:
        return Action.UNCHANGED, "in_sync"
    if all(change.path.startswith("tags.") or change.path == "protect" for change in fields):
        return Action.TAG, "tags_differ"
    return Action.UPDATE, "fields_differ"
