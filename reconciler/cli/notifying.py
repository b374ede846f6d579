"""Tells about drift where `--notify` says: a drift report, or why there is none, goes in; whether
everybody was told comes out. What a channel was told last is remembered in the history, by a hash
of its address."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.channels import Channel, Telling
from reconciler.cli.output import tell
from reconciler.cli.target import TargetOptions, session_of
from reconciler.errors import ReconcilerError
from reconciler.findings import DriftForm, FailureForm, Key, counts, key_of
from reconciler.history import History, Told
from reconciler.render import failure, message, told_document

if TYPE_CHECKING:
    from reconciler.aws.session import Session

AGAIN = "The look before this one had failed."


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier runs told: `seen` of what they saw, and `failed` of looks that were none, which
    is before anybody knows whose findings it is about. None where it cannot be used."""

    seen: History | None = None
    failed: History | None = None


@dataclass(frozen=True, slots=True)
class Notifying:
    """The channels, and when they are told; `counting` says what counts."""

    channels: tuple[Channel, ...]
    always: bool
    heartbeat: timedelta | None
    counting: str
    target: TargetOptions

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Notifying:
        """What the options say; a usage error where they do not go together."""
        channels: Sequence[Channel] = options["notify"]
        always, beat = options["notify_when"] == "always", options["heartbeat"]
        if channels and not always and options["history"] is None:
            text = "--notify needs --history FILE, to know what was told"
            raise click.UsageError(f"{text}, or --notify-when always")
        if beat is not None and not channels:
            raise click.UsageError("--heartbeat needs --notify")
        if options["since"] is not None and options["history"] is None:
            raise click.UsageError("--since needs --history FILE")
        if options["local"] and (aws := [one for one in channels if one.action]):
            raise click.UsageError(f"--notify {aws[0]} does not go with --local: it is AWS's own")
        heartbeat = None if beat is None else timedelta(seconds=beat)
        counting = json.dumps([sorted(set(options["counting"])), options["allow_pending"]])
        target = TargetOptions.of(options)
        return cls(tuple(dict.fromkeys(channels)), always, heartbeat, counting, target)

    def told(self, document: DriftForm, memory: Memory, session: Session | None) -> bool:
        """Tell every channel that has to be told. Whether none failed: one that did says so on
        stderr, and is told again by the next run."""
        told = [self._told(one, document, memory, session) for one in self.channels]
        return all(told)

    def told_failure(self, document: FailureForm, memory: History | None) -> None:
        """Tell every channel that a look was none, unless it knows."""
        if memory is not None and self.channels:
            memory = memory if _is_usable(memory) else None
        for channel in self.channels:
            self._told_failure(channel, document, memory)

    def _told_failure(
        self, channel: Channel, document: FailureForm, memory: History | None
    ) -> None:
        now = Told(datetime.fromisoformat(document["created"]), False, frozenset())
        try:
            before = memory.told(self._digest(channel)) if memory else None
            if before and not self.always and not self._is_time(before, now):
                return
            session = session_of(self.target) if channel.action else None
            channel.send(Telling(failure(document), document, session))
        except ReconcilerError as error:
            tell(f"Error: {channel} could not be told: {error}; the next run tries again")
            return
        _remembered(channel, [partial(memory.tell, self._digest(channel), now)] if memory else [])

    def _told(
        self, channel: Channel, document: DriftForm, memory: Memory, session: Session | None
    ) -> bool:
        """Tell one channel. Without a history that can be used it is told in any case: nobody knows
        whether it knows."""
        digest = self._digest(channel)
        try:
            before = memory.seen.told(digest) if memory.seen else None
            failed = memory.failed.told(digest) if memory.failed else None
            now = _now(document, before)
            if memory.seen and not failed and not self._is_due(before, now):
                return True
            known = before.keys if before else None
            since = f"{before.time:%Y-%m-%d %H:%M} UTC" if before else ""
            told = message(document, known, since)
            if failed:
                told = replace(told, news=f"{told.news} {AGAIN}")
            channel.send(Telling(told, told_document(document, known), session))
        except ReconcilerError as error:
            tell(f"Error: {channel} could not be told: {error}; the next run tries again")
            return False
        steps = [partial(memory.seen.tell, digest, now)] if memory.seen else []
        steps += [partial(memory.failed.untell, digest)] if memory.failed else []
        return _remembered(channel, steps)

    def _is_due(self, before: Told | None, now: Told) -> bool:
        """What a run saw that was begun before another one that has been told of is no news; a
        time that is still to come is that of a wrong clock."""
        if self.always:
            return True
        if before is None:
            return bool(now.keys) or not now.complete or self.heartbeat is not None
        if now.time < before.time <= datetime.now(UTC):
            return False
        if (before.keys, before.complete) != (now.keys, now.complete):
            return True
        return self._is_time(before, now)

    def _is_time(self, before: Told, now: Told) -> bool:
        """Runs of a cron do not begin to the second: a little early is not a day too late."""
        return self.heartbeat is not None and now.time - before.time >= 0.95 * self.heartbeat

    def _digest(self, channel: Channel) -> str:
        """Says which channel it is and what counts for it, and nothing about where."""
        text = f"{self.counting} {channel.where}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _remembered(channel: Channel, steps: Iterable[Callable[[], None]]) -> bool:
    """Write down that a channel was told. Whether that worked; else it says so on stderr."""
    try:
        for step in steps:
            step()
    except ReconcilerError as error:
        tell(f"Error: {channel} was told, and will be told again: {error}")
        return False
    return True


def _now(document: DriftForm, before: Told | None) -> Told:
    """What a channel knows once it was told. A run that did not see everything takes nothing back
    but what it could not see before."""
    keys = {key_of(finding) for finding in document["findings"] if counts(finding)}
    complete = document["coverage"]["complete"]
    if before and not complete:
        keys |= {key for key in before.keys if key.code != "not_checked"}
    return Told(datetime.fromisoformat(document["created"]), complete, frozenset[Key](keys))


def _is_usable(memory: History) -> bool:
    """Whether a history can be used; why not is said on stderr."""
    try:
        memory.told("")
    except ReconcilerError as error:
        tell(f"Error: {error}")
        return False
    return True
