"""Says how live objects differ from what is declared, as data: plans and the health of syncs go in,
findings by class come out. Pure.

Drift is what live objects left behind; with the plan of what was last applied, what only the files
moved on to is told apart, field by field, as pending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, NotRequired

from typing_extensions import TypedDict

from reconciler.bind import own_address
from reconciler.compare import FieldChange
from reconciler.diff import Action, Change
from reconciler.health import Health, Sync
from reconciler.kinds import BY_NAME
from reconciler.plan import Plan, Task
from reconciler.report import (
    CoverageForm,
    FieldForm,
    SourceForm,
    TargetForm,
    coverage_form,
    field_form,
    source_form,
    target_form,
)
from reconciler.resource import Address, Gap, Ignore, Live
from reconciler.safe import safe
from reconciler.spec.problems import FORMAT_VERSION

CLASSES = {
    "changed": "fields, tags or the owner differ from the entry",
    "missing": "declared, and not there",
    "orphan": "owned, and not declared any more",
    "waiting": "a person has something to do",
    "error": "the connection to the provider is in ERROR",
    "failed": "the set-up failed for good",
    "sync_failing": "the latest sync failed",
    "sync_blocked": "nothing is synced until a person resolves a blocker",
    "unmanaged": "live, owned by nobody, and not declared",
    "ignored": "differs, and a rule of the entry leaves it alone",
    "pending": "the files moved on, and this was not applied yet",
    "not_checked": "could not be read or told apart",
}
"""Every class of finding, and what it means."""
QUIET = frozenset({"unmanaged", "ignored", "pending"})
"""The classes that do not count as drift by default."""


class DriftFindingForm(TypedDict):
    """One finding. `level` is `error` for what was not checked, `warning` for what counts and
    `info` for what does not; `code` is its class; `fields` hold what is live as `before` and what
    is declared as `after`. `reason`, `until` are those of an ignore rule, `link` leads to where a
    person can do something. With a history: when it was first seen, and in how many runs."""

    level: str
    code: str
    address: str | None
    id: str | None
    message: str
    fields: list[FieldForm]
    reason: str | None
    until: str | None
    link: str | None
    source: SourceForm | None
    first_seen: NotRequired[str]
    times: NotRequired[int]


class RunForm(TypedDict):
    """One look: when, whether it saw everything, and how many findings of each class it had."""

    time: str
    complete: bool
    counts: dict[str, int]


class PastForm(TypedDict):
    """A finding as the history knows it: what it is about, the paths of its fields, in how many
    runs it was seen, and when it was first seen not to be there; null while it is open."""

    code: str
    about: str
    fields: list[str]
    first_seen: str
    last_seen: str
    times: int
    gone: str | None


class HistoryForm(TypedDict):
    """What earlier runs saw: the runs, evenly thinned out where there are many; the findings that
    are open longest and count; those that this run was the first not to see; and since when a
    finding is new to whoever asked."""

    runs: list[RunForm]
    oldest: list[PastForm]
    gone: list[PastForm]
    since: str | None


class NewsForm(TypedDict):
    """How many findings that count are new, gone and still open since this was told last."""

    new: int
    gone: int
    open: int


class DriftForm(TypedDict):
    """A drift report. `base` is the revision of what was last applied, if one was given; `checked`
    how many declared objects were looked at; `summary` counts the findings of each class. It was
    begun at `created`; `history` is there with a history, and `news` where it is told to somebody,
    who may have to do without `left_out` findings."""

    format_version: str
    kind: str
    created: NotRequired[str]
    target: TargetForm
    owner: str
    base: str | None
    checked: int
    findings: list[DriftFindingForm]
    coverage: CoverageForm
    summary: dict[str, int]
    history: NotRequired[HistoryForm]
    news: NotRequired[NewsForm]
    left_out: NotRequired[int]


class FailureForm(TypedDict):
    """Why a look was none: what somebody is told in the place of a drift report. `paths` are those
    of the files, as they were given."""

    format_version: str
    kind: str
    created: str
    paths: list[str]
    base: str | None
    reason: str


class Key(NamedTuple):
    """What makes a finding the same one in another run: its class, what it is about, and the paths
    of its fields. Harmless to show."""

    code: str
    about: str
    fields: tuple[str, ...] = ()


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
    return {
        "format_version": FORMAT_VERSION,
        "kind": "drift",
        "target": target_form(plan.target),
        "owner": plan.owner,
        "base": base,
        "checked": plan.declared,
        "findings": [_form(found, plan, applied, quiet) for found in every],
        "coverage": coverage_form(whole.gaps),
        "summary": {code: number[code] for code in CLASSES},
    }


def _rank(found: Found) -> tuple[int, str, str]:
    return (list(CLASSES).index(found.code), str(found.address or ""), found.message)


class _Judging:
    """The findings of one target."""

    def __init__(self, plan: Plan, health: Health, applied: Plan | None) -> None:
        self.plan = plan
        self.health = health
        declaring = applied or plan
        self.was_declared = {c.address: c for c in declaring.changes if c.resource is not None}
        self.bound = {c.live.id for c in plan.changes if c.resource and c.live}
        self.made = {c.address for c in plan.work if c.resource and _makes(c)}

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
        yield from map(_waiting, self.plan.worklist)
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
            if self._follows(change, field):
                continue
            (left if self._left(change.address, field.path) else to_come).append(field)
        for code, fields in (("changed", left), ("pending", to_come)):
            if fields:
                paths = ", ".join(field.path for field in fields)
                text = f"differs in {paths}"
                yield Found(code, text, change.address, _id(change.live), tuple(fields))

    def _follows(self, change: Change, field: FieldChange) -> bool:
        """Whether a difference only follows from another finding: what is referred to is to be made
        again and will have another id, or has the owner that is taken over from it."""
        resource = change.resource
        if resource is None or (field.path == "owner" and not resource.taggable()):
            return True
        return resource.parents().get(field.path) in self.made

    def _left(self, address: Address, path: str) -> bool:
        """Whether a difference was there already when the files were applied last."""
        was = self.was_declared.get(address)
        return was is not None and any(field.path == path for field in was.fields)

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
        return Found(self._orphaned(change.address), text, change.address, _id(change.live))

    def _from_findings(self) -> Iterator[Found]:
        lives = {live.address: live for live in self.plan.lives}
        unread = {gap.address for gap in self.plan.gaps}
        for finding in self.plan.findings:
            if finding.code == "unread" and finding.address in unread:
                continue  # which the gap says, too
            live = lives.get(finding.address) if finding.address else None
            planned = any(change.address == finding.address for change in self.plan.changes)
            if finding.code == "orphan" and finding.address:
                code = self._orphaned(finding.address)
                yield Found(code, "is owned and not declared any more", finding.address, _id(live))
            elif finding.code == "id_not_found":
                yield Found("missing", f"is not there: {finding.message}", finding.address)
            elif finding.level == "error" and not planned:
                text = f"was not checked: {finding.message}"
                yield Found("not_checked", text, finding.address, _id(live))

    def _orphaned(self, address: Address) -> str:
        """What was declared when the files were applied last is only to be pruned."""
        return "orphan" if address not in self.was_declared else "pending"

    def _unmanaged(self) -> Iterator[Found]:
        for live in self.plan.lives:
            if live.owner is not None or live.id in self.bound or live.vanishing:
                continue
            if own_address(live) in self.plan.sources or self._is_unread(live):
                continue
            text = "is live, owned by nobody, and not declared"
            yield Found("unmanaged", text, live.address, _id(live))

    def _is_unread(self, live: Live) -> bool:
        """Whether its tags, or those of what it has its owner from, could not be read."""
        kind = BY_NAME[live.address.kind]
        above = {str(live.fields.get(name)) for name in kind.references()}
        told_by = [live] if kind.taggable() else [n for n in self.plan.lives if n.id in above]
        unread = {gap.address for gap in self.plan.gaps}
        return any(own_address(one) in unread for one in told_by)


def _id(live: Live | None) -> str | None:
    return (live.arn or live.id) if live else None


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
        yield Found("sync_failing", text, sync.address)
    for blocker in sync.blocked:
        text = f"is blocked since {blocker.created}: {blocker.reason} (blocker {blocker.id})"
        yield Found("sync_blocked", text, sync.address)


def _unread(gap: Gap) -> Found:
    what = "" if gap.address else f"{BY_NAME[gap.kind].section}: "
    return Found("not_checked", f"{what}could not be read: {gap.reason}", gap.address)


def _form(
    found: Found, plan: Plan, applied: Plan | None, quiet: Collection[str]
) -> DriftFindingForm:
    level = "info" if found.code in quiet else "warning"
    rule = found.rule
    sources = {**(applied.sources if applied else {}), **plan.sources}
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


def is_found(document: Any) -> bool:
    """Whether a drift report has findings that count, or that could not be made."""
    return any(map(counts, document["findings"]))


def counts(finding: Any) -> bool:
    """Whether a finding is drift, or could not be made."""
    return bool(finding["level"] != "info")


def key_of(finding: Any) -> Key:
    """The key of a finding. What could not be listed has no address: its message begins with what
    it is, and goes on with a reason that may be another one each time."""
    about = finding["address"] or finding["message"].partition(":")[0]
    paths = sorted(safe(field["path"]) for field in finding["fields"])
    return Key(finding["code"], safe(about), tuple(paths))
