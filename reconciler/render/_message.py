"""Makes a message for people who are somewhere else: a drift report and what they know already, or
why there is no report, go in; lines with the news first come out, harmless to show on a terminal or
in a build log."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.findings import Key, counts, key_of
from reconciler.render import _words as words
from reconciler.render._words import Document
from reconciler.safe import safe


@dataclass(frozen=True, slots=True)
class Item:
    """One finding: its lines, the first of which says what it is, and a page of AWS's console."""

    lines: tuple[str, ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message; `subject` is short, `result` a sentence, `news` what changed."""

    subject: str
    result: str
    news: str
    items: tuple[Item, ...]

    def text(self, most: int) -> str:
        """All of it as plain text in so many bytes at most, with a count of what is left out."""
        head = f"{self.result}\n{self.news}\n\n"
        blocks = ["\n".join([*item.lines, *filter(None, [item.link])]) for item in self.items]
        return cut(head, [f"{block}\n" for block in blocks], most)


def cut(head: str, blocks: Collection[str], most: int) -> str:
    """A text in so many bytes at most: what does not fit is left out whole, and counted."""
    room = most - len(head.encode()) - len(_more(len(blocks)).encode())
    kept: list[str] = []
    for block in blocks:
        room -= len(block.encode())
        if room < 0:
            break
        kept.append(block)
    rest = len(blocks) - len(kept)
    return head + "".join(kept) + (_more(rest) if rest else "")


def _more(count: int) -> str:
    return f"and {count} more\n"


def message(document: Document, known: Collection[Key] | None, since: str) -> Message:
    """The message about a drift report for somebody who was told of the findings in `known` at the
    time `since`; None and an empty time are for somebody who was never told of anything."""
    target = document["target"]
    findings = [finding for finding in document["findings"] if counts(finding)]
    keys = {key_of(finding) for finding in findings}
    new = [finding for finding in findings if key_of(finding) not in (known or ())]
    still = [finding for finding in findings if key_of(finding) in (known or ())]
    gone = gone_from(document, known or ())
    told = f"{len(keys - set(known or ()))} new, {len(gone)} gone, "
    told += f"{len(keys & set(known or ()))} still open"
    told = f"Since {since}: {told}." if since else f"{told[0].upper()}{told[1:]}."
    state = "drift" if keys else "as declared"
    state = state if document["coverage"]["complete"] else "not all checked"
    where = safe(f"{target['account']} {target['region']} {document['owner']}")
    items = [_item("new", finding) for finding in new]
    items += [_item("still open", finding) for finding in still]
    items += [Item((f"gone: {_named(key)}",)) for key in gone]
    return Message(f"reconciler: {state}, {where}", words.result(document)[0], told, tuple(items))


def failure(document: Document) -> Message:
    """The message that a look was none."""
    paths = safe(" ".join(document["paths"]))
    return Message(
        f"reconciler: the check itself failed, {paths}",
        f"The check itself failed: {safe(document['reason'])}",
        "Whether live objects differ from the files is not known.",
        (),
    )


def gone_from(document: Document, known: Collection[Key]) -> list[Key]:
    """What is known and not there any more; a look that did not see everything cannot tell."""
    found = {key_of(finding) for finding in document["findings"] if counts(finding)}
    complete = document["coverage"]["complete"]
    over = set(known) - found
    return sorted(key for key in over if complete or key.code == "not_checked")


def _item(mark: str, finding: Document) -> Item:
    key = key_of(finding)
    about = f"{safe(finding['address'])} " if finding["address"] else ""
    head = f"{mark}: {key.code.replace('_', ' ')}: {about}{safe(finding['message'])}"
    return Item((head, *_fields(finding)), words.page(finding["link"] or ""))


def _fields(finding: Document) -> Iterator[str]:
    for field in finding["fields"]:
        live, declared = words.value(field["before"]), words.value(field["after"])
        yield f"    {safe(field['path'])}: {live} (declared: {declared})"


def _named(key: Key) -> str:
    paths = f" ({', '.join(key.fields)})" if key.fields else ""
    return f"{key.code.replace('_', ' ')}: {key.about}{paths}"


def told_document(document: Document, known: Collection[Key] | None) -> dict[str, Any]:
    """The report with the counts of what is new to somebody who knows of `known`."""
    found = {key_of(finding) for finding in document["findings"] if counts(finding)}
    old = set(known or ())
    gone = len(gone_from(document, old))
    return {**document, "news": {"new": len(found - old), "gone": gone, "open": len(found & old)}}
