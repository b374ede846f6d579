"""Reads how the syncs of live objects go: latest attempts, blockers, and what each repository is
synced to. Live objects go in, their `Health` comes out; nothing is changed.

Statuses are those of botocore's service model (RepositorySyncStatus, ResourceSyncStatus,
BlockerStatus); what is new passes. That an object which was never synced is not found is inferred
from the model, which requires the latest sync in a reply.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.errors import NotFoundError, UnclearReplyError
from reconciler.kinds import BY_NAME
from reconciler.resource import Address, Api, Call, Gap, Live, ReadResult, Syncs

FAILED = "FAILED"
ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened during an attempt; `time` is in UTC, as ISO 8601 has it."""

    time: str
    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sync; `revision` is the commit it was about, and `branch` where that is
    from, as far as the service says so."""

    status: str
    started: str
    revision: str
    branch: str
    events: tuple[Event, ...]

    @property
    def failed(self) -> bool:
        """Whether it ended without having synced."""
        return self.status == FAILED


@dataclass(frozen=True, slots=True)
class Blocker:
    """What keeps an object from being synced until a person resolves it."""

    id: str
    status: str
    reason: str
    created: str
    contexts: Mapping[str, str]
    resolved: str
    resolved_reason: str

    @property
    def active(self) -> bool:
        """Whether it still holds."""
        return self.status == ACTIVE


@dataclass(frozen=True, slots=True)
class Sync:
    """How the sync of one object goes. Without an attempt it was never synced."""

    address: Address
    parent: str
    """The id of the object it is synced from."""
    branch: str
    attempt: Attempt | None
    succeeded: Attempt | None
    """The latest attempt that did."""
    branch_attempt: Attempt | None
    blockers: tuple[Blocker, ...]

    @property
    def failure(self) -> Attempt | None:
        """The latest attempt, of the object or else of its branch, if it failed."""
        return next((a for a in (self.attempt, self.branch_attempt) if a and a.failed), None)

    @property
    def blocked(self) -> tuple[Blocker, ...]:
        """The blockers that still hold."""
        return tuple(blocker for blocker in self.blockers if blocker.active)

    @property
    def todo(self) -> str | None:
        """What a person has to do. A sync begins when something is pushed, or a blocker resolved:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/git-sync-status.html"""
        if self.blocked:
            return f"reconciler unblock {shlex.quote(self.address.name)} --reason TEXT"
        if self.failure is None:
            return None
        return f"push a commit to {self.failure.branch or self.branch} that mends what failed"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a branch of a parent (by its id) is synced to."""

    parent: str
    branch: str
    directory: str
    target: str


@dataclass(frozen=True, slots=True)
class Health:
    """The syncs of the objects that have some, by address, and what could not be read."""

    syncs: Mapping[Address, Sync]
    gaps: tuple[Gap, ...] = ()


def look(api: Api, lives: Iterable[Live]) -> Health:
    """How the syncs of these objects go, with two reads for each and one for each branch; those
    that are never synced are passed over. What cannot be read is a gap."""
    looks = [one for live in lives if (one := _Look.at(live)) is not None]
    calls = list(dict.fromkeys((n, c) for one in looks for n, c in one.calls()))
    results = api.read([Call(operation, dict(parameters)) for operation, parameters in calls])
    answers = dict(zip(calls, results, strict=True))
    gaps: list[Gap] = []
    syncs = {one.live.address: one.sync(answers, gaps) for one in looks}
    return Health(syncs, tuple(gaps))


def definitions(api: Api, lives: Iterable[Live]) -> tuple[tuple[Definition, ...], tuple[Gap, ...]]:
    """What the branches of the parents of these objects are synced to, with one read a parent, and
    what could not be read."""
    looks = [one for live in lives if (one := _Look.at(live)) is not None]
    calls = {one.parent: one.definitions() for one in looks}
    found: list[Definition] = []
    gaps: list[Gap] = []
    kinds = {one.parent: one.live.address.kind for one in looks}
    for (parent, call), result in zip(calls.items(), api.read(list(calls.values())), strict=True):
        if isinstance(result, Exception):
            gaps.append(Gap(kinds[parent], call.operation, str(result)))
            continue
        found += (
            Definition(parent, item["Branch"], item["Directory"], item["Target"])
            for item in result["RepositorySyncDefinitions"]
        )
    return tuple(found), tuple(gaps)


def blockers_of(api: Api, live: Live) -> tuple[Blocker, ...]:
    """The blockers of an object as they are now. Raises what the read raised."""
    one = _Look.of(live)
    (result,) = api.read([Call(one.syncs.blockers, dict(one.own))])
    if isinstance(result, Exception):
        raise result
    return tuple(_blockers(result["SyncBlockerSummary"]))


def resolving(live: Live, blocker: Blocker, reason: str) -> Call:
    """The call that resolves a blocker of an object."""
    one = _Look.of(live)
    more = {"Id": blocker.id, "ResolvedReason": reason}
    return Call(one.syncs.resolve, {**dict(one.own), **more})


Key = tuple[str, tuple[tuple[str, str], ...]]
"""A read as a value: its operation and parameters."""


@dataclass(frozen=True, slots=True)
class _Look:
    """The reads about one object."""

    live: Live
    syncs: Syncs
    parent: str
    branch: str
    own: tuple[tuple[str, str], ...]
    """The parameters that name the object."""
    fixed: tuple[tuple[str, str], ...]
    under: tuple[tuple[str, str], ...]
    """The parameters that name its parent."""
    branch_member: str

    @classmethod
    def at(cls, live: Live) -> _Look | None:
        """The look at an object; none where the kind is never synced."""
        kind = BY_NAME[live.address.kind]
        if kind.syncs is None:
            return None
        fixed = tuple(kind.calls.fixed.items())
        parent = str(live.fields.get(kind.calls.list_per))
        return cls(
            live=live,
            syncs=kind.syncs,
            parent=parent,
            branch=str(live.fields.get(kind.syncs.branch)),
            own=(*fixed, (kind.calls.id, live.id)),
            fixed=fixed,
            under=((kind.specs()[kind.calls.list_per].wire, parent),),
            branch_member=kind.specs()[kind.syncs.branch].wire,
        )

    @classmethod
    def of(cls, live: Live) -> _Look:
        """The look at an object of a kind that is synced."""
        if (one := cls.at(live)) is None:
            raise ValueError(f"{live.address} is never synced")
        return one

    def calls(self) -> tuple[Key, Key, Key]:
        """The reads of the latest attempt, that of the branch, and the blockers."""
        of_branch = (*self.fixed, *self.under, (self.branch_member, self.branch))
        return (
            (self.syncs.attempt, self.own),
            (self.syncs.branch_attempt, of_branch),
            (self.syncs.blockers, self.own),
        )

    def definitions(self) -> Call:
        """The read of all that the parent syncs."""
        return Call(self.syncs.definitions, dict((*self.fixed, *self.under)))

    def sync(self, answers: Mapping[Key, ReadResult], gaps: list[Gap]) -> Sync:
        """What the answers say; a failed one is added to the gaps."""
        own, of_branch, blockers = (self._reply(key, answers, gaps) for key in self.calls())
        return Sync(
            address=self.live.address,
            parent=self.parent,
            branch=self.branch,
            attempt=_attempt(own.get("LatestSync")),
            succeeded=_attempt(own.get("LatestSuccessfulSync")),
            branch_attempt=_attempt(of_branch.get("LatestSync")),
            blockers=tuple(_blockers(blockers.get("SyncBlockerSummary"))),
        )

    def _reply(
        self, key: Key, answers: Mapping[Key, ReadResult], gaps: list[Gap]
    ) -> Mapping[str, Any]:
        match answers[key]:
            case NotFoundError():
                return {}
            case Exception() as error:
                reason = error.reason if isinstance(error, UnclearReplyError) else str(error)
                gaps.append(Gap(self.live.address.kind, key[0], reason, self.live.address))
                return {}
            case reply:
                return reply


def _attempt(item: Mapping[str, Any] | None) -> Attempt | None:
    if item is None:
        return None
    revision = item.get("TargetRevision") or {}
    return Attempt(
        status=item["Status"],
        started=moment(item["StartedAt"]),
        revision=revision.get("Sha", ""),
        branch=revision.get("Branch", ""),
        events=tuple(_events(item["Events"])),
    )


def _events(items: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
    for item in items:
        yield Event(moment(item["Time"]), item["Type"], item["Event"])


def _blockers(summary: Mapping[str, Any] | None) -> Iterator[Blocker]:
    for item in (summary or {}).get("LatestBlockers", ()):
        yield Blocker(
            id=item["Id"],
            status=item["Status"],
            reason=item["CreatedReason"],
            created=moment(item["CreatedAt"]),
            contexts={pair["Key"]: pair["Value"] for pair in item.get("Contexts") or ()},
            resolved=moment(item.get("ResolvedAt")),
            resolved_reason=item.get("ResolvedReason") or "",
        )


def moment(time: datetime | None) -> str:
    """A time in UTC, to the second; empty where there is none."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if time else ""
