"""Resolves what blocks the syncs of one object: its blockers go in, how each ended comes out. Only
this and an apply write, and this only when a person says so.

Each call is noted in the journal and sent. What has no clear answer is looked at: a blocker that is
resolved by then is done, one that still holds gets one more call, and after that it is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from typing_extensions import TypedDict

from reconciler.errors import ApiError, ReconcilerError, ThrottledError, UnclearReplyError
from reconciler.forms import TargetForm
from reconciler.health import Blocker, blockers_of, moment, resolving
from reconciler.report import target_form
from reconciler.resource import Api, Call, Live, Target
from reconciler.spec.problems import FORMAT_VERSION
from reconciler.writer import THROTTLED_SECONDS, Means

LOOK_DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each look at a blocker after a call without a clear answer."""
SENDS = 2
"""How often a blocker is resolved that still holds after a call without a clear answer."""
NOT_RETRIED = "RetryLatestCommitFailedException"
"""The service's error when it could not sync the latest commit again: what has become of the
blocker then is not documented."""


class End(StrEnum):
    """How the resolving of one blocker ended."""

    ACTIVE = "active"
    """It has not begun: this is what is asked about."""
    RESOLVED = "resolved"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ended:
    """One blocker, how its resolving ended and why."""

    blocker: Blocker
    end: End
    message: str = ""


class BlockerEndForm(TypedDict):
    """One blocker and its `result`: active (not begun), resolved, failed, skipped or unknown."""

    id: str
    reason: str
    created: str
    contexts: dict[str, str]
    result: str
    message: str


class UnblockForm(TypedDict):
    """What blocks an object and what came of resolving it with a `reason`, at a `time` in UTC;
    `summary` counts each result."""

    format_version: str
    kind: str
    target: TargetForm
    address: str
    reason: str
    time: str
    blockers: list[BlockerEndForm]
    summary: dict[str, int]


def unblock_document(
    target: Target, live: Live, reason: str, ended: Sequence[Ended], time: datetime
) -> UnblockForm:
    """How it ended as plain data; `time` is that of the look at the blockers."""
    counts = Counter(one.end for one in ended)
    return {
        "format_version": FORMAT_VERSION,
        "kind": "unblock",
        "target": target_form(target),
        "address": str(live.address),
        "reason": reason,
        "time": moment(time),
        "blockers": [
            {
                "id": one.blocker.id,
                "reason": one.blocker.reason,
                "created": one.blocker.created,
                "contexts": dict(one.blocker.contexts),
                "result": one.end.value,
                "message": one.message,
            }
            for one in ended
        ],
        "summary": {end.value: counts[end] for end in End},
    }


@dataclass(slots=True)
class Unblocking:
    """The blockers of an object as far as they are resolved."""

    api: Api
    live: Live
    blockers: Sequence[Blocker]
    reason: str
    means: Means
    ended: list[Ended] = field(default_factory=list)
    running: Blocker | None = None
    barred: str = ""

    def run(self) -> None:
        """Resolve one after the other; one that fails holds up no other."""
        for blocker in self.blockers:
            if why := self._stopping():
                self.ended.append(Ended(blocker, End.SKIPPED, f"not begun: {why}"))
                continue
            self.running = blocker
            self.ended.append(self._resolved(blocker))
            self.running = None

    def cut_short(self, why: str) -> None:
        """End what is left when nothing more can be done: what was running is unknown."""
        done = {one.blocker.id for one in self.ended}
        for blocker in self.blockers:
            if blocker.id in done:
                continue
            if blocker is self.running:
                text = f"{why} while it was being resolved"
                self.ended.append(Ended(blocker, End.UNKNOWN, text))
            else:
                self.ended.append(Ended(blocker, End.SKIPPED, f"not begun: {why}"))

    def _stopping(self) -> str:
        return self.means.clock.stopping() or self.barred

    def _resolved(self, blocker: Blocker) -> Ended:
        call, sent = resolving(self.live, blocker, self.reason), dict[str, UnclearReplyError]()
        for _ in range(SENDS):
            try:
                self._send(call, sent)
                return self._settled(blocker, sent, "")
            except UnclearReplyError as error:
                seen = self._look(blocker)
                if seen is not None and not seen.active:
                    return self._settled(blocker, sent, self._how(seen, error))
                if seen is None or self._stopping():
                    break
            except ReconcilerError as error:
                if sent:  # a no to the second call says nothing about the first
                    text = f"{next(iter(sent.values()))}; then {error}"
                    return Ended(blocker, End.UNKNOWN, text)
                why = self._stopping() if isinstance(error, ThrottledError) else ""
                return Ended(blocker, End.SKIPPED if why else End.FAILED, why or str(error))
        last = list(sent.values())[-1]
        return Ended(blocker, End.UNKNOWN, f"{last}; it was not seen to be resolved")

    def _send(self, call: Call, unclear: dict[str, UnclearReplyError]) -> None:
        """Send the call, again while the service takes none."""
        clock, id_ = self.means.clock, ""
        end = clock.now() + THROTTLED_SECONDS
        while True:
            if why := self.means.permit():
                self.barred = why
                raise ReconcilerError(f"not sent: {why}")
            try:
                with self.means.journal.sending(self.live.address, call) as id_:
                    if self.api.write(call)["SyncBlocker"]["Status"] == "ACTIVE":
                        raise UnclearReplyError(call.operation, "yes, and the blocker is ACTIVE")
                return
            except ThrottledError:
                if clock.now() >= end or self._stopping():
                    raise
            except UnclearReplyError as error:
                unclear[id_] = error
                raise

    def _look(self, blocker: Blocker) -> Blocker | None:
        """The blocker as it is once it does not hold any more, or at the last look; none if that
        could not be made."""
        seen: Blocker | None = None
        for delay in LOOK_DELAYS:
            self.means.clock.sleep(delay)
            try:
                found = blockers_of(self.api, self.live)
            except (ApiError, UnclearReplyError):
                seen = None
                continue
            seen = next((one for one in found if one.id == blocker.id), None)
            if seen is not None and not seen.active:
                break
        return seen

    def _how(self, seen: Blocker, error: UnclearReplyError) -> str:
        if NOT_RETRIED in error.reason:
            return "but the service could not sync the latest commit again: push another one"
        by_us = seen.resolved_reason == self.reason
        return "as was seen afterwards" if by_us else f"by somebody else: {seen.resolved_reason}"

    def _settled(self, blocker: Blocker, sent: dict[str, UnclearReplyError], text: str) -> Ended:
        """Note what became of the calls that nobody answered."""
        for id_ in sent:
            self.means.journal.resolve(id_, "resolved, as was seen or by another call")
        return Ended(blocker, End.RESOLVED, text)
