"""Renders what is wrong in a document as SARIF 2.1.0, for code scanning.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.findings import CLASSES
from reconciler.render import json
from reconciler.render._notes import Note, notes
from reconciler.render._words import Document
from reconciler.spec.problems import CODES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
MOST = 5_000
"""How many results GitHub takes in, most important first
(https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads)."""


def render(document: Document, *, color: bool = False) -> str:
    """One run with a result for each note, which are notifications where there is no file that a
    result could be about; what is left out is told among these."""
    found = notes(document)
    kept = found[:MOST]
    somewhere = _somewhere(document, kept)
    placed, unplaced = (kept, []) if somewhere else ([], kept)
    told = [_notification(note.level, note.message) for note in unplaced]
    if rest := len(found) - len(kept):
        told.append(_notification("warning", f"{rest} of {len(found)} results are left out"))
    rules = sorted({note.code for note in placed})
    driver = {
        "name": "reconciler",
        "version": __version__,
        "rules": [{"id": code, "shortDescription": {"text": _title(code)}} for code in rules],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(note, rules, somewhere) for note in placed],
        "invocations": [
            {
                "executionSuccessful": all(note.level != "error" for note in found),
                "toolExecutionNotifications": told,
            }
        ],
    }
    return json.render({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _title(code: str) -> str:
    return CODES.get(code) or CLASSES.get(code) or code.replace("_", " ")


def _somewhere(document: Document, found: Sequence[Note]) -> str:
    """A file for what has no place: GitHub refuses a report with a result that has none."""
    sources = [change["source"] for change in document.get("changes", ())]
    files = [*(note.file for note in found), *(source["file"] for source in sources if source)]
    return next(filter(None, files), "")


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": text}}


def _result(note: Note, rules: Sequence[str], somewhere: str) -> dict[str, Any]:
    region = {"startLine": max(note.line, 1), "startColumn": max(note.column, 1)}
    uri = _uri(note.file or somewhere)
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}
    }
    if note.address:
        location["logicalLocations"] = [{"fullyQualifiedName": note.address, "kind": "resource"}]
    same = "\0".join([note.code, note.address or note.file, note.message])
    return {
        "ruleId": note.code,
        "ruleIndex": rules.index(note.code),
        "level": note.level,
        "message": {"text": note.message},
        "locations": [location],
        "partialFingerprints": {"note/v1": hashlib.sha256(same.encode()).hexdigest()[:32]},
    }


def _uri(file: str) -> str:
    """A path as a URI, relative as it was given."""
    path = posixpath.normpath(file.replace("\\", "/"))
    return ("file://" if path.startswith("/") else "") + quote(path, errors="surrogateescape")
