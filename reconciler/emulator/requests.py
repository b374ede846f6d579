"""The log of requests, kept in the store: calls in, records for tests and people out."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

_TRIMMED_EVERY = 1000
_ENCODER = json.JSONEncoder(default=str, skipkeys=True)  # CBOR holds more than JSON can


@dataclass(frozen=True, slots=True)
class Request:
    """One call that reached the service, whether it was answered or refused."""

    sequence: int
    """Counts up from 1, over all servers of one store; 0 before the record is kept."""
    time: float
    """Epoch seconds."""
    service: str
    """codeconnections, codestar-connections, resourcegroupstaggingapi, sts or iam."""
    operation: str
    account: str
    region: str
    parameters: dict[str, Any]
    """As sent, not as understood."""
    mutating: bool
    """Whether the operation is a create, update, delete, tag or untag."""
    agent: str
    """The User-Agent as sent: who calls, as far as the client says."""
    error: str | None = None
    """The error code of the answer, or None when it succeeded."""


def keep(rows: sqlite3.Connection, request: Request, newest: int) -> None:
    """Appends a record; every now and then all but the `newest` ones are forgotten."""
    sequence = rows.execute(
        "INSERT INTO requests (time, service, operation, account, region, parameters, mutating,"
        " agent, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            request.time,
            request.service,
            request.operation,
            request.account,
            request.region,
            _ENCODER.encode(request.parameters),
            request.mutating,
            request.agent,
            request.error,
        ),
    ).lastrowid
    if sequence is not None and sequence % _TRIMMED_EVERY == 0:
        rows.execute("DELETE FROM requests WHERE sequence <= ?", (sequence - newest,))


def read(rows: sqlite3.Connection, after: int, *, mutating_only: bool) -> list[Request]:
    """The records with a sequence above `after`, oldest first."""
    found = rows.execute(
        "SELECT * FROM requests WHERE sequence > ? AND mutating >= ? ORDER BY sequence",
        (after, mutating_only),
    )
    return [
        Request(
            sequence=row["sequence"],
            time=row["time"],
            service=row["service"],
            operation=row["operation"],
            account=row["account"],
            region=row["region"],
            parameters=json.loads(row["parameters"]),
            mutating=bool(row["mutating"]),
            agent=row["agent"],
            error=row["error"],
        )
        for row in found
    ]
