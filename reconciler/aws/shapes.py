"""Holds replies against the service's model: botocore takes whatever type a value has, and so would
all that is made of it. A reply, as it came, and its shape in; what is wrong with it out."""

from __future__ import annotations

from typing import Any

PLAIN: dict[str, tuple[str, tuple[type, ...]]] = {
    "string": ("text", (str,)),
    "integer": ("a whole number", (int,)),
    "boolean": ("true or false", (bool,)),
    "timestamp": ("a time", (int, float, str)),
}
"""The plain types of a model, in words, and what of JSON they are; of others nothing is known here.
Numbers and texts are times (https://smithy.io/2.0/spec/protocol-traits.html)."""


def misfit(shape: Any, reply: object) -> str:
    """Where a reply is not of its shape, and how (`Connections[3].ConnectionArn is not text`); no
    text when it is. Members that the model does not know or does not require may be there or not,
    and null is not there."""
    return _misfit(shape, reply).removeprefix(".")


def _misfit(shape: Any, value: object) -> str:
    match shape.type_name:
        case "structure":
            return _in_structure(shape, value)
        case "list":
            return _in_list(shape.member, value)
    words, types = PLAIN.get(shape.type_name, ("", (type(value),)))
    return "" if type(value) in types else f" is not {words}"


def _in_structure(shape: Any, value: object) -> str:
    if not isinstance(value, dict):
        return " is not an object"
    required = shape.required_members
    for name, member in shape.members.items():
        item = value.get(name)
        if item is None:
            if name in required:
                return f".{name} is missing"
        elif found := _misfit(member, item):
            return f".{name}{found}"
    return ""


def _in_list(member: Any, value: object) -> str:
    if not isinstance(value, list):
        return " is not a list"
    for number, item in enumerate(value):
        if found := _misfit(member, item):
            return f"[{number}]{found}"
    return ""
