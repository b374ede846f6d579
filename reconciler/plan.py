"""Makes a plan of differences: calls, order, what waits for what, what a person has to do, and the
fingerprint. Pure data in, pure data out: the same two sides always make the same plan."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.bind import Finding
from reconciler.calls import calls_of
from reconciler.diff import Action, Change, Differences
from reconciler.kinds import BY_NAME
from reconciler.resource import Address, Desired, Gap, Live, Observed, Source, Target, is_arn, plain


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a guard keeps the whole plan from being applied, and the option that allows it."""

    guard: str
    message: str
    address: Address | None = None
    allow: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """Something only a person can do, and what waits for it."""

    address: Address
    id: str
    status: str
    todo: str
    link: str
    blocks: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run would do and everything it rests on: first what can be done at once, then
    what waits for a handshake, deletes last."""

    target: Target
    owner: str
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    worklist: tuple[Task, ...]
    fingerprint: str
    declared: int
    """How many objects the files declare."""
    pinned: tuple[str | None, str | None]
    """The account and Region the files insist on."""
    owned: int
    """How many live objects carry this owner."""
    awaited: tuple[Live, ...] = ()
    """The live objects that are not declared, only referred to, and that a change waits for."""
    refusals: tuple[Refusal, ...] = ()
    sources: Mapping[Address, Source] = field(default_factory=dict)
    """Where in the files each object is declared."""
    lives: tuple[Live, ...] = ()
    """Every live object that was read."""
    purpose: str = "apply"
    """The command that the plan is made for."""

    @property
    def work(self) -> tuple[Change, ...]:
        """The changes that have something to do."""
        return tuple(change for change in self.changes if change.action is not Action.UNCHANGED)

    @property
    def is_complete(self) -> bool:
        """Whether everything could be read and told apart: otherwise nothing may be applied."""
        return not self.gaps and not any(finding.level == "error" for finding in self.findings)


def make_plan(desired: Desired, observed: Observed, differences: Differences) -> Plan:
    """The plan that turns the observed side into the desired one."""
    planning = _Planning(desired, differences)
    changes = planning.changes()
    awaited = tuple(planning.awaited(changes))
    findings = (*differences.findings, *planning.still_used())
    kept = (c.live for c in changes if c.live and not removes(c))
    lives = [*awaited, *kept]
    return Plan(
        target=observed.target,
        owner=desired.owner,
        changes=changes,
        findings=findings,
        gaps=observed.gaps,
        worklist=worklist(observed.target, lives, changes),
        fingerprint=_fingerprint(observed, desired.owner, changes, findings),
        declared=len(desired.resources),
        pinned=(desired.account, desired.region),
        awaited=awaited,
        owned=sum(live.owner == desired.owner for live in planning.lives.values()),
        sources=desired.sources,
        lives=tuple(planning.lives.values()),
        purpose=differences.purpose,
    )


def worklist(target: Target, lives: Iterable[Live], changes: Iterable[Change]) -> tuple[Task, ...]:
    """What a person has to do about each object that is not ready, and what that holds up."""
    roots: dict[Address, set[Address]] = {}
    for change in changes:
        if change.action is Action.DEFER:
            waits = (roots.get(address, {address}) for address in change.waits_for)
            roots[change.address] = set().union(*waits)
    unready = {live.address: live for live in lives if not live.ready}
    blocks: dict[Address, list[Address]] = defaultdict(list)
    for waiting, behind in roots.items():
        for address in behind:
            blocks[address].append(waiting)
    return tuple(
        Task(
            address=address,
            id=live.arn or live.id,
            status=live.status,
            todo=_todo(live),
            link=target.console.format(region=target.region, address=address),
            blocks=tuple(blocks[address]),
        )
        for address, live in sorted(unready.items())
    )


def replaces(change: Change) -> bool:
    """Whether a change, at once or after a handshake, makes another object out of a live one."""
    return change.resource is not None and any(f.forces_replacement for f in change.fields)


def removes(change: Change) -> bool:
    """Whether a change, at once or after a handshake, deletes a live object."""
    delete = BY_NAME[change.address.kind].calls.delete
    return any(call.operation == delete for call in change.calls)


def _todo(live: Live) -> str:
    todo = BY_NAME[live.address.kind].todo.get(live.status, "look at it in the console")
    return f"{todo} ({live.message})" if live.message else todo


class _Planning:
    """Differences on their way to becoming a plan."""

    def __init__(self, desired: Desired, differences: Differences) -> None:
        self.owner = desired.owner
        self.differences = differences
        self.lives = differences.lives
        self.planned: dict[Address, Change] = {}
        self.users: dict[tuple[str, str], list[Live]] = defaultdict(list)
        for live in self.lives.values():
            for name, reference in BY_NAME[live.address.kind].references().items():
                self.users[reference.kind, str(live.fields.get(name))].append(live)

    def changes(self) -> tuple[Change, ...]:
        """Every change with its calls and what it waits for, in the order of the plan."""
        for change in self.differences.changes:
            self.planned[change.address] = self._planned(change)
        ranks = {Action.DEFER: 1, Action.DELETE: 2}
        return tuple(sorted(self.planned.values(), key=lambda c: ranks.get(c.action, 0)))

    def _planned(self, change: Change) -> Change:
        calls = calls_of(change, self.owner, self.differences.ids)
        if change.action is Action.DELETE:
            waits = tuple(dict.fromkeys(self._to_be_gone_first(change)))
        else:
            waits = tuple(dict.fromkeys(self._parents_to_wait_for(change)))
        change = replace(
            change,
            calls=calls,
            waits_for=waits,
            goes_with=self._goes_with(change),
            depends_on=tuple(dict.fromkeys(self._parents(change))),
        )
        if not any(map(self._needs_handshake, waits)):
            return change
        return replace(change, action=Action.DEFER, then=change.action)

    def _goes_with(self, change: Change) -> Address | None:
        """The replaced parent of a replaced object."""
        if change.live is None or not replaces(change):
            return None
        for parent in self._live_parents(change.live):
            planned = self.planned.get(parent)
            if planned is not None and replaces(planned):
                return planned.address
        return None

    def _parents(self, change: Change) -> Iterator[Address]:
        """The objects that the declared references point to, or else the live ones."""
        if change.resource is None:
            yield from self._live_parents(change.live) if change.live else ()
            return
        for spec, value in change.resource.declared():
            if spec.reference is None:
                continue
            if not is_arn(value):
                yield Address(spec.reference.kind, value)
            elif (live := self._live_at(spec.reference.kind, value)) is not None:
                yield live.address

    def _live_parents(self, live: Live) -> Iterator[Address]:
        """The live objects that a live one refers to."""
        for name, reference in BY_NAME[live.address.kind].references().items():
            parent = self.lives.get((reference.kind, str(live.fields.get(name))))
            if parent is not None:
                yield parent.address

    def _live_at(self, kind: str, arn: str) -> Live | None:
        """The live object that a reference written as an ARN points to."""
        return self.lives.get((kind, BY_NAME[kind].id_of(arn)))

    def _to_be_gone_first(self, change: Change) -> Iterator[Address]:
        """What has to happen before a delete: the successor is ready, the users are gone."""
        if change.successor is not None:
            taking_over = self.planned.get(change.successor)
            changes = taking_over is not None and taking_over.action is not Action.UNCHANGED
            if changes or not self._is_ready(change.successor):
                yield change.successor
        for user in self._users(change):
            planned = self.planned.get(user.address)
            if planned is not None and planned.action is not Action.UNCHANGED:
                yield user.address

    def _parents_to_wait_for(self, change: Change) -> Iterator[Address]:
        """The objects that the references this change sets point to, and that are not ready."""
        if change.resource is None:
            return
        is_new = change.action in (Action.CREATE, Action.REPLACE)
        touched = {field.path for field in change.fields}
        for spec, value in change.resource.declared():
            if spec.reference is None or not (is_new or spec.name in touched):
                continue
            if is_arn(value):
                live = self._live_at(spec.reference.kind, value)
                if live is not None and not live.ready:
                    yield live.address
            elif not self._is_ready(address := Address(spec.reference.kind, value)):
                yield address

    def _is_ready(self, address: Address) -> bool:
        parent = self.planned.get(address)
        rebuilt = (Action.CREATE, Action.REPLACE, Action.DEFER)
        return parent is None or (
            parent.action not in rebuilt and parent.live is not None and parent.live.ready
        )

    def _needs_handshake(self, address: Address) -> bool:
        """Whether a parent is only ready once a person has acted, now or after its creation."""
        parent = self.planned.get(address)
        if parent is None or parent.action is Action.DEFER:
            return True
        if parent.action is Action.DELETE:
            return False
        if parent.action in (Action.CREATE, Action.REPLACE):
            return bool(BY_NAME[address.kind].calls.status)
        return parent.live is not None and not parent.live.ready

    def awaited(self, changes: Iterable[Change]) -> Iterator[Live]:
        """The live objects waited for that are not declared themselves, only referred to."""
        addresses = {a for c in changes for a in c.waits_for if a not in self.planned}
        yield from (live for live in self.lives.values() if live.address in addresses)

    def _users(self, change: Change) -> list[Live]:
        """The live objects that refer to the one a change deletes."""
        return self.users[change.address.kind, change.live.id] if change.live else []

    def still_used(self) -> Iterator[Finding]:
        """An error for each delete that would pull an object from under another one."""
        for change in self.planned.values():
            if not removes(change):
                continue
            for user in self._users(change):
                if not self._lets_go(user, change):
                    text = f"cannot be deleted: {user.address} still uses it"
                    if (its := self.planned.get(user.address)) and removes(its):
                        text += ", and is deleted only afterwards: prune it in a run of its own"
                    yield Finding("error", "still_used", text, change.address)

    def _lets_go(self, user: Live, parent: Change) -> bool:
        """Whether the plan deletes this object in time, or moves it to another parent."""
        change = self.planned.get(user.address)
        if change is None:
            return False
        references = BY_NAME[user.address.kind].references()
        if removes(change) and not replaces(change) and replaces(parent):
            # Plain deletes come last, when the replaced parent has to be gone for long.
            return not any(r.holds for r in references.values() if r.kind == parent.address.kind)
        return removes(change) or any(field.path in references for field in change.fields)


def _fingerprint(
    observed: Observed, owner: str, changes: Iterable[Change], findings: Iterable[Finding]
) -> str:
    """The hash of what is intended and of every live fact that rests on."""
    facts = [
        [
            change.address,
            change.action,
            change.reason,
            [[field.path, field.before, field.after] for field in change.fields],
            [[call.operation, call.parameters] for call in change.calls],
            list(change.waits_for),
            _live_facts(change.live),
        ]
        for change in changes
    ]
    target = observed.target
    where = [target.account, target.region, target.endpoint]
    errors = [[f.code, f.address, f.message] for f in findings if f.level == "error"]
    unread = [[gap.operation, gap.address] for gap in observed.gaps]
    text = json.dumps(plain([where, owner, facts, errors, unread], show=_digest), sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _digest(secret: str) -> str:
    """Something that differs when a value that is never shown differs."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _live_facts(live: Live | None) -> Mapping[str, object]:
    if live is None:
        return {}
    return {"id": live.id, "status": live.status, "owner": live.owner, "protect": live.protect}
