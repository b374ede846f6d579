"""What botocore's service model says about an operation's input and output: shapes in, checks out.

Each function walks a shape once and returns closures, so that a request costs no model look-ups.
Texts of violations are AWS's own, as its services have worded them for years.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from botocore.model import ListShape, Shape, StructureShape

from reconciler.emulator.errors import unreadable

Reader: TypeAlias = Callable[[Any, str, list[str]], Any]
"""Value, its path, violations so far -> the value without nulls and unknown members."""

Projector: TypeAlias = Callable[[Any], Any]
"""A result -> the same with only what the output shape knows."""

Constraint: TypeAlias = tuple[Callable[[Any], bool], str]
"""A test that a valid value passes, and AWS's sentence for one that does not."""

_FAILED = "failed to satisfy constraint:"
_TYPES: dict[str, tuple[type, str]] = {
    "string": (str, "a String"),
    "integer": (int, "an Integer"),
    "boolean": (bool, "a Boolean"),
}


def reader(shape: Shape | None) -> Reader:
    """A check of values of `shape`: SerializationException for a wrong type, violations otherwise.

    Unknown members are ignored, as AWS JSON services do, and null counts as absent.
    """
    if isinstance(shape, StructureShape):
        return _structure_reader(shape)
    if isinstance(shape, ListShape):
        return _list_reader(shape)
    if shape is None:
        raise LookupError("an operation has no input shape")
    return _scalar_reader(shape)


def projector(shape: Shape | None, timestamp: Projector) -> Projector:
    """Keeps only members that the output `shape` has; `timestamp` writes epoch seconds.

    Enums are not applied: a provider type that only the newer service knows passes through.
    """
    if isinstance(shape, StructureShape):
        members = {name: projector(member, timestamp) for name, member in shape.members.items()}

        def structure(value: dict[str, Any]) -> dict[str, Any]:
            return {
                name: members[name](item)
                for name, item in value.items()
                if item is not None and name in members
            }

        return structure
    if isinstance(shape, ListShape):
        item = projector(shape.member, timestamp)
        return lambda value: [item(one) for one in value]
    if shape is not None and shape.type_name == "timestamp":
        return timestamp
    return _same


def _same(value: Any) -> Any:
    return value


def _structure_reader(shape: StructureShape) -> Reader:
    required = set(shape.required_members)
    members = [
        (name, name[0].lower() + name[1:], name in required, reader(member))
        for name, member in shape.members.items()
    ]

    def read(value: Any, path: str, problems: list[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise unreadable(_unexpected(value, "a structure"))
        clean: dict[str, Any] = {}
        for name, label, needed, read_member in members:
            item = value.get(name)
            if item is not None:
                clean[name] = read_member(item, f"{path}.{label}" if path else label, problems)
            elif needed:
                where = f"{path}.{label}" if path else label
                problems.append(f"Value null at '{where}' {_FAILED} Member must not be null")
        return clean

    return read


def _list_reader(shape: ListShape) -> Reader:
    sizes = _bounds(shape, len, "length")
    member = shape.member
    read_items = (
        _structures(reader(member))
        if isinstance(member, StructureShape)
        else _scalars(_type_check(member), _constraints(member))
    )

    def read(value: Any, path: str, problems: list[str]) -> list[Any]:
        if not isinstance(value, list):
            raise unreadable(_unexpected(value, "a list"))
        _hold(value, path, sizes, problems)
        items: list[Any] = read_items(value, path, problems)
        return items

    return read


def _structures(read_one: Reader) -> Reader:
    def read(value: list[Any], path: str, problems: list[str]) -> list[Any]:
        return [
            read_one(item, f"{path}.{position}.member", problems)
            for position, item in enumerate(value, 1)
        ]

    return read


def _scalars(check_type: Callable[[Any], None], constraints: list[Constraint]) -> Reader:
    # One violation for the whole list, naming every constraint of its items: AWS words it so.
    sentence = f"Member must satisfy constraint: [{', '.join(text for _, text in constraints)}]"

    def holds(value: list[Any]) -> bool:
        return all(test(item) for item in value for test, _ in constraints)

    def read(value: list[Any], path: str, problems: list[str]) -> list[Any]:
        for item in value:
            check_type(item)
        _hold(value, path, [(holds, sentence)], problems)
        return value

    return read


def _scalar_reader(shape: Shape) -> Reader:
    check_type = _type_check(shape)
    constraints = _constraints(shape)

    def read(value: Any, path: str, problems: list[str]) -> Any:
        check_type(value)
        _hold(value, path, constraints, problems)
        return value

    return read


def _hold(value: Any, path: str, constraints: Iterable[Constraint], problems: list[str]) -> None:
    for test, text in constraints:
        if not test(value):
            problems.append(f"Value '{_shown(value)}' at '{path}' {_FAILED} {text}")


def _type_check(shape: Shape) -> Callable[[Any], None]:
    expected, name = _TYPES[shape.type_name]

    def check(value: Any) -> None:
        if type(value) is not expected:
            raise unreadable(_unexpected(value, name))

    return check


def _constraints(shape: Shape) -> list[Constraint]:
    if shape.type_name == "integer":
        return _bounds(shape, int, "value")
    found = _bounds(shape, len, "length")
    values = shape.metadata.get("enum")
    if values:
        text = f"Member must satisfy enum value set: [{', '.join(values)}]"
        found.append((frozenset(values).__contains__, text))
    pattern = shape.metadata.get("pattern")
    if pattern:
        # The patterns are Java's: \w and \d are ASCII there, and the whole value must match.
        matches = re.compile(pattern, re.ASCII).fullmatch
        text = f"Member must satisfy regular expression pattern: {pattern}"
        found.append((lambda value: matches(value) is not None, text))
    return found


def _bounds(shape: Shape, measure: Callable[[Any], int], word: str) -> list[Constraint]:
    found: list[Constraint] = []
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None:
        text = f"Member must have {word} less than or equal to {most}"
        found.append((lambda value: measure(value) <= most, text))
    if least is not None:
        text = f"Member must have {word} greater than or equal to {least}"
        found.append((lambda value: measure(value) >= least, text))
    return found


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_shown(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}={_shown(item)}' for name, item in value.items())}}}"
    return str(value)


def _unexpected(value: Any, wanted: str) -> str:
    match value:
        case list():
            return "Start of list found where not expected"
        case dict():
            return "Start of structure or map found where not expected."
        case bool():
            return f"{str(value).upper()}_VALUE can not be converted to {wanted}"
        case str():
            return f"STRING_VALUE can not be converted to {wanted}"
        case None:
            return f"NULL_VALUE can not be converted to {wanted}"
        case _:
            return f"NUMBER_VALUE can not be converted to {wanted}"
