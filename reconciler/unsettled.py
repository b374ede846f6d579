"""Judges what earlier runs sent: a plan and the journal go in; what has to be waited for, and what
is known by now of the calls that nobody has heard of again, come out. Pure.

A create that is not there yet may still show up, be it without an answer or answered with yes and
not listed so far. It is sent again only once a window has passed that is longer than the service
takes to list what it has made; how long AWS takes is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.bind import Finding
from reconciler.diff import Action
from reconciler.journal import Line, Sent
from reconciler.kinds import BY_NAME
from reconciler.plan import Plan
from reconciler.resource import Address, Live

SETTLE_SECONDS = 120.0
"""The window unless somebody chooses another."""
CREATES = frozenset(kind.calls.create for kind in BY_NAME.values())
DELETES = frozenset(kind.calls.delete for kind in BY_NAME.values())


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A create that may still show up, for how many more seconds it is given the time, and whether
    the plan would be another one if it did."""

    sent: Sent
    seconds: float
    matters: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is still open, and what became of the pending rest, in words."""

    open: tuple[Unsettled, ...] = ()
    known: tuple[tuple[Line, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Judging:
    """How an open create is judged: `now` is when the reads began that the plan is made from,
    `window` the time in seconds after which what does not show is taken for not carried out,
    `since` when this run began, and `deletes` whether what shows up undeclared would be deleted."""

    now: datetime
    since: datetime
    window: float
    deletes: bool = False

    def left(self, sent: Sent) -> float:
        """The seconds that a create is still given. One from the future, by a clock that was set
        back since, is as old as this run."""
        begun = sent.time if sent.time <= self.now else self.since
        return self.window - (self.now - begun).total_seconds()


def judge(plan: Plan, history: Iterable[Sent], judging: Judging) -> Judgement:
    """What the plan, made from what is live, says about what was sent."""
    missing = {str(c.address) for c in plan.work if Action.CREATE in (c.action, c.then)}
    made = {(_name(live), live.run) for live in plan.lives}
    untagged = {_name(live) for live in plan.lives if not live.arn}
    open_, known = [], []
    for sent in in_doubt(history):
        line, left = sent.line, judging.left(sent)
        if line.operation not in CREATES:
            known.append((sent, "planned again from what is live"))
        elif (line.address, line.run) in made or line.address in untagged:
            known.append((sent, "there, as a later run saw"))
        elif left <= 0:
            known.append((sent, f"not there after {judging.window:g} s"))
        else:
            would_go = judging.deletes and line.owner == plan.owner
            open_.append(Unsettled(sent, left, would_go or line.address in missing))
    pending = tuple((sent.line, text) for sent, text in known if sent.is_pending)
    return Judgement(tuple(open_), pending)


def _name(live: Live) -> str:
    """The address that an object has by its own name, which another one may have as well."""
    return str(Address(live.address.kind, BY_NAME[live.address.kind].name_of(live.fields) or ""))


def in_doubt(history: Iterable[Sent]) -> list[Sent]:
    """What is pending, and the last create of each address that was carried out, unless its object
    was deleted afterwards."""
    pending, made = [], {}
    for sent in history:
        line = sent.line
        if sent.is_pending:
            pending.append(sent)
        elif line.operation in CREATES and sent.last.event != "refused":
            made[line.address] = sent
        elif line.operation in DELETES and sent.last.event == "done":
            made.pop(line.address, None)
    return [*pending, *made.values()]


def seconds_left(
    judgement: Judgement, history: Iterable[Sent], judging: Judging, looked: datetime | None
) -> float:
    """The seconds until every create has shown up that was still open when the live state was read
    last, at `looked`, or that was sent since; `judging` is for now."""
    sent = [one.sent for one in judgement.open]
    for one in in_doubt(history):
        unseen = one.is_pending or looked is None or one.time >= looked
        if unseen and one.line.operation in CREATES:
            sent.append(one)
    return max([0.0, *map(judging.left, sent)])


def warned(plan: Plan, unsettled: Iterable[Unsettled]) -> Plan:
    """The plan with a warning for each create that may still show up."""
    findings = [
        Finding("warning", "unsettled", _words(one), Address(*one.sent.line.address.split("/", 1)))
        for one in unsettled
    ]
    return replace(plan, findings=(*plan.findings, *findings))


def _words(one: Unsettled) -> str:
    line = one.sent.line
    what = "never answered" if one.sent.is_pending else "carried out, and is not listed"
    text = f"{line.operation} of {line.time:%Y-%m-%d %H:%M:%S} UTC was {what}: "
    if not one.matters:
        return f"{text}what it made may show up within {one.seconds:.0f} s"
    return f"{text}an apply waits up to {one.seconds:.0f} s for what it made before it goes on"
