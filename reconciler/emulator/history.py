"""A stack's past, as written from outside the API: attempts and blockers in, rows out."""

import json
import secrets
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.emulator.errors import ControlError

STATUSES = ("INITIATED", "IN_PROGRESS", "SUCCEEDED", "FAILED")
"""The statuses that attempts of a branch and of a stack have in common (botocore service model)."""

_SELECTED = """
    SELECT s.*, l.owner_id, l.repository_name, l.provider_type
    FROM sync_configurations AS s JOIN repository_links AS l ON l.link_id = s.link_id
    WHERE s.resource_name = ?
"""


def add_attempt(
    rows: sqlite3.Connection,
    target: str,
    status: str,
    sha: str | None,
    events: Sequence[str],
    now: float,
) -> None:
    """Records one attempt of the stack's branch and one of the stack itself."""
    if status not in STATUSES:
        raise ControlError(f"{status!r} is no status of a sync: {', '.join(STATUSES)}")
    sync = _find(rows, target)
    happened = [{"Event": event, "Time": now, "Type": status} for event in events]
    attempt = {"StartedAt": now, "Status": status, "Events": happened}
    rows.execute(
        "INSERT INTO repository_attempts (link_id, branch, sync_type, attempt) VALUES (?, ?, ?, ?)",
        (sync["link_id"], sync["branch"], sync["sync_type"], json.dumps(attempt)),
    )
    revision = _revision(sync, sha or secrets.token_hex(20))
    of_resource = attempt | {
        "InitialRevision": _previous(rows, sync) or revision,
        "TargetRevision": revision,
        "Target": sync["resource_name"],
    }
    rows.execute(
        "INSERT INTO resource_attempts (sync_id, status, attempt) VALUES (?, ?, ?)",
        (sync["id"], status, json.dumps(of_resource)),
    )


def add_blocker(
    rows: sqlite3.Connection, target: str, reason: str, contexts: Mapping[str, str], now: float
) -> str:
    """Records one ACTIVE blocker and gives its id."""
    sync = _find(rows, target)
    blocker_id = str(uuid.uuid4())
    pairs = [{"Key": key, "Value": value} for key, value in contexts.items()]
    rows.execute(
        "INSERT INTO blockers (sync_id, blocker_id, reason, created_at, contexts)"
        " VALUES (?, ?, ?, ?, ?)",
        (sync["id"], blocker_id, reason, now, json.dumps(pairs)),
    )
    return blocker_id


def _find(rows: sqlite3.Connection, target: str) -> sqlite3.Row:
    name = target.removeprefix("sync_configuration/")
    found = rows.execute(_SELECTED, (name,)).fetchall()
    if not found:
        raise ControlError(f"{target}: no such sync configuration")
    if len(found) > 1:
        places = ", ".join(f"{row['account']}/{row['region']}" for row in found)
        raise ControlError(f"{target}: several accounts or Regions have it: {places}")
    row: sqlite3.Row = found[0]
    return row


def _previous(rows: sqlite3.Connection, sync: sqlite3.Row) -> Any:
    row = rows.execute(
        "SELECT attempt FROM resource_attempts WHERE sync_id = ? AND status = 'SUCCEEDED'"
        " ORDER BY id DESC LIMIT 1",
        (sync["id"],),
    ).fetchone()
    return json.loads(row["attempt"])["TargetRevision"] if row else None


def _revision(sync: sqlite3.Row, sha: str) -> dict[str, str]:
    return {
        "Branch": sync["branch"],
        "Directory": sync["config_file"],
        "OwnerId": sync["owner_id"],
        "RepositoryName": sync["repository_name"],
        "ProviderType": sync["provider_type"],
        "Sha": sha,
    }
