"""What became of a run over many targets, as data: rows go in, one document comes out. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import TypedDict

from reconciler.spec.problems import FORMAT_VERSION

NOT_BEGUN = "not begun"
"""The state of a target that nothing was done for."""


class RowForm(TypedDict):
    """One target. `code` is the exit code of the command for it, null where nothing was begun, and
    `state` says it in a word; `counts` are the numbers of its document, `message` is what that
    amounts to or why there is none, and `details` say what keeps it from being done. `attempts` is
    how often it was begun: a worker may die. `seconds` it took."""

    target: str
    account: str
    region: str
    code: int | None
    state: str
    counts: dict[str, int]
    message: str
    details: list[str]
    attempts: int
    seconds: float


class FleetForm(TypedDict):
    """A run of a command over targets. `code` is what the run exits with: the worst of the rows'
    codes and of what became of the run itself, such as a signal, or targets that were not begun.
    `summary` counts the rows of each state, and `counts` are the numbers of all rows together."""

    format_version: str
    kind: str
    command: str
    created: str
    code: int
    targets: list[RowForm]
    counts: dict[str, int]
    summary: dict[str, int]


def fleet_document(command: str, created: str, rows: Iterable[RowForm], code: int) -> FleetForm:
    """The document of a run that was begun at `created` and exits with `code`."""
    targets = sorted(rows, key=lambda row: row["target"])
    counts: dict[str, int] = {}
    summary: dict[str, int] = {}
    for row in targets:
        summary[row["state"]] = summary.get(row["state"], 0) + 1
        for name, number in row["counts"].items():
            counts[name] = counts.get(name, 0) + number
    return {
        "format_version": FORMAT_VERSION,
        "kind": "fleet",
        "command": command,
        "created": created,
        "code": code,
        "targets": targets,
        "counts": counts,
        "summary": summary,
    }
