"""The forms of what several documents have in common, a plan's and a report's: plain data, which
every output is rendered from. A minor format version only adds members."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class TargetForm(TypedDict):
    """Where a run happened."""

    account: str
    region: str
    endpoint: str


class FieldForm(TypedDict):
    """One difference inside an object; null on a side means absent there."""

    path: str
    before: Any
    after: Any
    forces_replacement: bool


class CallForm(TypedDict):
    """One API call; values only the apply can know read `(known after apply)`."""

    operation: str
    parameters: dict[str, Any]


class SourceForm(TypedDict):
    """A place in the files, counted from 1."""

    file: str
    line: int
    column: int


class ChangeForm(TypedDict):
    """What is to be done about one address; `then` is what a deferred change does in the end,
    `depends_on` what the object refers to, and `goes_with` the replaced object together with which
    this one is deleted before its turn."""

    address: str
    action: str
    then: str | None
    reason: str
    id: str | None
    fields: list[FieldForm]
    calls: list[CallForm]
    waits_for: list[str]
    depends_on: list[str]
    goes_with: str | None
    source: SourceForm | None


class FindingForm(TypedDict):
    """Something worth saying that is not a change; level `error` forbids applying the plan."""

    level: str
    code: str
    address: str | None
    message: str
    source: SourceForm | None


class RefusalForm(TypedDict):
    """Why a guard refuses the plan, and the option that allows it."""

    guard: str
    address: str | None
    message: str
    allow: str
    source: SourceForm | None


class TaskForm(TypedDict):
    """Something only a person can do, and the addresses that wait for it."""

    address: str
    id: str
    account: str
    region: str
    status: str
    todo: str
    link: str
    blocks: list[str]


class GapForm(TypedDict):
    """A read that failed."""

    kind: str
    operation: str
    address: str | None
    reason: str


class CoverageForm(TypedDict):
    """Whether everything could be read, and what could not."""

    complete: bool
    unread: list[GapForm]


class PlanForm(TypedDict):
    """A plan. `changes` leaves out what is unchanged; `summary` counts every action, and
    `deferred` what the deferred ones do in the end. `kind` tells this document from others, and
    `purpose` what the plan is for: apply, destroy, forget or wait."""

    format_version: str
    kind: str
    purpose: str
    target: TargetForm
    owner: str
    fingerprint: str
    changes: list[ChangeForm]
    findings: list[FindingForm]
    refusals: list[RefusalForm]
    worklist: list[TaskForm]
    coverage: CoverageForm
    summary: dict[str, int]
    deferred: dict[str, int]


class OutcomeForm(TypedDict):
    """How one change ended: applied, failed, skipped, deferred or unknown."""

    address: str
    action: str
    status: str
    message: str
    id: str | None
    calls_made: int


class AwaitedForm(TypedDict):
    """One object that was waited for: its status before, and the last one that was seen, which is
    `GONE` when it was deleted meanwhile. What needs no handshake has an empty one, and is ready
    when all that it builds on is; `waits_for` is what of that is not."""

    address: str
    id: str
    before: str
    status: str
    ready: bool
    waits_for: list[str]


class ReportForm(PlanForm):
    """A plan and what came of it; the worklist is the one that is left afterwards, and `awaited` is
    what a wait was for."""

    run: str
    awaited: list[AwaitedForm]
    outcomes: list[OutcomeForm]
    outcome_summary: dict[str, int]
