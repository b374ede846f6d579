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
    """A create that may still show up, and for how many more seconds it is given the time."""

    sent: Sent
    seconds: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is still open, and what became of the pending rest, in words."""

    open: tuple[Unsettled, ...] = ()
    known: tuple[tuple[Line, str], ...] = ()


def judge(plan: Plan, history: Iterable[Sent], *, now: datetime, window: float) -> Judgement:
    """What the plan, made from what is live, says about what was sent; `window` is the time in
    seconds after which a create that does not show is taken for not carried out."""
    lives = {str(change.address): change.live for change in plan.changes}
    missing = {str(c.address) for c in plan.work if Action.CREATE in (c.action, c.then)}
    open_, known = [], []
    for sent in _in_doubt(history):
        line = sent.line
        left = min(window, window - (now - line.time).total_seconds())
        if line.operation not in CREATES:
            known.append((sent, "planned again from what is live"))
        elif line.address in missing and left > 0:
            open_.append(Unsettled(sent, left))
        elif line.address in missing:
            known.append((sent, f"not there after {window:g} s"))
        elif left <= 0 or _is_made_by(line, lives.get(line.address)):
            known.append((sent, "there, or not wanted any more"))
    pending = tuple((sent.line, text) for sent, text in known if sent.is_pending)
    return Judgement(tuple(open_), pending)


def _in_doubt(history: Iterable[Sent]) -> list[Sent]:
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


def _is_made_by(line: Line, live: Live | None) -> bool:
    """Whether an object is what this call has made; what takes no tags has no other name either."""
    return live is not None and (live.run == line.run or not live.arn)


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
    return (
        f"{line.operation} of {line.time:%Y-%m-%d %H:%M:%S} UTC was {what}: "
        f"an apply waits up to {one.seconds:.0f} s for what it made before it is sent again"
    )
