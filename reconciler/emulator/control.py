"""What happens outside the API: a person approves, a sync runs; a target in, changed rows out."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from reconciler.emulator import connections, faults, history, hosts, requests
from reconciler.emulator.errors import ControlError
from reconciler.emulator.faults import Fault
from reconciler.emulator.requests import Request
from reconciler.emulator.store import TABLES, Store

_KINDS = ("host", "connection")


@dataclass(frozen=True, slots=True)
class Approvable:
    """A host or connection as the person sees it who approves it."""

    kind: Literal["host", "connection"]
    name: str
    arn: str
    account: str
    region: str
    provider_type: str
    status: str
    message: str | None
    """Why it failed, if it did."""

    @property
    def pending(self) -> bool:
        """Whether it waits for a person."""
        return self.status == "PENDING"


class Control:
    """The world around the service: on a running server's store, or on a file without a server."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """The control of a store file, on which servers may run too. Close it after use."""
        path = Path(path)
        if not path.is_file():
            raise ControlError(f"{path}: no such store; a server makes it when it starts")
        return cls(Store(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the store; for a control made by `open`, not for a running server's."""
        self._store.close()

    def everything(self) -> list[Approvable]:
        """All hosts, then all connections, of every account and Region; oldest first."""
        with self._store.transaction() as rows:
            return _everything(rows, self._clock())

    def pending(self) -> list[Approvable]:
        """What waits for a person."""
        return [one for one in self.everything() if one.pending]

    def approve(self, target: str, *, ok: bool = True, message: str | None = None) -> Approvable:
        """Finishes a handshake as a person would, or with `ok=False` lets it fail.

        `target` is an ARN, host/NAME or connection/NAME. A failed connection is in ERROR, a failed
        host in VPC_CONFIG_FAILED_INITIALIZATION with `message` as its StatusMessage. A host whose
        VPC work still runs is AVAILABLE once that ends; a connection needs its host AVAILABLE.
        """
        with self._store.transaction() as rows:
            now = self._clock()
            found = _find(rows, target, now)
            failure = None if ok else message or "The handshake was rejected."
            if found.kind == "host":
                _settle_host(rows, found, now, failure)
            else:
                _settle_connection(rows, found, now, failure)
            return _find(rows, found.arn, now)

    def requests(self, after: int = 0, *, mutating_only: bool = False) -> list[Request]:
        """The log of requests with a sequence above `after`, oldest first."""
        with self._store.transaction() as rows:
            return requests.read(rows, after, mutating_only=mutating_only)

    def record_sync(
        self,
        target: str,
        status: str = "SUCCEEDED",
        *,
        sha: str | None = None,
        events: Sequence[str] = (),
    ) -> None:
        """A sync attempt of a stack, which its branch's repository attempt precedes.

        `target` is a stack's name, or sync_configuration/NAME; `sha` the commit that is synced (a
        new one by default), `events` what happened, each with the attempt's time.
        """
        with self._store.transaction() as rows:
            history.add_attempt(rows, target, status, sha, events, self._clock())

    def record_blocker(
        self, target: str, reason: str, *, contexts: Mapping[str, str] | None = None
    ) -> str:
        """A new ACTIVE blocker of a stack (its name, or sync_configuration/NAME); gives its id."""
        with self._store.transaction() as rows:
            return history.add_blocker(rows, target, reason, contexts or {}, self._clock())

    def fault(self, fault: Fault) -> None:
        """Lets some of the next requests go wrong."""
        with self._store.transaction() as rows:
            faults.add(rows, fault)

    def clear_faults(self) -> None:
        """Lets nothing go wrong any more."""
        with self._store.transaction() as rows:
            rows.execute("DELETE FROM faults")

    def reset(self) -> None:
        """Forgets everything, the request log too."""
        with self._store.transaction() as rows:
            for table in TABLES:
                rows.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables


def adopt_pending(rows: sqlite3.Connection, approved_at: float) -> None:
    """Gives whatever waits for a real person to the simulated one, who is done at `approved_at`."""
    for statement in (
        "UPDATE hosts SET approved_at = ? WHERE approved_at IS NULL",
        "UPDATE connections SET approved_at = ? WHERE approved_at IS NULL",
    ):
        rows.execute(statement, (approved_at,))


def _everything(rows: sqlite3.Connection, now: float) -> list[Approvable]:
    found = rows.execute("SELECT * FROM hosts WHERE gone_at IS NULL OR gone_at > ?", (now,))
    listed = [_approvable("host", row, hosts.status_of(row, now)) for row in found]
    found = rows.execute(connections.SELECTED + "ORDER BY c.id")
    listed += [_approvable("connection", row, connections.status_of(row, now)) for row in found]
    return listed


def _approvable(kind: Literal["host", "connection"], row: sqlite3.Row, status: str) -> Approvable:
    return Approvable(
        kind=kind,
        name=row["name"],
        arn=row["arn"],
        account=row["account"],
        region=row["region"],
        provider_type=row["provider_type"],
        status=status,
        message=row["failure"],
    )


def _find(rows: sqlite3.Connection, target: str, now: float) -> Approvable:
    everything = _everything(rows, now)
    if target.startswith("arn:"):
        found = [one for one in everything if one.arn == target]
    else:
        kind, _, name = target.partition("/")
        if kind not in _KINDS or not name:
            raise ControlError(f"{target!r} is no ARN, host/NAME or connection/NAME")
        found = [one for one in everything if one.kind == kind and one.name == name]
    if not found:
        raise ControlError(f"{target}: no such host or connection")
    if len(found) > 1:
        arns = ", ".join(one.arn for one in found)
        raise ControlError(f"{target}: several have this name, give one's ARN: {arns}")
    return found[0]


def _settle_host(
    rows: sqlite3.Connection, host: Approvable, now: float, failure: str | None
) -> None:
    if host.status == hosts.DELETING:
        raise ControlError(f"{host.arn}: is being deleted")
    rows.execute(
        "UPDATE hosts SET failure = ?, approved_at = ? WHERE arn = ?",
        (failure, now, host.arn),
    )


def _settle_connection(
    rows: sqlite3.Connection, connection: Approvable, now: float, failure: str | None
) -> None:
    statement = "UPDATE connections SET failure = ?, approved_at = ? WHERE arn = ?"
    rows.execute(statement, (failure, now, connection.arn))
    row = rows.execute(connections.SELECTED + "WHERE c.arn = ?", (connection.arn,)).fetchone()
    if failure is None and connections.status_of(row, now) != "AVAILABLE":
        raise ControlError(f"{connection.arn}: its host {row['host_arn']} is not AVAILABLE yet")
