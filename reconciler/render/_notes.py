"""What in a document is wrong or worth a look, whatever part of it says so: a document in, notes
with their place in the files out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.safe import safe
from reconciler.spec.problems import CODES

LEVELS = ("error", "warning", "note")
"""Most important first."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing, harmless to show. `line` and `column` count from 1; without a file it is about no
    place, and with line 0 about the file as a whole."""

    level: str
    code: str
    message: str
    address: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    link: str = ""
    """Where a person can do something about it."""

    @property
    def told(self) -> str:
        """The message behind its place and its code in the files, and before its link, if any."""
        place = safe(f"{self.file}:{self.line}:{self.column}: ") if self.file else ""
        link = f" ({safe(self.link)})" if self.link and self.link not in self.message else ""
        code = f"{self.code} " if self.code in CODES else ""
        return f"{place}{code}{self.message}{link}"


def notes(document: Mapping[str, Any]) -> list[Note]:
    """Every note, the most important first, and each level in the order of the document."""
    makers = {"problems": _problems, "drift": _of_drift, "status": _of_status}
    found = makers.get(document["kind"], _of_a_plan)(document)
    return sorted(found, key=lambda note: LEVELS.index(note.level))


def _problems(document: Mapping[str, Any]) -> Iterator[Note]:
    for problem in document["problems"]:
        hint = f" ({problem['hint']})" if problem["hint"] else ""
        yield _note("error", problem["code"], problem["message"] + hint, "", problem)


def _of_drift(document: Mapping[str, Any]) -> Iterator[Note]:
    for finding in document["findings"]:
        level = {"info": "note"}.get(finding["level"], finding["level"])
        text, address = finding["message"], finding["address"]
        note = _note(level, finding["code"], text, address, finding["source"])
        yield replace(note, link=finding["link"] or "")


def _of_status(document: Mapping[str, Any]) -> Iterator[Note]:
    for gap in document["coverage"]["unread"]:
        yield _note("error", "unread", f"could not be read: {gap['reason']}", gap["address"], None)
    for finding in document["findings"]:
        yield _note("error", finding["code"], finding["message"], finding["address"], None)


def _of_a_plan(document: Mapping[str, Any]) -> Iterator[Note]:
    sources = {change["address"]: change["source"] for change in document["changes"]}
    for gap in document["coverage"]["unread"]:
        yield _note("error", "unread", f"could not be read: {gap['reason']}", gap["address"], None)
    for finding in document["findings"]:
        level = {"info": "note"}.get(finding["level"], finding["level"])
        text, address = finding["message"], finding["address"]
        source = finding["source"] or sources.get(address)
        yield _note(level, finding["code"], text, address, source)
    for refusal in document["refusals"]:
        text, address = refusal["message"], refusal["address"]
        source = refusal["source"] or sources.get(address)
        yield _note("error", refusal["guard"], text, address, source)
    for outcome in document.get("outcomes", ()):
        if outcome["status"] in ("failed", "unknown"):
            text = f"{outcome['status']}: {outcome['message']}"
            address = outcome["address"]
            yield _note("error", outcome["status"], text, address, sources.get(address))
    for task in document["worklist"]:
        text = f"is {task['status']}: {task['todo']} ({task['link']})"
        note = _note("warning", "waiting", text, task["address"], sources.get(task["address"]))
        yield replace(note, link=task["link"])


def _note(
    level: str, code: str, text: str, address: str | None, source: Mapping[str, Any] | None
) -> Note:
    text = f"{address} {text}" if address else text
    at = source or {"file": "", "line": 0, "column": 0}
    return Note(level, code, safe(text), safe(address or ""), at["file"], at["line"], at["column"])
