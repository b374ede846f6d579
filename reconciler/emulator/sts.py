"""STS for clients whose every call goes to this server: GetCallerIdentity and AssumeRole."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from reconciler.emulator.caller import Caller, assumed_role, session_token, temporary_key
from reconciler.emulator.catalogue import service_model
from reconciler.emulator.checks import Reader, reader
from reconciler.emulator.errors import ApiError, violations
from reconciler.emulator.query import Api, Query, Tree

_DEFAULT_SECONDS = 3600
_CHAINED_SECONDS = 3600


def subject(query: Query) -> Caller:
    """Whom a fault has to name to strike a request: the caller, and for AssumeRole the account of
    the role, since it is that account which may refuse."""
    role = query.form.get("RoleArn", "").split(":")
    if query.action == "AssumeRole" and len(role) > 4:
        return replace(query.caller, account=role[4])
    return query.caller


def not_authorized(query: Query) -> str:
    """What a caller reads who is denied (https://github.com/Netflix/security_monkey/issues/77)."""
    arn, _ = _identity(query)
    text = f"User: {arn} is not authorized to perform: {query.api.service}:{query.action}"
    resource = query.form.get("RoleArn") or query.form.get("PolicySourceArn")
    return f"{text} on resource: {resource}" if resource else text


def _get_caller_identity(query: Query) -> Tree:
    arn, user_id = _identity(query)
    return {"Arn": arn, "UserId": user_id, "Account": query.caller.account}


def _identity(query: Query) -> tuple[str, str]:
    """ARN and unique id of the caller."""
    account, partition = query.caller.account, query.caller.partition
    assumed = assumed_role(query.token, account)
    if assumed is None:
        return f"arn:{partition}:iam::{account}:root", account
    role, session = assumed
    arn = f"arn:{partition}:sts::{account}:assumed-role/{role}/{session}"
    return arn, f"{role_id(role)}:{session}"


def _assume_role(query: Query) -> Tree:
    """Temporary keys of the role's account; who may assume it is not checked."""
    arn, session, seconds = _checked(query.form)
    fields = arn.split(":", 5)
    if len(fields) < 6 or fields[2] != "iam" or not fields[5].startswith("role/"):
        raise ApiError("ValidationError", f"{arn} is invalid")
    if seconds > _CHAINED_SECONDS and assumed_role(query.token, query.caller.account):
        # https://github.com/aws/eks-anywhere/pull/9485 shows it.
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining.",
        )
    partition, account, role = fields[1], fields[4], fields[5].rpartition("/")[2]
    ends = datetime.fromtimestamp(query.now + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role_id(role)}:{session}",
            "Arn": f"arn:{partition}:sts::{account}:assumed-role/{role}/{session}",
        },
        "Credentials": {
            "AccessKeyId": temporary_key(account),
            "SecretAccessKey": uuid.uuid4().hex,
            "SessionToken": session_token(account, role, session),
            "Expiration": ends,
        },
    }


def _checked(form: dict[str, str]) -> tuple[str, str, int]:
    seconds = form.get("DurationSeconds", str(_DEFAULT_SECONDS))
    if not (seconds.isascii() and seconds.isdigit()):
        raise ApiError("ValidationError", "DurationSeconds must be an integer")
    arn, session = form.get("RoleArn", ""), form.get("RoleSessionName", "")
    problems: list[str] = []
    given = {"RoleArn": arn, "RoleSessionName": session, "DurationSeconds": int(seconds)}
    for name, read in _assume_role_members().items():
        read(given[name], name[0].lower() + name[1:], problems)
    if problems:
        raise ApiError("ValidationError", violations(problems).message)
    return arn, session, int(seconds)


@cache
def _assume_role_members() -> dict[str, Reader]:
    # The members that matter here; others have patterns that only Java can read.
    shape = service_model("sts").operation_model("AssumeRole").input_shape
    members = shape.members if shape else {}
    return {
        name: reader(members[name]) for name in ("RoleArn", "RoleSessionName", "DurationSeconds")
    }


def role_id(role: str) -> str:
    """The unique id of a role, the same for the same name."""
    return "AROA" + uuid.uuid5(uuid.NAMESPACE_OID, role).hex[:17].upper()


API = Api(
    "sts",
    "2011-06-15",
    {"GetCallerIdentity": _get_caller_identity, "AssumeRole": _assume_role},
)
