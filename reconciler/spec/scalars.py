"""The text of a plain YAML scalar in, its value out: None, a bool, an int, text, or `Unquoted`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A plain scalar that some YAML reader takes for something else than text.

    `text` is what the file says and `what` is what it is read as, for example "a boolean".
    """

    text: str
    what: str


_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    "<<": Unquoted("<<", "a merge key"),
    "=": Unquoted("=", "a default value"),
}
_BOOLEANS: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false"))
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")
# Wider than PyYAML on purpose: other readers, and YAML 1.2, see numbers in 1e3, 0o17 and 089 too.
# A group that may repeat for ever keeps a note of each time: 12:30:30 is matched without one.
_NUMBER: Final = re.compile(
    r"""[-+]?(?: 0[box][0-9a-fA-F_]+
        | [0-9][0-9_]*
        | (?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE])|\._+) (?:[eE][-+]?[0-9]+)?
        | (?!.*(?: :: | :[6-9][0-9] | :[0-9]{3} )) [0-9][0-9_]*:[0-9:]*[0-9] (?:\.[0-9_]*)?
        | \.(?:inf|Inf|INF|nan|NaN|NAN) )""",
    re.VERBOSE,
)
_DATE: Final = re.compile(
    r"""[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}
        (?: (?:[Tt]|[ \t]+) [0-9]{1,2}:[0-9]{2}:[0-9]{2} (?:\.[0-9]*)?
            (?: [ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?) )? )?""",
    re.VERBOSE,
)


def resolve(text: str) -> object:
    """Give what a plain scalar means: None, a bool, an int, text, or `Unquoted`."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        boolean = len(text) <= 5 and text.lower() in _BOOLEANS
        return Unquoted(text, "a boolean") if boolean else text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return Unquoted(text, "a number")
    return Unquoted(text, "a date") if _DATE.fullmatch(text) else text
