"""Keeps two runs from writing to one target at a time: a file on this machine, and an object in S3
between machines. An opened run goes in and comes out as the only one that writes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.output import log, tell
from reconciler.cli.state import who
from reconciler.cli.stopping import pause
from reconciler.errors import LockedError, ReconcilerError

if TYPE_CHECKING:
    from filelock import FileLock

    from reconciler.cli.planning import Run

LOOK_SECONDS = 0.1
"""Seconds between looks at the lock of another run on this machine."""


@contextmanager
def alone(run: Run) -> Iterator[Run]:
    """The run as the only one that writes to its target while the block runs.

    Raises `LockedError` when another one still does after the time that the options allow."""
    if run.journal.path is None:
        yield run
        return
    run.journal.check()
    with _on_this_machine(run.journal.path, run.planning.lock_timeout), _everywhere(run) as only:
        run.journal.put_away(2 * run.planning.settle)
        only.started = datetime.now(UTC)  # others may have sent something until now
        yield only


@contextmanager
def _on_this_machine(journal: Path, seconds: float) -> Iterator[None]:
    from filelock import FileLock

    path, holder = journal.with_suffix(".lock"), journal.with_suffix(".holder")
    lock = FileLock(path)
    try:
        _take(lock, holder, seconds)
    except OSError as error:
        text = f"the lock {path} cannot be taken: {error.strerror}: give --journal a folder"
        raise ReconcilerError(text) from error
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError):  # it is only there to be told to others
            holder.write_text(f"{who()}, process {os.getpid()}, since {now}", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


def _take(lock: FileLock, holder: Path, seconds: float) -> None:
    """Take the lock, waiting for up to so many seconds for it, and saying so once."""
    from filelock import Timeout

    end, said = time.monotonic() + seconds, False
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            by = _since(holder)
            if (left := end - time.monotonic()) <= 0:
                text = f"another run is writing there{by}: wait for it, or give --lock-timeout"
                raise LockedError(text) from error
        else:
            return
        if not said:
            said = True
            log(f"Waiting up to {ceil(seconds)} s for another run{by}")
        pause(min(left, LOOK_SECONDS))


@contextmanager
def _everywhere(run: Run) -> Iterator[Run]:
    """The run with a lease of the lock in S3, where one is asked for."""
    uri, planning = run.planning.lock, run.planning
    if not uri or run.session is None:
        yield run
        return
    from reconciler.aws.lease import Lease

    lease = Lease(run.session, uri, who(), planning.lock_lease)
    leased = replace(run, permit=lease.permit)
    try:
        lease.take(planning.lock_timeout, log, pause)
        if lease.taken_from is not None:
            tell(f"Warning: {uri} was never given back by {lease.taken_from}: taken over")
        yield leased
    finally:
        try:
            lease.release(leased.unsettled())
        except ReconcilerError as error:
            tell(f"Warning: not given back: {error}")


def _since(holder: Path) -> str:
    try:
        return f": {holder.read_text(encoding='utf-8')}"
    except (OSError, ValueError):
        return ""
