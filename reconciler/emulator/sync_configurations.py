"""Sync configurations: which branch and file of a repository link a stack follows."""

import sqlite3

from reconciler.emulator import repository_links
from reconciler.emulator.call import Call, Json
from reconciler.emulator.errors import ApiError, limit_exceeded, not_found
from reconciler.emulator.paging import page

_MUTABLE = {
    "Branch": "branch",
    "ConfigFile": "config_file",
    "RoleArn": "role_arn",
    "PublishDeploymentStatus": "publish_deployment_status",
    "TriggerResourceUpdateOn": "trigger_resource_update_on",
    "PullRequestComment": "pull_request_comment",
}

# What comes from the link is never stored twice.
_SELECTED = """
    SELECT s.*, l.owner_id, l.repository_name, l.provider_type
    FROM sync_configurations AS s JOIN repository_links AS l ON l.link_id = s.link_id
"""


def create_sync_configuration(call: Call) -> Json:
    """A new configuration; one stack has one at most.

    The operation declares no ResourceNotFoundException, so a missing link is bad input. Azure
    DevOps has no Git sync:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/git-sync-concepts-terms.html
    """
    wanted = call.parameters
    link = repository_links.search(call, wanted["RepositoryLinkId"])
    if link is None:
        raise call.missing(f"Repository link {wanted['RepositoryLinkId']} was not found.")
    _check_provider(call, link)
    if search(call) is not None:
        raise ApiError(
            "ResourceAlreadyExistsException",
            f"A sync configuration for {wanted['ResourceName']} already exists.",
        )
    _check_room(call, link["link_id"])
    call.insert(
        "sync_configurations",
        account=call.caller.account,
        region=call.caller.region,
        sync_type=wanted["SyncType"],
        resource_name=wanted["ResourceName"],
        link_id=link["link_id"],
        created_at=call.now,
        **{column: wanted.get(member) for member, column in _MUTABLE.items()},
    )
    return {"SyncConfiguration": _shown(find(call))}


def get_sync_configuration(call: Call) -> Json:
    """One configuration, by its type and stack."""
    return {"SyncConfiguration": _shown(find(call))}


def list_sync_configurations(call: Call) -> Json:
    """The configurations of one link, oldest first."""
    rows, token = _of_link(call, paged=True)
    return {"SyncConfigurations": [_shown(row) for row in rows], "NextToken": token}


def list_repository_sync_definitions(call: Call) -> Json:
    """What the link's configurations amount to; all at once, for the input has no paging members.

    Parent equals Target for stacks (botocore service model).
    """
    rows, _ = _of_link(call, paged=False)
    definitions = [
        {
            "Branch": row["branch"],
            "Directory": row["config_file"],
            "Parent": row["resource_name"],
            "Target": row["resource_name"],
        }
        for row in rows
    ]
    return {"RepositorySyncDefinitions": definitions}


def update_sync_configuration(call: Call) -> Json:
    """Changes the members that are given; a new link must exist."""
    row = find(call)
    link_id = call.parameters.get("RepositoryLinkId")
    if link_id is not None:
        link = repository_links.find(call, link_id)
        _check_provider(call, link)
        # The operation declares no LimitExceededException: quotas are for creation.
        call.write(
            "UPDATE sync_configurations SET link_id = ? WHERE id = ?", link["link_id"], row["id"]
        )
    for member, column in _MUTABLE.items():
        value = call.parameters.get(member)
        if value is not None:
            # The column's name is one of ours, never the caller's.
            statement = f"UPDATE sync_configurations SET {column} = ? WHERE id = ?"  # noqa: S608
            call.write(statement, value, row["id"])
    return {"SyncConfiguration": _shown(find(call))}


def delete_sync_configuration(call: Call) -> Json:
    """Deletes a configuration with its attempts and blockers; a missing one is a switch."""
    row = search(call)
    if row is None:
        if call.settings.missing_sync_delete == "not-found":
            raise _missing(call)
        return {}
    call.write("DELETE FROM resource_attempts WHERE sync_id = ?", row["id"])
    call.write("DELETE FROM blockers WHERE sync_id = ?", row["id"])
    call.write("DELETE FROM sync_configurations WHERE id = ?", row["id"])
    return {}


def _check_provider(call: Call, link: sqlite3.Row) -> None:
    if link["provider_type"] == "AzureDevOps":
        raise call.invalid(
            "The provider type AzureDevOps is not supported for sync configurations."
        )


def find(call: Call) -> sqlite3.Row:
    """The configuration of the call's SyncType and ResourceName, or ResourceNotFoundException."""
    row = search(call)
    if row is None:
        raise _missing(call)
    return row


def search(call: Call) -> sqlite3.Row | None:
    """The configuration of the call's SyncType and ResourceName in its account and Region."""
    return call.one(
        _SELECTED
        + "WHERE s.account = ? AND s.region = ? AND s.sync_type = ? AND s.resource_name = ?",
        call.caller.account,
        call.caller.region,
        call.parameters["SyncType"],
        call.parameters["ResourceName"],
    )


def _missing(call: Call) -> ApiError:
    return not_found(f"Sync configuration {call.parameters['ResourceName']} was not found.")


def _of_link(call: Call, *, paged: bool) -> tuple[list[sqlite3.Row], str | None]:
    link_id = repository_links.find(call, call.parameters["RepositoryLinkId"])["link_id"]
    sync_type = call.parameters["SyncType"]
    where = "WHERE s.link_id = ? AND s.sync_type = ? AND s.id > ? ORDER BY s.id LIMIT ?"
    if paged:
        return page(call, _SELECTED + where, (link_id, sync_type), (link_id, sync_type))
    return call.every(_SELECTED + where, link_id, sync_type, 0, -1), None


def _shown(row: sqlite3.Row) -> Json:
    derived = {
        "OwnerId": row["owner_id"],
        "ProviderType": row["provider_type"],
        "RepositoryLinkId": row["link_id"],
        "RepositoryName": row["repository_name"],
        "ResourceName": row["resource_name"],
        "SyncType": row["sync_type"],
    }
    return derived | {member: row[column] for member, column in _MUTABLE.items()}


def _check_room(call: Call, link_id: str) -> None:
    quotas = call.settings.quotas
    where = (call.caller.account, call.caller.region)
    counted = "SELECT count(*) FROM sync_configurations WHERE "
    most = quotas.sync_configurations
    if call.count(counted + "account = ? AND region = ?", *where) >= most:
        raise limit_exceeded(f"The account has reached its limit of {most} sync configurations.")
    most = quotas.sync_configurations_per_link
    if call.count(counted + "link_id = ?", link_id) >= most:
        raise limit_exceeded(f"A repository link can have at most {most} sync configurations.")
    most = quotas.sync_configurations_per_branch
    branch = call.parameters["Branch"]
    if call.count(counted + "link_id = ? AND branch = ?", link_id, branch) >= most:
        raise limit_exceeded(f"A branch can have at most {most} sync configurations.")
