"""Says how live objects differ from what is declared, as data: plans and the health of syncs go in,
findings by class come out. Pure.

Drift is what live objects left behind; with the plan of what was last applied, what only the files
moved on to is told apart, field by field, as pending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from reconciler.bind import own_address
from reconciler.compare import FieldChange, why_off
from reconciler.diff import Action, Change
from reconciler.findings import CLASSES, QUIET, DriftFindingForm, DriftForm
from reconciler.health import Health, Sync
from reconciler.kinds import BY_NAME
from reconciler.plan import Plan, Task, worklist
from reconciler.report import coverage_form, field_form, source_form, target_form
from reconciler.resource import Address, Gap, Ignore, Live, Resource, Source
from reconciler.spec.problems import FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Found:
    """One finding, before it is told whether it counts."""

    code: str
    message: str
    address: Address | None = None
    id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    rule: Ignore | None = None
    link: str | None = None


def drift_document(
    plan: Plan,
    health: Health,
    *,
    applied: Plan | None = None,
    base: str | None = None,
    quiet: Collection[str] = QUIET,
) -> DriftForm:
    """The drift report as plain data.

    `plan` leads to what is declared; `applied`, made of the same live objects, to what was declared
    in the revision `base`. `quiet` are the classes that do not count.
    """
    whole = replace(plan, gaps=(*plan.gaps, *health.gaps))
    every = sorted(_Judging(whole, health, applied).found(), key=_rank)
    number = Counter(found.code for found in every)
    sources = {**(applied.sources if applied else {}), **plan.sources}
    return {
        "format_version": FORMAT_VERSION,
        "kind": "drift",
        "target": target_form(plan.target),
        "owner": plan.owner,
        "base": base,
        "checked": plan.declared,
        "findings": [_form(found, sources, quiet) for found in every],
        "coverage": coverage_form(whole.gaps),
        "summary": {code: number[code] for code in CLASSES},
    }


def _ended(resource: Resource | None, fields: Sequence[FieldChange]) -> Iterator[str]:
    """The rules that would have left these differences alone, and are off: else they would have."""
    for rule in resource.ignore if resource else ():
        if any(fnmatchcase(field.path, rule.field) for field in fields):
            yield why_off(rule)


def _rank(found: Found) -> tuple[int, str, str]:
    return (list(CLASSES).index(found.code), str(found.address or ""), found.message)


class _Judging:
    """The findings of one target."""

    def __init__(self, plan: Plan, health: Health, applied: Plan | None) -> None:
        self.plan = plan
        self.health = health
        declaring = applied or plan
        self.was_declared = {c.address for c in declaring.changes if c.resource is not None}
        self.was_bound = _bound(declaring)
        self.left = set(_differing(declaring))
        self.differing = set(_differing(plan))
        self.bound = _bound(plan)
        self.planned = {change.address for change in plan.changes}
        self.unread = {gap.address for gap in plan.gaps}
        self.taken_out = taken_out(plan, applied) if applied else []

    def found(self) -> Iterator[Found]:
        """Every finding, in no order."""
        for change in self.plan.changes:
            if change.resource is None:
                yield self._removed(change)
            elif change.live is None:
                yield self._missing(change)
            else:
                yield from self._changed(change)
                yield from self._ignored(change)
        for change in self.taken_out:
            yield from self._changed(change)
        yield from self._unready()
        yield from self._from_findings()
        yield from self._unmanaged()
        for sync in self.health.syncs.values():
            yield from _of_sync(sync)
        yield from map(_unread, self.plan.gaps)

    def _missing(self, change: Change) -> Found:
        if change.address in self.was_declared:
            return Found("missing", "is declared and not there", change.address)
        return Found("pending", "is to be created", change.address)

    def _changed(self, change: Change) -> Iterator[Found]:
        left: list[FieldChange] = []
        to_come: list[FieldChange] = []
        for field in change.fields:
            if (_id(change.live), field.path) in self.left:
                left.append(field)
            elif (_id(change.live), field.path) in self.differing:
                to_come.append(field)
        for code, fields in (("changed", left), ("pending", to_come)):
            if fields:
                paths = ", ".join(field.path for field in fields)
                text = "; ".join((f"differs in {paths}", *_ended(change.resource, fields)))
                yield Found(code, text, change.address, _id(change.live), tuple(fields))

    def _ignored(self, change: Change) -> Iterator[Found]:
        for rule, field in change.ignored:
            by = f" (by {rule.owner})" if rule.owner else ""
            until = f" until {rule.until}" if rule.until else ""
            text = f"differs in {field.path}, ignored{until}: {rule.reason}{by}"
            yield Found("ignored", text, change.address, _id(change.live), (field,), rule)

    def _removed(self, change: Change) -> Found:
        """What a rename has left behind, or is to be deleted."""
        text = "is not declared any more"
        if change.successor is not None:
            text = f"was renamed to {change.successor}, and is still there"
        return Found(self._orphaned(change.live), text, change.address, _id(change.live))

    def _from_findings(self) -> Iterator[Found]:
        lives = {live.address: live for live in self.plan.lives}
        unread = {gap.address for gap in self.plan.gaps}
        for finding in self.plan.findings:
            if finding.code == "unread" and finding.address in unread:
                continue  # which the gap says, too
            live = lives.get(finding.address) if finding.address else None
            if finding.code == "orphan":
                text = "is owned and not declared any more"
                yield Found(self._orphaned(live), text, finding.address, _id(live))
            elif finding.code == "id_not_found":
                yield Found("missing", f"is not there: {finding.message}", finding.address)
            elif finding.level == "error" and finding.address not in self.planned:
                text = f"was not checked: {finding.message}"
                yield Found("not_checked", text, finding.address, _id(live))

    def _orphaned(self, live: Live | None) -> str:
        """What was declared when the files were applied last is only to be pruned."""
        return "pending" if live and live.id in self.was_bound else "orphan"

    def _unready(self) -> Iterator[Found]:
        """What a person has to do. What is to be replaced waits for nobody, but may be broken."""
        yield from map(_waiting, self.plan.worklist)
        asked = {task.address for task in self.plan.worklist}
        declared = [c for c in self.plan.changes if c.resource]
        kept = [change.live for change in (*declared, *self.taken_out) if change.live]
        others = [live for live in kept if live.address not in asked]
        found = map(_waiting, worklist(self.plan.target, others, ()))
        yield from (one for one in found if one.code != "waiting")

    def _unmanaged(self) -> Iterator[Found]:
        for live in self.plan.lives:
            if live.owner is not None or live.id in self.bound or live.vanishing:
                continue
            if self._is_in_doubt(live) or self._is_unread(live):
                continue
            text = "is live, owned by nobody, and not declared"
            yield Found("unmanaged", text, live.address, _id(live))

    def _is_in_doubt(self, live: Live) -> bool:
        """Whether an entry may be about it that was not told apart."""
        address = own_address(live)
        return address in self.plan.sources and address not in self.planned

    def _is_unread(self, live: Live) -> bool:
        """Whether its tags, or those of what it has its owner from, could not be read."""
        kind = BY_NAME[live.address.kind]
        above = {str(live.fields.get(name)) for name in kind.references()}
        told_by = [live] if kind.taggable() else [n for n in self.plan.lives if n.id in above]
        return any(own_address(one) in self.unread for one in told_by)


def _id(live: Live | None) -> str | None:
    return (live.arn or live.id) if live else None


def taken_out(plan: Plan, applied: Plan) -> list[Change]:
    """What leads to the entries that were applied and are about live objects that no entry is about
    any more: such an object may be pruned, and until then its drift is drift."""
    bound = _bound(plan)
    return [c for c in applied.changes if c.resource and c.live and c.live.id not in bound]


def _bound(plan: Plan) -> set[str]:
    """The ids of the live objects that entries are about."""
    return {change.live.id for change in plan.changes if change.resource and change.live}


def _differing(plan: Plan) -> Iterator[tuple[str | None, str]]:
    """The ids of live objects and the paths of their differences. Those that only follow from
    another one are left out: what is referred to is to be made again and will have another id, or
    has the owner that is taken over from it."""
    made = {change.address for change in plan.work if change.resource and _makes(change)}
    for change in plan.changes:
        if (resource := change.resource) is None:
            continue
        parents = resource.parents()
        for field in change.fields:
            inherited = field.path == "owner" and not resource.taggable()
            if not inherited and parents.get(field.path) not in made:
                yield _id(change.live), field.path


def _makes(change: Change) -> bool:
    return Action.CREATE in (change.action, change.then) or any(
        field.forces_replacement for field in change.fields
    )


def _waiting(task: Task) -> Found:
    code = "failed" if "FAILED" in task.status else "waiting"
    code = "error" if task.status == "ERROR" else code
    text = f"is {task.status}: {task.todo}"
    return Found(code, text, task.address, task.id, link=task.link)


def _of_sync(sync: Sync) -> Iterator[Found]:
    if (failure := sync.failure) is not None:
        revision = f" {failure.revision[:12]}" if failure.revision else ""
        last = f": {failure.events[-1].text}" if failure.events else ""
        what = f"failed to sync{revision} from {failure.branch or sync.branch}"
        text = f"{what}, begun {failure.started}{last}"
        text += f"; {sync.todo}" * (not sync.blocked)
        yield Found("sync_failing", text, sync.address)
    for blocker in sync.blocked:
        what = f"is blocked since {blocker.created}: {blocker.reason} (blocker {blocker.id})"
        text = f"{what}; {sync.todo}"
        yield Found("sync_blocked", text, sync.address, blocker.id)


def _unread(gap: Gap) -> Found:
    what = "" if gap.address else f"{BY_NAME[gap.kind].section}: "
    return Found("not_checked", f"{what}could not be read: {gap.reason}", gap.address)


def _form(
    found: Found, sources: Mapping[Address, Source], quiet: Collection[str]
) -> DriftFindingForm:
    level = "info" if found.code in quiet else "warning"
    rule = found.rule
    source = sources.get(found.address) if found.address else None
    return {
        "level": "error" if found.code == "not_checked" else level,
        "code": found.code,
        "address": str(found.address) if found.address else None,
        "id": found.id,
        "message": found.message,
        "fields": [field_form(field) for field in found.fields],
        "reason": rule.reason if rule else None,
        "until": rule.until if rule else None,
        "link": found.link,
        "source": source_form(source),
    }
