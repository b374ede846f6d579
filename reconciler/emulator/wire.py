"""AWS JSON and smithy-rpc-v2-cbor: a message in, an operation and its parameters out, and back.

Protocols: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html and
https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

import json
import re
import uuid
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Any, NoReturn

from reconciler.emulator.caller import Caller, caller_of
from reconciler.emulator.catalogue import Operation, Protocol, Service, services
from reconciler.emulator.errors import ApiError, unreadable
from reconciler.emulator.http import Message, Reply

_CBOR_DEPTH = 32
_CBOR_VALUES = 100_000
_CBOR_PATH = re.compile(r"/service/([\w.]+)/operation/(\w+)", re.ASCII)
NO_CBOR = Reply(
    415,
    "text/plain; charset=utf-8",
    b"smithy-rpc-v2-cbor needs the package cbor2 on this server: install reconciler[cbor].\n",
)
"""The answer to CBOR where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message whose operation and caller are known; its parameters are as sent, not checked."""

    protocol: Protocol
    service: Service
    operation: Operation
    caller: Caller
    agent: str
    parameters: Any


def protocol_of(message: Message) -> Protocol:
    """The protocol a message speaks, which is also the one an error about it is written in."""
    return "cbor" if message.headers.get("smithy-protocol") == "rpc-v2-cbor" else "json"


def decode(message: Message) -> Decoded:
    """Finds the operation and the caller and reads the body; ApiError when one cannot be done.

    The target's service is taken with its namespace, as AWS's own SDKs send it, and without, as
    Smithy's protocol page writes it.
    """
    protocol = protocol_of(message)
    if protocol == "cbor":
        found = _CBOR_PATH.fullmatch(message.path)
        shape, name = found.groups() if found else ("", "")
    else:
        shape, _, name = message.headers.get("x-amz-target", "").rpartition(".")
    service = services().get(shape)
    operation = service.operations.get(name) if service else None
    if service is None or operation is None:
        raise ApiError("UnknownOperationException", f"Unknown operation {name!r} of {shape!r}.")
    caller = caller_of(message.headers.get("authorization"))
    agent = message.headers.get("user-agent", "")
    return Decoded(protocol, service, operation, caller, agent, _body(protocol, message.body))


def encode(request: Decoded, result: dict[str, Any]) -> Reply:
    """The answer of an operation that succeeded."""
    to_wire = request.operation.to_json if request.protocol == "json" else request.operation.to_cbor
    return _reply(request.protocol, 200, to_wire(result), request.service)


def encode_error(
    protocol: Protocol, error: ApiError, service: Service | None, *, modelled_statuses: bool
) -> Reply:
    """The answer of an operation that failed: modelled errors carry their service's namespace.

    In JSON every status is 400, as https://docs.aws.amazon.com/codeconnections/latest/APIReference/
    prints it, unless `modelled_statuses`; CBOR takes the model's, as its protocol's page says.
    """
    statuses = service.statuses if service else {}
    if service and error.code in statuses:
        namespace = service.namespace
    elif error.code == "ValidationException":
        namespace = "com.amazon.coral.validate"
    else:
        namespace = "com.amazon.coral.service"
    if error.code == "InternalFailure":
        status = 500
    elif protocol == "cbor" or modelled_statuses:
        status = statuses.get(error.code, 400)
    else:
        status = 400
    type_ = f"{namespace}#{error.code}" if namespace else error.code
    return _reply(protocol, status, {"__type": type_, "Message": error.message}, service)


@cache
def has_cbor() -> bool:
    """Whether CBOR can be read and written here."""
    try:
        import cbor2  # noqa: F401
    except ImportError:
        return False
    return True


def _reply(
    protocol: Protocol, status: int, value: dict[str, Any], service: Service | None
) -> Reply:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    if protocol == "json":
        version = service.json_version if service else "1.0"
        content_type = f"application/x-amz-json-{version}"
        return Reply(status, content_type, json.dumps(value).encode(), headers)
    from cbor2 import dumps

    headers["smithy-protocol"] = "rpc-v2-cbor"
    return Reply(status, "application/cbor", dumps(value), headers)


def _body(protocol: Protocol, body: bytes) -> Any:
    if not body:
        return {}
    try:
        return _json(body) if protocol == "json" else _cbor(body)
    except (ValueError, RecursionError):
        raise unreadable("The request body could not be read.") from None


def _json(body: bytes) -> Any:
    value = _DECODER.decode(body.decode())
    if b"\\u" in body:
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair cannot be stored
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _cbor(body: bytes) -> Any:
    from cbor2 import CBORDecodeError, loads

    try:
        value = loads(body)
    except (CBORDecodeError, EOFError) as error:
        raise ValueError(str(error)) from error
    _check_plain(value)
    return value


def _check_plain(value: Any) -> None:
    """Refuse what no log could hold: huge integers, no numbers, values that hold themselves. What
    is shared counts each time, so that few bytes cannot cost much."""
    left = [(value, _CBOR_DEPTH)]
    for _ in range(_CBOR_VALUES):
        if not left:
            return
        match left.pop():
            case _, 0:
                break
            case dict() as members, depth:
                left += [(item, depth - 1) for pair in members.items() for item in pair]
            case list() | tuple() as items, depth:
                left += [(item, depth - 1) for item in items]
            case int() as number, _ if number.bit_length() > 64:
                break
            case float() as number, _ if not isfinite(number):
                break
            case str() | bytes() | int() | float() | None, _:
                pass
            case _:
                break
    raise ValueError("not a value of this protocol")
