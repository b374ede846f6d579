"""The exit codes, and which one a document amounts to. A document goes in, one code comes out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What the program tells the shell."""

    DONE = 0
    ERROR = 1
    DIFFERENCES = 2
    PARTLY = 3
    UNKNOWN = 4
    REFUSED = 5
    STALE = 6
    WAITING = 7
    USAGE = 64
    INTERRUPTED = 130
    TERMINATED = 143


class BugError(Exception):
    """A bug, its cause, came up when `code` held already."""

    def __init__(self, code: Exit) -> None:
        super().__init__(code)
        self.code = code


PRECEDENCE = (
    Exit.UNKNOWN,
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.PARTLY,
    Exit.ERROR,
    Exit.STALE,
    Exit.REFUSED,
    Exit.WAITING,
    Exit.DIFFERENCES,
)
"""Which code is given when several hold, most important first: the one rule for every command."""


def exit_code(
    document: Mapping[str, Any], *, detailed: bool = False, allow_pending: bool = False
) -> Exit:
    """The code for a plan or a report; `detailed` makes differences count."""
    outcomes = document.get("outcomes", ())
    holds = set(_faults(document)) | set(_outcomes(outcomes))
    deferred = any(outcome["status"] == "deferred" for outcome in outcomes)
    if (document["worklist"] or deferred) and not allow_pending:
        holds.add(Exit.WAITING)
    if detailed and document["changes"]:
        holds.add(Exit.DIFFERENCES)
    return worst(*holds)


def worst(*codes: Exit) -> Exit:
    """The one that is given when several hold."""
    return next((code for code in PRECEDENCE if code in codes), Exit.DONE)


def _faults(document: Mapping[str, Any]) -> list[Exit]:
    errors = any(finding["level"] == "error" for finding in document["findings"])
    codes = [Exit.ERROR] if errors or not document["coverage"]["complete"] else []
    return codes + [Exit.REFUSED] * bool(document["refusals"])


def _outcomes(outcomes: Any) -> list[Exit]:
    statuses = {outcome["status"] for outcome in outcomes}
    made = any(outcome["calls_made"] for outcome in outcomes)
    codes = [Exit.UNKNOWN] * ("unknown" in statuses)
    if statuses & {"failed", "skipped"}:
        codes.append(Exit.PARTLY if made else Exit.ERROR)
    return codes


def drift_code(document: Mapping[str, Any]) -> Exit:
    """The code for a drift report."""
    found = [finding for finding in document["findings"] if finding["level"] != "info"]
    return worst(*map(_found, found))


def _found(finding: Mapping[str, Any]) -> Exit:
    if finding["level"] == "error":
        return Exit.ERROR
    return Exit.WAITING if finding["code"] == "waiting" else Exit.DIFFERENCES


def status_code(document: Mapping[str, Any], *, detailed: bool = False) -> Exit:
    """The code for a status report; only when it is `detailed` do states count."""
    unread = document["findings"] or not document["coverage"]["complete"]
    codes = [Exit.ERROR] * bool(unread)
    states = {state for state, n in document["summary"].items() if n} - {"healthy"}
    for state in states if detailed else ():
        codes.append(Exit.WAITING if state == "waiting" else Exit.DIFFERENCES)
    return worst(*codes)


def unblock_code(document: Mapping[str, Any]) -> Exit:
    """The code for what came of resolving blockers."""
    counts = document["summary"]
    codes = [Exit.UNKNOWN] * bool(counts["unknown"])
    if counts["failed"] or counts["skipped"]:
        codes.append(Exit.PARTLY if counts["resolved"] else Exit.ERROR)
    return worst(*codes)
