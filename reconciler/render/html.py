"""Renders a document as one HTML file with nothing to load: what is to be done, a picture of it,
what people have to do. Readable in light and in dark."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec

from reconciler.errors import ReconcilerError
from reconciler.render import _drift as drifts
from reconciler.render import _status as status_words
from reconciler.render import _words as words
from reconciler.render._notes import notes
from reconciler.render._picture import HEIGHT, WIDTH, picture
from reconciler.render._plot import plot
from reconciler.render._words import Document
from reconciler.safe import safe

MOST = 2_000
"""How many notes, tasks and changes are listed: browsers get slow, and nobody reads them."""


def check() -> None:
    """Raise `ReconcilerError` when jinja2 is not installed."""
    if find_spec("jinja2") is None:
        raise ReconcilerError("--output html needs jinja2: pip install 'reconciler[html]'")


def render(document: Document, *, color: bool = False) -> str:
    """The page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["safe_text"] = safe
    source = files("reconciler.render").joinpath("html.jinja").read_text(encoding="utf-8")
    is_drift = document["kind"] == "drift"
    findings, older = drifts.listed(document) if is_drift else ([], 0)
    lists = {
        "notes": [] if is_drift else notes(document),
        "sick": status_words.sick(document) if document["kind"] == "status" else (),
        "objects": document["objects"] if document["kind"] == "status" else (),
        "findings": findings,
        "tasks": document.get("worklist", ()),
        "awaited": document.get("awaited", ()),
        "changes": sorted(
            document.get("changes", ()), key=lambda change: not words.destroys(change)
        ),
    }
    outcomes = {outcome["address"]: outcome for outcome in document.get("outcomes", ())}
    return environment.from_string(source).render(
        document=document,
        result=" ".join(words.result(document)),
        place=words.place(document) if "target" in document else "",
        **{name: every[:MOST] for name, every in lists.items()},
        left_out={name: max(0, len(every) - MOST) for name, every in lists.items()},
        worklists=words.worklists({"worklist": lists["tasks"][:MOST]}),
        outcomes=outcomes,
        older=older,
        history=document.get("history", {"gone": (), "oldest": ()}),
        plot=plot(document) if is_drift else None,
        drifts=drifts,
        picture=picture(document),
        box=(WIDTH, HEIGHT),
        words=words,
        status_words=status_words,
        most=MOST,
    )
