"""Carries a plan out: the only code that writes. A plan and an `Api` go in, one outcome per change
comes out, with what is being done and waited for in between.

After its calls every object is read back and held against what is declared, because a service that
answers yes has not always done it.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from reconciler.compare import Comparison, FieldChange
from reconciler.diff import Action, Change
from reconciler.errors import ApiError, NotFoundError, ReconcilerError, UnclearReplyError
from reconciler.fields import Sensitive
from reconciler.kinds import BY_NAME
from reconciler.observe import reread, users_of
from reconciler.plan import Plan, Task, removes, replaces, worklist
from reconciler.resource import Address, Api, Call, KnownAfterApply, Live, Target, is_arn

READ_BACK_DELAYS = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each attempt to read a write back. Terraform polls up to 20 times as well
(https://github.com/hashicorp/terraform-provider-aws, internal/service/codeconnections)."""
POLL_DELAYS = (0.5, 0.5, 1.0, 2.0, 5.0)
"""Seconds between looks at a handshake; the last goes on. AWS Copilot polls every 5 seconds
(https://github.com/aws/copilot-cli)."""

GONE = "GONE"
"""Our word for an object that was deleted while it was waited for; the service has none."""


class Status(StrEnum):
    """How one change ended."""

    APPLIED = "applied"
    FAILED = "failed"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Started:
    """A change is being carried out."""

    change: Change


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing can be done until people have done this; `seconds` are left to wait."""

    tasks: tuple[Task, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one change ended, why, and the object as it was read afterwards."""

    change: Change
    status: Status
    message: str = ""
    live: Live | None = None
    calls_made: int = 0
    """How many of the change's calls the service has answered with yes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An object that is waited for has another status than before."""

    live: Live


Event = Started | Waiting | Seen | Outcome


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the apply sees it, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def apply(
    plan: Plan,
    api: Api,
    compare: Comparison,
    *,
    run: str,
    wait: float = 0.0,
    clock: Clock = Clock(),
) -> Iterator[Event]:
    """Carry the plan out, one change after the other, and say how each ended.

    `run` is written on what is created; `wait` is how many seconds to wait for people. A failure
    skips only what depends on it.
    """
    return _Apply(api, plan.target, compare, run, clock).events(plan, wait)


def cut_short(plan: Plan, events: Sequence[Event]) -> list[Outcome]:
    """The outcomes of the changes that an interrupted apply did not get to say: what was being
    carried out is unknown, and what had not begun is skipped."""
    said = {event.change.address for event in events if isinstance(event, Outcome)}
    begun = {event.change.address for event in events if isinstance(event, Started)}
    return [
        Outcome(change, Status.UNKNOWN, "interrupted while it was being carried out")
        if change.address in begun
        else Outcome(change, Status.SKIPPED, "not begun: interrupted")
        for change in plan.work
        if change.address not in said
    ]


@dataclass(slots=True)
class _Apply:
    """A plan as far as it has been carried out."""

    api: Api
    target: Target
    compare: Comparison
    run: str
    clock: Clock
    ids: dict[Address, str] = field(default_factory=dict)
    lives: dict[Address, Live] = field(default_factory=dict)
    ended: dict[Address, Status] = field(default_factory=dict)
    made: Counter[Address] = field(default_factory=Counter)
    """How many calls of each change the service has answered with yes."""
    takes: dict[Address, list[Change]] = field(default_factory=lambda: defaultdict(list))
    """What is deleted together with each replaced object."""

    def events(self, plan: Plan, wait: float) -> Iterator[Event]:
        self.lives = {c.address: c.live for c in plan.changes if c.live}
        self.ids = {address: live.id for address, live in self.lives.items()}
        self.lives |= {live.address: live for live in plan.awaited}
        for change in plan.work:
            if change.goes_with is not None:
                self.takes[change.goes_with].append(change)
        groups: dict[Action, list[Change]] = {Action.DEFER: [], Action.DELETE: []}
        for change in plan.work:
            if change.action in groups:
                groups[change.action].append(change)
            else:
                yield from self._carry_out(change)
        kept = [c.address for c in plan.changes if not removes(c) or replaces(c)]
        yield from self._deferred(groups[Action.DEFER], kept, wait)
        for change in groups[Action.DELETE]:
            yield from self._carry_out(change)

    def _carry_out(self, change: Change) -> Iterator[Event]:
        if change.address in self.ended:
            return  # it ended when it was to be deleted together with its parent
        behind = [a for a in change.waits_for if self.ended.get(a, Status.APPLIED) != "applied"]
        if behind:
            yield self._end(Outcome(change, Status.SKIPPED, f"because of {behind[0]}"))
        elif (yield from self._make(change, len(change.calls))):
            yield self._end(self._read_back(change))

    def _make(self, change: Change, until: int) -> Generator[Event, None, bool]:
        """Make the calls of a change up to this many, after what goes with it is deleted; whether
        all went well."""
        for child in self.takes[change.address]:
            if not self.made[child.address] and not (yield from self._make(child, 1)):
                text = f"because of {child.address}"
                yield self._end(Outcome(change, Status.SKIPPED, text))
                return False
        yield Started(change)
        outcome = self._calls(change, until)
        if outcome is not None:
            yield self._end(outcome)
        return outcome is None

    def _end(self, outcome: Outcome) -> Outcome:
        change, made = outcome.change, self.made[outcome.change.address]
        if 0 < made < len(change.calls):
            message = f"after {made} of {len(change.calls)} calls: {outcome.message}"
            outcome = replace(outcome, message=message)
        self.ended[change.address] = outcome.status
        if outcome.live is not None:
            self.lives[change.address] = outcome.live
        return replace(outcome, calls_made=made)

    def _calls(self, change: Change, until: int) -> Outcome | None:
        """Make the calls that are left of a change up to this many; the outcome if it ends here."""
        try:
            if not self.made[change.address]:
                self._check_removal(change)
        except ReconcilerError as error:  # nothing has been sent, so that nothing is unknown
            return Outcome(change, Status.FAILED, f"not deleted: {error}")
        try:
            for call in change.calls[self.made[change.address] : until]:
                self._call(change, call)
                self.made[change.address] += 1
                if self.made[change.address] < len(change.calls) and replaces(change):
                    self._until_gone(change)
        except UnclearReplyError as error:
            return Outcome(change, Status.UNKNOWN, str(error))
        except ApiError as error:
            return Outcome(change, Status.FAILED, str(error))
        return None

    def _call(self, change: Change, call: Call) -> None:
        parameters = {key: self._resolved(value) for key, value in call.parameters.items()}
        kind = BY_NAME[change.address.kind]
        if call.operation == kind.calls.delete:
            self.lives.pop(change.address, None)
        try:
            reply = self.api.write(Call(call.operation, parameters))
        except NotFoundError:
            if call.operation == kind.calls.delete:
                return  # gone already, which is what was wanted
            raise
        if call.operation == kind.calls.create:
            self.ids[change.address] = _id_in(kind.calls.item, kind.calls.id, call, reply)

    def _check_removal(self, change: Change) -> None:
        """Look once more before something is deleted: since it was planned, or while people were
        waited for, it may have become somebody's, been approved, or been taken into use."""
        planned = change.live if removes(change) else None
        live = reread(self.api, planned) if planned else None
        if planned is None or live is None:
            return
        if not live.arn:  # it takes no tags: its owner is its parent's
            live = replace(live, owner=planned.owner, protect=planned.protect)
        moved = [
            name
            for name in ("owner", "protect", "approved")
            if getattr(live, name) != getattr(planned, name)
        ]
        if moved:
            raise ReconcilerError(f"{' and '.join(moved)} changed meanwhile: plan again")
        if replaces(change):
            return  # what uses it moves to the new one
        for delay in READ_BACK_DELAYS:
            self.clock.sleep(delay)
            if (user := next(users_of(self.api, live), None)) is None:
                return
        raise ReconcilerError(f"{user} uses it now: plan again")

    def _until_gone(self, change: Change) -> None:
        """Before an object is created again under its name, the old one has to be gone."""
        for delay in READ_BACK_DELAYS:
            self.clock.sleep(delay)
            if change.live is None or reread(self.api, change.live) is None:
                return
        operation = BY_NAME[change.address.kind].calls.delete
        raise ApiError(operation, "StillThere", "deleted, but not gone yet: apply again later")

    def _resolved(self, value: Any) -> Any:
        match value:
            case KnownAfterApply(address=Address() as address):
                return self.ids[address]
            case KnownAfterApply():
                return self.run
            case Sensitive():
                return value.value
            case Mapping():
                return {key: self._resolved(item) for key, item in value.items()}
            case list():
                return [self._resolved(item) for item in value]
            case _:
                return value

    def _read_back(self, change: Change) -> Outcome:
        """Look until the object is as declared; what is still different in the end has failed."""
        if not change.calls:
            return Outcome(change, Status.APPLIED, live=change.live)
        problem, live = "", None
        for delay in READ_BACK_DELAYS:
            self.clock.sleep(delay)
            try:
                live = reread(self.api, self._expected(change))
            except ReconcilerError as error:
                problem = f"carried out, but it could not be read back: {error}"
                if isinstance(error, ApiError):
                    break  # a certain no stays one
                continue
            problem = self._difference(change, live)
            if not problem:
                return Outcome(change, Status.APPLIED, live=live)
        return Outcome(change, Status.FAILED, problem, live)

    def _expected(self, change: Change) -> Live:
        id_ = self.ids[change.address]
        if change.live is not None and change.live.id == id_:
            return replace(change.live, owner=self.compare.owner)
        arn = id_ if is_arn(id_) else ""
        return Live(change.address, id_, {}, arn=arn, owner=self.compare.owner)

    def _difference(self, change: Change, live: Live | None) -> str:
        if not removes(change) and change.resource is None:
            return "" if live is None or live.owner is None else "carried out, but still owned"
        if change.resource is None:
            gone = live is None or live.vanishing
            return "" if gone else "deleted, but it is still there"
        if live is None:
            return "carried out, but it is not there"
        fields = self.compare.fields(change.resource, live, self.ids)
        if not change.resource.taggable():
            fields = tuple(field for field in fields if field.path != "owner")
        return f"carried out, but it reads back differently: {_paths(fields)}" if fields else ""

    def _deferred(
        self, changes: Sequence[Change], kept: Sequence[Address], wait: float
    ) -> Iterator[Event]:
        """Carry out each deferred change once what it waits for is ready, in whichever order
        people act; with time to wait, wait for every handshake, and leave the rest deferred."""
        waiting, end, looks = list(changes), self.clock.now() + wait, 0
        while True:
            before = len(waiting)
            waiting = yield from self._go_on(waiting)
            if len(waiting) < before:
                continue
            left = end - self.clock.now()
            behind = self._unready([*(a for c in waiting for a in c.waits_for), *kept])
            if left <= 0 or all(self._in_vain(self.lives[address]) for address in behind):
                break
            yield Waiting(self._tasks(behind, waiting), left)
            self.clock.sleep(min(left, POLL_DELAYS[min(looks, len(POLL_DELAYS) - 1)]))
            looks += 1
            yield from self._look_again(behind)
        for change in waiting:
            yield self._end(Outcome(change, Status.DEFERRED, self._why(change)))

    def _go_on(self, waiting: Sequence[Change]) -> Generator[Event, None, list[Change]]:
        """Carry out what waits for nothing any more; give back what still waits."""
        still = {change.address for change in waiting}
        left = []
        for change in waiting:
            if still.isdisjoint(change.waits_for) and self._can_go_on(change):
                still.discard(change.address)
                yield from self._carry_out(change)
            else:
                left.append(change)
        return left

    def _can_go_on(self, change: Change) -> bool:
        """Whether everything a change waits for has ended badly, or is done and ready."""
        statuses = [self.ended.get(address) for address in change.waits_for]
        if any(s in (Status.FAILED, Status.SKIPPED, Status.UNKNOWN) for s in statuses):
            return True
        return not self._unready(change.waits_for)

    def _unready(self, addresses: Iterable[Address]) -> list[Address]:
        """The objects among these that are there and wait for a handshake."""
        return [
            address
            for address in sorted(set(addresses))
            if address in self.lives and not self.lives[address].ready
        ]

    def _in_vain(self, live: Live) -> bool:
        """Whether waiting cannot help: the set-up of the object, or of its parent, has failed."""
        names = BY_NAME[live.address.kind].references()
        above = {str(live.fields.get(name)) for name in names}
        parents = [other for other in self.lives.values() if other.id in above]
        return live.status == GONE or any(other.broken for other in (live, *parents))

    def _tasks(self, addresses: Sequence[Address], waiting: Sequence[Change]) -> tuple[Task, ...]:
        return worklist(self.target, [self.lives[address] for address in addresses], waiting)

    def _look_again(self, addresses: Sequence[Address]) -> Iterator[Seen]:
        for address in addresses:
            try:
                live = reread(self.api, self.lives[address])
            except ReconcilerError:
                continue  # the next look may do better; the time is bounded
            if live is None:
                self.ended[address] = Status.FAILED
                live = replace(self.lives[address], status=GONE)
            if live.status != self.lives[address].status:
                yield Seen(live)
            self.lives[address] = live

    def _why(self, change: Change) -> str:
        behind = self._unready(change.waits_for) or list(change.waits_for)
        status = self.lives[behind[0]].status if behind[0] in self.lives else "not there yet"
        return f"waits for {behind[0]}, which is {status}"


def _id_in(item: str, member: str, call: Call, reply: Mapping[str, Any]) -> str:
    """The id of the object a create call made, out of its reply."""
    match reply.get(item, reply):
        case {**members} if isinstance(members.get(member), str) and members[member]:
            return str(members[member])
        case _:
            raise UnclearReplyError(call.operation, f"the reply holds no {member}")


def _paths(fields: Sequence[FieldChange]) -> str:
    return ", ".join(field.path for field in fields)
