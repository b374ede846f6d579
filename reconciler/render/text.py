"""Renders a document for people at a terminal: one block per change, then what is wrong, what is
refused, what a person has to do, and the count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from reconciler.kinds import BY_NAME
from reconciler.safe import safe

SYMBOLS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "tag": ("~", "yellow"),
    "adopt": ("~", "cyan"),
    "replace": ("-/+", "red"),
    "delete": ("-", "red"),
    "defer": ("#", "blue"),
}
MARKS = {
    "applied": ("done", "green"),
    "failed": ("FAILED", "red"),
    "skipped": ("skipped", "yellow"),
    "deferred": ("deferred", "blue"),
    "unknown": ("UNKNOWN", "red"),
}
COUNTED = {
    "create": "to create",
    "update": "to update",
    "tag": "to tag",
    "adopt": "to adopt",
    "replace": "to replace",
    "delete": "to delete",
    "defer": "deferred",
    "unchanged": "unchanged",
}

Document = Mapping[str, Any]


def render(document: Document, *, color: bool = False) -> str:
    """The document as lines; live and file texts cannot move the cursor or pass for markup."""
    lines = _Lines(color)
    match document:
        case {"kind": "problems"}:
            blocks = [lines.problems(document)]
        case {"outcomes": [_, *_]}:
            blocks = [
                lines.outcomes(document),
                lines.unread(document),
                lines.findings(document),
                lines.worklist(document),
                lines.result(document),
            ]
        case _:
            blocks = [
                lines.changes(document),
                lines.unread(document),
                lines.findings(document),
                lines.refusals(document),
                lines.worklist(document),
                lines.total(document),
            ]
    texts = ["".join(f"{line}\n" for line in block) for block in blocks]
    return "\n".join(text for text in texts if text)


class _Lines:
    """The blocks of a document, with or without color."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def style(self, text: str, fg: str | None = None, *, bold: bool = False) -> str:
        return click.style(text, fg=fg, bold=bold) if self.color else text

    def problems(self, document: Document) -> Iterator[str]:
        for problem in document["problems"]:
            place = "{file}:{line}:{column}:".format(**problem)
            hint = f" ({problem['hint']})" if problem["hint"] else ""
            text = safe(f"{problem['message']}{hint}")
            yield f"{safe(place)} {self.style(problem['code'], 'red')} {text}"
        count = len(document["problems"])
        if count:
            yield self.style(f"{count} problem{'s' * (count != 1)}; nothing was called.", bold=True)
        else:
            declared = document["declared"]
            parts = ", ".join(f"{section} {n}" for section, n in declared.items())
            yield f"Valid: {_objects(sum(declared.values()))} declared{parts and f' ({parts})'}."

    def changes(self, document: Document) -> Iterator[str]:
        target = document["target"]
        where = f"account {target['account']}, {target['region']}"
        where += f", owner {document['owner']}" if document["owner"] else ""
        yield self.style(safe(where), bold=True)
        for change in document["changes"]:
            yield ""
            yield self._headline(change)
            width = max((len(safe(field["path"])) for field in change["fields"]), default=0)
            for field in change["fields"]:
                yield f"      {safe(field['path']):<{width}}  {self._difference(change, field)}"

    def _headline(self, change: Document) -> str:
        symbol, fg = SYMBOLS["replace" if change["goes_with"] else change["action"]]
        text = f"{self.style(f'{symbol:>3}', fg, bold=True)} {safe(change['address'])}"
        return f"{text}  {self.style(_sentence(change), fg)}"

    def _difference(self, change: Document, field: Document) -> str:
        forced = self.style("  forces replacement", "red") if field["forces_replacement"] else ""
        if change["id"] is None:
            return _value(field["after"])
        return f"{_value(field['before'])} -> {_value(field['after'])}{forced}"

    def unread(self, document: Document) -> Iterator[str]:
        gaps = document["coverage"]["unread"]
        if gaps:
            yield self.style("Could not be read, so this plan cannot be applied:", "red", bold=True)
        for gap in gaps:
            yield f"    {safe(gap['address'] or gap['kind'])}: {safe(gap['reason'])}"

    def findings(self, document: Document) -> Iterator[str]:
        for finding in document["findings"]:
            fg = {"error": "red", "warning": "yellow"}.get(finding["level"], "cyan")
            where = f"{finding['address']}: " if finding["address"] else ""
            text = safe(f"{where}{finding['message']}")
            yield f"{self.style(finding['level'], fg, bold=True)} {text}"

    def refusals(self, document: Document) -> Iterator[str]:
        if document["refusals"]:
            yield self.style("Refused: nothing will be called.", "red", bold=True)
        for refusal in document["refusals"]:
            where = f"{refusal['address']} " if refusal["address"] else ""
            yield safe(f"    {where}{refusal['message']}")

    def worklist(self, document: Document) -> Iterator[str]:
        if document["worklist"]:
            yield self.style("Waiting for a person:", "yellow", bold=True)
        for task in document["worklist"]:
            yield f"    {safe(task['address'])} is {safe(task['status'])}"
            yield f"        to do:    {safe(task['todo'])}"
            yield f"        where:    {safe(task['link'])}"
            yield f"        id:       {safe(task['id'])}"
            if task["blocks"]:
                yield f"        holds up: {safe(', '.join(task['blocks']))}"

    def total(self, document: Document) -> Iterator[str]:
        counts = {action: n for action, n in document["summary"].items() if n}
        errors = any(finding["level"] == "error" for finding in document["findings"])
        if errors or not document["coverage"]["complete"]:
            yield self.style("Incomplete: this plan cannot be applied.", "red", bold=True)
        elif set(counts) <= {"unchanged"} and not document["refusals"]:
            count = counts.get("unchanged", 0)
            yield self.style("No changes.", bold=True) + f" {_objects(count)} unchanged." * bool(
                count
            )
            return
        if counts:
            later = f" ({_counted(document['deferred'])})" if counts.get("defer") else ""
            yield self.style(f"Plan: {_counted(counts, later)}.", bold=True)

    def outcomes(self, document: Document) -> Iterator[str]:
        outcomes: Sequence[Document] = document["outcomes"]
        width = max((len(safe(outcome["address"])) for outcome in outcomes), default=0)
        for outcome in outcomes:
            mark, fg = MARKS[outcome["status"]]
            text = f"  {safe(outcome['message'])}" if outcome["message"] else ""
            address = f"{safe(outcome['address']):<{width}}"
            yield f"{self.style(f'{mark:>8}', fg, bold=True)}  {address}{text}".rstrip()

    def result(self, document: Document) -> Iterator[str]:
        counts = {status: n for status, n in document["outcome_summary"].items() if n}
        unchanged = document["summary"]["unchanged"]
        parts = [f"{n} {status}" for status, n in counts.items()]
        parts += [f"{unchanged} unchanged"] * bool(unchanged)
        yield self.style(f"Apply: {', '.join(parts)}.", bold=True)


def _sentence(change: Document) -> str:
    """What will be done, when, and to which object where one is destroyed."""
    action: str = change["then"] or change["action"]
    approved = BY_NAME[change["address"].partition("/")[0]].calls.status
    text = {
        "replace": f"delete and create again: a new id{' and a new approval' * bool(approved)}",
        "delete": f"delete{', renamed' if change['reason'] == 'renamed' else ''}",
    }.get(action, action)
    if action in ("delete", "replace"):
        text += f" ({safe(change['id'])})"
    if change["goes_with"] and change["then"]:
        text = f"delete together with {safe(change['goes_with'])} ({safe(change['id'])}), "
        text += "create again"
    waits = [safe(address) for address in change["waits_for"]]
    if change["then"]:
        state = "ready" if action != "delete" else "done"
        return f"{text}, once {_listed(waits)} {'is' if len(waits) == 1 else 'are'} {state}"
    return f"{text}, after {_listed(waits)}" if waits else text


def _listed(addresses: Sequence[str]) -> str:
    """Addresses in a sentence, the first of many."""
    more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
    return ", ".join(addresses[:3]) + more


def _counted(counts: Mapping[str, int], later: str = "") -> str:
    """How many changes of each action there are; `later` is what the deferred ones do."""
    parts = [
        f"{n} {COUNTED[action]}{later if action == 'defer' else ''}"
        for action, n in counts.items()
        if n
    ]
    return ", ".join(parts)


def _objects(count: int) -> str:
    return f"{count} object{'s' * (count != 1)}"


def _value(value: Any) -> str:
    match value:
        case None:
            return "(none)"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{safe(k)}: {_value(v)}" for k, v in value.items()) + "}"
        case _:
            return safe(str(value))
