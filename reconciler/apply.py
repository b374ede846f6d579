"""Carries a plan out: the only code that writes what is declared. A plan and an `Api` go in, one
outcome per change comes out, with what is being done and waited for in between.

After its calls every object is read back and held against what is declared, because a service that
answers yes has not always done it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from reconciler.compare import Comparison
from reconciler.diff import Action, Change
from reconciler.errors import ApiError, ThrottledError, UnclearReplyError
from reconciler.kinds import BY_NAME
from reconciler.observe import reread
from reconciler.plan import Plan, Task, removes, replaces, worklist
from reconciler.resource import Address, Api, Live
from reconciler.writer import Means, Outcome, Status, Writer

POLL_DELAYS = (0.5, 0.5, 1.0, 2.0, 5.0)
"""Seconds between looks at a handshake; the last goes on. AWS Copilot polls every 5 seconds
(https://github.com/aws/copilot-cli)."""

GONE = "GONE"
"""Our word for an object that was deleted while it was waited for; the service has none."""


@dataclass(frozen=True, slots=True)
class Started:
    """A change is being carried out."""

    change: Change


@dataclass(frozen=True, slots=True)
class Halfway:
    """Some of a change's calls are made; the others follow in its turn."""

    change: Change
    calls_made: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing can be done until people have done this; `seconds` are left to wait."""

    tasks: tuple[Task, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """An object that is waited for has another status than before, or cannot be looked at any
    more."""

    live: Live
    problem: str = ""


Event = Started | Halfway | Waiting | Seen | Outcome


def apply(
    plan: Plan,
    api: Api,
    compare: Comparison,
    *,
    run: str,
    wait: float = 0.0,
    means: Means = Means(),
) -> Iterator[Event]:
    """Carry the plan out, one change after the other, and say how each ended.

    `run` is written on what is created; `wait` is how many seconds to wait for people. A failure
    skips only what depends on it.
    """
    return _Apply(Writer(api, plan.target, compare, run, means)).events(plan, wait)


def cut_short(plan: Plan, events: Sequence[Event], why: str = "interrupted") -> list[Outcome]:
    """The outcomes of the changes that an apply did not get to say, because of `why`: what was
    being carried out is unknown, and what had not begun is skipped."""
    said: dict[Address, Event] = {}
    made: Counter[Address] = Counter()
    for event in events:
        if isinstance(event, Started | Halfway | Outcome):
            said[event.change.address] = event
        if isinstance(event, Halfway):
            made[event.change.address] = event.calls_made
    return [
        _unsaid(change, last, made[change.address], why)
        for change in plan.work
        if not isinstance(last := said.get(change.address), Outcome)
    ]


def _unsaid(change: Change, last: Event | None, made: int, why: str) -> Outcome:
    after = f"after {made} of {len(change.calls)} calls: " if made else ""
    match last:
        case Started():
            text = f"{after}{why} while it was being carried out"
            return Outcome(change, Status.UNKNOWN, text, calls_made=made)
        case Halfway():
            return Outcome(change, Status.SKIPPED, f"{after}{why}", calls_made=made)
        case _:
            return Outcome(change, Status.SKIPPED, f"not begun: {why}")


def _needed(deletes: Sequence[Change], deferred: Iterable[Change]) -> list[Change]:
    """The deletes that deferred changes wait for, and those that these wait for, children first."""
    awaited = {address for change in deferred for address in change.waits_for}
    for change in reversed(deletes):
        if change.address in awaited:
            awaited |= set(change.waits_for)
    return [change for change in deletes if change.address in awaited]


@dataclass(slots=True)
class _Apply:
    """A plan as far as it has been carried out."""

    writer: Writer
    lives: dict[Address, Live] = field(default_factory=dict)
    ended: dict[Address, Status] = field(default_factory=dict)
    unseen: dict[Address, str] = field(default_factory=dict)
    """What cannot be looked at, and why."""
    takes: dict[Address, list[Change]] = field(default_factory=lambda: defaultdict(list))
    """What is deleted together with each replaced object."""

    def events(self, plan: Plan, wait: float) -> Iterator[Event]:
        self.lives = {c.address: c.live for c in plan.changes if c.live}
        self.writer.ids = {address: live.id for address, live in self.lives.items()}
        self.writer.changing = {(c.address.kind, c.live.id) for c in plan.work if c.live}
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
        sooner = _needed(groups[Action.DELETE], groups[Action.DEFER])
        kept = [c for c in plan.changes if not removes(c) or replaces(c)]
        yield from self._deferred([*sooner, *groups[Action.DEFER]], kept, wait)
        for change in groups[Action.DELETE]:
            yield from self._carry_out(change)

    def _carry_out(self, change: Change) -> Iterator[Event]:
        if change.address in self.ended:
            return  # it ended when it was to be deleted together with its parent
        behind = [a for a in change.waits_for if self.ended.get(a, Status.APPLIED) != "applied"]
        if why := self.writer.stopping():
            yield self._end(Outcome(change, Status.SKIPPED, f"not begun: {why}"))
        elif behind:
            yield self._end(Outcome(change, Status.SKIPPED, f"because of {behind[0]}"))
        else:
            yield Started(change)
            if (yield from self._clear(change)):
                outcome = self.writer.make(change, len(change.calls))
                yield self._end(outcome or self.writer.read_back(change))

    def _clear(self, change: Change) -> Generator[Event, None, bool]:
        """Delete what goes with a change, children first, once nothing at all stands in the way of
        it; whether the change itself can go on."""
        below = [c for c in self._below(change) if not self.writer.made[c.address]]
        failed = next((c for c in below if c.address in self.ended), None)
        for one in (*below, change) if failed is None else ():
            if (outcome := self.writer.check_removal(one)) is not None:
                failed = one
                yield self._end(outcome)
                break
        for one in below if failed is None else ():
            yield Started(one)
            if (outcome := self.writer.make(one, 1)) is not None:
                failed = one
                yield self._end(outcome)
                break
            self.lives.pop(one.address, None)
            yield Halfway(one, 1)
        if failed is not None and change.address not in self.ended:
            text = f"because of {failed.address}"
            yield self._end(Outcome(change, Status.SKIPPED, text))
        return failed is None

    def _below(self, change: Change) -> Iterator[Change]:
        """What goes with a change, children first."""
        for child in self.takes[change.address]:
            yield from self._below(child)
            yield child

    def _end(self, outcome: Outcome) -> Outcome:
        change, made = outcome.change, self.writer.made[outcome.change.address]
        if 0 < made < len(change.calls):
            message = f"after {made} of {len(change.calls)} calls: {outcome.message}"
            outcome = replace(outcome, message=message)
        self.ended[change.address] = outcome.status
        if made and removes(change):
            self.lives.pop(change.address, None)
        if outcome.live is not None:
            self.lives[change.address] = outcome.live
        return replace(outcome, calls_made=made)

    def _deferred(
        self, changes: Sequence[Change], kept: Sequence[Change], wait: float
    ) -> Iterator[Event]:
        """Carry out each deferred change once what it waits for is ready, in whichever order
        people act; with time to wait, wait for every handshake, and leave the rest deferred."""
        waiting, end, looks = list(changes), self.writer.means.clock.now() + wait, 0
        while True:
            before = len(waiting)
            waiting = yield from self._go_on(waiting)
            if len(waiting) < before:
                continue
            left = end - self.writer.means.clock.now()
            # An object that is going to be replaced is nobody's task: the new one will be.
            staying = [c.address for c in kept if not replaces(c) or c.address in self.ended]
            old = {change.address for change in waiting}
            awaited = {a for c in waiting for a in c.waits_for} | set(staying)
            behind = self._unready(awaited - old - set(self.unseen))
            in_vain = all(self._in_vain(self.lives[address]) for address in behind)
            if left <= 0 or in_vain or self.writer.stopping():
                break
            yield Waiting(self._tasks(behind, waiting), left)
            self.writer.means.clock.rest(min(left, POLL_DELAYS[min(looks, len(POLL_DELAYS) - 1)]))
            looks += 1
            yield from self._look_again(behind, end)
        for change in waiting:
            if change.address in self.ended:
                continue
            if why := self.writer.stopping():
                yield self._end(Outcome(change, Status.SKIPPED, f"not begun: {why}"))
            else:
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
        return worklist(self.writer.target, [self.lives[address] for address in addresses], waiting)

    def _look_again(self, addresses: Sequence[Address], end: float) -> Iterator[Seen]:
        """Look at each, but no more once looks that hang have used up the time."""
        for number, address in enumerate(addresses):
            if number and self.writer.means.clock.now() > end:
                return
            try:
                live = reread(self.writer.api, self.lives[address])
            except (ThrottledError, UnclearReplyError):
                continue  # the next look may do better; the time is bounded
            except ApiError as error:
                self.unseen[address] = str(error)
                yield Seen(self.lives[address], f"cannot be looked at: {error}")
                continue
            if live is None:
                self.ended[address] = Status.FAILED
                live = replace(self.lives[address], status=GONE)
            if live.status != self.lives[address].status:
                yield Seen(live, "was deleted while it was waited for" * (live.status == GONE))
            self.lives[address] = live

    def _why(self, change: Change) -> str:
        behind = self._unready(change.waits_for) or list(change.waits_for)
        status = self.lives[behind[0]].status if behind[0] in self.lives else ""
        text = f"waits for {behind[0]}, which is {status or 'still to be done'}"
        unseen = self.unseen.get(behind[0])
        return f"{text} and cannot be looked at: {unseen}" if unseen else text
