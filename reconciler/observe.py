"""Reads what is there: out of List calls and their tags comes `Observed`, parents first.

The calls are the fewest the API allows (botocore service model): one listing per kind, one per
repository link for its sync configurations, one tag read per object. Each round of reads is one
batch, so that the `Api` can have it answered concurrently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import NotFoundError, ReconcilerError, UnclearReplyError
from reconciler.kinds import BY_NAME, KINDS
from reconciler.resource import (
    OWN_TAGS,
    OWNER_TAG,
    PROTECT_TAG,
    RUN_TAG,
    Address,
    Api,
    Call,
    Gap,
    Live,
    Observed,
    ReadResult,
    Resource,
    Target,
)


def observe(api: Api, target: Target) -> Observed:
    """Read every object of the target's account and Region that this program can manage.

    Connections are listed for all Regions at once
    (https://docs.aws.amazon.com/dtconsole/latest/userguide/welcome-connections-how-it-works-global.html),
    so whatever carries another Region's or account's ARN is left out, unread.
    """
    reading = _Reading(target)
    while reading.unlisted or reading.untagged or reading.doubted:
        batch = reading.next_batch()
        for task, result in zip(batch, api.read([task.call for task in batch]), strict=True):
            reading.take(task, result)
    return reading.observed()


def reread(api: Api, live: Live) -> Live | None:
    """Read one object again with its tags; None when it is gone. Raises what the read raised."""
    kind = BY_NAME[live.address.kind]
    calls = [get_call(kind, live.id), *([_tags_call(live.arn)] if live.arn else [])]
    first, *tags = api.read(calls)
    if isinstance(first, NotFoundError):
        return None
    reply = _raised(first)
    body = reply.get(kind.calls.item, reply)
    again = _live(kind, {kind.calls.arn: live.arn, **body, kind.calls.id: live.id})
    message = again.message or (live.message if again.status == live.status else "")
    again = replace(again, address=live.address, owner=live.owner, message=message)
    if again.arn and not tags:
        tags = list(api.read([_tags_call(again.arn)]))
    return _tagged(again, _raised(tags[0])) if tags else again


def users_of(api: Api, live: Live) -> Iterator[Live]:
    """What refers to an object at this moment. Raises what a read raised."""
    for kind in KINDS:
        for name, reference in kind.references().items():
            if reference.kind != live.address.kind:
                continue
            under = {kind.specs()[name].wire: live.id} if name == kind.calls.list_per else {}
            (result,) = api.read([Call(kind.calls.list, {**kind.calls.fixed, **under})])
            for item in _raised(result)[kind.calls.items]:
                user = _live(kind, item)
                if user.fields.get(name) == live.id:
                    yield user


def owner_above(api: Api, live: Live) -> Live | None:
    """The object whose owner one without tags has, as it is now; None when there is none, or it is
    gone. Raises what a read raised."""
    kind = BY_NAME[live.address.kind]
    parent = _listed_under(kind)
    if kind.taggable() or parent is None:
        return None
    id_ = str(live.fields.get(kind.calls.list_per))
    return reread(api, Live(Address(parent, id_), id_, {}))


def named(api: Api, address: Address, target: Target) -> list[Live]:
    """The objects of the target that have this name now, without their tags. Raises what a read
    raised."""
    kind = BY_NAME[address.kind]
    if not kind.taggable():
        live = reread(api, Live(address, address.name, {}))
        return [live] if live is not None else []
    (result,) = api.read([Call(kind.calls.list, dict(kind.calls.fixed))])
    found = [_live(kind, item) for item in _raised(result)[kind.calls.items]]
    return [live for live in found if live.address == address and _is_at(live.arn, target)]


def made_by(api: Api, address: Address, target: Target, run: str) -> Live | None:
    """The object at an address that a run made, by the tag of the run; what takes no tags is found
    by its name. None when it does not show. Raises what a read raised."""
    found = named(api, address, target)
    if not BY_NAME[address.kind].taggable():
        return next(iter(found), None)
    failed: ReconcilerError | None = None
    for live, reply in zip(found, api.read([_tags_call(n.arn) for n in found]), strict=True):
        try:
            tagged = _tagged(live, _raised(reply))
        except ReconcilerError as error:
            failed = error  # it may be another one's
            continue
        if tagged.run == run:
            return tagged
    if failed is not None:
        raise failed
    return None


def get_call(kind: type[Resource], id_: str) -> Call:
    """The call that reads one object of a kind by its id."""
    return Call(kind.calls.get, {**kind.calls.fixed, kind.calls.id: id_})


def _raised(result: ReadResult) -> Mapping[str, Any]:
    if isinstance(result, Exception):
        raise result
    return result


@dataclass(frozen=True, slots=True)
class _Task:
    """One read of the observation: a listing of a kind, perhaps `under` one live object, the tags
    of one, or a second look at one that was listed and that the operation `doubt` did not find."""

    call: Call
    kind: type[Resource]
    live: Live | None = None
    under: Live | None = None
    doubt: str = ""


class _Reading:
    """The observation as far as it has come."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.unlisted = list(KINDS)
        self.untagged: list[Live] = []
        self.doubted: list[_Task] = []
        self.lives: dict[tuple[str, str], Live] = {}
        self.gaps: list[Gap] = []

    def next_batch(self) -> list[_Task]:
        """Everything that can be read now: tags of what was found, and kinds ready to list."""
        tags = [_Task(_tags_call(v.arn), BY_NAME[v.address.kind], v) for v in self.untagged]
        waiting = {kind.kind for kind in self.unlisted}
        ready = [k for k in self.unlisted if _listed_under(k) not in waiting]
        self.unlisted = [kind for kind in self.unlisted if kind not in ready]
        self.untagged = []
        doubted, self.doubted = self.doubted, []
        return doubted + tags + [task for kind in ready for task in self._listings(kind)]

    def _listings(self, kind: type[Resource]) -> Iterator[_Task]:
        parent = _listed_under(kind)
        if parent is None:
            yield _Task(Call(kind.calls.list, dict(kind.calls.fixed)), kind)
            return
        member = kind.specs()[kind.calls.list_per].wire
        for (of, id_), live in sorted(self.lives.items()):
            if of == parent:
                call = Call(kind.calls.list, {**kind.calls.fixed, member: id_})
                yield _Task(call, kind, under=live)
        if any(gap.kind == parent and gap.address is None for gap in self.gaps):
            reason = f"the {BY_NAME[parent].section} it is listed under could not all be read"
            self.gaps.append(Gap(kind.kind, kind.calls.list, reason))

    def take(self, task: _Task, result: ReadResult) -> None:
        """Add what one read answered. What was listed and is then not found is looked at once more:
        it is simply not there any more, or AWS contradicts itself and nothing can be relied on."""
        match result:
            case NotFoundError() if task.doubt and task.live:
                self.lives.pop((task.live.address.kind, task.live.id), None)
            case NotFoundError() if seen := task.live or task.under:
                look = get_call(BY_NAME[seen.address.kind], seen.id)
                doubt = task.call.operation
                self.doubted.append(_Task(look, task.kind, seen, doubt=doubt))
            case _ if task.doubt and task.live:
                self._contradicted(task, task.live)
            case Exception():
                address = task.live.address if task.live else None
                gap = Gap(task.kind.kind, task.call.operation, str(result), address)
                self.gaps.append(gap)
            case _:
                self._understand(task, result)

    def _contradicted(self, task: _Task, live: Live) -> None:
        reason = f"{live.arn or live.id} was listed, and then not found: plan again later"
        own = task.kind.kind == live.address.kind
        self.gaps.append(Gap(task.kind.kind, task.doubt, reason, live.address if own else None))

    def _understand(self, task: _Task, reply: Mapping[str, Any]) -> None:
        kind, live = task.kind, task.live
        try:
            if live is not None:
                self.lives[kind.kind, live.id] = _tagged(live, reply)
            else:
                self._add(_live(kind, item) for item in reply[kind.calls.items])
        except UnclearReplyError as error:
            address = live.address if live else None
            self.gaps.append(Gap(kind.kind, task.call.operation, error.reason, address))

    def _add(self, lives: Iterable[Live]) -> None:
        for live in lives:
            if live.arn and not _is_at(live.arn, self.target):
                continue
            self.lives[live.address.kind, live.id] = live
            if live.arn:
                self.untagged.append(live)

    def observed(self) -> Observed:
        """Everything read, by address."""
        by_address: dict[Address, list[Live]] = defaultdict(list)
        for live in self.lives.values():
            by_address[live.address].append(self._with_inherited_owner(live))
        lives = {
            address: tuple(sorted(by_address[address], key=lambda live: live.id))
            for address in sorted(by_address)
        }
        return Observed(self.target, lives, tuple(self.gaps))

    def _with_inherited_owner(self, live: Live) -> Live:
        """An object that takes no tags belongs to whoever owns the object it is listed under."""
        kind = BY_NAME[live.address.kind]
        parent = _listed_under(kind)
        if kind.taggable() or parent is None:
            return live
        owner = self.lives.get((parent, str(live.fields.get(kind.calls.list_per))))
        return replace(live, owner=owner.owner) if owner else live


def _listed_under(kind: type[Resource]) -> str | None:
    """The kind whose objects have to be known before this one can be listed."""
    return kind.references()[kind.calls.list_per].kind if kind.calls.list_per else None


def _live(kind: type[Resource], item: Any) -> Live:
    """One object out of a reply. What is new in it passes; what makes no sense is an error, since
    an object that is overlooked would be created again."""
    calls = kind.calls
    try:
        fields = kind.from_wire(item)
        name, id_, arn = kind.name_of(fields), item[calls.id], item.get(calls.arn, "")
    except (AttributeError, KeyError, TypeError) as error:
        raise UnclearReplyError(calls.list, "an object without its members") from error
    if name is None or not isinstance(id_, str) or not id_:
        raise UnclearReplyError(calls.list, "an object without name or id")
    if calls.arn and len(str(arn).split(":", 5)) < 6:
        raise UnclearReplyError(calls.list, f"an object whose ARN is {arn!r}")
    status = str(item.get(calls.status) or "UNKNOWN") if calls.status else ""
    message = str(item.get("StatusMessage") or "")
    return Live(Address(kind.kind, name), id_, fields, arn, status, message)


def _tagged(live: Live, reply: Mapping[str, Any]) -> Live:
    try:
        tags = {str(tag["Key"]): str(tag.get("Value", "")) for tag in reply["Tags"]}
    except (AttributeError, KeyError, TypeError) as error:
        text = "the reply holds no tags, or one without its members"
        raise UnclearReplyError("ListTagsForResource", text) from error
    return replace(
        live,
        tags={key: value for key, value in tags.items() if not key.startswith(OWN_TAGS)},
        owner=tags.get(OWNER_TAG),
        protect=tags.get(PROTECT_TAG),
        run=tags.get(RUN_TAG),
    )


def _tags_call(arn: str) -> Call:
    return Call("ListTagsForResource", {"ResourceArn": arn})


def _is_at(arn: str, target: Target) -> bool:
    """Whether an ARN (`arn:partition:service:region:account:...`) lies in the target."""
    return arn.split(":")[3:5] == [target.region, target.account]
