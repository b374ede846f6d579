"""How a kind's fields are written: once, in snake_case, with what the API accepts and what may be
done with them; in go annotated classes, out come validation, wire forms and comparisons.

The member on the wire is the field's name in PascalCase unless `Wire` names another. Three markers
tell the differ and the planner what to do with a field: `Immutable`, `Reference`, `WriteOnly`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A value that is sent and never shown."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Immutable:
    """The API has no way to change this field: a difference is a replacement."""


@dataclass(frozen=True, slots=True)
class WriteOnly:
    """Sent and never compared, because the service does not give it back."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The field names an object of another kind; on the wire it is that object's id.

    `alike` is a field that an old and a new parent must have in common for the service to move the
    object from one to the other; the service shows it with the object as well. `holds` says that
    the service does not delete the parent before the object.
    """

    to: type[Any] | str
    alike: str = ""
    holds: bool = False

    @property
    def kind(self) -> str:
        """The kind referred to; a kind that refers to itself gives its own name."""
        return self.to if isinstance(self.to, str) else str(self.to.kind)


@dataclass(frozen=True, slots=True)
class Wire:
    """The member's name on the wire where it is not the field's name in PascalCase."""

    name: str


def broken_rule(message: str, hint: str) -> PydanticCustomError:
    """The error to raise when fields that are right by themselves do not go together."""
    return PydanticCustomError("rule", "{message}", {"message": message, "hint": hint})


_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Text:
    """What the API accepts as this text: its length in characters and a regular expression that
    has to match as a whole. Control, format and line-separating characters are refused in every
    text but a raw one, since names and tags end up on terminals."""

    shortest: int = 0
    longest: int | None = None
    regex: str = ""
    raw: bool = False

    def check(self, text: str) -> str:
        """Give the text back, or say what is wrong with it."""
        if not self.raw:
            for character in text:
                if unicodedata.category(character) in _HIDDEN:
                    code = f"{ord(character):04X}"
                    raise PydanticCustomError("unprintable", "U+{code}", {"code": code})
        if self.regex and re.fullmatch(self.regex, text) is None:
            raise PydanticCustomError("pattern", "{regex}", {"regex": self.regex})
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: object) -> CoreSchema:
        """A strict string of this length that passes `check`, and may be absent if declared so."""
        pattern = self.regex if self.regex.startswith("^") else f"^(?:{self.regex})$"
        updates = {"pydantic_js_updates": {"pattern": pattern}} if self.regex else None
        text = core_schema.no_info_after_validator_function(
            self.check,
            core_schema.str_schema(
                strict=True, min_length=self.shortest or None, max_length=self.longest
            ),
            metadata=updates,
        )
        return text if source is str else core_schema.nullable_schema(text)


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a kind, as its annotations declare it."""

    name: str
    wire: str
    immutable: bool
    write_only: bool
    reference: Reference | None
    part: type[Part] | None


class Part(BaseModel):
    """A structure of fields that have members on the wire: a kind, or a piece of one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    extras: ClassVar[frozenset[str]] = frozenset()
    """The fields that have no member on the wire."""

    @classmethod
    @cache
    def specs(cls) -> Mapping[str, FieldSpec]:
        """The fields that exist on the wire, by name, in the order they are written."""
        return {
            name: _spec(name, info.metadata, info.annotation)
            for name, info in cls.model_fields.items()
            if name not in cls.extras
        }

    def declared(self) -> Iterator[tuple[FieldSpec, Any]]:
        """Each field that is written in the files, with its value; unset means unmanaged."""
        for name, spec in self.specs().items():
            if name in self.model_fields_set and (value := getattr(self, name)) is not None:
                yield spec, value

    def comparable(self) -> dict[str, Any]:
        """The declared fields as plain values that can be held against a live object's."""
        return {
            spec.name: value.comparable() if isinstance(value, Part) else value
            for spec, value in self.declared()
            if not spec.write_only
        }

    def to_wire(self) -> dict[str, Any]:
        """The declared fields as the API takes them, references still as they are written."""
        return {spec.wire: _outward(spec, value) for spec, value in self.declared()}

    @classmethod
    def from_wire(cls, item: Mapping[str, Any]) -> dict[str, Any]:
        """A live object's members under our names; unknown values pass, unknown members do not."""
        names = {spec.name: spec.wire for spec in cls.specs().values()}
        alike = (spec.reference.alike for spec in cls.specs().values() if spec.reference)
        names |= {name: to_pascal(name) for name in alike if name}
        return {
            name: _inward(cls.specs().get(name), item[wire])
            for name, wire in names.items()
            if item.get(wire) is not None
        }


def _spec(name: str, metadata: Iterable[object], annotation: object) -> FieldSpec:
    marks = {type(mark): mark for mark in metadata}
    wire, reference = marks.get(Wire), marks.get(Reference)
    parts = [a for a in getattr(annotation, "__args__", (annotation,)) if isinstance(a, type)]
    return FieldSpec(
        name=name,
        wire=wire.name if isinstance(wire, Wire) else to_pascal(name),
        immutable=Immutable in marks,
        write_only=WriteOnly in marks,
        reference=reference if isinstance(reference, Reference) else None,
        part=next((a for a in parts if issubclass(a, Part)), None),
    )


def _outward(spec: FieldSpec, value: Any) -> Any:
    match value:
        case Part():
            return value.to_wire()
        case frozenset():
            return sorted(value)
        case str() if spec.write_only:
            return Sensitive(value)
        case _:
            return value


def _inward(spec: FieldSpec | None, value: Any) -> Any:
    match value:
        case dict() if spec is not None and spec.part is not None:
            return spec.part.from_wire(value)
        case list():
            return frozenset(value)
        case _:
            return value
