"""Renders documents: every module in this folder is one output format with a `render` function
that takes a document (plain data) and gives its text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.findings import Key
    from reconciler.render._message import Message

FORMATS: tuple[str, ...] = tuple(
    sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
)


def summary(document: Mapping[str, Any]) -> str:
    """What the document amounts to, in a sentence or two."""
    from reconciler.render._words import result  # it knows the kinds, which take time to load

    return " ".join(result(document))


def remarks(document: Mapping[str, Any]) -> list[str]:
    """What in the document is wrong or keeps it from being done, a line each, the most important
    first; with its place in the files and where somebody can do something about it."""
    from reconciler.render import _notes, _status  # like the above

    needs = map(_status.need, _status.sick(document)) if document["kind"] == "status" else ()
    return [*needs, *(note.told for note in _notes.notes(document) if note.level != "note")]


def message(document: Mapping[str, Any], known: Collection[Key] | None, since: str) -> Message:
    """A drift report as a message to somebody who was told of the findings in `known` at the time
    `since`, if ever."""
    from reconciler.render import _message  # like the above

    return _message.message(document, known, since)


def failure(document: Mapping[str, Any]) -> Message:
    """The message that a look was none."""
    from reconciler.render import _message  # like the above

    return _message.failure(document)


def told_document(document: Mapping[str, Any], known: Collection[Key] | None) -> dict[str, Any]:
    """A drift report as it is sent to somebody who knows of `known`."""
    from reconciler.render import _message  # like the above

    return _message.told_document(document, known)


def check(format: str) -> None:
    """Raise `ReconcilerError` now when a format could not be rendered later."""
    module = import_module(f"{__name__}.{format}")
    if hasattr(module, "check"):
        module.check()


def only_for(format: str) -> str:
    """The one kind of document that a format is for; empty for one that takes more."""
    return str(getattr(import_module(f"{__name__}.{format}"), "ONLY", ""))


def appended(document: Mapping[str, Any], format: str) -> dict[str, str]:
    """What a format adds to the files that environment variables name, by variable."""
    module = import_module(f"{__name__}.{format}")
    texts: dict[str, str] = module.appended(document) if hasattr(module, "appended") else {}
    return texts


def render(document: Mapping[str, Any], format: str, *, color: bool = False, width: int = 0) -> str:
    """The document in one of `FORMATS`; `color` and `width` (in characters, 0 for any) are for
    terminals, and only `text` knows them."""
    more = {"width": width} if format == "text" else {}
    text: str = import_module(f"{__name__}.{format}").render(document, color=color, **more)
    return text
