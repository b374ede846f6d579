"""Renders a document for a step of GitHub Actions: annotations on the lines of a pull request, and
beside them the step's summary and outputs, which GitHub takes from files of its own.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.render import _words as words
from reconciler.render import markdown
from reconciler.render._notes import Note, notes
from reconciler.render._words import Document
from reconciler.safe import safe

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
SHOWN = 10
"""How many annotations of each kind GitHub keeps of a step
(https://github.com/orgs/community/discussions/26680)."""
SUMMARY = 1_000_000
"""How many bytes of summary a step may write, a little less than GitHub's 1 MiB."""


def render(document: Document, *, color: bool = False) -> str:
    """Workflow commands, errors first, and what there was no room for; then the result."""
    found = [*notes(document), *_changes(document)]
    lines = [line for level in COMMANDS for line in _commands(level, found)]
    return "".join(f"{line}\n" for line in [*lines, *words.result(document)])


def appended(document: Document) -> dict[str, str]:
    """What goes to the end of the files that these environment variables name."""
    return {
        "GITHUB_STEP_SUMMARY": markdown.within(document, SUMMARY),
        "GITHUB_OUTPUT": "".join(f"{name}={value}\n" for name, value in _outputs(document)),
    }


def _outputs(document: Document) -> Iterator[tuple[str, object]]:
    """Outputs of the step: numbers and hashes only, so that nothing in them can be a new line."""
    found = notes(document)
    yield "errors", sum(note.level == "error" for note in found)
    yield "warnings", sum(note.level == "warning" for note in found)
    if document["kind"] == "drift":
        yield "findings", len(document["findings"])
        yield "checked", document["checked"]
    elif "changes" in document:
        changes = document["changes"]
        yield "changes", len(changes)
        yield "destroys", sum(map(words.destroys, changes))
        yield "waiting", len(document["worklist"])
        yield "fingerprint", document["fingerprint"]


def _changes(document: Document) -> Iterator[Note]:
    """What is going to be done, at the entry that wants it."""
    for change in document.get("changes", ()) if not document.get("outcomes") else ():
        source = change["source"] or {"file": "", "line": 0, "column": 0}
        level = "warning" if words.destroys(change) else "note"
        text = safe(f"{change['address']}: ") + words.sentence(change)
        yield Note(level, change["action"], text, safe(change["address"]), **source)


def _commands(level: str, found: list[Note]) -> Iterator[str]:
    these = [note for note in found if note.level == level]
    most = len(these) if len(these) <= SHOWN else SHOWN - 1
    for note in these[:most]:
        yield _command(note)
    if rest := len(these) - most:
        text = f"and {rest} more, for which GitHub has no room here: see the summary of the step"
        yield f"::{COMMANDS[level]} title=reconciler::{text}"


def _command(note: Note) -> str:
    properties = {"title": f"reconciler {note.code}"}
    if note.file:
        properties["file"] = note.file
        if note.line:
            properties |= {"line": str(note.line), "col": str(note.column)}
    listed = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{COMMANDS[note.level]} {listed}::{_escaped(note.message)}"


def _escaped(text: str, more: str = "") -> str:
    """The text of a workflow command, with what would end it written as a code."""
    for char in f"%\r\n{more}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text
