"""Judges what earlier runs sent and never heard of again: a plan and the pending lines of the
journal go in; what has to be waited for, and what is known by now, come out. Pure.

A create that is not there yet may still show up. It is sent again only once a window has passed
that is longer than the service takes to list what it has made; how long AWS takes is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.bind import Finding
from reconciler.diff import Action
from reconciler.journal import Line
from reconciler.kinds import BY_NAME
from reconciler.plan import Plan
from reconciler.resource import Address

SETTLE_SECONDS = 120.0
"""The window unless somebody chooses another."""
CREATES = frozenset(kind.calls.create for kind in BY_NAME.values())


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A create that may still show up, and for how many more seconds it is given the time."""

    line: Line
    seconds: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is still open, and what became of the rest, in words."""

    open: tuple[Unsettled, ...] = ()
    known: tuple[tuple[Line, str], ...] = ()


def judge(plan: Plan, pending: Iterable[Line], *, now: datetime, window: float) -> Judgement:
    """What the plan, made from what is live, says about calls without a known outcome; `window` is
    the time in seconds after which a create that does not show is taken for not carried out."""
    missing = {str(c.address) for c in plan.work if Action.CREATE in (c.action, c.then)}
    open_, known = [], []
    for line in pending:
        left = min(window, window - (now - line.time).total_seconds())
        if line.operation not in CREATES:
            known.append((line, "planned again from what is live"))
        elif line.address in missing and left > 0:
            open_.append(Unsettled(line, left))
        elif line.address in missing:
            known.append((line, f"not there after {window:g} s"))
        else:
            known.append((line, "there, or not wanted any more"))
    return Judgement(tuple(open_), tuple(known))


def warned(plan: Plan, unsettled: Iterable[Unsettled]) -> Plan:
    """The plan with a warning for each create that may still show up."""
    findings = [
        Finding(
            "warning",
            "unsettled",
            f"{one.line.operation} of {one.line.time:%Y-%m-%d %H:%M:%S} UTC was never answered: "
            f"an apply waits up to {one.seconds:.0f} s for what it made before it is sent again",
            Address(*one.line.address.split("/", 1)),
        )
        for one in unsettled
    ]
    return replace(plan, findings=(*plan.findings, *findings))
