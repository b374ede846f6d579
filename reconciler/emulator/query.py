"""The query protocol, in which clients whose every call goes to this server ask STS and IAM: a form
body in, XML out (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import TypeAlias
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from reconciler.emulator.caller import Caller, caller_of
from reconciler.emulator.catalogue import service_model
from reconciler.emulator.errors import ApiError
from reconciler.emulator.http import Message, Reply
from reconciler.emulator.requests import Request

_FORM = "application/x-www-form-urlencoded"

# Of the errors that all services share: in this protocol their names have no ending.
_STATUSES = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InvalidClientTokenId": 403,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
}

Tree: TypeAlias = "dict[str, str | Tree | list[Tree]]"


@dataclass(frozen=True, slots=True)
class Query:
    """One request: what it asks for, its parameters as they are written, who sent it, and when."""

    api: Api
    action: str
    form: dict[str, str]
    caller: Caller
    token: str | None
    agent: str
    now: float

    def texts(self, name: str) -> list[str]:
        """The items of a list of texts."""
        keys = (f"{name}.member.{number}" for number in count(1))
        return [self.form[key] for key in takewhile(self.form.__contains__, keys)]


@dataclass(frozen=True, slots=True)
class Api:
    """A service that speaks this protocol: its name, version and actions."""

    service: str
    version: str
    actions: Mapping[str, Callable[[Query], Tree]]


def speaks(message: Message) -> bool:
    """Whether a message is in this protocol."""
    content_type = message.headers.get("content-type", "")
    return content_type.startswith(_FORM) and "x-amz-target" not in message.headers


def read(message: Message, now: float, apis: list[Api]) -> Query | Reply:
    """The request in a message, or the refusal of a caller who is not known."""
    form = dict(parse_qsl(message.body.decode(errors="replace"), keep_blank_values=True))
    version = form.get("Version", "")
    api = next((one for one in apis if one.version == version), apis[0])
    try:
        caller = caller_of(message.headers.get("authorization"))
    except ApiError as error:
        return _refusal(api, error)[0]
    token = message.headers.get("x-amz-security-token")
    agent = message.headers.get("user-agent", "")
    return Query(api, form.get("Action", ""), form, caller, token, agent, now)


def answer(query: Query, refusal: ApiError | None) -> tuple[Reply, Request]:
    """The reply, which is `refusal` if there is one, and what the log keeps of the request."""
    try:
        if refusal is not None:
            raise refusal
        action = query.api.actions.get(query.action)
        if action is None:
            text = f"Could not find operation {query.action} for version {query.api.version}"
            raise ApiError("InvalidAction", text)
        result = action(query)
    except ApiError as error:
        reply, code = _refusal(query.api, error)
        return reply, _record(query, code)
    content: Tree = {
        f"{query.action}Result": result,
        "ResponseMetadata": {"RequestId": str(uuid.uuid4())},
    }
    return _reply(query.api, 200, f"{query.action}Response", content), _record(query, None)


def _record(query: Query, error: str | None) -> Request:
    return Request(
        sequence=0,
        time=query.now,
        service=query.api.service,
        operation=query.action,
        account=query.caller.account,
        region=query.caller.region,
        parameters={
            key: value for key, value in query.form.items() if key not in {"Action", "Version"}
        },
        mutating=False,
        agent=query.agent,
        error=error,
    )


def _refusal(api: Api, error: ApiError) -> tuple[Reply, str]:
    code, status = _named(api, error.code)
    content: Tree = {
        "Error": {
            "Type": "Sender" if status < 500 else "Receiver",
            "Code": code,
            "Message": error.message,
        },
        "RequestId": str(uuid.uuid4()),
    }
    return _reply(api, status, "ErrorResponse", content), code


def _named(api: Api, code: str) -> tuple[str, int]:
    """An error's name and status in this protocol, as botocore's model of the service has them."""
    short = code.removesuffix("Exception")
    if short in _STATUSES:
        return short, _STATUSES[short]
    model = service_model(api.service)
    if code not in model.shape_names:
        return short, 400
    error = model.shape_for(code).metadata.get("error", {})
    return error.get("code", short), int(error.get("httpStatusCode", 400))


def _reply(api: Api, status: int, name: str, content: Tree) -> Reply:
    space = f"https://{api.service}.amazonaws.com/doc/{api.version}/"
    return Reply(status, "text/xml", f'<{name} xmlns="{space}">{_xml(content)}</{name}>'.encode())


def _xml(tree: Tree) -> str:
    return "".join(f"<{name}>{_value(value)}</{name}>" for name, value in tree.items())


def _value(value: str | Tree | list[Tree]) -> str:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    return _xml(value)
