"""Renders a document as JUnit XML: a case for each problem, change or outcome.

https://github.com/testmoapp/junitxml describes what the readers of this format have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from xml.etree import ElementTree as ET

from reconciler.render import _words as words
from reconciler.render._notes import Note, notes
from reconciler.render._words import Document
from reconciler.safe import safe

STATUSES = {"failed": "failure", "unknown": "error", "skipped": "skipped", "deferred": "skipped"}


def render(document: Document, *, color: bool = False) -> str:
    """One suite; a case with an error in its notes has failed."""
    name = "validate" if document["kind"] == "problems" else words.place(document)
    suite = ET.Element("testsuite", name=name)
    suite.extend(_outcomes(document) if document.get("outcomes") else _cases(document))
    counts = {kind: len(suite.findall(f"testcase[{kind}]")) for kind in ("failure", "error")}
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suite.set("time", "0")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _outcomes(document: Document) -> Iterator[ET.Element]:
    for outcome in document["outcomes"]:
        case = _case(safe(outcome["address"]), safe(outcome["action"]))
        if (kind := STATUSES.get(outcome["status"])) is not None:
            told = ET.SubElement(case, kind, message=safe(outcome["message"]))
            told.set("type", outcome["status"])
        yield case


def _cases(document: Document) -> Iterator[ET.Element]:
    """The notes of each address or file, and the changes that nothing is to be said of."""
    failing = ("error", "warning") if document["kind"] == "drift" else ("error",)
    found = [note for note in notes(document) if note.level in failing]
    by_name = sorted(found, key=_about)
    for name, these in groupby(by_name, key=_about):
        case = _case(name, "check")
        for note in these:
            place = f"{safe(note.file)}:{note.line}:{note.column}: " if note.file else ""
            failure = ET.SubElement(case, "failure", message=note.message, type=note.code)
            failure.text = place + note.message
        yield case
    told = {_about(note) for note in found}
    for change in document.get("changes", ()):
        if safe(change["address"]) not in told:
            yield _case(safe(change["address"]), words.shown_action(change))
    if not found and not document.get("changes"):
        yield _case(words.result(document)[0], "check")


def _about(note: Note) -> str:
    return note.address or safe(note.file) or note.code


def _case(name: str, what: str) -> ET.Element:
    return ET.Element("testcase", classname=f"reconciler.{what}", name=name, time="0")
