"""Repository links: a provider's repository tied to a connection that can reach it."""

import sqlite3
import uuid

from reconciler.emulator import connections, tags
from reconciler.emulator.call import Call, Json
from reconciler.emulator.errors import ApiError, limit_exceeded, not_found
from reconciler.emulator.paging import page


def create_repository_link(call: Call) -> Json:
    """A new link, unique by provider type, owner and repository name in its account and Region.

    A missing connection is bad input where the operation does not declare that it was not found.
    """
    wanted = call.parameters
    arn = wanted["ConnectionArn"]
    row = call.one(
        connections.SELECTED + "WHERE c.arn = ? AND c.account = ?", arn, call.caller.account
    )
    if row is None:
        raise call.missing(f"Connection {arn} was not found.")
    _check_usable(call, row)
    _check_room(call, row["provider_type"])
    link_id = str(uuid.uuid4())
    link_arn = call.arn(f"repository-link/{link_id}")
    call.insert(
        "repository_links",
        account=call.caller.account,
        region=call.caller.region,
        arn=link_arn,
        link_id=link_id,
        connection_arn=arn,
        provider_type=row["provider_type"],
        owner_id=wanted["OwnerId"],
        repository_name=wanted["RepositoryName"],
        encryption_key_arn=wanted.get("EncryptionKeyArn"),
        created_at=call.now,
    )
    tags.attach(call, link_arn, wanted.get("Tags"))
    return {"RepositoryLinkInfo": _shown(find(call, link_id))}


def get_repository_link(call: Call) -> Json:
    """One link, by its id."""
    return {"RepositoryLinkInfo": _shown(find(call, call.parameters["RepositoryLinkId"]))}


def list_repository_links(call: Call) -> Json:
    """The links of the Region called, oldest first."""
    rows, token = page(
        call,
        "SELECT * FROM repository_links WHERE account = ? AND region = ? AND id > ?"
        " ORDER BY id LIMIT ?",
        (call.caller.account, call.caller.region),
    )
    return {"RepositoryLinks": [_shown(row) for row in rows], "NextToken": token}


def update_repository_link(call: Call) -> Json:
    """Points a link to another connection of the same provider type, or changes its key."""
    row = find(call, call.parameters["RepositoryLinkId"])
    arn = call.parameters.get("ConnectionArn")
    key = call.parameters.get("EncryptionKeyArn")
    if arn is not None:
        connection = connections.find(call, arn)
        if connection["provider_type"] != row["provider_type"]:
            raise call.invalid(
                f"The connection must have the provider type {row['provider_type']} of the link, "
                f"not {connection['provider_type']}."
            )
        _check_usable(call, connection)
        call.write("UPDATE repository_links SET connection_arn = ? WHERE id = ?", arn, row["id"])
    if key is not None:
        call.write(
            "UPDATE repository_links SET encryption_key_arn = ? WHERE id = ?", key, row["id"]
        )
    return {"RepositoryLinkInfo": _shown(find(call, row["link_id"]))}


def delete_repository_link(call: Call) -> Json:
    """Deletes a link that no sync configuration uses.

    Source: https://docs.aws.amazon.com/dtconsole/latest/userguide/repositorylinks-delete.html
    """
    row = find(call, call.parameters["RepositoryLinkId"])
    if call.one("SELECT 1 FROM sync_configurations WHERE link_id = ?", row["link_id"]):
        raise ApiError(
            "SyncConfigurationStillExistsException",
            f"Repository link {row['link_id']} still has sync configurations. Delete them first.",
        )
    call.write("DELETE FROM repository_attempts WHERE link_id = ?", row["link_id"])
    call.write("DELETE FROM repository_links WHERE id = ?", row["id"])
    tags.detach(call, row["arn"])
    return {}


def find(call: Call, link_id: str) -> sqlite3.Row:
    """The link of that id in the caller's account and Region, or ResourceNotFoundException."""
    row = search(call, link_id)
    if row is None:
        raise not_found(f"Repository link {link_id} was not found.")
    return row


def search(call: Call, link_id: str) -> sqlite3.Row | None:
    """The link of that id in the caller's account and Region; the model allows upper case too."""
    return call.one(
        "SELECT * FROM repository_links WHERE link_id = ? AND account = ? AND region = ?",
        link_id.lower(),
        call.caller.account,
        call.caller.region,
    )


def _shown(row: sqlite3.Row) -> Json:
    return {
        "ConnectionArn": row["connection_arn"],
        "EncryptionKeyArn": row["encryption_key_arn"],
        "OwnerId": row["owner_id"],
        "ProviderType": row["provider_type"],
        "RepositoryLinkArn": row["arn"],
        "RepositoryLinkId": row["link_id"],
        "RepositoryName": row["repository_name"],
    }


def _check_usable(call: Call, connection: sqlite3.Row) -> None:
    status = connections.status_of(connection, call.now)
    if call.settings.link_needs_available and status != "AVAILABLE":
        raise call.invalid(f"Connection {connection['arn']} is {status}; it must be AVAILABLE.")


def _check_room(call: Call, provider: str) -> None:
    wanted = call.parameters
    where = (call.caller.account, call.caller.region)
    if call.one(
        "SELECT 1 FROM repository_links WHERE account = ? AND region = ? AND provider_type = ?"
        " AND owner_id = ? AND repository_name = ?",
        *where,
        provider,
        wanted["OwnerId"],
        wanted["RepositoryName"],
    ):
        raise ApiError(
            "ResourceAlreadyExistsException",
            f"A repository link for {wanted['OwnerId']}/{wanted['RepositoryName']} already exists.",
        )
    most = call.settings.quotas.repository_links
    held = call.count(
        "SELECT count(*) FROM repository_links WHERE account = ? AND region = ?", *where
    )
    if held >= most:
        raise limit_exceeded(f"The account has reached its limit of {most} repository links.")
