"""Tells about drift where `--notify` says: a drift report goes in, whether everybody was told comes
out. What a channel was told last is remembered in the history, by a hash of its address."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.channels import Channel, Telling
from reconciler.cli.output import tell
from reconciler.drift import DriftForm, Key, counts, key_of
from reconciler.errors import ReconcilerError
from reconciler.history import History, Told
from reconciler.render import message, told_document

if TYPE_CHECKING:
    from reconciler.aws.session import Session


@dataclass(frozen=True, slots=True)
class Notifying:
    """The channels, and when they are told."""

    channels: tuple[Channel, ...]
    always: bool
    heartbeat: timedelta | None

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
        return cls(tuple(dict.fromkeys(channels)), always, heartbeat)

    def told(self, document: DriftForm, history: History | None, session: Session | None) -> bool:
        """Tell every channel that has to be told. Whether none failed: one that did says so on
        stderr, and is told again by the next run."""
        told = [self._told(one, document, history, session) for one in self.channels]
        return all(told)

    def _told(
        self,
        channel: Channel,
        document: DriftForm,
        history: History | None,
        session: Session | None,
    ) -> bool:
        """Tell one channel. Without a history that can be used it is told in any case: nobody knows
        whether it knows."""
        try:
            before = history.told(_digest(channel)) if history else None
            now = _now(document, before)
            if history and not self._is_due(before, now):
                return True
            known = before.keys if before else None
            since = f"{before.time:%Y-%m-%d %H:%M} UTC" if before else ""
            told = message(document, known, since)
            channel.send(Telling(told, told_document(document, known), session))
        except ReconcilerError as error:
            tell(f"Error: {channel} could not be told: {error}; the next run tries again")
            return False
        return _remembered(channel, history, now)

    def _is_due(self, before: Told | None, now: Told) -> bool:
        if self.always:
            return True
        if before is None:
            return bool(now.keys) or not now.complete or self.heartbeat is not None
        if (before.keys, before.complete) != (now.keys, now.complete):
            return True
        return self.heartbeat is not None and now.time - before.time >= self.heartbeat


def _now(document: DriftForm, before: Told | None) -> Told:
    """What a channel knows once it was told. A run that did not see everything takes nothing back
    but what it could not see before."""
    keys = {key_of(finding) for finding in document["findings"] if counts(finding)}
    complete = document["coverage"]["complete"]
    if before and not complete:
        keys |= {key for key in before.keys if key.code != "not_checked"}
    return Told(datetime.fromisoformat(document["created"]), complete, frozenset[Key](keys))


def _remembered(channel: Channel, history: History | None, now: Told) -> bool:
    try:
        if history:
            history.tell(_digest(channel), now)
    except ReconcilerError as error:
        tell(f"Error: {channel} was told, and will be told again: {error}")
        return False
    return True


def _digest(channel: Channel) -> str:
    """Says which channel it is, and nothing about where."""
    return hashlib.sha256(channel.where.encode("utf-8", "surrogateescape")).hexdigest()[:32]
