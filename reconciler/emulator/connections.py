"""Connections: global objects that wait for a person's handshake, and have no update operation."""

import sqlite3
import uuid

from reconciler.emulator import hosts, tags
from reconciler.emulator.call import Call, Json
from reconciler.emulator.errors import failed_validation, limit_exceeded, not_found
from reconciler.emulator.paging import page

# A connection through a host cannot be finished before its host is.
SELECTED = """
    SELECT c.*, h.approved_at AS host_approved_at, h.failure AS host_failure
    FROM connections AS c LEFT JOIN hosts AS h ON h.arn = c.host_arn
"""
"""Rows of connections with what their status depends on; a WHERE clause follows."""

RESIDENCY = "GitHubEnterpriseCloudDataResidency"
"""The one provider type whose connections name an endpoint themselves (botocore service model)."""

_HOSTED = "To use a hosted provider specify HostArn instead of ProviderType"
"""Seen with a ValidationException, before the newer service declared another error:
https://github.com/hashicorp/terraform-provider-aws/pull/25707."""


def create_connection(call: Call) -> Json:
    """A new connection, PENDING until its handshake is done."""
    wanted = call.parameters
    name = wanted["ConnectionName"]
    provider = _provider(call)
    _check_endpoint(call, provider)
    _check_room(call, name)
    arn = call.arn(f"connection/{uuid.uuid4()}")
    auto = call.settings.handshake == "auto"
    call.insert(
        "connections",
        account=call.caller.account,
        region=call.caller.region,
        arn=arn,
        name=name,
        provider_type=provider,
        host_arn=wanted.get("HostArn"),
        endpoint=wanted.get("ProviderEndpoint"),
        created_at=call.now,
        approved_at=call.now + call.settings.handshake_seconds if auto else None,
    )
    tags.attach(call, arn, wanted.get("Tags"))
    return {"ConnectionArn": arn, "Tags": wanted.get("Tags")}


def get_connection(call: Call) -> Json:
    """One connection, from any Region."""
    return {"Connection": _shown(find(call, call.parameters["ConnectionArn"]), call.now)}


def list_connections(call: Call) -> Json:
    """The account's connections of every Region, oldest first.

    ResourceNotFoundException, the one error declared, is taken to mean the filter's host.
    """
    provider = call.parameters.get("ProviderTypeFilter")
    host = call.parameters.get("HostArnFilter")
    known = "SELECT 1 FROM hosts WHERE arn = ? AND account = ?"
    if host and not call.one(known, host, call.caller.account):
        raise not_found(f"Host {host} was not found.")
    rows, token = page(
        call,
        SELECTED + "WHERE c.account = ? AND (? IS NULL OR c.provider_type = ?)"
        " AND (? IS NULL OR c.host_arn = ?) AND c.id > ? ORDER BY c.id LIMIT ?",
        (call.caller.account, provider, provider, host, host),
        (provider, host),
    )
    return {"Connections": [_shown(row, call.now) for row in rows], "NextToken": token}


def delete_connection(call: Call) -> Json:
    """Deletes a connection. Repository links that use it stay: no error is declared for them."""
    row = find(call, call.parameters["ConnectionArn"])
    foreign = row["region"] != call.caller.region
    if foreign and call.settings.foreign_region_writes == "refuse":
        raise not_found(f"Connection {row['arn']} was not found in {call.caller.region}.")
    call.write("DELETE FROM connections WHERE id = ?", row["id"])
    tags.detach(call, row["arn"])
    return {}


def find(call: Call, arn: str) -> sqlite3.Row:
    """The connection of that ARN in the caller's account, or ResourceNotFoundException.

    Connections are replicated to all Regions:
    https://docs.aws.amazon.com/dtconsole/latest/userguide/welcome-connections-how-it-works-global.html
    """
    row = call.one(SELECTED + "WHERE c.arn = ? AND c.account = ?", arn, call.caller.account)
    if row is None:
        raise not_found(f"Connection {arn} was not found.")
    return row


def status_of(row: sqlite3.Row, now: float) -> str:
    """The connection's status at `now` (epoch seconds), worked out from a row of `SELECTED`."""
    if row["failure"] is not None:
        return "ERROR"
    approvals = [row["approved_at"]]
    if row["host_arn"] is not None:
        approvals.append(None if row["host_failure"] is not None else row["host_approved_at"])
    done = all(moment is not None and now >= moment for moment in approvals)
    return "AVAILABLE" if done else "PENDING"


def _shown(row: sqlite3.Row, now: float) -> Json:
    return {
        "ConnectionName": row["name"],
        "ConnectionArn": row["arn"],
        "ProviderType": row["provider_type"],
        "OwnerAccountId": row["account"],
        "ConnectionStatus": status_of(row, now),
        "HostArn": row["host_arn"],
        "ProviderEndpoint": row["endpoint"],
    }


def _provider(call: Call) -> str:
    """The new connection's provider type: as given, or its host's.

    The host may be PENDING (acceptance tests of terraform-provider-aws); that VPC work makes it
    unavailable is a guess from the declared ResourceUnavailableException.
    """
    given: str | None = call.parameters.get("ProviderType")
    host_arn = call.parameters.get("HostArn")
    if host_arn is None:
        if given is None:
            raise call.invalid("Specify ProviderType, or HostArn for a hosted provider")
        if given in hosts.PROVIDERS:
            raise failed_validation(_HOSTED)
        return given
    host = hosts.find(call, host_arn)
    provider: str = host["provider_type"]
    if given is not None and (call.settings.provider_and_host == "refuse" or given != provider):
        raise failed_validation(_HOSTED)
    status = hosts.status_of(host, call.now)
    if status not in {"PENDING", "AVAILABLE"}:
        raise hosts.unavailable(host_arn, status)
    return provider


def _check_endpoint(call: Call, provider: str) -> None:
    """An endpoint goes with one provider type only, and that one cannot do without: the first is in
    the model's documentation of the member, the second and the error are guesses."""
    if (provider == RESIDENCY) is not ("ProviderEndpoint" in call.parameters):
        only = "needs a" if provider == RESIDENCY else "takes no"
        raise call.invalid(f"The provider type {provider} {only} ProviderEndpoint.")


def _check_room(call: Call, name: str) -> None:
    where = (call.caller.account, call.caller.region)
    most = call.settings.quotas.connections
    held = call.count("SELECT count(*) FROM connections WHERE account = ? AND region = ?", *where)
    if held >= most:
        raise limit_exceeded(f"The account has reached its limit of {most} connections.")
    same = "SELECT 1 FROM connections WHERE account = ? AND name = ?"
    if call.settings.duplicate_connection_names == "refuse" and call.one(
        same, call.caller.account, name
    ):
        raise call.invalid(f"A connection named {name} already exists.")
