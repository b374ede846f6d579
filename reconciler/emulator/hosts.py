"""Hosts: where a self-managed provider lives, its life from creation over VPC work to deletion."""

import json
import secrets
import sqlite3
from typing import Any

from reconciler.emulator import tags
from reconciler.emulator.call import Call, Json
from reconciler.emulator.errors import ApiError, limit_exceeded, not_found
from reconciler.emulator.paging import page

INITIALIZING = "VPC_CONFIG_INITIALIZING"
FAILED = "VPC_CONFIG_FAILED_INITIALIZATION"
DELETING = "VPC_CONFIG_DELETING"

PROVIDERS = ("GitHubEnterpriseServer", "GitLabSelfManaged")
"""Provider types that are reached through a host."""


def create_host(call: Call) -> Json:
    """A new host: PENDING, or VPC_CONFIG_INITIALIZING first when it has a VPC.

    The endpoint is not probed (acceptance tests of terraform-provider-aws use https://example.com).
    """
    _purge(call)
    wanted = call.parameters
    if wanted["ProviderType"] not in PROVIDERS:
        raise call.invalid(f"A host can serve {' or '.join(PROVIDERS)} only.")
    _check_endpoint(call, wanted["ProviderEndpoint"])
    vpc = wanted.get("VpcConfiguration")
    _check_unique(call, wanted["ProviderEndpoint"], vpc)
    _check_room(call, wanted["Name"])
    ready = call.now + (call.settings.vpc_seconds if vpc else 0.0)
    arn = call.arn(f"host/{wanted['Name'][:10]}-{secrets.token_hex(4)}")
    call.insert(
        "hosts",
        account=call.caller.account,
        region=call.caller.region,
        arn=arn,
        name=wanted["Name"],
        provider_type=wanted["ProviderType"],
        endpoint=wanted["ProviderEndpoint"],
        vpc=json.dumps(vpc) if vpc else None,
        created_at=call.now,
        initialized_at=ready,
        approved_at=_approval(call, ready),
    )
    tags.attach(call, arn, wanted.get("Tags"))
    return {"HostArn": arn, "Tags": wanted.get("Tags")}


def get_host(call: Call) -> Json:
    """One host; the model's output has neither its ARN nor its StatusMessage."""
    return _shown(call, find(call, call.parameters["HostArn"]))


def list_hosts(call: Call) -> Json:
    """The hosts of the Region called, oldest first."""
    _purge(call)
    rows, token = page(
        call,
        "SELECT * FROM hosts WHERE account = ? AND region = ? AND id > ? ORDER BY id LIMIT ?",
        (call.caller.account, call.caller.region),
    )
    return {"Hosts": [_shown(call, row) for row in rows], "NextToken": token}


def update_host(call: Call) -> Json:
    """Changes endpoint or VPC of a PENDING host; with neither it is a no-op.

    Settings can be edited while the status is pending
    (https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-host-edit.html). The codes
    for other statuses are unknown and chosen from the declared ones: ConflictException while VPC
    work runs, ResourceUnavailableException while being deleted, UnsupportedOperationException
    otherwise. A host without a VPC cannot get one, users report
    (https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/522).
    """
    row = find(call, call.parameters["HostArn"])
    _check_editable(status_of(row, call.now))
    endpoint = call.parameters.get("ProviderEndpoint")
    vpc = call.parameters.get("VpcConfiguration")
    if vpc and row["vpc"] is None:
        raise ApiError(
            "UnsupportedOperationException",
            "A host created without a VPC configuration cannot get one. Create the host again.",
        )
    if endpoint:
        _check_endpoint(call, endpoint)
    _check_unique(call, endpoint, vpc, but=row["arn"])
    if endpoint:
        call.write("UPDATE hosts SET endpoint = ? WHERE id = ?", endpoint, row["id"])
    if vpc:
        ready = call.now + call.settings.vpc_seconds
        call.write(
            "UPDATE hosts SET vpc = ?, initialized_at = ?, approved_at = ? WHERE id = ?",
            json.dumps(vpc),
            ready,
            _approval(call, ready),
            row["id"],
        )
    return {}


def delete_host(call: Call) -> Json:
    """Deletes a host that no connection uses; one with a VPC passes through VPC_CONFIG_DELETING.

    Refused during VPC work (botocore service model, text of DeleteHost). That the code is
    ResourceUnavailableException, here and when connections remain, is a guess.
    """
    row = find(call, call.parameters["HostArn"])
    status = status_of(row, call.now)
    if status in {INITIALIZING, DELETING}:
        raise unavailable(row["arn"], status)
    if call.one("SELECT 1 FROM connections WHERE host_arn = ?", row["arn"]):
        raise ApiError(
            "ResourceUnavailableException",
            f"Host {row['arn']} still has connections. Delete them first.",
        )
    lasts = call.settings.vpc_seconds if row["vpc"] else 0.0
    call.write("UPDATE hosts SET gone_at = ? WHERE id = ?", call.now + lasts, row["id"])
    _purge(call)
    return {}


def find(call: Call, arn: str) -> sqlite3.Row:
    """The host of that ARN in the caller's account and Region, or ResourceNotFoundException."""
    _purge(call)
    row = call.one(
        "SELECT * FROM hosts WHERE arn = ? AND account = ? AND region = ?",
        arn,
        call.caller.account,
        call.caller.region,
    )
    if row is None:
        raise not_found(f"Host {arn} was not found.")
    return row


def status_of(row: sqlite3.Row, now: float) -> str:
    """The host's status at `now` (epoch seconds), worked out from its row alone."""
    if row["gone_at"] is not None:
        return DELETING
    if row["failure"] is not None:
        return FAILED
    if now < row["initialized_at"]:
        return INITIALIZING
    return (
        "AVAILABLE" if row["approved_at"] is not None and now >= row["approved_at"] else "PENDING"
    )


def unavailable(arn: str, status: str) -> ApiError:
    """ResourceUnavailableException for a host whose status forbids its use."""
    return ApiError("ResourceUnavailableException", f"Host {arn} is in status {status}.")


def _approval(call: Call, ready: float) -> float | None:
    return ready + call.settings.handshake_seconds if call.settings.handshake == "auto" else None


def _purge(call: Call) -> None:
    for row in call.every("SELECT arn FROM hosts WHERE gone_at <= ?", call.now):
        call.write("DELETE FROM hosts WHERE arn = ?", row["arn"])
        tags.detach(call, row["arn"])


def _shown(call: Call, row: sqlite3.Row) -> Json:
    vpc: dict[str, Any] | None = json.loads(row["vpc"]) if row["vpc"] else None
    if vpc and not call.settings.return_tls_certificate:
        vpc.pop("TlsCertificate", None)
    return {
        "Name": row["name"],
        "HostArn": row["arn"],
        "ProviderType": row["provider_type"],
        "ProviderEndpoint": row["endpoint"],
        "VpcConfiguration": vpc,
        "Status": status_of(row, call.now),
        "StatusMessage": row["failure"],
    }


def _check_editable(status: str) -> None:
    match status:
        case "PENDING":
            return
        case "VPC_CONFIG_INITIALIZING":
            raise ApiError("ConflictException", f"The host is in status {status}.")
        case "VPC_CONFIG_DELETING":
            raise ApiError("ResourceUnavailableException", f"The host is in status {status}.")
        case _:
            raise ApiError(
                "UnsupportedOperationException",
                f"A host in status {status} cannot be updated; only one that is PENDING.",
            )


def _check_endpoint(call: Call, endpoint: str) -> None:
    # Seen with the new service only; the rest of AWS's sentence is unknown:
    # https://github.com/hashicorp/terraform-provider-aws/issues/43730
    name = endpoint.partition("://")[2].partition("/")[0].lower()
    if call.service == "codeconnections" and name.endswith(".ghe.com"):
        raise call.invalid(
            "The endpoint isn't valid. An endpoint for this provider cannot be under ghe.com."
        )


def _check_unique(call: Call, endpoint: str | None, vpc: Json | None, but: str = "") -> None:
    """One URL cannot serve two hosts, and a VPC can be tied to one host at a time.

    Source: https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-host-create.html; the
    error code is unknown, and none is declared for it.
    """
    for row in call.every(
        "SELECT endpoint, vpc FROM hosts WHERE account = ? AND region = ? AND arn <> ?",
        call.caller.account,
        call.caller.region,
        but,
    ):
        if endpoint is not None and row["endpoint"].rstrip("/") == endpoint.rstrip("/"):
            raise call.invalid(f"A host for the endpoint {endpoint} already exists.")
        if vpc and row["vpc"] and json.loads(row["vpc"])["VpcId"] == vpc["VpcId"]:
            raise call.invalid(f"The VPC {vpc['VpcId']} is already used by another host.")


def _check_room(call: Call, name: str) -> None:
    where = (call.caller.account, call.caller.region)
    most = call.settings.quotas.hosts
    if call.count("SELECT count(*) FROM hosts WHERE account = ? AND region = ?", *where) >= most:
        raise limit_exceeded(f"The account has reached its limit of {most} hosts.")
    same = "SELECT 1 FROM hosts WHERE account = ? AND region = ? AND name = ?"
    if call.settings.duplicate_host_names == "refuse" and call.one(same, *where, name):
        raise call.invalid(f"A host named {name} already exists.")
