"""STS for clients whose every call goes to this server: GetCallerIdentity and AssumeRole.

The query protocol: a form body in, XML out
(https://smithy.io/2.0/aws/protocols/aws-query-protocol.html).
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TypeAlias
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from reconciler.emulator.caller import (
    Caller,
    assumed_role,
    caller_of,
    session_token,
    temporary_key,
)
from reconciler.emulator.catalogue import service_model
from reconciler.emulator.checks import Reader, reader
from reconciler.emulator.errors import ApiError, violations
from reconciler.emulator.http import Message, Reply
from reconciler.emulator.requests import Request

_FORM = "application/x-www-form-urlencoded"
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_VERSION = "2011-06-15"
_DEFAULT_SECONDS = 3600

Tree: TypeAlias = dict[str, "str | Tree"]


@dataclass(frozen=True, slots=True)
class _Query:
    form: dict[str, str]
    caller: Caller
    token: str | None
    now: float


def speaks(message: Message) -> bool:
    """Whether a message is in the query protocol, which only STS uses here."""
    content_type = message.headers.get("content-type", "")
    return content_type.startswith(_FORM) and "x-amz-target" not in message.headers


def answer(message: Message, now: float) -> tuple[Reply, Request | None]:
    """The reply and what the log keeps of it; a caller who is not known leaves no record."""
    form = dict(parse_qsl(message.body.decode(errors="replace"), keep_blank_values=True))
    name = form.get("Action", "")
    record = None
    try:
        caller = caller_of(message.headers.get("authorization"))
        record = Request(
            sequence=0,
            time=now,
            service="sts",
            operation=name,
            account=caller.account,
            region=caller.region,
            parameters={key: form[key] for key in form if key not in {"Action", "Version"}},
            mutating=False,
        )
        query = _Query(form, caller, message.headers.get("x-amz-security-token"), now)
        result = _action(name)(query)
    except ApiError as error:
        return _refusal(error), replace(record, error=error.code) if record else None
    content: Tree = {f"{name}Result": result, "ResponseMetadata": {"RequestId": str(uuid.uuid4())}}
    return _reply(200, f"{name}Response", content), record


def _action(name: str) -> Callable[[_Query], Tree]:
    match name:
        case "GetCallerIdentity":
            return _get_caller_identity
        case "AssumeRole":
            return _assume_role
        case _:
            raise ApiError(
                "InvalidAction", f"Could not find operation {name} for version {_VERSION}"
            )


def _get_caller_identity(query: _Query) -> Tree:
    account, partition = query.caller.account, query.caller.partition
    assumed = assumed_role(query.token, account)
    if assumed is None:
        return {
            "Arn": f"arn:{partition}:iam::{account}:root",
            "UserId": account,
            "Account": account,
        }
    role, session = assumed
    return {
        "Arn": f"arn:{partition}:sts::{account}:assumed-role/{role}/{session}",
        "UserId": f"{_role_id(role)}:{session}",
        "Account": account,
    }


def _assume_role(query: _Query) -> Tree:
    """Temporary keys of the role's account; who may assume it is not checked."""
    arn, session, seconds = _checked(query.form)
    fields = arn.split(":", 5)
    if len(fields) < 6 or fields[2] != "iam" or not fields[5].startswith("role/"):
        raise ApiError("ValidationError", f"{arn} is invalid")
    partition, account, role = fields[1], fields[4], fields[5].rpartition("/")[2]
    ends = datetime.fromtimestamp(query.now + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "AssumedRoleUser": {
            "AssumedRoleId": f"{_role_id(role)}:{session}",
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


def _role_id(role: str) -> str:
    return "AROA" + uuid.uuid5(uuid.NAMESPACE_OID, role).hex[:17].upper()


def _refusal(error: ApiError) -> Reply:
    # The query protocol's names of the errors that all services share have no ending.
    code = error.code.removesuffix("Exception")
    content: Tree = {
        "Error": {"Type": "Sender", "Code": code, "Message": error.message},
        "RequestId": str(uuid.uuid4()),
    }
    return _reply(400, "ErrorResponse", content)


def _reply(status: int, name: str, content: Tree) -> Reply:
    text = f'<{name} xmlns="{_NAMESPACE}">{_xml(content)}</{name}>'
    return Reply(status, "text/xml", text.encode())


def _xml(tree: Tree) -> str:
    return "".join(
        f"<{name}>{escape(value) if isinstance(value, str) else _xml(value)}</{name}>"
        for name, value in tree.items()
    )
