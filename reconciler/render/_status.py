"""The words of a status report: a document and its rows in, unstyled texts on one line out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reconciler.render import _words as words
from reconciler.render._words import Document
from reconciler.safe import safe

MARKS = {
    "blocked": ("BLOCKED", "red"),
    "failing": ("FAILING", "red"),
    "error": ("ERROR", "red"),
    "failed": ("FAILED", "red"),
    "waiting": ("waiting", "yellow"),
    "unread": ("UNREAD", "red"),
    "healthy": ("ok", "green"),
}
"""How each state is shown, and in which color."""
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
NOTHING = "-"
UNKNOWN = "?"


def age(since: str, document: Document) -> str:
    """How long ago something was when the report was made, in its largest unit."""
    if not since:
        return "an unknown time"
    seconds = (_moment(document["time"]) - _moment(since)).total_seconds()
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def cells(row: Document, document: Document) -> tuple[str, str, str, str, str]:
    """One object: its mark, address, status, owner and what else there is to say of it."""
    return (
        MARKS[row["state"]][0],
        safe(row["address"]),
        status(row, document),
        owner(row, document),
        remark(row) or NOTHING,
    )


def owner(row: Document, document: Document) -> str:
    """Whose an object is: nobody's, or not known where the tags that say so could not be read."""
    if row["owner"]:
        return safe(row["owner"])
    told_by = row["sync"]["parent"] if row["sync"] else row["address"]
    unread = document["coverage"]["unread"]
    is_known = not any(gap["address"] == told_by for gap in unread)
    return NOTHING if is_known else UNKNOWN


def sick(document: Document) -> list[Document]:
    """The objects of which more is wrong than that not all could be read."""
    return [row for row in document["objects"] if row["state"] not in ("healthy", "unread")]


def status(row: Document, document: Document) -> str:
    """The status of the handshake, or how the latest sync ended."""
    sync = row["sync"]
    if sync is None:
        return safe(row["status"] or NOTHING)
    if sync["latest"] is not None:
        return safe(f"{sync['latest']['status']} {age(sync['latest']['started'], document)} ago")
    return "not read" if row["unread"] else "never synced"


def remark(row: Document) -> str:
    """The most telling thing that is known of an object besides its status."""
    sync = row["sync"]
    if sync is not None:
        return next(filter(None, _of_sync(sync)))
    if row["message"]:
        return safe(row["message"])
    return ", ".join(map(definition, row["definitions"]))


def _of_sync(sync: Document) -> Iterator[str]:
    yield from (safe(blocker["reason"]) for blocker in active(sync))
    if sync["latest"] is not None:
        yield " ".join([*_commit(sync["latest"]), last_event(sync["latest"])]).strip()
    yield safe(f"branch {sync['branch']}")


def active(sync: Document) -> list[Document]:
    """The blockers that still hold."""
    return [blocker for blocker in sync["blockers"] if blocker["status"] == "ACTIVE"]


def definition(form: Document) -> str:
    """What a branch is synced to."""
    return safe(f"{form['branch']}: {form['directory']} -> {form['target']}")


def last_event(attempt: Document) -> str:
    """What happened last in an attempt."""
    return safe(attempt["events"][-1]["text"]) if attempt["events"] else ""


def attempt(form: Document | None, document: Document) -> str:
    """One attempt in a sentence."""
    if form is None:
        return "never"
    parts = [f"{safe(form['status'])} {age(form['started'], document)} ago", *_commit(form)]
    event = last_event(form)
    return f"{', '.join(parts)}{event and f': {event}'}"


def _commit(attempt: Document) -> list[str]:
    return [safe(attempt["revision"][:12])] if attempt["revision"] else []


def headline(row: Document) -> str:
    """What an object is, or why it needs somebody."""
    state: str = row["state"]
    if row["sync"] is not None:
        text = {
            "blocked": "is blocked",
            "failing": "does not sync",
            "unread": "could not all be read",
        }.get(state, "syncs")
    elif row["status"]:
        text = f"is {row['status']}{', and could not all be read' * bool(row['unread'])}"
    else:
        text = {"unread": "could not all be read"}.get(state, "is there")
    return safe(f"{row['address']} {text}")


def need(row: Document) -> str:
    """Why an object needs somebody, what for, and where."""
    parts = [headline(row), remark(row), safe(row["todo"] or "")]
    link = f" ({safe(row['link'])})" if row["link"] else ""
    return ": ".join(filter(None, parts)) + link


def details(row: Document, document: Document) -> Iterator[tuple[str, str]]:
    """Everything about an object, each with a word for it."""
    yield from _sync_details(row, document) if row["sync"] else ()
    for form in row["definitions"]:
        yield "syncs", definition(form)
    if row["message"] and not row["todo"]:
        yield "message", safe(row["message"])
    if row["unread"]:
        yield "not read", ", ".join(row["unread"])
    if row["todo"]:
        yield "to do", safe(row["todo"])
    if row["link"]:
        yield "where", safe(row["link"])
    if row["id"] != row["address"].partition("/")[2]:
        yield "id", safe(row["id"])


def _sync_details(row: Document, document: Document) -> Iterator[tuple[str, str]]:
    sync = row["sync"]
    for blocker in active(sync):
        since = f"for {age(blocker['created'], document)}"
        yield "blocked", f"{since}: {safe(blocker['reason'])} (blocker {safe(blocker['id'])})"
        for key, value in blocker["contexts"].items():
            yield "", f"{safe(key)}: {words.value(value)}"
    unknown = bool(row["unread"])
    for word, member in (
        ("latest", "latest"),
        ("branch", "latest_of_branch"),
        ("success", "latest_success"),
    ):
        if sync[member] is None and unknown:
            continue
        yield word, attempt(sync[member], document)
    yield "from", safe(f"{sync['parent']}, branch {sync['branch']}")
