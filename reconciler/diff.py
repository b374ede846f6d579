"""Holds what is declared against what is live, address by address; out come changes, still without
calls, and findings. Pure: the same two sides always give the same differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from reconciler.compare import Comparison, FieldChange, Id, Ids
from reconciler.kinds import KINDS
from reconciler.resource import (
    Address,
    Call,
    Desired,
    KnownAfterApply,
    Live,
    Observed,
    Resource,
    Source,
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
    source: Source | None = None
    resource: Resource | None = None
    live: Live | None = None
    successor: Address | None = None
    """The object that takes the place of a renamed one, which is deleted once that is ready."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth saying that is not a change; an error keeps the plan from being applied."""

    level: str
    code: str
    message: str
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Differences:
    """The changes in the order in which they can be made, the findings, and what references
    resolve to."""

    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    ids: Ids


def diff(desired: Desired, observed: Observed, *, today: date, prune: bool = False) -> Differences:
    """Every change from live to desired, parents first, deletes last and in reverse.

    `today` decides which ignore rules have lapsed; without `prune` an owned object that is no
    longer declared is only reported.
    """
    return _Diff(desired, observed, today).differences(prune)


class _Diff:
    """The comparison of two sides as far as it has come."""

    def __init__(self, desired: Desired, observed: Observed, today: date) -> None:
        self.desired = desired
        self.observed = observed
        self.ids: dict[Address, Id | None] = {}
        self.bound: set[tuple[str, str]] = set()
        self.successors: dict[tuple[str, str], Address] = {}
        self.findings: list[Finding] = []
        self.by_id = {
            (live.address.kind, live.id): live
            for lives in observed.lives.values()
            for live in lives
        }
        names = {key: live.address for key, live in self.by_id.items()}
        self.compare = Comparison(desired.owner, desired.ignore_tags, today, names)

    def differences(self, prune: bool) -> Differences:
        changes = [
            change
            for address, resource in self.desired.resources.items()
            if (change := self._change(address, resource)) is not None
        ]
        changes += self._orphans(prune)
        return Differences(tuple(changes), tuple(sorted(self.findings, key=_finding_key)), self.ids)

    def _change(self, address: Address, resource: Resource) -> Change | None:
        self._lapsed_rules(address, resource)
        self._former_names(address, resource)
        candidates = self._candidates(address, resource)
        self.bound |= {(address.kind, live.id) for live in candidates}
        self.ids[address] = None
        if not self._is_clear(address, resource, candidates):
            return None
        source = self.desired.sources.get(address)
        if not candidates:
            self.ids[address] = KnownAfterApply(address)
            fields = self.compare.created(resource)
            return Change(
                address, Action.CREATE, "not_found", fields, source=source, resource=resource
            )
        live = candidates[0]
        fields = self.compare.fields(resource, live, self.ids)
        action, reason = _verdict(fields)
        self.ids[address] = KnownAfterApply(address) if action is Action.REPLACE else live.id
        return Change(address, action, reason, fields, source=source, resource=resource, live=live)

    def _candidates(self, address: Address, resource: Resource) -> tuple[Live, ...]:
        if resource.id is None:
            return self.observed.lives.get(address, ())
        live = self.by_id.get((address.kind, resource.id_of(resource.id)))
        return (live,) if live else ()

    def _is_clear(self, address: Address, resource: Resource, candidates: tuple[Live, ...]) -> bool:
        """Whether it is beyond doubt which live object, if any, the entry is about."""
        unread = [g.reason for g in self.observed.gaps if g.address == address]
        if len(candidates) > 1:
            ids = ", ".join(live.arn or live.id for live in candidates)
            text = f"{len(candidates)} live objects have this name: bind one with `id`: {ids}"
            self._finding("error", "ambiguous", text, address)
        elif not candidates and self.observed.incomplete(address.kind):
            text = "it may exist: the live objects of this kind could not all be read"
            self._finding("error", "unread", text, address)
        elif not candidates and resource.id is not None:
            text = f"no live object with the id {resource.id} exists here: correct or remove `id`"
            self._finding("error", "id_not_found", text, address)
        elif unread:
            self._finding("error", "unread", f"its tags could not be read: {unread[0]}", address)
        else:
            return True
        return False

    def _orphans(self, prune: bool) -> Iterator[Change]:
        order = {kind.kind: index for index, kind in enumerate(KINDS)}
        lives = sorted(self.by_id.values(), key=lambda v: (-order[v.address.kind], v.address, v.id))
        for live in lives:
            if live.owner != self.desired.owner or (live.address.kind, live.id) in self.bound:
                continue
            successor = self.successors.get((live.address.kind, live.id))
            if (prune or successor) and not self.observed.gaps:
                reason = "renamed" if successor else "not_declared"
                yield Change(live.address, Action.DELETE, reason, live=live, successor=successor)
            elif successor is None:
                text = f"owned and no longer declared: {live.arn or live.id}; --prune deletes it"
                self._finding("warning", "orphan", text, live.address)

    def _former_names(self, address: Address, resource: Resource) -> None:
        """What is live under a former name is deleted once its successor has taken over."""
        for name in resource.previously:
            former = Address(address.kind, name)
            for live in self.observed.lives.get(former, ()):
                if live.owner == self.desired.owner:
                    self.successors[live.address.kind, live.id] = address
                else:
                    text = f"has the former name of {address}, is not owned, and is left alone"
                    self._finding("warning", "former_not_owned", text, former)

    def _lapsed_rules(self, address: Address, resource: Resource) -> None:
        for rule in resource.ignore:
            if not self.compare.is_on(rule):
                text = f"ignore rule for {rule.field} ended: until is {rule.until}"
                self._finding("warning", "ignore_lapsed", text, address)

    def _finding(self, level: str, code: str, message: str, address: Address) -> None:
        self.findings.append(Finding(level, code, message, address))


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
