"""Carries out the calls of one change: each is noted in the journal and sent, what is unclear is
settled by looking, and the object is read back. A change goes in, how it ended comes out.

No create of AWS is idempotent, so that one without a clear answer is never sent again: what it made
is looked for by the id of this run, which it carries, or by its name where that is all there is.
Everything else sets values and may be repeated.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from reconciler.compare import Comparison, FieldChange
from reconciler.diff import Change
from reconciler.errors import (
    ApiError,
    NotFoundError,
    ReconcilerError,
    ThrottledError,
    UnclearReplyError,
)
from reconciler.journal import Journal
from reconciler.kinds import BY_NAME
from reconciler.observe import made_by, named, owner_above, reread, users_of
from reconciler.plan import removes, replaces
from reconciler.resource import (
    Address,
    Api,
    Call,
    KnownAfterApply,
    Live,
    Resource,
    Target,
    is_arn,
    plain,
)

READ_BACK_DELAYS = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each attempt to read a write back. Terraform polls up to 20 times as well
(https://github.com/hashicorp/terraform-provider-aws, internal/service/codeconnections)."""
SLICE = 0.05
"""Seconds after which a rest looks whether it should end."""
REPEAT_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before a call is repeated that was in somebody's way, or of which nobody knows."""
THROTTLED_SECONDS = 120.0
"""Seconds after which a call that is throttled again and again is given up."""
IN_THE_WAY = frozenset(
    {
        "ConcurrentModificationException",
        "ConditionalCheckFailedException",
        "ResourceUnavailableException",
        "UpdateOutOfSyncException",
    }
)
"""The service's errors that say no because of somebody else's change (botocore service model)."""


class Status(StrEnum):
    """How one change ended."""

    APPLIED = "applied"
    FAILED = "failed"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one change ended, why, and the object as it was read afterwards."""

    change: Change
    status: Status
    message: str = ""
    live: Live | None = None
    calls_made: int = 0
    """How many of the change's calls are made, by an answer or as far as can be seen."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the apply sees it, in seconds. `stopping` says why it has to end, if so: nothing new
    is begun then, and what is unclear is still settled."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    stopping: Callable[[], str] = str

    def rest(self, seconds: float) -> None:
        """Sleep for so long, or until somebody wants the end."""
        for _ in range(math.ceil(seconds / SLICE)):
            if self.stopping():
                return
            self.sleep(min(seconds, SLICE))


@dataclass(frozen=True, slots=True)
class Means:
    """What an apply works with besides the service: the time, where it notes what it sends, and
    who says why a call must not be sent, if so."""

    clock: Clock = field(default_factory=Clock)
    journal: Journal = field(default_factory=Journal)
    permit: Callable[[], str] = str


@dataclass(slots=True)
class Writer:
    """The calls of one run as far as they have been made."""

    api: Api
    target: Target
    compare: Comparison
    run: str
    means: Means
    ids: dict[Address, str] = field(default_factory=dict)
    """The ids of the objects that are there, and of those that were made."""
    made: Counter[Address] = field(default_factory=Counter)
    """How many calls of each change are made."""
    barred: str = ""
    """Why a call was not permitted: after that nothing more is sent."""
    changing: set[tuple[str, str]] = field(default_factory=set)
    """The kinds and ids of the live objects that the plan changes."""

    def stopping(self) -> str:
        """Why nothing new is begun, if so."""
        return self.means.clock.stopping() or self.barred

    def make(self, change: Change, until: int) -> Outcome | None:
        """Make the calls that are left of a change up to this many; the outcome if it ends here."""
        try:
            for call in change.calls[self.made[change.address] : until]:
                if why := self.stopping():
                    return Outcome(change, Status.SKIPPED, why)
                self._send(change, call)
                self.made[change.address] += 1
                if self.made[change.address] < len(change.calls) and replaces(change):
                    self._until_gone(change)
        except UnclearReplyError as error:
            return Outcome(change, Status.UNKNOWN, str(error))
        except ThrottledError as error:
            why = self.stopping()
            return Outcome(change, Status.SKIPPED if why else Status.FAILED, why or str(error))
        except ReconcilerError as error:
            return Outcome(change, Status.FAILED, str(error))
        return None

    def check_removal(self, change: Change) -> Outcome | None:
        """Look once more before something is deleted: since it was planned, or while people were
        waited for, it may have become somebody's, been approved, or been taken into use. The
        outcome if it has to stay."""
        try:
            self._check_removal(change)
        except ReconcilerError as error:  # nothing has been sent, so that nothing is unknown
            return Outcome(change, Status.FAILED, f"not deleted: {error}")
        return None

    def _looks(self) -> Iterator[None]:
        """Comes back after longer and longer pauses, for as long as lists may lag."""
        for delay in READ_BACK_DELAYS:
            self.means.clock.sleep(delay)
            yield

    def _now(self, planned: Live) -> Live | None:
        """An object as it is now. What takes no tags has the owner of its parent."""
        live = reread(self.api, planned)
        if live is None or live.arn:
            return live
        above = owner_above(self.api, live)
        return replace(live, owner=above.owner if above else planned.owner)

    def _check_removal(self, change: Change) -> None:
        planned = change.live if removes(change) else None
        if planned is None or self.made[change.address]:
            return
        self._check_successor(change)
        if (live := self._now(planned)) is None:
            return
        moved = [
            name
            for name in ("owner", "protect", "approved")
            if getattr(live, name) != getattr(planned, name)
        ]
        if moved:
            raise ReconcilerError(f"{' and '.join(moved)} changed meanwhile: plan again")
        for _ in self._looks():
            users = [str(user.address) for user in self._new_users(change, live)]
            if not users:
                return
        raise ReconcilerError(f"{users[0]} uses it now: plan again")

    def _new_users(self, change: Change, live: Live) -> Iterator[Live]:
        """What uses an object that is to be deleted; what the plan moves from a replaced one to the
        new one may."""
        for user in users_of(self.api, live):
            if not (replaces(change) and (user.address.kind, user.id) in self.changing):
                yield user

    def _check_successor(self, change: Change) -> None:
        """A renamed object goes only while the one that takes its place is there and ready."""
        if (address := change.successor) is None:
            return
        live = reread(self.api, Live(address, self.ids[address], {}))
        if live is None or not live.ready:
            status = live.status if live else "gone"
            raise ReconcilerError(f"{address}, which takes its place, is {status}: plan again")

    def read_back(self, change: Change) -> Outcome:
        """Look until the object is as declared; what is still different in the end has failed."""
        if not change.calls:
            return Outcome(change, Status.APPLIED, live=change.live)
        problem, live = "", None
        for _ in self._looks():
            try:
                live = reread(self.api, self._expected(change))
            except ReconcilerError as error:
                problem = f"carried out, but it could not be read back: {error}"
                if isinstance(error, ApiError):
                    break  # a certain no stays one
                continue
            problem = self._difference(change, live)
            if not problem:
                return Outcome(change, Status.APPLIED, live=live)
        return Outcome(change, Status.FAILED, problem, live)

    def _send(self, change: Change, call: Call) -> None:
        """Send a call, and send it again while the service takes none, while somebody else's change
        is in the way and, but for creates, while nobody knows whether it was carried out. A no to
        the second says nothing about the first. What was planned long ago is looked at first."""
        sent = Call(call.operation, self._resolved(call.parameters))
        clock, delays = self.means.clock, list(REPEAT_DELAYS)
        end, looks = clock.now() + THROTTLED_SECONDS, change.then is not None
        unclear: dict[str, UnclearReplyError] = {}
        while True:
            try:
                if not (looks and self._is_done(change, call)):
                    self._send_once(change, call, sent, unclear)
                return self._settle(change, call, unclear)
            except ReconcilerError as error:
                is_throttled = isinstance(error, ThrottledError)
                left = clock.now() < end if is_throttled else bool(delays)
                if not left or self.stopping() or not self._may_repeat(change, call, error):
                    raise _after(next(iter(unclear.values()), None), error) from error
            if not is_throttled:  # else the pace is found below
                clock.sleep(delays.pop(0))
                looks = not self._is_create(change, call)

    def _settle(self, change: Change, call: Call, unclear: Iterable[str]) -> None:
        """Note what became of the calls that nobody answered, now that all is done."""
        is_delete = call.operation == BY_NAME[change.address.kind].calls.delete
        for id_ in unclear:
            if is_delete:
                self.means.journal.resolve(id_, "gone", event="done")
            else:
                self.means.journal.resolve(id_, "done, as was seen or by another call")

    def _may_repeat(self, change: Change, call: Call, error: ReconcilerError) -> bool:
        """Whether a call may be sent again after this."""
        if isinstance(error, UnclearReplyError):
            return not self._is_create(change, call)
        in_the_way = isinstance(error, ApiError) and error.code in IN_THE_WAY
        return in_the_way or isinstance(error, ThrottledError)

    @staticmethod
    def _is_create(change: Change, call: Call) -> bool:
        return call.operation == BY_NAME[change.address.kind].calls.create

    def _send_once(
        self, change: Change, call: Call, sent: Call, unclear: dict[str, UnclearReplyError]
    ) -> None:
        calls = BY_NAME[change.address.kind].calls
        if why := self.means.permit():
            self.barred = why
            raise ReconcilerError(f"not sent: {why}")
        id_ = ""
        try:
            with self.means.journal.sending(change.address, sent) as id_:
                reply = self.api.write(Call(sent.operation, plain(sent.parameters, show=str)))
                if call.operation == calls.create:
                    self.ids[change.address] = _id_in(calls.item, calls.id, call, reply)
        except NotFoundError:
            if call.operation != calls.delete:
                raise  # else it is gone already, which is what was wanted
        except UnclearReplyError as error:
            unclear[id_] = error
            if call.operation != calls.create or change.resource is None:
                raise
            self.ids[change.address] = self._found(change.resource, error)

    def _found(self, resource: Resource, error: UnclearReplyError) -> str:
        """The id of the object that a create without a clear answer has made, as soon as it shows.

        Raises the error again when it does not."""
        for _ in self._looks():
            try:
                live = made_by(self.api, resource.address, self.target, self.run)
            except ReconcilerError:
                continue  # the next look may do better; their number is bounded
            if live is not None:
                return live.id
        reason = f"{error.reason}; what it may have made does not show up: apply again later"
        raise UnclearReplyError(error.operation, reason) from error

    def _is_done(self, change: Change, call: Call) -> bool:
        """Look before a call is sent: whether nothing is left for it to do. Somebody else's object
        is left to them, and none is made beside another one."""
        try:
            if self._is_create(change, call):
                self._check_absence(change)
                return False
            live = self._now(change.live) if change.live else None
        except (ApiError, UnclearReplyError) as error:  # a failed read says nothing about the call
            raise ReconcilerError(f"not sent without a look at what is there: {error}") from error
        if live is None or live.vanishing:
            if call.operation == BY_NAME[change.address.kind].calls.delete:
                return True
            raise ReconcilerError("the object is not there any more: plan again")
        if _forgets(change) and live.owner is None:
            return True
        if change.live and live.owner not in (change.live.owner, self.compare.owner):
            raise ReconcilerError(f"{live.owner or 'nobody'} owns it now: plan again")
        return False

    def _check_absence(self, change: Change) -> None:
        """What was missing when the plan was made may be there by now."""
        old = change.live.id if change.live else None
        if any(live.id != old for live in named(self.api, change.address, self.target)):
            raise ReconcilerError("one of this name is there by now: plan again")

    def _until_gone(self, change: Change) -> None:
        """Before an object is created again under its name, the old one has to be gone."""
        for _ in self._looks():
            with suppress(ReconcilerError):  # the next look may do better; their number is bounded
                if change.live is None or reread(self.api, change.live) is None:
                    return
        raise ReconcilerError("deleted, but not seen to be gone yet: apply again later")

    def _resolved(self, value: Any) -> Any:
        match value:
            case KnownAfterApply(address=Address() as address):
                return self.ids[address]
            case KnownAfterApply():
                return self.run
            case Mapping():
                return {key: self._resolved(item) for key, item in value.items()}
            case list():
                return [self._resolved(item) for item in value]
            case _:
                return value

    def _expected(self, change: Change) -> Live:
        id_ = self.ids[change.address]
        if change.live is not None and change.live.id == id_:
            return replace(change.live, owner=self.compare.owner)
        arn = id_ if is_arn(id_) else ""
        return Live(change.address, id_, {}, arn=arn, owner=self.compare.owner)

    def _difference(self, change: Change, live: Live | None) -> str:
        if _forgets(change):
            return "" if live is None or live.owner is None else "carried out, but still owned"
        if change.resource is None:
            gone = live is None or live.vanishing
            return "" if gone else "deleted, but it is still there"
        if live is None:
            return "carried out, but it is not there"
        fields = self.compare.fields(change.resource, live, self.ids)
        return f"carried out, but it reads back differently: {_paths(fields)}" if fields else ""


def _forgets(change: Change) -> bool:
    """Whether a change gives up the ownership of an object and nothing else."""
    return change.resource is None and not removes(change)


def _after(unclear: UnclearReplyError | None, error: ReconcilerError) -> ReconcilerError:
    """What a failure amounts to after a call of which nobody knows whether it was carried out."""
    if unclear is None or isinstance(error, UnclearReplyError):
        return error
    return UnclearReplyError(unclear.operation, f"{unclear.reason}; then {error}")


def _id_in(item: str, member: str, call: Call, reply: Mapping[str, Any]) -> str:
    """The id of the object a create call made, out of its reply."""
    match reply.get(item, reply):
        case {**members} if isinstance(members.get(member), str) and members[member]:
            return str(members[member])
        case _:
            raise UnclearReplyError(call.operation, f"the reply holds no {member}")


def _paths(fields: Sequence[FieldChange]) -> str:
    return ", ".join(field.path for field in fields)
