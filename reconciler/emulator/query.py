"""The query protocol, in which clients whose every call goes to this server ask STS and IAM: a form
body in, XML out (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count, takewhile
from typing import TypeAlias
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from reconciler.emulator.caller import Caller, caller_of
from reconciler.emulator.errors import ApiError
from reconciler.emulator.http import Message, Reply
from reconciler.emulator.requests import Request

_FORM = "application/x-www-form-urlencoded"

Tree: TypeAlias = "dict[str, str | Tree | list[Tree]]"


@dataclass(frozen=True, slots=True)
class Query:
    """One request: its parameters as they are written, who sent it, and when."""

    form: dict[str, str]
    caller: Caller
    token: str | None
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


def answer(message: Message, now: float, apis: list[Api]) -> tuple[Reply, Request | None]:
    """The reply and what the log keeps of it; a caller who is not known leaves no record."""
    form = dict(parse_qsl(message.body.decode(errors="replace"), keep_blank_values=True))
    name, version = form.get("Action", ""), form.get("Version", "")
    api = next((one for one in apis if one.version == version), apis[0])
    record = None
    try:
        caller = caller_of(message.headers.get("authorization"))
        record = Request(
            sequence=0,
            time=now,
            service=api.service,
            operation=name,
            account=caller.account,
            region=caller.region,
            parameters={key: form[key] for key in form if key not in {"Action", "Version"}},
            mutating=False,
            agent=message.headers.get("user-agent", ""),
        )
        if name not in api.actions:
            text = f"Could not find operation {name} for version {api.version}"
            raise ApiError("InvalidAction", text)
        query = Query(form, caller, message.headers.get("x-amz-security-token"), now)
        result = api.actions[name](query)
    except ApiError as error:
        return _refusal(api, error), replace(record, error=error.code) if record else None
    content: Tree = {f"{name}Result": result, "ResponseMetadata": {"RequestId": str(uuid.uuid4())}}
    return _reply(api, 200, f"{name}Response", content), record


def _refusal(api: Api, error: ApiError) -> Reply:
    # The query protocol's names of the errors that all services share have no ending.
    code = error.code.removesuffix("Exception")
    content: Tree = {
        "Error": {"Type": "Sender", "Code": code, "Message": error.message},
        "RequestId": str(uuid.uuid4()),
    }
    return _reply(api, 400, "ErrorResponse", content)


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
