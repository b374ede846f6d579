"""What happened to syncs: latest attempts and blockers, as recorded from outside the API."""

import json
import sqlite3

from reconciler.emulator import repository_links, sync_configurations
from reconciler.emulator.call import Call, Json
from reconciler.emulator.errors import ApiError, not_found


def get_repository_sync_status(call: Call) -> Json:
    """The latest attempt of a link's branch.

    The output requires LatestSync, so "never synced" is taken to be ResourceNotFoundException.
    """
    link = repository_links.find(call, call.parameters["RepositoryLinkId"])
    branch = call.parameters["Branch"]
    row = call.one(
        "SELECT attempt FROM repository_attempts WHERE link_id = ? AND branch = ? AND sync_type = ?"
        " ORDER BY id DESC LIMIT 1",
        link["link_id"],
        branch,
        call.parameters["SyncType"],
    )
    if row is None:
        raise not_found(f"Branch {branch} of {link['link_id']} has never been synced.")
    return {"LatestSync": json.loads(row["attempt"])}


def get_resource_sync_status(call: Call) -> Json:
    """The latest attempt of a stack, its desired state and its latest success."""
    sync = sync_configurations.find(call)
    newest = "ORDER BY id DESC LIMIT 1"
    attempts = "SELECT attempt FROM resource_attempts WHERE sync_id = ? "
    row = call.one(attempts + newest, sync["id"])
    if row is None:
        raise not_found(f"{sync['resource_name']} has never been synced.")
    latest = json.loads(row["attempt"])
    success = call.one(attempts + "AND status = 'SUCCEEDED' " + newest, sync["id"])
    return {
        "DesiredState": latest["TargetRevision"],
        "LatestSync": latest,
        "LatestSuccessfulSync": json.loads(success["attempt"]) if success else None,
    }


def get_sync_blocker_summary(call: Call) -> Json:
    """The blockers of a stack, newest first."""
    sync = sync_configurations.find(call)
    rows = call.every("SELECT * FROM blockers WHERE sync_id = ? ORDER BY id DESC", sync["id"])
    summary = {
        "ResourceName": sync["resource_name"],
        "ParentResourceName": sync["resource_name"],
        "LatestBlockers": [_shown(row) for row in rows],
    }
    return {"SyncBlockerSummary": summary}


def update_sync_blocker(call: Call) -> Json:
    """Resolves a blocker with a person's reason; resolving again replaces the reason (a guess)."""
    sync = sync_configurations.find(call)
    blocker_id = call.parameters["Id"]
    call.write(
        "UPDATE blockers SET resolved_reason = ?, resolved_at = ?"
        " WHERE blocker_id = ? AND sync_id = ?",
        call.parameters["ResolvedReason"],
        call.now,
        blocker_id,
        sync["id"],
    )
    row = call.one(
        "SELECT * FROM blockers WHERE blocker_id = ? AND sync_id = ?", blocker_id, sync["id"]
    )
    if row is None:
        raise ApiError(
            "SyncBlockerDoesNotExistException",
            f"Sync blocker {blocker_id} of {sync['resource_name']} does not exist.",
        )
    name = sync["resource_name"]
    return {"ResourceName": name, "ParentResourceName": name, "SyncBlocker": _shown(row)}


def _shown(row: sqlite3.Row) -> Json:
    return {
        "Id": row["blocker_id"],
        "Type": "AUTOMATED",
        "Status": "ACTIVE" if row["resolved_at"] is None else "RESOLVED",
        "CreatedReason": row["reason"],
        "CreatedAt": row["created_at"],
        "Contexts": json.loads(row["contexts"]),
        "ResolvedReason": row["resolved_reason"],
        "ResolvedAt": row["resolved_at"],
    }
