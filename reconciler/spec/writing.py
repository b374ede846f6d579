"""Plain data in; the YAML text of desired-state files out, in which every text stays a text,
whatever reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from reconciler.safe import safe
from reconciler.spec.scalars import resolve

_TEXT: Final = "tag:yaml.org,2002:str"
_ENDLESS: Final = 2**31
"""No line is folded: a width in characters that no file has."""

ABOUT: Final = (
    "# yaml-language-server: $schema=desired-state.schema.json\n"
    "# (reconciler schema desired-state > desired-state.schema.json)\n"
)
"""What stands at the top of a new file, for editors that look names up."""


class _Dumper(yaml.SafeDumper):
    """Writes lists further to the right than their key."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write out whatever comes twice."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent, lists too."""
        super().increase_indent(flow, False)


class _LeftDumper(_Dumper):
    """Writes lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent, except lists below a key."""
        yaml.SafeDumper.increase_indent(self, flow, indentless)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Plain only where no reader takes it for something else."""
    implied = dumper.resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
    plain = implied == _TEXT and resolve(value) == value
    node: yaml.ScalarNode = dumper.represent_scalar(_TEXT, value, style=None if plain else '"')
    return node


_Dumper.add_representer(str, _text)
_LeftDumper.add_representer(str, _text)


def block(value: Any, *, left: bool = False) -> str:
    """A mapping or list as lines; lists are further to the right than their key unless `left`."""
    return _dumped(value, _LeftDumper if left else _Dumper, flow=False)


def flow(value: Any, quote: str = "", *, outside: bool = False) -> str:
    """A value on one line; `quote` is put around every text where it can be. A text that stands
    `outside` of brackets needs fewer quotes."""
    if outside and isinstance(value, str):
        dumped = _dumped({"k": value}, _Dumper, flow=False, quote=quote)
        return dumped.partition(":")[2].strip()
    return _dumped([value], _Dumper, flow=True, quote=quote).strip()[1:-1]


def _dumped(value: Any, dumper: type[_Dumper], *, flow: bool, quote: str = "") -> str:
    text: str = yaml.dump(
        value,
        Dumper=dumper,
        default_flow_style=flow,
        default_style=quote or None,
        sort_keys=False,
        allow_unicode=True,
        width=_ENDLESS,
    )
    return text


@dataclass(frozen=True, slots=True)
class Written:
    """One entry of a new file, and what people should know about it; without an entry only that."""

    fields: Mapping[str, Any] | None
    notes: Sequence[str] = ()


def literal(value: Any) -> Any:
    """The value as a file has to say it: a `${` in its texts begins no variable."""
    match value:
        case str():
            return value.replace("${", "$${")
        case Mapping():
            return {key: literal(inner) for key, inner in value.items()}
        case Sequence():
            return [literal(inner) for inner in value]
        case _:
            return value


def document(header: Mapping[str, Any], sections: Mapping[str, Sequence[Written]]) -> str:
    """A whole new file."""
    parts = [ABOUT + block({"version": 1, **literal(header)})]
    for section, entries in sections.items():
        if entries:
            empty = all(entry.fields is None for entry in entries)
            lines = "".join(map(_entry, entries))
            parts.append(f"{section}:{' []' * empty}\n{lines}")
    return "\n".join(parts)


def commented(notes: Sequence[str]) -> str:
    """Notes as lines of comment, whatever live texts they repeat."""
    return "".join(f"# {safe(note)}\n" for note in notes)


def _entry(entry: Written) -> str:
    lines = commented(entry.notes)
    if entry.fields is not None:
        lines += block([literal(entry.fields)])
    return "".join(f"  {line}" for line in lines.splitlines(keepends=True))
