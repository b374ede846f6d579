"""Makes the forms of a plan, and of a plan with its outcomes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reconciler.apply import Event, Seen
from reconciler.compare import FieldChange
from reconciler.diff import Action, Change
from reconciler.forms import (
    AwaitedForm,
    ChangeForm,
    CoverageForm,
    FieldForm,
    FindingForm,
    OutcomeForm,
    PlanForm,
    ReportForm,
    SourceForm,
    TargetForm,
    TaskForm,
)
from reconciler.plan import Plan, Task, removes, worklist
from reconciler.resource import Address, Gap, Source, Target, plain
from reconciler.spec.problems import FORMAT_VERSION
from reconciler.writer import Outcome, Status


def plan_document(plan: Plan) -> PlanForm:
    """The plan as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        "kind": "plan",
        "purpose": plan.purpose,
        "target": target_form(plan.target),
        "owner": plan.owner,
        "fingerprint": plan.fingerprint,
        "changes": [_change(plan, change) for change in plan.work],
        "findings": [
            {
                "level": finding.level,
                "code": finding.code,
                "address": _text(finding.address),
                "message": finding.message,
                "source": _source(plan, finding.address),
            }
            for finding in plan.findings
        ],
        "refusals": [
            {
                "guard": refusal.guard,
                "address": _text(refusal.address),
                "message": refusal.message,
                "allow": refusal.allow,
                "source": _source(plan, refusal.address),
            }
            for refusal in plan.refusals
        ],
        "worklist": [_task(plan, task) for task in plan.worklist],
        "coverage": coverage_form(plan.gaps),
        "summary": _counts([change.action for change in plan.changes]),
        "deferred": _counts([change.then for change in plan.changes if change.then]),
    }


def report_document(
    plan: Plan, events: Sequence[Event], *, run: str, after: Plan | None = None
) -> ReportForm:
    """The plan with what came of it, as plain data; `run` is the id of the apply, `events` all
    that it said, and `after` the plan that was made when it was over."""
    outcomes = [event for event in events if isinstance(event, Outcome)]
    counts = Counter(outcome.status for outcome in outcomes)
    document = plan_document(plan)
    if after is not None:
        seen = plan_document(after)
        document["findings"] = [*seen["findings"], *_not_done(after, outcomes)]
        document["worklist"] = seen["worklist"]
        document["coverage"] = seen["coverage"]
    elif events:
        document["findings"] = [*document["findings"], *_lost_sight(plan, events)]
        document["worklist"] = [_task(plan, task) for task in _left(plan, events)]
    awaited = _awaited(plan, events) if run and plan.purpose == "wait" else []
    for task in document["worklist"] if awaited else ():
        held = (one for one in awaited if task["address"] in one["waits_for"])
        task["blocks"] = [one["address"] for one in held]
    return {
        **document,
        "kind": "report",
        "run": run,
        "awaited": awaited,
        "outcomes": [_outcome(outcome) for outcome in outcomes],
        "outcome_summary": {status.value: counts[status] for status in Status},
    }


def _not_done(after: Plan, outcomes: Sequence[Outcome]) -> list[FindingForm]:
    """What was applied and would be planned again: somebody else changed it, or it never took."""
    applied = {o.change.address for o in outcomes if o.status is Status.APPLIED}
    return [
        {
            "level": "error",
            "code": "not_in_sync",
            "address": str(change.address),
            "message": f"was applied, and planning again still says {change.then or change.action}",
            "source": _source(after, change.address),
        }
        for change in after.work
        if change.address in applied
    ]


def _lost_sight(plan: Plan, events: Sequence[Event]) -> list[FindingForm]:
    """What was waited for and cannot be waited for any more."""
    return [
        {
            "level": "error",
            "code": "lost_sight",
            "address": str(event.live.address),
            "message": event.problem,
            "source": _source(plan, event.live.address),
        }
        for event in events
        if isinstance(event, Seen) and event.problem
    ]


def _left(plan: Plan, events: Sequence[Event]) -> tuple[Task, ...]:
    """What people still have to do, as far as the apply has seen it."""
    outcomes = [event for event in events if isinstance(event, Outcome)]
    lives = {change.address: change.live for change in plan.changes if not removes(change)}
    lives |= {live.address: live for live in plan.awaited}
    lives |= {o.change.address: o.live for o in outcomes if o.live and o.change.resource}
    for event in events:
        if isinstance(event, Seen):
            lives[event.live.address] = None if event.problem else event.live
    left = [outcome.change for outcome in outcomes if outcome.status is Status.DEFERRED]
    return worklist(plan.target, filter(None, lives.values()), left)


def _awaited(plan: Plan, events: Sequence[Event]) -> list[AwaitedForm]:
    """Everything that was waited for, and how far it got."""
    changes = {change.address: change for change in plan.changes}
    before = {address: change.live for address, change in changes.items() if change.live}
    lives = before | {e.live.address: e.live for e in events if isinstance(e, Seen)}

    def behind(change: Change) -> set[Address]:
        under = [address for address in change.depends_on if address in changes]
        unready = {address for address in under if not lives[address].ready}
        return unready.union(*(behind(changes[address]) for address in under))

    waits = {address: sorted(map(str, behind(change))) for address, change in changes.items()}
    return [
        {
            "address": str(address),
            "id": live.arn or live.id,
            "before": live.status,
            "status": lives[address].status,
            "ready": lives[address].ready and bool(live.status or not waits[address]),
            "waits_for": waits[address],
        }
        for address, live in before.items()
    ]


def _change(plan: Plan, change: Change) -> ChangeForm:
    return {
        "address": str(change.address),
        "action": change.action.value,
        "then": change.then.value if change.then else None,
        "reason": change.reason,
        "id": (change.live.arn or change.live.id) if change.live else None,
        "fields": [field_form(field) for field in change.fields],
        "calls": [
            {"operation": call.operation, "parameters": plain(call.parameters)}
            for call in change.calls
        ],
        "waits_for": [str(address) for address in change.waits_for],
        "depends_on": [str(address) for address in change.depends_on],
        "goes_with": _text(change.goes_with),
        "source": _source(plan, change.address),
    }


def field_form(field: FieldChange) -> FieldForm:
    """A difference as plain data."""
    return {
        "path": field.path,
        "before": plain(field.before),
        "after": plain(field.after),
        "forces_replacement": field.forces_replacement,
    }


def target_form(target: Target) -> TargetForm:
    """A target as plain data."""
    return {"account": target.account, "region": target.region, "endpoint": target.endpoint}


def source_form(source: Source | None) -> SourceForm | None:
    """A place in the files as plain data."""
    return {"file": source.file, "line": source.line, "column": source.column} if source else None


def _source(plan: Plan, address: Address | None) -> SourceForm | None:
    return source_form(plan.sources.get(address) if address else None)


def _task(plan: Plan, task: Task) -> TaskForm:
    return {
        "address": str(task.address),
        "id": task.id,
        "account": plan.target.account,
        "region": plan.target.region,
        "status": task.status,
        "todo": task.todo,
        "link": task.link,
        "blocks": [str(address) for address in task.blocks],
    }


def coverage_form(gaps: Sequence[Gap]) -> CoverageForm:
    """What could not be read, as plain data."""
    return {
        "complete": not gaps,
        "unread": [
            {
                "kind": gap.kind,
                "operation": gap.operation,
                "address": _text(gap.address),
                "reason": gap.reason,
            }
            for gap in gaps
        ],
    }


def _outcome(outcome: Outcome) -> OutcomeForm:
    live = outcome.live
    return {
        "address": str(outcome.change.address),
        "action": outcome.change.action.value,
        "status": outcome.status.value,
        "message": outcome.message,
        "id": (live.arn or live.id) if live else None,
        "calls_made": outcome.calls_made,
    }


def _counts(actions: Sequence[Action]) -> dict[str, int]:
    counts = Counter(actions)
    return {action.value: counts[action] for action in Action}


def _text(address: Address | None) -> str | None:
    return str(address) if address else None
