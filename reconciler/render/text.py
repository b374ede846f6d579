"""Renders a document for people at a terminal: one block per change, then what is wrong, what is
refused, what a person has to do, and the count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click

from reconciler.findings import is_found
from reconciler.render import _drift as drifts
from reconciler.render import _fleet as fleet_words
from reconciler.render import _status as status_words
from reconciler.render import _words as words
from reconciler.render._table import fitted, wrapped
from reconciler.render._words import Document
from reconciler.safe import safe

COLORS = {
    "create": "green",
    "update": "yellow",
    "tag": "yellow",
    "adopt": "cyan",
    "replace": "red",
    "delete": "red",
    "defer": "blue",
}
MARKS = {
    "applied": ("done", "green"),
    "failed": ("FAILED", "red"),
    "skipped": ("skipped", "yellow"),
    "deferred": ("deferred", "blue"),
    "unknown": ("UNKNOWN", "red"),
}


AWAITED = {
    "ready": ("ready", "green"),
    "waiting": ("waiting", "yellow"),
    "error": ("ERROR", "red"),
}
ENDS = {
    "active": ("BLOCKED", "red"),
    "resolved": ("resolved", "green"),
    "failed": ("FAILED", "red"),
    "skipped": ("skipped", "yellow"),
    "unknown": ("UNKNOWN", "red"),
}
HEADS = ("", "OBJECT", "STATUS", "OWNER", "")
NARROWER = ((4, 12), (3, 8), (4, 0), (1, 30), (2, 12), (1, 0), (3, 0), (2, 0), (0, 0))
"""How far each column of a status table is cut, in this order, until its lines fit."""


def render(document: Document, *, color: bool = False, width: int = 0) -> str:
    """The document as lines; live and file texts cannot move the cursor or pass for markup. Rows of
    a table are cut to a `width` in characters, if one is given, and other lines broken."""
    blocks = _blocks(document, color, width)
    texts = [
        "".join(f"{part}\n" for line in block for part in wrapped(line, width)) for block in blocks
    ]
    return "\n".join(text for text in texts if text)


def _blocks(document: Document, color: bool, width: int) -> list[Iterable[str]]:
    lines = _Lines(color)
    blocks: list[Iterable[str]]
    match document:
        case {"kind": "problems"}:
            blocks = [lines.problems(document)]
        case {"kind": "drift"}:
            blocks = [lines.drift(document)] if is_found(document) else []
        case {"kind": "status"}:
            blocks = [
                lines.table(document, width),
                *lines.details(document),
                lines.unread(document),
                lines.findings(document),
                lines.total(document),
            ]
        case {"kind": "unblock"}:
            blocks = [lines.blockers(document), lines.total(document)]
        case {"kind": "fleet"}:
            blocks = lines.fleet(document, width)
        case {"awaited": [_, *_]}:
            blocks = [
                lines.awaited(document),
                lines.findings(document),
                lines.worklist(document),
                lines.total(document),
            ]
        case {"outcomes": [_, *_]}:
            blocks = [
                lines.outcomes(document),
                lines.unread(document),
                lines.findings(document),
                lines.worklist(document),
                lines.total(document),
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
    return blocks


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
        yield self.style(words.result(document)[0], bold=bool(document["problems"]))

    def drift(self, document: Document) -> Iterator[str]:
        """One block a finding; what is declared stands where a plan has what will be."""
        yield self.style(words.place(document), bold=True)
        findings, count = drifts.listed(document)
        for finding in findings:
            fg = {"error": "red", "warning": "yellow"}.get(finding["level"], "cyan")
            code = self.style(f"{finding['code'].replace('_', ' '):>12}", fg, bold=True)
            where = f"{safe(finding['address'])} " if finding["address"] else ""
            yield f"{code}  {where}{safe(finding['message'])}"
            width = max((len(safe(field["path"])) for field in finding["fields"]), default=0)
            for field in finding["fields"]:
                live, declared = words.value(field["before"]), words.value(field["after"])
                yield f"{'':14}{safe(field['path']):<{width}}  {live}  (declared: {declared})"
            if finding["link"]:
                yield f"{'':14}where: {safe(finding['link'])}"
            if known := drifts.seen(finding):
                yield f"{'':14}{known}"
        history, mark = document.get("history", {"gone": ()}), "gone"
        for finding in history["gone"]:
            yield f"{self.style(f'{mark:>12}', 'green', bold=True)}  {drifts.past(finding)}"
        if count:
            yield drifts.older(count, history["since"])

    def table(self, document: Document, width: int) -> Iterator[str]:
        """One line an object, which is never longer than the width."""
        yield self.style(words.place(document), bold=True)
        objects = document["objects"]
        if not objects:
            return
        rows = fitted(
            [HEADS, *(status_words.cells(row, document) for row in objects)], width, NARROWER
        )
        yield self.style("  ".join(rows[0]).rstrip(), bold=True)
        for row, texts in zip(objects, rows[1:], strict=True):
            fg = status_words.MARKS[row["state"]][1]
            mark, address, status, *rest = texts
            shown = (self.style(mark, fg, bold=True), address, self.style(status, fg), *rest)
            yield "  ".join(shown).rstrip()

    def fleet(self, document: Document, width: int) -> list[Iterable[str]]:
        """Every target; nothing where all are as declared, and that was asked for."""
        if document["command"] == "drift" and document["code"] == 0:
            return []
        cells = [fleet_words.cells(row) for row in document["targets"]]
        heads, *table = fitted([fleet_words.HEADS, *cells], width, fleet_words.NARROWER)
        lost = [own[-1] * (own[-1] != shown[-1]) for own, shown in zip(cells, table, strict=True)]
        return [
            self.targets(document, heads, table),
            *self.reasons(document, lost),
            self.total(document),
        ]

    def targets(
        self, document: Document, heads: Sequence[str], table: Sequence[Sequence[str]]
    ) -> Iterator[str]:
        """One line a target."""
        yield self.style("  ".join(heads).rstrip(), bold=True)
        for row, (mark, *rest) in zip(document["targets"], table, strict=True):
            fg = fleet_words.color(row)
            yield "  ".join((self.style(mark, fg, bold=True), *rest)).rstrip()

    def reasons(self, document: Document, lost: Sequence[str]) -> Iterator[list[str]]:
        """A block for each target that has more to say than its line, or whose message was cut
        there and is not told by what it has to say."""
        for row, message in zip(document["targets"], lost, strict=True):
            texts = [safe(text) for text in row["details"]]
            if message and not any(message in text for text in texts):
                texts = [message, *texts]
            if texts:
                head = self.style(
                    safe(f"{row['target']}: {row['state']}"), fleet_words.color(row), bold=True
                )
                yield [head, *(f"    {text}" for text in texts)]

    def details(self, document: Document) -> Iterator[list[str]]:
        """A block for each object that needs somebody, or that was asked for by its name."""
        for row in document["objects"]:
            if row["state"] == "healthy" and not document["addresses"]:
                continue
            fg = status_words.MARKS[row["state"]][1]
            texts = status_words.details(row, document)
            yield [
                self.style(status_words.headline(row), fg, bold=True),
                *(f"    {word + ':' * bool(word):<10}{text}" for word, text in texts),
            ]

    def blockers(self, document: Document) -> Iterator[str]:
        yield self.style(words.place(document), bold=True)
        for one in document["blockers"]:
            mark, fg = ENDS[one["result"]]
            since = status_words.age(one["created"], document)
            text = f"blocker {one['id']}, for {since}: {one['reason']}"
            yield f"{self.style(f'{mark:>8}', fg, bold=True)}  {safe(document['address'])}"
            yield f"{'':10}{safe(text)}"
            for key, value in one["contexts"].items():
                yield f"{'':10}{safe(key)}: {words.value(value)}"
            if one["message"]:
                yield f"{'':10}{safe(one['message'])}"

    def changes(self, document: Document) -> Iterator[str]:
        yield self.style(words.place(document), bold=True)
        for change in document["changes"]:
            yield ""
            yield self._headline(change)
            width = max((len(safe(field["path"])) for field in change["fields"]), default=0)
            for field in change["fields"]:
                yield f"      {safe(field['path']):<{width}}  {self._difference(change, field)}"

    def _headline(self, change: Document) -> str:
        fg = COLORS[words.shown_action(change)]
        text = (
            f"{self.style(f'{words.symbol(change):>3}', fg, bold=True)} {safe(change['address'])}"
        )
        return f"{text}  {self.style(words.sentence(change), fg)}"

    def _difference(self, change: Document, field: Document) -> str:
        text = words.difference(change, field)
        if not field["forces_replacement"]:
            return text
        values, gap, forced = text.rpartition("  ")
        return values + self.style(gap + forced, "red")

    def unread(self, document: Document) -> Iterator[str]:
        gaps = document["coverage"]["unread"]
        so = ", so this plan cannot be applied" if "purpose" in document else ""
        if document.get("purpose") == "wait":
            so = ", so nothing was waited for"
        if gaps:
            yield self.style(f"Could not be read{so}:", "red", bold=True)
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
            where = f"{refusal['address']}: " if refusal["address"] else ""
            yield safe(f"    {where}{refusal['message']}")

    def worklist(self, document: Document) -> Iterator[str]:
        for number, (heading, tasks) in enumerate(words.worklists(document)):
            if number:
                yield ""
            fg = "red" if heading == words.ERRORS else "yellow"
            yield self.style(f"{heading}:", fg, bold=True)
            yield from self._tasks(tasks)

    def _tasks(self, tasks: Iterable[Document]) -> Iterator[str]:
        for task in tasks:
            yield f"    {safe(task['address'])} is {safe(task['status'])}"
            yield f"        to do:    {safe(task['todo'])}"
            yield f"        where:    {safe(task['link'])}"
            yield f"        id:       {safe(task['id'])}"
            if task["blocks"]:
                yield f"        holds up: {safe(', '.join(task['blocks']))}"

    def awaited(self, document: Document) -> Iterator[str]:
        """One line an object: whether it came, and its status."""
        yield self.style(words.place(document), bold=True)
        yield ""
        width = max(len(safe(one["address"])) for one in document["awaited"])
        for one in document["awaited"]:
            mark, fg = AWAITED[words.awaited_state(one)]
            address = f"{safe(one['address']):<{width}}"
            yield f"{self.style(f'{mark:>8}', fg, bold=True)}  {address}  {words.awaited(one)}"

    def total(self, document: Document) -> Iterator[str]:
        for text in words.result(document):
            yield self.style(text, "red" if text.startswith("Incomplete") else None, bold=True)

    def outcomes(self, document: Document) -> Iterator[str]:
        outcomes: Sequence[Document] = document["outcomes"]
        width = max((len(safe(outcome["address"])) for outcome in outcomes), default=0)
        for outcome in outcomes:
            mark, fg = MARKS[outcome["status"]]
            text = f"  {safe(outcome['message'])}" if outcome["message"] else ""
            address = f"{safe(outcome['address']):<{width}}"
            yield f"{self.style(f'{mark:>8}', fg, bold=True)}  {address}{text}".rstrip()
