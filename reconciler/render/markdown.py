"""Renders a document as GitHub Flavored Markdown for a comment on a pull request: the result, what
needs a person, a table, and the details folded away. What there is no room for is counted.

Whatever comes from files or from AWS stands inside of code, where nothing is markup, a link or a
mention (https://github.github.com/gfm/#code-spans). The only links lead to AWS's console.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reconciler.render import _drift as drifts
from reconciler.render import _status as status_words
from reconciler.render import _words as words
from reconciler.render._fleet import cells as fleet_cells
from reconciler.render._notes import Note, notes
from reconciler.render._words import Document
from reconciler.safe import safe

BUDGET = 60_000
"""How many characters a comment may have; GitHub takes 65,536 and GitLab 1,000,000."""
ICONS = {"error": ":x:", "warning": ":warning:", "note": ":information_source:"}
FOLLOWED = ("outcomes", "changes", "objects", "awaited")
"""The members of a document of which a table is made."""
BAR = r"\|"


def render(document: Document, *, color: bool = False) -> str:
    """The document in `BUDGET` characters."""
    return within(document, BUDGET)


def within(document: Document, budget: int) -> str:
    """The document in so many bytes at most."""
    page = _Page(budget)
    page.add(f"### {' '.join(words.result(document))}\n\n")
    if document["kind"] == "fleet":
        heads = ("", "target", "account", "Region", "")
        page.table(heads, map(_target, _failed_first(document["targets"])))
        page.folded("Details", map(_reasons, filter(_has_reasons, document["targets"])))
        return page.text
    if document["kind"] not in ("problems", "drift"):  # whose result says it
        page.add(f"{_code(words.place(document))}\n\n")
    if document["kind"] == "drift":
        _drift(page, document)
        return page.text
    is_followed = any(document.get(name) for name in FOLLOWED)
    add = page.half if is_followed else page.rows
    add(_notes(document), "more to look at")
    page.add("\n")
    if document.get("outcomes"):
        page.table(("", "object", "outcome"), map(_outcome, _worst_first(document["outcomes"])))
    elif document.get("awaited"):
        page.table(("", "waited for", "status"), map(_awaited, document["awaited"]))
    elif document.get("changes"):
        changes = sorted(document["changes"], key=lambda change: not words.destroys(change))
        page.table(("", "object", "what is done"), map(_row, changes))
        page.folded("Details", map(_details, changes))
    elif document["kind"] == "status":
        heads = ("", "object", "status", "owner", "")
        page.table(heads, (_status(row, document) for row in document["objects"]))
    if fingerprint := document.get("fingerprint"):
        page.add(f"\nFingerprint of this plan: {_code(fingerprint)}\n")
    return page.text


class _Page:
    """Text with a limit. What does not fit is left out and counted, and there is always room left
    to say so and to end what was begun."""

    RESERVE = 400

    def __init__(self, budget: int) -> None:
        self.text = ""
        self.left = budget - self.RESERVE

    def add(self, text: str) -> None:
        """Add what always fits."""
        self.text += text
        self.left -= len(text.encode())

    def rows(self, rows: Iterable[str], rest: str) -> None:
        """Add as many as fit, and how many did not."""
        cut = 0
        for row in rows:
            if cut or len(row.encode()) > self.left:
                cut += 1
            else:
                self.add(row)
        if cut:
            self.text += f"\n*{cut} {rest}: there is no room for them here.*\n"

    def half(self, rows: Iterable[str], rest: str) -> None:
        """Add rows; half of what is left stays for what comes after them."""
        kept, self.left = self.left // 2, self.left - self.left // 2
        self.rows(rows, rest)
        self.left += kept

    def table(self, heads: Sequence[str], rows: Iterable[str]) -> None:
        """Add a table in half of what is left."""
        self.add(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n")
        self.half(rows, "more")

    def folded(self, title: str, blocks: Iterable[str]) -> None:
        """Add blocks that are shown on a click."""
        self.add(f"\n<details><summary>{title}</summary>\n\n")
        self.rows(blocks, "more in detail")
        self.add("\n</details>\n")


def _notes(document: Document) -> Iterator[str]:
    yield from map(_note, notes(document))
    for row in status_words.sick(document) if document["kind"] == "status" else ():
        icon = ICONS["warning" if row["state"] == "waiting" else "error"]
        link = f" [Open the console]({page})" if (page := words.page(row["link"] or "")) else ""
        more = (
            f"  - {word or 'also'}: {_code(text)}\n"
            for word, text in status_words.details(row, document)
        )
        yield f"- {icon} {_code(status_words.headline(row))}{link}\n{''.join(more)}"


def _note(note: Note) -> str:
    place = f" {_code(f'{note.file}:{note.line}')}" if note.file else ""
    link = f" [Open the console]({page})" if (page := words.page(note.link)) else ""
    return f"- {ICONS[note.level]}{place} {_code(note.message)}{link}\n"


def _drift(page: _Page, document: Document) -> None:
    """Findings, what is over, and how many are not listed because they are older."""
    findings, count = drifts.listed(document)
    history = document.get("history", {"gone": ()})
    if count:
        page.add(f"*{drifts.older(count, history['since'])}*\n\n")
    noted = zip(notes({**document, "findings": findings}), _sorted(findings), strict=True)
    page.rows((_note(note) + _more_of(finding) for note, finding in noted), "more findings")
    gone = [f"- :white_check_mark: gone: {_code(drifts.past(one))}\n" for one in history["gone"]]
    page.rows(gone, "more that are gone")


def _sorted(findings: Iterable[Document]) -> list[Document]:
    """In the order of their notes."""
    return sorted(findings, key=lambda one: ("error", "warning", "info").index(one["level"]))


def _more_of(finding: Document) -> str:
    lines = [
        f"  - {_code(field['path'])}: {_code(words.value(field['before']))} "
        f"(declared: {_code(words.value(field['after']))})\n"
        for field in finding["fields"]
    ]
    seen = drifts.seen(finding)
    return "".join([*lines, f"  - {seen}\n" if seen else ""])


def _worst_first(outcomes: Sequence[Document]) -> list[Document]:
    return sorted(outcomes, key=lambda outcome: outcome["status"] in ("applied", "deferred"))


def _outcome(outcome: Document) -> str:
    text = f"{outcome['status']} {_code(outcome['message'])}" if outcome["message"] else ""
    mark = {"applied": "", "deferred": "#", "skipped": "#"}.get(outcome["status"], ":x:")
    return _cells(mark, _code(outcome["address"]), text or outcome["status"])


def _awaited(one: Document) -> str:
    mark = {"ready": "", "waiting": "#"}.get(words.awaited_state(one), ":x:")
    return _cells(mark, _code(one["address"]), _code(words.awaited(one)))


def _row(change: Document) -> str:
    mark = f"**`{words.symbol(change)}`**"
    return _cells(mark, _code(change["address"]), _code(words.sentence(change)))


def _failed_first(rows: Sequence[Document]) -> list[Document]:
    return sorted(rows, key=lambda row: row["code"] == 0)


def _target(row: Document) -> str:
    state, *texts = fleet_cells(row)
    return _cells(state, *map(_code, texts[:3]), texts[3] and _code(texts[3]))


def _has_reasons(row: Document) -> bool:
    return bool(row["details"])


def _reasons(row: Document) -> str:
    lines = "".join(f"- {_code(text)}\n" for text in row["details"])
    return f"{_code(row['target'])}: {row['state']}\n\n{lines}\n"


def _status(row: Document, document: Document) -> str:
    mark, *texts = status_words.cells(row, document)
    return _cells(f"**{mark}**" if mark.isupper() else mark, *map(_code, texts))


def _cells(*cells: str) -> str:
    """A row of a table; a bar would end its cell even inside of code."""
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |\n"


def _details(change: Document) -> str:
    """One change as a diff, which is colored."""
    mark = words.symbol(change).replace("-/+", "!").replace("~", "!").replace("#", " ")
    lines = [f"{mark} {safe(change['address'])}  {words.sentence(change)}"]
    lines += [
        f"      {safe(field['path'])}: {words.difference(change, field)}"
        for field in change["fields"]
    ]
    text = "\n".join(lines)
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}diff\n{text}\n{fence}\n"


def _code(text: str) -> str:
    """A text as code that ends where it should."""
    text = safe(text)
    ticks = "`" * (1 + _longest_run(text))
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
