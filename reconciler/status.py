"""Says how everything that is there does, as data: live objects, how their syncs go and what could
not be read go in; one row an object comes out, the worst first. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from typing_extensions import TypedDict

from reconciler.forms import CoverageForm, FindingForm, TargetForm
from reconciler.health import Attempt, Blocker, Definition, Health, Sync, moment
from reconciler.kinds import BY_NAME
from reconciler.plan import worklist
from reconciler.report import coverage_form, target_form
from reconciler.resource import Address, Gap, Live, Observed
from reconciler.spec.problems import FORMAT_VERSION

STATES = {
    "blocked": "nothing is synced until a person resolves a blocker",
    "failing": "the latest sync failed",
    "error": "the connection to the provider is in ERROR",
    "failed": "the set-up failed for good",
    "waiting": "a person has something to do, or the service is at work",
    "unread": "not all about it could be read, and nothing else is wrong",
    "healthy": "nothing is wrong",
}
"""Every state of an object, the worst first, and what it means."""


class EventForm(TypedDict):
    """One thing that happened during an attempt to sync."""

    time: str
    type: str
    text: str


class AttemptForm(TypedDict):
    """One attempt to sync; `revision` is the commit, empty where the service does not say."""

    status: str
    started: str
    revision: str
    events: list[EventForm]


class BlockerForm(TypedDict):
    """What keeps, while its `status` is ACTIVE, an object from being synced."""

    id: str
    status: str
    reason: str
    created: str
    contexts: dict[str, str]
    resolved: str
    resolved_reason: str


class SyncForm(TypedDict):
    """How the sync of an object goes; `parent` is what it is synced from. Attempts are null where
    there was none, or where they could not be read (`unread` of the object tells)."""

    parent: str
    branch: str
    latest: AttemptForm | None
    latest_success: AttemptForm | None
    latest_of_branch: AttemptForm | None
    blockers: list[BlockerForm]


class DefinitionForm(TypedDict):
    """What a branch of an object is synced to."""

    branch: str
    directory: str
    target: str


class StatusObjectForm(TypedDict):
    """One live object. `state` is the worst that is known of it, `status` that of its handshake,
    `todo` what a person has to do, and `link` where; `unread` are the reads about it that failed,
    and `definitions` what its branches are synced to."""

    address: str
    id: str
    state: str
    status: str
    message: str
    owner: str | None
    todo: str | None
    link: str | None
    depends_on: list[str]
    sync: SyncForm | None
    definitions: list[DefinitionForm]
    unread: list[str]


class StatusForm(TypedDict):
    """A status report, of a `time` in UTC. `owner` and `addresses` are what was asked for, if only
    a part was; `summary` counts the objects in each state."""

    format_version: str
    kind: str
    target: TargetForm
    owner: str | None
    addresses: list[str]
    time: str
    objects: list[StatusObjectForm]
    findings: list[FindingForm]
    coverage: CoverageForm
    summary: dict[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which objects are asked for; everything of everybody unless they are named."""

    addresses: tuple[str, ...] = ()
    owner: str | None = None

    def among(self, observed: Observed) -> list[Live]:
        """The live objects that are asked for; whose owner could not be read may be the owner's."""
        unread = {gap.address for gap in observed.gaps if gap.address}
        return [
            live
            for live in _every(observed)
            if (not self.addresses or not _names(live).isdisjoint(self.addresses))
            and (self.owner in (None, live.owner) or live.address in unread)
        ]


def synced_from(lives: Iterable[Live], observed: Observed) -> list[Live]:
    """The objects that are synced from one of these, whether they are asked for or not."""
    ids = {live.id for live in lives}
    return [live for live in _every(observed) if _parent(live) in ids]


def status_document(
    observed: Observed,
    asked: Asked,
    health: Health,
    definitions: Sequence[Definition],
    time: datetime,
) -> StatusForm:
    """The status report as plain data; `time` is when the reads began."""
    gaps = (*observed.gaps, *health.gaps)
    rows = _Rows(observed, health, definitions, gaps)
    objects = sorted(map(rows.row, asked.among(observed)), key=_worst_first)
    counts = Counter(row["state"] for row in objects)
    return {
        "format_version": FORMAT_VERSION,
        "kind": "status",
        "target": target_form(observed.target),
        "owner": asked.owner,
        "addresses": list(asked.addresses),
        "time": moment(time),
        "objects": objects,
        "findings": list(_not_there(asked.addresses, observed)),
        "coverage": coverage_form(gaps),
        "summary": {state: counts[state] for state in STATES},
    }


def _worst_first(row: StatusObjectForm) -> tuple[int, str, str]:
    return (list(STATES).index(row["state"]), row["address"], row["id"])


def _every(observed: Observed) -> Iterator[Live]:
    for lives in observed.lives.values():
        yield from lives


def _names(live: Live) -> set[str]:
    """What an object can be asked for by: several may have one name."""
    return {str(live.address), str(Address(live.address.kind, live.arn or live.id))}


def _parent(live: Live) -> str | None:
    kind = BY_NAME[live.address.kind]
    return str(live.fields.get(kind.calls.list_per)) if kind.syncs else None


def _not_there(addresses: Collection[str], observed: Observed) -> Iterator[FindingForm]:
    known = {name for live in _every(observed) for name in _names(live)}
    for address in addresses:
        if address in known:
            continue
        close = get_close_matches(address, map(str, observed.lives), n=1)
        hint = f": did you mean {close[0]}?" if close else ""
        yield {
            "level": "error",
            "code": "not_found",
            "address": None,
            "message": f"nothing is live at {address}{hint}",
            "source": None,
        }


class _Rows:
    """Everything that rows are made from."""

    def __init__(
        self,
        observed: Observed,
        health: Health,
        definitions: Sequence[Definition],
        gaps: Iterable[Gap],
    ) -> None:
        self.target = observed.target
        self.syncs = health.syncs
        self.addresses = {(v.address.kind, v.id): str(v.address) for v in _every(observed)}
        self.definitions: Mapping[str, list[DefinitionForm]] = defaultdict(list)
        for one in definitions:
            form: DefinitionForm = {
                "branch": one.branch,
                "directory": one.directory,
                "target": one.target,
            }
            self.definitions[one.parent].append(form)
        self.unread: Mapping[Address, list[str]] = defaultdict(list)
        for gap in gaps:
            if gap.address is not None:
                self.unread[gap.address].append(gap.operation)

    def row(self, live: Live) -> StatusObjectForm:
        """One object."""
        sync, unread = self.syncs.get(live.address), self.unread[live.address]
        task = next(iter(worklist(self.target, [live], ())), None)
        todo = task.todo if task else sync.todo if sync else None
        return {
            "address": str(live.address),
            "id": live.arn or live.id,
            "state": _state(live, sync, unread),
            "status": live.status,
            "message": live.message,
            "owner": live.owner,
            "todo": todo,
            "link": task.link if task else None,
            "depends_on": sorted(self._above(live)),
            "sync": self._sync(live, sync) if sync else None,
            "definitions": self.definitions.get(live.id, []),
            "unread": unread,
        }

    def _above(self, live: Live) -> Iterator[str]:
        for name, reference in BY_NAME[live.address.kind].references().items():
            above = self.addresses.get((reference.kind, str(live.fields.get(name))))
            if above is not None:
                yield above

    def _sync(self, live: Live, sync: Sync) -> SyncForm:
        kind = BY_NAME[live.address.kind]
        above = kind.references()[kind.calls.list_per].kind
        return {
            "parent": self.addresses.get((above, sync.parent), sync.parent),
            "branch": sync.branch,
            "latest": _attempt(sync.attempt),
            "latest_success": _attempt(sync.succeeded),
            "latest_of_branch": _attempt(sync.branch_attempt),
            "blockers": [blocker_form(blocker) for blocker in sync.blockers],
        }


def _state(live: Live, sync: Sync | None, unread: Collection[str]) -> str:
    """The worst that is known of an object."""
    holds = {
        "blocked": sync is not None and bool(sync.blocked),
        "failing": sync is not None and sync.failure is not None,
        "error": live.status == "ERROR",
        "failed": live.broken,
        "waiting": not live.ready,
        "unread": bool(unread),
    }
    return next((state for state in STATES if holds.get(state)), "healthy")


def _attempt(attempt: Attempt | None) -> AttemptForm | None:
    if attempt is None:
        return None
    return {
        "status": attempt.status,
        "started": attempt.started,
        "revision": attempt.revision,
        "events": [
            {"time": event.time, "type": event.type, "text": event.text} for event in attempt.events
        ],
    }


def blocker_form(blocker: Blocker) -> BlockerForm:
    """A blocker as plain data."""
    return {
        "id": blocker.id,
        "status": blocker.status,
        "reason": blocker.reason,
        "created": blocker.created,
        "contexts": dict(blocker.contexts),
        "resolved": blocker.resolved,
        "resolved_reason": blocker.resolved_reason,
    }
