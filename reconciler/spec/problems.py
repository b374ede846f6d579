"""A position, a stable code and what is wrong in; one printable line or plain data out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import TypedDict

from reconciler.safe import safe

FORMAT_VERSION = "1.0"
"""Of every document this program writes; a minor version only adds members."""

CODES: dict[str, str] = {
    "E001": "file cannot be read",
    "E002": "folder holds no YAML file",
    "E003": "not a regular file",
    "E004": "path leads outside its root folder",
    "E005": "file too large",
    "E006": "too many files",
    "E007": "not UTF-8",
    "E008": "character not allowed",
    "E009": "broken YAML",
    "E010": "tab used for indentation",
    "E011": "empty document",
    "E012": "more than one document",
    "E013": "top level is not a mapping",
    "E014": "key is not text",
    "E015": "key written twice",
    "E016": "merge key",
    "E017": "anchor or alias",
    "E018": "tag not allowed",
    "E019": "nested too deeply",
    "E020": "too many values",
    "E021": "!file not usable here",
    "E022": "variable that cannot be replaced",
    "E030": "unknown key",
    "E031": "required key missing",
    "E032": "wrong type",
    "E033": "text that has to be quoted",
    "E034": "key without a value",
    "E035": "text too short or too long",
    "E036": "unprintable character",
    "E037": "text of the wrong form",
    "E038": "not one of the allowed values",
    "E039": "too few or too many items",
    "E040": "keys that do not go together",
    "E041": "declared twice",
    "E042": "unknown reference",
    "E043": "reference cycle",
    "E044": "files that contradict each other",
    "E045": "no owner",
    "E046": "ignored and declared",
    "E047": "former name still declared",
    "E048": "ignored field unknown",
    "E049": "too many problems",
    "E050": "expression that is not CEL",
}
"""Every code a problem may carry and its one-line title; a code never changes its meaning."""


class ProblemForm(TypedDict):
    """One problem; line and column count from 1, and 0 stands for the whole file."""

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str


class ProblemsForm(TypedDict):
    """What is wrong with files, or, when nothing is, how many objects each section declares."""

    format_version: str
    kind: str
    problems: list[ProblemForm]
    declared: dict[str, int]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong at one place; sorts by file, then position.

    `line` and `column` count from 1; line 0 means the file as a whole.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Give `file:line:column: CODE message (hint)`, always on one line."""
        hint = f" ({self.hint})" if self.hint else ""
        text = f"{self.file}:{self.line}:{self.column}: {self.code} {self.message}{hint}"
        return safe(text)

    def as_json(self) -> ProblemForm:
        """Give the fields as plain data, `hint` included even when empty."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


class Enough(Exception):
    """There are so many problems that no more are looked for; the last one says so."""


def root_cause(problems: Sequence[Problem]) -> Problem:
    """The one to begin with: the first that kept something from being read, since others may only
    follow from it, or else the first."""
    return min(problems, key=lambda problem: problem.code >= "E030")


class Problems(list[Problem]):
    """Problems in the order in which they are found; raises `Enough` with the thousandth."""

    MOST = 1_000
    """More than anybody mends one by one; a hostile file could hold as many as its limits allow."""

    def append(self, problem: Problem) -> None:
        """Add one problem."""
        super().append(problem)
        if len(self) >= self.MOST:
            message = f"{self.MOST} problems were found, and no more are looked for"
            at = (problem.file, problem.line, problem.column)
            super().append(Problem(*at, "E049", message, "mend these first"))
            raise Enough

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems one by one."""
        for problem in problems:
            self.append(problem)


def cut(text: str, limit: int) -> str:
    """Give a text that is `limit` long at most: a file may hold one of megabytes."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def shown(text: str, limit: int = 60) -> str:
    """Give a file's text for use in a message: in backticks, printable, `limit` long at most."""
    return f"`{safe(cut(text, limit))}`"


def problems_document(
    problems: Sequence[Problem], declared: Mapping[str, int] | None = None
) -> ProblemsForm:
    """Give the JSON form of what is wrong with files, or of what they declare."""
    return {
        "format_version": FORMAT_VERSION,
        "kind": "problems",
        "problems": [problem.as_json() for problem in problems],
        "declared": dict(declared or {}),
    }
