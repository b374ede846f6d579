"""A whole run on one page; start reading here.

files --load--> Desired                     reconciler.spec
AWS   --observe--> Observed                 reconciler.observe   reads only
Desired x Observed --diff--> changes        reconciler.diff      pure
changes --make_plan--> Plan                 reconciler.plan      pure
Plan --check--> Plan with refusals          reconciler.guards    pure
Plan --apply--> outcomes                    reconciler.apply     the only writer
Plan + outcomes --> document                reconciler.report    pure, and rendered from there
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime
from functools import partial
from typing import Protocol

from reconciler.apply import Event, apply
from reconciler.compare import Comparison
from reconciler.diff import Differences, diff
from reconciler.drift import drift_document, taken_out
from reconciler.errors import ReconcilerError, TargetError
from reconciler.findings import QUIET, DriftForm
from reconciler.guards import Allow, check, wrong_target
from reconciler.health import Health, definitions, look
from reconciler.observe import observe
from reconciler.plan import Plan, make_plan
from reconciler.resource import Api, Desired, Observed, Target
from reconciler.status import Asked, StatusForm, status_document, synced_from
from reconciler.writer import Means

DEFAULT_ALLOW = Allow()


class Compare(Protocol):
    """Makes differences of two sides of the world."""

    def __call__(self, desired: Desired, observed: Observed, *, today: date) -> Differences:
        """The changes and findings; pure."""
        ...


def plan_for(
    desired: Desired,
    api: Api,
    target: Target,
    *,
    today: date,
    allow: Allow = DEFAULT_ALLOW,
    prune: bool = False,
    compare: Compare | None = None,
) -> Plan:
    """Read the target and plan from there to what is desired; nothing is written.

    `compare` makes other differences than `diff` does, such as the deletes of a `destroy`.
    """
    observed = observe(api, target)
    compare = compare or partial(diff, prune=prune)
    differences = compare(desired, observed, today=today)
    return check(make_plan(desired, observed, differences), allow)


def drift_of(
    desired: Desired,
    api: Api,
    target: Target,
    *,
    today: date,
    applied: Desired | None = None,
    base: str | None = None,
    quiet: Collection[str] = QUIET,
) -> DriftForm:
    """Read the target and say how it differs from what is desired; nothing is written.

    `applied` is what was desired in the revision `base`, which was applied last; `quiet` are the
    classes of findings that do not count. Raises `TargetError`
    when the files are for another target.
    """
    observed = observe(api, target)
    plan = make_plan(desired, observed, diff(desired, observed, today=today))
    for refusal in wrong_target(plan, DEFAULT_ALLOW):
        raise TargetError(refusal.message)
    before, judged = None, [c for c in plan.changes if c.resource]
    if applied is not None:
        before = make_plan(applied, observed, diff(applied, observed, today=today))
        judged += taken_out(plan, before)
    health = look(api, [change.live for change in judged if change.live])
    return drift_document(plan, health, applied=before, base=base, quiet=quiet)


def status_of(api: Api, target: Target, asked: Asked, *, time: datetime) -> StatusForm:
    """Read the target and say how what is asked for does; nothing is written. It begins at `time`,
    which ages are counted to."""
    observed = observe(api, target)
    lives = asked.among(observed)
    health = look(api, lives)
    defined, gaps = definitions(api, synced_from(lives, observed))
    whole = Health(health.syncs, (*health.gaps, *gaps))
    return status_document(observed, asked, whole, defined, time)


def apply_plan(
    plan: Plan,
    desired: Desired,
    api: Api,
    *,
    run: str,
    today: date,
    wait: float = 0.0,
    means: Means = Means(),
) -> Iterator[Event]:
    """Carry out a plan that no guard refuses and that rests on complete reads.

    `run` is the id of this run, `wait` how many seconds to wait for people. Raises
    `ReconcilerError` before the first call for any other plan.
    """
    if plan.refusals or not plan.is_complete:
        raise ReconcilerError("the plan is refused or incomplete: nothing was called")
    compare = Comparison(desired.owner, desired.ignore_tags, today)
    yield from apply(plan, api, compare, run=run, wait=wait, means=means)
