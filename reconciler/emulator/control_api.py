"""Control over HTTP for tests in other languages: `/_emulator/NAME` in, JSON out."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from reconciler.emulator.control import Approvable, Control
from reconciler.emulator.errors import ControlError
from reconciler.emulator.faults import Fault
from reconciler.emulator.http import Message, Reply

Arguments: TypeAlias = Mapping[str, Any]
Json: TypeAlias = dict[str, Any]


def answer(control: Control, message: Message, name: str) -> Reply:
    """GET health, pending, requests; POST approve, sync, blocker, fault, reset with a JSON object.

    400 for arguments that cannot be read, 404 for another name, 409 for what Control refuses.
    """
    table = _READS if message.method != "POST" else _WRITES
    action = table.get(name)
    if action is None:
        known = ", ".join(sorted([*_READS, *_WRITES]))
        return reply(404, {"error": f"no {message.method} of {name!r} here; there are {known}"})
    try:
        return reply(200, action(control, _arguments(message)))
    except ControlError as error:
        return reply(409, {"error": str(error)})
    except (TypeError, ValueError, OverflowError) as error:
        return reply(400, {"error": str(error)})


def reply(status: int, content: Json) -> Reply:
    """Any JSON answer."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Reply(status, "application/json", json.dumps(content).encode(), headers)


def _health(control: Control, _: Arguments) -> Json:
    control.requests(after=-1, mutating_only=True)
    return {"status": "ok"}


def _pending(control: Control, _: Arguments) -> Json:
    return {"pending": [asdict(one) for one in control.pending()]}


def _requests(control: Control, arguments: Arguments) -> Json:
    try:
        after = int(arguments.get("after", 0))
    except ValueError:
        raise ValueError("'after' must be the number of a request") from None
    mutating_only = str(arguments.get("mutating_only", "")).lower() in {"1", "true"}
    found = control.requests(after, mutating_only=mutating_only)
    return {"requests": [asdict(one) for one in found]}


def _approve(control: Control, arguments: Arguments) -> Json:
    ok = arguments.get("ok", True)
    if not isinstance(ok, bool):
        raise TypeError("'ok' must be true or false")
    approved: Approvable = control.approve(
        _text(arguments, "target"), ok=ok, message=_text(arguments, "message", "") or None
    )
    return asdict(approved)


def _sync(control: Control, arguments: Arguments) -> Json:
    events = arguments.get("events", [])
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise ValueError("'events' must be a list of texts")
    control.record_sync(
        _text(arguments, "target"),
        _text(arguments, "status", "SUCCEEDED"),
        sha=_text(arguments, "sha", "") or None,
        events=events,
    )
    return {}


def _blocker(control: Control, arguments: Arguments) -> Json:
    contexts = arguments.get("contexts", {})
    if not isinstance(contexts, dict) or not all(isinstance(one, str) for one in contexts.values()):
        raise ValueError("'contexts' must be an object of texts")
    target, reason = _text(arguments, "target"), _text(arguments, "reason")
    return {"id": control.record_blocker(target, reason, contexts=contexts)}


def _fault(control: Control, arguments: Arguments) -> Json:
    kinds = {field.name: type(field.default) for field in fields(Fault)}
    for name, value in arguments.items():
        if name not in kinds:
            raise ValueError(f"no {name!r} here; there are {', '.join(kinds)}")
        wanted = (int, float) if kinds[name] is float else kinds[name]
        if name != "kind" and (isinstance(value, bool) or not isinstance(value, wanted)):
            raise TypeError(f"{name!r} must be a {kinds[name].__name__}")
    control.fault(Fault(**{**arguments, "kind": _text(arguments, "kind")}))
    return {}


def _reset(control: Control, _: Arguments) -> Json:
    control.reset()
    return {}


_READS: dict[str, Callable[[Control, Arguments], Json]] = {
    "health": _health,
    "pending": _pending,
    "requests": _requests,
}
_WRITES: dict[str, Callable[[Control, Arguments], Json]] = {
    "approve": _approve,
    "sync": _sync,
    "blocker": _blocker,
    "fault": _fault,
    "reset": _reset,
}


def _arguments(message: Message) -> Arguments:
    if message.method != "POST":
        return dict(parse_qsl(urlsplit(message.path).query))
    value = json.loads(message.body.decode()) if message.body else {}
    if not isinstance(value, dict):
        raise TypeError("the body must be a JSON object")
    return value


def _text(arguments: Arguments, name: str, default: str | None = None) -> str:
    value = arguments.get(name, default)
    if not isinstance(value, str):
        raise TypeError(f"{name!r} must be a text")
    return value
