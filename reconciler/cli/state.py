"""What one run keeps for the next on this machine: the journal of a target, and the lock that keeps
two runs apart. Options go in, an opened journal comes out."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from reconciler.errors import LockedError, ReconcilerError
from reconciler.journal import Journal
from reconciler.resource import Target


def folder_of(option: str | None) -> Path:
    """Where journals are: as the option says, or below the folder of the XDG base directory
    specification for state (https://specifications.freedesktop.org/basedir-spec/latest/)."""
    if option is not None:
        return Path(option)
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "reconciler" / "journal"


def journal_of(folder: Path, target: Target, owner: str, local_store: str = "") -> Journal:
    """The journal of a target, which every run that writes there shares."""
    endpoint = f"local {Path(local_store).resolve()}" if local_store else target.endpoint
    digest = hashlib.sha256(endpoint.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    facts = {
        "who": who(),
        "account": target.account,
        "region": target.region,
        "endpoint": endpoint,
        "owner": owner,
    }
    return Journal(folder / f"{target.account}-{target.region}-{digest}.jsonl", facts)


def who() -> str:
    """Who runs this, on which machine."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"{os.getuid()}@{socket.gethostname()}"


@contextmanager
def locked(journal: Path, seconds: float) -> Iterator[None]:
    """Keep every other run of this machine from writing to the target of a journal while the block
    runs.

    Raises `LockedError` when another one still does after so many seconds."""
    from filelock import FileLock, Timeout

    path, holder = journal.with_suffix(".lock"), journal.with_suffix(".holder")
    lock = FileLock(path, timeout=seconds)
    try:
        lock.acquire()
    except Timeout as error:
        text = f"another run is writing there{_since(holder)}: wait for it, or give --lock-timeout"
        raise LockedError(text) from error
    except OSError as error:
        text = f"the lock {path} cannot be taken: {error.strerror}: give --journal a folder"
        raise ReconcilerError(text) from error
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError):  # it is only there to be told to others
            holder.write_text(json.dumps({"who": who(), "pid": os.getpid(), "since": now}))
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


def _since(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text(encoding="utf-8"))
        return f": {told['who']}, process {told['pid']}, since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
